/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* open and close: no descriptor is lost, none is closed twice (F7). */
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>

#include "support/fixture.h"
#include "support/folder.h"
#include "support/gate.h"
#include "support/ways.h"

TestSuite(open, .timeout = 30);

static ferry_loop *loop;
static ferry_pool *pool; /* one worker */
static struct gate gate;
static ferry_local *blocked;

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
	ways_begin(loop, pool);
	folder_make();
	folder_file("file", "content");
}

static void end(void)
{
	folder_remove();
	fixture_end(loop, pool);
}

/* The worker is inside a call until unblock(). */
static void block(void)
{
	gate_init(&gate);
	blocked = ferry_offload(loop, pool, wait_at, &gate, NULL);
	gate_await(&gate, 1);
}

static void unblock(void)
{
	gate_open(&gate);
	cr_assert_eq(ferry_loop_run(loop), 0);
	blocked = ferry_local_unref(blocked);
}

static ferry_local *ask(const char *name, int flags, unsigned mode)
{
	ferry_local *local = ferry_fs_open(loop, pool, folder_path(name), flags, mode, ways_pool);

	cr_assert_not_null(local);
	return local;
}

static ferry_local *opened(const char *name, int flags, unsigned mode)
{
	ferry_local *local = ask(name, flags, mode);

	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	return local;
}

/* The caller's own descriptor. */
static int taken(const char *name, int flags, unsigned mode)
{
	ferry_local *local = opened(name, flags, mode);
	ferry_result result;

	cr_assert_null(ferry_local_snapshot(local).exception);
	cr_assert_eq(ferry_local_take(local, &result), 0);
	ferry_local_unref(local);
	return (int)result.i64;
}

static void check_error(const char *name, int flags, int code)
{
	ferry_local *local = opened(name, flags, 0600);

	cr_assert_eq(ferry_local_snapshot(local).exception, ferry_error_from_errno(code));
	ferry_local_unref(local);
}

static int do_nothing(void *arg, ferry_result *out)
{
	(void)arg, (void)out;
	return 0;
}

/* The worker has closed what was handed to it, and all else it had. */
static void await_worker(void)
{
	ferry_local *local = ferry_offload(loop, pool, do_nothing, NULL, NULL);

	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	ferry_local_unref(local);
}

/* ---- open ---- */

Test(open, the_descriptor_reads_what_the_file_has, .init = begin, .fini = end)
{
	char content[16] = "";
	int fd = taken("file", O_RDONLY, 0);

	cr_assert_eq(read(fd, content, sizeof(content)), 7);
	cr_assert_str_eq(content, "content");
	cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC, "though nobody asked for it");
	close(fd);
}

Test(open, flags_and_mode_are_as_for_open, .init = begin, .fini = end)
{
	struct stat status;
	int fd = taken("new", O_WRONLY | O_CREAT | O_EXCL, 0640);

	umask(umask(0));
	cr_assert_eq(fstat(fd, &status), 0);
	cr_assert_eq(status.st_mode & 0777 & ~0640u, 0);
	cr_assert_eq(status.st_mode & 0600, 0600);
	cr_assert_eq(write(fd, "x", 1), 1);
	close(fd);
	fd = taken("file", O_RDWR | O_TRUNC | O_APPEND, 0);
	cr_assert(fcntl(fd, F_GETFL) & O_APPEND);
	cr_assert_eq(fstat(fd, &status), 0);
	cr_assert_eq(status.st_size, 0);
	close(fd);
}

Test(open, each_failure_is_its_errno_and_no_descriptor_is_lost, .init = begin, .fini = end)
{
	int before = fixture_descriptors();
	char name[257];

	folder_link("one", "one");
	folder_link("link", "file");
	folder_below("below", 0700);
	memset(name, 'n', 256);
	name[256] = 0;
	check_error("does-not-exist", O_RDONLY, ENOENT);
	check_error("file/below", O_RDONLY, ENOTDIR);
	check_error("file", O_RDONLY | O_DIRECTORY, ENOTDIR);
	check_error("file", O_WRONLY | O_CREAT | O_EXCL, EEXIST);
	check_error("below", O_WRONLY, EISDIR);
	check_error("one", O_RDONLY, ELOOP);
	check_error("link", O_RDONLY | O_NOFOLLOW, ELOOP);
	check_error(name, O_RDONLY, ENAMETOOLONG);
	fixture_descriptors_left(0);
	check_error("file", O_RDONLY, EMFILE);
	fixture_descriptors_left(-1);
	cr_assert_eq(fixture_descriptors(), before);
}

