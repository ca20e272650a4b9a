/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Awaiting a local: what stands between a task and a request.
 *
 * On the loop's thread (step "deliver" of a request): after the local is done, the task that
 * waits for it is stepped, in the place of a done-callback. Invariants: nothing is allocated;
 * if the task is cancelled the local is, and the task goes on only when the function can no
 * longer touch what it was given (T7, L4); awaiting counts as looking at an exception (L6).
 */
#include "bridge/local.h"
#include "task/task.h"

static ferry_await *await_of(ferry_operation *operation)
{
	return container(operation, ferry_await, operation);
}

static void cancel_local(ferry_operation *operation, struct ferry_task *task)
{
	(void)task;
	ferry_local_cancel(await_of(operation)->local);
}

static const ferry_operation_hooks local_hooks = { sizeof(local_hooks), "local", 0, NULL,
						   cancel_local };

/* The local is done, and nothing of the caller's is in use any more: as a done word. */
static uintptr_t word_of(ferry_local *local)
{
	ferry_snapshot snapshot = ferry_local_snapshot(local);

	if (snapshot.cancelled)
		return awaitable_done(AWAITABLE_CANCELLED, NULL);
	if (snapshot.exception)
		return awaitable_done(AWAITABLE_BORROWED, snapshot.exception);
	return awaitable_done(AWAITABLE_RESULT, NULL);
}

static void complete(ferry_await *await)
{
	await->waiter.notify = NULL;
	awaitable_complete_now(local_loop(await->local), &await->awaitable, word_of(await->local));
}

static void function_returned(struct ferry_waiter *waiter)
{
	complete(container(waiter, ferry_await, waiter));
}

/* Whose function it is: of a chain, that of its first. */
static struct ferry_local *origin_of(const ferry_await *await)
{
	struct ferry_local *local = await->local;

	while (local->kind == LOCAL_CHAIN)
		local = wrap_source(local);
	return local;
}

static void local_done(struct ferry_waiter *waiter)
{
	ferry_await *await = container(waiter, ferry_await, waiter);
	struct ferry_local *origin = origin_of(await);

	waiter->notify = NULL;
	if (local_loop(origin)->closed) {
		/* Nobody is told: whoever waits ends then. */
		await->awaitable.word = word_of(await->local);
	} else if (!local_is_borrowing(origin)) {
		complete(await);
	} else if (origin->fn) {
		/* When that has been called its place is free. */
		waiter->notify = local_done;
		callback_attach(origin, waiter);
	} else {
		waiter->notify = function_returned;
		callback_await_return(origin, waiter);
	}
}

/* Nobody will be notified any more. */
static void detach(ferry_await *await)
{
	struct ferry_waiter *waiter = &await->waiter;

	if (waiter->notify == function_returned)
		callback_forget_return(origin_of(await), waiter);
	else if (!callback_detach(await->local, waiter) &&
		 !callback_detach(origin_of(await), waiter))
		/* The loop closes, and was about to say so. */
		loop_forget_ready(local_loop(await->local), waiter);
	waiter->notify = NULL;
}

static void drop(ferry_await *await)
{
	ferry_local *local;

	if (!await->local)
		return;
	if (await->waiter.notify)
		detach(await);
	/* What the word names is the local's; of one that is not done nothing is left. */
	if (!awaitable_is_done(&await->awaitable))
		await->awaitable.word = 0;
	else if (awaitable_exception(&await->awaitable))
		awaitable_forget_exception(&await->awaitable);
	local = await->local;
	await->local = NULL;
	ferry_local_unref(local);
}

void await_forsake(ferry_awaitable *awaited)
{
	ferry_operation *operation = container(awaited, ferry_operation, awaitable);

	if (operation->hooks == &local_hooks)
		drop(await_of(operation));
}

bool await_is_foreign(const struct ferry_loop *loop, const ferry_operation *operation)
{
	const ferry_local *local;

	if (operation->hooks != &local_hooks)
		return false;
	local = container(operation, ferry_await, operation)->local;
	return local && local_loop(local) != loop;
}

ferry_operation *ferry_await_local(ferry_await *await, ferry_local *local)
{
	int error = local ? local_check(local) : errno > 0 ? -errno : -EINVAL;

	if (!await) {
		errno = EINVAL;
		return NULL;
	}
	if (await->local) {
		int held = local_check(await->local);

		/* It is another thread's, and stays as it is. */
		if (held)
			return operation_done(held);
		drop(await);
	}
	if (error)
		return operation_refuse(&await->operation, error);
	operation_init(&await->operation, &local_hooks);
	await->local = local;
	await->waiter.notify = NULL;
	if (local->state == LOCAL_PENDING) {
		await->waiter.notify = local_done;
		callback_attach(local, &await->waiter);
	} else if (local->kind == LOCAL_CHAIN || local_is_borrowing(local)) {
		local_done(&await->waiter);
	} else {
		await->awaitable.word = word_of(local);
	}
	return &await->operation;
}

ferry_operation *ferry_await_fd(ferry_await *await, ferry_loop *loop, int fd, unsigned ready)
{
	if (await)
		return ferry_await_local(await, ferry_loop_watch_fd(loop, fd, ready));
	errno = EINVAL;
	return NULL;
}

ferry_snapshot ferry_await_snapshot(ferry_await *await)
{
	if (!await || !await->local)
		return ferry_awaitable_snapshot(await ? &await->awaitable : NULL);
	return ferry_local_snapshot(await->local);
}

int ferry_await_take(ferry_await *await, ferry_result *ret)
{
	if (!await || !ret)
		return -EINVAL;
	return await->local ? ferry_local_take(await->local, ret) : -ENODATA;
}

int ferry_await_end(ferry_await *await)
{
	int error;

	if (!await || !await->local)
		return 0;
	error = local_check(await->local);
	if (error)
		return error;
	/* Those who waited when the loop closed have ended. */
	if (!awaitable_is_done(&await->awaitable) && awaitable_last(&await->awaitable) &&
	    !local_loop(await->local)->closed)
		return -EBUSY;
	drop(await);
	return 0;
}
