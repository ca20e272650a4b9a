/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A cancel that is passed on to several, which pass it on to several again: each is asked a few
 * times, however many ways lead to it; and what ends meanwhile may go (T6, T7).
 */
#include "support/children.h"

TestSuite(spread, .timeout = 120);

static int cancels(struct actor *actor)
{
	return ferry_task_cancels(&actor->task);
}

/* ---- many ways to the same ones ---- */

#define LAYERS 20
#define WIDE 8

/* Waits for all of the layer below. */
struct knot {
	FERRY_FRAME;
	ferry_gather gather;
	ferry_gather_entry entries[WIDE];
	struct knot *below; /* NULL: it waits for the event */
	unsigned i;
};

static struct knot knots[LAYERS][WIDE];

static ferry_step knot_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct knot, f);
	if (!f->below)
		FERRY_TRY(&event);
	for (f->i = 0; f->i < WIDE; f->i++)
		f->entries[f->i].of = &f->below[f->i].awaitable;
	FERRY_TRY(ferry_gather_begin(&f->gather, loop, f->entries, WIDE, FERRY_GATHER_ALL));
	FERRY_RETURN();

	FERRY_FINALLY
	FERRY_END;
}

LoopTest(spread, T7_in_layers_each_is_asked_once_by_each_that_waits_for_it)
{
	for (int layer = 0; layer < LAYERS; layer++)
		for (int i = 0; i < WIDE; i++) {
			knots[layer][i].below = layer ? knots[layer - 1] : NULL;
			ferry_task_begin(&knots[layer][i].task, loop, knot_step, NULL);
		}
	run();
	cr_assert_eq(ferry_task_cancel(&knots[LAYERS - 1][0].task), 0);
	for (int layer = 0; layer < LAYERS - 1; layer++)
		for (int i = 0; i < WIDE; i++)
			cr_assert_eq(ferry_task_cancels(&knots[layer][i].task),
				     layer < LAYERS - 2 ? WIDE : 1, "layer %d", layer);
	run();
	for (int layer = 0; layer < LAYERS - 1; layer++)
		for (int i = 0; i < WIDE; i++)
			cr_assert(ferry_task_snapshot(&knots[layer][i].task).cancelled);
	/* The others of the topmost one waited for the same. */
	for (int i = 0; i < WIDE; i++)
		cr_assert(ferry_task_snapshot(&knots[LAYERS - 1][i].task).cancelled);
}

#define MANY 1000

LoopTest(spread, T6_children_that_wait_for_their_own_group_are_asked_a_few_times)
{
	static struct actor in_circle[MANY];

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	for (int i = 0; i < MANY; i++) {
		in_circle[i] = (struct actor){ .name = "", .awaits = &group.awaitable };
		actor_begin(&in_circle[i], loop, FERRY_IN(&group));
	}
	cr_assert_eq(ferry_group_cancel(&group), 0);
	for (int i = 0; i < MANY; i++)
		cr_assert_leq(cancels(&in_circle[i]), 2);
	/* Nobody of them can go on. */
	ferry_loop_ref(loop);
	cr_assert_eq(ferry_loop_free(loop), 0);
	ferry_loop_unref(loop);
	loop = fixture_loop();
	diary[0] = 0;
}

LoopTest(spread, T6_each_call_is_passed_on_anew)
{
	struct actor waits = { .name = "w", .awaits = &group.awaitable };
	ferry_operation held;

	cr_assert_eq(ferry_operation_init(&held, NULL), 0);
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", .awaits = &held.awaitable, .cleans = &event.awaitable);
	actor_begin(&waits, loop, NULL);
	cr_assert_eq(ferry_task_cancel(&waits.task), 0);
	cr_assert_eq(ferry_task_cancel(&waits.task), 0);
	cr_assert_eq(cancels(&children[0]), 2);
	run();
	cr_assert_eq(ferry_group_cancel(&group), 0);
	cr_assert_eq(cancels(&children[0]), 3);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("a: w: a) w)"));
}

/* ---- hooks that end something meanwhile ---- */

