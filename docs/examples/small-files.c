/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * small-files: read ten thousand small files, a task each, 64 of them at a time.
 *
 *   small-files [options] [DIR]      (--help lists the options)
 *
 *   all_step        opens DIR as a root, reads the names in it, and has a limiter start a task for
 *                   each (file_step, small-file.c: the file to read next)
 *   progress_step   draws a line on the terminal now and then
 *   interrupt_step  stops the loop on Ctrl-C
 *
 * A root is a directory that calls go below. Here it does two things: a name in it leads nowhere
 * else, and its options say what is promised of it. That promise lets files be opened on the loop's
 * thread, for whether an open has to wait the kernel does not tell beforehand.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"
#include "signals.h"
#include "small-folder.h"
#include "small-report.h"
#include "walk-errors.h"

#define PROGRESS_NS UINT64_C(100000000)
/* How long to wait, in the end, for calls that hang. */
#define GIVE_UP_NS UINT64_C(1000000000)

enum {
	AT_A_TIME = 64 /* tasks begun before the loop has a turn: most may end at once */
};

/* The task that has all the others. */
struct all {
	FERRY_FRAME;
	struct run *run;
	ferry_group group;
	size_t next;
	int error;
	ferry_await call;
};

struct progress {
	FERRY_FRAME;
	struct run *run;
	ferry_sleep sleep;
};

struct interrupt {
	FERRY_FRAME;
	struct run *run;
	ferry_await ready;
};

struct run {
	struct options options;
	struct folder folder;   /* that was made, if DIR was not given */
	int signals;            /* readable once the user wants an end */
	struct files files;
	struct all all;
	struct progress progress;
	struct interrupt interrupt;
	ferry_limiter limiter;
	ferry_entries *names;   /* in the folder, of all types */
	struct file *file;      /* array [found] */
	size_t found;
	uint64_t began_ns, wall_ns;
	bool interrupted;
	int failure;            /* a negative errno, already told: it could not go on */
};

static int cannot(const char *what, int error)
{
	fprintf(stderr, "small-files: cannot %s: %s\n", what, strerror(-error));
	return error;
}

static const char *run_folder(const struct run *run)
{
	return run->options.directory ? run->options.directory : run->folder.path;
}

/* Stop the loop, whatever is still in flight. */
static void run_end(struct run *run, int failure)
{
	if (failure)
		run->failure = failure;
	if (run->began_ns)
		run->wall_ns = ferry_now_ns() - run->began_ns;
	ferry_loop_stop(run->files.loop);
}

/* ---- beside the files ---- */

static ferry_step progress_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct progress, f);
	for (;;) {
		progress_draw(f->run->files.done, f->run->found, "found",
			      ferry_now_ns() - f->run->began_ns);
		FERRY_TRY(ferry_sleep_until(&f->sleep, f->run->files.loop,
					    ferry_in_ns(PROGRESS_NS)));
	}
	FERRY_END;
}

static void interrupt_came(struct interrupt *interrupt)
{
	int code = ferry_error_errno(ferry_await_snapshot(&interrupt->ready).exception);

	interrupt->run->interrupted = code == 0;
	run_end(interrupt->run, code ? cannot("watch signals", -code) : 0);
}

static ferry_step interrupt_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct interrupt, f);
	FERRY_AWAIT(ferry_await_fd(&f->ready, f->run->files.loop, f->run->signals, FERRY_READABLE));
	interrupt_came(f);
	FERRY_END;
}

/* ---- all files ---- */

static ferry_operation *all_root_open(struct all *all)
{
	struct run *run = all->run;
	ferry_fs_root_options options = FERRY_FS_ROOT_OPTIONS_INIT;

	/* Of a folder of our own more can be promised: nobody touches what is in there. */
	options.trust = run->options.directory ? FERRY_FS_TRUST_LOCAL : FERRY_FS_TRUST_UNCHANGING;
	return ferry_await_local(&all->call, ferry_fs_root_open(run->files.loop, run->files.pool,
								run_folder(run), &options, NULL));
}

