/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Done-callbacks: each once, from the loop, in the order added, whatever they do (L2). */
#include <criterion/criterion.h>
#include <errno.h>

#include "support/fixture.h"

TestSuite(callback, .timeout = 30);

static ferry_loop *loop;
static ferry_local *local;
static char order[64]; /* what was called, a letter each */

static void begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_local_new(loop, &local), 0);
}

static void end(void)
{
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_free(loop), 0);
}

static void write_down(ferry_local *which, void *user)
{
	cr_assert_eq(ferry_local_loop(which), loop);
	strncat(order, user, 1);
}

/* Adds one that writes down @letter, a string of one. */
static void add(char *letter)
{
	cr_assert_eq(ferry_local_add_done_callback(local, write_down, letter), 0);
}

static int take_back(char *letter)
{
	return ferry_local_remove_done_callback(local, write_down, letter);
}

static void complete(void)
{
	cr_assert_eq(ferry_local_set_result(local, ferry_result_u64(1)), 0);
}

static void run(void)
{
	cr_assert_eq(ferry_loop_run(loop), 0);
}

static char *const a = "a", *const b = "b", *const c = "c", *const d = "d", *const e = "e";

/* ---- order ---- */

Test(callback, L2_they_are_called_in_the_order_added, .init = begin, .fini = end)
{
	add(a), add(b), add(c);
	complete();
	cr_assert_str_empty(order);
	run();
	cr_assert_str_eq(order, "abc");
	run();
	cr_assert_str_eq(order, "abc", "once");
}

Test(callback, L2_one_added_to_a_done_local_waits_for_the_next_turn, .init = begin, .fini = end)
{
	complete();
	add(a), add(b), add(c);
	cr_assert_str_empty(order);
	run();
	cr_assert_str_eq(order, "abc");
	add(d), add(e);
	cr_assert_str_eq(order, "abc");
	run();
	cr_assert_str_eq(order, "abcde");
}

Test(callback, L2_those_added_before_and_after_it_was_done_keep_their_order, .init = begin,
     .fini = end)
{
	add(a), add(b);
	complete();
	add(c), add(d);
	run();
	cr_assert_str_eq(order, "abcd");
}

static void call_soon(ferry_loop *which, void *user)
{
	(void)which;
	strncat(order, user, 1);
}

Test(callback, L2_they_keep_their_order_with_all_else_that_is_due, .init = begin, .fini = end)
{
	ferry_loop_call_soon(loop, call_soon, a);
	complete();
	add(b);
	ferry_loop_call_soon(loop, call_soon, c);
	add(d);
	ferry_loop_call_soon(loop, call_soon, e);
	run();
	cr_assert_str_eq(order, "abcde");
}

static size_t counted;

static void count(ferry_local *which, void *user)
{
	(void)which;
	cr_assert_eq((size_t)user, counted);
	counted++;
}

Test(callback, ten_thousand_are_called_in_order, .init = begin, .fini = end)
{
	for (size_t i = 0; i < 10000; i++)
		ferry_local_add_done_callback(local, count, (void *)i);
	complete();
	run();
	cr_assert_eq(counted, 10000);
}

Test(callback, a_function_added_twice_is_called_twice, .init = begin, .fini = end)
{
	add(a), add(a);
	complete();
	add(a);
	run();
	cr_assert_str_eq(order, "aaa");
}

/* ---- taken back ---- */

Test(callback, one_that_was_taken_back_is_not_called_and_the_others_keep_their_order,
     .init = begin, .fini = end)
{
	static char *const all[] = { "a", "b", "c", "d" };
	static const char *const without[] = { "bcd", "acd", "abd", "abc" };

	for (int i = 0; i < 4; i++) {
		order[0] = 0;
		add(all[0]), add(all[1]), add(all[2]), add(all[3]);
		cr_assert_eq(take_back(all[i]), 1);
		cr_assert_eq(take_back(all[i]), 0, "it is gone");
		complete();
		run();
		cr_assert_str_eq(order, without[i]);
		ferry_local_unref(local);
		cr_assert_eq(ferry_local_new(loop, &local), 0);
	}
}

