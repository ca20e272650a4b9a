/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Quarantine: a remote mount on which a call takes too long (S2). What is held is held until the
 * test lets it go; that it takes too long is found by the loop's own timer.
 */
#include "fs/fs.h"
#include "fs/quarantine.h"
#include "fs/request.h"
#include "support/mounts.h"
#include "support/remote.h"

#define STUCK -1 /* as remote_end_of() has it */
#define SOON_NS 1000000
#define NEVER_NS 3600000000000u /* longer than the test may take */

TestSuite(quarantine, .timeout = 30);

static ferry_local *held[16];

static void begin(unsigned threads, unsigned most, uint64_t stuck_ns)
{
	ferry_fs_settings settings = REMOTE_SETTINGS;

	settings.most_at_once = most;
	settings.stuck_ns = stuck_ns;
	remote_begin(threads, &settings);
	folder_make();
	remote_hold();
}

static void end(void)
{
	folder_remove();
	remote_end();
}

/* From here on no call takes too long, however busy the machine is. */
static void have_patience(void)
{
	loop->fs->settings.stuck_ns = FERRY_NO_DEADLINE;
}

static void answer(struct slow_mount *mount)
{
	have_patience();
	slow_mount_release(mount, SLOW_ANYTHING);
}

static void answer_all(void)
{
	have_patience();
	remote_release();
}

static void hold(unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++)
		held[i] = remote_open(NULL);
}

static void let_go(unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++)
		held[i] = ferry_local_unref(held[i]);
}

static ferry_snapshot seen(ferry_local *local)
{
	return ferry_local_snapshot(local);
}

static bool is_stuck(ferry_local *local)
{
	return seen(local).exception == ferry_error_from_code(FERRY_ERROR_STUCK);
}

/* It is done when the call returns, and no worker took part. */
static void fails_at_once(ferry_local *local)
{
	cr_assert_not_null(local);
	cr_assert(is_stuck(local));
	ferry_local_unref(local);
}

/* Until the timer has looked at all there is. */
static void have_looked(void)
{
	while (loop->fs->timer.index)
		cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
}

/* ---- in and out ---- */

Test(quarantine, S2_all_that_would_go_to_a_stuck_mount_fails_at_once)
{
	begin(4, 3, SOON_NS);
	hold(0, 5);
	slow_mount_await(&remote, SLOW_OPEN, 3);
	cr_assert_eq(remote_counters().waiting, 2);
	remote_await_stuck(1);
	cr_assert(remote_mount(&remote).is_stuck);
	cr_assert(is_stuck(held[3]));
	cr_assert(is_stuck(held[4]));
	cr_assert_eq(remote_counters().waiting, 0);
	cr_assert_eq(remote_counters().refused, 2);
	for (int i = 0; i < 10; i++)
		fails_at_once(remote_open(NULL));
	cr_assert_eq(remote_counters().refused, 12);
	cr_assert_eq(remote_counters().pooled, 4);
	cr_assert_eq(remote_counters().stuck, 1);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(remote_end_of(remote_local(NULL)), 0);
	answer(&remote);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(remote_end_of(held[i]), 0);
	let_go(3, 2);
	cr_assert_eq(remote_counters().recovered, 1);
	cr_assert_not(remote_mount(&remote).is_stuck);
	cr_assert_eq(remote_end_of(remote_open(NULL)), 0);
	end();
}

/* As if it had been inside for as long as the machine is up. */
static void make_old(ferry_local *local)
{
	struct request *request = request_of(local);

	atomic_store_relaxed(&request->begun_ns, 2);
}

Test(quarantine, S2_a_mount_that_answers_others_is_not_stuck_by_a_long_call)
{
	const uint64_t minute = 60000000000;

	if (ferry_now_ns() < 2 * minute)
		cr_skip_test("the machine has not been up for long enough");
	begin(4, 3, minute);
	hold(0, 1);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	cr_assert_eq(
		remote_end_of(ferry_fs_stat(loop, pool, slow_mount_path(&remote, ""),
					    &(ferry_fs_options){ .size = sizeof(ferry_fs_options),
								 .policy = FERRY_FS_POOL })),
		0);
	make_old(held[0]);
	quarantine_look(loop->fs);
	cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(remote_counters().stuck, 0);
	answer_all();
	let_go(0, 1);
	end();
}

