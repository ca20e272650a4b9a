/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Gathers: when they are done, and with what; those who wait, cancelled; what is done, one after
 * the other; what is refused (T7, L2).
 */
#include "support/children.h"

TestSuite(gather, .timeout = 120);

#define MOST 8
#define MILLION 1000000

static ferry_gather gather;
static ferry_gather_entry entries[MOST];
static struct actor tasks[MOST];
static ferry_event events[MOST]; /* of each task that waits */

/* A task of no group; those that are told to wait do so for an event of their own. */
static struct actor *begin_task(unsigned i, struct actor what)
{
	tasks[i] = what;
	actor_begin(&tasks[i], loop, NULL);
	return &tasks[i];
}
#define BEGIN(i, ...) begin_task((i), (struct actor){ __VA_ARGS__ })
#define WAITS(i) .awaits = &events[i].awaitable

static void prepare(void)
{
	for (int i = 0; i < MOST; i++)
		cr_assert_eq(ferry_event_init(&events[i], loop), 0);
	memset(&gather, 0xa5, sizeof(gather)); /* it needs no preparation */
	memset(entries, 0xa5, sizeof(entries));
}

/* Gathers these. */
static ferry_operation *gather_these(ferry_gather_until until, size_t count,
				     ferry_awaitable *const *these)
{
	for (size_t i = 0; i < count; i++)
		entries[i].of = these[i];
	return ferry_gather_begin(&gather, loop, entries, count, until);
}
#define GATHER(until, count, ...)                                                                  \
	gather_these(FERRY_GATHER_##until, (count), (ferry_awaitable *const[]){ __VA_ARGS__ })

/* The first so many of the tasks. */
static void gather_tasks(ferry_gather_until until, size_t count)
{
	for (size_t i = 0; i < count; i++)
		entries[i].of = &tasks[i].awaitable;
	cr_assert_eq(ferry_gather_begin(&gather, loop, entries, count, until), &gather.operation);
}

static enum actor_end gather_end(void)
{
	return actor_end_of(ferry_awaitable_snapshot(&gather.awaitable));
}

static int gather_errno(void)
{
	return ferry_error_errno(ferry_awaitable_snapshot(&gather.awaitable).exception);
}

/* Why the next one cannot be had. */
static int next_errno(void)
{
	const ferry_awaitable *next = &ferry_gather_next(&gather)->awaitable;

	return ferry_error_errno(ferry_awaitable_snapshot(next).exception);
}

static void set(unsigned i)
{
	cr_assert_eq(ferry_event_set(&events[i]), 0);
	run();
}

/* One who waits for it: the others of a test have other names. */
static struct actor waiter;

static void wait_for_it(bool tries)
{
	waiter = (struct actor){ .name = "w", .awaits = &gather.awaitable, .tries = tries };
	actor_begin(&waiter, loop, NULL);
}

/* ---- when it is done ---- */

LoopTest(gather, all_are_done_when_the_last_one_is)
{
	prepare();
	for (unsigned i = 0; i < 3; i++)
		BEGIN(i, .name = "t", WAITS(i));
	gather_tasks(FERRY_GATHER_ALL, 3);
	wait_for_it(true);
	set(1);
	set(2);
	cr_assert_eq(gather_end(), ACTOR_PENDING);
	set(0);
	cr_assert_eq(gather_end(), ACTOR_RESULT);
	cr_assert(diary_is("t: t: t: w: t. t) t. t) t. t) w. w)"));
}

LoopTest(gather, what_is_done_at_the_beginning_takes_no_turn)
{
	ferry_event done;

	prepare();
	cr_assert_eq(ferry_event_init(&done, loop), 0);
	ferry_event_set(&done);
	BEGIN(0, .name = "a");
	BEGIN(1, .name = "b", .number = 7);
	for (int until = FERRY_GATHER_ALL; until <= FERRY_GATHER_ANY; until++) {
		cr_assert_eq(
			gather_these(until, 3,
				     (ferry_awaitable *[]){ &tasks[0].awaitable, &done.awaitable,
							    &tasks[1].awaitable }),
			&gather.operation);
		cr_assert_eq(gather_end(), ACTOR_RESULT);
		wait_for_it(true);
		cr_assert_eq(actor_ended(&waiter), ACTOR_RESULT);
		cr_assert_eq(ferry_gather_begin(&gather, loop, NULL, 0, until), &gather.operation);
		cr_assert_eq(gather_end(), ACTOR_RESULT, "and nothing is done at once, too");
	}
	cr_assert_eq(ferry_task_snapshot(&tasks[1].task).result.u64, 7);
	costs(0, 0);
	diary[0] = 0;
}

LoopTest(gather, the_entries_stand_in_the_order_given_and_may_be_the_same)
{
	prepare();
	BEGIN(0, .name = "a", WAITS(0), .number = 1);
	BEGIN(1, .name = "b", WAITS(1), .number = 2);
	GATHER(ALL, 4, &tasks[0].awaitable, &tasks[1].awaitable, &tasks[0].awaitable,
	       &tasks[0].awaitable);
	wait_for_it(false);
	set(1);
	set(0);
	cr_assert(diary_is("a: b: w: b. b) a. a) w. w)"));
	cr_assert_eq(entries[2].of, &tasks[0].awaitable);
	cr_assert_eq(gather_end(), ACTOR_RESULT);
}

LoopTest(gather, who_waits_for_the_same_thing_goes_on_in_his_turn)
{
	struct actor first = { .name = "f" }, last = { .name = "l" };

	prepare();
	BEGIN(0, .name = "a", WAITS(0));
	first.awaits = last.awaits = &tasks[0].awaitable;
	for (int until = FERRY_GATHER_ALL; until <= FERRY_GATHER_ANY; until++) {
		actor_begin(&first, loop, NULL);
		gather_these(until, 3,
			     (ferry_awaitable *[]){ &tasks[0].awaitable, &tasks[0].awaitable,
						    &tasks[0].awaitable });
		wait_for_it(false);
		actor_begin(&last, loop, NULL);
		set(0);
		cr_assert(diary_is(until ? "f: w: l: a. a) f. f) w. w) l. l)"
					 : "a: f: w: l: a. a) f. f) w. w) l. l)"));
		ferry_event_clear(&events[0]);
		if (until < FERRY_GATHER_ANY)
			BEGIN(0, .name = "a", WAITS(0));
		diary[0] = 0;
	}
}

LoopTest(gather, a_thousand_cost_one_callback_each_and_one_more)
{
	static struct actor many[1000];
	static ferry_gather_entry each[1000];

	prepare();
	for (int i = 0; i < 1000; i++) {
		many[i] = (struct actor){ .name = "", .yields = 1 };
		each[i].of = &actor_begin(&many[i], loop, NULL)->awaitable;
	}
	ferry_gather_begin(&gather, loop, each, 1000, FERRY_GATHER_ALL);
	wait_for_it(true);
	run();
	costs(2, 1001);
	cr_assert_eq(gather_end(), ACTOR_RESULT);
	diary[0] = 0;
}

/* ---- with what ---- */

LoopTest(gather, of_all_the_first_that_fails_is_the_outcome_and_the_others_go_on)
{
	prepare();
	BEGIN(0, .name = "a", WAITS(0));
	BEGIN(1, .name = "b", WAITS(1), .fails = -EIO);
	BEGIN(2, .name = "c", WAITS(2), .fails = -ENOENT);
	gather_tasks(FERRY_GATHER_ALL, 3);
	wait_for_it(true);
	set(1);
	cr_assert(diary_is("a: b: c: w: b. b) w)"));
	cr_assert_eq(gather_errno(), EIO);
	cr_assert_eq(actor_errno(&waiter), EIO);
	cr_assert_eq(ferry_task_cancels(&tasks[0].task), 0);
	set(0);
	set(2);
	cr_assert(diary_is("a. a) c. c)"));
	cr_assert_eq(actor_ended(&tasks[0]), ACTOR_RESULT);
	cr_assert_eq(gather_errno(), EIO);
}

LoopTest(gather, one_that_failed_before_is_the_outcome_at_once)
{
	prepare();
	BEGIN(0, .name = "a", WAITS(0));
	BEGIN(1, .name = "b", .fails = -EIO);
	BEGIN(2, .name = "c", .fails = -ENOENT);
	gather_tasks(FERRY_GATHER_ALL, 3);
	cr_assert_eq(gather_errno(), EIO);
	set(0);
	diary[0] = 0;
}

/* Those that go on are nothing to a gather that is done, whose memory may be gone; and so may
 * theirs, later. */
LoopTest(gather, what_goes_on_is_unlinked)
{
	for (int until = FERRY_GATHER_ALL; until <= FERRY_GATHER_ANY; until += FERRY_GATHER_ANY) {
		struct actor *slow = malloc(sizeof(*slow));
		ferry_gather *gone = malloc(sizeof(*gone));
		ferry_gather_entry *each = malloc(3 * sizeof(*each));

		prepare();
		*slow = (struct actor){ .name = "s", WAITS(0) };
		each[0].of = each[2].of = &actor_begin(slow, loop, NULL)->awaitable;
		each[1].of = &BEGIN(1, .name = "b", WAITS(1), .fails = -EIO)->awaitable;
		ferry_gather_begin(gone, loop, each, 3, until);
		set(1);
		cr_assert(ferry_awaitable_snapshot(&gone->awaitable).done);
		free(each);
		free(gone);
		set(0);
		cr_assert_eq(actor_ended(slow), ACTOR_RESULT);
		free(slow);
		run();
		cr_assert(diary_is("s: b: b. b) s. s)"));
	}
}

LoopTest(gather, one_that_is_cancelled_cancels_it_when_all_are_done)
{
	prepare();
	BEGIN(0, .name = "a", WAITS(0));
	BEGIN(1, .name = "b", WAITS(1));
	gather_tasks(FERRY_GATHER_ALL, 2);
	wait_for_it(true);
	ferry_task_cancel(&tasks[0].task);
	run();
	cr_assert_eq(gather_end(), ACTOR_PENDING);
	set(1);
	cr_assert_eq(gather_end(), ACTOR_CANCELLED);
	cr_assert_eq(actor_ended(&waiter), ACTOR_CANCELLED);
	cr_assert(diary_is("a: b: w: a) b. b) w)"));
}

LoopTest(gather, unless_one_fails)
{
	prepare();
	BEGIN(0, .name = "a", WAITS(0));
	BEGIN(1, .name = "b", WAITS(1), .fails = -EIO);
	BEGIN(2, .name = "c", WAITS(2));
	gather_tasks(FERRY_GATHER_ALL, 3);
	ferry_task_cancel(&tasks[0].task);
	run();
	set(1);
	cr_assert_eq(gather_errno(), EIO, "at once");
	set(2);
	diary[0] = 0;
}

LoopTest(gather, one_that_collects_has_a_result_whatever_came_of_them)
{
	prepare();
	BEGIN(0, .name = "a", .fails = -EIO);
	BEGIN(1, .name = "b", WAITS(1), .fails = -ENOENT);
	BEGIN(2, .name = "c", WAITS(2));
	gather_tasks(FERRY_GATHER_COLLECT, 3);
	wait_for_it(true);
	ferry_task_cancel(&tasks[2].task);
	run();
	cr_assert_eq(gather_end(), ACTOR_PENDING);
	set(1);
	cr_assert_eq(gather_end(), ACTOR_RESULT);
	cr_assert_eq(actor_ended(&waiter), ACTOR_RESULT);
	cr_assert_eq(actor_errno(&tasks[0]), EIO);
	cr_assert_eq(actor_errno(&tasks[1]), ENOENT);
	cr_assert_eq(actor_ended(&tasks[2]), ACTOR_CANCELLED);
	diary[0] = 0;
}

LoopTest(gather, any_is_done_when_one_is_whatever_came_of_it)
{
	for (unsigned first = 0; first < 3; first++) {
		prepare();
		BEGIN(0, .name = "a", WAITS(0));
		BEGIN(1, .name = "b", WAITS(1), .fails = -EIO);
		BEGIN(2, .name = "c", WAITS(2), .fails = -ECANCELED);
		gather_tasks(FERRY_GATHER_ANY, 3);
		wait_for_it(true);
		set(first);
		cr_assert_eq(gather_end(), ACTOR_RESULT);
		cr_assert_eq(actor_ended(&waiter), ACTOR_RESULT);
		for (unsigned i = 0; i < 3; i++)
			cr_assert_eq(actor_ended(&tasks[i]) != ACTOR_PENDING, i == first);
		for (unsigned i = 0; i < 3; i++)
			if (i != first)
				set(i);
		diary[0] = 0;
	}
}

LoopTest(gather, E2_of_several_who_try_each_has_the_exception)
{
	struct actor waiters[2];

	prepare();
	BEGIN(0, .name = "a", WAITS(0), .error = exception_new("of a"));
	gather_tasks(FERRY_GATHER_ALL, 1);
	for (unsigned i = 0; i < 2; i++) {
		waiters[i] =
			(struct actor){ .name = "w", .awaits = &gather.awaitable, .tries = true };
		actor_begin(&waiters[i], loop, NULL);
	}
	set(0);
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_str_eq(exception_of_task(&waiters[i].task), "of a");
		ferry_task_clear(&waiters[i].task);
	}
	cr_assert_eq(exceptions_alive, 1);
	cr_assert_str_eq(exception_of(&gather.awaitable), "of a", "none has it alone");
	cr_assert_eq(ferry_gather_end(&gather), 0);
	cr_assert_eq(exceptions_alive, 0);
	cr_assert_eq(gather_end(), ACTOR_EXCEPTION);
	diary[0] = 0;
}

