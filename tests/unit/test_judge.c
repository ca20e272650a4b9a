/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/fs/judge.c: from which mounts an answer of the caches counts (S1). The remote one here is a
 * FUSE filesystem whose daemon never answers: who asks it hangs, and ends with his process.
 */
#include <criterion/criterion.h>
#include <sys/stat.h>

#include "fs/fs.h"
#include "support/asking.h"
#include "support/namespace.h"

TestSuite(judge, .timeout = 60);

static char remote[300];

static ferry_local *asks_remote(const ferry_fs_options *options)
{
	return ferry_fs_stat(loop, pool, remote, options);
}

/* Answered at once, by whoever? The mount is remote. */
static bool is_inline(const ferry_fs_options *options)
{
	ferry_local *local = asks_remote(options);
	bool is_done = ferry_local_snapshot(local).done;

	if (is_done &&
	    (!ferry_fs_result_stat(local) || !S_ISDIR(ferry_fs_result_stat(local)->mode)))
		fixture_die("it is another file", 0);
	ferry_local_unref(local);
	return is_done;
}

static int begin_remote(void)
{
	ferry_fs_mount mount;

	asking_begin_anew();
	if (!ways_are_cached(folder) || !namespace_mount_fuse("remote", "fuse.test"))
		return NAMESPACE_NONE;
	strcpy(remote, folder_path("remote"));
	ways_begin(loop, pool);
	return see_mount(remote, &mount) && mount.is_remote ? 0 : 1;
}

static int asks_a_remote_mount(void)
{
	ferry_fs_options old = *ways_inline, fresh = *ways_inline, fd = *ways_inline;
	ferry_fs_counters counters;
	int status = begin_remote(), descriptor;
	ferry_local *local;

	if (status)
		return status;
	old.freshness = FERRY_FS_STALE;
	fresh.freshness = FERRY_FS_FRESH;
	if (!is_inline(&old))
		return 2;
	/* Of an open file, too. */
	descriptor = open(remote, O_PATH | O_CLOEXEC);
	local = ferry_fs_fstat(loop, pool, descriptor, &old);
	if (!ferry_local_snapshot(local).done || !ferry_fs_result_stat(local))
		return 3;
	ferry_local_unref(local);
	/* Whether one may use it is another question. */
	local = ferry_fs_access(loop, pool, remote, R_OK, &old);
	if (ferry_local_snapshot(local).done)
		return 4;
	counters = ways_counters(loop);
	if (is_inline(ways_inline) || is_inline(&fresh) || is_inline(NULL))
		return 5;
	local = ferry_fs_fstat(loop, pool, descriptor, &fd);
	if (ferry_local_snapshot(local).done)
		return 6;
	if (ways_counters(loop).hits != counters.hits ||
	    ways_counters(loop).misses != counters.misses + 4)
		return 7;
	/* What is elsewhere is as it was. */
	local = asks_file(ways_inline);
	return ferry_local_snapshot(local).done ? 0 : 8;
}

Test(judge, S1_of_a_remote_mount_only_what_may_be_old_is_inline)
{
	int status = namespace_run(asks_a_remote_mount);

	if (status == NAMESPACE_NONE)
		cr_skip_test("this machine does not let a process mount FUSE filesystems");
	cr_assert_eq(status, 0);
}

/* Below a root of each freshness. The root itself is what can be asked without its daemon. */
static int asks_below_remote_roots(void)
{
	int status = begin_remote();

	/* Two calls may hang each time. */
	pool = fixture_pool(20);
	configure((ferry_fs_settings){ .stuck_ns = FERRY_NO_DEADLINE, .most_at_once = 20 });
	for (int i = 0; i < 9 && !status; i++) {
		ferry_fs_root_options root_options = FERRY_FS_ROOT_OPTIONS_INIT;
		ferry_fs_options options = *ways_inline;
		bool is_old = i % 3 ? i % 3 == FERRY_FS_STALE : i / 3 == FERRY_FS_STALE;
		ferry_result root;
		ferry_local *local;

		root_options.freshness = (ferry_fs_freshness)(i / 3);
		root_options.trust = FERRY_FS_TRUST_UNCHANGING;
		local = ferry_fs_root_open(loop, pool, remote, &root_options, NULL);
		if (ways_end(loop, local) || ferry_local_take(local, &root))
			return 2;
		options.root = root.pointer;
		options.freshness = (ferry_fs_freshness)(i % 3);
		local = ferry_fs_stat(loop, pool, ".", &options);
		if (ferry_local_snapshot(local).done != is_old)
			status = 10 + i;
		/* What its owner says of files takes effect on a local mount only. */
		local = ferry_fs_open(loop, pool, ".", O_RDONLY, 0, &options);
		if (ferry_local_snapshot(local).done)
			status = 20 + i;
	}
	return status;
}

