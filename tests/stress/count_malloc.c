/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library to preload: counts what asks for memory, then lets the C library do it.
 *
 *   LD_PRELOAD=libcount_malloc.so no_malloc
 *
 * It stands before glibc's own functions by their names; what glibc calls inside
 * itself on their behalf is not counted twice.
 */
#include "count_malloc.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* glibc's own, under the names that it gives to those who stand before them. */
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);

static atomic_ulong counts[COUNT_KINDS];

static void count(enum count_malloc_kind kind)
{
	atomic_fetch_add_explicit(&counts[kind], 1, memory_order_relaxed);
}

EXPORT void count_malloc_calls(unsigned long calls[COUNT_KINDS])
{
	for (int kind = 0; kind < COUNT_KINDS; kind++)
		calls[kind] = atomic_load(&counts[kind]);
}

EXPORT void *malloc(size_t bytes)
{
	count(COUNT_MALLOC);
	return __libc_malloc(bytes);
}

EXPORT void *calloc(size_t number, size_t bytes)
{
	count(COUNT_CALLOC);
	return __libc_calloc(number, bytes);
}

EXPORT void *realloc(void *memory, size_t bytes)
{
	count(COUNT_REALLOC);
	return __libc_realloc(memory, bytes);
}

EXPORT void *memalign(size_t alignment, size_t bytes)
{
	count(COUNT_ALIGNED);
	return __libc_memalign(alignment, bytes);
}

EXPORT void *aligned_alloc(size_t alignment, size_t bytes)
{
	count(COUNT_ALIGNED);
	return __libc_memalign(alignment, bytes);
}

EXPORT int posix_memalign(void **ret, size_t alignment, size_t bytes)
{
	void *memory;

	count(COUNT_ALIGNED);
	if (alignment % sizeof(void *) || !alignment || alignment & (alignment - 1))
		return EINVAL;
	memory = __libc_memalign(alignment, bytes);
	if (!memory)
		return ENOMEM;
	*ret = memory;
	return 0;
}

EXPORT void *mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	count(COUNT_MMAP);
	return (void *)syscall(SYS_mmap, address, bytes, protection, flags, fd, offset);
}
