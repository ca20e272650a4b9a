/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stat and lstat, beside the system's own. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "support/fixture.h"
#include "support/folder.h"

TestSuite(stat, .timeout = 30);

static ferry_loop *loop;
static ferry_pool *pool;

static void begin(void)
{
	loop = fixture_loop();
	pool = fixture_pool(2);
	folder_make();
}

static void end(void)
{
	folder_remove();
	fixture_end(loop, pool);
}

static ferry_local *ask(const char *path, bool follow)
{
	ferry_local *local = follow ? ferry_fs_stat(loop, pool, path, NULL)
				    : ferry_fs_lstat(loop, pool, path, NULL);

	cr_assert_not_null(local);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	return local;
}

static int64_t ns(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void check(const char *path, bool follow)
{
	ferry_local *local = ask(path, follow);
	const ferry_stat *ours = ferry_local_snapshot(local).result.pointer;
	struct stat system;

	cr_assert_eq(follow ? stat(path, &system) : lstat(path, &system), 0);
	cr_assert_not_null(ours, "%s", path);
	cr_assert_eq(ours->device, system.st_dev);
	cr_assert_eq(ours->inode, system.st_ino);
	cr_assert_eq(ours->links, system.st_nlink);
	cr_assert_eq(ours->size, (uint64_t)system.st_size);
	cr_assert_eq(ours->blocks, (uint64_t)system.st_blocks);
	cr_assert_eq(ours->mode, system.st_mode);
	cr_assert_eq(ours->uid, system.st_uid);
	cr_assert_eq(ours->gid, system.st_gid);
	cr_assert_eq(ours->block_size, (uint32_t)system.st_blksize);
	cr_assert_eq(ours->special_device, system.st_rdev);
	cr_assert_eq(ours->accessed_ns, ns(system.st_atim));
	cr_assert_eq(ours->modified_ns, ns(system.st_mtim));
	cr_assert_eq(ours->changed_ns, ns(system.st_ctim));
	ferry_local_unref(local);
}

static void check_error(const char *path, bool follow, int code)
{
	ferry_local *local = ask(path, follow);

	cr_assert_eq(ferry_local_snapshot(local).exception, ferry_error_from_errno(code),
		     "%.60s: %s", path,
		     ferry_error_message(ferry_local_snapshot(local).exception));
	cr_assert_null(ferry_local_snapshot(local).result.pointer);
	ferry_local_unref(local);
}

Test(stat, files_of_every_kind_are_as_the_system_says, .init = begin, .fini = end)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
	static const char *const names[] = { "file", "below", "link", "hard", "fifo", "socket" };

	folder_file("file", "twelve bytes");
	folder_below("below", 0711);
	folder_link("link", "file");
	cr_assert_eq(link(folder_path("file"), folder_path("hard")), 0);
	cr_assert_eq(mkfifo(folder_path("fifo"), 0640), 0);
	strcpy(address.sun_path, folder_path("socket"));
	cr_assert_eq(bind(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
	close(descriptor);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		check(folder_path(names[i]), true);
		check(folder_path(names[i]), false);
	}
	check("/dev/null", true);
}

Test(stat, stat_follows_a_link_and_lstat_does_not, .init = begin, .fini = end)
{
	ferry_local *local;

	folder_file("file", "x");
	folder_link("link", "file");
	local = ask(folder_path("link"), true);
	cr_assert(S_ISREG(((const ferry_stat *)ferry_local_snapshot(local).result.pointer)->mode));
	ferry_local_unref(local);
	local = ask(folder_path("link"), false);
	cr_assert(S_ISLNK(((const ferry_stat *)ferry_local_snapshot(local).result.pointer)->mode));
	ferry_local_unref(local);
}

Test(stat, times_before_1970_and_nanoseconds_are_kept, .init = begin, .fini = end)
{
	struct timespec times[2] = { { -5, 7 }, { 1, 999999999 } };

	folder_file("file", "");
	cr_assert_eq(utimensat(AT_FDCWD, folder_path("file"), times, 0), 0);
	check(folder_path("file"), true);
}

Test(stat, each_failure_is_its_errno, .init = begin, .fini = end)
{
	char name[300];

	folder_file("file", "");
	folder_link("nowhere", "does-not-exist");
	folder_link("one", "other");
	folder_link("other", "one");
	memset(name, 'n', 256);
	name[256] = 0;
	for (int follow = 0; follow < 2; follow++) {
		check_error(folder_path("does-not-exist"), follow, ENOENT);
		check_error("", follow, ENOENT);
		check_error(folder_path("file/below"), follow, ENOTDIR);
		check_error(folder_path("one/below"), follow, ELOOP);
		check_error(folder_path(name), follow, ENAMETOOLONG);
	}
	check_error(folder_path("nowhere"), true, ENOENT);
	check_error(folder_path("one"), true, ELOOP);
	check(folder_path("nowhere"), false);
	check(folder_path("one"), false);
}

Test(stat, a_name_of_255_bytes_is_not_too_long, .init = begin, .fini = end)
{
	char name[256];

	memset(name, 'n', 255);
	name[255] = 0;
	folder_file(name, "");
	check(folder_path(name), true);
}

Test(stat, a_folder_that_may_not_be_searched_is_EACCES)
{
	/* As nobody: root may search everything. The folder is removed by who made it. */
	pid_t child;
	int status;

	folder_make();
	folder_below("closed", 0700);
	folder_file("closed/file", "");
	cr_assert_eq(chmod(folder_path("closed"), getuid() ? 0 : 0700), 0);
	child = fork();
	if (child == 0) {
		ferry_local *local;

		folder_be_nobody();
		loop = fixture_loop();
		pool = fixture_pool(1);
		local = ask(folder_path("closed/file"), true);
		_exit(ferry_local_snapshot(local).exception == ferry_error_from_errno(EACCES)
			      ? 0
			      : 1);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	chmod(folder_path("closed"), 0700);
	folder_remove();
}

Test(stat, many_at_once_are_each_right, .init = begin, .fini = end)
{
	enum { MANY = 2000 };
	ferry_local *locals[MANY];

	for (int i = 0; i < MANY; i++)
		locals[i] = ferry_fs_stat(loop, pool, i % 2 ? folder : "/dev/null", NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	for (int i = 0; i < MANY; i++) {
		const ferry_stat *is = ferry_local_snapshot(locals[i]).result.pointer;

		cr_assert(i % 2 ? S_ISDIR(is->mode) : S_ISCHR(is->mode));
		ferry_local_unref(locals[i]);
	}
}
