/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several futures watched at once: the engine under wait_any, wait_all and as_completed (F5). */
#include <criterion/criterion.h>
#include <errno.h>
#include <ferry/future.h>

#include "base/park.h"
#include "future/arrivals.h"
#include "support/each.h"
#include "support/staller.h"

TestSuite(arrivals, .timeout = 60);

#define COUNT 4

static ferry_future *futures[COUNT];

static void make(void)
{
	for (int i = 0; i < COUNT; i++)
		cr_assert_eq(ferry_future_new(NULL, &futures[i]), 0);
}

static void drop(void)
{
	for (int i = 0; i < COUNT; i++)
		futures[i] = ferry_future_unref(futures[i]);
}

static void complete(int number)
{
	cr_assert_eq(ferry_future_set_result(futures[number], ferry_result_u64(1)), 0);
}

/* The entries that arrived since the last look: a digit per index, oldest first. */
static void check_arrived(struct arrivals *all, const char *digits)
{
	ferry_waiter *node = chain_reverse(stack_take_all(&all->arrived));

	for (; *digits; digits++, node = node->next) {
		cr_assert_not_null(node);
		cr_assert_eq(container(node, struct arrival, waiter),
			     &all->entries[*digits - '0']);
	}
	cr_assert_null(node);
}

Test(arrivals, up_to_a_million_futures_none_of_them_NULL_E1)
{
	ferry_future *const holed[3] = { (ferry_future *)&futures, NULL, (ferry_future *)&futures };

	cr_assert(arrivals_are_futures(NULL, 0));
	cr_assert(arrivals_are_futures(holed, 1));
	cr_assert_not(arrivals_are_futures(holed, 3));
	cr_assert_not(arrivals_are_futures(NULL, 1));
	cr_assert_not(arrivals_are_futures(holed, 1000001));
	cr_assert_not(arrivals_are_futures(holed, SIZE_MAX));
}

Test(arrivals, watching_none_ends_at_once)
{
	struct arrivals all;

	cr_assert_eq(arrivals_begin(&all, NULL, 0, false), 0);
	cr_assert_eq(all.attached, 0);
	cr_assert_eq(arrivals_wait(&all, 0, FERRY_NO_DEADLINE), 0);
	arrivals_end(&all);
}

Test(arrivals, those_done_at_the_start_are_not_attached)
{
	struct arrivals all;

	make();
	complete(1);
	complete(2);
	cr_assert_eq(arrivals_begin(&all, futures, COUNT, false), 0);
	cr_assert_eq(all.attached, 2);
	cr_assert(all.entries[0].attached);
	cr_assert_not(all.entries[1].attached);
	cr_assert_not(all.entries[2].attached);
	cr_assert(all.entries[3].attached);
	check_arrived(&all, "");
	arrivals_end(&all);
	drop();
}

Test(arrivals, they_come_in_the_order_of_completion)
{
	struct arrivals all;

	make();
	cr_assert_eq(arrivals_begin(&all, futures, COUNT, false), 0);
	complete(2);
	complete(0);
	check_arrived(&all, "20");
	cr_assert_eq(ferry_future_cancel(futures[3]), 1);
	check_arrived(&all, "3");
	arrivals_end(&all);
	drop();
}

Test(arrivals, a_wait_is_over_when_enough_have_come_or_the_deadline_has)
{
	struct arrivals all;

	make();
	cr_assert_eq(arrivals_begin(&all, futures, COUNT, false), 0);
	cr_assert_eq(arrivals_wait(&all, 0, 0), 0);
	for (size_t come = 0; come < COUNT; come++) {
		cr_assert_eq(arrivals_wait(&all, come, FERRY_NO_DEADLINE), 0);
		cr_assert_eq(arrivals_wait(&all, come + 1, 0), -ETIMEDOUT);
		cr_assert_eq(arrivals_wait(&all, come + 1, ferry_in_ns(100000)), -ETIMEDOUT);
		complete((int)come);
	}
	cr_assert_eq(arrivals_wait(&all, COUNT, FERRY_NO_DEADLINE), 0);
	arrivals_end(&all);
	drop();
}

