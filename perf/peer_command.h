/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_PEER_COMMAND_H
#define PERF_PEER_COMMAND_H
/*
 * A contestant that is a program of its own, in another language. It is run for each sample,
 * warms up and measures by itself, and prints one line:
 *
 *	OPERATIONS WALL_NS CPU_NS [NAME=VALUE]...
 *
 * Where its language is not found the case is skipped. A program that leaves with status 77
 * has said in that line why it cannot do so here.
 */
#include "bench.h"

enum peer_language {
	PEER_PYTHON, /* $PYTHON, or the newest of some; the program is in perf/ */
	PEER_NODE,   /* likewise in perf/ */
	PEER_GO      /* built with the rest */
};

struct peer_command {
	enum peer_language language;
	const char *program;
	const char *arguments; /* what stands before the number of operations */
};

/** bench_case.run; the argument is a struct peer_command. Values are told by their names. */
void peer_command(const struct bench_case *self, struct bench_sample *sample);

#ifdef PERF_BUILT_GO
#define PEER_GO_SKIP NULL
#else
#define PEER_GO_SKIP "go was not found when this was built (Debian: golang-go)"
#endif

#endif
