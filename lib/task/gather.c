/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Gathers: waiting for several tasks, groups and operations at once.
 *
 * On the loop's thread: begun by a step, counted down by what its entries stand for, as that
 * is done (between the end of a task and the step of one that waits for it). Invariants: each
 * entry is counted once, without a turn of the loop for it; what is over all at the beginning
 * is done when the call returns; an entry that is given up is linked nowhere any more.
 */
#include "task/gather.h"

#include "task/group.h"

#define ENTRIES_MOST 1000000

enum entry_state { ENTRY_NEW, ENTRY_WAITING, ENTRY_DONE, ENTRY_LEFT };

static void on_cancel(ferry_operation *operation, struct ferry_task *task);

static const ferry_operation_hooks gather_hooks = { sizeof(gather_hooks), "gather", 0, NULL,
						    on_cancel };
/* Cancelling who waits for the first of several cancels none of them. */
static const ferry_operation_hooks any_hooks = { sizeof(any_hooks), "any of several", 0, NULL,
						 NULL };
static const ferry_operation_hooks next_hooks = { sizeof(next_hooks), "the next of several", 0,
						  NULL, NULL };

struct ferry_gather *gather_of_operation(ferry_operation *operation)
{
	return operation->hooks == &gather_hooks || operation->hooks == &any_hooks
		       ? container(operation, struct ferry_gather, operation)
		       : NULL;
}

bool gather_has(const ferry_awaitable *awaitable, const ferry_awaitable *other)
{
	struct ferry_waiter *last = awaitable_last(other), *node = last;

	if (!last)
		return false;
	do {
		node = node->next;
		if (node->notify == gather_arrive &&
		    &container(node, ferry_gather_entry, waiter)->gather->awaitable == awaitable)
			return true;
	} while (node != last);
	return false;
}

bool gather_waits_for(const ferry_gather_entry *entry)
{
	return entry->state == ENTRY_WAITING;
}

/* ---- one is done ---- */

/* Those who wait for it are woken. Another gather is counted in a turn of its own: they may be
 * nested more deeply than the stack is. */
static void wake(struct ferry_gather *gather, ferry_awaitable *awaitable, uintptr_t word)
{
	struct ferry_waiter *node;

	while ((node = awaitable_take(awaitable)))
		if (node->notify == gather_arrive)
			loop_make_ready(gather->loop, node);
		else
			awaitable_wake(gather->loop, node);
	awaitable->word = word;
}

/* What is not done is waited for no longer. */
static void leave(struct ferry_gather *gather)
{
	for (size_t i = 0; i < gather->count && gather->left; i++) {
		ferry_gather_entry *entry = &gather->entries[i];

		if (entry->state != ENTRY_WAITING)
			continue;
		entry->state = ENTRY_LEFT;
		/* What it is for may be done, and may have been begun anew since. */
		if (awaitable_is_done(entry->of) || !awaitable_unlink(entry->of, &entry->waiter))
			loop_forget_ready(gather->loop, &entry->waiter);
	}
}

static void finish(struct ferry_gather *gather, enum awaitable_outcome outcome)
{
	const ferry_error *exception = outcome == AWAITABLE_EXCEPTION ? gather->exception : NULL;

	/* The word holds it from now on, unless none of several may have it alone. */
	if (awaitable_has_several(&gather->awaitable) && exception)
		outcome = AWAITABLE_BORROWED;
	else if (exception)
		gather->exception = NULL;
	cancel_forget(&gather->spread);
	leave(gather);
	wake(gather, &gather->awaitable, awaitable_done(outcome, exception));
}

static void finish_if_over(struct ferry_gather *gather)
{
	bool cancelled = gather->lost;

	if (awaitable_is_done(&gather->awaitable))
		return;
	switch ((ferry_gather_until)gather->until) {
	case FERRY_GATHER_ANY:
		if (gather->left < gather->count || !gather->count)
			finish(gather, AWAITABLE_RESULT);
		return;
	case FERRY_GATHER_ALL:
		/* Once cancelled it waits for all of them. */
		if (gather->exception && (!gather->left || !gather->asked)) {
			finish(gather, AWAITABLE_EXCEPTION);
			return;
		}
		break;
	case FERRY_GATHER_COLLECT:
		cancelled = cancelled && gather->asked;
		break;
	}
	if (!gather->left)
		finish(gather, cancelled ? AWAITABLE_CANCELLED : AWAITABLE_RESULT);
}

