/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COMBO_LIFE_H
#define COMBO_LIFE_H
/*
 * A life of a task: its dimensions, and which of them go together.
 *
 *   life.h       which lives there are
 *   expected.h   what must come of each
 *   cast.h       who takes part, and does what
 *   living.h     what happens in which order, and the books
 *   test_*.c     which of all lives a program lives
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "support/program.h"
#include "support/work.h"

enum start {
	EAGER,
	LAZY,
	STARTED,      /* deferred, and then ferry_task_start() */
	BY_FACTORY,   /* it does not say how, and a factory of ours makes tasks that are lazy */
	SCHEDULED,    /* deferred, and then ferry_task_schedule() */
	GROUP_CLOSED, /* deferred, in a group that is closed */
	LET_IN,       /* deferred, submitted to a limiter where there is a place */
	QUEUED,       /* deferred, submitted to a limiter where somebody else has the place */
	STARTS
};
static const char *const start_names[] = { "eagerly",
					   "lazily",
					   "by a call",
					   "lazily by the factory",
					   "by being scheduled",
					   "by its group",
					   "by a limiter",
					   "by a limiter, from its queue" };

enum outcome { RESULT, EXCEPTION, COUNTED, CANCELLED, OUTCOMES, ANOTHERS = OUTCOMES };
static const char *const outcome_names[] = { "a result", "an exception", "a counted exception",
					     "cancelled" };

enum stage { UNSTARTED, RUNNING, WAITING, WOKEN, CLEANING, ENDED, STAGES, NEVER = STAGES };
static const char *const stage_names[] = { "unstarted",   "running", "waiting", "woken",
					   "cleaning up", "ended",   "never" };

enum canceller {
	BY_CREATOR,
	BY_ITSELF,
	BY_GROUP,
	BY_SIBLING,  /* that waits in the group, and then decides what becomes of that */
	BY_NEWBORN,  /* a sibling that is begun then, and ends at once */
	BY_OWNER,    /* the task in whose step the group was made, which waits for something else */
	BY_AWAITER,  /* one that waits for it, or for its group */
	BY_DEADLINE, /* the same, in a scope with a deadline */
	BY_FUTURE,   /* on another thread */
	BY_FORGET,   /* its creator, who would have the library forget it: if that is refused it
			lives on */
	BY_CLOSE,
	CANCELLERS
};
static const char *const canceller_names[] = { "its creator",
					       "itself",
					       "its group",
					       "a sibling",
					       "a sibling just begun",
					       "its group's owner",
					       "its awaiter",
					       "its awaiter's deadline",
					       "its future",
					       "being forgotten",
					       "the loop's end" };

enum wait { FOR_NOTHING, FOR_A_TURN, FOR_AN_EVENT, FOR_A_CHILD, FOR_A_LOCAL, WAITS };
static const char *const wait_names[] = { "nothing", "a turn", "an event", "a child", "a local" };

enum membership { ALONE, FIRST_EXCEPTION, COLLECT, FIRST_RESULT, MEMBERSHIPS };
static const char *const membership_names[] = { "no group", "a group for the first exception",
						"a group that collects",
						"a group for the first result" };

enum awaited {
	BY_NOBODY,
	BY_A_TASK, /* which looks at what came of it, as all do but the next one */
	BY_A_BLIND_TASK,
	BY_TWO_TASKS,
	BY_A_CALLBACK,
	BY_LOOP_AWAIT,
	AWAITS
};
static const char *const awaited_names[] = { "nobody",    "a task",     "a task that does not look",
					     "two tasks", "a callback", "ferry_loop_await" };

/* A future of it, for other threads. */
enum fate { NO_FUTURE, KEPT, DROPPED_UNSTARTED, DROPPED_WAITING, DROPPED_CLEANING, FATES };
static const char *const fate_names[] = { "no future", "a future", "a future that goes unstarted",
					  "a future that goes while it waits",
					  "a future that goes while it cleans up" };

