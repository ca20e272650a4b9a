/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STRESS_COUNT_MALLOC_H
#define STRESS_COUNT_MALLOC_H
/*
 * What count_malloc.c has counted so far, in every thread. A program that may run
 * without it looks for "count_malloc_calls" with dlsym().
 */
enum count_malloc_kind {
	COUNT_MALLOC,
	COUNT_CALLOC,
	COUNT_REALLOC,
	COUNT_ALIGNED, /* aligned_alloc, posix_memalign, memalign */
	COUNT_MMAP,
	COUNT_KINDS
};

/* Fills in one number for each kind. */
typedef void count_malloc_read(unsigned long calls[COUNT_KINDS]);
extern count_malloc_read count_malloc_calls;

#endif
