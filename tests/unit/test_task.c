/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tasks: begun eagerly, lazily, not at all; started, forgotten, refused; what that costs in turns
 * and callbacks, and how deep it goes (T1 to T5).
 */
#include <criterion/criterion.h>

#include "loop/loop.h"
#include "support/actor.h"

TestSuite(task, .timeout = 120);

#define MANY 1000000
#define DEPTH_MOST 64

static ferry_loop *loop;

static void begin(void)
{
	loop = fixture_loop();
}

static void end(void)
{
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0, "their frames are gone");
	cr_assert_eq(ferry_loop_free(loop), 0);
}

/* A loop whose turns have so many callbacks. */
static void begin_with(unsigned budget)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;

	options.budget = budget;
	cr_assert_eq(ferry_loop_new(&options, &loop), 0);
}

static void run(void)
{
	cr_assert_eq(ferry_loop_run(loop), 0);
}

/* ---- what it costs ---- */

static ferry_loop_counters before;

static void mark(void)
{
	before = fixture_loop_counters(loop);
}

static bool has_cost(uint64_t turns, uint64_t callbacks)
{
	ferry_loop_counters now = fixture_loop_counters(loop);

	return now.turns - before.turns == turns && now.callbacks - before.callbacks == callbacks;
}

static size_t listed(void)
{
	return fixture_loop_counters(loop).tasks;
}

/* ---- eager ---- */

Test(task, T2_an_eager_task_runs_its_first_step_inside_the_call, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .number = 7 };

	mark();
	cr_assert_eq(actor_begin(&a, loop, NULL), &a.task);
	cr_assert(diary_is("a: a. a)"));
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
	cr_assert_eq(ferry_task_snapshot(&a.task).result.u64, 7, "readable at once");
	cr_assert_eq(listed(), 0, "it never was in a list");
	cr_assert_eq(ferry_loop_pending(loop), 0);
	run();
	cr_assert(has_cost(0, 0), "neither a turn nor a callback");
	cr_assert(diary_is(""));
}

Test(task, T2_one_that_fails_at_once_costs_nothing_either, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .fails = -EIO };

	mark();
	actor_begin(&a, loop, NULL);
	cr_assert(diary_is("a: a. a)"));
	cr_assert_eq(actor_errno(&a), EIO);
	run();
	cr_assert(has_cost(0, 0));
	cr_assert_eq(listed(), 0);
}

Test(task, T2_one_that_waits_goes_on_in_one_turn_when_that_is_done, .init = begin, .fini = end)
{
	ferry_operation operation;
	struct actor a = { .name = "a", .awaits = &operation.awaitable };

	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	mark();
	actor_begin(&a, loop, OPTIONS_OF(.start = FERRY_START_EAGER));
	cr_assert(diary_is("a:"));
	cr_assert_eq(listed(), 1);
	cr_assert_eq(ferry_loop_pending(loop), 0, "it is in no queue");
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	cr_assert(diary_is(""), "not inside of the call that completes");
	run();
	cr_assert(diary_is("a. a)"));
	cr_assert(has_cost(1, 1));
	cr_assert_eq(listed(), 0);
}

static void note_current(struct actor *actor)
{
	cr_assert_eq(ferry_current_task(loop), &actor->task, "in %s", actor->name);
}

static ferry_step stray_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct actor, f);
	note_current(f);
	if (f->name)
		break;
	FERRY_END;
}

/* By hand: its author forgot what to return. */
static ferry_step nothing_step(ferry_task *task)
{
	note_current((struct actor *)task);
	return task->at ? ferry_task_finish(task) : (ferry_step){ 0 };
}

static ferry_operation never;

/* Each leaves its first step in another way. */
static void begin_each(struct actor *parent)
{
	static const ferry_step_function steps[] = { actor_step, actor_step, actor_step,
						     actor_step, stray_step, nothing_step };
	static struct actor children[6] = {
		{ .name = "ends", .acts = note_current },
		{ .name = "fails", .acts = note_current, .fails = -EIO },
		{ .name = "waits", .acts = note_current, .awaits = &never.awaitable },
		{ .name = "yields", .acts = note_current, .yields = 1 },
		{ .name = "strays" },
		{ .name = "returns nothing" },
	};

	cr_assert_eq(ferry_operation_init(&never, NULL), 0);
	for (unsigned i = 0; i < 6; i++) {
		ferry_task_begin(&children[i].task, loop, steps[i],
				 OPTIONS_OF(.start = FERRY_START_EAGER));
		cr_assert_eq(ferry_current_task(loop), parent ? &parent->task : NULL, "behind %s",
			     children[i].name);
	}
	cr_assert_eq(actor_ended(&children[0]), ACTOR_RESULT);
	cr_assert_eq(actor_ended(&children[1]), ACTOR_EXCEPTION);
	cr_assert_eq(actor_ended(&children[2]), ACTOR_PENDING);
	cr_assert_eq(actor_ended(&children[3]), ACTOR_PENDING);
	cr_assert_eq(actor_ended(&children[4]), ACTOR_EXCEPTION);
	cr_assert_eq(actor_ended(&children[5]), ACTOR_EXCEPTION);
	ferry_task_clear(&children[4].task);
	ferry_task_clear(&children[5].task);
}

static void end_each(void)
{
	cr_assert_eq(ferry_operation_complete(&never, loop, 0), 0);
	run();
	cr_assert_null(ferry_current_task(loop));
}

Test(task, T2_the_current_task_is_restored_on_every_exit_157301, .init = begin, .fini = end)
{
	cr_assert_null(ferry_current_task(loop));
	begin_each(NULL);
	cr_assert_null(ferry_current_task(loop));
	end_each();
}

static void begin_each_inside(struct actor *actor)
{
	note_current(actor);
	begin_each(actor);
	note_current(actor);
}

Test(task, T2_it_is_restored_inside_of_a_step_as_well, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .acts = begin_each_inside };

	actor_begin(&a, loop, NULL);
	cr_assert_null(ferry_current_task(loop));
	cr_assert_eq(a.cleaned, 1);
	end_each();
}

