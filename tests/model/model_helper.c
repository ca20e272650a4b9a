/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs that wait on their worker, by every interleaving (P2, P4, P5, P7).
 *
 * It runs what it waits for, or lends its place to a worker that does what is to be done
 * meanwhile: who waits in vain waits for ever. model_helper --help says how to replay a
 * schedule.
 */
#include <errno.h>
#include <ferry/pool.h>

#include "model/jobs.h"
#include "seam/scene.h"

/* ---- for a job ---- */

static int wait_for_another(void *pool, ferry_result *out)
{
	jobs_submit_and_wait(pool);
	*out = ferry_result_u64(1);
	return 0;
}

static void wait_on_worker(unsigned workers)
{
	ferry_pool *pool = jobs_pool(workers, workers);
	ferry_future *future;

	CHECK(ferry_pool_submit(pool, wait_for_another, pool, NULL, &future) == 0);
	jobs_wait(future);
	jobs_end(pool);
}

/* P4: it runs what it waits for. */
static void the_only_worker_waits_for_a_job(void)
{
	wait_on_worker(1);
}

/* P4: it runs what it waits for, unless the other one does. */
static void a_worker_waits_for_a_job(void)
{
	wait_on_worker(2);
}

/* ---- for a promise ---- */

struct favour {
	ferry_pool *pool;
	ferry_future *promise;
};

static int keep_promise(void *arg, ferry_result *out)
{
	struct favour *favour = arg;

	*out = ferry_result_u64(1);
	return ferry_future_set_result(favour->promise, ferry_result_u64(1));
}

static int wait_for_promise(void *arg, ferry_result *out)
{
	struct favour *favour = arg;

	CHECK(ferry_future_wait(favour->promise, FERRY_NO_DEADLINE) == 0);
	*out = ferry_result_u64(1);
	return 0;
}

/* P4: what it waits for is kept by a job behind it, so its place is lent. */
static void the_only_worker_waits_for_a_promise(void)
{
	struct favour favour = { jobs_pool(1, 1), NULL };
	ferry_future *waits, *keeps;
	ferry_pool_counters counters;

	CHECK(ferry_future_new(NULL, &favour.promise) == 0);
	CHECK(ferry_pool_submit(favour.pool, wait_for_promise, &favour, NULL, &waits) == 0);
	CHECK(ferry_pool_submit(favour.pool, keep_promise, &favour, NULL, &keeps) == 0);
	jobs_wait(waits);
	jobs_wait(keeps);
	ferry_future_unref(favour.promise);
	scene_settle();
	CHECK(ferry_pool_stats(favour.pool, &counters) == 0);
	CHECK(counters.threads <= 2 && counters.max_threads == 1);
	jobs_end(favour.pool);
}

struct meeting_after {
	struct favour favour;
	unsigned meeting, gate;
};

static int wait_for_promise_and_meet(void *arg, ferry_result *out)
{
	struct meeting_after *after = arg;

	wait_for_promise(&after->favour, out);
	scene_gate_meet(after->meeting, 2);
	return 0;
}

static int meet(void *arg, ferry_result *out)
{
	scene_gate_meet(((struct meeting_after *)arg)->meeting, 2);
	*out = ferry_result_u64(1);
	return 0;
}

static int wait_for_gate(void *arg, ferry_result *out)
{
	scene_gate_wait(((struct meeting_after *)arg)->gate);
	*out = ferry_result_u64(1);
	return 0;
}

/* P4, P7: the substitute leaves, and with it the search that the next job relied on. */
static void a_lent_place_is_taken_back_as_a_job_comes(void)
{
	struct meeting_after after = { { jobs_pool(2, 2), NULL }, scene_gate(), scene_gate() };
	ferry_future *waits, *blocks, *keeps, *meets;
	ferry_pool *pool = after.favour.pool;

	CHECK(ferry_future_new(NULL, &after.favour.promise) == 0);
	scene_quiet_begin();
	CHECK(ferry_pool_submit(pool, wait_for_promise_and_meet, &after, NULL, &waits) == 0);
	CHECK(ferry_pool_submit(pool, wait_for_gate, &after, NULL, &blocks) == 0);
	scene_settle();
	scene_quiet_end();
	CHECK(ferry_pool_submit(pool, keep_promise, &after.favour, NULL, &keeps) == 0);
	scene_gate_open(after.gate);
	jobs_wait(blocks);
	jobs_wait(keeps);
	CHECK(ferry_pool_submit(pool, meet, &after, NULL, &meets) == 0);
	jobs_wait(meets);
	jobs_wait(waits);
	ferry_future_unref(after.favour.promise);
	jobs_end(pool);
}

