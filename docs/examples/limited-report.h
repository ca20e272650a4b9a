/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIMITED_REPORT_H
#define LIMITED_REPORT_H
/* What limited-stat tells: the totals. */
#include <stdbool.h>
#include <stdint.h>

#include <ferry/loop.h>
#include <ferry/pool.h>

#include "limited-options.h"
#include "walk-tally.h"

/* All that is known at the end. */
struct report {
	const struct options *options;
	const struct tally *tally;
	uint64_t names, unreadable; /* paths that were gathered; folders that could not be read */
	uint64_t done;              /* stats, whatever came of them */
	uint64_t most_at_once;
	bool interrupted;
	uint64_t wall_ns;
	ferry_loop_counters loop;
	ferry_pool_counters pool;
	unsigned threads;           /* of the pool at the end */
	unsigned abandoned;         /* calls that had not come back when the program gave up */
};

/* The totals on stdout, in words or as JSON. 0 or the negative errno of writing. */
int report_print(const struct report *report);

#endif
