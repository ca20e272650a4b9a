/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * S1: every file call, made about a filesystem that does not answer, returns at once, and so does
 * whatever the loop does with it. No clock: what waits for the filesystem waits for ever, until the
 * time of the test is over.
 */
#include <criterion/criterion.h>

#include "support/slow_mount.h"
#include "support/surface.h"

TestSuite(surface, .timeout = 30);

static struct slow_mount place;
static ferry_loop *loop;
static ferry_pool *pool;
static ferry_fs_settings settings;
static unsigned rounds;
static int descriptors;

static ferry_fs_counters counters(void)
{
	ferry_fs_counters counters;

	cr_assert_eq(ferry_fs_stats(loop, &counters), 0);
	cr_assert_eq(counters.calls, counters.hits + counters.pooled + counters.waiting +
					     counters.refused);
	return counters;
}

static void begin(double seconds)
{
	struct slow_mount_options options = { seconds, seconds, false, false, false };
	const char *why = slow_mount_begin(&place, options);
	ferry_local *local;

	if (why)
		cr_skip_test("%s", why);
	descriptors = fixture_descriptors();
	loop = fixture_loop();
	pool = fixture_pool(6);
	settings = (ferry_fs_settings)FERRY_FS_SETTINGS_INIT;
	settings.most_at_once = 3;
	settings.stuck_ns = FERRY_NO_DEADLINE;
	cr_assert_eq(ferry_fs_configure(loop, &settings), 0);
	/* From here on the mounts are known. */
	local = ferry_fs_stat(loop, pool, "/", NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_gt(counters().mount_reads, 0);
	ferry_local_unref(local);
}

static void end(void)
{
	fixture_end(loop, pool);
	slow_mount_end(&place);
	cr_assert_leq(fixture_descriptors(), descriptors);
}

static ferry_fs_root *root_of(const char *path, ferry_fs_trust trust)
{
	ferry_fs_root_options options = FERRY_FS_ROOT_OPTIONS_INIT;
	ferry_local *local;
	ferry_result result;

	options.trust = trust;
	local = ferry_fs_root_open(loop, pool, path, &options, NULL);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_eq(ferry_local_take(local, &result), 0);
	ferry_local_unref(local);
	return result.pointer;
}

/* Turns of the loop that wait for nothing. */
static void have_turns(void)
{
	for (int i = 0; i < 4; i++)
		cr_assert_geq(ferry_loop_run_once(loop, 1), 0);
}

/* Until the pool has none of them any more. */
static void have_all_back(void)
{
	while (counters().under_way || counters().waiting) {
		cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
		sched_yield();
	}
	cr_assert_eq(ferry_loop_run(loop), 0);
}

struct round {
	bool warm;
	int trust; /* -1: no root */
	ferry_fs_policy policy;
	ferry_fs_freshness freshness;
};

/* Every call, while the filesystem hangs; half of them are cancelled while it does. */
static void play(const struct round *round)
{
	struct surface surface = { .loop = loop, .pool = pool };
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_local *locals[SURFACE_CALLS];
	char name[32], where[640];
	const char *path;

	snprintf(name, sizeof(name), "round-%u", rounds++);
	surface_make(slow_mount_below(&place, name));
	path = slow_mount_path(&place, name);
	surface_open(&surface, path);
	if (round->trust >= 0)
		options.root = root_of(path, (ferry_fs_trust)round->trust);
	snprintf(where, sizeof(where), "%s/", path);
	surface.where = options.root ? "" : where;
	options.policy = round->policy;
	options.freshness = round->freshness;
	if (round->warm)
		surface_warm(path);
	slow_mount_hang(&place, SLOW_ANYTHING);
	for (size_t i = 0; i < SURFACE_CALLS; i++) {
		locals[i] = surface_call(&surface, i, &options);
		cr_assert_not_null(locals[i], "%s", surface_name(i));
		counters();
	}
	have_turns();
	for (size_t i = rounds % 2; i < SURFACE_CALLS; i += 2) {
		cr_assert_neq(ferry_local_cancel(locals[i]), 0);
		locals[i] = ferry_local_unref(locals[i]);
		counters();
	}
	have_turns();
	slow_mount_release(&place, SLOW_ANYTHING);
	have_all_back();
	for (size_t i = 0; i < SURFACE_CALLS; i++) {
		ferry_snapshot snapshot = { .done = 0 };

		if (!locals[i])
			continue;
		/* Some of the others changed what it was about, or were not done. */
		snapshot = ferry_local_snapshot(locals[i]);
		cr_assert(snapshot.done, "%s", surface_name(i));
		ferry_local_unref(locals[i]);
	}
	surface_close(&surface);
	ferry_fs_root_unref(options.root);
}

/* With every policy, freshness and trust. */
static void play_all(double seconds, bool warm)
{
	struct round round = { .warm = warm };

	begin(seconds);
	for (round.trust = -1; round.trust <= (int)FERRY_FS_TRUST_UNCHANGING; round.trust++)
		for (int policy = FERRY_FS_AUTO; policy <= (int)FERRY_FS_POOL; policy++)
			for (int fresh = FERRY_FS_FRESH; fresh <= (int)FERRY_FS_STALE; fresh++) {
				round.policy = (ferry_fs_policy)policy;
				round.freshness = (ferry_fs_freshness)fresh;
				play(&round);
			}
	/* Names of numbers are answered inline whatever hangs. */
	cr_assert_gt(counters().hits, 0);
	end();
}

Test(surface, S1_no_call_waits_for_a_filesystem_that_must_be_asked_each_time)
{
	play_all(0, true);
}

Test(surface, S1_no_call_waits_for_a_filesystem_of_which_nothing_is_known)
{
	play_all(3600, false);
}

Test(surface, S1_no_call_waits_for_a_filesystem_of_which_much_is_known)
{
	play_all(3600, true);
}

/* Not of closes: the kernel tells of one when it likes. */
static unsigned asked_by_paths(void)
{
	return slow_mount_asked(&place, SLOW_LOOKUP) + slow_mount_asked(&place, SLOW_GETATTR);
}

/* What was warm is told, and the filesystem is not asked. */
Test(surface, S1_what_the_kernel_heard_of_a_remote_file_answers_only_where_it_may_be_old)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	const char *path;
	ferry_local *local;
	unsigned asked;

	begin(3600);
	surface_make(slow_mount_below(&place, "round"));
	surface_warm(slow_mount_path(&place, "round"));
	path = slow_mount_path(&place, "round/file");
	slow_mount_hang(&place, SLOW_ANYTHING);
	asked = asked_by_paths();
	options.policy = FERRY_FS_INLINE;
	options.freshness = FERRY_FS_STALE;
	local = ferry_fs_stat(loop, pool, path, &options);
	cr_assert(ferry_local_snapshot(local).done);
	cr_assert_eq(ferry_fs_result_stat(local)->size, sizeof(SURFACE_TEXT) - 1);
	ferry_local_unref(local);
	cr_assert_eq(asked_by_paths(), asked);
	options.freshness = FERRY_FS_FRESH;
	local = ferry_fs_stat(loop, pool, path, &options);
	cr_assert_not(ferry_local_snapshot(local).done);
	slow_mount_release(&place, SLOW_ANYTHING);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_null(ferry_local_snapshot(local).exception);
	ferry_local_unref(local);
	have_all_back();
	end();
}

