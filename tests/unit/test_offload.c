/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Offloading: a function run by a pool, its outcome on a loop (L4, F7, P10). */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "support/disposal.h"
#include "support/fixture.h"
#include "support/gate.h"

TestSuite(offload, .timeout = 30);

static ferry_loop *loop;
static ferry_pool *pool; /* one worker */
static int calls, astray; /* callbacks; and those that came from another thread */
static pthread_t owner;

static void begin(void)
{
	owner = pthread_self();
	loop = fixture_loop();
	pool = fixture_pool(1);
}

static void end(void)
{
	fixture_end(loop, pool);
}

static void call(ferry_local *which, void *user)
{
	(void)which, (void)user;
	calls++;
	astray += !pthread_equal(pthread_self(), owner);
}

/* ---- a job that remembers ---- */

/* What a job does, and what it and its hooks saw. */
struct work {
	struct gate gate;        /* if gated: waits here inside the function */
	bool gated, polls;       /* polls: ends as cancelled once asked */
	int returns;
	ferry_result result;
	struct disposal disposal;

	pthread_t by;
	atomic_int runs, released, asked;
	bool released_before_end; /* release came while the function ran */
	bool inside;
};

static void work_init(struct work *work)
{
	memset(work, 0, sizeof(*work));
	gate_init(&work->gate);
	disposal_init(&work->disposal);
}

static int do_work(void *arg, ferry_result *out)
{
	struct work *work = arg;

	work->inside = true;
	work->by = pthread_self();
	atomic_fetch_add(&work->runs, 1);
	if (work->gated)
		gate_wait(&work->gate);
	while (work->polls && !ferry_job_cancel_requested())
		sched_yield();
	*out = work->result;
	work->inside = false;
	return work->polls ? -ECANCELED : work->returns;
}

static void release(void *arg)
{
	struct work *work = arg;

	work->released_before_end |= work->inside;
	atomic_fetch_add(&work->released, 1);
}

static void on_cancel(ferry_future *future, void *user)
{
	struct work *work = user;

	cr_assert_not_null(future);
	atomic_fetch_add(&work->asked, 1);
}

static ferry_job_options hooks_of(struct work *work)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.release = release;
	options.on_cancel = on_cancel;
	options.user = work;
	return options;
}

static ferry_local *offload(struct work *work)
{
	ferry_job_options options = hooks_of(work);
	ferry_local *local = ferry_offload(loop, pool, do_work, work, &options);

	cr_assert_not_null(local);
	return local;
}

/* The worker is inside a job until the gate of it is opened. */
static struct work blocker;
static ferry_local *blocked;

static void begin_blocked(void)
{
	begin();
	work_init(&blocker);
	blocker.gated = true;
	blocked = offload(&blocker);
	gate_await(&blocker.gate, 1);
}

static void unblock(void)
{
	gate_open(&blocker.gate);
}

static void end_blocked(void)
{
	unblock();
	cr_assert_eq(ferry_loop_run(loop), 0);
	ferry_local_unref(blocked);
	end();
}

/* What is queued and done is counted so. */
static ferry_pool_counters counters(void)
{
	return fixture_pool_counters(pool);
}

/* ---- outcomes ---- */

