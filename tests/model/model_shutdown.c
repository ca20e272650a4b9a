/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools that end, break or are freed while jobs come in, by every interleaving (P1, P2, P5).
 *
 * A job is refused, or it was accepted and then runs or is cancelled: its release hook tells
 * that it was let go of exactly once. model_shutdown --help says how to replay a schedule.
 */
#include <errno.h>
#include <ferry/loop.h>
#include <ferry/pool.h>

#include "base/atomic.h"
#include "model/jobs.h"
#include "seam/scene.h"

/* ---- submitting to a pool that ends ---- */

struct order {
	ferry_pool *pool;
	ferry_shutdown mode;
	_Atomic unsigned ran, released;
	unsigned accepted, done, refused; /* the submitter's */
};

static int run_order(void *arg, ferry_result *out)
{
	struct order *order = arg;

	/* Relaxed: read when all threads have been joined. */
	atomic_fetch_add_explicit(&order->ran, 1, memory_order_relaxed);
	*out = ferry_result_u64(1);
	return 0;
}

static void release_order(void *arg)
{
	struct order *order = arg;

	/* Relaxed: as above. */
	atomic_fetch_add_explicit(&order->released, 1, memory_order_relaxed);
}

static void place_order(struct order *order)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_snapshot snapshot;
	ferry_future *future;
	int error;

	options.release = release_order;
	error = ferry_pool_submit(order->pool, run_order, order, &options, &future);
	if (error) {
		CHECK(error == -ESHUTDOWN);
		order->refused++;
		return;
	}
	order->accepted++;
	CHECK(ferry_future_wait(future, FERRY_NO_DEADLINE) == 0);
	snapshot = ferry_future_snapshot(future);
	CHECK(snapshot.cancelled || snapshot.result.u64 == 1);
	CHECK(order->mode != FERRY_SHUTDOWN_DRAIN || !snapshot.cancelled);
	order->done += !snapshot.cancelled;
	ferry_future_unref(future);
}

static void place_two_orders(void *arg)
{
	place_order(arg);
	place_order(arg);
}

static void place_batch(void *arg)
{
	struct order *order = arg;
	ferry_batch_job jobs[] = { { run_order, order }, { run_order, order } };
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_future *futures[2];
	int accepted;

	options.release = release_order;
	accepted = ferry_pool_submit_batch(order->pool, jobs, 2, &options, futures);
	CHECK(accepted == 2 || accepted == -ESHUTDOWN);
	if (accepted < 0) {
		order->refused += 2;
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		CHECK(ferry_future_wait(futures[i], FERRY_NO_DEADLINE) == 0);
		order->accepted++;
		order->done += !ferry_future_snapshot(futures[i]).cancelled;
		CHECK(order->mode != FERRY_SHUTDOWN_DRAIN ||
		      !ferry_future_snapshot(futures[i]).cancelled);
		ferry_future_unref(futures[i]);
	}
}

static void end_while(void (*submit)(void *arg), ferry_shutdown mode, unsigned workers)
{
	struct order order = { .pool = jobs_pool(workers, workers), .mode = mode };
	unsigned other = scene_start("submitter", submit, &order);
	ferry_pool_counters counters;
	int running = ferry_pool_shutdown(order.pool, mode, FERRY_NO_DEADLINE);

	CHECK(running == 0 || (mode == FERRY_SHUTDOWN_ABANDON && running > 0));
	CHECK(ferry_pool_stats(order.pool, &counters) == 0);
	CHECK(counters.queued == 0);
	scene_join(other);
	scene_settle();
	jobs_check_books(order.pool);
	CHECK(ferry_pool_stats(order.pool, &counters) == 0);
	CHECK(counters.accepted == order.accepted && counters.refused == order.refused);
	CHECK(counters.ran == order.done && counters.cancelled == order.accepted - order.done);
	CHECK(order.ran == order.done && order.released == order.accepted);
	jobs_end(order.pool);
}

/* P5: what was accepted is run. */
static void drained_while_jobs_come(void)
{
	end_while(place_two_orders, FERRY_SHUTDOWN_DRAIN, 1);
}

