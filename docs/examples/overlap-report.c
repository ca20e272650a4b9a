/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is told of the cases. The ideal and the serial time are put together from the work and the
 * writes as they were in this run, so that a machine that is busy with something else makes all of
 * them longer.
 */
#include "overlap-report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* Those that overlap should come as near to the ideal. */
#define NEAR_PERCENT 5.0

bool outcome_is_expected(const struct outcome *outcome)
{
	enum verdict verdict = timeline_verdict(&outcome->timeline);

	/* One that overlaps in part may do better, where a write comes to its end early. */
	return verdict == outcome->example->expected ||
	       (outcome->example->expected == PARTLY && verdict == OVERLAPS);
}

/* Each write goes on beside the next work; the next begins when both are done. */
static uint64_t ideal_ns(const struct outcome *outcome)
{
	uint64_t begun = 0, written = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t worked = begun + timeline_work_ns(&outcome->timeline, round);

		begun = worked > written ? worked : written;
		written = begun + outcome->write_ns[round];
	}
	return written;
}

static uint64_t serial_ns(const struct outcome *outcome)
{
	uint64_t sum = 0;

	for (int round = 0; round < ROUNDS; round++)
		sum += timeline_work_ns(&outcome->timeline, round) + outcome->write_ns[round];
	return sum;
}

double outcome_above_ideal(const struct outcome *outcome)
{
	double ideal = (double)ideal_ns(outcome);

	return ((double)timeline_total_ns(&outcome->timeline) - ideal) * 100 / ideal;
}

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

/* ---- in words ---- */

static void print_timeline(const struct outcome *outcome)
{
	const struct timeline *timeline = &outcome->timeline;

	printf("case %d: %s: %s\n", outcome->example->number, outcome->example->title,
	       outcome->example->python);
	for (int i = 0; i < timeline->count; i++)
		printf("%9.2f ms  %s\n",
		       ms(timeline->moments[i].at_ns - timeline->moments[0].at_ns),
		       moment_text(&timeline->moments[i]));
	printf("\n");
}

static void print_row(const struct outcome *outcome)
{
	printf("%4d  %-36s%9.2f%9.2f%9.2f%8.1f %%%4d of %d  %s%s\n", outcome->example->number,
	       outcome->example->title, ms(timeline_total_ns(&outcome->timeline)),
	       ms(ideal_ns(outcome)), ms(serial_ns(outcome)), outcome_above_ideal(outcome),
	       timeline_beside_work(&outcome->timeline), ROUNDS - 1,
	       verdict_text(timeline_verdict(&outcome->timeline)),
	       outcome_is_expected(outcome) ? "" : ": not as expected");
}

static void print_table(const struct options *options, const struct outcome *outcomes, int count)
{
	printf("%d rounds of %u ms of work and a write of %u ms; times in ms, the best of %u\n\n",
	       ROUNDS, options->work_ms, options->write_ms, options->repeat);
	printf("case  %-36s%9s%9s%9s%10s%9s\n", "", "total", "ideal", "serial", "above", "beside");
	printf("      %-36s%9s%9s%9s%10s%9s\n", "", "", "", "", "ideal", "work");
	for (int i = 0; i < count; i++)
		print_row(&outcomes[i]);
}

/* How far from the ideal are those that overlap? */
static void print_nearness(const struct outcome *outcomes, int count)
{
	int overlapping = 0, near = 0;

	for (int i = 0; i < count; i++) {
		if (timeline_verdict(&outcomes[i].timeline) != OVERLAPS)
			continue;
		overlapping++;
		near += outcome_above_ideal(&outcomes[i]) <= NEAR_PERCENT;
	}
	if (overlapping)
		printf("\n%d of the %d that overlap came within %.0f %% of the ideal\n", near,
		       overlapping, NEAR_PERCENT);
}

/* ---- as JSON ---- */

static void json_event(const struct moment *moment, uint64_t began_ns, const char *comma)
{
	static const char *const names[EVENTS] = {
		[STARTING] = "starting",           [WORK_BEGINS] = "work_begins",
		[WORK_ENDS] = "work_ends",         [OUTPUT_BEGINS] = "output_begins",
		[WRITE_BEGINS] = "write_begins",   [WRITE_LOCKED] = "write_locked",
		[WRITE_ENDS] = "write_ends",       [OUTPUT_ENDS] = "output_ends",
		[AWAITING_LAST] = "awaiting_last", [DONE] = "done"
	};

	printf("%s{\"at_ns\":%" PRIu64 ",\"event\":\"%s\",\"round\":%d}", comma,
	       moment->at_ns - began_ns, names[moment->event], moment->round);
}

static void json_case(const struct outcome *outcome, const char *comma)
{
	static const char *const verdicts[] = { [SERIAL] = "serial",
						[TOGETHER] = "together",
						[PARTLY] = "partly",
						[OVERLAPS] = "overlaps" };
	const struct timeline *timeline = &outcome->timeline;

	printf("%s{\"case\":%d,\"title\":\"%s\",\"total_ns\":%" PRIu64 ",\"ideal_ns\":%" PRIu64
	       ",\"serial_ns\":%" PRIu64 ",\"above_ideal_percent\":%.2f,\"beside_work\":%d,"
	       "\"verdict\":\"%s\",\"expected\":\"%s\",\"is_expected\":%s,\"events\":[",
	       comma, outcome->example->number, outcome->example->title,
	       timeline_total_ns(timeline), ideal_ns(outcome), serial_ns(outcome),
	       outcome_above_ideal(outcome), timeline_beside_work(timeline),
	       verdicts[timeline_verdict(timeline)], verdicts[outcome->example->expected],
	       outcome_is_expected(outcome) ? "true" : "false");
	for (int i = 0; i < timeline->count; i++)
		json_event(&timeline->moments[i], timeline->moments[0].at_ns, i ? "," : "");
	printf("]}");
}

static void json_print(const struct options *options, const struct outcome *outcomes, int count)
{
	printf("{\"rounds\":%d,\"work_ms\":%u,\"write_ms\":%u,\"repeat\":%u,\"cases\":[", ROUNDS,
	       options->work_ms, options->write_ms, options->repeat);
	for (int i = 0; i < count; i++)
		json_case(&outcomes[i], i ? "," : "");
	printf("]}\n");
}

int report_print(const struct options *options, const struct outcome *outcomes, int count)
{
	if (options->json) {
		json_print(options, outcomes, count);
	} else {
		for (int i = 0; i < count && !options->quiet; i++)
			print_timeline(&outcomes[i]);
		print_table(options, outcomes, count);
		print_nearness(outcomes, count);
	}
	errno = EIO; /* what a write that failed earlier is called */
	return fflush(stdout) != 0 || ferror(stdout) ? -errno : 0;
}
