/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HTTPD_DATE_H
#define HTTPD_DATE_H
/* Dates, as HTTP and logs write them. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { DATE_BYTES = 40 };

/* What time it is, to the second. Zero at first. */
struct date {
	time_t second;
	char http[DATE_BYTES]; /* Sun, 06 Nov 1994 08:49:37 GMT */
	char log[DATE_BYTES];  /* 06/Nov/1994:08:49:37 +0000 */
};

/* Have it say what time it is now. Cheap unless a second has passed. */
void date_refresh(struct date *date);

/* As in @date->http. */
void date_write(time_t second, char text[DATE_BYTES]);

/* Read one of the three forms that HTTP has; false if it is none, and *@ret is untouched. */
bool date_read(const char *text, time_t *ret);

/* Nanoseconds as files have them, to whole seconds, downward. */
time_t date_second(int64_t time_ns);

#endif
