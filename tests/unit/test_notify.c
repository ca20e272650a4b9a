/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who waits for the future of a task, and is told on the loop's thread: he may take the frame away,
 * with all that lies in it, and go on from there as from anywhere else (F3, L3).
 */
#include <criterion/criterion.h>

#include "support/actor.h"
#include "task/task.h"

TestSuite(notify, .timeout = 60);

static ferry_loop *loop;
static ferry_operation operation;

static void begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
}

static void run(void)
{
	cr_assert_eq(ferry_loop_run(loop), 0);
}

static void end(void)
{
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0, "their frames are gone");
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(diary_is(""), "nothing was told that the test did not look at");
}

/* ---- frames in a frame ---- */

#define CHILDREN 3

/* One that waits for its children, which lie in its frame and have hooks, or futures. */
static struct family {
	struct actor parent, children[CHILDREN];
	ferry_gather gather;
	ferry_gather_entry entries[CHILDREN];
} * family;

static bool children_have_hooks;
static ferry_future *futures[1 + CHILDREN];
static ferry_waiter nodes[1 + CHILDREN];

static void note_hook(ferry_task *task, void *user)
{
	(void)user;
	diary_note("%s]", container(task, struct actor, task)->name);
}

static void begin_children(struct actor *actor)
{
	struct family *f = container(actor, struct family, parent);

	for (int i = 0; i < CHILDREN; i++) {
		f->entries[i].of = &f->children[i].awaitable;
		actor_begin(&f->children[i], loop,
			    children_have_hooks ? OPTIONS_OF(.cleanup = note_hook) : NULL);
		if (!children_have_hooks)
			cr_assert_eq(ferry_task_unwrap(&f->children[i].task, NULL, &futures[1 + i]),
				     0);
	}
	ferry_gather_begin(&f->gather, loop, f->entries, CHILDREN, FERRY_GATHER_ALL);
}

/* What another thread might do that waits for the future of the parent. */
static void take_family(ferry_waiter *node)
{
	(void)node;
	diary_note("taken");
	memset(family, 0xa5, sizeof(*family));
	free(family);
}

static void note_future(ferry_waiter *node)
{
	diary_note("f%d", (int)(node - nodes));
}

static void begin_family(ferry_awaitable *awaits)
{
	static const char *const names[] = { "a", "b", "c" };

	family = calloc(1, sizeof(*family));
	family->parent = (struct actor){ .name = "p",
					 .acts = begin_children,
					 .awaits = &family->gather.awaitable };
	for (int i = 0; i < CHILDREN; i++)
		family->children[i] =
			(struct actor){ .name = names[i], .yields = !awaits, .awaits = awaits };
	nodes[0].notify = take_family;
	cr_assert_eq(
		ferry_task_submit(&family->parent.task, loop, actor_step, NULL, NULL, &futures[0]),
		0);
	cr_assert_eq(ferry_future_attach(futures[0], &nodes[0]), 0);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("p: a: b: c:"));
	for (int i = 1; i <= CHILDREN && !children_have_hooks; i++) {
		nodes[i].notify = note_future;
		cr_assert_eq(ferry_future_attach(futures[i], &nodes[i]), 0);
	}
}

static void drop_futures(void)
{
	for (int i = 0; i <= CHILDREN; i++)
		ferry_future_unref(futures[i]);
}

static void note_child(ferry_task *task, void *user)
{
	(void)user;
	diary_note("%s!", container(task, struct actor, task)->name);
}

/* The first of them has ended, and is to be told of. */
static void add_late(struct actor *actor)
{
	struct family *f = container(actor, struct family, parent);

	actor_begin(&f->children[0], loop, NULL);
	cr_assert_eq(ferry_task_add_done_callback(&f->children[0].task, note_child, NULL), 0);
}

