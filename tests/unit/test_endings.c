/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How every row of the table of operations can end: done, cancelled before, during and after,
 * dropped, refused, too late, left behind by its loop. Nothing stays open, what was borrowed is let
 * go of once, and a result that nobody takes is disposed of (F7, L4).
 */
#include <criterion/criterion.h>
#include <sched.h>

#include "bridge/local.h"
#include "fs/fs.h"
#include "support/rows.h"
#include "support/slow_mount.h"
#include "support/slow_names.h"

TestSuite(endings, .timeout = 120);

/* ---- scenes ---- */

static void begin(void)
{
	slow_names_alone();
	rows_begin();
}

/* What makes a row's call succeed, in a place; what is open for it. */
struct scene {
	const struct place *place;
	struct given given;
	struct descriptors open;
	char path[512], other[512];
	ferry_fs_options options;
};

static bool is_borrower(int number)
{
	return operations[number].traits & (OPERATION_PATH | OPERATION_DATA);
}

/* Always on the pool, as if nothing was cached. */
static void set_scene(struct scene *scene, int number, struct place *place)
{
	enum kind kind = number == OPERATION_READDIR_BATCH ? KIND_FOLDER : KIND_BOTH;
	const struct row *row = &rows[number];

	scene->place = place;
	scene->options = (ferry_fs_options)FERRY_FS_OPTIONS_INIT;
	scene->options.policy = FERRY_FS_POOL;
	scene->open = (struct descriptors){ -1, -1, -1, -1 };
	if (row_is_of_file(number)) {
		scene->given = row_give_open(place, kind, KIND_BOTH, &scene->open);
	} else if (row_is_of_path(number)) {
		row_spell(place, row->path, false, scene->path);
		row_spell(place, row->other ? row->other : "", false, scene->other);
		scene->given = (struct given){ place, scene->path, scene->other, -1, -1, NULL };
	} else {
		scene->given = (struct given){ place, row->path, row->other, -1, -1, &numbers };
	}
}

static void borrow(struct scene *scene, int number)
{
	if (!is_borrower(number))
		return;
	scene->options.borrow_path = 1;
	scene->options.release = files_release;
}

/* Ours, as it was made, with nothing borrowed yet. */
static void set_ours(struct scene *scene, int number)
{
	place_remake(&ours);
	set_scene(scene, number, &ours);
	files.released = 0;
	files.given = NULL;
}

static void set_and_borrow(struct scene *scene, int number)
{
	set_ours(scene, number);
	borrow(scene, number);
}

/* What it was given is let go of, once, or never was held. */
static int releases(int number)
{
	return is_borrower(number) ? 1 : 0;
}

static ferry_local *ask(struct scene *scene, int number)
{
	ferry_local *local = rows[number].ask(&scene->given, &scene->options);

	cr_assert_not_null(local, "%s: %s", operations[number].name, strerror(errno));
	return local;
}

/* What it was to close is closed, and what it was not is open. */
static void clear_scene(struct scene *scene, int number)
{
	if (row_is_of_file(number))
		cr_assert_eq(row_is_open(scene->open.fd), number != OPERATION_CLOSE, "%s",
			     operations[number].name);
	if (scene->open.fd >= 0 && number != OPERATION_CLOSE)
		close(scene->open.fd);
	if (scene->open.other >= 0)
		close(scene->open.other);
}

/* The effect of the system's call, on theirs. */
static void do_theirs(int number)
{
	struct said said = { "", 0 };
	struct scene scene;

	place_remake(&theirs);
	set_scene(&scene, number, &theirs);
	cr_assert_eq(rows[number].system(&scene.given, &said), 0, "%s", operations[number].name);
	/* The number may be another's by now. */
	clear_scene(&scene, number);
}

static void check_effect(int number, bool is_done, const char *when)
{
	char one[PORTRAIT_ROOM], other[PORTRAIT_ROOM];

	if (is_done)
		do_theirs(number);
	else
		place_remake(&theirs);
	portrait_of(theirs.path, one);
	portrait_of(ours.path, other);
	cr_assert_str_eq(other, one, "%s, %s: it is\n%s instead of\n%s", operations[number].name,
			 when, other, one);
}

