/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Going over the tasks of a loop, whatever is done to them meanwhile; running a loop until one has
 * ended (T5).
 */
#include <criterion/criterion.h>

#include "support/actor.h"
#include "support/work.h"

TestSuite(each, .timeout = 60);

#define LAZY OPTIONS_OF(.start = FERRY_START_LAZY)
#define DEFERRED OPTIONS_OF(.start = FERRY_START_DEFERRED)
#define MOST 32

static ferry_loop *loop;
static ferry_operation operation;

static void begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
}

static void end(void)
{
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0, "their frames are gone");
	cr_assert_eq(ferry_loop_free(loop), 0);
}

static void run(void)
{
	cr_assert_eq(ferry_loop_run(loop), 0);
}

static void complete(void)
{
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
}

static void end_all(void)
{
	cr_assert_geq(ferry_loop_cancel_tasks(loop), 0);
	run();
	diary[0] = 0;
}

/* ---- who is shown ---- */

static int note(ferry_task *task, void *user)
{
	struct actor *actor = (struct actor *)task;

	cr_assert_not(ferry_task_snapshot(task).done);
	cr_assert_eq(ferry_task_loop(task), loop);
	diary_note("%s", actor->name);
	return user && !strcmp(user, actor->name) ? 7 : 0;
}

static void note_all(struct actor *actor)
{
	(void)actor;
	cr_assert_eq(ferry_each_task(loop, note, NULL), 0);
}

/* True if those that are shown are these, a letter each, in whatever order. */
static bool shows(const char *names)
{
	unsigned counts[128] = { 0 };
	bool same = true;

	cr_assert_eq(ferry_each_task(loop, note, NULL), 0);
	for (const char *c = diary; *c; c++)
		if (*c != ' ')
			counts[(unsigned char)*c]++;
	for (; *names; names++)
		counts[(unsigned char)*names]--;
	for (unsigned i = 0; i < 128; i++)
		same &= !counts[i];
	diary[0] = 0;
	return same;
}

Test(each, T5_all_that_have_not_ended_are_shown_each_once, .init = begin, .fini = end)
{
	struct actor e = { .name = "e" }, d = { .name = "d" }, l = { .name = "l" },
		     y = { .name = "y", .yields = 2 },
		     w = { .name = "w", .awaits = &operation.awaitable }, s = { .name = "s" },
		     g = { .name = "g", .yields = 2 }, h = { .name = "h" };
	ferry_group group;

	cr_assert(shows(""));
	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&e, loop, NULL);
	actor_begin(&d, loop, DEFERRED);
	actor_begin(&l, loop, LAZY);
	actor_begin(&y, loop, NULL);
	actor_begin(&w, loop, NULL);
	actor_begin(&s, loop, DEFERRED);
	cr_assert_eq(ferry_task_cancel(&s.task), 0);
	actor_begin(&g, loop, FERRY_IN(&group));
	actor_begin(&h, loop, OPTIONS_OF(.start = FERRY_START_DEFERRED, .group = &group));
	diary[0] = 0;
	cr_assert(shows("dlywsgh"));
	cr_assert(shows("dlywsgh"), "again");
	cr_assert_gt(ferry_loop_run_once(loop, 0), 0);
	diary[0] = 0;
	cr_assert(shows("dywgh"));
	complete();
	cr_assert(shows("dywgh"), "one that was woken has not ended");
	run();
	diary[0] = 0;
	cr_assert(shows("dh"));
	cr_assert_eq(ferry_group_close(&group), 0);
	run();
	diary[0] = 0;
	cr_assert(shows("d"));
	end_all();
}

Test(each, those_in_groups_come_behind_those_in_none, .init = begin, .fini = end)
{
	struct actor g = { .name = "g" }, a = { .name = "a" }, b = { .name = "b" };
	ferry_group group;

	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&g, loop, OPTIONS_OF(.start = FERRY_START_DEFERRED, .group = &group));
	actor_begin(&a, loop, DEFERRED);
	actor_begin(&b, loop, DEFERRED);
	note_all(NULL);
	cr_assert(diary_is("a b g"));
	cr_assert_eq(ferry_group_close(&group), 0);
	end_all();
}

static void begin_next(struct actor *actor)
{
	actor_begin(actor->user, loop, NULL);
}

