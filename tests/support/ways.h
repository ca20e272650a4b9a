/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_WAYS_H
#define SUPPORT_WAYS_H
/*
 * The two ways of a file call, inline and through the pool, for loops and pools of the test's own.
 *
 *   ways_begin(loop, pool);                          the table of mounts is here when this returns
 *   ferry_fs_stat(loop, pool, path, ways_inline);    inline if the caches have it
 *   ferry_fs_stat(loop, pool, path, ways_pool);      on the pool
 *   for each of both: ferry_fs_stat(loop, pool, path, &ways[i]);
 *   ways_end(loop, local)                            runs until it is done: its errno, or 0
 *   counters = ways_counters(loop);                  which sum up (calls)
 *   root = ways_root(loop, pool, path, trust);
 *   if (!ways_are_cached(path)) ... skip: here the caches answer nothing ...
 *   fd = ways_hold(path);                            while that is open the caches have it
 *
 * A loop's first file call has a worker read the table of mounts: one job, and one descriptor that
 * stays; until that is done nothing is answered inline.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/vfs.h>

#include "support/fixture.h"

static const ferry_fs_options ways[2] = {
	{ .size = sizeof(ferry_fs_options), .policy = FERRY_FS_INLINE },
	{ .size = sizeof(ferry_fs_options), .policy = FERRY_FS_POOL },
};
#define ways_inline (&ways[0])
#define ways_pool (&ways[1])

static inline ferry_fs_counters ways_counters(ferry_loop *loop)
{
	ferry_fs_counters counters;
	int error = ferry_fs_stats(loop, &counters);

	if (error)
		fixture_die("no counters of file calls", error);
	if (counters.calls !=
	    counters.hits + counters.pooled + counters.waiting + counters.refused)
		fixture_die("the counters do not sum up", 0);
	return counters;
}

static inline int ways_end(ferry_loop *loop, ferry_local *local)
{
	int error = local ? ferry_loop_run_until(loop, local) : -errno;
	ferry_snapshot snapshot;

	if (error)
		fixture_die("a file call does not end", error);
	snapshot = ferry_local_snapshot(local);
	return snapshot.exception ? ferry_error_errno(snapshot.exception) : 0;
}

static inline void ways_begin(ferry_loop *loop, ferry_pool *pool)
{
	ferry_local *local = ferry_fs_stat(loop, pool, "/", ways_pool);

	if (ways_end(loop, local))
		fixture_die("there is no root directory", 0);
	ferry_local_unref(local);
	while (!ways_counters(loop).mount_reads)
		if (ferry_loop_run_once(loop, FERRY_NO_DEADLINE) < 0)
			fixture_die("the table of mounts does not come", 0);
}

static inline ferry_fs_root *ways_root(ferry_loop *loop, ferry_pool *pool, const char *path,
				       ferry_fs_trust trust)
{
	ferry_fs_root_options options = FERRY_FS_ROOT_OPTIONS_INIT;
	ferry_result result;
	ferry_local *local;
	int error;

	options.trust = trust;
	local = ferry_fs_root_open(loop, pool, path, &options, NULL);
	error = ways_end(loop, local);
	if (error || ferry_local_take(local, &result))
		fixture_die("no root", error);
	ferry_local_unref(local);
	return result.pointer;
}

/* A link is held itself. */
static inline int ways_hold(const char *path)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		fixture_die(path, errno);
	return fd;
}

/* Is the kernel new enough, and what the path lies on a disk, memory, or an overlay of them? The
 * library is not asked. */
static inline bool ways_are_cached(const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = 0x20 /* CACHED */ };
	struct statx status;
	struct statfs kind;
	int fd = open(path, O_PATH | O_CLOEXEC);
	bool has_ids;

	/* Now they have it, if they ever do. */
	if (fd >= 0)
		close(fd);
	fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	has_ids = fd >= 0 && !syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0x1000, &status) &&
		  status.stx_mask & 0x1000; /* STATX_MNT_ID */
	if (fd >= 0)
		close(fd);
	if (!has_ids || statfs(path, &kind))
		return false;
	switch ((unsigned)kind.f_type) {
	case 0xef53:     /* ext2, ext3, ext4 */
	case 0x58465342: /* xfs */
	case 0x9123683e: /* btrfs */
	case 0x01021994: /* tmpfs */
	case 0x794c7630: /* overlay */
		return true;
	default:
		return false;
	}
}

#define WAYS_OR_SKIP(path)                                                                     \
	do {                                                                                   \
		if (!ways_are_cached(path))                                                    \
			cr_skip_test("this kernel answers nothing from its caches for " #path); \
	} while (0)

#endif
