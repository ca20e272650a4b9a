/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every function of bridge.h and fs.h called wrongly, on the wrong thread, after the close or in
 * a fork's child: its documented return, and nothing changed (E1, L3, L4, L6, P6).
 */
#include <fcntl.h>

#include "support/misuse.h"

TestSuite(misuse_bridge, .timeout = 60);

static int must_not_run(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	HOLDS(!"a job that was refused runs");
	return 0;
}

static void must_not_release(void *arg)
{
	(void)arg;
	HOLDS(!"what was refused is released");
}

static void must_not_be_disposed_of(const ferry_result *result)
{
	(void)result;
	HOLDS(!"a result that was refused is disposed of");
}

static const ferry_disposer blocking = { FERRY_DISPOSE_BLOCKING, must_not_be_disposed_of };

#define JOB(...) OPTIONS(ferry_job_options, .release = must_not_release, __VA_ARGS__)
#define DONE misuse_done, NULL
/* Rows of calls that make a local: 0, or why they did not. */
#define OFFLOAD(...) misuse_error(ferry_offload(__VA_ARGS__))
#define WRAP(...) misuse_error(ferry_wrap(__VA_ARGS__))
#define WATCH(...) misuse_error(ferry_loop_watch_fd(__VA_ARGS__))
#define STAT(...) misuse_error(ferry_fs_stat(__VA_ARGS__))
#define LSTAT(...) misuse_error(ferry_fs_lstat(__VA_ARGS__))
#define OPEN(...) misuse_error(ferry_fs_open(__VA_ARGS__))
#define CLOSE(...) misuse_error(ferry_fs_close(__VA_ARGS__))
#define READDIR(...) misuse_error(ferry_fs_readdir(__VA_ARGS__))

/* No loop's and no local's, so they are as wrong on any thread, and in a child. */
static void nowhere(void)
{
	ferry_result number = ferry_result_u64(1);

	GIVES(ferry_local_new(NULL, &ret.local), -EINVAL);
	GIVES(ferry_local_ref(NULL) == NULL, 1);
	GIVES(ferry_local_unref(NULL) == NULL, 1);
	GIVES(ferry_local_loop(NULL) == NULL, 1);
	GIVES(misuse_is_blank(ferry_local_snapshot(NULL)), 1);
	GIVES(ferry_local_take(NULL, &ret.result), -EINVAL);
	GIVES(ferry_local_set_result(NULL, number), -EINVAL);
	GIVES(ferry_local_set_exception(NULL, ferry_error_from_errno(EIO)), -EINVAL);
	GIVES(ferry_local_cancel(NULL), -EINVAL);
	GIVES(ferry_local_add_done_callback(NULL, DONE), -EINVAL);
	GIVES(ferry_local_remove_done_callback(NULL, DONE), -EINVAL);
	GIVES(ferry_local_chain(NULL, NULL), -EINVAL);
	GIVES(OFFLOAD(NULL, stage.pool, must_not_run, NULL, JOB()), -EINVAL);
	GIVES(WRAP(NULL, stage.promise), -EINVAL);
	GIVES(WATCH(NULL, 0, FERRY_READABLE), -EINVAL);
	GIVES(ferry_loop_run_until(NULL, stage.plain), -EINVAL);
	GIVES(STAT(NULL, stage.pool, "/", NULL), -EINVAL);
	GIVES(LSTAT(NULL, stage.pool, "/", NULL), -EINVAL);
	GIVES(OPEN(NULL, stage.pool, "/", O_RDONLY, 0, NULL), -EINVAL);
	GIVES(CLOSE(NULL, stage.pool, STDERR_FILENO, NULL), -EINVAL);
	GIVES(READDIR(NULL, stage.pool, "/", NULL), -EINVAL);
}

