/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Task factories: the loop's, a task's own choice, and those of the user's, which wrap, refuse,
 * or lie (T1, T3).
 */
#include <criterion/criterion.h>

#include "loop/loop.h"
#include "support/actor.h"

TestSuite(factory, .timeout = 60);

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

static void run(void)
{
	cr_assert_eq(ferry_loop_run(loop), 0);
}

static void set(ferry_task_factory factory, void *user)
{
	cr_assert_eq(ferry_loop_set_task_factory(loop, factory, user), 0);
}

/* ---- one of the user's ---- */

static struct wrapper {
	unsigned calls;
	/* What it was given the last time. */
	ferry_task *task;
	ferry_loop *loop;
	ferry_step_function step;
	ferry_task_options options;
	void *user;
	/* What it does. */
	bool is_lazy;
	const ferry_task_options *others; /* in the place of those; NULL: as they are */
} wrapper;

static int wrap(ferry_task *task, ferry_loop *which, ferry_step_function step,
		const ferry_task_options *options, void *user)
{
	wrapper.calls++;
	wrapper.task = task;
	wrapper.loop = which;
	wrapper.step = step;
	wrapper.options = *options;
	wrapper.user = user;
	if (wrapper.others)
		options = wrapper.others;
	return (wrapper.is_lazy ? ferry_lazy_factory : ferry_eager_factory)(task, which, step,
									    options, NULL);
}

/* ---- the loop decides, and a task for itself ---- */

enum made_by { BY_NOTHING, BY_EAGER, BY_LAZY, BY_WRAPPER, BY_LAZY_WRAPPER, MAKERS };

static ferry_task_factory factory_of(enum made_by by)
{
	switch (by) {
	case BY_EAGER:
		return ferry_eager_factory;
	case BY_LAZY:
		return ferry_lazy_factory;
	case BY_WRAPPER:
	case BY_LAZY_WRAPPER:
		wrapper.is_lazy = by == BY_LAZY_WRAPPER;
		return wrap;
	default:
		return NULL;
	}
}

/* Turns and callbacks until it has ended; 100: it did not begin by itself. */
static unsigned cost_of(const ferry_task_options *options)
{
	struct actor a = { .name = "a" };
	ferry_loop_counters before = fixture_loop_counters(loop), after;

	actor_begin(&a, loop, options);
	run();
	after = fixture_loop_counters(loop);
	cr_assert_eq(after.turns - before.turns, after.callbacks - before.callbacks);
	if (!a.began) {
		cr_assert_eq(after.tasks, before.tasks + 1);
		cr_assert_eq(ferry_task_start(&a.task), 0);
		cr_assert_eq(a.cleaned, 1);
		return 100;
	}
	return (unsigned)(after.turns - before.turns);
}

static void check_costs(enum made_by by, const char *how)
{
	unsigned by_default = by == BY_LAZY || by == BY_LAZY_WRAPPER;

	cr_assert_eq(cost_of(NULL), by_default, "%s %d", how, by);
	cr_assert_eq(cost_of(OPTIONS_OF(.start = FERRY_START_DEFAULT)), by_default, "%s %d", how,
		     by);
	cr_assert_eq(cost_of(OPTIONS_OF(.start = FERRY_START_EAGER)), 0, "%s %d", how, by);
	cr_assert_eq(cost_of(OPTIONS_OF(.start = FERRY_START_LAZY)), 1, "%s %d", how, by);
	cr_assert_eq(cost_of(OPTIONS_OF(.start = FERRY_START_DEFERRED)), 100, "%s %d", how, by);
	/* With more to it, it takes another way. */
	cr_assert_eq(cost_of(OPTIONS_OF(.name = "n")), by_default, "%s %d", how, by);
	cr_assert_eq(cost_of(OPTIONS_OF(.name = "n", .start = FERRY_START_EAGER)), 0, "%s %d", how,
		     by);
	cr_assert_eq(cost_of(OPTIONS_OF(.name = "n", .start = FERRY_START_LAZY)), 1, "%s %d", how,
		     by);
	cr_assert_eq(cost_of(OPTIONS_OF(.name = "n", .start = FERRY_START_DEFERRED)), 100, "%s %d",
		     how, by);
}

