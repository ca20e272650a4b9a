/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Families of tasks that do everything with groups at random, on one loop, in rounds: each group,
 * and each of the tasks, ends as a model says, and the books balance at the end (T4, T6, T7, E2).
 *
 *   stress_groups [--seed N] [--count ROUNDS]
 *
 * A relative is a task with a few acts: it makes groups, begins children in those, and beside
 * itself in that of its parent, waits for them alone, among others, shielded or with a deadline,
 * closes and cancels them, starts and cancels whom it does not know, uses a limiter, fails, and
 * makes a last group behind FERRY_FINALLY. Between turns chance does the like from outside. Each
 * time that nothing is ready, whoever is left must wait for somebody else. At the end of most
 * rounds all are cancelled, and end; at that of the others the loop is closed under them. Then all
 * exceptions are let go of, and each hook has been called, once.
 *
 * A round has a seed of its own, the first one that of the program: what fails says how to play
 * that round alone. The model is in family.h and relative.h.
 */
#include "acts.h"

#define TURNS 30
#define ENOUGH 1000 /* rounds, for everything to happen */

/* ---- a life ---- */

static ferry_step live(ferry_task *task)
{
	FERRY_BEGIN(task, struct relative, f);
	relative_begin(f);
	for (f->at = 0; f->at < f->acts; f->at++) {
		choose(f);
		if (f->what == YIELD)
			FERRY_YIELD();
		else if (f->what == EVENT)
			FERRY_AWAIT(&events[f->roll % EVENTS]);
		else if (f->what == SLEEP)
			FERRY_AWAIT(ferry_sleep_until(&f->sleep, loop, 0));
		else if (f->what == JOIN_TRYING)
			FERRY_TRY(&try_family(f)->group);
		else if (f->what == JOIN)
			FERRY_AWAIT(&await_family(f, true)->group);
		else if (f->what == JOIN_SHIELDED)
			FERRY_SHIELD(&await_family(f, false)->group);
		else if (f->what == TRY)
			FERRY_TRY(try_kid(f));
		else if (f->what == AWAIT)
			FERRY_AWAIT(choose_kid(f));
		else if (f->what == SHIELD)
			FERRY_SHIELD(choose_kid(f));
		else if (f->what == GATHER)
			FERRY_TRY(gather(f));
		else if (f->what == ENTER)
			FERRY_TRY(enter(f));
		else if (f->what == SCOPE) {
			FERRY_TIMEOUT(&f->outer, f->roll & 4 ? 0 : FERRY_NO_DEADLINE) {
				FERRY_TIMEOUT(&f->inner, 0) {
					FERRY_AWAIT(&events[0]);
					if (f->roll & 8)
						break;
					FERRY_YIELD();
				}
				if (choose_family(f))
					FERRY_AWAIT(&await_family(f, true)->group);
			}
		} else if (f->what == RAISE)
			FERRY_FAIL((relative_leave(f, FAILED, ++next_code), new_error(next_code)));
		else if (f->what == FAIL)
			FERRY_FAIL((relative_leave(f, FAILED, EIO), -EIO));
		else if (f->what == GIVE_UP)
			FERRY_FAIL((relative_leave(f, CANCELLED, 0), -ECANCELED));
		else if (f->what == RETURN)
			FERRY_RETURN(relative_leave(f, RESULT, 0));
		else
			act(f);
		go_on(f);
	}
	if (f->held)
		hold(f);
	FERRY_RETURN(relative_leave(f, RESULT, 0));

	FERRY_FINALLY
	relative_foresee(f);
	go_on(f);
	if (f->roll & 1)
		ferry_limiter_leave(&f->slot);
	if (f->roll & 2)
		FERRY_YIELD();
	if (found_late(f))
		FERRY_AWAIT(&f->late.group);
	go_on(f);
	relative_end(f);
	FERRY_END;
}

/* ---- a round ---- */

static void open_round(uint64_t seed)
{
	round_seed = chances = seed;
	count = 0;
	next_code = 1000;
	ends = 1;
	is_closing = false;
	is_counted = below(2);
	loop = fixture_loop();
	ferry_loop_set_exception_handler(loop, hear, NULL);
	for (unsigned i = 0; i < EVENTS; i++)
		holds(!ferry_event_init(&events[i], loop), "no event");
	holds(!ferry_limiter_init(&limiter, loop, 1 + below(3)), "no limiter");
	ancestors.is_made = false;
	family_make(&ancestors, loop, &chances);
	for (unsigned i = 1 + below(4); i; i--)
		begin(below(2) ? &ancestors : NULL);
}

