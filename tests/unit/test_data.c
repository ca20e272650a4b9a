/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* read, write, fsync, fdatasync, ftruncate, copy_file_range: what is in open files. */
#include <criterion/criterion.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "support/files.h"
#include "support/mounts.h"
#include "support/slow_mount.h"

TestSuite(data, .timeout = 60);

#define PAGE 4096
#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static int opened(const char *name, int flags)
{
	int fd = open(folder_path(name), flags | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0, "%s: %s", name, strerror(errno));
	return fd;
}

/* A file of so many bytes, of which no two neighbours are the same. */
static int numbered(const char *name, size_t count)
{
	unsigned char *bytes = malloc(count);
	int fd = opened(name, O_RDWR | O_CREAT | O_TRUNC);

	for (size_t i = 0; i < count; i++)
		bytes[i] = (unsigned char)(i % 251);
	cr_assert_eq(write(fd, bytes, count), (ssize_t)count);
	free(bytes);
	return fd;
}

static ferry_local *ask_read(int fd, size_t count, int64_t offset, ferry_fs_policy policy)
{
	ferry_local *local =
		ferry_fs_read(loop, pool, fd, count, offset, files_options(.policy = policy));

	cr_assert_not_null(local, "%s", strerror(errno));
	return local;
}

/* The same bytes as the system's, however many those are. */
static void check_read(int fd, size_t count, int64_t offset, ferry_fs_policy policy)
{
	unsigned char *theirs = malloc(count + 1);
	ssize_t expected = pread(fd, theirs, count, offset);
	ferry_local *local = ask_read(fd, count, offset, policy);
	const ferry_bytes *bytes;

	cr_assert_eq(files_errno(local), 0);
	bytes = ferry_fs_result_bytes(local);
	cr_assert_eq(bytes->count, (size_t)expected, "%zu at %lld by %d: %zu instead of %zd", count,
		     (long long)offset, policy, bytes->count, expected);
	cr_assert_arr_eq(bytes->bytes, theirs, bytes->count);
	cr_assert_eq(bytes->bytes[bytes->count], 0, "a 0 is behind them");
	cr_assert_eq(ferry_local_snapshot(local).result.pointer, (const void *)bytes);
	ferry_local_unref(local);
	free(theirs);
}

static void check_read_error(int fd, int64_t offset, int code)
{
	for (int policy = FERRY_FS_INLINE; policy <= FERRY_FS_POOL; policy++) {
		ferry_local *local = ask_read(fd, 16, offset, (ferry_fs_policy)policy);

		cr_assert_eq(files_errno(local), code);
		cr_assert_null(ferry_fs_result_bytes(local));
		ferry_local_unref(local);
	}
}

/* Does this filesystem tell whether it would have to wait? */
static bool tells(int fd)
{
	char byte;
	struct iovec vector = { &byte, 1 };

	return preadv2(fd, &vector, 1, 0, RWF_NOWAIT) == 1;
}

/* ---- read ---- */

Test(data, what_is_read_is_the_same_inline_and_by_the_pool, .init = files_begin, .fini = files_end)
{
	static const int64_t offsets[] = { 0, 1, 4095, 4096, 9999, 10000, 10001, 1 << 30 };
	static const size_t counts[] = { 0, 1, 2, 4096, 9999, 10000, 10001, 256 << 10, 1 << 20 };
	int fd = numbered("file", 10000);

	for (size_t i = 0; i < LENGTH(offsets); i++)
		for (size_t j = 0; j < LENGTH(counts); j++)
			for (int policy = FERRY_FS_AUTO; policy <= FERRY_FS_POOL; policy++)
				check_read(fd, counts[j], offsets[i], (ferry_fs_policy)policy);
	close(fd);
}

