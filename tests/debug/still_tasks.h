/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEBUG_STILL_TASKS_H
#define DEBUG_STILL_TASKS_H
/*
 * Tasks of a still life, in every state, and a group, a gather and operations that they wait for.
 * The comments "at NAME" are where the session says @NAME@.
 */
#include "still_locals.h"

#define FAR_AWAY_NS UINT64_C(3600000000000)

/* One frame serves all of them. */
struct sitter {
	FERRY_FRAME;
	ferry_await await;
	ferry_sleep sleep;
	ferry_queue_entry entry;
	ferry_gather gather;
	ferry_gather_entry entries[2];
	ferry_group group;
	struct sitter *other;
};

static ferry_event event, soon;
static ferry_lock lock;
static ferry_condition condition;
static ferry_queue queue;
static void *queue_items[1];
static ferry_group family;

static struct sitter deferred, scheduled, sleeper, offloader, borrower, parent, child;
static struct sitter gatherer, getter, reacquirer, holder, yielder, woken, shielder, cleaner;
static struct sitter first, second, member, in_queue, valued, broken, given_up;
static __attribute__((used)) struct sitter never;
static struct sitter owner, owned;
static ferry_future *of_task;

static void begin(struct sitter *sitter, ferry_step_function step,
		  const ferry_task_options *options)
{
	ferry_task_begin(&sitter->task, loop, step, options);
}

/* ---- steps, named by what they wait for ---- */

static ferry_step on_sleep(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	FERRY_TRY(ferry_sleep_until(&f->sleep, loop, ferry_in_ns(FAR_AWAY_NS))); /* at sleep */
	FERRY_END;
}

static ferry_step on_offload(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	FERRY_TRY(ferry_await_local(&f->await, offloaded(hold, NULL))); /* at offload */
	FERRY_END;
}

static ferry_step on_borrowed(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	local_borrowing = offloaded(hold, f);
	FERRY_TRY(ferry_await_local(&f->await, local_borrowing)); /* at borrowed */
	FERRY_END;
}

static ferry_step on_other(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	FERRY_TRY(f->other); /* at other */
	FERRY_END;
}

static ferry_step on_event(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	FERRY_TRY(&event); /* at event */
	FERRY_END;
}

static ferry_step on_soon(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	FERRY_TRY(&soon); /* at soon */
	FERRY_END;
}

static ferry_step on_gather(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	f->entries[0].of = &f->other->awaitable;
	f->entries[1].of = &event.operation.awaitable;
	ferry_gather_begin(&f->gather, loop, f->entries, 2, FERRY_GATHER_ALL);
	FERRY_TRY(&f->gather); /* at gather */
	FERRY_END;
}

static ferry_step on_queue(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	FERRY_TRY(ferry_queue_get(&queue, &f->entry)); /* at queue */
	FERRY_END;
}

static ferry_step on_condition(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	FERRY_TRY(ferry_lock_acquire(&lock));
	FERRY_TRY(ferry_condition_wait(&condition)); /* at condition */
	FERRY_END;
}

/* Has the lock that the other one has to have again. */
static ferry_step on_lock(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	FERRY_TRY(ferry_lock_acquire(&lock));
	ferry_condition_notify(&condition, 1);
	FERRY_TRY(&event); /* at lock */
	FERRY_END;
}

static ferry_step on_yield(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	FERRY_YIELD(); /* at yield */
	FERRY_END;
}

static ferry_step on_shield(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	FERRY_SHIELD(f->other); /* at shield */
	FERRY_END;
}

static ferry_step on_end(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	FERRY_TRY(&event);

	FERRY_FINALLY
	FERRY_AWAIT(&event); /* at end */
	FERRY_END;
}

/* Has a group open while it waits for something else. */
static ferry_step on_family(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	NEEDS(ferry_group_init(&f->group, loop, NULL) == 0);
	begin(f->other, on_event, FERRY_WITH(.group = &f->group));
	FERRY_TRY(&event); /* at family */
	FERRY_END;
}

static ferry_step ends(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	FERRY_RETURN(ferry_task_set_result(task, ferry_result_u64(9)));
	FERRY_FINALLY
	FERRY_END;
}

static ferry_step fails(ferry_task *task)
{
	FERRY_BEGIN(task, struct sitter, f);
	FERRY_FAIL(-EIO);
	FERRY_FINALLY
	FERRY_END;
}

/* ---- posing ---- */

static void tools_pose(void)
{
	static const ferry_group_options options = { .size = sizeof(options), .limit = 1,
						     .name = "family" };

	NEEDS(ferry_event_init(&event, loop) == 0 && ferry_event_init(&soon, loop) == 0 &&
	      ferry_lock_init(&lock, loop) == 0 && ferry_condition_init(&condition, &lock) == 0 &&
	      ferry_queue_init(&queue, loop, queue_items, 1) == 0 &&
	      ferry_group_init(&family, loop, &options) == 0);
}

static void waiting_pose(void)
{
	begin(&sleeper, on_sleep, FERRY_WITH(.name = "sleeper"));
	begin(&borrower, on_borrowed, FERRY_WITH(.name = "borrower"));
	await_entered();
	NEEDS(ferry_task_cancel(&borrower.task) == 0);
	begin(&offloader, on_offload, FERRY_WITH(.name = "offloader"));
	begin(&child, on_event, FERRY_WITH(.name = "child"));
	parent.other = shielder.other = gatherer.other = &child;
	begin(&parent, on_other, FERRY_WITH(.name = "parent"));
	begin(&shielder, on_shield, FERRY_WITH(.name = "shielder"));
	begin(&gatherer, on_gather, FERRY_WITH(.name = "gatherer"));
	begin(&getter, on_queue, FERRY_WITH(.name = "getter"));
	begin(&reacquirer, on_condition, FERRY_WITH(.name = "reacquirer"));
	begin(&holder, on_lock, FERRY_WITH(.name = "holder"));
	begin(&cleaner, on_end, FERRY_WITH(.name = "cleaner"));
	NEEDS(ferry_task_cancel(&cleaner.task) == 0);
	owner.other = &owned;
	begin(&owner, on_family, FERRY_WITH(.name = "owner"));
	/* A circle. */
	first.other = &second;
	second.other = &first;
	ferry_task_init(&second.task, loop, on_other, FERRY_WITH(.name = "second"));
	begin(&first, on_other, FERRY_WITH(.name = "first"));
	NEEDS(ferry_task_start(&second.task) == 0);
}

static void others_pose(void)
{
	ferry_task_init(&deferred.task, loop, on_sleep, FERRY_WITH(.name = "deferred"));
	begin(&member, on_event, FERRY_WITH(.name = "member", .group = &family));
	begin(&in_queue, on_event, FERRY_WITH(.name = "in the queue", .group = &family));
	begin(&woken, on_soon, FERRY_WITH(.name = "woken"));
	begin(&valued, ends, NULL);
	begin(&broken, fails, NULL);
	begin(&given_up, on_event, NULL);
	NEEDS(ferry_task_cancel(&given_up.task) == 0);
	NEEDS(ferry_task_unwrap(&sleeper.task, NULL, &of_task) == 0);
}

static void tasks_pose(void)
{
	tools_pose();
	waiting_pose();
	others_pose();
}

#endif
