/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_TREE_H
#define PERF_TREE_H
/*
 * A walk of a directory tree by file calls: every entry is statted, every directory read,
 * by done-callbacks that begin what is next.
 */
#include "bench.h"

struct tree {
	const char *top;
	unsigned in_flight; /* calls at a time */
	unsigned threads;
	int policy;         /* a ferry_fs_policy, of the stats */
	unsigned depth;     /* as in ferry_fs_settings */
};

/**
 * A bench_case.run; the argument is a struct tree. Whatever number of operations is asked for,
 * one walk is done, and each of its stats is one. Value 0 is the share of these that were hits.
 */
void tree_run(const struct bench_case *self, struct bench_sample *sample);
#define TREE_VALUES "inline_share"

#endif