Test(data, S1_what_the_page_cache_has_is_there_at_once, .init = files_begin, .fini = files_end)
{
	int fd = numbered("file", 10000);
	uint64_t before = files_counters().hits;
	ferry_local *local;

	if (!tells(fd))
		cr_skip_test("this filesystem has no RWF_NOWAIT");
	local = ask_read(fd, 100, 5, FERRY_FS_INLINE);
	cr_assert_not_null(ferry_fs_result_bytes(local), "it is done");
	cr_assert_eq(ferry_fs_result_bytes(local)->bytes[0], 5);
	cr_assert_eq(files_counters().hits, before + 1);
	ferry_local_unref(local);
	local = ask_read(fd, 100, 5, FERRY_FS_POOL);
	cr_assert_null(ferry_fs_result_bytes(local));
	cr_assert_not(ferry_local_snapshot(local).done);
	cr_assert_eq(files_errno(local), 0);
	ferry_local_unref(local);
	cr_assert_eq(files_counters().hits, before + 1);
	/* The end of the file is not for lack of pages. */
	local = ask_read(fd, 100, 9950, FERRY_FS_INLINE);
	cr_assert_eq(ferry_fs_result_bytes(local)->count, 50);
	ferry_local_unref(local);
	close(fd);
}

/* How many pages of the file are in memory: asking so brings in none. */
static unsigned resident(int fd, size_t bytes)
{
	unsigned char pages[64];
	void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	unsigned count = 0;

	cr_assert_neq(map, MAP_FAILED);
	cr_assert_eq(mincore(map, bytes, pages), 0);
	for (size_t i = 0; i < bytes / PAGE; i++)
		count += pages[i] & 1;
	munmap(map, bytes);
	return count;
}

/* Of 32 pages only the first is in memory; false: they cannot be got out of it. */
static bool forget_pages(int fd)
{
	char byte;

	if (fsync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) ||
	    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM) || pread(fd, &byte, 1, 0) != 1)
		return false;
	return resident(fd, 32 * PAGE) == 1;
}

static void ends_right(ferry_local *local)
{
	cr_assert_eq(files_errno(local), 0);
	cr_assert_eq(ferry_fs_result_bytes(local)->count, 100);
	cr_assert_eq(ferry_fs_result_bytes(local)->bytes[1], (20 * PAGE + 1) % 251);
	ferry_local_unref(local);
}

/* A kernel that may not wait begins to read nevertheless: where the disk is quick and this thread
 * is interrupted, it has the answer by then. */
static ferry_local *ask_for_what_is_not_there(int fd)
{
	for (int i = 0; i < 1000; i++) {
		ferry_local *local;

		cr_assert(forget_pages(fd));
		local = ask_read(fd, 100, 20 * PAGE, FERRY_FS_INLINE);
		if (!ferry_local_snapshot(local).done)
			return local;
		ends_right(local);
	}
	cr_assert_fail("it was there a thousand times");
	return NULL;
}

Test(data, S1_what_the_page_cache_has_not_is_read_by_the_pool, .init = files_begin,
     .fini = files_end)
{
	int fd = numbered("file", 32 * PAGE);
	uint64_t before = files_counters().misses;

	if (!tells(fd) || !forget_pages(fd))
		cr_skip_test("nothing can be got out of the page cache here");
	check_read(fd, 100, 7, FERRY_FS_INLINE);
	cr_assert_eq(files_counters().misses, before);
	ends_right(ask_for_what_is_not_there(fd));
	cr_assert_eq(files_counters().misses, before + 1);
	close(fd);
}

Test(data, S1_half_of_what_was_wanted_is_no_answer, .init = files_begin, .fini = files_end)
{
	int fd = numbered("file", 32 * PAGE);
	ferry_local *local;

	if (!tells(fd) || !forget_pages(fd))
		cr_skip_test("nothing can be got out of the page cache here");
	local = ask_read(fd, 8 * PAGE, 0, FERRY_FS_INLINE);
	cr_assert_eq(files_errno(local), 0);
	cr_assert_eq(ferry_fs_result_bytes(local)->count, 8 * PAGE, "though the first was there");
	ferry_local_unref(local);
	close(fd);
}

Test(data, much_is_copied_by_a_worker_though_it_is_there, .init = files_begin, .fini = files_end)
{
	int fd = numbered("file", 1 << 20);
	ferry_local *local = ask_read(fd, 1 << 20, 0, FERRY_FS_INLINE);

	cr_assert_not(ferry_local_snapshot(local).done);
	cr_assert_eq(files_errno(local), 0);
	ferry_local_unref(local);
	check_read(fd, 1 << 20, 0, FERRY_FS_INLINE);
	check_read(fd, 1 << 20, 1000, FERRY_FS_AUTO);
	close(fd);
}