Test(offload, a_result_comes_from_a_worker_to_the_loop, .init = begin, .fini = end)
{
	struct work work;
	ferry_local *local;

	work_init(&work);
	work.result = ferry_result_u64(42);
	local = offload(&work);
	ferry_local_add_done_callback(local, call, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
	cr_assert_eq(astray, 0, "callbacks run on the loop's thread");
	cr_assert_eq(ferry_local_snapshot(local).result.u64, 42);
	cr_assert_not(pthread_equal(work.by, pthread_self()));
	cr_assert_eq(work.released, 1);
	cr_assert_not(work.released_before_end);
	cr_assert_eq(work.asked, 0);
	ferry_local_unref(local);
}

Test(offload, what_the_function_returns_is_the_outcome, .init = begin, .fini = end)
{
	static const struct {
		int returns, code;
	} cases[] = {
		{ -EIO, EIO },
		{ -1, EPERM },
		{ -1023, 1023 },
		{ -1024, EINVAL },
		{ INT32_MIN, EINVAL },
		{ 1, EINVAL },
		{ INT32_MAX, EINVAL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct work work;
		ferry_local *local;
		ferry_snapshot snapshot;

		work_init(&work);
		work.returns = cases[i].returns;
		work.result = disposal_result(&work.disposal, FERRY_DISPOSE_ANYWHERE);
		local = offload(&work);
		cr_assert_eq(ferry_loop_run(loop), 0);
		snapshot = ferry_local_snapshot(local);
		cr_assert(snapshot.done);
		cr_assert_eq(snapshot.exception, ferry_error_from_errno(cases[i].code));
		cr_assert_null(snapshot.result.pointer);
		ferry_local_unref(local);
		cr_assert_eq(disposal_count(&work.disposal), 0, "the result is ignored");
	}
}

Test(offload, a_function_that_says_so_is_cancelled, .init = begin, .fini = end)
{
	struct work work;
	ferry_local *local;

	work_init(&work);
	work.returns = -ECANCELED;
	local = offload(&work);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(ferry_local_snapshot(local).cancelled);
	ferry_local_unref(local);
}

Test(offload, without_options_all_is_by_default, .init = begin, .fini = end)
{
	struct work work;
	ferry_local *local;

	work_init(&work);
	local = ferry_offload(loop, pool, do_work, &work, NULL);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_eq(work.runs, 1);
	ferry_local_unref(local);
}

static int see_extras(void *arg, ferry_result *out)
{
	(void)arg;
	cr_assert_str_eq(ferry_job_name(), "a name that is cut at thirty-on");
	*out = ferry_result_pointer(ferry_job_context(), NULL);
	return 0;
}

static int copies, frees;

static void *copy_context(void *context)
{
	copies++;
	return (char *)context + 1;
}

static void free_context(void *context)
{
	(void)context;
	frees++;
}

Test(offload, name_and_context_go_with_the_job, .init = begin, .fini = end)
{
	static const ferry_context_hooks hooks = { copy_context, free_context };
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_local *local;
	char context[2];

	options.name = "a name that is cut at thirty-one bytes";
	options.context = context;
	options.hooks = &hooks;
	local = ferry_offload(loop, pool, see_extras, NULL, &options);
	cr_assert_eq(copies, 1, "on the submitting thread");
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_local_snapshot(local).result.pointer, context + 1);
	cr_assert_eq(frees, 1);
	ferry_local_unref(local);
}

/* ---- refused ---- */

Test(offload, wrong_arguments_give_no_local_and_release_is_not_called, .init = begin,
     .fini = end)
{
	ferry_pool *another = fixture_pool(1);
	ferry_job_options options;
	struct {
		ferry_job_options known;
		char more;
	} longer = { FERRY_JOB_OPTIONS_INIT, 1 };
	ferry_lane *lane;
	struct work work;

	work_init(&work);
	options = hooks_of(&work);
	cr_assert_null(ferry_offload(NULL, pool, do_work, &work, &options));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_offload(loop, NULL, do_work, &work, &options));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_offload(loop, pool, NULL, &work, &options));
	cr_assert_eq(errno, EINVAL);
	options.size = 0;
	cr_assert_null(ferry_offload(loop, pool, do_work, &work, &options));
	cr_assert_eq(errno, EINVAL);
	longer.known = hooks_of(&work);
	longer.known.size = sizeof(longer);
	cr_assert_null(ferry_offload(loop, pool, do_work, &work, &longer.known));
	cr_assert_eq(errno, E2BIG);
	cr_assert_eq(ferry_lane_new(another, NULL, &lane), 0);
	options = hooks_of(&work);
	options.lane = lane;
	cr_assert_null(ferry_offload(loop, pool, do_work, &work, &options));
	cr_assert_eq(errno, EINVAL);
	cr_assert_eq(work.released + work.runs, 0);
	cr_assert_eq(ferry_loop_pending(loop), 0);
	cr_assert_eq(counters().attempted, 0);
	ferry_lane_free(lane);
	fixture_end(NULL, another);
}

static void offload_elsewhere(void *arg)
{
	cr_assert_null(ferry_offload(loop, pool, do_work, arg, NULL));
	cr_assert_eq(errno, EPERM);
}

Test(offload, another_thread_a_closed_loop_and_a_forks_child_are_refused)
{
	struct work work;
	ferry_loop *handle;

	begin();
	work_init(&work);
	fixture_elsewhere(offload_elsewhere, &work);
	handle = ferry_loop_ref(loop);
	ferry_loop_free(loop);
	cr_assert_null(ferry_offload(handle, pool, do_work, &work, NULL));
	cr_assert_eq(errno, ESHUTDOWN);
	ferry_loop_unref(handle);
	cr_assert_eq(work.runs, 0);
	fixture_end(NULL, pool);
}

