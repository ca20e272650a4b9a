/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leaving a body: how a task ends, what becomes of exceptions on their way, what cleans up, and
 * steps that are left where they should not be (T7, E2).
 */
#include <criterion/criterion.h>
#include <limits.h>

#include "support/actor.h"
#include "support/exceptions.h"

TestSuite(leave, .timeout = 60);

#define DEFERRED OPTIONS_OF(.start = FERRY_START_DEFERRED)

static ferry_loop *loop;
static ferry_operation operation;

static void begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	cr_assert_eq(ferry_loop_set_exception_handler(loop, exception_hear, NULL), 0);
}

static void end(void)
{
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0, "their frames are gone");
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(exceptions_alive, 0, "each is dropped once");
}

static void run(void)
{
	cr_assert_eq(ferry_loop_run(loop), 0);
}

static void complete(int outcome)
{
	cr_assert_eq(ferry_operation_complete(&operation, loop, outcome), 0);
}

static const ferry_error *exception(const struct actor *actor)
{
	return ferry_awaitable_snapshot(&actor->awaitable).exception;
}

/* What stands for an exception that somebody took over. */
static const ferry_error *taken(void)
{
	return ferry_error_from_code(FERRY_ERROR_TAKEN);
}

/* ---- how it ends ---- */

Test(leave, an_errno_is_the_exception_that_stands_for_it, .init = begin, .fini = end)
{
	static const int given[] = { -EIO, -1, -1023, -1024, 1, 5, INT_MIN, INT_MAX };
	static const int expected[] = { EIO, 1, 1023, EINVAL, EINVAL, EINVAL, EINVAL, EINVAL };

	for (unsigned i = 0; i < 8; i++) {
		struct actor a = { .name = "a", .fails = given[i] };

		actor_begin(&a, loop, NULL);
		cr_assert_eq(actor_errno(&a), expected[i], "of %d", given[i]);
		cr_assert_eq(exception(&a), ferry_error_from_errno(expected[i]), "not allocated");
		cr_assert_eq(a.cleaned, 1);
		diary[0] = 0;
	}
}

Test(leave, one_of_them_means_cancelled, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .fails = -ECANCELED };

	actor_begin(&a, loop, NULL);
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
	cr_assert_null(exception(&a));
	cr_assert_eq(ferry_task_cancels(&a.task), 0, "nobody asked");
}

static ferry_step zero_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct actor, f);
	FERRY_FAIL(f->fails);
	FERRY_END;
}

Test(leave, failing_with_0_is_a_failure, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };

	ferry_task_begin(&a.task, loop, zero_step, NULL);
	cr_assert_eq(actor_errno(&a), EINVAL);
}

struct returning {
	FERRY_FRAME;
	int first, second;
};

static ferry_step returning_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct returning, f);
	FERRY_RETURN(f->first = 1, f->second = 2);
	f->first = f->second = 3;
	FERRY_END;
}

Test(leave, returning_does_the_assignments_and_no_more, .init = begin, .fini = end)
{
	struct returning a = { .first = 0 };

	ferry_task_begin(&a.task, loop, returning_step, NULL);
	cr_assert_eq(a.first, 1);
	cr_assert_eq(a.second, 2);
	cr_assert_eq(actor_end_of(ferry_task_snapshot(&a.task)), ACTOR_RESULT);
	cr_assert_eq(ferry_task_snapshot(&a.task).result.u64, 0);
}

static void set_result(struct actor *actor)
{
	cr_assert_eq(ferry_task_set_result(&actor->task, ferry_result_u64(5)), 0);
}

Test(leave, one_that_fails_or_is_cancelled_has_no_result_any_more, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .acts = set_result, .fails = -EIO };
	struct actor b = { .name = "b", .acts = set_result, .awaits = &operation.awaitable };
	struct actor c = { .name = "c", .acts = set_result };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	cr_assert_eq(ferry_task_cancel(&b.task), 0);
	actor_begin(&c, loop, NULL);
	run();
	cr_assert_eq(actor_errno(&a), EIO);
	cr_assert_eq(ferry_task_snapshot(&a.task).result.u64, 0);
	cr_assert_eq(actor_ended(&b), ACTOR_CANCELLED);
	cr_assert_eq(ferry_task_snapshot(&b.task).result.u64, 0);
	cr_assert_eq(ferry_task_snapshot(&c.task).result.u64, 5);
}

