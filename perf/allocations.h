/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_ALLOCATIONS_H
#define PERF_ALLOCATIONS_H
/*
 * How often this process asked for memory. A program that is built with allocations.c stands
 * before the C library's malloc() with functions of its own, which count.
 */

/** Calls so far of malloc(), calloc(), realloc() and their like; NAN where not counted. */
double allocations_count(void);

#endif
