/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/job.c: what a function returns becomes the outcome; names, contexts, hooks
 * and the cancel token go with a job. By hand: build/plain/tests/unit/test_job
 */
#include <criterion/criterion.h>
#include <limits.h>
#include <string.h>

#include "support/token.h"
#include "support/watcher.h"
#include "support/work.h"

TestSuite(job, .timeout = 30);

/* ---- outcomes ---- */

static int returns(void *arg, ferry_result *out)
{
	*out = ferry_result_u64(77);
	return *(int *)arg;
}

static ferry_snapshot outcome_of(int returned)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_snapshot end = work_end(work_submit(pool, returns, &returned, NULL));

	work_close(pool);
	cr_assert(end.done);
	return end;
}

Test(job, a_function_that_returns_0_gives_its_result)
{
	ferry_snapshot end = outcome_of(0);

	cr_assert(!end.cancelled && !end.exception);
	cr_assert_eq(end.result.u64, 77);
}

Test(job, a_negative_errno_is_the_exception)
{
	static const int errnos[] = { 1, EIO, ENOENT, 1023 };

	for (size_t i = 0; i < sizeof(errnos) / sizeof(*errnos); i++) {
		ferry_snapshot end = outcome_of(-errnos[i]);

		cr_assert(!end.cancelled);
		cr_assert_eq(end.exception, ferry_error_from_errno(errnos[i]));
	}
}

Test(job, any_other_return_is_taken_as_EINVAL)
{
	static const int others[] = { 1, INT_MAX, -1024, INT_MIN };

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		cr_assert_eq(outcome_of(others[i]).exception, ferry_error_from_errno(EINVAL));
}

/* F3: running becomes cancelled only when the function says so. */
Test(job, a_function_that_returns_ECANCELED_is_cancelled)
{
	ferry_snapshot end = outcome_of(-ECANCELED);

	cr_assert(end.cancelled && !end.exception);
}

/* ---- an exception of its own ---- */

static void count_payload(void *payload)
{
	++*(int *)payload;
}

static int fails_with_an_error(void *arg, ferry_result *out)
{
	const ferry_error *error;

	if (ferry_error_new("parser", 3, "a bracket is missing", arg, count_payload, &error) < 0)
		return -ENOMEM;
	return ferry_job_fail(error, out);
}

Test(job, E2_an_error_that_it_fails_with_is_the_exception)
{
	int freed = 0;
	ferry_pool *pool = fixture_pool(1);
	ferry_future *future = work_submit(pool, fails_with_an_error, &freed, NULL);
	ferry_snapshot end = work_wait(future);

	cr_assert(end.done && !end.cancelled && !end.result.u64);
	cr_assert_str_eq(ferry_error_domain(end.exception), "parser");
	cr_assert_eq(ferry_error_number(end.exception), 3);
	cr_assert_eq(ferry_error_payload(end.exception), &freed);
	cr_assert_eq(freed, 0);
	ferry_future_unref(future);
	work_close(pool);
	cr_assert_eq(freed, 1, "it goes with the last reference");
}

static int fails_and_forgets_to_say_so(void *arg, ferry_result *out)
{
	const ferry_error *error;
	int said;

	if (ferry_error_new("parser", 3, NULL, arg, count_payload, &error) < 0)
		return -ENOMEM;
	said = ferry_job_fail(error, out);
	return said ? 0 : -EIO;
}

Test(job, E2_an_error_whose_function_returns_0_is_dropped_as_a_result_that_nobody_took)
{
	int freed = 0;
	ferry_pool *pool = fixture_pool(1);

	cr_assert_null(
		work_end(work_submit(pool, fails_and_forgets_to_say_so, &freed, NULL)).exception);
	work_close(pool);
	cr_assert_eq(freed, 1);
}

static int fails_with_an_errno(void *arg, ferry_result *out)
{
	(void)arg;
	return ferry_job_fail(ferry_error_from_errno(EACCES), out);
}

Test(job, an_error_that_lives_for_ever_is_the_exception_as_well)
{
	ferry_pool *pool = fixture_pool(1);

	cr_assert_eq(work_end(work_submit(pool, fails_with_an_errno, NULL, NULL)).exception,
		     ferry_error_from_errno(EACCES));
	work_close(pool);
}

static int fails_with_a_result(void *arg, ferry_result *out)
{
	cr_assert(out->pointer == NULL && out->disposer == NULL, "the result is zero on entry");
	*out = token_result(arg, &token_anywhere);
	return -EIO;
}