/* Nor if a link led that call there, so that nobody knew on which mount it is. */
Test(quarantine, S2_a_mount_that_answers_others_is_not_stuck_by_a_long_call_through_a_link)
{
	const uint64_t minute = 60000000000;

	if (ferry_now_ns() < 2 * minute)
		cr_skip_test("the machine has not been up for long enough");
	begin(4, 3, minute);
	folder_link("link", slow_mount_path(&remote, "file"));
	held[0] = ferry_fs_open(loop, pool, folder_path("link"), O_RDONLY, 0, NULL);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	cr_assert_eq(remote_mount(&remote).under_way, 0);
	cr_assert_eq(
		remote_end_of(ferry_fs_stat(loop, pool, slow_mount_path(&remote, ""),
					    &(ferry_fs_options){ .size = sizeof(ferry_fs_options),
								 .policy = FERRY_FS_POOL })),
		0);
	make_old(held[0]);
	quarantine_look(loop->fs);
	cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(remote_mount(&remote).under_way, 1, "now it is known");
	cr_assert_eq(remote_counters().stuck, 0);
	cr_assert(loop->fs->timer.index, "it is looked after");
	answer_all();
	let_go(0, 1);
	end();
}

Test(quarantine, S2_what_the_pool_has_not_begun_fails_with_the_rest)
{
	begin(2, 5, SOON_NS);
	hold(0, 5);
	slow_mount_await(&remote, SLOW_OPEN, 2);
	cr_assert_eq(remote_counters().under_way, 6 - 1);
	remote_await_stuck(1);
	for (int i = 2; i < 5; i++)
		cr_assert(is_stuck(held[i]));
	answer_all();
	cr_assert_eq(slow_mount_asked(&remote, SLOW_OPEN), 2);
	cr_assert_eq(remote_counters().recovered, 1);
	let_go(0, 5);
	end();
}

Test(quarantine, S2_one_probe_at_a_time_is_let_through)
{
	ferry_local *probe;

	begin(4, 1, SOON_NS);
	hold(0, 1);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	remote_await_stuck(1);
	probe = remote_open(NULL);
	slow_mount_await(&remote, SLOW_OPEN, 2);
	cr_assert_not(seen(probe).done);
	cr_assert_eq(remote_counters().probes, 1);
	for (int i = 0; i < 5; i++)
		fails_at_once(remote_open(NULL));
	cr_assert_eq(remote_counters().probes, 1);
	answer(&remote);
	cr_assert_eq(remote_end_of(probe), 0);
	cr_assert_eq(remote_end_of(held[0]), 0);
	cr_assert_eq(remote_counters().recovered, 1);
	end();
}

Test(quarantine, S2_the_last_worker_is_no_probe)
{
	begin(2, 2, SOON_NS);
	hold(0, 1);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	remote_await_stuck(1);
	for (int i = 0; i < 5; i++)
		fails_at_once(remote_open(NULL));
	cr_assert_eq(remote_counters().probes, 0);
	cr_assert_eq(remote_end_of(remote_local(NULL)), 0);
	answer_all();
	let_go(0, 1);
	end();
}

/* A probe that the pool refuses was none. */
Test(quarantine, S2_a_probe_that_is_refused_keeps_no_other_out)
{
	ferry_pool *kept, *closed = fixture_pool(4);

	begin(4, 1, SOON_NS);
	hold(0, 1);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	remote_await_stuck(1);
	cr_assert_eq(ferry_pool_shutdown(closed, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	kept = pool;
	pool = closed;
	cr_assert_eq(remote_end_of(remote_open(NULL)), ESHUTDOWN);
	pool = kept;
	hold(1, 1);
	slow_mount_await(&remote, SLOW_OPEN, 2);
	answer_all();
	let_go(0, 2);
	ferry_pool_free(closed);
	end();
}

static ferry_pool *interrupting(unsigned threads)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_pool *made;

	options.min_threads = options.max_threads = threads;
	options.interrupt_signal = SIGURG;
	cr_assert_eq(ferry_pool_new(&options, &made), 0);
	return made;
}

/* And a close, which does not fail, waits for a probe: it is one when that is possible. */
Test(quarantine, S2_a_call_that_was_interrupted_is_no_answer)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_pool *kept;
	ferry_local *close_of_it;
	int fd;

	begin(1, 1, SOON_NS);
	slow_mount_release(&remote, SLOW_OPEN);
	fd = open(slow_mount_path(&remote, "file"), O_RDONLY | O_CLOEXEC);
	remote_hold();
	kept = pool;
	pool = interrupting(1);
	options.interruptible = 1;
	held[0] = remote_open(&options);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	remote_await_stuck(1);
	close_of_it = ferry_fs_close(loop, pool, fd, NULL);
	cr_assert_eq(remote_counters().waiting, 1);
	fails_at_once(remote_open(NULL));
	slow_mount_hang(&remote, SLOW_FLUSH);
	cr_assert_eq(ferry_local_cancel(held[0]), 1);
	/* As the first one has gone. */
	while (remote_counters().waiting)
		cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
	slow_mount_await(&remote, SLOW_FLUSH, 1);
	cr_assert(remote_mount(&remote).is_stuck);
	cr_assert_eq(remote_counters().recovered, 0);
	cr_assert_eq(remote_counters().probes, 1);
	fails_at_once(remote_open(NULL));
	answer(&remote);
	cr_assert_eq(remote_end_of(close_of_it), 0);
	cr_assert_eq(remote_counters().recovered, 1);
	let_go(0, 1);
	fixture_end(NULL, pool);
	pool = kept;
	end();
}

