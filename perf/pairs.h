/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_PAIRS_H
#define PERF_PAIRS_H
/*
 * A drill: pairs of tasks that go on by turns, or hand items over.
 *
 *   event      each waits for an event that the other sets; an operation is one such switch
 *   lock       each waits for a lock that the other has; likewise
 *   queue      one puts, the other gets; an operation is one item. One pair
 *   iterator   one gives, the other asks; likewise
 *
 * In a turn of the loop each pair switches once. So where there is one pair, a switch is
 * a turn; where there are many, they share it.
 */
#include "drill.h"

/* Operations of PAIRS_EVENT and PAIRS_LOCK are a multiple of twice as many as there are pairs. */
#define PAIRS_MANY 250
#define PAIRS_CAPACITY_MOST 64

enum pairs_by { PAIRS_EVENT, PAIRS_LOCK, PAIRS_QUEUE, PAIRS_ITERATOR };

struct pairs {
	enum pairs_by by;
	unsigned count;    /* of pairs that switch */
	unsigned capacity; /* of a queue */
};

void *pairs_open(ferry_loop *loop, const void *how);
void pairs_run(void *side, uint64_t operations);
void pairs_close(void *side);
#define PAIRS_DRILL(how) { pairs_open, pairs_run, pairs_close, &(how) }

#endif
