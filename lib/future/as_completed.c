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
	uint64_t expiry_ns;  /* no job that is queued expires before that; 0: not known */
};

int ferry_as_completed_new(ferry_future *const *futures, size_t count, ferry_as_completed **ret)
{
	ferry_as_completed *iteration;
	int error;

	if (!ret || !arrivals_are_futures(futures, count))
		return -EINVAL;
	iteration = memory_new_zeroed(sizeof(*iteration));
	if (!iteration)
		return -ENOMEM;
	error = arrivals_begin(&iteration->all, futures, count, false);
	if (error) {
		memory_free(iteration);
		return error;
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

		if (!arrival->attached) {
			/* [complete-snapshot] acquire: attach only said that it was done. */
			(void)future_word(arrival->future);
			return arrival;
		}
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

/* Is there one that nobody will complete in this process (P6)? */
static bool has_orphan(const struct arrivals *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct ferry_future *future = all->entries[i].future;

		if (future_is_orphan(future) && !word_is_done(future_word(future)))
			return true;
	}
	return false;
}

/* A worker runs one of them, if it may (P4). */
static bool help(struct arrivals *all, struct helper *helper)
{
	for (size_t i = 0; i < all->count; i++)
		if (helper->run(helper, all->entries[i].future))
			return true;
	return false;
}

/* Ends the queued jobs that are late: when the next of them will be. */
static uint64_t expire_and_find_next(struct arrivals *all, uint64_t now_ns)
{
	uint64_t next = FERRY_NO_DEADLINE;

	for (size_t i = 0; i < all->count; i++) {
		wait_expire(all->entries[i].future, now_ns);
		next = wait_until_expiry(all->entries[i].future, next);
	}
	return next;
}

static int wait_for_next(ferry_as_completed *iteration, uint64_t deadline_ns)
{
	struct arrivals *all = &iteration->all;
	struct helper *helper = thread_self()->helper;
	uint64_t now = clock_now(), until;
	int error;

	if (thread_self()->loops)
		return -EDEADLK;
	if (deadline_ns <= now)
		return -ETIMEDOUT;
	if (all->generation != process_generation && has_orphan(all))
		return -ECHILD;
	if (helper && help(all, helper))
		return 0;
	/* Deadlines do not change: all need not be looked at before the first of them. */
	if (iteration->expiry_ns <= now)
		iteration->expiry_ns = expire_and_find_next(all, now);
	until = iteration->expiry_ns < deadline_ns ? iteration->expiry_ns : deadline_ns;
	if (helper)
		helper->lend(helper);
	until = wait_until_look(helper, until);
	error = arrivals_wait(all, iteration->taken + 1, until);
	if (helper)
		helper->reclaim(helper);
	now = clock_now();
	if (error && iteration->expiry_ns <= now)
		iteration->expiry_ns = expire_and_find_next(all, now);
	return until < deadline_ns ? 0 : error;
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
	if (iteration && arrivals_end(&iteration->all))
		memory_free(iteration);
	return NULL;
}