Test(data, at_its_own_position_a_descriptor_moves_on, .init = files_begin, .fini = files_end)
{
	int fd = numbered("file", 25);

	cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
	for (int i = 0; i < 4; i++) {
		ferry_local *local = ask_read(fd, 10, FERRY_FS_HERE, FERRY_FS_INLINE);

		cr_assert_eq(files_errno(local), 0);
		cr_assert_eq(ferry_fs_result_bytes(local)->count, i < 2 ? 10 : i == 2 ? 5 : 0);
		for (size_t j = 0; j < ferry_fs_result_bytes(local)->count; j++)
			cr_assert_eq(ferry_fs_result_bytes(local)->bytes[j], 10 * (size_t)i + j);
		ferry_local_unref(local);
	}
	cr_assert_eq(lseek(fd, 0, SEEK_CUR), 25);
	check_read(fd, 10, 3, FERRY_FS_POOL);
	check_read(fd, 10, 3, FERRY_FS_INLINE);
	cr_assert_eq(lseek(fd, 0, SEEK_CUR), 25, "at an offset it stays");
	close(fd);
}

Test(data, empty_files_holes_and_devices_are_read, .init = files_begin, .fini = files_end)
{
	int fd = numbered("empty", 0), hole = numbered("hole", 10);
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	cr_assert_eq(ftruncate(hole, 100000), 0);
	for (int policy = FERRY_FS_AUTO; policy <= FERRY_FS_POOL; policy++) {
		check_read(fd, 100, 0, (ferry_fs_policy)policy);
		check_read(fd, 0, 0, (ferry_fs_policy)policy);
		check_read(hole, 100000, 0, (ferry_fs_policy)policy);
		check_read(hole, 5000, 50000, (ferry_fs_policy)policy);
		check_read(zero, 5000, 0, (ferry_fs_policy)policy);
	}
	close(fd);
	close(hole);
	close(zero);
}

Test(data, a_pipe_gives_what_it_has_and_then_its_end, .init = files_begin, .fini = files_end)
{
	int ends[2];
	ferry_local *local;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	/* Nothing is in it: a worker waits. */
	local = ask_read(ends[0], 100, FERRY_FS_HERE, FERRY_FS_INLINE);
	cr_assert_not(ferry_local_snapshot(local).done);
	cr_assert_eq(write(ends[1], "seven b", 7), 7);
	cr_assert_eq(files_errno(local), 0);
	cr_assert_eq(ferry_fs_result_bytes(local)->count, 7);
	cr_assert_str_eq((const char *)ferry_fs_result_bytes(local)->bytes, "seven b");
	ferry_local_unref(local);
	check_read_error(ends[0], 0, ESPIPE);
	check_read_error(ends[1], FERRY_FS_HERE, EBADF);
	cr_assert_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	check_read_error(ends[0], FERRY_FS_HERE, EAGAIN);
	close(ends[1]);
	local = ask_read(ends[0], 100, FERRY_FS_HERE, FERRY_FS_AUTO);
	cr_assert_eq(files_errno(local), 0);
	cr_assert_eq(ferry_fs_result_bytes(local)->count, 0);
	ferry_local_unref(local);
	close(ends[0]);
}

Test(data, E1_each_failure_of_a_read_is_its_errno, .init = files_begin, .fini = files_end)
{
	int file = opened("file", O_WRONLY | O_CREAT), place = opened("file", O_PATH);
	int below = opened("", O_RDONLY | O_DIRECTORY);

	check_read_error(file, 0, EBADF);
	check_read_error(file, FERRY_FS_HERE, EBADF);
	check_read_error(place, 0, EBADF);
	check_read_error(1000000, 0, EBADF);
	check_read_error(below, 0, EISDIR);
	check_read_error(below, FERRY_FS_HERE, EISDIR);
	close(file);
	close(place);
	close(below);
}

Test(data, nothing_to_read_of_a_directory_is_EISDIR_either_way, .init = files_begin,
     .fini = files_end)
{
	int below = opened("", O_RDONLY | O_DIRECTORY);

	for (int policy = FERRY_FS_INLINE; policy <= FERRY_FS_POOL; policy++) {
		ferry_local *local = ask_read(below, 0, 0, (ferry_fs_policy)policy);

		cr_assert_eq(files_errno(local), EISDIR, "by %d", policy);
		ferry_local_unref(local);
	}
	close(below);
}

