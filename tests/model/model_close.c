/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loops that are closed while posts are on their way, by every interleaving (L3, L4, F7).
 *
 * A post is delivered, or its poster is told that the loop is closed; an outcome that comes
 * too late is disposed of, once. The scheduler tells of any touch of what was freed, and of
 * what is left when all is over. model_close --help says how to replay a schedule.
 */
#include <errno.h>
#include <ferry/bridge.h>

#include "base/atomic.h"
#include "model/jobs.h"
#include "seam/scene.h"

static ferry_loop *new_loop(void)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	ferry_loop *loop;

	options.poll_ns = FERRY_NO_DEADLINE;
	CHECK(ferry_loop_new(&options, &loop) == 0);
	return loop;
}

/* ---- posts ---- */

struct mail {
	ferry_loop *loop;
	unsigned delivered, accepted, refused;
};

static void delivered(ferry_loop *loop, void *user)
{
	struct mail *mail = user;

	(void)loop;
	mail->delivered++;
}

static void post(void *arg)
{
	struct mail *mail = arg;

	for (unsigned i = 0; i < 2; i++) {
		int error = ferry_loop_call_soon_threadsafe(mail->loop, delivered, mail);

		CHECK(error == 0 || error == -ESHUTDOWN);
		CHECK(error || !mail->refused);
		mail->accepted += !error;
		mail->refused += error != 0;
	}
	ferry_loop_unref(mail->loop);
}

/* L3: delivered, or told; nothing after the end. */
static void closed_while_posts_come(void)
{
	struct mail mail = { .loop = new_loop() };
	unsigned poster, before;

	ferry_loop_ref(mail.loop);
	poster = scene_start("poster", post, &mail);
	CHECK(ferry_loop_dispatch(mail.loop, 0) >= 0);
	before = mail.delivered;
	CHECK(ferry_loop_free(mail.loop) == 0);
	CHECK(mail.delivered == before);
	scene_join(poster);
	CHECK(mail.accepted + mail.refused == 2 && before <= mail.accepted);
}

/* ---- completions ---- */

static _Atomic unsigned disposed;

static void dispose(const ferry_result *result)
{
	CHECK(result->u64 == 7);
	/* Relaxed: read when all threads have been joined. */
	atomic_fetch_add_explicit(&disposed, 1, memory_order_relaxed);
}

static const ferry_disposer anywhere = { FERRY_DISPOSE_ANYWHERE, dispose };
static const ferry_disposer blocking = { FERRY_DISPOSE_BLOCKING, dispose };

static ferry_result seven(const ferry_disposer *disposer)
{
	ferry_result result = ferry_result_u64(7);

	result.disposer = disposer;
	return result;
}

static void complete(void *future)
{
	/* One that was cancelled keeps nothing: the result stays ours. */
	if (ferry_future_set_result(future, seven(&anywhere)) < 0)
		dispose(&(ferry_result){ .u64 = 7 });
	ferry_future_unref(future);
}

/* L3, F7: a wrapped promise is kept as the loop closes. */
static void closed_while_a_promise_is_kept(void)
{
	ferry_loop *loop = new_loop();
	ferry_future *future;
	ferry_local *local;
	unsigned completer;

	disposed = 0;
	CHECK(ferry_future_new(NULL, &future) == 0);
	local = ferry_wrap(loop, future);
	CHECK(local);
	completer = scene_start("completer", complete, future);
	if (scene_pick(2))
		ferry_local_unref(ferry_local_ref(local));
	CHECK(ferry_loop_dispatch(loop, 0) >= 0);
	CHECK(ferry_loop_free(loop) == 0);
	CHECK(ferry_local_snapshot(local).done);
	ferry_local_unref(local);
	scene_join(completer);
	CHECK(disposed == 1);
}

static int give_seven(void *arg, ferry_result *out)
{
	*out = seven(arg);
	return 0;
}

static _Atomic unsigned released;

static void release(void *arg)
{
	(void)arg;
	/* Relaxed: read when the pool has ended. */
	atomic_fetch_add_explicit(&released, 1, memory_order_relaxed);
}

