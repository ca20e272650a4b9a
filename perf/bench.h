/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_BENCH_H
#define PERF_BENCH_H
/*
 * The frame of every program in perf/: each asks one question and answers it with
 * a table for people or JSON lines for machines.
 *
 * A program is an array of cases. Every sample of a case runs in a process of its
 * own, forked from one that has no threads: nothing that a sample leaves behind
 * (a pool, pinning, a warm heap) reaches the next. All cases are sampled once a
 * round, in turn, the order reversed every other round; medians and quartiles are
 * taken over rounds, and ratios between cases are taken within a round.
 *
 *	static void run(const struct bench_case *self, struct bench_sample *sample)
 *	{
 *		... set up, warm up ...
 *		bench_start(sample);
 *		for (uint64_t i = 0; i < sample->operations; i++)
 *			...
 *		bench_stop(sample);
 *	}
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_VALUES 10
#define BENCH_NANOSECOND UINT64_C(1)
#define BENCH_MICROSECOND UINT64_C(1000)
#define BENCH_SECOND UINT64_C(1000000000)

/* Latencies are kept in classes: 16 to each power of two, exact below 16 ns. */
#define BENCH_CLASS_BITS 4
#define BENCH_CLASSES ((40 - BENCH_CLASS_BITS) << BENCH_CLASS_BITS)

/* Which CPUs a case runs on. The process is placed before run is called. */
enum bench_placement {
	BENCH_FREE,     /* all that this process may use; the scheduler decides */
	BENCH_ONE_CPU,  /* the whole process on one */
	BENCH_TWO_CPUS, /* the whole process on two; the scheduler decides between them */
	BENCH_SPLIT     /* the measuring thread on one, its counterpart on another */
};

/* One measurement of one case. */
struct bench_sample {
	uint64_t operations;          /* in: how many to do */
	uint64_t wall_ns;             /* between start and stop, summed */
	uint64_t cpu_ns;              /* of the whole process */
	uint64_t thread_cpu_ns;       /* of the measuring thread */
	double values[BENCH_VALUES];  /* what else the case tells, named by its values[] */
	double syscalls;              /* of the whole process; NAN where not counted */
	double estimated_syscalls;    /* set by a case that can tell from counters; else NAN */
	uint32_t latencies[BENCH_CLASSES];
	uint32_t longest_latency_ns;
	uint64_t started_wall_ns, started_cpu_ns, started_thread_cpu_ns;
	int counter;                  /* descriptor of the system call counter, or -1 */
};

struct bench_case {
	const char *name;  /* unique in the program */
	const char *what;  /* for people, one line */
	void (*run)(const struct bench_case *self, struct bench_sample *sample);
	const void *argument; /* for run */
	enum bench_placement placement;
	const char *values[BENCH_VALUES]; /* names of sample->values, ended by NULL */
	const char *against; /* case that ratios are taken to, in the same round; or NULL */
	const char *also;    /* another; with it also ratios to the better of the two */
	const char *net_of;  /* case whose time is subtracted, in the same round; or NULL */
	uint64_t operations; /* of each sample; 0: as many as fill --seconds */
	uint64_t granule;    /* operations are a multiple of this; 0: 1 */
	const char *skip;    /* why it cannot run here; NULL: it can */
	bool untimed;        /* only values are meant, time is not */
};

struct bench_program {
	const char *name;
	const char *question; /* one or two sentences, shown by --help */
	const struct bench_case *cases;
	size_t count;
	/* Before the first sample, in the parent, which stays without threads; and after
	 * the last, interrupted or not: close is async-signal-safe. Either may be NULL. */
	void (*open)(void);
	void (*close)(void);
};

/** Parse the command line, take the samples, print. Return: exit status of main(). */
int bench_main(const struct bench_program *program, int argc, char **argv);

/** Begin or resume to measure. */
void bench_start(struct bench_sample *sample);
/** Pause or end measuring. */
void bench_stop(struct bench_sample *sample);

/** End this sample, and with it the program, with a message: what ran was not right. */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** End this case, which cannot run here, with the reason. */
_Noreturn void bench_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** bench_fail() unless a call that must succeed did; @result is 0 or a negative errno. */
void bench_check(int result, const char *call);

/** Put the calling thread on the @index-th CPU that the program may use. */
void bench_pin(unsigned index);
/** How many CPUs the program may use. */
unsigned bench_cpus(void);

/** Note one latency in the sample's classes. */
void bench_latency(struct bench_sample *sample, uint64_t ns);
/**
 * Values 0 to 3 of a sample from its latencies: p50, p99, p99.9 and the longest.
 * Exact to one part in 16; the cases name them with BENCH_LATENCY_VALUES.
 */
void bench_latency_values(struct bench_sample *sample);
#define BENCH_LATENCY_VALUES "p50_ns", "p99_ns", "p999_ns", "longest_ns"

/** CLOCK_MONOTONIC in nanoseconds. */
uint64_t bench_now(void);
/** Keep the CPU busy until a time on that clock. */
void bench_busy_until(uint64_t deadline_ns);
/** Let other threads have the CPU until then. */
void bench_yield_until(uint64_t deadline_ns);

/** Let a spinning CPU breathe. */
static inline void bench_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__("yield" ::: "memory");
#endif
}

/** Make a value count as used, so that what computed it stays. */
static inline void bench_use(uint64_t value)
{
	static _Atomic uint64_t sink;

	atomic_store_explicit(&sink, value, memory_order_relaxed);
}

#endif
