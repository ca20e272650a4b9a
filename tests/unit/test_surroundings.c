/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * File calls where something else than a slow filesystem is in the way: watchers, leases, FIFOs,
 * forgetful caches, files without a name, refused system calls, and filesystems of other kinds.
 */
#include <criterion/criterion.h>
#include <sched.h>

#include "fs/fs.h"
#include "support/denied.h"
#include "support/lease.h"
#include "support/mounts.h"
#include "support/porter.h"
#include "support/surface.h"

TestSuite(surroundings, .timeout = 30);

static ferry_loop *loop;
static ferry_pool *pool;

static ferry_fs_counters counters(void)
{
	ferry_fs_counters counters;

	cr_assert_eq(ferry_fs_stats(loop, &counters), 0);
	cr_assert_eq(counters.calls, counters.hits + counters.pooled + counters.waiting +
					     counters.refused);
	return counters;
}

static void begin_loop(void)
{
	ferry_local *local;

	loop = fixture_loop();
	pool = fixture_pool(3);
	local = ferry_fs_stat(loop, pool, "/", NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_null(ferry_local_snapshot(local).exception);
	ferry_local_unref(local);
}

static void begin(void)
{
	folder_make();
	folder_file("file", "content");
	begin_loop();
}

static void end(void)
{
	fixture_end(loop, pool);
	folder_remove();
}

static ferry_fs_options inline_below(ferry_fs_root *root)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;

	options.root = root;
	options.policy = FERRY_FS_INLINE;
	return options;
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

/* The errno of its outcome; done at once or not. */
static int end_of(ferry_local *local)
{
	int error;

	cr_assert_not_null(local);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	error = ferry_error_errno(ferry_local_snapshot(local).exception);
	ferry_local_unref(local);
	return error;
}

static bool is_answered(ferry_local *local)
{
	bool done = ferry_local_snapshot(local).done;

	cr_assert_eq(end_of(local), 0);
	return done;
}

/* ---- watchers ---- */

static pid_t waits; /* the loop's thread */

/* Is it asleep, as the third field of its line says? */
static bool is_asleep(pid_t thread)
{
	char path[64], line[256];
	bool asleep = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)thread);
	file = fopen(path, "re");
	if (file && fgets(line, sizeof(line), file) && strrchr(line, ')'))
		asleep = strchr("SD", strrchr(line, ')')[2]) != NULL;
	if (file)
		fclose(file);
	return asleep;
}

/* He lets in who waits, as soon as that one sleeps. */
static void *let_in(void *porter)
{
	porter_await(porter, 1);
	while (!is_asleep(waits))
		sched_yield();
	porter_let(porter);
	return NULL;
}

Test(surroundings, S1_a_stat_does_not_wait_for_who_watches_opens, .init = begin, .fini = end)
{
	ferry_fs_options options = inline_below(NULL);
	struct porter porter;
	ferry_local *local;

	if (!porter_begin(&porter, folder_path("file"), false))
		cr_skip_test("no right to watch a file");
	for (int i = 0; i < 10; i++) {
		local = ferry_fs_stat(loop, pool, folder_path("file"), &options);
		cr_assert_eq(end_of(local), 0);
		local = ferry_fs_access(loop, pool, folder_path("file"), R_OK, &options);
		cr_assert_eq(end_of(local), 0);
	}
	/* Below no root that is vouched for a worker waits, and not the loop. */
	local = ferry_fs_open(loop, pool, folder_path("file"), O_RDONLY, 0, &options);
	porter_await(&porter, 1);
	cr_assert_not(ferry_local_snapshot(local).done);
	cr_assert_eq(porter_come(&porter), 1);
	porter_let(&porter);
	cr_assert_eq(end_of(local), 0);
	cr_assert_eq(counters().blocked, 0);
	porter_end(&porter);
}

static ferry_local *watched;

/* In a turn of its own. */
static void open_watched(ferry_loop *of, void *options)
{
	watched = ferry_fs_open(of, pool, "file", O_RDONLY, 0, options);
	cr_assert_not_null(watched);
	cr_assert(ferry_local_snapshot(watched).done);
}

