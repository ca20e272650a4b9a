/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_SPENDING_H
#define SUPPORT_SPENDING_H
/*
 * What something on a loop costs: turns, callbacks, memory.
 *
 *   struct spending before = spending_of(loop);
 *   ...
 *   spending_since(loop, &before).turns == 0        and .callbacks
 *   spending_since(loop, &before).blocks == 0       of the loop's cache, which are out now
 *   spending_since(loop, &before).heap == 0         bytes of malloc(), which are out now
 *   spending_since(loop, &before).allocations == 0  calls of it and its like, by this thread
 *
 * What is out can be seen only while it is: look when somebody waits. Blocks are missed in a
 * cache that has some, so spending_of() puts some there. Under a sanitizer heap and allocations
 * are always 0.
 */
#include <malloc.h>

#include "support/allocations.h"
#include "support/fixture.h"

struct spending {
	uint64_t turns, callbacks;
	long blocks, heap;
	unsigned long allocations;
};

static inline void spending_nothing(ferry_local *local, void *user)
{
	(void)local, (void)user;
}

static inline struct spending spending_now(ferry_loop *loop)
{
	ferry_loop_counters counters = fixture_loop_counters(loop);
	/* In use, or in one of malloc()'s own caches. */
	struct mallinfo2 heap = mallinfo2();

	return (struct spending){ counters.turns, counters.callbacks, -(long)counters.cached_bytes,
				  (long)(heap.uordblks + heap.hblkhd), allocations() };
}

#define SPENDING_BLOCKS 64

static inline struct spending spending_of(ferry_loop *loop)
{
	ferry_local *locals[SPENDING_BLOCKS];

	for (int i = 0; i < SPENDING_BLOCKS; i++)
		if (ferry_local_new(loop, &locals[i]) ||
		    ferry_local_add_done_callback(locals[i], spending_nothing, NULL) ||
		    ferry_local_add_done_callback(locals[i], spending_nothing, NULL))
			fixture_die("no local", 0);
	for (int i = 0; i < SPENDING_BLOCKS; i++)
		ferry_local_unref(locals[i]);
	return spending_now(loop);
}

static inline struct spending spending_since(ferry_loop *loop, const struct spending *before)
{
	struct spending now = spending_now(loop);

	now.turns -= before->turns;
	now.callbacks -= before->callbacks;
	now.blocks -= before->blocks;
	now.heap -= before->heap;
	now.allocations -= before->allocations;
	return now;
}

#endif
