/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Timelines. A write is under way from when it may begin to when its task has seen its end; it
 * overlaps a piece of work if it was under way when that began, and still when it ended.
 */
#include "overlap-timeline.h"

#include <stdio.h>
#include <stdlib.h>

#include <ferry/base.h>

void timeline_note(struct timeline *timeline, enum event event, int round)
{
	if (timeline->count == ROUNDS * EVENTS)
		abort();
	timeline->moments[timeline->count++] =
		(struct moment){ .at_ns = ferry_now_ns(), .event = event, .round = round };
}

const char *moment_text(const struct moment *moment)
{
	static const char *const texts[EVENTS] = {
		[STARTING] = "starting",
		[WORK_BEGINS] = "[X%d] > starting work %d",
		[WORK_ENDS] = "[X%d] < done with work %d",
		[OUTPUT_BEGINS] = "[O%d] >> telling the OS to write output %d",
		[WRITE_BEGINS] = "[W%d] >>> the OS starts writing %d",
		[WRITE_LOCKED] = "[W%d] --- the lock is free for %d",
		[WRITE_ENDS] = "[W%d] <<< the OS is done writing %d",
		[OUTPUT_ENDS] = "[O%d] << output %d is written",
		[AWAITING_LAST] = "awaiting the last write",
		[DONE] = "done",
	};
	static char text[64];

	snprintf(text, sizeof(text), texts[moment->event], moment->round, moment->round);
	return text;
}

/* Where an event of a round stands; -1 if it did not happen. */
static int find(const struct timeline *timeline, enum event event, int round)
{
	int at = timeline->count;

	while (--at >= 0 &&
	       (timeline->moments[at].event != event || timeline->moments[at].round != round))
		;
	return at;
}

uint64_t timeline_total_ns(const struct timeline *timeline)
{
	return timeline->moments[timeline->count - 1].at_ns - timeline->moments[0].at_ns;
}

uint64_t timeline_work_ns(const struct timeline *timeline, int round)
{
	return timeline->moments[find(timeline, WORK_ENDS, round)].at_ns -
	       timeline->moments[find(timeline, WORK_BEGINS, round)].at_ns;
}

static int write_begins(const struct timeline *timeline, int round)
{
	int locked = find(timeline, WRITE_LOCKED, round);

	return locked >= 0 ? locked : find(timeline, WRITE_BEGINS, round);
}

static int write_ends(const struct timeline *timeline, int round)
{
	return find(timeline, OUTPUT_ENDS, round);
}

static int is_beside_work(const struct timeline *timeline, int round)
{
	for (int later = round + 1; later < ROUNDS; later++)
		if (write_begins(timeline, round) < find(timeline, WORK_BEGINS, later) &&
		    write_ends(timeline, round) > find(timeline, WORK_ENDS, later))
			return 1;
	return 0;
}

int timeline_beside_work(const struct timeline *timeline)
{
	int count = 0;

	for (int round = 0; round < ROUNDS; round++)
		count += is_beside_work(timeline, round);
	return count;
}

static int are_beside_each_other(const struct timeline *timeline)
{
	for (int round = 1; round < ROUNDS; round++)
		if (write_begins(timeline, round) < write_ends(timeline, round - 1))
			return 1;
	return 0;
}

enum verdict timeline_verdict(const struct timeline *timeline)
{
	int beside = timeline_beside_work(timeline);

	if (beside)
		return beside == ROUNDS - 1 ? OVERLAPS : PARTLY;
	return are_beside_each_other(timeline) ? TOGETHER : SERIAL;
}

const char *verdict_text(enum verdict verdict)
{
	static const char *const texts[] = { [SERIAL] = "serial",
					     [TOGETHER] = "writes overlap each other only",
					     [PARTLY] = "overlaps in part",
					     [OVERLAPS] = "overlaps" };

	return texts[verdict];
}