Test(open, a_file_that_may_not_be_read_is_EACCES)
{
	pid_t child;
	int status;

	folder_make();
	folder_file("file", "");
	cr_assert_eq(chmod(folder_path("file"), 0), 0);
	child = fork();
	if (child == 0) {
		ferry_local *local;

		folder_be_nobody();
		loop = fixture_loop();
		pool = fixture_pool(1);
		local = opened("file", O_RDONLY, 0);
		_exit(ferry_local_snapshot(local).exception == ferry_error_from_errno(EACCES)
			      ? 0
			      : 1);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	folder_remove();
}

/* ---- what nobody takes ---- */

Test(open, F7_a_descriptor_that_nobody_takes_is_closed_on_a_worker, .init = begin, .fini = end)
{
	int before = fixture_descriptors();
	ferry_local *local = opened("file", O_RDONLY, 0);

	cr_assert_eq(fixture_descriptors(), before + 1);
	block();
	ferry_local_unref(local);
	cr_assert_eq(fixture_descriptors(), before + 1, "not on this thread, which is a loop's");
	unblock();
	await_worker();
	cr_assert_eq(fixture_descriptors(), before);
	cr_assert_eq(fixture_pool_counters(pool).disposed, 1);
	cr_assert_eq(fixture_loop_counters(loop).dropped, 1);
}

Test(open, F7_cancelled_while_it_is_queued_nothing_is_opened, .init = begin, .fini = end)
{
	int before = fixture_descriptors();
	ferry_local *local;

	block();
	local = ask("file", O_RDONLY, 0);
	cr_assert_eq(ferry_local_cancel(local), 1);
	ferry_local_unref(local);
	unblock();
	await_worker();
	cr_assert_eq(fixture_descriptors(), before);
	cr_assert_eq(fixture_pool_counters(pool).disposed, 0);
}

Test(open, F7_cancelled_when_it_was_opened_and_not_delivered_it_is_closed, .init = begin,
     .fini = end)
{
	int before = fixture_descriptors();
	uint64_t ran = fixture_pool_counters(pool).ran;
	ferry_local *local = ask("file", O_RDONLY, 0);

	while (fixture_pool_counters(pool).ran == ran)
		sched_yield();
	cr_assert_eq(ferry_local_cancel(local), 1);
	ferry_local_unref(local);
	await_worker();
	await_worker();
	cr_assert_eq(fixture_descriptors(), before);
}

Test(open, F7_dropped_at_once_it_is_closed, .init = begin, .fini = end)
{
	int before = fixture_descriptors();

	for (int i = 0; i < 50; i++)
		ferry_local_unref(ask("file", O_RDONLY, 0));
	cr_assert_eq(ferry_loop_run(loop), 0);
	await_worker();
	await_worker();
	cr_assert_eq(fixture_descriptors(), before);
}

Test(open, F7_opened_after_its_loop_closed_it_is_closed, .init = begin)
{
	int before;
	ferry_local *held;

	ferry_loop_free(loop);
	before = fixture_descriptors();
	loop = fixture_loop();
	ways_begin(loop, pool);
	block();
	held = ask("file", O_RDONLY, 0);
	ferry_local_unref(ask("file", O_RDONLY, 0));
	ferry_local_unref(blocked);
	cr_assert_eq(ferry_loop_free(loop), 0);
	gate_open(&gate);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	ferry_local_unref(held);
	cr_assert_eq(fixture_descriptors(), before);
	ferry_pool_free(pool);
	folder_remove();
}

/* ---- close ---- */

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

Test(open, close_closes_on_a_worker, .init = begin, .fini = end)
{
	int fd = taken("file", O_RDONLY, 0);
	ferry_local *local = ferry_fs_close(loop, pool, fd, ways_pool);

	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert(ferry_local_snapshot(local).done);
	cr_assert_null(ferry_local_snapshot(local).exception);
	cr_assert_not(is_open(fd));
	ferry_local_unref(local);
}

Test(open, close_tells_its_failure, .init = begin, .fini = end)
{
	ferry_local *local = ferry_fs_close(loop, pool, 1000000, ways_pool);

	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_eq(ferry_local_snapshot(local).exception, ferry_error_from_errno(EBADF));
	ferry_local_unref(local);
}

Test(open, close_closes_though_its_local_is_cancelled, .init = begin, .fini = end)
{
	int fd = taken("file", O_RDONLY, 0);
	ferry_local *local;

	block();
	local = ferry_fs_close(loop, pool, fd, ways_pool);
	cr_assert_eq(ferry_local_cancel(local), 1);
	cr_assert(ferry_local_snapshot(local).cancelled);
	ferry_local_unref(local);
	cr_assert(is_open(fd), "a worker closes it");
	unblock();
	await_worker();
	cr_assert_not(is_open(fd));
	cr_assert_eq(fixture_pool_counters(pool).cancelled, 0);
}

Test(open, close_closes_though_its_loop_closes, .init = begin)
{
	int fd = taken("file", O_RDONLY, 0);

	block();
	ferry_local_unref(ferry_fs_close(loop, pool, fd, ways_pool));
	ferry_local_unref(blocked);
	cr_assert_eq(ferry_loop_free(loop), 0);
	gate_open(&gate);
	fixture_end(NULL, pool);
	cr_assert_not(is_open(fd));
	folder_remove();
}

Test(open, close_closes_once_though_the_pool_refuses, .init = begin, .fini = end)
{
	int fd = taken("file", O_RDONLY, 0);
	ferry_local *local;

	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_ABANDON, 0), 0);
	local = ferry_fs_close(loop, pool, fd, ways_pool);
	cr_assert_eq(ferry_local_snapshot(local).exception, ferry_error_from_errno(ESHUTDOWN));
	/* On a thread that was made for it: there is no worker. */
	while (is_open(fd))
		sched_yield();
	cr_assert_eq(open("/dev/null", O_RDONLY), fd, "the number is free");
	ferry_local_unref(local);
	cr_assert(is_open(fd), "and is not closed again");
	close(fd);
}