LoopTest(gather, what_was_never_begun_is_nothing_to_wait_for)
{
	ferry_awaitable nothing = { 0 };

	prepare();
	GATHER(COLLECT, 1, &nothing);
	cr_assert_eq(gather_end(), ACTOR_RESULT);
	GATHER(ANY, 1, &nothing);
	cr_assert_eq(gather_end(), ACTOR_RESULT);
	GATHER(ALL, 1, &nothing);
	cr_assert_eq(gather_errno(), EINVAL, "what it would give is not there");
	cr_assert_eq(nothing.word, 0);
}

LoopTest(gather, E2_exceptions_are_held_once)
{
	const char *taken = ferry_error_message(ferry_error_from_code(FERRY_ERROR_TAKEN));

	prepare();
	BEGIN(0, .name = "a", WAITS(0), .error = exception_new("of a"));
	BEGIN(1, .name = "b", .error = exception_new("of b"));
	gather_tasks(FERRY_GATHER_ALL, 2);
	cr_assert_str_eq(exception_of_task(&tasks[1].task), taken, "the gather has it");
	cr_assert_str_eq(exception_of(&gather.awaitable), "of b");
	wait_for_it(true);
	cr_assert_str_eq(exception_of_task(&waiter.task), "of b");
	ferry_task_clear(&waiter.task);
	cr_assert_eq(exceptions_alive, 1, "the gather's was taken over");

	gather_tasks(FERRY_GATHER_ALL, 1);
	set(0);
	cr_assert_str_eq(exception_of(&gather.awaitable), "of a");
	cr_assert_str_eq(exception_of_task(&tasks[0].task), taken);
	cr_assert_eq(exceptions_alive, 1);
	cr_assert_eq(ferry_gather_end(&gather), 0);
	cr_assert_eq(exceptions_alive, 0);
	cr_assert_str_eq(exception_of(&gather.awaitable), taken, "it still is a failure");

	BEGIN(0, .name = "a", WAITS(1), .error = exception_new("of a"));
	gather_tasks(FERRY_GATHER_COLLECT, 1);
	set(1);
	cr_assert_str_eq(exception_of_task(&tasks[0].task), "of a");
	ferry_task_clear(&tasks[0].task);
	cr_assert_eq(exceptions_alive, 0, "one that collects holds none");
	diary[0] = 0;
}