/* ---- as what it waited for did ---- */

struct null_failing {
	FERRY_FRAME;
	bool yields, waits;
	unsigned cleaned;
};

static ferry_step null_failing_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct null_failing, f);
	const ferry_error *none;

	if (f->yields)
		FERRY_YIELD();
	if (f->waits)
		FERRY_AWAIT(&operation);
	none = NULL;
	FERRY_FAIL(none);

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}

static struct null_failing fail_with_null(bool yields, bool waits)
{
	struct null_failing a;

	memset(&a, 0xa5, sizeof(a));
	a.yields = yields;
	a.waits = waits;
	a.cleaned = 0;
	ferry_task_begin(&a.task, loop, null_failing_step, NULL);
	run();
	cr_assert_eq(a.cleaned, 1);
	return a;
}

Test(leave, no_exception_is_that_of_what_it_last_waited_for, .init = begin, .fini = end)
{
	struct null_failing a;

	complete(-ENOENT);
	a = fail_with_null(false, true);
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&a.task).exception), ENOENT);
}

Test(leave, or_its_being_cancelled, .init = begin, .fini = end)
{
	struct null_failing a;

	complete(-ECANCELED);
	a = fail_with_null(true, true);
	cr_assert_eq(actor_end_of(ferry_task_snapshot(&a.task)), ACTOR_CANCELLED);
}

Test(leave, where_there_is_none_it_is_an_invalid_argument, .init = begin, .fini = end)
{
	struct null_failing a, b, c;

	complete(0);
	a = fail_with_null(false, true);
	b = fail_with_null(false, false);
	c = fail_with_null(true, false);
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&a.task).exception), EINVAL);
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&b.task).exception), EINVAL);
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&c.task).exception), EINVAL);
}

/* ---- exceptions on their way ---- */

Test(leave, E2_an_exception_goes_up_to_who_tries_last, .init = begin, .fini = end)
{
	struct actor a = { .name = "a",
			   .awaits = &operation.awaitable,
			   .error = exception_new("e") };
	struct actor b = { .name = "b", .awaits = &a.awaitable, .tries = true };
	struct actor c = { .name = "c", .awaits = &b.awaitable, .tries = true };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	actor_begin(&c, loop, NULL);
	complete(0);
	run();
	cr_assert(diary_is("a: b: c: a. a) b) c)"));
	cr_assert_eq(exception(&c), a.error, "the same one");
	cr_assert_eq(exception(&a), taken(), "what was taken over is named by nobody else");
	cr_assert_eq(exception(&b), taken());
	cr_assert_eq(exceptions_alive, 1);
	/* Those who had it on its way hold nothing of it. */
	cr_assert_eq(ferry_task_clear(&a.task), 0);
	cr_assert_eq(ferry_task_clear(&b.task), 0);
	cr_assert_eq(exceptions_alive, 1);
	cr_assert_str_eq(ferry_error_message(exception(&c)), "e");
	ferry_task_snapshot(&c.task);
	cr_assert_eq(ferry_task_clear(&c.task), 0);
	cr_assert_eq(exceptions_alive, 0);
	cr_assert_eq(ferry_task_clear(&c.task), 0, "again");
	cr_assert_eq(exceptions_told, 0, "it was looked at");
}

Test(leave, E2_it_goes_up_without_waiting_as_well, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .error = exception_new("e") };
	struct actor b = { .name = "b", .awaits = &a.awaitable, .tries = true };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	cr_assert_eq(exception(&b), a.error);
	ferry_task_snapshot(&b.task);
	ferry_task_clear(&b.task);
	cr_assert_eq(exceptions_alive, 0);
}