Test(each, T5_those_in_their_first_steps_are_shown_though_they_are_in_no_list, .init = begin,
     .fini = end)
{
	struct actor d = { .name = "d" }, c = { .name = "c", .acts = note_all },
		     b = { .name = "b", .acts = begin_next, .user = &c },
		     a = { .name = "a", .acts = begin_next, .user = &b };

	actor_begin(&d, loop, DEFERRED);
	actor_begin(&a, loop, NULL);
	cr_assert(diary_is("a: b: c: c b a d c. c) b. b) a. a)"));
	end_all();
}

struct begins_later {
	FERRY_FRAME;
	const char *name;
};

static ferry_step begins_later_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct begins_later, f);
	FERRY_YIELD();
	FERRY_AWAIT(&operation);
	note_all(NULL);
	FERRY_END;
}

Test(each, one_that_runs_and_is_in_a_list_is_shown_once, .init = begin, .fini = end)
{
	struct begins_later b;

	ferry_task_begin(&b.task, loop, begins_later_step, NULL);
	run();
	complete();
	/* The name stands where that of an actor does. */
	cr_assert_eq(offsetof(struct begins_later, name), offsetof(struct actor, name));
	b.name = "b";
	run();
	cr_assert(diary_is("b"));
}

static ferry_operation asked_for;

static void note_as_it_is_cancelled(ferry_operation *which, struct ferry_task *task)
{
	(void)which, (void)task;
	note_all(NULL);
}

Test(each, one_that_has_just_ended_is_not_shown, .init = begin, .fini = end)
{
	static const ferry_operation_hooks hooks = { sizeof(hooks), "test", 0, NULL,
						     note_as_it_is_cancelled };
	struct actor a = { .name = "a", .awaits = &asked_for.awaitable },
		     b = { .name = "b", .yields = 1, .fails = -EIO };
	ferry_group group;

	/* As b fails, its group cancels a, whose operation looks around. */
	cr_assert_eq(ferry_operation_init(&asked_for, &hooks), 0);
	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&a, loop, FERRY_IN(&group));
	actor_begin(&b, loop, FERRY_IN(&group));
	run();
	cr_assert(diary_is("a: b: b. b) a"));
	cr_assert_eq(ferry_operation_complete(&asked_for, loop, -ECANCELED), 0);
	cr_assert_eq(ferry_group_close(&group), 0);
	run();
	cr_assert_eq(ferry_group_clear(&group), 0);
	diary[0] = 0;
}

Test(each, it_ends_with_what_the_function_says, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" }, b = { .name = "b" }, c = { .name = "c" },
		     g = { .name = "g" };
	ferry_group group;

	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&a, loop, DEFERRED);
	actor_begin(&b, loop, DEFERRED);
	actor_begin(&c, loop, DEFERRED);
	actor_begin(&g, loop, OPTIONS_OF(.start = FERRY_START_DEFERRED, .group = &group));
	cr_assert_eq(ferry_each_task(loop, note, "b"), 7);
	cr_assert(diary_is("a b"));
	cr_assert_eq(ferry_each_task(loop, note, "g"), 7);
	cr_assert(diary_is("a b c g"));
	cr_assert_eq(ferry_each_task(loop, note, "nobody"), 0);
	cr_assert_eq(ferry_group_close(&group), 0);
	end_all();
}

static void stop_at_first(struct actor *actor)
{
	cr_assert_eq(ferry_each_task(loop, note, (void *)(uintptr_t)actor->name), 7);
}

Test(each, it_ends_so_among_those_in_no_list_as_well, .init = begin, .fini = end)
{
	struct actor d = { .name = "d" }, b = { .name = "b", .acts = stop_at_first },
		     a = { .name = "a", .acts = begin_next, .user = &b };

	actor_begin(&d, loop, DEFERRED);
	actor_begin(&a, loop, NULL);
	cr_assert(diary_is("a: b: b b. b) a. a)"));
	end_all();
}

/* ---- what may be done meanwhile ---- */

static struct actor crowd[MOST];
static unsigned shown[MOST], victim;
static void (*doing)(struct actor *actor, unsigned i);