Test(factory, T1_a_task_has_its_way_whatever_the_loops_factory_is)
{
	for (unsigned by = 0; by < MAKERS; by++) {
		begin();
		set(factory_of((enum made_by)by), NULL);
		check_costs((enum made_by)by, "set");
		end();
	}
}

Test(factory, T1_and_whatever_factory_the_loop_was_made_with)
{
	for (unsigned by = 0; by < MAKERS; by++) {
		ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;

		options.task_factory = factory_of((enum made_by)by);
		options.task_user = &wrapper;
		cr_assert_eq(ferry_loop_new(&options, &loop), 0);
		check_costs((enum made_by)by, "made");
		cr_assert_eq(wrapper.user, by < BY_WRAPPER ? NULL : &wrapper);
		end();
	}
}

Test(factory, T1_it_can_be_changed_at_any_time, .init = begin, .fini = end)
{
	for (unsigned i = 0; i < 25; i++) {
		set(factory_of((enum made_by)(i % MAKERS)), NULL);
		check_costs((enum made_by)(i % MAKERS), "changed");
		set(factory_of((enum made_by)(i / MAKERS)), NULL);
		check_costs((enum made_by)(i / MAKERS), "changed again");
	}
}

static void make_lazy(struct actor *actor)
{
	set(ferry_lazy_factory, NULL);
	actor_begin(actor->user, loop, NULL);
}

Test(factory, T1_also_in_a_step, .init = begin, .fini = end)
{
	struct actor b = { .name = "b" }, a = { .name = "a", .acts = make_lazy, .user = &b };

	actor_begin(&a, loop, NULL);
	cr_assert(diary_is("a: a. a)"));
	run();
	cr_assert(diary_is("b: b. b)"));
}

/* ---- what it sees ---- */

static void no_cleanup(ferry_task *task, void *user)
{
	(void)task, (void)user;
}

Test(factory, T1_one_of_the_users_sees_every_option_unchanged, .init = begin, .fini = end)
{
	static const ferry_context_hooks hooks = { NULL, NULL };
	struct actor a = { .name = "a" };
	ferry_group group;
	ferry_task_options options = { .size = sizeof(options),
				       .start = FERRY_START_LAZY,
				       .group = &group,
				       .name = "a name",
				       .user = &a,
				       .cleanup = no_cleanup,
				       .context = &loop,
				       .hooks = &hooks };

	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	set(wrap, &options);
	actor_begin(&a, loop, &options);
	cr_assert_eq(wrapper.calls, 1);
	cr_assert_eq(wrapper.task, &a.task);
	cr_assert_eq(wrapper.loop, loop);
	cr_assert_eq(wrapper.step, actor_step);
	cr_assert_eq(wrapper.user, &options);
	cr_assert_eq(memcmp(&wrapper.options, &options, sizeof(options)), 0);
	cr_assert_eq(wrapper.options.name, options.name, "not a copy");
	cr_assert_str_eq(ferry_task_name(&a.task), "a name");
	ferry_group_close(&group);
	run();
	cr_assert(diary_is("a: a. a)"));
}

Test(factory, T1_it_sees_options_that_are_all_there_where_none_or_fewer_were_given, .init = begin,
     .fini = end)
{
	struct actor a = { .name = "a" }, b = { .name = "b" };
	ferry_task_options none = FERRY_TASK_OPTIONS_INIT, fewer = { .name = "n", .user = &a };

	set(wrap, NULL);
	actor_begin(&a, loop, NULL);
	cr_assert_eq(memcmp(&wrapper.options, &none, sizeof(none)), 0);
	fewer.size = offsetof(ferry_task_options, user);
	actor_begin(&b, loop, &fewer);
	cr_assert_eq(wrapper.options.size, sizeof(ferry_task_options), "so that it may add some");
	cr_assert_eq(wrapper.options.name, fewer.name);
	cr_assert_null(wrapper.options.user);
	diary[0] = 0;
}

static void see_name_and_user(struct actor *actor)
{
	cr_assert_str_eq(ferry_task_name(&actor->task), "another");
	cr_assert_eq(ferry_task_user(&actor->task), &wrapper);
}

