/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The eager adapter: a ready-made frame around a function that starts something and one that is
 * called when that is done.
 *
 * On the loop's thread. Before it somebody has such functions; after it there is a task that ends
 * as the second one says. Invariant: the first function has been called when the call returns,
 * unless the task was refused, or put off as an eager start is; the local is let go of, however the
 * task ends.
 */
#include "task/task.h"

/* As the local did: a number is all that can leave it. */
static int finish_alike(ferry_eager *eager)
{
	ferry_snapshot snapshot = ferry_await_snapshot(&eager->answer);

	if (!snapshot.exception && !snapshot.result.disposer)
		ferry_task_set_result(&eager->task, snapshot.result);
	return 0;
}

static ferry_step eager_step(ferry_task *task)
{
	FERRY_BEGIN(task, ferry_eager, f);
	FERRY_AWAIT(ferry_await_local(&f->answer, f->start(ferry_task_loop(task), f->user)));
	if (!f->finish || ferry_awaitable_snapshot(&f->answer.awaitable).cancelled) {
		FERRY_TRY(&f->answer);
		FERRY_RETURN(finish_alike(f));
	}
	{
		int said = f->finish(&f->answer, f->user);

		if (said)
			FERRY_FAIL(said);
	}
	FERRY_RETURN();

	FERRY_FINALLY
	ferry_await_end(&f->answer);
	FERRY_END;
}

void eager_forsake(struct ferry_task *task)
{
	if (task->step == eager_step)
		ferry_await_end(&container(task, ferry_eager, task)->answer);
}

ferry_task *ferry_eager_begin(ferry_eager *eager, ferry_loop *loop,
			      ferry_local *(*start)(ferry_loop *loop, void *user),
			      int (*finish)(ferry_await *answer, void *user), void *user,
			      const ferry_task_options *given)
{
	ferry_task_options options;
	int error;

	if (!eager) {
		errno = EINVAL;
		return NULL;
	}
	memset(&eager->answer, 0, sizeof(eager->answer));
	eager->start = start;
	eager->finish = finish;
	eager->user = user;
	error = task_read_options(given, &options);
	if (error || !start) {
		task_refuse(&eager->task, loop, error ? error : -EINVAL, error ? NULL : &options);
		return &eager->task;
	}
	options.start = FERRY_START_EAGER;
	return ferry_task_begin(&eager->task, loop, eager_step, &options);
}
