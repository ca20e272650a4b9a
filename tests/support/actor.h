/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_ACTOR_H
#define SUPPORT_ACTOR_H
/*
 * A task that does what its test says, and a diary of what happened in which order.
 *
 *   struct actor a = { .name = "a", .awaits = &event.awaitable, .fails = -EIO };
 *   actor_begin(&a, loop, NULL);                 as ferry_task_begin(), with these options
 *   ferry_event_set(&event);
 *   ferry_loop_run(loop);
 *   diary_is("a: a. a)");                        began, went on, cleaned up; then it is empty
 *   actor_ended(&a) == ACTOR_EXCEPTION           how it ended, or ACTOR_PENDING
 *
 * What it does, in this order: acts(), so many turns, waits for something, fails or returns its
 * number; behind FERRY_FINALLY it notes so, and waits for something else.
 */
#include <errno.h>
#include <ferry.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fixture.h"

/* ---- the diary ---- */

static char diary[65536];

__attribute__((format(printf, 1, 2))) static inline void diary_note(const char *format, ...)
{
	size_t length = strlen(diary);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(diary + length, sizeof(diary) - length, format, arguments);
	va_end(arguments);
	length = strlen(diary);
	snprintf(diary + length, sizeof(diary) - length, " ");
}

/* True if what was noted since the last time is that; notes are parted by one blank. */
static inline bool diary_says(const char *expected, int line)
{
	size_t length = strlen(diary);
	bool same;

	if (length)
		diary[length - 1] = 0; /* the last blank */
	same = !strcmp(diary, expected);
	if (!same)
		fprintf(stderr, "line %d: the diary says \"%s\", not \"%s\"\n", line, diary,
			expected);
	diary[0] = 0;
	return same;
}

/* For Criterion: cr_assert(diary_is("...")). */
#define diary_is(expected) diary_says(expected, __LINE__)

/* ---- the actor ---- */

/* Whatever begins with a word. */
struct actor_awaited {
	ferry_awaitable awaitable;
};

struct actor {
	FERRY_FRAME;
	const char *name;
	void (*acts)(struct actor *actor); /* in its first step; NULL: nothing */
	unsigned yields;                   /* turns of the loop */
	ferry_awaitable *awaits;           /* NULL: nothing */
	bool shielded;                     /* by FERRY_SHIELD() */
	bool tries;                        /* as FERRY_TRY() does: leaves as that ended */
	int fails;                         /* a negative errno; 0: it returns */
	const ferry_error *error;          /* or with this one, whose reference it takes */
	uint64_t number;                   /* its result, if not 0 */
	ferry_awaitable *cleans;           /* behind FERRY_FINALLY; NULL: nothing */
	void *user;                        /* for acts() */
	unsigned began, went_on, cleaned, turn;
};

static inline ferry_step actor_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct actor, f);
	f->began++;
	diary_note("%s:", f->name);
	if (f->acts)
		f->acts(f);
	for (f->turn = 0; f->turn < f->yields; f->turn++)
		FERRY_YIELD();
	if (f->awaits) {
		if (f->shielded)
			FERRY_SHIELD((struct actor_awaited *)f->awaits);
		else if (f->tries)
			FERRY_TRY((struct actor_awaited *)f->awaits);
		else
			FERRY_AWAIT((struct actor_awaited *)f->awaits);
	}
	f->went_on++;
	diary_note("%s.", f->name);
	if (f->error)
		FERRY_FAIL(f->error);
	if (f->fails)
		FERRY_FAIL(f->fails);
	if (f->number)
		ferry_task_set_result(task, ferry_result_u64(f->number));
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	diary_note("%s)", f->name);
	if (f->cleans)
		FERRY_AWAIT((struct actor_awaited *)f->cleans);
	FERRY_END;
}

static inline ferry_task *actor_begin(struct actor *actor, ferry_loop *loop,
				      const ferry_task_options *options)
{
	return ferry_task_begin(&actor->task, loop, actor_step, options);
}

static inline ferry_task *actor_init(struct actor *actor, ferry_loop *loop,
				     const ferry_task_options *options)
{
	return ferry_task_init(&actor->task, loop, actor_step, options);
}

enum actor_end { ACTOR_PENDING, ACTOR_RESULT, ACTOR_EXCEPTION, ACTOR_CANCELLED };

static inline enum actor_end actor_end_of(ferry_snapshot snapshot)
{
	if (!snapshot.done)
		return ACTOR_PENDING;
	if (snapshot.cancelled)
		return ACTOR_CANCELLED;
	return snapshot.exception ? ACTOR_EXCEPTION : ACTOR_RESULT;
}

static inline enum actor_end actor_ended(struct actor *actor)
{
	return actor_end_of(ferry_task_snapshot(&actor->task));
}

/* The errno of its exception; 0 if it has none. */
static inline int actor_errno(struct actor *actor)
{
	return ferry_error_errno(ferry_task_snapshot(&actor->task).exception);
}

/* Options in one expression: OPTIONS_OF(.start = FERRY_START_LAZY, .group = &group). */
#define OPTIONS_OF(...) \
	(&(const ferry_task_options){ .size = sizeof(ferry_task_options), __VA_ARGS__ })

#endif
