/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_CHILDREN_H
#define PERF_CHILDREN_H
/*
 * A drill: a task that begins a thousand children, waits until all have ended, adds up their
 * results, and does so again. Each batch begins in a turn of its own, so that it has its
 * whole budget. An operation is one child.
 */
#include "drill.h"

#include <stdbool.h>

#define CHILDREN_BATCH 1000
#define CHILD_RESULT 42

/* The frame of a child. */
struct child {
	FERRY_FRAME;
	unsigned suspends; /* 1: it waits for one turn before it ends */
	unsigned result;
};

ferry_step child_step(ferry_task *task);

/* Its constructor. */
static inline ferry_task *child_begin(struct child *child, ferry_loop *loop, bool suspends,
				      const ferry_task_options *options)
{
	child->suspends = suspends;
	child->result = 0;
	return ferry_task_begin(&child->task, loop, child_step, options);
}

enum children_together {
	CHILDREN_ALONE, /* they are in nothing; one that suspends has ended a turn later */
	CHILDREN_IN_GROUP,
	CHILDREN_GATHERED
};

struct children {
	enum children_together together;
	ferry_start start;
	unsigned suspending; /* of ten */
	bool allocated;      /* each frame by malloc(), and freed when all have ended */
};

void *children_open(ferry_loop *loop, const void *how);
void children_run(void *side, uint64_t operations);
void children_close(void *side);
#define CHILDREN_DRILL(how) { children_open, children_run, children_close, &(how) }

#endif
