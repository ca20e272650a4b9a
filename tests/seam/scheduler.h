/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SEAM_SCHEDULER_H
#define SEAM_SCHEDULER_H
/*
 * The scheduler of a model: many threads on one, one step at a time.
 *
 * Every function here but scheduler_run() and scheduler_fail() is called by a thread of the
 * scene, between scheduler_enter() and scheduler_leave(). Time stands still but for
 * pauses; it jumps to the next deadline when nobody else can run, or earlier if the
 * schedule says so.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/thread.h"
#include "seam/coroutine.h"
#include "seam/schedule.h"

#define STRANDS_MOST 12
#define NEVER UINT64_MAX

/* A thread of the scene. */
struct strand {
	struct coroutine coroutine;
	struct thread thread; /* what the library keeps of it */
	enum { STRAND_FREE, STRAND_READY, STRAND_BLOCKED, STRAND_PAUSED, STRAND_SETTLING,
	       STRAND_DONE } state;
	const char *name;
	const char *doing;    /* the last step */
	const void *object;   /* what it is about, or waits for */
	const void *caller;   /* where it was made */
	uint64_t deadline_ns; /* while blocked */
	bool timed_out;
	void *(*main)(void *argument);
	void *argument;
	unsigned sections, nested; /* read-side sections that ended; that it is in */
	unsigned awaited[STRANDS_MOST]; /* sections of others, while it waits for readers */
};

/* Who called the seam last. */
extern const void *scheduler_caller;
#define scheduler_enter() \
	(coroutine_enter(), (void)(scheduler_caller = __builtin_return_address(0)))
#define scheduler_leave() coroutine_leave()

/* What one run was. */
struct run {
	unsigned steps;      /* all */
	unsigned threads;
	const char *failure; /* NULL: none */
};

/* Runs @main as the first thread, until all have ended or something failed. */
struct run scheduler_run(void *(*main)(void *argument), void *argument);
/* Did more objects turn out to be shared since the last call? */
bool scheduler_learned(void);
/* Writes each step to stderr. */
void scheduler_trace(bool on);
/* What each thread was doing when the run failed: text that is valid until the next run. */
const char *scheduler_report(void);

/* The run has failed; does not return. Any thread, inside of enter or not. */
__attribute__((noreturn, format(printf, 1, 2))) void scheduler_fail(const char *format, ...);

struct strand *scheduler_self(void);
unsigned scheduler_index(const struct strand *strand);
struct strand *scheduler_strand(unsigned index);

/* A step that others can see is about to be made on @object. */
void scheduler_point(const char *doing, const void *object);
/* A step that only reads. */
void scheduler_look(const char *doing, const void *object);
/* Until scheduler_unblock() or the deadline: false at the deadline. */
bool scheduler_block(const char *doing, const void *object, uint64_t deadline_ns);
/* Lets so many go on that are blocked on it, those that came first. */
void scheduler_unblock(const void *object, unsigned count);
/* Gives way to whoever can do something. */
void scheduler_pause(void);
/* Returns when nobody else can run without time passing. */
void scheduler_settle(void);
/* Begins a thread: its number. */
unsigned scheduler_start(const char *name, void *(*main)(void *argument), void *argument);
uint64_t scheduler_now(void);
/* While quiet there are no choices: what is not to be explored. */
void scheduler_quiet(bool on);
/* One of so many, all of which are tried. */
unsigned scheduler_pick(unsigned count);

#endif