static void check_refused(ferry_local *local)
{
	cr_assert_null(local);
	cr_assert_eq(errno, EINVAL);
}

Test(data, wrong_arguments_give_no_local, .init = files_begin, .fini = files_end)
{
	int fd = numbered("file", 10);
	uint64_t before = files_counters().calls;
	char byte = 0;

	check_refused(ferry_fs_read(loop, pool, fd, FERRY_FS_MOST + 1, 0, NULL));
	check_refused(ferry_fs_read(loop, pool, fd, 1, -2, NULL));
	check_refused(ferry_fs_read(loop, pool, -1, 1, 0, NULL));
	check_refused(ferry_fs_write(loop, pool, fd, &byte, FERRY_FS_MOST + 1, 0, NULL));
	check_refused(ferry_fs_write(loop, pool, fd, &byte, 1, -2, NULL));
	check_refused(ferry_fs_write(loop, pool, -1, &byte, 1, 0, NULL));
	check_refused(ferry_fs_write(loop, pool, fd, NULL, 1, 0, NULL));
	check_refused(ferry_fs_fsync(loop, pool, -1, NULL));
	check_refused(ferry_fs_fdatasync(loop, pool, -1, NULL));
	check_refused(ferry_fs_ftruncate(loop, pool, -1, 0, NULL));
	check_refused(ferry_fs_ftruncate(loop, pool, fd, (uint64_t)INT64_MAX + 1, NULL));
	check_refused(ferry_fs_copy_file_range(loop, pool, fd, -2, fd, 0, 1, NULL));
	check_refused(ferry_fs_copy_file_range(loop, pool, fd, 0, fd, -2, 1, NULL));
	check_refused(ferry_fs_copy_file_range(loop, pool, -1, 0, fd, 0, 1, NULL));
	check_refused(ferry_fs_copy_file_range(loop, pool, fd, 0, -1, 0, 1, NULL));
	check_refused(ferry_fs_copy_file_range(loop, pool, fd, 0, fd, 0, FERRY_FS_MOST + 1, NULL));
	cr_assert_eq(files_counters().calls, before);
	close(fd);
}

/* ---- write ---- */

static int64_t wrote(ferry_local *local, int code)
{
	int64_t count;

	cr_assert_eq(files_errno(local), code);
	count = ferry_fs_result_count(local);
	cr_assert_eq(count < 0, code != 0);
	ferry_local_unref(local);
	return count;
}

static int64_t write_at(int fd, const char *text, int64_t offset, int code)
{
	return wrote(ferry_fs_write(loop, pool, fd, text, strlen(text), offset, NULL), code);
}

static void check_content(int fd, const char *expected)
{
	char content[64] = "";
	ssize_t got = pread(fd, content, sizeof(content) - 1, 0);

	cr_assert_eq(got, (ssize_t)strlen(expected), "it is %s", content);
	cr_assert_str_eq(content, expected);
}

Test(data, what_is_written_is_there, .init = files_begin, .fini = files_end)
{
	int fd = opened("file", O_RDWR | O_CREAT);

	cr_assert_eq(write_at(fd, "one two", FERRY_FS_HERE, 0), 7);
	cr_assert_eq(write_at(fd, " three", FERRY_FS_HERE, 0), 6);
	check_content(fd, "one two three");
	cr_assert_eq(write_at(fd, "TWO", 4, 0), 3);
	check_content(fd, "one TWO three");
	cr_assert_eq(lseek(fd, 0, SEEK_CUR), 13, "at an offset it stays");
	cr_assert_eq(write_at(fd, "", 2, 0), 0);
	cr_assert_eq(wrote(ferry_fs_write(loop, pool, fd, NULL, 0, 2, NULL), 0), 0);
	check_content(fd, "one TWO three");
	cr_assert_eq(fcntl(fd, F_SETFL, O_APPEND), 0);
	cr_assert_eq(write_at(fd, ", four", FERRY_FS_HERE, 0), 6);
	check_content(fd, "one TWO three, four");
	close(fd);
}