static int offload_in_child(void *arg)
{
	ferry_loop *own = fixture_loop();

	if (ferry_offload(loop, pool, do_work, arg, NULL) || errno != ECHILD)
		return 1;
	/* A loop of the child's own, and the pool of the parent's. */
	if (ferry_offload(own, pool, do_work, arg, NULL) || errno != ECHILD)
		return 2;
	return ferry_loop_free(own) ? 3 : 0;
}

Test(offload, P6_a_forks_child_is_refused, .init = begin, .fini = end)
{
	struct work work;

	work_init(&work);
	cr_assert_eq(fixture_in_child(offload_in_child, &work), 0);
	cr_assert_eq(counters().attempted, 0);
}

/* A refusal by the pool is a local born failed. */
static void check_refused(int code)
{
	struct work work;
	static const ferry_context_hooks hooks = { copy_context, free_context };
	ferry_job_options options;
	ferry_local *local;
	uint64_t refused = counters().refused;

	work_init(&work);
	copies = frees = calls = 0;
	options = hooks_of(&work);
	options.context = &work;
	options.hooks = &hooks;
	local = ferry_offload(loop, pool, do_work, &work, &options);
	cr_assert_not_null(local);
	cr_assert_eq(work.released, 1, "before this returns");
	cr_assert_eq(frees, copies);
	cr_assert_eq(ferry_local_snapshot(local).exception, ferry_error_from_errno(code));
	cr_assert_eq(ferry_local_add_done_callback(local, call, NULL), 0);
	cr_assert_eq(calls, 0);
	ferry_local_unref(local);
	cr_assert_gt(ferry_loop_dispatch(loop, 0), 0);
	cr_assert_eq(calls, 1, "one error path");
	cr_assert_eq(work.runs, 0);
	cr_assert_eq(counters().refused, refused + 1);
}

static void begin_full(ferry_when_full when_full)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	loop = fixture_loop();
	options.max_threads = 1;
	options.max_queued = 1;
	options.when_full = when_full;
	cr_assert_eq(ferry_pool_new(&options, &pool), 0);
	work_init(&blocker);
	blocker.gated = true;
	blocked = offload(&blocker);
	gate_await(&blocker.gate, 1);
}

Test(offload, E1_a_full_queue_is_a_local_born_failed, .fini = end_blocked)
{
	struct work queued;

	begin_full(FERRY_FULL_FAIL);
	work_init(&queued);
	ferry_local_unref(offload(&queued));
	check_refused(EAGAIN);
	unblock();
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(queued.runs, 1);
}

Test(offload, E1_a_full_queue_that_would_block_the_loop_is_a_deadlock, .fini = end_blocked)
{
	struct work queued;

	begin_full(FERRY_FULL_BLOCK);
	work_init(&queued);
	ferry_local_unref(offload(&queued));
	check_refused(EDEADLK);
	unblock();
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(queued.runs, 1);
}

Test(offload, E1_a_pool_that_was_shut_down_is_a_local_born_failed, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_ABANDON, 0), 0);
	check_refused(ESHUTDOWN);
}

static int refuse_to_start(void *user)
{
	(void)user;
	return -1;
}

Test(offload, E1_a_broken_pool_is_a_local_born_failed)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	loop = fixture_loop();
	options.max_threads = 1;
	options.start = refuse_to_start;
	cr_assert_eq(ferry_pool_new(&options, &pool), 0);
	while (counters().threads) /* its only worker leaves */
		sched_yield();
	check_refused(ENOTRECOVERABLE);
	fixture_end(loop, pool);
}

static void release_and_close(void *arg)
{
	(void)arg;
	cr_assert_eq(ferry_loop_free(loop), 0);
}

Test(offload, a_release_hook_of_a_refused_one_may_even_close_the_loop)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_local *local;

	begin();
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_ABANDON, 0), 0);
	options.release = release_and_close;
	local = ferry_offload(loop, pool, do_work, NULL, &options);
	cr_assert_eq(ferry_local_snapshot(local).exception, ferry_error_from_errno(ESHUTDOWN));
	ferry_local_unref(local);
	fixture_end(NULL, pool);
}

