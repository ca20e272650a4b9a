/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * docs/examples/promises.c: whichever comes first, a promise or the answer to its number, a cancel
 * or the answer, the end of all answers or a promise, each promise is completed once (F1), what
 * comes too late changes nothing (F4), and the books balance. First one thing after the other, then
 * by two threads at once, of which one asks and cancels and the other answers.
 */
#include <pthread.h>
#include <stdatomic.h>

#include <ferry.h>

#include "promises.h"
#include "support/program.h"

enum {
	NUMBERS = 64 /* in use at a time; each is used again and again */
};

static ferry_future *new_promise(void)
{
	ferry_future *promise;

	program_check(ferry_future_new(NULL, &promise) == 0, "no promise");
	return promise;
}

/* Adds a promise and returns a reference to it. */
static ferry_future *add(struct promises *promises, size_t number)
{
	ferry_future *promise = new_promise();
	int error = promises_add(promises, number, promise);

	program_check(error == 0, "adding %zu: %d", number, error);
	return promise;
}

static void check_books(struct promises *promises, struct promises_counters wanted)
{
	struct promises_counters has = promises_counters(promises);

	program_check(!memcmp(&has, &wanted, sizeof(has)),
		      "added %" PRIu64 ", completed %" PRIu64 ", failed %" PRIu64 ", late %" PRIu64
		      ", unanswered %" PRIu64 ", waiting %" PRIu64 ", early %" PRIu64
		      ", unexpected %" PRIu64, has.added, has.completed, has.failed, has.late,
		      has.unanswered, has.waiting, has.early, has.unexpected);
}

/* ---- one thing after the other ---- */

static void an_answer_completes_its_promise(void)
{
	struct promises promises = { 0 };
	ferry_future *promise;

	program_check(promises_begin(&promises, 2, true) == 0, "no table");
	promise = add(&promises, 1);
	check_books(&promises, (struct promises_counters){ .added = 1, .waiting = 1 });
	promises_complete(&promises, 1, ferry_result_u64(7));
	program_check(ferry_future_snapshot(promise).result.u64 == 7, "not the answer");
	check_books(&promises, (struct promises_counters){ .added = 1, .completed = 1 });
	ferry_future_unref(promise);
	promises_end(&promises);
}

static void an_answer_may_come_before_its_promise(void)
{
	struct promises promises = { 0 };
	ferry_future *promise, *next;

	program_check(promises_begin(&promises, 2, true) == 0, "no table");
	promises_complete(&promises, 1, ferry_result_u64(7));
	promise = add(&promises, 1);
	program_check(ferry_future_snapshot(promise).result.u64 == 7, "not the answer");
	next = add(&promises, 1); /* the answer was used up */
	program_check(!ferry_future_snapshot(next).done, "completed by an answer that was used");
	check_books(&promises, (struct promises_counters){ .added = 2, .completed = 1,
							   .waiting = 1, .early = 1 });
	ferry_future_unref(promise);
	ferry_future_unref(next);
	promises_end(&promises);
}

static void what_nobody_asked_for_is_counted(void)
{
	struct promises promises = { 0 };
	ferry_future *promise;

	program_check(promises_begin(&promises, 2, false) == 0, "no table");
	promises_complete(&promises, 1, ferry_result_u64(7));
	promises_complete(&promises, 2, ferry_result_u64(7));
	promises_complete(&promises, SIZE_MAX, ferry_result_u64(7));
	promises_fail(&promises, 1, ferry_error_from_errno(EIO));
	promises_fail(&promises, 2, ferry_error_from_errno(EIO));
	promise = add(&promises, 1);
	program_check(!ferry_future_snapshot(promise).done, "completed by what came before");
	check_books(&promises, (struct promises_counters){ .added = 1, .waiting = 1,
							   .unexpected = 3 });
	ferry_future_unref(promise);
	promises_end(&promises);
}

static void a_number_in_use_is_refused(void)
{
	struct promises promises = { 0 };
	ferry_future *promise, *other = new_promise();

	program_check(promises_begin(&promises, 2, true) == 0, "no table");
	promise = add(&promises, 1);
	program_check(promises_add(&promises, 1, other) == -EBUSY, "two for one number");
	program_check(promises_add(&promises, 2, other) == -ERANGE, "a number out of range");
	check_books(&promises, (struct promises_counters){ .added = 1, .waiting = 1 });
	promises_complete(&promises, 1, ferry_result_u64(7));
	program_check(!ferry_future_snapshot(other).done, "the wrong one is completed");
	ferry_future_unref(promise);
	ferry_future_unref(other);
	promises_end(&promises);
}