static void (*acts)(void);

static void on_cancel(ferry_operation *operation, ferry_task *task)
{
	(void)task;
	if (acts)
		acts();
	cr_assert_eq(ferry_operation_complete(operation, loop, -ECANCELED), 0);
}

static const ferry_operation_hooks hooks = { sizeof(hooks), "test", 0, NULL, on_cancel };
static ferry_operation hooked, plain;

/* It fails, ends, and its memory is used for something else. */
static void use_a_group_up(void)
{
	static ferry_group brief;
	struct actor fails = { .name = "f", .fails = -EIO };

	cr_assert_eq(ferry_group_init(&brief, loop, NULL), 0);
	actor_begin(&fails, loop, FERRY_IN(&brief));
	cr_assert_eq(ferry_group_close(&brief), 0);
	cr_assert(ferry_awaitable_snapshot(&brief.awaitable).exception);
	memset(&brief, 0xa5, sizeof(brief));
}

LoopTest(spread, T6_a_group_that_a_hook_uses_up_meanwhile_may_go)
{
	acts = use_a_group_up;
	cr_assert_eq(ferry_operation_init(&hooked, &hooks), 0);
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", .awaits = &hooked.awaitable);
	HAVE(EAGER, .name = "b", WAITING);
	cr_assert_eq(ferry_group_cancel(&group), 0);
	await();
	cr_assert(diary_is("a: b: f: f. f) a) b)"));
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
}

static ferry_gather inner, others;
static ferry_gather_entry inner_entry, others_entry;

/* It is done, and begun anew, though it was about to be asked. */
static void begin_inner_anew(void)
{
	cr_assert_eq(ferry_operation_complete(&plain, loop, 0), 0);
	cr_assert(ferry_awaitable_snapshot(&inner.awaitable).done);
	inner_entry.of = &event.awaitable;
	ferry_gather_begin(&inner, loop, &inner_entry, 1, FERRY_GATHER_ALL);
}

LoopTest(spread, T7_a_gather_that_a_hook_begins_anew_is_not_asked_for_what_it_was)
{
	ferry_gather outer;
	ferry_gather_entry entries[3];
	struct actor last = { .name = "l", WAITING };
	struct actor waits = { .name = "w", .awaits = &outer.awaitable };

	acts = begin_inner_anew;
	cr_assert_eq(ferry_operation_init(&hooked, &hooks), 0);
	cr_assert_eq(ferry_operation_init(&plain, NULL), 0);
	actor_begin(&last, loop, NULL);
	others_entry.of = &last.awaitable;
	inner_entry.of = &plain.awaitable;
	entries[0].of =
		&ferry_gather_begin(&others, loop, &others_entry, 1, FERRY_GATHER_ALL)->awaitable;
	entries[1].of =
		&ferry_gather_begin(&inner, loop, &inner_entry, 1, FERRY_GATHER_ALL)->awaitable;
	entries[2].of = &hooked.awaitable;
	ferry_gather_begin(&outer, loop, entries, 3, FERRY_GATHER_ALL);
	actor_begin(&waits, loop, NULL);
	cr_assert_eq(ferry_task_cancel(&waits.task), 0);
	cr_assert_eq(cancels(&last), 1, "the others are asked all the same");
	cr_assert_not(ferry_awaitable_snapshot(&inner.awaitable).done);
	run();
	cr_assert(diary_is("l: w: l) w)"));
	cr_assert_eq(actor_ended(&waits), ACTOR_CANCELLED);
	cr_assert_eq(ferry_gather_end(&inner), 0);
}

#define WIDEST 100000

