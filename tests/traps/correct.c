/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nothing is wrong here, and nobody may say anything: every macro, in the ways in which steps
 * are written.
 */
#include "trap.h"

#include <ferry/task/eager.h>
#include <ferry/task/group.h>
#include <ferry/task/limiter.h>
#include <ferry/task/lock.h>
#include <ferry/task/queue.h>
#include <ferry/task/timeout.h>

ferry_task *begin(struct frame *frame, ferry_loop *loop, const ferry_task_options *options);

/* Loops, switches and locals between waits. */
ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	for (f->i = 0; f->i < 3; f->i++) {
		int number = use(f->i);

		if (number < 0)
			FERRY_FAIL(number);
		if (number > 100)
			FERRY_RETURN(f->i = number, f->wide = (uint64_t)number);
		switch (f->kind) {
		case KIND_PLAIN:
			use(2);
			break;
		case KIND_OTHER:
		default:
			break;
		}
		if (number == 3)
			continue;
		if (number == 4)
			break;
	}
	for (f->i = 0; f->i < 3; f->i++)
		FERRY_TRY(&f->event);
	while (f->i--) {
		FERRY_YIELD();
		if (!f->wide)
			break;
	}
	if (f->kind)
		FERRY_AWAIT(&f->event);
	else
		FERRY_SHIELD(&f->other);
	do {
		char text[16];
		size_t length;

		text[0] = 0;
		length = sizeof(text);
		use(text[0] + (int)length);
		FERRY_TRY(ferry_sleep_until(&f->sleep, ferry_task_loop(task), ferry_in_ns(1000)));
	} while (f->i);
	{
		int number = use(3), other;

		other = number;
		use(other);
	}
	FERRY_AWAIT(&f->event);

	FERRY_FINALLY
	f->cleaned++;
	for (f->i = 0; f->i < 2; f->i++)
		FERRY_AWAIT(&f->event);
	FERRY_YIELD();
	if (f->wide)
		FERRY_SHIELD(&f->other);
	FERRY_END;
}

ferry_task *begin(struct frame *frame, ferry_loop *loop, const ferry_task_options *options)
{
	frame->wide = 0;
	return ferry_task_begin(&frame->task, loop, step, options);
}

/* Scopes with a deadline, nested, left, and in loops. */
static ferry_step scopes_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	FERRY_TIMEOUT(&f->timeout, ferry_in_ns(1000)) {
		{
			int number = use(1);

			if (number)
				break;
		}
		FERRY_TRY(&f->event);
		if (f->i)
			FERRY_RETURN();
		if (f->kind)
			FERRY_FAIL(ferry_error_from_errno(5));
		FERRY_YIELD();
	}
	if (f->timeout.expired)
		FERRY_FAIL(-62);
	for (f->i = 0; f->i < 2; f->i++)
		FERRY_TIMEOUT(&f->timeout, 0)
			FERRY_AWAIT(&f->other);
	if (f->i) {
		FERRY_TIMEOUT(&f->timeout, 0)
			use(1);
	}
	FERRY_RETURN();
	FERRY_END;
}

/* One that gives, one that asks. */
static ferry_step gives_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	for (f->i = 0; f->i < 3; f->i++)
		FERRY_EMIT(&f->iterator, &f->wide);
	FERRY_RETURN();
	FERRY_END;
}

static ferry_step asks_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	for (;;) {
		FERRY_TRY(ferry_iterator_next(&f->iterator));
		if (f->iterator.ended)
			break;
		use(*(int *)f->iterator.item);
	}
	FERRY_END;
}

/* What holds several, and what each of them is awaited by. */
struct many {
	FERRY_FRAME;
	struct frame child;
	ferry_group group;
	ferry_gather gather;
	ferry_gather_entry entries[2];
	ferry_limiter limiter;
	ferry_slot slot;
	ferry_lock lock;
	ferry_condition condition;
	ferry_semaphore semaphore;
	ferry_queue queue;
	ferry_queue_entry entry;
	void *items[4];
	ferry_await answer;
	ferry_eager eager;
	const ferry_error *error;
};

static ferry_local *nothing(ferry_loop *loop, void *user)
{
	(void)loop;
	return user;
}

static ferry_step many_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct many, f);
	ferry_loop *loop;

	loop = ferry_task_loop(task);
	if (ferry_group_init(&f->group, loop, NULL))
		FERRY_FAIL(-22);
	begin(&f->child, loop, FERRY_IN(&f->group));
	FERRY_TRY(&f->group);
	FERRY_TRY(begin(&f->child, ferry_task_loop(task), NULL));
	FERRY_TRY(&f->child);
	f->entries[0].of = &f->child.awaitable;
	f->entries[1].of = &f->group.awaitable;
	FERRY_TRY(ferry_gather_begin(&f->gather, ferry_task_loop(task), f->entries, 2,
				     FERRY_GATHER_ALL));
	FERRY_TRY(ferry_limiter_enter(&f->limiter, &f->slot, 0));
	FERRY_TRY(ferry_lock_acquire(&f->lock));
	FERRY_TRY(ferry_condition_wait(&f->condition));
	FERRY_TRY(ferry_semaphore_acquire(&f->semaphore));
	FERRY_TRY(ferry_queue_put(&f->queue, &f->entry, f->items));
	FERRY_TRY(ferry_queue_get(&f->queue, &f->entry));
	FERRY_TRY(ferry_await_local(&f->answer, NULL));
	FERRY_TRY(ferry_eager_begin(&f->eager, ferry_task_loop(task), nothing, NULL, NULL, NULL));
	if (f->error)
		FERRY_FAIL(f->error);
	FERRY_RETURN(ferry_task_set_result(task, ferry_result_u64(1)));

	FERRY_FINALLY
	ferry_limiter_leave(&f->slot);
	ferry_await_end(&f->answer);
	FERRY_END;
}

ferry_step_function steps[] = { scopes_step, gives_step, asks_step, many_step };
