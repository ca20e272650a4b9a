/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STRESS_FAMILY_H
#define STRESS_FAMILY_H
/*
 * What the headers promise of groups, reckoned from how and in which order their children end: one
 * half of the model of stress_groups. The other one is relative.h.
 *
 *   family_make(family, loop, &random);   a group, unless there is one that has not ended
 *   family_check(family);                 it has ended, and so
 *   family_check_rest(family, ...);       nothing is ready: who is left waits for somebody else
 *
 * That a task has ended, and how, the library says; what becomes of its group for that, the model.
 * Who was cancelled in the place of whom is not followed: there it allows each kind of outcome.
 */
#include "support/fixture.h"
#include "support/program.h"

#define RELATIVES 200
#define FAMILIES 2
#define KIDS 6
#define GATHERED 4
#define ACTS 10

/* A round is done again by this. */
static uint64_t round_seed;

#define holds(condition, text) \
	program_check(condition, "--seed %" PRIu64 " --count 1: %s", round_seed, text)

enum kind { UNKNOWN, RESULT = 1, CANCELLED = 2, FAILED = 4 };

struct end {
	unsigned kind;
	int code; /* of the exception; 0: not known, or somebody has taken it over */
};

struct relative;

struct family {
	ferry_group group;
	ferry_group_options options;
	struct relative *first, *last; /* that have ended */
	unsigned joined, ended;
	unsigned running;  /* of those that were started in turn */
	unsigned asked_at; /* behind which end somebody cancelled it; 0: nobody did */
	unsigned left_at;  /* its owner's body was left, and it had not ended */
	bool is_made, closed;
	bool awaited; /* its owner has come to wait for it */
	bool settled; /* and has learnt what came of it */
};

struct relative {
	FERRY_FRAME;
	struct family *in;
	struct relative *next_ended;
	unsigned acts, at, what, roll, hooked;
	unsigned ended_at; /* 0: it has not */
	unsigned asked;    /* cancels from outside, to be taken back */
	bool begun, deferred, out_of_turn, limited, held, has_hook, refused, uncancelled;
	bool gave_up; /* its body left as cancelled */
	unsigned char act[ACTS];

	unsigned left;  /* how its body leaves, when it says so; then all that it may end with */
	int code;       /* of the exception; 0: one of several, or not known */
	struct end end; /* as its hook saw it */
	struct family *waits;
	bool settles; /* that wait ends when the family has, and not before */
	const ferry_awaitable *tried;
	struct relative *tried_kin;

	struct family families[FAMILIES], late; /* late: behind FERRY_FINALLY */
	struct relative *kids[KIDS];
	unsigned kid_count;
	ferry_timeout outer, inner;
	ferry_slot slot, start_slot;
	ferry_sleep sleep;
	ferry_gather gather;
	ferry_gather_entry entries[GATHERED];
	bool gathers;
};

/* How many have ended in this round, and one. */
static unsigned ends;

static struct {
	long relatives, families;
	long errors, errors_freed, told; /* counted exceptions; and those that were told */
	long hooks, hooked, refused;
	long ends[3][FAILED + 1];             /* of groups, by policy and outcome */
	long exact, interrupted, by_families; /* of relatives, and how they ended */
} books;

static bool is_done(const ferry_awaitable *awaitable)
{
	return ferry_awaitable_snapshot(awaitable).done;
}

static struct end end_of(const ferry_awaitable *awaitable)
{
	ferry_snapshot snapshot = ferry_awaitable_snapshot(awaitable);

	if (!snapshot.done)
		return (struct end){ UNKNOWN, 0 };
	if (snapshot.exception == ferry_error_from_code(FERRY_ERROR_TAKEN))
		return (struct end){ FAILED, 0 };
	if (snapshot.exception)
		return (struct end){ FAILED, ferry_error_number(snapshot.exception) };
	return (struct end){ snapshot.cancelled ? CANCELLED : RESULT, 0 };
}

/* Behind its hook nobody looks at a task. */
static struct end relative_ended(const struct relative *f)
{
	return f->hooked ? f->end : end_of(&f->awaitable);
}

/* ---- families ---- */

/* The first child that ended so; NULL: none. */
static struct relative *first_of(const struct family *family, unsigned kind)
{
	struct relative *child = family->first;

	while (child && relative_ended(child).kind != kind)
		child = child->next_ended;
	return child;
}

static struct relative *decides(const struct family *family)
{
	struct relative *child = NULL;

	if (family->options.policy == FERRY_GROUP_FIRST_RESULT)
		child = first_of(family, RESULT);
	if (family->options.policy != FERRY_GROUP_COLLECT && !child)
		child = first_of(family, FAILED);
	return child;
}

/* Has a child ended as cancelled that somebody may have cancelled with all? */
static bool has_lost(const struct family *family)
{
	struct relative *child = family->first;

	while (child &&
	       (relative_ended(child).kind != CANCELLED || child->ended_at <= family->asked_at))
		child = child->next_ended;
	return family->asked_at && child;
}

