/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/fs/exposition.c: the counters as text that a strict reader of Prometheus' format takes, with
 * the values that the counters have, whatever mounts and lanes are called.
 */
#include <criterion/criterion.h>
#include <locale.h>
#include <sys/sysmacros.h>

#include "fs/fs.h"
#include "fs/health.h"
#include "pool/core.h"
#include "support/exposition.h"
#include "support/work.h"

TestSuite(exposition, .timeout = 60);

static ferry_loop *loop;
static ferry_pool *pool;
static struct gate gate; /* who waits there is let through at the end, also of a test that failed */

static void begin(void)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.min_threads = options.max_threads = 2;
	options.sample_every = 1;
	pool = work_pool(&options);
	loop = fixture_loop();
	gate_init(&gate);
	/* For mbstowcs(), which says what is UTF-8. */
	cr_assert_not_null(setlocale(LC_CTYPE, "C.UTF-8"));
}

static void end(void)
{
	gate_open(&gate);
	fixture_end(loop, pool);
}

static void expose(ferry_pool *of)
{
	text.length = text.pieces = 0;
	cr_assert_eq(ferry_fs_expose(loop, of, exposition_collect, &text), 0);
	exposition_read();
}

/* ---- the loop's ---- */

Test(exposition, of_a_loop_without_calls_is_all_zero, .init = begin, .fini = end)
{
	expose(NULL);
	cr_assert_eq(count, 15);
	for (size_t i = 0; i < count; i++)
		cr_assert_str_eq(samples[i].value, "0");
	cr_assert_eq(exposition_samples_of("ferry_pool_queued"), 0, "no pool was given");
}

static void make_calls(void)
{
	for (unsigned i = 0; i < 5; i++) {
		ferry_local *local = ferry_fs_stat(loop, pool, "/", NULL);

		cr_assert_eq(ferry_loop_run_until(loop, local), 0);
		ferry_local_unref(local);
	}
	while (ferry_loop_pending(loop))
		ferry_loop_run(loop);
}

Test(exposition, S2_has_what_the_counters_of_file_calls_say, .init = begin, .fini = end)
{
	ferry_fs_counters counters;
	const uint64_t *numbers = &counters.calls;
	static const char *const names[] = {
		"calls_total",          "inline_hits_total", "inline_misses_total",
		"inline_blocked_total", "demoted_total",     "inline_avoided_total",
		"pooled_total",         "refused_total",     "stuck_total",
		"recovered_total",      "probes_total",      "mount_reads_total",
		"lent_total",
	};
	char name[64];

	make_calls();
	/* Told apart by their values; fs.h has what the loop counts. */
	for (unsigned i = 0; i < 13; i++)
		(&loop->fs->counters.calls)[i] += 1000 * (i + 1);
	loop->fs->counters.waiting = 1234567;
	cr_assert_eq(ferry_fs_stats(loop, &counters), 0);
	expose(pool);
	cr_assert_geq(counters.calls, 1005);
	for (unsigned i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "ferry_fs_%s", names[i]);
		cr_assert_str_eq(exposition_value(name, ""), exposition_number(numbers[i]), "%s",
				 name);
	}
	cr_assert_str_eq(exposition_value("ferry_fs_under_way", ""), "0");
	cr_assert_str_eq(exposition_value("ferry_fs_waiting", ""), "1234567");
	loop->fs->counters.waiting = 0;
}

/* ---- mounts ---- */

static void add(struct mount_list *list, uint64_t id, uint64_t parent, unsigned device,
		const char *kind, const char *point)
{
	struct mount_entry entry = { .id = id, .parent = parent, .device = makedev(7, device) };

	entry.class = mount_class_of(kind, &entry.open_inline);
	cr_assert_eq(mount_list_add(list, &entry, kind, point), 0);
}

/* The loop knows these, and no other. */
static struct fs *know(struct mount_list *list)
{
	struct fs *fs = fs_of(loop);

	cr_assert_not_null(fs);
	cr_assert_eq(mounts_new(list, true, &fs->mounts), 0);
	mount_list_clear(list);
	fs->healths = memory_new_zeroed((fs->mounts->count + 1) * sizeof(*fs->healths));
	for (size_t i = 0; i < fs->mounts->count; i++)
		fs->healths[i] = health_list(fs, &fs->mounts->entries[i]);
	return fs;
}