Test(offload, L2_one_that_is_run_by_the_caller_is_delivered_by_the_loop, .fini = end_blocked)
{
	struct work queued, own;
	ferry_local *local;

	begin_full(FERRY_FULL_RUN);
	work_init(&queued);
	work_init(&own);
	ferry_local_unref(offload(&queued));
	own.result = ferry_result_u64(9);
	local = offload(&own);
	cr_assert_eq(own.runs, 1);
	cr_assert(pthread_equal(own.by, pthread_self()));
	cr_assert_eq(own.released, 1);
	cr_assert_not(ferry_local_snapshot(local).done, "its post lies in the inbox");
	ferry_local_add_done_callback(local, call, NULL);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(calls, 1);
	cr_assert_eq(ferry_local_snapshot(local).result.u64, 9);
	ferry_local_unref(local);
	unblock();
	cr_assert_eq(ferry_loop_run(loop), 0);
}

/* ---- cancelled ---- */

Test(offload, F3_cancelled_while_it_is_queued_it_never_runs, .init = begin_blocked,
     .fini = end_blocked)
{
	struct work work;
	ferry_local *local;

	work_init(&work);
	local = offload(&work);
	ferry_local_add_done_callback(local, call, NULL);
	cr_assert_eq(ferry_local_cancel(local), 1);
	cr_assert(ferry_local_snapshot(local).cancelled);
	cr_assert_eq(work.released, 1, "the function never will touch its argument");
	cr_assert_eq(work.asked, 1);
	cr_assert_eq(calls, 0);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1, "while the worker is busy still");
	cr_assert_eq(calls, 1);
	unblock();
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_local_cancel(local), -EALREADY);
	ferry_local_unref(local);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(work.runs, 0);
	cr_assert_eq(work.released, 1);
	cr_assert_eq(work.asked, 1);
	cr_assert_eq(counters().cancelled, 1);
}

Test(offload, L4_cancelled_while_it_runs_the_local_is_done_and_the_block_lives, .init = begin,
     .fini = end)
{
	struct work work;
	ferry_local *local;

	work_init(&work);
	work.gated = true;
	work.result = disposal_result(&work.disposal, FERRY_DISPOSE_ANYWHERE);
	local = offload(&work);
	ferry_local_add_done_callback(local, call, NULL);
	gate_await(&work.gate, 1);
	cr_assert_eq(ferry_local_cancel(local), 1);
	cr_assert_eq(work.asked, 1);
	cr_assert_eq(work.released, 0, "what it borrowed is in use");
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_run(loop), 0, "it is not waited for");
	cr_assert_eq(calls, 1);
	gate_open(&work.gate);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(work.released, 1);
	cr_assert_not(work.released_before_end);
	ferry_loop_dispatch(loop, 0);
	cr_assert_eq(disposal_count(&work.disposal), 1, "nobody took what it still produced");
	cr_assert_eq(fixture_loop_counters(loop).dropped, 1);
}

Test(offload, a_job_that_polls_its_token_stops_when_the_local_is_cancelled, .init = begin,
     .fini = end)
{
	struct work work;
	ferry_local *local;

	work_init(&work);
	work.polls = true;
	local = offload(&work);
	while (!work.runs)
		sched_yield();
	cr_assert_eq(ferry_local_cancel(local), 1);
	ferry_local_unref(local);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(work.released, 1);
	cr_assert_eq(counters().ran, 1);
}

Test(offload, cancelled_when_done_and_not_delivered_its_result_is_disposed_of, .init = begin,
     .fini = end)
{
	struct work work;
	ferry_local *local;

	work_init(&work);
	work.result = disposal_result(&work.disposal, FERRY_DISPOSE_ANYWHERE);
	local = offload(&work);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_not(ferry_local_snapshot(local).done, "it was not delivered yet");
	cr_assert_eq(ferry_local_cancel(local), 1);
	cr_assert_eq(work.asked, 0, "it was done");
	cr_assert_eq(disposal_count(&work.disposal), 0);
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(disposal_count(&work.disposal), 1);
}

Test(offload, cancelled_when_delivered_nothing_changes, .init = begin, .fini = end)
{
	struct work work;
	ferry_local *local;

	work_init(&work);
	work.result = disposal_result(&work.disposal, FERRY_DISPOSE_ANYWHERE);
	local = offload(&work);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_local_cancel(local), -EALREADY);
	cr_assert_eq(ferry_local_snapshot(local).result.pointer, &work.disposal);
	ferry_local_unref(local);
	cr_assert_eq(disposal_count(&work.disposal), 1);
}