Test(task, T2_and_inside_of_a_turn, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .acts = begin_each_inside };

	actor_begin(&a, loop, OPTIONS_OF(.start = FERRY_START_LAZY));
	cr_assert_gt(ferry_loop_run_once(loop, 0), 0);
	cr_assert_null(ferry_current_task(loop));
	cr_assert_eq(a.cleaned, 1);
	end_each();
}

static void call_begin_each(ferry_loop *which, void *user)
{
	(void)which, (void)user;
	cr_assert_null(ferry_current_task(loop));
	begin_each(NULL);
}

Test(task, T2_and_inside_of_a_callback, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_loop_call_soon(loop, call_begin_each, NULL), 0);
	cr_assert_gt(ferry_loop_run_once(loop, 0), 0);
	cr_assert_null(ferry_current_task(loop));
	end_each();
}

static struct actor *second;

static void begin_second(struct actor *actor)
{
	actor_begin(second, loop, actor->user);
	diary_note("%s,", actor->name);
}

Test(task, T2_what_it_starts_overlaps_what_its_creator_does_next, .init = begin, .fini = end)
{
	struct actor b = { .name = "b", .yields = 1 },
		     a = { .name = "a", .acts = begin_second, .awaits = &b.awaitable };

	second = &b;
	actor_begin(&a, loop, NULL);
	cr_assert(diary_is("a: b: a,"), "b had begun before a went on");
	run();
	cr_assert(diary_is("b. b) a. a)"));
}

/* ---- lazy ---- */

Test(task, T3_a_lazy_task_takes_exactly_one_turn, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };

	mark();
	actor_begin(&a, loop, OPTIONS_OF(.start = FERRY_START_LAZY));
	cr_assert(diary_is(""), "nothing of it runs inside of the call");
	cr_assert_eq(listed(), 1);
	cr_assert_eq(ferry_loop_pending(loop), 1);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("a: a. a)"));
	cr_assert(has_cost(1, 1));
	cr_assert_eq(listed(), 0);
}

Test(task, T3_lazy_tasks_start_in_the_order_in_which_they_were_begun, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" }, b = { .name = "b" }, c = { .name = "c" };

	actor_begin(&a, loop, OPTIONS_OF(.start = FERRY_START_LAZY));
	actor_begin(&b, loop, OPTIONS_OF(.start = FERRY_START_LAZY));
	actor_begin(&c, loop, OPTIONS_OF(.start = FERRY_START_LAZY));
	run();
	cr_assert(diary_is("a: a. a) b: b. b) c: c. c)"));
}

Test(task, T3_one_that_is_begun_in_a_turn_starts_in_the_next, .init = begin, .fini = end)
{
	struct actor b = { .name = "b" },
		     a = { .name = "a",
			   .acts = begin_second,
			   .user = (void *)OPTIONS_OF(.start = FERRY_START_LAZY) };

	second = &b;
	actor_begin(&a, loop, OPTIONS_OF(.start = FERRY_START_LAZY));
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("a: a, a. a)"));
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("b: b. b)"));
}

/* ---- deferred ---- */

#define DEFERRED OPTIONS_OF(.start = FERRY_START_DEFERRED)

Test(task, T4_a_deferred_task_is_in_no_queue, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };

	mark();
	actor_begin(&a, loop, DEFERRED);
	cr_assert_eq(listed(), 1);
	cr_assert_eq(ferry_loop_pending(loop), 0);
	run();
	cr_assert_eq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0, "nothing is waited for");
	cr_assert_eq(ferry_loop_await(loop, &a.awaitable), -EDEADLK);
	cr_assert(has_cost(0, 0));
	cr_assert_eq(actor_ended(&a), ACTOR_PENDING);
	cr_assert_eq(ferry_task_start(&a.task), 0);
	cr_assert(diary_is("a: a. a)"), "the first step runs inside of that call");
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
	run();
	cr_assert(has_cost(0, 0));
	cr_assert_eq(listed(), 0);
}

Test(task, T4_one_that_is_scheduled_starts_in_the_next_turn, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };

	actor_begin(&a, loop, DEFERRED);
	mark();
	cr_assert_eq(ferry_task_schedule(&a.task), 0);
	cr_assert(diary_is(""));
	run();
	cr_assert(diary_is("a: a. a)"));
	cr_assert(has_cost(1, 1));
}

Test(task, T4_awaiting_does_not_start_it, .init = begin, .fini = end)
{
	struct actor b = { .name = "b", .number = 3 }, a = { .name = "a", .awaits = &b.awaitable };

	actor_begin(&b, loop, DEFERRED);
	actor_begin(&a, loop, NULL);
	run();
	cr_assert(diary_is("a:"));
	cr_assert_eq(b.began, 0);
	cr_assert_eq(ferry_task_start(&b.task), 0);
	cr_assert(diary_is("b: b. b)"));
	run();
	cr_assert(diary_is("a. a)"));
	cr_assert_eq(ferry_task_snapshot(&b.task).result.u64, 3);
}

Test(task, T4_cancelled_before_it_starts_it_only_cleans_up, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };

	actor_begin(&a, loop, DEFERRED);
	cr_assert_eq(ferry_task_cancel(&a.task), 0);
	cr_assert_eq(ferry_task_start(&a.task), -EALREADY);
	cr_assert_eq(ferry_task_schedule(&a.task), -EALREADY);
	cr_assert_eq(ferry_task_forget(&a.task), -EBUSY);
	run();
	cr_assert(diary_is("a)"));
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
}

static void count_calls(ferry_task *task, void *user)
{
	(void)task;
	++*(unsigned *)user;
}

Test(task, T4_it_may_get_callbacks, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };
	unsigned calls = 0;

	actor_begin(&a, loop, DEFERRED);
	cr_assert_eq(ferry_task_add_done_callback(&a.task, count_calls, &calls), 0);
	run();
	cr_assert_eq(calls, 0);
	cr_assert_eq(ferry_task_start(&a.task), 0);
	cr_assert_eq(calls, 0);
	run();
	cr_assert_eq(calls, 1);
}