Test(job, the_result_of_a_failed_function_is_ignored)
{
	struct token token = { .disposed = 0 };
	ferry_pool *pool = fixture_pool(1);

	work_end(work_submit(pool, fails_with_a_result, &token, NULL));
	work_close(pool);
	cr_assert_eq(token.disposed, 0);
}

static int gives_a_token(void *arg, ferry_result *out)
{
	*out = token_result(arg, &token_anywhere);
	return 0;
}

/* F7 */
Test(job, a_result_that_nobody_looks_at_is_disposed_of_once)
{
	struct token token = { .disposed = 0 };
	ferry_pool *pool = fixture_pool(1);
	uint64_t before = ferry_disposed_count();

	cr_assert_eq(ferry_pool_submit(pool, gives_a_token, &token, NULL, NULL), 0);
	work_close(pool);
	cr_assert_eq(token.disposed, 1);
	cr_assert_eq(ferry_disposed_count(), before + 1);
}

/* ---- the cancel token ---- */

struct poller {
	struct gate begun;
	_Atomic int asked;
	unsigned late; /* polls that came after the ask and did not see it */
};

static int polls(void *arg, ferry_result *out)
{
	struct poller *poller = arg;

	(void)out;
	cr_assert_eq(ferry_job_cancel_requested(), 0);
	gate_wait(&poller->begun);
	for (;;) {
		int asked = poller->asked;

		if (ferry_job_cancel_requested())
			return -ECANCELED;
		if (asked)
			poller->late++;
		sched_yield();
	}
}

/* F3 */
Test(job, one_that_polls_its_cancel_token_stops_within_one_poll)
{
	struct poller poller = { .late = 0 };
	ferry_pool *pool = fixture_pool(1);
	ferry_future *future;

	gate_init(&poller.begun);
	future = work_submit(pool, polls, &poller, NULL);
	gate_await(&poller.begun, 1);
	cr_assert_eq(ferry_future_cancel(future), 0);
	poller.asked = 1;
	gate_open(&poller.begun);
	cr_assert(work_end(future).cancelled);
	cr_assert_eq(poller.late, 0);
	work_close(pool);
}

/* F3 */
Test(job, one_that_never_polls_is_not_cancelled)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_snapshot end;
	ferry_future *future;
	struct gate gate;

	gate_init(&gate);
	future = work_submit(pool, work_at_gate, &gate, NULL);
	gate_await(&gate, 1);
	cr_assert_eq(ferry_future_cancel(future), 0);
	cr_assert_eq(ferry_future_cancel_requested(future), 1);
	cr_assert(!ferry_future_snapshot(future).done);
	gate_open(&gate);
	end = work_end(future);
	cr_assert(end.done && !end.cancelled && !end.exception);
	work_close(pool);
}

/* ---- outside of a job ---- */

Test(job, outside_of_a_job_there_is_no_token_no_context_and_no_name)
{
	cr_assert_eq(ferry_job_cancel_requested(), 0);
	cr_assert_null(ferry_job_context());
	cr_assert_null(ferry_job_name());
}

/* ---- names ---- */

static int copies_its_name(void *arg, ferry_result *out)
{
	const char *name = ferry_job_name();

	(void)out;
	strcpy(arg, name ? name : "none");
	return 0;
}

Test(job, a_name_is_copied_and_cut_at_31_bytes)
{
	static const char *const names[][2] = {
		{ NULL, "none" },
		{ "", "none" },
		{ "copy", "copy" },
		{ "1234567890123456789012345678901", "1234567890123456789012345678901" },
		{ "12345678901234567890123456789012345", "1234567890123456789012345678901" },
	};
	ferry_pool *pool = fixture_pool(1);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
		char given[64], seen[64];

		options.name = names[i][0] ? strcpy(given, names[i][0]) : NULL;
		work_end(work_submit(pool, copies_its_name, seen, &options));
		cr_assert_str_eq(seen, names[i][1]);
	}
	work_close(pool);
}

struct inner {
	ferry_pool *pool;
	char before[64], within[64], after[64];
};

