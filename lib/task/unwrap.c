/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unwrapping: the outcome of a task or of a local as a concurrent future.
 *
 * Made on the loop's thread, or, for a task that is submitted (submit.c), on any; completed on the
 * loop's thread, with what the task or the local ended as (step "complete" of a request that
 * goes the other way). Invariants: the future is running from birth, so a cancel only asks
 * (F3), and it is done only when the task has ended and its frame is the caller's; the block is
 * the future's, so whoever asks through it finds it; a result goes to one owner (F7).
 */
#include "task/unwrapped.h"

#include "base/options.h"

static struct unwrapped *unwrapped_of(ferry_attachment *attachment)
{
	return container(attachment, struct unwrapped, attachment);
}

/* ---- made ---- */

/* The last reference is gone, on any thread. */
static void let_go(struct ferry_future *future)
{
	struct unwrapped *unwrapped = container(future, struct unwrapped, future);

	ferry_future_unref(unwrapped->carrier);
	ferry_loop_unref(unwrapped->loop);
}

/* On the loop's thread: somebody cancelled the future. */
static void arrive_ask(struct ferry_waiter *node)
{
	struct unwrapped *unwrapped = container(node, struct unwrapped, ask);

	if (!unwrapped->loop->closed) {
		if (unwrapped->task && !task_has_ended(unwrapped->task))
			task_cancel(unwrapped->task);
		else if (unwrapped->local)
			ferry_local_cancel(unwrapped->local);
	}
	future_forget(&unwrapped->future);
}

/* On the thread that cancels, once. */
static void on_cancel(struct ferry_future *future, void *user)
{
	struct unwrapped *unwrapped = user;

	unwrapped->ask.notify = arrive_ask;
	ferry_future_ref(future);
	if (!loop_post(unwrapped->loop, &unwrapped->ask))
		ferry_future_unref(future);
}

int unwrapped_read_options(const ferry_unwrap_options *given, ferry_unwrap_options *options)
{
	int error = options_read(options, sizeof(*options), given);

	return error ? error : process_prepare();
}

struct unwrapped *unwrapped_make(struct ferry_loop *loop, const ferry_unwrap_options *options,
				 int *error)
{
	struct home *home = options->pool ? *(struct home **)options->pool : NULL;
	struct unwrapped *unwrapped;

	*error = -ECHILD;
	if (home && !(home = home->ref(home)))
		return NULL;
	*error = -ENOMEM;
	unwrapped = memory_new_small(sizeof(*unwrapped));
	if (!unwrapped) {
		if (home)
			home->unref(home);
		return NULL;
	}
	memset(unwrapped, 0, sizeof(*unwrapped));
	future_init(&unwrapped->future, home, FUTURE_UNWRAPPED, 2);
	unwrapped->future.tail = offsetof(struct unwrapped, tail) / 8;
	unwrapped->tail.on_cancel = on_cancel;
	unwrapped->tail.user = unwrapped;
	unwrapped->tail.dropped = let_go;
	unwrapped->tail.deadline_ns = FERRY_NO_DEADLINE;
	if (options->name)
		name_copy(unwrapped->tail.name, sizeof(unwrapped->tail.name), options->name);
	future_set_running(&unwrapped->future);
	unwrapped->loop = ferry_loop_ref(loop);
	*error = 0;
	return unwrapped;
}

void unwrapped_unmake(struct unwrapped *unwrapped)
{
	ferry_future_unref(&unwrapped->future);
	ferry_future_unref(&unwrapped->future);
}

void unwrapped_hand_out(struct unwrapped *unwrapped, ferry_future **ret)
{
	if (ret)
		*ret = &unwrapped->future;
	else
		ferry_future_unref(&unwrapped->future);
}

/* ---- completed ---- */

