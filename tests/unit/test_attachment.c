/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What few tasks have: names, user data, contexts that are inherited. All of it is there before
 * the first step, and let go of once (T1).
 */
#include <criterion/criterion.h>

#include "support/actor.h"
#include "support/allocations.h"

TestSuite(attachment, .timeout = 60);

#define DEFERRED OPTIONS_OF(.start = FERRY_START_DEFERRED)

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

/* Begins a task, and lets it run if it does not do so by itself. */
static void start(struct actor *actor, ferry_start how, ferry_task_options options)
{
	options.start = how;
	actor_begin(actor, loop, &options);
	if (how == FERRY_START_DEFERRED)
		cr_assert_eq(ferry_task_start(&actor->task), 0);
	run();
}

/* ---- names and user data ---- */

static void see_name_and_user(struct actor *actor)
{
	const char *name = ferry_task_name(&actor->task), *user = ferry_task_user(&actor->task);

	diary_note("%s/%s", name ? name : "-", user ? user : "-");
}

Test(attachment, T1_name_and_user_are_there_in_the_first_step_113050_130033, .init = begin,
     .fini = end)
{
	for (unsigned how = FERRY_START_EAGER; how <= FERRY_START_DEFERRED; how++) {
		struct actor a = { .name = "a", .acts = see_name_and_user };

		start(&a, (ferry_start)how,
		      (ferry_task_options){
			      .size = sizeof(ferry_task_options), .name = "name", .user = "user" });
		cr_assert(diary_is("a: name/user a. a)"));
	}
}

Test(attachment, T1_each_of_them_may_be_there_alone, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .acts = see_name_and_user }, b = a, c = a;

	actor_begin(&a, loop, OPTIONS_OF(.name = "name"));
	actor_begin(&b, loop, OPTIONS_OF(.user = "user"));
	actor_begin(&c, loop, OPTIONS_OF(.name = "", .user = NULL));
	cr_assert(diary_is("a: name/- a. a) a: -/user a. a) a: -/- a. a)"));
}

Test(attachment, a_name_is_copied_and_cut_at_31_bytes, .init = begin, .fini = end)
{
	char name[] = "0123456789012345678901234567890123456789";
	struct actor a = { .name = "a", .awaits = &operation.awaitable }, b = a;

	actor_begin(&a, loop, OPTIONS_OF(.name = name));
	name[31] = 0;
	actor_begin(&b, loop, OPTIONS_OF(.name = name));
	memset(name, 'x', sizeof(name) - 1);
	cr_assert_str_eq(ferry_task_name(&a.task), "0123456789012345678901234567890");
	cr_assert_str_eq(ferry_task_name(&b.task), "0123456789012345678901234567890");
	complete();
	run();
}

Test(attachment, they_stay_until_the_end_and_no_longer, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable };

	actor_begin(&a, loop, OPTIONS_OF(.name = "name", .user = &a, .context = &loop));
	cr_assert_str_eq(ferry_task_name(&a.task), "name");
	cr_assert_eq(ferry_task_user(&a.task), &a);
	cr_assert_eq(ferry_task_context(&a.task), &loop);
	complete();
	cr_assert_str_eq(ferry_task_name(&a.task), "name");
	run();
	cr_assert_null(ferry_task_name(&a.task));
	cr_assert_null(ferry_task_user(&a.task));
	cr_assert_null(ferry_task_context(&a.task));
}

Test(attachment, a_task_without_options_has_none_of_them, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable };

	actor_begin(&a, loop, NULL);
	cr_assert_null(ferry_task_name(&a.task));
	cr_assert_null(ferry_task_user(&a.task));
	cr_assert_null(ferry_task_context(&a.task));
	cr_assert_null(ferry_task_name(NULL));
	cr_assert_null(ferry_task_user(NULL));
	cr_assert_null(ferry_task_context(NULL));
	complete();
	run();
}

static void look_elsewhere(void *arg)
{
	cr_assert_null(ferry_task_name(arg));
	cr_assert_null(ferry_task_user(arg));
	cr_assert_null(ferry_task_context(arg));
}

static int look_in_child(void *arg)
{
	return ferry_task_name(arg) || ferry_task_user(arg) || ferry_task_context(arg);
}

