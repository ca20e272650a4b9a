/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PROGRESS_H
#define PROGRESS_H
/* A line of progress on stderr, for all programs here. */
#include <stdbool.h>
#include <stdint.h>

/* Is there a terminal to draw it on? */
bool progress_wanted(void);
/* Draw it over the last one: how many of @count @things, how fast, how long the rest will take. A
 * count that grows is one of what was "found". */
void progress_draw(uint64_t done, uint64_t count, const char *things, uint64_t elapsed_ns);
/* Take it away. */
void progress_end(void);
/* How many a second; 0 in no time at all. */
double progress_rate(uint64_t done, uint64_t elapsed_ns);

#endif
