/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_TASK_QUEUE_H
#define FERRY_TASK_QUEUE_H
/*
 * A loop-local bounded queue: items from tasks to tasks of one loop, first in, first out. No
 * thread waits for it.
 *
 *	FERRY_TRY(ferry_queue_put(&queue, &f->entry, item));      waits while it is full
 *	FERRY_TRY(ferry_queue_get(&queue, &f->entry));            waits while it is empty
 *	item = f->entry.item;
 *
 * Fair: an item goes to who has waited longest, and its place to who has waited longest to put
 * one. Who waits does so by an entry, a member of a frame, so that nothing is allocated and who
 * is cancelled just leaves. One who was given an item has it, and finds out about a cancel at
 * his next wait.
 */
#include <ferry/task/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_queue ferry_queue;

/** One use of a queue: who waits, and the item. A member of a frame; needs no preparation. */
typedef struct ferry_queue_entry {
	FERRY_OPERATION;
	ferry_queue *queue;
	void *item; /* for everybody: what was got; may be NULL */
	struct ferry_queue_entry *previous, *next;
} ferry_queue_entry;

/** A list of those who wait. In the library's hands. */
typedef struct ferry_queue_line {
	ferry_queue_entry *first, *last;
} ferry_queue_line;

/** A loop-local bounded queue. In the library's hands. */
struct ferry_queue {
	ferry_loop *loop;
	void **items; /* array [capacity], a ring */
	size_t capacity, first, count;
	ferry_queue_line getters, putters;
	int closed;
};

/**
 * ferry_queue_init() - make a loop-local queue, empty
 * @queue:    the memory, whatever is in it
 * @loop:     the loop whose tasks use it
 * @items:    array [capacity], whatever is in it
 * @capacity: 1 or more
 *
 * Ownership: borrows @items as long as it is used; @queue stays the caller's memory. Nobody may
 *            wait when they go. Items are pointers that the queue does nothing with.
 * Context:   the loop's thread. Return: 0; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API FERRY_MUST_CHECK int ferry_queue_init(ferry_queue *queue, ferry_loop *loop, void **items,
						size_t capacity);

/**
 * ferry_queue_put() - put an item in, when there is room
 * @queue: the queue
 * @entry: not in use
 * @item:  may be NULL
 *
 * It keeps its place in the order from here on, whether it is awaited or not.
 *
 * Ownership: borrows @entry until this is done; one that nobody waits for any more has to be
 *            ended by ferry_queue_leave().
 * Context:   the loop's thread.
 * Return:    what to await: done with an exception if it cannot be put (ESHUTDOWN once the queue is
 *            closed, also while it waits; EINVAL, EPERM, ECHILD); NULL if @entry is NULL.
 */
FERRY_API ferry_operation *ferry_queue_put(ferry_queue *queue, ferry_queue_entry *entry,
					   void *item);

/**
 * ferry_queue_get() - take the oldest item out, when there is one
 * @queue: the queue
 * @entry: not in use
 *
 * Ownership: as for ferry_queue_put(). An item that came before the task left by a cancel or
 *            an exception is in entry.item.
 * Context:   the loop's thread.
 * Return:    what to await: done with an exception if none will come (ESHUTDOWN once the queue
 *            is closed and empty; EINVAL, EPERM, ECHILD); NULL if @entry is NULL.
 */
FERRY_API ferry_operation *ferry_queue_get(ferry_queue *queue, ferry_queue_entry *entry);

/**
 * ferry_queue_leave() - wait no longer
 * @entry: one of a put or a get that was begun
 *
 * Context: the loop's thread.
 * Return:  1 if it waited, and does so no longer: nothing was put, or got; 0 if it was done;
 *          -EBUSY if a task waits for it; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_queue_leave(ferry_queue_entry *entry);

/**
 * ferry_queue_try_put() - put an item in, if there is room
 * @queue: the queue
 * @item:  may be NULL
 *
 * Context: the loop's thread, outside of steps, too.
 * Return:  0; -EAGAIN if it is full; -ESHUTDOWN if it or the loop is closed; -EINVAL; -EPERM;
 *          -ECHILD.
 */
FERRY_API int ferry_queue_try_put(ferry_queue *queue, void *item);

/**
 * ferry_queue_try_get() - take the oldest item out, if there is one
 * @queue: the queue
 * @ret:   where to put it
 *
 * Context: the loop's thread, outside of steps, too.
 * Return:  0; -EAGAIN if it is empty; -ESHUTDOWN if it is closed and empty; -EINVAL; -EPERM;
 *          -ECHILD.
 */
FERRY_API int ferry_queue_try_get(ferry_queue *queue, void **ret);

/**
 * ferry_queue_close() - let nothing more in
 * @queue: the queue
 *
 * What is in it can still be got. Those who wait to put or to get fail with ESHUTDOWN.
 *
 * Context: the loop's thread.
 * Return:  0; -EALREADY if it was closed; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_queue_close(ferry_queue *queue);

/**
 * ferry_queue_count() - how many items are in a queue
 * @queue: the queue
 *
 * Context: the loop's thread. Return: 0 or more, at most INT_MAX; -EINVAL; -EPERM; -ESHUTDOWN;
 *          -ECHILD.
 */
FERRY_API int ferry_queue_count(ferry_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
