/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/queue.c: order, husks, and what the counters say of jobs that were not run
 * (P1, P3, P10). Bounded queues are in test_room.c, lanes in test_lane.c.
 */
#include <criterion/criterion.h>

#include "pool/core.h"
#include "support/token.h"
#include "support/work.h"

TestSuite(queue, .timeout = 30);

/* ---- order (P10) ---- */

#define SUBMITTERS 4
#define EACH 200

/* What one worker ran, in order. */
static struct {
	unsigned submitter, number;
} ran[SUBMITTERS * EACH];
static unsigned ran_count;

static int notes(void *arg, ferry_result *out)
{
	uintptr_t code = (uintptr_t)arg;

	(void)out;
	ran[ran_count].submitter = (unsigned)(code >> 16);
	ran[ran_count++].number = (unsigned)(code & 0xffff);
	return 0;
}

struct submitter {
	ferry_pool *pool;
	unsigned number;
};

static void *submits_in_order(void *arg)
{
	struct submitter *submitter = arg;
	ferry_batch_job batch[3];
	unsigned next = 0;

	/* Singly and in batches, which must not overtake. */
	while (next < EACH) {
		unsigned count = next % 5 == 4 && next + 3 <= EACH ? 3 : 1;

		for (unsigned i = 0; i < count; i++)
			batch[i] = (ferry_batch_job){
				notes, (void *)((uintptr_t)submitter->number << 16 | next++)
			};
		if (count == 1)
			ferry_pool_submit(submitter->pool, notes, batch[0].arg, NULL, NULL);
		else
			ferry_pool_submit_batch(submitter->pool, batch, count, NULL, NULL);
	}
	return NULL;
}

Test(queue, is_first_in_first_out_for_each_submitting_thread)
{
	struct submitter submitters[SUBMITTERS];
	pthread_t threads[SUBMITTERS];
	ferry_pool *pool = fixture_pool(1);
	unsigned next[SUBMITTERS] = { 0 };
	ferry_future *kept;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	for (unsigned i = 0; i < SUBMITTERS; i++) {
		submitters[i] = (struct submitter){ pool, i };
		cr_assert_eq(pthread_create(&threads[i], NULL, submits_in_order, &submitters[i]),
			     0);
	}
	for (unsigned i = 0; i < SUBMITTERS; i++)
		pthread_join(threads[i], NULL);
	gate_open(&gate);
	work_end(kept);
	work_close(pool);
	cr_assert_eq(ran_count, SUBMITTERS * EACH);
	for (unsigned i = 0; i < ran_count; i++)
		cr_assert_eq(ran[i].number, next[ran[i].submitter]++);
}

Test(queue, keeps_the_order_while_the_worker_takes)
{
	struct submitter submitter = { fixture_pool(1), 0 };

	submits_in_order(&submitter);
	work_close(submitter.pool);
	cr_assert_eq(ran_count, EACH);
	for (unsigned i = 0; i < ran_count; i++)
		cr_assert_eq(ran[i].number, i);
}

/* ---- husks (F3, P1) ---- */

Test(queue, a_cancelled_job_is_counted_at_once_and_once)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_future *kept, *futures[10];
	ferry_pool_counters books;
	_Atomic unsigned count = 0;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	for (unsigned i = 0; i < 10; i++)
		futures[i] = work_submit(pool, work_count, (void *)&count, NULL);
	for (unsigned i = 0; i < 10; i += 2)
		cr_assert_eq(ferry_future_cancel(futures[i]), 1);
	books = work_books(pool);
	cr_assert(books.cancelled == 5 && books.queued == 5 && books.running == 1);
	gate_open(&gate);
	work_end(kept);
	for (unsigned i = 0; i < 10; i++)
		cr_assert_eq(work_end(futures[i]).cancelled, i % 2 == 0);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	books = work_books(pool);
	cr_assert(books.cancelled == 5 && books.ran == 6 && books.queued == 0);
	cr_assert_eq(count, 5);
	ferry_pool_free(pool);
}

