/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lib/fs/inline.c: which calls are tried on the loop's thread (S1, S2). */
#include <criterion/criterion.h>

#include "fs/fs.h"
#include "support/asking.h"
#include "support/tasks.h"

TestSuite(inline, .timeout = 60);

/* The caches never have that: it is followed by a function of the kernel's. */
static ferry_local *asks_magic(const ferry_fs_options *options)
{
	return ferry_fs_stat(loop, pool, "/proc/self/exe", options);
}

static ferry_local *asks_below(const ferry_fs_options *options)
{
	return ferry_fs_stat(loop, pool, "file", options);
}

/* Who mounts something, anywhere, has the kernel look for a name once more, which an inline call
 * does not wait for: one of many may miss. */
static enum way settled_way(ferry_local *(*begins)(const ferry_fs_options *options),
			    const ferry_fs_options *options)
{
	enum way way = way_of(begins, options);

	for (int i = 0; i < 100 && way == MISSED; i++)
		way = way_of(begins, options);
	return way;
}

/* ---- the policy ---- */

Test(inline, S1_each_policy_of_a_call, .init = asking_begin, .fini = asking_end)
{
	WAYS_OR_SKIP(folder);
	for (ferry_fs_policy i = FERRY_FS_INHERIT; i <= FERRY_FS_POOL; i++) {
		ferry_fs_options options = policy(i);

		cr_assert_eq(settled_way(asks_file, &options),
			     i == FERRY_FS_POOL ? AVOIDED : HIT);
	}
	cr_assert_eq(settled_way(asks_file, NULL), HIT, "without options: AUTO");
}

Test(inline, S1_each_policy_of_a_call_below_a_root_of_each_policy, .init = asking_begin,
     .fini = asking_end)
{
	WAYS_OR_SKIP(folder);
	for (ferry_fs_policy of_root = FERRY_FS_INHERIT; of_root <= FERRY_FS_POOL; of_root++) {
		ferry_fs_root_options root_options = FERRY_FS_ROOT_OPTIONS_INIT;
		ferry_local *local;
		ferry_result root;

		root_options.policy = of_root;
		local = ferry_fs_root_open(loop, pool, folder, &root_options, NULL);
		cr_assert_eq(ways_end(loop, local), 0);
		cr_assert_eq(ferry_local_take(local, &root), 0);
		ferry_local_unref(local);
		for (ferry_fs_policy i = FERRY_FS_INHERIT; i <= FERRY_FS_POOL; i++) {
			ferry_fs_options options = policy(i);
			ferry_fs_policy holds = i ? i : of_root;

			options.root = root.pointer;
			cr_assert_eq(settled_way(asks_below, &options),
				     holds == FERRY_FS_POOL ? AVOIDED : HIT, "%d below %d", i,
				     of_root);
		}
		ferry_fs_root_unref(root.pointer);
	}
}

Test(inline, auto_goes_to_the_pool_where_many_are_under_way, .init = asking_begin,
     .fini = asking_end)
{
	static const unsigned depths[] = { 1, 3, 24 };
	ferry_fs_options automatic = policy(FERRY_FS_AUTO);

	WAYS_OR_SKIP(folder);
	for (int i = 0; i < 3; i++) {
		/* 24 is the default. */
		configure((ferry_fs_settings){ .depth = depths[i] == 24 ? 0 : depths[i] });
		block();
		for (unsigned under_way = 0; under_way <= depths[i] + 1; under_way++) {
			ferry_local *local = asks_file(&automatic);
			bool is_deep = under_way >= depths[i];

			cr_assert_eq(ways_counters(loop).under_way, under_way + is_deep);
			cr_assert_eq(ferry_local_snapshot(local).done, !is_deep, "%u of %u",
				     under_way, depths[i]);
			ferry_local_unref(local);
			local = asks_file(ways_inline);
			cr_assert(ferry_local_snapshot(local).done, "however many there are");
			ferry_local_unref(local);
			if (!is_deep)
				ferry_local_unref(asks_file(ways_pool));
		}
		unblock();
		cr_assert_eq(ways_counters(loop).under_way, 0);
		cr_assert_eq(way_of(asks_file, &automatic), HIT);
	}
}

