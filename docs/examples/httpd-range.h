/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HTTPD_RANGE_H
#define HTTPD_RANGE_H
/* The part of a file that is asked for (RFC 9110, 14). */
#include <stdbool.h>
#include <stdint.h>

struct range {
	uint64_t first, length;
};

/*
 * Read a Range header for a file of @size bytes. 206: *@ret is set; 416: it has none of these; 200:
 * the header is to be ignored, since it is no range of bytes, or several.
 */
int range_read(const char *header, uint64_t size, struct range *ret);

#endif
