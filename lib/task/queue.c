/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loop-local bounded queues.
 *
 * On the loop's thread: a step puts or gets, and what fits goes through at once; the others
 * stand in line by their entries. Invariants: items come out in the order in which they were put,
 * those that waited for room included; nobody waits to get while there is an item, nor to put
 * while there is room; who leaves the line takes nothing with him.
 */
#include <limits.h>

#include "task/awaitable.h"

static int check(const ferry_queue *queue)
{
	return queue ? loop_check(queue->loop) : -EINVAL;
}

/* ---- lines ---- */

static void stand_in(ferry_queue_line *line, ferry_queue_entry *entry)
{
	entry->next = NULL;
	entry->previous = line->last;
	*(line->last ? &line->last->next : &line->first) = entry;
	line->last = entry;
}

static void step_out(ferry_queue_line *line, ferry_queue_entry *entry)
{
	*(entry->previous ? &entry->previous->next : &line->first) = entry->next;
	*(entry->next ? &entry->next->previous : &line->last) = entry->previous;
}

/* The first of a line is through, by 0 or a negative errno. */
static ferry_queue_entry *serve(ferry_queue_line *line, int outcome)
{
	ferry_queue_entry *entry = line->first;

	step_out(line, entry);
	awaitable_complete(entry->queue->loop, &entry->awaitable, awaitable_done_by(outcome));
	return entry;
}

static void leave_getters(ferry_operation *operation, struct ferry_task *task);
static void leave_putters(ferry_operation *operation, struct ferry_task *task);

static const ferry_operation_hooks get_hooks = { sizeof(get_hooks), "queue, to get", 0, NULL,
						 leave_getters };
static const ferry_operation_hooks put_hooks = { sizeof(put_hooks), "queue, to put", 0, NULL,
						 leave_putters };

static void leave(ferry_queue_entry *entry, ferry_queue_line *line)
{
	step_out(line, entry);
	awaitable_complete(entry->queue->loop, &entry->awaitable, awaitable_done_by(-ECANCELED));
}

static void leave_getters(ferry_operation *operation, struct ferry_task *task)
{
	ferry_queue_entry *entry = container(operation, ferry_queue_entry, operation);

	(void)task;
	leave(entry, &entry->queue->getters);
}

static void leave_putters(ferry_operation *operation, struct ferry_task *task)
{
	ferry_queue_entry *entry = container(operation, ferry_queue_entry, operation);

	(void)task;
	leave(entry, &entry->queue->putters);
}

/* ---- items ---- */

int ferry_queue_init(ferry_queue *queue, ferry_loop *loop, void **items, size_t capacity)
{
	int error = loop_check(loop);

	if (error || !queue || !items || !capacity)
		return error ? error : -EINVAL;
	*queue = (ferry_queue){ .loop = loop, .items = items, .capacity = capacity };
	return 0;
}

static void push(ferry_queue *queue, void *item)
{
	size_t last = queue->first + queue->count++;

	queue->items[last < queue->capacity ? last : last - queue->capacity] = item;
}

static void *shift(ferry_queue *queue)
{
	void *item = queue->items[queue->first++];

	if (queue->first == queue->capacity)
		queue->first = 0;
	queue->count--;
	/* There is room for the one who has waited longest. */
	if (queue->putters.first)
		push(queue, serve(&queue->putters, 0)->item);
	return item;
}

int ferry_queue_try_put(ferry_queue *queue, void *item)
{
	int error = check(queue);

	if (error)
		return error;
	if (queue->closed)
		return -ESHUTDOWN;
	/* Then it is empty. */
	if (queue->getters.first) {
		serve(&queue->getters, 0)->item = item;
		return 0;
	}
	if (queue->count == queue->capacity)
		return -EAGAIN;
	push(queue, item);
	return 0;
}

int ferry_queue_try_get(ferry_queue *queue, void **ret)
{
	int error = check(queue);

	if (error || !ret)
		return error ? error : -EINVAL;
	if (!queue->count)
		return queue->closed ? -ESHUTDOWN : -EAGAIN;
	*ret = shift(queue);
	return 0;
}

/* ---- with waiting ---- */

static ferry_operation *wait_in(ferry_queue *queue, ferry_queue_line *line,
				ferry_queue_entry *entry, const ferry_operation_hooks *hooks)
{
	operation_init(&entry->operation, hooks);
	entry->queue = queue;
	stand_in(line, entry);
	return &entry->operation;
}

ferry_operation *ferry_queue_put(ferry_queue *queue, ferry_queue_entry *entry, void *item)
{
	int error;

	if (!entry) {
		errno = EINVAL;
		return NULL;
	}
	error = ferry_queue_try_put(queue, item);
	entry->item = item;
	entry->queue = queue;
	if (error == -EAGAIN)
		return wait_in(queue, &queue->putters, entry, &put_hooks);
	return operation_refuse(&entry->operation, error);
}

ferry_operation *ferry_queue_get(ferry_queue *queue, ferry_queue_entry *entry)
{
	void *item = NULL;
	int error;

	if (!entry) {
		errno = EINVAL;
		return NULL;
	}
	error = ferry_queue_try_get(queue, &item);
	entry->item = item;
	entry->queue = queue;
	if (error == -EAGAIN)
		return wait_in(queue, &queue->getters, entry, &get_hooks);
	return operation_refuse(&entry->operation, error);
}

int ferry_queue_leave(ferry_queue_entry *entry)
{
	int error = entry ? check(entry->queue) : -EINVAL;

	if (error)
		return error;
	if (awaitable_is_done(&entry->awaitable))
		return 0;
	if (awaitable_last(&entry->awaitable))
		return -EBUSY;
	entry->operation.hooks->cancel(&entry->operation, NULL);
	return 1;
}

int ferry_queue_close(ferry_queue *queue)
{
	int error = check(queue);

	if (error)
		return error;
	if (queue->closed)
		return -EALREADY;
	queue->closed = 1;
	while (queue->putters.first)
		serve(&queue->putters, -ESHUTDOWN);
	while (queue->getters.first)
		serve(&queue->getters, -ESHUTDOWN);
	return 0;
}

int ferry_queue_count(ferry_queue *queue)
{
	int error = check(queue);

	if (error)
		return error;
	return queue->count > INT_MAX ? INT_MAX : (int)queue->count;
}
