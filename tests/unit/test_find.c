/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/fs/find.c: each operation is found to go where its paths or descriptors lead, and the
 * filesystem is not asked (S1). What becomes of it then is in test_health.c and test_quarantine.c.
 */
#include <criterion/criterion.h>
#include <sys/stat.h>

#include "fs/find.h"
#include "fs/fs.h"
#include "fs/request.h"
#include "support/calls.h"
#include "support/remote.h"

TestSuite(find, .timeout = 30);

static char there[512], here[512]; /* a file on the remote mount, one on a local mount */
static int fd_there, fd_here;
static struct health *health; /* of the remote mount */
static unsigned asked;

static unsigned asked_so_far(void)
{
	return slow_mount_asked(&remote, SLOW_ANYTHING);
}

static void begin(void)
{
	ferry_fs_settings settings = FERRY_FS_SETTINGS_INIT;

	folder_make();
	folder_file("file", "content");
	folder_below("below", 0755);
	remote_begin(2, &settings);
	snprintf(there, sizeof(there), "%s", slow_mount_path(&remote, "file"));
	snprintf(here, sizeof(here), "%s", folder_path("file"));
	/* They stay in the caches as long as these are open. */
	fd_there = open(there, O_RDWR | O_CLOEXEC);
	fd_here = open(here, O_RDWR | O_CLOEXEC);
	health = find_by_descriptor(loop->fs, fd_there);
	cr_assert_not_null(health);
	cr_assert(health->remote);
	asked = asked_so_far();
	remote_hold();
	slow_mount_hang(&remote, SLOW_ANYTHING);
}

static void end(void)
{
	cr_assert_eq(asked_so_far(), asked, "nobody asked the filesystem");
	remote_release();
	close(fd_there);
	close(fd_here);
	folder_remove();
	remote_end();
}

static struct request request_of_row(int number, const char *path, const char *other)
{
	static struct ferry_local local;

	/* What the pool is found by. */
	*future_home_place(&local.job.future) = &pool->core->home;
	return (struct request){ .local = &local,
				 .call = { .operation = &operations[number],
					   .path = path,
					   .other = other,
					   .fd = fd_here,
					   .other_fd = fd_here } };
}

static struct health *finds(int number, const char *path, const char *other)
{
	struct request request = request_of_row(number, path, other);

	return find_health(loop->fs, &request);
}

static struct health *finds_late(int number, const char *path, const char *other)
{
	struct request request = request_of_row(number, path, other);

	return find_late(loop->fs, &request);
}

static struct health *finds_below(ferry_fs_root *root, const char *path, bool late)
{
	struct request request = request_of_row(OPERATION_OPEN, path, NULL);

	request.root = root;
	return late ? find_late(loop->fs, &request) : find_health(loop->fs, &request);
}

static ferry_fs_root *root_at(const char *path)
{
	ferry_local *local = ferry_fs_root_open(loop, pool, path, NULL, NULL);
	ferry_result result;

	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_eq(ferry_local_take(local, &result), 0);
	ferry_local_unref(local);
	return result.pointer;
}

/* ---- each operation ---- */

Test(find, S1_each_operation_goes_where_its_paths_lead)
{
	begin();
	for (int i = 0; i < OPERATION_COUNT; i++) {
		const char *name = operations[i].name;
		bool is_lookup = i == OPERATION_GETADDRINFO || i == OPERATION_GETNAMEINFO;
		bool has_path = operations[i].traits & OPERATION_PATH;
		bool has_two = i == OPERATION_RENAME || i == OPERATION_LINK;

		if (!has_path && !is_lookup)
			continue;
		cr_assert_eq(finds(i, there, here), is_lookup ? NULL : health, "%s", name);
		cr_assert_eq(finds(i, here, there), has_two ? health : NULL, "%s", name);
		cr_assert_null(finds(i, here, here), "%s", name);
		cr_assert_eq(finds_late(i, here, there), has_two ? health : NULL, "%s", name);
		cr_assert_null(finds_late(i, here, here), "%s", name);
	}
	end();
}

