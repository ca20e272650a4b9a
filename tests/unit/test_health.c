/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Places on remote mounts: so many calls of a loop are on the pool, the rest wait in order. */
#include <malloc.h>

#include "fs/fs.h"
#include "support/remote.h"

TestSuite(health, .timeout = 30);

static ferry_local *held[16];
static int released;

static void release(void *path)
{
	(void)path;
	released++;
}

static ferry_fs_options with_release(void)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;

	options.borrow_path = 1;
	options.release = release;
	return options;
}

static void begin(unsigned threads, unsigned most)
{
	ferry_fs_settings settings = REMOTE_SETTINGS;

	settings.most_at_once = most;
	settings.stuck_ns = FERRY_NO_DEADLINE;
	remote_begin(threads, &settings);
	remote_hold();
}

static void hold(unsigned count, unsigned inside)
{
	for (unsigned i = 0; i < count; i++)
		held[i] = remote_open(NULL);
	slow_mount_await(&remote, SLOW_OPEN, inside);
	cr_assert_eq(remote_counters().under_way, inside);
	cr_assert_eq(remote_counters().waiting, count - inside);
}

static void let_go(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		held[i] = ferry_local_unref(held[i]);
}

Test(health, so_many_calls_are_inside_one_remote_mount_and_the_rest_wait)
{
	begin(4, 2);
	hold(5, 2);
	cr_assert_eq(remote_mount(&remote).under_way, 2);
	cr_assert_eq(remote_mount(&remote).waiting, 3);
	/* Others are kept waiting by none of these. */
	for (int i = 0; i < 20; i++)
		cr_assert_eq(remote_end_of(remote_local(NULL)), 0);
	cr_assert_eq(slow_mount_inside(&remote, SLOW_OPEN), 2);
	slow_mount_release(&remote, SLOW_OPEN);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(remote_end_of(held[i]), 0);
	cr_assert_eq(remote_counters().waiting, 0);
	cr_assert_eq(remote_mount(&remote).waiting, 0);
	cr_assert_eq(slow_mount_asked(&remote, SLOW_OPEN), 5);
	remote_end();
}

/* The root is on a local mount; what lies below it need not be. */
Test(health, so_it_is_below_a_root_that_has_the_mount_in_it)
{
	ferry_fs_options below = FERRY_FS_OPTIONS_INIT;
	ferry_result root;
	ferry_local *local;
	char path[512];

	begin(4, 2);
	snprintf(path, sizeof(path), "%s/..", slow_mount_path(&remote, ""));
	local = ferry_fs_root_open(loop, pool, path, NULL, NULL);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_eq(ferry_local_take(local, &root), 0);
	ferry_local_unref(local);
	below.root = root.pointer;
	below.policy = FERRY_FS_POOL;
	for (unsigned i = 0; i < 5; i++)
		held[i] = ferry_fs_open(loop, pool, "mount/file", O_RDONLY, 0, &below);
	slow_mount_await(&remote, SLOW_OPEN, 2);
	cr_assert_eq(remote_counters().under_way, 2);
	cr_assert_eq(remote_counters().waiting, 3);
	cr_assert_eq(remote_mount(&remote).waiting, 3);
	remote_release();
	let_go(5);
	ferry_fs_root_unref(root.pointer);
	remote_end();
}

Test(health, half_of_a_pool_is_for_one_remote_mount_where_nothing_else_is_said)
{
	begin(5, 0);
	hold(6, 2);
	remote_release();
	let_go(6);
	remote_end();
}

Test(health, at_least_one_worker_is_for_a_remote_mount)
{
	begin(1, 0);
	hold(3, 1);
	remote_release();
	let_go(3);
	remote_end();
}

static unsigned order[8], ended;

static void note(ferry_local *local, void *user)
{
	(void)local;
	order[ended++] = (unsigned)(uintptr_t)user;
}

Test(health, those_that_wait_go_on_in_order)
{
	begin(4, 1);
	hold(6, 1);
	for (unsigned i = 0; i < 6; i++)
		cr_assert_eq(ferry_local_add_done_callback(held[i], note, (void *)(uintptr_t)i), 0);
	remote_release();
	for (unsigned i = 0; i < 6; i++)
		cr_assert_eq(order[i], i);
	let_go(6);
	remote_end();
}

Test(health, places_that_are_added_are_taken_at_once)
{
	ferry_fs_settings settings = REMOTE_SETTINGS;

	begin(4, 1);
	hold(4, 1);
	settings.most_at_once = 3;
	settings.stuck_ns = FERRY_NO_DEADLINE;
	cr_assert_eq(ferry_fs_configure(loop, &settings), 0);
	cr_assert_eq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 1);
	slow_mount_await(&remote, SLOW_OPEN, 3);
	cr_assert_eq(remote_counters().waiting, 1);
	remote_release();
	let_go(4);
	remote_end();
}

/* ---- ended while they wait ---- */

