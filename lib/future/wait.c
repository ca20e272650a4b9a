/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Blocking until one future is done.
 *
 * Called on any thread but a loop's, which must not block. Before it somebody
 * submitted; after it the caller takes a snapshot. Invariant: a waiter that detach
 * calls too late is waited for (F5); a worker that waits helps or lends its place
 * (P4); a queued job is expired by its waiter when its own deadline passes (P10).
 */
#include "future/wait.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/park.h"

struct blocker {
	struct ferry_waiter waiter;
	_Atomic uint32_t notified;
};

/* On the completer's thread. The blocked one may return, and its stack be gone, as soon
 * as the store is seen: the wake uses only the address. */
static void blocker_notify(struct ferry_waiter *waiter)
{
	struct blocker *blocker = container(waiter, struct blocker, waiter);
	_Atomic uint32_t *notified = &blocker->notified;

	/* [notify-wait] release, partner: the load in block(). The completer is through
	 * with the node before the blocked thread goes on. */
	atomic_store_release(notified, 1);
	park_wake(notified, 1);
}

/* True once notified, false at the deadline. */
static bool block(struct blocker *blocker, uint64_t deadline_ns)
{
	/* [notify-wait] acquire, partner: blocker_notify(). */
	while (!atomic_load_acquire(&blocker->notified))
		if (park_wait(&blocker->notified, 0, deadline_ns) < 0)
			return atomic_load_acquire(&blocker->notified); /* [notify-wait] */
	return true;
}

uint64_t wait_until_expiry(struct ferry_future *future, uint64_t deadline_ns)
{
	struct future_tail *tail = future_tail(future);

	if (tail && tail->deadline_ns < deadline_ns &&
	    word_phase(future_word(future)) == WORD_PENDING)
		return tail->deadline_ns;
	return deadline_ns;
}

void wait_expire(struct ferry_future *future, uint64_t now_ns)
{
	struct future_tail *tail = future_tail(future);

	if (tail && tail->deadline_ns <= now_ns)
		future_expire(future, ferry_error_from_code(FERRY_ERROR_TIMED_OUT));
}

uint64_t wait_until_look(struct helper *helper, uint64_t deadline_ns)
{
	uint64_t again = helper ? helper->look(helper) : FERRY_NO_DEADLINE;

	return again < deadline_ns ? again : deadline_ns;
}

/* The same on a worker, which now and then sees to it that another works in its stead. */
static bool block_lent(struct helper *helper, struct blocker *blocker, uint64_t deadline_ns)
{
	for (;;) {
		uint64_t until = wait_until_look(helper, deadline_ns);

		if (block(blocker, until))
			return true;
		if (until == deadline_ns)
			return false;
	}
}

/* Attached and not yet done: true once it is. */
static bool wait_attached(struct ferry_future *future, struct blocker *blocker,
			  struct helper *helper, uint64_t deadline_ns)
{
	uint64_t until = wait_until_expiry(future, deadline_ns);

	if (block_lent(helper, blocker, until))
		return true;
	if (until < deadline_ns) {
		wait_expire(future, clock_now());
		/* Expired, and notified by that; or it runs, and has no deadline any more. */
		if (block_lent(helper, blocker, deadline_ns))
			return true;
	}
	if (ferry_future_detach(future, &blocker->waiter) == 1)
		return false;
	/* Too late: the node is the completer's until it has notified. */
	return block(blocker, FERRY_NO_DEADLINE);
}

int ferry_future_wait(ferry_future *future, uint64_t deadline_ns)
{
	struct blocker blocker = { { NULL, blocker_notify }, 0 };
	struct helper *helper = thread_self()->helper;
	int attached;
	bool done;

	if (!future)
		return -EINVAL;
	if (word_is_done(future_word(future)))
		return 0;
	if (thread_self()->loops)
		return -EDEADLK;
	if (future_is_orphan(future))
		return -ECHILD;
	if (deadline_ns <= clock_now())
		return -ETIMEDOUT;
	if (helper && helper->run(helper, future))
		return 0;
	attached = ferry_future_attach(future, &blocker.waiter);
	if (attached < 0)
		/* [complete-snapshot] acquire: attach only said so, and the caller may go on
		 * by what the function wrote. */
		return word_is_done(future_word(future)) ? 0 : attached;
	if (helper)
		helper->lend(helper);
	done = wait_attached(future, &blocker, helper, deadline_ns);
	if (helper)
		helper->reclaim(helper);
	return done ? 0 : -ETIMEDOUT;
}
