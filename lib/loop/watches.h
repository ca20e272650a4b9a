/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LOOP_WATCHES_H
#define LOOP_WATCHES_H
/*
 * Readiness of descriptors: who waits for which one, and what epoll knows of it.
 *
 * epoll takes one registration per descriptor, so those who wait for the same one
 * share it. Registrations are one-shot: after an event nothing is reported until
 * somebody waits again, and a descriptor that nobody waits for costs no system call.
 */
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct epoll_event;

/* One who waits; lies in what it belongs to. */
struct watcher {
	struct cds_list_head link;
	int fd;
	uint32_t events; /* EPOLLIN, EPOLLOUT */
	/* Called once, unlinked, with the events that came. */
	void (*ready)(struct watcher *watcher, uint32_t events);
};

struct watch;

struct watches {
	struct watch **table; /* array [room], by descriptor; NULL: never watched */
	int room;
	size_t count; /* watchers in all */
};

/* 0, -ENOMEM or what epoll_ctl says, and then nothing changed. */
int watch_add(struct watches *watches, int epoll, struct watcher *watcher);
void watch_remove(struct watches *watches, int epoll, struct watcher *watcher);
/* One event of epoll: calls those it concerns. */
void watch_dispatch(struct watches *watches, int epoll, const struct epoll_event *event);
void watches_free(struct watches *watches);

/* What epoll gives back for the loop's own bell. */
#define WATCH_BELL UINT64_MAX

#endif