static void a_cancel_wins_over_what_comes_later(void)
{
	struct promises promises = { 0 };
	ferry_future *answered, *failed;

	program_check(promises_begin(&promises, 2, true) == 0, "no table");
	answered = add(&promises, 0);
	failed = add(&promises, 1);
	program_check(ferry_future_cancel(answered) == 1, "not cancelled");
	program_check(ferry_future_cancel(failed) == 1, "not cancelled");
	promises_complete(&promises, 0, ferry_result_u64(7));
	promises_fail(&promises, 1, ferry_error_from_errno(EIO));
	program_check(ferry_future_snapshot(answered).cancelled, "the answer has changed it");
	program_check(ferry_future_snapshot(failed).cancelled, "the error has changed it");
	check_books(&promises, (struct promises_counters){ .added = 2, .late = 1,
							   .unanswered = 1 });
	ferry_future_unref(answered);
	ferry_future_unref(failed);
	promises_end(&promises);
}

static void the_end_fails_what_is_and_what_comes(void)
{
	struct promises promises = { 0 };
	const ferry_error *error;
	ferry_future *before, *after, *early;

	program_check(promises_begin(&promises, 3, true) == 0, "no table");
	program_check(ferry_error_new("test", 1, "over", NULL, NULL, &error) == 0, "no error");
	before = add(&promises, 0);
	promises_complete(&promises, 2, ferry_result_u64(7));
	program_check(!promises_over(&promises), "over before the end");
	promises_fail_all(&promises, error);
	promises_fail_all(&promises, ferry_error_from_errno(EIO)); /* too late to be the reason */
	program_check(promises_over(&promises) == error, "not over, or why not");
	ferry_error_unref(error);
	after = add(&promises, 1);
	early = add(&promises, 2); /* it had come before the end */
	program_check(ferry_future_snapshot(before).exception == error, "not failed");
	program_check(ferry_future_snapshot(after).exception == error, "not failed at once");
	program_check(ferry_future_snapshot(early).result.u64 == 7, "the early answer is lost");
	check_books(&promises, (struct promises_counters){ .added = 3, .completed = 1, .failed = 2,
							   .early = 1 });
	promises_end(&promises);
	program_check(!strcmp(ferry_error_message(ferry_future_snapshot(after).exception), "over"),
		      "the error went with the table");
	ferry_error_unref(error);
	ferry_future_unref(before);
	ferry_future_unref(after);
	ferry_future_unref(early);
}

static void what_is_left_is_cancelled(void)
{
	struct promises promises = { 0 };
	ferry_future *promise;

	promises_end(&promises); /* never begun */
	program_check(promises_begin(&promises, 1, true) == 0, "no table");
	promise = add(&promises, 0);
	promises_end(&promises);
	program_check(ferry_future_snapshot(promise).exception == ferry_error_from_errno(ECANCELED),
		      "left behind");
	ferry_future_unref(promise);
}

/* ---- two threads ---- */

struct race {
	struct promises promises;
	long count;             /* promises */
	atomic_long asked;      /* numbers that were given out */
	uint64_t random;
};

/* Somebody else's thread: answers what was asked, and in the end says that there is no more. */
static void *answer(void *argument)
{
	struct race *race = argument;
	long answered = 0;

	while (answered < race->count) {
		long asked = atomic_load_explicit(&race->asked, memory_order_acquire);

		for (; answered < asked && answered < race->count; answered++)
			promises_complete(&race->promises, (size_t)(answered % NUMBERS),
					  ferry_result_u64((uint64_t)answered));
	}
	promises_fail_all(&race->promises, ferry_error_from_errno(ECONNRESET));
	return NULL;
}