static void called(ferry_loop *of, void *user)
{
	(void)of;
	++*(int *)user;
}

Test(inline, auto_goes_to_the_pool_where_many_callbacks_are_due, .init = asking_begin,
     .fini = asking_end)
{
	ferry_fs_options automatic = policy(FERRY_FS_AUTO);
	int calls = 0;

	WAYS_OR_SKIP(folder);
	configure((ferry_fs_settings){ .depth = 3 });
	for (int i = 0; i < 5; i++) {
		ferry_local *local = asks_file(&automatic);

		cr_assert_eq(ferry_local_snapshot(local).done, i < 3);
		ferry_local_unref(local);
		cr_assert_eq(ferry_loop_call_soon(loop, called, &calls), 0);
	}
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 5);
	cr_assert_eq(way_of(asks_file, &automatic), HIT);
}

Test(inline, S2_look_ups_that_hang_keep_no_file_call_from_being_inline, .init = asking_begin,
     .fini = asking_end)
{
	ferry_fs_options automatic = policy(FERRY_FS_AUTO);

	WAYS_OR_SKIP(folder);
	configure((ferry_fs_settings){ .depth = 1 });
	for (int round = 0; round < 2; round++) {
		ferry_local *local;
		bool done;

		block();
		for (int i = 0; i < 3; i++)
			ferry_local_unref(
				ferry_getaddrinfo(loop, pool, "localhost", NULL, NULL, NULL));
		local = asks_file(&automatic);
		done = ferry_local_snapshot(local).done;
		ferry_local_unref(local);
		unblock();
		cr_assert(done);
		cr_assert_eq(loop->fs->apart, 0);
	}
}

/* ---- misses ---- */

/* How many calls until one is not tried. */
static int until_avoided(ferry_local *(*begins)(const ferry_fs_options *options),
			 const ferry_fs_options *options)
{
	for (int i = 0; i < 1000; i++) {
		enum way way = way_of(begins, options);

		if (way == AVOIDED)
			return i;
		cr_assert_eq(way, MISSED);
	}
	return 1000;
}

Test(inline, S2_what_always_misses_is_not_tried_but_now_and_then, .init = asking_begin,
     .fini = asking_end)
{
	ferry_fs_options automatic = policy(FERRY_FS_AUTO);
	int tries;

	WAYS_OR_SKIP(folder);
	tries = until_avoided(asks_magic, &automatic);
	cr_assert(tries > 4 && tries < 64, "%d", tries);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 62; i++)
			cr_assert_eq(way_of(asks_magic, &automatic), AVOIDED, "%d, %d", round, i);
		cr_assert_eq(way_of(asks_magic, &automatic), MISSED, "the 64th, %d", round);
		cr_assert_eq(way_of(asks_magic, &automatic), AVOIDED);
	}
	cr_assert_eq(way_of(asks_magic, ways_inline), MISSED, "who wants it tried has it tried");
	cr_assert_eq(way_of(asks_file, ways_inline), HIT);
}

Test(inline, S2_as_soon_as_some_hit_again_all_are_tried, .init = asking_begin, .fini = asking_end)
{
	ferry_fs_options automatic = policy(FERRY_FS_AUTO);

	WAYS_OR_SKIP(folder);
	until_avoided(asks_magic, &automatic);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(way_of(asks_file, ways_inline), HIT);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(way_of(asks_file, &automatic), HIT);
}

/* One in four that hits is well worth three tries for nothing. */
Test(inline, S2_what_hits_now_and_then_is_tried_always, .init = asking_begin, .fini = asking_end)
{
	ferry_fs_options automatic = policy(FERRY_FS_AUTO);

	WAYS_OR_SKIP(folder);
	for (int i = 0; i < 400; i++)
		cr_assert_eq(way_of(i % 4 ? asks_magic : asks_file, &automatic),
			     i % 4 ? MISSED : HIT, "%d", i);
}

static ferry_fs_root *all;

/* Never inline: it is on a mount that is another's. */
static ferry_local *opens_across(const ferry_fs_options *given)
{
	ferry_fs_options options = *given;

	options.root = all;
	return ferry_fs_open(loop, pool, "proc/self/status", O_RDONLY, 0, &options);
}

