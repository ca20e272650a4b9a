/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUTURE_WORD_H
#define FUTURE_WORD_H
/*
 * The word: the whole state of a future in one atomic machine word (F1).
 *
 *   not done   | newest waiter, or 0                      | LIST | phase |
 *   done       | 0 ...      | RAN | TAKEN | ASKED | outcome |   0  | DONE  |
 *               bit 63 ..                                    bit 2  bits 1-0
 *
 *   phase      PENDING, RUNNING, RUNNING_ASKED (cancellation was asked for), DONE.
 *              It only grows, and nothing leaves DONE.
 *   LIST       somebody is unlinking a waiter or writing the outcome of a promise: a
 *              few instructions, and for unlinking a walk along the newer waiters.
 *              Attach, detach and completion wait for it; snapshot, set_running and the
 *              asking for cancellation never do (F5). Never set in a done word.
 *   outcome    RESULT, EXCEPTION or CANCELLED; set with DONE, never changes.
 *   ASKED      cancellation had been asked for; set with DONE, never changes.
 *   RAN        it was RUNNING before; set with DONE, never changes.
 *   TAKEN      somebody owns the result now; may be set later, never cleared.
 *
 * Who may touch what:
 *
 *   word           the outcome's fields                      the waiters
 *   PENDING        nobody; under LIST its holder may write   anyone pushes
 *   RUNNING        the completer; under LIST its holder      anyone pushes
 *   DONE           read-only to all                          gone: the one who
 *                                                            completed owns them
 *
 * Every change is a read-modify-write of this one word, so there is one order of all
 * changes. The functions below are pure: from a word and an event to the next word
 * and what to do. future.c applies them in compare-exchange loops, and a test runs
 * every interleaving of them (F6).
 */
#include <stdbool.h>
#include <stdint.h>

#include <ferry/base.h>

enum word_phase {
	WORD_PENDING = 0,
	WORD_RUNNING = 1,
	WORD_RUNNING_ASKED = 2,
	WORD_DONE = 3,
};

enum word_outcome {
	WORD_RESULT = 0,
	WORD_EXCEPTION = 1,
	WORD_CANCELLED = 2,
};

/* Where each part begins; the phase lies below them. An enum, so that a debugger knows it, too. */
enum word_shift {
	WORD_LIST_SHIFT = 2,
	WORD_WAITERS_SHIFT = 3, /* of a word that is not done; the rest are of one that is */
	WORD_OUTCOME_SHIFT = 3,
	WORD_ASKED_SHIFT = 5,
	WORD_TAKEN_SHIFT = 6,
	WORD_RAN_SHIFT = 7,
};
#define WORD_LIST ((uintptr_t)1 << WORD_LIST_SHIFT)
#define WORD_PHASE (WORD_LIST - 1)
#define WORD_WAITERS (~(uintptr_t)0 << WORD_WAITERS_SHIFT)
#define WORD_OUTCOME ((uintptr_t)3 << WORD_OUTCOME_SHIFT)
#define WORD_ASKED ((uintptr_t)1 << WORD_ASKED_SHIFT)
#define WORD_TAKEN ((uintptr_t)1 << WORD_TAKEN_SHIFT)
#define WORD_RAN ((uintptr_t)1 << WORD_RAN_SHIFT)

_Static_assert(_Alignof(struct ferry_waiter) >= 8, "three bits are free in a waiter's address");

static inline enum word_phase word_phase(uintptr_t word)
{
	return (enum word_phase)(word & WORD_PHASE);
}

static inline bool word_is_done(uintptr_t word)
{
	return word_phase(word) == WORD_DONE;
}

/* Of a done word. */
static inline enum word_outcome word_outcome(uintptr_t word)
{
	return (enum word_outcome)((word & WORD_OUTCOME) >> WORD_OUTCOME_SHIFT);
}

/* Of a word that is not done: the newest waiter, NULL if there is none. */
static inline struct ferry_waiter *word_waiters(uintptr_t word)
{
	return (struct ferry_waiter *)(word & WORD_WAITERS);
}

/* Was cancellation asked for, or was it cancelled without being asked? */
static inline bool word_is_asked(uintptr_t word)
{
	if (word_is_done(word))
		return word & WORD_ASKED || word_outcome(word) == WORD_CANCELLED;
	return word_phase(word) == WORD_RUNNING_ASKED;
}