Test(exposition, has_each_mount_with_its_state, .init = begin, .fini = end)
{
	struct mount_list list = { .count = 0 };
	struct fs *fs;

	add(&list, 1, 0, 1, "ext4", "/");
	add(&list, 2, 1, 300, "nfs4", "/far");
	fs = know(&list);
	fs->healths[1]->stuck = true;
	fs->healths[1]->under_way = 3;
	fs->healths[1]->waiting = 4;
	fs->healths[0]->slow_until_ns = FERRY_NO_DEADLINE;
	expose(NULL);
#define ROOT "point=\"/\",type=\"ext4\",device=\"7:1\""
#define FAR "point=\"/far\",type=\"nfs4\",device=\"7:300\""
	cr_assert_str_eq(exposition_value("ferry_fs_mount_is_remote", ROOT), "0");
	cr_assert_str_eq(exposition_value("ferry_fs_mount_is_remote", FAR), "1");
	cr_assert_str_eq(exposition_value("ferry_fs_mount_is_slow", ROOT), "1");
	cr_assert_str_eq(exposition_value("ferry_fs_mount_is_slow", FAR), "0");
	cr_assert_str_eq(exposition_value("ferry_fs_mount_is_stuck", ROOT), "0");
	cr_assert_str_eq(exposition_value("ferry_fs_mount_is_stuck", FAR), "1");
	cr_assert_str_eq(exposition_value("ferry_fs_mount_under_way", ROOT), "0");
	cr_assert_str_eq(exposition_value("ferry_fs_mount_under_way", FAR), "3");
	cr_assert_str_eq(exposition_value("ferry_fs_mount_waiting", FAR), "4");
	cr_assert_eq(count, 15 + 2 * 5);
	fs->healths[1]->stuck = false;
	fs->healths[1]->under_way = fs->healths[1]->waiting = 0;
}

Test(exposition, S2_takes_a_mount_of_any_name, .init = begin, .fini = end)
{
	struct mount_list list = { .count = 0 };

	add(&list, 1, 0, 1, "ext4", "/");
	add(&list, 2, 1, 2, "ext4", "/\"\\\n=,}{ ");
	add(&list, 3, 1, 3, "fuse.\"x\"", "/\xc3\xa9\xff\xe2\x82");
	know(&list);
	expose(NULL);
	cr_assert_str_eq(
		exposition_value("ferry_fs_mount_is_remote",
				 "point=\"/\\\"\\\\\\n=,}{ \",type=\"ext4\",device=\"7:2\""),
		"0");
	cr_assert_str_eq(exposition_value("ferry_fs_mount_is_remote",
					  "point=\"/\xc3\xa9\\\\xff\\\\xe2\\\\x82\","
					  "type=\"fuse.\\\"x\\\"\",device=\"7:3\""),
			 "1");
}

Test(exposition, S2_has_no_mount_that_another_one_hides, .init = begin, .fini = end)
{
	struct mount_list list = { .count = 0 };

	add(&list, 1, 0, 1, "ext4", "/");
	add(&list, 2, 1, 2, "ext4", "/a");
	add(&list, 3, 2, 2, "ext4", "/a");    /* the same once more, on top */
	add(&list, 4, 2, 4, "tmpfs", "/a/b"); /* below the lower one */
	know(&list);
	expose(NULL);
	cr_assert_eq(exposition_samples_of("ferry_fs_mount_is_slow"), 2);
	cr_assert_str_eq(exposition_value("ferry_fs_mount_is_slow",
					  "point=\"/a\",type=\"ext4\",device=\"7:2\""),
			 "0");
}

static int count_mount(const ferry_fs_mount *mount, void *user)
{
	(void)mount;
	++*(size_t *)user;
	return 0;
}

Test(exposition, has_the_mounts_of_this_machine, .init = begin, .fini = end)
{
	size_t all = 0;

	make_calls();
	cr_assert_eq(ferry_fs_each_mount(loop, count_mount, &all), 0);
	expose(pool);
	cr_assert_gt(exposition_samples_of("ferry_fs_mount_is_stuck"), 0);
	cr_assert_leq(exposition_samples_of("ferry_fs_mount_is_stuck"), all);
}

/* ---- the pool's ---- */

static void wait_and_drop(void *future)
{
	work_end(future);
}

/* This thread has a loop, and must not wait. */
static void await(ferry_future *future)
{
	fixture_elsewhere(wait_and_drop, future);
}

static ferry_lane *lane_called(const char *name)
{
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	ferry_lane *lane;

	options.name = name;
	options.max_running = 7;
	options.max_queued = 9;
	cr_assert_eq(ferry_lane_new(pool, &options, &lane), 0);
	return lane;
}

static ferry_future *submit_to(ferry_lane *lane, ferry_function fn, void *arg)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.lane = lane;
	return work_submit(pool, fn, arg, &options);
}

