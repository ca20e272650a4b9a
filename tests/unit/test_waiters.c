/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiters: attached, notified in order, detached (F5), whoever completes the future.
 *
 * What happens when attach, detach and completion race is explored in
 * tests/model/model_word.c and hammered in tests/stress/stress_future.c.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/each.h"
#include "support/watcher.h"

TestSuite(waiters, .timeout = 60);

#define WATCHERS 5

static struct watcher watchers[WATCHERS];

static ferry_future *new_promise(void)
{
	ferry_future *future = NULL;

	cr_assert_eq(ferry_future_new(NULL, &future), 0);
	return future;
}

static void watch_all(ferry_future *future)
{
	for (int i = 0; i < WATCHERS; i++) {
		watcher_init(&watchers[i], future);
		cr_assert_eq(ferry_future_attach(future, &watchers[i].waiter), 0);
	}
}

/* Those of the digits were notified, once, in that order, and no others. */
static void check_order(const char *digits)
{
	int places[WATCHERS] = { 0 }, first = watchers[*digits - '0'].place;

	for (int i = 0; digits[i]; i++)
		places[digits[i] - '0'] = first + i;
	for (int i = 0; i < WATCHERS; i++) {
		cr_assert_eq(watchers[i].place, places[i], "watcher %d", i);
		cr_assert_eq(watchers[i].notified, places[i] != 0, "watcher %d", i);
	}
}

/* ---- notified ---- */

EACH_COMPLETER(waiters, all_are_notified_once_in_the_order_attached_by_the_one_who_completes_F5)
{
	for (enum completer_ending ending = 0; ending < ENDINGS; ending++) {
		struct completer completer;

		completer_begin(&completer, kind, ending, ferry_result_u64(6));
		watch_all(completer.future);
		completer_join(&completer);
		check_order("01234");
		for (int i = 0; i < WATCHERS; i++) {
			cr_assert(pthread_equal(watchers[i].by, completer.by));
			cr_assert_eq(watchers[i].seen.done, 1, "it is done when they are told");
			cr_assert_eq(watchers[i].seen.cancelled, ending == ENDS_CANCELLED);
			cr_assert_eq(watchers[i].seen.result.u64,
				     ending == ENDS_WITH_RESULT ? 6 : 0);
		}
		ferry_future_unref(completer.future);
	}
}

EACH_COMPLETER(waiters, those_attached_while_it_runs_follow_those_of_before_F5)
{
	struct completer completer;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(6));
	for (int i = 0; i < WATCHERS; i++) {
		if (i == 2)
			completer_start(&completer);
		if (i == 4)
			cr_assert_eq(ferry_future_cancel(completer.future), 0);
		watcher_init(&watchers[i], completer.future);
		cr_assert_eq(ferry_future_attach(completer.future, &watchers[i].waiter), 0);
	}
	for (int i = 0; i < WATCHERS; i++)
		cr_assert_eq(watchers[i].notified, 0, "asking for cancellation notifies nobody");
	completer_join(&completer);
	check_order("01234");
	ferry_future_unref(completer.future);
}

/* A future that was cancelled kept its waiters waiting until its queue was worked off: 87893. */
EACH_COMPLETER(waiters, cancelling_a_pending_one_notifies_all_at_once_on_the_cancelling_thread_F3)
{
	struct completer completer;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(6));
	watch_all(completer.future);
	cr_assert_eq(ferry_future_cancel(completer.future), 1);
	check_order("01234");
	for (int i = 0; i < WATCHERS; i++) {
		cr_assert(pthread_equal(watchers[i].by, pthread_self()));
		cr_assert_eq(watchers[i].seen.cancelled, 1);
	}
	completer_join(&completer);
	check_order("01234");
	ferry_future_unref(completer.future);
}

/* ---- not attached ---- */

/* Whether one came before or after completion made a difference once: 33110. */
EACH_COMPLETER(waiters, to_a_done_one_nothing_is_attached_and_nothing_is_called_F5)
{
	struct completer completer;
	uintptr_t word;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(6));
	completer_join(&completer);
	word = future_word(completer.future);
	watcher_init(&watchers[0], completer.future);
	watchers[0].waiter.next = &watchers[1].waiter;
	cr_assert_eq(ferry_future_attach(completer.future, &watchers[0].waiter), -EALREADY);
	cr_assert_eq(watchers[0].notified, 0);
	cr_assert_eq(watchers[0].waiter.next, &watchers[1].waiter, "the node was not touched");
	cr_assert_eq(future_word(completer.future), word);
	ferry_future_unref(completer.future);
}

