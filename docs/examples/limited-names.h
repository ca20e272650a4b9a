/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIMITED_NAMES_H
#define LIMITED_NAMES_H
/* Paths of real files, gathered beforehand and in the plain way, which blocks. */
#include <stddef.h>
#include <stdint.h>

struct names {
	char **paths; /* array [count] */
	size_t count;
	uint64_t unreadable; /* folders that could not be read */
};

/*
 * Gather up to @most paths, 1 or more, of the tree under a folder: entries of every type, the
 * folder itself first; links are not followed. 0, or a negative errno: no memory, or the folder is
 * not there.
 */
int names_gather(struct names *names, const char *folder, size_t most);

/* The path at @index; beyond the last they begin anew. */
const char *names_at(const struct names *names, size_t index);

void names_free(struct names *names);

#endif