static ferry_local *asks_below_all(const ferry_fs_options *given)
{
	ferry_fs_options options = *given;

	options.root = all;
	return ferry_fs_stat(loop, pool, "etc", &options);
}

Test(inline, S2_each_root_has_an_account_of_its_own, .init = asking_begin, .fini = asking_end)
{
	ferry_fs_options automatic = policy(FERRY_FS_AUTO), below = policy(FERRY_FS_AUTO);
	ferry_fs_root *other;

	WAYS_OR_SKIP(folder);
	WAYS_OR_SKIP("/etc");
	all = ways_root(loop, pool, "/", FERRY_FS_TRUST_LOCAL);
	other = ways_root(loop, pool, folder, FERRY_FS_TRUST_LOCAL);
	until_avoided(opens_across, &automatic);
	cr_assert_eq(way_of(asks_below_all, &automatic), AVOIDED, "all of its calls");
	cr_assert_eq(way_of(asks_file, &automatic), HIT, "none without a root");
	below.root = other;
	cr_assert_eq(way_of(asks_below, &below), HIT, "and none of another's");
	until_avoided(asks_magic, &automatic);
	cr_assert_eq(way_of(asks_below, &below), HIT);
	ferry_fs_root_unref(all);
	ferry_fs_root_unref(other);
}

/* ---- slow ---- */

/* Nothing is awaited: to have slept is what counts. */
static void sleep_a_little(void)
{
	poll(NULL, 0, 1);
}

/* In which the loop's thread has not slept yet. */
static void next_turn(void)
{
	cr_assert_geq(ferry_loop_run_once(loop, 0), 0);
}

static void sleep_between_two(ferry_loop *of, void *nothing)
{
	(void)of, (void)nothing;
	cr_assert_eq(way_of(asks_file, ways_inline), HIT);
	sleep_a_little();
	cr_assert_eq(way_of(asks_file, ways_inline), HIT, "its answer is as good as any");
}

/* The second of two calls is taken for one that waited: the loop's thread goes to sleep in the turn
 * of both, and any call takes longer than what is allowed. */
static void seem_to_wait(void)
{
	cr_assert_eq(ferry_loop_call_soon(loop, sleep_between_two, NULL), 0);
	next_turn();
}

#define HOUR_NS 3600000000000u

Test(inline, S2_a_mount_on_which_a_call_waited_is_left_alone_for_a_while, .init = asking_begin,
     .fini = asking_end)
{
	WAYS_OR_SKIP(folder);
	configure((ferry_fs_settings){ .slow_ns = 1, .cool_off_ns = HOUR_NS });
	cr_assert_eq(ways_counters(loop).blocked, 0);
	seem_to_wait();
	cr_assert_eq(ways_counters(loop).blocked, 1);
	cr_assert_eq(ways_counters(loop).demoted, 1);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(way_of(asks_file, ways_inline), AVOIDED);
	cr_assert_eq(ways_counters(loop).demoted, 1);
}

Test(inline, S2_others_are_not_left_alone_for_it, .init = asking_begin, .fini = asking_end)
{
	ferry_fs_mount mount;
	struct stat status;
	ferry_local *local;

	WAYS_OR_SKIP(folder);
	configure((ferry_fs_settings){ .slow_ns = 1, .cool_off_ns = HOUR_NS });
	seem_to_wait();
	cr_assert_eq(ways_counters(loop).demoted, 1);
	cr_assert(see_mount("/proc", &mount));
	cr_assert_eq(stat("/proc", &status), 0);
	cr_assert_eq(mount.device, status.st_dev);
	cr_assert_not(mount.is_slow);
	local = ferry_fs_stat(loop, pool, "/proc", ways_inline);
	cr_assert(ferry_local_snapshot(local).done);
	ferry_local_unref(local);
}

/* Is the mount slow that the folder is on? */
static bool is_slow;

static int look_at(const ferry_fs_mount *mount, void *user)
{
	if (mount->device == *(dev_t *)user)
		is_slow = mount->is_slow;
	return 0;
}

static bool folder_is_slow(void)
{
	struct stat status;

	is_slow = false;
	cr_assert_eq(stat(folder, &status), 0);
	cr_assert_eq(ferry_fs_each_mount(loop, look_at, &status.st_dev), 0);
	return is_slow;
}

