/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls that are held up lend their workers' places (P4): how the pool counts them, and that the
 * file calls do so where a remote mount or a server of names does not answer. Every interleaving
 * is in model_reserved.
 */
#include "base/thread.h"
#include "fs/fs.h"
#include "pool/core.h"
#include "support/hung_names.h"
#include "support/remote.h"
#include "support/work.h"

#define SOON_NS 1000000

TestSuite(held_up, .timeout = 30);

/* ---- as the pool has it ---- */

struct call {
	struct gate gate;
	ferry_lane *lane;
	bool has_place, lent;
};

/* Is held up at the gate; who sees that sets lent before he opens it. */
static int held_up(void *arg, ferry_result *out)
{
	struct call *call = arg;

	(void)out;
	call->has_place = helper_has_place(thread_self()->job);
	gate_wait(&call->gate);
	if (call->lent)
		place_reclaim_held_up(call->lane->core, call->lane);
	return 0;
}

static ferry_future *submit_to(ferry_pool *of, ferry_lane *lane, ferry_function fn, void *arg)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.lane = lane;
	return work_submit(of, fn, arg, &options);
}

static ferry_future *begin_call(ferry_pool *of, struct call *call, ferry_lane *lane)
{
	ferry_future *future;

	gate_init(&call->gate);
	call->lane = lane;
	call->lent = false;
	future = submit_to(of, lane, held_up, call);
	gate_await(&call->gate, 1);
	return future;
}

static bool lend(struct call *call)
{
	call->lent = place_lend_held_up(call->lane->core, call->lane);
	return call->lent;
}

static void end_call(struct call *call, ferry_future *future)
{
	gate_open(&call->gate);
	cr_assert_null(work_end(future).exception);
}

/* Nothing is lent, and who was too many leaves. */
static void end_pool(ferry_pool *of, unsigned threads)
{
	cr_assert_eq(of->core->lent, 0);
	cr_assert_eq(of->core->held_up, 0);
	for (unsigned i = 0; i < 100; i++)
		work_end(work_submit(of, work_nothing, NULL, NULL));
	tasks_until_true(fixture_pool_counters(of).threads <= threads);
	work_close(of);
}

Test(held_up, P4_its_only_worker_is_held_up_and_a_pool_goes_on)
{
	ferry_pool *one = fixture_pool(1);
	ferry_future *future, *waits;
	struct call call;

	future = begin_call(one, &call, ferry_pool_lane(one, FERRY_LANE_CPU));
	cr_assert(call.has_place);
	waits = work_submit(one, work_number, (void *)3, NULL);
	cr_assert(lend(&call));
	cr_assert_eq(work_end(waits).result.u64, 3);
	for (uintptr_t i = 0; i < 100; i++)
		cr_assert_eq(work_end(work_submit(one, work_number, (void *)i, NULL)).result.u64,
			     i);
	cr_assert_eq(work_books(one).running, 1);
	end_call(&call, future);
	end_pool(one, 1);
}

Test(held_up, P4_what_is_held_up_counts_in_its_lane)
{
	ferry_pool *one = fixture_pool(1);
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	ferry_future *future, *next;
	ferry_lane_counters counters;
	ferry_lane *lane;
	struct call call;

	options.max_running = 1;
	cr_assert_eq(ferry_lane_new(one, &options, &lane), 0);
	future = begin_call(one, &call, lane);
	next = submit_to(one, lane, work_nothing, NULL);
	cr_assert(lend(&call));
	for (unsigned i = 0; i < 100; i++)
		work_end(work_submit(one, work_nothing, NULL, NULL));
	cr_assert_eq(ferry_lane_stats(lane, &counters), 0);
	cr_assert_eq(counters.running, 1);
	cr_assert_eq(counters.queued, 1);
	end_call(&call, future);
	cr_assert_null(work_end(next).exception);
	ferry_lane_free(lane);
	end_pool(one, 1);
}

Test(held_up, P7_what_is_reserved_stays_so_beside_what_is_held_up)
{
	ferry_pool *two = fixture_pool(2);
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	ferry_future *future, *hangs;
	struct gate gate;
	ferry_lane *lane;
	struct call call;

	options.reserved = 1;
	gate_init(&gate);
	cr_assert_eq(ferry_lane_new(two, &options, &lane), 0);
	future = begin_call(two, &call, ferry_pool_lane(two, FERRY_LANE_CPU));
	cr_assert(lend(&call));
	/* The place that was lent is taken, by one that hangs; then its owner is back. */
	work_occupy(two, &gate, &hangs, 1);
	work_end(submit_to(two, lane, work_nothing, NULL));
	end_call(&call, future);
	for (unsigned i = 0; i < 100; i++)
		work_end(submit_to(two, lane, work_nothing, NULL));
	gate_open(&gate);
	work_end(hangs);
	ferry_lane_free(lane);
	end_pool(two, 2);
}

