/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WALK_HEARTBEAT_H
#define WALK_HEARTBEAT_H
/*
 * How long a loop is away at most: a timer of the loop that is due one millisecond after it last
 * ran. A stall is how much later than its deadline it runs; so long nobody else on the loop could
 * have been served either. The same measure with every --policy.
 */
#include <stdint.h>

#include <ferry/loop.h>

struct heartbeat {
	uint64_t due_ns;
	uint64_t longest_stall_ns;
	uint64_t beats;
	int failure; /* a negative errno: the loop refused the timer, so it beats no more */
};

/* Have it beat from now on, until the loop is freed. 0 or a negative errno. */
int heartbeat_start(struct heartbeat *heartbeat, ferry_loop *loop);

/* Let what is overdue now count too. */
void heartbeat_measure(struct heartbeat *heartbeat);

#endif