static void drained_while_jobs_come_to_two_workers(void)
{
	end_while(place_two_orders, FERRY_SHUTDOWN_DRAIN, 2);
}

/* P5: what was accepted is run or cancelled. */
static void cancelled_while_jobs_come(void)
{
	end_while(place_two_orders, FERRY_SHUTDOWN_CANCEL, 1);
}

static void abandoned_while_jobs_come(void)
{
	end_while(place_two_orders, FERRY_SHUTDOWN_ABANDON, 1);
}

static void drained_while_a_batch_comes(void)
{
	end_while(place_batch, FERRY_SHUTDOWN_DRAIN, 2);
}

static void cancelled_while_a_batch_comes(void)
{
	end_while(place_batch, FERRY_SHUTDOWN_CANCEL, 1);
}

static void shut_down_too(void *pool)
{
	CHECK(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_CANCEL, FERRY_NO_DEADLINE) == 0);
}

/* ---- jobs that need each other, in a pool that is drained ---- */

static int meet(void *arg, ferry_result *out)
{
	struct jobs_meeting *meeting = arg;

	scene_gate_meet(meeting->gate, meeting->wanted);
	*out = ferry_result_u64(1);
	return 0;
}

static void meet_in_batch(void *arg)
{
	struct jobs_meeting *meeting = arg;
	ferry_batch_job job = { meet, meeting };
	ferry_future *future;
	int accepted = ferry_pool_submit_batch(meeting->pool, &job, 1, NULL, &future);

	CHECK(accepted == 1 || accepted == -ESHUTDOWN);
	if (accepted == 1)
		jobs_wait(future);
	else
		/* Nobody else will come. */
		scene_gate_open(meeting->gate);
}

/* P7: a worker waits in a call for what comes in a batch as the pool closes. */
static void drained_while_a_batch_is_needed(void)
{
	ferry_pool *pool = jobs_pool(1, 2);
	struct jobs_meeting meeting;
	ferry_future *first;
	unsigned other;

	scene_quiet_begin();
	jobs_call_meeting(&meeting, pool, 2);
	CHECK(ferry_pool_submit(pool, meet, &meeting, NULL, &first) == 0);
	scene_settle();
	scene_quiet_end();
	other = scene_start("submitter", meet_in_batch, &meeting);
	CHECK(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE) == 0);
	scene_join(other);
	jobs_wait(first);
	jobs_end(pool);
}

static void submit_late(void *pool)
{
	ferry_future *future;

	if (ferry_pool_submit(pool, jobs_nothing, NULL, NULL, &future) == 0)
		ferry_future_unref(future);
}

static void count(void *pool)
{
	ferry_lane_counters counters;

	CHECK(ferry_lane_stats(ferry_pool_lane(pool, FERRY_LANE_ORDINARY), &counters) == 0);
}

/* P7: two jobs are accepted, and somebody else moves what was submitted to its lane. */
static void drained_while_two_meet(void (*move)(void *pool))
{
	ferry_pool *pool = jobs_pool(1, 2);
	struct jobs_meeting meeting;
	ferry_future *futures[2];
	unsigned other;

	scene_quiet_begin();
	jobs_call_meeting(&meeting, pool, 2);
	CHECK(ferry_pool_submit(pool, meet, &meeting, NULL, &futures[0]) == 0);
	scene_quiet_end();
	other = scene_start("other", move, pool);
	CHECK(ferry_pool_submit(pool, meet, &meeting, NULL, &futures[1]) == 0);
	CHECK(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE) == 0);
	scene_quiet_begin();
	for (int i = 0; i < 2; i++)
		jobs_wait(futures[i]);
	scene_join(other);
	scene_quiet_end();
	jobs_end(pool);
}

static void drained_while_a_job_comes_late(void)
{
	drained_while_two_meet(submit_late);
}

static void drained_while_somebody_counts(void)
{
	drained_while_two_meet(count);
}

/* P5: two threads end the pool, one of them more gently. */
static void ended_by_two_threads(void)
{
	ferry_pool *pool = jobs_pool(1, 1);
	ferry_future *future = jobs_submit(pool);
	unsigned other = scene_start("canceller", shut_down_too, pool);

	CHECK(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE) == 0);
	CHECK(ferry_future_snapshot(future).done);
	ferry_future_unref(future);
	scene_join(other);
	jobs_end(pool);
}

