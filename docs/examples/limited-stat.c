/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * limited-stat: a hundred thousand tasks, and a limiter that starts 64 of them at a time.
 *
 *   limited-stat [options] [DIR]      (--help lists the options)
 *
 *   all_step        makes every task, deferred, as a child of its group, and submits it to the
 *                   limiter; then it waits for the group
 *   visit_step      one of them: a stat, always on a worker of the pool, awaited, and counted
 *   progress_step   draws a line on the terminal now and then
 *   interrupt_step  cancels the first on Ctrl-C, and with it all that its group has
 *
 * None of them knows of the limiter but the one that submits: a task whose turn has not come is
 * like any other task, only not started yet. Nothing is allocated for it; its place in the queue is
 * a member of its frame.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ferry.h>

#include "limited-names.h"
#include "limited-report.h"
#include "progress.h"
#include "signals.h"
#include "walk-errors.h"

#define PROGRESS_NS UINT64_C(100000000)
/* How long to wait, in the end, for calls that hang. */
#define GIVE_UP_NS UINT64_C(1000000000)

enum {
	AT_A_TIME = 1024 /* tasks made before the loop has a turn */
};

struct run {
	struct options options;
	struct names names;
	ferry_loop *loop;
	ferry_pool *pool;
	int signals;          /* readable once the user wants an end */
	ferry_fs_options calls; /* on the pool, or few would ever be under way at once */
	ferry_limiter limiter;
	struct visit *visits; /* array [options.count] */

	struct tally tally;
	uint64_t done;        /* stats, whatever came of them */
	uint64_t at_once, most_at_once;
	uint64_t began_ns, wall_ns;
	bool interrupted;
	int failure;          /* a negative errno: it could not go on */
};

static int cannot(const char *what, int error)
{
	fprintf(stderr, "limited-stat: cannot %s: %s\n", what, strerror(-error));
	return error;
}

/* ---- one stat ---- */

struct visit {
	FERRY_FRAME;
	struct run *run;
	const char *path;
	bool began;
	ferry_slot slot; /* its place in the limiter */
	ferry_await answer;
};

static void visit_begin(struct visit *visit)
{
	struct run *run = visit->run;

	visit->began = true;
	run->at_once++;
	if (run->at_once > run->most_at_once)
		run->most_at_once = run->at_once;
}

static ferry_operation *visit_stat(struct visit *visit)
{
	struct run *run = visit->run;

	return ferry_await_local(&visit->answer,
				 ferry_fs_stat(run->loop, run->pool, visit->path, &run->calls));
}

static void visit_count(struct visit *visit)
{
	struct run *run = visit->run;
	ferry_snapshot seen = ferry_await_snapshot(&visit->answer);
	const ferry_stat *found = seen.result.pointer;
	int code = seen.cancelled ? ECANCELED : ferry_error_errno(seen.exception);

	run->done++;
	if (code)
		tally_error(&run->tally, AT_STAT, code, visit->path);
	else
		tally_entry(&run->tally, found->mode, found->size);
}

static ferry_step visit_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct visit, f);
	visit_begin(f);
	FERRY_AWAIT(visit_stat(f));
	visit_count(f);
	FERRY_RETURN();

	FERRY_FINALLY
	if (f->began)
		f->run->at_once--;
	ferry_await_end(&f->answer);
	FERRY_END;
}

/* ---- all of them ---- */

struct all {
	FERRY_FRAME;
	struct run *run;
	ferry_group group;
	size_t next;
	int error;
};

static int all_begin(struct all *all)
{
	ferry_group_options options = FERRY_GROUP_OPTIONS_INIT;
	int error = ferry_limiter_init(&all->run->limiter, all->run->loop, all->run->options.limit);

	options.policy = FERRY_GROUP_COLLECT; /* one that fails is no reason to end the others */
	return error < 0 ? error : ferry_group_init(&all->group, all->run->loop, &options);
}

static void all_submit_next(struct all *all)
{
	struct run *run = all->run;
	struct visit *visit = &run->visits[all->next];

	visit->run = run;
	visit->path = names_at(&run->names, all->next);
	ferry_task_init(&visit->task, run->loop, visit_step, FERRY_IN(&all->group));
	ferry_limiter_submit(&run->limiter, &visit->slot, &visit->task, 0);
	all->next++;
}

static ferry_step all_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct all, f);
	f->error = all_begin(f);
	if (f->error)
		FERRY_FAIL(f->error);
	while (f->next < f->run->options.count) {
		all_submit_next(f);
		if (f->next % AT_A_TIME == 0)
			FERRY_YIELD();
	}
	FERRY_TRY(&f->group);
	FERRY_END;
}

/* ---- beside them ---- */

struct progress {
	FERRY_FRAME;
	struct run *run;
	ferry_sleep sleep;
};

static ferry_step progress_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct progress, f);
	for (;;) {
		progress_draw(f->run->done, f->run->options.count, "stats",
			      ferry_now_ns() - f->run->began_ns);
		FERRY_TRY(ferry_sleep_until(&f->sleep, f->run->loop, ferry_in_ns(PROGRESS_NS)));
	}

	FERRY_FINALLY
	progress_end();
	FERRY_END;
}