Test(callback, all_equal_ones_are_taken_back_at_once, .init = begin, .fini = end)
{
	add(a), add(b), add(a), add(a), add(c);
	cr_assert_eq(take_back(a), 3);
	complete();
	run();
	cr_assert_str_eq(order, "bc");
}

Test(callback, both_function_and_user_must_be_equal, .init = begin, .fini = end)
{
	add(a);
	cr_assert_eq(take_back(b), 0);
	cr_assert_eq(ferry_local_remove_done_callback(local, count, a), 0);
	cr_assert_eq(take_back(a), 1);
}

Test(callback, one_that_waits_for_its_turn_can_be_taken_back, .init = begin, .fini = end)
{
	add(a), add(b);
	complete();
	add(c), add(d), add(c);
	cr_assert_eq(take_back(a), 1);
	cr_assert_eq(take_back(c), 2);
	run();
	cr_assert_str_eq(order, "bd");
}

Test(callback, after_all_were_taken_back_new_ones_can_be_added, .init = begin, .fini = end)
{
	add(a), add(b);
	cr_assert_eq(take_back(a) + take_back(b), 2);
	add(c), add(d);
	complete();
	cr_assert_eq(take_back(c) + take_back(d), 2);
	add(e);
	run();
	cr_assert_str_eq(order, "e");
}

Test(callback, one_taken_back_from_another_local_is_not_touched, .init = begin, .fini = end)
{
	ferry_local *other;

	cr_assert_eq(ferry_local_new(loop, &other), 0);
	complete();
	add(a), add(b);
	cr_assert_eq(ferry_local_remove_done_callback(other, write_down, b), 0);
	ferry_local_cancel(other);
	cr_assert_eq(ferry_local_remove_done_callback(other, write_down, b), 0);
	run();
	cr_assert_str_eq(order, "ab");
	ferry_local_unref(other);
}

/* ---- what they do while they are called ---- */

static void add_late(ferry_local *which, void *user)
{
	write_down(which, user);
	add(d);
	add(e);
}

Test(callback, one_added_by_a_callback_is_for_the_next_turn, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_local_add_done_callback(local, add_late, a), 0);
	add(b), add(c);
	complete();
	cr_assert_gt(ferry_loop_dispatch(loop, 0), 0);
	cr_assert_str_eq(order, "abc");
	run();
	cr_assert_str_eq(order, "abcde");
}

Test(callback, one_added_by_the_last_callback_is_for_the_next_turn, .init = begin, .fini = end)
{
	add(a), add(b);
	cr_assert_eq(ferry_local_add_done_callback(local, add_late, c), 0);
	complete();
	cr_assert_gt(ferry_loop_dispatch(loop, 0), 0);
	cr_assert_str_eq(order, "abc");
	run();
	cr_assert_str_eq(order, "abcde");
}

static int removed[2];

static void take_back_others(ferry_local *which, void *user)
{
	write_down(which, user);
	removed[0] = take_back(c);
	removed[1] = ferry_local_remove_done_callback(which, take_back_others, user);
}

Test(callback, one_that_has_not_begun_can_be_taken_back_by_another, .init = begin, .fini = end)
{
	add(a);
	cr_assert_eq(ferry_local_add_done_callback(local, take_back_others, b), 0);
	add(c), add(d), add(c);
	complete();
	add(c), add(e);
	run();
	cr_assert_str_eq(order, "abde");
	cr_assert_eq(removed[0], 3);
	cr_assert_eq(removed[1], 0, "one that has begun cannot be taken back");
}

static void drop(ferry_local *which, void *user)
{
	write_down(which, user);
	ferry_local_unref(which);
	local = NULL;
}

Test(callback, one_may_drop_the_last_reference_and_the_others_are_called, .init = begin,
     .fini = end)
{
	add(a);
	ferry_local_add_done_callback(local, drop, b);
	add(c);
	complete();
	run();
	cr_assert_str_eq(order, "abc");
}

Test(callback, a_late_one_may_drop_the_last_reference, .init = begin, .fini = end)
{
	complete();
	add(a);
	ferry_local_add_done_callback(local, drop, b);
	add(c);
	run();
	cr_assert_str_eq(order, "abc");
}

static ferry_local *other;

