/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all file calls have in common: paths copied or borrowed, options, refusals (L4). */
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>

#include "support/fixture.h"
#include "support/folder.h"
#include "support/gate.h"
#include "support/ways.h"

TestSuite(request, .timeout = 30);

static ferry_loop *loop;
static ferry_pool *pool; /* one worker */
static struct gate gate;
static ferry_local *blocked; /* the worker is inside it */

static int wait_at(void *arg, ferry_result *out)
{
	(void)out;
	gate_wait(arg);
	return 0;
}

static void begin(void)
{
	loop = fixture_loop();
	pool = fixture_pool(1);
}

static void end(void)
{
	fixture_end(loop, pool);
}

static void begin_blocked(void)
{
	begin();
	gate_init(&gate);
	blocked = ferry_offload(loop, pool, wait_at, &gate, NULL);
	gate_await(&gate, 1);
}

static void end_blocked(void)
{
	gate_open(&gate);
	cr_assert_eq(ferry_loop_run(loop), 0);
	ferry_local_unref(blocked);
	end();
}

/* The calls that take a path, all of them. */
typedef ferry_local *call(const char *path, const ferry_fs_options *options);

static ferry_local *call_stat(const char *path, const ferry_fs_options *options)
{
	return ferry_fs_stat(loop, pool, path, options);
}

static ferry_local *call_lstat(const char *path, const ferry_fs_options *options)
{
	return ferry_fs_lstat(loop, pool, path, options);
}

static ferry_local *call_open(const char *path, const ferry_fs_options *options)
{
	return ferry_fs_open(loop, pool, path, O_RDONLY | O_DIRECTORY, 0, options);
}

static ferry_local *call_readdir(const char *path, const ferry_fs_options *options)
{
	return ferry_fs_readdir(loop, pool, path, options);
}

static call *const all[] = { call_stat, call_lstat, call_open, call_readdir };
#define CALLS (sizeof(all) / sizeof(*all))

static int released;
static void *released_path;

static void release(void *path)
{
	released++;
	released_path = path;
}

/* ---- the path ---- */

Test(request, L4_a_path_is_copied_and_may_be_changed_at_once, .init = begin_blocked,
     .fini = end_blocked)
{
	for (size_t i = 0; i < CALLS; i++) {
		char path[] = "/proc/self";
		ferry_local *local;

		path[5] = 0; /* "/proc" */
		local = all[i](path, ways_pool);
		cr_assert_not_null(local);
		memset(path, 'x', sizeof(path));
		ferry_local_unref(blocked);
		gate_open(&gate);
		cr_assert_eq(ferry_loop_run_until(loop, local), 0);
		cr_assert_null(ferry_local_snapshot(local).exception);
		ferry_local_unref(local);
		gate.open = false;
		blocked = ferry_offload(loop, pool, wait_at, &gate, NULL);
		gate_await(&gate, (unsigned)i + 2);
	}
}

Test(request, L4_a_borrowed_path_is_used_as_it_is_and_released_once, .init = begin, .fini = end)
{
	for (size_t i = 0; i < CALLS; i++) {
		ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
		char path[] = "/proc";
		ferry_local *local;

		options.borrow_path = 1;
		options.release = release;
		options.policy = FERRY_FS_POOL;
		local = all[i](path, &options);
		cr_assert_eq(ferry_loop_run_until(loop, local), 0);
		cr_assert_null(ferry_local_snapshot(local).exception);
		cr_assert_eq(released, (int)i + 1);
		cr_assert_eq(released_path, path);
		ferry_local_unref(local);
		cr_assert_eq(released, (int)i + 1);
	}
}

/* However often: it is released within the call, and what was read is there all the same. */
Test(request, L4_a_borrowed_path_is_released_at_once_if_the_answer_is_there, .init = begin,
     .fini = end)
{
	ferry_fs_options options = *ways_inline;

	WAYS_OR_SKIP("/");
	ways_begin(loop, pool);
	options.borrow_path = 1;
	options.release = release;
	for (int i = 1; i <= 3; i++) {
		char path[] = "/";
		ferry_local *local = call_stat(path, &options);

		cr_assert(ferry_local_snapshot(local).done);
		cr_assert_eq(released, i);
		cr_assert_eq(released_path, path);
		path[0] = 'x';
		cr_assert(S_ISDIR(ferry_fs_result_stat(local)->mode));
		ferry_local_unref(local);
		cr_assert_eq(released, i);
	}
}

