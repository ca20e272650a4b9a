/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WALK_DESCRIPTORS_H
#define WALK_DESCRIPTORS_H
/* The open descriptors of this process: how many there are, how many there may be. */

/* How many are open now; -1 where there is no /proc to tell. */
long descriptors_count(void);

/* Have the limit raised to @wanted, or as near as is allowed; the limit then in force. */
unsigned long descriptors_allow(unsigned long wanted);

#endif
