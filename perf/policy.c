/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/policy: is auto as good as the better of inline and pool? In wall and in CPU time, with
 * 1 to 256 stats in flight, each begun by the callback of the one before, and in a walk of a
 * warm /usr, which stats each entry and reads each directory.
 *
 * A case is called PLACE/IN-FLIGHT/POLICY, or PLACE/walk/IN-FLIGHT/POLICY:
 *   free     all CPUs
 *   one_cpu  the whole process on one
 * Cases called .../depth-N are auto with another depth than the default: from so many under way
 * on it goes to the pool. inline_share is the part of the stats that was answered inline.
 */
#include "bench.h"
#include "files.h"
#include "tree.h"
#include "workload.h"

#include <ferry.h>

#define THREADS 2
#define TREE "/usr"

#define WORKLOAD(policy_, in_flight_, depth_)                                                     \
	&(const struct workload)                                                                  \
	{                                                                                         \
		.in_flight = (in_flight_), .threads = THREADS, .policy = (policy_),               \
		.depth = (depth_)                                                                 \
	}
#define WALK(policy_, in_flight_, depth_)                                                         \
	&(const struct tree)                                                                      \
	{                                                                                         \
		.top = TREE, .in_flight = (in_flight_), .threads = THREADS, .policy = (policy_),  \
		.depth = (depth_)                                                                 \
	}

#define STATS(name_, what_, placement_, argument_, ...)                                           \
	{                                                                                         \
		.name = name_, .what = what_, .run = workload_files, .argument = argument_,       \
		.placement = placement_, .values = { TREE_VALUES }, __VA_ARGS__                   \
	}
/* One walk is a sample. */
#define WALKED(name_, what_, placement_, argument_, ...)                                          \
	{                                                                                         \
		.name = name_, .what = what_, .run = tree_run, .argument = argument_,             \
		.placement = placement_, .values = { TREE_VALUES }, .operations = 1, __VA_ARGS__  \
	}

#define POLICIES(KIND, ARGUMENT, place, placement_, count)                                        \
	KIND(place #count "/inline", "inline whenever cached", placement_,                        \
	     ARGUMENT(FERRY_FS_INLINE, count, 0), .against = NULL),                               \
	KIND(place #count "/pool", "on the pool, always", placement_,                             \
	     ARGUMENT(FERRY_FS_POOL, count, 0), .against = NULL),                                 \
	KIND(place #count "/auto", "as the library decides", placement_,                          \
	     ARGUMENT(FERRY_FS_AUTO, count, 0), .against = place #count "/inline",                \
	     .also = place #count "/pool")
#define DEPTH(KIND, ARGUMENT, place, placement_, count, depth_)                                   \
	KIND(place #count "/depth-" #depth_, "auto, to the pool from " #depth_ " on", placement_, \
	     ARGUMENT(FERRY_FS_AUTO, count, depth_), .against = place #count "/inline",           \
	     .also = place #count "/pool")

#define PLACE(place, placement_)                                                                  \
	POLICIES(STATS, WORKLOAD, place "/", placement_, 1),                                      \
	POLICIES(STATS, WORKLOAD, place "/", placement_, 4),                                      \
	POLICIES(STATS, WORKLOAD, place "/", placement_, 8),                                      \
	POLICIES(STATS, WORKLOAD, place "/", placement_, 16),                                     \
	POLICIES(STATS, WORKLOAD, place "/", placement_, 32),                                     \
	POLICIES(STATS, WORKLOAD, place "/", placement_, 64),                                     \
	POLICIES(STATS, WORKLOAD, place "/", placement_, 128),                                    \
	POLICIES(STATS, WORKLOAD, place "/", placement_, 256),                                    \
	POLICIES(WALKED, WALK, place "/walk/", placement_, 64),                                   \
	DEPTH(WALKED, WALK, place "/walk/", placement_, 64, 4),                                   \
	DEPTH(WALKED, WALK, place "/walk/", placement_, 64, 16),                                  \
	DEPTH(WALKED, WALK, place "/walk/", placement_, 64, 48),                                  \
	DEPTH(WALKED, WALK, place "/walk/", placement_, 64, 128)

static const struct bench_case cases[] = {
	PLACE("free", BENCH_FREE),
	PLACE("one_cpu", BENCH_ONE_CPU),
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "policy",
		.question = "Is policy auto as good as the better of inline and pool?\n"
			    "Cases are PLACE/IN-FLIGHT/POLICY and PLACE/walk/IN-FLIGHT/POLICY.",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
		.open = files_open,
		.close = files_close,
	};

	return bench_main(&program, argc, argv);
}
