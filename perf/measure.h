/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_MEASURE_H
#define PERF_MEASURE_H
/*
 * Measuring with a count of allocations beside the clocks, for what is written in C++ as well,
 * to which a sample is only something to pass on.
 */
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bench_case;
struct bench_sample;

/** bench_start(), and count allocations from here on. */
void measure_start(struct bench_sample *sample);
/** bench_stop(); value 0 is how many there were for each operation. */
void measure_stop(struct bench_sample *sample);
#define MEASURE_VALUES "allocations"
/** bench_fail() with that message. */
void measure_fail(const char *message);

/** bench_case.run of a drill, which is the argument. */
void measure_drill(const struct bench_case *self, struct bench_sample *sample);

#ifdef __cplusplus
}
#endif
#endif