Test(open, close_closes_once_though_the_pool_is_cancelled, .init = begin)
{
	int fd = taken("file", O_RDONLY, 0);
	ferry_local *local;

	block();
	local = ferry_fs_close(loop, pool, fd, ways_pool);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_CANCEL, 0), 1);
	/* Though the only worker hangs. */
	while (is_open(fd))
		sched_yield();
	unblock();
	cr_assert(ferry_local_snapshot(local).cancelled);
	ferry_local_unref(local);
	end();
}

Test(open, close_refuses_wrong_arguments_and_leaves_the_descriptor, .init = begin, .fini = end)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	int fd = taken("file", O_RDONLY, 0);
	uint64_t attempted = fixture_pool_counters(pool).attempted;

	cr_assert_null(ferry_fs_close(NULL, pool, fd, NULL));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_fs_close(loop, NULL, fd, NULL));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_fs_close(loop, pool, -1, NULL));
	cr_assert_eq(errno, EINVAL);
	options.borrow_path = 1;
	cr_assert_null(ferry_fs_close(loop, pool, fd, &options));
	cr_assert_eq(errno, EINVAL);
	options = (ferry_fs_options)FERRY_FS_OPTIONS_INIT;
	options.deadline_ns = 1;
	cr_assert_null(ferry_fs_close(loop, pool, fd, &options));
	cr_assert_eq(errno, EINVAL);
	options.size = 0;
	cr_assert_null(ferry_fs_close(loop, pool, fd, &options));
	cr_assert_eq(errno, EINVAL);
	cr_assert(is_open(fd));
	cr_assert_eq(fixture_pool_counters(pool).attempted, attempted);
	close(fd);
}

/* ---- many ---- */

Test(open, a_thousand_are_opened_and_closed_and_the_descriptors_are_as_before, .init = begin,
     .fini = end)
{
	int before = fixture_descriptors();

	for (int i = 0; i < 1000; i++) {
		ferry_local *local = ask("file", O_RDONLY, 0);
		ferry_result result;

		cr_assert_eq(ferry_loop_run_until(loop, local), 0);
		if (i % 3) {
			cr_assert_eq(ferry_local_take(local, &result), 0);
			ferry_local_unref(ferry_fs_close(loop, pool, (int)result.i64, NULL));
		}
		ferry_local_unref(local);
	}
	cr_assert_eq(ferry_loop_run(loop), 0);
	await_worker();
	cr_assert_eq(fixture_descriptors(), before);
}