static unsigned made;

static int counting_factory(ferry_task *task, ferry_loop *which, ferry_step_function step,
			    const ferry_task_options *options, void *user)
{
	made++;
	return ferry_eager_factory(task, which, step, options, user);
}

Test(task, T4_init_is_deferred_whatever_the_options_and_the_factory_say, .init = begin, .fini = end)
{
	struct actor a[4];

	cr_assert_eq(ferry_loop_set_task_factory(loop, counting_factory, NULL), 0);
	for (unsigned start = 0; start < 4; start++) {
		a[start] = (struct actor){ .name = "a" };
		actor_init(&a[start], loop, OPTIONS_OF(.start = (ferry_start)start));
		cr_assert_eq(ferry_loop_pending(loop), 0);
		cr_assert_eq(a[start].began, 0);
	}
	cr_assert_eq(made, 0, "it does not go through the factory");
	cr_assert_eq(listed(), 4);
	for (unsigned start = 0; start < 4; start++)
		cr_assert_eq(ferry_task_start(&a[start].task), 0);
	cr_assert(diary_is("a: a. a) a: a. a) a: a. a) a: a. a)"));
}

static void start_second(struct actor *actor)
{
	cr_assert_eq(ferry_task_start(&second->task), 0);
	cr_assert_eq(ferry_current_task(loop), &actor->task);
}

Test(task, T4_it_can_be_started_in_another_step_and_stays_listed_meanwhile, .init = begin,
     .fini = end)
{
	struct actor b = { .name = "b", .acts = note_current },
		     a = { .name = "a", .acts = start_second };

	actor_begin(&b, loop, DEFERRED);
	second = &b;
	actor_begin(&a, loop, NULL);
	cr_assert(diary_is("a: b: b. b) a. a)"));
	cr_assert_eq(listed(), 0);
}

/* ---- the calls that need one that was not started ---- */

/* All three are refused like that; forget says something else if it was started. */
static void refuse(struct actor *actor, int error, int forget_error)
{
	cr_assert_eq(ferry_task_start(&actor->task), error, "%s", actor->name);
	cr_assert_eq(ferry_task_schedule(&actor->task), error, "%s", actor->name);
	cr_assert_eq(ferry_task_forget(&actor->task), forget_error, "%s", actor->name);
}

static void refuse_itself(struct actor *actor)
{
	refuse(actor, -EALREADY, -EBUSY);
}

Test(task, one_that_was_started_is_not_started_again, .init = begin, .fini = end)
{
	struct actor running = { .name = "running", .acts = refuse_itself };
	struct actor ended = { .name = "ended" }, lazy = { .name = "lazy" };
	struct actor yields = { .name = "yields", .yields = 1 };
	struct actor waits = { .name = "waits", .awaits = &never.awaitable };

	cr_assert_eq(ferry_operation_init(&never, NULL), 0);
	actor_begin(&running, loop, NULL);
	actor_begin(&ended, loop, NULL);
	actor_begin(&lazy, loop, OPTIONS_OF(.start = FERRY_START_LAZY));
	actor_begin(&yields, loop, NULL);
	actor_begin(&waits, loop, NULL);
	refuse(&ended, -EALREADY, -EALREADY);
	refuse(&lazy, -EALREADY, -EBUSY);
	refuse(&yields, -EALREADY, -EBUSY);
	refuse(&waits, -EALREADY, -EBUSY);
	cr_assert_eq(ferry_operation_complete(&never, loop, 0), 0);
	refuse(&waits, -EALREADY, -EBUSY);
	run();
	refuse(&waits, -EALREADY, -EALREADY);
	cr_assert_eq(waits.began + lazy.began + yields.began, 3, "each once");
}

Test(task, T4_one_that_is_forgotten_runs_nothing_at_all, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };
	unsigned cleanups = 0;

	mark();
	actor_begin(&a, loop,
		    OPTIONS_OF(.start = FERRY_START_DEFERRED, .cleanup = count_calls,
			       .user = &cleanups, .name = "a"));
	cr_assert_eq(ferry_task_forget(&a.task), 0);
	cr_assert_eq(listed(), 0);
	run();
	cr_assert(diary_is(""));
	cr_assert_eq(cleanups, 0);
	cr_assert(has_cost(0, 0));
	refuse(&a, -EALREADY, -EALREADY);
	/* Its memory can be another task's. */
	memset(&a, 0xa5, sizeof(a));
	a = (struct actor){ .name = "b" };
	actor_begin(&a, loop, NULL);
	cr_assert(diary_is("b: b. b)"));
}

Test(task, T4_only_one_that_belongs_to_nobody_can_be_forgotten, .init = begin, .fini = end)
{
	struct actor awaited = { .name = "awaited" }, child = { .name = "child" },
		     submitted = { .name = "submitted" }, unwrapped = { .name = "unwrapped" },
		     called = { .name = "called" }, inside = { .name = "inside", .yields = 1 },
		     waiter = { .name = "waiter", .awaits = &awaited.awaitable };
	ferry_slot slot = { .limiter = NULL }, first = { .limiter = NULL };
	ferry_limiter limiter;
	ferry_future *future;
	ferry_group group;
	unsigned calls = 0;

	cr_assert_eq(ferry_limiter_init(&limiter, loop, 1), 0);
	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&awaited, loop, DEFERRED);
	actor_begin(&waiter, loop, NULL);
	actor_begin(&child, loop, OPTIONS_OF(.start = FERRY_START_DEFERRED, .group = &group));
	ferry_limiter_submit(&limiter, &first, actor_begin(&inside, loop, DEFERRED), 0);
	ferry_limiter_submit(&limiter, &slot, actor_begin(&submitted, loop, DEFERRED), 0);
	actor_begin(&unwrapped, loop, DEFERRED);
	cr_assert_eq(ferry_task_unwrap(&unwrapped.task, NULL, &future), 0);
	actor_begin(&called, loop, DEFERRED);
	cr_assert_eq(ferry_task_add_done_callback(&called.task, count_calls, &calls), 0);
	cr_assert_eq(ferry_task_forget(&awaited.task), -EBUSY);
	cr_assert_eq(ferry_task_forget(&child.task), -EBUSY);
	cr_assert_eq(ferry_task_forget(&submitted.task), -EBUSY);
	cr_assert_eq(ferry_task_forget(&unwrapped.task), -EBUSY);
	cr_assert_eq(ferry_task_forget(&called.task), -EBUSY);
	cr_assert_gt(ferry_loop_cancel_tasks(loop), 0);
	ferry_group_close(&group);
	run();
	cr_assert_eq(listed(), 0);
	cr_assert_eq(calls, 1);
	ferry_future_unref(future);
}

