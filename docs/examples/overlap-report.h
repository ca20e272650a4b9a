/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef OVERLAP_REPORT_H
#define OVERLAP_REPORT_H
/* What overlap tells: the timeline of each case, and a table of all. In words or as JSON. */
#include "overlap-cases.h"
#include "overlap-options.h"

/* A case that was played. */
struct outcome {
	const struct example *example;
	struct timeline timeline;
	uint64_t write_ns[ROUNDS]; /* how long the worker was in each write */
};

/* Did its writes overlap the work as they should, or better? */
bool outcome_is_expected(const struct outcome *outcome);

/* How much longer it took than the ideal, in percent. */
double outcome_above_ideal(const struct outcome *outcome);

/* All of it on stdout. 0 or the negative errno of writing. */
int report_print(const struct options *options, const struct outcome *outcomes, int count);

#endif
