/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/fs/fs.c: what a loop knows of mounts and when, and what is configured. Until a mount is
 * classified nothing on it is inline (S1).
 */
#include <criterion/criterion.h>
#include <sys/stat.h>

#include "support/asking.h"
#include "support/namespace.h"

TestSuite(fs, .timeout = 60);

#define HOUR_NS 3600000000000u

static ferry_local *asks_new(const ferry_fs_options *options)
{
	return ferry_fs_stat(loop, pool, folder_path("new/file"), options);
}

/* ---- what is known ---- */

Test(fs, S1_until_the_mounts_are_known_nothing_is_inline)
{
	asking_begin_anew();
	WAYS_OR_SKIP(folder);
	block();
	for (int i = 0; i < 3; i++) {
		ferry_local *local = asks_file(ways_inline);

		cr_assert_not(ferry_local_snapshot(local).done);
		ferry_local_unref(local);
	}
	cr_assert_eq(ways_counters(loop).avoided, 3);
	cr_assert_eq(ways_counters(loop).mount_reads, 0);
	cr_assert_eq(ways_counters(loop).under_way, 3);
	unblock();
	cr_assert_eq(ways_counters(loop).mount_reads, 1, "once, however many ask");
	cr_assert_eq(ways_counters(loop).under_way, 0);
	cr_assert_eq(way_of(asks_file, ways_inline), HIT);
	asking_end();
}
/* A call on a mount that is not in the table. What a child of its own says, 0: all was right. */
static int meets_a_new_mount(void)
{
	struct stat status;
	ferry_fs_mount mount;
	uint64_t reads;

	asking_begin();
	if (!ways_are_cached(folder) || way_of(asks_file, ways_inline) != HIT)
		return 1;
	namespace_mount("tmpfs", "new", 0, NULL);
	folder_file("new/file", "content");
	if (stat(folder_path("new/file"), &status))
		return 2;
	reads = ways_counters(loop).mount_reads;
	if (way_of(asks_new, ways_inline) != AVOIDED)
		return 3;
	while (ways_counters(loop).mount_reads == reads)
		ferry_loop_run_once(loop, FERRY_NO_DEADLINE);
	if (way_of(asks_new, ways_inline) != HIT)
		return 4;
	if (!see_mount(folder_path("new"), &mount) || mount.device != status.st_dev ||
	    mount.is_remote || mount.is_slow || mount.is_stuck)
		return 5;
	if (umount(folder_path("new")))
		return 6;
	asking_end();
	return 0;
}

Test(fs, S1_a_mount_that_is_met_for_the_first_time_is_classified_by_a_worker)
{
	int status = namespace_run(meets_a_new_mount);

	if (status == NAMESPACE_NONE)
		cr_skip_test("this machine does not let a process have mounts of its own");
	if (status == 1)
		cr_skip_test("this kernel answers nothing from its caches for the folder");
	cr_assert_eq(status, 0);
}

/* A loop looks after calls while there is a remote mount. What a child of its own says. */
static int runs_beside_a_remote_mount(void)
{
	ferry_fs_mount mount;
	ferry_local *local;

	folder_file("file", "content");
	if (!namespace_mount_fuse("remote", "fuse"))
		return NAMESPACE_NONE;
	loop = fixture_loop();
	pool = fixture_pool(1);
	ways_begin(loop, pool);
	configure((ferry_fs_settings){ .stuck_ns = HOUR_NS });
	if (!see_mount(folder_path("remote"), &mount) || !mount.is_remote)
		return 1;
	for (int i = 0; i < 2; i++) {
		local = asks_file(ways_pool);
		if (ferry_loop_run(loop) || ferry_loop_pending(loop))
			return 2;
		if (ways_end(loop, local))
			return 3;
		ferry_local_unref(local);
		if (ferry_loop_run_once(loop, FERRY_NO_DEADLINE))
			return 4;
	}
	fixture_end(loop, pool);
	return umount2(folder_path("remote"), MNT_DETACH) ? 5 : 0;
}

Test(fs, a_loop_does_not_run_on_only_to_look_whether_a_mount_is_stuck)
{
	int status = namespace_run(runs_beside_a_remote_mount);

	if (status == NAMESPACE_NONE)
		cr_skip_test("this machine does not let a process mount FUSE filesystems");
	cr_assert_eq(status, 0);
}

/* ---- settings, counters ---- */

Test(fs, a_loop_that_made_no_file_call_has_counted_none)
{
	ferry_fs_counters counters;
	static const ferry_fs_counters none;
	ferry_fs_mount mount;

	loop = fixture_loop();
	memset(&counters, 0xa5, sizeof(counters));
	cr_assert_eq(ferry_fs_stats(loop, &counters), 0);
	cr_assert_eq(memcmp(&counters, &none, sizeof(counters)), 0);
	cr_assert_not(see_mount("/", &mount));
	cr_assert_eq(seen, 0);
	configure((ferry_fs_settings){ .depth = 1 });
	cr_assert_eq(ferry_fs_stats(loop, &counters), 0);
	cr_assert_eq(memcmp(&counters, &none, sizeof(counters)), 0);
	cr_assert_eq(ferry_fs_configure(loop, NULL), 0);
	fixture_end(loop, NULL);
}