/* ---- options ---- */

struct newer {
	ferry_task_options known;
	uint64_t unknown;
};

static void make_by(ferry_task_factory factory)
{
	begin();
	cr_assert_eq(ferry_loop_set_task_factory(loop, factory, NULL), 0);
}

/* What a task looks like in its first step. */
static void note_options(struct actor *actor)
{
	const char *name = ferry_task_name(&actor->task), *user = ferry_task_user(&actor->task);

	diary_note("%s/%s", name ? name : "-", user ? user : "-");
}

/* ferry_task_begin() or ferry_task_init(). */
typedef ferry_task *(*maker)(struct actor *actor, ferry_loop *loop,
			     const ferry_task_options *options);

/* With each factory, by begin and by init. */
#define EACH_MAKER(name)                                     \
	static void name(maker make);                        \
	Test(task, name##_where_tasks_are_eager)             \
	{                                                    \
		make_by(NULL);                               \
		name(actor_begin);                           \
		end();                                       \
	}                                                    \
	Test(task, name##_where_tasks_are_lazy)              \
	{                                                    \
		make_by(ferry_lazy_factory);                 \
		name(actor_begin);                           \
		end();                                       \
	}                                                    \
	Test(task, name##_where_a_factory_is_the_users)      \
	{                                                    \
		make_by(counting_factory);                   \
		name(actor_begin);                           \
		end();                                       \
	}                                                    \
	Test(task, name##_where_tasks_are_deferred)          \
	{                                                    \
		begin();                                     \
		name(actor_init);                            \
		end();                                       \
	}                                                    \
	static void name(maker make)

/* Runs what was made, however. */
static void start_and_run(struct actor *actor)
{
	if (!actor->began)
		ferry_task_start(&actor->task);
	run();
}

EACH_MAKER(options_that_are_longer_count_if_what_is_unknown_is_zero)
{
	struct actor a = { .name = "a", .acts = note_options }, b = a;
	struct newer *options = calloc(1, sizeof(*options));

	options->known = (ferry_task_options){ .size = sizeof(*options), .name = "n", .user = "u" };
	make(&a, loop, &options->known);
	start_and_run(&a);
	cr_assert(diary_is("a: n/u a. a)"));
	options->unknown = 1;
	make(&b, loop, &options->known);
	cr_assert_eq(actor_errno(&b), E2BIG);
	cr_assert_eq(b.began, 0);
	free(options);
	run();
}

EACH_MAKER(options_that_are_shorter_are_completed_with_zeros)
{
	struct actor a = { .name = "a", .acts = note_options }, b = a;
	ferry_task_options whole = { .name = "n", .user = "u" };
	/* No byte more is there. */
	size_t size = offsetof(ferry_task_options, user);
	void *options = malloc(size), *least = malloc(sizeof(size_t));

	whole.size = size;
	memcpy(options, &whole, size);
	make(&a, loop, options);
	start_and_run(&a);
	cr_assert(diary_is("a: n/- a. a)"));
	whole.size = sizeof(size_t);
	memcpy(least, &whole, sizeof(size_t));
	make(&b, loop, least);
	start_and_run(&b);
	cr_assert(diary_is("a: -/- a. a)"));
	free(options);
	free(least);
}

EACH_MAKER(sizes_and_start_modes_that_there_cannot_be_are_refused)
{
	struct actor a = { .name = "a" }, b = a, c = a, d = a;

	make(&a, loop, &(ferry_task_options){ .size = 0 });
	make(&b, loop, &(ferry_task_options){ .size = sizeof(size_t) - 1 });
	make(&c, loop, &(ferry_task_options){ .size = SIZE_MAX });
	make(&d, loop, OPTIONS_OF(.start = (ferry_start)4));
	cr_assert_eq(actor_errno(&a), EINVAL);
	cr_assert_eq(actor_errno(&b), EINVAL);
	cr_assert_eq(actor_errno(&c), E2BIG);
	cr_assert_eq(actor_errno(&d), EINVAL);
	run();
	cr_assert(diary_is(""));
}

EACH_MAKER(one_frame_serves_again_and_again)
{
	struct actor a;

	memset(&a, 0xa5, sizeof(a));
	for (unsigned i = 0; i < 300; i++) {
		ferry_task frame = a.task;

		a = (struct actor){ .task = frame,
				    .name = "a",
				    .fails = i % 3 == 1 ? -EIO : 0,
				    .yields = i % 2,
				    .number = i };
		make(&a, loop, OPTIONS_OF(.name = i % 5 ? NULL : "n"));
		if (i % 3 == 2)
			ferry_task_cancel(&a.task);
		start_and_run(&a);
		cr_assert_eq(a.cleaned, 1);
		cr_assert_eq(listed(), 0);
		cr_assert_eq(ferry_task_cancels(&a.task) <= 1, 1);
		diary[0] = 0;
	}
}

static unsigned members_seen;

static void see_members(struct actor *actor)
{
	members_seen = (unsigned)ferry_group_members(actor->user);
}

EACH_MAKER(T1_it_is_in_its_group_before_its_first_step)
{
	ferry_group group;
	struct actor a = { .name = "a", .acts = see_members, .user = &group };

	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	make(&a, loop, OPTIONS_OF(.group = &group));
	cr_assert_eq(ferry_group_close(&group), 0);
	run();
	cr_assert_eq(members_seen, 1);
	cr_assert_eq(ferry_group_members(&group), 0);
	cr_assert(ferry_awaitable_snapshot(&group.awaitable).done);
	diary[0] = 0;
}

/* ---- refused ---- */

static bool is_refused(struct actor *actor, int error)
{
	return actor->began == 0 && actor->cleaned == 0 && actor_errno(actor) == error &&
	       actor_ended(actor) == ACTOR_EXCEPTION;
}

EACH_MAKER(a_refusal_is_a_task_born_failed_with_the_errno)
{
	ferry_loop *other = fixture_loop();
	ferry_group foreign, over;
	struct actor a[5];
	unsigned calls = 0;

	for (unsigned i = 0; i < 5; i++)
		a[i] = (struct actor){ .name = "a" };
	cr_assert_eq(ferry_group_init(&foreign, other, NULL), 0);
	cr_assert_eq(ferry_group_init(&over, loop, NULL), 0);
	cr_assert_eq(ferry_group_close(&over), 0);
	mark();
	cr_assert_eq(make(&a[0], NULL, NULL), &a[0].task);
	cr_assert_eq(make(&a[1], loop, OPTIONS_OF(.group = &foreign)), &a[1].task);
	cr_assert_eq(make(&a[2], loop, OPTIONS_OF(.group = &over)), &a[2].task);
	cr_assert(is_refused(&a[0], EINVAL));
	cr_assert(is_refused(&a[1], EINVAL));
	cr_assert(is_refused(&a[2], ESHUTDOWN));
	cr_assert_null(ferry_task_loop(&a[0].task));
	cr_assert_eq(listed(), 0);
	cr_assert_eq(ferry_loop_pending(loop), 0);
	cr_assert_eq(ferry_task_cancel(&a[1].task), -EALREADY);
	cr_assert_eq(ferry_task_cancels(&a[1].task), 0);
	cr_assert_eq(ferry_task_start(&a[1].task), -EALREADY);
	cr_assert_eq(ferry_task_set_result(&a[1].task, ferry_result_u64(1)), -EALREADY);
	cr_assert_null(ferry_task_name(&a[1].task));
	cr_assert_null(ferry_task_user(&a[1].task));
	cr_assert_null(ferry_task_context(&a[1].task));
	cr_assert_eq(ferry_task_clear(&a[0].task), 0);
	cr_assert_eq(ferry_task_clear(&a[1].task), 0);
	/* Who awaits it has one path for errors. */
	a[3].awaits = &a[2].awaitable;
	a[3].tries = true;
	make(&a[3], loop, NULL);
	start_and_run(&a[3]);
	cr_assert_eq(actor_errno(&a[3]), ESHUTDOWN);
	cr_assert_eq(ferry_task_add_done_callback(&a[2].task, count_calls, &calls), 0);
	run();
	cr_assert_eq(calls, 1);
	cr_assert_eq(ferry_loop_free(other), 0);
	diary[0] = 0;
}

static ferry_task *begin_without_step(struct actor *actor, const ferry_task_options *options)
{
	return ferry_task_begin(&actor->task, loop, NULL, options);
}

EACH_MAKER(cleanup_is_called_for_one_that_was_refused)
{
	struct actor a = { .name = "a" }, b = a, c = a;
	unsigned calls = 0;
	ferry_group over;

	cr_assert_eq(ferry_group_init(&over, loop, NULL), 0);
	cr_assert_eq(ferry_group_close(&over), 0);
	make(&a, loop, OPTIONS_OF(.group = &over, .cleanup = count_calls, .user = &calls));
	begin_without_step(&b, OPTIONS_OF(.cleanup = count_calls, .user = &calls));
	make(&c, loop, OPTIONS_OF(.start = (ferry_start)4, .cleanup = count_calls, .user = &calls));
	cr_assert_eq(calls, 0, "not inside of the call");
	run();
	cr_assert_eq(calls, 3);
	cr_assert(is_refused(&a, ESHUTDOWN));
	cr_assert(is_refused(&b, EINVAL));
	cr_assert(is_refused(&c, EINVAL));
}

Test(task, there_is_no_task_without_memory, .init = begin, .fini = end)
{
	errno = 0;
	cr_assert_null(ferry_task_begin(NULL, loop, actor_step, NULL));
	cr_assert_eq(errno, EINVAL);
	errno = 0;
	cr_assert_null(ferry_task_init(NULL, loop, actor_step, NULL));
	cr_assert_eq(errno, EINVAL);
	cr_assert_eq(ferry_task_start(NULL), -EINVAL);
	cr_assert_eq(ferry_task_schedule(NULL), -EINVAL);
	cr_assert_eq(ferry_task_forget(NULL), -EINVAL);
	cr_assert_null(ferry_task_loop(NULL));
}

static unsigned elsewhere_cleanups;

/* Each of them is another thread's: nothing of it is read, and nothing runs. */
static void do_elsewhere(void *arg)
{
	struct actor *deferred = arg, a = { .name = "a" }, b = a;
	const ferry_task_options *options =
		OPTIONS_OF(.cleanup = count_calls, .user = &elsewhere_cleanups);
	ferry_loop *own = fixture_loop();

	actor_begin(&a, loop, options);
	actor_init(&b, loop, options);
	cr_assert(is_refused(&a, EPERM));
	cr_assert(is_refused(&b, EPERM));
	cr_assert_null(ferry_task_loop(&a.task));
	cr_assert_null(ferry_current_task(loop));
	cr_assert_eq(ferry_task_start(&deferred->task), -EPERM);
	cr_assert_eq(ferry_task_schedule(&deferred->task), -EPERM);
	cr_assert_eq(ferry_task_forget(&deferred->task), -EPERM);
	cr_assert_eq(ferry_task_loop(&deferred->task), loop, "any thread may ask");
	/* Our own loop is none of it. */
	actor_begin(&a, own, NULL);
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
	cr_assert_eq(ferry_loop_free(own), 0);
}

Test(task, T2_off_the_loops_thread_it_is_refused_155338, .init = begin, .fini = end)
{
	struct actor a = { .name = "deferred" };

	actor_begin(&a, loop, DEFERRED);
	fixture_elsewhere(do_elsewhere, &a);
	cr_assert(diary_is("a: a. a)"), "the one of the other thread's own loop");
	cr_assert_null(ferry_current_task(loop));
	run();
	cr_assert_eq(elsewhere_cleanups, 0);
	cr_assert_eq(ferry_task_start(&a.task), 0);
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
}

Test(task, a_closed_loop_takes_none, .init = begin)
{
	struct actor a = { .name = "a" }, b = a;
	unsigned cleanups = 0;

	ferry_loop_ref(loop);
	end();
	actor_begin(&a, loop, OPTIONS_OF(.cleanup = count_calls, .user = &cleanups));
	actor_init(&b, loop, NULL);
	cr_assert(is_refused(&a, ESHUTDOWN));
	cr_assert(is_refused(&b, ESHUTDOWN));
	cr_assert_null(ferry_current_task(loop));
	ferry_loop_unref(loop);
	cr_assert_eq(cleanups, 0);
	cr_assert(diary_is(""));
}

/* ---- how deep ---- */

struct level {
	FERRY_FRAME;
	struct level *next; /* NULL: the innermost */
	unsigned long depth;
};

static unsigned nested, nested_most;
static unsigned long begun;
static int innermost_fails;
static ferry_step level_step(ferry_task *task);

static ferry_step level_body(ferry_task *task)
{
	FERRY_BEGIN(task, struct level, f);
	begun++;
	f->depth = 0;
	if (f->next) {
		FERRY_TRY(
			ferry_task_begin(&f->next->task, ferry_task_loop(task), level_step, NULL));
		FERRY_RETURN(f->depth = f->next->depth + 1);
	}
	if (innermost_fails)
		FERRY_FAIL(innermost_fails);
	FERRY_END;
}

static ferry_step level_step(ferry_task *task)
{
	ferry_step step;

	nested++;
	if (nested > nested_most)
		nested_most = nested;
	step = level_body(task);
	nested--;
	return step;
}

/* So many levels, of which each begins the next and waits for it. */
static struct level *nest(unsigned long count)
{
	struct level *levels = calloc(count, sizeof(*levels));

	cr_assert_not_null(levels);
	for (unsigned long i = 0; i + 1 < count; i++)
		levels[i].next = &levels[i + 1];
	ferry_task_begin(&levels[0].task, loop, level_step, NULL);
	run();
	cr_assert_eq(listed(), 0);
	cr_assert_leq(nested_most, DEPTH_MOST);
	cr_assert_eq(nested, 0);
	return levels;
}

Test(task, T2_64_levels_of_eager_tasks_take_no_turn, .init = begin, .fini = end)
{
	struct level *levels;

	mark();
	levels = nest(DEPTH_MOST);
	cr_assert_eq(levels[0].depth, DEPTH_MOST - 1);
	cr_assert_eq(nested_most, DEPTH_MOST);
	cr_assert(has_cost(0, 0));
	free(levels);
}

Test(task, T2_the_65th_is_lazy, .init = begin, .fini = end)
{
	struct level *levels;

	mark();
	levels = nest(DEPTH_MOST + 1);
	cr_assert_eq(levels[0].depth, DEPTH_MOST);
	/* One for that, and one for each of those that wait for it, and for each other. */
	cr_assert(has_cost(DEPTH_MOST + 1, DEPTH_MOST + 1));
	free(levels);
}

Test(task, T2_a_million_levels_of_eager_tasks_end_well, .init = begin, .fini = end)
{
	struct level *levels = nest(MANY);

	cr_assert_eq(levels[0].depth, MANY - 1);
	cr_assert_eq(nested_most, DEPTH_MOST);
	for (unsigned long i = 0; i < MANY; i++)
		cr_assert(ferry_task_snapshot(&levels[i].task).done &&
			  !ferry_task_snapshot(&levels[i].task).exception);
	free(levels);
}

Test(task, T2_a_million_levels_of_eager_tasks_fail_as_the_innermost_does, .init = begin,
     .fini = end)
{
	struct level *levels;

	innermost_fails = -EIO;
	levels = nest(MANY);
	for (unsigned long i = 0; i < MANY; i++)
		cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&levels[i].task).exception),
			     EIO);
	free(levels);
}

Test(task, T2_a_million_levels_of_eager_tasks_are_cancelled_as_the_innermost_is, .init = begin,
     .fini = end)
{
	struct level *levels;

	innermost_fails = -ECANCELED;
	levels = nest(MANY);
	for (unsigned long i = 0; i < MANY; i++)
		cr_assert(ferry_task_snapshot(&levels[i].task).cancelled);
	free(levels);
}

/* A timer that is due whenever somebody looks, until the outermost has ended. */
static struct {
	struct level *outermost;
	unsigned long fired, begun, most_between; /* levels, from one time to the next */
} pulse;

static void beat(ferry_loop *which, void *user)
{
	unsigned long between = begun - pulse.begun;

	pulse.fired++;
	pulse.begun = begun;
	if (between > pulse.most_between)
		pulse.most_between = between;
	if (!ferry_task_snapshot(&pulse.outermost->task).done)
		cr_assert_eq(ferry_loop_call_at(which, 0, beat, user, NULL), 0);
}

/* So deep in turns of so many callbacks, and as deep as the stack may be in each. */
static void nest_below_a_pulse(unsigned budget, unsigned long count)
{
	struct level *levels = calloc(count, sizeof(*levels));

	cr_assert_not_null(levels);
	for (unsigned long i = 0; i + 1 < count; i++)
		levels[i].next = &levels[i + 1];
	begin_with(budget);
	memset(&pulse, 0, sizeof(pulse));
	pulse.outermost = levels;
	begun = 0;
	ferry_task_begin(&levels[0].task, loop, level_step, OPTIONS_OF(.start = FERRY_START_LAZY));
	cr_assert_eq(ferry_loop_call_at(loop, 0, beat, NULL, NULL), 0);
	run();
	cr_assert_eq(begun, count);
	cr_assert_eq(levels[0].depth, count - 1);
	cr_assert_leq(nested_most, DEPTH_MOST);
	cr_assert_geq(pulse.fired, count / budget);
	cr_assert_leq(pulse.most_between, budget < DEPTH_MOST ? budget : DEPTH_MOST, "%lu levels",
		      pulse.most_between);
	free(levels);
	end();
}

Test(task, T2_a_million_levels_of_eager_tasks_do_not_keep_a_timer_waiting)
{
	nest_below_a_pulse(1024, MANY);
}

Test(task, T2_nor_do_levels_beyond_a_small_budget)
{
	nest_below_a_pulse(DEPTH_MOST / 2, MANY / 10);
	nest_below_a_pulse(3, MANY / 10);
	nest_below_a_pulse(2, MANY / 10);
}

static void start_at_the_bottom(struct actor *actor)
{
	struct actor *next = actor->user;

	if (next->user)
		actor_begin(next, loop, NULL);
	else
		cr_assert_eq(ferry_task_start(&next->task), 0, "lazily, but it is started");
}

Test(task, T2_starting_a_deferred_one_is_bound_by_the_depth_too, .init = begin, .fini = end)
{
	static struct actor actors[DEPTH_MOST + 1];

	for (unsigned i = 0; i <= DEPTH_MOST; i++)
		actors[i] = (struct actor){ .name = "a",
					    .acts = start_at_the_bottom,
					    .user = i < DEPTH_MOST ? &actors[i + 1] : NULL };
	actors[DEPTH_MOST].acts = NULL;
	actor_begin(&actors[DEPTH_MOST], loop, DEFERRED);
	actor_begin(&actors[0], loop, NULL);
	cr_assert_eq(actors[DEPTH_MOST - 1].cleaned, 1);
	cr_assert_eq(actors[DEPTH_MOST].began, 0);
	cr_assert_eq(ferry_task_start(&actors[DEPTH_MOST].task), -EALREADY);
	run();
	cr_assert_eq(actors[DEPTH_MOST].cleaned, 1);
}

/* ---- how many ---- */

static ferry_step end_at_once(ferry_task *task)
{
	FERRY_BEGIN(task, ferry_eager, f);
	FERRY_END;
}

/* Begins children one after the other, and waits for each. */
struct creator {
	FERRY_FRAME;
	ferry_eager child;
	unsigned long count, done;
};

static ferry_step creator_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct creator, f);
	for (f->done = 0; f->done < f->count; f->done++)
		FERRY_TRY(
			ferry_task_begin(&f->child.task, ferry_task_loop(task), end_at_once, NULL));
	FERRY_END;
}

