/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUTURE_ARRIVALS_H
#define FUTURE_ARRIVALS_H
/*
 * Several futures watched at once, in the order in which they become done: the one
 * engine under wait_any, wait_all and as_completed.
 */
#include "base/list.h"
#include "base/rcu.h"
#include "future/wait.h"

/* One watched future. */
struct arrival {
	struct ferry_waiter waiter; /* its waiter, then its link among the arrived */
	struct arrivals *all;
	struct ferry_future *future;
	bool attached; /* false: it was done when the watching began */
};

struct arrivals {
	struct stack arrived;     /* by completers, newest first */
	_Atomic uint64_t tally;   /* low half: how many arrived; high half: wake at this many */
	bool first_exception;     /* an exception wakes as well */
	bool owned;               /* a reference to each future is dropped at the end */
	unsigned generation;      /* of the process that began it */
	size_t count, attached;
	struct arrival *entries;
};

#define ARRIVALS_MOST 1000000
/* At most that many, none of them NULL. */
bool arrivals_are_futures(ferry_future *const *futures, size_t count);

/* 0, -ENOMEM, or -ECHILD as ferry_future_attach(). The futures are borrowed; set owned to
 * hand references over. */
int arrivals_begin(struct arrivals *all, ferry_future *const *futures, size_t count,
		   bool first_exception);
/* Sleeps until @enough of those attached have arrived (or an exception wakes). */
int arrivals_wait(struct arrivals *all, size_t enough, uint64_t deadline_ns);
/*
 * Stops watching: true if nothing refers to the entries and the struct any more; the
 * entries are freed. False in a fork's child, for what the parent's threads were about to
 * notify: the entries stay, and so must the struct.
 */
bool arrivals_end(struct arrivals *all);

#endif
