/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many tasks at once that wait for turns of the loop, or for a place. */
#include "crowd.h"

#include "bench.h"

#include <stdlib.h>

struct yielding {
	FERRY_FRAME;
	uint64_t left, turns;
};

struct limited {
	FERRY_FRAME;
	ferry_slot slot;
	struct side *side;
};

struct side {
	ferry_loop *loop;
	const struct crowd *how;
	struct yielding *yielding; /* array [count], or NULL */
	struct limited *limited;   /* array [count], or NULL */
	ferry_limiter limiter;
	unsigned inside, most, through;
};

/* ---- turns ---- */

static ferry_step yield(ferry_task *task)
{
	FERRY_BEGIN(task, struct yielding, f);
	for (; f->left; f->left--) {
		FERRY_YIELD();
		f->turns++;
	}
	FERRY_END;
}

static void run_turns(struct side *side, uint64_t operations)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < side->how->count; i++) {
		side->yielding[i].left = operations / side->how->count;
		side->yielding[i].turns = 0;
		ferry_task_begin(&side->yielding[i].task, side->loop, yield, NULL);
	}
	bench_check(ferry_loop_run(side->loop), "ferry_loop_run");
	for (unsigned i = 0; i < side->how->count; i++)
		sum += side->yielding[i].turns;
	if (sum != operations)
		bench_fail("turns were lost");
}

/* ---- places ---- */

static ferry_step be_inside(ferry_task *task)
{
	FERRY_BEGIN(task, struct limited, f);
	if (++f->side->inside > f->side->most)
		f->side->most = f->side->inside;
	FERRY_YIELD();
	f->side->inside--;
	f->side->through++;
	FERRY_END;
}

static void submit_all(struct side *side)
{
	for (unsigned i = 0; i < side->how->count; i++) {
		struct limited *limited = &side->limited[i];

		limited->side = side;
		ferry_task_init(&limited->task, side->loop, be_inside, NULL);
		ferry_limiter_submit(&side->limiter, &limited->slot, &limited->task, 0);
	}
}

static void run_limited(struct side *side, uint64_t operations)
{
	for (uint64_t done = 0; done < operations; done += side->how->count) {
		side->through = side->most = 0;
		submit_all(side);
		bench_check(ferry_loop_run(side->loop), "ferry_loop_run");
		if (side->through != side->how->count || side->inside)
			bench_fail("tasks were lost in the limiter");
		if (side->most != side->how->limit)
			bench_fail("%u were inside at once, of %u", side->most, side->how->limit);
	}
}

/* ---- the drill ---- */

void *crowd_open(ferry_loop *loop, const void *how)
{
	struct side *side = calloc(1, sizeof(*side));
	void *tasks;

	if (!side)
		bench_fail("out of memory");
	side->loop = loop;
	side->how = how;
	if (side->how->limit) {
		tasks = side->limited = calloc(side->how->count, sizeof(*side->limited));
		bench_check(ferry_limiter_init(&side->limiter, loop, side->how->limit),
			    "ferry_limiter_init");
	} else {
		tasks = side->yielding = calloc(side->how->count, sizeof(*side->yielding));
	}
	if (!tasks)
		bench_fail("out of memory");
	return side;
}

void crowd_run(void *side, uint64_t operations)
{
	if (((struct side *)side)->how->limit)
		run_limited(side, operations);
	else
		run_turns(side, operations);
}

void crowd_close(void *side)
{
	free(((struct side *)side)->yielding);
	free(((struct side *)side)->limited);
	free(side);
}
