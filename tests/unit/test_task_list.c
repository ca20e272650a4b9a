/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of tasks: who is counted and when, that nothing is allocated for it, and that a list holds
 * together whatever ends in whatever order (T5).
 */
#include <criterion/criterion.h>

#include "support/actor.h"
#include "support/allocations.h"
#include "support/program.h"

TestSuite(task_list, .timeout = 120);

#define LAZY OPTIONS_OF(.start = FERRY_START_LAZY)
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

static size_t listed(void)
{
	return fixture_loop_counters(loop).tasks;
}

static int count(ferry_task *task, void *user)
{
	cr_assert_not(ferry_task_snapshot(task).done);
	++*(size_t *)user;
	return 0;
}

/* As ferry_each_task() sees it. */
static size_t shown(void)
{
	size_t number = 0;

	cr_assert_eq(ferry_each_task(loop, count, &number), 0);
	return number;
}

/* ---- who is counted ---- */

Test(task_list, a_task_is_counted_until_it_has_ended, .init = begin, .fini = end)
{
	struct actor a = { .name = "a",
			   .yields = 1,
			   .awaits = &operation.awaitable,
			   .cleans = &a.awaitable },
		     b = { .name = "b" }, c = { .name = "c" }, d = { .name = "d" };
	ferry_group group;

	a.cleans = NULL;
	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	cr_assert_eq(listed(), 0);
	actor_begin(&a, loop, NULL);
	cr_assert_eq(listed(), 1, "it yields");
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert_eq(listed(), 1, "it waits");
	actor_begin(&b, loop, LAZY);
	cr_assert_eq(listed(), 2);
	actor_begin(&c, loop, DEFERRED);
	cr_assert_eq(listed(), 3);
	actor_begin(&d, loop, OPTIONS_OF(.start = FERRY_START_LAZY, .group = &group));
	cr_assert_eq(listed(), 4, "children are counted too");
	cr_assert_eq(shown(), 4);
	cr_assert_eq(listed(), 4);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 2);
	cr_assert_eq(listed(), 2);
	cr_assert_eq(ferry_task_start(&c.task), 0);
	cr_assert_eq(listed(), 1);
	complete();
	cr_assert_eq(listed(), 1, "it has been woken");
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert_eq(listed(), 0);
	cr_assert_eq(shown(), 0);
	cr_assert_eq(ferry_group_close(&group), 0);
	diary[0] = 0;
}

Test(task_list, T5_each_loop_has_its_own, .init = begin, .fini = end)
{
	ferry_loop *other = fixture_loop();
	struct actor a = { .name = "a" }, b = { .name = "b" }, c = { .name = "c" };

	actor_begin(&a, loop, LAZY);
	actor_begin(&b, other, LAZY);
	actor_begin(&c, other, DEFERRED);
	cr_assert_eq(listed(), 1);
	cr_assert_eq(shown(), 1);
	cr_assert_eq(fixture_loop_counters(other).tasks, 2);
	run();
	cr_assert_eq(fixture_loop_counters(other).tasks, 2);
	cr_assert_eq(ferry_loop_run(other), 0);
	cr_assert_eq(fixture_loop_counters(other).tasks, 1);
	cr_assert_eq(ferry_task_forget(&c.task), 0);
	cr_assert_eq(ferry_loop_free(other), 0);
	diary[0] = 0;
}

/* ---- nothing is allocated ---- */

static void live_and_end(void)
{
	static struct actor a[6];
	static ferry_group group;

	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	for (unsigned i = 0; i < 6; i++)
		a[i] = (struct actor){ .name = "",
				       .awaits = &operation.awaitable,
				       .yields = i % 2,
				       .fails = i % 3 ? 0 : -EIO };
	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&a[0], loop, NULL);
	actor_begin(&a[1], loop, LAZY);
	actor_begin(&a[2], loop, DEFERRED);
	actor_begin(&a[3], loop, FERRY_IN(&group));
	actor_begin(&a[4], loop, OPTIONS_OF(.start = FERRY_START_DEFERRED, .group = &group));
	actor_begin(&a[5], loop, OPTIONS_OF(.start = FERRY_START_LAZY, .group = &group));
	cr_assert_eq(shown(), 6);
	cr_assert_eq(ferry_task_start(&a[2].task), 0);
	run();
	cr_assert_eq(ferry_task_cancel(&a[1].task), 0);
	cr_assert_eq(ferry_group_close(&group), 0);
	complete();
	run();
	cr_assert_eq(shown(), 0);
	diary[0] = 0;
}