static int rename_it(ferry_task *task, ferry_loop *which, ferry_step_function step,
		     const ferry_task_options *options, void *user)
{
	ferry_task_options others = *options;

	others.name = "another";
	others.user = user;
	return ferry_eager_factory(task, which, step, &others, NULL);
}

Test(factory, T1_it_may_change_options_whatever_the_size_of_those_that_were_given, .init = begin,
     .fini = end)
{
	struct actor a = { .name = "a", .acts = see_name_and_user }, b = a, c = a;

	set(rename_it, &wrapper);
	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, &(ferry_task_options){ .size = sizeof(size_t) });
	actor_begin(&c, loop, OPTIONS_OF(.name = "one", .user = &a));
	cr_assert_eq(a.cleaned + b.cleaned + c.cleaned, 3);
}

static ferry_step other_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct actor, f);
	diary_note("other");
	FERRY_RETURN();
	FERRY_END;
}

static int replace_step(ferry_task *task, ferry_loop *which, ferry_step_function step,
			const ferry_task_options *options, void *user)
{
	(void)step;
	return ferry_lazy_factory(task, which, other_step, options, user);
}

Test(factory, it_may_change_the_step, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };

	set(replace_step, NULL);
	actor_begin(&a, loop, NULL);
	run();
	cr_assert(diary_is("other"));
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
}

static int begin_another_first(ferry_task *task, ferry_loop *which, ferry_step_function step,
			       const ferry_task_options *options, void *user)
{
	set(NULL, NULL);
	actor_begin(user, which, NULL);
	return ferry_eager_factory(task, which, step, options, NULL);
}

Test(factory, it_may_begin_other_tasks, .init = begin, .fini = end)
{
	struct actor b = { .name = "b" }, a = { .name = "a" };

	set(begin_another_first, &b);
	actor_begin(&a, loop, NULL);
	cr_assert(diary_is("b: b. b) a: a. a)"));
}

/* ---- refusals and lies ---- */

static unsigned cleanups;

static void count_cleanup(ferry_task *task, void *user)
{
	(void)task;
	cr_assert_eq(user, &cleanups);
	cleanups++;
}

#define WITH_CLEANUP OPTIONS_OF(.cleanup = count_cleanup, .user = &cleanups)

static int refuse(ferry_task *task, ferry_loop *which, ferry_step_function step,
		  const ferry_task_options *options, void *user)
{
	(void)task, (void)which, (void)step, (void)options;
	return (int)(intptr_t)user;
}

Test(factory, one_that_refuses_gives_a_task_born_failed, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };

	set(refuse, (void *)-ENOSPC);
	actor_begin(&a, loop, WITH_CLEANUP);
	cr_assert_eq(actor_errno(&a), ENOSPC);
	cr_assert_eq(a.began + a.cleaned, 0);
	cr_assert_eq(cleanups, 0);
	run();
	cr_assert_eq(cleanups, 1);
	cr_assert_null(ferry_current_task(loop));
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0);
}

Test(factory, one_that_says_cancelled_gives_a_task_that_is, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };

	set(refuse, (void *)-ECANCELED);
	actor_begin(&a, loop, NULL);
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
}

Test(factory, one_that_says_it_made_a_task_and_did_not_is_not_believed, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" }, b = a, c = a;

	/* Also where the memory looks like a task. */
	actor_begin(&c, loop, NULL);
	set(refuse, (void *)0);
	actor_begin(&a, loop, WITH_CLEANUP);
	cr_assert_eq(actor_errno(&a), EINVAL);
	actor_begin(&c, loop, WITH_CLEANUP);
	cr_assert_eq(actor_errno(&c), EINVAL);
	set(refuse, (void *)5);
	actor_begin(&b, loop, WITH_CLEANUP);
	cr_assert_eq(actor_errno(&b), EINVAL);
	run();
	cr_assert_eq(cleanups, 3);
	cr_assert(diary_is("a: a. a)"), "the first time");
}

static int make_and_fail(ferry_task *task, ferry_loop *which, ferry_step_function step,
			 const ferry_task_options *options, void *user)
{
	int error = ferry_eager_factory(task, which, step, options, NULL);

	(void)user;
	return error ? error : -EIO;
}

