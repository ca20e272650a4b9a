/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Iterating over futures in the order in which they complete.
 *
 * One thread at a time, not a loop's. Before it somebody submitted; after it the
 * caller takes snapshots. Invariant: each future is given exactly once for each time
 * it stands in the array, those done at the start first, then as they arrived.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "future/arrivals.h"

struct ferry_as_completed {
	struct arrivals all;
	struct chain ready;  /* arrived and not given out */
	size_t next_done;    /* those before it that were done at the start were given out */
	size_t given, taken; /* of the attached: given out; moved to ready */
};

int ferry_as_completed_new(ferry_future *const *futures, size_t count, ferry_as_completed **ret)
{
	ferry_as_completed *iteration;

	if (!ret || !arrivals_are_futures(futures, count))
		return -EINVAL;
	iteration = memory_new_zeroed(sizeof(*iteration));
	if (!iteration)
		return -ENOMEM;
	if (arrivals_begin(&iteration->all, futures, count, false) < 0) {
		memory_free(iteration);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		ferry_future_ref(futures[i]);
	iteration->all.owned = true;
	*ret = iteration;
	return 0;
}

/* One that was done at the start, in the order of the array; NULL when all were given. */
static struct arrival *next_done(ferry_as_completed *iteration)
{
	while (iteration->next_done < iteration->all.count) {
		struct arrival *arrival = &iteration->all.entries[iteration->next_done++];

		if (!arrival->attached)
			return arrival;
	}
	return NULL;
}

static struct arrival *next_arrived(ferry_as_completed *iteration)
{
	struct ferry_waiter *node = chain_take(&iteration->ready);

	if (!node) {
		struct ferry_waiter *more = chain_reverse(stack_take_all(&iteration->all.arrived));

		while (more) {
			struct ferry_waiter *next = more->next;

			chain_append(&iteration->ready, more);
			iteration->taken++;
			more = next;
		}
		node = chain_take(&iteration->ready);
	}
	return node ? container(node, struct arrival, waiter) : NULL;
}

/* The entries that have not arrived are those whose jobs may still expire. */
static int wait_for_next(ferry_as_completed *iteration, uint64_t deadline_ns)
{
	struct arrivals *all = &iteration->all;
	struct helper *helper = thread_self()->helper;
	uint64_t until = deadline_ns;
	int error;

	if (thread_self()->loops)
		return -EDEADLK;
	if (deadline_ns <= clock_now())
		return -ETIMEDOUT;
	for (size_t i = 0; i < all->count; i++) {
		struct ferry_future *future = all->entries[i].future;

		if (future_is_orphan(future) && !word_is_done(future_word(future)))
			return -ECHILD;
		if (helper && helper->run(helper, future))
			return 0;
		until = wait_until_expiry(future, until);
	}
	if (helper)
		helper->lend(helper);
	error = arrivals_wait(all, iteration->taken + 1, until);
	if (helper)
		helper->reclaim(helper);
	if (!error)
		return 0;
	for (size_t i = 0; i < all->count; i++)
		wait_expire(all->entries[i].future, clock_now());
	return until < deadline_ns ? 0 : -ETIMEDOUT;
}

int ferry_as_completed_next(ferry_as_completed *iteration, uint64_t deadline_ns,
			    ferry_future **ret)
{
	struct arrival *arrival;

	if (!iteration || !ret)
		return -EINVAL;
	arrival = next_done(iteration);
	while (!arrival && iteration->given < iteration->all.attached) {
		int error;

		arrival = next_arrived(iteration);
		if (arrival) {
			iteration->given++;
			break;
		}
		error = wait_for_next(iteration, deadline_ns);
		if (error)
			return error;
	}
	if (!arrival)
		return 0;
	*ret = arrival->future;
	return 1;
}

ferry_as_completed *ferry_as_completed_free(ferry_as_completed *iteration)
{
	if (iteration) {
		arrivals_end(&iteration->all);
		memory_free(iteration);
	}
	return NULL;
}
