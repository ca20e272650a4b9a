/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/fs/attempt_read.c: which reads are tried on the loop's thread, and that an answer is whole
 * (S1). What is read at all, and what the page cache lacks, is in test_data.c.
 */
#include <criterion/criterion.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "fs/find.h"
#include "fs/fs.h"
#include "fs/health.h"
#include "support/asking.h"

TestSuite(attempt_read, .timeout = 60);

#define MOST ((size_t)256 << 10)

static int fd;
static size_t count;
static int64_t offset;

static ferry_local *asks_read(const ferry_fs_options *options)
{
	return ferry_fs_read(loop, pool, fd, count, offset, options);
}

static char byte_at(size_t i)
{
	return (char)(i % 251);
}

/* A file of so many bytes, all of them in the page cache. */
static int make(size_t bytes)
{
	char *content = malloc(bytes + 1);
	int made = open(folder_path("bytes"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (size_t i = 0; i < bytes; i++)
		content[i] = byte_at(i);
	cr_assert_geq(made, 0);
	cr_assert_eq(write(made, content, bytes), (ssize_t)bytes);
	cr_assert_eq(pread(made, content, bytes, 0), (ssize_t)bytes);
	free(content);
	return made;
}

/* Can this filesystem say what it has? */
static bool tells(void)
{
	char byte;
	struct iovec vector = { &byte, 1 };

	return preadv2(fd, &vector, 1, 0, RWF_NOWAIT) == 1;
}

#define TELLS_OR_SKIP()                                                                            \
	do {                                                                                       \
		if (!tells())                                                                      \
			cr_skip_test("this filesystem has no RWF_NOWAIT");                         \
	} while (0)

/* One read, inline: where it ended. */
static void check_inline(size_t wanted, int64_t at, size_t expected)
{
	const ferry_bytes *bytes;
	ferry_local *local;

	count = wanted;
	offset = at;
	local = asks_read(ways_inline);
	cr_assert(ferry_local_snapshot(local).done, "%zu at %d", wanted, (int)at);
	bytes = ferry_fs_result_bytes(local);
	cr_assert_not_null(bytes);
	cr_assert_eq(bytes->count, expected, "%zu at %d: %zu", wanted, (int)at, bytes->count);
	for (size_t i = 0; i < expected; i++)
		cr_assert_eq((char)bytes->bytes[i], byte_at((size_t)at + i));
	cr_assert_eq(bytes->bytes[expected], 0, "a 0 is behind them");
	ferry_local_unref(local);
}

static enum way way_of_read(size_t wanted, int64_t at)
{
	count = wanted;
	offset = at;
	return way_of(asks_read, ways_inline);
}

Test(attempt_read, S1_what_ends_with_the_file_is_whole, .init = asking_begin, .fini = asking_end)
{
	fd = make(10000);
	TELLS_OR_SKIP();
	check_inline(10000, 0, 10000);
	check_inline(10001, 0, 10000);
	check_inline(MOST, 0, 10000);
	check_inline(1, 9999, 1);
	check_inline(2, 9999, 1);
	check_inline(1, 9998, 1);
	check_inline(5, 10000, 0);
	close(fd);
}

Test(attempt_read, S1_a_file_that_grew_is_read_to_where_it_ends_now, .init = asking_begin,
     .fini = asking_end)
{
	fd = make(100);
	TELLS_OR_SKIP();
	for (size_t size = 100; size < 10000; size += 1000) {
		char next[1000];

		check_inline(20000, 0, size);
		check_inline(20000, (int64_t)size, 0);
		for (size_t i = 0; i < sizeof(next); i++)
			next[i] = byte_at(size + i);
		cr_assert_eq(pwrite(fd, next, sizeof(next), (off_t)size), (ssize_t)sizeof(next));
	}
	cr_assert_eq(ftruncate(fd, 50), 0);
	check_inline(20000, 0, 50);
	close(fd);
}

Test(attempt_read, much_nothing_and_its_own_position_are_not_tried, .init = asking_begin,
     .fini = asking_end)
{
	fd = make(MOST + 1);
	TELLS_OR_SKIP();
	check_inline(MOST, 0, MOST);
	check_inline(MOST, 1, MOST);
	cr_assert_eq(way_of_read(MOST + 1, 0), AVOIDED);
	cr_assert_eq(way_of_read(0, 0), AVOIDED);
	cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
	cr_assert_eq(way_of_read(1, FERRY_FS_HERE), AVOIDED);
	cr_assert_eq(lseek(fd, 0, SEEK_CUR), 1, "a worker moved it on");
	close(fd);
}

/* What a worker would be told is what a worker says. */
Test(attempt_read, E1_what_fails_is_no_miss, .init = asking_begin, .fini = asking_end)
{
	int ends[2];

	fd = open(folder_path("file"), O_WRONLY | O_CLOEXEC);
	cr_assert_eq(way_of_read(1, 0), AVOIDED);
	close(fd);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_neq(way_of_read(1, 0), HIT);
	close(fd);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	fd = ends[0];
	cr_assert_eq(way_of_read(1, 0), AVOIDED);
	close(ends[0]);
	close(ends[1]);
}

/* ---- slow mounts ---- */

#define HOUR_NS 3600000000000u

static void make_slow(const char *path)
{
	int there = open(path, O_PATH | O_CLOEXEC);
	struct health *health = find_by_descriptor(loop->fs, there);

	cr_assert_not_null(health, "%s", path);
	health_demote(loop->fs, health, ferry_now_ns());
	close(there);
}

Test(attempt_read, S2_of_a_slow_mount_a_worker_reads_and_of_others_as_ever, .init = asking_begin,
     .fini = asking_end)
{
	configure((ferry_fs_settings){ .cool_off_ns = HOUR_NS });
	fd = make(100);
	TELLS_OR_SKIP();
	make_slow("/proc");
	for (int i = 0; i < 3; i++)
		check_inline(10, i, 10);
	make_slow(folder);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(way_of_read(10, i), AVOIDED);
	close(fd);
}

/* What is on no mount that the table has is not known to be quick. */
Test(attempt_read, S2_while_a_mount_is_slow_what_is_on_none_is_not_tried, .init = asking_begin,
     .fini = asking_end)
{
	configure((ferry_fs_settings){ .cool_off_ns = HOUR_NS });
	fd = (int)syscall(SYS_memfd_create, "bytes", MFD_CLOEXEC);
	cr_assert_eq(write(fd, "content", 7), 7);
	cr_assert_neq(way_of_read(7, 0), AVOIDED);
	make_slow("/proc");
	cr_assert_eq(way_of_read(7, 0), AVOIDED);
	close(fd);
}