Test(factory, one_that_made_a_task_and_says_it_did_not_has_made_it, .init = begin, .fini = end)
{
	struct actor ends = { .name = "ends" }, yields = { .name = "yields", .yields = 1 };

	set(make_and_fail, NULL);
	actor_begin(&ends, loop, WITH_CLEANUP);
	actor_begin(&yields, loop, WITH_CLEANUP);
	cr_assert_eq(actor_ended(&ends), ACTOR_RESULT);
	cr_assert_eq(actor_ended(&yields), ACTOR_PENDING);
	run();
	cr_assert_eq(actor_ended(&yields), ACTOR_RESULT);
	cr_assert_eq(cleanups, 2, "each once");
	cr_assert(diary_is("ends: ends. ends) yields: yields. yields)"));
}

Test(factory, what_ours_refuse_goes_through_one_of_the_users, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };

	set(wrap, NULL);
	wrapper.others = OPTIONS_OF(.start = (ferry_start)4);
	actor_begin(&a, loop, WITH_CLEANUP);
	cr_assert_eq(wrapper.calls, 1);
	cr_assert_eq(actor_errno(&a), EINVAL);
	run();
	cr_assert_eq(cleanups, 1);
}

static struct ferry_waiter freeing;
static struct actor *frame;
static unsigned char zeros[sizeof(struct actor)];

/* Whoever waits for the future may take the frame for something else at once. */
static void take_frame(ferry_waiter *waiter)
{
	(void)waiter;
	memset(frame, 0, sizeof(*frame));
}

Test(factory, a_task_from_another_thread_is_not_touched_when_its_future_is_done, .init = begin,
     .fini = end)
{
	struct actor a = { .name = "a" };
	ferry_future *future;

	frame = &a;
	freeing = (ferry_waiter){ NULL, take_frame };
	set(wrap, NULL);
	cr_assert_eq(ferry_task_submit(&a.task, loop, actor_step, NULL, NULL, &future), 0);
	cr_assert_eq(ferry_future_attach(future, &freeing), 0);
	run();
	cr_assert_eq(wrapper.calls, 1);
	cr_assert(diary_is("a: a. a)"));
	cr_assert_eq(memcmp(&a, zeros, sizeof(a)), 0);
	ferry_future_unref(future);
}

/* ---- contexts of tasks from another thread ---- */

static unsigned copied, freed;

static void *copy_context(void *context)
{
	copied++;
	return context;
}

static void free_context(void *context)
{
	(void)context;
	freed++;
}

static const ferry_context_hooks counted = { copy_context, free_context };

static void submit_with_context(struct actor *actor)
{
	ferry_future *future;

	copied = freed = 0;
	cr_assert_eq(ferry_task_submit(&actor->task, loop, actor_step,
				       OPTIONS_OF(.context = &loop, .hooks = &counted), NULL,
				       &future),
		     0);
	run();
	cr_assert(ferry_future_snapshot(future).done);
	cr_assert_eq(actor->cleaned, 1);
	ferry_future_unref(future);
}

Test(factory, a_context_that_one_leaves_out_or_replaces_is_freed, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" }, b = { .name = "b" }, c = { .name = "c" },
		     d = { .name = "d" };

	set(wrap, NULL);
	submit_with_context(&a);
	cr_assert_eq(copied, 1);
	cr_assert_eq(freed, 1);
	wrapper.others = OPTIONS_OF(.name = "without");
	submit_with_context(&b);
	cr_assert_eq(copied, 1);
	cr_assert_eq(freed, 1);
	wrapper.others = OPTIONS_OF(.context = &wrapper, .hooks = &counted);
	submit_with_context(&c);
	cr_assert_eq(copied, 2);
	cr_assert_eq(freed, 2);
	wrapper.others = OPTIONS_OF(.context = &loop);
	submit_with_context(&d);
	cr_assert_eq(copied, 1);
	cr_assert_eq(freed, 1, "the same, but nobody else would free it");
	diary[0] = 0;
}

/* ---- forks ---- */

static pid_t forked;

static void fork_and_free(struct actor *actor)
{
	(void)actor;
	forked = fork();
	if (!forked && ferry_loop_free(loop))
		_exit(100);
}