Test(quarantine, F7_a_close_does_not_fail_with_its_mount_but_waits)
{
	ferry_local *waits[3];
	int fds[3];

	begin(2, 1, SOON_NS);
	slow_mount_release(&remote, SLOW_OPEN);
	for (int i = 0; i < 3; i++)
		fds[i] = open(slow_mount_path(&remote, "file"), O_RDONLY | O_CLOEXEC);
	remote_hold();
	hold(0, 1);
	waits[0] = ferry_fs_close(loop, pool, fds[0], NULL);
	hold(1, 1);
	waits[1] = ferry_fs_close(loop, pool, fds[1], NULL);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	remote_await_stuck(1);
	cr_assert(is_stuck(held[1]));
	waits[2] = ferry_fs_close(loop, pool, fds[2], NULL);
	cr_assert_eq(remote_counters().waiting, 3);
	for (int i = 0; i < 3; i++)
		cr_assert_not(seen(waits[i]).done);
	answer(&remote);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(remote_end_of(waits[i]), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_lt(fcntl(fds[i], F_GETFD), 0);
	let_go(0, 2);
	end();
}

Test(quarantine, S2_a_filesystem_that_breaks_is_an_answer)
{
	begin(4, 1, SOON_NS);
	hold(0, 1);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	remote_await_stuck(1);
	slow_mount_break(&remote);
	cr_assert_neq(remote_end_of(held[0]), 0);
	cr_assert_eq(remote_counters().recovered, 1);
	cr_assert_eq(remote_end_of(remote_open(NULL)), ENOTCONN);
	end();
}

/* ---- which mount it is ---- */

/* Who follows a link for the first time in a while writes down when that was, which no walk in
 * the caches does: so that is said to have been later than now. */
static void link_to(const char *name, const char *to)
{
	struct timespec times[2] = { { .tv_sec = time(NULL) + 3600 }, { .tv_nsec = UTIME_OMIT } };

	folder_link(name, to);
	cr_assert_eq(utimensat(AT_FDCWD, folder_path(name), times, AT_SYMLINK_NOFOLLOW), 0);
}

/* A call by that path is held, and found on the stuck mount; the next one fails at once. */
static void leads_there(const char *path, ferry_fs_root *root)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	uint64_t stuck = remote_counters().stuck;
	unsigned inside = slow_mount_inside(&remote, SLOW_OPEN);
	ferry_local *first, *second;

	options.root = root;
	first = ferry_fs_open(loop, pool, path, O_RDONLY, 0, &options);
	slow_mount_await(&remote, SLOW_OPEN, inside + 1);
	remote_await_stuck((unsigned)stuck + 1);
	cr_assert(remote_mount(&remote).is_stuck, "%s", path);
	cr_assert_eq(remote_mount(&remote).under_way, 1, "%s", path);
	/* A probe, and then none more. */
	second = ferry_fs_open(loop, pool, path, O_RDONLY, 0, &options);
	fails_at_once(ferry_fs_open(loop, pool, path, O_RDONLY, 0, &options));
	answer(&remote);
	cr_assert_eq(remote_end_of(first), 0);
	cr_assert_eq(remote_end_of(second), 0);
	cr_assert_not(remote_mount(&remote).is_stuck);
	loop->fs->settings.stuck_ns = SOON_NS;
	remote_hold();
}

static ferry_fs_root *root_of(const char *path)
{
	ferry_local *local = ferry_fs_root_open(loop, pool, path, NULL, NULL);
	ferry_result result;

	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_eq(ferry_local_take(local, &result), 0);
	ferry_local_unref(local);
	return result.pointer;
}

Test(quarantine, S2_whatever_path_leads_to_a_stuck_mount_is_found)
{
	char path[600];
	ferry_fs_root *root;

	begin(6, 4, SOON_NS);
	leads_there(slow_mount_path(&remote, "file"), NULL);
	link_to("link", slow_mount_path(&remote, "file"));
	leads_there(folder_path("link"), NULL);
	link_to("place", slow_mount_path(&remote, ""));
	leads_there(folder_path("place/file"), NULL);
	leads_there(folder_path("place//directory/../file"), NULL);
	link_to("link-to-link", "link");
	leads_there(folder_path("link-to-link"), NULL);
	/* Relative, from a local directory and from one that is there. */
	cr_assert_eq(chdir(folder), 0);
	leads_there("place/file", NULL);
	cr_assert_eq(chdir(slow_mount_path(&remote, "directory")), 0);
	leads_there("../file", NULL);
	cr_assert_eq(chdir("/"), 0);
	/* Below a root that is on a local mount. */
	root = root_of("/");
	snprintf(path, sizeof(path), ".%s", slow_mount_path(&remote, "file"));
	leads_there(path, root);
	ferry_fs_root_unref(root);
	have_patience();
	root = root_of(slow_mount_path(&remote, "directory/.."));
	loop->fs->settings.stuck_ns = SOON_NS;
	leads_there("file", root);
	ferry_fs_root_unref(root);
	end();
}

