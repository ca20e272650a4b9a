/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/submit.c: what submit refuses, and that it changes nothing then; jobs that
 * are visible when it returns (P8); submitting against a shutdown.
 */
#include <criterion/criterion.h>

#include "support/token.h"
#include "support/work.h"

TestSuite(submit, .timeout = 30);

/* A future that no call may write to. */
static ferry_future *const untouched = (ferry_future *)&untouched;

static int released;

static void on_release(void *arg)
{
	(void)arg;
	released++;
}

/* ---- refusals ---- */

/* Checks one refusal: nothing is counted but, maybe, the refusal, and nothing is called. */
static void refuses(int error, ferry_pool *pool, ferry_function fn,
		    const ferry_job_options *options)
{
	ferry_pool_counters before = work_books(pool), after;
	ferry_batch_job job = { fn, NULL };
	ferry_future *future = untouched;
	void *args[1] = { NULL };
	ferry_map *map = (ferry_map *)untouched;

	cr_assert_eq(ferry_pool_submit(pool, fn, NULL, options, &future), error);
	cr_assert_eq(ferry_pool_submit_batch(pool, &job, 1, options, &future), error);
	cr_assert_eq(ferry_pool_map(pool, fn, args, 1, 0, options, &map), error);
	cr_assert_eq(future, untouched);
	cr_assert_eq((ferry_future *)map, untouched);
	cr_assert_eq(released, 0);
	after = work_books(pool);
	cr_assert_eq(after.accepted, before.accepted);
	cr_assert_eq(after.queued, before.queued);
}

Test(submit, refuses_no_pool)
{
	ferry_future *future = untouched;
	ferry_batch_job job = { work_nothing, NULL };

	cr_assert_eq(ferry_pool_submit(NULL, work_nothing, NULL, NULL, &future), -EINVAL);
	cr_assert_eq(ferry_pool_submit_batch(NULL, &job, 1, NULL, &future), -EINVAL);
	cr_assert_eq(future, untouched);
}

Test(submit, refuses_no_function)
{
	ferry_pool *pool = fixture_pool(1);

	refuses(-EINVAL, pool, NULL, NULL);
	work_close(pool);
}

Test(submit, refuses_options_of_another_size)
{
	struct {
		ferry_job_options options;
		uint64_t newer;
	} longer = { FERRY_JOB_OPTIONS_INIT, 0 };
	ferry_job_options shorter = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(1);

	longer.options.size = sizeof(longer);
	longer.newer = 1;
	refuses(-E2BIG, pool, work_nothing, &longer.options);
	longer.options.size = SIZE_MAX;
	refuses(-E2BIG, pool, work_nothing, &longer.options);
	shorter.size = 0;
	refuses(-EINVAL, pool, work_nothing, &shorter);
	shorter.size = sizeof(size_t) - 1;
	refuses(-EINVAL, pool, work_nothing, &shorter);
	work_close(pool);
}

Test(submit, takes_options_of_an_older_and_of_a_newer_header)
{
	struct {
		ferry_job_options options;
		uint64_t newer;
	} longer = { FERRY_JOB_OPTIONS_INIT, 0 };
	ferry_job_options shorter = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(1);

	longer.options.size = sizeof(longer);
	cr_assert_eq(
		work_end(work_submit(pool, work_number, (void *)1, &longer.options)).result.u64, 1);
	/* What lies beyond its size is not looked at. */
	shorter.size = offsetof(ferry_job_options, deadline_ns);
	shorter.deadline_ns = 1;
	cr_assert_eq(work_end(work_submit(pool, work_number, (void *)2, &shorter)).result.u64, 2);
	work_close(pool);
}

Test(submit, refuses_the_lane_of_another_pool)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(1), *other = fixture_pool(1);

	cr_assert_eq(ferry_lane_new(other, NULL, &options.lane), 0);
	options.release = on_release;
	refuses(-EINVAL, pool, work_nothing, &options);
	ferry_lane_free(options.lane);
	work_close(pool);
	work_close(other);
}

Test(submit, refuses_after_shutdown)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(1);

	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	options.release = on_release;
	refuses(-ESHUTDOWN, pool, work_nothing, &options);
	cr_assert_eq(work_books(pool).refused, 3);
	ferry_pool_free(pool);
}

static int fails_to_start(void *user)
{
	(void)user;
	return -1;
}

Test(submit, refuses_once_the_pool_is_broken)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool_options broken = FERRY_POOL_OPTIONS_INIT;
	ferry_pool *pool;

	broken.start = fails_to_start;
	pool = work_pool(&broken);
	tasks_until_true(work_books(pool).threads == 0);
	options.release = on_release;
	refuses(-ENOTRECOVERABLE, pool, work_nothing, &options);
	ferry_pool_free(pool);
}

