/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Task factories: who makes the tasks of a loop, and decides when they start.
 *
 * On the loop's thread, called by ferry_task_begin() before anything of the task runs.
 * Invariant (T1): both of ours and one of the caller's go through the same call and see the same
 * options; what a task itself asks for is done, whatever the factory.
 */
#include "task/task.h"

_Static_assert(LOOP_EAGER == FERRY_START_EAGER, "a loop begins so");

static int make(struct ferry_task *task, struct ferry_loop *loop, ferry_step_function step,
		const ferry_task_options *options, ferry_start start)
{
	if (!task || !options)
		return -EINVAL;
	return task_make(task, loop, step, options, options->start ? options->start : start);
}

int ferry_eager_factory(ferry_task *task, ferry_loop *loop, ferry_step_function step,
			const ferry_task_options *options, void *user)
{
	(void)user;
	return make(task, loop, step, options, FERRY_START_EAGER);
}

int ferry_lazy_factory(ferry_task *task, ferry_loop *loop, ferry_step_function step,
		       const ferry_task_options *options, void *user)
{
	(void)user;
	return make(task, loop, step, options, FERRY_START_LAZY);
}

void factory_recognize(struct ferry_loop *loop)
{
	loop->plain_start = 0;
	if (!loop->task_factory || loop->task_factory == ferry_eager_factory)
		loop->plain_start = FERRY_START_EAGER;
	else if (loop->task_factory == ferry_lazy_factory)
		loop->plain_start = FERRY_START_LAZY;
}

int ferry_loop_set_task_factory(ferry_loop *loop, ferry_task_factory factory, void *user)
{
	int error = loop_check(loop);

	if (error)
		return error;
	loop->task_factory = factory;
	loop->task_user = user;
	factory_recognize(loop);
	return 0;
}
