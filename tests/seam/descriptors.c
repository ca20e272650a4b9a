/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Eventfds and epolls of a model, as far as the library uses them: an eventfd is written,
 * never read, and is edge-triggered in one epoll.
 *
 * Called by the library and by scenes that are a loop's host. Numbers are never used twice
 * in a run, so a touch of a closed one is noticed. No ordering comes from them, just as the
 * library says that it takes none.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "base/seam.h"
#include "seam/machine.h"
#include "seam/scheduler.h"

#define FIRST 1000000 /* far from any real descriptor */
#define MOST 16

struct descriptor {
	enum { CLOSED, EVENTFD, EPOLL } kind;
	uint64_t counter;         /* of an eventfd */
	struct descriptor *epoll; /* what it is registered in; NULL: nowhere */
	uint64_t data;
	bool pending;             /* an edge that the epoll has not given out */
};

static struct descriptor all[MOST];
static unsigned used, open_count, failing, writes;
static int failure;

void descriptors_reset(void)
{
	used = open_count = failing = writes = 0;
}

const char *descriptors_left(void)
{
	static char text[64];

	snprintf(text, sizeof(text), "%u descriptors are left open", open_count);
	return open_count ? text : NULL;
}

static int open_new(int kind)
{
	if (used == MOST)
		scheduler_fail("more than %d descriptors", MOST);
	all[used] = (struct descriptor){ .kind = kind };
	open_count++;
	return FIRST + (int)used++;
}

static struct descriptor *find(int fd, int kind)
{
	if (fd < FIRST || fd >= FIRST + (int)used)
		scheduler_fail("uses %d, which is no descriptor", fd);
	if (all[fd - FIRST].kind == CLOSED)
		scheduler_fail("uses descriptor %d, which is closed", fd);
	if ((int)all[fd - FIRST].kind != kind)
		scheduler_fail("uses descriptor %d as something else", fd);
	return &all[fd - FIRST];
}

int seam_eventfd(void)
{
	int fd;

	scheduler_enter();
	fd = open_new(EVENTFD);
	scheduler_leave();
	return fd;
}

int seam_timerfd(void)
{
	scheduler_fail("in a model there are eventfds");
}

int seam_timerfd_expire(int fd)
{
	(void)fd;
	scheduler_fail("in a model there are eventfds");
}

int seam_epoll_create(void)
{
	int fd;

	scheduler_enter();
	fd = open_new(EPOLL);
	scheduler_leave();
	return fd;
}

void seam_close(int fd)
{
	struct descriptor *descriptor;

	scheduler_enter();
	if (fd < FIRST || fd >= FIRST + (int)used || all[fd - FIRST].kind == CLOSED)
		scheduler_fail("closes %d, which is not open", fd);
	descriptor = &all[fd - FIRST];
	scheduler_point("close", descriptor);
	descriptor->kind = CLOSED;
	open_count--;
	scheduler_leave();
}

int seam_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	uint32_t events = event->events;
	uint64_t data = event->data.u64;
	struct descriptor *descriptor;

	scheduler_enter();
	if (operation != EPOLL_CTL_ADD || events != (EPOLLIN | EPOLLET))
		scheduler_fail("the scheduler's epoll knows edge-triggered eventfds only");
	descriptor = find(fd, EVENTFD);
	descriptor->epoll = find(epoll, EPOLL);
	descriptor->data = data;
	descriptor->pending = descriptor->counter;
	scheduler_leave();
	return 0;
}

static struct descriptor *find_pending(const struct descriptor *epoll)
{
	for (unsigned i = 0; i < used; i++)
		if (all[i].kind == EVENTFD && all[i].epoll == epoll && all[i].pending)
			return &all[i];
	return NULL;
}

/* Waits for an edge: false at the deadline. */
static bool wait_for_pending(struct descriptor *epoll, uint64_t deadline_ns)
{
	while (!find_pending(epoll))
		if (deadline_ns <= scheduler_now() ||
		    !scheduler_block("epoll", epoll, deadline_ns))
			return find_pending(epoll);
	return true;
}

int seam_epoll_wait(int epoll, struct epoll_event *events, int count, uint64_t timeout_ns)
{
	struct descriptor *self, *pending;
	uint64_t data = 0, deadline;
	int got = 0;

	(void)count;
	scheduler_enter();
	self = find(epoll, EPOLL);
	scheduler_point("epoll", self);
	deadline = timeout_ns > NEVER - scheduler_now() ? NEVER : scheduler_now() + timeout_ns;
	if (wait_for_pending(self, deadline)) {
		pending = find_pending(self);
		pending->pending = false;
		data = pending->data;
		got = 1;
	}
	scheduler_leave();
	if (got)
		*events = (struct epoll_event){ .events = EPOLLIN, .data.u64 = data };
	return got;
}

bool machine_poll(int epoll, uint64_t deadline_ns)
{
	struct descriptor *self;
	bool readable;

	scheduler_enter();
	self = find(epoll, EPOLL);
	scheduler_point("poll", self);
	readable = wait_for_pending(self, deadline_ns);
	scheduler_leave();
	return readable;
}

ssize_t seam_write(int fd, const void *bytes, size_t count)
{
	struct descriptor *self;
	ssize_t written = (ssize_t)count;

	(void)bytes;
	scheduler_enter();
	self = find(fd, EVENTFD);
	/* The epoll is what others look at. */
	scheduler_point("write", self->epoll ? self->epoll : self);
	self = find(fd, EVENTFD);
	if (failing) {
		failing--;
		written = failure;
	} else {
		writes += scheduler_index(scheduler_self()) != 0;
		self->counter++;
		self->pending = self->epoll;
		if (self->epoll)
			scheduler_unblock(self->epoll, STRANDS_MOST);
	}
	scheduler_leave();
	return written;
}

void machine_fail_writes(unsigned count, int error)
{
	scheduler_enter();
	failing = count;
	failure = error;
	scheduler_leave();
}

unsigned machine_writes(void)
{
	unsigned count;

	scheduler_enter();
	count = writes;
	scheduler_leave();
	return count;
}