static void fill(void)
{
	static ferry_group groups[2];

	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(ferry_group_init(&groups[i], loop, NULL), 0);
	for (unsigned i = 0; i < MOST; i++) {
		crowd[i] = (struct actor){ .name = "" };
		shown[i] = 0;
		actor_begin(&crowd[i], loop,
			    OPTIONS_OF(.start = FERRY_START_DEFERRED,
				       .group = i % 4 < 2 ? NULL : &groups[i % 2]));
	}
}

static int do_meanwhile(ferry_task *task, void *user)
{
	struct actor *actor = (struct actor *)task;

	(void)user;
	cr_assert_not(ferry_task_snapshot(task).done, "only those that have not ended");
	if (actor < crowd || actor >= crowd + MOST)
		return 0;
	shown[actor - crowd]++;
	doing(actor, (unsigned)(actor - crowd));
	return 0;
}

/* Each is shown at most once, and each that lives through it is. */
static unsigned go_over(void (*what)(struct actor *actor, unsigned i))
{
	unsigned total = 0;

	doing = what;
	cr_assert_eq(ferry_each_task(loop, do_meanwhile, NULL), 0);
	for (unsigned i = 0; i < MOST; i++) {
		cr_assert_leq(shown[i], 1, "%u was shown %u times", i, shown[i]);
		if (crowd[i].task.awaitable.word && !ferry_task_snapshot(&crowd[i].task).done)
			cr_assert_eq(shown[i], 1, "%u was not shown", i);
		total += shown[i];
	}
	diary[0] = 0;
	return total;
}

static void start_it(struct actor *actor, unsigned i)
{
	(void)i;
	cr_assert_eq(ferry_task_start(&actor->task), 0);
	cr_assert_eq(actor->cleaned, 1, "it has ended");
}

Test(each, the_one_that_is_shown_may_end, .init = begin, .fini = end)
{
	fill();
	cr_assert_eq(go_over(start_it), MOST);
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0);
}

static void start_victim(struct actor *actor, unsigned i)
{
	(void)actor, (void)i;
	if (!crowd[victim].began)
		cr_assert_eq(ferry_task_start(&crowd[victim].task), 0);
}

Test(each, any_other_may_end)
{
	for (victim = 0; victim < MOST; victim++) {
		begin();
		fill();
		/* One that ends before it is shown is not. */
		cr_assert_eq(go_over(start_victim), MOST - !shown[victim]);
		end_all();
		end();
	}
}

static void start_all(struct actor *actor, unsigned i)
{
	(void)actor, (void)i;
	for (unsigned j = 0; j < MOST; j++)
		cr_assert_eq(ferry_task_start(&crowd[j].task), 0);
}

Test(each, all_may_end, .init = begin, .fini = end)
{
	fill();
	cr_assert_eq(go_over(start_all), 1);
}

static void forget_next(struct actor *actor, unsigned i)
{
	(void)actor;
	for (unsigned j = i + 1; j < MOST && j < i + 3; j++)
		ferry_task_forget(&crowd[j].task);
}

Test(each, others_may_be_forgotten, .init = begin, .fini = end)
{
	fill();
	cr_assert_lt(go_over(forget_next), MOST);
	end_all();
}

static void cancel_it(struct actor *actor, unsigned i)
{
	(void)i;
	cr_assert_eq(ferry_task_cancel(&actor->task), 0);
}

Test(each, all_may_be_cancelled, .init = begin, .fini = end)
{
	fill();
	cr_assert_eq(go_over(cancel_it), MOST);
	run();
	for (unsigned i = 0; i < MOST; i++)
		cr_assert_eq(actor_ended(&crowd[i]), ACTOR_CANCELLED);
	diary[0] = 0;
}

static void begin_another(struct actor *actor, unsigned i)
{
	static struct actor others[MOST];

	(void)actor;
	others[i] = (struct actor){ .name = "", .yields = i % 2 };
	actor_begin(&others[i], loop, OPTIONS_OF(.start = (ferry_start)(1 + i % 2)));
}

Test(each, others_may_be_begun, .init = begin, .fini = end)
{
	fill();
	cr_assert_eq(go_over(begin_another), MOST);
	run();
	cr_assert_eq(fixture_loop_counters(loop).tasks, MOST);
	end_all();
}

static int start_when_shown(ferry_task *task, void *user)
{
	(void)user;
	ferry_task_start(task);
	return 0;
}

