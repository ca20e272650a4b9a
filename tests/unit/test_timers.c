/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The timer heap: earliest first, oldest first among equals, a million pending. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "loop/timers.h"
#include "support/program.h"

TestSuite(timers, .timeout = 120);

#define MILLION 1000000

static struct timers timers;

static void end(void)
{
	timers_free(&timers);
	cr_assert_eq(timers.count, 0);
}

static struct ferry_timer *take(uint64_t now)
{
	struct ferry_timer *timer = timers_take_due(&timers, now);

	if (timer)
		cr_assert_eq(timer->index, 0, "a timer that was taken is not in the heap");
	return timer;
}

Test(timers, without_any_there_is_no_deadline_and_nothing_is_due)
{
	cr_assert_eq(timers_next(&timers), UINT64_MAX);
	cr_assert_null(take(UINT64_MAX));
	end();
}

Test(timers, one_is_due_at_its_deadline_and_not_before, .fini = end)
{
	struct ferry_timer timer = { .index = 0 };

	cr_assert_eq(timer_add(&timers, &timer, 100), 0);
	cr_assert_eq(timers_next(&timers), 100);
	cr_assert_null(take(99));
	cr_assert_eq(take(100), &timer);
	cr_assert_eq(timers_next(&timers), UINT64_MAX);
}

Test(timers, those_with_one_deadline_come_in_the_order_made, .fini = end)
{
	struct ferry_timer many[1000];

	for (int i = 0; i < 1000; i++)
		cr_assert_eq(timer_add(&timers, &many[i], 7), 0);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(take(7), &many[i]);
}

Test(timers, the_order_of_equals_survives_removals_in_between, .fini = end)
{
	struct ferry_timer many[500];

	for (int i = 0; i < 500; i++)
		timer_add(&timers, &many[i], (uint64_t)(i % 5));
	for (int i = 0; i < 500; i += 3)
		timer_remove(&timers, &many[i]);
	for (int deadline = 0; deadline < 5; deadline++)
		for (int i = deadline; i < 500; i += 5)
			if (i % 3)
				cr_assert_eq(take(10), &many[i]);
	cr_assert_null(take(10));
}

Test(timers, removing_one_that_is_not_in_the_heap_does_nothing, .fini = end)
{
	struct ferry_timer in, out = { .index = 0 };

	timer_add(&timers, &in, 5);
	timer_remove(&timers, &out);
	cr_assert_eq(timers.count, 1);
	cr_assert_eq(take(5), &in);
	timer_remove(&timers, &in);
	cr_assert_eq(timers.count, 0);
}

Test(timers, one_can_be_added_again_after_it_was_removed_or_taken, .fini = end)
{
	struct ferry_timer timer;

	timer_add(&timers, &timer, 5);
	timer_remove(&timers, &timer);
	timer_add(&timers, &timer, 6);
	cr_assert_eq(take(6), &timer);
	timer_add(&timers, &timer, 4);
	cr_assert_eq(timers_next(&timers), 4);
	cr_assert_eq(take(4), &timer);
}

Test(timers, the_latest_deadline_that_there_is_is_kept, .fini = end)
{
	struct ferry_timer timer;

	timer_add(&timers, &timer, UINT64_MAX - 1);
	cr_assert_null(take(UINT64_MAX - 2));
	cr_assert_eq(take(UINT64_MAX), &timer);
}

Test(timers, under_a_floor_what_is_added_stands_behind_what_is_due, .fini = end)
{
	struct ferry_timer due, early;

	timer_add(&timers, &due, 50);
	timers.floor_ns = 60;
	timer_add(&timers, &early, 0);
	timers.floor_ns = 0;
	cr_assert_eq(take(60), &due);
	cr_assert_eq(take(60), &early);
}

/* ---- many, against a plain model ---- */

