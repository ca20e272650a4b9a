/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SEAM_TOUCHES_H
#define SEAM_TOUCHES_H
/* Which objects more than one thread touches, over all runs of a scene. */
#include <stdbool.h>

/* Notes a touch: true if somebody else touches the object too, and one of them writes. */
bool touches_note(const void *object, unsigned thread, bool writes);
/* Has an object turned out to be shared since the last call? */
bool touches_learned(void);
/* Forgets all: another scene. */
void touches_forget(void);

#endif
