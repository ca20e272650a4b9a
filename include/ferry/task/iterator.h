/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_TASK_ITERATOR_H
#define FERRY_TASK_ITERATOR_H
/*
 * Asynchronous iteration: a task that gives items, one when it is asked for the next.
 *
 *	the one who asks                                the one who gives, a task
 *
 *	for (;;) {                                      for (f->i = 0; f->i < f->n; f->i++)
 *		FERRY_TRY(ferry_iterator_next(it));             FERRY_EMIT(&f->it, &f->items[f->i]);
 *		if (it->ended)
 *			break;
 *		use(it->item);
 *	}
 *
 * Asking runs the other's step at once, as an eager start does, and bounded by depth and budget as
 * that is: if it gives an item without waiting for anything, no turn of the loop comes between; if
 * it waits, so does who asked, and he goes on in the turn after the one in which it gives. The
 * giving task begins with the first question, if it is deferred, and ends the iteration when it
 * ends; its exception goes to the question, to be taken over by FERRY_TRY() or dropped by
 * ferry_iterator_clear(). Cancelling who waits for an item cancels it.
 */
#include <ferry/task/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An iteration. As a rule a member of the frame that gives. @item and @ended are to be read. */
typedef struct ferry_iterator {
	ferry_operation asked;  /* of who asks: an item has come, or the end */
	ferry_operation wanted; /* of who gives: the next is asked for */
	ferry_waiter end;       /* of the end of the giving task */
	ferry_task *task;       /* the one who gives */
	void *item;             /* what was given last */
	uint8_t ended;          /* 1: there will be no more */
	uint8_t state;
} ferry_iterator;

/**
 * ferry_iterator_init() - make an iteration over what a task gives
 * @iterator: the memory, whatever is in it
 * @task:     the one who gives, not ended; as a rule deferred
 *
 * Ownership: borrows both as long as it is used. Who breaks off cancels the task, and waits for
 *            it.
 * Context:   the loop's thread. Return: 0; -EINVAL; -EALREADY if it has ended; -EPERM; -ESHUTDOWN;
 *            -ECHILD.
 */
FERRY_API FERRY_MUST_CHECK int ferry_iterator_init(ferry_iterator *iterator, ferry_task *task);

/**
 * ferry_iterator_next() - ask for the next item
 * @iterator: the iteration, which nobody waits for
 *
 * When what this returns is done, either @ended is 1, or the item is in @item.
 *
 * Context: the loop's thread.
 * Return:  what to await: done with an exception if the task has failed, or if it cannot be
 *          asked (EBUSY: somebody waits for an item, or this is the giving task; EINVAL; EPERM;
 *          ESHUTDOWN; ECHILD); NULL if @iterator is NULL.
 */
FERRY_API ferry_operation *ferry_iterator_next(ferry_iterator *iterator);

/**
 * ferry_iterator_clear() - drop the exception of the last question
 * @iterator: the iteration, which nobody waits for
 *
 * Needed only for an exception of ferry_error_new() where the giving task failed, and who asked
 * did not take that over by FERRY_TRY(): he awaited the question, or was cut short.
 *
 * Context: the loop's thread, and while the giving task's frame is there. Return: 0; -EBUSY if
 *          somebody waits for an item; -EINVAL if it was never made; -EPERM; -ECHILD.
 */
FERRY_API int ferry_iterator_clear(ferry_iterator *iterator);

/**
 * ferry_iterator_emit() - give an item, and wait to be asked for the next
 * @iterator: the iteration
 * @item:     may be NULL; borrowed until the next is asked for
 *
 * FERRY_EMIT() awaits what this returns.
 *
 * Context: the giving task's own step.
 * Return:  what to await: done with an exception if nobody asked (EPERM: not the giving task;
 *          EINVAL; ESHUTDOWN; ECHILD); NULL if @iterator is NULL.
 */
FERRY_API ferry_operation *ferry_iterator_emit(ferry_iterator *iterator, void *item);

#ifdef __cplusplus
}
#endif

/** In the step of a task that gives: give an item, and wait to be asked for the next. */
#define FERRY_EMIT(iterator, item) FERRY_TRY(ferry_iterator_emit((iterator), (item)))

#endif