Test(data, L4_what_is_to_be_written_is_copied, .init = files_begin, .fini = files_end)
{
	char data[] = "as it was";
	int fd = opened("file", O_RDWR | O_CREAT);
	ferry_local *local;

	files_block();
	local = ferry_fs_write(loop, pool, fd, data, 9, 0, NULL);
	memset(data, 'x', sizeof(data));
	files_unblock();
	cr_assert_eq(wrote(local, 0), 9);
	check_content(fd, "as it was");
	close(fd);
}

Test(data, L4_what_is_borrowed_is_used_as_it_is_and_released_once, .init = files_begin,
     .fini = files_end)
{
	char data[] = "as it was";
	int fd = opened("file", O_RDWR | O_CREAT);
	ferry_local *local;

	files_block();
	local = ferry_fs_write(loop, pool, fd, data, 9, 0,
			       files_options(.borrow_path = 1, .release = files_release));
	memcpy(data, "as it is!", 9);
	cr_assert_eq(files.released, 0);
	files_unblock();
	cr_assert_eq(wrote(local, 0), 9);
	cr_assert_eq(files.released, 1);
	cr_assert_eq(files.given, (void *)data);
	check_content(fd, "as it is!");
	close(fd);
}

Test(data, a_megabyte_is_written_and_read_whole, .init = files_begin, .fini = files_end)
{
	int from = numbered("from", 1 << 20), to = opened("to", O_RDWR | O_CREAT);
	ferry_local *read = ask_read(from, 1 << 20, 0, FERRY_FS_POOL);

	cr_assert_eq(files_errno(read), 0);
	cr_assert_eq(wrote(ferry_fs_write(loop, pool, to, ferry_fs_result_bytes(read)->bytes,
					  1 << 20, 0, NULL),
			   0),
		     1 << 20);
	ferry_local_unref(read);
	check_read(to, 1 << 20, 0, FERRY_FS_POOL);
	cr_assert_eq(write_at(to, "", 0, 0), 0);
	read = ask_read(to, 300, 1 << 19, FERRY_FS_POOL);
	cr_assert_eq(files_errno(read), 0);
	cr_assert_eq(ferry_fs_result_bytes(read)->bytes[299], ((1 << 19) + 299) % 251);
	ferry_local_unref(read);
	close(from);
	close(to);
}

Test(data, E1_each_failure_of_a_write_is_its_errno, .init = files_begin, .fini = files_end)
{
	int fd = numbered("file", 10), place = opened("file", O_RDONLY), ends[2];

	write_at(place, "x", 0, EBADF);
	write_at(place, "x", FERRY_FS_HERE, EBADF);
	write_at(1000000, "x", 0, EBADF);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	write_at(ends[1], "x", 0, ESPIPE);
	write_at(ends[0], "x", FERRY_FS_HERE, EBADF);
	write_at(fd, "x", INT64_MAX - 1, EFBIG);
	close(fd);
	close(place);
	close(ends[0]);
	close(ends[1]);
}

/* They are told of by a signal to the thread, and workers have all of those blocked. */
Test(data, E1_a_pipe_that_nobody_reads_is_EPIPE_and_ends_no_process, .init = files_begin,
     .fini = files_end)
{
	int ends[2];

	signal(SIGPIPE, SIG_DFL);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	write_at(ends[1], "x", FERRY_FS_HERE, EPIPE);
	close(ends[1]);
}

Test(data, E1_more_than_the_limit_is_EFBIG_and_ends_no_process, .init = files_begin,
     .fini = files_end)
{
	struct rlimit limit = { 8192, 8192 };
	int fd = opened("file", O_RDWR | O_CREAT);

	signal(SIGXFSZ, SIG_DFL);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(write_at(fd, "to the limit", 8190, 0), 2, "what write() wrote");
	write_at(fd, "x", 8192, EFBIG);
	close(fd);
}

/* ---- durable ---- */

static int synced(ferry_local *local)
{
	int error = files_errno(local);

	cr_assert_eq(ferry_fs_result_count(local), -ENODATA);
	ferry_local_unref(local);
	return error;
}