/* What the caller of a transition must do. */
enum word_action {
	WORD_APPLY,  /* exchange the word for next; if that fails, ask again */
	WORD_WAIT,   /* LIST is held: read the word again in a moment */
	WORD_REFUSE, /* the event is not possible now, and the old word says why */
};

struct word_step {
	uintptr_t next;
	enum word_action action;
};

static inline struct word_step word_apply(uintptr_t next)
{
	return (struct word_step){ next, WORD_APPLY };
}

static inline struct word_step word_stay(uintptr_t word, enum word_action action)
{
	return (struct word_step){ word, action };
}

/* PENDING -> RUNNING. Refused if a cancel came first, or it runs, or it is done. */
static inline struct word_step word_set_running(uintptr_t word)
{
	if (word_phase(word) != WORD_PENDING)
		return word_stay(word, WORD_REFUSE);
	return word_apply(word | WORD_RUNNING);
}

/* Any phase -> DONE, by the one who has the outcome. The old word has the waiters. */
static inline struct word_step word_complete(uintptr_t word, enum word_outcome outcome)
{
	uintptr_t done = WORD_DONE | (uintptr_t)outcome << WORD_OUTCOME_SHIFT;

	if (word_is_done(word))
		return word_stay(word, WORD_REFUSE);
	if (word & WORD_LIST)
		return word_stay(word, WORD_WAIT);
	if (word_phase(word) != WORD_PENDING)
		done |= WORD_RAN;
	if (word_is_asked(word))
		done |= WORD_ASKED;
	return word_apply(done);
}

/* PENDING -> CANCELLED at once; RUNNING -> RUNNING_ASKED, which leaves LIST alone. */
static inline struct word_step word_cancel(uintptr_t word)
{
	switch (word_phase(word)) {
	case WORD_PENDING:
		if (word & WORD_LIST)
			return word_stay(word, WORD_WAIT);
		return word_apply(WORD_DONE | WORD_ASKED |
				  (uintptr_t)WORD_CANCELLED << WORD_OUTCOME_SHIFT);
	case WORD_RUNNING:
		return word_apply((word & ~WORD_PHASE) | WORD_RUNNING_ASKED);
	default:
		return word_stay(word, WORD_REFUSE);
	}
}

/* A new newest waiter; its next must be the old word's waiters. */
static inline struct word_step word_attach(uintptr_t word, const struct ferry_waiter *waiter)
{
	if (word_is_done(word))
		return word_stay(word, WORD_REFUSE);
	if (word & WORD_LIST)
		return word_stay(word, WORD_WAIT);
	return word_apply((uintptr_t)waiter | (word & WORD_PHASE));
}

/* LIST is taken, for unlinking or for writing the outcome of a promise. */
static inline struct word_step word_hold(uintptr_t word)
{
	if (word_is_done(word))
		return word_stay(word, WORD_REFUSE);
	if (word & WORD_LIST)
		return word_stay(word, WORD_WAIT);
	return word_apply(word | WORD_LIST);
}

/* As word_hold(), by one who only may complete what nobody runs. */
static inline struct word_step word_hold_pending(uintptr_t word)
{
	if (word_phase(word) != WORD_PENDING)
		return word_stay(word, WORD_REFUSE);
	return word_hold(word);
}

/* LIST is given back, with the newest waiter as it is now. The phase may have moved. */
static inline struct word_step word_give_back(uintptr_t word, const struct ferry_waiter *newest)
{
	return word_apply((uintptr_t)newest | (word & WORD_PHASE));
}

/* LIST is given back by completing. The holder has written the outcome. */
static inline struct word_step word_publish(uintptr_t word, enum word_outcome outcome)
{
	return word_complete(word & ~WORD_LIST, outcome);
}

/*
 * As word_publish(), by one who only may complete what nobody runs: if it began to
 * run meanwhile LIST is given back and the one who runs it decides.
 */
static inline struct word_step word_expire(uintptr_t word)
{
	if (word_phase(word) != WORD_PENDING)
		return word_apply(word & ~WORD_LIST);
	return word_publish(word, WORD_EXCEPTION);
}

/* The result changes hands, once. */
static inline struct word_step word_take(uintptr_t word)
{
	if (!word_is_done(word) || word_outcome(word) != WORD_RESULT || word & WORD_TAKEN)
		return word_stay(word, WORD_REFUSE);
	return word_apply(word | WORD_TAKEN);
}

#endif
