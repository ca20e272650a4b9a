/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asynchronous iteration.
 *
 * On the loop's thread: who asks runs the giving task's step where it left off, on top of its
 * own; that gives an item, waits for something else, or ends. Invariants: one item for one
 * question, in order; where the giving task does not wait for anything else no turn of the loop
 * comes between; the depth of such calls is bounded as that of eager starts is.
 */
#include "task/step.h"

enum iterator_state {
	ITERATOR_IDLE,  /* nobody asks; the task has not begun, or waits to be asked */
	ITERATOR_ASKED, /* the task is to give something */
};

static ferry_iterator *iterator_of_asked(ferry_operation *operation)
{
	return container(operation, ferry_iterator, asked);
}

/* Who asked is cancelled: so is who gives, and his end is waited for. */
static void cancel_task(ferry_operation *operation, struct ferry_task *task)
{
	struct ferry_task *giving = iterator_of_asked(operation)->task;

	(void)task;
	if (!task_has_ended(giving))
		task_cancel(giving);
}

static const ferry_operation_hooks asked_hooks = { sizeof(asked_hooks), "the next item", 0, NULL,
						   cancel_task };
/* Cancelling who waits to be asked just unlinks him. */
static const ferry_operation_hooks wanted_hooks = { sizeof(wanted_hooks), "to be asked", 0, NULL,
						    NULL };

/* What the end of the giving task is to who asked, who takes its exception over. */
static uintptr_t end_word(struct ferry_task *task)
{
	const ferry_error *exception = awaitable_take_exception(&task->awaitable);

	if (exception)
		return awaitable_done(AWAITABLE_EXCEPTION, exception);
	return awaitable_done(awaitable_outcome(&task->awaitable), NULL);
}

/* Only while somebody waits for an item is its end of interest. */
static void detach(ferry_iterator *iterator)
{
	if (iterator->end.notify)
		awaitable_unlink(&iterator->task->awaitable, &iterator->end);
	iterator->end.notify = NULL;
}

static void end(ferry_iterator *iterator)
{
	iterator->state = ITERATOR_IDLE;
	iterator->ended = 1;
	iterator->item = NULL;
	awaitable_complete(task_loop(iterator->task), &iterator->asked.awaitable,
			   end_word(iterator->task));
}

/* The giving task has ended, from the loop. */
static void task_ended(struct ferry_waiter *waiter)
{
	ferry_iterator *iterator = container(waiter, ferry_iterator, end);

	waiter->notify = NULL;
	if (iterator->state != ITERATOR_ASKED || task_loop(iterator->task)->closed)
		return;
	end(iterator);
	/* Who asked looks at it once more. */
	task_postpone_cleanup(iterator->task);
}

int ferry_iterator_init(ferry_iterator *iterator, ferry_task *task)
{
	int error = task_check_alive(task);

	if (error || !iterator)
		return error ? error : -EINVAL;
	*iterator = (ferry_iterator){ .task = task };
	operation_init(&iterator->asked, &asked_hooks);
	operation_init(&iterator->wanted, &wanted_hooks);
	return 0;
}

struct ferry_task *iterator_giver(const ferry_operation *operation)
{
	return operation->hooks == &asked_hooks
		       ? container(operation, const ferry_iterator, asked)->task
		       : NULL;
}

/* Does the giving task wait for being asked, and nobody else, as with FERRY_EMIT()? */
static bool waits_alone(const ferry_iterator *iterator)
{
	const struct ferry_waiter *last = awaitable_last(&iterator->wanted.awaitable);

	return last == &iterator->task->node && last->next == last;
}

/* Runs the giving task until it gives, waits or ends. */
static void run_task(ferry_iterator *iterator)
{
	struct ferry_task *task = iterator->task;
	struct ferry_loop *loop = task_loop(task);

	if (task_is_unstarted(task)) {
		ferry_task_start(task);
		return;
	}
	if (awaitable_is_done(&iterator->wanted.awaitable))
		return;
	if (!waits_alone(iterator) || !task_may_nest(loop)) {
		awaitable_complete(loop, &iterator->wanted.awaitable, awaitable_done_by(0));
		return;
	}
	awaitable_take(&iterator->wanted.awaitable);
	iterator->wanted.awaitable.word = awaitable_done_by(0);
	task->state = TASK_WOKEN;
	task_resume_here(task);
}

static int check(const ferry_iterator *iterator)
{
	struct ferry_task *task = iterator ? iterator->task : NULL;
	int error = task_check(task);

	if (!error && (iterator->state == ITERATOR_ASKED || task_current(task_loop(task)) == task))
		error = -EBUSY;
	return error;
}

ferry_operation *ferry_iterator_next(ferry_iterator *iterator)
{
	struct ferry_loop *loop;
	int error = check(iterator);

	if (!iterator) {
		errno = EINVAL;
		return NULL;
	}
	if (error)
		return operation_done(error);
	if (iterator->ended)
		return &iterator->asked;
	operation_init(&iterator->asked, &asked_hooks);
	if (task_has_ended(iterator->task)) {
		end(iterator);
		return &iterator->asked;
	}
	loop = task_loop(iterator->task);
	iterator->state = ITERATOR_ASKED;
	loop->calling++;
	run_task(iterator);
	loop->calling--;
	if (loop->closed) {
		step_end_in_child(loop);
		return &iterator->asked;
	}
	if (iterator->state == ITERATOR_ASKED && task_has_ended(iterator->task)) {
		end(iterator);
	} else if (iterator->state == ITERATOR_ASKED) {
		iterator->end.notify = task_ended;
		awaitable_append(&iterator->task->awaitable, &iterator->end);
	}
	/* Running the task was charged to the turn. So who asked goes on here, in any case before
	 * a cleanup hook takes the iteration away. */
	if (awaitable_is_done(&iterator->asked.awaitable))
		task_prepay(task_current(loop), &iterator->asked.awaitable);
	return &iterator->asked;
}

int ferry_iterator_clear(ferry_iterator *iterator)
{
	int error = task_check(iterator ? iterator->task : NULL);

	if (error && error != -ESHUTDOWN)
		return error;
	if (iterator->state == ITERATOR_ASKED)
		return -EBUSY;
	if (awaitable_is_done(&iterator->asked.awaitable))
		awaitable_drop_exception(&iterator->asked.awaitable);
	return 0;
}

ferry_operation *ferry_iterator_emit(ferry_iterator *iterator, void *item)
{
	struct ferry_task *task = iterator ? iterator->task : NULL;
	int error = task_check_alive(task);

	if (!iterator) {
		errno = EINVAL;
		return NULL;
	}
	if (!error && (task_current(task_loop(task)) != task || iterator->state != ITERATOR_ASKED))
		error = -EPERM;
	if (error)
		return operation_done(error);
	iterator->state = ITERATOR_IDLE;
	iterator->item = item;
	detach(iterator);
	operation_init(&iterator->wanted, &wanted_hooks);
	awaitable_complete(task_loop(task), &iterator->asked.awaitable, awaitable_done_by(0));
	return &iterator->wanted;
}