Test(arrivals, an_exception_is_urgent_only_if_that_was_asked_for)
{
	for (int urgent = 0; urgent < 2; urgent++) {
		struct arrivals all;

		make();
		cr_assert_eq(arrivals_begin(&all, futures, COUNT, urgent), 0);
		complete(0);
		cr_assert_eq(ferry_future_cancel(futures[1]), 1);
		cr_assert_eq(arrivals_wait(&all, COUNT, 0), -ETIMEDOUT);
		cr_assert_eq(ferry_future_set_exception(futures[2], completer_error()), 0);
		cr_assert_eq(arrivals_wait(&all, COUNT, 0), urgent ? 0 : -ETIMEDOUT);
		arrivals_end(&all);
		drop();
	}
}

static void *wait_for_three(void *arg)
{
	arrivals_wait(arg, 3, FERRY_NO_DEADLINE);
	return NULL;
}

Test(arrivals, a_sleeper_is_woken_by_the_last_that_it_needs)
{
	for (int round = 0; round < 100; round++) {
		struct arrivals all;
		pthread_t thread;

		make();
		cr_assert_eq(arrivals_begin(&all, futures, COUNT, false), 0);
		cr_assert_eq(pthread_create(&thread, NULL, wait_for_three, &all), 0);
		for (int i = 0; i < 3; i++)
			complete(i);
		pthread_join(thread, NULL);
		arrivals_end(&all);
		drop();
	}
}

Test(arrivals, the_end_leaves_nothing_attached)
{
	struct arrivals all;

	make();
	cr_assert_eq(arrivals_begin(&all, futures, COUNT, false), 0);
	complete(1);
	arrivals_end(&all);
	for (int i = 0; i < COUNT; i++)
		if (i != 1)
			cr_assert_eq(future_word(futures[i]), WORD_PENDING);
	drop();
}

Test(arrivals, references_that_were_handed_over_are_dropped_at_the_end)
{
	struct arrivals all;

	make();
	cr_assert_eq(arrivals_begin(&all, futures, COUNT, false), 0);
	all.owned = true;
	complete(3);
	arrivals_end(&all); /* a sanitizer tells of a leak, or of a second drop */
}

static struct staller staller;

static void *end_behind(void *all)
{
	staller_await(&staller);
	arrivals_end(all);
	staller_left(&staller);
	return NULL;
}

Test(arrivals, the_end_comes_after_every_notify_that_is_due_F5)
{
	struct arrivals all;
	pthread_t thread;

	make();
	staller_init(&staller);
	cr_assert_eq(ferry_future_attach(futures[1], &staller.waiter), 0);
	cr_assert_eq(arrivals_begin(&all, futures, COUNT, false), 0);
	cr_assert_eq(pthread_create(&thread, NULL, end_behind, &all), 0);
	complete(1);
	pthread_join(thread, NULL);
	cr_assert_not(staller.too_early);
	drop();
}

#define MANY 1000000

/* Each must be found at once when it is detached, or this takes an hour. */
Test(arrivals, watching_the_same_future_a_million_times_is_no_trouble_F5, .timeout = 30)
{
	ferry_future **many = calloc(MANY, sizeof(*many));
	struct arrivals all;

	make();
	for (int i = 0; i < MANY; i++)
		many[i] = futures[0];
	cr_assert_eq(arrivals_begin(&all, many, MANY, false), 0);
	cr_assert_eq(all.attached, MANY);
	arrivals_end(&all);
	cr_assert_eq(future_word(futures[0]), WORD_PENDING);
	drop();
	free(many);
}

static void *complete_two(void *arg)
{
	struct gate *gate = arg;

	gate_wait(gate);
	complete(0);
	complete(1);
	return NULL;
}

/* The completers' last touch of entries and struct is the count: both may go at once. */
Test(arrivals, the_end_waits_for_a_notify_that_is_under_way_F5)
{
	for (int round = 0; round < 300; round++) {
		struct arrivals *all = malloc(sizeof(*all));
		struct gate gate;
		pthread_t thread;

		make();
		gate_init(&gate);
		cr_assert_eq(arrivals_begin(all, futures, COUNT, false), 0);
		cr_assert_eq(pthread_create(&thread, NULL, complete_two, &gate), 0);
		gate_await(&gate, 1);
		gate_open(&gate);
		for (int spin = 0; spin < round; spin++)
			park_pause();
		arrivals_end(all);
		free(all);
		pthread_join(thread, NULL);
		drop();
		gate_destroy(&gate);
	}
}