static int submits_in_child(void *arg)
{
	ferry_batch_job job = { work_nothing, NULL };
	ferry_future *future = untouched;

	return ferry_pool_submit(arg, work_nothing, NULL, NULL, &future) != -ECHILD ||
	       ferry_pool_submit_batch(arg, &job, 1, NULL, &future) != -ECHILD ||
	       future != untouched;
}

/* P6 */
Test(submit, refuses_in_a_forks_child)
{
	ferry_pool *pool = fixture_pool(1);

	cr_assert_eq(fixture_in_child(submits_in_child, pool), 0);
	work_close(pool);
}

/* ---- batches ---- */

Test(submit, refuses_a_batch_with_bad_jobs_as_a_whole)
{
	ferry_batch_job jobs[3] = { { work_nothing, NULL },
				    { NULL, NULL },
				    { work_nothing, NULL } };
	ferry_future *futures[3] = { untouched, untouched, untouched };
	ferry_pool *pool = fixture_pool(1);

	cr_assert_eq(ferry_pool_submit_batch(pool, jobs, 3, NULL, futures), -EINVAL);
	cr_assert_eq(ferry_pool_submit_batch(pool, NULL, 3, NULL, futures), -EINVAL);
	cr_assert_eq(ferry_pool_submit_batch(pool, jobs, 1000001, NULL, futures), -EINVAL);
	cr_assert_eq(ferry_pool_submit_batch(pool, jobs, SIZE_MAX, NULL, futures), -EINVAL);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(futures[i], untouched);
	cr_assert_eq(work_books(pool).attempted, 0);
	work_close(pool);
}

Test(submit, an_empty_batch_is_nothing)
{
	ferry_pool *pool = fixture_pool(1);

	cr_assert_eq(ferry_pool_submit_batch(pool, NULL, 0, NULL, NULL), 0);
	cr_assert_eq(work_books(pool).attempted, 0);
	work_close(pool);
}

Test(submit, a_batch_gives_its_futures_in_order)
{
	ferry_batch_job jobs[100];
	ferry_future *futures[100];
	ferry_pool *pool = fixture_pool(2);

	for (uintptr_t i = 0; i < 100; i++)
		jobs[i] = (ferry_batch_job){ work_number, (void *)i };
	cr_assert_eq(ferry_pool_submit_batch(pool, jobs, 100, NULL, futures), 100);
	for (unsigned i = 0; i < 100; i++)
		cr_assert_eq(work_end(futures[i]).result.u64, i);
	work_close(pool);
}

Test(submit, a_batch_is_accepted_as_far_as_there_is_room)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_future *futures[5], *kept;
	ferry_batch_job jobs[5];
	ferry_pool *pool;
	struct gate gate;

	gate_init(&gate);
	options.min_threads = options.max_threads = 1;
	options.max_queued = 3;
	pool = work_pool(&options);
	work_occupy(pool, &gate, &kept, 1);
	for (uintptr_t i = 0; i < 5; i++) {
		jobs[i] = (ferry_batch_job){ work_number, (void *)i };
		futures[i] = untouched;
	}
	cr_assert_eq(ferry_pool_submit_batch(pool, jobs, 5, NULL, futures), 3);
	cr_assert(futures[3] == untouched && futures[4] == untouched);
	cr_assert_eq(ferry_pool_submit_batch(pool, jobs, 5, NULL, futures + 3), -EAGAIN);
	cr_assert_eq(futures[3], untouched);
	gate_open(&gate);
	work_end(kept);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(work_end(futures[i]).result.u64, i);
	work_close(pool);
}

Test(submit, a_batch_wakes_one_sleeper_who_wakes_the_next)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_batch_job jobs[1000];
	ferry_pool *pool;
	uint64_t before;
	_Atomic unsigned count = 0;

	options.min_threads = options.max_threads = 1;
	options.spin_ns = FERRY_NO_DEADLINE;
	pool = work_pool(&options);
	for (unsigned i = 0; i < 1000; i++)
		jobs[i] = (ferry_batch_job){ work_count, (void *)&count };
	tasks_until_true(work_books(pool).idle == 1);
	before = work_books(pool).wakeups;
	cr_assert_eq(ferry_pool_submit_batch(pool, jobs, 1000, NULL, NULL), 1000);
	tasks_until_true(count == 1000);
	/* The only sleeper was woken once, and did not sleep before it was through. */
	cr_assert_eq(work_books(pool).wakeups, before + 1);
	work_close(pool);
}