Test(data, files_and_folders_are_made_durable, .init = files_begin, .fini = files_end)
{
	int fd = numbered("file", 10), below = opened("", O_RDONLY | O_DIRECTORY), ends[2];

	cr_assert_eq(synced(ferry_fs_fsync(loop, pool, fd, NULL)), 0);
	cr_assert_eq(synced(ferry_fs_fdatasync(loop, pool, fd, NULL)), 0);
	cr_assert_eq(synced(ferry_fs_fsync(loop, pool, below, NULL)), 0);
	cr_assert_eq(synced(ferry_fs_fdatasync(loop, pool, below, NULL)), 0);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(synced(ferry_fs_fsync(loop, pool, ends[1], NULL)), EINVAL);
	cr_assert_eq(synced(ferry_fs_fdatasync(loop, pool, ends[1], NULL)), EINVAL);
	cr_assert_eq(synced(ferry_fs_fsync(loop, pool, 1000000, NULL)), EBADF);
	cr_assert_eq(synced(ferry_fs_fdatasync(loop, pool, 1000000, NULL)), EBADF);
	close(fd);
	close(below);
	close(ends[0]);
	close(ends[1]);
}

Test(data, a_filesystem_is_asked_to_make_it_durable, .init = files_begin, .fini = files_end)
{
	struct slow_mount mount;
	const char *why = slow_mount_begin(&mount, (struct slow_mount_options){ 0 });
	int fd;

	if (why)
		cr_skip_test("%s", why);
	fd = open(slow_mount_path(&mount, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	cr_assert_eq(synced(ferry_fs_fsync(loop, pool, fd, NULL)), 0);
	cr_assert_eq(slow_mount_asked(&mount, SLOW_FSYNC), 1);
	cr_assert_eq(synced(ferry_fs_fdatasync(loop, pool, fd, NULL)), 0);
	cr_assert_eq(slow_mount_asked(&mount, SLOW_FSYNC), 2);
	close(fd);
	slow_mount_end(&mount);
}

/* ---- ftruncate ---- */

static int truncated(int fd, uint64_t length)
{
	return synced(ferry_fs_ftruncate(loop, pool, fd, length, NULL));
}

static int64_t size_of(int fd)
{
	struct stat status;

	cr_assert_eq(fstat(fd, &status), 0);
	return status.st_size;
}

Test(data, a_file_is_made_shorter_and_longer, .init = files_begin, .fini = files_end)
{
	static const uint64_t lengths[] = { 5, 5, 0, 100, 1, (uint64_t)5 << 30, 0 };
	int fd = numbered("file", 10), place = opened("file", O_RDONLY), ends[2];

	for (size_t i = 0; i < LENGTH(lengths); i++) {
		cr_assert_eq(truncated(fd, lengths[i]), 0);
		cr_assert_eq(size_of(fd), (int64_t)lengths[i]);
	}
	cr_assert_eq(truncated(fd, INT64_MAX), EFBIG);
	cr_assert_eq(size_of(fd), 0);
	cr_assert_eq(truncated(place, 0), EINVAL, "it is not open for writing");
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(truncated(ends[1], 0), EINVAL);
	cr_assert_eq(truncated(1000000, 0), EBADF);
	close(fd);
	close(place);
	close(ends[0]);
	close(ends[1]);
}

/* ---- copy_file_range ---- */

static int64_t copy(int from, int64_t from_offset, int to, int64_t to_offset, size_t count,
		    int code)
{
	return wrote(
		ferry_fs_copy_file_range(loop, pool, from, from_offset, to, to_offset, count, NULL),
		code);
}

Test(data, bytes_are_copied_between_files, .init = files_begin, .fini = files_end)
{
	int from, to = opened("to", O_RDWR | O_CREAT);

	folder_file("from", "0123456789");
	from = opened("from", O_RDWR);
	cr_assert_eq(copy(from, 2, to, 1, 3, 0), 3);
	cr_assert_eq(lseek(from, 0, SEEK_CUR), 0, "at offsets they stay");
	cr_assert_eq(lseek(to, 0, SEEK_CUR), 0);
	cr_assert_eq(copy(from, FERRY_FS_HERE, to, FERRY_FS_HERE, 1, 0), 1);
	check_content(to, "0234");
	cr_assert_eq(lseek(from, 0, SEEK_CUR), 1);
	cr_assert_eq(lseek(to, 0, SEEK_CUR), 1);
	cr_assert_eq(copy(from, FERRY_FS_HERE, to, 4, 100, 0), 9);
	check_content(to, "0234123456789");
	cr_assert_eq(copy(from, FERRY_FS_HERE, to, 4, 100, 0), 0, "the end");
	cr_assert_eq(copy(from, 100, to, 0, 100, 0), 0);
	cr_assert_eq(copy(from, 0, to, 0, 0, 0), 0);
	cr_assert_eq(copy(from, 0, from, 5, 3, 0), 3, "within one, too");
	check_content(from, "0123401289");
	close(from);
	close(to);
}

Test(data, E1_each_failure_of_a_copy_is_its_errno, .init = files_begin, .fini = files_end)
{
	int from = numbered("from", 10), to = opened("to", O_RDWR | O_CREAT), ends[2];
	int read_only = opened("to", O_RDONLY), write_only = opened("to", O_WRONLY);
	int appends = opened("to", O_WRONLY | O_APPEND), below = opened("", O_RDONLY | O_DIRECTORY);

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	copy(write_only, 0, from, 0, 1, EBADF);
	copy(from, 0, read_only, 0, 1, EBADF);
	copy(from, 0, appends, 0, 1, EBADF);
	copy(1000000, 0, to, 0, 1, EBADF);
	copy(from, 0, 1000000, 0, 1, EBADF);
	copy(below, 0, to, 0, 1, EISDIR);
	copy(from, 0, from, 5, 8, EINVAL);
	copy(ends[0], FERRY_FS_HERE, to, 0, 1, EINVAL);
	copy(from, 0, to, INT64_MAX - 1, 1, EFBIG);
	cr_assert_eq(size_of(to), 0);
	close(from);
	close(to);
	close(read_only);
	close(write_only);
	close(appends);
	close(below);
	close(ends[0]);
	close(ends[1]);
}

/* ---- other filesystems ---- */

static int in_memory(void)
{
	char *much = calloc(1, 1 << 20);
	int fd = opened("memory/file", O_RDWR | O_CREAT);
	ssize_t room;

	check_content(fd, "");
	cr_assert_eq(write_at(fd, "content", 0, 0), 7);
	for (int policy = FERRY_FS_AUTO; policy <= FERRY_FS_POOL; policy++)
		check_read(fd, 100, 2, (ferry_fs_policy)policy);
	/* Fewer, where write() wrote fewer, and then none. */
	room = wrote(ferry_fs_write(loop, pool, fd, much, 1 << 20, 0, NULL), 0);
	cr_assert_gt(room, 0);
	cr_assert_lt(room, 1 << 20);
	cr_assert_eq(wrote(ferry_fs_write(loop, pool, fd, much, 1 << 20, room, NULL), ENOSPC),
		     -ENODATA);
	free(much);
	close(fd);
	return 0;
}

Test(data, a_tmpfs_that_is_full_is_ENOSPC)
{
	const char *why = mounts_begin();

	if (why)
		cr_skip_test("%s", why);
	folder_make();
	folder_below("memory", 0755);
	if (mount("ferry", folder_path("memory"), "tmpfs", 0, "size=64k"))
		cr_skip_test("no tmpfs can be mounted");
	files_begin_without_folder();
	cr_assert_eq(in_memory(), 0);
	cr_assert(mounts_remove(folder_path("memory")));
	files_end();
}

Test(data, an_overlay_is_read_as_ever)
{
	const char *why = mounts_begin();
	int fd;

	if (why)
		cr_skip_test("%s", why);
	folder_make();
	folder_below("layers", 0755);
	why = mounts_overlay(folder_path("layers"));
	if (why)
		cr_skip_test("%s", why);
	folder_file("layers/lower/file", "of the lower layer");
	files_begin_without_folder();
	fd = opened("layers/merged/file", O_RDONLY);
	for (int policy = FERRY_FS_AUTO; policy <= FERRY_FS_POOL; policy++)
		for (int i = 0; i < 3; i++)
			check_read(fd, 100, 7, (ferry_fs_policy)policy);
	close(fd);
	cr_assert(mounts_remove(folder_path("layers")));
	files_end();
}
