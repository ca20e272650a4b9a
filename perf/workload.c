/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps requests in flight for any contestant. Runs on the loop's thread. */
#include "workload.h"
#include "files.h"

#include <string.h>

#define WARM_UP_LEAST 500
#define COUNTER_VALUES 4 /* in WORKLOAD_VALUES */

const char *workload_next_path(struct workload_run *run)
{
	return files_path(run->next_file++);
}

static void submit(struct workload_run *run, unsigned slot)
{
	run->submitted++;
	if (run->timing)
		run->submitted_ns = bench_now();
	run->contestant->submit(run, slot);
}

void workload_done(struct workload_run *run, unsigned slot, int error)
{
	if (run->timing)
		bench_latency(run->sample, bench_now() - run->submitted_ns);
	bench_check(error, "a request");
	run->completed++;
	if (run->workload->gap_ns)
		bench_busy_until(bench_now() + run->workload->gap_ns);
	if (run->submitted < run->target)
		submit(run, slot);
}

static void phase(struct workload_run *run, uint64_t requests)
{
	run->target = requests;
	run->submitted = run->completed = 0;
	for (unsigned slot = 0; slot < run->workload->in_flight && slot < requests; slot++)
		submit(run, slot);
	run->contestant->run_loop(run);
	if (run->completed != requests || run->submitted != requests)
		bench_fail("%llu requests, %llu completions", (unsigned long long)run->submitted,
			   (unsigned long long)run->completed);
}

void workload_warm_up(struct workload_run *run)
{
	uint64_t requests = run->sample->operations / 10;

	if (requests < WARM_UP_LEAST + 2 * run->workload->in_flight)
		requests = WARM_UP_LEAST + 2 * run->workload->in_flight;
	phase(run, requests);
}

void workload_measure(struct workload_run *run)
{
	run->timing = run->workload->latencies;
	bench_start(run->sample);
	phase(run, run->sample->operations);
	bench_stop(run->sample);
	run->timing = false;
	if (run->workload->gap_ns)
		run->sample->values[workload_first_value(run->workload) + COUNTER_VALUES] =
			(double)run->sample->cpu_ns / (double)run->sample->operations -
			(double)run->workload->gap_ns;
	if (run->workload->latencies)
		bench_latency_values(run->sample);
}

unsigned workload_first_value(const struct workload *workload)
{
	return workload->latencies ? 4 : 0;
}
