/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The totals of small-files, in words or as JSON. */
#include "small-report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "json.h"
#include "walk-errors.h"
#include "walk-list.h"

static double per_second(const struct report *report)
{
	if (report->wall_ns == 0)
		return 0;
	return (double)report->files->done * 1e9 / (double)report->wall_ns;
}

/* ---- in words ---- */

static void print_counts(const struct report *report)
{
	const struct files *files = report->files;

	if (report->interrupted)
		printf("interrupted; the totals so far\n");
	if (report->options->directory)
		list_path(stdout, report->options->directory);
	else
		printf("a folder of its own");
	printf(": %" PRIu64 " of %" PRIu64 " files in %.3f s, %.0f a second\n", files->done,
	       report->found, (double)report->wall_ns / 1e9, per_second(report));
	printf("  read        %14" PRIu64 "\n", files->tally.files);
	printf("  bytes       %14" PRIu64 "\n", files->tally.bytes);
	printf("  errors      %14" PRIu64 "\n", files->tally.errors);
	errors_print(&files->tally);
	printf("  checksum  %016" PRIx64 "%s\n", files->checksum,
	       report->is_verified ? ", as it should be" : "");
}

static void print_cost(const struct report *report)
{
	const ferry_fs_counters *calls = &report->calls;
	const ferry_pool_counters *pool = &report->pool;

	printf("  at a time   %14" PRIu64 " at most, of %u allowed\n", report->files->most_at_once,
	       report->options->limit);
	printf("  calls: %" PRIu64 ", %" PRIu64 " hits, %" PRIu64 " misses, %" PRIu64
	       " avoided, %" PRIu64 " pooled\n", calls->calls, calls->hits, calls->misses,
	       calls->avoided, calls->pooled);
	printf("  pool: %u threads, %" PRIu64 " jobs ran, %" PRIu64 " cancelled, %" PRIu64
	       " wake-ups\n", report->threads, pool->ran, pool->cancelled, pool->wakeups);
	if (report->abandoned)
		printf("  %u calls had not come back when it was given up\n", report->abandoned);
}

/* ---- as JSON ---- */

static void json_boolean(const char *name, bool value)
{
	printf("\"%s\":%s,", name, value ? "true" : "false");
}

static void json_print(const struct report *report)
{
	const struct files *files = report->files;

	printf("{");
	json_number("found", report->found);
	json_number("done", files->done);
	json_number("read", files->tally.files);
	json_number("bytes", files->tally.bytes);
	printf("\"checksum\":\"%016" PRIx64 "\",", files->checksum);
	json_boolean("verified", report->is_verified);
	json_number("errors", files->tally.errors);
	printf("\"errors_by_kind\":");
	errors_json(&files->tally);
	printf(",\"policy\":\"%s\",", policy_name(report->options->policy));
	json_number("limit", report->options->limit);
	json_number("most_at_once", files->most_at_once);
	json_boolean("interrupted", report->interrupted);
	printf("\"files_per_second\":%.1f,", per_second(report));
	json_number("wall_ns", report->wall_ns);
	json_calls(&report->calls);
	json_number("threads", report->threads);
	json_number("jobs_ran", report->pool.ran);
	json_number("jobs_cancelled", report->pool.cancelled);
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