/* The number is given out before the promise is there, as a client library does it. */
static void ask(struct race *race, long i, ferry_future **promises)
{
	size_t number = (size_t)(i % NUMBERS);
	uint64_t result;

	if (promises[number]) { /* it is done before its number is used again */
		program_check(ferry_future_wait(promises[number], FERRY_NO_DEADLINE) == 0,
			      "no end");
		result = ferry_future_snapshot(promises[number]).result.u64;
		program_check(ferry_future_snapshot(promises[number]).cancelled ||
				      result == (uint64_t)(i - NUMBERS), "the answer to another");
		ferry_future_unref(promises[number]);
	}
	promises[number] = new_promise();
	atomic_store_explicit(&race->asked, i + 1, memory_order_release);
	program_check(promises_add(&race->promises, number, promises[number]) == 0, "not added");
}

static void race_run(struct race *race)
{
	ferry_future *promises[NUMBERS] = { NULL };
	struct promises_counters books;
	pthread_t thread;

	program_check(promises_begin(&race->promises, NUMBERS, true) == 0, "no table");
	program_check(pthread_create(&thread, NULL, answer, race) == 0, "no thread");
	for (long i = 0; i < race->count; i++)
		ask(race, i, promises);
	pthread_join(thread, NULL);
	for (int i = 0; i < NUMBERS; i++) {
		program_check(!promises[i] || ferry_future_snapshot(promises[i]).done,
			      "one is left");
		ferry_future_unref(promises[i]);
	}
	books = promises_counters(&race->promises);
	program_check(books.added == (uint64_t)race->count, "%" PRIu64 " added", books.added);
	program_check(books.added == books.completed && books.waiting == 0 && books.unexpected == 0,
		      "%" PRIu64 " completed", books.completed);
	printf("ok: %" PRIu64 " promises, %" PRIu64 " of them after their answer\n", books.added,
	       books.early);
	promises_end(&race->promises);
}

/* Each promise has a number of its own, and is cancelled, while answers come and while they end. */
static void cancel_run(struct race *race)
{
	struct promises_counters books;
	pthread_t thread;
	uint64_t cancelled = 0;
	long end;

	race->count = race->count > NUMBERS * 64 ? NUMBERS * 64 : race->count;
	program_check(promises_begin(&race->promises, (size_t)race->count, true) == 0,
		      "no table");
	atomic_init(&race->asked, 0);
	end = race->count;
	race->count -= race->count / 4; /* the last ones are never answered */
	program_check(pthread_create(&thread, NULL, answer, race) == 0, "no thread");
	for (long i = 0; i < end; i++) {
		ferry_future *promise = new_promise();

		atomic_store_explicit(&race->asked, i + 1, memory_order_release);
		program_check(promises_add(&race->promises, (size_t)i, promise) == 0,
			      "not added");
		if (random_below(&race->random, 2))
			cancelled += ferry_future_cancel(promise) == 1;
		ferry_future_unref(promise);
	}
	pthread_join(thread, NULL);
	books = promises_counters(&race->promises);
	program_check(books.added == (uint64_t)end && books.waiting == 0, "one is left");
	program_check(books.completed + books.failed + books.late + books.unanswered == books.added,
		      "the books do not balance");
	program_check(books.late + books.unanswered == cancelled,
		      "%" PRIu64 " cancelled, %" PRIu64 " late and %" PRIu64 " unanswered",
		      cancelled, books.late, books.unanswered);
	printf("ok: %" PRIu64 " cancelled, %" PRIu64 " of them answered too late\n", cancelled,
	       books.late);
	promises_end(&race->promises);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		{ "an answer completes its promise", an_answer_completes_its_promise },
		{ "an answer may be the first", an_answer_may_come_before_its_promise },
		{ "what nobody asked for is counted", what_nobody_asked_for_is_counted },
		{ "a number in use is refused", a_number_in_use_is_refused },
		{ "F4 a cancel wins over what comes later", a_cancel_wins_over_what_comes_later },
		{ "the end fails what is, what comes", the_end_fails_what_is_and_what_comes },
		{ "what is left is cancelled", what_is_left_is_cancelled }
	};
	struct program program = program_begin(
		argc, argv, "promises by number, and who comes first", 200000, 2000000);
	struct race race = { .count = program.count }, cancels = { .count = program.count };

	cancels.random = program.seed;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		tests[i].run();
		printf("ok: %s\n", tests[i].name);
	}
	race_run(&race);
	cancel_run(&cancels);
	return 0;
}