#define MARK 0xf00du
#define TURNS_MOST 100 /* more than any life needs */

struct child {
	FERRY_FRAME;
};

/* The one whose life it is. */
struct subject {
	FERRY_FRAME;
	unsigned mark; /* given to a function on another thread */
	struct child child;
	ferry_await answer;
	ferry_slot slot;
};

/* One who waits for it, or for its group. */
struct waiter {
	FERRY_FRAME;
	bool tries, has_scope, waits_for_group, is_blind;
	ferry_timeout timeout;
};

struct sibling {
	FERRY_FRAME;
	bool waits;
	unsigned bodies;
};

struct owner {
	FERRY_FRAME;
};

/* One life: what is done to it, and what was seen of it. */
struct life {
	enum start start;
	bool is_submitted; /* by another thread */
	enum outcome outcome;
	enum stage cancelled; /* NEVER: not at all */
	enum canceller by;
	bool is_taken_back; /* the cancel, at once */
	enum wait waits;
	enum membership membership;
	enum awaited awaited;
	enum fate fate;
	bool drops_itself; /* by its cleanup hook; else whoever waits last drops it */
	bool cleans_slowly;

	struct subject *subject; /* NULL once dropped */
	const ferry_task *was;   /* where it was */
	ferry_future *future;    /* NULL once dropped, or none */
	ferry_group *group;      /* NULL once dropped, or none */
	ferry_event event, clean, go, alarm;
	ferry_limiter limiter;
	ferry_slot place; /* somebody else's */
	struct waiter waiters[2], canceller;
	struct sibling sibling;
	struct owner owner;
	struct gate gate;
	unsigned mark;
	atomic_bool is_inside, has_returned;
	unsigned bodies, went_on, cleanings, cleaned, hooks, told, holders;
	unsigned children, children_cleaned;
	unsigned errors, errors_freed, reports;
	bool has_canceller, is_late; /* the future, made when it had ended */
};

static ferry_loop *loop;   /* NULL once closed */
static ferry_loop *handle; /* held to the end of a life: those that have ended are looked at */
static ferry_pool *pool;
static struct life life;

static void die(const char *what)
{
	program_fail(
		"%s\n  started %s%s, outcome %s, cancelled when %s by %s%s, waits for %s, in %s, "
		"awaited by %s, with %s, dropped by %s%s",
		what, start_names[life.start], life.is_submitted ? ", submitted" : "",
		outcome_names[life.outcome], stage_names[life.cancelled],
		life.cancelled == NEVER ? "nobody" : canceller_names[life.by],
		life.is_taken_back ? ", which is taken back" : "", wait_names[life.waits],
		membership_names[life.membership], awaited_names[life.awaited],
		fate_names[life.fate], life.drops_itself ? "its hook" : "who waits last",
		life.cleans_slowly ? ", cleans up slowly" : "");
}

#define check(condition) ((condition) ? (void)0 : die("not so: " #condition))

/* ---- which lives there are ---- */

static bool is_cancelled_by(enum canceller by)
{
	return life.cancelled != NEVER && life.by == by;
}

static bool has_sibling(void)
{
	return is_cancelled_by(BY_SIBLING) || is_cancelled_by(BY_NEWBORN);
}

static bool needs_future(void)
{
	return life.is_submitted || is_cancelled_by(BY_FUTURE);
}

/* Is there a task that waits for it, or its group, so as to pass a cancel on? */
static bool has_awaiter(void)
{
	return is_cancelled_by(BY_AWAITER) || is_cancelled_by(BY_DEADLINE);
}

/* Is its first step due, when it is unstarted, so that it runs in the next turn? */
static bool is_due(void)
{
	return life.start == LAZY || life.start == BY_FACTORY || life.start == SCHEDULED ||
	       life.start == GROUP_CLOSED;
}