Test(health, L4_what_is_cancelled_while_it_waits_is_gone_at_once)
{
	ferry_fs_options options = with_release();
	ferry_local *local;

	begin(2, 1);
	hold(2, 1);
	local = remote_open(&options);
	cr_assert_eq(remote_counters().waiting, 2);
	cr_assert_eq(ferry_local_cancel(local), 1);
	cr_assert_eq(released, 1);
	cr_assert_eq(remote_counters().waiting, 1);
	cr_assert(ferry_local_snapshot(local).cancelled);
	ferry_local_unref(local);
	remote_release();
	cr_assert_eq(slow_mount_asked(&remote, SLOW_OPEN), 2);
	cr_assert_eq(released, 1);
	let_go(2);
	remote_end();
}

Test(health, L4_what_expires_while_it_waits_is_gone_at_once)
{
	ferry_fs_options options = with_release();

	begin(2, 1);
	hold(1, 1);
	options.deadline_ns = ferry_in_ns(0);
	cr_assert_eq(remote_end_of(remote_open(&options)), ETIMEDOUT);
	cr_assert_eq(released, 1);
	cr_assert_eq(remote_counters().waiting, 0);
	remote_release();
	cr_assert_eq(slow_mount_asked(&remote, SLOW_OPEN), 1);
	let_go(1);
	remote_end();
}

/* A hook of one that expires finds it nowhere. */
static void make_room(void *path)
{
	ferry_fs_settings settings = REMOTE_SETTINGS;

	(void)path;
	released++;
	settings.most_at_once = 3;
	settings.stuck_ns = FERRY_NO_DEADLINE;
	cr_assert_eq(ferry_fs_configure(loop, &settings), 0);
	cr_assert_eq(remote_counters().waiting, 1);
}

Test(health, L4_what_expires_is_not_admitted_by_its_own_hook)
{
	ferry_fs_options options = with_release();
	ferry_local *expires;

	begin(4, 1);
	hold(1, 1);
	options.deadline_ns = ferry_in_ns(0);
	options.release = make_room;
	expires = remote_open(&options);
	held[1] = remote_open(NULL);
	cr_assert_eq(remote_counters().waiting, 2);
	cr_assert_eq(remote_end_of(expires), ETIMEDOUT);
	cr_assert_eq(released, 1);
	remote_release();
	cr_assert_eq(slow_mount_asked(&remote, SLOW_OPEN), 2);
	let_go(2);
	remote_end();
}

Test(health, L4_a_loop_that_is_freed_lets_go_of_what_waits)
{
	ferry_fs_options options = with_release();

	begin(2, 1);
	hold(2, 1);
	held[2] = remote_open(&options);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(released, 1);
	slow_mount_release(&remote, SLOW_OPEN);
	let_go(3);
	fixture_end(NULL, pool);
	cr_assert_eq(slow_mount_asked(&remote, SLOW_OPEN), 1);
	slow_mount_end(&remote);
	cr_assert_leq(fixture_descriptors(), remote_descriptors);
}

/* Which then refuses it, when its turn comes. */
Test(health, a_pool_that_is_shut_down_refuses_what_waited)
{
	ferry_fs_options options = with_release();

	begin(2, 1);
	hold(2, 1);
	held[2] = remote_open(&options);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, 0), 1);
	slow_mount_release(&remote, SLOW_OPEN);
	cr_assert_eq(remote_end_of(held[0]), 0);
	cr_assert_eq(remote_end_of(held[1]), ESHUTDOWN);
	cr_assert_eq(remote_end_of(held[2]), ESHUTDOWN);
	cr_assert_eq(released, 1);
	cr_assert_eq(remote_counters().under_way, 0);
	cr_assert_eq(remote_mount(&remote).under_way, 0);
	cr_assert_eq(slow_mount_asked(&remote, SLOW_OPEN), 1);
	remote_end();
}

Test(health, a_pool_that_is_freed_refuses_what_waited)
{
	begin(2, 1);
	hold(3, 1);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, 0), 1);
	ferry_pool_free(pool);
	slow_mount_release(&remote, SLOW_OPEN);
	cr_assert_eq(remote_end_of(held[0]), 0);
	cr_assert_eq(remote_end_of(held[1]), ESHUTDOWN);
	cr_assert_eq(remote_end_of(held[2]), ESHUTDOWN);
	pool = NULL;
	remote_end();
}

/* So that a use of it shows without a sanitizer: the C library keeps seven blocks of each size as
 * they are, and the loop some of its own. */
static void overwrite_what_is_freed(void)
{
	void *blocks[7];

	mallopt(M_PERTURB, 0x55);
	loop->blocks.cached_most = 0;
	for (size_t bytes = 16; bytes < 2048; bytes += 16) {
		for (int i = 0; i < 7; i++)
			blocks[i] = malloc(bytes);
		for (int i = 0; i < 7; i++)
			free(blocks[i]);
	}
}

/* Nobody holds it, and its hook, which is called last, takes the next block of memory. */
static void ask_again(void *path)
{
	(void)path;
	if (!released++)
		ferry_local_unref(remote_local(NULL));
}

Test(health, L4_what_nobody_holds_is_there_until_its_hook_has_returned)
{
	ferry_fs_options options = with_release();

	begin(2, 1);
	overwrite_what_is_freed();
	hold(1, 1);
	options.release = ask_again;
	ferry_local_unref(remote_open(&options));
	ferry_local_unref(remote_open(&options));
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, 0), 1);
	remote_release();
	cr_assert_eq(released, 2);
	let_go(1);
	remote_end();
}

