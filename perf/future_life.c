/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/future_life: what a promise costs from birth to death on one thread, and what
 * each further step of its life adds.
 */
#include "bench.h"

#include <ferry.h>

static ferry_future *new_promise(void)
{
	ferry_future *future;

	bench_check(ferry_future_new(NULL, &future), "ferry_future_new");
	return future;
}

static void run_new(const struct bench_case *self, struct bench_sample *sample)
{
	(void)self;
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++)
		ferry_future_unref(new_promise());
	bench_stop(sample);
}

static void run_whole(const struct bench_case *self, struct bench_sample *sample)
{
	uint64_t sum = 0;

	(void)self;
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++) {
		ferry_future *future = new_promise();

		bench_check(ferry_future_set_running(future), "ferry_future_set_running");
		bench_check(ferry_future_set_result(future, ferry_result_u64(1)),
			    "ferry_future_set_result");
		sum += ferry_future_snapshot(future).result.u64;
		ferry_future_unref(future);
	}
	bench_stop(sample);
	if (sum != sample->operations)
		bench_fail("a result was lost");
}

static void run_direct(const struct bench_case *self, struct bench_sample *sample)
{
	uint64_t sum = 0;

	(void)self;
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++) {
		ferry_future *future = new_promise();

		bench_check(ferry_future_set_result(future, ferry_result_u64(1)),
			    "ferry_future_set_result");
		sum += ferry_future_snapshot(future).result.u64;
		ferry_future_unref(future);
	}
	bench_stop(sample);
	if (sum != sample->operations)
		bench_fail("a result was lost");
}

struct counting_waiter {
	ferry_waiter waiter; /* first: found from it */
	uint64_t notified;
};

static void count(ferry_waiter *waiter)
{
	((struct counting_waiter *)waiter)->notified++;
}

static void run_waited(const struct bench_case *self, struct bench_sample *sample)
{
	struct counting_waiter waiter = { .waiter.notify = count };

	(void)self;
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++) {
		ferry_future *future = new_promise();

		bench_check(ferry_future_attach(future, &waiter.waiter), "ferry_future_attach");
		bench_check(ferry_future_set_running(future), "ferry_future_set_running");
		bench_check(ferry_future_set_result(future, ferry_result_u64(1)),
			    "ferry_future_set_result");
		ferry_future_unref(future);
	}
	bench_stop(sample);
	if (waiter.notified != sample->operations)
		bench_fail("a waiter was notified the wrong number of times");
}

static void run_cancelled(const struct bench_case *self, struct bench_sample *sample)
{
	(void)self;
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++) {
		ferry_future *future = new_promise();

		if (ferry_future_cancel(future) != 1)
			bench_fail("a pending future was not cancelled");
		ferry_future_unref(future);
	}
	bench_stop(sample);
}

static const struct bench_case cases[] = {
	{ .name = "new", .what = "made and dropped", .run = run_new },
	{ .name = "direct", .what = "made, result set, read, dropped", .run = run_direct,
	  .net_of = "new" },
	{ .name = "whole", .what = "made, running, result set, read, dropped", .run = run_whole,
	  .net_of = "new" },
	{ .name = "waited", .what = "made, a waiter attached, running, result set, dropped",
	  .run = run_waited, .net_of = "new" },
	{ .name = "cancelled", .what = "made, cancelled, dropped", .run = run_cancelled,
	  .net_of = "new" },
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "future_life",
		.question = "What does the life of a promise cost?",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
	};

	return bench_main(&program, argc, argv);
}
