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

struct ferry_local;
struct fs;

/*
 * A task's step that runs, on the stack of who calls it; the last one is the loop's own, and
 * stands for no step. Here because the loop must know whether one runs.
 */
struct activation {
	struct ferry_task *task;
	struct activation *outer;
	unsigned depth; /* first steps inside of steps */
};

#define LOOP_EAGER 1 /* FERRY_START_EAGER, which this floor does not know */

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
	unsigned budget;  /* callbacks in a turn */
	unsigned handled; /* in this one */
	uint64_t left;    /* of its budget, of which other things take a part, too; no end of it
			     outside of turns, where nobody could be kept waiting */
	struct chain ready;
	size_t ready_count;
	size_t due;       /* of those, the ones that this turn has yet to call */
	struct timers timers;
	struct watches watches;
	struct blocks blocks;
	size_t live_blocks; /* locals that exist: each holds the handle once it is closed */
	size_t in_flight;   /* locals that something else will complete */
	size_t expiries;    /* timers that are deadlines of those, or look after them */
	struct cds_list_head pending;        /* those, and others that are not done */
	void (*evict)(struct ferry_loop *loop); /* ends the pending ones, when the loop closes */
	uint64_t poll_ns;
	int poll_credit;
	struct yielding yielding;
	uint64_t prepared_ns; /* since when a host with hooks may be polling; 0: it is not */
	uint64_t busy_since_ns; /* the end of the last wait */
	ferry_exception_handler handler;
	void *handler_user;
	bool host_is_new;       /* since this turn began: it is told of the rest when that ends */
	ferry_callback changed; /* the host's, to hear of what comes between dispatches */
	void *host;             /* given to it */

	/* The floor of tasks keeps these, and this one only looks whether a step runs. */
	struct activation *activation; /* the step that runs, or no_step */
	struct activation no_step;
	uint8_t plain_start;     /* how one of our factories starts them; 0: closed, or not ours */
	ferry_scope scope;       /* the tasks that are in no group */
	struct ferry_group *groups;
	struct ferry_spread *spreads; /* cancels that are to be passed on */
	struct ferry_spread *spreads_run; /* and that have been, meanwhile */
	bool is_spreading;
	size_t adrift;           /* tasks that are on the ready list and in no other */
	size_t cleanups;         /* hooks of tasks that are on it, and late callbacks */
	struct visit *visits;    /* those who go over the tasks */
	unsigned calling;        /* hooks of the user's, which may run outside of turns */
	struct ferry_task *making; /* a factory of the user's is about to, and has not yet */
	struct unwrapped *arriving; /* a task from another thread, while it is begun */
	ferry_task_factory task_factory;
	void *task_user;
	void (*end_tasks)(struct ferry_loop *loop); /* when the loop closes */

	/* The floor of file calls. */
	struct fs *fs;           /* what it knows of filesystems; NULL: no such call was made yet */
	void (*end_fs)(struct ferry_loop *loop);       /* when the loop closes, if there is one */
	void (*call_returned)(struct ferry_local *local); /* a call of it is the pool's no longer */
	void (*call_ended)(struct ferry_local *local);    /* one that was held back is done */

	ferry_loop_counters counters;
};

/* Does it belong to this thread? A fork's child has no number of its parent's. */
static inline bool loop_is_mine(const struct ferry_loop *loop)
{
	return loop->owner == thread_self()->number;
}

/* Why it cannot be used here: -EINVAL for NULL, -ECHILD after a fork, -EPERM on another thread,
 * -ESHUTDOWN. */
__attribute__((cold)) int loop_refusal(const struct ferry_loop *loop);

/* 0 if it can. */
static inline int loop_check(const struct ferry_loop *loop)
{
	return __builtin_expect(loop && loop_is_mine(loop) && !loop->closed, 1)
		       ? 0
		       : loop_refusal(loop);
}

/* Is this turn over before its time? It was stopped, or a callback forked and this is the
 * child, to which nothing of it belongs (P6). */
static inline bool loop_is_stopped(const struct ferry_loop *loop)
{
	return loop->stopped || loop->generation != process_generation;
}

/* Is something of the user's running that the loop called, or a task's first step, or a hook? */
static inline bool loop_is_busy(const struct ferry_loop *loop)
{
	return loop->in_turn || loop->activation->outer || loop->calling;
}

/* An exception of a task or a group that nobody looked at (L6): the handler cannot close or run the
 * loop, as that of a local can, which is let go of where nothing is being gone over. */
static inline void loop_tell(struct ferry_loop *loop, const ferry_error *exception)
{
	loop->counters.unseen++;
	loop->calling++;
	if (loop->handler)
		loop->handler(loop, exception, loop->handler_user);
	loop->calling--;
}

/* Outside of turns, where only what the loop's owner does himself goes on. */
static inline bool loop_is_unbounded(const struct ferry_loop *loop)
{
	return loop->left > UINT32_MAX;
}

/*
 * Something that is no callback, but could go on for ever: it takes a part of this turn's
 * budget. False if that is used up, and it has to wait for the next turn.
 */
static inline bool loop_pass(struct ferry_loop *loop)
{
	if (!loop->left)
		return false;
	loop->left--;
	return true;
}

/* A callback: the same, and it is counted. */
static inline void loop_handle(struct ferry_loop *loop)
{
	loop->left--;
	loop->handled++;
}

/*
 * Any thread: hands a node to the loop, whose thread will call its notify. False if
 * the loop is closed: the node is still the caller's. The caller holds the handle,
 * by the block that the node lies in.
 */
bool loop_post(struct ferry_loop *loop, struct ferry_waiter *node);

/* What a host knew of this loop may hold no longer. After a turn it looks by itself. */
__attribute__((cold)) void loop_tell_host(struct ferry_loop *loop);

/* The loop's thread: puts a node on the ready list, to have its notify called. */
static inline void loop_make_ready(struct ferry_loop *loop, struct ferry_waiter *node)
{
	chain_append(&loop->ready, node);
	if (!loop->ready_count++ && loop->changed)
		loop_tell_host(loop);
}

/* The loop's thread: there is one more thing that something else will complete. */
static inline void loop_expect(struct ferry_loop *loop)
{
	if (!loop->in_flight++ && loop->changed)
		loop_tell_host(loop);
}

/* The loop's thread: there is one less. */
static inline void loop_expect_less(struct ferry_loop *loop)
{
	if (!--loop->in_flight && loop->changed)
		loop_tell_host(loop);
}

/* The loop's thread: 0 or -ENOMEM, and then nothing changed. */
static inline int loop_add_timer(struct ferry_loop *loop, struct ferry_timer *timer,
				 uint64_t deadline_ns)
{
	int error = timer_add(&loop->timers, timer, deadline_ns);

	if (!error && loop->changed && loop->timers.heap[1].timer == timer)
		loop_tell_host(loop);
	return error;
}

/* The loop's thread: no effect if it is not set. */
static inline void loop_remove_timer(struct ferry_loop *loop, struct ferry_timer *timer)
{
	timer_remove(&loop->timers, timer);
	if (loop->timers.count <= loop->expiries && loop->changed)
		loop_tell_host(loop);
}

/* The loop's thread: takes a node off the ready list, where it may stand anywhere, and the turn
 * that runs may have been about to call it: false if it is not there. */
bool loop_forget_ready(struct ferry_loop *loop, struct ferry_waiter *node);

#endif
