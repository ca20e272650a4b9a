/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_HANDOFF_H
#define PERF_HANDOFF_H
/*
 * Two bare threads and one token: what the machine itself charges for going from one
 * thread to another and back. No queue, no library; nothing built on these can be
 * faster.
 */
#include "bench.h"

enum handoff_kind {
	HANDOFF_FUTEX,      /* a futex each way */
	HANDOFF_EPOLL,      /* an eventfd watched by an epoll each way */
	HANDOFF_FUTEX_EPOLL, /* a futex out, eventfd and epoll back: a worker and a loop */
	HANDOFF_SPIN        /* both poll memory; needs two CPUs */
};

struct handoff {
	enum handoff_kind kind;
	bool stat;      /* the counterpart stats a file before it answers */
	bool latencies; /* every round trip is timed by itself */
};

/** A bench_case.run; the argument is a struct handoff. One operation is a round trip. */
void handoff_run(const struct bench_case *self, struct bench_sample *sample);

/** A bench_case.run: both threads exchange the same word; an operation is one exchange each. */
void handoff_contend(const struct bench_case *self, struct bench_sample *sample);

#endif