static void interfere(void)
{
	struct relative *f = &relatives[below(count)];

	switch (below(10)) {
	case 0:
	case 1:
		ferry_event_set(&events[below(EVENTS)]);
		break;
	case 2:
	case 3:
		ferry_event_clear(&events[below(EVENTS)]);
		break;
	case 4:
		f->asked += ferry_task_cancel(&f->task) == 0;
		break;
	case 5:
		/* Nobody takes back what others asked for. */
		if (f->asked && ferry_task_uncancel(&f->task) >= 0) {
			f->asked--;
			f->uncancelled = true;
		}
		break;
	case 6:
		if (f->families[0].is_made)
			family_ask(&f->families[0]);
		break;
	case 7:
		ferry_limiter_set_limit(&limiter, 1 + below(3));
		break;
	case 8:
		if (!below(8))
			family_ask(&ancestors);
		break;
	default:
		break;
	}
}

/* Until nothing is ready. */
static void run_to_rest(void)
{
	holds(ferry_loop_run(loop) == 0, "a loop cannot run");
	family_check_rest(&ancestors, NULL, relatives, count);
	for (unsigned i = 0; i < count; i++) {
		struct relative *f = &relatives[i];

		for (unsigned j = 0; j < FAMILIES; j++)
			family_check_rest(&f->families[j], f, relatives, count);
		family_check_rest(&f->late, f, relatives, count);
	}
}

/* All end, those that nobody else would wake included. */
static void run_out(void)
{
	ferry_limiter_counters places;

	for (unsigned i = 0; i < EVENTS; i++)
		ferry_event_set(&events[i]);
	run_to_rest();
	ancestors.closed = true;
	holds(!ferry_group_close(&ancestors.group), "a group cannot be closed");
	run_to_rest();
	for (unsigned i = 0; fixture_loop_counters(loop).tasks; i++) {
		holds(i < 2 * RELATIVES, "a task does not end (T5)");
		for (unsigned j = 0; j < count; j++)
			ferry_task_unshield(&relatives[j].task);
		holds(ferry_loop_cancel_tasks(loop) > 0, "no cancel");
		run_to_rest();
	}
	family_check(&ancestors);
	for (unsigned i = 0; i < count; i++)
		relative_check(&relatives[i]);
	ferry_limiter_stats(&limiter, &places);
	holds(places.inside == 0 && places.queued == 0, "a place is lost");
	holds(fixture_loop_counters(loop).timers == 0, "a timer is left");
}

/* With whatever is out. */
static void close_round(void)
{
	ferry_loop *handle = ferry_loop_ref(loop);

	is_closing = true;
	holds(!ferry_loop_free(loop), "a loop cannot be freed");
	family_drop(&ancestors);
	for (unsigned i = 0; i < count; i++) {
		struct relative *f = &relatives[i];

		holds(f->has_hook ? f->hooked == 1 : is_done(&f->awaitable),
		      "a task lives on (T5)");
		end_gather(f);
		for (unsigned j = 0; j < FAMILIES; j++)
			family_drop(&f->families[j]);
		family_drop(&f->late);
		holds(f->has_hook || !ferry_task_clear(&f->task), "a task cannot be cleared");
	}
	ferry_loop_unref(handle);
	holds(books.errors == books.errors_freed, "an exception is kept, or let go of twice (E2)");
	holds(books.hooks == books.hooked, "a hook is not called (T1)");
}

static void play(uint64_t seed)
{
	bool runs_out;

	open_round(seed);
	runs_out = below(10);
	for (unsigned i = 0; i < TURNS; i++) {
		holds(ferry_loop_run_once(loop, 0) >= 0, "a loop cannot run");
		interfere();
	}
	if (runs_out)
		run_out();
	close_round();
}

/* Did it come to everything, and could the model mostly tell how it would end? */
static void balance(void)
{
	long exceptions = FERRY_GROUP_FIRST_EXCEPTION, results = FERRY_GROUP_FIRST_RESULT;

	for (int policy = 0; policy < 3; policy++)
		program_check(books.ends[policy][RESULT] && books.ends[policy][CANCELLED],
			      "no group of policy %d had a result, or was cancelled", policy);
	program_check(books.ends[exceptions][FAILED] && books.ends[results][FAILED] &&
			      !books.ends[FERRY_GROUP_COLLECT][FAILED],
		      "groups of a policy failed, or did not");
	program_check(books.exact > books.relatives / 2 && books.interrupted && books.by_families &&
			      books.errors && books.told && books.refused,
		      "too little happened: %ld exact, %ld interrupted, %ld refused of %ld",
		      books.exact, books.interrupted, books.refused, books.relatives);
}

int main(int argc, char **argv)
{
	struct program program =
		program_begin(argc, argv, "groups end as a model says", 20000, 5000000);

	for (long i = 0; i < program.count; i++)
		play(program.seed + (uint64_t)i);
	if (program.count >= ENOUGH)
		balance();
	printf("%ld relatives, %ld foretold, %ld interrupted; %ld groups; %ld exceptions, %ld "
	       "told\n",
	       books.relatives, books.exact, books.interrupted, books.families, books.errors,
	       books.told);
	return 0;
}
