/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef OVERLAP_TIMELINE_H
#define OVERLAP_TIMELINE_H
/* What happened in a case, and when; and what that says about overlap. */
#include <stdint.h>

/* Each case works, and writes what came of it, so many times. */
enum { ROUNDS = 3 };

enum event {
	STARTING,
	WORK_BEGINS,   /* [X] */
	WORK_ENDS,
	OUTPUT_BEGINS, /* [O]: the task whose output is to be written */
	WRITE_BEGINS,  /* [W]: from here on it would like to write */
	WRITE_LOCKED,  /* and only now it may */
	WRITE_ENDS,
	OUTPUT_ENDS,
	AWAITING_LAST,
	DONE,
	EVENTS
};

struct moment {
	uint64_t at_ns;
	enum event event;
	int round; /* of those that belong to one */
};

struct timeline {
	struct moment moments[ROUNDS * EVENTS];
	int count;
};

void timeline_note(struct timeline *timeline, enum event event, int round);

/* Text for people: "[W0] >>> the OS starts writing 0"; valid until the next call. */
const char *moment_text(const struct moment *moment);

/* From STARTING to DONE. */
uint64_t timeline_total_ns(const struct timeline *timeline);

/* How long the work of a round took. */
uint64_t timeline_work_ns(const struct timeline *timeline, int round);

/* How a case came out. It follows from the order of events, not from times. */
enum verdict {
	SERIAL,   /* nothing overlaps */
	TOGETHER, /* writes overlap each other, and no work */
	PARTLY,   /* some of the writes overlap the work that comes after them */
	OVERLAPS  /* all do, but the last, which has none after it */
};

enum verdict timeline_verdict(const struct timeline *timeline);

/* How many writes were under way while work was done, ROUNDS - 1 at most. */
int timeline_beside_work(const struct timeline *timeline);

const char *verdict_text(enum verdict verdict);

#endif
