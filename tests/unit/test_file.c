/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* read_file and write_file_atomic: whole files in one request. */
#include <criterion/criterion.h>
#include <sys/mount.h>

#include "support/files.h"
#include "support/mounts.h"
#include "support/portrait.h"
#include "support/slow_mount.h"

TestSuite(file, .timeout = 60);

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

/* ---- read_file ---- */

static ferry_local *ask_read(const char *path, size_t most)
{
	ferry_local *local = ferry_fs_read_file(loop, pool, path, most, NULL);

	cr_assert_not_null(local, "%s", strerror(errno));
	return local;
}

static void check_read(const char *path, size_t most, const void *expected, size_t count)
{
	ferry_local *local = ask_read(path, most);
	const ferry_bytes *bytes;

	cr_assert_eq(files_errno(local), 0, "%s", path);
	bytes = ferry_fs_result_bytes(local);
	cr_assert_eq(bytes->count, count);
	cr_assert_arr_eq(bytes->bytes, expected, count);
	cr_assert_eq(bytes->bytes[count], 0, "a 0 is behind them");
	ferry_local_unref(local);
}

static void check_read_error(const char *path, size_t most, int code)
{
	int before = fixture_descriptors();
	ferry_local *local = ask_read(path, most);

	cr_assert_eq(files_errno(local), code, "%s", path);
	cr_assert_null(ferry_fs_result_bytes(local));
	ferry_local_unref(local);
	cr_assert_eq(fixture_descriptors(), before);
}

/* So many bytes, of which no two neighbours are the same, in a file. */
static char *put_numbered(const char *name, size_t count)
{
	char *bytes = malloc(count + 1);
	int fd = open(folder_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (size_t i = 0; i < count; i++)
		bytes[i] = (char)(i % 251);
	cr_assert_eq(write(fd, bytes, count), (ssize_t)count);
	close(fd);
	return bytes;
}

Test(file, files_of_any_size_are_read_whole, .init = files_begin, .fini = files_end)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 8192, 65537, 3 << 20 };

	for (size_t i = 0; i < LENGTH(sizes); i++) {
		char *bytes = put_numbered("file", sizes[i]);

		check_read(folder_path("file"), FERRY_FS_MOST, bytes, sizes[i]);
		check_read(folder_path("file"), sizes[i] + 1, bytes, sizes[i]);
		check_read(folder_path("file"), sizes[i], bytes, sizes[i]);
		if (sizes[i])
			check_read_error(folder_path("file"), sizes[i] - 1, EFBIG);
		if (sizes[i])
			check_read_error(folder_path("file"), 0, EFBIG);
		free(bytes);
	}
}

static size_t read_plainly(const char *path, char *bytes, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got;

	while ((got = read(fd, bytes + used, room - used)) > 0)
		used += (size_t)got;
	close(fd);
	return used;
}

Test(file, files_that_say_that_they_are_empty_are_read_to_their_end, .init = files_begin,
     .fini = files_end)
{
	/* One is less than a page, one much more. */
	static const char *const paths[] = { "/proc/version", "/proc/kallsyms",
					     "/proc/filesystems" };
	size_t room = (size_t)64 << 20;
	char *bytes = malloc(room);

	for (size_t i = 0; i < LENGTH(paths); i++) {
		size_t count = access(paths[i], R_OK) ? 0 : read_plainly(paths[i], bytes, room);

		if (!count)
			continue;
		check_read(paths[i], count, bytes, count);
		check_read(paths[i], FERRY_FS_MOST, bytes, count);
		check_read_error(paths[i], count - 1, EFBIG);
	}
	free(bytes);
}

