/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_STALLER_H
#define SUPPORT_STALLER_H
/*
 * A waiter that keeps its completer inside notify for a while, so that the waiters
 * behind it are too late to be detached and not yet notified. It goes on when somebody
 * has left who should not have, or after 20 ms, which only a sound library lets pass.
 *
 *   attach a staller; have somebody else attached behind it; complete on another thread
 *   that somebody calls staller_left() when it believes that it may go
 *   ... staller.too_early ...           1 if it went before its own notify was due
 */
#include <ferry/future.h>
#include <sched.h>

struct staller {
	ferry_waiter waiter; /* first: notify gets it back */
	_Atomic int begun, left;
	int too_early;
};

static inline void staller_notify(ferry_waiter *waiter)
{
	struct staller *staller = (struct staller *)waiter;
	uint64_t until = ferry_in_ns(20000000);

	staller->begun = 1;
	while (!staller->left && ferry_now_ns() < until)
		sched_yield();
	staller->too_early = staller->left;
}

static inline void staller_init(struct staller *staller)
{
	staller->waiter = (ferry_waiter){ NULL, staller_notify };
	staller->begun = 0;
	staller->left = 0;
	staller->too_early = 0;
}

static inline void staller_left(struct staller *staller)
{
	staller->left = 1;
}

/* Returns when the completer is inside its notify. */
static inline void staller_await(struct staller *staller)
{
	while (!staller->begun)
		sched_yield();
}

#endif