LoopTest(spread, T7_a_hundred_thousand_that_are_done_as_they_are_asked_are_not_looked_for)
{
	ferry_operation *operations = calloc(WIDEST, sizeof(*operations));
	ferry_gather *each = calloc(WIDEST, sizeof(*each)), all;
	ferry_gather_entry *entries = calloc(WIDEST, sizeof(*entries)),
			   *of_all = calloc(WIDEST, sizeof(*of_all));
	struct actor waits = { .name = "w", .awaits = &all.awaitable };

	cr_assert(operations && each && entries && of_all);
	for (int i = 0; i < WIDEST; i++) {
		cr_assert_eq(ferry_operation_init(&operations[i], NULL), 0);
		entries[i].of = &operations[i].awaitable;
		of_all[i].of = &ferry_gather_begin(&each[i], loop, &entries[i], 1, FERRY_GATHER_ALL)
					->awaitable;
	}
	ferry_gather_begin(&all, loop, of_all, WIDEST, FERRY_GATHER_ALL);
	actor_begin(&waits, loop, NULL);
	cr_assert_eq(ferry_task_cancel(&waits.task), 0);
	for (int i = 0; i < WIDEST; i++)
		cr_assert(ferry_awaitable_snapshot(&each[i].awaitable).cancelled);
	run();
	cr_assert_eq(actor_ended(&waits), ACTOR_CANCELLED);
	free(operations);
	free(each);
	free(entries);
	free(of_all);
	diary[0] = 0;
}

/* ---- hooks that end a group of a task that leaves ---- */

static struct leaver {
	FERRY_FRAME;
	ferry_group empty, full;
	struct actor child;
	unsigned ended;
} leaver;

static void close_the_empty_one(void)
{
	cr_assert_eq(ferry_group_close(&leaver.empty), 0);
	cr_assert(ferry_awaitable_snapshot(&leaver.empty.awaitable).done);
	memset(&leaver.empty, 0xa5, sizeof(leaver.empty));
}

static ferry_step leaver_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct leaver, f);
	cr_assert_eq(ferry_group_init(&f->empty, loop, NULL), 0);
	cr_assert_eq(ferry_group_init(&f->full, loop, NULL), 0);
	actor_begin(&f->child, loop, FERRY_IN(&f->full));
	FERRY_FAIL(-EIO);

	FERRY_FINALLY
	diary_note("l)");
	FERRY_END;
}

LoopTest(spread, T6_as_one_group_is_cancelled_another_may_end_and_go)
{
	acts = close_the_empty_one;
	cr_assert_eq(ferry_operation_init(&hooked, &hooks), 0);
	leaver.child = (struct actor){ .name = "c", .awaits = &hooked.awaitable };
	ferry_task_begin(&leaver.task, loop, leaver_step, NULL);
	run();
	cr_assert(diary_is("c: c) l)"));
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&leaver.task).exception), EIO);
}

/* ---- a group that ends while it fails ---- */

static struct actor last, late;
static bool begins_late;

/* Called as the owner is interrupted: all children have ended, and the group can. */
static void end_group(ferry_operation *of, struct ferry_task *task)
{
	(void)task;
	if (begins_late)
		actor_begin(&late, loop, FERRY_IN(&group));
	else
		cr_assert_eq(ferry_group_close(&group), 0);
	cr_assert_eq(ferry_operation_complete(of, loop, -ECANCELED), 0);
}

static const ferry_operation_hooks ending = { sizeof(ending), "ending", 0, NULL, end_group };

static void have_the_last(struct actor *actor)
{
	(void)actor;
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	actor_begin(&last, loop, FERRY_IN(&group));
	if (begins_late)
		ferry_group_close(&group);
}

LoopTest(spread, T6_a_group_that_a_hook_ends_while_it_fails_ends_once)
{
	for (int i = 0; i < 2; i++) {
		ferry_operation held;
		struct actor owner = { .name = "o",
				       .acts = have_the_last,
				       .awaits = &held.awaitable };

		begins_late = i;
		last = (struct actor){ .name = "c", .awaits = &event.awaitable, .fails = -EIO };
		late = (struct actor){ .name = "d" };
		cr_assert_eq(ferry_event_init(&event, loop), 0);
		cr_assert_eq(ferry_operation_init(&held, &ending), 0);
		actor_begin(&owner, loop, NULL);
		ferry_event_set(&event);
		run();
		cr_assert(ferry_awaitable_snapshot(&group.awaitable).done);
		cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&owner.task).exception), EIO);
	}
	diary[0] = 0;
}