struct balance {
	int descriptors;
	uint64_t disposed;
};

static struct balance balance(void)
{
	return (struct balance){ fixture_descriptors(), ferry_disposed_count() };
}

/* Nothing is left open, and so many results that nobody took were disposed of. */
static void check_balance(int number, const struct balance *before, int disposed, const char *when)
{
	cr_assert_eq(fixture_descriptors(), before->descriptors, "%s, %s: %d descriptors more",
		     operations[number].name, when, fixture_descriptors() - before->descriptors);
	cr_assert_eq(ferry_disposed_count(), before->disposed + (unsigned)disposed,
		     "%s, %s: %d were disposed of", operations[number].name, when,
		     (int)(ferry_disposed_count() - before->disposed));
}

static int disposes(int number)
{
	return rows[number].takes || rows[number].holds;
}

/* As one that never was done, or not with a result. */
static void check_empty(int number, ferry_local *local)
{
	ferry_result result;

	row_check_nothing_said(0, local, operations[number].name);
	cr_assert_lt(ferry_local_take(local, &result), 0, "%s", operations[number].name);
}

Test(endings, L4_each_may_be_given_what_is_borrowed_and_lets_go_of_it_once, .init = begin,
     .fini = rows_end)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		struct balance before = balance();
		struct scene scene;
		ferry_local *local;

		for (int policy = FERRY_FS_AUTO; policy <= FERRY_FS_POOL; policy++) {
			set_and_borrow(&scene, i);
			scene.options.policy = (ferry_fs_policy)policy;
			local = ask(&scene, i);
			cr_assert_eq(files_errno(local), 0, "%s", operations[i].name);
			cr_assert_eq(files.released, releases(i), "%s", operations[i].name);
			if (i == OPERATION_SYMLINK)
				cr_assert_str_eq(files.given, "told/by it");
			else if (is_borrower(i))
				cr_assert_eq(files.given, row_is_of_path(i)
								  ? (const void *)scene.path
								  : written);
			ferry_local_unref(local);
			clear_scene(&scene, i);
			check_effect(i, true, "borrowing");
		}
		files_await_worker();
		cr_assert_eq(files.released, releases(i));
		check_balance(i, &before, 3 * disposes(i), "borrowing");
	}
}

Test(endings, L4_what_each_is_given_is_copied, .init = begin, .fini = rows_end)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		struct scene scene;
		ferry_local *local;

		set_ours(&scene, i);
		files_block();
		local = ask(&scene, i);
		memset(scene.path, 'x', sizeof(scene.path));
		memset(scene.other, 'x', sizeof(scene.other));
		files_unblock();
		cr_assert_eq(files_errno(local), 0, "%s", operations[i].name);
		ferry_local_unref(local);
		clear_scene(&scene, i);
		check_effect(i, true, "copied");
	}
}

Test(endings, each_can_be_awaited_by_a_task, .init = begin, .fini = rows_end)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		struct scene scene;
		struct said said = { "", 0 };
		ferry_local *local;

		for (int policy = FERRY_FS_AUTO; policy <= FERRY_FS_POOL; policy++) {
			set_ours(&scene, i);
			scene.options.policy = (ferry_fs_policy)policy;
			local = ask(&scene, i);
			cr_assert_eq(files_awaited(local), 0, "%s", operations[i].name);
			cr_assert_eq(row_said(i, &scene.given, local, &said), 0);
			ferry_local_unref(local);
			clear_scene(&scene, i);
			check_effect(i, true, "awaited");
		}
	}
}

Test(endings, F7_the_result_of_each_is_whose_who_takes_it, .init = begin, .fini = rows_end)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		struct balance before = balance();
		ferry_result result;
		struct scene scene;
		ferry_local *local;

		set_ours(&scene, i);
		local = ask(&scene, i);
		cr_assert_eq(files_errno(local), 0, "%s", operations[i].name);
		cr_assert_eq(ferry_local_take(local, &result), 0);
		cr_assert_eq(result.disposer != NULL, disposes(i), "%s", operations[i].name);
		if (rows[i].takes)
			row_check_nothing_said(0, local, operations[i].name);
		cr_assert_eq(ferry_local_take(local, &result), -EALREADY);
		ferry_local_unref(local);
		if (result.disposer)
			result.disposer->dispose(&result);
		clear_scene(&scene, i);
		files_await_worker();
		check_balance(i, &before, 0, "taken");
	}
}

