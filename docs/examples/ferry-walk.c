/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ferry-walk: walk a tree from an event loop that never waits for a file.
 *
 *   ferry-walk [options] DIR      (--help lists the options)
 *
 *   entry -> lstat +-> a directory: readdir, which finds more entries --+-> done
 *                  +-> a file: open -> close ---------------------------+
 *                  +-> anything else -----------------------------------+
 *
 * Every arrow is a call that a task on the loop awaits: walk-entry.c, the file to read next. What
 * the kernel has in its caches is there at once, for all else a worker of the pool makes the call;
 * --policy says which of the two is tried (policy.h). There are --in-flight such tasks; one whose
 * entry is done goes on with the next name, deepest directory first (walk-tree.h). Meanwhile a
 * heartbeat on the same loop measures how long it is away at most (walk-heartbeat.h). With --policy
 * blocking the same calls are made in the plain way, and the loop waits for them (walk-visit.c).
 *
 * Here the walk is set up, run, ended and told of: signals are a descriptor that the loop watches,
 * so Ctrl-C is a callback like any other. It stops the loop; closing the loop gives up what is in
 * flight, and shutting down the pool waits a moment for the calls that have begun.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"
#include "signals.h"
#include "walk-descriptors.h"
#include "walk-entry.h"
#include "walk-errors.h"
#include "walk-report.h"
#include "walk-visit.h"

#define PROGRESS_NS UINT64_C(100000000)
/* How long to wait, in the end, for calls that hang. */
#define GIVE_UP_NS UINT64_C(1000000000)

enum {
	DESCRIPTORS_ASIDE = 64 /* for all but the files in flight and the directories being read */
};

static int cannot(const char *what, int error)
{
	fprintf(stderr, "ferry-walk: cannot %s: %s\n", what, strerror(-error));
	return error;
}

/* ---- signals ---- */

static void signal_came(ferry_local *watch, void *user)
{
	struct walk *walk = user;
	int code = ferry_error_errno(ferry_local_snapshot(watch).exception);

	if (code) {
		walk_fail(walk, -code);
		return;
	}
	walk->interrupted = true;
	walk_end(walk);
}

static int signals_watch(struct walk *walk)
{
	ferry_local *watch = ferry_loop_watch_fd(walk->loop, walk->signals, FERRY_READABLE);

	if (!watch)
		return -errno;
	ferry_local_add_done_callback(watch, signal_came, walk);
	ferry_local_unref(watch);
	return 0;
}

/* ---- progress ---- */

static void progress_show(ferry_loop *loop, void *user)
{
	struct walk *walk = user;
	int error;

	progress_draw(walk->done, walk->tree.found, "found", ferry_now_ns() - walk->began_ns);
	error = ferry_loop_call_at(loop, ferry_in_ns(PROGRESS_NS), progress_show, walk, NULL);
	if (error < 0)
		walk_fail(walk, error);
}

/* ---- set up ---- */

static int list_open(struct walk *walk)
{
	if (!walk->options.list)
		return 0;
	walk->list = fopen(walk->options.list, "we");
	return walk->list ? 0 : cannot("write the list", -errno);
}

/* Each entry in flight may have a file open, each worker a directory. */
static void in_flight_fit(struct options *options, unsigned threads)
{
	unsigned aside = threads + DESCRIPTORS_ASIDE;
	unsigned long allowed = descriptors_allow((unsigned long)options->in_flight + aside);

	if (allowed >= options->in_flight + aside)
		return;
	options->in_flight = allowed > aside ? (unsigned)(allowed - aside) : 1;
	fprintf(stderr, "ferry-walk: only %lu files may be open: --in-flight is %u\n", allowed,
		options->in_flight);
}

static int workers_open(struct walk *walk)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_pool_counters counters;
	int error;

	options.name = "walk";
	options.max_threads = walk->options.threads;
	error = ferry_pool_new(&options, &walk->pool);
	if (error < 0)
		return cannot("start workers", error);
	error = ferry_pool_stats(walk->pool, &counters);
	if (error < 0)
		return cannot("ask the pool for its size", error);
	in_flight_fit(&walk->options, counters.max_threads);
	error = entries_open(walk);
	return error < 0 ? cannot("make room for the entries", error) : 0;
}

static int walk_open(struct walk *walk)
{
	int error = list_open(walk);

	if (error < 0)
		return error;
	walk->signals = signals_open();
	if (walk->signals < 0)
		return cannot("watch signals", walk->signals);
	error = ferry_loop_new(NULL, &walk->loop);
	if (error < 0)
		return cannot("make a loop", error);
	if (walk->options.policy == POLICY_BLOCKING) {
		walk->options.in_flight = 1;
		return 0;
	}
	return workers_open(walk);
}