static void of_locals(void)
{
	ferry_result number = ferry_result_u64(1), slow = ferry_result_pointer(&stage, &blocking);
	const ferry_error *error = ferry_error_from_errno(EIO);

	GIVES(ferry_local_new(stage.loop, NULL), -EINVAL);
	GIVES(ferry_local_take(stage.done, NULL), -EINVAL);
	GIVES(ferry_local_take(stage.plain, &ret.result), -EAGAIN);
	GIVES(ferry_local_take(stage.wrapped, &ret.result), -EAGAIN);
	GIVES(ferry_local_set_result(stage.plain, slow), -EINVAL);
	GIVES(ferry_local_set_result(stage.wrapped, number), -EINVAL);
	GIVES(ferry_local_set_result(stage.done, number), -EALREADY);
	GIVES(ferry_local_set_exception(stage.plain, NULL), -EINVAL);
	GIVES(ferry_local_set_exception(stage.wrapped, error), -EINVAL);
	GIVES(ferry_local_set_exception(stage.done, error), -EALREADY);
	GIVES(ferry_local_cancel(stage.done), -EALREADY);
	GIVES(ferry_local_add_done_callback(stage.plain, NULL, NULL), -EINVAL);
	GIVES(ferry_local_add_done_callback(stage.done, NULL, NULL), -EINVAL);
	GIVES(ferry_local_remove_done_callback(stage.plain, NULL, NULL), -EINVAL);
	GIVES(ferry_local_remove_done_callback(stage.plain, DONE), 0);
	GIVES(ferry_local_chain(NULL, stage.plain), -EINVAL);
	GIVES(ferry_local_chain(stage.done, NULL), -EINVAL);
	GIVES(ferry_local_chain(stage.plain, stage.plain), -EINVAL);
	GIVES(ferry_local_chain(stage.other, stage.plain), -EINVAL);
	GIVES(ferry_local_chain(stage.plain, stage.wrapped), -EINVAL);
	GIVES(ferry_local_chain(stage.plain, stage.done), -EALREADY);
	GIVES(ferry_loop_run_until(stage.loop, NULL), -EINVAL);
	GIVES(ferry_loop_run_until(stage.loop, stage.other), -EINVAL);
}

static void of_requests(void)
{
	ferry_loop *loop = stage.loop;
	ferry_pool *pool = stage.pool;

	GIVES(OFFLOAD(loop, NULL, must_not_run, NULL, JOB()), -EINVAL);
	GIVES(OFFLOAD(loop, pool, NULL, NULL, JOB()), -EINVAL);
	GIVES(OFFLOAD(loop, pool, must_not_run, NULL, JOB(.lane = stage.other_lane)), -EINVAL);
	BAD_OPTIONS(ferry_job_options, OFFLOAD(loop, pool, must_not_run, NULL, options));
	GIVES(WRAP(loop, NULL), -EINVAL);
	GIVES(WATCH(loop, -1, FERRY_READABLE), -EINVAL);
	GIVES(WATCH(loop, INT_MIN, FERRY_READABLE), -EINVAL);
	GIVES(WATCH(loop, STDERR_FILENO, 0), -EINVAL);
	GIVES(WATCH(loop, STDERR_FILENO, FERRY_HANGUP), -EINVAL);
	GIVES(WATCH(loop, STDERR_FILENO, FERRY_READABLE | FERRY_FAILED), -EINVAL);
	GIVES(WATCH(loop, STDERR_FILENO, UINT_MAX), -EINVAL);
}

#define FILES(...) OPTIONS(ferry_fs_options, __VA_ARGS__)

