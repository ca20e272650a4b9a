/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_CHILDREN_H
#define SUPPORT_CHILDREN_H
/*
 * A group, its children, and the loop that they are all of. For Criterion.
 *
 *   LoopTest(suite, name) { ... }                  a test that has the loop
 *   make(FERRY_GROUP_COLLECT, 2);                  the group, with a limit of two
 *   HAVE(LAZY, .name = "a", .fails = -EIO);        another child of it, an actor
 *   HAVE(EAGER, .name = "b", WAITING);             one that waits for the event
 *   await();                                       runs the loop until the group has ended
 *   cr_assert_eq(group_end(), ACTOR_RESULT);
 *
 * Children are kept in the array of that name, in the order begun; born says how many there are,
 * and a test that makes a second group may set it back. A brief one does nothing but have a number
 * of turns, and be counted.
 */
#include <criterion/criterion.h>

#include "support/actor.h"
#include "support/exceptions.h"

#define CHILDREN 16

static ferry_loop *loop;
static ferry_group group;
static ferry_event event; /* not set, unless a test does so */
static struct actor children[CHILDREN];
static unsigned born;

#define WAITING .awaits = &event.awaitable

static inline void children_begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_event_init(&event, loop), 0);
	cr_assert_eq(ferry_loop_set_exception_handler(loop, exception_hear, NULL), 0);
}

static inline void children_end(void)
{
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0, "none is left");
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(exceptions_alive, 0);
	cr_assert_eq(exceptions_told, 0, "and nobody was told of an exception");
}

/* Not by .init and .fini: what is wrong in the latter fails no test. */
#define LoopTest(suite, name)                                                                      \
	static void suite##_##name##_body(void);                                                   \
	Test(suite, name)                                                                          \
	{                                                                                          \
		children_begin();                                                                  \
		suite##_##name##_body();                                                           \
		children_end();                                                                    \
	}                                                                                          \
	static void suite##_##name##_body(void)

static inline void make(ferry_group_policy policy, unsigned limit)
{
	ferry_group_options options = FERRY_GROUP_OPTIONS_INIT;

	options.policy = policy;
	options.limit = limit;
	cr_assert_eq(ferry_group_init(&group, loop, &options), 0);
}

static inline struct actor *have(ferry_start start, struct actor what)
{
	struct actor *child = &children[born++];

	cr_assert_leq(born, CHILDREN);
	*child = what;
	actor_begin(child, loop, OPTIONS_OF(.start = start, .group = &group));
	return child;
}
#define HAVE(start, ...) have(FERRY_START_##start, (struct actor){ __VA_ARGS__ })

static inline enum actor_end group_end(void)
{
	return actor_end_of(ferry_awaitable_snapshot(&group.awaitable));
}

static inline int group_errno(void)
{
	return ferry_error_errno(ferry_awaitable_snapshot(&group.awaitable).exception);
}

static inline void run(void)
{
	cr_assert_eq(ferry_loop_run(loop), 0);
}

/* Which closes it. */
static inline void await(void)
{
	cr_assert_eq(ferry_loop_await(loop, &group.awaitable), 0);
}

/* What the loop has done since it was made. */
static inline void costs(uint64_t turns, uint64_t callbacks)
{
	ferry_loop_counters counters = fixture_loop_counters(loop);

	cr_assert_eq(counters.turns, turns, "%d turns", (int)counters.turns);
	cr_assert_eq(counters.callbacks, callbacks, "%d callbacks", (int)counters.callbacks);
}

/* ---- brief ones ---- */

struct brief {
	FERRY_FRAME;
	unsigned turns, turn;
	bool entered;
};

static unsigned inside, most_inside, entered, cleaned;

static inline ferry_step brief_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct brief, f);
	f->entered = true;
	entered++;
	if (++inside > most_inside)
		most_inside = inside;
	for (f->turn = 0; f->turn < f->turns; f->turn++)
		FERRY_YIELD();

	FERRY_FINALLY
	cleaned++;
	if (f->entered)
		inside--;
	FERRY_END;
}

static inline void begin_brief(struct brief *brief, unsigned turns, ferry_start start)
{
	*brief = (struct brief){ .turns = turns };
	ferry_task_begin(&brief->task, loop, brief_step,
			 OPTIONS_OF(.group = &group, .start = start));
}

#endif
