/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running threads one at a time, and switching where a schedule says so.
 *
 * Called by machine.c and descriptors.c, which are the seam's functions, and by scenes. A
 * switch is considered before each step on an object that more than one thread touches
 * (objects are learned; the explorer goes on until no new one turns up): steps on others
 * commute with whatever the rest does. Where everybody is blocked and no deadline is left
 * something was lost: that is the failure to look for.
 */
#include "seam/scheduler.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "seam/arena.h"
#include "seam/touches.h"
#include "seam/trace.h"

#define STEPS_MOST 20000
#define PAUSE_NS 100

const void *scheduler_caller;

static struct strand strands[STRANDS_MOST];
static struct coroutine driver;
static struct strand *running;
static unsigned threads, done, paused, settling;
static unsigned steps, quiet;
static uint64_t now_ns;
static bool failed, tracing;
static char failure[512];
/* Edges between runs, which use the same memory again. */
static char run_begins, run_ends;

struct strand *scheduler_self(void)
{
	return running;
}

unsigned scheduler_index(const struct strand *strand)
{
	return (unsigned)(strand - strands);
}

struct strand *scheduler_strand(unsigned index)
{
	return &strands[index];
}

uint64_t scheduler_now(void)
{
	return now_ns;
}

void scheduler_trace(bool on)
{
	tracing = on;
}

/* ---- failures ---- */

void scheduler_fail(const char *format, ...)
{
	va_list arguments;
	struct strand *self = running;

	coroutine_enter();
	va_start(arguments, format);
	vsnprintf(failure, sizeof(failure), format, arguments);
	va_end(arguments);
	failed = true;
	running = NULL;
	for (;;)
		coroutine_switch(&self->coroutine, &driver);
}

const char *scheduler_report(void)
{
	static const char *const states[] = { "", "can run", "waits", "gives way", "settles",
					      "has ended" };
	static char text[2048];
	size_t length = 0;

	for (unsigned i = 0; i < threads && length < sizeof(text) - 256; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   "  %-12s %-10s %-16s %-20s %s\n", strands[i].name,
					   states[strands[i].state], strands[i].doing,
					   arena_name(strands[i].object),
					   trace_place(strands[i].caller));
	return text;
}

/* The thread that runs has come to a step. */
static void note(const char *doing, const void *object)
{
	steps++;
	running->doing = doing;
	running->object = object;
	running->caller = scheduler_caller;
	if (tracing && !quiet)
		fprintf(stderr, "%5u  %-12s %-16s %-20s %s\n", steps, running->name, doing,
			arena_name(object), trace_place(scheduler_caller));
	if (steps > STEPS_MOST)
		scheduler_fail("does not come to an end in %u steps", STEPS_MOST);
}

/* ---- who is next ---- */

static void make_ready(struct strand *strand)
{
	strand->state = STRAND_READY;
}

static void end_pauses(void)
{
	for (unsigned i = 0; paused && i < threads; i++)
		if (strands[i].state == STRAND_PAUSED) {
			make_ready(&strands[i]);
			paused--;
		}
}

static void end_settling(void)
{
	for (unsigned i = 0; settling && i < threads; i++)
		if (strands[i].state == STRAND_SETTLING) {
			make_ready(&strands[i]);
			settling--;
		}
}

static uint64_t next_deadline(void)
{
	uint64_t next = NEVER;

	for (unsigned i = 0; i < threads; i++)
		if (strands[i].state == STRAND_BLOCKED && strands[i].deadline_ns < next)
			next = strands[i].deadline_ns;
	return next;
}

/* Whose deadline has come goes on: the first of them, or NULL. */
static struct strand *expire(void)
{
	struct strand *first = NULL;

	for (unsigned i = 0; i < threads; i++)
		if (strands[i].state == STRAND_BLOCKED && strands[i].deadline_ns <= now_ns) {
			strands[i].timed_out = true;
			make_ready(&strands[i]);
			if (!first)
				first = &strands[i];
		}
	return first;
}

static struct strand *let_time_pass(void)
{
	uint64_t next = next_deadline();

	if (next > now_ns)
		now_ns = next;
	return expire();
}

/* Not on a coroutine's stack, which to ThreadSanitizer is not ours. */
static struct options options;

static void find_options(bool stays)
{
	unsigned self = scheduler_index(running);

	options.place = steps;
	options.stays = stays;
	options.count = 0;
	if (stays)
		options.strands[options.count++] = self;
	for (unsigned i = 1; i <= threads; i++) {
		unsigned other = (self + i) % threads;

		if (strands[other].state == STRAND_READY && (other != self || !stays))
			options.strands[options.count++] = other;
	}
	options.threads = options.count;
}

/* Nobody is ready: who could be made so. */
static void find_somebody(void)
{
	if (paused)
		end_pauses();
	else if (settling)
		end_settling();
	else if (next_deadline() != NEVER)
		let_time_pass();
	else
		scheduler_fail("everybody waits, and nothing will happen any more");
}

