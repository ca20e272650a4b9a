/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H
/*
 * Where memory comes from: whole cache lines for what different threads write, so that
 * they never share one; what lives briefly and is made one at a time comes from the
 * allocator's own small lists, which are several times faster than aligned memory. A
 * test build makes the n-th call fail.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

#ifdef FERRY_SEAM
#include "base/seam.h"
#define memory_new seam_memory_new
#define memory_new_small seam_memory_new
#define memory_free seam_memory_free
#else
/* Not zeroed; NULL if there is none. */
static inline void *memory_new(size_t bytes)
{
	if (bytes > SIZE_MAX / 2)
		return NULL;
	return aligned_alloc(CACHE_LINE, (bytes + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1));
}

static inline void *memory_new_small(size_t bytes)
{
	return malloc(bytes);
}

static inline void memory_free(void *memory)
{
	free(memory);
}
#endif

static inline void *memory_new_zeroed(size_t bytes)
{
	void *memory = memory_new(bytes);

	if (memory)
		memset(memory, 0, bytes);
	return memory;
}

#endif
