/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* readdir, beside the system's own. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "support/fixture.h"
#include "support/folder.h"
#include "support/ways.h"

TestSuite(directory, .timeout = 30);

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

static ferry_local *ask(const char *path)
{
	ferry_local *local = ferry_fs_readdir(loop, pool, path, NULL);

	cr_assert_not_null(local);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	return local;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* The same entries, in the same order, which is the kernel's. */
static size_t check(const char *path)
{
	ferry_local *local = ask(path);
	const ferry_entries *ours = ferry_local_snapshot(local).result.pointer;
	DIR *directory = opendir(path);
	struct dirent *system;
	size_t i = 0;

	cr_assert_not_null(ours);
	while ((system = readdir(directory))) {
		if (is_dots(system->d_name))
			continue;
		cr_assert_lt(i, ours->count);
		cr_assert_str_eq(ours->entries[i].name, system->d_name);
		cr_assert_eq(ours->entries[i].inode, system->d_ino);
		cr_assert_eq(ours->entries[i].type, system->d_type);
		i++;
	}
	cr_assert_eq(i, ours->count);
	closedir(directory);
	ferry_local_unref(local);
	return i;
}

static void check_error(const char *path, int code, int or_code)
{
	ferry_local *local = ask(path);
	const ferry_error *error = ferry_local_snapshot(local).exception;

	cr_assert(error == ferry_error_from_errno(code) || error == ferry_error_from_errno(or_code),
		  "%s: %d", path, ferry_error_errno(error));
	ferry_local_unref(local);
}

Test(directory, an_empty_one_has_no_entries, .init = begin, .fini = end)
{
	cr_assert_eq(check(folder), 0);
}

Test(directory, entries_of_every_kind_are_as_the_system_says, .init = begin, .fini = end)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);

	folder_file("file", "");
	folder_file("...", "three dots are a name");
	folder_file(".hidden", "");
	folder_file("..two", "");
	folder_below("below", 0700);
	folder_link("link", "nowhere");
	cr_assert_eq(mkfifo(folder_path("fifo"), 0600), 0);
	strcpy(address.sun_path, folder_path("socket"));
	cr_assert_eq(bind(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
	close(descriptor);
	cr_assert_eq(check(folder), 8);
}

Test(directory, names_may_be_255_bytes_and_hold_anything, .init = begin, .fini = end)
{
	char name[256];

	for (int letter = 'a'; letter <= 'z'; letter++) {
		memset(name, letter, 255);
		name[255] = 0;
		folder_file(name, "");
	}
	folder_file("new\nline \xff\xfe", "");
	cr_assert_eq(check(folder), 27);
}

Test(directory, more_than_one_read_has_are_all_there, .init = begin, .fini = end)
{
	char name[64];

	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "a-name-that-is-not-so-short-%d", i);
		folder_file(name, "");
	}
	cr_assert_eq(check(folder), 1500);
}

Test(directory, real_ones_are_as_the_system_says, .init = begin, .fini = end)
{
	check("/");
	check("/dev");
	check("/etc");
	check("/usr/bin");
}

Test(directory, a_link_at_its_end_is_not_followed_and_one_before_is, .init = begin, .fini = end)
{
	folder_below("below", 0700);
	folder_below("below/deeper", 0700);
	folder_file("below/deeper/file", "");
	folder_link("link", "below");
	check_error(folder_path("link"), ELOOP, ENOTDIR);
	cr_assert_eq(check(folder_path("link/deeper")), 1);
}

Test(directory, each_failure_is_its_errno_and_no_descriptor_is_lost, .init = begin, .fini = end)
{
	int before = fixture_descriptors();
	char name[257];

	folder_file("file", "");
	folder_link("one", "other");
	folder_link("other", "one");
	memset(name, 'n', 256);
	name[256] = 0;
	check_error("", ENOENT, ENOENT);
	check_error(folder_path("does-not-exist"), ENOENT, ENOENT);
	check_error(folder_path("file"), ENOTDIR, ENOTDIR);
	check_error(folder_path("one/below"), ELOOP, ELOOP);
	check_error(folder_path(name), ENAMETOOLONG, ENAMETOOLONG);
	fixture_descriptors_left(0);
	check_error(folder, EMFILE, EMFILE);
	fixture_descriptors_left(-1);
	cr_assert_eq(fixture_descriptors(), before);
	check(folder);
	cr_assert_eq(fixture_descriptors(), before, "nor by a success");
}

Test(directory, one_that_may_not_be_read_is_EACCES)
{
	pid_t child;
	int status;

	folder_make();
	folder_below("closed", getuid() ? 0 : 0700);
	child = fork();
	if (child == 0) {
		ferry_local *local;

		folder_be_nobody();
		loop = fixture_loop();
		pool = fixture_pool(1);
		local = ask(folder_path("closed"));
		_exit(ferry_local_snapshot(local).exception == ferry_error_from_errno(EACCES)
			      ? 0
			      : 1);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	folder_remove();
}

Test(directory, taken_the_entries_are_one_block_for_free, .init = begin)
{
	ferry_local *local;
	ferry_result taken;
	ferry_entries *entries;

	folder_file("file", "");
	local = ask(folder);
	cr_assert_eq(ferry_local_take(local, &taken), 0);
	cr_assert_eq(taken.disposer, &ferry_dispose_free);
	ferry_local_unref(local);
	end(); /* they need neither loop nor pool nor folder */
	entries = taken.pointer;
	cr_assert_eq(entries->count, 1);
	cr_assert_str_eq(entries->entries[0].name, "file");
	free(entries);
}

Test(directory, F7_entries_that_nobody_takes_are_freed, .init = begin, .fini = end)
{
	uint64_t before = ferry_disposed_count();

	folder_file("file", "");
	ferry_local_unref(ask(folder));
	cr_assert_eq(ferry_disposed_count(), before + 1);
	cr_assert_eq(fixture_loop_counters(loop).dropped, 1);
}

/* ---- in batches ---- */

static ferry_local *ask_batch(int fd, size_t count)
{
	ferry_local *local = ferry_fs_readdir_batch(loop, pool, fd, count, NULL);

	cr_assert_not_null(local);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	return local;
}

static int open_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	return fd;
}