static ferry_operation *all_readdir(struct all *all)
{
	struct files *files = &all->run->files;

	return ferry_await_local(&all->call,
				 ferry_fs_readdir(files->loop, files->pool, ".", &files->below));
}

/* Become the owner of what a call brought; false: there is all->error. */
static bool all_take(struct all *all, void **ret)
{
	int code = ferry_error_errno(ferry_await_snapshot(&all->call).exception);
	ferry_result result = { .pointer = NULL };

	all->error = code ? cannot("read the folder", -code) :
			    ferry_await_take(&all->call, &result);
	*ret = result.pointer;
	return all->error == 0;
}

static bool all_enter_root(struct all *all)
{
	void *root;

	if (!all_take(all, &root))
		return false;
	all->run->files.below.root = root;
	return true;
}

/* Filesystems that do not tell the type are believed that it is a file, until it is opened. */
static bool is_wanted(const ferry_entry *entry)
{
	return entry->type == DT_REG || entry->type == DT_UNKNOWN;
}

static bool all_take_names(struct all *all)
{
	struct run *run = all->run;
	void *names;

	if (!all_take(all, &names))
		return false;
	run->names = names;
	run->file = calloc(run->names->count + 1, sizeof(*run->file));
	if (!run->file) {
		all->error = cannot("make room for the tasks", -ENOMEM);
		return false;
	}
	for (size_t i = 0; i < run->names->count && run->found < run->options.files; i++) {
		if (is_wanted(&run->names->entries[i]))
			run->file[run->found++].name = run->names->entries[i].name;
	}
	return true;
}

static bool all_begin(struct all *all)
{
	struct run *run = all->run;
	ferry_group_options options = FERRY_GROUP_OPTIONS_INIT;

	options.policy = FERRY_GROUP_COLLECT; /* one that fails is no reason to end the others */
	all->error = ferry_limiter_init(&run->limiter, run->files.loop, run->options.limit);
	if (all->error == 0)
		all->error = ferry_group_init(&all->group, run->files.loop, &options);
	if (all->error < 0)
		cannot("begin", all->error);
	run->began_ns = ferry_now_ns();
	if (all->error == 0 && run->found && progress_wanted())
		ferry_task_begin(&run->progress.task, run->files.loop, progress_step, NULL);
	return all->error == 0;
}

static void all_submit_next(struct all *all)
{
	struct run *run = all->run;
	struct file *file = &run->file[all->next++];

	file->files = &run->files;
	ferry_task_init(&file->task, run->files.loop, file_step, FERRY_IN(&all->group));
	ferry_limiter_submit(&run->limiter, &file->slot, &file->task, 0);
}

static ferry_step all_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct all, f);
	FERRY_AWAIT(all_root_open(f));
	if (!all_enter_root(f))
		FERRY_RETURN();
	FERRY_AWAIT(all_readdir(f));
	if (!all_take_names(f) || !all_begin(f))
		FERRY_RETURN();
	while (f->next < f->run->found) {
		all_submit_next(f);
		if (f->next % AT_A_TIME == 0)
			FERRY_YIELD();
	}
	FERRY_TRY(&f->group);

	FERRY_FINALLY
	ferry_await_end(&f->call);
	run_end(f->run, f->error);
	FERRY_END;
}

/* ---- run ---- */

static int run_open(struct run *run)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	struct files *files = &run->files;
	int error;

	run->signals = signals_open();
	if (run->signals < 0)
		return cannot("watch signals", run->signals);
	error = run->options.directory ? 0 : folder_make(&run->folder, run->options.files);
	if (error < 0)
		return cannot("make the files", error);
	error = ferry_loop_new(NULL, &files->loop);
	if (error < 0)
		return cannot("make a loop", error);
	options.name = "files";
	options.max_threads = run->options.threads;
	error = ferry_pool_new(&options, &files->pool);
	if (error < 0)
		return cannot("start workers", error);
	files->options = &run->options;
	files->below = files->calls = (ferry_fs_options)FERRY_FS_OPTIONS_INIT;
	files->below.policy = files->calls.policy = policy_of_calls(run->options.policy);
	return 0;
}

