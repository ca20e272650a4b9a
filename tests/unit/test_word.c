/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The word's transitions, each on every word there can be (F1, F3, F5, F6, F7).
 *
 * tests/model/model_word.c runs them against each other.
 */
#include <criterion/criterion.h>

#include "future/word.h"

static ferry_waiter nodes[2];

#define WORDS_MOST 256
static uintptr_t words[WORDS_MOST];
static unsigned count;

/* Every word that future.c can make. */
static void make_words(void)
{
	count = 0;
	for (int phase = WORD_PENDING; phase < WORD_DONE; phase++)
		for (int list = 0; list < 2; list++)
			for (int waiters = 0; waiters < 2; waiters++)
				words[count++] = (uintptr_t)phase | (list ? WORD_LIST : 0) |
						 (waiters ? (uintptr_t)&nodes[0] : 0);
	for (uintptr_t outcome = WORD_RESULT; outcome <= WORD_CANCELLED; outcome++)
		for (int bits = 0; bits < 8; bits++)
			words[count++] = WORD_DONE | outcome << WORD_OUTCOME_SHIFT |
					 (bits & 1 ? WORD_ASKED : 0) | (bits & 2 ? WORD_RAN : 0) |
					 (bits & 4 && outcome == WORD_RESULT ? WORD_TAKEN : 0);
}

TestSuite(word, .init = make_words, .timeout = 30);

#define EACH_WORD(word)                                     \
	for (unsigned number = 0; number < count; number++) \
		for (uintptr_t word = words[number], once = 1; once; once--)

/* Every step that can be taken from a word by one who does not hold LIST. */
static unsigned steps_from(uintptr_t word, struct word_step *steps)
{
	unsigned n = 0;

	steps[n++] = word_set_running(word);
	for (enum word_outcome outcome = WORD_RESULT; outcome <= WORD_CANCELLED; outcome++)
		steps[n++] = word_complete(word, outcome);
	steps[n++] = word_cancel(word);
	steps[n++] = word_attach(word, &nodes[1]);
	steps[n++] = word_hold(word);
	steps[n++] = word_hold_pending(word);
	steps[n++] = word_take(word);
	return n;
}

Test(word, nothing_leaves_done_and_only_taking_changes_it_F1)
{
	struct word_step steps[16];

	EACH_WORD(word) {
		unsigned n = steps_from(word, steps);

		if (!word_is_done(word))
			continue;
		for (unsigned i = 0; i < n; i++)
			if (steps[i].action == WORD_APPLY)
				cr_assert_eq(steps[i].next, word | WORD_TAKEN, "step %u", i);
			else
				cr_assert_eq(steps[i].action, WORD_REFUSE, "step %u", i);
	}
}

Test(word, a_phase_only_grows_F1)
{
	struct word_step steps[16];

	EACH_WORD(word) {
		unsigned n = steps_from(word, steps);

		for (unsigned i = 0; i < n; i++)
			cr_assert_geq(word_phase(steps[i].next), word_phase(word), "step %u", i);
	}
}

Test(word, a_step_that_is_not_applied_leaves_the_word_as_it_was_F4)
{
	struct word_step steps[16];

	EACH_WORD(word) {
		unsigned n = steps_from(word, steps);

		for (unsigned i = 0; i < n; i++)
			if (steps[i].action != WORD_APPLY)
				cr_assert_eq(steps[i].next, word, "step %u", i);
			else
				cr_assert_neq(steps[i].next, word, "step %u", i);
	}
}

Test(word, while_LIST_is_held_nobody_else_drops_it_or_touches_the_waiters_F5)
{
	struct word_step steps[16];

	EACH_WORD(word) {
		unsigned n = steps_from(word, steps);

		if (!(word & WORD_LIST))
			continue;
		for (unsigned i = 0; i < n; i++) {
			cr_assert(steps[i].next & WORD_LIST, "step %u", i);
			cr_assert_eq(word_waiters(steps[i].next), word_waiters(word), "step %u", i);
		}
	}
}

