/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_OPTIONS_H
#define PERF_OPTIONS_H
/* The command line, the same for every program in perf/. */
#include "bench.h"

struct options {
	unsigned repeats;
	double seconds;          /* of a sample */
	const char *only;        /* part of the names of the cases to run; NULL: all */
	const char *one;         /* the one case to run in this process; NULL: none */
	uint64_t one_operations; /* of that; 0: as the case says */
	bool json;
	const char *json_path;   /* NULL: standard output */
	bool list;
};

/** Parse; prints help or a complaint and exits where there is nothing else to do. */
struct options options_parse(const struct bench_program *program, int argc, char **argv);

#endif
