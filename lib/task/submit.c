/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tasks that come from other threads.
 *
 * Submitted on any thread; begun on the loop's, when the post arrives; unwrap.c completes the
 * future. Invariants: the future is running from birth, and somebody completes it whatever becomes
 * of the task; options are read, and a context is copied, where it was submitted; a context that no
 * task has is freed.
 */
#include "task/unwrapped.h"

#include "base/options.h"

/* The context was copied where the task was submitted; it goes on from there. */
static void drop_context(struct unwrapped *unwrapped)
{
	if (unwrapped->options.context && unwrapped->hooks.free)
		unwrapped->hooks.free(unwrapped->options.context);
}

/* It never came to be begun. */
static void end_unbegun(struct unwrapped *unwrapped, uintptr_t word)
{
	struct ferry_task *task = unwrapped->task;

	drop_context(unwrapped);
	/* Whatever was in its memory: the hook may look at it. */
	task_refuse(task, unwrapped->loop, -ECANCELED, NULL);
	if (unwrapped->options.cleanup)
		unwrapped->options.cleanup(task, unwrapped->options.user);
	unwrapped_complete(unwrapped, word, ferry_result_u64(0));
}

void unwrap_note_begun(struct ferry_task *task, const ferry_context_hooks *hooks)
{
	struct ferry_loop *loop = task_loop(task);
	struct unwrapped *unwrapped = loop->arriving;

	if (!unwrapped || unwrapped->task != task)
		return;
	loop->arriving = NULL;
	/* A factory gave another one, or has the same let go of otherwise. */
	if (hooks != &unwrapped->hooks || ferry_task_context(task) != unwrapped->options.context)
		drop_context(unwrapped);
	unwrapped_attach(unwrapped, task);
}

/* On the loop's thread: begun as any other. */
static void arrive_task(struct ferry_waiter *node)
{
	struct unwrapped *unwrapped = container(node, struct unwrapped, waiter);
	struct ferry_loop *loop = unwrapped->loop;
	struct ferry_task *task = unwrapped->task;
	void (*cleanup)(struct ferry_task *, void *) = unwrapped->options.cleanup;

	if (loop->closed) {
		end_unbegun(unwrapped, awaitable_done_by(-ECANCELED));
		return;
	}
	loop->arriving = unwrapped;
	/* Its options were read where it was submitted, and are all there. */
	task_begin_otherwise(task, loop, unwrapped->step, &unwrapped->options);
	if (loop->arriving != unwrapped)
		return;
	/* Refused by the factory, or for want of memory: a hook is called, then it is done. */
	loop->arriving = NULL;
	drop_context(unwrapped);
	if (cleanup)
		unwrapped_attach(unwrapped, task);
	else
		unwrapped_complete(unwrapped, task->awaitable.word, ferry_result_u64(0));
}

static void copy_options(struct unwrapped *unwrapped, const ferry_task_options *options)
{
	unwrapped->options = *options;
	if (options->name) {
		name_copy(unwrapped->name, sizeof(unwrapped->name), options->name);
		unwrapped->options.name = unwrapped->name;
	}
	if (!options->context)
		return;
	if (options->hooks) {
		unwrapped->hooks.free = options->hooks->free;
		if (options->hooks->copy)
			unwrapped->options.context = options->hooks->copy(options->context);
	}
	unwrapped->options.hooks = &unwrapped->hooks;
}

int ferry_task_submit(ferry_task *task, ferry_loop *loop, ferry_step_function step,
		      const ferry_task_options *given, const ferry_unwrap_options *unwrap,
		      ferry_future **ret)
{
	ferry_task_options options;
	ferry_unwrap_options unwrap_options;
	struct unwrapped *unwrapped;
	ferry_future *future;
	int error;

	if (!task || !loop || !step)
		return -EINVAL;
	if (loop->generation != process_generation)
		return -ECHILD;
	error = options_read(&options, sizeof(options), given);
	if (!error && (options.start > FERRY_START_DEFERRED || options.group))
		error = -EINVAL;
	if (!error)
		error = unwrapped_read_options(unwrap, &unwrap_options);
	if (error)
		return error;
	unwrapped = unwrapped_make(loop, &unwrap_options, &error);
	if (!unwrapped)
		return error;
	options.size = sizeof(options);
	unwrapped->task = task;
	unwrapped->step = step;
	unwrapped->waiter.notify = arrive_task;
	copy_options(unwrapped, &options);
	future = &unwrapped->future;
	/* The caller's reference is his from here on: the loop may be through with it at once. */
	if (loop_post(loop, &unwrapped->waiter)) {
		if (ret)
			*ret = future;
		else
			ferry_future_unref(future);
		return 0;
	}
	drop_context(unwrapped);
	unwrapped_unmake(unwrapped);
	return -ESHUTDOWN;
}