/* Where no link has led there none is looked at, which would take as long as the call. */
Test(quarantine, S2_links_are_followed_only_once_one_has_led_to_a_stuck_mount)
{
	begin(4, 1, SOON_NS);
	link_to("link", slow_mount_path(&remote, "file"));
	hold(0, 1);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	remote_await_stuck(1);
	cr_assert_eq(loop->fs->linked, 0);
	held[1] = ferry_fs_open(loop, pool, folder_path("link"), O_RDONLY, 0, NULL);
	slow_mount_await(&remote, SLOW_OPEN, 2);
	while (!loop->fs->linked)
		cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(remote_mount(&remote).under_way, 2);
	held[2] = ferry_fs_open(loop, pool, folder_path("link"), O_RDONLY, 0, NULL);
	slow_mount_await(&remote, SLOW_OPEN, 3);
	fails_at_once(ferry_fs_open(loop, pool, folder_path("link"), O_RDONLY, 0, NULL));
	answer_all();
	cr_assert_eq(loop->fs->linked, 0);
	let_go(0, 3);
	end();
}

/* What a call does to a link, or writes into one, is done where that lies. */
Test(quarantine, S2_a_link_to_a_stuck_mount_is_not_there_itself)
{
	const char *target;
	ferry_local *local;

	begin(2, 1, SOON_NS);
	target = slow_mount_path(&remote, "file");
	link_to("link", target);
	link_to("other", target);
	held[0] = ferry_fs_open(loop, pool, folder_path("link"), O_RDONLY, 0, NULL);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	remote_await_stuck(1);
	fails_at_once(ferry_fs_open(loop, pool, folder_path("link"), O_RDONLY, 0, NULL));
	local = ferry_fs_lstat(loop, pool, folder_path("link"), NULL);
	cr_assert_eq(remote_end_of(local), 0);
	local = ferry_fs_readlink(loop, pool, folder_path("link"), NULL);
	cr_assert_eq(remote_end_of(local), 0);
	local = ferry_fs_rename(loop, pool, folder_path("link"), folder_path("renamed"), NULL);
	cr_assert_eq(remote_end_of(local), 0);
	local = ferry_fs_rename(loop, pool, folder_path("renamed"), folder_path("other"), NULL);
	cr_assert_eq(remote_end_of(local), 0);
	local = ferry_fs_unlink(loop, pool, folder_path("other"), NULL);
	cr_assert_eq(remote_end_of(local), 0);
	local = ferry_fs_symlink(loop, pool, slow_mount_path(&remote, "file"), folder_path("new"),
				 NULL);
	cr_assert_eq(remote_end_of(local), 0);
	answer_all();
	let_go(0, 1);
	end();
}

Test(quarantine, S2_a_second_path_or_descriptor_there_counts)
{
	ferry_local *local;
	int there, here;

	begin(2, 1, SOON_NS);
	slow_mount_release(&remote, SLOW_OPEN);
	there = open(slow_mount_path(&remote, "file"), O_RDWR | O_CLOEXEC);
	folder_file("file", "content");
	link_to("place", slow_mount_path(&remote, ""));
	link_to("link", slow_mount_path(&remote, "file"));
	here = open(folder_path("file"), O_RDWR | O_CLOEXEC);
	remote_hold();
	held[0] = ferry_fs_open(loop, pool, folder_path("link"), O_RDONLY, 0, NULL);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	remote_await_stuck(1);
	fails_at_once(ferry_fs_rename(loop, pool, folder_path("file"),
				      slow_mount_path(&remote, "new"), NULL));
	fails_at_once(
		ferry_fs_rename(loop, pool, folder_path("file"), folder_path("place/new"), NULL));
	fails_at_once(ferry_fs_link(loop, pool, folder_path("file"),
				    slow_mount_path(&remote, "new"), NULL));
	fails_at_once(ferry_fs_read(loop, pool, there, 1, 0, NULL));
	fails_at_once(ferry_fs_fsync(loop, pool, there, NULL));
	fails_at_once(ferry_fs_copy_file_range(loop, pool, here, 0, there, 0, 1, NULL));
	fails_at_once(ferry_fs_copy_file_range(loop, pool, there, 0, here, 0, 1, NULL));
	local = ferry_fs_copy_file_range(loop, pool, here, 0, here, 8, 1, NULL);
	cr_assert_eq(remote_end_of(local), 0);
	answer_all();
	let_go(0, 1);
	close(there);
	close(here);
	end();
}

