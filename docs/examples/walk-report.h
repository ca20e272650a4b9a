/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WALK_REPORT_H
#define WALK_REPORT_H
/* What ferry-walk tells when it ends: the totals. */
#include <stdbool.h>
#include <stdint.h>

#include <ferry/fs.h>
#include <ferry/loop.h>
#include <ferry/pool.h>

#include "walk-options.h"
#include "walk-tally.h"

/* All that is known at the end of a walk. */
struct report {
	const struct options *options;
	const struct tally *tally;
	bool interrupted;
	uint64_t wall_ns, cpu_ns;
	uint64_t longest_stall_ns, beats;
	ferry_loop_counters loop;
	ferry_pool_counters pool;    /* zero with --policy blocking, and so is the next */
	ferry_fs_counters files;
	unsigned threads;            /* of the pool when the walk ended */
	unsigned abandoned;          /* calls that had not come back when the program gave up */
	bool descriptors_known;      /* no: there is no /proc to count them in */
	long descriptors_left;       /* open ones at the end above those at the start */
};

/* The totals on stdout, for a person or as JSON. 0 or the negative errno of writing. */
int report_print(const struct report *report);

#endif