/* How many batches it took; the same entries, in the same order, each once. */
static unsigned check_batches(const char *path, size_t count)
{
	DIR *directory = opendir(path);
	int fd = open_folder(path);
	unsigned batches = 0;
	struct dirent *system;
	size_t got;

	do {
		ferry_local *local = ask_batch(fd, count);
		const ferry_entries *ours = ferry_fs_result_entries(local);

		cr_assert_not_null(ours);
		for (size_t i = 0; i < ours->count; i++) {
			do
				system = readdir(directory);
			while (system && is_dots(system->d_name));
			cr_assert_not_null(system, "%s is there twice", ours->entries[i].name);
			cr_assert_str_eq(ours->entries[i].name, system->d_name);
			cr_assert_eq(ours->entries[i].inode, system->d_ino);
			cr_assert_eq(ours->entries[i].type, system->d_type);
		}
		got = ours->count;
		batches++;
		ferry_local_unref(local);
	} while (got);
	while ((system = readdir(directory)))
		cr_assert(is_dots(system->d_name), "%s is missing", system->d_name);
	closedir(directory);
	close(fd);
	return batches - 1;
}

Test(directory, batches_have_every_entry_once, .init = begin, .fini = end)
{
	char name[64];

	cr_assert_eq(check_batches(folder, 1024), 0, "none, and no batch");
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "a-name-that-is-not-so-short-%d", i);
		folder_file(name, "");
	}
	cr_assert_gt(check_batches(folder, 1024), 50);
	cr_assert_gt(check_batches(folder, 5000), 10);
	cr_assert_eq(check_batches(folder, 16 << 20), 1);
	check_batches("/dev", 1024);
	check_batches("/usr/bin", 4096);
}

Test(directory, a_name_of_255_bytes_fits_into_the_least_batch, .init = begin, .fini = end)
{
	char name[256];

	for (int letter = 'a'; letter <= 'z'; letter++) {
		memset(name, letter, 255);
		name[255] = 0;
		folder_file(name, "");
	}
	cr_assert_gt(check_batches(folder, 1024), 8);
}

Test(directory, the_end_of_a_directory_stays_its_end_until_it_is_begun_again, .init = begin,
     .fini = end)
{
	static const size_t expected[] = { 1, 0, 0, 1, 0 };
	int fd;

	folder_file("file", "");
	fd = open_folder(folder);
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		ferry_local *local;

		if (i == 3)
			cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
		local = ask_batch(fd, 1024);
		cr_assert_eq(ferry_fs_result_entries(local)->count, expected[i], "%zu", i);
		ferry_local_unref(local);
	}
	close(fd);
}

static void check_batch_error(int fd, int code)
{
	ferry_local *local = ask_batch(fd, 1024);

	cr_assert_eq(ferry_local_snapshot(local).exception, ferry_error_from_errno(code), "%d",
		     ferry_error_errno(ferry_local_snapshot(local).exception));
	cr_assert_null(ferry_fs_result_entries(local));
	ferry_local_unref(local);
}

Test(directory, E1_each_failure_of_a_batch_is_its_errno, .init = begin, .fini = end)
{
	int fd;

	folder_file("file", "");
	fd = open(folder_path("file"), O_RDONLY | O_CLOEXEC);
	check_batch_error(fd, ENOTDIR);
	close(fd);
	fd = open(folder, O_PATH | O_CLOEXEC);
	check_batch_error(fd, EBADF);
	close(fd);
	check_batch_error(1000000, EBADF);
	/* Removed meanwhile. */
	folder_below("below", 0700);
	fd = open_folder(folder_path("below"));
	cr_assert_eq(rmdir(folder_path("below")), 0);
	check_batch_error(fd, ENOENT);
	close(fd);
	cr_assert_null(ferry_fs_readdir_batch(loop, pool, 0, 1023, NULL));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_fs_readdir_batch(loop, pool, 0, ((size_t)16 << 20) + 1, NULL));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_fs_readdir_batch(loop, pool, -1, 1024, NULL));
	cr_assert_eq(errno, EINVAL);
}

Test(directory, F7_taken_a_batch_is_one_block_for_free, .init = begin)
{
	ferry_local *local;
	ferry_result taken;
	ferry_entries *entries;
	int fd;

	folder_file("file", "");
	fd = open_folder(folder);
	local = ask_batch(fd, 1024);
	cr_assert_eq(ferry_local_take(local, &taken), 0);
	cr_assert_eq(taken.disposer, &ferry_dispose_free);
	cr_assert_null(ferry_fs_result_entries(local));
	ferry_local_unref(local);
	close(fd);
	end();
	entries = taken.pointer;
	cr_assert_eq(entries->count, 1);
	cr_assert_str_eq(entries->entries[0].name, "file");
	free(entries);
}
