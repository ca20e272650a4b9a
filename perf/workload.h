/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_WORKLOAD_H
#define PERF_WORKLOAD_H
/*
 * The work that libraries are compared on: so many requests in flight, each of which
 * calls stat() (or nothing) on a worker; its completion is counted on the loop's
 * thread, which then submits the next.
 *
 * A contestant gives two functions, submit and run_loop, and calls workload_done() on
 * the loop's thread for each request that is complete.
 */
#include "bench.h"
#include "hosts.h"

struct workload {
	bool stat;          /* false: a function that does nothing */
	unsigned in_flight;
	unsigned threads;
	bool no_polling;    /* neither loop nor workers poll before they sleep */
	bool brief;         /* in a brief lane */
	bool by_tasks;      /* awaited by tasks, and not by done-callbacks */
	const struct host *host; /* whose loop ours lives in; NULL: nobody's */
	bool latencies;     /* time every request by itself; for one in flight */
	/* Other work on the loop between a completion and the next submit; what CPU time is
	 * spent beyond it comes behind the other values. */
	uint64_t gap_ns;
	/* File calls: of which ferry_fs_policy, and from how many calls on the pool, in numbers of
	 * ferry_fs_settings. */
	int policy;
	unsigned depth;
};

struct workload_run;

struct workload_contestant {
	/* Start one request; @slot is below in_flight and has no request out. */
	void (*submit)(struct workload_run *run, unsigned slot);
	/* Run the loop until no request is out. */
	void (*run_loop)(struct workload_run *run);
};

struct workload_run {
	const struct workload *workload;
	const struct workload_contestant *contestant;
	void *context; /* the contestant's */
	struct bench_sample *sample;
	uint64_t target, submitted, completed; /* of this phase */
	unsigned long next_file;
	uint64_t submitted_ns; /* the one in flight */
	bool timing;
};

/** Warm up, measure, check the books. */
void workload_measure(struct workload_run *run);
/** Only the warm-up, for a contestant that reads its counters after it. */
void workload_warm_up(struct workload_run *run);
/** One request is complete; @error is 0 or a negative errno. Submits the next. */
void workload_done(struct workload_run *run, unsigned slot, int error);
/** What the next request works on. */
const char *workload_next_path(struct workload_run *run);

/*
 * Values of every contestant, behind the four of BENCH_LATENCY_VALUES where latencies
 * are asked for. A contestant that cannot tell leaves them NAN.
 */
#define WORKLOAD_VALUES "rings_per_job", "wakeups_per_job", "sleeps_per_job", "polls_per_job"
/** One more, where there is a gap. */
#define WORKLOAD_GAP_VALUE "cpu_beyond_gap_ns"
/** Place of the first of them among sample->values. */
unsigned workload_first_value(const struct workload *workload);

/** bench_case.run of the library; the argument is a struct workload. */
void workload_ferry(const struct bench_case *self, struct bench_sample *sample);
/** The same of its file calls: ferry_fs_stat() with the workload's policy. */
void workload_files(const struct bench_case *self, struct bench_sample *sample);

#endif
