/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hot paths, one function each: instructions.c has callgrind count what they take,
 * paths.c times them. Some begin inside the library.
 */
#include "path.h"

#include "bench.h"

#include <ferry.h>

#include <bridge/local.h>
#include <loop/loop.h>
#include <pool/core.h>

#include <stdlib.h>

#define PENDING_TIMERS 1000000
#define THREADS 1

/* ---- the paths: not static, so that callgrind finds them by their names ---- */

hot_path path_snapshot_done, path_future_life, path_submit_prepared, path_offload;
hot_path path_concurrent_to_local, path_local_to_local, path_wrap_done;
hot_path path_post_awake, path_timer_add_cancel;

static int nothing(void *argument, ferry_result *out)
{
	(void)argument, (void)out;
	return 0;
}

static void on_time(ferry_loop *loop, void *user)
{
	(void)loop, (void)user;
}

void path_snapshot_done(struct setting *setting, unsigned count)
{
	uint64_t done = 0;

	for (unsigned i = 0; i < count; i++)
		done += (uint64_t)ferry_future_snapshot(setting->future).done;
	bench_use(done);
}

void path_future_life(struct setting *setting, unsigned count)
{
	(void)setting;
	for (unsigned i = 0; i < count; i++) {
		ferry_future *future;

		bench_check(ferry_future_new(NULL, &future), "ferry_future_new");
		bench_check(ferry_future_set_running(future), "ferry_future_set_running");
		bench_check(ferry_future_set_result(future, ferry_result_u64(1)),
			    "ferry_future_set_result");
		bench_use(ferry_future_snapshot(future).result.u64);
		ferry_future_unref(future);
	}
}

void path_submit_prepared(struct setting *setting, unsigned count)
{
	static const ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	for (unsigned i = 0; i < count; i++)
		bench_check(submit_job(setting->pool->core, setting->jobs[i], &options),
			    "submit_job");
}

void path_offload(struct setting *setting, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		setting->locals[i] =
			ferry_offload(setting->loop, setting->pool, nothing, NULL, NULL);
}

void path_concurrent_to_local(struct setting *setting, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		ferry_snapshot snapshot = ferry_future_snapshot(setting->future);

		bench_check(ferry_local_set_result(setting->locals[i], snapshot.result),
			    "ferry_local_set_result");
	}
}

void path_local_to_local(struct setting *setting, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		ferry_snapshot snapshot = ferry_local_snapshot(setting->source);

		bench_check(ferry_local_set_result(setting->locals[i], snapshot.result),
			    "ferry_local_set_result");
	}
}

void path_wrap_done(struct setting *setting, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		setting->locals[i] = ferry_wrap(setting->loop, setting->future);
}

void path_post_awake(struct setting *setting, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		loop_post(setting->loop, &setting->posts[i]);
}

void path_timer_add_cancel(struct setting *setting, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t deadline_ns = setting->now_ns + (uint64_t)i * BENCH_SECOND;
		ferry_timer *timer;

		bench_check(ferry_loop_call_at(setting->loop, deadline_ns, on_time, NULL, &timer),
			    "ferry_loop_call_at");
		bench_check(ferry_timer_cancel(timer), "ferry_timer_cancel");
	}
}

/* ---- before and after each call ---- */

static void close_gate(struct setting *setting, unsigned count)
{
	(void)count;
	gate_close(&setting->gate, setting->pool);
}

/* What was queued behind the gate runs. */
static void end_offloads(struct setting *setting, unsigned count)
{
	gate_open(&setting->gate);
	bench_check(ferry_loop_run(setting->loop), "ferry_loop_run");
	for (unsigned i = 0; i < count; i++) {
		if (!ferry_local_snapshot(setting->locals[i]).done)
			bench_fail("an offload was lost");
		ferry_local_unref(setting->locals[i]);
	}
}

static void prepare_jobs(struct setting *setting, unsigned count)
{
	static const ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	close_gate(setting, count);
	for (unsigned i = 0; i < count; i++) {
		setting->jobs[i] = job_new(&setting->pool->core->home, nothing, NULL, &options);
		if (!setting->jobs[i])
			bench_fail("out of memory");
	}
}

static void end_jobs(struct setting *setting, unsigned count)
{
	gate_open(&setting->gate);
	/* The gate closes behind them: they have been begun then, or are done. */
	gate_close(&setting->gate, setting->pool);
	gate_open(&setting->gate);
	for (unsigned i = 0; i < count; i++) {
		if (!ferry_future_snapshot(&setting->jobs[i]->future).done)
			bench_fail("a job was lost");
		ferry_future_unref(&setting->jobs[i]->future);
	}
}

static void make_locals(struct setting *setting, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		bench_check(ferry_local_new(setting->loop, &setting->locals[i]),
			    "ferry_local_new");
}

static void drop_locals(struct setting *setting, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (!ferry_local_snapshot(setting->locals[i]).done)
			bench_fail("an outcome was lost");
		ferry_local_unref(setting->locals[i]);
	}
}

static struct setting *posted_to; /* a post has no room to say whose it is */

