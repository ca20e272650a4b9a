/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H
/*
 * The loop as its own files and the floors above see it.
 *
 *   post (any thread) --> port --> ready list --> callbacks
 *   timers, watches ------------------^
 *
 * All fields but the first three belong to the loop's thread. The struct is the handle
 * as well: it is counted, and outlives the closing of the loop as long as a block that
 * was submitted from it is still out.
 */
#include <errno.h>
#include <ferry/loop.h>

#include "base/park.h"
#include "base/process.h"
#include "base/thread.h"
#include "loop/blocks.h"
#include "loop/port.h"
#include "loop/timers.h"
#include "loop/watches.h"

struct ferry_loop {
	struct port *_Atomic port; /* read in a read-side section; NULL once closed (L3) */
	_Atomic uint32_t refs;
	unsigned generation;

	uint64_t owner; /* its thread's number */
	bool closed, in_turn, stopped;
	bool hooked;      /* the host calls prepare and check: dispatch does not arm */
	bool bell_is_due; /* rung, and the event is not yet taken from epoll */
	bool only_bell;   /* the last look at epoll gave that event and no other */
	bool overdue;     /* the last turn left timers that were due */
	int epoll;
	unsigned budget, left; /* callbacks in a turn; and what is left of this one's */
	struct chain ready;
	size_t ready_count;
	struct timers timers;
	struct watches watches;
	struct blocks blocks;
	size_t live_blocks; /* locals that exist: each holds the handle once it is closed */
	size_t in_flight;   /* locals that something else will complete */
	size_t expiries;    /* timers that are deadlines of those */
	struct cds_list_head pending;        /* those, and others that are not done */
	void (*evict)(struct ferry_loop *loop); /* ends the pending ones, when the loop closes */
	uint64_t poll_ns;
	int poll_credit;
	struct yielding yielding;
	uint64_t busy_since_ns; /* the end of the last wait */
	ferry_exception_handler handler;
	void *handler_user;
	ferry_loop_counters counters;
};

/* 0; -EINVAL for NULL, -ECHILD after a fork, -EPERM on another thread, -ESHUTDOWN. */
int loop_check(const struct ferry_loop *loop);

/* Does it belong to this thread? A fork's child has no number of its parent's. */
static inline bool loop_is_mine(const struct ferry_loop *loop)
{
	return loop->owner == thread_self()->number;
}

/* Is this turn over before its time? It was stopped, or a callback forked and this is the
 * child, to which nothing of it belongs (P6). */
static inline bool loop_is_stopped(const struct ferry_loop *loop)
{
	return loop->stopped || loop->generation != process_generation;
}

/*
 * Any thread: hands a node to the loop, whose thread will call its notify. False if
 * the loop is closed: the node is still the caller's. The caller holds the handle,
 * by the block that the node lies in.
 */
bool loop_post(struct ferry_loop *loop, struct ferry_waiter *node);

/* The loop's thread: puts a node on the ready list, to have its notify called. */
static inline void loop_make_ready(struct ferry_loop *loop, struct ferry_waiter *node)
{
	chain_append(&loop->ready, node);
	loop->ready_count++;
}

#endif