Test(task_list, T5_beginning_waiting_ending_and_listing_allocates_nothing, .init = begin,
     .fini = end)
{
	unsigned long before = allocations();

	for (unsigned i = 0; i < 1000; i++)
		live_and_end();
	cr_assert_eq(allocations() - before, 0);
	/* What few tasks have, comes from the loop's lists. */
	for (unsigned i = 0; i < 1000; i++) {
		struct actor a = { .name = "" };

		actor_begin(&a, loop, OPTIONS_OF(.name = "n", .context = &loop));
		if (!i)
			before = allocations();
	}
	cr_assert_eq(allocations() - before, 0);
	cr_assert_eq(fixture_loop_counters(loop).turns % 1000, 0, "as many each time");
	diary[0] = 0;
}

/* ---- a list holds together ---- */

#define CROWD 2000

Test(task_list, it_holds_together_whoever_ends_in_whatever_order)
{
	struct actor *crowd = calloc(CROWD, sizeof(*crowd));
	uint64_t random = 1;

	for (unsigned round = 0; round < 20; round++) {
		ferry_group groups[3];
		size_t alive = 0;

		begin();
		for (unsigned i = 0; i < 3; i++)
			cr_assert_eq(ferry_group_init(&groups[i], loop, NULL), 0);
		for (unsigned i = 0; i < CROWD; i++) {
			unsigned group = random_below(&random, 6);

			crowd[i] = (struct actor){ .name = "",
						   .awaits = &operation.awaitable,
						   .yields = random_below(&random, 3) };
			actor_begin(&crowd[i], loop,
				    OPTIONS_OF(.start = (ferry_start)(1 + random_below(&random, 3)),
					       .group = group < 3 ? &groups[group] : NULL));
			alive++;
			diary[0] = 0;
		}
		for (unsigned i = 0; i < 3 * CROWD; i++) {
			struct actor *one = &crowd[random_below(&random, CROWD)];

			if (ferry_task_snapshot(&one->task).done)
				continue;
			if (random_below(&random, 2))
				ferry_task_cancel(&one->task);
			else
				ferry_task_start(&one->task);
			if (i % 100 == 0) {
				ferry_loop_run_once(loop, 0);
				alive = 0;
				for (unsigned j = 0; j < CROWD; j++)
					alive += !ferry_task_snapshot(&crowd[j].task).done;
				cr_assert_eq(shown(), alive, "round %u", round);
				cr_assert_eq(listed(), alive, "round %u", round);
			}
			diary[0] = 0;
		}
		for (unsigned i = 0; i < 3; i++)
			cr_assert_eq(ferry_group_close(&groups[i]), 0);
		complete();
		ferry_loop_cancel_tasks(loop);
		run();
		cr_assert_eq(listed(), 0);
		for (unsigned i = 0; i < 3; i++)
			cr_assert(ferry_awaitable_snapshot(&groups[i].awaitable).done);
		end();
		diary[0] = 0;
	}
	free(crowd);
}

Test(task_list, T6_one_that_moves_to_a_group_is_in_one_list, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" }, b = { .name = "b" }, c = { .name = "c" };
	ferry_group group;

	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&a, loop, DEFERRED);
	actor_begin(&b, loop, DEFERRED);
	actor_begin(&c, loop, DEFERRED);
	cr_assert_eq(ferry_group_add(&group, &b.task), 0);
	cr_assert_eq(shown(), 3);
	cr_assert_eq(listed(), 3);
	cr_assert_eq(ferry_group_members(&group), 1);
	cr_assert_eq(ferry_group_close(&group), 0);
	run();
	cr_assert(diary_is("b: b. b)"));
	cr_assert_eq(shown(), 2);
	cr_assert_eq(ferry_task_forget(&a.task), 0);
	cr_assert_eq(ferry_task_forget(&c.task), 0);
}
