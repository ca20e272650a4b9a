/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_TASK_AWAITABLE_H
#define FERRY_TASK_AWAITABLE_H
/*
 * What a task can wait for: one word, the first member of everything that ends.
 *
 *   zero       nothing was begun: there is nothing to wait for, and who waits goes on at once
 *   not done   the last of those who wait (they form a ring), and what a cancel of one does
 *   done       result, exception or cancelled, for good
 *
 * A task, a frame around one, a group, a timer, a lock: each begins with a member that is
 * called awaitable, and FERRY_AWAIT() takes a pointer to any of them. Like locals they belong
 * to their loop's thread in everything, and those of one loop are for tasks of that loop.
 *
 *   ferry_awaitable    the word
 *   ferry_operation    the word, and who is told when somebody who waits is cancelled
 *
 * The memory is the caller's, as a rule a member of a frame. Zero it with the frame: then what was
 * never begun can be cancelled, ended and awaited behind FERRY_FINALLY like what was.
 */
#include <ferry/bridge.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One word: who waits, or how it ended. Use the calls; zero is: nothing was begun. */
typedef struct ferry_awaitable {
	uintptr_t word;
} ferry_awaitable;

/** Where in a program something is awaited. Static; made by the macros of frame.h. */
typedef struct ferry_place {
	const char *file;     /* as __FILE__; NULL: not told */
	const char *function; /* as __func__ */
	const char *text;     /* what is awaited, as it stands there */
	unsigned line;
} ferry_place;

typedef struct ferry_operation ferry_operation;

/** What an operation does when it is awaited, and when that is cancelled. Static. */
typedef struct ferry_operation_hooks {
	size_t size;      /* sizeof(ferry_operation_hooks) */
	const char *name; /* for people, a noun: "sleep", "lock" */
	int for_tasks;    /* 1: who waits is given something; nodes of the caller's may not */
	/* Called each time that a task is about to wait. May complete the operation: then the
	 * task does not wait. NULL: nothing is to be done. */
	void (*await)(ferry_operation *operation);
	/* Called when @task, which waits, is cancelled; NULL: a gather that waits is. It waits on
	 * until the operation is completed, now or later: whatever writes to the frame must be
	 * through by then. Called once more for each cancel that follows. Without this hook the
	 * task goes on at once, and nobody is told. */
	void (*cancel)(ferry_operation *operation, struct ferry_task *task);
} ferry_operation_hooks;

/** Something under way that a task can wait for, with hooks. */
struct ferry_operation {
	ferry_awaitable awaitable;
	const ferry_operation_hooks *hooks;
};

/** The first member of a struct that is an operation: it has .operation and .awaitable. */
#define FERRY_OPERATION                       \
	__extension__ union {                 \
		ferry_operation operation;    \
		ferry_awaitable awaitable;    \
	}

/**
 * ferry_awaitable_snapshot() - how something ended
 * @awaitable: the word; NULL gives an all-zero snapshot
 *
 * The result is zero: what a result is, the struct around the word says (for a task
 * ferry_task_snapshot(), for a local ferry_await_snapshot()).
 *
 * Ownership: the exception is borrowed as long as what is awaited holds it. Once somebody who
 *            waited has taken a counted one over, FERRY_ERROR_TAKEN stands there for it.
 * Context:   the loop's thread.
 * Return:    the snapshot; all-zero also if nothing was begun.
 */
FERRY_API ferry_snapshot ferry_awaitable_snapshot(const ferry_awaitable *awaitable);

/**
 * ferry_awaitable_attach() - have a node of the caller's notified when something is done
 * @awaitable: begun, not done
 * @loop:      its loop
 * @waiter:    a node with notify set, attached to nothing
 *
 * notify is called from the loop, in the order attached, with those tasks that wait. This is
 * how a fiber library, or anything else that is not a task of ours, waits.
 *
 * Ownership: borrows @waiter until notify begins or detach returns 1.
 * Context:   the loop's thread.
 * Return:    0; -EALREADY if done: nothing is attached; -EINVAL, also if nothing was begun, and
 *            for what only tasks can wait for (a lock, a semaphore, a condition); -EPERM;
 *            -ESHUTDOWN; -ECHILD.
 */
FERRY_API FERRY_MUST_CHECK int ferry_awaitable_attach(ferry_awaitable *awaitable, ferry_loop *loop,
						      ferry_waiter *waiter);

/**
 * ferry_awaitable_detach() - stop waiting to be notified
 * @awaitable: the word
 * @loop:      its loop
 * @waiter:    a node that was attached to it, and whose notify has not begun
 *
 * Context: the loop's thread. Costs one step for each that was attached before and waits.
 * Return:  1: notify will not be called; 0: it is not attached, and not about to be notified;
 *          -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_awaitable_detach(ferry_awaitable *awaitable, ferry_loop *loop,
				     ferry_waiter *waiter);

/**
 * ferry_operation_init() - make an operation of the caller's own, not done
 * @operation: the memory, whatever is in it; one that somebody waits for must not be given
 * @hooks:     NULL: no hooks
 *
 * Context: any thread; from then on the loop's.
 * Return:  0; -EINVAL if @operation is NULL or hooks.size is not known.
 */
