/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clocks and allocations of one sample, and drills in them. */
#include "measure.h"

#include "allocations.h"
#include "bench.h"
#include "drill.h"

static double before, allocations; /* of this sample: it has a process of its own */

void measure_start(struct bench_sample *sample)
{
	before = allocations_count();
	bench_start(sample);
}

void measure_stop(struct bench_sample *sample)
{
	bench_stop(sample);
	allocations += allocations_count() - before;
	sample->values[0] = allocations / (double)sample->operations;
}

void measure_fail(const char *message)
{
	bench_fail("%s", message);
}

/* So many of them as a warm-up that are a multiple of what the drill does at a time. */
static uint64_t warm_up(const struct bench_case *self, const struct bench_sample *sample)
{
	uint64_t granule = self->granule ? self->granule : 1;

	return (sample->operations / granule / 10 + 1) * granule;
}

void measure_drill(const struct bench_case *self, struct bench_sample *sample)
{
	const struct drill *drill = self->argument;
	ferry_loop *loop;
	void *side;

	bench_check(ferry_loop_new(NULL, &loop), "ferry_loop_new");
	side = drill->open(loop, drill->how);
	drill->run(side, warm_up(self, sample));
	measure_start(sample);
	drill->run(side, sample->operations);
	measure_stop(sample);
	drill->close(side);
	bench_check(ferry_loop_free(loop), "ferry_loop_free");
}