Test(find, S1_each_operation_goes_where_its_descriptors_are)
{
	begin();
	for (int i = 0; i < OPERATION_COUNT; i++) {
		bool has_two = i == OPERATION_COPY_FILE_RANGE;
		struct request request = request_of_row(i, NULL, NULL);

		if (!(operations[i].traits & OPERATION_FD))
			continue;
		cr_assert_null(find_health(loop->fs, &request), "%s", operations[i].name);
		request.call.other_fd = fd_there;
		cr_assert_eq(find_health(loop->fs, &request), has_two ? health : NULL, "%s",
			     operations[i].name);
		request.call.fd = fd_there;
		request.call.other_fd = fd_here;
		cr_assert_eq(find_health(loop->fs, &request), health, "%s", operations[i].name);
		cr_assert_eq(find_late(loop->fs, &request), health, "%s", operations[i].name);
		request.call.fd = 1000000;
		cr_assert_null(find_health(loop->fs, &request), "%s", operations[i].name);
	}
	end();
}

Test(find, of_an_open_file_there_is_an_account_wherever_it_is)
{
	int ends[2];

	begin();
	cr_assert_eq(find_by_descriptor(loop->fs, fd_there), health);
	cr_assert_not_null(find_by_descriptor(loop->fs, fd_here));
	cr_assert_not(find_by_descriptor(loop->fs, fd_here)->remote);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_null(find_by_descriptor(loop->fs, ends[0]), "a pipe is on no mount");
	cr_assert_null(find_by_descriptor(loop->fs, 1000000));
	close(ends[0]);
	close(ends[1]);
	end();
}

/* ---- by which way ---- */

Test(find, S1_a_relative_path_is_where_the_process_is)
{
	int directory;

	begin();
	slow_mount_release(&remote, SLOW_ANYTHING);
	directory = open(slow_mount_path(&remote, "directory"), O_PATH | O_CLOEXEC);
	cr_assert_eq(fchdir(directory), 0);
	asked = asked_so_far();
	slow_mount_hang(&remote, SLOW_ANYTHING);
	cr_assert_eq(finds(OPERATION_OPEN, "anything", NULL), health);
	cr_assert_eq(finds(OPERATION_OPEN, ".", NULL), health);
	cr_assert_null(finds(OPERATION_OPEN, here, NULL));
	cr_assert_eq(finds(OPERATION_RENAME, here, "anything"), health);
	cr_assert_null(finds(OPERATION_SYMLINK, here, "anything"));
	cr_assert_eq(chdir(folder), 0);
	cr_assert_null(finds(OPERATION_OPEN, "file", NULL));
	cr_assert_null(finds_late(OPERATION_OPEN, "file", NULL));
	cr_assert_null(finds_late(OPERATION_OPEN, "", NULL));
	cr_assert_eq(chdir("/"), 0);
	close(directory);
	end();
}

Test(find, S1_links_are_looked_at_only_while_a_mount_is_stuck_or_a_call_is_late)
{
	begin();
	folder_link("link", there);
	folder_link("place", slow_mount_path(&remote, ""));
	for (int i = 0; i < 3; i++) {
		bool looks = i == 1;
		const char *link = folder_path("link"), *way = folder_path("place/file");
		const char *missing = folder_path("place/no such/file");

		/* As if one had led to a mount that is stuck. */
		loop->fs->linked = looks;
		cr_assert_eq(finds(OPERATION_OPEN, link, NULL), looks ? health : NULL);
		cr_assert_eq(finds(OPERATION_OPEN, way, NULL), looks ? health : NULL);
		cr_assert_eq(finds(OPERATION_OPEN, missing, NULL), looks ? health : NULL);
		cr_assert_eq(finds(OPERATION_RENAME, here, way), looks ? health : NULL);
		cr_assert_null(finds(OPERATION_LSTAT, link, NULL), "it lies here itself");
		cr_assert_eq(finds_late(OPERATION_OPEN, link, NULL), health);
		cr_assert_eq(finds_late(OPERATION_OPEN, way, NULL), health);
		cr_assert_eq(finds_late(OPERATION_UNLINK, way, NULL), health);
		cr_assert_eq(finds_late(OPERATION_OPEN, missing, NULL), health);
		cr_assert_null(finds_late(OPERATION_UNLINK, link, NULL));
		cr_assert_null(finds_late(OPERATION_SYMLINK, folder_path("new"), way));
		/* What has to be given up is found nowhere. */
		cr_assert_null(finds_late(OPERATION_OPEN, "no such folder/file", NULL));
		cr_assert_null(finds_late(OPERATION_OPEN, "//", NULL));
	}
	end();
}