void unwrapped_complete(struct unwrapped *unwrapped, uintptr_t word, ferry_result result)
{
	ferry_awaitable like = { word };
	const ferry_error *exception = awaitable_exception(&like);
	enum word_outcome outcome = exception ? WORD_EXCEPTION
				    : awaitable_outcome(&like) == AWAITABLE_CANCELLED
					    ? WORD_CANCELLED
					    : WORD_RESULT;

	unwrapped->task = NULL;
	/* Nobody else may complete it; in a fork's child nobody waits for it. */
	future_complete_held(&unwrapped->future, outcome, result, ferry_error_ref(exception));
	future_forget(&unwrapped->future);
}

void unwrap_complete(ferry_attachment *futures, uintptr_t word, uint64_t number)
{
	ferry_attachment *next;

	for (; futures; futures = next) {
		struct unwrapped *unwrapped = unwrapped_of(futures);
		ferry_result result = ferry_result_u64(number);

		next = futures->next;
		result.disposer = unwrapped->disposer;
		unwrapped_complete(unwrapped, word, result);
	}
}

static void complete_now(struct ferry_waiter *node)
{
	struct unwrapped *unwrapped = container(node, struct unwrapped, waiter);
	const ferry_error *held = awaitable_exception(&unwrapped->ended);

	unwrap_complete(&unwrapped->attachment, unwrapped->ended.word, unwrapped->number);
	ferry_error_unref(held);
}

void unwrap_complete_behind(struct ferry_loop *loop, ferry_attachment *futures, uintptr_t word,
			    uint64_t number)
{
	ferry_attachment *next;

	if (!loop->cleanups) {
		unwrap_complete(futures, word, number);
		return;
	}
	for (; futures; futures = next) {
		struct unwrapped *unwrapped = unwrapped_of(futures);

		next = futures->next;
		futures->next = NULL;
		unwrapped->task = NULL;
		unwrapped->ended.word = word;
		ferry_error_ref(awaitable_exception(&unwrapped->ended));
		unwrapped->number = number;
		unwrapped->waiter.notify = complete_now;
		loop_make_ready(loop, &unwrapped->waiter);
	}
}

/* The first that was made is the last of the list: it owns the result. */
static struct unwrapped *owner_of_result(const struct ferry_task *task)
{
	ferry_attachment *found = NULL, *attachment = task->attachments;

	while ((attachment = attachment_find(attachment, ATTACHMENT_FUTURE))) {
		found = attachment;
		attachment = attachment->next;
	}
	return found ? unwrapped_of(found) : NULL;
}

void unwrap_drop_result(struct ferry_task *task)
{
	struct unwrapped *owner = owner_of_result(task);
	ferry_result result = ferry_result_u64(task->number);
	struct ferry_future *carrier;

	if (!owner || !owner->disposer)
		return;
	result.disposer = owner->disposer;
	owner->disposer = NULL;
	carrier = owner->carrier;
	owner->carrier = NULL;
	owner->loop->calling++;
	if (!carrier)
		future_dispose_result(&result);
	else if (!future_complete_held(carrier, WORD_RESULT, result, NULL))
		future_forget(carrier);
	owner->loop->calling--;
}

/* A future that nobody sees, to be handed over with the result. */
static struct ferry_future *make_carrier(struct home *home)
{
	struct ferry_future *carrier = memory_new_small(sizeof(*carrier));

	if (carrier)
		future_init(carrier, home->ref(home), 0, 1);
	return carrier;
}

int unwrap_keep(struct ferry_task *task, const ferry_disposer *disposer)
{
	struct unwrapped *owner = owner_of_result(task);
	bool blocks = disposer && disposer->kind == FERRY_DISPOSE_BLOCKING;
	struct ferry_future *carrier = NULL;

	if (disposer && (!owner || (blocks && !owner->future.home)))
		return -EINVAL;
	if (blocks && !(carrier = make_carrier(owner->future.home)))
		return -ENOMEM;
	if (task->flags & TASK_VALUED)
		unwrap_drop_result(task);
	if (owner) {
		owner->disposer = disposer;
		owner->carrier = carrier;
	}
	return 0;
}