static bool can_be_at(enum stage stage)
{
	switch (stage) {
	case UNSTARTED:
		return life.start != EAGER;
	case WAITING:
		return life.waits != FOR_NOTHING;
	case WOKEN:
		return life.waits == FOR_AN_EVENT || life.waits == FOR_A_CHILD;
	case CLEANING:
		return life.cleans_slowly;
	default:
		return true;
	}
}

/* Those whose cancel takes a turn, in which what was ready before goes on. */
static bool comes_too_late(void)
{
	return (life.cancelled == UNSTARTED && is_due()) ||
	       (life.cancelled == WAITING && life.waits == FOR_A_TURN) || life.cancelled == WOKEN;
}

static bool can_be_cancelled(void)
{
	if (life.cancelled == NEVER)
		return life.by == 0; /* one of them stands for all */
	if (!can_be_at(life.cancelled))
		return false;
	/* Somebody else can only if its own step lets him. */
	if (life.cancelled == RUNNING && life.by != BY_ITSELF && life.by != BY_GROUP &&
	    life.by != BY_NEWBORN)
		return false;
	switch (life.by) {
	case BY_ITSELF:
		return life.cancelled == RUNNING || life.cancelled == CLEANING;
	case BY_CREATOR:
		/* Only what is there can be cancelled. */
		return life.cancelled != ENDED ||
		       (!life.drops_itself &&
			(life.awaited == BY_NOBODY || life.awaited == BY_LOOP_AWAIT));
	case BY_GROUP:
		return life.membership != ALONE;
	case BY_NEWBORN:
		/* Nobody joins what has ended. */
		return (life.membership == FIRST_EXCEPTION || life.membership == FIRST_RESULT) &&
		       (life.cancelled != ENDED || life.start != GROUP_CLOSED);
	case BY_SIBLING:
		return (life.membership == FIRST_EXCEPTION || life.membership == FIRST_RESULT) &&
		       life.cancelled != ENDED && !comes_too_late();
	case BY_OWNER:
		return life.membership != ALONE && life.cancelled != ENDED && !comes_too_late();
	case BY_AWAITER:
	case BY_DEADLINE:
		return life.cancelled != ENDED;
	case BY_FUTURE:
		return !comes_too_late();
	case BY_FORGET:
		return life.cancelled == UNSTARTED;
	default:
		return true;
	}
}

/* Only a cancel that was counted at once can be taken back at once. */
static bool can_be_taken_back(void)
{
	switch (life.by) {
	case BY_ITSELF:
		return life.cancelled != NEVER;
	case BY_CREATOR:
	case BY_GROUP:
	case BY_NEWBORN:
	case BY_AWAITER:
		return life.cancelled != NEVER && life.cancelled != ENDED &&
		       life.cancelled != RUNNING;
	default:
		return false;
	}
}

static bool ends_by_close(void)
{
	return life.by == BY_CLOSE && life.cancelled < ENDED;
}

/* When a future goes that is not kept. */
static enum stage dropped_when(void)
{
	static const enum stage stages[] = { [NO_FUTURE] = NEVER,
					     [KEPT] = NEVER,
					     [DROPPED_UNSTARTED] = UNSTARTED,
					     [DROPPED_WAITING] = WAITING,
					     [DROPPED_CLEANING] = CLEANING };

	return stages[life.fate];
}

static bool can_have_that_future(void)
{
	enum stage dropped = dropped_when();

	if (life.fate == NO_FUTURE)
		return !needs_future();
	if (!can_be_at(dropped))
		return false;
	/* Behind that nobody can cancel by it, or is left to drop it. */
	return dropped >= life.cancelled || !(life.by == BY_FUTURE || ends_by_close());
}

static bool is_possible(void)
{
	if (!can_be_cancelled() || !can_have_that_future())
		return false;
	if (life.is_taken_back && !can_be_taken_back())
		return false;
	if (life.start == GROUP_CLOSED && life.membership == ALONE)
		return false;
	/* A group is its own thread's. */
	if (life.is_submitted && life.membership != ALONE)
		return false;
	return life.awaited != BY_LOOP_AWAIT || !ends_by_close();
}

#endif
