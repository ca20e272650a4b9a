/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_REPORT_H
#define PERF_REPORT_H
/*
 * From samples to answers: medians and quartiles over rounds, ratios within a round,
 * written as a table or as JSON lines.
 */
#include "bench.h"
#include <stdio.h>

/* Of one figure over all rounds; NAN throughout where there was none. */
struct quartiles {
	double median, q1, q3, min, max;
};

/* What became of one case. */
struct report_case {
	const struct bench_case *definition;
	struct bench_sample *samples; /* array [rounds]; latencies of all are in the first */
	unsigned rounds;
	uint64_t operations;          /* of each sample */
	double syscalls;              /* per operation; NAN where not known */
	const char *syscalls_source;  /* how they were counted; NULL where not known */
	const char *skipped;          /* why it did not run; NULL if it did */
	char *reason;                 /* the same, if the case itself said so */
	bool selected;
	const struct report_case *also; /* definition->also, if it ran */
};

struct report {
	const struct bench_program *program;
	struct report_case *cases; /* array [program->count] */
};

/** Quartiles of @count figures, those that are NAN left out; sorts them. */
struct quartiles quartiles_of(double *figures, unsigned count);

/** One JSON line a case. */
void report_print_json(const struct report *report, FILE *out);
/** A table for people. */
void report_print_table(const struct report *report, FILE *out);

#endif