/* To who asked for the next one: the oldest that was not given, or that there is none. */
static void give(struct ferry_gather *gather)
{
	ferry_gather_entry *entry = gather->done_first;

	if (!entry && gather->left)
		return;
	gather->given = entry;
	if (entry)
		gather->done_first = entry->done_next;
	wake(gather, &gather->next_done.awaitable, awaitable_done_by(0));
}

static void note_outcome(struct ferry_gather *gather, ferry_awaitable *of)
{
	bool first = gather->until == FERRY_GATHER_ALL && !gather->exception;

	if (!awaitable_is_done(of)) {
		/* Nothing was begun; or something anew, and how the first one ended is gone. */
		if (awaitable_is_nothing(of) && first)
			gather->exception = ferry_error_from_errno(EINVAL);
	} else if (awaitable_outcome(of) == AWAITABLE_CANCELLED) {
		gather->lost = 1;
	} else if (awaitable_exception(of) && first) {
		gather->exception = awaitable_take_exception(of);
	}
}

static void count(ferry_gather_entry *entry)
{
	struct ferry_gather *gather = entry->gather;

	entry->state = ENTRY_DONE;
	entry->done_next = NULL;
	if (gather->done_first)
		gather->done_last->done_next = entry;
	else
		gather->done_first = entry;
	gather->done_last = entry;
	gather->left--;
	note_outcome(gather, entry->of);
	finish_if_over(gather);
	if (!awaitable_is_done(&gather->next_done.awaitable))
		give(gather);
}

void gather_arrive(struct ferry_waiter *node)
{
	ferry_gather_entry *entry = container(node, ferry_gather_entry, waiter);

	if (entry->state == ENTRY_WAITING && !entry->gather->loop->closed)
		count(entry);
}

/* ---- begun ---- */

static int check_entry(const ferry_gather_entry *entry, const struct ferry_loop *loop)
{
	const ferry_awaitable *of = entry->of;

	if (!of)
		return -EINVAL;
	if (awaitable_is_nothing(of) || awaitable_is_done(of))
		return 0;
	if (awaitable_kind(of) == AWAITABLE_TASK)
		return task_loop(container(of, struct ferry_task, awaitable)) == loop ? 0 : -EINVAL;
	if (awaitable_kind(of) == AWAITABLE_OPERATION) {
		const ferry_operation_hooks *hooks =
			container(of, ferry_operation, awaitable)->hooks;

		if (await_is_foreign(loop, container(of, const ferry_operation, awaitable)))
			return -EINVAL;
		return hooks && hooks->for_tasks ? -EINVAL : 0;
	}
	return 0;
}

static int check(struct ferry_loop *loop, const ferry_gather_entry *entries, size_t count,
		 ferry_gather_until until)
{
	int error = loop_check(loop);

	if (!error && (count > ENTRIES_MOST || (count && !entries) || until > FERRY_GATHER_ANY))
		error = -EINVAL;
	for (size_t i = 0; i < count && !error; i++)
		error = check_entry(&entries[i], loop);
	return error;
}

/* What has to be told that somebody waits, is; then it may be done. */
static void begin_entry(ferry_gather_entry *entry)
{
	if (!awaitable_is_done(entry->of) && awaitable_kind(entry->of) == AWAITABLE_OPERATION) {
		ferry_operation *operation = container(entry->of, ferry_operation, awaitable);

		if (operation->hooks && operation->hooks->await)
			operation_call_await(entry->gather->loop, operation);
		/* By what that did to one that waits already. */
		if (awaitable_is_done(&entry->gather->awaitable)) {
			entry->state = ENTRY_LEFT;
			return;
		}
	}
	if (awaitable_is_nothing(entry->of) || awaitable_is_done(entry->of)) {
		struct ferry_task *current = task_current(entry->gather->loop);

		/* Its own group that has failed, and ended: now it comes to know. */
		if (current)
			group_note_awaited(current, entry->of);
		count(entry);
		return;
	}
	entry->waiter.notify = gather_arrive;
	entry->state = ENTRY_WAITING;
	awaitable_append(entry->of, &entry->waiter);
}