/* Else what hangs would make threads without end. */
Test(held_up, P4_no_more_lend_than_the_pool_has_threads)
{
	ferry_pool *one = fixture_pool(1);
	ferry_lane *lane = ferry_pool_lane(one, FERRY_LANE_CPU);
	ferry_future *futures[2];
	struct call calls[2];

	futures[0] = begin_call(one, &calls[0], lane);
	cr_assert(lend(&calls[0]));
	futures[1] = begin_call(one, &calls[1], lane);
	cr_assert_not(lend(&calls[1]));
	end_call(&calls[0], futures[0]);
	cr_assert(lend(&calls[1]));
	work_end(work_submit(one, work_nothing, NULL, NULL));
	end_call(&calls[1], futures[1]);
	end_pool(one, 1);
}

static int has_place(void *arg, ferry_result *out)
{
	(void)arg;
	*out = ferry_result_u64(helper_has_place(thread_self()->job));
	return 0;
}

static int awaits_one(void *arg, ferry_result *out)
{
	*out = work_end(work_submit(arg, has_place, NULL, NULL)).result;
	out->u64 += 2 * (uint64_t)helper_has_place(thread_self()->job);
	return 0;
}

Test(held_up, P4_only_who_has_a_place_of_his_own_may_lend_it)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_future *kept, *queued;
	struct gate gate;
	ferry_pool *one = fixture_pool(1);

	/* One that is run where it is awaited has none, and who awaits it has. */
	cr_assert_eq(work_end(work_submit(one, awaits_one, one, NULL)).result.u64, 2);
	work_close(one);
	/* Nor has one that is run by who submits it. */
	options.min_threads = options.max_threads = options.max_queued = 1;
	options.when_full = FERRY_FULL_RUN;
	one = work_pool(&options);
	gate_init(&gate);
	work_occupy(one, &gate, &kept, 1);
	queued = work_submit(one, has_place, NULL, NULL);
	cr_assert_eq(work_end(work_submit(one, has_place, NULL, NULL)).result.u64, 0);
	gate_open(&gate);
	work_end(kept);
	cr_assert_eq(work_end(queued).result.u64, 1);
	work_close(one);
}

/* ---- on a mount that does not answer ---- */

static ferry_local *held[4];

static void begin(unsigned threads, unsigned most, uint64_t lend_ns, uint64_t stuck_ns)
{
	ferry_fs_settings settings = FERRY_FS_SETTINGS_INIT;

	settings.most_at_once = most;
	settings.lend_ns = lend_ns;
	settings.stuck_ns = stuck_ns;
	remote_begin(threads, &settings);
	remote_hold();
}

static void hold(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		held[i] = remote_open(NULL);
}

static void end(unsigned count, unsigned threads)
{
	remote_release();
	for (unsigned i = 0; i < count; i++)
		ferry_local_unref(held[i]);
	cr_assert_eq(pool->core->lent, 0);
	for (unsigned i = 0; i < 100; i++)
		cr_assert_eq(remote_end_of(remote_local(NULL)), 0);
	tasks_until_true(fixture_pool_counters(pool).threads <= threads);
	remote_end();
}

Test(held_up, P4_calls_to_a_mount_that_hangs_keep_no_worker_from_others)
{
	for (unsigned threads = 1; threads <= 4; threads *= 2) {
		begin(threads, threads, SOON_NS, FERRY_NO_DEADLINE);
		hold(threads);
		slow_mount_await(&remote, SLOW_OPEN, threads);
		for (unsigned i = 0; i < 100; i++)
			cr_assert_eq(remote_end_of(remote_local(NULL)), 0);
		cr_assert_leq(remote_counters().lent, threads);
		cr_assert_geq(remote_counters().lent, 1);
		end(threads, threads);
	}
}

/* The same if nothing is submitted after it was held up: what is queued has a worker. */
Test(held_up, P4_what_was_queued_behind_it_has_a_worker)
{
	ferry_local *local;

	begin(1, 1, SOON_NS, FERRY_NO_DEADLINE);
	hold(1);
	local = remote_local(NULL);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	cr_assert_eq(remote_end_of(local), 0);
	cr_assert_eq(remote_counters().lent, 1);
	end(1, 1);
}

/* The loop looks now and then; each look is a turn. */
static void have_turns(unsigned turns)
{
	while (turns--)
		cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
}

Test(held_up, P4_no_more_calls_lend_than_the_pool_has_threads)
{
	begin(1, 3, SOON_NS, FERRY_NO_DEADLINE);
	hold(3);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	while (!remote_counters().lent)
		have_turns(1);
	slow_mount_await(&remote, SLOW_OPEN, 2);
	have_turns(20);
	cr_assert_eq(remote_counters().lent, 1);
	cr_assert_eq(pool->core->held_up, 1);
	cr_assert_eq(fixture_pool_counters(pool).threads, 2);
	end(3, 1);
}

