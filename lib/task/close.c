/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of tasks when their loop is closed.
 *
 * On the loop's thread, inside ferry_loop_free(), when locals and timers are gone. Invariants:
 * every task that is listed ends as cancelled, and nothing of it runs but its cleanup hook; its
 * futures are done, so that nobody on another thread waits for ever.
 */
#include "task/group.h"
#include "task/task.h"
#include "task/unwrap.h"

/* Those who wait: callbacks are freed, all others are not told. */
static void drop_waiters(ferry_awaitable *awaitable)
{
	struct ferry_waiter *node;

	while ((node = awaitable_take(awaitable)))
		if (node->notify == task_call_done)
			node->notify(node);
}

/* Those whose hook is to be called, and all futures. */
struct farewell {
	struct ferry_task *first, **end; /* linked by next, which is free by then */
	ferry_attachment *futures;
};

static void keep_futures(struct ferry_task *task, struct farewell *farewell)
{
	ferry_attachment **end = &task->attachments;

	while (*end)
		end = &(*end)->next;
	*end = farewell->futures;
	farewell->futures = task->attachments;
	task->attachments = NULL;
}

/* Until all have ended it stays where it is: its node may be in the ring of another one, and its
 * hook may free frames. Who waits for its future may free those of its children, too. */
static void end(struct ferry_task *task, struct farewell *farewell)
{
	struct ferry_loop *loop = task_loop(task);
	struct task_extra extra;

	task_set_outcome(task, TASK_CANCELLED, NULL);
	/* What one waited for that was woken may have gone since (step.c). */
	if (task->state == TASK_WAITING || task->state == TASK_WAITING_SHIELDED)
		await_forsake(task->awaited);
	drop_waiters(&task->awaitable);
	task->awaitable.word = awaitable_done(AWAITABLE_CANCELLED, NULL);
	eager_forsake(task);
	extra = task_end_attachments(task);
	if (task->flags & TASK_LISTED)
		task_unlist(task);
	/* Its group may go before it does. */
	task->scope = &loop->scope;
	keep_futures(task, farewell);
	if (!extra.cleanup)
		return;
	task_keep_cleanup(task, extra.cleanup, extra.user);
	task->next = NULL;
	*farewell->end = task;
	farewell->end = &task->next;
}

static void bid_farewell(struct ferry_loop *loop, const struct farewell *farewell)
{
	struct ferry_waiter *node;

	for (struct ferry_task *task = farewell->first, *next; task; task = next) {
		next = task->next;
		task_queue_kept_cleanup(task);
	}
	while ((node = chain_take(&loop->ready))) {
		loop->ready_count--;
		node->notify(node);
	}
	unwrap_complete(farewell->futures, awaitable_done(AWAITABLE_CANCELLED, NULL), 0);
}

void task_end_all(struct ferry_loop *loop)
{
	struct farewell farewell = { NULL, &farewell.first, NULL };

	while (loop->groups) {
		struct ferry_group *group = loop->groups;

		while (group->scope.first)
			end(group->scope.first, &farewell);
		drop_waiters(&group->awaitable);
		group_forsake(group);
	}
	while (loop->scope.first)
		end(loop->scope.first, &farewell);
	bid_farewell(loop, &farewell);
}
