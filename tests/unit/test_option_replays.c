/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What went wrong elsewhere with what a task is given before it begins, told again with ours (T1,
 * T4).
 *
 * Each test bears the number of an issue of CPython, and begins with what happened there:
 * github.com/python/cpython/issues/NUMBER.
 */
#include "support/children.h"

TestSuite(option_replays, .timeout = 120);

/* ---- before the first step ---- */

static struct {
	ferry_task *tasks[4];
	unsigned count;
} registered;

static void find_itself(struct actor *actor)
{
	bool found = false;

	for (unsigned i = 0; i < registered.count; i++)
		found |= registered.tasks[i] == &actor->task;
	diary_note(found ? "known" : "unknown");
}

/* 124309: a race of several, written for tasks that start later, put each on a list once it was
 * made, and each looked for itself there as it began. An eager one was not there yet. */
LoopTest(option_replays, T4_124309_a_deferred_task_is_registered_before_it_runs)
{
	struct actor a = { .name = "a", .acts = find_itself }, b = a;

	b.name = "b";
	registered.tasks[registered.count++] =
		actor_begin(&a, loop, OPTIONS_OF(.start = FERRY_START_EAGER));
	cr_assert(diary_is("a: unknown a. a)"));
	registered.tasks[registered.count++] =
		actor_begin(&b, loop, OPTIONS_OF(.start = FERRY_START_DEFERRED));
	cr_assert_eq(ferry_task_start(&b.task), 0);
	cr_assert(diary_is("b: known b. b)"));
}

/* ---- options ---- */

static int copied;

static void *copy(void *context)
{
	diary_note("copied");
	cr_assert_eq(context, (void *)&group);
	return &copied;
}

static void free_copy(void *context)
{
	diary_note("freed");
	cr_assert_eq(context, (void *)&copied);
}

static const ferry_context_hooks hooks = { copy, free_copy };

static void note_cleanup(ferry_task *task, void *user)
{
	cr_assert(ferry_task_snapshot(task).done);
	cr_assert_eq(user, (void *)&event);
	diary_note("hook");
}

static void look_at_options(struct actor *actor)
{
	cr_assert_str_eq(ferry_task_name(&actor->task), "given");
	cr_assert_eq(ferry_task_user(&actor->task), (void *)&event);
	cr_assert_eq(ferry_task_context(&actor->task), (void *)&copied);
	cr_assert_eq(ferry_group_members(&group), 1);
	cr_assert_eq(ferry_current_task(loop), &actor->task);
	diary_note("all there");
}

#define ALL_OPTIONS(start_)                                                                        \
	OPTIONS_OF(.start = (start_), .group = &group, .name = "given", .user = &event,            \
		   .cleanup = note_cleanup, .context = &group, .hooks = &hooks)

/* Has it begun, by its start mode, when the call returns, in the next turn, or when it is started?
 * Of each all must come. */
static void see_it_start(struct actor *actor, ferry_start start)
{
	if (start != FERRY_START_EAGER) {
		cr_assert(diary_is("copied"));
		cr_assert_eq(ferry_loop_run_once(loop, 0), start == FERRY_START_LAZY);
	}
	if (start == FERRY_START_DEFERRED) {
		cr_assert(diary_is(""));
		cr_assert_eq(ferry_task_start(&actor->task), 0);
	}
	cr_assert(diary_is(start == FERRY_START_EAGER ? "copied a: all there a. a) freed"
						      : "a: all there a. a) freed"));
	cr_assert_eq(ferry_loop_await(loop, &group.awaitable), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("hook"));
}

/* 113050, 130033: the name was set when the task had been made, so the first step of an eager one
 * saw another. */
LoopTest(option_replays, T1_113050_130033_all_options_are_there_in_the_first_step)
{
	static const ferry_start starts[] = { FERRY_START_EAGER, FERRY_START_LAZY,
					      FERRY_START_DEFERRED };

	for (unsigned i = 0; i < 3; i++) {
		struct actor a = { .name = "a", .acts = look_at_options };

		make(FERRY_GROUP_FIRST_EXCEPTION, 0);
		actor_begin(&a, loop, ALL_OPTIONS(starts[i]));
		see_it_start(&a, starts[i]);
	}
}

static ferry_task_options seen;

/* A factory that knows nothing of what there is to be said, and hands it on. */
static int hand_on(ferry_task *task, ferry_loop *of, ferry_step_function step,
		   const ferry_task_options *options, void *user)
{
	ferry_task_factory factory = *(ferry_task_factory *)user;

	seen = *options;
	return factory(task, of, step, options, NULL);
}

static bool has_seen(const ferry_task_options *options)
{
	return seen.size == options->size && seen.name == options->name &&
	       seen.user == options->user && seen.context == options->context &&
	       seen.hooks == options->hooks && seen.group == options->group &&
	       seen.cleanup == options->cleanup && seen.start == options->start;
}

/* 132593, 133745, 128306, 128307: a release passed everything to the factories of tasks, which some
 * of them did not know, the next one took that back; and an eager one could not be told that a task
 * shall not be so. Here all of it goes through any, in one struct. */
LoopTest(option_replays, T1_132593_133745_128306_128307_a_factory_gets_and_hands_on_all_options)
{
	static ferry_task_factory factories[] = { ferry_eager_factory, ferry_lazy_factory };
	static const ferry_start starts[] = { FERRY_START_EAGER, FERRY_START_LAZY,
					      FERRY_START_DEFERRED };

	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(ferry_loop_set_task_factory(loop, hand_on, &factories[i]), 0);
		for (unsigned j = 0; j < 3; j++) {
			struct actor a = { .name = "a", .acts = look_at_options };

			make(FERRY_GROUP_FIRST_EXCEPTION, 0);
			actor_begin(&a, loop, ALL_OPTIONS(starts[j]));
			cr_assert(has_seen(ALL_OPTIONS(starts[j])));
			see_it_start(&a, starts[j]);
		}
	}
}

/* The same: what is not said is not made up, and the factory decides. */
LoopTest(option_replays, T1_132593_what_was_not_given_a_factory_is_not_told)
{
	static ferry_task_factory factories[] = { ferry_eager_factory, ferry_lazy_factory };

	for (unsigned i = 0; i < 2; i++) {
		struct actor a = { .name = "a" }, b = { .name = "b" };
		ferry_task_options shorter = { .size = offsetof(ferry_task_options, group) };

		cr_assert_eq(ferry_loop_set_task_factory(loop, hand_on, &factories[i]), 0);
		actor_begin(&a, loop, NULL);
		cr_assert(has_seen(OPTIONS_OF(.start = FERRY_START_DEFAULT)));
		cr_assert(diary_is(i ? "" : "a: a. a)"));
		actor_begin(&b, loop, &shorter);
		cr_assert(has_seen(OPTIONS_OF(.start = FERRY_START_DEFAULT)));
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is(i ? "a: a. a) b: b. b)" : "b: b. b)"));
	}
}