Test(leave, E2_each_of_those_who_try_it_has_it, .init = begin, .fini = end)
{
	struct actor a = { .name = "a",
			   .awaits = &operation.awaitable,
			   .error = exception_new("e") };
	struct actor b = { .name = "b", .awaits = &a.awaitable, .tries = true };
	struct actor c = { .name = "c", .awaits = &a.awaitable, .tries = true };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	actor_begin(&c, loop, NULL);
	complete(0);
	run();
	cr_assert_eq(exception(&b), a.error);
	cr_assert_eq(exception(&c), a.error);
	ferry_task_snapshot(&b.task);
	ferry_task_clear(&b.task);
	cr_assert_eq(exceptions_alive, 1);
	cr_assert_str_eq(ferry_error_message(ferry_task_snapshot(&c.task).exception), "e");
	ferry_task_clear(&c.task);
	cr_assert_eq(exceptions_alive, 1, "none of them had it alone");
	cr_assert_eq(exception(&a), a.error);
	ferry_task_clear(&a.task);
	cr_assert_eq(exceptions_alive, 0);
	cr_assert_eq(exception(&a), taken());
}

/* With a turn for each the first is through, and has let go, before the second goes on. */
Test(leave, E2_who_goes_on_later_has_it_all_the_same)
{
	struct actor a = { .name = "a",
			   .awaits = &operation.awaitable,
			   .error = exception_new("e") };
	struct actor b = { .name = "b", .awaits = &a.awaitable, .tries = true };
	struct actor c = { .name = "c", .awaits = &a.awaitable, .tries = true };
	struct actor late = { .name = "late", .awaits = &a.awaitable, .tries = true };
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;

	options.budget = 1;
	cr_assert_eq(ferry_loop_new(&options, &loop), 0);
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	actor_begin(&c, loop, NULL);
	complete(0);
	while (actor_ended(&b) == ACTOR_PENDING)
		cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	ferry_task_clear(&b.task);
	run();
	cr_assert_str_eq(ferry_error_message(exception(&c)), "e");
	actor_begin(&late, loop, NULL);
	run();
	cr_assert_eq(exception(&late), a.error);
	ferry_task_clear(&late.task);
	ferry_task_clear(&c.task);
	cr_assert_eq(exceptions_alive, 1);
	ferry_task_clear(&a.task);
	end();
}

/* Where one alone waited it goes with him, and who comes after that finds what stands for it. */
Test(leave, E2_who_comes_when_it_was_taken_over_finds_another, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .error = exception_new("e") };
	struct actor b = { .name = "b", .awaits = &a.awaitable, .tries = true };
	struct actor late = { .name = "late", .awaits = &a.awaitable, .tries = true };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	ferry_task_snapshot(&b.task);
	ferry_task_clear(&b.task);
	cr_assert_eq(exceptions_alive, 0);
	actor_begin(&late, loop, NULL);
	cr_assert_eq(exception(&late), taken());
	cr_assert_eq(actor_errno(&late), ENODATA);
}

Test(leave, E2_who_only_awaits_leaves_it_where_it_is, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .error = exception_new("e") };
	struct actor b = { .name = "b", .awaits = &a.awaitable };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	cr_assert_eq(actor_ended(&b), ACTOR_RESULT);
	cr_assert_eq(ferry_task_clear(&b.task), 0);
	cr_assert_eq(exceptions_alive, 1);
	cr_assert_eq(ferry_task_snapshot(&a.task).exception, a.error);
	cr_assert_eq(ferry_task_clear(&a.task), 0);
	cr_assert_eq(exceptions_alive, 0);
}

static const ferry_error *seen_in_cleanup;

static void see_in_cleanup(ferry_task *task, void *user)
{
	(void)user;
	seen_in_cleanup = ferry_task_snapshot(task).exception;
	if (seen_in_cleanup != taken())
		cr_assert_str_eq(ferry_error_message(seen_in_cleanup), "e");
	/* As it frees the frame. */
	memset(task, 0xa5, sizeof(*task));
}

