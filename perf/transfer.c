/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/transfer: what moving an outcome to a loop-local future costs: the benchmark of
 * gh-134174, both halves, in its manner: each operation makes a destination, copies the
 * state of a future that is done, and cancels the destination, which changes nothing any
 * more. "net" is without making and cancelling the destination.
 *
 *   concurrent/separate   done, cancelled, exception and result asked for one by one
 *   concurrent/snapshot   all in one snapshot
 *   local/separate        the same from a loop-local future
 *   local/snapshot
 *   concurrent/wrap       ferry_wrap(): how the library itself does it
 *   local/chain           ferry_local_chain() and the turn of the loop that delivers
 *   cpython/...           the same in CPython (transfer.py), where python3 is found;
 *                         "own" is what its asyncio ships
 */
#include "bench.h"
#include "peer_command.h"

#include <ferry.h>

#include <errno.h>
#include <string.h>

#define RESULT 42
#define CHAINS 256

/* ---- the library ---- */

enum source { NO_SOURCE, CONCURRENT_SOURCE, LOCAL_SOURCE };

struct transfer {
	enum source source;
	/* Copies the outcome; NULL: does not. */
	void (*copy)(void *source, ferry_local *target);
};

static void set(ferry_local *target, const ferry_snapshot *snapshot)
{
	if (snapshot->cancelled)
		ferry_local_cancel(target);
	else if (snapshot->exception)
		bench_check(ferry_local_set_exception(target,
						      ferry_error_ref(snapshot->exception)),
			    "ferry_local_set_exception");
	else
		bench_check(ferry_local_set_result(target, snapshot->result),
			    "ferry_local_set_result");
}

static void copy_concurrent_separately(void *source, ferry_local *target)
{
	ferry_snapshot snapshot = { .done = ferry_future_snapshot(source).done };

	if (ferry_local_snapshot(target).cancelled)
		return;
	if (!snapshot.done)
		bench_fail("the source is not done");
	snapshot.cancelled = ferry_future_snapshot(source).cancelled;
	if (!snapshot.cancelled)
		snapshot.exception = ferry_future_snapshot(source).exception;
	if (!snapshot.cancelled && !snapshot.exception)
		snapshot.result = ferry_future_snapshot(source).result;
	set(target, &snapshot);
}

static void copy_concurrent_snapshot(void *source, ferry_local *target)
{
	ferry_snapshot snapshot;

	if (ferry_local_snapshot(target).cancelled)
		return;
	snapshot = ferry_future_snapshot(source);
	if (!snapshot.done)
		bench_fail("the source is not done");
	set(target, &snapshot);
}

static void copy_local_separately(void *source, ferry_local *target)
{
	ferry_snapshot snapshot = { .done = ferry_local_snapshot(source).done };

	if (ferry_local_snapshot(target).cancelled)
		return;
	if (!snapshot.done)
		bench_fail("the source is not done");
	snapshot.cancelled = ferry_local_snapshot(source).cancelled;
	if (!snapshot.cancelled)
		snapshot.exception = ferry_local_snapshot(source).exception;
	if (!snapshot.cancelled && !snapshot.exception)
		snapshot.result = ferry_local_snapshot(source).result;
	set(target, &snapshot);
}

static void copy_local_snapshot(void *source, ferry_local *target)
{
	ferry_snapshot snapshot;

	if (ferry_local_snapshot(target).cancelled)
		return;
	snapshot = ferry_local_snapshot(source);
	if (!snapshot.done)
		bench_fail("the source is not done");
	set(target, &snapshot);
}

static void *new_source(enum source kind, ferry_loop *loop)
{
	ferry_future *future;
	ferry_local *local;

	switch (kind) {
	case CONCURRENT_SOURCE:
		bench_check(ferry_future_new(NULL, &future), "ferry_future_new");
		bench_check(ferry_future_set_result(future, ferry_result_u64(RESULT)),
			    "ferry_future_set_result");
		return future;
	case LOCAL_SOURCE:
		bench_check(ferry_local_new(loop, &local), "ferry_local_new");
		bench_check(ferry_local_set_result(local, ferry_result_u64(RESULT)),
			    "ferry_local_set_result");
		return local;
	default:
		return NULL;
	}
}

static void free_source(enum source kind, void *source)
{
	if (kind == CONCURRENT_SOURCE)
		ferry_future_unref(source);
	else if (kind == LOCAL_SOURCE)
		ferry_local_unref(source);
}

static void run_transfer(const struct bench_case *self, struct bench_sample *sample)
{
	const struct transfer *transfer = self->argument;
	uint64_t sum = 0;
	ferry_loop *loop;
	void *source;

	bench_check(ferry_loop_new(NULL, &loop), "ferry_loop_new");
	source = new_source(transfer->source, loop);
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++) {
		ferry_local *target;

		bench_check(ferry_local_new(loop, &target), "ferry_local_new");
		if (transfer->copy)
			transfer->copy(source, target);
		ferry_local_cancel(target);
		sum += ferry_local_snapshot(target).result.u64;
		ferry_local_unref(target);
	}
	bench_stop(sample);
	if (sum != (transfer->copy ? RESULT * sample->operations : 0))
		bench_fail("a result was lost");
	free_source(transfer->source, source);
	bench_check(ferry_loop_free(loop), "ferry_loop_free");
}

