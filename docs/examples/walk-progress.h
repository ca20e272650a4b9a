/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WALK_PROGRESS_H
#define WALK_PROGRESS_H
/* One line on the terminal while the walk goes on. Nothing at all where stderr is none. */
#include <stdbool.h>
#include <stdint.h>

/* Is there a terminal to draw on? */
bool progress_wanted(void);

/* Draw the line anew. How much there is to find is not known: the share is of what was found. */
void progress_draw(uint64_t done, uint64_t found, uint64_t elapsed_ns);

/* Remove the line. */
void progress_erase(void);

#endif