static ferry_local *victim;

static void cancel_victim(ferry_local *which, void *user)
{
	call(which, user);
	cr_assert_eq(ferry_local_cancel(victim), 1);
	ferry_local_unref(victim);
}

Test(offload, a_callback_may_cancel_one_whose_post_is_due_in_the_same_turn, .init = begin,
     .fini = end)
{
	struct work first, second;
	ferry_local *local;

	work_init(&first);
	work_init(&second);
	second.result = disposal_result(&second.disposal, FERRY_DISPOSE_ANYWHERE);
	local = offload(&first);
	victim = offload(&second);
	ferry_local_add_done_callback(local, cancel_victim, NULL);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 2);
	cr_assert_eq(calls, 1);
	cr_assert_eq(disposal_count(&second.disposal), 1);
	ferry_local_unref(local);
}

static void cancel_and_unref(ferry_future *future, void *user)
{
	(void)future;
	ferry_local_unref(*(ferry_local **)user);
}

Test(offload, an_on_cancel_hook_may_drop_the_local, .init = begin_blocked, .fini = end_blocked)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_local *local;
	struct work work;

	work_init(&work);
	options.on_cancel = cancel_and_unref;
	options.user = &local;
	local = ferry_offload(loop, pool, do_work, &work, &options);
	cr_assert_eq(ferry_local_cancel(local), 1);
}

Test(offload, a_pool_that_is_cancelled_cancels_the_local, .init = begin_blocked)
{
	struct work work;
	ferry_local *local;

	work_init(&work);
	local = offload(&work);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_CANCEL, 0), 1, "one still runs");
	cr_assert_eq(work.released, 1);
	unblock();
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(ferry_local_snapshot(local).cancelled);
	cr_assert_eq(ferry_local_snapshot(blocked).done, 1);
	ferry_local_unref(local);
	ferry_local_unref(blocked);
	end();
}

Test(offload, its_pool_may_be_freed_before_it_is_delivered)
{
	struct work work, queued;
	ferry_local *local, *never;

	begin();
	work_init(&work);
	work_init(&queued);
	work.gated = true;
	work.result = ferry_result_u64(5);
	local = offload(&work);
	gate_await(&work.gate, 1);
	never = offload(&queued);
	ferry_pool_free(pool);
	gate_open(&work.gate);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_local_snapshot(local).result.u64, 5);
	cr_assert(ferry_local_snapshot(never).cancelled);
	cr_assert_eq(queued.released, 1);
	ferry_local_unref(local);
	ferry_local_unref(never);
	ferry_loop_free(loop);
}

/* ---- deadlines ---- */

static ferry_local *offload_by(struct work *work, uint64_t deadline_ns)
{
	ferry_job_options options = hooks_of(work);

	options.deadline_ns = deadline_ns;
	return ferry_offload(loop, pool, do_work, work, &options);
}

Test(offload, P10_its_loops_timer_expires_it_while_all_workers_hang, .init = begin_blocked,
     .fini = end_blocked)
{
	struct work work;
	ferry_local *local;

	work_init(&work);
	local = offload_by(&work, ferry_in_ns(1000000));
	ferry_local_add_done_callback(local, call, NULL);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_eq(ferry_local_snapshot(local).exception,
		     ferry_error_from_code(FERRY_ERROR_TIMED_OUT));
	cr_assert_eq(calls, 1);
	cr_assert_eq(work.released, 1);
	cr_assert_eq(counters().expired, 1);
	cr_assert_eq(ferry_local_cancel(local), -EALREADY);
	unblock();
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	ferry_loop_dispatch(loop, 0);
	cr_assert_eq(calls, 1, "its husk brings nothing more");
	cr_assert_eq(work.runs, 0);
	cr_assert_eq(work.released, 1);
	cr_assert_eq(counters().expired, 1);
	ferry_local_unref(local);
}

Test(offload, P10_dropped_and_expired_it_is_freed_when_its_husk_comes, .init = begin_blocked,
     .fini = end_blocked)
{
	struct work work;

	work_init(&work);
	ferry_local_unref(offload_by(&work, ferry_in_ns(1000)));
	while (fixture_loop_counters(loop).unseen == 0)
		cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(work.released, 1);
}

