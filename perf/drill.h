/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_DRILL_H
#define PERF_DRILL_H
/*
 * What tasks do over and over, for those who time it (perf/tasks, perf/tasks_peers) and for
 * those who count its instructions (perf/instructions).
 *
 *   children.h   many that one task begins and waits for
 *   calls.h      one at a time
 *   pairs.h      two that wait for each other
 *   crowd.h      many that nobody waits for
 */
#include <ferry.h>

#include <stdint.h>

struct drill {
	/* What it works on; not timed. */
	void *(*open)(ferry_loop *loop, const void *how);
	/* So many operations, and a look at whether they were done. Their number is a multiple
	 * of what the drill does at a time. */
	void (*run)(void *side, uint64_t operations);
	void (*close)(void *side);
	const void *how;
};

#endif