Test(attachment, they_are_the_loops_threads_to_look_at, .init = begin)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable };

	actor_begin(&a, loop, OPTIONS_OF(.name = "name", .user = &a, .context = &loop));
	fixture_elsewhere(look_elsewhere, &a.task);
	cr_assert_eq(fixture_in_child(look_in_child, &a.task), 0);
	ferry_loop_ref(loop);
	cr_assert_eq(ferry_loop_free(loop), 0);
	look_elsewhere(&a.task);
	ferry_loop_unref(loop);
}

/* ---- contexts ---- */

static struct counted {
	unsigned copied, freed;
	void *given;
} counted;

static int copy_of_it;

static void *copy(void *context)
{
	counted.copied++;
	counted.given = context;
	return &copy_of_it;
}

static void *copy_to_nothing(void *context)
{
	copy(context);
	return NULL;
}

static void free_it(void *context)
{
	counted.freed++;
	cr_assert_eq(context, counted.copied ? (void *)&copy_of_it : (void *)&loop);
}

static const ferry_context_hooks both = { copy, free_it }, only_copy = { copy, NULL },
				 only_free = { NULL, free_it }, neither = { NULL, NULL };

static void see_context(struct actor *actor)
{
	cr_assert_eq(ferry_task_context(&actor->task), actor->user, "%s", actor->name);
}

Test(attachment, T1_a_context_is_copied_once_before_the_first_step_and_freed_at_the_end,
     .init = begin, .fini = end)
{
	for (unsigned how = FERRY_START_EAGER; how <= FERRY_START_DEFERRED; how++) {
		struct actor a = { .name = "a", .acts = see_context, .user = &copy_of_it };

		counted = (struct counted){ .copied = 0 };
		start(&a, (ferry_start)how,
		      (ferry_task_options){ .size = sizeof(ferry_task_options),
					    .context = &loop,
					    .hooks = &both });
		cr_assert_eq(counted.copied, 1);
		cr_assert_eq(counted.given, &loop);
		cr_assert_eq(counted.freed, 1);
		cr_assert_eq(a.cleaned, 1);
		diary[0] = 0;
	}
}

Test(attachment, either_hook_may_be_missing, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .acts = see_context, .user = &copy_of_it }, b = a, c = a,
		     d = a;

	actor_begin(&a, loop, OPTIONS_OF(.context = &loop, .hooks = &only_copy));
	cr_assert_eq(counted.copied, 1);
	counted.copied = 0;
	b.user = c.user = d.user = &loop;
	actor_begin(&b, loop, OPTIONS_OF(.context = &loop, .hooks = &only_free));
	cr_assert_eq(counted.freed, 1);
	actor_begin(&c, loop, OPTIONS_OF(.context = &loop, .hooks = &neither));
	actor_begin(&d, loop, OPTIONS_OF(.context = &loop));
	cr_assert_eq(counted.copied, 0);
	cr_assert_eq(counted.freed, 1);
	cr_assert_eq(a.cleaned + b.cleaned + c.cleaned + d.cleaned, 4);
	diary[0] = 0;
}

Test(attachment, a_copy_may_be_nothing, .init = begin, .fini = end)
{
	static const ferry_context_hooks hooks = { copy_to_nothing, NULL };
	struct actor a = { .name = "a", .acts = see_context };

	actor_begin(&a, loop, OPTIONS_OF(.context = &loop, .hooks = &hooks));
	cr_assert_eq(counted.copied, 1);
	diary[0] = 0;
}

Test(attachment, hooks_without_a_context_do_nothing, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .acts = see_context };

	actor_begin(&a, loop, OPTIONS_OF(.hooks = &both));
	cr_assert_eq(counted.copied + counted.freed, 0);
	diary[0] = 0;
}

/* ---- inherited ---- */

#define LEVELS 6

static struct actor levels[LEVELS];
static ferry_start level_start;
static const char *level_name;

static void begin_next_level(struct actor *actor)
{
	cr_assert_eq(ferry_task_context(&actor->task), &copy_of_it, "level %td", actor - levels);
	if (actor == &levels[LEVELS - 1])
		return;
	actor_begin(actor + 1, loop, OPTIONS_OF(.start = level_start, .name = level_name));
	if (level_start == FERRY_START_DEFERRED)
		cr_assert_eq(ferry_task_schedule(&(actor + 1)->task), 0);
}