struct interrupt {
	FERRY_FRAME;
	struct run *run;
	ferry_task *cancels;
	ferry_await ready;
};

static ferry_step interrupt_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct interrupt, f);
	FERRY_AWAIT(ferry_await_fd(&f->ready, f->run->loop, f->run->signals, FERRY_READABLE));
	f->run->failure = -ferry_error_errno(ferry_await_snapshot(&f->ready).exception);
	f->run->interrupted = f->run->failure == 0;
	ferry_task_cancel(f->cancels);
	FERRY_RETURN();

	FERRY_FINALLY
	ferry_await_end(&f->ready);
	FERRY_END;
}

/* ---- run ---- */

/* The tasks beside are cancelled when all is done, and end in order. */
static int run_tasks(struct run *run)
{
	/* Where the loop fails it has them until it is freed. */
	static struct all all;
	static struct interrupt interrupt = { .cancels = &all.task };
	static struct progress progress;
	ferry_snapshot seen;
	int error;

	all.run = interrupt.run = progress.run = run;
	run->began_ns = ferry_now_ns();
	ferry_task_begin(&all.task, run->loop, all_step, NULL);
	ferry_task_begin(&interrupt.task, run->loop, interrupt_step, NULL);
	if (progress_wanted())
		ferry_task_begin(&progress.task, run->loop, progress_step, NULL);
	error = ferry_loop_await(run->loop, &all.awaitable);
	run->wall_ns = ferry_now_ns() - run->began_ns;
	ferry_loop_cancel_tasks(run->loop);
	if (error >= 0)
		error = ferry_loop_run(run->loop);
	seen = ferry_task_snapshot(&all.task);
	if (error >= 0)
		error = run->failure ? run->failure : -ferry_error_errno(seen.exception);
	return error < 0 ? cannot("go on", error) : 0;
}

static int run_open(struct run *run)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	int error = names_gather(&run->names, run->options.directory, run->options.count);

	if (error < 0)
		return cannot("gather names", error);
	run->signals = signals_open();
	if (run->signals < 0)
		return cannot("watch signals", run->signals);
	run->visits = calloc(run->options.count, sizeof(*run->visits));
	if (!run->visits)
		return cannot("make room for the tasks", -ENOMEM);
	error = ferry_loop_new(NULL, &run->loop);
	if (error < 0)
		return cannot("make a loop", error);
	options.name = "stat";
	options.max_threads = run->options.threads;
	error = ferry_pool_new(&options, &run->pool);
	return error < 0 ? cannot("start workers", error) : 0;
}

static void workers_close(struct run *run, struct report *report)
{
	int still_inside;

	if (!run->pool)
		return;
	if (ferry_pool_stats(run->pool, &report->pool) == 0)
		report->threads = report->pool.threads;
	still_inside = ferry_pool_shutdown(run->pool, FERRY_SHUTDOWN_CANCEL,
					   ferry_in_ns(GIVE_UP_NS));
	report->abandoned = still_inside > 0 ? (unsigned)still_inside : 0;
	ferry_pool_stats(run->pool, &report->pool); /* once more: now they add up */
	ferry_pool_free(run->pool);
}

/* End what was set up, also where only a part was. */
static void run_close(struct run *run, struct report *report)
{
	if (run->loop) {
		ferry_loop_stats(run->loop, &report->loop);
		ferry_loop_free(run->loop);
	}
	workers_close(run, report);
	free(run->visits);
	if (run->signals >= 0)
		close(run->signals);
}

/* 0, or a negative errno of writing to stdout. */
static int run_tell(struct run *run, struct report *report)
{
	int error;

	report->options = &run->options;
	report->tally = &run->tally;
	report->names = run->names.count;
	report->unreadable = run->names.unreadable;
	report->done = run->done;
	report->most_at_once = run->most_at_once;
	report->interrupted = run->interrupted;
	report->wall_ns = run->wall_ns;
	errors_examples(&run->tally, "limited-stat");
	error = report_print(report);
	return error < 0 ? cannot("write the totals", error) : 0;
}

static int exit_status(const struct run *run)
{
	if (run->interrupted)
		return EXIT_INTERRUPTED;
	return run->tally.errors ? EXIT_ERRORS_COUNTED : EXIT_FINE;
}

int main(int argc, char **argv)
{
	static struct run run = { .signals = -1, .calls = FERRY_FS_OPTIONS_INIT };
	struct report report = { 0 };
	int status = options_read(&run.options, argc, argv), error;

	run.calls.policy = FERRY_FS_POOL;
	if (status >= 0)
		return status;
	error = run_open(&run);
	if (error == 0)
		error = run_tasks(&run);
	run_close(&run, &report);
	if (error == 0)
		error = run_tell(&run, &report);
	tally_clear(&run.tally);
	names_free(&run.names);
	return error < 0 ? EXIT_NOT_DONE : exit_status(&run);
}