static unsigned long done_at_fire;

static void fire(ferry_loop *which, void *user)
{
	struct creator *creator = user;

	(void)which;
	done_at_fire = creator->done;
}

Test(task, T2_a_million_begun_one_by_one_outside_of_turns_take_no_turn, .init = begin, .fini = end)
{
	ferry_eager child;

	mark();
	for (unsigned long i = 0; i < MANY; i++) {
		ferry_task_begin(&child.task, loop, end_at_once, NULL);
		cr_assert(ferry_task_snapshot(&child.task).done);
	}
	cr_assert(has_cost(0, 0));
}

Test(task, T2_a_step_that_is_run_outside_of_turns_does_not_keep_a_timer_waiting)
{
	struct creator creator = { .count = MANY };

	begin_with(1024);
	cr_assert_eq(ferry_loop_call_at(loop, 0, fire, &creator, NULL), 0);
	ferry_task_begin(&creator.task, loop, creator_step, NULL);
	cr_assert_eq(creator.done, 1023);
	run();
	cr_assert_eq(creator.done, MANY);
	cr_assert_eq(done_at_fire, 1023);
	end();
}

static void a_million_within(unsigned budget)
{
	struct creator creator = { .count = MANY };

	begin_with(budget);
	ferry_task_begin(&creator.task, loop, creator_step, OPTIONS_OF(.start = FERRY_START_LAZY));
	/* The first one fires before anything, the second is due as soon as somebody looks. */
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert_eq(creator.done, budget - 1, "what is left of the turn's budget");
	cr_assert_eq(ferry_loop_call_at(loop, 0, fire, &creator, NULL), 0);
	run();
	cr_assert_eq(creator.done, MANY);
	cr_assert_geq(done_at_fire, budget - 1);
	cr_assert_leq(done_at_fire, 2 * budget, "it fired in the next turn");
	end();
}

