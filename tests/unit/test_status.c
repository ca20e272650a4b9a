/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/fs/status.c: attributes are the same by either call of the kernel's, but for what only
 * statx() knows; and no time is out of the range of its field.
 */
#include <criterion/criterion.h>

#include "fs/status.h"
#include "support/denied.h"
#include "support/fixture.h"
#include "support/folder.h"

#include <sys/socket.h>
#include <sys/un.h>

TestSuite(status, .timeout = 30);

#define NO_FILTER 77

static void set_times(const char *name, int64_t accessed, int64_t modified, long nanoseconds)
{
	struct timespec times[] = { { accessed, nanoseconds }, { modified, nanoseconds } };

	cr_assert_eq(utimensat(AT_FDCWD, folder_path(name), times, AT_SYMLINK_NOFOLLOW), 0);
}

static void begin(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	folder_make();
	folder_file("file", "content");
	folder_file("old", "");
	set_times("old", -2, -1000000000, 999999999);
	folder_file("large", "");
	cr_assert_eq(truncate(folder_path("large"), (off_t)5 << 30), 0);
	folder_below("below", 01750);
	folder_link("link", "file");
	folder_link("dangling", "nowhere");
	/* In the future, so that they stay when the links are followed. */
	set_times("link", 4000000000, -67890, 1);
	set_times("dangling", 4000000000, 0, 0);
	folder_fifo("fifo");
	cr_assert_eq(link(folder_path("file"), folder_path("second")), 0);
	cr_assert_eq(chmod(folder_path("old"), 06711), 0);
	strcpy(address.sun_path, folder_path("socket"));
	cr_assert_eq(bind(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
	close(descriptor);
}

static void end(void)
{
	folder_remove();
}

/* ---- either way ---- */

static const char *const paths[] = {
	"file",   "old",    "large",   "below",  "below/", "link",      "dangling",    "fifo",
	"second", "socket", "missing", "file/x", "",       "/dev/null", "/sys/kernel", "/usr/",
};
#define PATHS (sizeof(paths) / sizeof(*paths))

static const char *place_of(size_t i)
{
	return *paths[i] && *paths[i] != '/' ? folder_path(paths[i]) : paths[i];
}

static struct one {
	int said;
	ferry_stat status;
} by_statx[PATHS][2], opened_by_statx;
static int opened;

static struct one ask(int directory, const char *path, int flags)
{
	struct one one = { 0, { .inode = 4711 } };

	one.said = status_read(directory, path, flags, &one.status);
	return one;
}

/* 0, or what differs; @denied: the second was asked for by fstatat(). */
static int differs(const struct one *by_statx, const struct one *by_fstatat)
{
	struct one expected = *by_statx;

	if (!expected.said)
		expected.status.created_ns = 0, expected.status.attributes = 0;
	return by_fstatat->said != expected.said                                        ? 1
	       : memcmp(&by_fstatat->status, &expected.status, sizeof(expected.status)) ? 2
											: 0;
}

static int asks_all_without_statx(void *errno_given)
{
	struct statx status;
	struct one one;

	if (!denied(SYS_statx, *(int *)errno_given) ||
	    syscall(SYS_statx, AT_FDCWD, "/", 0, 0, &status) != -1 || errno != *(int *)errno_given)
		return NO_FILTER;
	for (size_t i = 0; i < PATHS * 2; i++) {
		one = ask(AT_FDCWD, place_of(i / 2), i & 1 ? AT_SYMLINK_NOFOLLOW : 0);
		if (differs(&by_statx[i / 2][i & 1], &one)) {
			fprintf(stderr, "%s, way %zu: %d, not %d\n", paths[i / 2], i & 1, one.said,
				by_statx[i / 2][i & 1].said);
			return 1;
		}
	}
	one = ask(opened, "", AT_EMPTY_PATH);
	if (differs(&opened_by_statx, &one))
		return 2;
	return ask(-1, "", AT_EMPTY_PATH).said == -EBADF ? 0 : 3;
}

Test(status, S1_without_statx_all_is_the_same_but_what_only_it_knows, .init = begin, .fini = end)
{
	static int errors[] = { EPERM, ENOSYS };

	opened = open(folder_path("file"), O_RDONLY | O_CLOEXEC);
	opened_by_statx = ask(opened, "", AT_EMPTY_PATH);
	cr_assert_eq(opened_by_statx.status.size, 7);
	for (size_t i = 0; i < PATHS * 2; i++)
		by_statx[i / 2][i & 1] =
			ask(AT_FDCWD, place_of(i / 2), i & 1 ? AT_SYMLINK_NOFOLLOW : 0);
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		int status = fixture_in_child(asks_all_without_statx, &errors[i]);

		if (status == NO_FILTER)
			cr_skip_test("no filter of system calls can be set here");
		cr_assert_eq(status, 0, "%s", strerror(errors[i]));
	}
	close(opened);
}

Test(status, E1_each_failure_is_its_errno_and_nothing_is_written, .init = begin, .fini = end)
{
	static const struct {
		const char *path;
		int said;
	} failures[] = {
		{ "missing", -ENOENT },
		{ "dangling", -ENOENT },
		{ "file/x", -ENOTDIR },
		{ "", -ENOENT },
	};
	int file = open(folder_path("file"), O_RDONLY | O_CLOEXEC);

	for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++) {
		const char *path = failures[i].path;
		struct one one = ask(AT_FDCWD, *path ? folder_path(path) : path, 0);

		cr_assert_eq(one.said, failures[i].said, "%s: %d", path, one.said);
		cr_assert_eq(one.status.inode, 4711);
	}
	cr_assert_eq(ask(-1, "", AT_EMPTY_PATH).said, -EBADF);
	cr_assert_eq(ask(file, "x", 0).said, -ENOTDIR);
	close(file);
}