/* ---- of a task ---- */

/* What it ends as will be the future's: an exception is looked at there. */
void unwrapped_attach(struct unwrapped *unwrapped, struct ferry_task *task)
{
	task_attach(task, &unwrapped->attachment, ATTACHMENT_FUTURE);
	task->flags |= TASK_SEEN;
}

int ferry_task_unwrap(ferry_task *task, const ferry_unwrap_options *given, ferry_future **ret)
{
	ferry_unwrap_options options;
	struct unwrapped *unwrapped;
	int error = task_check(task);

	if (!error && (!ret || !task->scope))
		error = -EINVAL;
	if (!error)
		error = unwrapped_read_options(given, &options);
	if (error)
		return error;
	unwrapped = unwrapped_make(task_loop(task), &options, &error);
	if (!unwrapped)
		return error;
	unwrapped_hand_out(unwrapped, ret);
	if (task_has_ended(task)) {
		task->flags |= TASK_SEEN;
		unwrapped_complete(unwrapped, task->awaitable.word,
				   ferry_result_u64(task_number(task)));
		return 0;
	}
	unwrapped->task = task;
	unwrapped_attach(unwrapped, task);
	return 0;
}

/* ---- of a local ---- */

/* Does a result point into the request itself? Then it cannot leave it. */
static bool points_inside(const struct ferry_local *local, const ferry_result *result)
{
	/* The result of a chain is that of its first. */
	while (local->kind == LOCAL_CHAIN)
		local = wrap_source(local);
	return result->u64 >= (uintptr_t)local &&
	       result->u64 < (uintptr_t)local + ((size_t)BLOCK_LEAST << local->room);
}

/* Why a result cannot be the future's: 0 if it can. */
static int refusal(const struct unwrapped *unwrapped, const ferry_result *result)
{
	if (points_inside(unwrapped->local, result))
		return -EOPNOTSUPP;
	return result->disposer && result->disposer->kind == FERRY_DISPOSE_BLOCKING &&
			       !unwrapped->future.home
		       ? -EINVAL
		       : 0;
}

static void local_done(struct ferry_waiter *node)
{
	struct unwrapped *unwrapped = container(node, struct unwrapped, waiter);
	struct ferry_local *local = unwrapped->local;
	ferry_snapshot snapshot = ferry_local_snapshot(local);
	ferry_result result = snapshot.result;
	uintptr_t word;

	if (snapshot.exception) {
		word = awaitable_done(AWAITABLE_BORROWED, snapshot.exception);
	} else if (snapshot.cancelled) {
		word = awaitable_done_by(-ECANCELED);
	} else {
		int error = refusal(unwrapped, &result);

		/* Taken by somebody else: it is his. */
		if (!error)
			error = ferry_local_take(local, &result);
		word = awaitable_done_by(error);
	}
	unwrapped->local = NULL;
	unwrapped_complete(unwrapped, word, result);
	ferry_local_unref(local);
}

int ferry_unwrap(ferry_local *local, const ferry_unwrap_options *given, ferry_future **ret)
{
	ferry_unwrap_options options;
	struct unwrapped *unwrapped;
	struct ferry_loop *loop;
	int error = local_check(local);

	if (!error)
		error = loop_check(local_loop(local));
	if (!error && !ret)
		error = -EINVAL;
	if (!error)
		error = unwrapped_read_options(given, &options);
	if (error)
		return error;
	loop = local_loop(local);
	unwrapped = unwrapped_make(loop, &options, &error);
	if (!unwrapped)
		return error;
	unwrapped_hand_out(unwrapped, ret);
	unwrapped->local = ferry_local_ref(local);
	unwrapped->waiter.notify = local_done;
	if (local->state == LOCAL_PENDING)
		callback_attach(local, &unwrapped->waiter);
	else
		local_done(&unwrapped->waiter);
	return 0;
}