/* @holds: the local is dropped after the loop is closed, else before. */
static void close_on_offload(const ferry_disposer *disposer, bool holds)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = jobs_pool(1, 1);
	ferry_loop *loop = new_loop();
	ferry_pool_counters counters;
	ferry_local *local;

	disposed = released = 0;
	options.release = release;
	local = ferry_offload(loop, pool, give_seven, (void *)disposer, &options);
	CHECK(local);
	if (!holds)
		ferry_local_unref(local);
	CHECK(ferry_loop_dispatch(loop, 0) >= 0);
	CHECK(ferry_loop_free(loop) == 0);
	if (holds) {
		CHECK(ferry_local_snapshot(local).done);
		ferry_local_unref(local);
	}
	scene_settle();
	CHECK(ferry_pool_stats(pool, &counters) == 0);
	jobs_end(pool);
	scene_settle();
	CHECK(released == 1);
	CHECK(disposed == counters.ran && counters.ran + counters.cancelled == 1);
}

/* L3, L4, F7: a job ends as its loop closes. */
static void closed_while_a_job_ends(void)
{
	close_on_offload(&anywhere, false);
}

static void closed_while_a_held_job_ends(void)
{
	close_on_offload(&anywhere, true);
}

/* F7: its result may only be disposed of on a worker. */
static void closed_while_a_job_ends_that_must_be_closed(void)
{
	close_on_offload(&blocking, false);
}

static void closed_while_a_held_job_ends_that_must_be_closed(void)
{
	close_on_offload(&blocking, true);
}

static ferry_lane *brief(ferry_pool *pool)
{
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	ferry_lane *lane;

	options.brief = 1;
	CHECK(ferry_lane_new(pool, &options, &lane) == 0);
	return lane;
}

/* L3, P9: a ring that is owed to a loop that closes. */
static void closed_while_a_ring_is_owed(void)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = jobs_pool(1, 1);
	ferry_loop *loop = new_loop();

	disposed = 0;
	options.lane = brief(pool);
	for (unsigned i = 0; i < 2; i++) {
		ferry_local *local = ferry_offload(loop, pool, give_seven, (void *)&anywhere,
						   &options);

		CHECK(local);
		ferry_local_unref(local);
	}
	CHECK(ferry_loop_free(loop) == 0);
	ferry_lane_free(options.lane);
	jobs_end(pool);
}

/* ---- both end ---- */

static void end_pool(void *pool)
{
	CHECK(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_CANCEL, FERRY_NO_DEADLINE) == 0);
}

/* L3, P5: the pool is shut down by another thread as the loop closes. */
static void closed_while_its_pool_ends(void)
{
	ferry_pool *pool = jobs_pool(1, 1);
	ferry_loop *loop = new_loop();
	ferry_pool_counters counters;
	ferry_local *local;
	unsigned other;

	disposed = 0;
	local = ferry_offload(loop, pool, give_seven, (void *)&blocking, NULL);
	CHECK(local);
	other = scene_start("ender", end_pool, pool);
	CHECK(ferry_loop_dispatch(loop, 0) >= 0);
	CHECK(ferry_loop_free(loop) == 0);
	ferry_local_unref(local);
	scene_join(other);
	CHECK(ferry_pool_stats(pool, &counters) == 0);
	jobs_end(pool);
	scene_settle();
	CHECK(disposed == counters.ran);
}

static const struct scene scenes[] = {
	{ "posts", closed_while_posts_come, 6, 8 },
	{ "promise", closed_while_a_promise_is_kept, 5, 7 },
	{ "job", closed_while_a_job_ends, 3, 4 },
	{ "job-held", closed_while_a_held_job_ends, 3, 4 },
	{ "job-blocking", closed_while_a_job_ends_that_must_be_closed, 2, 4 },
	{ "job-blocking-held", closed_while_a_held_job_ends_that_must_be_closed, 2, 4 },
	{ "owed", closed_while_a_ring_is_owed, 3, 4 },
	{ "pool", closed_while_its_pool_ends, 2, 3 },
};

int main(int count, char **arguments)
{
	return explore(count, arguments, scenes, sizeof(scenes) / sizeof(*scenes));
}
