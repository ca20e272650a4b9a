/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Awaitables: those who wait for one, and its being done; operations of the caller's own.
 *
 * On the loop's thread. Before it a task or a node of the caller's began to wait; after it
 * each is on the loop's ready list. Invariant (L2): those who wait go on from the loop, in the
 * order in which they began to, each once; nobody inside the call that completes.
 */
#include "task/awaitable.h"

#include <limits.h>

#include "base/error.h"
#include "task/gather.h"
#include "task/task.h"

struct ferry_waiter *awaitable_take(ferry_awaitable *awaitable)
{
	struct ferry_waiter *last = awaitable_last(awaitable), *oldest;

	if (!last)
		return NULL;
	oldest = last->next;
	if (oldest == last)
		awaitable->word &= AWAITABLE_BITS;
	else
		last->next = oldest->next;
	return oldest;
}

bool awaitable_unlink(ferry_awaitable *awaitable, struct ferry_waiter *node)
{
	struct ferry_waiter *last = awaitable_last(awaitable), *before = last;

	if (!last)
		return false;
	while (before->next != node) {
		before = before->next;
		if (before == last)
			return false;
	}
	before->next = node->next;
	if (node == last)
		awaitable->word = (before == node ? 0 : (uintptr_t)before) |
				  (awaitable->word & AWAITABLE_BITS);
	return true;
}

void awaitable_wake(struct ferry_loop *loop, struct ferry_waiter *node)
{
	if (node->notify == gather_arrive) {
		/* It only counts, and calls nobody: no turn is needed for that. */
		gather_arrive(node);
		return;
	}
	if (node->notify == task_resume)
		task_of_node(node)->state = TASK_WOKEN;
	loop_make_ready(loop, node);
}

void awaitable_complete(struct ferry_loop *loop, ferry_awaitable *awaitable, uintptr_t done)
{
	struct ferry_waiter *last = awaitable_last(awaitable), *node, *next;

	awaitable->word = done;
	if (!last)
		return;
	next = last->next;
	do {
		node = next;
		next = node->next;
		awaitable_wake(loop, node);
	} while (node != last);
}

void awaitable_complete_now(struct ferry_loop *loop, ferry_awaitable *awaitable, uintptr_t done)
{
	struct ferry_waiter *last = awaitable_last(awaitable);

	if (!last || last->next != last) {
		awaitable_complete(loop, awaitable, done);
		return;
	}
	awaitable->word = done;
	last->notify(last);
}

/* NULL if it is no negative errno; -INT_MIN is no int. */
static const ferry_error *of_errno(int outcome)
{
	return outcome < -INT_MAX ? NULL : ferry_error_from_errno(-outcome);
}

uintptr_t awaitable_done_by(int outcome)
{
	const ferry_error *exception;

	if (!outcome)
		return awaitable_done(AWAITABLE_RESULT, NULL);
	if (outcome == -ECANCELED)
		return awaitable_done(AWAITABLE_CANCELLED, NULL);
	exception = of_errno(outcome);
	return awaitable_done(AWAITABLE_EXCEPTION,
			      exception ? exception : ferry_error_from_errno(EINVAL));
}

/* ---- its exception ---- */

void awaitable_forget_exception(ferry_awaitable *awaitable)
{
	const ferry_error *exception = awaitable_exception(awaitable);

	if (!exception)
		return;
	if (error_is_counted(exception))
		exception = ferry_error_from_code(FERRY_ERROR_TAKEN);
	awaitable->word = awaitable_done(AWAITABLE_BORROWED, exception);
}

const ferry_error *awaitable_take_exception(ferry_awaitable *awaitable)
{
	const ferry_error *exception = awaitable_exception(awaitable);

	if (awaitable_outcome(awaitable) == AWAITABLE_BORROWED)
		return ferry_error_ref(exception);
	awaitable_forget_exception(awaitable);
	return exception;
}

void awaitable_drop_exception(ferry_awaitable *awaitable)
{
	ferry_error_unref(awaitable_take_exception(awaitable));
}