Test(exposition, P1_has_what_the_counters_of_the_pool_say, .init = begin, .fini = end)
{
	ferry_pool_counters books;

	for (unsigned i = 0; i < 7; i++)
		await(work_submit(pool, work_nothing, NULL, NULL));
	cr_assert_eq(ferry_pool_resize(pool, 1, 2), 0);
	expose(pool);
	cr_assert_eq(ferry_pool_stats(pool, &books), 0);
	cr_assert_str_eq(exposition_value("ferry_pool_attempted_total", ""), "7");
	cr_assert_str_eq(exposition_value("ferry_pool_accepted_total", ""), "7");
	cr_assert_str_eq(exposition_value("ferry_pool_ran_total", ""), "7");
	cr_assert_str_eq(exposition_value("ferry_pool_refused_total", ""), "0");
	cr_assert_str_eq(exposition_value("ferry_pool_queued", ""), "0");
	cr_assert_str_eq(exposition_value("ferry_pool_min_threads", ""), "1");
	cr_assert_str_eq(exposition_value("ferry_pool_max_threads", ""), "2");
	cr_assert_str_eq(exposition_value("ferry_pool_threads", ""),
			 exposition_number(books.threads));
}

Test(exposition, P1_has_every_lane_with_its_counters, .init = begin, .fini = end)
{
	ferry_lane *mine = lane_called("mine"), *twin = lane_called("mine");
	ferry_future *running[2], *queued;

	await(submit_to(mine, work_nothing, NULL));
	running[0] = submit_to(mine, work_at_gate, &gate);
	running[1] = work_submit(pool, work_at_gate, &gate, NULL);
	gate_await(&gate, 2);
	queued = submit_to(twin, work_nothing, NULL);
	expose(pool);
	cr_assert_eq(exposition_samples_of("ferry_lane_queued"), 6);
#define MINE "lane=\"mine\",number=\"4\""
#define TWIN "lane=\"mine\",number=\"5\""
	cr_assert_str_eq(exposition_value("ferry_lane_queued", TWIN), "1");
	cr_assert_str_eq(exposition_value("ferry_lane_queued", MINE), "0");
	cr_assert_str_eq(exposition_value("ferry_lane_queued", "lane=\"dns\""), "0");
	cr_assert_str_eq(exposition_value("ferry_lane_running", MINE), "1");
	cr_assert_str_eq(exposition_value("ferry_lane_running", "lane=\"ordinary\""), "1");
	cr_assert_str_eq(exposition_value("ferry_lane_accepted_total", MINE), "2");
	cr_assert_str_eq(exposition_value("ferry_lane_ran_total", MINE), "1");
	cr_assert_str_eq(exposition_value("ferry_lane_max_running", MINE), "7");
	cr_assert_str_eq(exposition_value("ferry_lane_max_running", "lane=\"dns\""), "1");
	cr_assert_str_eq(exposition_value("ferry_lane_reserved", MINE), "0");
	cr_assert_str_eq(exposition_value("ferry_lane_max_queued", TWIN), "9");
	cr_assert_str_eq(exposition_value("ferry_lane_max_queued", "lane=\"cpu\""), "0");
	cr_assert_str_eq(exposition_value("ferry_lane_wait_seconds_count", "lane=\"fs\""), "0");

	/* It stays as long as it has something to do. */
	ferry_lane_free(twin);
	expose(pool);
	cr_assert_eq(exposition_samples_of("ferry_lane_queued"), 6);
	gate_open(&gate);
	await(running[0]);
	await(running[1]);
	await(queued);
	expose(pool);
	cr_assert_eq(exposition_samples_of("ferry_lane_queued"), 5);
	cr_assert_eq(exposition_samples_of("ferry_lane_run_seconds_count"), 5);
	cr_assert_str_eq(exposition_value("ferry_lane_queued", TWIN), "none");
	ferry_lane_free(mine);
}

Test(exposition, takes_a_lane_of_any_name, .init = begin, .fini = end)
{
	/* Cut at 15 bytes, which is within a character. */
	ferry_lane *odd = lane_called("a\"b\\c\nd"),
		   *cut_off = lane_called("12345678901234\xc3\xa9");

	expose(pool);
	cr_assert_str_eq(
		exposition_value("ferry_lane_queued", "lane=\"a\\\"b\\\\c\\nd\",number=\"4\""),
		"0");
	cr_assert_str_eq(exposition_value("ferry_lane_queued",
					  "lane=\"12345678901234\\\\xc3\",number=\"5\""),
			 "0");
	ferry_lane_free(odd);
	ferry_lane_free(cut_off);
}