Test(endings, L4_each_cancelled_while_it_is_queued_is_never_made, .init = begin, .fini = rows_end)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		struct balance before = balance();
		bool is_kept = operations[i].traits & OPERATION_KEEPS;
		struct scene scene;
		ferry_local *local;

		set_and_borrow(&scene, i);
		files_block();
		local = ask(&scene, i);
		check_empty(i, local);
		cr_assert_eq(ferry_local_cancel(local), 1, "%s", operations[i].name);
		cr_assert(ferry_local_snapshot(local).cancelled, "%s", operations[i].name);
		cr_assert_eq(files.released, releases(i), "%s: at once", operations[i].name);
		check_empty(i, local);
		cr_assert_eq(ferry_local_cancel(local), -EALREADY);
		files_unblock();
		files_await_worker();
		check_empty(i, local);
		ferry_local_unref(local);
		clear_scene(&scene, i);
		check_effect(i, is_kept, "cancelled before");
		cr_assert_eq(files.released, releases(i), "%s", operations[i].name);
		check_balance(i, &before, 0, "cancelled before");
	}
	cr_assert_eq(files_counters().under_way, 0);
}

Test(endings, L4_none_can_be_cancelled_after_it_was_made, .init = begin, .fini = rows_end)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		struct balance before = balance();
		struct said said = { "", 0 };
		struct scene scene;
		ferry_local *local;

		set_and_borrow(&scene, i);
		local = ask(&scene, i);
		cr_assert_eq(files_errno(local), 0, "%s", operations[i].name);
		cr_assert_eq(ferry_local_cancel(local), -EALREADY, "%s", operations[i].name);
		cr_assert_eq(row_said(i, &scene.given, local, &said), 0);
		ferry_local_unref(local);
		clear_scene(&scene, i);
		check_effect(i, true, "cancelled after");
		files_await_worker();
		cr_assert_eq(files.released, releases(i), "%s", operations[i].name);
		check_balance(i, &before, disposes(i), "cancelled after");
	}
}

Test(endings, F7_each_that_is_made_and_not_delivered_is_cancelled_and_disposed_of, .init = begin,
     .fini = rows_end)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		struct balance before = balance();
		struct scene scene;
		ferry_local *local;

		set_and_borrow(&scene, i);
		local = ask(&scene, i);
		while (!word_is_done(future_word(&local->job.future)))
			sched_yield();
		cr_assert_eq(ferry_local_cancel(local), 1, "%s", operations[i].name);
		check_empty(i, local);
		ferry_local_unref(local);
		files_await_worker();
		clear_scene(&scene, i);
		check_effect(i, true, "cancelled on its way back");
		cr_assert_eq(files.released, releases(i), "%s", operations[i].name);
		check_balance(i, &before, disposes(i), "cancelled on its way back");
	}
}

Test(endings, F7_each_that_is_dropped_is_made_all_the_same, .init = begin, .fini = rows_end)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		struct balance before = balance();
		struct scene scene;

		set_and_borrow(&scene, i);
		ferry_local_unref(ask(&scene, i));
		files_await_worker();
		clear_scene(&scene, i);
		check_effect(i, true, "dropped");
		cr_assert_eq(files.released, releases(i), "%s", operations[i].name);
		check_balance(i, &before, disposes(i), "dropped");
	}
}

Test(endings, E1_each_that_the_pool_refuses_is_born_failed, .init = begin, .fini = rows_end)
{
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_ABANDON, 0), 0);
	for (int i = 0; i < OPERATION_COUNT; i++) {
		struct balance before = balance();
		struct scene scene;
		ferry_local *local;

		set_and_borrow(&scene, i);
		local = ask(&scene, i);
		cr_assert_eq(ferry_local_snapshot(local).exception,
			     ferry_error_from_errno(ESHUTDOWN), "%s", operations[i].name);
		check_empty(i, local);
		cr_assert_eq(files.released, releases(i), "%s", operations[i].name);
		ferry_local_unref(local);
		/* Not by this thread: there is no worker, so one is made for that. */
		while (i == OPERATION_CLOSE && row_is_open(scene.open.fd))
			sched_yield();
		clear_scene(&scene, i);
		check_effect(i, i == OPERATION_CLOSE, "refused");
		cr_assert_eq(files.released, releases(i), "%s", operations[i].name);
		check_balance(i, &before, i == OPERATION_CLOSE, "refused");
	}
	cr_assert_eq(files_counters().refused, OPERATION_COUNT);
}

