/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/memory: what things take: a request in flight, and each kind of object. "heap" is
 * what the C library's allocator gave out for one, its own overhead included, and what
 * was mapped beside it; "resident" is how much the process grew by it in the kernel's
 * count. Both are differences over many, so that what is shared by all is spread thin.
 */
#include "bench.h"
#include "gate.h"
#include "peer_uv.h"

#include <ferry.h>

#include <bridge/local.h>
#include <future/future.h>
#include <pool/job.h>

#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IN_FLIGHT 4096
#define OBJECTS 4096
#define LOOPS 64
#define POOLS 16
#define THREADS 2

struct usage {
	double heap, resident;
};

static double resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long total = 0, resident = 0;

	if (!file || fscanf(file, "%lu %lu", &total, &resident) != 2)
		bench_fail("cannot read /proc/self/statm");
	fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static struct usage now_used(void)
{
	struct mallinfo2 heap = mallinfo2();

	return (struct usage){ (double)(heap.uordblks + heap.hblkhd), resident_bytes() };
}

static void tell(struct bench_sample *sample, struct usage before, unsigned count, double size)
{
	struct usage after = now_used();

	sample->values[0] = size;
	sample->values[1] = (after.heap - before.heap) / count;
	sample->values[2] = (after.resident - before.resident) / count;
}

static int nothing(void *argument, ferry_result *out)
{
	(void)argument, (void)out;
	return 0;
}

static ferry_pool *new_pool(void)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_pool *pool;

	options.min_threads = options.max_threads = THREADS;
	bench_check(ferry_pool_new(&options, &pool), "ferry_pool_new");
	return pool;
}

static ferry_loop *new_loop(void)
{
	ferry_loop *loop;

	bench_check(ferry_loop_new(NULL, &loop), "ferry_loop_new");
	return loop;
}

/* An array whose pages are resident before anything is counted. */
static void *new_array(size_t count)
{
	void **array = malloc(count * sizeof(*array));

	if (!array)
		bench_fail("out of memory");
	memset(array, 1, count * sizeof(*array));
	return array;
}

static void end_pool(ferry_pool *pool)
{
	bench_check(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE),
		    "ferry_pool_shutdown");
	ferry_pool_free(pool);
}

/* ---- requests in flight ---- */

static void run_offload(const struct bench_case *self, struct bench_sample *sample)
{
	ferry_local **locals = new_array(IN_FLIGHT);
	ferry_pool *pool = new_pool();
	ferry_loop *loop = new_loop();
	struct gate gate;
	struct usage before;

	(void)self;
	gate_init(&gate, THREADS);
	gate_close(&gate, pool);
	before = now_used();
	for (unsigned i = 0; i < IN_FLIGHT; i++) {
		locals[i] = ferry_offload(loop, pool, nothing, NULL, NULL);
		if (!locals[i])
			bench_fail("ferry_offload: %s", strerror(errno));
	}
	tell(sample, before, IN_FLIGHT, sizeof(struct ferry_local));
	gate_open(&gate);
	bench_check(ferry_loop_run(loop), "ferry_loop_run");
	for (unsigned i = 0; i < IN_FLIGHT; i++)
		ferry_local_unref(locals[i]);
	bench_check(ferry_loop_free(loop), "ferry_loop_free");
	end_pool(pool);
	gate_destroy(&gate);
	free(locals);
}

static void run_submit(const struct bench_case *self, struct bench_sample *sample)
{
	ferry_future **futures = new_array(IN_FLIGHT);
	ferry_pool *pool = new_pool();
	struct gate gate;
	struct usage before;

	(void)self;
	gate_init(&gate, THREADS);
	gate_close(&gate, pool);
	before = now_used();
	for (unsigned i = 0; i < IN_FLIGHT; i++)
		bench_check(ferry_pool_submit(pool, nothing, NULL, NULL, &futures[i]),
			    "ferry_pool_submit");
	tell(sample, before, IN_FLIGHT, sizeof(struct job));
	gate_open(&gate);
	end_pool(pool);
	for (unsigned i = 0; i < IN_FLIGHT; i++)
		ferry_future_unref(futures[i]);
	gate_destroy(&gate);
	free(futures);
}