ferry_snapshot ferry_awaitable_snapshot(const ferry_awaitable *awaitable)
{
	ferry_snapshot snapshot = { .done = 0 };

	if (!awaitable || !awaitable_is_done(awaitable))
		return snapshot;
	snapshot.done = 1;
	snapshot.cancelled = awaitable_outcome(awaitable) == AWAITABLE_CANCELLED;
	snapshot.exception = awaitable_exception(awaitable);
	return snapshot;
}

/* ---- hooks ---- */

void operation_call_await(struct ferry_loop *loop, ferry_operation *operation)
{
	loop->calling++;
	operation->hooks->await(operation);
	loop->calling--;
}

void operation_call_cancel(struct ferry_loop *loop, ferry_operation *operation,
			   struct ferry_task *task)
{
	loop->calling++;
	operation->hooks->cancel(operation, task);
	loop->calling--;
}

/* ---- nodes of the caller's ---- */

int ferry_awaitable_attach(ferry_awaitable *awaitable, ferry_loop *loop, ferry_waiter *waiter)
{
	const ferry_operation_hooks *hooks;
	int error = loop_check(loop);

	if (error || !awaitable || awaitable_is_nothing(awaitable) || !waiter || !waiter->notify)
		return error ? error : -EINVAL;
	if (awaitable_is_done(awaitable))
		return -EALREADY;
	if (awaitable_kind(awaitable) == AWAITABLE_OPERATION &&
	    await_is_foreign(loop, container(awaitable, const ferry_operation, awaitable)))
		return -EINVAL;
	hooks = awaitable_kind(awaitable) == AWAITABLE_OPERATION
			? container(awaitable, ferry_operation, awaitable)->hooks
			: NULL;
	/* Who is given a lock must be somebody who can give it back. */
	if (hooks && hooks->for_tasks)
		return -EINVAL;
	if (hooks && hooks->await) {
		operation_call_await(loop, container(awaitable, ferry_operation, awaitable));
		if (awaitable_is_done(awaitable))
			return -EALREADY;
	}
	awaitable_append(awaitable, waiter);
	return 0;
}

int ferry_awaitable_detach(ferry_awaitable *awaitable, ferry_loop *loop, ferry_waiter *waiter)
{
	int error = loop_check(loop);

	if (error || !awaitable || !waiter)
		return error ? error : -EINVAL;
	if (!awaitable_is_done(awaitable) && awaitable_unlink(awaitable, waiter))
		return 1;
	/* Also of one that was done, and has been made anew since. */
	return loop_forget_ready(loop, waiter);
}

/* ---- operations ---- */

ferry_operation *operation_done(int outcome)
{
	/* One of each: who awaits it may go on only in the next turn, when others have asked. */
	static const int outcomes[] = { 0, -EDEADLK, -EPERM, -EBUSY, -ESHUTDOWN, -ECHILD, -EINVAL };
	static __thread ferry_operation done[sizeof(outcomes) / sizeof(*outcomes)]
		__attribute__((tls_model("initial-exec")));
	size_t i = 0;

	while (outcomes[i] != outcome && outcomes[i] != -EINVAL)
		i++;
	done[i].awaitable.word = awaitable_done_by(outcome);
	return &done[i];
}

int ferry_operation_init(ferry_operation *operation, const ferry_operation_hooks *hooks)
{
	if (!operation || (hooks && hooks->size != sizeof(*hooks)))
		return -EINVAL;
	operation_init(operation, hooks);
	return 0;
}

int ferry_operation_complete(ferry_operation *operation, ferry_loop *loop, int outcome)
{
	int error = loop_check(loop);

	if (error)
		return error;
	if (!operation || awaitable_is_nothing(&operation->awaitable) || outcome > 0 ||
	    (outcome && !of_errno(outcome)))
		return -EINVAL;
	if (awaitable_is_done(&operation->awaitable))
		return -EALREADY;
	awaitable_complete(loop, &operation->awaitable, awaitable_done_by(outcome));
	return 0;
}