/* ---- who waits is cancelled ---- */

LoopTest(gather, T7_a_cancel_is_passed_on_to_all_and_they_are_waited_for)
{
	for (int until = FERRY_GATHER_ALL; until <= FERRY_GATHER_COLLECT; until++) {
		prepare();
		BEGIN(0, .name = "a", WAITS(0), .cleans = &events[3].awaitable);
		BEGIN(1, .name = "b", WAITS(1));
		BEGIN(2, .name = "c");
		gather_tasks(until, 3);
		wait_for_it(false);
		ferry_task_cancel(&waiter.task);
		run();
		cr_assert(diary_is("a: b: c: c. c) w: a) b)"));
		cr_assert_eq(gather_end(), ACTOR_PENDING);
		set(3);
		cr_assert(diary_is("w)"));
		cr_assert_eq(gather_end(), ACTOR_CANCELLED);
		cr_assert_eq(actor_ended(&waiter), ACTOR_CANCELLED);
	}
}

LoopTest(gather, T7_one_that_has_all_its_results_all_the_same_is_not_cancelled)
{
	prepare();
	BEGIN(0, .name = "a", WAITS(0));
	cr_assert_eq(ferry_task_shield(&tasks[0].task), 0);
	gather_tasks(FERRY_GATHER_ALL, 1);
	wait_for_it(true);
	ferry_task_cancel(&waiter.task);
	set(0);
	cr_assert(diary_is("a: w: a. a) w. w)"));
	cr_assert_eq(gather_end(), ACTOR_RESULT);
}

