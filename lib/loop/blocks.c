/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A loop's free lists.
 *
 * Called on the loop's thread only: a block is taken at submit and given back when its
 * post was delivered and nobody holds its local (the first and the last step of a
 * request). Invariant: what is cached never exceeds its limit.
 */
#include "loop/blocks.h"

#include "base/memory.h"

void *block_take(struct blocks *blocks, size_t bytes, unsigned room)
{
	struct ferry_waiter *block;

	if (room == BLOCK_UNCACHED)
		return memory_new(bytes);
	block = blocks->free[room];
	if (!block)
		return memory_new((size_t)BLOCK_LEAST << room);
	blocks->free[room] = block->next;
	blocks->cached_bytes -= (size_t)BLOCK_LEAST << room;
	return block;
}

void block_give(struct blocks *blocks, void *memory, unsigned room)
{
	struct ferry_waiter *block = memory;
	size_t bytes = (size_t)BLOCK_LEAST << room;

	if (room == BLOCK_UNCACHED || blocks->cached_bytes + bytes > blocks->cached_most) {
		memory_free(memory);
		return;
	}
	block->next = blocks->free[room];
	blocks->free[room] = block;
	blocks->cached_bytes += bytes;
}

void blocks_empty(struct blocks *blocks)
{
	for (unsigned room = 0; room < BLOCK_ROOMS; room++)
		while (blocks->free[room]) {
			struct ferry_waiter *block = blocks->free[room];

			blocks->free[room] = block->next;
			memory_free(block);
		}
	blocks->cached_bytes = 0;
}