Test(endings, P10_each_past_its_deadline_is_never_made, .init = begin, .fini = rows_end)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		struct balance before = balance();
		struct scene scene;
		ferry_local *local;

		set_and_borrow(&scene, i);
		scene.options.deadline_ns = 1;
		if (i == OPERATION_CLOSE) {
			cr_assert_null(ask_close(&scene.given, &scene.options));
			cr_assert_eq(errno, EINVAL, "a close cannot be too late");
			close(scene.given.fd);
			clear_scene(&scene, i);
			continue;
		}
		files_block();
		local = ask(&scene, i);
		cr_assert_eq(ferry_loop_run_until(loop, local), 0);
		cr_assert_eq(ferry_local_snapshot(local).exception,
			     ferry_error_from_code(FERRY_ERROR_TIMED_OUT), "%s",
			     operations[i].name);
		check_empty(i, local);
		cr_assert_eq(files.released, releases(i), "%s", operations[i].name);
		files_unblock();
		ferry_local_unref(local);
		clear_scene(&scene, i);
		check_effect(i, false, "too late");
		check_balance(i, &before, 0, "too late");
	}
}

/* What is left when its loop is gone. */
static void check_after_its_loop(int number, struct scene *scene, const struct balance *before,
				 int disposed, bool is_made)
{
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	ferry_pool_free(pool);
	cr_assert_eq(files.released, releases(number), "%s", operations[number].name);
	clear_scene(scene, number);
	check_effect(number, is_made, "its loop closed");
	check_balance(number, before, disposed, "its loop closed");
}

Test(endings, L3_each_is_let_go_of_though_its_loop_closes_while_it_is_queued, .init = begin,
     .fini = rows_end)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		struct balance before;
		struct scene scene;
		ferry_local *held;

		fixture_end(loop, pool);
		before = balance();
		files_begin_without_folder();
		set_and_borrow(&scene, i);
		files_block();
		held = ask(&scene, i);
		cr_assert_eq(ferry_loop_free(loop), 0);
		cr_assert_eq(files.released, releases(i), "%s", operations[i].name);
		gate_open(&files.gate);
		ferry_local_unref(held);
		ferry_local_unref(files.blocked);
		check_after_its_loop(i, &scene, &before, 0, i == OPERATION_CLOSE);
		loop = fixture_loop();
		pool = fixture_pool(1);
	}
}

/* ---- while they run: on a mount that hangs, or with a name service that does ---- */

static struct slow_mount slow;
static struct place on_mount; /* the same as "ours", which is below it */
static struct slow_names *names;

static void begin_slow(void)
{
	const char *why = slow_mount_begin(&slow, (struct slow_mount_options){ .direct = true });

	if (why)
		cr_skip_test("%s", why);
	begin();
	names = slow_names();
	/* The scene is where the mount shows it. */
	place_unmake(&ours);
	snprintf(ours.path, sizeof(ours.path), "%s", slow_mount_below(&slow, "ours"));
	snprintf(on_mount.path, sizeof(on_mount.path), "%s", slow_mount_path(&slow, "ours"));
	place_make(&ours);
}

static void end_slow(void)
{
	fixture_end(loop, pool);
	place_unmake(&ours);
	slow_mount_end(&slow);
	place_unmake(&theirs);
	folder_remove();
}

/* Names can be held only where the program was started so; false: it is left out. */
static bool can_hang(int number)
{
	return !(operations[number].traits & OPERATION_NAMES) || names;
}

/* What nobody waits for may come from calls before, at any time. */
static bool is_late(int operation)
{
	return operation == SLOW_RELEASE || operation == SLOW_RELEASEDIR;
}

