/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watches of descriptors.
 *
 * Called on the loop's thread only: added by ferry_loop_watch_fd(), dispatched by a
 * turn of the loop. Invariant: epoll is armed for at least what somebody waits for. A
 * descriptor that was closed and opened again as another file is noticed, because
 * epoll then no longer knows it, and each registration bears a number of its own.
 */
#include "loop/watches.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "base/sys.h"

struct watch {
	struct cds_list_head watchers;
	uint32_t registration; /* tells events of this registration from older ones */
	bool registered;
};

static struct watch *find_or_new(struct watches *watches, int fd)
{
	struct watch *watch;

	if (fd >= watches->room) {
		int room = fd < INT_MAX / 2 ? (fd + 1) * 2 : INT_MAX;
		struct watch **table = memory_new_zeroed((size_t)room * sizeof(*table));

		if (!table)
			return NULL;
		if (watches->room)
			memcpy(table, watches->table, (size_t)watches->room * sizeof(*table));
		memory_free(watches->table);
		watches->table = table;
		watches->room = room;
	}
	watch = watches->table[fd];
	if (!watch) {
		watch = memory_new_zeroed(sizeof(*watch));
		if (!watch)
			return NULL;
		CDS_INIT_LIST_HEAD(&watch->watchers);
		watches->table[fd] = watch;
	}
	return watch;
}

static uint32_t wanted(struct watch *watch)
{
	struct watcher *watcher;
	uint32_t events = 0;

	cds_list_for_each_entry(watcher, &watch->watchers, link)
		events |= watcher->events;
	return events;
}

/* Arms epoll for so much: 0 or a negative errno. */
static int arm(struct watch *watch, int epoll, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events | EPOLLONESHOT };
	int error;

	if (watch->registered) {
		event.data.u64 = (uint64_t)watch->registration << 32 | (uint32_t)fd;
		error = sys_epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
		/* ENOENT: the descriptor was closed, and is another file now. */
		if (error != -ENOENT)
			return error;
		watch->registered = false;
	}
	watch->registration++;
	event.data.u64 = (uint64_t)watch->registration << 32 | (uint32_t)fd;
	error = sys_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	/* EEXIST: it could not be taken out when the last watch ended. */
	if (error == -EEXIST)
		error = sys_epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
	watch->registered = !error;
	return error;
}

/* Is it a descriptor that epoll takes? Asked before the table grows to its number. */
static int check_new(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLONESHOT };
	int error = sys_epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);

	return error == -ENOENT ? 0 : error;
}

int watch_add(struct watches *watches, int epoll, struct watcher *watcher)
{
	struct watch *watch;
	int error = watcher->fd < watches->room ? 0 : check_new(epoll, watcher->fd);

	if (error)
		return error;
	watch = find_or_new(watches, watcher->fd);
	if (!watch)
		return -ENOMEM;
	error = arm(watch, epoll, watcher->fd, wanted(watch) | watcher->events);
	if (error)
		return error;
	cds_list_add_tail(&watcher->link, &watch->watchers);
	watches->count++;
	return 0;
}

void watch_remove(struct watches *watches, int epoll, struct watcher *watcher)
{
	struct watch *watch = watches->table[watcher->fd];

	cds_list_del(&watcher->link);
	watches->count--;
	if (!cds_list_empty(&watch->watchers))
		return; /* armed for too much at worst: an event then concerns nobody */
	/* So that the caller may close it without a trace; it may have done so already. */
	if (watch->registered)
		sys_epoll_ctl(epoll, EPOLL_CTL_DEL, watcher->fd, NULL);
	watch->registered = false;
}

/* Hang-up and failure concern everybody: their read or write would not block. */
static uint32_t concerns(const struct watcher *watcher, uint32_t events)
{
	if (events & (EPOLLHUP | EPOLLERR))
		return watcher->events | (events & (EPOLLHUP | EPOLLERR));
	return watcher->events & events;
}

void watch_dispatch(struct watches *watches, int epoll, const struct epoll_event *event)
{
	int fd = (int)(uint32_t)event->data.u64;
	struct watch *watch = fd < watches->room ? watches->table[fd] : NULL;
	struct watcher *watcher, *next;

	if (!watch || watch->registration != event->data.u64 >> 32)
		return;
	cds_list_for_each_entry_safe(watcher, next, &watch->watchers, link) {
		uint32_t events = concerns(watcher, event->events);

		if (!events)
			continue;
		cds_list_del(&watcher->link);
		watches->count--;
		/* Completes a local, which calls nobody: the list stays as it is. */
		watcher->ready(watcher, events);
	}
	/* One-shot: those who are left need it armed again. If that fails the descriptor
	 * is gone, and they are told so as a failure. */
	if (!cds_list_empty(&watch->watchers) && arm(watch, epoll, fd, wanted(watch)) < 0)
		cds_list_for_each_entry_safe(watcher, next, &watch->watchers, link) {
			cds_list_del(&watcher->link);
			watches->count--;
			watcher->ready(watcher, EPOLLERR);
		}
}

void watches_free(struct watches *watches)
{
	for (int fd = 0; fd < watches->room; fd++)
		memory_free(watches->table[fd]);
	memory_free(watches->table);
	memset(watches, 0, sizeof(*watches));
}