static void on_arrival(ferry_waiter *post)
{
	(void)post;
	posted_to->arrived++;
}

static void prepare_posts(struct setting *setting, unsigned count)
{
	posted_to = setting;
	setting->arrived = 0;
	for (unsigned i = 0; i < count; i++)
		setting->posts[i].notify = on_arrival;
}

/* For a path that is called from a turn of the loop: the loop is awake then. */
struct turn {
	const struct path *path;
	struct setting *setting;
	unsigned count;
	struct bench_sample *sample;
};

static void run_timed(const struct path *path, struct setting *setting, unsigned count,
		      struct bench_sample *sample)
{
	if (sample)
		bench_start(sample);
	path->run(setting, count);
	if (sample)
		bench_stop(sample);
}

static void take_turn(ferry_loop *loop, void *user)
{
	struct turn *turn = user;

	(void)loop;
	run_timed(turn->path, turn->setting, turn->count, turn->sample);
}

static void end_posts(struct setting *setting, unsigned count)
{
	/* Something must be due, or the loop would not look. */
	bench_check(ferry_loop_call_soon(setting->loop, on_time, NULL), "ferry_loop_call_soon");
	bench_check(ferry_loop_run(setting->loop), "ferry_loop_run");
	if (setting->arrived != count)
		bench_fail("posts were lost");
}

static void fill_timers(struct setting *setting, unsigned count)
{
	uint64_t hour = 3600 * BENCH_SECOND, state = 88172645463325252u;

	(void)count;
	if (setting->now_ns)
		return;
	setting->now_ns = bench_now() + hour;
	for (unsigned i = 0; i < PENDING_TIMERS; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		bench_check(ferry_loop_call_at(setting->loop, setting->now_ns + state % hour,
					       on_time, NULL, NULL),
			    "ferry_loop_call_at");
	}
}

/* ---- all of them ---- */

#define PATH(name, prepare, finish)                                                               \
	{                                                                                         \
		#name, prepare, path_##name, finish, false, NULL                                  \
	}
#define TASK_PATH(name) { #name, NULL, path_##name, NULL, false, &drill_##name },

const struct path paths[] = {
	PATH(snapshot_done, NULL, NULL),
	PATH(future_life, NULL, NULL),
	PATH(submit_prepared, prepare_jobs, end_jobs),
	PATH(offload, close_gate, end_offloads),
	PATH(concurrent_to_local, make_locals, drop_locals),
	PATH(local_to_local, make_locals, drop_locals),
	PATH(wrap_done, NULL, drop_locals),
	{ "post_awake", prepare_posts, path_post_awake, end_posts, true, NULL },
	TASK_PATHS(TASK_PATH)
	PATH(stat_inline, prepare_files_by_path, finish_files),
	PATH(open_close_inline, prepare_files, finish_files),
	PATH(stat_pool, prepare_files_behind_gate, end_file_calls),
	PATH(stat_miss, prepare_files_behind_gate, end_file_calls),
	/* Last, since its timers stay. */
	PATH(timer_add_cancel, fill_timers, NULL),
};

const size_t paths_count = sizeof(paths) / sizeof(paths[0]);

void paths_call(const struct path *path, struct setting *setting, unsigned count,
		struct bench_sample *sample)
{
	struct turn turn = { path, setting, count, sample };

	if (path->drill)
		setting->side = path->drill->open(setting->loop, path->drill->how);
	if (path->prepare)
		path->prepare(setting, count);
	if (path->in_turn) {
		bench_check(ferry_loop_call_soon(setting->loop, take_turn, &turn),
			    "ferry_loop_call_soon");
		bench_check(ferry_loop_run(setting->loop), "ferry_loop_run");
	} else {
		run_timed(path, setting, count, sample);
	}
	if (path->finish)
		path->finish(setting, count);
	if (path->drill)
		path->drill->close(setting->side);
}

struct setting *paths_open(void)
{
	struct setting *setting = calloc(1, sizeof(*setting));
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	if (!setting)
		bench_fail("out of memory");
	options.min_threads = options.max_threads = THREADS;
	bench_check(ferry_pool_new(&options, &setting->pool), "ferry_pool_new");
	bench_check(ferry_loop_new(NULL, &setting->loop), "ferry_loop_new");
	gate_init(&setting->gate, THREADS);
	bench_check(ferry_future_new(NULL, &setting->future), "ferry_future_new");
	bench_check(ferry_future_set_result(setting->future, ferry_result_u64(42)),
		    "ferry_future_set_result");
	bench_check(ferry_local_new(setting->loop, &setting->source), "ferry_local_new");
	bench_check(ferry_local_set_result(setting->source, ferry_result_u64(42)),
		    "ferry_local_set_result");
	return setting;
}

void paths_close(struct setting *setting)
{
	ferry_local_unref(setting->source);
	ferry_future_unref(setting->future);
	bench_check(ferry_loop_free(setting->loop), "ferry_loop_free");
	bench_check(ferry_pool_shutdown(setting->pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE),
		    "ferry_pool_shutdown");
	ferry_pool_free(setting->pool);
	gate_destroy(&setting->gate);
	free(setting);
}
