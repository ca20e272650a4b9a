/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_TASK_EAGER_H
#define FERRY_TASK_EAGER_H
/*
 * A task for a function that starts something and then waits for it, without a frame of its own.
 *
 *	static ferry_local *begin_write(ferry_loop *loop, void *user);    starts it: now
 *	static int end_write(ferry_await *answer, void *user);            when it is done
 *
 *	ferry_eager_begin(&f->write, loop, begin_write, end_write, f, NULL);
 *	do_other_work();
 *	FERRY_TRY(&f->write);
 *
 * Whatever the loop's default, the first function runs inside the call: so what it starts goes on
 * beside what the caller does next. Only the waiting is put off until it is awaited. (It is the
 * first step of an eager task, which is put off where those are: beyond 64 inside of each other,
 * beyond the turn's budget, in a group at its limit, and by a factory of your own that does not
 * start it.)
 */
#include <ferry/task/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The frame of such a task: it has .task and .awaitable. */
typedef struct ferry_eager {
	FERRY_FRAME;
	ferry_await answer;
	ferry_local *(*start)(ferry_loop *loop, void *user);
	int (*finish)(ferry_await *answer, void *user);
	void *user;
} ferry_eager;

/**
 * ferry_eager_begin() - start something now, and have a task for its end
 * @eager:   the memory, whatever is in it
 * @loop:    the loop
 * @start:   called here as a rule, in the first step of the task: starts it and returns its local,
 *           as ferry_offload() does; NULL with errno set if it could not
 * @finish:  called when the local is done and was not cancelled, whatever its outcome: 0, or a
 *           negative errno, which becomes the task's exception. NULL: the task ends as the local
 *           did, its result being the number in the local's
 * @user:    given to both
 * @options: of the task; may be NULL. options.start is not looked at
 *
 * Ownership: as ferry_task_begin(). The local is the task's, and let go when it ends.
 * Context:   the loop's thread.
 * Return:    the task; NULL with errno EINVAL if @eager is NULL.
 */
FERRY_API ferry_task *ferry_eager_begin(ferry_eager *eager, ferry_loop *loop,
					ferry_local *(*start)(ferry_loop *loop, void *user),
					int (*finish)(ferry_await *answer, void *user), void *user,
					const ferry_task_options *options);

#ifdef __cplusplus
}
#endif
#endif