Test(inline, S2_when_it_has_cooled_off_it_is_inline_again, .init = asking_begin, .fini = asking_end)
{
	WAYS_OR_SKIP(folder);
	for (unsigned i = 1; i <= 3; i++) {
		/* So long that it can be seen. */
		configure((ferry_fs_settings){ .slow_ns = 1, .cool_off_ns = 1000000 });
		seem_to_wait();
		cr_assert_eq(ways_counters(loop).demoted, i);
		configure((ferry_fs_settings){ .slow_ns = HOUR_NS });
		tasks_until_true(!folder_is_slow());
		cr_assert_eq(way_of(asks_file, ways_inline), HIT);
	}
	configure((ferry_fs_settings){ .slow_ns = 1, .cool_off_ns = HOUR_NS });
	seem_to_wait();
	cr_assert(folder_is_slow());
}

/* On a machine that has no time for the loop's thread its calls take long as well. */
Test(inline, S2_a_call_that_took_long_without_waiting_makes_nothing_slow, .init = asking_begin,
     .fini = asking_end)
{
	uint64_t blocked_before;

	WAYS_OR_SKIP(folder);
	configure((ferry_fs_settings){ .slow_ns = 1, .cool_off_ns = HOUR_NS });
	blocked_before = ways_counters(loop).blocked;
	for (int i = 0; i < 1000; i++) {
		next_turn();
		cr_assert_eq(settled_way(asks_file, ways_inline), HIT);
	}
	cr_assert_eq(ways_counters(loop).blocked, blocked_before);
	cr_assert_eq(ways_counters(loop).demoted, 0);
}

/* A host's thread sleeps between its callbacks, and the loop has no turn for it. */
Test(inline, S2_to_sleep_between_two_calls_outside_of_a_turn_makes_nothing_slow,
     .init = asking_begin, .fini = asking_end)
{
	WAYS_OR_SKIP(folder);
	configure((ferry_fs_settings){ .slow_ns = 1, .cool_off_ns = HOUR_NS });
	for (int i = 0; i < 20; i++) {
		cr_assert_eq(settled_way(asks_file, ways_inline), HIT);
		sleep_a_little();
	}
	cr_assert_eq(ways_counters(loop).blocked, 0);
	cr_assert_eq(ways_counters(loop).demoted, 0);
}

/* Its owner said that there is none. */
static void *opens_other_end(void *path)
{
	int fd;

	/* The loop's thread is inside. */
	tasks_until_asleep(getpid());
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return (void *)(intptr_t)fd;
}

Test(inline, S2_a_call_that_waits_all_the_same_makes_its_mount_slow, .init = asking_begin,
     .fini = asking_end)
{
	ferry_fs_options options = policy(FERRY_FS_INLINE);
	pthread_t thread;
	ferry_local *local;
	void *fd;

	WAYS_OR_SKIP(folder);
	folder_fifo("fifo");
	configure((ferry_fs_settings){ .slow_ns = 1, .cool_off_ns = HOUR_NS });
	options.root = ways_root(loop, pool, folder, FERRY_FS_TRUST_UNCHANGING);
	next_turn();
	cr_assert_eq(pthread_create(&thread, NULL, opens_other_end, (void *)folder_path("fifo")),
		     0);
	local = ferry_fs_open(loop, pool, "fifo", O_RDONLY, 0, &options);
	cr_assert(ferry_local_snapshot(local).done, "it was promised that nothing waits there");
	cr_assert_eq(ways_end(loop, local), 0);
	ferry_local_unref(local);
	pthread_join(thread, &fd);
	close((int)(intptr_t)fd);
	cr_assert_eq(ways_counters(loop).blocked, 1);
	cr_assert_eq(ways_counters(loop).demoted, 1);
	cr_assert(folder_is_slow());
	local = ferry_fs_open(loop, pool, "file", O_RDONLY, 0, &options);
	cr_assert_not(ferry_local_snapshot(local).done);
	cr_assert_eq(ways_end(loop, local), 0);
	ferry_local_unref(local);
	cr_assert_eq(way_of(asks_file, ways_inline), AVOIDED);
	ferry_fs_root_unref(options.root);
}
