/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WALK_ENTRY_H
#define WALK_ENTRY_H
/* The entries of a walk, each call awaited by a task: up to options.in_flight of them at a time. */
#include "walk.h"

/* Make room for the entries in flight. 0 or -ENOMEM. */
int entries_open(struct walk *walk);

/* Begin; to be called by the loop. The walk ends itself. */
void entries_begin(ferry_loop *loop, void *walk);

/* Free them, also those that an end of the loop, which comes first, left in flight. */
void entries_close(struct walk *walk);

#endif
