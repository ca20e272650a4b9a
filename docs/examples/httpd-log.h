/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HTTPD_LOG_H
#define HTTPD_LOG_H
/* The access log: a line for each request, in the Common Log Format, written by a worker. */
#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>
#include <ferry/bridge.h>

/* What a line tells. */
struct log_entry {
	const char *peer, *method, *target, *date;
	int major, minor; /* of the protocol's version */
	int status;
	uint64_t bytes;   /* of the body, that were sent */
};

/* A job's: the worker has it while one is under way, else the loop's thread. */
struct log_write {
	const char *path;
	int fd;
	bool reopens;
	char *text;
	size_t length;
	int error;        /* that it met: a positive errno, or 0 */
};

struct log {
	ferry_loop *loop;
	ferry_pool *pool;
	struct log_write write;
	ferry_local *job;     /* NULL: none is under way */
	char *text;           /* of lines that wait for the next */
	size_t length;
	uint64_t waiting, writing; /* lines, here and in the job */
	struct event *linger; /* comes when lines have waited long enough for others */
	bool reopens;
	uint64_t written, dropped; /* lines: that went to the file; that nobody will see */
};

/* Open it. @path NULL: nothing is logged. 0 or a negative errno. */
int log_begin(struct log *log, const char *path, struct event_base *base);
/* Free what no job has: all of it, if none is under way. The loop is freed, the pool shut. */
void log_end(struct log *log);

/* Never waits. If the file is too slow for what comes, lines are dropped and counted. */
void log_add(struct log *log, const struct log_entry *entry);
/* Write what waits now, by the next job. */
void log_flush(struct log *log);
/* And open the file anew before that: somebody has moved it. */
void log_reopen(struct log *log);
/* Is there anything that is not in the file yet? */
bool log_is_busy(const struct log *log);

#endif