Test(quarantine, S2_a_mount_that_was_made_later_is_found_though_all_workers_are_in_it)
{
	struct slow_mount later;
	ferry_local *inside[2], *local;
	uint64_t reads;

	begin(2, 1, SOON_NS);
	reads = remote_counters().mount_reads;
	cr_assert_null(slow_mount_begin(&later, (struct slow_mount_options){ 0 }));
	remote_fill(&later);
	slow_mount_hang(&later, SLOW_OPEN);
	/* As if it had been made right after the table was looked at. */
	loop->fs->look_ns = UINT64_MAX;
	for (int i = 0; i < 2; i++)
		inside[i] = ferry_fs_open(loop, pool, slow_mount_path(&later, "file"), O_RDONLY, 0,
					  NULL);
	local = remote_local(NULL);
	slow_mount_await(&later, SLOW_OPEN, 2);
	remote_await_stuck(1);
	cr_assert(remote_mount(&later).is_stuck);
	while (remote_mount(&later).under_way < 2)
		cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
	cr_assert_gt(remote_counters().mount_reads, reads);
	fails_at_once(
		ferry_fs_open(loop, pool, slow_mount_path(&later, "file"), O_RDONLY, 0, NULL));
	answer(&later);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(remote_end_of(inside[i]), 0);
	cr_assert_eq(remote_end_of(local), 0);
	slow_mount_end(&later);
	end();
}

Test(quarantine, S2_of_two_mounts_only_the_one_that_hangs_is_stuck)
{
	struct slow_mount other;
	ferry_local *local;

	if (slow_mount_begin(&other, (struct slow_mount_options){ 0 }))
		cr_skip_test("no filesystem of our own");
	remote_fill(&other);
	begin(3, 1, SOON_NS);
	hold(0, 1);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	remote_await_stuck(1);
	have_patience();
	for (int i = 0; i < 5; i++) {
		local = ferry_fs_open(loop, pool, slow_mount_path(&other, "file"), O_RDONLY, 0,
				      NULL);
		cr_assert_eq(remote_end_of(local), 0);
	}
	cr_assert_not(remote_mount(&other).is_stuck);
	answer_all();
	let_go(0, 1);
	end();
	slow_mount_end(&other);
}

Test(quarantine, S2_bind_mounts_share_their_account)
{
	const char *why = mounts_begin();
	ferry_fs_settings settings = REMOTE_SETTINGS;
	char point[600];

	if (why)
		cr_skip_test("%s", why);
	begin(2, 1, SOON_NS);
	slow_mount_release(&remote, SLOW_OPEN);
	folder_below("bound", 0755);
	snprintf(point, sizeof(point), "%s", folder_path("bound"));
	cr_assert_eq(mount(slow_mount_path(&remote, ""), point, NULL, MS_BIND, NULL), 0);
	/* The next call has it read again. */
	loop->fs->look_ns = 0;
	remote_know();
	cr_assert_eq(ferry_fs_each_mount(loop, remote_look, point), 1);
	remote_hold();
	settings.most_at_once = 1;
	settings.stuck_ns = SOON_NS;
	cr_assert_eq(ferry_fs_configure(loop, &settings), 0);
	hold(0, 1);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	held[1] = ferry_fs_open(loop, pool, folder_path("bound/file"), O_RDONLY, 0, NULL);
	cr_assert_eq(remote_counters().waiting, 1);
	remote_await_stuck(1);
	cr_assert(is_stuck(held[1]));
	cr_assert_eq(ferry_fs_each_mount(loop, remote_look, point), 1);
	cr_assert(remote_found.is_stuck);
	fails_at_once(ferry_fs_open(loop, pool, folder_path("bound/file"), O_RDONLY, 0, NULL));
	answer_all();
	let_go(0, 2);
	cr_assert(mounts_remove(point));
	end();
}

Test(quarantine, S2_a_local_mount_is_never_stuck)
{
	ferry_local *local;
	int fd;

	begin(2, 1, SOON_NS);
	folder_fifo("fifo");
	local = ferry_fs_open(loop, pool, folder_path("fifo"), O_RDONLY, 0, NULL);
	while (!cds_list_empty(&loop->fs->elsewhere))
		cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
	have_looked();
	cr_assert_eq(remote_counters().stuck, 0);
	cr_assert_eq(remote_counters().under_way, 1);
	cr_assert_eq(remote_end_of(remote_local(NULL)), 0);
	fd = open(folder_path("fifo"), O_WRONLY);
	cr_assert_eq(remote_end_of(local), 0);
	cr_assert_eq(remote_counters().under_way, 0);
	close(fd);
	end();
}