Test(leave, E2_a_cleanup_hook_sees_it_and_then_it_is_dropped, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .error = exception_new("e") };

	actor_begin(&a, loop, OPTIONS_OF(.cleanup = see_in_cleanup));
	cr_assert_eq(exceptions_alive, 1);
	run();
	cr_assert_eq(seen_in_cleanup, a.error);
	cr_assert_eq(exceptions_alive, 0);
	cr_assert_eq(exceptions_told, 1, "nobody had looked at it before");
}

Test(leave, E2_and_so_for_one_that_was_taken_over, .init = begin, .fini = end)
{
	struct actor a = { .name = "a",
			   .awaits = &operation.awaitable,
			   .error = exception_new("e") };
	struct actor b = { .name = "b", .awaits = &a.awaitable, .tries = true };

	actor_begin(&a, loop, OPTIONS_OF(.cleanup = see_in_cleanup));
	actor_begin(&b, loop, OPTIONS_OF(.cleanup = see_in_cleanup));
	complete(0);
	run();
	cr_assert_eq(exceptions_alive, 0);
	cr_assert_eq(exceptions_told, 1, "of the second, not of the first");
	cr_assert_neq(seen_in_cleanup, taken(), "of the second");
}

/* Made of it before or after its end, with a cleanup hook or without, tried or not. */
static void unwrap_it(bool before, bool has_cleanup, bool is_tried)
{
	struct actor a = { .name = "a",
			   .awaits = &operation.awaitable,
			   .error = exception_new("e") };
	struct actor b = { .name = "b", .awaits = &a.awaitable, .tries = true };
	ferry_future *future = NULL;

	begin();
	actor_begin(&a, loop, has_cleanup ? OPTIONS_OF(.cleanup = see_in_cleanup) : NULL);
	if (before)
		cr_assert_eq(ferry_task_unwrap(&a.task, NULL, &future), 0);
	if (is_tried)
		actor_begin(&b, loop, NULL);
	complete(0);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	if (!before)
		cr_assert_eq(ferry_task_unwrap(&a.task, NULL, &future), 0);
	run();
	cr_assert_eq(ferry_future_snapshot(future).exception, a.error);
	if (!has_cleanup) {
		ferry_task_snapshot(&a.task);
		ferry_task_clear(&a.task);
	}
	if (is_tried) {
		cr_assert_eq(ferry_task_snapshot(&b.task).exception, a.error);
		ferry_task_clear(&b.task);
	}
	cr_assert_eq(exceptions_alive, 1);
	cr_assert_str_eq(ferry_error_message(ferry_future_snapshot(future).exception), "e");
	ferry_future_unref(future);
	end();
}

Test(leave, E2_a_future_of_it_holds_it_too)
{
	for (unsigned i = 0; i < 8; i++)
		unwrap_it(i & 1, i & 2, i & 4);
}

Test(leave, E2_one_that_another_takes_the_place_of_is_dropped, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .error = exception_new("e"), .cleans = &a.awaitable };

	actor_begin(&a, loop, NULL);
	cr_assert_eq(actor_errno(&a), EDEADLK);
	cr_assert_eq(exceptions_alive, 0);
}

Test(leave, L6_one_that_nobody_looked_at_is_told_once, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .error = exception_new("unseen") };

	actor_begin(&a, loop, NULL);
	cr_assert_eq(exceptions_told, 0);
	cr_assert_eq(ferry_task_clear(&a.task), 0);
	cr_assert_eq(exceptions_told, 1);
	cr_assert_str_eq(exception_told, "unseen");
	cr_assert_eq(fixture_loop_counters(loop).unseen, 1);
	cr_assert_eq(ferry_task_clear(&a.task), 0);
	cr_assert_eq(exceptions_told, 1);
}

/* ---- what cleans up ---- */

static void cancel_itself(struct actor *actor)
{
	cr_assert_eq(ferry_task_cancel(&actor->task), 0);
}

