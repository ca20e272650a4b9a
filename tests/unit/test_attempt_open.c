/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/fs/attempt_open.c: what is opened and closed inline, and what becomes of it (F7, S1). What
 * roots have to do with that is in test_root.c.
 */
#include <criterion/criterion.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "support/asking.h"
#include "support/denied.h"
#include "support/tasks.h"

TestSuite(attempt_open, .timeout = 60);

static ferry_fs_root *trusted;

static void begin(void)
{
	asking_begin();
	trusted = ways_root(loop, pool, folder, FERRY_FS_TRUST_LOCAL);
}

static void end(void)
{
	ferry_fs_root_unref(trusted);
	asking_end();
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
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

static ferry_fs_options inline_below(void)
{
	ferry_fs_options options = *ways_inline;

	options.root = trusted;
	return options;
}

/* Opened before this returns. */
static ferry_local *opened_inline(void)
{
	ferry_fs_options options = inline_below();
	ferry_local *local = ferry_fs_open(loop, pool, "file", O_RDONLY, 0, &options);

	cr_assert(ferry_local_snapshot(local).done);
	cr_assert_null(ferry_local_snapshot(local).exception);
	return local;
}

Test(attempt_open, F7_opened_inline_and_not_taken_it_is_closed_on_a_worker, .init = begin,
     .fini = end)
{
	int before = fixture_descriptors(), fd;
	uint64_t disposed = fixture_pool_counters(pool).disposed;
	ferry_local *local;

	WAYS_OR_SKIP(folder);
	block();
	local = opened_inline();
	fd = ferry_fs_result_fd(local);
	cr_assert_eq(fixture_descriptors(), before + 1);
	ferry_local_unref(local);
	cr_assert(is_open(fd), "not on this thread, which is a loop's");
	unblock();
	await_worker();
	cr_assert_not(is_open(fd));
	cr_assert_eq(fixture_descriptors(), before);
	cr_assert_eq(fixture_pool_counters(pool).disposed, disposed + 1);
}

Test(attempt_open, F7_opened_inline_and_taken_it_is_the_takers, .init = begin, .fini = end)
{
	ferry_result result, again;
	ferry_local *local;

	WAYS_OR_SKIP(folder);
	local = opened_inline();
	cr_assert_eq(ferry_local_cancel(local), -EALREADY);
	cr_assert_eq(ferry_local_take(local, &result), 0);
	cr_assert_eq(ferry_local_take(local, &again), -EALREADY);
	ferry_local_unref(local);
	await_worker();
	cr_assert(is_open((int)result.i64));
	close((int)result.i64);
}

Test(attempt_open, F7_opened_inline_it_is_closed_though_its_pool_or_its_loop_are_gone,
     .init = begin)
{
	ferry_pool *other = fixture_pool(1);
	ferry_local *local;
	int fd;

	WAYS_OR_SKIP(folder);
	local = opened_inline();
	fd = ferry_fs_result_fd(local);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	ferry_pool_free(pool);
	cr_assert(is_open(fd));
	ferry_local_unref(local);
	tasks_until_true(!is_open(fd)); /* by a thread that is made for that */
	pool = other;
	local = opened_inline();
	fd = ferry_fs_result_fd(local);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(is_open(fd), "it is held");
	ferry_local_unref(local);
	loop = fixture_loop();
	await_worker();
	cr_assert_not(is_open(fd));
	end();
}

/* A filter that knows open but no statx; the worker, who was there before it, is under none. */
Test(attempt_open, F7_what_cannot_be_looked_at_is_not_left_open, .init = begin, .fini = end)
{
	ferry_fs_root *unchanging = ways_root(loop, pool, folder, FERRY_FS_TRUST_UNCHANGING);
	ferry_fs_options options = *ways_inline;
	int before = fixture_descriptors();

	WAYS_OR_SKIP(folder);
	if (!denied(SYS_statx, EPERM))
		cr_skip_test("no filter of system calls can be set here");
	for (int i = 0; i < 2; i++) {
		ferry_local *local;

		options.root = i ? unchanging : trusted;
		local = ferry_fs_open_stat(loop, pool, "file", O_RDONLY, 0, &options);
		cr_assert_not(ferry_local_snapshot(local).done);
		cr_assert_eq(ways_end(loop, local), 0);
		ferry_local_unref(local);
		await_worker();
		cr_assert_eq(fixture_descriptors(), before);
	}
	ferry_fs_root_unref(unchanging);
}

Test(attempt_open, its_result_is_there_with_its_type_until_it_is_taken, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_fs_result_fd(NULL), -ENODATA);
	for (int i = 0; i < 4; i++) {
		ferry_fs_options options = ways[i & 1];
		ferry_local *local;
		ferry_result result;

		options.root = trusted;
		local = i & 2 ? ferry_fs_open(loop, pool, "file", O_RDONLY, 0, &options)
			      : ferry_fs_open_stat(loop, pool, "file", O_RDONLY, 0, &options);
		if (!ferry_local_snapshot(local).done)
			cr_assert_eq(ferry_fs_result_fd(local), -ENODATA, "pending");
		cr_assert_eq(ways_end(loop, local), 0);
		cr_assert_eq(!ferry_fs_result_stat(local), !!(i & 2));
		cr_assert_eq(ferry_fs_result_fd(local), ferry_local_snapshot(local).result.i64);
		cr_assert_eq(ferry_local_take(local, &result), 0);
		cr_assert_eq(ferry_fs_result_fd(local), -ENODATA, "it is another's");
		cr_assert_eq(!ferry_fs_result_stat(local), !!(i & 2), "the attributes stay");
		ferry_local_unref(local);
		local = ferry_fs_close(loop, pool, (int)result.i64, &ways[i & 1]);
		cr_assert_eq(ways_end(loop, local), 0);
		cr_assert_eq(ferry_fs_result_fd(local), -ENODATA, "of another call");
		ferry_local_unref(local);
		local = ferry_fs_open(loop, pool, "missing", O_RDONLY, 0, &options);
		cr_assert_eq(ways_end(loop, local), ENOENT);
		cr_assert_eq(ferry_fs_result_fd(local), -ENODATA);
		ferry_local_unref(local);
	}
}