/* One that is queued in a lane of its own is in front of the one that is late. */
Test(quarantine, S2_a_late_call_is_found_behind_one_that_is_queued)
{
	ferry_lane_options lane_options = FERRY_LANE_OPTIONS_INIT;
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_local *queued[2], *local;
	int fd;

	begin(4, 2, SOON_NS);
	folder_fifo("fifo");
	link_to("link", slow_mount_path(&remote, "file"));
	lane_options.max_running = 1;
	cr_assert_eq(ferry_lane_new(pool, &lane_options, &options.lane), 0);
	queued[0] = ferry_fs_open(loop, pool, folder_path("fifo"), O_RDONLY, 0, &options);
	while (!cds_list_empty(&loop->fs->elsewhere))
		cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
	queued[1] = remote_local(&options);
	local = ferry_fs_open(loop, pool, folder_path("link"), O_RDONLY, 0, NULL);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	remote_await_stuck(1);
	cr_assert(remote_mount(&remote).is_stuck);
	fd = open(folder_path("fifo"), O_WRONLY);
	answer(&remote);
	cr_assert_eq(remote_end_of(queued[0]), 0);
	cr_assert_eq(remote_end_of(queued[1]), 0);
	cr_assert_eq(remote_end_of(local), 0);
	close(fd);
	ferry_lane_free(options.lane);
	end();
}

static bool has_account(uint64_t device)
{
	struct health *health;

	cds_list_for_each_entry(health, &loop->fs->all,
				link) if (health->device == device) return true;
	return false;
}

Test(quarantine, E3_what_is_unmounted_is_forgotten_when_nothing_is_under_way_there)
{
	struct slow_mount other;
	ferry_local *local;
	uint64_t device;

	begin(4, 1, SOON_NS);
	cr_assert_null(slow_mount_begin(&other, (struct slow_mount_options){ 0 }));
	remote_fill(&other);
	loop->fs->look_ns = 0;
	remote_know();
	device = remote_mount(&other).device;
	slow_mount_hang(&other, SLOW_OPEN);
	local = ferry_fs_open(loop, pool, slow_mount_path(&other, "file"), O_RDONLY, 0, NULL);
	slow_mount_await(&other, SLOW_OPEN, 1);
	remote_await_stuck(1);
	/* Out of sight, and still there. */
	cr_assert_eq(umount2(slow_mount_path(&other, ""), MNT_DETACH), 0);
	loop->fs->look_ns = 0;
	ferry_local_unref(remote_local(NULL));
	while (remote_counters().under_way > 1 || loop->fs->reading)
		cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
	cr_assert(has_account(device));
	answer(&other);
	cr_assert_eq(remote_end_of(local), 0);
	cr_assert_not(has_account(device));
	slow_mount_end(&other);
	end();
}

/* ---- the timer ---- */

Test(quarantine, L1_a_loop_does_not_run_on_for_what_was_abandoned)
{
	begin(2, 1, NEVER_NS);
	hold(0, 1);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	cr_assert_geq(ferry_loop_run_once(loop, 1), 0);
	cr_assert_eq(remote_end_of(remote_local(NULL)), 0);
	/* Somebody may have mounted something meanwhile. */
	while (loop->fs->reading)
		cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(ferry_local_cancel(held[0]), 1);
	cr_assert_eq(ferry_loop_pending(loop), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	let_go(0, 1);
	end();
}

Test(quarantine, S2_a_shorter_time_counts_for_what_is_inside_already)
{
	ferry_fs_settings settings = REMOTE_SETTINGS;

	begin(2, 1, NEVER_NS);
	hold(0, 2);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	settings.most_at_once = 1;
	settings.stuck_ns = 1;
	cr_assert_eq(ferry_fs_configure(loop, &settings), 0);
	remote_await_stuck(1);
	cr_assert(is_stuck(held[1]));
	answer_all();
	let_go(0, 2);
	end();
}

Test(quarantine, S2_a_time_without_end_is_never_over)
{
	ferry_fs_settings settings = REMOTE_SETTINGS;

	begin(2, 1, UINT64_MAX - 1);
	hold(0, 1);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(remote_end_of(remote_local(NULL)), 0);
	settings.stuck_ns = FERRY_NO_DEADLINE;
	cr_assert_eq(ferry_fs_configure(loop, &settings), 0);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(remote_end_of(remote_local(NULL)), 0);
	cr_assert_eq(remote_counters().stuck, 0);
	answer_all();
	let_go(0, 1);
	end();
}

/* ---- calls elsewhere ---- */

static void stays_inline(void)
{
	ferry_local *local = ferry_fs_stat(loop, pool, "/", NULL);

	cr_assert(seen(local).done);
	ferry_local_unref(local);
}

/* Under way, but none of those that the pool has to do. */
Test(quarantine, S2_what_hangs_keeps_no_call_elsewhere_from_being_inline)
{
	ferry_fs_settings settings = {
		.size = sizeof(settings), .most_at_once = 2, .stuck_ns = SOON_NS, .depth = 1,
		.lend_ns = FERRY_NO_DEADLINE
	};
	ferry_local *local;
	int fd;

	begin(4, 2, SOON_NS);
	cr_assert_eq(ferry_fs_configure(loop, &settings), 0);
	hold(0, 2);
	slow_mount_await(&remote, SLOW_OPEN, 2);
	folder_fifo("fifo");
	local = ferry_fs_open(loop, pool, folder_path("fifo"), O_RDONLY, 0, NULL);
	remote_await_stuck(1);
	while (!cds_list_empty(&loop->fs->elsewhere))
		cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(remote_counters().under_way, 3);
	stays_inline();
	held[2] = remote_open(NULL);
	cr_assert_eq(remote_counters().probes, 1);
	stays_inline();
	fd = open(folder_path("fifo"), O_WRONLY);
	cr_assert_eq(remote_end_of(local), 0);
	close(fd);
	answer_all();
	let_go(0, 3);
	cr_assert_eq(loop->fs->apart, 0);
	end();
}

/* ---- calls that have returned, which the loop does not know yet ---- */

static char *lent_path;
static _Atomic int returned;

static void lent_is_back(void *path)
{
	free(path);
	atomic_store(&returned, 1);
}

/* Until it has returned on its worker and is late, while the loop has no turn. */
static void have_returned(void)
{
	uint64_t since;

	while (!atomic_load(&returned))
		sched_yield();
	since = ferry_now_ns();
	while (ferry_now_ns() - since < 2 * SOON_NS)
		sched_yield();
}

Test(quarantine, L4_what_was_lent_to_a_call_that_has_returned_is_not_looked_at)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_local *local;

	begin(2, 1, SOON_NS);
	lent_path = strdup("/usr/../usr/bin");
	cr_assert_not_null(lent_path);
	options.borrow_path = 1;
	options.policy = FERRY_FS_POOL;
	options.release = lent_is_back;
	local = ferry_fs_stat(loop, pool, lent_path, &options);
	have_returned();
	cr_assert_eq(remote_end_of(local), 0);
	end();
}

