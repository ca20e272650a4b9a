/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HTTPD_CONDITION_H
#define HTTPD_CONDITION_H
/* What tells two states of a file apart, and what a request makes depend on it (RFC 9110, 13). */
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct evkeyvalq;

/* The state that a file is in: a strong tag, and a date. */
struct validator {
	char tag[56]; /* of its inode, its size and when it was written, to the nanosecond */
	time_t modified;
};

/* A date that has not come yet is taken for @now. */
void validator_make(struct validator *validator, uint64_t inode, uint64_t size,
		    int64_t modified_ns, time_t now);

/* The status that the conditions of a GET or HEAD lead to: 200, 304 or 412. */
int condition_judge(const struct evkeyvalq *headers, const struct validator *validator);

/* Is an If-Range met, so that the range counts? */
bool condition_allows_range(const char *if_range, const struct validator *validator, time_t now);

#endif