Test(exposition, P1_has_a_histogram_of_each_lane_in_seconds, .init = begin, .fini = end)
{
	struct times *times = &pool->core->built_in[FERRY_LANE_CPU].times;
	const char *wait = "ferry_lane_wait_seconds_bucket", *cpu = "lane=\"cpu\"";
	static const unsigned at[] = { 0, 9, 10, 36, 37, 47 };

	/* Bucket i of ours: from 2^i up to, but not with, 2^(i+1) ns. Relaxed: this thread's. */
	for (unsigned i = 0; i < 6; i++)
		atomic_store_relaxed(&times->wait_ns[at[i]], 1u << i);
	atomic_store_relaxed(&times->wait_ns_sum, UINT64_C(12000000345)); /* as above */
	expose(pool);
	cr_assert_str_eq(exposition_bucket(wait, cpu, "0.000001023"), "3");
	cr_assert_str_eq(exposition_bucket(wait, cpu, "0.000002047"), "7");
	cr_assert_str_eq(exposition_bucket(wait, cpu, "68.719476735"), "7");
	cr_assert_str_eq(exposition_bucket(wait, cpu, "137.438953471"), "15");
	cr_assert_str_eq(exposition_bucket(wait, cpu, "+Inf"), "63");
	cr_assert_str_eq(exposition_value("ferry_lane_wait_seconds_sum", cpu), "12.000000345");
	cr_assert_str_eq(exposition_value("ferry_lane_wait_seconds_count", cpu), "63");
	cr_assert_str_eq(exposition_value("ferry_lane_run_seconds_count", cpu), "0");
	cr_assert_str_eq(exposition_value("ferry_lane_run_seconds_sum", cpu), "0.000000000");
}

Test(exposition, P1_counts_each_job_that_was_timed, .init = begin, .fini = end)
{
	for (unsigned i = 0; i < 100; i++)
		await(work_submit(pool, work_nothing, NULL, NULL));
	expose(pool);
	cr_assert_str_eq(exposition_value("ferry_lane_wait_seconds_count", "lane=\"ordinary\""),
			 "100");
	cr_assert_str_eq(exposition_value("ferry_lane_run_seconds_count", "lane=\"ordinary\""),
			 "100");
}

Test(exposition, of_a_pool_that_was_shut_down_is_what_it_did, .init = begin, .fini = end)
{
	await(work_submit(pool, work_nothing, NULL, NULL));
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	expose(pool);
	cr_assert_str_eq(exposition_value("ferry_pool_ran_total", ""), "1");
	cr_assert_str_eq(exposition_value("ferry_pool_threads", ""), "0");
}

/* ---- refusals ---- */

Test(exposition, ends_with_what_the_caller_said_whichever_piece_he_refuses, .init = begin,
     .fini = end)
{
	struct mount_list list = { .count = 0 };
	ferry_lane *odd = lane_called("\"");
	unsigned long pieces;
	char *whole;

	add(&list, 1, 0, 1, "ext4", "/");
	add(&list, 2, 1, 2, "ext4", "/\n");
	know(&list);
	expose(pool);
	pieces = text.pieces;
	whole = strdup(text.bytes);
	for (text.most = 1; text.most < pieces; text.most++) {
		text.length = text.pieces = 0;
		cr_assert_eq(ferry_fs_expose(loop, pool, exposition_collect, &text), -77);
		cr_assert_eq(text.pieces, text.most, "it goes on");
		cr_assert(!strncmp(text.bytes, whole, text.length < 1000 ? text.length : 1000));
	}
	ferry_lane_free(odd);
	free(whole);
}

/* Is called while no lock is held. */
static int use(void *user, const char *piece, size_t length)
{
	ferry_pool_counters counters;

	(void)user;
	(void)piece;
	(void)length;
	return ferry_pool_stats(pool, &counters);
}

Test(exposition, holds_no_lock_while_it_calls_out, .init = begin, .fini = end)
{
	make_calls();
	cr_assert_eq(ferry_fs_expose(loop, pool, use, NULL), 0);
}

static int exposes_in_child(void *parents)
{
	ferry_loop *own = fixture_loop();
	int error = ferry_fs_expose(own, parents, exposition_collect, &text);

	return error != -ECHILD || text.pieces || ferry_loop_free(own) != 0;
}

Test(exposition, P6_a_childs_loop_does_not_read_the_pool_of_its_parent, .init = begin, .fini = end)
{
	cr_assert_eq(fixture_in_child(exposes_in_child, pool), 0);
}
