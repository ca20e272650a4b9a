/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A thousand children at a time, of which so many of ten suspend once. */
#include "children.h"

#include "bench.h"

#include <stdlib.h>

struct parent {
	FERRY_FRAME;
	ferry_loop *loop;
	const struct children *how;
	ferry_task_options options; /* of each child */
	uint64_t batches, sum;
	bool suspends[CHILDREN_BATCH];
	ferry_group group;
	ferry_gather gather;
	ferry_gather_entry entries[CHILDREN_BATCH];
	struct child *children[CHILDREN_BATCH]; /* those that are allocated */
	struct child own[CHILDREN_BATCH];       /* the others */
};

ferry_step child_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct child, f);
	if (f->suspends)
		FERRY_YIELD();
	FERRY_RETURN(f->result = CHILD_RESULT);
	FERRY_END;
}

/* ---- begun ---- */

static void begin_own(struct parent *parent)
{
	/* Without options where there is nothing to say, as a program would. */
	const ferry_task_options *options =
		parent->options.start || parent->options.group ? &parent->options : NULL;

	for (unsigned i = 0; i < CHILDREN_BATCH; i++)
		child_begin(&parent->own[i], parent->loop, parent->suspends[i], options);
}

static void begin_allocated(struct parent *parent)
{
	for (unsigned i = 0; i < CHILDREN_BATCH; i++) {
		struct child *child = malloc(sizeof(*child));

		if (!child)
			bench_fail("out of memory");
		parent->children[i] = child;
		child_begin(child, parent->loop, parent->suspends[i], &parent->options);
	}
}

/* Made first, and then scheduled, as somebody would who decides later when they start. */
static void begin_deferred(struct parent *parent)
{
	for (unsigned i = 0; i < CHILDREN_BATCH; i++) {
		struct child *child = &parent->own[i];

		child->suspends = parent->suspends[i];
		child->result = 0;
		ferry_task_init(&child->task, parent->loop, child_step, NULL);
	}
	for (unsigned i = 0; i < CHILDREN_BATCH; i++)
		bench_check(ferry_task_schedule(&parent->own[i].task), "ferry_task_schedule");
}

static void begin_all(struct parent *parent)
{
	if (parent->how->allocated)
		begin_allocated(parent);
	else if (parent->how->start == FERRY_START_DEFERRED)
		begin_deferred(parent);
	else
		begin_own(parent);
}

/* ---- ended ---- */

static uint64_t end_all(struct parent *parent)
{
	uint64_t sum = 0;

	if (!parent->how->allocated) {
		for (unsigned i = 0; i < CHILDREN_BATCH; i++)
			sum += parent->own[i].result;
		return sum;
	}
	for (unsigned i = 0; i < CHILDREN_BATCH; i++) {
		sum += parent->children[i]->result;
		free(parent->children[i]);
	}
	return sum;
}

static ferry_operation *gather_all(struct parent *parent)
{
	for (unsigned i = 0; i < CHILDREN_BATCH; i++)
		parent->entries[i].of = &parent->own[i].awaitable;
	return ferry_gather_begin(&parent->gather, parent->loop, parent->entries, CHILDREN_BATCH,
				  FERRY_GATHER_ALL);
}

static ferry_step parent_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct parent, f);
	for (; f->batches; f->batches--) {
		FERRY_YIELD();
		if (f->how->together == CHILDREN_IN_GROUP)
			bench_check(ferry_group_init(&f->group, f->loop, NULL), "ferry_group_init");
		begin_all(f);
		if (f->how->together == CHILDREN_IN_GROUP)
			FERRY_TRY(&f->group);
		else if (f->how->together == CHILDREN_GATHERED)
			FERRY_TRY(gather_all(f));
		else if (f->how->start != FERRY_START_EAGER)
			FERRY_YIELD();
		f->sum += end_all(f);
	}
	FERRY_END;
}

/* ---- the drill ---- */

void *children_open(ferry_loop *loop, const void *how)
{
	struct parent *parent = calloc(1, sizeof(*parent));

	if (!parent)
		bench_fail("out of memory");
	parent->loop = loop;
	parent->how = how;
	for (unsigned i = 0; i < CHILDREN_BATCH; i++)
		parent->suspends[i] = i % 10 < parent->how->suspending;
	parent->options = (ferry_task_options)FERRY_TASK_OPTIONS_INIT;
	if (parent->how->together == CHILDREN_IN_GROUP)
		parent->options.group = &parent->group;
	/* The loop's default is eager. */
	if (parent->how->start == FERRY_START_LAZY)
		parent->options.start = FERRY_START_LAZY;
	return parent;
}

void children_run(void *side, uint64_t operations)
{
	struct parent *parent = side;
	ferry_snapshot snapshot;

	parent->batches = operations / CHILDREN_BATCH;
	parent->sum = 0;
	ferry_task_begin(&parent->task, parent->loop, parent_step, NULL);
	bench_check(ferry_loop_run(parent->loop), "ferry_loop_run");
	snapshot = ferry_task_snapshot(&parent->task);
	if (!snapshot.done || snapshot.exception)
		bench_fail("the parent did not end, or failed");
	if (parent->sum != operations * CHILD_RESULT)
		bench_fail("children were lost");
}

void children_close(void *side)
{
	free(side);
}
