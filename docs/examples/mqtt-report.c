/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The totals of mqtt-echo, in words or as JSON. */
#include "mqtt-report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "json.h"
#include "progress.h"

/* ---- in words ---- */

static void print_promises(const char *what, const struct promises_counters *counters)
{
	printf("  %s: %" PRIu64 " promised, %" PRIu64 " came (%" PRIu64
	       " before the promise), %" PRIu64 " failed, %" PRIu64 " came late, %" PRIu64
	       " never, %" PRIu64 " unexpected\n", what, counters->added, counters->completed,
	       counters->early, counters->failed, counters->late, counters->unanswered,
	       counters->unexpected);
}

static void print_words(const struct report *report)
{
	const struct ends *ends = &report->ends;
	const ferry_loop_counters *loop = &report->loop;

	if (report->interrupted)
		printf("interrupted; the totals so far\n");
	printf("%s: %" PRIu64 " messages in %.3f s, %.0f a second\n", report->broker, ends->echoed,
	       (double)report->wall_ns / 1e9, progress_rate(ends->echoed, report->wall_ns));
	printf("  echoed      %14" PRIu64 "\n", ends->echoed);
	printf("  failed      %14" PRIu64 "\n", ends->failed);
	printf("  timed out   %14" PRIu64 "\n", ends->timed_out);
	printf("  cancelled   %14" PRIu64 "\n", ends->cancelled);
	printf("  at a time   %14" PRIu64 " at most, of %u allowed\n", report->most_at_once,
	       report->options->limit);
	printf("  published   %14" PRIu64 "\n", report->client.published);
	print_promises("acknowledgements", &report->client.acknowledgements);
	print_promises("echoes", &report->client.echoes);
	printf("  loop: %" PRIu64 " turns, %" PRIu64 " callbacks, %" PRIu64 " posts, %" PRIu64
	       " rings, %" PRIu64 " sleeps\n", loop->turns, loop->callbacks, loop->posts,
	       loop->rings, loop->sleeps);
	if (report->abandoned)
		printf("  libmosquitto had not come to its end when it was given up\n");
}

/* ---- as JSON ---- */

static void json_promises(const char *what, const struct promises_counters *counters)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "promised", counters->added },
		{ "completed", counters->completed },
		{ "early", counters->early },
		{ "failed", counters->failed },
		{ "late", counters->late },
		{ "unanswered", counters->unanswered },
		{ "waiting", counters->waiting },
		{ "unexpected", counters->unexpected }
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		printf("\"%s_%s\":%" PRIu64 ",", what, numbers[i].name, numbers[i].value);
}

static void print_json(const struct report *report)
{
	printf("{");
	json_number("messages", report->options->count);
	json_number("echoed", report->ends.echoed);
	json_number("failed", report->ends.failed);
	json_number("timed_out", report->ends.timed_out);
	json_number("cancelled", report->ends.cancelled);
	json_number("limit", report->options->limit);
	json_number("most_at_once", report->most_at_once);
	json_number("published", report->client.published);
	json_promises("acknowledgements", &report->client.acknowledgements);
	json_promises("echoes", &report->client.echoes);
	printf("\"interrupted\":%s,", report->interrupted ? "true" : "false");
	printf("\"messages_per_second\":%.1f,",
	       progress_rate(report->ends.echoed, report->wall_ns));
	json_number("wall_ns", report->wall_ns);
	json_number("turns", report->loop.turns);
	json_number("callbacks", report->loop.callbacks);
	json_number("posts", report->loop.posts);
	json_number("rings", report->loop.rings);
	printf("\"abandoned\":%s}\n", report->abandoned ? "true" : "false");
}

int report_print(const struct report *report)
{
	if (report->options->json)
		print_json(report);
	else
		print_words(report);
	errno = EIO; /* what a write that failed earlier is called */
	return fflush(stdout) != 0 || ferror(stdout) ? -errno : 0;
}