/* ---- run ---- */

static int walk_run(struct walk *walk)
{
	int error;

	tree_init(&walk->tree, walk->options.directory);
	walk->began_ns = ferry_now_ns();
	error = signals_watch(walk);
	if (error == 0)
		error = ferry_loop_call_soon(
			walk->loop,
			walk->options.policy == POLICY_BLOCKING ? visit_next : entries_begin, walk);
	if (error == 0 && progress_wanted())
		error = ferry_loop_call_soon(walk->loop, progress_show, walk);
	if (error == 0)
		error = heartbeat_start(&walk->heartbeat, walk->loop);
	if (error == 0)
		error = ferry_loop_run(walk->loop);
	if (progress_wanted())
		progress_end();
	if (error >= 0)
		error = walk->failure ? walk->failure : walk->heartbeat.failure;
	return error < 0 ? cannot("go on", error) : 0;
}

/* ---- the end ---- */

static int list_close(struct walk *walk)
{
	bool failed;

	if (!walk->list)
		return 0;
	failed = ferror(walk->list);
	errno = EIO; /* what a write that failed earlier is called */
	return fclose(walk->list) != 0 || failed ? cannot("write the list", -errno) : 0;
}

/* The loop first: from then on what still comes back from the workers is disposed of. */
static void loop_close(struct walk *walk, struct report *report)
{
	if (!walk->loop)
		return;
	ferry_loop_stats(walk->loop, &report->loop);
	if (walk->pool)
		ferry_fs_stats(walk->loop, &report->files);
	ferry_loop_free(walk->loop);
}

static void workers_close(struct walk *walk, struct report *report)
{
	int still_inside;

	if (!walk->pool)
		return;
	if (ferry_pool_stats(walk->pool, &report->pool) == 0)
		report->threads = report->pool.threads;
	still_inside = ferry_pool_shutdown(walk->pool, FERRY_SHUTDOWN_CANCEL,
					   ferry_in_ns(GIVE_UP_NS));
	report->abandoned = still_inside > 0 ? (unsigned)still_inside : 0;
	ferry_pool_stats(walk->pool, &report->pool); /* once more: now they add up */
	ferry_pool_free(walk->pool);
}

/* End what was set up, also where only a part was. 0, or a negative errno of writing the list. */
static int walk_close(struct walk *walk, struct report *report)
{
	loop_close(walk, report);
	workers_close(walk, report);
	entries_close(walk);
	tree_clear(&walk->tree);
	if (walk->signals >= 0)
		close(walk->signals);
	return list_close(walk);
}

/* 0, or a negative errno of writing to stdout. */
static int walk_tell(struct walk *walk, struct report *report, long descriptors_before)
{
	long descriptors_now = descriptors_count();
	int error;

	report->options = &walk->options;
	report->tally = &walk->tally;
	report->interrupted = walk->interrupted;
	report->wall_ns = walk->wall_ns;
	report->cpu_ns = walk->cpu_ns;
	report->longest_stall_ns = walk->heartbeat.longest_stall_ns;
	report->beats = walk->heartbeat.beats;
	report->descriptors_known = descriptors_before >= 0 && descriptors_now >= 0;
	report->descriptors_left = descriptors_now - descriptors_before;
	errors_examples(&walk->tally, "ferry-walk");
	error = report_print(report);
	return error < 0 ? cannot("write the totals", error) : 0;
}

static int exit_status(const struct walk *walk, bool failed)
{
	if (failed || walk->root_failed)
		return EXIT_NOT_DONE;
	if (walk->interrupted)
		return EXIT_INTERRUPTED;
	return walk->tally.errors ? EXIT_ERRORS_COUNTED : EXIT_FINE;
}

int main(int argc, char **argv)
{
	static struct walk walk = { .signals = -1 };
	struct report report = { 0 };
	long descriptors_before = descriptors_count();
	int status = options_read(&walk.options, argc, argv);
	int ran, listed, told;

	if (status >= 0)
		return status;
	if (walk_open(&walk) < 0) {
		walk_close(&walk, &report);
		return EXIT_NOT_DONE;
	}
	ran = walk_run(&walk);
	listed = walk_close(&walk, &report);
	told = walk_tell(&walk, &report, descriptors_before);
	tally_clear(&walk.tally);
	return exit_status(&walk, ran < 0 || listed < 0 || told < 0);
}