static void hang(void)
{
	for (int i = 0; i < SLOW_ANYTHING; i++)
		if (!is_late(i))
			slow_mount_hang(&slow, (enum slow_operation)i);
}

static bool is_held(void)
{
	for (int i = 0; i < SLOW_ANYTHING; i++)
		if (!is_late(i) && slow_mount_inside(&slow, (enum slow_operation)i))
			return true;
	return false;
}

static void await_held(void)
{
	for (;;) {
		unsigned seen_changed = slow.control->changed;

		if (is_held())
			return;
		shared_word_wait(&slow.control->changed, seen_changed, -1);
	}
}

/* Returns when the call is inside what it waits for. */
static ferry_local *ask_hanging(struct scene *scene, int number)
{
	ferry_local *local;

	if (operations[number].traits & OPERATION_NAMES) {
		slow_names_hang(names);
		local = ask(scene, number);
		slow_names_await(names, 1);
	} else {
		hang();
		local = ask(scene, number);
		await_held();
	}
	return local;
}

static void let_go_on(int number)
{
	if (operations[number].traits & OPERATION_NAMES)
		slow_names_release(names);
	else
		slow_mount_release(&slow, SLOW_ANYTHING);
}

/* What it is given is open, on the mount, before that hangs. */
static void set_slow_scene(struct scene *scene, int number)
{
	place_remake(&ours);
	on_mount = ours;
	snprintf(on_mount.path, sizeof(on_mount.path), "%s", slow_mount_path(&slow, "ours"));
	set_scene(scene, number, &on_mount);
	files.released = 0;
	borrow(scene, number);
}

Test(endings, L4_each_cancelled_while_it_runs_holds_what_it_was_given_until_it_returns,
     .init = begin_slow, .fini = end_slow)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		struct balance before;
		struct scene scene;
		ferry_local *local;

		if (!can_hang(i))
			continue;
		before = balance();
		set_slow_scene(&scene, i);
		local = ask_hanging(&scene, i);
		cr_assert_eq(ferry_local_cancel(local), 1, "%s", operations[i].name);
		cr_assert(ferry_local_snapshot(local).cancelled);
		check_empty(i, local);
		ferry_local_unref(local);
		cr_assert_eq(files.released, 0, "%s: it is inside", operations[i].name);
		let_go_on(i);
		files_await_worker();
		cr_assert_eq(files.released, releases(i), "%s", operations[i].name);
		clear_scene(&scene, i);
		check_effect(i, true, "cancelled while it ran");
		check_balance(i, &before, disposes(i), "cancelled while it ran");
	}
	cr_assert_eq(files_counters().under_way, 0);
}

Test(endings, F7_each_dropped_while_it_runs_is_disposed_of, .init = begin_slow, .fini = end_slow)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		struct balance before;
		struct scene scene;

		if (!can_hang(i))
			continue;
		before = balance();
		set_slow_scene(&scene, i);
		ferry_local_unref(ask_hanging(&scene, i));
		let_go_on(i);
		files_await_worker();
		cr_assert_eq(files.released, releases(i), "%s", operations[i].name);
		clear_scene(&scene, i);
		check_effect(i, true, "dropped while it ran");
		check_balance(i, &before, disposes(i), "dropped while it ran");
	}
}

Test(endings, L3_each_is_let_go_of_though_its_loop_closes_while_it_runs, .init = begin_slow,
     .fini = end_slow)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		struct balance before;
		struct scene scene;
		ferry_local *held;
		bool reads;

		if (!can_hang(i))
			continue;
		fixture_end(loop, pool);
		before = balance();
		files_begin_without_folder();
		set_slow_scene(&scene, i);
		held = ask_hanging(&scene, i);
		/* If somebody mounts something meanwhile: the table that was read for this loop. */
		reads = loop->fs->reading;
		cr_assert_eq(ferry_loop_free(loop), 0, "it waits for nobody");
		cr_assert_eq(files.released, 0, "%s", operations[i].name);
		ferry_local_unref(held);
		let_go_on(i);
		check_after_its_loop(i, &scene, &before, disposes(i) + reads, true);
		loop = fixture_loop();
		pool = fixture_pool(1);
	}
}
