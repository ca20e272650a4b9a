/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lib/fs/counters.c: each call is counted once, and mounts are told of. */
#include <criterion/criterion.h>
#include <sys/stat.h>

#include "support/asking.h"
#include "support/tasks.h"

TestSuite(counters, .timeout = 60);

static int do_nothing(void *arg, ferry_result *out)
{
	(void)arg, (void)out;
	return 0;
}

Test(counters, each_mount_is_told_of_until_who_is_told_says_otherwise, .init = asking_begin,
     .fini = asking_end)
{
	ferry_fs_mount mount;
	struct stat status;

	cr_assert(see_mount("/proc", &mount));
	cr_assert_eq(stat("/proc", &status), 0);
	cr_assert_eq(mount.device, status.st_dev);
	cr_assert(!mount.is_remote && !mount.is_slow && !mount.is_stuck);
	cr_assert(!mount.under_way && !mount.waiting);
	cr_assert_gt(seen, 0);
	cr_assert_not(see_mount("no such mount", &mount));
	cr_assert_gt(seen, 1);
}

static unsigned told;

/* The turn would put a new table in the place of the one that is gone over. */
static int try_to_run(const ferry_fs_mount *mount, void *user)
{
	(void)mount, (void)user;
	told++;
	cr_assert_eq(ferry_loop_run_once(loop, 0), -EBUSY);
	cr_assert_eq(ferry_loop_run(loop), -EBUSY);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), -EBUSY);
	cr_assert_eq(ferry_loop_free(loop), -EBUSY);
	return told == 2 ? 5 : 0;
}

Test(counters, who_is_told_of_a_mount_can_neither_run_nor_free_the_loop_E1, .init = asking_begin,
     .fini = asking_end)
{
	cr_assert_eq(ferry_fs_each_mount(loop, try_to_run, NULL), 5);
	cr_assert_eq(told, 2);
	cr_assert_eq(ferry_loop_run(loop), 0, "it is not busy any more");
}

static pid_t child;

static int fork_and_free(const ferry_fs_mount *mount, void *user)
{
	(void)mount, (void)user;
	if (told++)
		return 0;
	child = fork();
	if (!child && ferry_loop_free(loop))
		_exit(2);
	return 0;
}

Test(counters, who_is_told_of_a_mount_may_free_the_loop_in_a_child_P6, .init = asking_begin,
     .fini = asking_end)
{
	int status, said = ferry_fs_each_mount(loop, fork_and_free, NULL);

	if (!child)
		_exit(said ? 3 : told != 1);
	cr_assert_eq(said, 0);
	cr_assert_gt(told, 1);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), 0);
}

/* With each step the sum is looked at, in ways_counters(). */
Test(counters, whatever_becomes_of_calls_they_are_counted_once, .init = asking_begin)
{
	ferry_local *queued, *kept[2];
	ferry_fs_counters counters;

	WAYS_OR_SKIP(folder);
	for (int i = 0; i < 2; i++) {
		kept[i] = asks_file(&ways[i]);
		ways_counters(loop);
	}
	ways_end(loop, kept[1]);
	ferry_local_unref(kept[0]);
	ferry_local_unref(kept[1]);
	block();
	queued = asks_file(ways_pool);
	cr_assert_eq(ways_counters(loop).under_way, 1);
	cr_assert_eq(ferry_local_cancel(queued), 1);
	ways_counters(loop);
	ferry_local_unref(queued);
	queued = asks_file(ways_pool);
	ferry_local_unref(queued);
	unblock();
	ferry_local_unref(ferry_offload(loop, pool, do_nothing, NULL, NULL));
	cr_assert_eq(ferry_loop_run(loop), 0);
	tasks_until_true(ferry_loop_run_once(loop, 0) == 0 && !ways_counters(loop).under_way);
	counters = ways_counters(loop);
	cr_assert_eq(counters.calls, 5);
	cr_assert_eq(counters.hits, 1);
	cr_assert_eq(counters.pooled, 4, "cancelled ones included");
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	for (unsigned i = 1; i <= 3; i++) {
		queued = asks_file(ways_pool);
		cr_assert_eq(ways_end(loop, queued), ESHUTDOWN);
		ferry_local_unref(queued);
		counters = ways_counters(loop);
		cr_assert_eq(counters.refused, i);
		cr_assert_eq(counters.pooled, 4);
		cr_assert_eq(counters.under_way, 0);
	}
	/* What needs no pool needs none. */
	queued = asks_file(ways_inline);
	cr_assert(ferry_local_snapshot(queued).done);
	cr_assert_null(ferry_local_snapshot(queued).exception);
	ferry_local_unref(queued);
	asking_end();
}
