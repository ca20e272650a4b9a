/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/paths: the time that the hot paths take, those that begin inside the library
 * included. What they take of instructions is counted by perf/instructions.
 */
#include "bench.h"
#include "path.h"

#include <string.h>

#define CALLS 50 /* of each path in a sample */

static void run(const struct bench_case *self, struct bench_sample *sample)
{
	const struct path *path = self->argument;
	struct setting *setting = paths_open();

	if (strcmp(path->name, self->name) != 0)
		bench_fail("the paths are in another order: %s is %s", self->name, path->name);
	paths_call(path, setting, PATH_MOST, NULL);
	for (uint64_t done = 0; done < sample->operations; done += PATH_MOST)
		paths_call(path, setting, PATH_MOST, sample);
	paths_close(setting);
}

#define PATH(index_, name_, what_)                                                              \
	{                                                                                       \
		.name = (name_), .what = (what_), .run = run, .argument = &paths[index_],       \
		.operations = CALLS * PATH_MOST, .granule = PATH_MOST                           \
	}

/* In the order of path.c. */
static const struct bench_case cases[] = {
	PATH(0, "snapshot_done", "a snapshot of a future that is done"),
	PATH(1, "future_life", "a promise: made, running, result set, read, dropped"),
	PATH(2, "submit_prepared", "a job that lies ready is handed to a busy pool"),
	PATH(3, "offload", "ferry_offload() to a busy pool"),
	PATH(4, "concurrent_to_local", "snapshot of a concurrent future, set as a local's result"),
	PATH(5, "local_to_local", "snapshot of a local, set as another's result"),
	PATH(6, "wrap_done", "ferry_wrap() of a future that is done"),
	PATH(7, "post_awake", "a post to a loop that is awake"),
	PATH(8, "task_eager", "a child that ends in its first step"),
	PATH(9, "task_eager_in_group", "the same in a group"),
	PATH(10, "task_lazy", "a lazy child, with its share of a turn"),
	PATH(11, "task_embedded_call", "a child awaited at once"),
	PATH(12, "task_suspend_resume", "one turn that a task waits for, of 1,000 that do"),
	PATH(13, "task_switch", "from task to task by an event, 250 pairs in a turn"),
	PATH(14, "group_of_1000", "a child of a group, all of which suspend once"),
	PATH(15, "gather_of_1000", "a child that is gathered, all of which suspend once"),
	PATH(16, "limiter", "a task through a limiter of 64, in which it suspends once"),
	PATH(17, "lock_uncontended", "a loop-local lock acquired and released"),
	PATH(18, "queue_hand_over", "an item from task to task, room for 64"),
	PATH(19, "await_done_local", "a local that is done, awaited"),
	PATH(20, "stat_inline", "ferry_fs_stat() answered inline, one file"),
	PATH(21, "open_close_inline", "open and close inline below a root that is trusted"),
	PATH(22, "stat_pool", "ferry_fs_stat() below a root, to a busy pool"),
	PATH(23, "stat_miss", "the same, tried inline before: a name nobody used"),
	PATH(24, "timer_add_cancel", "a timer added and cancelled among a million"),
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "paths",
		.question = "What does each hot path take?",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
	};

	return bench_main(&program, argc, argv);
}