Test(leave, T7_what_cleans_up_runs_once_however_it_ends, .init = begin, .fini = end)
{
	struct actor a[] = {
		{ .name = "returns" },
		{ .name = "fails", .fails = -EIO },
		{ .name = "is_cancelled", .fails = -ECANCELED },
		{ .name = "strays", .awaits = &a[3].awaitable },
		{ .name = "is_cut", .awaits = &operation.awaitable },
		{ .name = "cancels_itself", .acts = cancel_itself, .yields = 1 },
		{ .name = "never_began" },
		{ .name = "never_had_its_turn" },
	};

	for (unsigned i = 0; i < 8; i++) {
		actor_begin(&a[i], loop,
			    OPTIONS_OF(.start = i == 6   ? FERRY_START_DEFERRED
						: i == 7 ? FERRY_START_LAZY
							 : FERRY_START_EAGER));
		if (i == 4 || i > 5)
			cr_assert_eq(ferry_task_cancel(&a[i].task), 0);
	}
	run();
	for (unsigned i = 0; i < 8; i++) {
		cr_assert_eq(a[i].cleaned, 1, "%s", a[i].name);
		cr_assert_eq(a[i].began, i < 6, "%s", a[i].name);
		cr_assert_neq(actor_ended(&a[i]), ACTOR_PENDING, "%s", a[i].name);
	}
	diary[0] = 0;
}

Test(leave, T7_what_cleans_up_is_shielded, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .number = 3, .cleans = &operation.awaitable };

	actor_begin(&a, loop, NULL);
	cr_assert_eq(ferry_task_cancel(&a.task), 0);
	cr_assert_eq(ferry_task_cancel(&a.task), 0);
	run();
	cr_assert_eq(actor_ended(&a), ACTOR_PENDING);
	cr_assert_eq(ferry_task_cancels(&a.task), 2, "they are counted");
	complete(0);
	run();
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT, "a success stays one");
	cr_assert_eq(ferry_task_snapshot(&a.task).result.u64, 3);
	cr_assert_eq(a.cleaned, 1);
}

Test(leave, T7_what_cleans_up_behind_a_cancel_is_shielded_from_the_next, .init = begin, .fini = end)
{
	ferry_operation plain;
	struct actor a = { .name = "a",
			   .awaits = &plain.awaitable,
			   .cleans = &operation.awaitable };

	cr_assert_eq(ferry_operation_init(&plain, NULL), 0);
	actor_begin(&a, loop, NULL);
	cr_assert_eq(ferry_task_cancel(&a.task), 0);
	run();
	cr_assert(diary_is("a: a)"));
	cr_assert_eq(ferry_task_cancel(&a.task), 0);
	run();
	cr_assert_eq(actor_ended(&a), ACTOR_PENDING);
	complete(0);
	run();
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
}

struct scoped {
	FERRY_FRAME;
	ferry_timeout timeout;
	ferry_group group;
	struct actor child;
	bool fails, cancelled_child;
	size_t timers; /* when it cleans up */
	int members;
};

static ferry_step scoped_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct scoped, f);
	cr_assert_eq(ferry_group_init(&f->group, ferry_task_loop(task), NULL), 0);
	actor_begin(&f->child, ferry_task_loop(task), FERRY_IN(&f->group));
	FERRY_TIMEOUT(&f->timeout, ferry_in_ns(3600000000000)) {
		FERRY_YIELD();
		if (f->fails)
			FERRY_FAIL(-EIO);
		FERRY_RETURN();
	}

	FERRY_FINALLY
	f->timers = fixture_loop_counters(loop).timers;
	f->members = ferry_group_members(&f->group);
	FERRY_END;
}

Test(leave, T6_what_is_open_ends_before_what_cleans_up_runs, .init = begin, .fini = end)
{
	struct scoped a = { .timers = 9, .members = 9 };

	a.child = (struct actor){ .name = "child", .awaits = &operation.awaitable };
	ferry_task_begin(&a.task, loop, scoped_step, NULL);
	cr_assert_eq(fixture_loop_counters(loop).timers, 1);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert_eq(fixture_loop_counters(loop).timers, 0, "the deadline is none any more");
	cr_assert_eq(a.members, 9, "it waits for its group");
	complete(0);
	run();
	cr_assert_eq(a.timers, 0);
	cr_assert_eq(a.members, 0);
	cr_assert_eq(actor_end_of(ferry_task_snapshot(&a.task)), ACTOR_RESULT);
	cr_assert_eq(actor_ended(&a.child), ACTOR_RESULT);
}

