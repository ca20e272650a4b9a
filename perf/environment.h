/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_ENVIRONMENT_H
#define PERF_ENVIRONMENT_H
/*
 * Where figures were got: CPUs, kernel, compiler, commit. A figure without them
 * says nothing, so each JSON line carries them.
 */
#include "bench.h"
#include <stdio.h>

/** Find out once, before the process is pinned anywhere. */
void environment_open(void);

/** The environment as one JSON object. */
void environment_print_json(FILE *out);
/** The environment as one line for people. */
void environment_print(FILE *out);

/** Pin this process as a placement says. */
void environment_place(enum bench_placement placement);
/** What a placement means here, in words. */
const char *environment_placement(enum bench_placement placement);
/** How many CPUs a placement needs. */
unsigned environment_cpus_needed(enum bench_placement placement);

/** A string as a JSON literal, quotes included. */
void environment_print_string(FILE *out, const char *string);

#endif
