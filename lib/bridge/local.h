/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BRIDGE_LOCAL_H
#define BRIDGE_LOCAL_H
/*
 * The loop-local future, and the block that it shares with its job.
 *
 *   job            node, outcome, word, function      a worker's until it is posted
 *   the rest       callbacks, state, references       the loop's thread's alone
 *
 * The outcome is not copied from the one to the other: they share the fields, and
 * delivering a post is what makes them the local's. Every kind of local is such a
 * block, so that one free list serves them all; one that is completed on its own loop
 * leaves the function unused.
 *
 * A block whose request is out has two holders, counted in the future's references:
 * the loop's side and the completer's. A delivered post hands the completer's over.
 */
#include <ferry/bridge.h>

#include "loop/loop.h"
#include "pool/core.h"

enum local_kind {
	LOCAL_PLAIN,   /* the caller completes it */
	LOCAL_OFFLOAD, /* a worker completes its own job */
	LOCAL_WRAP,    /* arg: the concurrent future, held */
	LOCAL_CHAIN,   /* arg: the source local, held */
	LOCAL_WATCH,   /* a descriptor; the watcher lies behind the local */
};

enum local_state { LOCAL_PENDING, LOCAL_RESULT, LOCAL_EXCEPTION, LOCAL_CANCELLED };

enum local_flag {
	LOCAL_OUT = 1,     /* its node is with the pool or a future, and will be posted */
	LOCAL_DROPPED = 2, /* the loop's side has let go; delivery frees it */
	LOCAL_SEEN = 4,    /* somebody looked at its exception */
	LOCAL_QUEUED = 8,  /* soon is on the ready list */
	LOCAL_COUNTED = 16,/* in the loop's in_flight */
	LOCAL_KEEP = 32,   /* a cancel of the local does not cancel the job */
	LOCAL_LISTED = 64, /* on the loop's pending list */
	LOCAL_BORROWS = 128, /* its function was given memory of the caller's */
	LOCAL_AWAITED = 256, /* user is the last of the waiters to be told that it is not out */
	LOCAL_FS = 512,      /* a file call: its function's argument is the request */
	LOCAL_HELD = 1024    /* it was begun, and is held back from the pool */
};

struct ferry_local {
	struct job job;
	struct home *home; /* see future_home_place() */
	union {
		struct cds_list_head pending; /* while LOCAL_LISTED */
		struct ferry_waiter soon;     /* once done: to have callbacks called */
	};
	ferry_local_callback fn; /* the first callback; NULL: none */
	void *user;
	struct ferry_waiter *more; /* the last of the others, which form a ring */
	uint32_t refs;
	uint16_t flags;
	uint8_t state, kind : 4, room : 4;
};
_Static_assert(offsetof(struct ferry_local, home) == FUTURE_HOME_OFFSET, "floor 2 finds it");
_Static_assert(sizeof(struct ferry_local) <= 128, "future, job and local fit two cache lines");

static inline struct ferry_loop *local_loop(const struct ferry_local *local)
{
	return local->job.future.bridge;
}

/* Of a local whose job has a tail. */
struct local_tail {
	struct job_tail base;
	struct ferry_timer expiry; /* the job's deadline */
	struct ferry_local *local;
};

/* A block with room for @more bytes behind the local; NULL with errno. Not listed. */
struct ferry_local *local_take(struct ferry_loop *loop, enum local_kind kind, size_t more);
/* From here on something else completes it: listed and counted as pending. */
void local_begin(struct ferry_local *local, bool counted);
/* A pending one is done; its callbacks are not seen to. */
void local_finish(struct ferry_local *local, enum local_state state);
/* Ends a pending one; the outcome's fields are set. Callbacks run from the loop. */
void local_end(struct ferry_local *local, enum local_state state);
/* The same from within a turn of the loop: callbacks run here. */
void local_end_now(struct ferry_local *local, enum local_state state);
/* Has the callbacks of a done one called in the next turn. */
void local_queue(struct ferry_local *local);
/* Has the rest of its callbacks called first in the next turn. */
void local_resume(struct ferry_local *local);
/* Frees it if nobody needs it any more. */
void local_settle(struct ferry_local *local);
/* Done, but does its function still run, with memory of the caller's? */
bool local_is_borrowing(const struct ferry_local *local);
/* Why the caller may not use it: -EINVAL, -ECHILD or -EPERM; 0 if he may. */
int local_refusal(const struct ferry_local *local);
/* The same, quick where he may. */
static inline int local_check(const struct ferry_local *local)
{
	return local && loop_is_mine(local_loop(local)) ? 0 : local_refusal(local);
}

