/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limiters: so many at a time.
 *
 * On the loop's thread: a task is submitted, or a step enters and leaves; when somebody leaves
 * the next one is started, or goes on, in the next turn. Invariants: never more are inside than
 * the limit but for those that were started out of turn; first come, first served within a
 * priority; who is cancelled in the queue leaves it, and no place is lost.
 */
#include "task/limiter.h"

enum slot_state { SLOT_OUT, SLOT_QUEUED, SLOT_INSIDE };

static ferry_slot *slot_of_operation(ferry_operation *operation)
{
	return container(operation, ferry_slot, operation);
}

/* ---- the queue ---- */

static void enqueue(ferry_slot *slot)
{
	struct ferry_limiter *limiter = slot->limiter;
	ferry_slot **first = &limiter->queues[slot->priority].first;
	ferry_slot **last = &limiter->queues[slot->priority].last;

	slot->state = SLOT_QUEUED;
	slot->next = NULL;
	slot->previous = *last;
	if (*last)
		(*last)->next = slot;
	else
		*first = slot;
	*last = slot;
	limiter->occupied |= 1u << slot->priority;
	limiter->queued++;
}

static void dequeue(ferry_slot *slot)
{
	struct ferry_limiter *limiter = slot->limiter;

	if (slot->previous)
		slot->previous->next = slot->next;
	else
		limiter->queues[slot->priority].first = slot->next;
	if (slot->next)
		slot->next->previous = slot->previous;
	else
		limiter->queues[slot->priority].last = slot->previous;
	if (!limiter->queues[slot->priority].first)
		limiter->occupied &= ~(1u << slot->priority);
	limiter->queued--;
}

static void go_inside(ferry_slot *slot)
{
	slot->state = SLOT_INSIDE;
	slot->limiter->inside++;
}

/* The most urgent, and of those the one that came first. */
static ferry_slot *oldest(const struct ferry_limiter *limiter)
{
	return limiter->queues[31 - __builtin_clz(limiter->occupied)].first;
}

static void let_in(struct ferry_limiter *limiter)
{
	while (limiter->queued && limiter->inside < limiter->limit && !limiter->loop->closed) {
		ferry_slot *slot = oldest(limiter);

		dequeue(slot);
		go_inside(slot);
		if (slot->starts) {
			task_note_start(slot->task);
			task_schedule(slot->task);
		} else {
			awaitable_complete(limiter->loop, &slot->awaitable, awaitable_done_by(0));
		}
	}
}

/* Out of the queue, or out from inside. */
static void get_out(ferry_slot *slot)
{
	struct ferry_limiter *limiter = slot->limiter;

	if (slot->state == SLOT_QUEUED)
		dequeue(slot);
	else
		limiter->inside--;
	slot->state = SLOT_OUT;
	slot->limiter = NULL;
	let_in(limiter);
}

/* ---- made ---- */

static int check(const struct ferry_limiter *limiter)
{
	return limiter ? loop_check(limiter->loop) : -EINVAL;
}

int ferry_limiter_init(ferry_limiter *limiter, ferry_loop *loop, size_t limit)
{
	int error = loop_check(loop);

	if (error || !limiter || !limit)
		return error ? error : -EINVAL;
	*limiter = (ferry_limiter){ .loop = loop, .limit = limit };
	return 0;
}

int ferry_limiter_set_limit(ferry_limiter *limiter, size_t limit)
{
	int error = check(limiter);

	if (error || !limit)
		return error ? error : -EINVAL;
	limiter->limit = limit;
	let_in(limiter);
	return 0;
}

int ferry_limiter_stats(ferry_limiter *limiter, ferry_limiter_counters *ret)
{
	int error = check(limiter);

	if (error || !ret)
		return error ? error : -EINVAL;
	*ret = (ferry_limiter_counters){ limiter->limit, limiter->inside, limiter->queued };
	return 0;
}

/* ---- whole tasks ---- */

static ferry_slot *starting_slot(const struct ferry_task *task)
{
	ferry_attachment *attachment = attachment_find(task->attachments, ATTACHMENT_SLOT);

	while (attachment && !slot_of(attachment)->starts)
		attachment = attachment_find(attachment->next, ATTACHMENT_SLOT);
	return attachment ? slot_of(attachment) : NULL;
}

bool limiter_has(const struct ferry_task *task)
{
	return task->attachments && starting_slot(task);
}

