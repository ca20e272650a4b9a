/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/timers: what a timer costs: added and cancelled again, which is the life of most
 * time-outs, with 1 to 1,000,000 others pending; and added and run.
 */
#include "bench.h"

#include <ferry.h>

struct load {
	unsigned pending;
};

/* Deadlines in no order; the same in every run. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Between an hour and two from now, so that none is due during a sample. */
static uint64_t far_deadline(uint64_t now_ns, uint64_t *state)
{
	uint64_t hour = 3600 * BENCH_SECOND;

	return now_ns + hour + next_random(state) % hour;
}

static void on_time(ferry_loop *loop, void *user)
{
	(void)loop;
	++*(uint64_t *)user;
}

static ferry_timer *add(ferry_loop *loop, uint64_t deadline_ns, uint64_t *fired)
{
	ferry_timer *timer;

	bench_check(ferry_loop_call_at(loop, deadline_ns, on_time, fired, &timer),
		    "ferry_loop_call_at");
	return timer;
}

static void run_add_cancel(const struct bench_case *self, struct bench_sample *sample)
{
	const struct load *load = self->argument;
	uint64_t state = 88172645463325252u, now_ns = bench_now(), fired = 0;
	ferry_loop *loop;

	bench_check(ferry_loop_new(NULL, &loop), "ferry_loop_new");
	for (unsigned i = 0; i < load->pending; i++)
		add(loop, far_deadline(now_ns, &state), &fired);
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++)
		bench_check(ferry_timer_cancel(add(loop, far_deadline(now_ns, &state), &fired)),
			    "ferry_timer_cancel");
	bench_stop(sample);
	if (ferry_loop_pending(loop) != (int)load->pending || fired != 0)
		bench_fail("timers were lost, or ran");
	bench_check(ferry_loop_free(loop), "ferry_loop_free");
}

static void run_fire(const struct bench_case *self, struct bench_sample *sample)
{
	const struct load *load = self->argument;
	uint64_t state = 88172645463325252u, fired = 0;
	ferry_loop *loop;

	bench_check(ferry_loop_new(NULL, &loop), "ferry_loop_new");
	bench_start(sample);
	for (uint64_t added = 0; added < sample->operations; added += load->pending) {
		for (unsigned i = 0; i < load->pending; i++)
			add(loop, 1 + next_random(&state) % BENCH_SECOND, &fired);
		bench_check(ferry_loop_run(loop), "ferry_loop_run");
	}
	bench_stop(sample);
	if (fired != sample->operations)
		bench_fail("timers were lost");
	bench_check(ferry_loop_free(loop), "ferry_loop_free");
}

static const struct load one = { 1 }, thousand = { 1000 }, million = { 1000000 };

static const struct bench_case cases[] = {
	{ .name = "add_cancel/1", .what = "added and cancelled beside 1 other",
	  .run = run_add_cancel, .argument = &one },
	{ .name = "add_cancel/1000", .what = "added and cancelled among 1,000",
	  .run = run_add_cancel, .argument = &thousand },
	{ .name = "add_cancel/1000000", .what = "added and cancelled among 1,000,000",
	  .run = run_add_cancel, .argument = &million },
	{ .name = "fire/1", .what = "added, due, run", .run = run_fire, .argument = &one },
	{ .name = "fire/1000", .what = "1,000 added, all due, run in order", .run = run_fire,
	  .argument = &thousand, .granule = 1000 },
	{ .name = "fire/1000000", .what = "1,000,000 added, all due, run in order",
	  .run = run_fire, .argument = &million, .operations = 1000000, .granule = 1000000 },
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "timers",
		.question = "What does a timer cost, among how many others?",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
	};

	return bench_main(&program, argc, argv);
}
