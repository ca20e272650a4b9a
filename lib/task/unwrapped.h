/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TASK_UNWRAPPED_H
#define TASK_UNWRAPPED_H
/* The block of a future that a loop completes, from a task or a local. */
#include "bridge/local.h"
#include "future/future.h"
#include "task/unwrap.h"

struct unwrapped {
	struct ferry_future future; /* first: freeing it frees the block */
	struct future_tail tail;
	struct ferry_loop *loop; /* its handle, held */
	ferry_attachment attachment;
	struct ferry_task *task;        /* NULL: it has ended, or it is a local */
	struct ferry_local *local;      /* held; NULL: it is done, or it is a task */
	struct ferry_waiter waiter;     /* of the local; of a task that is under way to its loop; of
					   the outcome, below, that hooks are waited for */
	ferry_awaitable ended;          /* holds its exception */
	uint64_t number;
	struct ferry_waiter ask;        /* a cancel that is under way */
	const ferry_disposer *disposer; /* of the result */
	struct ferry_future *carrier;   /* takes it to the pool if it becomes none and may block */

	/* Of a task that is under way. */
	ferry_step_function step;
	ferry_task_options options;
	ferry_context_hooks hooks;
	char name[32];
};

/* With two references, the loop's side and the caller's; NULL: @error says why. */
struct unwrapped *unwrapped_make(struct ferry_loop *loop, const ferry_unwrap_options *options,
				 int *error);
/* Nobody has seen it. */
void unwrapped_unmake(struct unwrapped *unwrapped);
/* To the caller, who may not want it. */
void unwrapped_hand_out(struct unwrapped *unwrapped, ferry_future **ret);
/* As an awaitable's word says. Takes no reference to the exception; drops the loop's side. */
void unwrapped_complete(struct unwrapped *unwrapped, uintptr_t word, ferry_result result);
/* What the task ends as will be the future's. */
void unwrapped_attach(struct unwrapped *unwrapped, struct ferry_task *task);
int unwrapped_read_options(const ferry_unwrap_options *given, ferry_unwrap_options *options);

#endif