static void switch_to(struct strand *next)
{
	struct strand *self = running;

	if (next == self)
		return;
	running = next;
	coroutine_switch(&self->coroutine, &next->coroutine);
}

/* Chooses who runs now; if this is not the caller, returns when it is his turn again. */
static void reschedule(bool stays)
{
	unsigned choice = 0;

	for (find_options(stays); !options.count; find_options(stays))
		find_somebody();
	if (!quiet && next_deadline() != NEVER)
		options.count++;
	if (!quiet && options.count > 1)
		choice = schedule_choose(&options);
	/* The last option may be that time passes: then who waited for it is next. */
	switch_to(choice < options.threads ? &strands[options.strands[choice]] : let_time_pass());
}

/* ---- what threads do ---- */

static void step(const char *doing, const void *object, bool writes)
{
	bool shared = touches_note(object, scheduler_index(running), writes);

	note(doing, object);
	if (paused)
		end_pauses();
	if (shared && !quiet)
		reschedule(true);
}

void scheduler_point(const char *doing, const void *object)
{
	step(doing, object, true);
}

void scheduler_look(const char *doing, const void *object)
{
	step(doing, object, false);
}

bool scheduler_block(const char *doing, const void *object, uint64_t deadline_ns)
{
	struct strand *self = running;

	note(doing, object);
	self->state = STRAND_BLOCKED;
	self->deadline_ns = deadline_ns;
	self->timed_out = false;
	if (self->nested)
		scheduler_fail("waits inside a read-side section");
	expire();
	reschedule(false);
	return !self->timed_out;
}

void scheduler_unblock(const void *object, unsigned count)
{
	/* In turn from the first thread: who came first does not matter to any promise. */
	for (unsigned i = 0; count && i < threads; i++)
		if (strands[i].state == STRAND_BLOCKED && strands[i].object == object) {
			make_ready(&strands[i]);
			count--;
		}
}

void scheduler_pause(void)
{
	note("pause", NULL);
	now_ns += PAUSE_NS;
	running->state = STRAND_PAUSED;
	paused++;
	schedule_demote(scheduler_index(running));
	expire();
	reschedule(false);
}

void scheduler_settle(void)
{
	note("settle", NULL);
	running->state = STRAND_SETTLING;
	settling++;
	reschedule(false);
}

void scheduler_quiet(bool on)
{
	quiet += on ? 1u : -1u;
}

unsigned scheduler_pick(unsigned count)
{
	options.place = ++steps;
	options.count = count;
	options.threads = 0;
	options.stays = false;
	return count > 1 ? schedule_choose(&options) : 0;
}

/* ---- threads ---- */

/* The body of every coroutine, one run after the other. */
static void begin(void)
{
	for (;;) {
		struct strand *self = running;
		void *(*main)(void *) = self->main;
		void *argument = self->argument;

		coroutine_leave();
		coroutine_acquire(&run_begins);
		coroutine_acquire(self); /* partner: whoever started it */
		/* By itself, so that nobody else has written there. */
		memset(&self->thread, 0, sizeof(self->thread));
		main(argument);
		coroutine_release(self); /* partner: whoever joins it */
		coroutine_release(&run_ends);
		coroutine_enter();

		scheduler_caller = NULL;
		note("end", NULL);
		self->state = STRAND_DONE;
		scheduler_unblock(self, STRANDS_MOST);
		if (++done == threads) {
			running = NULL;
			coroutine_switch(&self->coroutine, &driver);
		} else {
			reschedule(false);
		}
	}
}

unsigned scheduler_start(const char *name, void *(*main)(void *argument), void *argument)
{
	struct strand *strand = &strands[threads];

	if (threads == STRANDS_MOST)
		scheduler_fail("more than %d threads", STRANDS_MOST);
	/* One that was left in the middle of a failed run begins anew. */
	if (!strand->coroutine.saved || (strand->state != STRAND_FREE &&
					 strand->state != STRAND_DONE))
		coroutine_init(&strand->coroutine, begin);
	strand->state = STRAND_READY;
	strand->name = name;
	strand->doing = "begin";
	strand->object = strand->caller = NULL;
	strand->deadline_ns = NEVER;
	strand->main = main;
	strand->argument = argument;
	strand->nested = 0;
	return threads++;
}

bool scheduler_learned(void)
{
	return touches_learned();
}

struct run scheduler_run(void *(*main)(void *argument), void *argument)
{
	threads = done = paused = settling = steps = quiet = 0;
	now_ns = 1000000000;
	failed = false;
	if (!driver.stack)
		coroutine_init_main(&driver);
	coroutine_acquire(&run_ends);
	arena_reset();
	coroutine_release(&run_begins);
	scheduler_start("main", main, argument);
	running = &strands[0];
	coroutine_switch(&driver, &running->coroutine);
	schedule_end(steps);
	return (struct run){ steps, threads, failed ? failure : NULL };
}