/* ---- open_stat ---- */

Test(attempt_open, open_stat_has_both_of_the_same_file_either_way, .init = begin, .fini = end)
{
	static const char *const paths[] = { "file", ".", "link", "missing", "file/x", "" };
	int before;

	folder_link("link", "file");
	before = fixture_descriptors();
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths) * 4; i++) {
		const char *path = paths[i / 4];
		ferry_fs_options options = ways[i & 1];
		ferry_local *local;
		struct stat status;
		int error;

		if (i & 2)
			options.root = trusted;
		else if (*path)
			path = folder_path(path);
		local = ferry_fs_open_stat(loop, pool, path, O_RDONLY, 0, &options);
		error = ways_end(loop, local);
		cr_assert_eq(error,
			     i / 4 < 3    ? 0
			     : i / 4 == 4 ? ENOTDIR
					  : ENOENT,
			     "\"%s\": %d", path, error);
		cr_assert_eq(!ferry_fs_result_stat(local), !!error);
		if (!error) {
			const ferry_stat *ours = ferry_fs_result_stat(local);

			cr_assert_eq(fstat(ferry_fs_result_fd(local), &status), 0);
			cr_assert_eq(ours->inode, status.st_ino);
			cr_assert_eq(ours->device, status.st_dev);
			cr_assert_eq(ours->mode, status.st_mode);
			cr_assert_eq(ours->size, (uint64_t)status.st_size);
			cr_assert_eq(ours->changed_ns, (int64_t)status.st_ctim.tv_sec * 1000000000 +
							       status.st_ctim.tv_nsec);
		}
		ferry_local_unref(local);
	}
	await_worker();
	cr_assert_eq(fixture_descriptors(), before);
}

/* ---- close, inline ---- */

/* What it is of, and whether it may be closed inline. */
static const struct kind {
	const char *path; /* NULL: none */
	int flags;
	bool may;
} kinds[] = {
	{ "file", O_RDONLY, true },
	{ "file", O_RDONLY | O_NONBLOCK, true },
	{ "file", O_PATH, true },
	{ ".", O_RDONLY | O_DIRECTORY, true },
	{ "file", O_WRONLY, false },
	{ "file", O_RDWR, false },
	{ "file", O_WRONLY | O_APPEND, false },
	{ "fifo", O_RDONLY | O_NONBLOCK, false },
	{ "fifo", O_RDWR, false },
	{ "unlinked", O_RDONLY, false },
	{ "/dev/null", O_RDONLY, false },
};