/* ---- calls that hang ---- */

static int wait_at_gate(void *arg, ferry_result *out)
{
	scene_gate_wait(*(unsigned *)arg);
	*out = ferry_result_u64(1);
	return 0;
}

/* What the pool's owner gave it; gone when the pool is. */
struct premises {
	_Atomic bool gone;
};

static void enter_premises(struct premises *premises)
{
	/* Relaxed: the scheduler runs one at a time. */
	CHECK(!atomic_load_explicit(&premises->gone, memory_order_relaxed));
}

static int start_hook(void *user)
{
	enter_premises(user);
	return 0;
}

static void stop_hook(void *user)
{
	enter_premises(user);
}

static void submit_carelessly(void *pool)
{
	ferry_future *future;

	if (ferry_pool_submit(pool, jobs_nothing, NULL, NULL, &future) == 0) {
		CHECK(ferry_future_wait(future, FERRY_NO_DEADLINE) == 0);
		ferry_future_unref(future);
	}
}

/* P5: when a shutdown has said that all has ended, no hook runs any more. */
static void ended_while_a_worker_is_made(void)
{
	static struct premises premises;
	ferry_pool_options options = jobs_options(1, 2);
	ferry_pool *pool;
	unsigned other;

	atomic_store_explicit(&premises.gone, false, memory_order_relaxed); /* as above */
	options.start = start_hook;
	options.stop = stop_hook;
	options.user = &premises;
	pool = jobs_pool_by(&options);
	other = scene_start("submitter", submit_carelessly, pool);
	submit_carelessly(pool);
	CHECK(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE) == 0);
	atomic_store_explicit(&premises.gone, true, memory_order_relaxed); /* as above */
	scene_join(other);
	scene_settle();
	jobs_end(pool);
}

/* P5: free returns at once; the last worker to come back frees the rest, and touches
 * nothing of the owner's. */
static void freed_while_a_call_hangs(void)
{
	static struct premises premises;
	ferry_pool_options options = jobs_options(1, 2);
	unsigned gate = scene_gate();
	ferry_future *hangs, *queued;
	ferry_pool *pool;
	bool ran;

	atomic_store_explicit(&premises.gone, false, memory_order_relaxed); /* as above */
	options.start = start_hook;
	options.stop = stop_hook;
	options.user = &premises;
	pool = jobs_pool_by(&options);
	CHECK(ferry_pool_submit(pool, wait_at_gate, &gate, NULL, &hangs) == 0);
	queued = jobs_submit(pool);
	ferry_pool_free(pool);
	scene_settle();
	atomic_store_explicit(&premises.gone, true, memory_order_relaxed); /* as above */
	ran = !ferry_future_snapshot(queued).cancelled;
	scene_gate_open(gate);
	CHECK(ferry_future_wait(hangs, FERRY_NO_DEADLINE) == 0);
	CHECK(ferry_future_wait(queued, FERRY_NO_DEADLINE) == 0);
	CHECK(ferry_future_snapshot(queued).cancelled == !ran);
	ferry_future_unref(hangs);
	ferry_future_unref(queued);
}

/* P5: a shutdown ends by its deadline, and says how many still run. */
static void ended_by_a_deadline(void)
{
	ferry_pool *pool = jobs_pool(1, 1);
	unsigned gate = scene_gate();
	ferry_future *hangs, *queued;

	scene_quiet_begin();
	CHECK(ferry_pool_submit(pool, wait_at_gate, &gate, NULL, &hangs) == 0);
	scene_settle();
	queued = jobs_submit(pool);
	scene_quiet_end();
	CHECK(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, ferry_in_ns(1000)) == 1);
	CHECK(ferry_future_snapshot(queued).cancelled && !ferry_future_snapshot(hangs).done);
	scene_gate_open(gate);
	CHECK(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_CANCEL, FERRY_NO_DEADLINE) == 0);
	jobs_wait(hangs);
	ferry_future_unref(queued);
	jobs_end(pool);
}

/* ---- pools that break ---- */

static int fail_to_start(void *user)
{
	(void)user;
	return -1;
}