Test(leave, T6_one_that_fails_cancels_what_is_open, .init = begin, .fini = end)
{
	struct scoped a = { .fails = true, .members = 9 };

	a.child = (struct actor){ .name = "child", .awaits = &operation.awaitable };
	ferry_task_begin(&a.task, loop, scoped_step, NULL);
	run();
	cr_assert_eq(a.members, 0);
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&a.task).exception), EIO);
	cr_assert_eq(actor_ended(&a.child), ACTOR_CANCELLED);
}

/* ---- left by accident ---- */

enum { BREAKS_AT_ONCE, BREAKS_LATER, BREAKS_CLEANING_UP, BREAKS_CLEANING_UP_LATER, GOES_NOWHERE };

struct careless {
	FERRY_FRAME;
	unsigned how, cleaned, line;
	const char *file;
};

static ferry_step careless_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct careless, f);
	if (f->how == BREAKS_AT_ONCE)
		break;
	f->line = __LINE__ + 1;
	FERRY_AWAIT(&operation);
	if (f->how == BREAKS_LATER)
		break;
	if (f->how == GOES_NOWHERE) {
		task->at = 60000;
		break;
	}
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	if (f->how == BREAKS_CLEANING_UP)
		break;
	if (f->how == BREAKS_CLEANING_UP_LATER)
		f->line = __LINE__ + 1;
	FERRY_YIELD();
	if (f->how == BREAKS_CLEANING_UP_LATER)
		break;
	f->cleaned++;
	FERRY_END;
}

/* What it says; the loop is as good as before. */
static const char *message_of(unsigned how, unsigned cleaned)
{
	static char message[160], line[32];
	struct careless a = { .how = how };
	struct actor b = { .name = "b", .awaits = &a.awaitable, .tries = true };
	const ferry_error *error;

	begin();
	ferry_task_begin(&a.task, loop, careless_step, NULL);
	actor_begin(&b, loop, NULL);
	complete(0);
	run();
	cr_assert_eq(a.cleaned, cleaned);
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0);
	cr_assert_null(ferry_current_task(loop));
	error = ferry_task_snapshot(&b.task).exception;
	cr_assert_str_eq(ferry_error_domain(error), FERRY_DOMAIN_FERRY);
	cr_assert_eq(ferry_error_number(error), FERRY_ERROR_INVALID_STATE);
	snprintf(message, sizeof(message), "%s", ferry_error_message(error));
	ferry_task_clear(&b.task);
	end();
	snprintf(line, sizeof(line), "line %u", how == GOES_NOWHERE ? 60000 : a.line);
	cr_assert(how == BREAKS_AT_ONCE || how == BREAKS_CLEANING_UP ||
			  (strstr(message, line) && strstr(message, __FILE__)),
		  "it names %s: %s", line, message);
	return message;
}

Test(leave, a_break_before_the_first_wait_is_caught)
{
	cr_assert(strstr(message_of(BREAKS_AT_ONCE, 2), "before its first wait"));
}

Test(leave, a_break_behind_a_wait_is_caught_and_its_line_named)
{
	message_of(BREAKS_LATER, 2);
}

Test(leave, a_break_right_behind_finally_is_caught)
{
	cr_assert(strstr(message_of(BREAKS_CLEANING_UP, 1), "behind FERRY_FINALLY"));
}

Test(leave, a_break_further_behind_finally_is_caught_and_its_line_named)
{
	message_of(BREAKS_CLEANING_UP_LATER, 1);
}

Test(leave, a_place_to_go_on_that_nobody_has_is_caught)
{
	message_of(GOES_NOWHERE, 2);
}
