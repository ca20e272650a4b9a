/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/snapshot: what one look at a concurrent future costs: done, cancelled, result
 * and exception of one instant, in every state it can be in.
 */
#include "bench.h"

#include <ferry.h>

#include <errno.h>

static ferry_future *new_promise(void)
{
	ferry_future *future;

	bench_check(ferry_future_new(NULL, &future), "ferry_future_new");
	return future;
}

static void look_often(ferry_future *future, struct bench_sample *sample, int done)
{
	uint64_t seen = 0;

	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++)
		seen += (uint64_t)ferry_future_snapshot(future).done;
	bench_stop(sample);
	if (seen != (done ? sample->operations : 0))
		bench_fail("a snapshot told the wrong state");
	ferry_future_unref(future);
}

static void run_result(const struct bench_case *self, struct bench_sample *sample)
{
	ferry_future *future = new_promise();

	(void)self;
	bench_check(ferry_future_set_result(future, ferry_result_u64(42)), "set_result");
	look_often(future, sample, 1);
}

static void run_exception(const struct bench_case *self, struct bench_sample *sample)
{
	ferry_future *future = new_promise();

	(void)self;
	bench_check(ferry_future_set_exception(future, ferry_error_from_errno(ENOENT)),
		    "set_exception");
	look_often(future, sample, 1);
}

static void run_cancelled(const struct bench_case *self, struct bench_sample *sample)
{
	ferry_future *future = new_promise();

	(void)self;
	bench_check(ferry_future_cancel(future), "ferry_future_cancel");
	look_often(future, sample, 1);
}

static void run_pending(const struct bench_case *self, struct bench_sample *sample)
{
	(void)self;
	look_often(new_promise(), sample, 0);
}

static void run_running(const struct bench_case *self, struct bench_sample *sample)
{
	ferry_future *future = new_promise();

	(void)self;
	bench_check(ferry_future_set_running(future), "ferry_future_set_running");
	look_often(future, sample, 0);
}

static const struct bench_case cases[] = {
	{ .name = "done", .what = "done with a result", .run = run_result },
	{ .name = "exception", .what = "done with an exception", .run = run_exception },
	{ .name = "cancelled", .what = "cancelled", .run = run_cancelled },
	{ .name = "pending", .what = "not begun", .run = run_pending },
	{ .name = "running", .what = "begun, not done", .run = run_running },
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "snapshot",
		.question = "What does one look at a concurrent future cost?",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
	};

	return bench_main(&program, argc, argv);
}