static int is_before(const void *a, const void *b)
{
	const struct ferry_timer *one = *(struct ferry_timer *const *)a;
	const struct ferry_timer *other = *(struct ferry_timer *const *)b;

	if (one->deadline_ns != other->deadline_ns)
		return one->deadline_ns < other->deadline_ns ? -1 : 1;
	return one->sequence < other->sequence ? -1 : one->sequence > other->sequence;
}

/* The invariant: no node is later than its children, every timer knows its index. */
static void check_heap(void)
{
	for (size_t i = 1; i <= timers.count; i++) {
		const struct timer_entry *entry = &timers.heap[i];

		cr_assert_eq(entry->timer->index, i);
		cr_assert_eq(entry->timer->deadline_ns, entry->deadline_ns);
		if (i > 1) {
			const struct ferry_timer *parent = timers.heap[(i - 2) / 4 + 1].timer;

			cr_assert(is_before(&parent, &entry->timer) < 0);
		}
	}
}

Test(timers, random_additions_and_removals_come_out_sorted, .fini = end)
{
	enum { COUNT = 20000 };
	struct ferry_timer *many = calloc(COUNT, sizeof(*many));
	struct ferry_timer **left = calloc(COUNT, sizeof(*left));
	uint64_t random = 20251105;
	size_t kept = 0;

	for (int i = 0; i < COUNT; i++) {
		timer_add(&timers, &many[i], random_below(&random, 3000));
		if (random_below(&random, 3) == 0)
			timer_remove(&timers, &many[random_below(&random, (unsigned)i + 1)]);
	}
	check_heap();
	for (int i = 0; i < COUNT; i++)
		if (many[i].index)
			left[kept++] = &many[i];
	cr_assert_eq(kept, timers.count);
	qsort(left, kept, sizeof(*left), is_before);
	for (size_t i = 0; i < kept; i++)
		cr_assert_eq(take(3000), left[i]);
	cr_assert_null(take(3000));
	free(many);
	free(left);
}

Test(timers, a_million_pending_are_added_cancelled_and_taken_in_order, .fini = end)
{
	struct ferry_timer *many = calloc(MILLION, sizeof(*many)), *timer, *before = NULL;
	uint64_t random = 42;
	size_t taken = 0;

	for (int i = 0; i < MILLION; i++)
		cr_assert_eq(timer_add(&timers, &many[i], random_next(&random) >> 20), 0);
	cr_assert_eq(timers.count, MILLION);
	check_heap();
	for (int i = 0; i < MILLION; i += 2)
		timer_remove(&timers, &many[i]);
	cr_assert_eq(timers.count, MILLION / 2);
	check_heap();
	for (; (timer = take(UINT64_MAX)); before = timer, taken++)
		if (before)
			cr_assert(is_before(&before, &timer) < 0);
	cr_assert_eq(taken, MILLION / 2);
	free(many);
}

Test(timers, adding_to_and_removing_from_a_million_touches_few_of_them, .fini = end)
{
	struct ferry_timer *many = calloc(MILLION, sizeof(*many)), probe;
	struct timer_entry *copy;
	size_t moved = 0;

	for (int i = 0; i < MILLION; i++)
		timer_add(&timers, &many[i], (uint64_t)i + 1);
	copy = malloc((MILLION + 2) * sizeof(*copy));
	memcpy(copy, timers.heap, (MILLION + 1) * sizeof(*copy));
	/* The worst there is: it rises to the root, and its removal sinks another. */
	timer_add(&timers, &probe, 0);
	for (size_t i = 1; i <= MILLION; i++)
		moved += timers.heap[i].timer != copy[i].timer;
	cr_assert_leq(moved, 11, "a rise passes one node of each level: log4 of a million is 10");
	memcpy(copy, timers.heap, (MILLION + 2) * sizeof(*copy));
	timer_remove(&timers, &probe);
	moved = 0;
	for (size_t i = 1; i <= MILLION; i++)
		moved += timers.heap[i].timer != copy[i].timer;
	cr_assert_leq(moved, 11, "and so does a fall");
	free(copy);
	free(many);
}
