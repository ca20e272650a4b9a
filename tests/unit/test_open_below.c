/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening below a root (lib/fs/attempt_open.c): whatever is opened below one that is vouched for is
 * what a worker would have opened, and an attempt that gives up leaves nothing open (S1, F7). More
 * of it is in test_attempt_open.c and test_root.c.
 */
#include <criterion/criterion.h>
#include <sys/stat.h>

#include "fs/find.h"
#include "fs/fs.h"
#include "fs/health.h"
#include "support/asking.h"
#include "support/denied.h"
#include "support/namespace.h"

TestSuite(open_below, .timeout = 30);

static ferry_fs_root *root;
static const char *path;
static int flags;

static ferry_local *asks_open(const ferry_fs_options *given)
{
	ferry_fs_options options = *given;

	options.root = root;
	return ferry_fs_open(loop, pool, path, flags, 0, &options);
}

static ferry_local *asks_open_stat(const ferry_fs_options *given)
{
	ferry_fs_options options = *given;

	options.root = root;
	return ferry_fs_open_stat(loop, pool, path, flags, 0, &options);
}

static void make_all(void)
{
	folder_below("below", 0755);
	folder_link("link", "file");
	folder_link("way", "below");
	folder_link("dangling", "nowhere");
	folder_fifo("fifo");
}

static void begin(void)
{
	asking_begin();
	make_all();
}

static ferry_fs_root *trusted(ferry_fs_trust trust)
{
	return ways_root(loop, pool, folder, trust);
}

/* ---- the same as on the pool ---- */

struct outcome {
	int error, flags;
	struct stat status;
	bool was_inline;
};

static struct outcome outcome_of(ferry_local *local)
{
	struct outcome outcome = { .was_inline = ferry_local_snapshot(local).done };

