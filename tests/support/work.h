/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_WORK_H
#define SUPPORT_WORK_H
/*
 * Work for a pool, and its books.
 *
 *   ferry_future *future = work_submit(pool, work_at_gate, &gate, NULL);
 *   struct ferry_pool_counters books = work_books(pool);      checked (P1)
 *   ferry_snapshot end = work_end(future);                    waits, and lets go of it
 *   work_close(pool);                                         drains, checks, frees
 *
 * What cannot be done ends the program with a message, so that both kinds of test can
 * use it, on any thread.
 */
#include <inttypes.h>

#include "support/fixture.h"
#include "support/gate.h"
#include "support/tasks.h"

static inline int work_nothing(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	return 0;
}

/* The result is the argument. */
static inline int work_number(void *arg, ferry_result *out)
{
	*out = ferry_result_u64((uintptr_t)arg);
	return 0;
}

/* Ends when the gate is open. */
static inline int work_at_gate(void *gate, ferry_result *out)
{
	(void)out;
	gate_wait(gate);
	return 0;
}

/* Adds one to a number. */
static inline int work_count(void *arg, ferry_result *out)
{
	_Atomic unsigned *number = arg;

	(void)out;
	++*number;
	return 0;
}

static inline ferry_pool *work_pool(const ferry_pool_options *options)
{
	ferry_pool *pool;
	int error = ferry_pool_new(options, &pool);

	if (error)
		fixture_die("no pool", error);
	return pool;
}

static inline ferry_future *work_submit(ferry_pool *pool, ferry_function fn, void *arg,
					const ferry_job_options *options)
{
	ferry_future *future;
	int error = ferry_pool_submit(pool, fn, arg, options, &future);

	if (error)
		fixture_die("a job was refused", error);
	return future;
}

static inline ferry_snapshot work_wait(ferry_future *future)
{
	int error = ferry_future_wait(future, FERRY_NO_DEADLINE);

	if (error)
		fixture_die("a future cannot be waited for", error);
	return ferry_future_snapshot(future);
}

/* Waits, and lets go: of the snapshot, numbers and static errors may be used. */
static inline ferry_snapshot work_end(ferry_future *future)
{
	ferry_snapshot snapshot = work_wait(future);

	ferry_future_unref(future);
	return snapshot;
}

/* So many workers are kept at the gate: their futures. */
static inline void work_occupy(ferry_pool *pool, struct gate *gate, ferry_future **futures,
			       unsigned count)
{
	unsigned before = gate_come(gate);

	for (unsigned i = 0; i < count; i++)
		futures[i] = work_submit(pool, work_at_gate, gate, NULL);
	gate_await(gate, before + count);
}

static inline void work_check_books(const ferry_pool_counters *books)
{
	if (books->attempted != books->refused + books->accepted ||
	    books->accepted != books->queued + books->running + books->ran + books->cancelled +
				       books->expired + books->failed ||
	    books->queued > books->accepted || books->running > books->accepted)
		fixture_die("the books do not balance (P1)", 0);
}

static inline ferry_pool_counters work_books(ferry_pool *pool)
{
	ferry_pool_counters books = fixture_pool_counters(pool);

	work_check_books(&books);
	return books;
}

/* Nothing is queued or runs any more, and every worker has left. */
static inline void work_close(ferry_pool *pool)
{
	ferry_pool_counters books;
	int left = ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE);

	if (left)
		fixture_die("jobs are left", left);
	books = work_books(pool);
	if (books.queued || books.running || books.threads)
		fixture_die("a pool that was shut down is not empty (P1)", 0);
	ferry_pool_free(pool);
}

#endif