LoopTest(gather, T7_once_cancelled_an_exception_has_to_wait_for_the_others)
{
	prepare();
	BEGIN(0, .name = "a", WAITS(0), .cleans = &events[3].awaitable);
	BEGIN(1, .name = "b", WAITS(1), .fails = -EIO);
	cr_assert_eq(ferry_task_shield(&tasks[1].task), 0);
	gather_tasks(FERRY_GATHER_ALL, 2);
	wait_for_it(true);
	ferry_task_cancel(&waiter.task);
	set(1);
	cr_assert(diary_is("a: b: w: a) b. b)"), "a's frame may be in w's");
	set(3);
	cr_assert(diary_is("w)"));
	cr_assert_eq(gather_errno(), EIO);
	cr_assert_eq(actor_errno(&waiter), EIO);
}

LoopTest(gather, who_waits_for_any_and_is_cancelled_cancels_nobody)
{
	prepare();
	BEGIN(0, .name = "a", WAITS(0));
	BEGIN(1, .name = "b", WAITS(1));
	gather_tasks(FERRY_GATHER_ANY, 2);
	wait_for_it(false);
	ferry_task_cancel(&waiter.task);
	run();
	cr_assert(diary_is("a: b: w: w)"));
	cr_assert_eq(actor_ended(&waiter), ACTOR_CANCELLED);
	cr_assert_eq(gather_end(), ACTOR_PENDING);
	cr_assert_eq(ferry_gather_end(&gather), 0);
	memset(entries, 0xa5, sizeof(entries));
	memset(&gather, 0xa5, sizeof(gather));
	set(0);
	set(1);
	cr_assert(diary_is("a. a) b. b)"));
}

LoopTest(gather, nor_does_one_who_waits_shielded)
{
	prepare();
	BEGIN(0, .name = "a", WAITS(0));
	gather_tasks(FERRY_GATHER_ALL, 1);
	waiter = (struct actor){ .name = "w", .awaits = &gather.awaitable, .shielded = true };
	actor_begin(&waiter, loop, NULL);
	ferry_task_cancel(&waiter.task);
	run();
	cr_assert(diary_is("a: w: w)"));
	set(0);
	cr_assert_eq(gather_end(), ACTOR_RESULT);
	diary[0] = 0;
}

LoopTest(gather, what_cannot_be_asked_is_left)
{
	ferry_operation operation;

	prepare();
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	GATHER(ALL, 2, &operation.awaitable, &operation.awaitable);
	wait_for_it(false);
	ferry_task_cancel(&waiter.task);
	run();
	cr_assert(diary_is("w: w)"));
	cr_assert_eq(gather_end(), ACTOR_CANCELLED);
	memset(&gather, 0xa5, sizeof(gather));
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	run();
}