static void of_files(void)
{
	ferry_loop *loop = stage.loop;
	ferry_pool *pool = stage.pool;
	const ferry_fs_options *elsewhere = FILES(.lane = stage.other_lane);
	const ferry_fs_options *lone = FILES(.release = must_not_release);
	const ferry_fs_options *lent = FILES(.borrow_path = 1, .release = must_not_release);

	GIVES(STAT(loop, NULL, "/", lent), -EINVAL);
	GIVES(STAT(loop, pool, NULL, lent), -EINVAL);
	GIVES(STAT(loop, pool, "/", elsewhere), -EINVAL);
	GIVES(STAT(loop, pool, "/", lone), -EINVAL);
	BAD_OPTIONS(ferry_fs_options, STAT(loop, pool, "/", options));
	GIVES(LSTAT(loop, NULL, "/", lent), -EINVAL);
	GIVES(LSTAT(loop, pool, NULL, lent), -EINVAL);
	GIVES(LSTAT(loop, pool, "/", elsewhere), -EINVAL);
	GIVES(LSTAT(loop, pool, "/", lone), -EINVAL);
	BAD_OPTIONS(ferry_fs_options, LSTAT(loop, pool, "/", options));
	GIVES(OPEN(loop, NULL, "/", O_RDONLY, 0, lent), -EINVAL);
	GIVES(OPEN(loop, pool, NULL, O_RDONLY, 0, lent), -EINVAL);
	GIVES(OPEN(loop, pool, "/", O_RDONLY, 0, elsewhere), -EINVAL);
	GIVES(OPEN(loop, pool, "/", O_RDONLY, 0, lone), -EINVAL);
	BAD_OPTIONS(ferry_fs_options, OPEN(loop, pool, "/", O_RDONLY, 0, options));
	GIVES(READDIR(loop, NULL, "/", lent), -EINVAL);
	GIVES(READDIR(loop, pool, NULL, lent), -EINVAL);
	GIVES(READDIR(loop, pool, "/", elsewhere), -EINVAL);
	GIVES(READDIR(loop, pool, "/", lone), -EINVAL);
	BAD_OPTIONS(ferry_fs_options, READDIR(loop, pool, "/", options));
	/* A descriptor whose close is refused stays the caller's. */
	GIVES(CLOSE(loop, NULL, STDERR_FILENO, NULL), -EINVAL);
	GIVES(CLOSE(loop, pool, -1, NULL), -EINVAL);
	GIVES(CLOSE(loop, pool, INT_MIN, NULL), -EINVAL);
	GIVES(CLOSE(loop, pool, STDERR_FILENO, elsewhere), -EINVAL);
	GIVES(CLOSE(loop, pool, STDERR_FILENO, lone), -EINVAL);
	GIVES(CLOSE(loop, pool, STDERR_FILENO, FILES(.borrow_path = 1)), -EINVAL);
	GIVES(CLOSE(loop, pool, STDERR_FILENO, FILES(.deadline_ns = 1)), -EINVAL);
	BAD_OPTIONS(ferry_fs_options, CLOSE(loop, pool, STDERR_FILENO, options));
}

static void arguments(void)
{
	nowhere();
	of_locals();
	of_requests();
	of_files();
}

enum { THREAD, CHILD, CLOSED, CALLBACK };

static int untouched(ferry_local *local)
{
	return ferry_local_unref(local) == local;
}