/* Stuck, let through as probes, and over, again and again. */
Test(surface, S1_no_call_waits_while_its_mount_is_in_quarantine)
{
	struct round round = { .warm = true, .trust = -1, .policy = FERRY_FS_INLINE };

	begin(3600);
	settings.stuck_ns = 100000;
	cr_assert_eq(ferry_fs_configure(loop, &settings), 0);
	for (int i = 0; i < 8; i++) {
		round.trust = i % 4 - 1;
		round.freshness = i < 4 ? FERRY_FS_FRESH : FERRY_FS_STALE;
		play(&round);
	}
	end();
}

/* The loop goes while calls are held, and others wait for a place: nothing of that waits. */
Test(surface, S1_a_loop_is_freed_while_calls_are_held)
{
	struct surface surface = { .where = NULL };
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_local *locals[SURFACE_CALLS];
	char where[640];

	begin(0);
	surface = (struct surface){ .loop = loop, .pool = pool, .where = where };
	surface_make(slow_mount_below(&place, "round"));
	snprintf(where, sizeof(where), "%s/", slow_mount_path(&place, "round"));
	surface_open(&surface, slow_mount_path(&place, "round"));
	slow_mount_hang(&place, SLOW_ANYTHING);
	for (size_t i = 0; i < SURFACE_CALLS; i++)
		locals[i] = surface_call(&surface, i, &options);
	cr_assert_eq(ferry_loop_free(loop), 0);
	slow_mount_release(&place, SLOW_ANYTHING);
	for (size_t i = 0; i < SURFACE_CALLS; i++)
		ferry_local_unref(locals[i]);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	ferry_pool_free(pool);
	/* Closed, though their calls had to wait for a place. */
	cr_assert_lt(fcntl(surface.closed[0], F_GETFD), 0);
	cr_assert_lt(fcntl(surface.closed[1], F_GETFD), 0);
	surface_close(&surface);
	slow_mount_end(&place);
	cr_assert_leq(fixture_descriptors(), descriptors);
}