Test(request, L4_a_borrowed_path_of_a_cancelled_call_is_released_when_it_never_will_be_read,
     .init = begin_blocked, .fini = end_blocked)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_local *local;

	options.borrow_path = 1;
	options.release = release;
	local = call_stat("/", &options);
	cr_assert_eq(released, 0);
	cr_assert_eq(ferry_local_cancel(local), 1);
	cr_assert_eq(released, 1);
	ferry_local_unref(local);
}

Test(request, L4_a_descriptor_that_was_lent_is_released_by_its_number, .init = begin, .fini = end)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC), before = released;
	ferry_local *local;

	cr_assert_gt(fd, 0);
	options.borrow_path = 1;
	options.release = release;
	options.policy = FERRY_FS_POOL;
	local = ferry_fs_read(loop, pool, fd, 1, 0, &options);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_null(ferry_local_snapshot(local).exception);
	cr_assert_eq(released, before + 1);
	cr_assert_eq((int)(intptr_t)released_path, fd);
	ferry_local_unref(local);
	close(fd);
}

Test(request, a_borrowed_path_needs_no_release_hook, .init = begin, .fini = end)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_local *local;

	options.borrow_path = 1;
	local = call_stat("/", &options);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_null(ferry_local_snapshot(local).exception);
	ferry_local_unref(local);
}

Test(request, a_path_longer_than_any_block_is_copied_too, .init = begin, .fini = end)
{
	char *path = malloc(100001);
	ferry_local *local;

	memset(path, '/', 100000);
	path[100000] = 0;
	local = call_stat(path, NULL);
	free(path);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_eq(ferry_local_snapshot(local).exception, ferry_error_from_errno(ENAMETOOLONG));
	ferry_local_unref(local);
}

/* ---- options ---- */

Test(request, wrong_arguments_give_no_local_and_nothing_is_released, .init = begin, .fini = end)
{
	ferry_pool *another = fixture_pool(1);
	ferry_fs_options good = FERRY_FS_OPTIONS_INIT, options;
	struct {
		ferry_fs_options known;
		char more;
	} longer = { FERRY_FS_OPTIONS_INIT, 1 };
	ferry_lane *lane;

	longer.known.size = sizeof(longer);
	cr_assert_eq(ferry_lane_new(another, NULL, &lane), 0);
	good.borrow_path = 1;
	good.release = release;
	for (size_t i = 0; i < CALLS; i++) {
		ferry_loop *kept = loop;
		ferry_pool *kept_pool = pool;

		cr_assert_null(all[i](NULL, &good));
		cr_assert_eq(errno, EINVAL);
		loop = NULL;
		cr_assert_null(all[i]("/", &good));
		cr_assert_eq(errno, EINVAL);
		loop = kept;
		pool = NULL;
		cr_assert_null(all[i]("/", &good));
		cr_assert_eq(errno, EINVAL);
		pool = kept_pool;
		options = good;
		options.size = 0;
		cr_assert_null(all[i]("/", &options));
		cr_assert_eq(errno, EINVAL);
		cr_assert_null(all[i]("/", &longer.known));
		cr_assert_eq(errno, E2BIG);
		options = good;
		options.borrow_path = 0;
		cr_assert_null(all[i]("/", &options), "a release hook of a copied path");
		cr_assert_eq(errno, EINVAL);
		options = good;
		options.lane = lane;
		cr_assert_null(all[i]("/", &options), "a lane of another pool");
		cr_assert_eq(errno, EINVAL);
	}
	cr_assert_eq(released, 0);
	cr_assert_eq(ferry_loop_pending(loop), 0);
	cr_assert_eq(fixture_pool_counters(pool).attempted, 0);
	ferry_lane_free(lane);
	fixture_end(NULL, another);
}

static void call_elsewhere(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < CALLS; i++) {
		cr_assert_null(all[i]("/", NULL));
		cr_assert_eq(errno, EPERM);
	}
}

static int call_in_child(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < CALLS; i++)
		if (all[i]("/", NULL) || errno != ECHILD)
			return 1;
	return 0;
}

Test(request, another_thread_a_forks_child_and_a_closed_loop_are_refused, .init = begin)
{
	ferry_loop *handle = ferry_loop_ref(loop);

	fixture_elsewhere(call_elsewhere, NULL);
	cr_assert_eq(fixture_in_child(call_in_child, NULL), 0);
	cr_assert_eq(ferry_loop_free(loop), 0);
	for (size_t i = 0; i < CALLS; i++) {
		cr_assert_null(all[i]("/", NULL));
		cr_assert_eq(errno, ESHUTDOWN);
	}
	ferry_loop_unref(handle);
	fixture_end(NULL, pool);
}

