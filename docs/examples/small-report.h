/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SMALL_REPORT_H
#define SMALL_REPORT_H
/* What small-files tells when it ends: the totals. */
#include <ferry/fs.h>
#include <ferry/loop.h>
#include <ferry/pool.h>

#include "small-file.h"

/* All that is known at the end. */
struct report {
	const struct options *options;
	const struct files *files;
	uint64_t found;     /* files that were to be read */
	bool interrupted;
	bool is_verified;   /* that the checksum is the right one */
	uint64_t wall_ns;
	ferry_fs_counters calls;
	ferry_pool_counters pool;
	unsigned threads;   /* of the pool at the end */
	unsigned abandoned; /* calls that had not come back when the program gave up */
};

/* The totals on stdout, in words or as JSON. 0 or the negative errno of writing. */
int report_print(const struct report *report);

#endif
