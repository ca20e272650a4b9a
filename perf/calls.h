/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_CALLS_H
#define PERF_CALLS_H
/*
 * A drill: a task that does one thing at a time, and waits for each at once.
 */
#include "drill.h"

#include <stdbool.h>

enum calls_of {
	CALLS_CHILD,   /* begins a child in its own frame, and waits for it */
	CALLS_POINTER, /* no task: a function through a pointer, to compare with */
	CALLS_LOCAL,   /* waits for a local that is done */
	CALLS_LOCK,    /* takes a lock that is free, and gives it back */
	CALLS_YIELD    /* waits for one turn */
};

struct calls {
	enum calls_of of;
	ferry_start start; /* of a child */
	bool in_turns;     /* the task runs in turns of the loop, and has their budget */
	bool watching;     /* the loop watches a descriptor, and looks at epoll in each turn */
	bool awaited;      /* ferry_loop_await() runs the loop, and not ferry_loop_run() */
};

void *calls_open(ferry_loop *loop, const void *how);
void calls_run(void *side, uint64_t operations);
void calls_close(void *side);
#define CALLS_DRILL(how) { calls_open, calls_run, calls_close, &(how) }

#endif
