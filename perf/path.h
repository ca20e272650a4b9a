/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_PATH_H
#define PERF_PATH_H
/*
 * The hot paths, for those who count their instructions and those who time them. What
 * callgrind counts is what is called path_...: nothing else may be.
 */
#include "drill.h"
#include "gate.h"

#include <ferry.h>
#include <stdbool.h>
#include <stddef.h>

/* How many operations a path can be called with at a time. */
#define PATH_MOST 4000

struct bench_sample;

/* What the paths work on; each uses a part of it. */
struct setting {
	ferry_pool *pool;
	ferry_loop *loop;
	struct gate gate;
	ferry_future *future; /* done */
	ferry_local *source;  /* done */
	ferry_local *locals[PATH_MOST];
	struct job *jobs[PATH_MOST];
	ferry_waiter posts[PATH_MOST];
	uint64_t now_ns;
	unsigned arrived;
	bool remote;               /* a remote filesystem is mounted: file calls look for it */
	void *side;                /* of the drill that a path calls */
	const struct drill *drill; /* that it has called */
};

typedef void hot_path(struct setting *setting, unsigned count);

struct path {
	const char *name;
	void (*prepare)(struct setting *setting, unsigned count); /* NULL: nothing */
	hot_path *run;
	void (*finish)(struct setting *setting, unsigned count);  /* NULL: nothing */
	bool in_turn; /* inside a callback of the loop */
	const struct drill *drill; /* opened before it and closed behind it; NULL: none */
};
extern const struct path paths[];
extern const size_t paths_count;

/* path_tasks.c: those of tasks are drills. How many operations is a multiple of 1,000. */
#define TASK_PATHS(PATH)                                                                          \
	PATH(task_eager)                                                                          \
	PATH(task_eager_in_group)                                                                 \
	PATH(task_lazy)                                                                           \
	PATH(task_embedded_call)                                                                  \
	PATH(task_suspend_resume)                                                                 \
	PATH(task_switch)                                                                         \
	PATH(group_of_1000)                                                                       \
	PATH(gather_of_1000)                                                                      \
	PATH(limiter)                                                                             \
	PATH(lock_uncontended)                                                                    \
	PATH(queue_hand_over)                                                                     \
	PATH(await_done_local)
#define TASK_PATH_DECLARED(name)                                                                  \
	hot_path path_##name;                                                                     \
	extern const struct drill drill_##name;
TASK_PATHS(TASK_PATH_DECLARED)

/* path_files.c: those of file calls, and what is done before and after each. */
hot_path path_stat_inline, path_open_close_inline, path_stat_pool, path_stat_miss;
hot_path prepare_files, prepare_files_by_path, finish_files;
hot_path prepare_files_behind_gate, end_file_calls;

/* For a process that has mounts of its own. */
void unmount_remote_mounts(struct setting *setting);

struct setting *paths_open(void);
/* Does so many operations; times them if there is a @sample. */
void paths_call(const struct path *path, struct setting *setting, unsigned count,
		struct bench_sample *sample);
void paths_close(struct setting *setting);

#endif
