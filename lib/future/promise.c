/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The promise: a future that any thread may complete.
 *
 * Made on any thread, completed on any (step "complete" of a request that did not begin
 * in one of our pools): client libraries with threads of their own, other pools.
 * Before it somebody else's code did the work; after it the waiters are notified.
 * Invariant: one completer wins, and the others change nothing and are told (F4).
 */
#include "base/memory.h"
#include "base/options.h"
#include "future/future.h"

int ferry_future_new(const ferry_future_options *given, ferry_future **ret)
{
	ferry_future_options options;
	ferry_future *future;
	struct future_tail *tail;
	struct home *home;
	bool has_tail;
	int error = options_read(&options, sizeof(options), given);

	if (!ret)
		return -EINVAL;
	/* In a fork's child LIST may be held by nobody: future.c, forks. */
	if (!error)
		error = process_prepare();
	if (error)
		return error;
	/* A pool's first member is a pointer to its home (pool/core.h). */
	home = options.pool ? *(struct home **)options.pool : NULL;
	if (home && !(home = home->ref(home)))
		return -ECHILD;
	has_tail = options.on_cancel || options.name;
	future = memory_new_small(sizeof(*future) + (has_tail ? sizeof(*tail) : 0));
	if (!future) {
		if (home)
			home->unref(home);
		return -ENOMEM;
	}
	future_init(future, home, 0, 1);
	if (has_tail) {
		future->tail = sizeof(*future) / 8;
		tail = future_tail(future);
		memset(tail, 0, sizeof(*tail));
		tail->on_cancel = options.on_cancel;
		tail->user = options.user;
		tail->deadline_ns = FERRY_NO_DEADLINE;
		if (options.name)
			name_copy(tail->name, sizeof(tail->name), options.name);
	}
	*ret = future;
	return 0;
}

int ferry_future_set_running(ferry_future *future)
{
	uintptr_t word;

	if (!future)
		return -EINVAL;
	if (future_is_assigned(future))
		return -EPERM;
	word = future_set_running(future);
	if (!word)
		return 0;
	return word_is_done(word) && word_outcome(word) == WORD_CANCELLED ? -ECANCELED : -EALREADY;
}

static int set(struct ferry_future *future, enum word_outcome outcome, ferry_result result,
	       const ferry_error *exception)
{
	if (!future)
		return -EINVAL;
	if (future_is_assigned(future))
		return -EPERM;
	if (outcome == WORD_RESULT && result.disposer &&
	    result.disposer->kind == FERRY_DISPOSE_BLOCKING && !future->home)
		return -EINVAL;
	return future_complete_held(future, outcome, result, exception);
}

int ferry_future_set_result(ferry_future *future, ferry_result result)
{
	return set(future, WORD_RESULT, result, NULL);
}

int ferry_future_set_exception(ferry_future *future, const ferry_error *error)
{
	return error ? set(future, WORD_EXCEPTION, ferry_result_u64(0), error) : -EINVAL;
}

int ferry_future_set_cancelled(ferry_future *future)
{
	return set(future, WORD_CANCELLED, ferry_result_u64(0), NULL);
}