static void go_down(ferry_start how, const char *name)
{
	counted = (struct counted){ .copied = 0 };
	level_start = how;
	level_name = name;
	for (unsigned i = 0; i < LEVELS; i++)
		levels[i] = (struct actor){ .name = "",
					    .acts = begin_next_level,
					    .awaits = &operation.awaitable };
	actor_begin(&levels[0], loop, OPTIONS_OF(.context = &loop, .hooks = &both));
	run();
	cr_assert_eq(levels[LEVELS - 1].began, 1);
	cr_assert_eq(counted.copied, 1, "one block is shared by all");
	cr_assert_eq(counted.freed, 0);
	/* The one who had it first ends first. */
	for (unsigned i = 0; i < LEVELS; i++) {
		cr_assert_eq(counted.freed, 0);
		cr_assert_eq(ferry_task_cancel(&levels[i].task), 0);
		run();
		cr_assert_eq(levels[i].cleaned, 1);
	}
	cr_assert_eq(counted.freed, 1, "with the last of those who have it");
	diary[0] = 0;
}

Test(attachment, T1_it_goes_with_those_that_a_task_begins_through_all_levels, .init = begin,
     .fini = end)
{
	go_down(FERRY_START_EAGER, NULL);
	go_down(FERRY_START_LAZY, NULL);
	go_down(FERRY_START_DEFERRED, NULL);
	go_down(FERRY_START_DEFAULT, "with a name");
}

static int other_context;

static void begin_with_another(struct actor *actor)
{
	static struct actor own = { .name = "own", .acts = see_context, .user = &other_context },
			    inherited = { .name = "inherited",
					  .acts = see_context,
					  .user = &copy_of_it };

	actor_begin(&own, loop, OPTIONS_OF(.context = &other_context, .name = "n"));
	actor_begin(&inherited, loop, OPTIONS_OF(.user = &loop));
	cr_assert_eq(own.cleaned + inherited.cleaned, 2);
	cr_assert_eq(ferry_task_context(&actor->task), &copy_of_it, "its own is as it was");
}

Test(attachment, T1_one_that_is_given_takes_the_place_of_the_one_that_is_inherited, .init = begin,
     .fini = end)
{
	struct actor a = { .name = "a", .acts = begin_with_another };

	actor_begin(&a, loop, OPTIONS_OF(.context = &loop, .hooks = &both));
	cr_assert_eq(counted.copied, 1);
	cr_assert_eq(counted.freed, 1);
	diary[0] = 0;
}

static struct actor *outsider;

static void begin_outsider(ferry_loop *which, void *user)
{
	(void)user;
	actor_begin(outsider, which, NULL);
}

Test(attachment, T1_outside_of_steps_nothing_is_inherited, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable },
		     b = { .name = "b", .acts = see_context }, c = b;

	actor_begin(&a, loop, OPTIONS_OF(.context = &loop, .hooks = &both));
	actor_begin(&b, loop, NULL);
	outsider = &c;
	cr_assert_eq(ferry_loop_call_soon(loop, begin_outsider, NULL), 0);
	run();
	cr_assert_eq(b.cleaned + c.cleaned, 2);
	complete();
	run();
	cr_assert_eq(counted.freed, 1);
	diary[0] = 0;
}

/* With all that a task can have beside it. */
struct laden {
	FERRY_FRAME;
	ferry_timeout timeout;
	ferry_group group;
	ferry_lock lock;
	ferry_limiter limiter;
	ferry_slot slot;
	struct actor child;
	unsigned cleaned;
};

static ferry_step laden_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct laden, f);
	cr_assert_eq(ferry_group_init(&f->group, loop, NULL), 0);
	cr_assert_eq(ferry_lock_init(&f->lock, loop), 0);
	cr_assert_eq(ferry_limiter_init(&f->limiter, loop, 1), 0);
	FERRY_TRY(ferry_lock_acquire(&f->lock));
	FERRY_TRY(ferry_limiter_enter(&f->limiter, &f->slot, 0));
	FERRY_TIMEOUT(&f->timeout, FERRY_NO_DEADLINE) {
		actor_begin(&f->child, loop, FERRY_IN(&f->group));
		cr_assert_str_eq(ferry_task_name(task), "laden");
		cr_assert_eq(ferry_task_context(task), &copy_of_it);
		FERRY_YIELD();
		cr_assert_str_eq(ferry_task_name(task), "laden");
	}
	cr_assert_eq(ferry_task_context(task), &copy_of_it);
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	cr_assert_str_eq(ferry_task_name(task), "laden");
	cr_assert_eq(ferry_task_context(task), &copy_of_it);
	FERRY_END;
}