/* P2: each job of a broken pool has an exception, or was refused. */
static void broken_while_jobs_come(void)
{
	ferry_pool_options options = jobs_options(1, 2);
	ferry_pool_counters counters;
	unsigned accepted = 0;
	ferry_pool *pool;

	options.start = fail_to_start;
	CHECK(ferry_pool_new(&options, &pool) == 0);
	for (unsigned i = 0; i < 2; i++) {
		ferry_future *future;
		int error = ferry_pool_submit(pool, jobs_nothing, NULL, NULL, &future);

		CHECK(error == 0 || error == -ENOTRECOVERABLE);
		if (error)
			continue;
		accepted++;
		CHECK(ferry_future_wait(future, FERRY_NO_DEADLINE) == 0);
		CHECK(ferry_future_snapshot(future).exception ==
		      ferry_error_from_code(FERRY_ERROR_BROKEN));
		ferry_future_unref(future);
	}
	scene_settle();
	jobs_check_books(pool);
	CHECK(ferry_pool_stats(pool, &counters) == 0);
	CHECK(counters.failed == accepted && counters.refused == 2 - accepted);
	jobs_end(pool);
}

/* ---- results that only the pool may dispose of ---- */

static _Atomic unsigned disposed;

static void dispose(const ferry_result *result)
{
	(void)result;
	/* Relaxed here and below: a count, by a thread that nobody joins. */
	atomic_fetch_add_explicit(&disposed, 1, memory_order_relaxed);
}

static const ferry_disposer disposer = { FERRY_DISPOSE_BLOCKING, dispose };

static int give(void *arg, ferry_result *out)
{
	*out = ferry_result_pointer(arg, &disposer);
	return 0;
}

static void drop_on_a_loop(void *arg)
{
	ferry_future *future = arg;
	ferry_loop *loop;

	CHECK(ferry_loop_new(NULL, &loop) == 0);
	ferry_future_unref(future);
	CHECK(ferry_loop_free(loop) == 0);
}

/* F7: a result dropped on a loop's thread as the pool ends is disposed of once. */
static void ended_while_a_result_is_dropped(void)
{
	ferry_pool *pool = jobs_pool(1, 1);
	ferry_future *future;
	unsigned other;

	atomic_store_explicit(&disposed, 0, memory_order_relaxed);
	scene_quiet_begin();
	CHECK(ferry_pool_submit(pool, give, NULL, NULL, &future) == 0);
	CHECK(ferry_future_wait(future, FERRY_NO_DEADLINE) == 0);
	scene_settle();
	scene_quiet_end();
	other = scene_start("loop", drop_on_a_loop, future);
	CHECK(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE) == 0);
	scene_join(other);
	jobs_end(pool);
	/* Whoever had to do it may have been the last to go on. */
	scene_settle();
	CHECK(atomic_load_explicit(&disposed, memory_order_relaxed) == 1);
}

static const struct scene scenes[] = {
	{ "drain", drained_while_jobs_come, 3, 4 },
	{ "drain-two", drained_while_jobs_come_to_two_workers, 2, 3 },
	{ "cancel", cancelled_while_jobs_come, 3, 4 },
	{ "abandon", abandoned_while_jobs_come, 2, 3 },
	{ "drain-batch", drained_while_a_batch_comes, 2, 3 },
	{ "cancel-batch", cancelled_while_a_batch_comes, 3, 4 },
	{ "meet-batch", drained_while_a_batch_is_needed, 2, 3 },
	{ "meet-late", drained_while_a_job_comes_late, 2, 3 },
	{ "meet-count", drained_while_somebody_counts, 2, 3 },
	{ "twice", ended_by_two_threads, 2, 4 },
	{ "hang", freed_while_a_call_hangs, 3, 4 },
	{ "hooks", ended_while_a_worker_is_made, 2, 3 },
	{ "deadline", ended_by_a_deadline, 4, 5 },
	{ "break", broken_while_jobs_come, 3, 4 },
	{ "dispose", ended_while_a_result_is_dropped, 3, 4 },
};

int main(int count, char **arguments)
{
	return explore(count, arguments, scenes, sizeof(scenes) / sizeof(*scenes));
}
