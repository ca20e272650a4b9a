/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_TASK_LIMITER_H
#define FERRY_TASK_LIMITER_H
/*
 * A limiter: any number may ask, so many at a time have a place.
 *
 *   a whole task   ferry_limiter_submit(): the deferred task is started when its turn comes, and
 *                  its place is free when it has ended. Until then it is a task like any
 *                  other: it can be awaited, cancelled, given callbacks, or started out of turn
 *   a part of one  FERRY_TRY(ferry_limiter_enter(&limiter, &f->slot, 0)); ...
 *                  ferry_limiter_leave(&f->slot), behind FERRY_FINALLY or before
 *
 * First come, first served, within each priority; a higher priority before a lower one. Who
 * waits does so by a slot, a member of a frame, so that one who is cancelled while he waits just
 * leaves the queue. A place that a task has entered is left when the task ends, at the latest.
 */
#include <ferry/task/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Priorities are 0 (the ordinary one) to this, the most urgent. */
#define FERRY_PRIORITY_MOST 7

typedef struct ferry_limiter ferry_limiter;

/** A place in a limiter, or in its queue. A member of a frame; zero it before its first use. */
typedef struct ferry_slot {
	FERRY_OPERATION;
	ferry_limiter *limiter;       /* NULL: neither in the queue nor inside */
	ferry_task *task;             /* that it starts, or that has entered; NULL: nobody's */
	struct ferry_slot *previous, *next;
	ferry_attachment attachment;
	uint8_t priority, state, starts;
} ferry_slot;

/** A limiter. In the library's hands. */
struct ferry_limiter {
	ferry_loop *loop;
	size_t limit, inside, queued;
	struct {
		ferry_slot *first, *last;
	} queues[FERRY_PRIORITY_MOST + 1];
	unsigned occupied; /* a bit for each queue that somebody is in */
};

/**
 * ferry_limiter_init() - make a limiter with nobody in it
 * @limiter: the memory, whatever is in it
 * @loop:    the loop
 * @limit:   how many may be inside at once, 1 or more
 *
 * Ownership: @limiter stays the caller's memory; nobody may be inside or in the queue when it
 *            goes.
 * Context:   the loop's thread.
 * Return:    0; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API FERRY_MUST_CHECK int ferry_limiter_init(ferry_limiter *limiter, ferry_loop *loop,
						  size_t limit);

/**
 * ferry_limiter_set_limit() - change how many may be inside
 * @limiter: the limiter
 * @limit:   1 or more. Those who are inside stay, and more come in or fewer, from now on
 *
 * Context: the loop's thread. Return: 0; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_limiter_set_limit(ferry_limiter *limiter, size_t limit);

/**
 * ferry_limiter_submit() - have a task started when there is a place
 * @limiter:  the limiter
 * @slot:     not in use; as a rule a member of the task's frame
 * @task:     deferred, not started
 * @priority: 0 to FERRY_PRIORITY_MOST
 *
 * If there is a place now the task is started now, as by ferry_task_start(); later ones are
 * started lazily.
 *
 * Ownership: borrows @slot until the task has ended.
 * Context:   the loop's thread.
 * Return:    @task, whatever happened: one that cannot be had (another loop, a priority out of
 *            range, a slot in use) is cancelled, since nobody else would start it; one that was
 *            started or submitted before is left as it is; NULL if it is NULL.
 */
FERRY_API ferry_task *ferry_limiter_submit(ferry_limiter *limiter, ferry_slot *slot,
					   ferry_task *task, unsigned priority);

/**
 * ferry_limiter_enter() - wait for a place
 * @limiter:  the limiter
 * @slot:     not in use
 * @priority: 0 to FERRY_PRIORITY_MOST
 *
 * Whoever awaits this has a place when it is done. Cancelled while he waits: no place is lost.
 * Called in a step, the place is given back when that task ends, if not before.
 *
 * Ownership: borrows @slot until ferry_limiter_leave().
 * Context:   the loop's thread.
 * Return:    what to await: done with an exception if it cannot be had (EINVAL, EBUSY if @slot
 *            is in use, EPERM, ESHUTDOWN, ECHILD); NULL if @slot is NULL.
 */
FERRY_API ferry_operation *ferry_limiter_enter(ferry_limiter *limiter, ferry_slot *slot,
					       unsigned priority);

/**
 * ferry_limiter_leave() - give a place back, or leave the queue
 * @slot: NULL, zero, and one that was left are allowed
 *
 * The place is the next one's, who goes on in the next turn.
 *
 * Context: the loop's thread.
 * Return:  1 if there was a place to give back; 0 if not; -EBUSY if it belongs to a task that
 *          was submitted; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_limiter_leave(ferry_slot *slot);

/** What a limiter has. */
typedef struct ferry_limiter_counters {
	size_t limit, inside, queued;
} ferry_limiter_counters;

/**
 * ferry_limiter_stats() - read a limiter's counters
 * @limiter: the limiter
 * @ret:     where to put them
 *
 * Context: the loop's thread. Return: 0; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_limiter_stats(ferry_limiter *limiter, ferry_limiter_counters *ret);

#ifdef __cplusplus
}
#endif
#endif
