/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counts what asks for memory, then lets the C library do it: as tests/stress/count_malloc.c,
 * but in the program itself. Built into programs, never into what they share, for it would
 * get into all of them.
 */
#include "allocations.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SOMEBODY_ELSES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SOMEBODY_ELSES 1
#endif
#endif

#ifdef SOMEBODY_ELSES
double allocations_count(void)
{
	return NAN;
}
#else

/* glibc's own, under the names that it gives to those who stand before them. */
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);

extern void *memalign(size_t alignment, size_t bytes);
extern void *aligned_alloc(size_t alignment, size_t bytes);
extern int posix_memalign(void **ret, size_t alignment, size_t bytes);
extern void *malloc(size_t bytes);
extern void *calloc(size_t number, size_t bytes);
extern void *realloc(void *memory, size_t bytes);

static atomic_ulong calls;

/* Not one operation: peers that allocate are timed with this. Where two threads do, a call may
 * not be counted; one that never was is never counted. */
static void count(void)
{
	atomic_store_explicit(&calls, atomic_load_explicit(&calls, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

double allocations_count(void)
{
	return (double)atomic_load_explicit(&calls, memory_order_relaxed);
}

void *malloc(size_t bytes)
{
	count();
	return __libc_malloc(bytes);
}

void *calloc(size_t number, size_t bytes)
{
	count();
	return __libc_calloc(number, bytes);
}

void *realloc(void *memory, size_t bytes)
{
	count();
	return __libc_realloc(memory, bytes);
}

void *memalign(size_t alignment, size_t bytes)
{
	count();
	return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
	count();
	return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **ret, size_t alignment, size_t bytes)
{
	void *memory;

	if (alignment % sizeof(void *) || !alignment || alignment & (alignment - 1))
		return EINVAL;
	count();
	memory = __libc_memalign(alignment, bytes);
	if (!memory)
		return ENOMEM;
	*ret = memory;
	return 0;
}
#endif