Test(file, one_that_grows_meanwhile_is_read_to_its_end, .init = files_begin, .fini = files_end)
{
	struct slow_mount mount;
	const char *why = slow_mount_begin(&mount, (struct slow_mount_options){ .direct = true });
	char more[20000], all[20010];
	ferry_local *local;
	int fd;

	if (why)
		cr_skip_test("%s", why);
	memset(more, 'm', sizeof(more));
	memcpy(all, "ten bytes.", 10);
	memcpy(all + 10, more, sizeof(more));
	fd = open(slow_mount_below(&mount, "file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_eq(write(fd, "ten bytes.", 10), 10);
	/* Its size is known, and it is about to be read. */
	slow_mount_hang(&mount, SLOW_READ);
	local = ask_read(slow_mount_path(&mount, "file"), 100000);
	slow_mount_await(&mount, SLOW_READ, 1);
	cr_assert_eq(write(fd, more, sizeof(more)), (ssize_t)sizeof(more));
	slow_mount_release(&mount, SLOW_READ);
	cr_assert_eq(files_errno(local), 0);
	cr_assert_eq(ferry_fs_result_bytes(local)->count, sizeof(all));
	cr_assert_arr_eq(ferry_fs_result_bytes(local)->bytes, all, sizeof(all));
	ferry_local_unref(local);
	close(fd);
	slow_mount_end(&mount);
}

Test(file, a_fifo_is_opened_without_waiting_and_read_to_its_end, .init = files_begin,
     .fini = files_end)
{
	int reader, writer;

	folder_fifo("fifo");
	check_read(folder_path("fifo"), 100, "", 0);
	/* Somebody has it open for writing: what is in it, and then it would have to wait. */
	reader = open(folder_path("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	writer = open(folder_path("fifo"), O_WRONLY | O_CLOEXEC);
	cr_assert_eq(write(writer, "piped", 5), 5);
	check_read_error(folder_path("fifo"), 100, EAGAIN);
	cr_assert_eq(write(writer, "piped", 5), 5);
	close(writer);
	check_read(folder_path("fifo"), 100, "piped", 5);
	close(reader);
	check_read("/dev/null", 100, "", 0);
	check_read_error("/dev/zero", 100000, EFBIG);
}

Test(file, E1_each_failure_of_reading_one_is_its_errno, .init = files_begin, .fini = files_end)
{
	folder_file("file", "content");
	folder_below("below", 0700);
	folder_link("one", "one");
	check_read_error(folder_path("below"), 100, EISDIR);
	check_read_error(folder_path("missing"), 100, ENOENT);
	check_read_error(folder_path("file/below"), 100, ENOTDIR);
	check_read_error(folder_path("one"), 100, ELOOP);
	cr_assert_null(ferry_fs_read_file(loop, pool, "/dev/null", FERRY_FS_MOST + 1, NULL));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_fs_read_file(loop, pool, NULL, 1, NULL));
	cr_assert_eq(errno, EINVAL);
	fixture_descriptors_left(0);
	{
		ferry_local *local = ask_read(folder_path("file"), 100);

		cr_assert_eq(files_errno(local), EMFILE);
		ferry_local_unref(local);
	}
	fixture_descriptors_left(-1);
	check_read(folder_path("file"), 100, "content", 7);
}

Test(file, F7_taken_the_bytes_are_one_block_for_free, .init = files_begin)
{
	ferry_local *local;
	ferry_result taken;
	ferry_bytes *bytes;

	folder_file("file", "content");
	local = ask_read(folder_path("file"), 100);
	cr_assert_eq(files_errno(local), 0);
	cr_assert_eq(ferry_local_take(local, &taken), 0);
	cr_assert_eq(taken.disposer, &ferry_dispose_free);
	cr_assert_null(ferry_fs_result_bytes(local));
	ferry_local_unref(local);
	files_end(); /* they need neither loop nor pool nor folder */
	bytes = taken.pointer;
	cr_assert_str_eq((const char *)bytes->bytes, "content");
	free(bytes);
}

/* ---- write_file_atomic ---- */

static ferry_local *ask_write(const char *path, const char *text, unsigned mode)
{
	ferry_local *local =
		ferry_fs_write_file_atomic(loop, pool, path, text, strlen(text), mode, NULL);

	cr_assert_not_null(local, "%s", strerror(errno));
	return local;
}

static int written(const char *path, const char *text, unsigned mode)
{
	ferry_local *local = ask_write(path, text, mode);
	int error = files_errno(local);

	ferry_local_unref(local);
	return error;
}

static void check_file(const char *path, const char *text, unsigned mode)
{
	char bytes[1024];
	struct stat status;
	size_t count = read_plainly(path, bytes, sizeof(bytes));

	cr_assert_eq(count, strlen(text), "%s", path);
	cr_assert_arr_eq(bytes, text, count);
	cr_assert_eq(lstat(path, &status), 0);
	cr_assert(S_ISREG(status.st_mode));
	cr_assert_eq(status.st_mode & 07777, mode, "%o", status.st_mode);
}

/* How many names are in the folder: none but those that are meant to be. */
static int names_in(const char *path)
{
	DIR *directory = opendir(path);
	int count = -2;

	cr_assert_not_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

Test(file, a_new_one_has_the_mode_that_was_asked_for_whatever_the_umask, .init = files_begin,
     .fini = files_end)
{
	static const unsigned modes[] = { 0600, 0666, 0777, 04711, 0444 };
	mode_t before = umask(077);

	for (size_t i = 0; i < LENGTH(modes); i++) {
		cr_assert_eq(written(folder_path("file"), "content", modes[i]), 0);
		check_file(folder_path("file"), "content", modes[i]);
		cr_assert_eq(names_in(folder), 1);
	}
	umask(before);
}

Test(file, another_is_replaced_and_who_has_it_open_keeps_it, .init = files_begin, .fini = files_end)
{
	char content[16] = "";
	int fd;

	folder_file("file", "old");
	cr_assert_eq(link(folder_path("file"), folder_path("hard")), 0);
	fd = open(folder_path("file"), O_RDONLY | O_CLOEXEC);
	cr_assert_eq(written(folder_path("file"), "", 0600), 0);
	check_file(folder_path("file"), "", 0600);
	cr_assert_eq(written(folder_path("file"), "brand new", 0640), 0);
	check_file(folder_path("file"), "brand new", 0640);
	cr_assert_eq(read(fd, content, sizeof(content)), 3);
	cr_assert_str_eq(content, "old");
	check_file(folder_path("hard"), "old", 0644);
	close(fd);
	cr_assert_eq(names_in(folder), 2);
}

Test(file, a_link_at_its_end_is_replaced_and_not_followed, .init = files_begin, .fini = files_end)
{
	folder_file("file", "old");
	folder_link("link", "file");
	folder_link("dangling", "missing");
	cr_assert_eq(written(folder_path("link"), "new", 0600), 0);
	cr_assert_eq(written(folder_path("dangling"), "new", 0600), 0);
	check_file(folder_path("link"), "new", 0600);
	check_file(folder_path("dangling"), "new", 0600);
	check_file(folder_path("file"), "old", 0644);
	cr_assert_eq(names_in(folder), 3);
}

Test(file, one_may_be_written_where_the_process_is, .init = files_begin, .fini = files_end)
{
	cr_assert_eq(chdir(folder), 0);
	cr_assert_eq(written("file", "here", 0600), 0);
	check_file(folder_path("file"), "here", 0600);
	cr_assert_eq(names_in(folder), 1);
	cr_assert_eq(chdir("/"), 0);
}

Test(file, much_is_written_whole, .init = files_begin, .fini = files_end)
{
	size_t count = (size_t)3 << 20;
	char *bytes = put_numbered("from", count);
	ferry_local *local = ferry_fs_write_file_atomic(
		loop, pool, folder_path("to"), bytes, count, 0600,
		files_options(.borrow_path = 1, .release = files_release));

	cr_assert_eq(files_errno(local), 0);
	cr_assert_eq(files.released, 1);
	ferry_local_unref(local);
	check_read(folder_path("to"), count, bytes, count);
	free(bytes);
}

/* Nothing has changed: whatever it made is gone again. */
static void check_fails(const char *path, const char *text, int code)
{
	static char before[PORTRAIT_ROOM], after[PORTRAIT_ROOM];
	int descriptors = fixture_descriptors();

	portrait_of(folder, before);
	cr_assert_eq(written(path, text, 0600), code, "%s", path);
	portrait_of(folder, after);
	cr_assert_str_eq(after, before);
	cr_assert_eq(fixture_descriptors(), descriptors);
}

Test(file, E1_each_failure_of_writing_one_is_its_errno_and_leaves_nothing, .init = files_begin,
     .fini = files_end)
{
	char name[257];

	memset(name, 'n', 256);
	name[256] = 0;
	folder_file("file", "old");
	folder_below("below", 0700);
	folder_file("below/file", "old");
	folder_link("one", "one");
	check_fails(folder_path("missing/file"), "new", ENOENT);
	check_fails(folder_path("file/below"), "new", ENOTDIR);
	check_fails(folder_path("one/file"), "new", ELOOP);
	check_fails(folder_path(name), "new", ENAMETOOLONG);
	check_fails(folder_path("below"), "new", EISDIR);
	check_fails(folder_path("below/"), "new", EISDIR);
	check_fails(folder_path("missing/"), "new", EISDIR);
	check_fails("", "new", ENOENT);
	fixture_descriptors_left(1);
	cr_assert_eq(written(folder_path("file"), "new", 0600), EMFILE);
	fixture_descriptors_left(-1);
	check_file(folder_path("file"), "old", 0644);
	cr_assert_null(ferry_fs_write_file_atomic(loop, pool, "x", "x", 1, 010000, NULL));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_fs_write_file_atomic(loop, pool, "x", NULL, 1, 0600, NULL));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(
		ferry_fs_write_file_atomic(loop, pool, "x", "", FERRY_FS_MOST + 1, 0600, NULL));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_fs_write_file_atomic(loop, pool, NULL, "x", 1, 0600, NULL));
	cr_assert_eq(errno, EINVAL);
}

static int write_as_nobody(void *nothing)
{
	int error;

	(void)nothing;
	folder_be_nobody();
	files_begin_without_folder();
	error = written(folder_path("file"), "new", 0600);
	fixture_end(loop, pool);
	return error;
}

Test(file, a_folder_that_may_not_be_written_to_is_EACCES)
{
	folder_make();
	folder_file("file", "old");
	cr_assert_eq(chmod(folder, getuid() ? 0555 : 0755), 0);
	cr_assert_eq(fixture_in_child(write_as_nobody, NULL), EACCES);
	cr_assert_eq(chmod(folder, 0755), 0);
	check_file(folder_path("file"), "old", 0644);
	cr_assert_eq(names_in(folder), 1);
	folder_remove();
}

Test(file, one_for_which_there_is_no_room_is_ENOSPC_and_the_old_one_stays)
{
	const char *why = mounts_begin();
	char *much = malloc(1 << 20);
	ferry_local *local;

	if (why)
		cr_skip_test("%s", why);
	folder_make();
	folder_below("memory", 0755);
	if (mount("ferry", folder_path("memory"), "tmpfs", 0, "size=64k"))
		cr_skip_test("no tmpfs can be mounted");
	files_begin_without_folder();
	folder_file("memory/file", "old");
	memset(much, 'm', 1 << 20);
	local = ferry_fs_write_file_atomic(loop, pool, folder_path("memory/file"), much, 1 << 20,
					   0600, NULL);
	cr_assert_eq(files_errno(local), ENOSPC);
	ferry_local_unref(local);
	check_file(folder_path("memory/file"), "old", 0644);
	cr_assert_eq(names_in(folder_path("memory")), 1);
	/* What it took is there again. */
	cr_assert_eq(written(folder_path("memory/file"), "new", 0600), 0);
	check_file(folder_path("memory/file"), "new", 0600);
	free(much);
	cr_assert(mounts_remove(folder_path("memory")));
	files_end();
}

/* ---- whoever looks sees the one or the other ---- */

enum { WHOLE = 20000, ROUNDS = 50 };

static struct {
	char path[300];
	_Atomic bool over;
	_Atomic unsigned looks, wrong;
} watch;

static void *look(void *nothing)
{
	static char bytes[WHOLE + 1];

	(void)nothing;
	while (!watch.over) {
		size_t count = read_plainly(watch.path, bytes, sizeof(bytes));
		bool same = count == WHOLE;

		for (size_t i = 0; i < count; i++)
			same &= bytes[i] == bytes[0];
		watch.wrong += !same;
		watch.looks++;
	}
	return NULL;
}

Test(file, whoever_reads_meanwhile_sees_the_old_one_or_the_new_one_whole, .init = files_begin,
     .fini = files_end)
{
	char bytes[WHOLE + 1];
	pthread_t looker;

	snprintf(watch.path, sizeof(watch.path), "%s", folder_path("file"));
	memset(bytes, 'a', WHOLE);
	bytes[WHOLE] = 0;
	cr_assert_eq(written(watch.path, bytes, 0600), 0);
	cr_assert_eq(pthread_create(&looker, NULL, look, NULL), 0);
	for (int i = 0; i < ROUNDS || !watch.looks; i++) {
		memset(bytes, 'a' + i % 26, WHOLE);
		cr_assert_eq(written(watch.path, bytes, 0600), 0);
	}
	watch.over = true;
	pthread_join(looker, NULL);
	cr_assert_eq(watch.wrong, 0, "%u of %u", watch.wrong, watch.looks);
	cr_assert_eq(names_in(folder), 1);
}

Test(file, file_and_folder_are_made_durable_before_and_after_it_has_its_name, .init = files_begin,
     .fini = files_end)
{
	struct slow_mount mount;
	const char *why = slow_mount_begin(&mount, (struct slow_mount_options){ 0 });
	ferry_local *local;

	if (why)
		cr_skip_test("%s", why);
	slow_mount_hang(&mount, SLOW_FSYNC);
	slow_mount_hang(&mount, SLOW_FSYNCDIR);
	local = ask_write(slow_mount_path(&mount, "file"), "content", 0600);
	slow_mount_await(&mount, SLOW_FSYNC, 1);
	cr_assert_lt(access(slow_mount_below(&mount, "file"), F_OK), 0, "it has another name yet");
	slow_mount_release(&mount, SLOW_FSYNC);
	slow_mount_await(&mount, SLOW_FSYNCDIR, 1);
	check_file(slow_mount_below(&mount, "file"), "content", 0600);
	cr_assert_not(ferry_local_snapshot(local).done);
	slow_mount_release(&mount, SLOW_FSYNCDIR);
	cr_assert_eq(files_errno(local), 0);
	ferry_local_unref(local);
	slow_mount_end(&mount);
}

Test(file, cancelled_while_it_is_made_durable_it_ends_all_the_same, .init = files_begin,
     .fini = files_end)
{
	struct slow_mount mount;
	const char *why = slow_mount_begin(&mount, (struct slow_mount_options){ 0 });
	ferry_local *local;

	if (why)
		cr_skip_test("%s", why);
	slow_mount_hang(&mount, SLOW_FSYNC);
	local = ask_write(slow_mount_path(&mount, "file"), "content", 0600);
	slow_mount_await(&mount, SLOW_FSYNC, 1);
	cr_assert_eq(ferry_local_cancel(local), 1);
	ferry_local_unref(local);
	slow_mount_release(&mount, SLOW_FSYNC);
	files_await_worker();
	check_file(slow_mount_below(&mount, "file"), "content", 0600);
	cr_assert_eq(names_in(slow_mount_below(&mount, "")), 1);
	slow_mount_end(&mount);
}

/* ---- below a root ---- */

Test(file, S1_a_slash_behind_a_link_has_nothing_written_outside, .init = files_begin,
     .fini = files_end)
{
	static const struct timespec old[] = { { 0, UTIME_OMIT }, { 1000, 0 } };
	ferry_local *opened, *local;
	struct stat status;

	folder_below("below", 0700);
	folder_below("outside", 0700);
	folder_link("below/out", "../outside");
	cr_assert_eq(utimensat(AT_FDCWD, folder_path("outside"), old, 0), 0);
	opened = ferry_fs_root_open(loop, pool, folder_path("below"), NULL, NULL);
	cr_assert_eq(files_errno(opened), 0);
	local = ferry_fs_write_file_atomic(
		loop, pool, "out/", "content", 7, 0600,
		files_options(.root = ferry_local_snapshot(opened).result.pointer));
	cr_assert_eq(files_errno(local), EISDIR);
	cr_assert_eq(stat(folder_path("outside"), &status), 0);
	cr_assert_eq(status.st_mtim.tv_sec, 1000, "nothing was made in it, and be it for a moment");
	ferry_local_unref(local);
	ferry_local_unref(opened);
}