FERRY_API int ferry_operation_init(ferry_operation *operation, const ferry_operation_hooks *hooks);

/**
 * ferry_operation_complete() - say that an operation is done
 * @operation: not done
 * @loop:      the loop of those who wait
 * @outcome:   0: a result; -ECANCELED: cancelled; another negative errno: that exception
 *
 * Those who wait go on in the next turn of the loop, in the order in which they began to.
 *
 * Context: the loop's thread. From another one: a promise, and ferry_wrap().
 * Return:  0; -EALREADY if done; -EINVAL, also if it was never made, and for an @outcome that is
 *          no errno; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_operation_complete(ferry_operation *operation, ferry_loop *loop, int outcome);

/* ---- locals ---- */

/**
 * What a frame holds to wait for a local. Zero it before its first use, as a rule with the
 * frame; end it by ferry_await_end().
 */
typedef struct ferry_await {
	FERRY_OPERATION;
	ferry_waiter waiter;
	ferry_local *local; /* held; NULL: none */
} ferry_await;

/**
 * ferry_await_local() - make a local something that a task can wait for
 * @await: zero, or used before: a local that it still holds is let go
 * @local: the local. NULL stands for a call that failed with errno, as ferry_offload() does:
 *         then it is done, with that exception, so that there is one path for errors
 *
 * If a task that waits is cancelled, the local is cancelled. While a function runs that was
 * given memory of the caller's (the arg of ferry_offload(), a borrowed path), the task waits on
 * until that has returned, for such memory is often in the frame. (That of a job which was
 * submitted to the pool and then wrapped is not waited for: nothing says whose memory it has.)
 * An exception of the local counts as looked at.
 *
 * Ownership: takes the caller's reference to @local.
 * Context:   the loop's thread.
 * Return:    what to await; NULL if @await is NULL.
 */
FERRY_API ferry_operation *ferry_await_local(ferry_await *await, ferry_local *local);

/**
 * ferry_await_fd() - wait for a descriptor to be ready
 * @await: as for ferry_await_local()
 * @loop:  the loop
 * @fd:    as for ferry_loop_watch_fd()
 * @ready: as for ferry_loop_watch_fd()
 *
 * What is ready is the u64 of the result in ferry_await_snapshot().
 *
 * Context: the loop's thread. Return: what to await; NULL if @await is NULL.
 */
FERRY_API ferry_operation *ferry_await_fd(ferry_await *await, ferry_loop *loop, int fd,
					  unsigned ready);

/**
 * ferry_await_snapshot() - the outcome of the local that is held
 * @await: NULL, or one that holds none, gives the outcome without a result
 *
 * Ownership: as ferry_local_snapshot(), until ferry_await_end() or the next use.
 * Context:   the loop's thread. Return: the snapshot.
 */
FERRY_API ferry_snapshot ferry_await_snapshot(ferry_await *await);

/**
 * ferry_await_take() - become the owner of the result of the local that is held
 * @await: the await
 * @ret:   where to put the result
 *
 * Context: the loop's thread.
 * Return:  as ferry_local_take(); -ENODATA if it holds none.
 */
FERRY_API FERRY_MUST_CHECK int ferry_await_take(ferry_await *await, ferry_result *ret);

/**
 * ferry_await_end() - let go of the local that is held
 * @await: NULL, zero, and one that was ended are allowed
 *
 * Nobody may wait for it any more; a local that is pending is not cancelled.
 *
 * Context: the loop's thread, also when the loop is closed.
 * Return:  0; -EPERM; -ECHILD; -EBUSY if a task waits for it.
 */
FERRY_API int ferry_await_end(ferry_await *await);

/* ---- time ---- */

/** What a frame holds to sleep. Needs no preparation. */
typedef struct ferry_sleep {
	FERRY_OPERATION;
	ferry_loop *loop;
	ferry_timer timer;
} ferry_sleep;

/**
 * ferry_sleep_until() - something that is done at a time
 * @sleep:       not in use
 * @loop:        the loop
 * @deadline_ns: absolute; one that has passed: the next turn
 *
 * The time runs from here, not from when it is awaited. Cancelling who waits ends it.
 *
 * Context: the loop's thread.
 * Return:  what to await: done with an exception if it cannot be had (ENOMEM, EINVAL, EPERM,
 *          ESHUTDOWN, ECHILD); NULL if @sleep is NULL.
 */
FERRY_API ferry_operation *ferry_sleep_until(ferry_sleep *sleep, ferry_loop *loop,
					     uint64_t deadline_ns);

/**
 * ferry_sleep_cancel() - end a sleep before its time
 * @sleep: one that was begun
 *
 * A sleep that nobody waits for any more has to be ended before its frame goes.
 *
 * Context: the loop's thread.
 * Return:  1 if it is cancelled now; -EALREADY if it was done; -EINVAL; -EPERM; -ESHUTDOWN;
 *          -ECHILD.
 */
FERRY_API int ferry_sleep_cancel(ferry_sleep *sleep);

#ifdef __cplusplus
}
#endif
#endif