/* ---- lanes ---- */

Test(health, what_waited_goes_on_in_its_lane)
{
	ferry_lane_options lane_options = FERRY_LANE_OPTIONS_INIT;
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_lane_counters counters;
	ferry_lane *lane;

	begin(2, 1);
	cr_assert_eq(ferry_lane_new(pool, &lane_options, &lane), 0);
	hold(1, 1);
	options.lane = lane;
	held[1] = remote_open(&options);
	cr_assert_eq(remote_counters().waiting, 1);
	slow_mount_release(&remote, SLOW_OPEN);
	cr_assert_eq(remote_end_of(held[0]), 0);
	cr_assert_eq(remote_end_of(held[1]), 0);
	cr_assert_eq(ferry_lane_stats(lane, &counters), 0);
	cr_assert_eq(counters.accepted, 1);
	ferry_lane_free(lane);
	remote_end();
}

/* A lane whose handle was freed while a call that is to go there was held back. */
static ferry_lane *wait_in_a_lane_and_free_it(void)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;

	begin(2, 1);
	hold(1, 1);
	cr_assert_eq(ferry_lane_new(pool, NULL, &options.lane), 0);
	held[1] = remote_open(&options);
	cr_assert_eq(remote_counters().waiting, 1);
	ferry_lane_free(options.lane);
	return options.lane;
}

Test(health, what_waited_goes_on_in_its_lane_though_its_handle_was_freed)
{
	ferry_lane *freed = wait_in_a_lane_and_free_it(), *next, *again;
	ferry_lane_counters counters;

	cr_assert_eq(ferry_lane_new(pool, NULL, &next), 0);
	cr_assert_neq(next, freed, "somebody will come");
	slow_mount_release(&remote, SLOW_OPEN);
	cr_assert_eq(remote_end_of(held[0]), 0);
	cr_assert_eq(remote_end_of(held[1]), 0);
	cr_assert_eq(ferry_lane_stats(next, &counters), 0);
	cr_assert_eq(counters.accepted, 0);
	cr_assert_eq(ferry_lane_new(pool, NULL, &again), 0);
	cr_assert_eq(again, freed, "nobody comes any more");
	ferry_lane_free(next);
	ferry_lane_free(again);
	remote_end();
}

Test(health, what_is_cancelled_while_it_waits_keeps_no_lane)
{
	ferry_lane *freed = wait_in_a_lane_and_free_it(), *next;

	cr_assert_eq(ferry_local_cancel(held[1]), 1);
	cr_assert_eq(ferry_lane_new(pool, NULL, &next), 0);
	cr_assert_eq(next, freed);
	ferry_lane_free(next);
	remote_release();
	let_go(2);
	remote_end();
}

/* ---- closing ---- */

static int opened(void)
{
	int fd = open(slow_mount_path(&remote, "file"), O_RDONLY | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

Test(health, F7_a_close_that_waits_is_done_though_its_local_is_cancelled)
{
	ferry_local *local;
	int fd;

	begin(2, 1);
	slow_mount_release(&remote, SLOW_OPEN);
	fd = opened();
	remote_hold();
	hold(1, 1);
	local = ferry_fs_close(loop, pool, fd, NULL);
	cr_assert_eq(remote_counters().waiting, 1);
	cr_assert_eq(ferry_local_cancel(local), 1);
	ferry_local_unref(local);
	cr_assert_eq(remote_counters().waiting, 0);
	remote_release();
	let_go(1);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_not(is_open(fd));
	remote_end();
}

Test(health, F7_a_close_that_waits_is_done_though_its_loop_is_freed)
{
	ferry_local *local;
	int fd;

	begin(2, 1);
	slow_mount_release(&remote, SLOW_OPEN);
	fd = opened();
	remote_hold();
	hold(1, 1);
	local = ferry_fs_close(loop, pool, fd, NULL);
	cr_assert_eq(ferry_loop_free(loop), 0);
	slow_mount_release(&remote, SLOW_OPEN);
	let_go(1);
	ferry_local_unref(local);
	fixture_end(NULL, pool);
	cr_assert_not(is_open(fd));
	slow_mount_end(&remote);
	cr_assert_leq(fixture_descriptors(), remote_descriptors);
}

Test(health, F7_a_close_that_waits_is_done_though_its_pool_is_gone)
{
	ferry_local *local;
	int fd;

	begin(2, 1);
	slow_mount_release(&remote, SLOW_OPEN);
	fd = opened();
	remote_hold();
	hold(1, 1);
	local = ferry_fs_close(loop, pool, fd, NULL);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, 0), 1);
	slow_mount_release(&remote, SLOW_OPEN);
	cr_assert_eq(remote_end_of(held[0]), 0);
	cr_assert_eq(remote_end_of(local), ESHUTDOWN);
	/* The last worker, as it leaves, or a thread made for it. */
	while (is_open(fd))
		sched_yield();
	remote_end();
}