void limiter_note_start(struct ferry_task *task)
{
	ferry_slot *slot = task->attachments ? starting_slot(task) : NULL;

	if (!slot || slot->state != SLOT_QUEUED)
		return;
	dequeue(slot);
	/* One that only cleans up needs no place. */
	if (task->at == FERRY_AT_FINALLY)
		slot->state = SLOT_OUT;
	else
		go_inside(slot);
}

void limiter_end(ferry_slot *slot)
{
	struct ferry_limiter *limiter = slot->limiter;
	bool is_awaited = slot->state == SLOT_QUEUED && awaitable_last(&slot->awaitable);

	if (slot->state != SLOT_OUT)
		get_out(slot);
	slot->limiter = NULL;
	/* By others, to whom this says that there will be no place. */
	if (is_awaited && !limiter->loop->closed)
		awaitable_complete(limiter->loop, &slot->awaitable, awaitable_done_by(-ECANCELED));
	else
		slot->awaitable.word = 0;
}

static int check_submit(const struct ferry_limiter *limiter, const ferry_slot *slot,
			const struct ferry_task *task, unsigned priority)
{
	int error = check(limiter);

	if (!error && (!slot || slot->limiter || priority > FERRY_PRIORITY_MOST))
		error = -EINVAL;
	if (!error)
		error = task_check_alive(task);
	if (!error &&
	    (task->state != TASK_NEW || task_loop(task) != limiter->loop || limiter_has(task)))
		error = -EINVAL;
	return error;
}

ferry_task *ferry_limiter_submit(ferry_limiter *limiter, ferry_slot *slot, ferry_task *task,
				 unsigned priority)
{
	int error = check_submit(limiter, slot, task, priority);

	if (error) {
		/* It would never be started, so that it has nothing to be shielded. One that was is
		 * not touched. */
		if (task && task->state == TASK_NEW && !task_check_alive(task)) {
			task->flags &= (uint16_t)~TASK_HELD;
			task_cancel(task);
		}
		return task;
	}
	slot->limiter = limiter;
	slot->task = task;
	slot->priority = (uint8_t)priority;
	slot->starts = 1;
	task_attach(task, &slot->attachment, ATTACHMENT_SLOT);
	if (limiter->inside < limiter->limit && !limiter->queued) {
		go_inside(slot);
		ferry_task_start(task);
	} else {
		enqueue(slot);
		task->state = TASK_QUEUED;
	}
	return task;
}

/* ---- parts of one ---- */

static void cancel_wait(ferry_operation *operation, struct ferry_task *task)
{
	ferry_slot *slot = slot_of_operation(operation);
	struct ferry_loop *loop = slot->limiter->loop;

	(void)task;
	if (slot->task)
		task_detach(slot->task, &slot->attachment);
	get_out(slot);
	awaitable_complete(loop, &slot->awaitable, awaitable_done_by(-ECANCELED));
}

static const ferry_operation_hooks slot_hooks = { sizeof(slot_hooks), "limiter", 0, NULL,
						  cancel_wait };

ferry_operation *ferry_limiter_enter(ferry_limiter *limiter, ferry_slot *slot, unsigned priority)
{
	int error = check(limiter);

	if (!slot) {
		errno = EINVAL;
		return NULL;
	}
	/* Not touched: it is in use elsewhere. */
	if (slot->limiter)
		return operation_done(-EBUSY);
	if (!error && priority > FERRY_PRIORITY_MOST)
		error = -EINVAL;
	if (error)
		return operation_refuse(&slot->operation, error);
	slot->limiter = limiter;
	slot->priority = (uint8_t)priority;
	slot->starts = 0;
	slot->task = task_current(limiter->loop);
	if (slot->task)
		task_attach(slot->task, &slot->attachment, ATTACHMENT_SLOT);
	operation_init(&slot->operation, &slot_hooks);
	if (limiter->inside < limiter->limit && !limiter->queued) {
		go_inside(slot);
		slot->awaitable.word = awaitable_done_by(0);
	} else {
		enqueue(slot);
	}
	return &slot->operation;
}

int ferry_limiter_leave(ferry_slot *slot)
{
	bool was_inside;
	int error;

	if (!slot || !slot->limiter)
		return 0;
	error = loop_check(slot->limiter->loop);
	if (error)
		return error;
	if (slot->starts)
		return -EBUSY;
	was_inside = slot->state == SLOT_INSIDE;
	if (!was_inside) {
		cancel_wait(&slot->operation, NULL);
		return 0;
	}
	if (slot->task)
		task_detach(slot->task, &slot->attachment);
	get_out(slot);
	return 1;
}