Test(task, T2_a_million_that_end_at_once_do_not_keep_a_timer_waiting)
{
	a_million_within(1024);
}

Test(task, T2_nor_where_the_budget_is_small)
{
	a_million_within(2);
}

Test(task, T2_a_start_beyond_the_budget_is_lazy)
{
	struct actor b = { .name = "b" }, a = { .name = "a", .acts = begin_second };

	begin_with(1);
	second = &b;
	actor_begin(&a, loop, OPTIONS_OF(.start = FERRY_START_LAZY));
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("a: a, a. a)"));
	run();
	cr_assert(diary_is("b: b. b)"));
	end();
}

/* ---- no running inside of a step ---- */

static void run_inside(struct actor *actor)
{
	struct actor *other = actor->user;

	cr_assert_eq(ferry_loop_run(loop), -EBUSY);
	cr_assert_eq(ferry_loop_run_once(loop, 0), -EBUSY);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), -EBUSY);
	cr_assert_eq(ferry_loop_await(loop, &other->awaitable), other->cleaned ? 0 : -EBUSY);
	cr_assert_eq(ferry_loop_free(loop), -EBUSY);
}

Test(task, a_loop_is_neither_run_nor_freed_inside_of_a_step, .init = begin, .fini = end)
{
	struct actor lazy = { .name = "lazy" };
	struct actor a = { .name = "a", .acts = run_inside, .user = &lazy }, b = a, c = a;

	actor_begin(&lazy, loop, OPTIONS_OF(.start = FERRY_START_LAZY));
	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, DEFERRED);
	cr_assert_eq(ferry_task_start(&b.task), 0);
	cr_assert(diary_is("a: a. a) a: a. a)"), "outside of a turn");
	actor_begin(&c, loop, OPTIONS_OF(.start = FERRY_START_LAZY));
	run();
	cr_assert(diary_is("lazy: lazy. lazy) a: a. a)"));
}

