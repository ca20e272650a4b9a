/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_TASK_TIMEOUT_H
#define FERRY_TASK_TIMEOUT_H
/*
 * A scope with a deadline, inside of a step.
 *
 *	FERRY_TIMEOUT(&f->timeout, ferry_in_ns(2000000000)) {
 *		FERRY_TRY(...);
 *		FERRY_TRY(...);
 *	}
 *	if (f->timeout.expired)
 *		...
 *
 * At the deadline the task is cancelled, as by ferry_task_cancel(); where that takes effect
 * inside of the scope, the step goes on behind it. What it waited for has ended by then. Scopes
 * nest. A cancel of somebody else's is not taken for the deadline's: then the step leaves.
 * A break leaves the scope, a continue as well; both belong to it, and not to a loop around it. It
 * begins with an if: what stands in an if of yours without braces is given some.
 *
 * To put a deadline on the whole of another task: await that inside of a scope.
 */
#include <ferry/task/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A scope with a deadline. A member of a frame; needs no preparation. */
typedef struct ferry_timeout {
	ferry_attachment attachment;
	ferry_task *task;
	ferry_timer timer;
	uint16_t at;      /* where the step goes on when it is left by its deadline */
	uint16_t cancels; /* of the task, as it began */
	uint8_t open, fired, inside;
	uint8_t expired;  /* for everybody: it was left by its deadline */
} ferry_timeout;

/**
 * ferry_timeout_begin() - from here on a task is cancelled at a time
 * @timeout:     not open
 * @task:        the task whose step this is
 * @deadline_ns: absolute; one that has passed: the next turn; FERRY_NO_DEADLINE: never
 * @at:          what task->at is to be when it is left by its deadline
 *
 * FERRY_TIMEOUT() calls this. All scopes that are open end where the body of the step does.
 *
 * Context: the task's own step.
 * Return:  0; -ENOMEM, -EBUSY if it is open, -ECHILD if the step has forked: then the task has
 *          failed with that, and task->at says so; -EINVAL, -EALREADY if it has ended, -EPERM,
 *          -ESHUTDOWN, -ECHILD elsewhere: nothing has changed.
 */
FERRY_API FERRY_MUST_CHECK int ferry_timeout_begin(ferry_timeout *timeout, ferry_task *task,
						   uint64_t deadline_ns, uint16_t at);

/**
 * ferry_timeout_end() - end a scope
 * @timeout: NULL and one that is not open are allowed
 *
 * A cancel of its deadline that has not taken effect is taken back.
 *
 * Context: the task's own step.
 * Return:  1 if it was left by its deadline; 0 if not; -EPERM elsewhere; -ESHUTDOWN; -ECHILD, and
 *          if it is the step that forked it is ended all the same.
 */
FERRY_API int ferry_timeout_end(ferry_timeout *timeout);

#ifdef __cplusplus
}
#endif

/** A statement that is left at a deadline; see above. @timeout_ is evaluated several times. */
#define FERRY_TIMEOUT(timeout_, deadline_ns)                                             \
	if ((void)FERRY_BODY_, (void)sizeof(struct { FERRY_LINE_FITS_; int unused; }),   \
	    ferry_timeout_begin((timeout_), ferry_self_, (deadline_ns), __LINE__) < 0) { \
		FERRY_DISPATCH_;                                                         \
	case FERRY_FAR_ + __LINE__:;                                                     \
	} else                                                                           \
		for (; (timeout_)->open; (void)ferry_timeout_end(timeout_))              \
			for ((timeout_)->inside = 1; (timeout_)->inside; (timeout_)->inside = 0)

#endif