/* Called by the loop, which the last to end stops: until it is freed it has the tasks beside. */
static void run_begin(ferry_loop *loop, void *user)
{
	struct run *run = user;

	run->all.run = run->interrupt.run = run->progress.run = run;
	ferry_task_begin(&run->interrupt.task, loop, interrupt_step, NULL);
	ferry_task_begin(&run->all.task, loop, all_step, NULL);
}

static int run_tasks(struct run *run)
{
	int error = ferry_loop_call_soon(run->files.loop, run_begin, run);

	if (error == 0)
		error = ferry_loop_run(run->files.loop);
	if (progress_wanted())
		progress_end();
	if (error >= 0)
		error = -ferry_error_errno(ferry_task_snapshot(&run->all.task).exception);
	return error < 0 ? cannot("go on", error) : run->failure;
}

/* ---- the end ---- */

static void workers_close(ferry_pool *pool, struct report *report)
{
	int still_inside;

	if (!pool)
		return;
	if (ferry_pool_stats(pool, &report->pool) == 0)
		report->threads = report->pool.threads;
	still_inside = ferry_pool_shutdown(pool, FERRY_SHUTDOWN_CANCEL, ferry_in_ns(GIVE_UP_NS));
	report->abandoned = still_inside > 0 ? (unsigned)still_inside : 0;
	ferry_pool_stats(pool, &report->pool); /* once more: now they add up */
	ferry_pool_free(pool);
}

/* End what was set up, also where only a part was. The loop first: from then on what still comes
 * back from the workers is disposed of. */
static void run_close(struct run *run, struct report *report)
{
	if (run->files.loop) {
		ferry_fs_stats(run->files.loop, &report->calls);
		ferry_loop_free(run->files.loop);
	}
	workers_close(run->files.pool, report);
	for (size_t i = 0; i < run->found; i++)
		file_end(&run->file[i]);
	free(run->file);
	free(run->names);
	ferry_fs_root_unref(run->files.below.root);
	folder_remove(&run->folder);
	if (run->signals >= 0)
		close(run->signals);
}

/* The checksum that all files together must have, if that is known: that of what was written, or
 * the one that was asked for. */
static bool run_expects(const struct run *run, uint64_t *ret)
{
	*ret = run->options.has_checksum ? run->options.checksum : run->folder.checksum;
	return run->options.has_checksum || !run->options.directory;
}

/* 0, or a negative errno of writing to stdout. */
static int run_tell(struct run *run, struct report *report)
{
	int error;

	report->options = &run->options;
	report->files = &run->files;
	report->found = run->found;
	report->interrupted = run->interrupted;
	report->wall_ns = run->wall_ns;
	errors_examples(&run->files.tally, "small-files");
	error = report_print(report);
	return error < 0 ? cannot("write the totals", error) : 0;
}

/* Is the checksum another than it must be? That is told. */
static bool run_differs(const struct run *run, struct report *report)
{
	uint64_t expected;

	if (run->interrupted || !run_expects(run, &expected))
		return false;
	report->is_verified = run->files.checksum == expected;
	if (!report->is_verified)
		fprintf(stderr, "small-files: the checksum should be %016llx\n",
			(unsigned long long)expected);
	return !report->is_verified;
}

static int exit_status(const struct run *run, bool differs)
{
	if (run->interrupted)
		return EXIT_INTERRUPTED;
	return differs || run->files.tally.errors ? EXIT_ERRORS_COUNTED : EXIT_FINE;
}

int main(int argc, char **argv)
{
	static struct run run = { .signals = -1 };
	struct report report = { 0 };
	int status = options_read(&run.options, argc, argv), error;
	bool differs = false;

	if (status >= 0)
		return status;
	error = run_open(&run);
	if (error == 0)
		error = run_tasks(&run);
	run_close(&run, &report);
	if (error == 0) {
		differs = run_differs(&run, &report);
		error = run_tell(&run, &report);
	}
	tally_clear(&run.files.tally);
	return error < 0 ? EXIT_NOT_DONE : exit_status(&run, differs);
}