/* On the completer's thread: the notify of a node that is out. */
void local_arrive(struct ferry_waiter *node);
/* Sets the shared outcome of a local that is completed on its own loop. */
void local_set_outcome(struct ferry_local *local, enum word_outcome outcome);

/* ---- cancel.c ---- */

/* The loop closes: what is pending is cancelled, and nobody is called. */
void cancel_pending(struct ferry_loop *loop);

/* ---- callback.c ---- */

void callback_call_all(struct ferry_local *local);
void callback_drop_all(struct ferry_local *local);
bool callback_is_any(const struct ferry_local *local);
/* A node of a higher floor, in order with the callbacks of a pending one. */
void callback_attach(struct ferry_local *local, struct ferry_waiter *node);
/* True if it was there, and will not be notified. */
bool callback_detach(struct ferry_local *local, struct ferry_waiter *node);
/* Of one that is borrowing, and whose first callback has been called: has a node notified when its
 * function has returned, for which the loop waits. */
void callback_await_return(struct ferry_local *local, struct ferry_waiter *node);
/* It need not be any more. */
void callback_forget_return(struct ferry_local *local, struct ferry_waiter *node);
void callback_tell_of_return(struct ferry_local *local);

/* ---- offload.c, wrap.c, watch.c: what a cancel of their kind does ---- */

void offload_cancel(struct ferry_local *local);
void offload_end_expiry(struct ferry_local *local);
void wrap_cancel(struct ferry_local *local);
void wrap_deliver(struct ferry_local *local, bool now);
void wrap_free(struct ferry_local *local);
/* Of a chained one: what it is chained to. */
struct ferry_local *wrap_source(const struct ferry_local *local);
int wrap_take(struct ferry_local *local, ferry_result *ret);
/* A chained one waits for its source no longer. */
void chain_forget(struct ferry_local *local);
void watch_cancel(struct ferry_local *local);

/* ---- offload.c, for the fs part ---- */

/*
 * A block with room for @more bytes of its own, @payload, which will also be the function's
 * argument; NULL with errno. Options as read. It is begun next, or answered.
 */
struct ferry_local *offload_make(struct ferry_loop *loop, const ferry_job_options *options,
				 size_t more, void **payload);
/* Nothing need be begun: it is done, as if a function had returned that. */
void offload_answer(struct ferry_local *local, struct ferry_pool *pool, int returned,
		    ferry_result result);
/* It is pending, and will be submitted, held back or refused next. */
void offload_begin(struct ferry_local *local, struct ferry_pool *pool, ferry_function fn,
		   const ferry_job_options *options);
/* Hands it to the pool; a refusal is a local born failed. */
struct ferry_local *offload_submit(struct ferry_local *local, struct core *core,
				   const ferry_job_options *options);
/* Is held back until offload_submit(): the loop's call_ended is told if it is done before, with the
 * local held. 0, or a negative errno, and then it is refused next. */
int offload_hold(struct ferry_local *local, const ferry_job_options *options);
/* Ends one that is with no pool as one born failed. */
struct ferry_local *offload_refuse(struct ferry_local *local, const ferry_error *error);
/* One that is queued fails at once; false if it was done or runs. */
bool offload_expire(struct ferry_local *local, const ferry_error *error);

#endif