	outcome.error = ways_end(loop, local);
	if (!outcome.error) {
		int fd = ferry_fs_result_fd(local);

		outcome.flags = fcntl(fd, F_GETFL);
		cr_assert_eq(fstat(fd, &outcome.status), 0);
		cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	ferry_local_unref(local);
	return outcome;
}

#define BOTH 3       /* below each root that is vouched for */
#define UNCHANGING 2 /* below that which does not change alone */

static const struct {
	const char *path;
	int flags, error, is_inline;
} opens[] = {
	{ "file", O_PATH, 0, BOTH },
	{ "file", O_RDONLY | O_NOFOLLOW, 0, BOTH },
	{ "file", O_PATH | O_DIRECTORY, ENOTDIR, BOTH },
	{ "file", O_RDONLY | O_DIRECTORY, ENOTDIR, BOTH },
	{ "below", O_PATH, 0, BOTH },
	{ "below", O_RDONLY, 0, BOTH },
	{ "below", O_PATH | O_DIRECTORY, 0, BOTH },
	{ "below", O_PATH | O_DIRECTORY | O_NONBLOCK, 0, BOTH },
	{ "below", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, BOTH },
	{ "below", O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0, BOTH },
	{ ".", O_RDONLY | O_DIRECTORY, 0, BOTH },
	{ "link", O_RDONLY, 0, BOTH },
	{ "link", O_PATH, 0, BOTH },
	{ "link", O_RDONLY | O_NOFOLLOW, ELOOP, BOTH },
	{ "way", O_RDONLY | O_DIRECTORY, 0, BOTH },
	{ "way", O_PATH | O_DIRECTORY | O_NOFOLLOW, ENOTDIR, BOTH },
	{ "missing", O_RDONLY, ENOENT, BOTH },
	{ "dangling", O_PATH, ENOENT, BOTH },
	{ "dangling", O_PATH | O_NOFOLLOW, 0, UNCHANGING },
	{ "link", O_PATH | O_NOFOLLOW, 0, UNCHANGING },
	{ "fifo", O_PATH, 0, UNCHANGING },
};

static void check_opens(ferry_local *(*asks)(const ferry_fs_options *options))
{
	int before;

	for (int trust = FERRY_FS_TRUST_LOCAL; trust <= FERRY_FS_TRUST_UNCHANGING; trust++) {
		root = trusted((ferry_fs_trust)trust);
		before = fixture_descriptors();
		for (size_t i = 0; i < sizeof(opens) / sizeof(*opens); i++) {
			bool may = opens[i].is_inline & trust;
			struct outcome one, other;

			path = opens[i].path;
			flags = opens[i].flags;
			/* The caches know it from here on. */
			other = outcome_of(asks(ways_pool));
			one = outcome_of(asks(ways_inline));
			cr_assert_eq(other.error, opens[i].error, "%s, %x: %d", path, flags,
				     other.error);
			cr_assert_eq(one.error, opens[i].error, "%s, %x: %d", path, flags,
				     one.error);
			cr_assert_eq(one.flags, other.flags, "%s, %x: %x", path, flags, one.flags);
			cr_assert_eq(one.status.st_ino, other.status.st_ino, "%s, %x", path, flags);
			cr_assert_eq(one.status.st_mode, other.status.st_mode);
			/* Whether a name that fails is to be asked for again is not said here. */
			cr_assert(one.error || one.was_inline == may, "%s, %x, trust %d", path,
				  flags, trust);
			cr_assert_not(other.was_inline);
		}
		cr_assert_eq(ferry_loop_run(loop), 0);
		while (fixture_descriptors() != before)
			way_of(asks_file, ways_pool);
		root = ferry_fs_root_unref(root);
	}
}

Test(open_below, S1_what_is_opened_is_what_a_worker_opens, .init = begin, .fini = asking_end)
{
	WAYS_OR_SKIP(folder);
	check_opens(asks_open);
}

Test(open_below, S1_with_its_attributes_too, .init = begin, .fini = asking_end)
{
	WAYS_OR_SKIP(folder);
	check_opens(asks_open_stat);
}

/* All of them, by either way. */
Test(open_below, S1_the_attributes_are_those_of_the_file_that_was_opened, .init = begin,
     .fini = asking_end)
{
	static const char *const paths[] = { "file", "below", "link", "way" };

	WAYS_OR_SKIP(folder);
	for (int i = 0; i < 8; i++) {
		ferry_local *opened, *asked;

		root = trusted(i & 1 ? FERRY_FS_TRUST_UNCHANGING : FERRY_FS_TRUST_LOCAL);
		path = paths[i / 2];
		flags = O_RDONLY;
		/* The time of a link is set when it is followed first, which takes a worker. */
		way_of(asks_open, ways_pool);
		opened = asks_open_stat(ways_inline);
		cr_assert(ferry_local_snapshot(opened).done);
		asked = ferry_fs_fstat(loop, pool, ferry_fs_result_fd(opened), ways_pool);
		cr_assert_eq(ways_end(loop, asked), 0);
		cr_assert_eq(memcmp(ferry_fs_result_stat(opened), ferry_fs_result_stat(asked),
				    sizeof(ferry_stat)),
			     0, "%s", path);
		ferry_local_unref(asked);
		ferry_local_unref(opened);
		root = ferry_fs_root_unref(root);
	}
}

/* ---- not tried ---- */

Test(open_below, S2_below_a_root_on_a_slow_mount_nothing_is_opened_or_closed_inline, .init = begin,
     .fini = asking_end)
{
	int there;

	WAYS_OR_SKIP(folder);
	configure((ferry_fs_settings){ .cool_off_ns = 3600000000000u });
	root = trusted(FERRY_FS_TRUST_UNCHANGING);
	path = "file";
	flags = O_RDONLY;
	cr_assert_eq(way_of(asks_open, ways_inline), HIT);
	there = ways_hold(folder);
	health_demote(loop->fs, find_by_descriptor(loop->fs, there), ferry_now_ns());
	for (int i = 0; i < 2; i++) {
		ferry_fs_options options = *ways_inline;
		ferry_local *local;

		cr_assert_eq(way_of(asks_open, ways_inline), AVOIDED);
		cr_assert_eq(way_of(asks_open_stat, ways_inline), AVOIDED);
		options.root = root;
		local = ferry_fs_close(loop, pool, ways_hold(folder_path("file")), &options);
		cr_assert_not(ferry_local_snapshot(local).done);
		cr_assert_eq(ways_end(loop, local), 0);
		ferry_local_unref(local);
	}
	close(there);
	ferry_fs_root_unref(root);
}

/* ---- given up ---- */

/* In a child. What was opened cannot be looked at: a worker, who may, opens another. */
static int opens_without_statx(void *arg)
{
	static const char *const paths[] = { "file", "below", "fifo" };
	int status = 0, before;
	ferry_fs_root *roots[2];
	struct statx statx;

	(void)arg;
	begin();
	if (!ways_are_cached(folder))
		return NAMESPACE_NONE;
	roots[0] = trusted(FERRY_FS_TRUST_LOCAL);
	roots[1] = trusted(FERRY_FS_TRUST_UNCHANGING);
	if (!denied(SYS_statx, EPERM) || syscall(SYS_statx, AT_FDCWD, "/", 0, 0, &statx) != -1)
		return NAMESPACE_NONE;
	before = fixture_descriptors();
	for (int i = 0; i < 12 && !status; i++) {
		bool may;
		ferry_local *local;

		root = roots[i & 1];
		path = paths[i / 4];
		flags = O_PATH;
		/* Below one that does not change nothing is looked at, if nothing is told of it. */
		may = i & 1 && !(i & 2);
		local = i & 2 ? asks_open_stat(ways_inline) : asks_open(ways_inline);
		if (ferry_local_snapshot(local).done != may)
			status = 10 + i;
		if (ways_end(loop, local) ||
		    (i & 2 && S_ISDIR(ferry_fs_result_stat(local)->mode) != (i / 4 == 1)))
			status = 30 + i;
		ferry_local_unref(local);
	}
	/* A worker closes what nobody took. */
	for (int i = 0; i < 2; i++)
		way_of(asks_file, ways_pool);
	if (!status && fixture_descriptors() != before)
		status = 50;
	ferry_fs_root_unref(roots[0]);
	ferry_fs_root_unref(roots[1]);
	return status;
}

Test(open_below, F7_an_attempt_that_gives_up_leaves_nothing_open)
{
	int status = fixture_in_child(opens_without_statx, NULL);

	if (status == NAMESPACE_NONE)
		cr_skip_test("no filter of system calls can be set here, or nothing is cached");
	cr_assert_eq(status, 0);
}