Test(job, a_future_tells_the_name_of_its_job_or_promise)
{
	ferry_future_options promise = FERRY_FUTURE_OPTIONS_INIT;
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = work_pool(NULL);
	ferry_future *future;

	options.name = "stat";
	future = work_submit(pool, work_nothing, NULL, &options);
	cr_assert_str_eq(ferry_future_name(future), "stat");
	work_end(future);
	options = (ferry_job_options)FERRY_JOB_OPTIONS_INIT;
	options.deadline_ns = FERRY_NO_DEADLINE;
	future = work_submit(pool, work_nothing, NULL, &options);
	cr_assert_null(ferry_future_name(future));
	work_end(future);
	promise.name = "an answer that takes its time, as answers do";
	cr_assert_eq(ferry_future_new(&promise, &future), 0);
	cr_assert_str_eq(ferry_future_name(future), "an answer that takes its time, ");
	ferry_future_unref(future);
	cr_assert_null(ferry_future_name(NULL));
	work_close(pool);
}

static int waits_for_a_named_job(void *arg, ferry_result *out)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct inner *inner = arg;

	options.name = "inner";
	copies_its_name(inner->before, out);
	work_end(work_submit(inner->pool, copies_its_name, inner->within, &options));
	return copies_its_name(inner->after, out);
}

/* P4 */
Test(job, a_job_that_ran_another_inside_has_its_own_name_again)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct inner inner = { .pool = fixture_pool(1) };

	options.name = "outer";
	work_end(work_submit(inner.pool, waits_for_a_named_job, &inner, &options));
	cr_assert_str_eq(inner.before, "outer");
	cr_assert_str_eq(inner.within, "inner");
	cr_assert_str_eq(inner.after, "outer");
	work_close(inner.pool);
}

/* ---- deadlines (P10) ---- */

static void check_timed_out(ferry_snapshot end)
{
	cr_assert_eq(end.exception, ferry_error_from_code(FERRY_ERROR_TIMED_OUT));
}

Test(job, one_whose_deadline_passed_in_the_queue_is_expired_when_taken_out)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(1);
	_Atomic unsigned ran = 0;
	ferry_future *kept, *late;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	options.deadline_ns = 1;
	late = work_submit(pool, work_count, (void *)&ran, &options);
	cr_assert(!ferry_future_snapshot(late).done);
	gate_open(&gate);
	work_end(kept);
	tasks_until_true(ferry_future_snapshot(late).done);
	check_timed_out(work_end(late));
	cr_assert_eq(ran, 0);
	cr_assert_eq(work_books(pool).expired, 1);
	work_close(pool);
}

Test(job, one_whose_deadline_passes_in_the_queue_is_expired_by_its_waiter)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(1);
	_Atomic unsigned ran = 0;
	ferry_pool_counters books;
	ferry_future *kept, *late;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	options.deadline_ns = ferry_in_ns(1000000);
	late = work_submit(pool, work_count, (void *)&ran, &options);
	/* The worker does not come by: the gate is closed. */
	check_timed_out(work_end(late));
	books = work_books(pool);
	cr_assert(books.expired == 1 && books.queued == 0 && books.running == 1);
	gate_open(&gate);
	work_end(kept);
	work_close(pool);
	cr_assert_eq(ran, 0);
}

/* A job that had begun when its deadline came; @deadline_ns says when that is. */
static ferry_future *begin_in_time(ferry_pool *pool, struct gate *gate, uint64_t *deadline_ns)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	/* On a loaded machine it may expire before it begins: more time, then. */
	for (uint64_t delay = 10000000;; delay *= 2) {
		ferry_future *future;

		options.deadline_ns = *deadline_ns = ferry_in_ns(delay);
		future = work_submit(pool, work_at_gate, gate, &options);
		tasks_until_true(gate_come(gate) || ferry_future_snapshot(future).done);
		if (!ferry_future_snapshot(future).done)
			return future;
		ferry_future_unref(future);
	}
}

Test(job, one_that_runs_is_not_touched_by_its_deadline)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_future *future;
	struct gate gate;
	uint64_t deadline_ns;

	gate_init(&gate);
	future = begin_in_time(pool, &gate, &deadline_ns);
	tasks_until_true(ferry_now_ns() > deadline_ns);
	cr_assert_eq(ferry_future_wait(future, ferry_in_ns(1000)), -ETIMEDOUT);
	cr_assert(!ferry_future_snapshot(future).done);
	gate_open(&gate);
	cr_assert_null(work_end(future).exception);
	work_close(pool);
}

Test(job, no_deadline_is_a_deadline_that_never_comes)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(1);

	options.deadline_ns = FERRY_NO_DEADLINE;
	cr_assert_eq(work_end(work_submit(pool, work_number, (void *)5, &options)).result.u64, 5);
	work_close(pool);
}
