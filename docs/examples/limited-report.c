/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The totals of limited-stat, in words or as JSON. */
#include "limited-report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "json.h"
#include "progress.h"
#include "walk-errors.h"
#include "walk-list.h"

/* ---- in words ---- */

static void print_counts(const struct report *report)
{
	const struct tally *tally = report->tally;

	if (report->interrupted)
		printf("interrupted; the totals so far\n");
	list_path(stdout, report->options->directory);
	printf(": %" PRIu64 " stats in %.3f s, %.0f a second\n", report->done,
	       (double)report->wall_ns / 1e9, progress_rate(report->done, report->wall_ns));
	printf("  files       %14" PRIu64 "\n", tally->files);
	printf("  directories %14" PRIu64 "\n", tally->directories);
	printf("  others      %14" PRIu64 "\n", tally->others);
	printf("  bytes       %14" PRIu64 "\n", tally->bytes);
	printf("  errors      %14" PRIu64 "\n", tally->errors);
	errors_print(tally);
}

static void print_cost(const struct report *report)
{
	const ferry_loop_counters *loop = &report->loop;

	printf("  at a time   %14" PRIu64 " at most, of %u allowed and %u submitted\n",
	       report->most_at_once, report->options->limit, report->options->count);
	printf("  names       %14" PRIu64 "\n", report->names);
	if (report->unreadable)
		printf("  %" PRIu64 " folders could not be read for names\n", report->unreadable);
	if (report->done < report->options->count)
		printf("  %" PRIu64 " tasks were cancelled\n",
		       report->options->count - report->done);
	printf("  pool: %u threads, %" PRIu64 " jobs ran, %" PRIu64 " cancelled, %" PRIu64
	       " wake-ups\n", report->threads, report->pool.ran, report->pool.cancelled,
	       report->pool.wakeups);
	printf("  loop: %" PRIu64 " turns, %" PRIu64 " callbacks, %" PRIu64 " posts, %" PRIu64
	       " rings, %" PRIu64 " sleeps\n", loop->turns, loop->callbacks, loop->posts,
	       loop->rings, loop->sleeps);
	if (report->abandoned)
		printf("  %u calls had not come back when it was given up\n", report->abandoned);
}

/* ---- as JSON ---- */

static void json_print(const struct report *report)
{
	const struct tally *tally = report->tally;

	printf("{");
	json_number("submitted", report->options->count);
	json_number("done", report->done);
	json_number("files", tally->files);
	json_number("directories", tally->directories);
	json_number("others", tally->others);
	json_number("bytes", tally->bytes);
	json_number("errors", tally->errors);
	printf("\"errors_by_kind\":");
	errors_json(tally);
	printf(",");
	json_number("names", report->names);
	json_number("unreadable", report->unreadable);
	json_number("limit", report->options->limit);
	json_number("most_at_once", report->most_at_once);
	printf("\"interrupted\":%s,", report->interrupted ? "true" : "false");
	printf("\"stats_per_second\":%.1f,", progress_rate(report->done, report->wall_ns));
	json_number("wall_ns", report->wall_ns);
	json_number("threads", report->threads);
	json_number("jobs_ran", report->pool.ran);
	json_number("jobs_cancelled", report->pool.cancelled);
	json_number("turns", report->loop.turns);
	json_number("callbacks", report->loop.callbacks);
	json_number("rings", report->loop.rings);
	printf("\"abandoned\":%u}\n", report->abandoned);
}

int report_print(const struct report *report)
{
	if (report->options->json) {
		json_print(report);
	} else {
		print_counts(report);
		print_cost(report);
	}
	errno = EIO; /* what a write that failed earlier is called */
	return fflush(stdout) != 0 || ferror(stdout) ? -errno : 0;
}