static void run_uv(const struct bench_case *self, struct bench_sample *sample)
{
	(void)self;
	/* The caller provides the whole request; libuv allocates nothing for it. */
	sample->values[0] = sample->values[1] = (double)peer_uv_request_bytes();
}

/* ---- objects ---- */

static void run_promise(const struct bench_case *self, struct bench_sample *sample)
{
	ferry_future **futures = new_array(OBJECTS);
	struct usage before = now_used();

	(void)self;
	for (unsigned i = 0; i < OBJECTS; i++)
		bench_check(ferry_future_new(NULL, &futures[i]), "ferry_future_new");
	tell(sample, before, OBJECTS, sizeof(struct ferry_future));
	for (unsigned i = 0; i < OBJECTS; i++)
		ferry_future_unref(futures[i]);
	free(futures);
}

static void run_local(const struct bench_case *self, struct bench_sample *sample)
{
	ferry_local **locals = new_array(OBJECTS);
	ferry_loop *loop = new_loop();
	struct usage before = now_used();

	(void)self;
	for (unsigned i = 0; i < OBJECTS; i++)
		bench_check(ferry_local_new(loop, &locals[i]), "ferry_local_new");
	tell(sample, before, OBJECTS, sizeof(struct ferry_local));
	for (unsigned i = 0; i < OBJECTS; i++) {
		ferry_local_cancel(locals[i]);
		ferry_local_unref(locals[i]);
	}
	bench_check(ferry_loop_free(loop), "ferry_loop_free");
	free(locals);
}

static void on_time(ferry_loop *loop, void *user)
{
	(void)loop, (void)user;
}

static void run_timer(const struct bench_case *self, struct bench_sample *sample)
{
	uint64_t deadline_ns = ferry_in_ns(3600 * BENCH_SECOND);
	ferry_loop *loop = new_loop();
	struct usage before = now_used();

	(void)self;
	for (unsigned i = 0; i < OBJECTS; i++)
		bench_check(ferry_loop_call_at(loop, deadline_ns + i, on_time, NULL, NULL),
			    "ferry_loop_call_at");
	tell(sample, before, OBJECTS, NAN);
	bench_check(ferry_loop_free(loop), "ferry_loop_free");
}

static void run_loop(const struct bench_case *self, struct bench_sample *sample)
{
	ferry_loop *loops[LOOPS];
	struct usage before = now_used();

	(void)self;
	for (unsigned i = 0; i < LOOPS; i++)
		loops[i] = new_loop();
	tell(sample, before, LOOPS, NAN);
	for (unsigned i = 0; i < LOOPS; i++)
		bench_check(ferry_loop_free(loops[i]), "ferry_loop_free");
}

static void run_pool(const struct bench_case *self, struct bench_sample *sample)
{
	ferry_pool *pools[POOLS];
	struct usage before = now_used();

	(void)self;
	for (unsigned i = 0; i < POOLS; i++)
		pools[i] = new_pool();
	tell(sample, before, POOLS, NAN);
	for (unsigned i = 0; i < POOLS; i++)
		end_pool(pools[i]);
}

#define OBJECT(name_, what_, run_)                                                                \
	{                                                                                         \
		.name = name_, .what = what_, .run = run_, .operations = 1, .untimed = true,      \
		.values = { "struct_bytes", "heap_bytes", "resident_bytes" }                      \
	}

static const struct bench_case cases[] = {
	OBJECT("in_flight/offload", "a queued ferry_offload(), of 4096", run_offload),
	OBJECT("in_flight/submit", "a queued ferry_pool_submit(), of 4096", run_submit),
	{ .name = "in_flight/uv", .what = "uv_work_t, which the caller provides", .run = run_uv,
	  .operations = 1, .untimed = true, .values = { "struct_bytes", "heap_bytes" },
	  .skip = PEER_UV_SKIP },
	OBJECT("promise", "ferry_future_new()", run_promise),
	OBJECT("local", "ferry_local_new()", run_local),
	OBJECT("timer", "ferry_loop_call_at()", run_timer),
	OBJECT("loop", "ferry_loop_new()", run_loop),
	OBJECT("pool", "ferry_pool_new() with two threads, their stacks as far as touched",
	       run_pool),
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "memory",
		.question = "How many bytes does a request in flight take, and each object?",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
	};

	return bench_main(&program, argc, argv);
}