/* ---- forks ---- */

enum child_frees { FREES_NEVER, FREES_INSIDE, FREES_BEHIND };

static struct forking {
	enum child_frees frees;
	bool waits, nests, lazy;
	pid_t child; /* 0 in the child */
	int wrong;   /* the line of what does not hold in the child */
} forking;

/* A check in the child, which Criterion knows nothing of. */
#define HOLDS(condition)                                                                           \
	do {                                                                                       \
		if (!(condition) && !forking.wrong)                                                \
			forking.wrong = __LINE__;                                                  \
	} while (0)

static struct actor inner;

/* Whatever is begun in the child is refused; the step itself goes on. */
static void fork_and_go_on(struct actor *actor)
{
	static struct actor late = { .name = "late" };

	if (actor->user) {
		inner = (struct actor){ .name = "inner",
					.acts = fork_and_go_on,
					.awaits = forking.waits ? &never.awaitable : NULL };
		actor_begin(&inner, loop, NULL);
		return;
	}
	forking.child = fork();
	if (forking.child)
		return;
	if (forking.frees == FREES_INSIDE)
		HOLDS(ferry_loop_free(loop) == 0);
	HOLDS(!ferry_current_task(loop));
	HOLDS(ferry_loop_run(loop) == -ECHILD);
	HOLDS(ferry_task_cancel(&actor->task) == -ECHILD);
	HOLDS(!ferry_task_snapshot(&actor->task).done);
	actor_begin(&late, loop, NULL);
	HOLDS(is_refused(&late, ECHILD));
}