static void run_wrap(const struct bench_case *self, struct bench_sample *sample)
{
	uint64_t sum = 0;
	ferry_loop *loop;
	void *source;

	(void)self;
	bench_check(ferry_loop_new(NULL, &loop), "ferry_loop_new");
	source = new_source(CONCURRENT_SOURCE, loop);
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++) {
		ferry_local *target = ferry_wrap(loop, source);

		if (!target)
			bench_fail("ferry_wrap: %s", strerror(errno));
		ferry_local_cancel(target);
		sum += ferry_local_snapshot(target).result.u64;
		ferry_local_unref(target);
	}
	bench_stop(sample);
	if (sum != RESULT * sample->operations)
		bench_fail("a result was lost");
	free_source(CONCURRENT_SOURCE, source);
	bench_check(ferry_loop_free(loop), "ferry_loop_free");
}

/* Each chain has a source of its own, as it would have; all are delivered in one turn. */
static void run_chain(const struct bench_case *self, struct bench_sample *sample)
{
	static ferry_local *sources[CHAINS], *targets[CHAINS];
	uint64_t sum = 0;
	ferry_loop *loop;

	(void)self;
	bench_check(ferry_loop_new(NULL, &loop), "ferry_loop_new");
	for (unsigned i = 0; i < CHAINS; i++)
		sources[i] = new_source(LOCAL_SOURCE, loop);
	bench_start(sample);
	for (uint64_t done = 0; done < sample->operations; done += CHAINS) {
		for (unsigned i = 0; i < CHAINS; i++) {
			bench_check(ferry_local_new(loop, &targets[i]), "ferry_local_new");
			bench_check(ferry_local_chain(sources[i], targets[i]),
				    "ferry_local_chain");
		}
		bench_check(ferry_loop_run(loop), "ferry_loop_run");
		for (unsigned i = 0; i < CHAINS; i++) {
			ferry_local_cancel(targets[i]);
			sum += ferry_local_snapshot(targets[i]).result.u64;
			ferry_local_unref(targets[i]);
		}
	}
	bench_stop(sample);
	if (sum != RESULT * sample->operations)
		bench_fail("a result was lost");
	for (unsigned i = 0; i < CHAINS; i++)
		ferry_local_unref(sources[i]);
	bench_check(ferry_loop_free(loop), "ferry_loop_free");
}

/* ---- the cases ---- */

static const struct transfer destination = { NO_SOURCE, NULL };
static const struct transfer concurrent_separate = {
	CONCURRENT_SOURCE, copy_concurrent_separately,
};
static const struct transfer concurrent_snapshot = {
	CONCURRENT_SOURCE, copy_concurrent_snapshot,
};
static const struct transfer local_separate = { LOCAL_SOURCE, copy_local_separately };
static const struct transfer local_snapshot = { LOCAL_SOURCE, copy_local_snapshot };

#define TRANSFER(name_, what_, transfer_)                                                         \
	{                                                                                         \
		.name = name_, .what = what_, .run = run_transfer, .argument = &(transfer_),      \
		.net_of = "destination", .against = "cpython/" name_                              \
	}
#define PYTHON_COMMAND(name_)                                                                     \
	.run = peer_command, .argument = &(const struct peer_command)                             \
	{                                                                                         \
		PEER_PYTHON, "transfer.py", name_                                                 \
	}
#define PYTHON(name_, what_)                                                                      \
	{                                                                                         \
		.name = "cpython/" name_, .what = what_, PYTHON_COMMAND(name_),                   \
		.net_of = "cpython/destination"                                                   \
	}

static const struct bench_case cases[] = {
	{ .name = "destination", .what = "made and cancelled, nothing copied",
	  .run = run_transfer, .argument = &destination, .against = "cpython/destination" },
	TRANSFER("concurrent/separate", "four looks at a concurrent future",
		 concurrent_separate),
	TRANSFER("concurrent/snapshot", "one look at a concurrent future", concurrent_snapshot),
	TRANSFER("local/separate", "four looks at a loop-local future", local_separate),
	TRANSFER("local/snapshot", "one look at a loop-local future", local_snapshot),
	{ .name = "concurrent/wrap", .what = "ferry_wrap() of a concurrent future",
	  .run = run_wrap, .net_of = "destination", .against = "cpython/concurrent/own" },
	{ .name = "local/chain", .what = "ferry_local_chain() and its delivery",
	  .run = run_chain, .granule = CHAINS, .net_of = "destination",
	  .against = "cpython/local/own" },
	{ .name = "cpython/destination", .what = "CPython: made and cancelled",
	  PYTHON_COMMAND("destination") },
	PYTHON("concurrent/separate", "CPython: four looks at a concurrent future"),
	PYTHON("concurrent/snapshot", "CPython: one look at a concurrent future"),
	PYTHON("concurrent/own", "CPython: concurrent to local as it ships"),
	PYTHON("local/separate", "CPython: four looks at a local future"),
	PYTHON("local/snapshot", "CPython: a snapshot asked for, but local futures have none"),
	PYTHON("local/own", "CPython: local to local as it ships"),
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "transfer",
		.question = "What does moving an outcome to a local future cost, beside CPython?",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
	};

	return bench_main(&program, argc, argv);
}
