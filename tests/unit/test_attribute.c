/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/fs/attribute.c: times of any year, all bits of a mode, and that owner and group go alone. Who
 * may, and what is said of each path, is in test_operations.c and test_attempt.c.
 */
#include <criterion/criterion.h>
#include <sys/stat.h>

#include "support/asking.h"
#include "support/namespace.h"

TestSuite(attribute, .timeout = 30);

static int did(ferry_local *local)
{
	int error = ways_end(loop, local);

	ferry_local_unref(local);
	return error;
}

static struct stat status_of_file(const char *name)
{
	struct stat status;

	cr_assert_eq(lstat(folder_path(name), &status), 0);
	return status;
}

/* ---- times ---- */

static int set_times(int64_t accessed_ns, int64_t modified_ns)
{
	return did(
		ferry_fs_utimens(loop, pool, folder_path("file"), accessed_ns, modified_ns, NULL));
}

static bool is_time(struct timespec time, int64_t seconds, long nanoseconds)
{
	return time.tv_sec == seconds && time.tv_nsec == nanoseconds;
}

/* Whatever the filesystem makes of those that it does not have: the same for both files. */
Test(attribute, times_of_any_year_are_those_that_the_system_sets, .init = asking_begin,
     .fini = asking_end)
{
	static const struct {
		int64_t ns, seconds;
		long nanoseconds;
	} times[] = {
		{ 0, 0, 0 },
		{ 1, 0, 1 },
		{ -1, -1, 999999999 },
		{ 999999999, 0, 999999999 },
		{ -999999999, -1, 1 },
		{ 1000000000, 1, 0 },
		{ -1000000000, -1, 0 },
		{ -1000000001, -2, 999999999 },
		{ 1700000000123456789, 1700000000, 123456789 },
		{ -1700000000123456789, -1700000001, 876543211 },
		{ INT64_MAX - 1, 9223372036, 854775806 },
		{ INT64_MIN + 1, -9223372037, 145224193 },
	};
	size_t all = sizeof(times) / sizeof(*times);

	folder_file("other", "");
	for (size_t i = 0; i < all; i++) {
		size_t j = (i + 1) % all;
		struct timespec pair[] = { { times[i].seconds, times[i].nanoseconds },
					   { times[j].seconds, times[j].nanoseconds } };
		struct stat ours, theirs;

		cr_assert_eq(utimensat(AT_FDCWD, folder_path("other"), pair, 0), 0);
		cr_assert_eq(set_times(times[i].ns, times[j].ns), 0);
		ours = status_of_file("file");
		theirs = status_of_file("other");
		cr_assert(is_time(ours.st_atim, theirs.st_atim.tv_sec, theirs.st_atim.tv_nsec),
			  "%zu", i);
		cr_assert(is_time(ours.st_mtim, theirs.st_mtim.tv_sec, theirs.st_mtim.tv_nsec),
			  "%zu", j);
	}
}

Test(attribute, either_time_may_stay_or_be_now, .init = asking_begin, .fini = asking_end)
{
	struct stat made = status_of_file("file"), status;

	cr_assert_eq(set_times(5000000006, -1), 0);
	cr_assert_eq(set_times(FERRY_FS_OMIT, FERRY_FS_OMIT), 0);
	status = status_of_file("file");
	cr_assert(is_time(status.st_atim, 5, 6));
	cr_assert(is_time(status.st_mtim, -1, 999999999));
	cr_assert_eq(set_times(FERRY_FS_OMIT, 7000000008), 0);
	status = status_of_file("file");
	cr_assert(is_time(status.st_atim, 5, 6));
	cr_assert(is_time(status.st_mtim, 7, 8));
	cr_assert_eq(set_times(9, FERRY_FS_OMIT), 0);
	status = status_of_file("file");
	cr_assert(is_time(status.st_atim, 0, 9));
	cr_assert(is_time(status.st_mtim, 7, 8));
	cr_assert_eq(set_times(FERRY_FS_NOW, FERRY_FS_OMIT), 0);
	status = status_of_file("file");
	cr_assert_geq(status.st_atim.tv_sec, made.st_mtim.tv_sec);
	cr_assert(is_time(status.st_mtim, 7, 8));
	cr_assert_eq(set_times(9, FERRY_FS_NOW), 0);
	status = status_of_file("file");
	cr_assert(is_time(status.st_atim, 0, 9));
	cr_assert_geq(status.st_mtim.tv_sec, made.st_mtim.tv_sec);
	cr_assert_eq(set_times(FERRY_FS_NOW, FERRY_FS_NOW), 0);
	status = status_of_file("file");
	cr_assert_geq(status.st_atim.tv_sec, made.st_mtim.tv_sec);
	cr_assert_geq(status.st_mtim.tv_sec, made.st_mtim.tv_sec);
}