Test(attachment, what_else_a_task_has_is_in_nobodys_way, .init = begin, .fini = end)
{
	struct laden a = { .cleaned = 0 };
	ferry_future *future;

	a.child = (struct actor){
		.name = "child", .acts = see_context, .user = &copy_of_it, .yields = 3
	};
	ferry_task_begin(&a.task, loop, laden_step,
			 OPTIONS_OF(.name = "laden", .context = &loop, .hooks = &both));
	cr_assert_eq(ferry_task_unwrap(&a.task, NULL, &future), 0);
	run();
	cr_assert_eq(a.cleaned, 1);
	cr_assert_eq(counted.freed, 1);
	cr_assert_null(ferry_lock_owner(&a.lock));
	cr_assert(ferry_future_snapshot(future).done);
	ferry_future_unref(future);
	diary[0] = 0;
}

/* ---- let go of ---- */

static unsigned cleanups;

static void count_cleanup(ferry_task *task, void *user)
{
	cr_assert_eq(user, &cleanups);
	cr_assert_null(ferry_task_name(task), "it has ended");
	cr_assert_null(ferry_task_context(task));
	cleanups++;
}

#define ALL_OF_THEM                                                                                \
	.name = "name", .user = &cleanups, .cleanup = count_cleanup, .context = &loop,             \
	.hooks = &both

Test(attachment, however_it_ends_they_are_let_go_of_once, .init = begin, .fini = end)
{
	struct actor a[] = {
		{ .name = "returns" },
		{ .name = "fails", .fails = -EIO },
		{ .name = "is_cut", .awaits = &operation.awaitable },
		{ .name = "never_began" },
		{ .name = "never_had_its_turn" },
	};

	for (unsigned i = 0; i < 5; i++) {
		counted = (struct counted){ .copied = 0 };
		cleanups = 0;
		actor_begin(&a[i], loop,
			    OPTIONS_OF(ALL_OF_THEM, .start = i == 3   ? FERRY_START_DEFERRED
							     : i == 4 ? FERRY_START_LAZY
								      : FERRY_START_EAGER));
		if (i > 1)
			cr_assert_eq(ferry_task_cancel(&a[i].task), 0);
		run();
		cr_assert_eq(counted.copied, 1, "%s", a[i].name);
		cr_assert_eq(counted.freed, 1, "%s", a[i].name);
		cr_assert_eq(cleanups, 1, "%s", a[i].name);
	}
	diary[0] = 0;
}

Test(attachment, one_that_is_forgotten_frees_its_context_and_calls_nobody, .init = begin,
     .fini = end)
{
	struct actor a = { .name = "a" };

	actor_begin(&a, loop, OPTIONS_OF(ALL_OF_THEM, .start = FERRY_START_DEFERRED));
	cr_assert_eq(ferry_task_forget(&a.task), 0);
	run();
	cr_assert_eq(counted.freed, 1);
	cr_assert_eq(cleanups, 0);
}

Test(attachment, a_loop_that_is_closed_lets_go_of_them, .init = begin)
{
	struct actor a = { .name = "a" }, b = { .name = "b", .awaits = &operation.awaitable };

	actor_begin(&a, loop, OPTIONS_OF(ALL_OF_THEM, .start = FERRY_START_DEFERRED));
	actor_begin(&b, loop, OPTIONS_OF(ALL_OF_THEM));
	cr_assert_eq(counted.freed, 0);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(counted.freed, 2);
	cr_assert_eq(cleanups, 2);
	diary[0] = 0;
}

