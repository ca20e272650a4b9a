/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/throughput: how many offloads a second, and what a request costs in CPU time,
 * system calls, eventfd writes and wake-ups, with 1 to 4096 in flight on 2 and 4
 * threads, beside libuv in the same rounds.
 *
 * A case is called WORK/IN-FLIGHT/THREADS/WHO; who is
 *   ferry     the library as it comes: bounded polling where more than one CPU is allowed
 *   no-poll   the same with polling off in pool and loop
 *   brief     the same in a lane whose jobs promise not to block
 *   uv        uv_queue_work()
 */
#include "files.h"
#include "peer_uv.h"
#include "workload.h"

#define WHAT_FERRY "the library with its defaults"
#define WHAT_NO_POLL "the library, polling off"
#define WHAT_BRIEF "the library, in a brief lane"
#define WHAT_UV "libuv's uv_queue_work"

#define WORKLOADS(symbol, stat_, in_flight_, threads_)                                            \
	static const struct workload symbol = {                                                   \
		.stat = stat_, .in_flight = in_flight_, .threads = threads_                       \
	};                                                                                        \
	static const struct workload symbol##_no_poll = {                                         \
		.stat = stat_, .in_flight = in_flight_, .threads = threads_, .no_polling = true   \
	};                                                                                        \
	static const struct workload symbol##_brief = {                                           \
		.stat = stat_, .in_flight = in_flight_, .threads = threads_, .brief = true        \
	}

#define FERRY_CASE(config, who, what_, symbol)                                                    \
	{                                                                                         \
		.name = config "/" who, .what = what_, .run = workload_ferry,                     \
		.argument = &(symbol), .values = { WORKLOAD_VALUES }, .against = config "/uv"     \
	}

#define CASES(config, symbol)                                                                     \
	FERRY_CASE(config, "ferry", WHAT_FERRY, symbol),                                          \
	FERRY_CASE(config, "no-poll", WHAT_NO_POLL, symbol##_no_poll),                            \
	FERRY_CASE(config, "brief", WHAT_BRIEF, symbol##_brief),                                  \
	{                                                                                         \
		.name = config "/uv", .what = WHAT_UV, .run = peer_uv, .argument = &(symbol),     \
		.skip = PEER_UV_SKIP                                                              \
	}

WORKLOADS(noop_1_2, false, 1, 2);
WORKLOADS(noop_16_2, false, 16, 2);
WORKLOADS(noop_256_2, false, 256, 2);
WORKLOADS(noop_4096_2, false, 4096, 2);
WORKLOADS(noop_1_4, false, 1, 4);
WORKLOADS(noop_16_4, false, 16, 4);
WORKLOADS(noop_256_4, false, 256, 4);
WORKLOADS(noop_4096_4, false, 4096, 4);
WORKLOADS(stat_1_2, true, 1, 2);
WORKLOADS(stat_16_2, true, 16, 2);
WORKLOADS(stat_256_2, true, 256, 2);
WORKLOADS(stat_4096_2, true, 4096, 2);
WORKLOADS(stat_1_4, true, 1, 4);
WORKLOADS(stat_16_4, true, 16, 4);
WORKLOADS(stat_256_4, true, 256, 4);
WORKLOADS(stat_4096_4, true, 4096, 4);

static const struct bench_case cases[] = {
	CASES("noop/1/2", noop_1_2),
	CASES("noop/16/2", noop_16_2),
	CASES("noop/256/2", noop_256_2),
	CASES("noop/4096/2", noop_4096_2),
	CASES("noop/1/4", noop_1_4),
	CASES("noop/16/4", noop_16_4),
	CASES("noop/256/4", noop_256_4),
	CASES("noop/4096/4", noop_4096_4),
	CASES("stat/1/2", stat_1_2),
	CASES("stat/16/2", stat_16_2),
	CASES("stat/256/2", stat_256_2),
	CASES("stat/4096/2", stat_4096_2),
	CASES("stat/1/4", stat_1_4),
	CASES("stat/16/4", stat_16_4),
	CASES("stat/256/4", stat_256_4),
	CASES("stat/4096/4", stat_4096_4),
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "throughput",
		.question = "How many offloads a second, and at what cost, beside libuv?\n"
			    "Cases are WORK/IN-FLIGHT/THREADS/WHO.",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
		.open = files_open,
		.close = files_close,
	};

	return bench_main(&program, argc, argv);
}