static ferry_local *local;

/* Of each kind one: a task, a group, a time, a local, another gather. */
static void gather_one_of_each(ferry_await *await_local, ferry_sleep *nap, ferry_gather *inner,
			       ferry_gather_entry *inner_entry)
{
	prepare();
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "g", WAITING);
	cr_assert_eq(ferry_local_new(loop, &local), 0);
	BEGIN(0, .name = "a", WAITS(0));
	BEGIN(1, .name = "b", WAITS(0));
	inner_entry->of = &tasks[1].awaitable;
	GATHER(ALL, 5, &tasks[0].awaitable, &group.awaitable,
	       &ferry_sleep_until(nap, loop, 0)->awaitable,
	       &ferry_await_local(await_local, ferry_local_ref(local))->awaitable,
	       &ferry_gather_begin(inner, loop, inner_entry, 1, FERRY_GATHER_ALL)->awaitable);
}

LoopTest(gather, tasks_groups_times_locals_and_gathers_are_gathered)
{
	ferry_await await_local = { .local = NULL };
	ferry_sleep nap;
	ferry_gather inner;
	ferry_gather_entry inner_entry;

	gather_one_of_each(&await_local, &nap, &inner, &inner_entry);
	wait_for_it(true);
	run();
	cr_assert(diary_is("g: a: b: w:"));
	cr_assert(ferry_awaitable_snapshot(&nap.awaitable).done);
	cr_assert_eq(ferry_group_close(&group), -EALREADY, "waiting for a group closes it");
	ferry_event_set(&event);
	cr_assert_eq(ferry_local_set_result(local, ferry_result_u64(7)), 0);
	run();
	cr_assert(diary_is("g. g)"));
	set(0);
	cr_assert(diary_is("a. a) b. b) w. w)"));
	cr_assert_eq(ferry_await_snapshot(&await_local).result.u64, 7);
	cr_assert_eq(ferry_await_end(&await_local), 0);
	ferry_local_unref(local);
}

LoopTest(gather, T7_and_all_of_them_are_cancelled)
{
	ferry_await await_local = { .local = NULL };
	ferry_sleep nap;
	ferry_gather inner;
	ferry_gather_entry inner_entry;

	gather_one_of_each(&await_local, &nap, &inner, &inner_entry);
	wait_for_it(true);
	ferry_task_cancel(&waiter.task);
	cr_assert(ferry_local_snapshot(local).cancelled);
	cr_assert(ferry_awaitable_snapshot(&nap.awaitable).cancelled);
	cr_assert_eq(fixture_loop_counters(loop).timers, 0);
	run();
	cr_assert(diary_is("g: a: b: w: a) b) g) w)"));
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
	cr_assert(ferry_awaitable_snapshot(&inner.awaitable).cancelled);
	cr_assert_eq(actor_ended(&waiter), ACTOR_CANCELLED);
	cr_assert_eq(ferry_await_end(&await_local), 0);
	ferry_local_unref(local);
}

/* ---- nested ---- */

static ferry_gather *nests;
static ferry_gather_entry *nest_entries;

/* So many, each of which gathers the one behind it; the last one an operation. */
static void nest(size_t count, ferry_awaitable *innermost)
{
	nests = calloc(count, sizeof(*nests));
	nest_entries = calloc(count, sizeof(*nest_entries));
	cr_assert(nests && nest_entries);
	for (size_t i = count; i--;) {
		nest_entries[i].of = i + 1 < count ? &nests[i + 1].awaitable : innermost;
		ferry_gather_begin(&nests[i], loop, &nest_entries[i], 1, FERRY_GATHER_ALL);
	}
	waiter = (struct actor){ .name = "w", .awaits = &nests[0].awaitable, .tries = true };
	actor_begin(&waiter, loop, NULL);
}

static void nested_ends(enum actor_end as, size_t count)
{
	run();
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(actor_end_of(ferry_awaitable_snapshot(&nests[i].awaitable)), as);
	cr_assert_eq(actor_ended(&waiter), as);
	free(nests);
	free(nest_entries);
	diary[0] = 0;
}

LoopTest(gather, a_thousand_in_each_other_are_done_from_inside)
{
	ferry_operation operation;

	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	nest(1000, &operation.awaitable);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	nested_ends(ACTOR_RESULT, 1000);

	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	nest(1000, &operation.awaitable);
	cr_assert_eq(ferry_operation_complete(&operation, loop, -EIO), 0);
	nested_ends(ACTOR_EXCEPTION, 1000);
}

LoopTest(gather, T7_a_cancel_passes_through_a_hundred_thousand_without_recursion)
{
	struct actor innermost = { .name = "i", WAITING };

	actor_begin(&innermost, loop, NULL);
	nest(100000, &innermost.awaitable);
	cr_assert_eq(ferry_task_cancel(&waiter.task), 0);
	nested_ends(ACTOR_CANCELLED, 100000);
	cr_assert_eq(actor_ended(&innermost), ACTOR_CANCELLED);
}

