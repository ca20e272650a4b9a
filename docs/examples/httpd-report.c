/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The totals of httpd, in words or as JSON. */
#include "httpd-report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "httpd-answer.h"
#include "json.h"

/* ---- in words ---- */

static void print_answers(const struct exchanges *all)
{
	printf("%" PRIu64 " requests\n", all->requests);
	for (int status = 100; status < STATUS_MOST; status++) {
		if (all->statuses[status])
			printf("  %d %-22s %14" PRIu64 "\n", status, status_name(status),
			       all->statuses[status]);
	}
	printf("  bytes                      %14" PRIu64 "\n", all->bytes);
	if (all->cut)
		printf("  answers that broke off     %14" PRIu64 "\n", all->cut);
	if (all->files.timed_out)
		printf("  calls that took too long   %14" PRIu64 "\n", all->files.timed_out);
}

static void print_cost(const struct report *report)
{
	const ferry_fs_counters *calls = &report->calls;
	const ferry_pool_counters *pool = &report->pool;
	const struct log *log = &report->exchanges->log;

	printf("  calls: %" PRIu64 ", %" PRIu64 " hits, %" PRIu64 " misses, %" PRIu64
	       " avoided, %" PRIu64 " pooled\n", calls->calls, calls->hits, calls->misses,
	       calls->avoided, calls->pooled);
	printf("  pool: %" PRIu64 " jobs ran, %" PRIu64 " cancelled, %" PRIu64 " wake-ups\n",
	       pool->ran, pool->cancelled, pool->wakeups);
	printf("  %.3f s, CPU time %.3f s\n", (double)report->wall_ns / 1e9,
	       (double)report->cpu_ns / 1e9);
	if (report->options->log)
		printf("  log: %" PRIu64 " lines, %" PRIu64 " lost\n", log->written, log->dropped);
	if (report->left)
		printf("  %" PRIu64 " answers were cut at the end\n", report->left);
	if (report->abandoned)
		printf("  %u calls had not come back when it was given up\n", report->abandoned);
}

/* ---- as JSON ---- */

static void json_statuses(const struct exchanges *all)
{
	const char *comma = "";

	printf("\"statuses\":{");
	for (int status = 100; status < STATUS_MOST; status++) {
		if (!all->statuses[status])
			continue;
		printf("%s\"%d\":%" PRIu64, comma, status, all->statuses[status]);
		comma = ",";
	}
	printf("},");
}

static void json_print(const struct report *report)
{
	const struct exchanges *all = report->exchanges;

	printf("{\"policy\":\"%s\",", policy_name(report->options->policy));
	json_number("connections", report->connections);
	json_number("requests", all->requests);
	json_statuses(all);
	json_number("bytes", all->bytes);
	json_number("cut", all->cut);
	json_number("timed_out", all->files.timed_out);
	json_number("left", report->left);
	json_number("logged", all->log.written);
	json_number("log_lost", all->log.dropped);
	json_calls(&report->calls);
	json_number("jobs_ran", report->pool.ran);
	json_number("jobs_cancelled", report->pool.cancelled);
	json_number("wall_ns", report->wall_ns);
	json_number("cpu_ns", report->cpu_ns);
	printf("\"abandoned\":%u}\n", report->abandoned);
}

int report_print(const struct report *report)
{
	if (report->options->json) {
		json_print(report);
	} else {
		print_answers(report->exchanges);
		print_cost(report);
	}
	errno = EIO; /* what a write that failed earlier is called */
	return fflush(stdout) != 0 || ferror(stdout) ? -errno : 0;
}