Test(notify, F3_a_future_is_done_behind_the_late_callbacks_of_what_lies_in_the_frame,
     .init = begin, .fini = end)
{
	ferry_future *future;

	family = calloc(1, sizeof(*family));
	family->parent = (struct actor){ .name = "p", .acts = add_late };
	family->children[0] = (struct actor){ .name = "a" };
	nodes[0].notify = take_family;
	cr_assert_eq(ferry_task_submit(&family->parent.task, loop, actor_step, NULL, NULL, &future),
		     0);
	cr_assert_eq(ferry_future_attach(future, &nodes[0]), 0);
	run();
	cr_assert(diary_is("p: a: a. a) p. p) a! taken"));
	ferry_future_unref(future);
}

Test(notify, F3_a_future_is_done_behind_the_hooks_of_what_lies_in_the_frame, .init = begin,
     .fini = end)
{
	children_have_hooks = true;
	begin_family(NULL);
	run();
	/* It has ended before the last of them. */
	cr_assert(diary_is("a. a) b. b) c. c) a] b] p. p) c] taken"));
	drop_futures();
}

/* One child, for which the parent may not have to wait for a turn. */
static void begin_child(struct actor *actor)
{
	struct actor *child = actor->user;

	actor_begin(child, loop, OPTIONS_OF(.cleanup = note_hook));
}

struct pair {
	struct actor parent, child;
};

static struct pair *pair;

static void take_pair(ferry_waiter *node)
{
	(void)node;
	diary_note("taken");
	memset(pair, 0xa5, sizeof(*pair));
	free(pair);
}

static void begin_pair(unsigned yields)
{
	pair = calloc(1, sizeof(*pair));
	pair->child = (struct actor){ .name = "c", .yields = yields };
	pair->parent = (struct actor){ .name = "p",
				       .acts = begin_child,
				       .user = &pair->child,
				       .awaits = &pair->child.awaitable };
	nodes[0].notify = take_pair;
	cr_assert_eq(
		ferry_task_submit(&pair->parent.task, loop, actor_step, NULL, NULL, &futures[0]),
		0);
	cr_assert_eq(ferry_future_attach(futures[0], &nodes[0]), 0);
}

Test(notify, F3_also_where_they_are_called_when_the_task_has_ended, .init = begin, .fini = end)
{
	begin_pair(0);
	run();
	cr_assert(diary_is("p: c: c. c) p. p) c] taken"));
	drop_futures();
	begin_pair(1);
	run();
	cr_assert(diary_is("p: c: c. c) p. p) c] taken"));
	drop_futures();
}

Test(notify, F3_and_where_no_hook_is_due_it_is_done_in_the_step_that_ends, .init = begin,
     .fini = end)
{
	begin_pair(0);
	pair->parent.acts = NULL;
	pair->parent.awaits = NULL;
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("p: p. p) taken"));
	drop_futures();
}

Test(notify, L3_a_loop_that_closes_calls_all_hooks_before_it_completes_a_future, .init = begin)
{
	children_have_hooks = true;
	begin_family(&operation.awaitable);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(diary_is("a] b] c] taken"));
	drop_futures();
}

Test(notify, L3_all_futures_are_completed_whichever_frame_goes_with_the_first, .init = begin)
{
	begin_family(&operation.awaitable);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(strstr(diary, "taken"));
	for (int i = 0; i <= CHILDREN; i++)
		cr_assert(ferry_future_snapshot(futures[i]).cancelled);
	cr_assert_eq(strlen(diary), strlen("taken f1 f2 f3 "), "each is told once");
	diary[0] = 0;
	drop_futures();
}

/* ---- what he does there ---- */

static struct actor frame;
static const unsigned char zeros[sizeof(struct actor)];
static void (*does)(void);
static bool was_told;

static void take_frame(ferry_waiter *node)
{
	(void)node;
	memset(&frame, 0, sizeof(frame));
	does();
	was_told = true;
}

/* The task ends, the frame goes, and nobody touches it any more. */
static void told_does(void (*what)(void), unsigned yields)
{
	does = what;
	was_told = false;
	frame = (struct actor){ .name = "", .yields = yields };
	nodes[0].notify = take_frame;
	cr_assert_eq(ferry_task_submit(&frame.task, loop, actor_step, NULL, NULL, &futures[0]), 0);
	cr_assert_eq(ferry_future_attach(futures[0], &nodes[0]), 0);
	run();
	cr_assert(was_told);
	cr_assert_eq(memcmp(&frame, zeros, sizeof(frame)), 0);
	ferry_future_unref(futures[0]);
	diary[0] = 0;
}