LoopTest(gather, an_outer_one_that_is_ended_does_not_hear_of_the_inner_one)
{
	ferry_operation operation;
	ferry_gather inner;
	ferry_gather_entry inner_entry = { .of = &operation.awaitable };

	prepare();
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	ferry_gather_begin(&inner, loop, &inner_entry, 1, FERRY_GATHER_ALL);
	GATHER(ALL, 1, &inner.awaitable);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	cr_assert(ferry_awaitable_snapshot(&inner.awaitable).done);
	cr_assert_eq(gather_end(), ACTOR_PENDING, "it takes a turn");
	cr_assert_eq(ferry_gather_end(&gather), 0);
	memset(&gather, 0xa5, sizeof(gather));
	memset(entries, 0xa5, sizeof(entries));
	run();
	costs(0, 0);
}

/* How the inner one ended nobody can tell any more. */
LoopTest(gather, an_inner_one_may_be_begun_anew_before_the_outer_one_has_counted_it)
{
	ferry_operation operation;
	ferry_gather inner;
	ferry_gather_entry inner_entry;

	for (int ends = 0; ends < 2; ends++) {
		prepare();
		cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
		inner_entry.of = &operation.awaitable;
		ferry_gather_begin(&inner, loop, &inner_entry, 1, FERRY_GATHER_ALL);
		GATHER(ALL, 1, &inner.awaitable);
		cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
		inner_entry.of = &events[0].awaitable;
		ferry_gather_begin(&inner, loop, &inner_entry, 1, FERRY_GATHER_ALL);
		if (ends) {
			cr_assert_eq(ferry_gather_end(&gather), 0);
			memset(&gather, 0xa5, sizeof(gather));
			memset(entries, 0xa5, sizeof(entries));
		}
		run();
		if (!ends)
			cr_assert_eq(gather_end(), ACTOR_RESULT);
		cr_assert_eq(ferry_gather_end(&inner), 0);
	}
}

/* ---- hooks that end it as it begins ---- */

static void set_first(ferry_operation *operation)
{
	(void)operation;
	cr_assert_eq(ferry_event_set(&events[0]), 0);
}

LoopTest(gather, one_that_is_done_before_all_are_linked_is_linked_to_none_of_the_rest)
{
	static const ferry_operation_hooks hooks = { sizeof(hooks), "test", 0, set_first, NULL };
	ferry_operation hooked, operation;

	prepare();
	cr_assert_eq(ferry_operation_init(&hooked, &hooks), 0);
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	GATHER(ANY, 3, &events[0].awaitable, &hooked.awaitable, &operation.awaitable);
	cr_assert_eq(gather_end(), ACTOR_RESULT);
	memset(&gather, 0xa5, sizeof(gather));
	memset(entries, 0xa5, sizeof(entries));
	cr_assert_eq(ferry_operation_complete(&hooked, loop, 0), 0);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	run();
	costs(0, 0);
}

/* ---- one after the other ---- */

/* Takes one after the other, until there is none; in scopes that may be left. */
struct taker {
	FERRY_FRAME;
	ferry_timeout timeout;
	bool hurries;
	ferry_gather_entry *entry;
};

static ferry_step taker_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct taker, f);
	do {
		FERRY_TIMEOUT(&f->timeout, f->hurries ? 0 : FERRY_NO_DEADLINE)
			FERRY_TRY(ferry_gather_next(&gather));
		if (f->timeout.expired) {
			diary_note("late");
			f->hurries = false;
			FERRY_AWAIT(&event);
			continue;
		}
		f->entry = ferry_gather_given(&gather);
		if (f->entry)
			diary_note("%d", (int)(f->entry - entries));
	} while (f->entry);
	diary_note("none");
	FERRY_RETURN();
	FERRY_FINALLY
	FERRY_END;
}

static struct taker taker;

static void take(bool hurries)
{
	/* An entry: it is asked before one was given. */
	taker = (struct taker){ .hurries = hurries, .entry = entries };
	ferry_task_begin(&taker.task, loop, taker_step, NULL);
}

static enum actor_end taker_end(void)
{
	return actor_end_of(ferry_task_snapshot(&taker.task));
}

/* Those that are not told to wait are done at the beginning. */
static void gather_mixed(void)
{
	prepare();
	for (unsigned i = 0; i < 5; i++)
		BEGIN(i, .name = "", .awaits = i % 2 ? NULL : &events[i].awaitable);
	for (unsigned i = 0; i < 5; i++)
		entries[i].of = &tasks[i].awaitable;
	ferry_gather_begin(&gather, loop, entries, 5, FERRY_GATHER_COLLECT);
	diary[0] = 0;
}

/* Less what the tasks themselves note. */
static bool taken_is(const char *expected)
{
	char notes[256] = "";

	for (char *note = strtok(diary, " "); note; note = strtok(NULL, " "))
		if (!strpbrk(note, ":.)"))
			snprintf(notes + strlen(notes), sizeof(notes) - strlen(notes), "%s ", note);
	diary[0] = 0;
	snprintf(diary, sizeof(diary), "%s", notes);
	return diary_is(expected);
}