Test(attribute, of_a_link_it_is_the_file_whose_times_are_set, .init = asking_begin,
     .fini = asking_end)
{
	ferry_fs_root *root = ways_root(loop, pool, folder, FERRY_FS_TRUST_NONE);
	ferry_fs_options options = { .size = sizeof(options), .root = root };
	struct stat before, after;

	folder_link("link", "file");
	before = status_of_file("link");
	cr_assert_eq(did(ferry_fs_utimens(loop, pool, folder_path("link"), 1, 2, NULL)), 0);
	cr_assert(is_time(status_of_file("file").st_mtim, 0, 2));
	cr_assert_eq(did(ferry_fs_utimens(loop, pool, "link", 3, 4, &options)), 0);
	cr_assert(is_time(status_of_file("file").st_mtim, 0, 4));
	after = status_of_file("link");
	cr_assert(is_time(after.st_mtim, before.st_mtim.tv_sec, before.st_mtim.tv_nsec));
	ferry_fs_root_unref(root);
}

/* ---- modes ---- */

Test(attribute, every_bit_of_a_mode_is_set_and_cleared_whatever_the_umask, .init = asking_begin,
     .fini = asking_end)
{
	ferry_fs_root *root = ways_root(loop, pool, folder, FERRY_FS_TRUST_NONE);
	ferry_fs_options options = { .size = sizeof(options), .root = root };
	mode_t umask_before = umask(0777);

	if (getuid())
		cr_skip_test("only root may set every bit");
	for (unsigned bit = 1; bit <= 010000; bit <<= 1) {
		/* At last all of them. */
		unsigned mode = bit == 010000 ? 07777 : bit;

		cr_assert_eq(did(ferry_fs_chmod(loop, pool, folder_path("file"), mode, NULL)), 0);
		cr_assert_eq(status_of_file("file").st_mode & 07777, mode, "%o", mode);
		cr_assert_eq(did(ferry_fs_chmod(loop, pool, "file", 0, &options)), 0);
		cr_assert_eq(status_of_file("file").st_mode & 07777, 0);
		cr_assert_eq(did(ferry_fs_chmod(loop, pool, "file", mode, &options)), 0,
			     "nobody may open it, but its owner may do this");
		cr_assert_eq(status_of_file("file").st_mode & 07777, mode, "%o", mode);
	}
	umask(umask_before);
	ferry_fs_root_unref(root);
}

/* ---- owners ---- */

Test(attribute, owner_and_group_are_set_alone_and_together, .init = asking_begin,
     .fini = asking_end)
{
	static const struct {
		uint32_t owner, group;
		unsigned has_owner, has_group;
	} steps[] = {
		{ 1234, 5678, 1234, 5678 },
		{ UINT32_MAX, 77, 1234, 77 },
		{ 88, UINT32_MAX, 88, 77 },
		{ UINT32_MAX, UINT32_MAX, 88, 77 },
		{ UINT32_MAX - 1, UINT32_MAX - 1, UINT32_MAX - 1, UINT32_MAX - 1 },
		{ 0, 0, 0, 0 },
	};
	struct stat status;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		int error = did(ferry_fs_chown(loop, pool, folder_path("file"), steps[i].owner,
					       steps[i].group, NULL));

		if (!i && (error == EPERM || error == EINVAL))
			cr_skip_test("nobody lets us give a file away");
		status = status_of_file("file");
		cr_assert_eq(error, 0);
		cr_assert_eq(status.st_uid, steps[i].has_owner, "%zu", i);
		cr_assert_eq(status.st_gid, steps[i].has_group, "%zu", i);
	}
}

/* ---- below a root ---- */

/* In a child that has no /proc, by which a file below a root is reached. */
static int changes_without_proc(void)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	struct stat before, after;
	int status = 0, descriptors;

	asking_begin();
	options.root = ways_root(loop, pool, folder, FERRY_FS_TRUST_NONE);
	descriptors = fixture_descriptors();
	if (mount("none", "/proc", "tmpfs", 0, NULL))
		return NAMESPACE_NONE;
	if (stat(folder_path("file"), &before))
		return 1;
	if (did(ferry_fs_chmod(loop, pool, "file", 0123, &options)) != ENOENT ||
	    did(ferry_fs_chown(loop, pool, "file", 1, 1, &options)) != ENOENT ||
	    did(ferry_fs_utimens(loop, pool, "file", 1, 1, &options)) != ENOENT)
		status = 2;
	if (stat(folder_path("file"), &after) || before.st_mode != after.st_mode ||
	    before.st_uid != after.st_uid || before.st_mtim.tv_sec != after.st_mtim.tv_sec)
		status = 3;
	options.root = ferry_fs_root_unref(options.root);
	if (did(ferry_fs_chmod(loop, pool, folder_path("file"), 0123, &options)))
		status = 4;
	if (umount2("/proc", MNT_DETACH) || fixture_descriptors() != descriptors - 1)
		status = 5;
	asking_end();
	return status;
}

Test(attribute, F7_below_a_root_and_without_proc_nothing_is_changed_and_nothing_stays_open)
{
	int status = namespace_run(changes_without_proc);

	if (status == NAMESPACE_NONE)
		cr_skip_test("this machine does not let a process have mounts of its own");
	cr_assert_eq(status, 0);
}