Test(status, links_are_followed_unless_they_are_asked_about, .init = begin, .fini = end)
{
	struct one itself = ask(AT_FDCWD, folder_path("link"), AT_SYMLINK_NOFOLLOW);
	struct one followed = ask(AT_FDCWD, folder_path("link"), 0);
	struct one file = ask(AT_FDCWD, folder_path("file"), 0);

	cr_assert_eq(memcmp(&followed, &file, sizeof(file)), 0);
	cr_assert(S_ISLNK(itself.status.mode));
	cr_assert_eq(itself.status.size, 4);
	cr_assert_eq(itself.status.accessed_ns, 4000000000000000001);
	cr_assert_eq(itself.status.modified_ns, -67889999999999);
	cr_assert_eq(file.status.links, 2);
}

/* ---- what only statx() knows ---- */

Test(status, when_it_was_created_and_what_else_it_is_are_there_as_far_as_they_are_known,
     .init = begin, .fini = end)
{
	for (size_t i = 0; i < PATHS; i++) {
		struct statx raw;
		struct one one = ask(AT_FDCWD, place_of(i), 0);
		bool has_it;

		if (one.said)
			continue;
		cr_assert_eq(syscall(SYS_statx, AT_FDCWD, place_of(i), 0, STATUS_ALL, &raw), 0);
		has_it = raw.stx_mask & STATX_BTIME;
		cr_assert_eq(one.status.created_ns,
			     has_it ? raw.stx_btime.tv_sec * 1000000000 + raw.stx_btime.tv_nsec
				    : 0);
		cr_assert_eq(one.status.attributes, raw.stx_attributes & raw.stx_attributes_mask);
	}
}

Test(status, what_a_filesystem_does_not_know_is_0)
{
	struct statx raw = { .stx_mask = STATX_BASIC_STATS,
			     .stx_attributes = 0x30,
			     .stx_attributes_mask = 0x14,
			     .stx_btime = { .tv_sec = 1, .tv_nsec = 2 } };
	ferry_stat status;

	status_convert(&raw, &status);
	cr_assert_eq(status.created_ns, 0);
	cr_assert_eq(status.attributes, 0x10, "it may say what it does not know");
	raw.stx_mask |= STATX_BTIME;
	status_convert(&raw, &status);
	cr_assert_eq(status.created_ns, 1000000002);
}

/* ---- times ---- */

Test(status, times_before_1970_count_from_the_second_before, .init = begin, .fini = end)
{
	struct one one = ask(AT_FDCWD, folder_path("old"), 0);

	cr_assert_eq(one.status.accessed_ns, -1000000001);
	cr_assert_eq(one.status.modified_ns, -999999999000000001);
}

/* Filesystems have later ones, and earlier ones; the field has those from 1677 to 2262. */
Test(status, a_time_out_of_range_is_the_last_or_the_first_there_is)
{
	static const struct {
		int64_t seconds;
		unsigned nanoseconds;
		int64_t expected;
	} times[] = {
		{ 9223372036, 854775807, INT64_MAX },
		{ 9223372036, 854775806, INT64_MAX - 1 },
		{ 9223372036, 854775808, INT64_MAX },
		{ 9223372037, 0, INT64_MAX },
		{ INT64_MAX, 999999999, INT64_MAX },
		{ -9223372036, 0, -9223372036000000000 },
		{ -9223372037, 145224193, INT64_MIN + 1 },
		{ -9223372037, 145224192, INT64_MIN },
		{ -9223372037, 145224191, INT64_MIN },
		{ -9223372038, 999999999, INT64_MIN },
		{ INT64_MIN, 0, INT64_MIN },
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		struct statx raw = { .stx_mask = STATUS_ALL };
		ferry_stat status;

		raw.stx_mtime.tv_sec = raw.stx_btime.tv_sec = times[i].seconds;
		raw.stx_mtime.tv_nsec = raw.stx_btime.tv_nsec = times[i].nanoseconds;
		status_convert(&raw, &status);
		cr_assert_eq(status.modified_ns, times[i].expected, "%zu: %lld", i,
			     (long long)status.modified_ns);
		cr_assert_eq(status.created_ns, times[i].expected);
	}
}
