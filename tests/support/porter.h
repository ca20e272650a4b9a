/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_PORTER_H
#define SUPPORT_PORTER_H
/*
 * A porter: whoever opens a file waits until he is let in. So do watchers that look for viruses
 * (fanotify), however well the file is cached.
 *
 *   struct porter porter;
 *   if (!porter_begin(&porter, path, false)) ... skip: no right to watch ...
 *   ... another thread opens the file ...
 *   porter_await(&porter, 1);      returns when one waits
 *   porter_let(&porter);           those who wait go in, and all who come later
 *   porter_refuse(&porter);        or: they get EPERM
 *   porter_close(&porter);         back to keeping them waiting
 *   porter_end(&porter);           lets in who waits
 *
 * With whole_mount he stands before each file of the mount that the path lies on: for mounts of the
 * test's own (mounts.h), since everybody waits, the test included. An open with O_PATH does not.
 * Descriptors that others have are left alone, and if the test is killed all are let in.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <unistd.h>

#define PORTER_MOST 256 /* who wait at one time */

enum porter_answer { PORTER_NONE, PORTER_LET, PORTER_REFUSE };

struct porter {
	int events, end;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	enum porter_answer answer;
	unsigned come, waiting;
	int waits[PORTER_MOST];
};

__attribute__((noreturn)) static inline void porter_die(const char *what)
{
	perror(what);
	abort();
}

/* With the mutex held. */
static inline void porter_answer_one(struct porter *porter, int opened)
{
	struct fanotify_response response = {
		.fd = opened,
		.response = porter->answer == PORTER_REFUSE ? FAN_DENY : FAN_ALLOW,
	};

	if (write(porter->events, &response, sizeof(response)) != sizeof(response))
		porter_die("porter: no answer");
	close(opened);
}

static inline void porter_receive(struct porter *porter)
{
	struct fanotify_event_metadata event;

	if (read(porter->events, &event, sizeof(event)) != sizeof(event))
		porter_die("porter: no event");
	pthread_mutex_lock(&porter->mutex);
	porter->come++;
	if (porter->answer == PORTER_NONE && porter->waiting < PORTER_MOST)
		porter->waits[porter->waiting++] = event.fd;
	else
		porter_answer_one(porter, event.fd);
	pthread_cond_broadcast(&porter->changed);
	pthread_mutex_unlock(&porter->mutex);
}

static inline void *porter_main(void *given)
{
	struct porter *porter = given;
	struct pollfd either[2] = { { .fd = porter->end, .events = POLLIN },
				    { .fd = porter->events, .events = POLLIN } };

	/* What has come before the end is answered. */
	for (;;) {
		if (poll(either, 2, -1) < 0 && errno != EINTR)
			porter_die("porter: poll");
		if (either[1].revents)
			porter_receive(porter);
		else if (either[0].revents)
			return NULL;
	}
}

/* False if that is not allowed here, or cannot be done to such a file. */
static inline bool porter_begin(struct porter *porter, const char *path, bool whole_mount)
{
	unsigned flags = FAN_MARK_ADD | (whole_mount ? FAN_MARK_MOUNT : 0);

	*porter = (struct porter){ .end = -1 };
	porter->events = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC,
				       O_RDONLY | O_CLOEXEC | O_LARGEFILE);
	if (porter->events < 0)
		return false;
	if (fanotify_mark(porter->events, flags, FAN_OPEN_PERM, AT_FDCWD, path)) {
		close(porter->events);
		return false;
	}
	pthread_mutex_init(&porter->mutex, NULL);
	pthread_cond_init(&porter->changed, NULL);
	porter->end = eventfd(0, EFD_CLOEXEC);
	if (porter->end < 0 || pthread_create(&porter->thread, NULL, porter_main, porter))
		porter_die("porter: no thread");
	return true;
}

static inline void porter_tell(struct porter *porter, enum porter_answer answer)
{
	pthread_mutex_lock(&porter->mutex);
	porter->answer = answer;
	while (answer != PORTER_NONE && porter->waiting)
		porter_answer_one(porter, porter->waits[--porter->waiting]);
	pthread_cond_broadcast(&porter->changed);
	pthread_mutex_unlock(&porter->mutex);
}

static inline void porter_let(struct porter *porter)
{
	porter_tell(porter, PORTER_LET);
}

static inline void porter_refuse(struct porter *porter)
{
	porter_tell(porter, PORTER_REFUSE);
}

static inline void porter_close(struct porter *porter)
{
	porter_tell(porter, PORTER_NONE);
}

/* Returns when at least so many wait. */
static inline void porter_await(struct porter *porter, unsigned count)
{
	pthread_mutex_lock(&porter->mutex);
	while (porter->waiting < count)
		pthread_cond_wait(&porter->changed, &porter->mutex);
	pthread_mutex_unlock(&porter->mutex);
}

/* How many have come since the beginning, let in or not. */
static inline unsigned porter_come(struct porter *porter)
{
	unsigned come;

	pthread_mutex_lock(&porter->mutex);
	come = porter->come;
	pthread_mutex_unlock(&porter->mutex);
	return come;
}

static inline void porter_end(struct porter *porter)
{
	porter_let(porter);
	if (eventfd_write(porter->end, 1))
		porter_die("porter: no end");
	pthread_join(porter->thread, NULL);
	close(porter->end);
	close(porter->events);
	pthread_cond_destroy(&porter->changed);
	pthread_mutex_destroy(&porter->mutex);
}

#endif