Test(offload, P10_a_worker_that_takes_it_out_late_expires_it_once, .init = begin_blocked,
     .fini = end_blocked)
{
	struct work work;
	ferry_local *local;
	uint64_t deadline = ferry_in_ns(1000000);

	work_init(&work);
	local = offload_by(&work, deadline);
	ferry_local_add_done_callback(local, call, NULL);
	while (ferry_now_ns() < deadline)
		; /* and the loop does not look */
	unblock();
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(work.runs, 0);
	cr_assert_eq(work.released, 1);
	cr_assert_eq(counters().expired, 1);
	cr_assert_eq(counters().ran, 1);
	cr_assert_eq(calls, 0, "the loop has not looked yet");
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
	cr_assert_eq(astray, 0);
	cr_assert_eq(ferry_local_snapshot(local).exception,
		     ferry_error_from_code(FERRY_ERROR_TIMED_OUT));
	ferry_local_unref(local);
}

Test(offload, P10_a_job_that_has_begun_has_no_deadline_any_more, .init = begin, .fini = end)
{
	struct work work;
	ferry_local *local;

	work_init(&work);
	work.gated = true;
	work.result = ferry_result_u64(3);
	local = offload_by(&work, ferry_in_ns(20000000));
	gate_await(&work.gate, 1);
	cr_assert_eq(ferry_loop_run_once(loop, ferry_in_ns(30000000)), 1, "the timer fires");
	cr_assert_not(ferry_local_snapshot(local).done);
	gate_open(&work.gate);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_local_snapshot(local).result.u64, 3);
	ferry_local_unref(local);
}

Test(offload, a_deadline_is_forgotten_when_the_job_is_done, .init = begin, .fini = end)
{
	struct work work;
	ferry_local *local;

	work_init(&work);
	local = offload_by(&work, ferry_in_ns(3600000000000));
	cr_assert_eq(fixture_loop_counters(loop).timers, 1);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_eq(fixture_loop_counters(loop).timers, 0);
	cr_assert_eq(ferry_loop_pending(loop), 0);
	ferry_local_unref(local);
	local = offload_by(&work, FERRY_NO_DEADLINE);
	cr_assert_eq(fixture_loop_counters(loop).timers, 0, "never is no timer");
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	ferry_local_unref(local);
}

/* ---- who disposes, and where ---- */

Test(offload, F7_a_blocking_disposer_never_runs_on_the_loops_thread, .init = begin, .fini = end)
{
	struct work work;
	ferry_local *local;

	work_init(&work);
	work.result = disposal_result(&work.disposal, FERRY_DISPOSE_BLOCKING);
	local = offload(&work);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(disposal_count(&work.disposal), 0);
	ferry_local_unref(local);
	disposal_await(&work.disposal);
	cr_assert(pthread_equal(work.disposal.by, work.by), "the pool's one worker");
	cr_assert_eq(disposal_count(&work.disposal), 1);
}

Test(offload, F7_dropped_before_it_is_delivered_it_is_handed_to_the_pool_too, .init = begin,
     .fini = end)
{
	struct work work;

	work_init(&work);
	work.result = disposal_result(&work.disposal, FERRY_DISPOSE_BLOCKING);
	ferry_local_unref(offload(&work));
	cr_assert_eq(ferry_loop_run(loop), 0);
	disposal_await(&work.disposal);
	cr_assert(pthread_equal(work.disposal.by, work.by));
}

Test(offload, F7_with_no_worker_left_it_is_not_the_loops_thread_either, .init = begin)
{
	struct work work;
	ferry_local *local;

	work_init(&work);
	work.result = disposal_result(&work.disposal, FERRY_DISPOSE_BLOCKING);
	local = offload(&work);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	ferry_local_unref(local);
	disposal_await(&work.disposal);
	cr_assert_not(pthread_equal(work.disposal.by, pthread_self()));
	cr_assert_eq(disposal_count(&work.disposal), 1);
	end();
}

Test(offload, F7_while_its_loop_closes_it_is_handed_to_the_pool_too, .init = begin)
{
	struct work work;
	ferry_local *held;

	work_init(&work);
	work.result = disposal_result(&work.disposal, FERRY_DISPOSE_BLOCKING);
	ferry_local_unref(offload(&work));
	held = offload(&work);
	while (counters().ran < 2)
		sched_yield();
	end(); /* both lie in the inbox, and then the pool is drained */
	disposal_await(&work.disposal);
	cr_assert(pthread_equal(work.disposal.by, work.by));
	/* This thread is no loop's any more, so it may do it itself. */
	ferry_local_unref(held);
	disposal_await(&work.disposal);
	cr_assert_eq(disposal_count(&work.disposal), 2);
}