/* The child, back from the step: nothing of the loop is its own but what it is to free. */
static void leave_child(int run_said)
{
	HOLDS(!forking.lazy || run_said == -ECHILD);
	if (forking.frees == FREES_BEHIND)
		HOLDS(ferry_loop_free(loop) == 0);
	/* The handle's other reference is the test's. */
	HOLDS(loop->refs == (forking.frees == FREES_NEVER ? 2 : 1));
	ferry_loop_unref(loop);
	/* Its own works. */
	loop = fixture_loop();
	inner = (struct actor){ .name = "own", .yields = 1 };
	actor_begin(&inner, loop, NULL);
	HOLDS(ferry_loop_run(loop) == 0);
	HOLDS(actor_ended(&inner) == ACTOR_RESULT);
	HOLDS(ferry_loop_free(loop) == 0);
	if (forking.wrong)
		fprintf(stderr, "line %d does not hold in the child\n", forking.wrong);
	_exit(forking.wrong != 0);
}

static void fork_in_a_step(void)
{
	struct actor a = { .name = "a",
			   .acts = fork_and_go_on,
			   .user = forking.nests ? &a : NULL,
			   .awaits = forking.waits ? &never.awaitable : NULL };
	int status, run_said;

	loop = ferry_loop_ref(fixture_loop());
	cr_assert_eq(ferry_operation_init(&never, NULL), 0);
	actor_begin(&a, loop, forking.lazy ? OPTIONS_OF(.start = FERRY_START_LAZY) : NULL);
	run_said = ferry_loop_run(loop);
	if (!forking.child)
		leave_child(run_said);
	cr_assert_eq(run_said, 0);
	cr_assert_gt(forking.child, 0);
	cr_assert_eq(waitpid(forking.child, &status, 0), forking.child);
	cr_assert_eq(status, 0, "frees %d, waits %d, nests %d, lazy %d", forking.frees,
		     forking.waits, forking.nests, forking.lazy);
	/* The parent notices nothing. */
	if (forking.waits)
		cr_assert_eq(ferry_operation_complete(&never, loop, 0), 0);
	run();
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
	cr_assert_eq(ferry_loop_free(loop), 0);
	ferry_loop_unref(loop);
}

Test(task, a_forks_child_goes_on_behind_the_step_that_forked_P6)
{
	for (unsigned i = 0; i < 24; i++) {
		forking = (struct forking){ .frees = (enum child_frees)(i / 8),
					    .waits = i & 1,
					    .nests = i & 2,
					    .lazy = i & 4 };
		fork_in_a_step();
	}
}

static int begin_in_child(void *arg)
{
	struct actor *deferred = arg, a = { .name = "a" }, b = a;

	actor_begin(&a, loop, NULL);
	actor_init(&b, loop, NULL);
	HOLDS(is_refused(&a, ECHILD));
	HOLDS(is_refused(&b, ECHILD));
	HOLDS(ferry_task_start(&deferred->task) == -ECHILD);
	HOLDS(ferry_task_schedule(&deferred->task) == -ECHILD);
	HOLDS(ferry_task_forget(&deferred->task) == -ECHILD);
	HOLDS(ferry_task_set_result(&deferred->task, ferry_result_u64(1)) == -ECHILD);
	HOLDS(!ferry_current_task(loop));
	return forking.wrong != 0;
}

Test(task, in_a_forks_child_all_is_refused_P6, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };

	actor_begin(&a, loop, DEFERRED);
	cr_assert_eq(fixture_in_child(begin_in_child, &a), 0);
	cr_assert_eq(ferry_task_start(&a.task), 0);
}