Test(judge, S1_of_a_remote_mount_a_call_or_its_root_may_say_what_may_be_old)
{
	int status = namespace_run(asks_below_remote_roots);

	if (status == NAMESPACE_NONE)
		cr_skip_test("this machine does not let a process mount FUSE filesystems");
	cr_assert_eq(status, 0);
}

/* ---- what is closed ---- */

/* Who looks at a name opens it, for no more than that. */
Test(judge, F7_looking_leaves_no_descriptor_open, .init = asking_begin, .fini = asking_end)
{
	int before = fixture_descriptors();

	for (int i = 0; i < 100; i++) {
		static const char *const paths[] = { "file", "missing", "file/x", ".", "below" };

		ferry_local_unref(
			ferry_fs_stat(loop, pool, folder_path(paths[i % 5]), ways_inline));
		ferry_local_unref(
			ferry_fs_lstat(loop, pool, folder_path(paths[i % 5]), ways_inline));
		ferry_local_unref(
			ferry_fs_access(loop, pool, folder_path(paths[i % 5]), W_OK, ways_inline));
	}
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(fixture_descriptors(), before);
}

/* A directory that was removed may still be a root, and has no name by then: who looks at it leaves
 * it to a worker to close it, since that may free what it had. Whatever becomes of the pool. */
static void removed_directories_are_closed(ferry_shutdown mode)
{
	ferry_fs_options options = *ways_inline;
	ferry_pool_counters counters;
	int before, left;

	WAYS_OR_SKIP(folder);
	folder_below("removed", 0700);
	options.root = ways_root(loop, pool, folder_path("removed"), FERRY_FS_TRUST_LOCAL);
	cr_assert_eq(rmdir(folder_path("removed")), 0);
	block();
	before = fixture_descriptors();
	for (int hits = 0; hits < 10;) {
		ferry_local *local = ferry_fs_stat(loop, pool, ".", &options);

		hits += ferry_local_snapshot(local).done;
		ferry_local_unref(local);
	}
	left = fixture_descriptors() - before;
	cr_expect_eq(ferry_pool_shutdown(pool, mode, 0), 1);
	unblock();
	cr_assert_eq(left, 10, "who looked does not close it");
	cr_assert_eq(ferry_pool_shutdown(pool, mode, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(fixture_descriptors(), before);
	cr_assert_eq(ferry_pool_stats(pool, &counters), 0);
	cr_assert_eq(counters.disposed, 10);
	ferry_fs_root_unref(options.root);
}

Test(judge, F7_what_was_removed_is_closed_by_a_worker, .init = asking_begin, .fini = asking_end)
{
	removed_directories_are_closed(FERRY_SHUTDOWN_DRAIN);
}

Test(judge, F7_what_was_removed_is_closed_though_all_jobs_are_cancelled, .init = asking_begin,
     .fini = asking_end)
{
	removed_directories_are_closed(FERRY_SHUTDOWN_CANCEL);
}

Test(judge, F7_what_was_removed_is_closed_though_its_pool_is_abandoned, .init = asking_begin,
     .fini = asking_end)
{
	removed_directories_are_closed(FERRY_SHUTDOWN_ABANDON);
}

static ferry_local *asks_root(const ferry_fs_options *options)
{
	return ferry_fs_stat(loop, pool, "/file", options);
}

/* Such a mount is in no table, however often that is read. */
Test(judge, S2_below_a_root_by_chroot_not_each_call_is_tried, .init = asking_begin,
     .fini = asking_end)
{
	int outside = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ways[AVOIDED + 1] = { 0 };

	WAYS_OR_SKIP(folder);
	if (chroot(folder))
		cr_skip_test("no right to chroot()");
	fs_read_mounts(loop->fs, pool);
	cr_assert_eq(ferry_loop_run(loop), 0);
	for (int i = 0; i < 1000; i++)
		ways[way_of(asks_root, NULL)]++;
	cr_assert_eq(fchdir(outside), 0);
	cr_assert_eq(chroot("."), 0);
	close(outside);
	/* What takes /proc to be read was not: the old table stays. */
	if (ways[HIT] == 1000)
		cr_skip_test("this kernel has no statmount()");
	cr_assert_eq(ways[OTHER], 0);
	cr_assert_eq(ways[HIT], 0);
	cr_assert_gt(ways[MISSED], 0);
	cr_assert_lt(ways[MISSED], 200);
}