Test(attachment, no_context_is_copied_for_one_that_is_refused, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" }, b = a, c = a;
	ferry_group over;

	cr_assert_eq(ferry_group_init(&over, loop, NULL), 0);
	cr_assert_eq(ferry_group_close(&over), 0);
	actor_begin(&a, loop, OPTIONS_OF(ALL_OF_THEM, .group = &over));
	ferry_task_begin(&b.task, loop, NULL, OPTIONS_OF(ALL_OF_THEM));
	actor_begin(&c, loop, OPTIONS_OF(ALL_OF_THEM, .start = (ferry_start)4));
	run();
	cr_assert_eq(counted.copied + counted.freed, 0);
	cr_assert_eq(cleanups, 3);
}

static ferry_group group;

/* As it is copied the group ends, which the task is begun in. */
static void *close_and_copy(void *context)
{
	counted.copied++;
	cr_assert_eq(ferry_group_close(&group), 0);
	cr_assert(ferry_awaitable_snapshot(&group.awaitable).done);
	memset(&group.next, 0xa5, sizeof(group.next));
	return context;
}

static void free_closed(void *context)
{
	(void)context;
	counted.freed++;
}

Test(attachment, T6_one_whose_group_ends_as_its_context_is_copied_is_refused, .init = begin,
     .fini = end)
{
	static const ferry_context_hooks closing = { close_and_copy, free_closed };
	struct actor a = { .name = "a" };

	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&a, loop,
		    OPTIONS_OF(.context = &loop, .hooks = &closing, .group = &group,
			       .cleanup = count_cleanup, .user = &cleanups));
	cr_assert_eq(actor_errno(&a), ESHUTDOWN);
	cr_assert_eq(ferry_group_members(&group), 0);
	run();
	cr_assert_eq(counted.copied, 1);
	cr_assert_eq(counted.freed, 1);
	cr_assert_eq(cleanups, 1);
	cr_assert(diary_is(""));
}

static void begin_refused(struct actor *actor)
{
	ferry_task_begin(actor->user, loop, NULL, NULL);
	ferry_task_begin(actor->user, loop, actor_step, OPTIONS_OF(.start = (ferry_start)4));
}

Test(attachment, one_that_is_refused_inherits_nothing_either, .init = begin, .fini = end)
{
	ferry_task refused;
	struct actor a = { .name = "a", .acts = begin_refused, .user = &refused };

	actor_begin(&a, loop, OPTIONS_OF(.context = &loop, .hooks = &both));
	cr_assert_eq(counted.freed, 1);
	diary[0] = 0;
}

/* ---- as it is freed ---- */

static ferry_limiter limiter;
static ferry_slot slot;

static void enter_as_it_is_freed(void *context)
{
	(void)context;
	cr_assert_null(ferry_current_task(loop));
	ferry_limiter_enter(&limiter, &slot, 0);
	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
}

/* The task has ended by then, and takes nothing on any more. */
Test(attachment, T6_what_is_made_as_a_context_is_freed_is_nobodys, .init = begin, .fini = end)
{
	static const ferry_context_hooks entering = { NULL, enter_as_it_is_freed };
	struct actor a = { .name = "a" };

	cr_assert_eq(ferry_limiter_init(&limiter, loop, 1), 0);
	actor_begin(&a, loop,
		    OPTIONS_OF(.context = &loop, .hooks = &entering, .cleanup = count_cleanup,
			       .user = &cleanups));
	cr_assert_null(slot.task);
	cr_assert_null(group.owner);
	run();
	cr_assert_eq(cleanups, 1);
	cr_assert_eq(ferry_limiter_leave(&slot), 1);
	cr_assert_eq(ferry_group_close(&group), 0);
	diary[0] = 0;
}

/* ---- where it comes from ---- */

Test(attachment, T5_again_and_again_nothing_is_allocated, .init = begin, .fini = end)
{
	unsigned long allocated = 0;
	size_t cached = 0;

	for (unsigned i = 0; i < 1000; i++) {
		struct actor a = { .name = "a", .yields = 1 };

		actor_begin(&a, loop, OPTIONS_OF(ALL_OF_THEM));
		run();
		if (!i) {
			cached = fixture_loop_counters(loop).cached_bytes;
			allocated = allocations();
		}
		cr_assert_eq(fixture_loop_counters(loop).cached_bytes, cached);
		diary[0] = 0;
	}
	cr_assert_eq(allocations() - allocated, 0);
	cr_assert_gt(cached, 0);
	cr_assert_leq(cached, 4096);
}