LoopTest(gather, the_next_one_is_given_in_the_order_of_completion)
{
	gather_mixed();
	take(false);
	cr_assert(taken_is("1 3"), "those that were done at the beginning");
	set(4);
	cr_assert(taken_is("4"));
	set(0);
	set(2);
	cr_assert(taken_is("0 2 none"));
	cr_assert_eq(taker_end(), ACTOR_RESULT);
	cr_assert_eq(gather_end(), ACTOR_RESULT);
}

LoopTest(gather, it_may_be_asked_for_when_all_are_done)
{
	gather_mixed();
	set(4);
	set(2);
	set(0);
	cr_assert_eq(gather_end(), ACTOR_RESULT);
	diary[0] = 0;
	take(false);
	cr_assert(taken_is("1 3 4 2 0 none"));
	cr_assert_null(ferry_gather_given(&gather));
	cr_assert(ferry_awaitable_snapshot(&ferry_gather_next(&gather)->awaitable).done);
	cr_assert_null(ferry_gather_given(&gather));
}

LoopTest(gather, T7_one_that_comes_while_nobody_waits_is_given_to_the_next_who_asks)
{
	gather_mixed();
	take(true);
	run();
	cr_assert(taken_is("1 3 late"));
	set(4);
	set(2);
	ferry_event_set(&event);
	run();
	cr_assert(taken_is("4 2"));
	set(0);
	cr_assert(taken_is("0 none"));
	cr_assert_eq(taker_end(), ACTOR_RESULT);
}

LoopTest(gather, who_is_cancelled_while_he_asks_cancels_nobody)
{
	gather_mixed();
	take(false);
	ferry_task_cancel(&taker.task);
	run();
	cr_assert(taken_is("1 3"));
	cr_assert_eq(taker_end(), ACTOR_CANCELLED);
	cr_assert_eq(ferry_task_cancels(&tasks[0].task), 0);
	take(false);
	set(0);
	set(2);
	set(4);
	cr_assert(taken_is("0 2 4 none"));
}

LoopTest(gather, who_asks_when_all_are_cancelled_is_told_that_there_is_none)
{
	ferry_operation operation;

	prepare();
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	GATHER(COLLECT, 1, &operation.awaitable);
	wait_for_it(false);
	take(false);
	ferry_task_cancel(&waiter.task);
	run();
	cr_assert_eq(gather_end(), ACTOR_CANCELLED);
	cr_assert(taken_is("none"));
	cr_assert_eq(taker_end(), ACTOR_RESULT);
}

LoopTest(gather, those_that_are_cancelled_are_given_too)
{
	gather_mixed();
	wait_for_it(false);
	take(false);
	ferry_task_cancel(&waiter.task);
	run();
	cr_assert(taken_is("1 3 0 2 4 none"));
	cr_assert_eq(gather_end(), ACTOR_CANCELLED);
}

LoopTest(gather, the_next_one_is_only_asked_of_one_that_keeps_its_entries)
{
	gather_mixed();
	for (int until = FERRY_GATHER_ALL; until <= FERRY_GATHER_ANY; until += FERRY_GATHER_ANY) {
		gather_tasks(until, 5);
		cr_assert_eq(next_errno(), EINVAL);
		cr_assert_null(ferry_gather_given(&gather));
		cr_assert_eq(ferry_gather_end(&gather), 0);
	}
	cr_assert_eq(next_errno(), EINVAL, "nor of one that was ended");
	errno = 0;
	cr_assert_null(ferry_gather_next(NULL));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_gather_given(NULL));
	for (int i = 0; i < 5; i += 2)
		set((unsigned)i);
	diary[0] = 0;
}

/* ---- ended ---- */

LoopTest(gather, one_that_somebody_waits_for_is_not_ended)
{
	gather_mixed();
	wait_for_it(false);
	cr_assert_eq(ferry_gather_end(&gather), -EBUSY);
	take(false);
	ferry_task_cancel(&waiter.task);
	cr_assert_eq(ferry_gather_end(&gather), -EBUSY);
	run();
	cr_assert_eq(gather_end(), ACTOR_CANCELLED);
	cr_assert_eq(ferry_gather_end(&gather), 0);
	cr_assert_eq(ferry_gather_end(&gather), -EINVAL);
	cr_assert_eq(ferry_gather_end(NULL), -EINVAL);

	gather_mixed();
	take(false);
	cr_assert_eq(ferry_gather_end(&gather), -EBUSY, "who asks for the next one does, too");
	for (int i = 0; i < 5; i += 2)
		set((unsigned)i);
	cr_assert_eq(taker_end(), ACTOR_RESULT);
	diary[0] = 0;
}

LoopTest(gather, one_that_is_ended_is_linked_nowhere)
{
	gather_mixed();
	cr_assert_eq(ferry_gather_end(&gather), 0);
	memset(entries, 0xa5, sizeof(entries));
	memset(&gather, 0xa5, sizeof(gather));
	for (int i = 0; i < 5; i += 2)
		set((unsigned)i);
	diary[0] = 0;
}