Test(request, E1_what_the_pool_refuses_is_born_failed_and_its_path_released, .init = begin,
     .fini = end)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;

	options.borrow_path = 1;
	options.release = release;
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_ABANDON, 0), 0);
	for (size_t i = 0; i < CALLS; i++) {
		ferry_local *local = all[i]("/", &options);

		cr_assert_eq(ferry_local_snapshot(local).exception,
			     ferry_error_from_errno(ESHUTDOWN));
		cr_assert_eq(released, (int)i + 1);
		ferry_local_unref(local);
	}
}

Test(request, P10_a_call_past_its_deadline_is_never_made, .init = begin_blocked,
     .fini = end_blocked)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_local *local;

	options.deadline_ns = ferry_in_ns(100000);
	options.borrow_path = 1;
	options.release = release;
	local = call_stat("/", &options);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_eq(ferry_local_snapshot(local).exception,
		     ferry_error_from_code(FERRY_ERROR_TIMED_OUT));
	cr_assert_eq(released, 1);
	ferry_local_unref(local);
}

/* ---- run by who submits it, because the queue is full ---- */

static void begin_full(void)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	loop = fixture_loop();
	options.min_threads = options.max_threads = 1;
	options.max_queued = 1;
	options.when_full = FERRY_FULL_RUN;
	cr_assert_eq(ferry_pool_new(&options, &pool), 0);
	/* The table of mounts is read first: from here on the worker is kept. */
	ways_begin(loop, pool);
	cr_assert_eq(ferry_loop_run(loop), 0);
	gate_init(&gate);
	blocked = ferry_offload(loop, pool, wait_at, &gate, NULL);
	gate_await(&gate, 1);
}

static uint64_t deadline_ns;

static void release_late(void *path)
{
	release(path);
	cr_assert_eq(released, 1, "L4");
	while (ferry_now_ns() < deadline_ns)
		sched_yield();
	cr_assert_geq(ferry_loop_run_once(loop, 0), 0);
}

/* A turn in its hook has the timer of its deadline fire, before its outcome is written. */
Test(request, P10_a_deadline_ends_no_call_that_its_submitter_runs, .init = begin_full,
     .fini = end_blocked)
{
	ferry_local *queued = ferry_offload(loop, pool, wait_at, &gate, NULL), *local;
	ferry_fs_options options = *ways_pool;
	const ferry_error *exception;

	options.borrow_path = 1;
	options.release = release_late;
	/* It may be over before the call is begun: then there was too little time. */
	for (uint64_t time_ns = 10000000;; time_ns *= 2) {
		released = 0;
		deadline_ns = options.deadline_ns = ferry_in_ns(time_ns);
		local = call_stat("/", &options);
		cr_assert_eq(released, 1, "L4");
		cr_assert_eq(ferry_loop_run_until(loop, local), 0);
		cr_assert_eq(released, 1, "L4");
		exception = ferry_local_snapshot(local).exception;
		ferry_local_unref(local);
		if (!exception)
			break;
		cr_assert_eq(exception, ferry_error_from_code(FERRY_ERROR_TIMED_OUT));
	}
	ferry_local_unref(queued);
}

Test(request, calls_may_go_to_a_lane_of_their_own, .init = begin, .fini = end)
{
	ferry_lane_options few = FERRY_LANE_OPTIONS_INIT;
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_lane *lane;
	ferry_local *local;

	few.max_running = 1;
	cr_assert_eq(ferry_lane_new(pool, &few, &lane), 0);
	options.lane = lane;
	local = call_stat("/", &options);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_null(ferry_local_snapshot(local).exception);
	ferry_local_unref(local);
	ferry_lane_free(lane);
}

/* ---- results lie in the request ---- */

Test(request, what_a_worker_writes_is_the_librarys_own_and_lives_as_long_as_the_local,
     .init = begin)
{
	ferry_local *local = call_stat("/", NULL);
	const ferry_stat *attributes;
	ferry_result taken;

	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_eq(ferry_local_take(local, &taken), 0);
	attributes = taken.pointer;
	cr_assert_null(taken.disposer);
	end();
	cr_assert(S_ISDIR(attributes->mode), "the loop and the pool are gone");
	ferry_local_unref(local);
}

Test(request, a_call_that_is_abandoned_writes_to_nobody, .init = begin_blocked)
{
	ferry_local *local = call_stat("/", NULL);

	/* Dropped with everything around it, while it is queued behind a call that hangs. */
	ferry_local_unref(local);
	ferry_local_unref(blocked);
	cr_assert_eq(ferry_loop_free(loop), 0);
	gate_open(&gate);
	fixture_end(NULL, pool);
}
