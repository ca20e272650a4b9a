/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/adapters: what it costs to live in the loop of another: offloads with 256 in flight on two
 * threads, through each adapter, beside the library's own loop and libuv's uv_queue_work() in the
 * same rounds.
 *
 * A case is called WORK/WHO. Ratios are to the library's own loop, and for that to
 * uv_queue_work().
 */
#include "files.h"
#include "hosts.h"
#include "peer_uv.h"
#include "workload.h"

#define IN_FLIGHT 256
#define THREADS 2

#define WORKLOADS(symbol, stat_)                                                                   \
	static const struct workload symbol##_loop = { .stat = (stat_),                            \
						       .in_flight = IN_FLIGHT,                     \
						       .threads = THREADS };                       \
	static const struct workload symbol##_uv = {                                               \
		.stat = (stat_), .in_flight = IN_FLIGHT, .threads = THREADS, .host = HOST_UV       \
	};                                                                                         \
	static const struct workload symbol##_event = {                                            \
		.stat = (stat_), .in_flight = IN_FLIGHT, .threads = THREADS, .host = HOST_EVENT    \
	};                                                                                         \
	static const struct workload symbol##_ev = {                                               \
		.stat = (stat_), .in_flight = IN_FLIGHT, .threads = THREADS, .host = HOST_EV       \
	};                                                                                         \
	static const struct workload symbol##_glib = {                                             \
		.stat = (stat_), .in_flight = IN_FLIGHT, .threads = THREADS, .host = HOST_GLIB     \
	};                                                                                         \
	static const struct workload symbol##_sdevent = {                                          \
		.stat = (stat_), .in_flight = IN_FLIGHT, .threads = THREADS, .host = HOST_SDEVENT  \
	}

WORKLOADS(noop, false);
WORKLOADS(stat, true);

#define ADAPTER(work, who, what_, workload, skip_)                                                 \
	{                                                                                          \
		.name = work "/" who, .what = what_, .run = workload_ferry,                        \
		.argument = &(workload), .values = { WORKLOAD_VALUES }, .against = work "/loop",   \
		.skip = skip_                                                                      \
	}

#define CASES(work, symbol)                                                                        \
	{ .name = work "/uv_queue_work",                                                           \
	  .what = "libuv on its own",                                                              \
	  .run = peer_uv,                                                                          \
	  .argument = &(symbol##_loop),                                                            \
	  .against = work "/libuv",                                                                \
	  .skip = PEER_UV_SKIP },                                                                  \
		{ .name = work "/loop",                                                            \
		  .what = "the library's own loop",                                                \
		  .run = workload_ferry,                                                           \
		  .argument = &(symbol##_loop),                                                    \
		  .values = { WORKLOAD_VALUES },                                                   \
		  .against = work "/uv_queue_work" },                                              \
		ADAPTER(work, "libuv", "through libuv's adapter", symbol##_uv, HOST_UV_SKIP),      \
		ADAPTER(work, "libevent", "through libevent's", symbol##_event, HOST_EVENT_SKIP),  \
		ADAPTER(work, "libev", "through libev's", symbol##_ev, HOST_EV_SKIP),              \
		ADAPTER(work, "glib", "through GLib's", symbol##_glib, HOST_GLIB_SKIP),            \
		ADAPTER(work, "sd-event", "through sd-event's", symbol##_sdevent,                  \
			HOST_SDEVENT_SKIP)

static const struct bench_case cases[] = {
	CASES("noop", noop),
	CASES("stat", stat),
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "adapters",
		.question = "What does it cost to live in the loop of another?\n"
			    "Cases are WORK/WHO, with 256 in flight on two threads.",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
		.open = files_open,
		.close = files_close,
	};

	return bench_main(&program, argc, argv);
}
