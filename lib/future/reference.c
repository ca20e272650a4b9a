/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * References to a concurrent future, and what becomes of an outcome that nobody took.
 *
 * Any thread refs and unrefs. Before it somebody looked, took, or lost interest; after it
 * the block is free. Invariant (F7): a result that nobody took is given to its disposer
 * once, by the last holder; one that may block goes to the pool instead if that holder is
 * a loop's thread.
 */
#include "future/future.h"

#include "base/memory.h"
#include "base/thread.h"

static _Atomic uint64_t disposed;

uint64_t ferry_disposed_count(void)
{
	/* Relaxed: a number to show. */
	return atomic_load_relaxed(&disposed);
}

ferry_future *ferry_future_ref(ferry_future *future)
{
	/* Relaxed: whoever refs has a reference, so it cannot be freed meanwhile. */
	if (future)
		atomic_add_relaxed(&future->refs, 1);
	return future;
}

static bool is_blocking(const ferry_result *result)
{
	return result->disposer && result->disposer->kind == FERRY_DISPOSE_BLOCKING;
}

bool future_is_homed(const struct ferry_future *future)
{
	uintptr_t word = future_word(future);

	if (!future_home(future) || !(future->flags & FUTURE_JOB))
		return future_home(future);
	return word_is_done(word) && word_outcome(word) == WORD_RESULT &&
	       is_blocking(&future->result);
}

static bool owns_result(const struct ferry_future *future)
{
	uintptr_t word = future_word(future);

	return word_is_done(word) && word_outcome(word) == WORD_RESULT && !(word & WORD_TAKEN);
}

/* Is there a disposer that may block, and somebody else to run it? */
static bool can_hand_over(const struct ferry_future *future)
{
	return owns_result(future) && is_blocking(&future->result) && future_is_homed(future);
}

bool future_must_hand_over(const struct ferry_future *future)
{
	return thread_self()->loops && can_hand_over(future);
}

void future_dispose_result(const ferry_result *result)
{
	/* Relaxed: a number to show. */
	atomic_add_relaxed(&disposed, 1);
	result->disposer->dispose(result);
}

void future_drop_outcome(struct ferry_future *future)
{
	uintptr_t word = future_word(future);
	bool homed = future_is_homed(future);

	if (owns_result(future) && future->result.disposer) {
		struct helper *helper = thread_self()->helper;
		struct job *paused = NULL;

		if (helper && is_blocking(&future->result))
			paused = helper->disposing(helper);
		future_dispose_result(&future->result);
		/* Not if the disposer forked, and this is the child (P6). */
		if (paused && thread_self()->helper)
			helper->disposed(helper, paused);
	}
	if (word_is_done(word) && word_outcome(word) == WORD_EXCEPTION)
		ferry_error_unref(future->exception);
	if (homed)
		future_home(future)->unref(future_home(future));
}

void future_free(struct ferry_future *future)
{
	if (future->flags & FUTURE_UNWRAPPED)
		future_tail(future)->dropped(future);
	memory_free(future);
}

static void unref(struct ferry_future *future, bool may_block)
{
	/*
	 * [last-unref] acq_rel, partner: the other holders' unrefs. Their uses happen before
	 * the block is freed, and a take by one of them is seen here, so that the result is
	 * disposed of only if nobody took it. Weaker: a use after free.
	 */
	if (atomic_sub_acq_rel(&future->refs, 1) != 1)
		return;
	if ((!may_block || thread_self()->loops) && can_hand_over(future) &&
	    future_home(future)->hand_over(future_home(future), future))
		return;
	future_drop_outcome(future);
	future_free(future);
}

ferry_future *ferry_future_unref(ferry_future *future)
{
	if (future)
		unref(future, true);
	return NULL;
}

void future_forget(struct ferry_future *future)
{
	unref(future, false);
}
