/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_WATCHER_H
#define SUPPORT_WATCHER_H
/*
 * A waiter that writes down how often, when, by whom it was notified, and what it saw.
 *
 *   struct watcher watcher;
 *   watcher_init(&watcher, future);
 *   ferry_future_attach(future, &watcher.waiter);
 *   ...                                 read it when the completer is through
 */
#include <ferry/future.h>
#include <pthread.h>

struct watcher {
	ferry_waiter waiter; /* first: notify gets it back */
	ferry_future *future;
	int notified;
	int place; /* 1: the first of this thread's notifications since the program began */
	pthread_t by;
	ferry_snapshot seen; /* from within notify */
};

/* Of each completing thread: those of one future all come on one thread. */
static __thread int watcher_places;

static inline void watcher_notify(ferry_waiter *waiter)
{
	struct watcher *watcher = (struct watcher *)waiter;

	watcher->notified++;
	watcher->place = ++watcher_places;
	watcher->by = pthread_self();
	watcher->seen = ferry_future_snapshot(watcher->future);
	/* The node is ours again: whoever follows its link from here on crashes. */
	waiter->next = (ferry_waiter *)sizeof(ferry_waiter);
}

static inline void watcher_init(struct watcher *watcher, ferry_future *future)
{
	*watcher = (struct watcher){ .waiter = { NULL, watcher_notify }, .future = future };
}

#endif