static int have_it_kept_and_wait(void *arg, ferry_result *out)
{
	struct favour *favour = arg;
	ferry_future *keeps;

	CHECK(ferry_pool_submit(favour->pool, keep_promise, favour, NULL, &keeps) == 0);
	ferry_future_unref(keeps);
	return wait_for_promise(arg, out);
}

/* P2: a thread for the job behind it cannot be made, once, and nobody else comes this way. */
static void a_place_is_lent_while_no_thread_can_be_made(void)
{
	struct favour favour = { jobs_pool(1, 2), NULL };
	ferry_future *waits;

	CHECK(ferry_future_new(NULL, &favour.promise) == 0);
	machine_fail_threads(1);
	CHECK(ferry_pool_submit(favour.pool, have_it_kept_and_wait, &favour, NULL, &waits) == 0);
	jobs_wait(waits);
	ferry_future_unref(favour.promise);
	jobs_end(favour.pool);
}

/* ---- while the pool ends (P5) ---- */

/* What is waited for is queued as the drain begins. */
static void a_place_is_lent_while_the_pool_is_drained(void)
{
	struct favour favour = { jobs_pool(1, 1), NULL };
	ferry_future *waits, *keeps;

	CHECK(ferry_future_new(NULL, &favour.promise) == 0);
	CHECK(ferry_pool_submit(favour.pool, wait_for_promise, &favour, NULL, &waits) == 0);
	CHECK(ferry_pool_submit(favour.pool, keep_promise, &favour, NULL, &keeps) == 0);
	CHECK(ferry_pool_shutdown(favour.pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE) == 0);
	jobs_wait(waits);
	jobs_wait(keeps);
	ferry_future_unref(favour.promise);
	jobs_end(favour.pool);
}

static int try_to_wait_for_another(void *pool, ferry_result *out)
{
	ferry_future *future;
	int error = ferry_pool_submit(pool, jobs_nothing, NULL, NULL, &future);

	CHECK(error == 0 || error == -ESHUTDOWN);
	if (!error) {
		CHECK(ferry_future_wait(future, FERRY_NO_DEADLINE) == 0);
		ferry_future_unref(future);
	}
	*out = ferry_result_u64(1);
	return 0;
}

static void end_while_a_job_waits(ferry_shutdown mode)
{
	ferry_pool *pool = jobs_pool(1, 2);
	ferry_pool_counters counters;
	ferry_future *waits;
	int running;

	CHECK(ferry_pool_submit(pool, try_to_wait_for_another, pool, NULL, &waits) == 0);
	running = ferry_pool_shutdown(pool, mode, FERRY_NO_DEADLINE);
	CHECK(running == 0 || mode == FERRY_SHUTDOWN_ABANDON);
	CHECK(ferry_future_wait(waits, FERRY_NO_DEADLINE) == 0);
	CHECK(mode != FERRY_SHUTDOWN_DRAIN || !ferry_future_snapshot(waits).cancelled);
	ferry_future_unref(waits);
	CHECK(ferry_pool_stats(pool, &counters) == 0);
	CHECK(counters.queued == 0);
	scene_settle();
	jobs_end(pool);
}

static void drained_while_a_job_waits(void)
{
	end_while_a_job_waits(FERRY_SHUTDOWN_DRAIN);
}

static void cancelled_while_a_job_waits(void)
{
	end_while_a_job_waits(FERRY_SHUTDOWN_CANCEL);
}

static void abandoned_while_a_job_waits(void)
{
	end_while_a_job_waits(FERRY_SHUTDOWN_ABANDON);
}

static const struct scene scenes[] = {
	{ "wait-alone", the_only_worker_waits_for_a_job, 4, 5 },
	{ "wait", a_worker_waits_for_a_job, 2, 3 },
	{ "lend", the_only_worker_waits_for_a_promise, 2, 3 },
	{ "lend-back", a_lent_place_is_taken_back_as_a_job_comes, 2, 3 },
	{ "lend-fails", a_place_is_lent_while_no_thread_can_be_made, 2, 4 },
	{ "lend-drain", a_place_is_lent_while_the_pool_is_drained, 2, 3 },
	{ "drain", drained_while_a_job_waits, 2, 3 },
	{ "cancel", cancelled_while_a_job_waits, 2, 3 },
	{ "abandon", abandoned_while_a_job_waits, 2, 3 },
};

int main(int count, char **arguments)
{
	return explore(count, arguments, scenes, sizeof(scenes) / sizeof(*scenes));
}
