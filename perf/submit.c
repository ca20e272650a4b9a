/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/submit: what handing a request in costs its submitter: to a pool whose workers
 * are all busy (pure queueing), and to one whose workers sleep (one must be woken).
 *
 * Only the submitting calls are timed. "busy" queues batches of 4096 behind a gate that
 * holds every worker, "asleep" waits before each until the workers sleep.
 */
#include "bench.h"
#include "gate.h"
#include "peer_uv.h"

#include <ferry.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH PEER_UV_BATCH
#define BATCHES 64
#define THREADS PEER_UV_THREADS
#define ASLEEP_OPERATIONS 500
#define TIME_TO_SLEEP PEER_UV_TIME_TO_SLEEP

struct setting {
	ferry_pool *pool;
	ferry_loop *loop; /* NULL where futures are waited for, which a loop's thread may not */
	ferry_future *futures[BATCH];
	ferry_local *locals[BATCH];
	unsigned delivered;
};

/* How one batch, or one request, is handed in. */
struct way {
	void (*submit)(struct setting *setting, unsigned count);
	bool loop;
};

static int nothing(void *argument, ferry_result *out)
{
	(void)argument, (void)out;
	return 0;
}

static struct setting *open_setting(const struct way *way)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	struct setting *setting = calloc(1, sizeof(*setting));

	if (!setting)
		bench_fail("out of memory");
	options.min_threads = options.max_threads = THREADS;
	bench_check(ferry_pool_new(&options, &setting->pool), "ferry_pool_new");
	if (way->loop)
		bench_check(ferry_loop_new(NULL, &setting->loop), "ferry_loop_new");
	return setting;
}

/* Wait until what was submitted is done, and let go of it. */
static void settle(struct setting *setting)
{
	for (unsigned i = 0; i < BATCH && setting->futures[i]; i++) {
		bench_check(ferry_future_wait(setting->futures[i], FERRY_NO_DEADLINE),
			    "ferry_future_wait");
		setting->futures[i] = ferry_future_unref(setting->futures[i]);
	}
	if (setting->loop)
		bench_check(ferry_loop_run(setting->loop), "ferry_loop_run");
	for (unsigned i = 0; i < BATCH && setting->locals[i]; i++)
		setting->locals[i] = ferry_local_unref(setting->locals[i]);
}

static void close_setting(struct setting *setting)
{
	if (setting->loop)
		bench_check(ferry_loop_free(setting->loop), "ferry_loop_free");
	bench_check(ferry_pool_shutdown(setting->pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE),
		    "ferry_pool_shutdown");
	ferry_pool_free(setting->pool);
	free(setting);
}

/* ---- what is timed ---- */

static void submit_futures(struct setting *setting, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		bench_check(ferry_pool_submit(setting->pool, nothing, NULL, NULL,
					      &setting->futures[i]),
			    "ferry_pool_submit");
}

static void submit_unwatched(struct setting *setting, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		bench_check(ferry_pool_submit(setting->pool, nothing, NULL, NULL, NULL),
			    "ferry_pool_submit");
}

static void submit_batch(struct setting *setting, unsigned count)
{
	static ferry_batch_job jobs[BATCH];

	for (unsigned i = 0; i < count; i++)
		jobs[i].fn = nothing;
	if (ferry_pool_submit_batch(setting->pool, jobs, count, NULL, setting->futures) !=
	    (int)count)
		bench_fail("a batch was not accepted whole");
}

static ferry_local *offload(struct setting *setting)
{
	ferry_local *local = ferry_offload(setting->loop, setting->pool, nothing, NULL, NULL);

	if (!local)
		bench_fail("ferry_offload: %s", strerror(errno));
	return local;
}

static void submit_offloads(struct setting *setting, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		setting->locals[i] = offload(setting);
}

static void on_done(ferry_local *local, void *user)
{
	(void)local;
	++*(unsigned *)user;
}

static void submit_offloads_with_callback(struct setting *setting, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		setting->locals[i] = offload(setting);
		bench_check(ferry_local_add_done_callback(setting->locals[i], on_done,
							  &setting->delivered),
			    "ferry_local_add_done_callback");
	}
}

/* ---- the cases ---- */

static void run_busy(const struct bench_case *self, struct bench_sample *sample)
{
	const struct way *way = self->argument;
	struct setting *setting = open_setting(way);
	struct gate gate;

	gate_init(&gate, THREADS);
	/* The first batch fills free lists and is not timed. */
	for (uint64_t submitted = 0; submitted <= sample->operations; submitted += BATCH) {
		gate_close(&gate, setting->pool);
		if (submitted > 0)
			bench_start(sample);
		way->submit(setting, BATCH);
		if (submitted > 0)
			bench_stop(sample);
		gate_open(&gate);
		settle(setting);
	}
	close_setting(setting);
	gate_destroy(&gate);
}

/* Until every worker has gone to sleep, and has had the time to really do so. */
static void wait_until_asleep(ferry_pool *pool)
{
	ferry_pool_counters counters;

	do {
		bench_yield_until(bench_now() + TIME_TO_SLEEP);
		bench_check(ferry_pool_stats(pool, &counters), "ferry_pool_stats");
	} while (counters.idle < THREADS);
}

static void run_asleep(const struct bench_case *self, struct bench_sample *sample)
{
	const struct way *way = self->argument;
	struct setting *setting = open_setting(way);

	for (uint64_t i = 0; i < sample->operations; i++) {
		wait_until_asleep(setting->pool);
		bench_start(sample);
		way->submit(setting, 1);
		bench_stop(sample);
		settle(setting);
	}
	close_setting(setting);
}

static const struct way by_future = { submit_futures, false };
static const struct way unwatched = { submit_unwatched, false };
static const struct way by_batch = { submit_batch, false };
static const struct way by_offload = { submit_offloads, true };
static const struct way by_offload_with_callback = { submit_offloads_with_callback, true };

#define BUSY(name_, what_, way_)                                                                  \
	{                                                                                         \
		.name = "busy/" name_, .what = what_, .run = run_busy, .argument = &(way_),       \
		.operations = BATCH * BATCHES, .granule = BATCH                                   \
	}
#define ASLEEP(name_, what_, way_)                                                                \
	{                                                                                         \
		.name = "asleep/" name_, .what = what_, .run = run_asleep, .argument = &(way_),   \
		.operations = ASLEEP_OPERATIONS                                                   \
	}

static const struct bench_case cases[] = {
	BUSY("submit", "ferry_pool_submit(), the future kept", by_future),
	BUSY("submit_unwatched", "ferry_pool_submit(), no future asked for", unwatched),
	BUSY("submit_batch", "ferry_pool_submit_batch(), a job of 4096", by_batch),
	BUSY("offload", "ferry_offload()", by_offload),
	BUSY("offload_callback", "ferry_offload() and a done-callback", by_offload_with_callback),
	{ .name = "busy/uv", .what = "uv_queue_work()", .run = peer_uv_submit_busy,
	  .operations = BATCH * BATCHES, .granule = BATCH, .skip = PEER_UV_SKIP },
	ASLEEP("submit", "ferry_pool_submit(), a worker is woken", by_future),
	ASLEEP("offload", "ferry_offload(), a worker is woken", by_offload),
	{ .name = "asleep/uv", .what = "uv_queue_work(), a worker is woken",
	  .run = peer_uv_submit_asleep, .operations = ASLEEP_OPERATIONS, .skip = PEER_UV_SKIP },
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "submit",
		.question = "What does handing in a request cost its submitter?",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
	};

	return bench_main(&program, argc, argv);
}
