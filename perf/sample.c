/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clocks, latency classes and system calls of one sample. Runs in the process that
 * takes the sample, on its measuring thread.
 */
#include "sample.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * BENCH_SECOND + (uint64_t)time.tv_nsec;
}

uint64_t bench_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

void bench_busy_until(uint64_t deadline_ns)
{
	while (bench_now() < deadline_ns)
		bench_relax();
}

void bench_yield_until(uint64_t deadline_ns)
{
	while (bench_now() < deadline_ns)
		sched_yield();
}

void sample_init(struct bench_sample *sample, uint64_t operations)
{
	memset(sample, 0, sizeof(*sample));
	sample->operations = operations;
	sample->syscalls = NAN;
	sample->estimated_syscalls = NAN;
	sample->counter = -1;
	for (unsigned i = 0; i < BENCH_VALUES; i++)
		sample->values[i] = NAN;
}

/* ---- system calls ---- */

static int tracepoint_id(void)
{
	static const char *const paths[] = {
		"/sys/kernel/tracing/events/raw_syscalls/sys_enter/id",
		"/sys/kernel/debug/tracing/events/raw_syscalls/sys_enter/id",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		FILE *file = fopen(paths[i], "re");
		int id = -ENOENT;

		if (!file)
			continue;
		if (fscanf(file, "%d", &id) != 1)
			id = -EIO;
		fclose(file);
		return id;
	}
	return -ENOENT;
}

int sample_count_syscalls(struct bench_sample *sample)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attributes),
		.disabled = 1,
		.inherit = 1,
	};
	int id = tracepoint_id();

	if (id < 0)
		return id;
	attributes.config = (unsigned)id;
	sample->counter = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1,
				       PERF_FLAG_FD_CLOEXEC);
	return sample->counter < 0 ? -errno : 0;
}

static void counter_pause(struct bench_sample *sample)
{
	uint64_t count = 0;

	if (ioctl(sample->counter, PERF_EVENT_IOC_DISABLE, 0) < 0 ||
	    read(sample->counter, &count, sizeof(count)) != sizeof(count))
		bench_fail("cannot read the counter of system calls: %s", strerror(errno));
	if (isnan(sample->syscalls))
		sample->syscalls = 0;
	/* The call that stops the count is counted itself. */
	sample->syscalls += (double)count - 1;
}

static void counter_resume(struct bench_sample *sample)
{
	if (ioctl(sample->counter, PERF_EVENT_IOC_RESET, 0) < 0 ||
	    ioctl(sample->counter, PERF_EVENT_IOC_ENABLE, 0) < 0)
		bench_fail("cannot start the counter of system calls: %s", strerror(errno));
}

/* ---- start and stop ---- */

void bench_start(struct bench_sample *sample)
{
	sample->started_thread_cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	sample->started_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (sample->counter >= 0)
		counter_resume(sample);
	sample->started_wall_ns = bench_now();
}

void bench_stop(struct bench_sample *sample)
{
	sample->wall_ns += bench_now() - sample->started_wall_ns;
	if (sample->counter >= 0)
		counter_pause(sample);
	sample->cpu_ns += clock_ns(CLOCK_PROCESS_CPUTIME_ID) - sample->started_cpu_ns;
	sample->thread_cpu_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - sample->started_thread_cpu_ns;
}

/* ---- latencies ---- */

#define EXACT (1u << BENCH_CLASS_BITS)

static unsigned class_of(uint64_t ns)
{
	unsigned exponent;
	uint64_t class;

	if (ns < EXACT)
		return (unsigned)ns;
	exponent = 63u - (unsigned)__builtin_clzll(ns);
	class = ((uint64_t)(exponent - BENCH_CLASS_BITS + 1) << BENCH_CLASS_BITS) +
		((ns >> (exponent - BENCH_CLASS_BITS)) & (EXACT - 1));
	return class < BENCH_CLASSES ? (unsigned)class : BENCH_CLASSES - 1;
}

uint64_t sample_class_floor_ns(unsigned class)
{
	if (class < EXACT)
		return class;
	return (uint64_t)(EXACT + (class & (EXACT - 1))) << ((class >> BENCH_CLASS_BITS) - 1);
}

void bench_latency(struct bench_sample *sample, uint64_t ns)
{
	sample->latencies[class_of(ns)]++;
	if (ns > sample->longest_latency_ns)
		sample->longest_latency_ns = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

static double percentile(const struct bench_sample *sample, uint64_t total, double part)
{
	uint64_t rank = (uint64_t)ceil((double)total * part), below = 0;

	for (unsigned class = 0; class < BENCH_CLASSES; class++) {
		uint64_t count = sample->latencies[class], low, width;

		if (below + count < rank) {
			below += count;
			continue;
		}
		/* Spread evenly over its class. */
		low = sample_class_floor_ns(class);
		width = sample_class_floor_ns(class + 1) - low;
		return (double)low + (double)width * ((double)(rank - below) - 0.5) / (double)count;
	}
	return NAN;
}

void bench_latency_values(struct bench_sample *sample)
{
	uint64_t total = 0;

	for (unsigned class = 0; class < BENCH_CLASSES; class++)
		total += sample->latencies[class];
	if (total == 0)
		return;
	sample->values[0] = percentile(sample, total, 0.5);
	sample->values[1] = percentile(sample, total, 0.99);
	sample->values[2] = percentile(sample, total, 0.999);
	sample->values[3] = sample->longest_latency_ns;
}
