/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HTTPD_REPORT_H
#define HTTPD_REPORT_H
/* What httpd tells when it ends: the totals. */
#include <ferry/fs.h>

#include "httpd-exchange.h"
#include "httpd-options.h"

/* All that is known at the end. */
struct report {
	const struct options *options;
	const struct exchanges *exchanges;
	uint64_t connections;
	uint64_t left;      /* answers that were under way when the grace was over */
	uint64_t wall_ns, cpu_ns;
	ferry_fs_counters calls;
	ferry_pool_counters pool;
	unsigned abandoned; /* calls that had not come back when the program gave up */
};

/* The totals on stdout, in words or as JSON. 0 or the negative errno of writing. */
int report_print(const struct report *report);

#endif
