/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SEAM_SCHEDULE_H
#define SEAM_SCHEDULE_H
/*
 * Schedules: which of the possible things happened next, each time.
 *
 * The first option is always the one that needs no reason: the thread that runs goes on,
 * or the next in turn. A schedule is written as where and how it deviated from that:
 * "41:1,57:2" is the second option at place 41 and the third at place 57.
 */
#include <stdbool.h>
#include <stdint.h>

enum strategy {
	STRATEGY_REPLAY,    /* the deviations given, and no others */
	STRATEGY_DEPTH,     /* all schedules with so many deviations, one after the other */
	STRATEGY_RANDOM,    /* a random walk */
	STRATEGY_PRIORITY,  /* random priorities, changed at a few random places (PCT) */
};

/* What could happen next. */
struct options {
	unsigned place;      /* steps so far */
	unsigned count;      /* at least 2 */
	unsigned strands[16]; /* which thread each is; the first runs, if stays */
	unsigned threads;    /* so many are threads, one more may be that time passes; 0: data */
	bool stays;          /* the first is the one that runs now */
};

/* A strategy begins; the bound of DEPTH or the number of change points of PRIORITY. */
void schedule_begin(enum strategy strategy, unsigned bound, uint64_t seed);
/* The next run begins: false if there is none. */
bool schedule_next(void);
unsigned schedule_choose(const struct options *options);
/* PRIORITY: this thread waits for others: they go first from here on. */
void schedule_demote(unsigned strand);
/* How many steps the run had: where change points may be. */
void schedule_end(unsigned places);

/* The deviations of the run, as text that is valid until the next call. */
const char *schedule_text(void);
/* Sets those to be replayed: false if the text is none. */
bool schedule_read(const char *text);
/* Sets them from the last run, without one of them: false if there are not so many. */
bool schedule_read_without(unsigned deviation);
/* How much of the tree has been walked, 0 to 1 (DEPTH). */
double schedule_share(void);

#endif
