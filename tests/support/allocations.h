/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_ALLOCATIONS_H
#define SUPPORT_ALLOCATIONS_H
/*
 * How often this thread has asked for memory, whether or not it has given it back.
 *
 *   unsigned long before = allocations();
 *   ...
 *   allocations() - before == 0
 *
 * This stands in the place of the C library's functions. What the program asks for counts, and the
 * library that is linked into it; not what shared libraries do, such as Criterion at each
 * assertion. A sanitizer stands there itself: then it is always 0. In one file of a program.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define ALLOCATIONS_UNSEEN 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ALLOCATIONS_UNSEEN 1
#endif
#endif

#ifdef ALLOCATIONS_UNSEEN
static inline unsigned long allocations(void)
{
	return 0;
}
#else
static _Thread_local unsigned long allocations_count;

/* Where the program's own code lies, says the linker. */
extern const char __executable_start[], etext[];

/* glibc's own, under the names that it gives to those who stand before them. */
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);

static inline void allocations_add(const void *caller)
{
	uintptr_t from = (uintptr_t)caller;

	allocations_count += from >= (uintptr_t)__executable_start && from < (uintptr_t)etext;
}

/* Inlined into its caller it would take that one's caller for its own. */
#define ALLOCATIONS_INSTEAD __attribute__((noinline))

ALLOCATIONS_INSTEAD void *malloc(size_t bytes)
{
	allocations_add(__builtin_return_address(0));
	return __libc_malloc(bytes);
}

ALLOCATIONS_INSTEAD void *calloc(size_t number, size_t bytes)
{
	allocations_add(__builtin_return_address(0));
	return __libc_calloc(number, bytes);
}

ALLOCATIONS_INSTEAD void *realloc(void *memory, size_t bytes)
{
	allocations_add(__builtin_return_address(0));
	return __libc_realloc(memory, bytes);
}

ALLOCATIONS_INSTEAD void *aligned_alloc(size_t alignment, size_t bytes)
{
	allocations_add(__builtin_return_address(0));
	return __libc_memalign(alignment, bytes);
}

ALLOCATIONS_INSTEAD int posix_memalign(void **ret, size_t alignment, size_t bytes)
{
	void *memory;

	allocations_add(__builtin_return_address(0));
	if (alignment % sizeof(void *) || !alignment || alignment & (alignment - 1))
		return EINVAL;
	memory = __libc_memalign(alignment, bytes);
	if (!memory)
		return ENOMEM;
	*ret = memory;
	return 0;
}

/* A count that stands still would let everything pass: so it is tried each time. */
static inline unsigned long allocations(void)
{
	void *(*volatile new_small)(size_t) = malloc;
	void *(*volatile new_aligned)(size_t, size_t) = aligned_alloc;
	unsigned long before = allocations_count;

	free(new_small(1));
	free(new_aligned(64, 64));
	if (allocations_count != before + 2) {
		fputs("allocations are not counted at all\n", stderr);
		abort();
	}
	return allocations_count = before;
}
#endif

#endif