Test(quarantine, S2_a_loop_that_comes_late_takes_no_mount_for_stuck)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_local *waits;

	begin(2, 1, SOON_NS);
	slow_mount_release(&remote, SLOW_ANYTHING);
	options.borrow_path = 1;
	options.release = lent_is_back;
	lent_path = strdup(slow_mount_path(&remote, "file"));
	cr_assert_not_null(lent_path);
	held[0] = ferry_fs_stat(loop, pool, lent_path, &options);
	waits = remote_open(NULL);
	have_returned();
	cr_assert_eq(remote_end_of(held[0]), 0);
	have_patience();
	cr_assert_eq(remote_end_of(waits), 0);
	cr_assert_eq(remote_counters().stuck, 0);
	end();
}

/* ---- callbacks ---- */

static ferry_local *victim, *begun[8];
static unsigned called;

/* Everything that a callback may do. */
static void do_all(ferry_local *local, void *user)
{
	(void)user;
	cr_assert(is_stuck(local));
	if (victim) {
		ferry_local_cancel(victim);
		victim = NULL;
	}
	begun[called++] = remote_local(NULL);
	begun[called++] = remote_open(NULL);
	cr_assert_eq(ferry_loop_stop(loop), 0);
}

/* @most: 1, and they wait for a place; 4, and they are queued in the pool. */
static void calls_back(unsigned most)
{
	begin(2, most, SOON_NS);
	hold(0, 4);
	slow_mount_await(&remote, SLOW_OPEN, most < 2 ? most : 2);
	victim = held[3];
	cr_assert_eq(ferry_local_add_done_callback(held[2], do_all, NULL), 0);
	while (!called)
		cr_assert_geq(ferry_loop_run(loop), 0);
	cr_assert(is_stuck(begun[1]));
	answer_all();
	cr_assert(seen(held[3]).cancelled || is_stuck(held[3]));
	let_go(0, 4);
	for (unsigned i = 0; i < called; i++)
		ferry_local_unref(begun[i]);
	end();
}

Test(quarantine, L2_a_callback_of_one_that_waited_may_do_anything)
{
	calls_back(1);
}

Test(quarantine, L2_a_callback_of_one_that_was_queued_may_do_anything)
{
	calls_back(4);
}

/* A release hook runs within: it cancels the next ones, and asks for more. */
static void cancel_next(void *path)
{
	(void)path;
	for (unsigned i = 2; i < 6; i++)
		if (held[i])
			ferry_local_cancel(held[i]);
	if (called < 8)
		begun[called++] = remote_open(NULL);
}

static void hooks_meanwhile(unsigned most)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;

	begin(2, most, SOON_NS);
	options.borrow_path = 1;
	options.release = cancel_next;
	hold(0, 2);
	for (unsigned i = 2; i < 6; i++)
		held[i] = remote_open(&options);
	slow_mount_await(&remote, SLOW_OPEN, most < 2 ? most : 2);
	remote_await_stuck(1);
	cr_assert_eq(called, 4);
	answer_all();
	let_go(0, 6);
	for (unsigned i = 0; i < called; i++)
		ferry_local_unref(begun[i]);
	end();
}