static void complete_other(ferry_local *which, void *user)
{
	write_down(which, user);
	ferry_local_add_done_callback(other, write_down, d);
	ferry_local_set_result(other, ferry_result_u64(1));
	ferry_local_unref(other);
}

Test(callback, L2_one_that_completes_another_local_calls_nobody_inside, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_local_new(loop, &other), 0);
	ferry_local_add_done_callback(local, complete_other, a);
	add(b);
	complete();
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 2);
	cr_assert_str_eq(order, "ab");
	run();
	cr_assert_str_eq(order, "abd");
}

static void cancel_self(ferry_local *which, void *user)
{
	write_down(which, user);
	cr_assert_eq(ferry_local_cancel(which), -EALREADY);
}

Test(callback, one_that_cancels_its_own_local_is_late, .init = begin, .fini = end)
{
	ferry_local_add_done_callback(local, cancel_self, a);
	add(b);
	complete();
	run();
	cr_assert_str_eq(order, "ab");
}

/* ---- bad input ---- */

Test(callback, NULL_is_refused, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_local_add_done_callback(NULL, write_down, a), -EINVAL);
	cr_assert_eq(ferry_local_add_done_callback(local, NULL, a), -EINVAL);
	cr_assert_eq(ferry_local_remove_done_callback(NULL, write_down, a), -EINVAL);
	cr_assert_eq(ferry_local_remove_done_callback(local, NULL, a), -EINVAL);
	complete();
	cr_assert_eq(ferry_loop_pending(loop), 0);
}

Test(callback, the_user_pointer_may_be_anything, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_local_add_done_callback(local, count, NULL), 0);
	complete();
	run();
	cr_assert_eq(counted, 1);
}

Test(callback, after_its_loop_closed_none_is_added_and_none_is_left, .init = begin)
{
	add(a), add(b);
	complete();
	add(c);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(ferry_local_add_done_callback(local, write_down, d), -ESHUTDOWN);
	cr_assert_eq(take_back(a), 0);
	cr_assert_str_empty(order);
	ferry_local_unref(local);
}

/* ---- memory ---- */

Test(callback, their_blocks_go_back_to_the_loop, .init = begin, .fini = end)
{
	size_t cached;

	for (int round = 0; round < 3; round++) {
		add(a), add(b), add(c);
		complete();
		add(d), add(e);
		cr_assert_eq(take_back(b), 1);
		run();
		ferry_local_unref(local);
		if (round == 0)
			cached = fixture_loop_counters(loop).cached_bytes;
		cr_assert_eq(fixture_loop_counters(loop).cached_bytes, cached);
		cr_assert_eq(ferry_local_new(loop, &local), 0);
	}
}

Test(callback, the_first_one_needs_no_memory, .init = begin, .fini = end)
{
	size_t cached;

	/* Fill the cache with what two callbacks need, so that taking some shows. */
	add(a), add(b), add(c);
	complete();
	run();
	ferry_local_unref(local);
	cr_assert_eq(ferry_local_new(loop, &local), 0);
	cached = fixture_loop_counters(loop).cached_bytes;
	add(a);
	cr_assert_eq(fixture_loop_counters(loop).cached_bytes, cached);
	add(b);
	cr_assert_lt(fixture_loop_counters(loop).cached_bytes, cached);
	cr_assert_eq(take_back(a) + take_back(b), 2);
}

Test(callback, those_taken_back_from_a_pending_local_leave_nothing_behind, .init = begin,
     .fini = end)
{
	size_t cached;

	add(a), add(b), add(c);
	ferry_local_add_done_callback(local, write_down, d);
	ferry_local_remove_done_callback(local, write_down, d);
	cached = fixture_loop_counters(loop).cached_bytes;
	for (int i = 0; i < 10000; i++) {
		cr_assert_eq(ferry_local_add_done_callback(local, write_down, d), 0);
		cr_assert_eq(ferry_local_remove_done_callback(local, write_down, d), 1);
	}
	cr_assert_eq(fixture_loop_counters(loop).cached_bytes, cached, "one block serves them all");
	add(e);
	complete();
	cr_assert_eq(ferry_loop_run_once(loop, 0), 4, "nor is a turn charged for them");
	cr_assert_str_eq(order, "abce");
}
