/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log. Lines are written into memory as requests end, and from there into the file by a job of
 * the pool: many lines by one job, and one job at a time, so that they stay in order. Meanwhile new
 * lines gather in a second block of memory; when that is full they are dropped, so that a disk that
 * stands still stops neither the server nor fills its memory.
 */
#include "httpd-log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BLOCK_BYTES = 1 << 20,
	ENOUGH_BYTES = 32 << 10, /* worth a job */
	TARGET_MOST = 2048,      /* bytes of a target that are told */
	LINE_MOST = 4 * TARGET_MOST + 512,
	LINGER_MS = 100
};

/* ---- the job ---- */

static int file_open(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

/* If it cannot be opened what is open serves on. */
static void write_reopen(struct log_write *write)
{
	int fd = file_open(write->path);

	if (fd < 0) {
		write->error = errno;
		return;
	}
	close(write->fd);
	write->fd = fd;
}

/* Runs on a worker. */
static int log_job(void *arg, ferry_result *out)
{
	struct log_write *job = arg;
	size_t done = 0;

	(void)out;
	job->error = 0;
	if (job->reopens)
		write_reopen(job);
	while (done < job->length) {
		ssize_t count = write(job->fd, job->text + done, job->length - done);

		if (count >= 0)
			done += (size_t)count;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static void log_tell(const struct log *log, int error)
{
	fprintf(stderr, "httpd: %s: %s\n", log->write.path, strerror(error));
}

/* Called by the loop. */
static void log_was_written(ferry_local *job, void *user)
{
	struct log *log = user;
	int error = ferry_error_errno(ferry_local_snapshot(job).exception);

	log->job = ferry_local_unref(log->job);
	if (error)
		log->dropped += log->writing;
	else
		log->written += log->writing;
	log->writing = 0;
	if (error || log->write.error)
		log_tell(log, error ? error : log->write.error);
	/* Those whose time came while the job was under way go now. */
	if (log->length >= ENOUGH_BYTES || log->reopens ||
	    !event_pending(log->linger, EV_TIMEOUT, NULL))
		log_flush(log);
}

void log_flush(struct log *log)
{
	char *free_text = log->write.text;

	if (!log->linger || log->job || (log->length == 0 && !log->reopens))
		return;
	event_del(log->linger);
	log->write.text = log->text;
	log->write.length = log->length;
	log->write.reopens = log->reopens;
	log->writing = log->waiting;
	log->text = free_text;
	log->length = 0;
	log->waiting = 0;
	log->reopens = false;
	log->job = ferry_offload(log->loop, log->pool, log_job, &log->write, NULL);
	/* The first callback of a local needs no memory. */
	if (log->job && ferry_local_add_done_callback(log->job, log_was_written, log) == 0)
		return;
	log_tell(log, errno);
	log->dropped += log->writing;
	log->writing = 0;
}

void log_reopen(struct log *log)
{
	log->reopens = true;
	log_flush(log);
}

bool log_is_busy(const struct log *log)
{
	return log->job || log->length > 0;
}

/* ---- lines ---- */

/* What stands in quotes: nothing that ends them, or that a terminal obeys. */
static char *target_write(char *to, const char *target)
{
	for (size_t i = 0; target[i] && i < TARGET_MOST; i++) {
		unsigned char byte = (unsigned char)target[i];

		if (byte < ' ' || byte > '~' || byte == '"' || byte == '\\')
			to += sprintf(to, "\\x%02x", byte);
		else
			*to++ = (char)byte;
	}
	return to;
}

static size_t line_write(char *line, const struct log_entry *entry)
{
	char *to = line;

	to += sprintf(to, "%.64s - - [%s] \"%s ", entry->peer, entry->date, entry->method);
	to = target_write(to, entry->target);
	to += sprintf(to, " HTTP/%d.%d\" %d ", entry->major, entry->minor, entry->status);
	to += entry->bytes > 0 ? sprintf(to, "%" PRIu64 "\n", entry->bytes) : sprintf(to, "-\n");
	return (size_t)(to - line);
}

void log_add(struct log *log, const struct log_entry *entry)
{
	static const struct timeval linger = { 0, LINGER_MS * 1000 };

	if (!log->linger)
		return;
	if (log->length + LINE_MOST > BLOCK_BYTES) {
		log->dropped++;
		return;
	}
	if (log->length == 0)
		event_add(log->linger, &linger);
	log->length += line_write(log->text + log->length, entry);
	log->waiting++;
	if (log->length >= ENOUGH_BYTES)
		log_flush(log);
}

/* ---- life ---- */

/* Called by libevent. */
static void log_has_lingered(evutil_socket_t fd, short what, void *user)
{
	(void)fd, (void)what;
	log_flush(user);
}

int log_begin(struct log *log, const char *path, struct event_base *base)
{
	if (!path)
		return 0;
	log->write.fd = file_open(path);
	if (log->write.fd < 0)
		return -errno;
	log->write.path = path;
	log->text = malloc(BLOCK_BYTES);
	log->write.text = malloc(BLOCK_BYTES);
	log->linger = evtimer_new(base, log_has_lingered, log);
	if (log->text && log->write.text && log->linger)
		return 0;
	log_end(log);
	return -ENOMEM;
}

void log_end(struct log *log)
{
	if (log->linger)
		event_free(log->linger);
	log->linger = NULL;
	free(log->text);
	log->text = NULL;
	log->dropped += log->waiting + log->writing;
	log->waiting = log->writing = 0;
	if (log->job || !log->write.path)
		return;
	free(log->write.text);
	log->write.text = NULL;
	log->write.path = NULL;
	close(log->write.fd);
}
