/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lets one allocation fail in a program that knows nothing of it: starved.sh has it loaded before
 * the C library (LD_PRELOAD). FERRY_STARVE is the number of the allocation, from 1. A program that
 * ends before it came so far says "starve: not reached" on stderr.
 */
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* What glibc calls its own, so that those with the usual names can be ours. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static atomic_ulong made;
static unsigned long fatal; /* 0: none, as before starve_begin() */

static int starved(void)
{
	if (fatal == 0 || atomic_fetch_add_explicit(&made, 1, memory_order_relaxed) + 1 != fatal)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return starved() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return starved() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
	return starved() ? NULL : __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return starved() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	void *block = starved() ? NULL : __libc_memalign(alignment, size);

	if (block)
		*ret = block;
	return block ? 0 : ENOMEM;
}

__attribute__((constructor)) static void starve_begin(void)
{
	const char *number = getenv("FERRY_STARVE");

	fatal = number ? strtoul(number, NULL, 10) : 0;
}

__attribute__((destructor)) static void starve_end(void)
{
	static const char line[] = "starve: not reached\n";
	ssize_t written = 0;

	if (atomic_load_explicit(&made, memory_order_relaxed) < fatal)
		written = write(STDERR_FILENO, line, sizeof(line) - 1);
	(void)written;
}