static void each_told_does(void (*what)(void))
{
	told_does(what, 0);
	told_does(what, 1);
}

static struct actor another;

static void begin_another(void)
{
	another = (struct actor){ .name = "" };
	actor_begin(&another, loop, NULL);
	cr_assert_eq(actor_ended(&another), ACTOR_RESULT);
	actor_begin(&another, loop, OPTIONS_OF(.name = "another", .start = FERRY_START_LAZY));
}

Test(notify, F3_he_may_begin_another_task, .init = begin, .fini = end)
{
	each_told_does(begin_another);
	cr_assert_eq(actor_ended(&another), ACTOR_RESULT);
}

static void ask_for_the_current_one(void)
{
	cr_assert_null(ferry_current_task(loop));
}

static int count_task(ferry_task *task, void *user)
{
	cr_assert_neq(task, &frame.task);
	++*(int *)user;
	return 0;
}

static void go_over_all(void)
{
	int count = 0;

	cr_assert_eq(ferry_each_task(loop, count_task, &count), 0);
	cr_assert_eq(count, 0);
}

static void cancel_all(void)
{
	cr_assert_eq(ferry_loop_cancel_tasks(loop), 0);
}

Test(notify, F3_he_does_not_find_the_task_that_has_ended, .init = begin, .fini = end)
{
	each_told_does(ask_for_the_current_one);
	each_told_does(go_over_all);
	each_told_does(cancel_all);
}

static ferry_group group;
static ferry_lock lock;
static ferry_limiter limiter;
static ferry_slot slot;

static void make_a_group(void)
{
	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	cr_assert_null(group.owner);
	cr_assert_eq(ferry_group_close(&group), 0);
}

static void acquire(void)
{
	ferry_lock_acquire(&lock);
	cr_assert_neq(ferry_lock_owner(&lock), &frame.task);
}

static void enter(void)
{
	ferry_limiter_enter(&limiter, &slot, 0);
	cr_assert_null(slot.task);
	cr_assert_eq(ferry_limiter_leave(&slot), 1);
}

Test(notify, F3_what_he_makes_is_not_the_tasks_that_has_ended, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_lock_init(&lock, loop), 0);
	cr_assert_eq(ferry_limiter_init(&limiter, loop, 1), 0);
	each_told_does(make_a_group);
	each_told_does(acquire);
	each_told_does(enter);
}

/* A child is waited for, and goes: its future may be done later, but its frame is not needed. */
struct uncle {
	FERRY_FRAME;
	struct actor *child;
};

static ferry_step uncle_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct uncle, f);
	FERRY_AWAIT(f->child);
	diary_note("u");
	memset(f->child, 0xa5, sizeof(*f->child));
	free(f->child);
	FERRY_END;
}

Test(notify, F3_a_frame_goes_with_who_waited_also_where_its_future_is_done_later, .init = begin,
     .fini = end)
{
	struct actor other = { .name = "o", .awaits = &operation.awaitable };
	struct uncle uncle = { .child = calloc(1, sizeof(*uncle.child)) };

	*uncle.child = (struct actor){ .name = "c", .awaits = &operation.awaitable, .number = 7 };
	actor_begin(&other, loop, OPTIONS_OF(.cleanup = note_hook));
	actor_begin(uncle.child, loop, NULL);
	cr_assert_eq(ferry_task_unwrap(&uncle.child->task, NULL, &futures[0]), 0);
	nodes[0].notify = note_future;
	cr_assert_eq(ferry_future_attach(futures[0], &nodes[0]), 0);
	ferry_task_begin(&uncle.task, loop, uncle_step, NULL);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	run();
	cr_assert(diary_is("o: c: o. o) c. c) o] u f0"));
	cr_assert_eq(ferry_future_snapshot(futures[0]).result.u64, 7);
	drop_futures();
}