static void go_over_again(struct actor *actor, unsigned i)
{
	(void)actor;
	if (i == 5)
		cr_assert_eq(ferry_each_task(loop, start_when_shown, NULL), 0);
}

Test(each, another_may_go_over_them_meanwhile_and_end_them_all, .init = begin, .fini = end)
{
	fill();
	go_over(go_over_again);
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0);
}

static void cancel_all(struct actor *actor, unsigned i)
{
	(void)actor;
	if (i == 3)
		cr_assert_eq(ferry_loop_cancel_tasks(loop), MOST);
}

Test(each, all_of_the_loop_may_be_cancelled_meanwhile, .init = begin, .fini = end)
{
	fill();
	cr_assert_eq(go_over(cancel_all), MOST);
	run();
	diary[0] = 0;
}

static ferry_group *ended_group;

static int end_group(ferry_task *task, void *user)
{
	struct actor *child = user;

	(void)task;
	if (!child->began) {
		cr_assert_eq(ferry_task_start(&child->task), 0);
		free(ended_group);
	}
	return 0;
}

Test(each, a_group_may_end_and_go_meanwhile, .init = begin, .fini = end)
{
	struct actor child = { .name = "child" }, a = { .name = "a" }, b = { .name = "b" },
		     inside = { .name = "inside", .yields = 1 };
	ferry_slot slot = { .limiter = NULL }, busy = { .limiter = NULL };
	ferry_group first, last;
	ferry_limiter limiter;

	ended_group = malloc(sizeof(*ended_group));
	cr_assert_eq(ferry_group_init(&first, loop, NULL), 0);
	cr_assert_eq(ferry_group_init(ended_group, loop, NULL), 0);
	cr_assert_eq(ferry_group_init(&last, loop, NULL), 0);
	actor_begin(&a, loop, OPTIONS_OF(.start = FERRY_START_DEFERRED, .group = &first));
	actor_begin(&b, loop, OPTIONS_OF(.start = FERRY_START_DEFERRED, .group = &last));
	actor_begin(&child, loop, OPTIONS_OF(.start = FERRY_START_DEFERRED, .group = ended_group));
	/* A limiter would start it: so the group can be closed, and waits for it. */
	cr_assert_eq(ferry_limiter_init(&limiter, loop, 1), 0);
	ferry_limiter_submit(&limiter, &busy, actor_begin(&inside, loop, DEFERRED), 0);
	ferry_limiter_submit(&limiter, &slot, &child.task, 0);
	cr_assert_eq(ferry_group_close(ended_group), 0);
	cr_assert_eq(ferry_each_task(loop, end_group, &child), 0);
	cr_assert_eq(child.cleaned, 1);
	cr_assert_eq(ferry_group_close(&first), 0);
	cr_assert_eq(ferry_group_close(&last), 0);
	run();
	cr_assert_eq(a.cleaned + b.cleaned + inside.cleaned, 3);
	diary[0] = 0;
}

/* ---- until one has ended ---- */

Test(each, awaiting_what_is_done_takes_no_turn, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" }, b = { .name = "b" };

	actor_begin(&b, loop, LAZY);
	actor_begin(&a, loop, NULL);
	cr_assert_eq(ferry_loop_await(loop, &a.awaitable), 0);
	cr_assert_eq(fixture_loop_counters(loop).turns, 0);
	cr_assert_eq(b.began, 0);
	diary[0] = 0;
	run();
	diary[0] = 0;
}

Test(each, awaiting_runs_the_loop_until_that_is_done_and_no_longer, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .yields = 2 }, b = { .name = "b", .yields = 5 };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	cr_assert_eq(ferry_loop_await(loop, &a.awaitable), 0);
	cr_assert_eq(fixture_loop_counters(loop).turns, 2);
	cr_assert_eq(actor_ended(&b), ACTOR_PENDING);
	cr_assert_eq(ferry_loop_await(loop, &b.awaitable), 0);
	diary[0] = 0;
}

Test(each, awaiting_waits_for_what_comes_from_elsewhere, .init = begin)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_await await = { .local = NULL };
	struct actor a = { .name = "a", .awaits = &await.awaitable, .tries = true };

	ferry_await_local(&await, ferry_offload(loop, pool, work_nothing, NULL, NULL));
	actor_begin(&a, loop, NULL);
	cr_assert_eq(ferry_loop_await(loop, &a.awaitable), 0);
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
	ferry_await_end(&await);
	fixture_end(loop, pool);
	diary[0] = 0;
}