Test(factory, P6_a_child_may_free_the_loop_in_a_step_that_one_of_the_users_began, .init = begin,
     .fini = end)
{
	struct actor a = { .name = "a", .acts = fork_and_free };
	int status;

	ferry_loop_ref(loop);
	set(wrap, NULL);
	cr_assert_eq(actor_begin(&a, loop, NULL), &a.task);
	if (!forked)
		_exit(loop->refs != 1 ? 101 : a.cleaned != 1);
	cr_assert_eq(waitpid(forked, &status, 0), forked);
	cr_assert_eq(status, 0);
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
	ferry_loop_unref(loop);
	diary[0] = 0;
}

/* Whatever it says then, and whether it made the task or not. */
static int fork_and_refuse(ferry_task *task, ferry_loop *which, ferry_step_function step,
			   const ferry_task_options *options, void *user)
{
	forked = fork();
	if (!forked && ferry_loop_free(loop))
		_exit(100);
	return user ? -EIO : ferry_eager_factory(task, which, step, options, NULL);
}

/* The child, which has nothing of the loop any more, unless it held the handle. */
static int leave_child(const struct actor *actor, bool is_held, bool refuses)
{
	ferry_snapshot snapshot = ferry_awaitable_snapshot(&actor->awaitable);

	if (is_held && loop->refs != 1)
		return 101;
	return ferry_error_errno(snapshot.exception) != (refuses ? EIO : ECHILD);
}

Test(factory, P6_a_child_may_free_the_loop_in_one_of_the_users, .init = begin, .fini = end)
{
	for (unsigned i = 0; i < 4; i++) {
		struct actor a = { .name = "a" };
		bool is_held = i & 1, refuses = i & 2;
		int status;

		if (is_held)
			ferry_loop_ref(loop);
		set(fork_and_refuse, refuses ? &wrapper : NULL);
		actor_begin(&a, loop, NULL);
		if (!forked)
			_exit(leave_child(&a, is_held, refuses));
		cr_assert_eq(waitpid(forked, &status, 0), forked);
		cr_assert_eq(status, 0);
		cr_assert_eq(actor_errno(&a), refuses ? EIO : 0);
		if (is_held)
			ferry_loop_unref(loop);
	}
	diary[0] = 0;
}

Test(factory, ours_want_a_task_and_options, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };
	const ferry_task_options options = FERRY_TASK_OPTIONS_INIT;

	cr_assert_eq(ferry_eager_factory(NULL, loop, actor_step, &options, NULL), -EINVAL);
	cr_assert_eq(ferry_lazy_factory(NULL, loop, actor_step, &options, NULL), -EINVAL);
	cr_assert_eq(ferry_eager_factory(&a.task, loop, actor_step, NULL, NULL), -EINVAL);
	cr_assert_eq(ferry_lazy_factory(&a.task, loop, actor_step, NULL, NULL), -EINVAL);
	cr_assert_eq(ferry_eager_factory(&a.task, NULL, actor_step, &options, NULL), -EINVAL);
	cr_assert_eq(ferry_eager_factory(&a.task, loop, NULL, &options, NULL), -EINVAL);
	/* Anybody may call them. */
	cr_assert_eq(ferry_eager_factory(&a.task, loop, actor_step, &options, NULL), 0);
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
}

static void set_elsewhere(void *arg)
{
	(void)arg;
	cr_assert_eq(ferry_loop_set_task_factory(loop, wrap, NULL), -EPERM);
}

static int set_in_child(void *arg)
{
	(void)arg;
	return ferry_loop_set_task_factory(loop, wrap, NULL) != -ECHILD;
}

Test(factory, it_is_the_loops_threads_to_change, .init = begin)
{
	struct actor a = { .name = "a" };

	cr_assert_eq(ferry_loop_set_task_factory(NULL, wrap, NULL), -EINVAL);
	fixture_elsewhere(set_elsewhere, NULL);
	cr_assert_eq(fixture_in_child(set_in_child, NULL), 0);
	actor_begin(&a, loop, NULL);
	cr_assert_eq(wrapper.calls, 0);
	ferry_loop_ref(loop);
	end();
	cr_assert_eq(ferry_loop_set_task_factory(loop, wrap, NULL), -ESHUTDOWN);
	ferry_loop_unref(loop);
}
