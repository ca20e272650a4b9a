/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_REMOTE_H
#define SUPPORT_REMOTE_H
/*
 * A loop and a pool with a remote mount, whose opens are held, in tests for Criterion.
 *
 *   remote_begin(4, &settings);          four workers; skips the test where there is no such mount
 *   remote_hold();                       from here on who opens a file there waits
 *   local = remote_open(NULL);           and so does this one: inside, or for a place
 *   slow_mount_await(&remote, SLOW_OPEN, 2)
 *   remote_counters().waiting            they add up, or the test ends
 *   remote_end_of(local)                 errno of its outcome, -1: it is stuck; lets go of it
 *   remote_local(NULL)                   one elsewhere, on the pool
 *   remote_release();                    nothing is held any more, and all of the calls are back
 *   remote_end();
 */
#include <criterion/criterion.h>
#include <sched.h>

#include "support/fixture.h"
#include "support/folder.h"
#include "support/slow_mount.h"

static struct slow_mount remote;
static ferry_loop *loop;
static ferry_pool *pool;
static int remote_descriptors;

/* Only what is told here comes about by time: no place is lent. */
#define REMOTE_SETTINGS                                                            \
	{                                                                          \
		.size = sizeof(ferry_fs_settings), .lend_ns = FERRY_NO_DEADLINE    \
	}

static inline ferry_fs_counters remote_counters(void)
{
	ferry_fs_counters counters;

	cr_assert_eq(ferry_fs_stats(loop, &counters), 0);
	cr_assert_eq(counters.calls, counters.hits + counters.pooled + counters.waiting +
					     counters.refused);
	return counters;
}

/* Of the mount that is @name's below where mounts of the test are; NULL: the remote one's. */
static ferry_fs_mount remote_found;

static inline int remote_look(const ferry_fs_mount *mount, void *point)
{
	if (strcmp(mount->point, point))
		return 0;
	remote_found = *mount;
	return 1;
}

static inline ferry_fs_mount remote_mount(struct slow_mount *of)
{
	char point[512];

	snprintf(point, sizeof(point), "%s", slow_mount_path(of, ""));
	cr_assert_eq(ferry_fs_each_mount(loop, remote_look, point), 1);
	return remote_found;
}

static inline void remote_fill(struct slow_mount *of)
{
	int fd = open(slow_mount_below(of, "file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, "content", 7), 7);
	close(fd);
	cr_assert_eq(mkdir(slow_mount_below(of, "directory"), 0755), 0);
}

/* Reads the table of mounts, if that has not been done yet. */
static inline void remote_know(void)
{
	ferry_local *local = ferry_fs_stat(loop, pool, "/", NULL);

	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_gt(remote_counters().mount_reads, 0);
	ferry_local_unref(local);
}

static inline void remote_begin(unsigned threads, const ferry_fs_settings *settings)
{
	struct slow_mount_options options = { .entry_seconds = 3600,
					      .attribute_seconds = 3600,
					      .interruptible = true };
	const char *why = slow_mount_begin(&remote, options);

	if (why)
		cr_skip_test("%s", why);
	remote_fill(&remote);
	remote_descriptors = fixture_descriptors();
	loop = fixture_loop();
	pool = fixture_pool(threads);
	cr_assert_eq(ferry_fs_configure(loop, settings), 0);
	remote_know();
	cr_assert(remote_mount(&remote).is_remote);
}

static inline void remote_hold(void)
{
	slow_mount_hang(&remote, SLOW_OPEN);
}

static inline ferry_local *remote_open(const ferry_fs_options *options)
{
	ferry_local *local = ferry_fs_open(loop, pool, slow_mount_path(&remote, "file"), O_RDONLY,
					   0, options);

	cr_assert_not_null(local);
	remote_counters();
	return local;
}

static inline ferry_local *remote_local(const ferry_fs_options *options)
{
	ferry_fs_options own = FERRY_FS_OPTIONS_INIT;
	ferry_local *local;

	if (options)
		own = *options;
	own.policy = FERRY_FS_POOL;
	local = ferry_fs_stat(loop, pool, "/", &own);
	cr_assert_not_null(local);
	return local;
}

static inline int remote_end_of(ferry_local *local)
{
	ferry_snapshot snapshot;
	int error;

	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	remote_counters();
	snapshot = ferry_local_snapshot(local);
	error = snapshot.exception == ferry_error_from_code(FERRY_ERROR_STUCK)
			? -1
			: ferry_error_errno(snapshot.exception);
	ferry_local_unref(local);
	return error;
}

/* Until so many mounts have been found to be stuck since the beginning. */
static inline void remote_await_stuck(unsigned count)
{
	while (remote_counters().stuck < count)
		cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
}

static inline void remote_release(void)
{
	slow_mount_release(&remote, SLOW_ANYTHING);
	while (remote_counters().under_way || remote_counters().waiting) {
		cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
		sched_yield();
	}
	cr_assert_eq(ferry_loop_run(loop), 0);
}

static inline void remote_end(void)
{
	remote_release();
	fixture_end(loop, pool);
	slow_mount_end(&remote);
	cr_assert_leq(fixture_descriptors(), remote_descriptors);
}

#endif
