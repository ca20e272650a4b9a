/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TASK_STEP_H
#define TASK_STEP_H
/*
 * Running a task's step. Inline, since a task that ends in its first step does little else.
 */
#include "task/task.h"

#define RARE(condition) __builtin_expect(!!(condition), 0)
#define COLD __attribute__((cold, noinline))

/* Steps on top of steps: each takes some 300 bytes of stack, and what the user's does. */
#define STEP_DEPTH_MOST 64

/* A step that returned without a word: it is told where, cleans up, and is ended for it. */
COLD void step_find_stray(struct ferry_task *task);
/* A fork's child, back from the step that forked and that closed the loop there. */
COLD void step_end_in_child(struct ferry_loop *loop);
/* The first step will be run by the loop, in the next turn. */
COLD void step_start_later(struct ferry_task *task);
/* No turn runs: this step, and what it begins and waits for, has the budget of one. */
COLD void step_run_outside(struct ferry_loop *loop, struct ferry_task *task,
			   struct activation *here);

static inline void step_run(struct ferry_loop *loop, struct ferry_task *task,
			    struct activation *here)
{
	ferry_step step;

	loop->activation = here;
	step = task->step(task);
	/* Whatever it returned, but nothing, the task may be gone. */
	if (RARE(!step.how))
		step_find_stray(task);
	loop->activation = here->outer;
}

/* The first step, here; or in the next turn, if that would be too deep or too much (T2). */
static inline void step_start(struct ferry_loop *loop, struct ferry_task *task)
{
	struct activation *outer = loop->activation;
	struct activation here = { task, outer, outer->depth + 1 };

	if (RARE(outer->depth == STEP_DEPTH_MOST || !loop_pass(loop))) {
		step_start_later(task);
		return;
	}
	if (RARE(loop_is_unbounded(loop)))
		step_run_outside(loop, task, &here);
	else
		step_run(loop, task, &here);
	/* It may be gone: its address is all that is of interest. */
	task_prepay(outer->task, &task->awaitable);
	if (RARE(loop->closed))
		step_end_in_child(loop);
}

#endif