Test(waiters, what_is_no_waiter_is_refused_and_nothing_changes_E1)
{
	ferry_future *future = new_promise();
	_Alignas(8) char room[sizeof(ferry_waiter) + 8] = { 0 };
	ferry_waiter nobody = { NULL, NULL };

	cr_assert_eq(ferry_future_attach(future, NULL), -EINVAL);
	cr_assert_eq(ferry_future_attach(future, &nobody), -EINVAL);
	cr_assert_eq(ferry_future_detach(future, NULL), -EINVAL);
	cr_assert_eq(ferry_future_detach(future, &nobody), -ENOENT, "it was never attached");
	for (int i = 1; i < 8; i++) {
		static const ferry_waiter proper = { NULL, watcher_notify };
		/* Through a number: a compiler may take a pointer's alignment for granted. */
		ferry_waiter *askew = (ferry_waiter *)((uintptr_t)room + (uintptr_t)i);

		memcpy(room + i, &proper, sizeof(proper));
		cr_assert_eq(ferry_future_attach(future, askew), -EINVAL, "%d", i);
		cr_assert_eq(ferry_future_detach(future, askew), -EINVAL, "%d", i);
	}
	cr_assert_eq(future_word(future), WORD_PENDING);
	ferry_future_unref(future);
}

/* ---- detached ---- */

EACH_COMPLETER(waiters, any_can_be_detached_and_the_others_keep_their_order_F5)
{
	static const struct {
		const char *detached, *left;
	} cases[] = {
		{ "0", "1234" }, { "2", "0134" }, { "4", "0123" }, { "04", "123" }, { "40", "123" },
		{ "3210", "4" }, { "1234", "0" }, { "31", "024" }, { "24", "013" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct completer completer;

		completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(6));
		watch_all(completer.future);
		for (const char *digit = cases[i].detached; *digit; digit++) {
			struct watcher *watcher = &watchers[*digit - '0'];

			if (digit[1] == 0)
				completer_start(&completer);
			cr_assert_eq(ferry_future_detach(completer.future, &watcher->waiter), 1);
			cr_assert_null(watcher->waiter.next);
			cr_assert_eq(ferry_future_detach(completer.future, &watcher->waiter),
				     -ENOENT, "it is attached no more");
		}
		completer_join(&completer);
		check_order(cases[i].left);
		ferry_future_unref(completer.future);
	}
}

EACH_COMPLETER(waiters, the_last_to_be_detached_leaves_the_future_as_it_was_F5)
{
	struct completer completer;
	uintptr_t word;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(6));
	for (int step = 0; step < 3; step++) {
		word = future_word(completer.future);
		watch_all(completer.future);
		for (int i = 0; i < WATCHERS; i++)
			cr_assert_eq(ferry_future_detach(completer.future, &watchers[i].waiter), 1);
		cr_assert_eq(future_word(completer.future), word);
		if (step == 0)
			completer_start(&completer);
		else if (step == 1)
			cr_assert_eq(ferry_future_cancel(completer.future), 0);
	}
	completer_join(&completer);
	for (int i = 0; i < WATCHERS; i++)
		cr_assert_eq(watchers[i].notified, 0);
	ferry_future_unref(completer.future);
}

EACH_COMPLETER(waiters, a_detached_one_may_be_attached_again_and_is_then_the_newest_F5)
{
	struct completer completer;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(6));
	watch_all(completer.future);
	cr_assert_eq(ferry_future_detach(completer.future, &watchers[1].waiter), 1);
	cr_assert_eq(ferry_future_attach(completer.future, &watchers[1].waiter), 0);
	completer_join(&completer);
	check_order("02341");
	ferry_future_unref(completer.future);
}

EACH_COMPLETER(waiters, after_completion_it_is_too_late_to_detach_F5)
{
	struct completer completer;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(6));
	watch_all(completer.future);
	completer_join(&completer);
	for (int i = 0; i < WATCHERS; i++)
		cr_assert_eq(ferry_future_detach(completer.future, &watchers[i].waiter), 0);
	check_order("01234");
	ferry_future_unref(completer.future);
}

/* notify may have freed it. */
Test(waiters, too_late_to_detach_the_node_is_not_even_looked_at_F5)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *gone = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ferry_future *future = new_promise();

	cr_assert_neq(gone, MAP_FAILED);
	cr_assert_eq(ferry_future_set_cancelled(future), 0);
	cr_assert_eq(ferry_future_detach(future, gone), 0);
	ferry_future_unref(future);
	munmap(gone, page);
}