Test(surroundings, S2_a_watcher_below_a_root_that_was_vouched_for_makes_the_loop_wait_once,
     .init = begin, .fini = end)
{
	ferry_fs_settings settings = FERRY_FS_SETTINGS_INIT;
	ferry_fs_options options;
	struct porter porter;
	ferry_fs_root *root;
	pthread_t thread;

	root = root_of(folder, FERRY_FS_TRUST_LOCAL);
	options = inline_below(root);
	cr_assert_eq(end_of(ferry_fs_open(loop, pool, "file", O_RDONLY, 0, &options)), 0);
	if (!is_answered(ferry_fs_open(loop, pool, "file", O_RDONLY, 0, &options))) {
		ferry_fs_root_unref(root);
		cr_skip_test("nothing is opened inline here");
	}
	if (!porter_begin(&porter, folder_path("file"), false)) {
		ferry_fs_root_unref(root);
		cr_skip_test("no right to watch a file");
	}
	waits = (pid_t)syscall(SYS_gettid);
	cr_assert_eq(pthread_create(&thread, NULL, let_in, &porter), 0);
	settings.slow_ns = 1;
	settings.cool_off_ns = FERRY_NO_DEADLINE / 2;
	cr_assert_eq(ferry_fs_configure(loop, &settings), 0);
	cr_assert_eq(ferry_loop_call_soon(loop, open_watched, &options), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	pthread_join(thread, NULL);
	cr_assert(is_answered(watched));
	cr_assert_eq(counters().blocked, 1);
	cr_assert_eq(counters().demoted, 1);
	/* From then on a worker waits. */
	settings.slow_ns = 0;
	cr_assert_eq(ferry_fs_configure(loop, &settings), 0);
	porter_close(&porter);
	for (int i = 0; i < 3; i++) {
		ferry_local *local =
			ferry_fs_open(loop, pool, "file", O_RDONLY, 0, &options);

		cr_assert_not(ferry_local_snapshot(local).done);
		porter_await(&porter, 1);
		porter_let(&porter);
		cr_assert_eq(end_of(local), 0);
		porter_close(&porter);
	}
	cr_assert_eq(counters().blocked, 1);
	porter_end(&porter);
	ferry_fs_root_unref(root);
}

/* ---- leases, FIFOs ---- */

Test(surroundings, S1_an_open_waits_for_a_lease_on_a_worker, .init = begin, .fini = end)
{
	ferry_fs_root *root = root_of(folder, FERRY_FS_TRUST_LOCAL);
	ferry_fs_options options = inline_below(root);
	struct lease lease;
	ferry_local *local;

	if (!lease_begin(&lease, folder_path("file"), F_WRLCK)) {
		ferry_fs_root_unref(root);
		cr_skip_test("there are no leases here");
	}
	local = ferry_fs_open(loop, pool, "file", O_RDONLY, 0, &options);
	cr_assert_not(ferry_local_snapshot(local).done);
	cr_assert(lease_await(&lease));
	cr_assert(lease_give(&lease));
	cr_assert_eq(end_of(local), 0);
	lease_end(&lease);
	ferry_fs_root_unref(root);
}

Test(surroundings, S1_an_open_waits_for_the_other_end_of_a_fifo_on_a_worker, .init = begin,
     .fini = end)
{
	ferry_fs_root *root = root_of(folder, FERRY_FS_TRUST_LOCAL);
	ferry_fs_options options = inline_below(root);
	ferry_local *local;
	int fd;

	folder_fifo("fifo");
	cr_assert_eq(end_of(ferry_fs_stat(loop, pool, "fifo", &options)), 0);
	local = ferry_fs_open(loop, pool, "fifo", O_RDONLY, 0, &options);
	cr_assert_not(ferry_local_snapshot(local).done);
	fd = open(folder_path("fifo"), O_WRONLY);
	cr_assert_eq(end_of(local), 0);
	close(fd);
	ferry_fs_root_unref(root);
}

/* ---- what has no name, what is not cached ---- */

Test(surroundings, S1_a_file_without_a_name_is_closed_on_a_worker, .init = begin, .fini = end)
{
	ferry_fs_options options = inline_below(NULL);
	int fd = folder_unlinked(1 << 20), read_only;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_only = open(path, O_RDONLY | O_CLOEXEC);
	close(fd);
	cr_assert_geq(read_only, 0);
	cr_assert_not(is_answered(ferry_fs_close(loop, pool, read_only, &options)));
	cr_assert_lt(fcntl(read_only, F_GETFD), 0);
	/* With one it is closed at once, unless something may have been written. */
	fd = open(folder_path("file"), O_RDWR | O_CLOEXEC);
	cr_assert_not(is_answered(ferry_fs_close(loop, pool, fd, &options)));
}

Test(surroundings, what_the_caches_forgot_is_right_all_the_same, .init = begin, .fini = end)
{
	ferry_fs_options options = inline_below(NULL);
	uint64_t hits;

	for (int i = 0; i < 50; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		folder_file(name, name);
	}
	if (!caches_forget(folder))
		cr_skip_test("no right to have caches forget");
	hits = counters().hits;
	for (int i = 0; i < 50; i++) {
		ferry_local *local;
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		local = ferry_fs_stat(loop, pool, folder_path(name), &options);
		cr_assert_eq(ferry_loop_run_until(loop, local), 0);
		cr_assert_eq(ferry_fs_result_stat(local)->size, strlen(name));
		ferry_local_unref(local);
	}
	/* And are known then. */
	cr_assert_lt(counters().hits - hits, 50);
	hits = counters().hits;
	for (int i = 0; i < 50; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		cr_assert_eq(end_of(ferry_fs_stat(loop, pool, folder_path(name), &options)), 0);
	}
	cr_assert_eq(counters().hits - hits, fs_mount_mask(loop->fs) && !loop->fs->blind ? 50 : 0);
}

/* ---- the whole surface, on other filesystems and in other kernels ---- */

static unsigned rounds;

/* Everything succeeds below that folder, and the counters add up. */
static void play(const char *below, bool with_root, ferry_fs_policy first, ferry_fs_policy last)
{
	for (int policy = (int)first; policy <= (int)last; policy++) {
		struct surface surface = { .loop = loop, .pool = pool };
		ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
		char path[600], where[620];

		snprintf(path, sizeof(path), "%s/round-%u", below, rounds++);
		snprintf(where, sizeof(where), "%s/", path);
		surface_make(path);
		surface_open(&surface, path);
		options.policy = (ferry_fs_policy)policy;
		options.root = with_root ? root_of(path, FERRY_FS_TRUST_LOCAL) : NULL;
		surface.where = with_root ? "" : where;
		for (size_t i = 0; i < SURFACE_CALLS; i++) {
			ferry_local *local = surface_call(&surface, i, &options);

			cr_assert_not_null(local, "%s", surface_name(i));
			cr_assert_eq(ferry_loop_run_until(loop, local), 0);
			cr_assert_null(ferry_local_snapshot(local).exception, "%s: %d",
				       surface_name(i),
				       ferry_error_errno(ferry_local_snapshot(local).exception));
			ferry_local_unref(local);
			counters();
		}
		ferry_fs_root_unref(options.root);
		surface_close(&surface);
	}
}

static void play_all(const char *below)
{
	play(below, false, FERRY_FS_AUTO, FERRY_FS_POOL);
	play(below, true, FERRY_FS_AUTO, FERRY_FS_POOL);
}

Test(surroundings, every_call_succeeds_on_the_disk, .init = begin, .fini = end)
{
	play_all(folder);
}

Test(surroundings, every_call_succeeds_on_a_tmpfs)
{
	const char *why = mounts_begin();

	if (why)
		cr_skip_test("%s", why);
	folder_make();
	why = mounts_tmpfs(folder);
	if (why)
		cr_skip_test("%s", why);
	begin_loop();
	play_all(folder);
	fixture_end(loop, pool);
	cr_assert(mounts_remove(folder));
	folder_remove();
}

Test(surroundings, every_call_succeeds_on_an_overlay)
{
	const char *why = mounts_begin();
	char merged[512];

	if (why)
		cr_skip_test("%s", why);
	folder_make();
	why = mounts_overlay(folder);
	if (why)
		cr_skip_test("%s", why);
	begin_loop();
	snprintf(merged, sizeof(merged), "%s", folder_path("merged"));
	play_all(merged);
	fixture_end(loop, pool);
	cr_assert(mounts_remove(folder));
	folder_remove();
}

static void play_denied(long number, int error)
{
	if (!denied(number, error))
		cr_skip_test("no filter of system calls can be set here");
	begin();
	play(folder, false, FERRY_FS_INLINE, FERRY_FS_INLINE);
	play(folder, true, FERRY_FS_INLINE, FERRY_FS_INLINE);
	end();
}

/* One test each, since nothing undoes it. */
#define WITHOUT(call, number)                                                              \
	Test(surroundings, every_call_succeeds_in_a_kernel_without_##call)                 \
	{                                                                                  \
		play_denied(number, ENOSYS);                                               \
	}                                                                                  \
	Test(surroundings, every_call_succeeds_under_a_filter_that_denies_##call)          \
	{                                                                                  \
		play_denied(number, EPERM);                                                \
	}

WITHOUT(openat2, SYS_openat2)
WITHOUT(statx, SYS_statx)
WITHOUT(statmount, SYS_statmount)
WITHOUT(listmount, SYS_listmount)
WITHOUT(faccessat2, 439)
WITHOUT(preadv2, SYS_preadv2)

Test(surroundings, every_call_succeeds_where_all_that_is_new_is_denied)
{
	if (!denied(SYS_openat2, ENOSYS) || !denied(SYS_statx, ENOSYS) ||
	    !denied(SYS_statmount, ENOSYS) || !denied(SYS_listmount, ENOSYS))
		cr_skip_test("no filter of system calls can be set here");
	begin();
	play_all(folder);
	/* Nothing of a file was answered inline: only names of numbers are. */
	cr_assert(loop->fs->blind);
	end();
}

static void play_offloads(void)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;

	options.policy = FERRY_FS_POOL;
	for (int i = 0; i < 200; i++) {
		ferry_local *local = ferry_fs_stat(loop, pool, "/", &options);

		cr_assert_eq(ferry_loop_run_until(loop, local), 0);
		cr_assert_null(ferry_local_snapshot(local).exception);
		ferry_local_unref(local);
	}
}

Test(surroundings, L1_a_loop_that_may_have_no_eventfd_is_woken_by_a_timer)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	int errors[] = { EPERM, ENOSYS };

	options.poll_ns = FERRY_NO_DEADLINE;
	for (int i = 0; i < 2; i++) {
		if (!denied(SYS_eventfd2, errors[i]))
			cr_skip_test("no filter of system calls can be set here");
		cr_assert_eq(ferry_loop_new(&options, &loop), 0);
		pool = fixture_pool(1);
		play_offloads();
		cr_assert_gt(fixture_loop_counters(loop).rings, 0);
		fixture_end(loop, pool);
	}
}

/* Nothing tells of what is posted then: there is no loop, and nothing is left of it. */
Test(surroundings, E3_a_loop_that_may_have_no_timer_either_is_refused)
{
	int before = fixture_descriptors(), errors[] = { EPERM, ENOSYS };
	ferry_loop *refused = NULL;

	for (int i = 0; i < 2; i++) {
		if (!denied(SYS_eventfd2, errors[i]) || !denied(SYS_timerfd_create, errors[i]))
			cr_skip_test("no filter of system calls can be set here");
		cr_assert_eq(ferry_loop_new(NULL, &refused), -errors[i]);
		cr_assert_null(refused);
		cr_assert_eq(fixture_descriptors(), before);
	}
}