/* ---- visible when it returns (P8) ---- */

Test(submit, what_was_submitted_before_a_long_computation_overlaps_it)
{
	ferry_pool *pool = fixture_pool(2);

	for (unsigned round = 0; round < 200; round++) {
		_Atomic unsigned ran = 0;
		ferry_batch_job job = { work_count, (void *)&ran };

		/* This thread calls nothing that could wake anybody until they have run. */
		cr_assert_eq(ferry_pool_submit(pool, work_count, (void *)&ran, NULL, NULL), 0);
		cr_assert_eq(ferry_pool_submit_batch(pool, &job, 1, NULL, NULL), 1);
		tasks_until_true(ran == 2);
	}
	work_close(pool);
}

/* ---- nobody will look ---- */

static int gives_a_token(void *arg, ferry_result *out)
{
	*out = token_result(arg, &token_blocking);
	return 0;
}

/* F7: a disposer that may block does not block the one who submits. */
Test(submit, a_result_that_nobody_wants_is_disposed_of_on_a_worker)
{
	static struct token tokens[2000];
	ferry_pool *pool = fixture_pool(2);

	for (unsigned i = 0; i < 2000; i++)
		cr_assert_eq(ferry_pool_submit(pool, gives_a_token, &tokens[i], NULL, NULL), 0);
	work_close(pool);
	for (unsigned i = 0; i < 2000; i++) {
		cr_assert_eq(tokens[i].disposed, 1);
		cr_assert(!pthread_equal(tokens[i].by, pthread_self()));
	}
}

static int submits_another(void *arg, ferry_result *out)
{
	(void)out;
	return ferry_pool_submit(arg, work_nothing, NULL, NULL, NULL);
}

Test(submit, works_on_a_worker)
{
	ferry_pool *pool = fixture_pool(1);

	cr_assert_null(work_end(work_submit(pool, submits_another, pool, NULL)).exception);
	work_close(pool);
}

/* ---- against a shutdown ---- */

#define RACERS 3
#define MOST 5000

struct racer {
	ferry_pool *pool;
	struct gate *gate;
	ferry_future *futures[MOST];
	unsigned accepted;
	int refusal;
	_Atomic unsigned *ran;
};

static void *races(void *arg)
{
	struct racer *racer = arg;

	gate_wait(racer->gate);
	while (racer->accepted < MOST && !racer->refusal) {
		racer->refusal = ferry_pool_submit(racer->pool, work_count, (void *)racer->ran,
						   NULL, &racer->futures[racer->accepted]);
		if (!racer->refusal)
			racer->accepted++;
	}
	return NULL;
}

static void race(ferry_shutdown mode)
{
	static struct racer racers[RACERS];
	pthread_t threads[RACERS];
	ferry_pool *pool = fixture_pool(2);
	ferry_pool_counters books;
	_Atomic unsigned ran = 0;
	unsigned accepted = 0, cancelled = 0;
	struct gate gate;

	gate_init(&gate);
	for (unsigned i = 0; i < RACERS; i++) {
		racers[i] = (struct racer){ .pool = pool, .gate = &gate, .ran = &ran };
		cr_assert_eq(pthread_create(&threads[i], NULL, races, &racers[i]), 0);
	}
	gate_await(&gate, RACERS);
	gate_open(&gate);
	tasks_until_true(ran);
	ferry_pool_shutdown(pool, mode, FERRY_NO_DEADLINE);
	for (unsigned i = 0; i < RACERS; i++) {
		pthread_join(threads[i], NULL);
		cr_assert(racers[i].accepted == MOST || racers[i].refusal == -ESHUTDOWN);
		accepted += racers[i].accepted;
		for (unsigned j = 0; j < racers[i].accepted; j++)
			cancelled += work_end(racers[i].futures[j]).cancelled;
	}
	cr_assert_eq(ran + cancelled, accepted);
	cr_assert(mode != FERRY_SHUTDOWN_DRAIN || !cancelled, "a drain runs what was accepted");
	books = work_books(pool);
	cr_assert(books.queued == 0 && books.running == 0 && books.accepted == accepted);
	ferry_pool_free(pool);
}

/* 75964, 77278, 148280, 12456: refused, run or cancelled, but never lost. */
Test(submit, racing_with_a_shutdown_loses_nothing)
{
	for (unsigned round = 0; round < 20; round++) {
		race(FERRY_SHUTDOWN_DRAIN);
		race(FERRY_SHUTDOWN_CANCEL);
		race(FERRY_SHUTDOWN_ABANDON);
	}
}