static void stop(ferry_loop *which, void *user)
{
	(void)user;
	ferry_loop_stop(which);
}

Test(each, awaiting_ends_when_the_loop_is_stopped_or_nothing_is_pending, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable };
	ferry_awaitable word = { 0 };

	actor_begin(&a, loop, NULL);
	cr_assert_eq(ferry_loop_call_soon(loop, stop, NULL), 0);
	cr_assert_eq(ferry_loop_await(loop, &a.awaitable), 1);
	cr_assert_eq(ferry_loop_await(loop, &a.awaitable), -EDEADLK);
	cr_assert_eq(ferry_loop_await(loop, &word), -EINVAL, "nothing was begun");
	cr_assert_eq(ferry_loop_await(loop, &operation.awaitable), -EDEADLK);
	complete();
	cr_assert_eq(ferry_loop_await(loop, &operation.awaitable), 0);
	cr_assert_eq(ferry_loop_await(loop, &a.awaitable), 0);
	diary[0] = 0;
}

Test(each, T6_a_group_is_closed_by_being_awaited, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };
	ferry_group group;

	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&a, loop, OPTIONS_OF(.start = FERRY_START_DEFERRED, .group = &group));
	cr_assert_eq(ferry_loop_await(loop, &group.awaitable), 0);
	cr_assert(diary_is("a: a. a)"));
	cr_assert_eq(ferry_group_close(&group), -EALREADY);
}

static ferry_group *groups_own;

static void await_inside(struct actor *actor)
{
	ferry_awaitable done = { 1 };

	cr_assert_eq(ferry_loop_await(loop, &actor->awaitable), -EBUSY);
	cr_assert_eq(ferry_loop_await(loop, &groups_own->awaitable), -EBUSY);
	cr_assert_eq(ferry_loop_await(loop, &done), 0);
}

static void await_in_callback(ferry_loop *which, void *user)
{
	cr_assert_eq(ferry_loop_await(which, user), -EBUSY);
}

Test(each, awaiting_is_not_for_steps_and_callbacks, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .acts = await_inside };
	ferry_group group;

	groups_own = &group;
	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&a, loop, NULL);
	cr_assert_eq(ferry_loop_call_soon(loop, await_in_callback, &group.awaitable), 0);
	run();
	cr_assert_not(ferry_awaitable_snapshot(&group.awaitable).done, "nor was it closed");
	cr_assert_eq(ferry_group_close(&group), 0);
	diary[0] = 0;
}

/* ---- refused ---- */

static void go_elsewhere(void *arg)
{
	cr_assert_eq(ferry_each_task(loop, note, NULL), -EPERM);
	cr_assert_eq(ferry_loop_await(loop, arg), -EPERM);
	cr_assert_null(ferry_current_task(loop));
}

static int go_in_child(void *arg)
{
	return ferry_each_task(loop, note, NULL) != -ECHILD ||
	       ferry_loop_await(loop, arg) != -ECHILD || ferry_current_task(loop);
}

Test(each, it_is_the_loops_threads_to_do, .init = begin)
{
	struct actor a = { .name = "a" };

	cr_assert_eq(ferry_each_task(NULL, note, NULL), -EINVAL);
	cr_assert_eq(ferry_each_task(loop, NULL, NULL), -EINVAL);
	cr_assert_eq(ferry_loop_await(NULL, &operation.awaitable), -EINVAL);
	cr_assert_eq(ferry_loop_await(loop, NULL), -EINVAL);
	cr_assert_null(ferry_current_task(NULL));
	actor_begin(&a, loop, DEFERRED);
	fixture_elsewhere(go_elsewhere, &a.awaitable);
	cr_assert_eq(fixture_in_child(go_in_child, &a.awaitable), 0);
	ferry_loop_ref(loop);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(ferry_each_task(loop, note, NULL), -ESHUTDOWN);
	cr_assert_eq(ferry_loop_await(loop, &a.awaitable), -ESHUTDOWN);
	ferry_loop_unref(loop);
	cr_assert(diary_is(""));
}
