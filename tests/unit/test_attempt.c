/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/fs/attempt.c: access, beside the system's own; inline and on the pool it is the same (S1). So
 * are stat, lstat and fstat, in test_stat.c.
 */
#include <criterion/criterion.h>
#include <sys/stat.h>

#include "support/folder.h"
#include "support/namespace.h"
#include "support/ways.h"

TestSuite(attempt, .timeout = 30);

static ferry_loop *loop;
static ferry_pool *pool;

static void begin(void)
{
	loop = fixture_loop();
	pool = fixture_pool(1);
	ways_begin(loop, pool);
	folder_make();
}

static void end(void)
{
	folder_remove();
	fixture_end(loop, pool);
}

/* Files of every mode, as the process is just now. 0, or which one is not as the system says. */
static int compares_all(void)
{
	static const char *const paths[] = { "0000",    "0400",      "0200",     "0100",
					     "0777",    "link",      "dangling", "loop",
					     "missing", "0777/x",    "closed",   "closed/file",
					     "open",    "open/file", "",         "0777/" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths) * 8 * 2; i++) {
		const char *path = paths[i / 16];
		int mode = (int)(i / 2 % 8), expected;
		ferry_local *local;

		if (*path)
			path = folder_path(path);
		expected = access(path, mode) < 0 ? errno : 0;
		local = ferry_fs_access(loop, pool, path, mode, &ways[i % 2]);
		if (ways_end(loop, local) != expected) {
			fprintf(stderr, "access(%s, %d): %d, not %d, way %zu\n", path, mode,
				ways_end(loop, local), expected, i % 2);
			return 1 + (int)(i / 16);
		}
		ferry_local_unref(local);
	}
	return 0;
}

static void make_all(void)
{
	static const unsigned modes[] = { 0, 0400, 0200, 0100, 0777 };
	char name[8];

	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "%04o", modes[i]);
		folder_file(name, "");
		cr_assert_eq(chmod(folder_path(name), modes[i]), 0);
	}
	folder_link("link", "0400");
	folder_link("dangling", "nowhere");
	folder_link("loop", "loop");
	folder_below("closed", 0700);
	folder_file("closed/file", "");
	folder_below("open", 0755);
	folder_file("open/file", "");
}

Test(attempt, S1_each_mode_of_each_file_is_as_the_system_says, .init = begin, .fini = end)
{
	make_all();
	cr_assert_eq(compares_all(), 0);
}

Test(attempt, S1_where_it_is_cached_it_is_inline, .init = begin, .fini = end)
{
	int held;

	WAYS_OR_SKIP(folder);
	make_all();
	held = ways_hold(folder_path("0777"));
	for (int mode = 0; mode < 8; mode++) {
		ferry_local *local =
			ferry_fs_access(loop, pool, folder_path("0777"), mode, ways_inline);

		cr_assert(ferry_local_snapshot(local).done);
		cr_assert_null(ferry_local_snapshot(local).exception);
		cr_assert_eq(ferry_local_snapshot(local).result.u64, 0);
		ferry_local_unref(local);
	}
	close(held);
}

static int as_nobody(void *arg)
{
	int status;

	(void)arg;
	folder_be_nobody();
	loop = fixture_loop();
	pool = fixture_pool(1);
	ways_begin(loop, pool);
	status = compares_all();
	fixture_end(loop, pool);
	return status;
}

Test(attempt, S1_as_somebody_who_may_less)
{
	folder_make();
	make_all();
	cr_assert_eq(fixture_in_child(as_nobody, NULL), 0);
	folder_remove();
}

/* As a program that is somebody else's by its set-user-ID bit. */
static int as_two(void *arg)
{
	int status;

	(void)arg;
	if (setresgid(65534, 0, 0) || setresuid(65534, 0, 0))
		return NAMESPACE_NONE;
	loop = fixture_loop();
	pool = fixture_pool(1);
	ways_begin(loop, pool);
	status = compares_all();
	fixture_end(loop, pool);
	return status;
}

Test(attempt, S1_it_is_the_real_user_that_may)
{
	int status;

	folder_make();
	make_all();
	status = fixture_in_child(as_two, NULL);
	folder_remove();
	if (status == NAMESPACE_NONE)
		cr_skip_test("only root can be two users");
	cr_assert_eq(status, 0);
}

/* In a child, in the folder of its parent. */
static int where_nothing_is_written(void)
{
	int status = 0;

	folder_below("point", 0755);
	namespace_mount("tmpfs", "point", 0, NULL);
	folder_file("point/file", "");
	if (mount("", folder_path("point"), "tmpfs", MS_REMOUNT | MS_RDONLY, NULL))
		return NAMESPACE_NONE;
	loop = fixture_loop();
	pool = fixture_pool(1);
	ways_begin(loop, pool);
	for (int i = 0; i < 8 && !status; i++) {
		const char *path = folder_path(i & 2 ? "point/file" : "point");
		ferry_local *local =
			ferry_fs_access(loop, pool, path, i & 4 ? W_OK : R_OK, &ways[i & 1]);

		if (ways_end(loop, local) != (i & 4 ? EROFS : 0))
			status = 1 + i;
		ferry_local_unref(local);
	}
	fixture_end(loop, pool);
	return status;
}

Test(attempt, S1_nobody_may_write_where_nothing_is_written)
{
	int status = namespace_run(where_nothing_is_written);

	if (status == NAMESPACE_NONE)
		cr_skip_test("this machine does not let a process have mounts of its own");
	cr_assert_eq(status, 0);
}