/* To free what it had may take long. */
Test(find, S1_what_is_looked_at_and_was_removed_is_closed_by_a_worker)
{
	uint64_t disposed = ferry_disposed_count();
	int before;

	begin();
	folder_below("removed", 0700);
	cr_assert_eq(chdir(folder_path("removed")), 0);
	cr_assert_eq(rmdir(folder_path("removed")), 0);
	before = fixture_descriptors();
	cr_assert_null(finds_late(OPERATION_OPEN, ".", NULL));
	while (ferry_disposed_count() == disposed)
		sched_yield();
	cr_assert_eq(ferry_disposed_count(), disposed + 1);
	while (fixture_descriptors() != before)
		sched_yield();
	cr_assert_eq(chdir("/"), 0);
	end();
}

Test(find, S1_below_a_root_it_is_where_the_path_or_links_lead)
{
	ferry_fs_root *local, *far, *whole;
	char path[600], link[600];

	begin();
	slow_mount_release(&remote, SLOW_ANYTHING);
	local = root_at(folder);
	far = root_at(slow_mount_path(&remote, "directory"));
	whole = root_at("/");
	asked = asked_so_far();
	slow_mount_hang(&remote, SLOW_ANYTHING);
	snprintf(path, sizeof(path), ".%s", there);
	folder_link("link", there);
	for (int late = 0; late < 2; late++) {
		cr_assert_eq(finds_below(far, "anything", late), health);
		cr_assert_eq(finds_below(far, ".", late), health);
		cr_assert_null(finds_below(local, "file", late));
		cr_assert_null(finds_below(local, "no such folder/file", late));
		cr_assert_null(finds_below(whole, "proc", late));
		cr_assert_eq(finds_below(whole, path, late), health);
		cr_assert_eq(finds_below(whole, strstr(path, "/") + 1, late), health);
		snprintf(link, sizeof(link), ".%s", folder_path("link"));
		cr_assert_null(finds_below(whole, link, false));
	}
	ferry_fs_root_unref(local);
	ferry_fs_root_unref(far);
	ferry_fs_root_unref(whole);
	end();
}

/* ---- nothing to find ---- */

Test(find, without_a_remote_mount_or_what_it_takes_nothing_is_opened)
{
	begin();
	folder_link("link", there);
	calls_begin();
	cr_assert_eq(finds_late(OPERATION_OPEN, folder_path("link"), NULL), health);
	cr_assert_gt(calls.scoped, 0);
	calls.scoped = 0;
	cr_assert_null(finds(OPERATION_OPEN, folder_path("link"), NULL));
	cr_assert_eq(calls.scoped, 0, "while none is stuck");
	loop->fs->blind = true;
	cr_assert_null(finds_late(OPERATION_OPEN, folder_path("link"), NULL));
	cr_assert_eq(finds_late(OPERATION_OPEN, there, NULL), health, "its text says so");
	cr_assert_eq(calls.scoped, 0, "this kernel could not say");
	loop->fs->blind = false;
	loop->fs->mounts->any_remote = false;
	cr_assert_null(finds_late(OPERATION_OPEN, folder_path("link"), NULL));
	cr_assert_null(finds_late(OPERATION_OPEN, there, NULL));
	cr_assert_eq(calls.scoped, 0, "there is none");
	loop->fs->mounts->any_remote = true;
	calls_end();
	end();
}