Test(word, set_running_and_asking_never_wait_F5)
{
	EACH_WORD(word) {
		cr_assert_neq(word_set_running(word).action, WORD_WAIT);
		cr_assert_neq(word_take(word).action, WORD_WAIT);
		if (word_phase(word) != WORD_PENDING)
			cr_assert_neq(word_cancel(word).action, WORD_WAIT);
	}
}

Test(word, nobody_waits_for_a_LIST_that_is_not_held_F5)
{
	struct word_step steps[16];

	EACH_WORD(word) {
		unsigned n = steps_from(word, steps);

		if (word & WORD_LIST)
			continue;
		for (unsigned i = 0; i < n; i++)
			cr_assert_neq(steps[i].action, WORD_WAIT, "step %u", i);
	}
}

Test(word, set_running_takes_a_pending_one_only_and_keeps_all_else_F1)
{
	EACH_WORD(word) {
		struct word_step step = word_set_running(word);

		if (word_phase(word) != WORD_PENDING) {
			cr_assert_eq(step.action, WORD_REFUSE);
			continue;
		}
		cr_assert_eq(step.action, WORD_APPLY);
		cr_assert_eq(word_phase(step.next), WORD_RUNNING);
		cr_assert_eq(step.next & ~WORD_PHASE, word & ~WORD_PHASE);
	}
}

Test(word, completion_gives_the_outcome_and_keeps_what_was_asked_and_whether_it_ran_F1)
{
	for (enum word_outcome outcome = WORD_RESULT; outcome <= WORD_CANCELLED; outcome++)
		EACH_WORD(word) {
			struct word_step step = word_complete(word, outcome);

			if (word_is_done(word) || word & WORD_LIST)
				continue;
			cr_assert_eq(step.action, WORD_APPLY);
			cr_assert(word_is_done(step.next));
			cr_assert_eq(word_outcome(step.next), outcome);
			cr_assert_eq(!!(step.next & WORD_ASKED), word_is_asked(word));
			cr_assert_eq(!!(step.next & WORD_RAN), word_phase(word) != WORD_PENDING);
			cr_assert_not(step.next & (WORD_LIST | WORD_TAKEN));
		}
}

Test(word, publishing_is_completing_by_the_holder_of_LIST_F2)
{
	for (enum word_outcome outcome = WORD_RESULT; outcome <= WORD_CANCELLED; outcome++)
		EACH_WORD(word) {
			struct word_step step = word_publish(word, outcome);

			if (!(word & WORD_LIST))
				continue;
			cr_assert_eq(step.action, WORD_APPLY);
			cr_assert_eq(step.next, word_complete(word & ~WORD_LIST, outcome).next);
		}
}

Test(word, cancel_ends_a_pending_one_at_once_F3)
{
	EACH_WORD(word) {
		struct word_step step = word_cancel(word);

		if (word_phase(word) != WORD_PENDING || word & WORD_LIST)
			continue;
		cr_assert_eq(step.action, WORD_APPLY);
		cr_assert(word_is_done(step.next));
		cr_assert_eq(word_outcome(step.next), WORD_CANCELLED);
		cr_assert(word_is_asked(step.next));
		cr_assert_not(step.next & WORD_RAN);
	}
}

Test(word, cancel_only_asks_a_running_one_and_leaves_LIST_and_waiters_alone_F3)
{
	EACH_WORD(word) {
		struct word_step step = word_cancel(word);

		if (word_phase(word) != WORD_RUNNING)
			continue;
		cr_assert_eq(step.action, WORD_APPLY);
		cr_assert_eq(word_phase(step.next), WORD_RUNNING_ASKED);
		cr_assert_eq(step.next & ~WORD_PHASE, word & ~WORD_PHASE);
		cr_assert(word_is_asked(step.next));
		cr_assert_eq(word_cancel(step.next).action, WORD_REFUSE, "it is asked once");
	}
}