/* The kinds that it may end with. */
static struct end family_end(const struct family *family)
{
	struct relative *child = decides(family);

	if (child && relative_ended(child).kind == FAILED)
		return (struct end){ FAILED, child->code };
	if (child)
		return (struct end){ RESULT, 0 };
	if (family->options.policy == FERRY_GROUP_FIRST_RESULT || has_lost(family))
		return (struct end){ CANCELLED, 0 };
	/* Somebody else may have cancelled it, in the place of who waits. */
	return (struct end){ RESULT | (first_of(family, CANCELLED) ? CANCELLED : 0), 0 };
}

static bool family_has_failed(const struct family *family)
{
	return family->is_made && family_end(family).kind == FAILED;
}

static void family_check(struct family *family)
{
	struct end end = end_of(&family->group.awaitable), foreseen = family_end(family);
	struct relative *child = decides(family);

	holds(end.kind, "a group has not ended (T6)");
	holds(family->joined == family->ended && ferry_group_members(&family->group) == 0,
	      "a group ends before its children (T6)");
	holds(end.kind & foreseen.kind, "a group does not end as its policy says");
	holds(!end.code || !foreseen.code || end.code == foreseen.code,
	      "a group has an exception that is not the first");
	holds(ferry_group_first(&family->group) == (child ? &child->task : NULL),
	      "it is another child that decided");
}

/* What is in the memory no more. */
static void family_drop(struct family *family)
{
	if (!family->is_made)
		return;
	books.ends[family->options.policy][end_of(&family->group.awaitable).kind]++;
	holds(!ferry_group_clear(&family->group), "a group cannot be cleared");
}

static bool family_make(struct family *family, ferry_loop *loop, uint64_t *random)
{
	ferry_group_options options = FERRY_GROUP_OPTIONS_INIT;

	if (family->is_made && !is_done(&family->group.awaitable)) {
		holds(ferry_group_init(&family->group, loop, NULL) == -EBUSY,
		      "a group is made where one is");
		return false;
	}
	if (family->is_made)
		family_check(family);
	family_drop(family);
	options.policy = random_below(random, 3);
	options.limit = random_below(random, 3);
	holds(!ferry_group_init(&family->group, loop, &options), "no group");
	*family = (struct family){ .group = family->group, .options = options, .is_made = true };
	books.families++;
	return true;
}

static void family_ask(struct family *family)
{
	int error = ferry_group_cancel(&family->group);

	holds(error == 0 || (error == -EALREADY && is_done(&family->group.awaitable)),
	      "a group cannot be cancelled");
	if (!error && !family->asked_at)
		family->asked_at = ends;
}

/* ---- at rest ---- */

/* Has one failed that was waited for, with others, as the body was left? */
static bool another_failed(const struct family *family, const struct relative *owner)
{
	for (unsigned i = 0; i < FAMILIES; i++) {
		const struct family *other = &owner->families[i];

		if (other != family && other->left_at &&
		    other->options.policy == FERRY_GROUP_FIRST_EXCEPTION && decides(other) &&
		    decides(other)->ended_at > other->left_at)
			return true;
	}
	return false;
}

/* Has somebody, or an end that decides, or how its owner left, cancelled all children? */
static bool is_cancelling(const struct family *family, const struct relative *owner)
{
	struct relative *child = decides(family);

	if (owner && family != &owner->late &&
	    (owner->left & (CANCELLED | FAILED) || another_failed(family, owner)))
		return true;
	return family->asked_at ||
	       (child && (family->options.policy == FERRY_GROUP_FIRST_EXCEPTION ||
			  relative_ended(child).kind == RESULT));
}

/* Has its body left as cancelled without being cut? Then a cancel has nothing to say to it. */
static bool has_given_up(const struct relative *f)
{
	return f->gave_up || (f->tried && end_of(f->tried).kind == CANCELLED);
}

/* Nothing is ready any more. Those that a limiter has are its own to start. */
static void family_check_rest(struct family *family, const struct relative *owner,
			      struct relative *all, unsigned count)
{
	bool cancels, waits_to_start = false;
	unsigned running = 0;

	if (!family->is_made || is_done(&family->group.awaitable))
		return;
	holds(!family->closed || family->joined > family->ended, "a group does not end (T6)");
	cancels = is_cancelling(family, owner);
	for (unsigned i = 0; i < count; i++) {
		struct relative *f = &all[i];

		if (f->in != family || f->ended_at || f->refused)
			continue;
		running++;
		if (!f->begun && !f->left) {
			running--;
			waits_to_start |=
				cancels || (!f->limited && (!f->deferred || family->closed));
		}
		holds(!cancels || !f->begun || has_given_up(f) || f->uncancelled ||
			      ferry_task_cancels(&f->task) > 0,
		      "a child of a group that cancels is not cancelled (T6)");
	}
	holds(!waits_to_start ||
		      (!cancels && family->options.limit && running >= family->options.limit),
	      "a child is started by nobody (T6)");
}

#endif
