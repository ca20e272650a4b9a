/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for several futures at once.
 *
 * Begun, waited on and ended by one thread, not a loop's; notified by any. Invariant:
 * a completer's last touch of an entry, and of the struct, is the addition to the
 * tally, so that the waiting thread may free both once it has counted everybody.
 */
#include "future/arrivals.h"

#include "base/memory.h"
#include "base/park.h"

/* Set in the count's half by an arrival that wakes whatever number is wanted. */
#define URGENT ((uint64_t)1 << 31)
#define COUNT (URGENT - 1)

/* On the completer's thread. */
static void arrival_notify(struct ferry_waiter *waiter)
{
	struct arrival *arrival = container(waiter, struct arrival, waiter);
	struct arrivals *all = arrival->all;
	_Atomic uint64_t *tally = &all->tally;
	uint64_t before, urgent = 0;

	if (all->first_exception && ferry_future_snapshot(arrival->future).exception)
		urgent = URGENT;
	stack_push(&all->arrived, &arrival->waiter);
	if (urgent)
		/* [arrive-wait] acq_rel, as below; the count that follows is what wakes. */
		atomic_or_acq_rel(tally, urgent);
	/*
	 * [arrive-wait] acq_rel, partner: arrivals_wait(). The push is visible to whoever
	 * sees the count. The wanted number comes with the same exchange, so nothing of the
	 * struct is read afterwards: the wake uses only the address.
	 */
	before = atomic_add_acq_rel(tally, 1);
	if (before & URGENT || (before & COUNT) + 1 >= before >> 32)
		park_wake((_Atomic uint32_t *)tally, 1);
}

int arrivals_begin(struct arrivals *all, ferry_future *const *futures, size_t count,
		   bool first_exception)
{
	stack_init(&all->arrived);
	/* Relaxed: nobody else has seen it yet. Nobody is waited for, so nothing wakes. */
	atomic_store_relaxed(&all->tally, COUNT << 32);
	all->first_exception = first_exception;
	all->owned = false;
	all->generation = process_generation;
	all->count = count;
	all->attached = 0;
	all->entries = memory_new((count ? count : 1) * sizeof(*all->entries));
	if (!all->entries)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct arrival *arrival = &all->entries[i];

		arrival->waiter.next = NULL;
		arrival->waiter.notify = arrival_notify;
		arrival->all = all;
		arrival->future = futures[i];
		arrival->attached = false;
	}
	for (size_t i = 0; i < count; i++) {
		int error = ferry_future_attach(futures[i], &all->entries[i].waiter);

		if (error == -ECHILD) {
			arrivals_end(all);
			return error;
		}
		all->entries[i].attached = !error;
		all->attached += !error;
	}
	return 0;
}

static uint64_t want(struct arrivals *all, size_t enough)
{
	/* Relaxed: only the waiting thread writes the high half; the exchange decides. */
	uint64_t tally = atomic_load_relaxed(&all->tally);

	/* [arrive-wait] acq_rel, partner: arrival_notify(). Either it sees the new number,
	 * or its count is seen here. */
	while (!atomic_swap_if_acq_rel(&all->tally, &tally,
				       (uint64_t)enough << 32 | (uint32_t)tally))
		;
	return tally;
}

int arrivals_wait(struct arrivals *all, size_t enough, uint64_t deadline_ns)
{
	uint64_t tally = want(all, enough);

	while (!(tally & URGENT) && (tally & COUNT) < enough) {
		/* The low half of the tally: both supported machines are little-endian. */
		if (park_wait((_Atomic uint32_t *)&all->tally, (uint32_t)tally, deadline_ns) < 0)
			return -ETIMEDOUT;
		/* [arrive-wait] acquire, partner: arrival_notify(): the pushed entries. */
		tally = atomic_load_acquire(&all->tally);
	}
	return 0;
}

/* Until everybody has notified who will; false if that cannot be known. */
static bool await_notifies(struct arrivals *all, size_t expected)
{
	want(all, expected);
	for (;;) {
		/* [arrive-wait] acquire, partner: arrival_notify(), its last touch. */
		uint64_t tally = atomic_load_acquire(&all->tally);

		if ((tally & COUNT) >= expected)
			return true;
		/* Whoever took these nodes may be a thread that a fork left behind. */
		if (all->generation != process_generation)
			return false;
		park_wait((_Atomic uint32_t *)&all->tally, (uint32_t)tally, FERRY_NO_DEADLINE);
	}
}

bool arrivals_end(struct arrivals *all)
{
	bool all_notified;
	size_t expected = all->attached;

	/* The newest first: it is found at once, however often a future stands there. */
	for (size_t i = all->count; i-- > 0;) {
		struct arrival *arrival = &all->entries[i];

		/* 0: it has notified or will; it is counted below. */
		if (arrival->attached &&
		    ferry_future_detach(arrival->future, &arrival->waiter) == 1)
			expected--;
	}
	all_notified = await_notifies(all, expected);
	if (all->owned)
		for (size_t i = 0; i < all->count; i++)
			ferry_future_unref(all->entries[i].future);
	if (all_notified)
		memory_free(all->entries);
	return all_notified;
}

bool arrivals_are_futures(ferry_future *const *futures, size_t count)
{
	if (count > ARRIVALS_MOST || (count && !futures))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!futures[i])
			return false;
	return true;
}
