/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_PATH_H
#define PERF_PATH_H
/*
 * The hot paths, for those who count their instructions and those who time them. What
 * callgrind counts is what is called path_...: nothing else may be.
 */
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
};

struct path {
	const char *name;
	void (*prepare)(struct setting *setting, unsigned count); /* NULL: nothing */
	void (*run)(struct setting *setting, unsigned count);
	void (*finish)(struct setting *setting, unsigned count);  /* NULL: nothing */
	bool in_turn; /* inside a callback of the loop */
};
extern const struct path paths[];
extern const size_t paths_count;

struct setting *paths_open(void);
/* Does so many operations; times them if there is a @sample. */
void paths_call(const struct path *path, struct setting *setting, unsigned count,
		struct bench_sample *sample);
void paths_close(struct setting *setting);

#endif