Test(attempt_open, S1_what_could_be_flushed_or_freed_is_closed_on_a_worker, .init = begin,
     .fini = end)
{
	folder_fifo("fifo");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) * 2; i++) {
		const struct kind *kind = &kinds[i / 2];
		bool may = kind->may && !(i & 1) && ways_are_cached(folder), was_inline;
		const char *path = *kind->path == '/' ? kind->path : folder_path(kind->path);
		ferry_local *local;
		int fd;

		folder_file("unlinked", "content");
		fd = open(path, kind->flags | O_CLOEXEC);
		cr_assert_geq(fd, 0);
		cr_assert_eq(unlink(folder_path("unlinked")), 0);
		block();
		local = ferry_fs_close(loop, pool, fd, &ways[i & 1]);
		was_inline = ferry_local_snapshot(local).done;
		cr_assert_eq(is_open(fd), !was_inline);
		unblock();
		cr_assert_eq(was_inline, may, "%s, %x", kind->path, kind->flags);
		cr_assert_null(ferry_local_snapshot(local).exception);
		cr_assert_not(is_open(fd));
		ferry_local_unref(local);
	}
}

Test(attempt_open, S1_pipes_and_sockets_are_closed_on_a_worker, .init = begin, .fini = end)
{
	int ends[4];

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends + 2), 0);
	for (int i = 0; i < 4; i++) {
		ferry_local *local;

		block();
		local = ferry_fs_close(loop, pool, ends[i], ways_inline);
		cr_assert_not(ferry_local_snapshot(local).done);
		cr_assert(is_open(ends[i]));
		unblock();
		cr_assert_not(is_open(ends[i]));
		cr_assert_null(ferry_local_snapshot(local).exception);
		ferry_local_unref(local);
	}
}

Test(attempt_open, close_tells_the_same_failure_either_way, .init = begin, .fini = end)
{
	for (int i = 0; i < 2; i++) {
		ferry_local *local = ferry_fs_close(loop, pool, 1000000, &ways[i]);

		cr_assert_eq(ways_end(loop, local), EBADF);
		ferry_local_unref(local);
	}
}

Test(attempt_open, close_inline_closes_once, .init = begin, .fini = end)
{
	int fd = open(folder_path("file"), O_RDONLY | O_CLOEXEC);
	ferry_local *local;

	WAYS_OR_SKIP(folder);
	local = ferry_fs_close(loop, pool, fd, ways_inline);
	cr_assert(ferry_local_snapshot(local).done);
	cr_assert_eq(open("/dev/null", O_RDONLY), fd, "the number is free");
	cr_assert_eq(ferry_local_cancel(local), -EALREADY);
	ferry_local_unref(local);
	await_worker();
	cr_assert(is_open(fd), "and is not closed again");
	close(fd);
}

Test(attempt_open, below_a_root_that_does_not_change_nothing_is_looked_at_before_it_is_closed,
     .init = begin, .fini = end)
{
	ferry_fs_root *unchanging = ways_root(loop, pool, folder, FERRY_FS_TRUST_UNCHANGING);
	ferry_fs_options options = *ways_inline;

	WAYS_OR_SKIP(folder);
	for (int i = 0; i < 2; i++) {
		int fd = open(folder_path("file"), O_RDWR | O_CLOEXEC);
		ferry_local *local;

		options.root = i ? unchanging : trusted;
		local = ferry_fs_close(loop, pool, fd, &options);
		cr_assert_eq(ferry_local_snapshot(local).done, i, "its owner said so");
		cr_assert_eq(ways_end(loop, local), 0);
		cr_assert_not(is_open(fd));
		ferry_local_unref(local);
		local = ferry_fs_close(loop, pool, fd, &options);
		cr_assert_eq(ways_end(loop, local), EBADF);
		ferry_local_unref(local);
	}
	ferry_fs_root_unref(unchanging);
}