ferry_operation *ferry_gather_begin(ferry_gather *gather, ferry_loop *loop,
				    ferry_gather_entry *entries, size_t count_,
				    ferry_gather_until until)
{
	int error = check(loop, entries, count_, until);

	if (!gather) {
		errno = EINVAL;
		return NULL;
	}
	*gather = (ferry_gather){ .loop = loop,
				  .entries = entries,
				  .count = count_,
				  .left = count_,
				  .until = (uint8_t)until };
	/* Nobody has asked for the next one. */
	gather->next_done.awaitable.word = awaitable_done_by(0);
	if (error) {
		gather->loop = NULL;
		return operation_refuse(&gather->operation, error);
	}
	operation_init(&gather->operation, until == FERRY_GATHER_ANY ? &any_hooks : &gather_hooks);
	for (size_t i = 0; i < count_; i++) {
		entries[i].gather = gather;
		entries[i].state = ENTRY_NEW;
	}
	for (size_t i = 0; i < count_ && !awaitable_is_done(&gather->awaitable); i++)
		begin_entry(&entries[i]);
	finish_if_over(gather);
	return &gather->operation;
}

/* ---- cancelled, iterated, ended ---- */

/* Who waits is cancelled: so is what it waits for, and that is waited for. */
static void cancel_entry(ferry_gather_entry *entry)
{
	ferry_operation *operation = container(entry->of, ferry_operation, awaitable);

	if (awaitable_kind(entry->of) == AWAITABLE_TASK) {
		task_cancel(container(entry->of, struct ferry_task, awaitable));
		return;
	}
	if (awaitable_kind(entry->of) == AWAITABLE_OPERATION && operation->hooks &&
	    operation->hooks->cancel) {
		operation_call_cancel(entry->gather->loop, operation, NULL);
		return;
	}
	awaitable_unlink(entry->of, &entry->waiter);
	entry->state = ENTRY_LEFT;
	entry->gather->left--;
	entry->gather->lost = 1;
}

static void cancel_entries(struct ferry_spread *spread)
{
	struct ferry_gather *gather = container(spread, struct ferry_gather, spread);

	for (size_t i = 0; i < gather->count && !awaitable_is_done(&gather->awaitable); i++)
		if (gather->entries[i].state == ENTRY_WAITING &&
		    !awaitable_is_done(gather->entries[i].of))
			cancel_entry(&gather->entries[i]);
	finish_if_over(gather);
	/* Perhaps there is none any more. */
	if (!awaitable_is_done(&gather->next_done.awaitable))
		give(gather);
}

static void on_cancel(ferry_operation *operation, struct ferry_task *task)
{
	struct ferry_gather *gather = container(operation, struct ferry_gather, operation);

	(void)task;
	gather->asked = 1;
	cancel_spread(gather->loop, &gather->spread, cancel_entries);
}

static int check_begun(const struct ferry_gather *gather)
{
	return gather && gather->loop ? loop_check(gather->loop) : -EINVAL;
}

ferry_operation *ferry_gather_next(ferry_gather *gather)
{
	int error = check_begun(gather);

	if (!gather) {
		errno = EINVAL;
		return NULL;
	}
	if (!error && gather->until != FERRY_GATHER_COLLECT)
		error = -EINVAL;
	if (error)
		return operation_done(error);
	/* One that came when nobody waited any more was given to nobody. */
	if (awaitable_is_done(&gather->next_done.awaitable) && !gather->given) {
		operation_init(&gather->next_done, &next_hooks);
		give(gather);
	}
	return &gather->next_done;
}

ferry_gather_entry *ferry_gather_given(ferry_gather *gather)
{
	ferry_gather_entry *given;

	if (check_begun(gather))
		return NULL;
	given = gather->given;
	gather->given = NULL;
	return given;
}

int ferry_gather_end(ferry_gather *gather)
{
	int error = check_begun(gather);

	if (error && error != -ESHUTDOWN)
		return error;
	if (!error &&
	    ((!awaitable_is_done(&gather->awaitable) && awaitable_last(&gather->awaitable)) ||
	     (!awaitable_is_done(&gather->next_done.awaitable) &&
	      awaitable_last(&gather->next_done.awaitable))))
		return -EBUSY;
	/* Once the loop is closed nobody is linked anywhere. */
	if (!error) {
		cancel_forget(&gather->spread);
		leave(gather);
	}
	if (!awaitable_is_done(&gather->awaitable))
		gather->awaitable.word = awaitable_done_by(-ECANCELED);
	awaitable_drop_exception(&gather->awaitable);
	/* What several looked at is the gather's. */
	awaitable_forget_exception(&gather->awaitable);
	gather->exception = ferry_error_unref(gather->exception);
	gather->loop = NULL;
	return 0;
}
