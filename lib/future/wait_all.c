/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Blocking until one of several futures is done, or all, or one has failed.
 *
 * Called on any thread but a loop's. Before it somebody submitted; after it the
 * caller takes snapshots. Invariant: what is counted as done is read from the words
 * themselves, arrivals only say when to look again, so a cancelled future counts at
 * once (F3); a worker that waits helps or lends its place (P4).
 */
#include "base/clock.h"
#include "future/arrivals.h"

/* How many are done; *first is the lowest index of those, *exception: one has failed. */
static size_t count_done(ferry_future *const *futures, size_t count, size_t *first,
			 bool *exception)
{
	size_t done = 0;

	*exception = false;
	for (size_t i = 0; i < count; i++) {
		uintptr_t word = future_word(futures[i]);

		if (!word_is_done(word))
			continue;
		if (!done++)
			*first = i;
		if (word_outcome(word) == WORD_EXCEPTION)
			*exception = true;
	}
	return done;
}

static bool is_enough(size_t done, size_t count, bool exception, ferry_wait_until until)
{
	return done == count || (until == FERRY_FIRST_COMPLETED && done) ||
	       (until == FERRY_FIRST_EXCEPTION && exception);
}

/* A worker runs what it waits for, as far as it may (P4), until one is enough or its time is
 * over: what it has begun by then it ends. */
static void help(struct helper *helper, ferry_future *const *futures, size_t count,
		 ferry_wait_until until, uint64_t deadline_ns)
{
	for (size_t i = 0; i < count; i++)
		if (helper->run(helper, futures[i]) &&
		    (until != FERRY_ALL_COMPLETED || deadline_ns <= clock_now()))
			return;
}

/* The next time at which a job that is still queued expires, or the deadline. */
static uint64_t next_expiry(ferry_future *const *futures, size_t count, uint64_t deadline_ns)
{
	for (size_t i = 0; i < count; i++)
		deadline_ns = wait_until_expiry(futures[i], deadline_ns);
	return deadline_ns;
}

/* -ETIMEDOUT at the deadline; 0 when it is worth looking again. */
static int sleep_and_expire(struct arrivals *all, ferry_future *const *futures, size_t count,
			    size_t enough, struct helper *helper, uint64_t deadline_ns)
{
	uint64_t until = wait_until_look(helper, next_expiry(futures, count, deadline_ns));
	uint64_t now;

	if (arrivals_wait(all, enough, until) == 0)
		return 0;
	now = clock_now();
	for (size_t i = 0; i < count; i++)
		wait_expire(futures[i], now);
	return until < deadline_ns ? 0 : -ETIMEDOUT;
}

/* Sets *done and *first as they are at the end. */
static int wait_several(ferry_future *const *futures, size_t count, ferry_wait_until until,
			uint64_t deadline_ns, size_t *done, size_t *first)
{
	struct helper *helper = thread_self()->helper;
	struct arrivals all;
	bool exception;
	int error;

	*done = count_done(futures, count, first, &exception);
	if (is_enough(*done, count, exception, until))
		return 0;
	if (thread_self()->loops)
		return -EDEADLK;
	for (size_t i = 0; i < count; i++)
		if (future_is_orphan(futures[i]) && !word_is_done(future_word(futures[i])))
			return -ECHILD;
	if (deadline_ns <= clock_now())
		return -ETIMEDOUT;
	if (helper)
		help(helper, futures, count, until, deadline_ns);
	error = arrivals_begin(&all, futures, count, until == FERRY_FIRST_EXCEPTION);
	if (error)
		return error;
	if (helper)
		helper->lend(helper);
	for (;;) {
		size_t enough = until == FERRY_FIRST_COMPLETED ? 1 : all.attached;

		*done = count_done(futures, count, first, &exception);
		if (is_enough(*done, count, exception, until) || error)
			break;
		error = sleep_and_expire(&all, futures, count, enough, helper, deadline_ns);
	}
	if (helper)
		helper->reclaim(helper);
	arrivals_end(&all);
	return is_enough(*done, count, exception, until) ? 0 : error;
}

int ferry_wait_any(ferry_future *const *futures, size_t count, uint64_t deadline_ns)
{
	size_t done, first = 0;
	int error;

	if (!count || !arrivals_are_futures(futures, count))
		return -EINVAL;
	error = wait_several(futures, count, FERRY_FIRST_COMPLETED, deadline_ns, &done, &first);
	return error ? error : (int)first;
}

int ferry_wait_all(ferry_future *const *futures, size_t count, ferry_wait_until until,
		   uint64_t deadline_ns)
{
	size_t done, first = 0;
	int error;

	if (!arrivals_are_futures(futures, count) || until < FERRY_ALL_COMPLETED ||
	    until > FERRY_FIRST_EXCEPTION)
		return -EINVAL;
	error = wait_several(futures, count, until, deadline_ns, &done, &first);
	return error ? error : (int)done;
}
