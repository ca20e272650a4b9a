/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/roundtrip: how long one request takes from its submit to its callback when
 * nothing else is in flight, beside the bare hand-off of two threads (a futex out, an
 * eventfd and epoll back) measured in the same rounds.
 *
 * A case is called WORK/PLACE/WHO. The floor's counterpart does the same work.
 *   one_cpu   all threads on one CPU: nobody may poll
 *   two_cpus  threads on two CPUs as the scheduler likes
 *   split     the loop on one, the worker on the other
 * Cases called gap/... let the loop do something else between a completion and the next
 * submit: they show where polling stops to pay and what it then costs.
 */
#include "files.h"
#include "handoff.h"
#include "peer_uv.h"
#include "workload.h"

#define ONE_IN_FLIGHT .in_flight = 1, .latencies = true

static const struct handoff floor_noop = { .kind = HANDOFF_FUTEX_EPOLL, .latencies = true };
static const struct handoff floor_stat = {
	.kind = HANDOFF_FUTEX_EPOLL, .latencies = true, .stat = true,
};

static const struct workload noop = { ONE_IN_FLIGHT, .threads = 2 };
static const struct workload noop_no_poll = { ONE_IN_FLIGHT, .threads = 2, .no_polling = true };
static const struct workload noop_one = { ONE_IN_FLIGHT, .threads = 1 };
static const struct workload noop_one_no_poll = {
	ONE_IN_FLIGHT, .threads = 1, .no_polling = true,
};
static const struct workload stat = { ONE_IN_FLIGHT, .threads = 2, .stat = true };
static const struct workload stat_no_poll = {
	ONE_IN_FLIGHT, .threads = 2, .stat = true, .no_polling = true,
};
static const struct workload stat_one = { ONE_IN_FLIGHT, .threads = 1, .stat = true };
static const struct workload stat_one_no_poll = {
	ONE_IN_FLIGHT, .threads = 1, .stat = true, .no_polling = true,
};

#define GAP(name, microseconds)                                                                   \
	static const struct workload name = {                                                     \
		ONE_IN_FLIGHT, .threads = 2, .stat = true,                                        \
		.gap_ns = (microseconds) * BENCH_MICROSECOND                                      \
	};                                                                                        \
	static const struct workload name##_no_poll = {                                           \
		ONE_IN_FLIGHT, .threads = 2, .stat = true, .no_polling = true,                    \
		.gap_ns = (microseconds) * BENCH_MICROSECOND                                      \
	}

GAP(gap_5, 5);
GAP(gap_20, 20);
GAP(gap_50, 50);
GAP(gap_200, 200);

#define FLOOR_CASE(name_, argument_, placement_)                                                  \
	{                                                                                         \
		.name = name_ "/floor", .what = "futex out, eventfd and epoll back",              \
		.run = handoff_run, .argument = &(argument_), .placement = placement_,            \
		.values = { BENCH_LATENCY_VALUES }                                                \
	}
#define FERRY_CASE(name_, who, what_, argument_, placement_)                                      \
	{                                                                                         \
		.name = name_ "/" who, .what = what_, .run = workload_ferry,                      \
		.argument = &(argument_), .placement = placement_,                                \
		.values = { BENCH_LATENCY_VALUES, WORKLOAD_VALUES }, .against = name_ "/floor"    \
	}
#define UV_CASE(name_, argument_, placement_)                                                     \
	{                                                                                         \
		.name = name_ "/uv", .what = "libuv's uv_queue_work", .run = peer_uv,             \
		.argument = &(argument_), .placement = placement_,                                \
		.values = { BENCH_LATENCY_VALUES }, .against = name_ "/floor",                    \
		.skip = PEER_UV_SKIP                                                              \
	}
#define CASES(name_, work, placement_)                                                            \
	FLOOR_CASE(name_, floor_##work, placement_),                                              \
	FERRY_CASE(name_, "ferry", "the library with its defaults", work, placement_),            \
	FERRY_CASE(name_, "no-poll", "the library, polling off", work##_no_poll, placement_),     \
	UV_CASE(name_, work, placement_)
#define SPLIT_CASES(name_, work)                                                                  \
	FLOOR_CASE(name_, floor_##work, BENCH_SPLIT),                                             \
	FERRY_CASE(name_, "ferry", "the library with its defaults", work##_one, BENCH_SPLIT),     \
	FERRY_CASE(name_, "no-poll", "the library, polling off", work##_one_no_poll, BENCH_SPLIT)
#define GAP_CASE(name_, what_, argument_)                                                         \
	{                                                                                         \
		.name = name_, .what = what_, .run = workload_ferry, .argument = &(argument_),    \
		.placement = BENCH_TWO_CPUS,                                                      \
		.values = { BENCH_LATENCY_VALUES, WORKLOAD_VALUES, WORKLOAD_GAP_VALUE }           \
	}
#define GAP_CASES(microseconds)                                                                   \
	GAP_CASE("gap/" #microseconds "us/ferry", "stat, " #microseconds " us apart, defaults",   \
		 gap_##microseconds),                                                             \
	GAP_CASE("gap/" #microseconds "us/no-poll",                                               \
		 "stat, " #microseconds " us apart, polling off", gap_##microseconds##_no_poll)

static const struct bench_case cases[] = {
	CASES("noop/one_cpu", noop, BENCH_ONE_CPU),
	CASES("noop/two_cpus", noop, BENCH_TWO_CPUS),
	SPLIT_CASES("noop/split", noop),
	CASES("stat/one_cpu", stat, BENCH_ONE_CPU),
	CASES("stat/two_cpus", stat, BENCH_TWO_CPUS),
	SPLIT_CASES("stat/split", stat),
	GAP_CASES(5),
	GAP_CASES(20),
	GAP_CASES(50),
	GAP_CASES(200),
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "roundtrip",
		.question = "How long does one request take, alone, beside the machine's floor?\n"
			    "Cases are WORK/PLACE/WHO.",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
		.open = files_open,
		.close = files_close,
	};

	return bench_main(&program, argc, argv);
}