Test(waiters, one_that_is_attached_elsewhere_is_not_found_F5)
{
	ferry_future *one = new_promise(), *two = new_promise();
	uintptr_t word;

	watch_all(one);
	word = future_word(one);
	cr_assert_eq(ferry_future_detach(two, &watchers[2].waiter), -ENOENT);
	cr_assert_eq(future_word(two), WORD_PENDING);
	cr_assert_eq(future_word(one), word);
	ferry_future_set_cancelled(one);
	check_order("01234");
	ferry_future_unref(one);
	ferry_future_unref(two);
}

/* ---- what notify may do ---- */

struct loner {
	ferry_waiter waiter;
	ferry_future *future; /* held */
	int *freed;
};

static void free_all(ferry_waiter *waiter)
{
	struct loner *loner = (struct loner *)waiter;

	ferry_future_unref(loner->future);
	++*loner->freed;
	free(loner);
}

/* notify is the last touch of a node: a sanitizer tells of a later one. */
EACH_COMPLETER(waiters, notify_may_free_its_node_and_drop_the_last_reference_F5)
{
	struct completer completer;
	int freed = 0;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(6));
	for (int i = 0; i < 3; i++) {
		struct loner *loner = malloc(sizeof(*loner));

		*loner = (struct loner){ { NULL, free_all }, completer.future, &freed };
		ferry_future_ref(completer.future);
		cr_assert_eq(ferry_future_attach(completer.future, &loner->waiter), 0);
	}
	ferry_future_unref(completer.future);
	completer_join(&completer);
	cr_assert_eq(freed, 3);
}

static ferry_future *reentered;
static int said[8];

static void reenter(ferry_waiter *waiter)
{
	ferry_result result;

	watcher_notify(waiter);
	said[0] = ferry_future_attach(reentered, waiter);
	said[1] = ferry_future_detach(reentered, waiter);
	said[2] = ferry_future_detach(reentered, &watchers[2].waiter);
	said[3] = ferry_future_cancel(reentered);
	said[4] = ferry_future_set_cancelled(reentered);
	said[5] = ferry_future_wait(reentered, FERRY_NO_DEADLINE);
	said[6] = ferry_future_take(reentered, &result);
}

/* Callbacks that changed the list while it was walked broke it more than once. */
EACH_COMPLETER(waiters, notify_may_call_the_future_and_finds_it_done_F5)
{
	struct completer completer;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(6));
	reentered = completer.future;
	watch_all(completer.future);
	cr_assert_eq(ferry_future_detach(completer.future, &watchers[1].waiter), 1);
	watchers[1].waiter.notify = reenter;
	cr_assert_eq(ferry_future_attach(completer.future, &watchers[1].waiter), 0);
	completer_join(&completer);
	check_order("02341");
	cr_assert_eq(said[0], -EALREADY);
	cr_assert_eq(said[1], 0);
	cr_assert_eq(said[2], 0);
	cr_assert_eq(said[3], -EALREADY);
	cr_assert_eq(said[4], completer_is_job(&completer) ? -EPERM : -EALREADY);
	cr_assert_eq(said[5], 0);
	cr_assert_eq(said[6], 0);
	ferry_future_unref(completer.future);
}

static void complete_next(ferry_waiter *waiter)
{
	watcher_notify(waiter);
	cr_assert_eq(ferry_future_set_cancelled(reentered), 0);
}

Test(waiters, notify_may_complete_another_future)
{
	ferry_future *one = new_promise(), *two = new_promise();

	for (int i = 0; i < WATCHERS; i++)
		watcher_init(&watchers[i], i == 1 ? one : two);
	reentered = two;
	watchers[1].waiter.notify = complete_next;
	cr_assert_eq(ferry_future_attach(one, &watchers[1].waiter), 0);
	for (int i = 0; i < WATCHERS; i++)
		if (i != 1)
			cr_assert_eq(ferry_future_attach(two, &watchers[i].waiter), 0);
	cr_assert_eq(ferry_future_set_result(one, ferry_result_u64(1)), 0);
	check_order("10234");
	ferry_future_unref(one);
	ferry_future_unref(two);
}

#define MANY 100000

Test(waiters, any_number_can_be_attached)
{
	struct watcher *many = calloc(MANY, sizeof(*many));
	ferry_future *future = new_promise();

	for (int i = 0; i < MANY; i++) {
		watcher_init(&many[i], future);
		cr_assert_eq(ferry_future_attach(future, &many[i].waiter), 0);
	}
	cr_assert_eq(ferry_future_set_result(future, ferry_result_u64(1)), 0);
	for (int i = 0; i < MANY; i++)
		cr_assert_eq(many[i].place, i + 1);
	ferry_future_unref(future);
	free(many);
}