Test(word, attach_makes_the_newest_waiter_F5)
{
	EACH_WORD(word) {
		struct word_step step = word_attach(word, &nodes[1]);

		if (word_is_done(word) || word & WORD_LIST)
			continue;
		cr_assert_eq(step.action, WORD_APPLY);
		cr_assert_eq(word_waiters(step.next), &nodes[1]);
		cr_assert_eq(word_phase(step.next), word_phase(word));
		cr_assert_not(step.next & WORD_LIST);
	}
}

Test(word, LIST_is_given_back_with_the_phase_as_it_is_now_F5)
{
	EACH_WORD(word) {
		if (word_is_done(word) || word & WORD_LIST)
			continue;
		cr_assert_eq(word_hold(word).next, word | WORD_LIST);
		/* It may begin to run, and be asked, while LIST is held. */
		for (uintptr_t phase = word_phase(word); phase < WORD_DONE; phase++) {
			uintptr_t moved = (word & ~WORD_PHASE) | WORD_LIST | phase;
			struct word_step step = word_give_back(moved, &nodes[1]);

			cr_assert_eq(step.action, WORD_APPLY);
			cr_assert_eq(step.next, (uintptr_t)&nodes[1] | phase);
			cr_assert_eq(word_give_back(moved, NULL).next, phase);
		}
	}
}

Test(word, only_a_pending_one_is_held_to_be_expired_P10)
{
	EACH_WORD(word) {
		struct word_step step = word_hold_pending(word);

		if (word_phase(word) != WORD_PENDING)
			cr_assert_eq(step.action, WORD_REFUSE);
		else if (word & WORD_LIST)
			cr_assert_eq(step.action, WORD_WAIT);
		else
			cr_assert_eq(step.next, word | WORD_LIST);
	}
}

Test(word, expiry_gives_LIST_back_if_it_began_to_run_meanwhile_P10)
{
	EACH_WORD(word) {
		struct word_step step = word_expire(word);

		if (!(word & WORD_LIST))
			continue;
		cr_assert_eq(step.action, WORD_APPLY);
		if (word_phase(word) != WORD_PENDING) {
			cr_assert_eq(step.next, word & ~WORD_LIST);
			continue;
		}
		cr_assert(word_is_done(step.next));
		cr_assert_eq(word_outcome(step.next), WORD_EXCEPTION);
		cr_assert_not(step.next & (WORD_RAN | WORD_LIST | WORD_ASKED));
	}
}

Test(word, a_result_is_taken_once_and_nothing_else_ever_is_F7)
{
	EACH_WORD(word) {
		struct word_step step = word_take(word);

		if (!word_is_done(word) || word_outcome(word) != WORD_RESULT ||
		    word & WORD_TAKEN) {
			cr_assert_eq(step.action, WORD_REFUSE);
			continue;
		}
		cr_assert_eq(step.action, WORD_APPLY);
		cr_assert_eq(step.next, word | WORD_TAKEN);
		cr_assert_eq(word_take(step.next).action, WORD_REFUSE);
	}
}

Test(word, it_is_asked_if_somebody_asked_or_it_was_cancelled_F3)
{
	EACH_WORD(word) {
		if (!word_is_done(word))
			cr_assert_eq(word_is_asked(word), word_phase(word) == WORD_RUNNING_ASKED);
		else
			cr_assert_eq(word_is_asked(word), word & WORD_ASKED ||
					     word_outcome(word) == WORD_CANCELLED);
	}
}

Test(word, a_pending_word_with_nobody_waiting_is_zero)
{
	cr_assert_eq(WORD_PENDING, 0);
	cr_assert_null(word_waiters(WORD_PENDING));
	cr_assert_not(word_is_done(0));
	cr_assert_not(word_is_asked(0));
}
