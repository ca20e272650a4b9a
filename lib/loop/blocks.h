/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LOOP_BLOCKS_H
#define LOOP_BLOCKS_H
/*
 * A loop's free lists: memory for requests, timers and calls, so that the steady state
 * allocates nothing. Only the loop's thread takes and gives. Sizes are powers of two
 * from 64 bytes to 8 KiB; larger ones go to the system each time.
 */
#include "base/list.h"

#include <stdint.h>

#define BLOCK_LEAST 64
#define BLOCK_ROOMS 8
#define BLOCK_UNCACHED BLOCK_ROOMS

struct blocks {
	struct ferry_waiter *free[BLOCK_ROOMS]; /* by room: 64, 128, ... 8192 bytes */
	size_t cached_bytes, cached_most;
};

/* Which room a size is in: 0 to BLOCK_ROOMS. */
static inline unsigned block_room(size_t bytes)
{
	unsigned room = 0;

	while (room < BLOCK_ROOMS && ((size_t)BLOCK_LEAST << room) < bytes)
		room++;
	return room;
}

/* Not zeroed; NULL if there is no memory. */
void *block_take(struct blocks *blocks, size_t bytes, unsigned room);
void block_give(struct blocks *blocks, void *block, unsigned room);
/* Frees what is cached. */
void blocks_empty(struct blocks *blocks);

#endif