/* Good calls, in places where they are not. */
static void places(void)
{
	ferry_loop *loop = stage.loop;
	ferry_pool *pool = stage.pool;
	ferry_local *plain = stage.plain;
	ferry_result number = ferry_result_u64(1);
	const ferry_error *error = ferry_error_from_errno(EIO);
	const ferry_fs_options *lent = FILES(.borrow_path = 1, .release = must_not_release);

	/*                                                       thread, child, closed, callback */
	EACH(ferry_local_new(loop, &ret.local), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_local_ref(plain) == NULL, 1, 1, FINE, FINE);
	EACH(untouched(plain), 1, 1, FINE, FINE);
	EACH(ferry_local_loop(plain) == loop, 1, 1, 1, 1);
	EACH(misuse_is_blank(ferry_local_snapshot(stage.done)), 1, 1, FINE, FINE);
	EACH(ferry_local_take(stage.done, &ret.result), -EPERM, -ECHILD, FINE, FINE);
	EACH(ferry_local_take(plain, &ret.result), -EPERM, -ECHILD, -ENODATA, -EAGAIN);
	EACH(ferry_local_set_result(plain, number), -EPERM, -ECHILD, -EALREADY, FINE);
	EACH(ferry_local_set_exception(plain, error), -EPERM, -ECHILD, -EALREADY, FINE);
	EACH(ferry_local_cancel(plain), -EPERM, -ECHILD, -EALREADY, FINE);
	EACH(ferry_local_add_done_callback(plain, DONE), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_local_remove_done_callback(plain, DONE), -EPERM, -ECHILD, 0, 0);
	EACH(ferry_local_chain(stage.done, plain), -EPERM, -ECHILD, -EALREADY, FINE);
	EACH(OFFLOAD(loop, pool, must_not_run, NULL, JOB()), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(WRAP(loop, stage.promise), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(WRAP(loop, stage.failed), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(WATCH(loop, 0, FERRY_READABLE), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_loop_run_until(loop, plain), -EPERM, -ECHILD, -ESHUTDOWN, -EBUSY);
	EACH(STAT(loop, pool, "/", lent), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(LSTAT(loop, pool, "/", lent), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(OPEN(loop, pool, "/", O_RDONLY, 0, lent), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(CLOSE(loop, pool, STDERR_FILENO, NULL), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(READDIR(loop, pool, "/", lent), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
}

Test(misuse_bridge, bad_arguments_are_refused_E1)
{
	misuse_begin();
	arguments();
	misuse_in_a_callback(arguments);
	misuse_elsewhere(nowhere);
	misuse_in_a_job(nowhere);
	misuse_end();
}

Test(misuse_bridge, other_threads_and_jobs_are_refused_L6)
{
	misuse_begin();
	misuse_column = THREAD;
	misuse_elsewhere(places);
	misuse_in_a_job(places);
	misuse_end();
}

Test(misuse_bridge, a_callback_cannot_run_its_loop_E1)
{
	misuse_begin();
	misuse_column = CALLBACK;
	misuse_in_a_callback(places);
	misuse_end();
}

Test(misuse_bridge, a_closed_loop_that_is_held_refuses_and_its_locals_can_be_read_L3)
{
	ferry_loop *held;

	misuse_begin();
	held = ferry_loop_ref(stage.loop);
	HOLDS(ferry_loop_free(stage.loop) == 0);
	misuse_column = CLOSED;
	places();
	nowhere();
	GIVES(ferry_local_snapshot(stage.plain).cancelled, 1);
	GIVES(ferry_local_snapshot(stage.wrapped).cancelled, 1);
	GIVES(ferry_local_snapshot(stage.done).result.u64, 7);
	GIVES(ferry_local_unref(ferry_local_ref(stage.plain)) == NULL, 1);
	misuse_column = THREAD;
	misuse_elsewhere(places);
	stage.loop = NULL;
	misuse_end();
	ferry_loop_unref(held);
}

/* The child's own loop, and what is its parent's. */
static void across_a_fork(void)
{
	ferry_loop *theirs = stage.loop, *ours = fixture_loop();
	ferry_local *local;
	ferry_pool *pool = stage.pool;

	HOLDS(ferry_local_new(ours, &local) == 0);
	stage.loop = ours;
	GIVES(OFFLOAD(ours, pool, must_not_run, NULL, JOB()), -ECHILD);
	GIVES(WRAP(ours, stage.running), -ECHILD);
	GIVES(STAT(ours, pool, "/", NULL), -ECHILD);
	GIVES(LSTAT(ours, pool, "/", NULL), -ECHILD);
	GIVES(OPEN(ours, pool, "/", O_RDONLY, 0, NULL), -ECHILD);
	GIVES(CLOSE(ours, pool, STDERR_FILENO, NULL), -ECHILD);
	GIVES(READDIR(ours, pool, "/", NULL), -ECHILD);
	GIVES(ferry_local_chain(stage.done, local), -ECHILD);
	GIVES(ferry_local_chain(local, stage.plain), -ECHILD);
	GIVES(ferry_loop_run_until(ours, stage.plain), -ECHILD);
	stage.loop = theirs;
	ferry_local_unref(local);
	HOLDS(ferry_loop_free(ours) == 0);
}

static void in_a_child(void)
{
	misuse_column = CHILD;
	places();
	nowhere();
	across_a_fork();
	/* Its locals are refused after it is freed, too. */
	HOLDS(ferry_loop_free(stage.loop) == 0);
	places();
}

Test(misuse_bridge, a_child_is_refused_P6)
{
	misuse_begin();
	misuse_in_a_child(in_a_child);
	misuse_end();
}
