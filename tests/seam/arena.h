/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SEAM_ARENA_H
#define SEAM_ARENA_H
/*
 * The library's memory in a model: the same calls give the same addresses in each run, and
 * nothing is given out twice, so that a touch of freed memory is always noticed.
 */
#include <stdbool.h>
#include <stddef.h>

/* Forgets all of the last run. */
void arena_reset(void);
/* Filled with a pattern; NULL if the arena is used up. */
void *arena_new(size_t bytes);
void arena_free(void *memory);
bool arena_was_freed(const void *address);
/* Freed memory that was written; NULL. (With a sanitizer it would have told at once.) */
const void *arena_find_written(void);
/* Blocks that were not freed. */
unsigned arena_left(void);
/* A name for an address, for people: in a buffer that the next call uses again. */
const char *arena_name(const void *address);

#endif
