/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_CROWD_H
#define PERF_CROWD_H
/*
 * A drill: many tasks at once, each for itself. An operation is one turn that one of them
 * waited for; or one of them that went through a limiter, in which it waited for one turn.
 */
#include "drill.h"

#define CROWD_YIELDING 1000
#define CROWD_LIMITED 100000
#define CROWD_LIMIT 64

struct crowd {
	unsigned count; /* how many there are; operations are a multiple of that */
	unsigned limit; /* how many run at once; 0: all do, and there is no limiter */
};

void *crowd_open(ferry_loop *loop, const void *how);
void crowd_run(void *side, uint64_t operations);
void crowd_close(void *side);
#define CROWD_DRILL(how) { crowd_open, crowd_run, crowd_close, &(how) }

#endif
