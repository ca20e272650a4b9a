/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_FILES_H
#define SUPPORT_FILES_H
/*
 * What tests of file calls need around them: a loop that knows its mounts, a pool of one worker, a
 * folder, a worker that can be kept busy, a task that asks.
 *
 *   files_begin();                        loop, pool and folder are there
 *   files_block();                        the worker is inside a call until files_unblock()
 *   files_errno(local)                    runs until it is done: the errno of its exception, or 0
 *   files_awaited(local)                  the same, by a task that waits for it
 *   files_await_worker();                 it has done, and disposed of, what it was given
 *   files_options(.root = root)           options in one expression
 *   files_end();
 *
 * What is borrowed is told of by files_release(): files.released says how often, files.given with
 * what.
 */
#include "support/fixture.h"
#include "support/folder.h"
#include "support/gate.h"

static ferry_loop *loop;
static ferry_pool *pool; /* one worker */

static struct {
	struct gate gate;
	ferry_local *blocked;
	_Atomic int released;
	void *_Atomic given;
} files;

#define files_options(...)                                                                         \
	(&(const ferry_fs_options){ .size = sizeof(ferry_fs_options), __VA_ARGS__ })

static inline void files_release(void *given)
{
	files.given = given;
	files.released++;
}

static inline int files_nothing(void *arg, ferry_result *out)
{
	(void)arg, (void)out;
	return 0;
}

static inline int files_wait(void *gate, ferry_result *out)
{
	(void)out;
	gate_wait(gate);
	return 0;
}

/* The worker has nothing more to do: what it disposes of comes behind what it is given. */
static inline void files_await_worker(void)
{
	for (int i = 0; i < 2; i++) {
		ferry_local *local = ferry_offload(loop, pool, files_nothing, NULL, NULL);
		int error = local ? ferry_loop_run_until(loop, local) : -errno;

		if (error)
			fixture_die("the worker does not come", error);
		ferry_local_unref(local);
	}
}

static inline ferry_fs_counters files_counters(void)
{
	ferry_fs_counters counters;
	int error = ferry_fs_stats(loop, &counters);

	if (error)
		fixture_die("no counters of file calls", error);
	return counters;
}

/* The loop's first call has its mounts read: from then on calls can be answered inline. */
static inline void files_know_mounts(void)
{
	ferry_local *local = ferry_fs_stat(loop, pool, "/", NULL);
	int error = local ? ferry_loop_run_until(loop, local) : -errno;

	while (!error && !files_counters().mount_reads)
		error = ferry_loop_run_once(loop, FERRY_NO_DEADLINE) < 0;
	if (error)
		fixture_die("the mounts are not known", error);
	ferry_local_unref(local);
}

static inline void files_begin_without_folder(void)
{
	ferry_fs_settings settings = FERRY_FS_SETTINGS_INIT;
	int error;

	loop = fixture_loop();
	pool = fixture_pool(1);
	files.released = 0;
	/* Or there would be another worker while that is held up. */
	settings.lend_ns = FERRY_NO_DEADLINE;
	error = ferry_fs_configure(loop, &settings);
	if (error)
		fixture_die("no settings", error);
	files_know_mounts();
}

static inline void files_begin(void)
{
	folder_make();
	files_begin_without_folder();
}

static inline void files_end(void)
{
	folder_remove();
	fixture_end(loop, pool);
}

static inline void files_block(void)
{
	gate_init(&files.gate);
	files.blocked = ferry_offload(loop, pool, files_wait, &files.gate, NULL);
	gate_await(&files.gate, 1);
}

static inline void files_unblock(void)
{
	int error;

	gate_open(&files.gate);
	error = ferry_loop_run_until(loop, files.blocked);
	if (error)
		fixture_die("the worker is not free", error);
	files.blocked = ferry_local_unref(files.blocked);
}

static inline int files_errno(ferry_local *local)
{
	int error = local ? ferry_loop_run_until(loop, local) : -errno;
	const ferry_error *exception;

	if (error)
		fixture_die("it does not end", error);
	exception = ferry_local_snapshot(local).exception;
	return exception ? ferry_error_errno(exception) : 0;
}

/* ---- by a task ---- */

struct files_asker {
	FERRY_FRAME;
	ferry_await await;
	ferry_local *local;
};

static inline ferry_step files_asker_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct files_asker, f);
	FERRY_TRY(ferry_await_local(&f->await, ferry_local_ref(f->local)));
	FERRY_RETURN();

	FERRY_FINALLY
	ferry_await_end(&f->await);
	FERRY_END;
}

static inline int files_awaited(ferry_local *local)
{
	struct files_asker asker = { .local = local };
	ferry_task *task = ferry_task_begin(&asker.task, loop, files_asker_step, NULL);
	const ferry_error *exception;
	int error = ferry_loop_await(loop, &task->awaitable);

	if (error)
		fixture_die("the task does not end", error);
	exception = ferry_task_snapshot(task).exception;
	error = exception ? ferry_error_errno(exception) : 0;
	ferry_task_clear(task);
	return error;
}

#endif
