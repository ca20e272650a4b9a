/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a thousand children cost that are begun and awaited one by one, in turns and in callbacks,
 * which are the same here: by how they start, and how many of them have to wait (T2, T3).
 *
 * The same of a thousand in a group is in test_group.c, of a thousand gathered in test_gather.c.
 */
#include "support/children.h"

TestSuite(costs, .timeout = 60);

#define CHILDREN_OF_IT 1000

/* Begins a child, waits for it, begins the next one in the same place. */
struct root {
	FERRY_FRAME;
	struct brief child;
	ferry_start start;
	unsigned suspended, begun; /* suspended: of ten */
};

static ferry_step root_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct root, f);
	for (f->begun = 0; f->begun < CHILDREN_OF_IT; f->begun++) {
		f->child = (struct brief){ .turns = f->begun % 10 < f->suspended };
		FERRY_TRY(ferry_task_begin(&f->child.task, loop, brief_step,
					   FERRY_WITH(.start = f->start)));
	}
	FERRY_END;
}

/* The root starts in a turn, so that all of it is counted. */
static void one_by_one(ferry_start start, unsigned suspended, uint64_t expected)
{
	struct root root = { .start = start, .suspended = suspended };

	ferry_task_begin(&root.task, loop, root_step, FERRY_WITH(.start = FERRY_START_LAZY));
	run();
	cr_assert_eq(actor_end_of(ferry_task_snapshot(&root.task)), ACTOR_RESULT);
	cr_assert_eq(entered, CHILDREN_OF_IT);
	cr_assert_eq(cleaned, CHILDREN_OF_IT);
	cr_assert_eq(most_inside, 1);
	costs(expected, expected);
}

LoopTest(costs, T2_eager_ones_that_end_at_once_cost_nothing)
{
	one_by_one(FERRY_START_EAGER, 0, 1);
}

/* One for the child, and one for the root, which waits for it. */
LoopTest(costs, T2_of_a_mix_only_the_suspended_cost_two_each)
{
	one_by_one(FERRY_START_EAGER, 3, 1 + 300 * 2);
}

LoopTest(costs, T2_all_that_are_suspended_cost_two_each)
{
	one_by_one(FERRY_START_EAGER, 10, 1 + 1000 * 2);
}

/* One for the first step more. */
LoopTest(costs, T3_lazy_ones_that_end_at_once_cost_two_each)
{
	one_by_one(FERRY_START_LAZY, 0, 1 + 1000 * 2);
}

LoopTest(costs, T3_of_a_mix_of_lazy_ones_the_suspended_cost_three)
{
	one_by_one(FERRY_START_LAZY, 3, 1 + 700 * 2 + 300 * 3);
}

LoopTest(costs, T3_all_lazy_ones_that_are_suspended_cost_three_each)
{
	one_by_one(FERRY_START_LAZY, 10, 1 + 1000 * 3);
}
