/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_SAMPLE_H
#define PERF_SAMPLE_H
/*
 * One sample: clocks, latency classes and the counter of system calls. What a case
 * calls is in bench.h; this is what the frame needs besides.
 */
#include "bench.h"

/** An empty sample that is to do @operations. */
void sample_init(struct bench_sample *sample, uint64_t operations);

/**
 * Count the system calls of this process between start and stop, threads made later
 * included, with the kernel's raw_syscalls tracepoint. To be called before the process
 * makes threads, and not for a sample whose times matter: while it counts, every
 * system call of the machine takes a longer way.
 *
 * Return: 0; a negative errno where the tracepoint cannot be had.
 */
int sample_count_syscalls(struct bench_sample *sample);

/** The shortest latency of a class, in ns. */
uint64_t sample_class_floor_ns(unsigned class);

#endif