Test(quarantine, L4_a_hook_of_one_that_waited_may_cancel_the_next)
{
	hooks_meanwhile(1);
}

Test(quarantine, L4_a_hook_of_one_that_was_queued_may_cancel_the_next)
{
	hooks_meanwhile(8);
}

/* A hook of one that goes on in its place lets go of the one that has just returned. */
static void let_go_of_first(void *path)
{
	(void)path;
	held[0] = ferry_local_unref(held[0]);
	called++;
}

Test(quarantine, L4_a_hook_of_one_that_waited_may_let_go_of_the_one_that_returned)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;

	begin(2, 1, NEVER_NS);
	options.borrow_path = 1;
	options.release = let_go_of_first;
	hold(0, 1);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	held[1] = remote_open(&options);
	cr_assert_eq(remote_counters().waiting, 1);
	cr_assert_eq(ferry_local_cancel(held[0]), 1);
	/* So that it is refused when its turn comes. */
	ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, 1);
	answer_all();
	cr_assert_eq(called, 1);
	cr_assert_eq(remote_end_of(held[1]), ESHUTDOWN);
	end();
}

/* ---- run by who submits it, because the queue is full ---- */

static void await_stuck(void *path)
{
	(void)path;
	called++;
	remote_await_stuck(1);
}

/* Its hook is where the mount gets stuck; its outcome is written when that has returned. */
Test(quarantine, L4_a_call_that_its_submitter_runs_does_not_fail_with_its_mount)
{
	ferry_pool_options pool_options = FERRY_POOL_OPTIONS_INIT;
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_pool *kept;
	ferry_local *local;

	begin(1, 4, SOON_NS);
	pool_options.min_threads = pool_options.max_threads = 1;
	pool_options.max_queued = 1;
	pool_options.when_full = FERRY_FULL_RUN;
	kept = pool;
	cr_assert_eq(ferry_pool_new(&pool_options, &pool), 0);
	hold(0, 1);
	slow_mount_await(&remote, SLOW_OPEN, 1);
	hold(1, 1);
	/* Nobody else begins it. */
	loop->fs->settings.lend_ns = FERRY_NO_DEADLINE;
	options.borrow_path = 1;
	options.policy = FERRY_FS_POOL;
	options.release = await_stuck;
	local = ferry_fs_stat(loop, pool, slow_mount_path(&remote, ""), &options);
	cr_assert_eq(called, 1);
	cr_assert(is_stuck(held[1]));
	have_patience();
	cr_assert_eq(remote_end_of(local), 0);
	cr_assert_eq(called, 1);
	cr_assert_eq(remote_counters().recovered, 1);
	answer_all();
	let_go(0, 2);
	fixture_end(NULL, pool);
	pool = kept;
	end();
}

/* ---- in a child ---- */

static pid_t child;
static int in_parent;

static void fork_and_free(void)
{
	if (child || in_parent)
		return;
	child = fork();
	if (child) {
		in_parent = 1;
		return;
	}
	/* In the child. */
	if (ferry_loop_free(loop))
		_exit(2);
}

static void fork_in_callback(ferry_local *local, void *user)
{
	(void)local, (void)user;
	fork_and_free();
}

static void fork_in_hook(void *path)
{
	(void)path;
	fork_and_free();
}

static void forks(unsigned most, bool hook)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	int status, outcome;

	begin(2, most, SOON_NS);
	options.borrow_path = hook;
	options.release = hook ? fork_in_hook : NULL;
	hold(0, 2);
	for (unsigned i = 2; i < 6; i++) {
		held[i] = remote_open(&options);
		if (!hook)
			cr_assert_eq(ferry_local_add_done_callback(held[i], fork_in_callback, NULL),
				     0);
	}
	slow_mount_await(&remote, SLOW_OPEN, most < 2 ? most : 2);
	do
		outcome = ferry_loop_run_once(loop, FERRY_NO_DEADLINE);
	while (outcome >= 0 && !in_parent);
	if (!in_parent)
		_exit(outcome == -ECHILD ? 0 : 3);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), 0);
	answer_all();
	let_go(0, 6);
	end();
}

Test(quarantine, P6_a_child_frees_the_loop_in_a_callback_of_one_that_waited)
{
	forks(1, false);
}

Test(quarantine, P6_a_child_frees_the_loop_in_a_callback_of_one_that_was_queued)
{
	forks(8, false);
}

Test(quarantine, P6_a_child_frees_the_loop_in_a_hook_of_one_that_waited)
{
	forks(1, true);
}

Test(quarantine, P6_a_child_frees_the_loop_in_a_hook_of_one_that_was_queued)
{
	forks(8, true);
}
