/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WALK_VISIT_H
#define WALK_VISIT_H
/* The entries of a walk with --policy blocking: the same calls, made on the loop's thread. */
#include "walk.h"

/* Visit one entry, start to end, and be called again for the next; the walk ends itself. */
void visit_next(ferry_loop *loop, void *walk);

#endif
