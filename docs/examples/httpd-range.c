/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ranges. One is served: who asks for several gets the whole file, as RFC 9110, 14.2 allows, and
 * nobody can have many small parts of one file put together here.
 */
#include "httpd-range.h"

#include <string.h>
#include <strings.h>

/* A number of digits alone; one that is too large is UINT64_MAX. Moves *@text behind it; false if
 * there is no digit. */
static bool digits_read(const char **text, uint64_t *ret)
{
	const char *at = *text;
	uint64_t value = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (value > (UINT64_MAX - 9) / 10)
			value = UINT64_MAX;
		else
			value = value * 10 + (uint64_t)(*at - '0');
	}
	if (at == *text)
		return false;
	*text = at;
	*ret = value;
	return true;
}

/* The last so many bytes. */
static int suffix_judge(uint64_t length, uint64_t size, struct range *ret)
{
	if (length == 0 || size == 0)
		return 416;
	ret->length = length < size ? length : size;
	ret->first = size - ret->length;
	return 206;
}

static int range_judge(uint64_t first, uint64_t last, uint64_t size, struct range *ret)
{
	if (last < first)
		return 200;
	if (first >= size)
		return 416;
	ret->first = first;
	ret->length = (last < size ? last : size - 1) - first + 1;
	return 206;
}

int range_read(const char *header, uint64_t size, struct range *ret)
{
	static const char unit[] = "bytes=";
	uint64_t first = 0, last = UINT64_MAX;
	bool has_first, has_last;
	const char *at = header;

	if (strncasecmp(at, unit, strlen(unit)) != 0)
		return 200;
	at += strlen(unit);
	at += strspn(at, " \t");
	has_first = digits_read(&at, &first);
	if (*at++ != '-')
		return 200;
	has_last = digits_read(&at, &last);
	at += strspn(at, " \t");
	if (*at || (!has_first && !has_last))
		return 200;
	return has_first ? range_judge(first, last, size, ret) : suffix_judge(last, size, ret);
}
