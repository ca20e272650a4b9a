/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/fs/cached.c: what the caches do not have is for the pool, and so is all where a kernel or a
 * filter does not let them be asked; every answer is right (S1).
 */
#include <criterion/criterion.h>
#include <sys/stat.h>

#include "support/asking.h"
#include "support/denied.h"
#include "support/mounts.h"

TestSuite(cached, .timeout = 60);

Test(cached, S1_a_name_that_the_caches_forgot_is_found_by_a_worker, .init = asking_begin,
     .fini = asking_end)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = 0x20 /* CACHED */ };

	WAYS_OR_SKIP(folder);
	close(held);
	held = -1;
	if (!caches_forget(folder) ||
	    syscall(SYS_openat2, AT_FDCWD, folder_path("file"), &how, sizeof(how)) >= 0)
		cr_skip_test("this filesystem forgets nothing, or nobody may ask it to");
	cr_assert_eq(way_of(asks_file, ways_inline), MISSED);
	held = ways_hold(folder_path("file"));
	cr_assert_eq(way_of(asks_file, ways_inline), HIT);
}

/* ---- no descriptor ---- */

Test(cached, S1_without_a_descriptor_the_pool_answers, .init = asking_begin, .fini = asking_end)
{
	ferry_local *local;

	WAYS_OR_SKIP(folder);
	fixture_descriptors_left(0);
	for (int i = 0; i < 3; i++) {
		local = asks_file(ways_inline);
		cr_assert_not(ferry_local_snapshot(local).done);
		cr_assert_eq(ways_end(loop, local), 0, "for which it needs none");
		ferry_local_unref(local);
	}
	fixture_descriptors_left(-1);
	cr_assert_eq(way_of(asks_file, ways_inline), HIT, "it is not taken for a kernel's lack");
}

/* ---- kernels that lack something, and filters ---- */

static const char *const paths[] = { "file",          "below",   "link",  "dangling",
				     "below/../file", "missing", "file/x" };
#define NO_FILTER 77
static long refused_call;
static int refused_errno;
static bool before; /* the first call, or when calls were answered inline */

/* All calls are right, and inline only if @may. 0, or the line that is not so. */
static int asks_all(bool may)
{
	uint64_t hits = ways_counters(loop).hits;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		for (int round = 0; round < 2; round++) {
			struct stat status;
			const char *path = folder_path(paths[i]);
			int expected = stat(path, &status) < 0 ? errno : 0;
			ferry_local *local = ferry_fs_stat(loop, pool, path, ways_inline);
			const ferry_stat *found;

			if (ways_end(loop, local) != expected)
				return 10 + (int)i;
			found = ferry_fs_result_stat(local);
			if (!found != !!expected || (found && found->inode != status.st_ino))
				return 20 + (int)i;
			ferry_local_unref(local);
			expected = access(path, R_OK) < 0 ? errno : 0;
			local = ferry_fs_access(loop, pool, path, R_OK, ways_inline);
			if (ways_end(loop, local) != expected)
				return 30 + (int)i;
			ferry_local_unref(local);
		}
	return (ways_counters(loop).hits > hits) == may ? 0 : 40;
}

static int opens_and_closes(ferry_fs_root *root)
{
	ferry_fs_options options = *ways_inline;
	ferry_local *local;
	ferry_result fd;
	int error;

	options.root = root;
	local = ferry_fs_open_stat(loop, pool, "file", O_RDONLY, 0, &options);
	error = ways_end(loop, local);
	if (error || !ferry_fs_result_stat(local) || ferry_fs_result_stat(local)->size != 7)
		return 50;
	if (ferry_local_take(local, &fd))
		return 51;
	ferry_local_unref(local);
	local = ferry_fs_close(loop, pool, (int)fd.i64, &options);
	if (ways_end(loop, local) || fcntl((int)fd.i64, F_GETFD) >= 0)
		return 52;
	ferry_local_unref(local);
	local = ferry_fs_stat(loop, pool, "../file", &options);
	if (ways_end(loop, local) != EXDEV)
		return 53;
	ferry_local_unref(local);
	return 0;
}

static int asks_without(void *arg)
{
	bool may = refused_call == SYS_statmount || refused_call == SYS_listmount;
	ferry_fs_root *root;
	ferry_local *local;
	int error;

	(void)arg;
	if (!before && !denied(refused_call, refused_errno))
		return NO_FILTER;
	loop = fixture_loop();
	pool = fixture_pool(1);
	ways_begin(loop, pool);
	if (before && (asks_all(true) || !denied(refused_call, refused_errno)))
		return NO_FILTER;
	root = ways_root(loop, pool, folder, FERRY_FS_TRUST_LOCAL);
	/* The first call meets it, and its outcome is no other. */
	local = asks_file(ways_inline);
	error = ways_end(loop, local) ? 60 : asks_all(may);
	ferry_local_unref(local);
	if (!error)
		error = opens_and_closes(root);
	ferry_fs_root_unref(root);
	fixture_end(loop, pool);
	return error;
}

Test(cached, S1_where_the_kernel_or_a_filter_refuses_a_call_the_pool_answers)
{
	static const long calls[] = { SYS_openat2, SYS_statx, SYS_statmount, SYS_listmount };
	static const int errnos[] = { ENOSYS, EPERM };

	folder_make();
	folder_file("file", "content");
	folder_below("below", 0700);
	folder_link("link", "file");
	folder_link("dangling", "nowhere");
	WAYS_OR_SKIP(folder);
	for (int i = 0; i < 16; i++) {
		int status;

		refused_call = calls[i % 4];
		refused_errno = errnos[i / 4 % 2];
		before = i / 8;
		status = fixture_in_child(asks_without, NULL);
		if (status == NO_FILTER)
			cr_skip_test("this machine does not let a process forbid itself a call");
		cr_assert_eq(status, 0, "system call %ld, errno %d, %s: %d", refused_call,
			     refused_errno, before ? "later" : "from the beginning", status);
	}
	folder_remove();
}