LoopTest(gather, a_loop_that_closes_forgets_it)
{
	gather_mixed();
	wait_for_it(true);
	ferry_loop_ref(loop);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(ferry_awaitable_snapshot(&waiter.awaitable).cancelled);
	cr_assert_eq(next_errno(), ESHUTDOWN);
	cr_assert_eq(ferry_gather_end(&gather), 0);
	GATHER(ALL, 1, &tasks[0].awaitable);
	cr_assert_eq(gather_errno(), ESHUTDOWN);
	ferry_loop_unref(loop);
	loop = fixture_loop();
	diary[0] = 0;
}

/* ---- refused ---- */

static void refused(ferry_operation *got, int reason)
{
	cr_assert_eq(got, &gather.operation);
	cr_assert_eq(gather_errno(), reason);
	cr_assert_eq(ferry_gather_end(&gather), -EINVAL, "it was not begun");
}

static void gather_elsewhere(void *unused)
{
	(void)unused;
	refused(ferry_gather_begin(&gather, loop, entries, 1, FERRY_GATHER_ALL), EPERM);
}

LoopTest(gather, what_cannot_be_gathered_is_refused_and_nothing_is_linked)
{
	ferry_loop *other = fixture_loop();
	struct actor foreign = { .name = "f", .yields = 1 };
	ferry_lock lock;
	ferry_semaphore semaphore;

	prepare();
	cr_assert_eq(ferry_lock_init(&lock, loop), 0);
	cr_assert_eq(ferry_semaphore_init(&semaphore, loop, 0), 0);
	BEGIN(0, .name = "a", WAITS(0));
	actor_begin(&foreign, other, NULL);
	refused(GATHER(ALL, 2, &tasks[0].awaitable, NULL), EINVAL);
	refused(GATHER(ALL, 2, &tasks[0].awaitable, &foreign.awaitable), EINVAL);
	refused(GATHER(ALL, 2, &tasks[0].awaitable, &lock.operation.awaitable), EINVAL);
	refused(GATHER(ALL, 2, &tasks[0].awaitable, &semaphore.operation.awaitable), EINVAL);
	refused(gather_these(FERRY_GATHER_ANY + 1, 1, (ferry_awaitable *[]){ &tasks[0].awaitable }),
		EINVAL);
	refused(ferry_gather_begin(&gather, loop, NULL, 1, FERRY_GATHER_ALL), EINVAL);
	refused(ferry_gather_begin(&gather, NULL, entries, 1, FERRY_GATHER_ALL), EINVAL);
	fixture_elsewhere(gather_elsewhere, NULL);
	errno = 0;
	cr_assert_null(ferry_gather_begin(NULL, loop, entries, 1, FERRY_GATHER_ALL));
	cr_assert_eq(errno, EINVAL);
	memset(entries, 0xa5, sizeof(entries));
	set(0);
	cr_assert_eq(ferry_loop_run(other), 0);
	cr_assert_eq(ferry_loop_free(other), 0);
	diary[0] = 0;
}

LoopTest(gather, a_million_are_gathered_and_not_one_more)
{
	ferry_gather_entry *each = calloc(MILLION + 1, sizeof(*each));

	cr_assert_not_null(each);
	prepare();
	for (int i = 0; i <= MILLION; i++)
		each[i].of = &event.awaitable;
	refused(ferry_gather_begin(&gather, loop, each, MILLION + 1, FERRY_GATHER_ALL), EINVAL);
	ferry_gather_begin(&gather, loop, each, MILLION, FERRY_GATHER_COLLECT);
	cr_assert_eq(gather_end(), ACTOR_PENDING);
	ferry_event_set(&event);
	cr_assert_eq(gather_end(), ACTOR_RESULT);
	for (int i = 0; i < MILLION; i++) {
		cr_assert(ferry_awaitable_snapshot(&ferry_gather_next(&gather)->awaitable).done);
		cr_assert_eq(ferry_gather_given(&gather), &each[i]);
	}
	free(each);
	costs(0, 0);
}

static void never_told(ferry_waiter *node)
{
	cr_assert_null(node, "told of what is another loop's");
}

LoopTest(gather, E1_a_local_of_another_loop_is_not_gathered_here)
{
	ferry_loop *other = fixture_loop();
	ferry_await await = { .local = NULL };
	ferry_gather gather;
	ferry_gather_entry entry;
	ferry_waiter node = { NULL, never_told };
	ferry_local *local;

	cr_assert_eq(ferry_local_new(other, &local), 0);
	entry.of = &ferry_await_local(&await, local)->awaitable;
	ferry_gather_begin(&gather, loop, &entry, 1, FERRY_GATHER_ALL);
	cr_assert_eq(ferry_error_errno(ferry_awaitable_snapshot(&gather.awaitable).exception),
		     EINVAL);
	cr_assert_eq(ferry_awaitable_attach(entry.of, loop, &node), -EINVAL);
	cr_assert_eq(ferry_await_end(&await), 0);
	cr_assert_eq(ferry_loop_free(other), 0);
}
