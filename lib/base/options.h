/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H
/*
 * Options structs that can grow.
 *
 * Each begins with its size as the caller was compiled. A shorter one is completed
 * with zeros, which mean the defaults; a longer one is accepted only if what this
 * library does not know is zero.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

/* No options of ours will ever be that long: a larger size is garbage, not to be read by. */
#define OPTIONS_MOST 4096
#define OPTIONS_USUAL 64

/* Copies @given over @ours: 0, -EINVAL (no size) or -E2BIG. NULL gives all zeros. */
static inline int options_read(void *ours, size_t our_size, const void *given)
{
	size_t size = 0;

	if (given)
		memcpy(&size, given, sizeof(size));
	/* Nearly always: a copy of a size that the compiler knows. */
	if (size == our_size) {
		memcpy(ours, given, our_size);
		return 0;
	}
	/* In two: of a longer one gcc makes a rep stos, which takes long to begin. */
	memset(ours, 0, our_size < OPTIONS_USUAL ? our_size : OPTIONS_USUAL);
	if (our_size > OPTIONS_USUAL)
		memset((char *)ours + OPTIONS_USUAL, 0, our_size - OPTIONS_USUAL);
	if (!given)
		return 0;
	if (size < sizeof(size))
		return -EINVAL;
	if (size > OPTIONS_MOST)
		return -E2BIG;
	for (size_t i = our_size; i < size; i++)
		if (((const char *)given)[i])
			return -E2BIG;
	memcpy(ours, given, size < our_size ? size : our_size);
	return 0;
}

/* A copy that is cut to fit and always ends. */
static inline void name_copy(char *to, size_t room, const char *from)
{
	size_t length = 0;

	while (length < room - 1 && from[length])
		length++;
	memcpy(to, from, length);
	to[length] = 0;
}

#endif