/* Half of the pool's threads, not of those that it may have while places are lent. */
Test(held_up, S2_a_mount_has_no_more_places_as_calls_lend_theirs)
{
	begin(4, 0, SOON_NS, FERRY_NO_DEADLINE);
	hold(4);
	while (remote_counters().lent < 2)
		have_turns(1);
	cr_assert_eq(remote_counters().waiting, 2);
	held[3] = ferry_local_unref(held[3]);
	held[3] = remote_open(NULL);
	cr_assert_eq(remote_counters().under_way, 2);
	end(4, 4);
}

Test(held_up, P4_a_loop_may_say_that_none_is_lent)
{
	ferry_local *local;

	begin(1, 1, FERRY_NO_DEADLINE, SOON_NS);
	hold(1);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	local = remote_local(NULL);
	remote_await_stuck(1);
	cr_assert_eq(remote_counters().lent, 0);
	cr_assert_not(ferry_local_snapshot(local).done);
	loop->fs->settings.stuck_ns = FERRY_NO_DEADLINE;
	slow_mount_release(&remote, SLOW_ANYTHING);
	cr_assert_eq(remote_end_of(local), 0);
	end(1, 1);
}

/* A mount gets stuck after what is inside has lent its place, and its probe lends its own. */
Test(held_up, P4_a_probe_lends_its_place_too)
{
	begin(2, 1, SOON_NS, 2 * SOON_NS);
	hold(1);
	remote_await_stuck(1);
	loop->fs->settings.stuck_ns = FERRY_NO_DEADLINE;
	held[1] = remote_open(NULL);
	cr_assert_eq(remote_counters().probes, 0, "what is inside is one");
	end(2, 2);
	begin(3, 1, SOON_NS, 2 * SOON_NS);
	hold(1);
	remote_await_stuck(1);
	loop->fs->settings.stuck_ns = FERRY_NO_DEADLINE;
	held[1] = remote_open(NULL);
	while (remote_counters().lent < remote_counters().under_way)
		have_turns(1);
	cr_assert_eq(pool->core->lent, remote_counters().under_way);
	end(2, 3);
}

Test(held_up, P4_a_place_is_taken_back_though_the_loop_is_freed)
{
	begin(1, 1, SOON_NS, FERRY_NO_DEADLINE);
	hold(1);
	while (!remote_counters().lent)
		have_turns(1);
	cr_assert_eq(ferry_loop_free(loop), 0);
	work_end(work_submit(pool, work_nothing, NULL, NULL));
	slow_mount_release(&remote, SLOW_ANYTHING);
	ferry_local_unref(held[0]);
	tasks_until_true(work_books(pool).running == 0);
	end_pool(pool, 1);
	slow_mount_end(&remote);
}

Test(held_up, P5_a_pool_drains_beside_what_is_held_up)
{
	ferry_future *queued;

	begin(1, 1, SOON_NS, FERRY_NO_DEADLINE);
	hold(1);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	queued = work_submit(pool, work_nothing, NULL, NULL);
	while (!remote_counters().lent)
		have_turns(1);
	tasks_until_true(ferry_future_snapshot(queued).done);
	ferry_future_unref(queued);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, 0), 1);
	slow_mount_release(&remote, SLOW_ANYTHING);
	cr_assert_eq(remote_end_of(held[0]), 0);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(pool->core->lent, 0);
	remote_end();
}

/* ---- names ---- */

static void hang_names(uint64_t stuck_ns)
{
	ferry_fs_settings settings = FERRY_FS_SETTINGS_INIT;
	ferry_fs_options on_pool = FERRY_FS_OPTIONS_INIT;
	ferry_local *lookups[3], *local;

	loop = fixture_loop();
	pool = fixture_pool(1);
	settings.lend_ns = SOON_NS;
	settings.stuck_ns = stuck_ns;
	on_pool.policy = FERRY_FS_POOL;
	cr_assert_eq(ferry_fs_configure(loop, &settings), 0);
	gate_init(&hung_names);
	for (unsigned i = 0; i < 3; i++)
		lookups[i] = ferry_getaddrinfo(loop, pool, "a.name.invalid", NULL, NULL, NULL);
	gate_await(&hung_names, 1);
	for (unsigned i = 0; i < 100; i++) {
		local = ferry_fs_stat(loop, pool, "/", &on_pool);
		cr_assert_eq(remote_end_of(local), 0);
	}
	cr_assert_eq(gate_come(&hung_names), 1, "their lane has its limit all the same");
	cr_assert_eq(remote_counters().lent, 1);
	gate_open(&hung_names);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(ferry_loop_run_until(loop, lookups[i]), 0);
		cr_assert_not_null(ferry_local_snapshot(lookups[i]).exception);
		ferry_local_unref(lookups[i]);
	}
	cr_assert_eq(ferry_loop_free(loop), 0);
	end_pool(pool, 1);
}

Test(held_up, P4_look_ups_that_hang_keep_no_worker_from_others)
{
	hang_names(FERRY_NO_DEADLINE);
}

Test(held_up, P4_look_ups_lend_though_a_mount_would_be_stuck_before)
{
	hang_names(1);
}
