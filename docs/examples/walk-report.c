/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The totals of a walk, in words or as JSON. */
#include "walk-report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "json.h"
#include "walk-errors.h"
#include "walk-list.h"

static double entries_per_second(const struct report *report)
{
	if (report->wall_ns == 0)
		return 0;
	return (double)tally_entries(report->tally) * 1e9 / (double)report->wall_ns;
}

/* ---- in words ---- */

static void print_counts(const struct report *report)
{
	const struct tally *tally = report->tally;

	if (report->interrupted)
		printf("interrupted; the totals so far\n");
	list_path(stdout, report->options->directory);
	printf(": %" PRIu64 " entries in %.3f s, %.0f a second\n", tally_entries(tally),
	       (double)report->wall_ns / 1e9, entries_per_second(report));
	printf("  files       %14" PRIu64 "\n", tally->files);
	printf("  directories %14" PRIu64 "\n", tally->directories);
	printf("  others      %14" PRIu64 "\n", tally->others);
	printf("  bytes       %14" PRIu64 "\n", tally->bytes);
	printf("  errors      %14" PRIu64 "\n", tally->errors);
	errors_print(tally);
}

static const char *calls_where(enum policy policy)
{
	static const char *const where[] = {
		[POLICY_AUTO] = "calls inline or on a pool",
		[POLICY_INLINE] = "calls inline or on a pool",
		[POLICY_POOL] = "calls on a pool",
		[POLICY_BLOCKING] = "calls on the loop's thread"
	};

	return where[policy];
}

static void print_calls(const struct report *report)
{
	const ferry_fs_counters *files = &report->files;
	const ferry_pool_counters *pool = &report->pool;

	if (report->options->policy == POLICY_BLOCKING)
		return;
	printf("  calls: %" PRIu64 ", %" PRIu64 " hits, %" PRIu64 " misses, %" PRIu64
	       " avoided, %" PRIu64 " pooled\n", files->calls, files->hits, files->misses,
	       files->avoided, files->pooled);
	printf("  pool: %u threads, %" PRIu64 " jobs ran, %" PRIu64 " cancelled, %" PRIu64
	       " wake-ups\n", report->threads, pool->ran, pool->cancelled, pool->wakeups);
}

static void print_cost(const struct report *report)
{
	const ferry_loop_counters *loop = &report->loop;

	printf("  longest stall %9.3f ms, %s, %" PRIu64 " beats\n",
	       (double)report->longest_stall_ns / 1e6,
	       calls_where(report->options->policy), report->beats);
	printf("  CPU time      %9.3f s\n", (double)report->cpu_ns / 1e9);
	print_calls(report);
	printf("  loop: %" PRIu64 " turns, %" PRIu64 " callbacks, %" PRIu64 " posts, %" PRIu64
	       " rings, %" PRIu64 " sleeps\n", loop->turns, loop->callbacks, loop->posts,
	       loop->rings, loop->sleeps);
	if (report->abandoned)
		printf("  %u calls had not come back when the walk was given up\n",
		       report->abandoned);
	if (report->descriptors_known && report->descriptors_left)
		printf("  %ld descriptors were left open\n", report->descriptors_left);
}

/* ---- as JSON ---- */

static void json_files(const struct report *report)
{
	const ferry_fs_counters *files = &report->files;

	if (report->options->policy == POLICY_BLOCKING) {
		printf("\"fs\":null,");
		return;
	}
	json_calls(files);
}

static void json_pool(const struct report *report)
{
	const ferry_pool_counters *pool = &report->pool;

	if (report->options->policy == POLICY_BLOCKING) {
		printf("\"pool\":null,");
		return;
	}
	printf("\"pool\":{");
	json_number("threads", report->threads);
	json_number("attempted", pool->attempted);
	json_number("refused", pool->refused);
	json_number("accepted", pool->accepted);
	json_number("ran", pool->ran);
	json_number("cancelled", pool->cancelled);
	json_number("disposed", pool->disposed);
	json_number("spawn_failures", pool->spawn_failures);
	printf("\"wakeups\":%" PRIu64 "},", pool->wakeups);
}

static void json_loop(const ferry_loop_counters *loop)
{
	printf("\"loop\":{");
	json_number("turns", loop->turns);
	json_number("callbacks", loop->callbacks);
	json_number("posts", loop->posts);
	json_number("rings", loop->rings);
	json_number("sleeps", loop->sleeps);
	json_number("polls", loop->polls);
	json_number("poll_hits", loop->poll_hits);
	json_number("dropped", loop->dropped);
	printf("\"longest_dispatch_ns\":%" PRIu64 "},", loop->longest_dispatch_ns);
}

static void json_print(const struct report *report)
{
	const struct tally *tally = report->tally;

	printf("{");
	json_number("files", tally->files);
	json_number("directories", tally->directories);
	json_number("others", tally->others);
	json_number("bytes", tally->bytes);
	json_number("errors", tally->errors);
	printf("\"errors_by_kind\":");
	errors_json(tally);
	printf(",");
	printf("\"entries_per_second\":%.1f,", entries_per_second(report));
	json_number("longest_stall_ns", report->longest_stall_ns);
	json_number("beats", report->beats);
	json_number("cpu_ns", report->cpu_ns);
	json_number("wall_ns", report->wall_ns);
	printf("\"policy\":\"%s\",", policy_name(report->options->policy));
	printf("\"interrupted\":%s,", report->interrupted ? "true" : "false");
	json_number("in_flight", report->options->in_flight);
	json_files(report);
	json_pool(report);
	json_loop(&report->loop);
	json_number("abandoned", report->abandoned);
	if (report->descriptors_known)
		printf("\"descriptors_left\":%ld}\n", report->descriptors_left);
	else
		printf("\"descriptors_left\":null}\n");
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