Test(offload, F7_a_result_that_was_taken_is_nobodys_to_dispose_of, .init = begin, .fini = end)
{
	struct work work;
	ferry_local *local;
	ferry_result result;

	work_init(&work);
	work.result = disposal_result(&work.disposal, FERRY_DISPOSE_BLOCKING);
	local = offload(&work);
	cr_assert_eq(ferry_local_take(local, &result), -EAGAIN);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_local_take(local, &result), 0);
	cr_assert_eq(ferry_local_take(local, &result), -EALREADY);
	ferry_local_unref(local);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(disposal_count(&work.disposal), 0);
	cr_assert_eq(fixture_loop_counters(loop).dropped, 0);
}

/* ---- in a brief lane ---- */

Test(offload, P9_results_of_a_brief_lane_come_though_rings_are_put_off, .init = begin,
     .fini = end)
{
	ferry_lane_options brief = FERRY_LANE_OPTIONS_INIT;
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_lane *lane;

	brief.brief = 1;
	cr_assert_eq(ferry_lane_new(pool, &brief, &lane), 0);
	options.lane = lane;
	for (int round = 1; round <= 50; round++) {
		struct work work;

		work_init(&work);
		for (int i = 0; i < round; i++) {
			ferry_local *local = ferry_offload(loop, pool, do_work, &work, &options);

			ferry_local_add_done_callback(local, call, NULL);
			ferry_local_unref(local);
		}
		calls = 0;
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert_eq(calls, round);
	}
	ferry_lane_free(lane);
}

/* ---- memory ---- */

Test(offload, one_block_holds_everything_and_comes_back_to_the_loop, .init = begin, .fini = end)
{
	struct work work;
	size_t cached = 0;

	work_init(&work);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 10; i++) {
			ferry_local *local = ferry_offload(loop, pool, do_work, &work, NULL);

			ferry_local_add_done_callback(local, call, NULL);
			ferry_local_unref(local);
		}
		cr_assert_eq(ferry_loop_run(loop), 0);
		if (round == 0)
			cached = fixture_loop_counters(loop).cached_bytes;
		cr_assert_eq(cached, 10 * 128);
		cr_assert_eq(fixture_loop_counters(loop).cached_bytes, cached);
	}
	cr_assert_eq(calls, 30);
}

/* ---- many ---- */

static int echo(void *arg, ferry_result *out)
{
	*out = ferry_result_pointer(arg, NULL);
	return 0;
}

static void sum(ferry_local *which, void *user)
{
	*(uint64_t *)user += ferry_local_snapshot(which).result.u64;
	calls++;
}

Test(offload, L1_N_offloads_give_N_deliveries)
{
	uint64_t total = 0;

	loop = fixture_loop();
	pool = fixture_pool(4);
	for (uintptr_t i = 1; i <= 20000; i++) {
		ferry_local *local = ferry_offload(loop, pool, echo, (void *)i, NULL);

		ferry_local_add_done_callback(local, sum, &total);
		ferry_local_unref(local);
	}
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 20000);
	cr_assert_eq(total, 200010000);
	cr_assert_eq(fixture_loop_counters(loop).posts, 20000);
	cr_assert_eq(counters().ran, 20000);
	end();
}

static ferry_local *expiring;

static void cancel_expiring(void *arg)
{
	(void)arg;
	cr_assert_eq(ferry_local_cancel(expiring), 1);
}

Test(offload, F1_a_release_hook_that_cancels_what_expires_has_it_cancelled, .init = begin)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct work busy;
	ferry_local *first;

	work_init(&busy);
	busy.gated = true;
	first = ferry_offload(loop, pool, do_work, &busy, NULL);
	gate_await(&busy.gate, 1);
	options.deadline_ns = ferry_in_ns(1000000);
	options.release = cancel_expiring;
	expiring = ferry_offload(loop, pool, do_work, &busy, &options);
	ferry_local_add_done_callback(expiring, call, NULL);
	cr_assert_eq(ferry_loop_run_until(loop, expiring), 0);
	cr_assert(ferry_local_snapshot(expiring).cancelled, "a done status is left by nobody");
	gate_open(&busy.gate);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(ferry_local_snapshot(expiring).cancelled);
	cr_assert_eq(calls, 1);
	ferry_local_unref(expiring);
	ferry_local_unref(first);
	end();
}
