/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef OVERLAP_CASES_H
#define OVERLAP_CASES_H
/*
 * Ten ways to write what came of one piece of work while the next one is done. Some overlap the
 * two, others only look so. They are the examples of "async def is a magic footgun", with the
 * same numbers, but for 8, which has none there.
 */
#include <ferry.h>

#include "overlap-timeline.h"

/* Where a case is played: how it works and writes, and what happened so far. */
struct stage {
	ferry_loop *loop;
	void (*work)(struct stage *stage); /* keeps the thread of the loop busy for a while */
	ferry_local *(*write)(struct stage *stage, int round); /* begins a write, and is done
								  when that is */
	ferry_lock lock;                   /* around a write, where there may be but one */
	struct timeline timeline;
};

struct example {
	int number;
	const char *title;
	const char *python; /* what decides, in the words of the original */
	ferry_step_function step;
	enum verdict expected;
};

enum { EXAMPLES = 10 };
extern const struct example examples[EXAMPLES];

/* Play one from start to end: stage.timeline has it then. 0 or the negative errno that ended it. */
int example_play(const struct example *example, struct stage *stage);

#endif