/* 87893: what was cancelled in the queue never told its waiters. */
Test(queue, a_cancelled_job_is_done_for_all_before_a_worker_comes_by)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_future *kept, *futures[2], *first;
	ferry_as_completed *iteration;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	for (unsigned i = 0; i < 2; i++)
		futures[i] = work_submit(pool, work_nothing, NULL, NULL);
	cr_assert_eq(ferry_as_completed_new(futures, 2, &iteration), 0);
	ferry_future_cancel(futures[1]);
	cr_assert_eq(ferry_future_wait(futures[1], FERRY_NO_DEADLINE), 0);
	cr_assert_eq(ferry_wait_any(futures, 2, FERRY_NO_DEADLINE), 1);
	cr_assert_eq(ferry_as_completed_next(iteration, FERRY_NO_DEADLINE, &first), 1);
	cr_assert_eq(first, futures[1]);
	ferry_as_completed_free(iteration);
	gate_open(&gate);
	work_end(kept);
	work_end(futures[0]);
	work_end(futures[1]);
	work_close(pool);
}

/* ---- what a waiter has run, and its result that nobody took (P4, P7) ---- */

/* One job that is run by its waiter, and one that is queued behind it. */
struct pair {
	ferry_pool *pool;
	ferry_future *behind;
	unsigned disposed;
	int behind_was_done;
};

static void looks_at_the_one_behind(const ferry_result *result)
{
	struct pair *pair = result->pointer;

	pair->disposed++;
	pair->behind_was_done = ferry_future_snapshot(pair->behind).done;
}

static const ferry_disposer looking = { FERRY_DISPOSE_BLOCKING, looks_at_the_one_behind };

static int gives_what_looks(void *arg, ferry_result *out)
{
	*out = ferry_result_pointer(arg, &looking);
	return 0;
}

static int waits_for_the_first(void *arg, ferry_result *out)
{
	struct pair *pair = arg;
	ferry_future *first = work_submit(pair->pool, gives_what_looks, pair, NULL);

	(void)out;
	pair->behind = work_submit(pair->pool, work_nothing, NULL, NULL);
	work_end(first);
	return 0;
}

/* A close that hangs would keep the job from everybody: it is in a worker's hand. */
Test(queue, P7_no_result_is_disposed_of_by_a_worker_with_a_job_in_its_hand)
{
	struct pair pair = { .pool = fixture_pool(1) };

	work_end(work_submit(pair.pool, waits_for_the_first, &pair, NULL));
	work_wait(pair.behind);
	work_close(pair.pool);
	cr_assert_eq(pair.disposed, 1);
	cr_assert(pair.behind_was_done);
	ferry_future_unref(pair.behind);
}

/* ---- what waits for a worker besides jobs ---- */

/* Internal: a disposal is work, so whoever looks finds it (P3). */
Test(queue, a_result_to_dispose_of_counts_as_work)
{
	struct token token = { .disposed = 0 };
	ferry_future_options options = FERRY_FUTURE_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(1);
	struct core *core = pool->core;
	ferry_loop *loop = fixture_loop();
	ferry_future *kept, *promise;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	options.pool = pool;
	cr_assert_eq(ferry_future_new(&options, &promise), 0);
	ferry_future_set_result(promise, token_result(&token, &token_blocking));
	cr_assert(!queue_has_work(core));
	/* On a loop's thread it must not block: it goes to the worker, which is busy. */
	ferry_future_unref(promise);
	cr_assert(queue_has_work(core));
	/* The counters are read: it moves from the stack to where workers take it. */
	work_books(pool);
	cr_assert(queue_has_work(core));
	cr_assert_eq(token.disposed, 0);
	gate_open(&gate);
	tasks_until_true(ferry_future_snapshot(kept).done);
	ferry_future_unref(kept);
	work_close(pool);
	cr_assert_eq(token.disposed, 1);
	cr_assert(!pthread_equal(token.by, pthread_self()));
	ferry_loop_free(loop);
}
