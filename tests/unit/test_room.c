/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/queue.c and submit.c: bounded queues, and what submit does when one is full:
 * fail, block. Running it in the caller is in test_caller.c.
 */
#include <criterion/criterion.h>

#include "support/token.h"
#include "support/work.h"

TestSuite(room, .timeout = 30);

static ferry_pool *bounded_pool(unsigned threads, size_t max_queued, ferry_when_full when_full)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.min_threads = options.max_threads = threads;
	options.max_queued = max_queued;
	options.when_full = when_full;
	return work_pool(&options);
}

#define FULL_MOST 64

/* A pool of one worker, which is at the gate, with a full queue. */
struct full {
	ferry_pool *pool;
	struct gate gate;
	ferry_future *kept, *queued[FULL_MOST];
	size_t count;
	_Atomic unsigned ran;
};

static void fill(struct full *full, size_t max_queued, ferry_when_full when_full)
{
	*full = (struct full){ .count = max_queued };
	gate_init(&full->gate);
	full->pool = bounded_pool(1, max_queued, when_full);
	work_occupy(full->pool, &full->gate, &full->kept, 1);
	for (size_t i = 0; i < max_queued; i++)
		full->queued[i] = work_submit(full->pool, work_count, (void *)&full->ran, NULL);
}

static void empty(struct full *full)
{
	gate_open(&full->gate);
	work_end(full->kept);
	for (size_t i = 0; i < full->count; i++)
		work_end(full->queued[i]);
	work_close(full->pool);
}

/* ---- FERRY_FULL_FAIL ---- */

Test(room, a_full_queue_refuses_and_changes_nothing)
{
	ferry_future *untouched = (ferry_future *)&untouched;
	ferry_pool_counters books;
	struct full full;

	fill(&full, 3, FERRY_FULL_FAIL);
	cr_assert_eq(ferry_pool_submit(full.pool, work_nothing, NULL, NULL, &untouched), -EAGAIN);
	cr_assert_eq(untouched, (ferry_future *)&untouched);
	books = work_books(full.pool);
	cr_assert(books.queued == 3 && books.refused == 1 && books.accepted == 4);
	empty(&full);
	cr_assert_eq(full.ran, 3);
}

Test(room, a_place_is_free_again_when_its_job_was_taken)
{
	ferry_pool *pool = bounded_pool(1, 1, FERRY_FULL_FAIL);

	for (unsigned i = 0; i < 100; i++) {
		ferry_future *future = work_submit(pool, work_number, (void *)3, NULL);

		cr_assert_eq(work_end(future).result.u64, 3);
	}
	work_close(pool);
}

/* No worker comes by to see that it was cancelled. */
Test(room, a_cancelled_job_does_not_keep_its_place)
{
	struct full full;

	fill(&full, 2, FERRY_FULL_FAIL);
	cr_assert_eq(ferry_future_cancel(full.queued[0]), 1);
	ferry_future_unref(full.queued[0]);
	full.queued[0] = work_submit(full.pool, work_count, (void *)&full.ran, NULL);
	cr_assert_eq(ferry_pool_submit(full.pool, work_nothing, NULL, NULL, NULL), -EAGAIN);
	empty(&full);
	cr_assert_eq(full.ran, 2);
}

#define MANY 640

/* A look for cancelled jobs walks the queue: one refusal in as many as make up for it. */
Test(room, a_refusal_looks_for_cancelled_jobs_only_now_and_then)
{
	ferry_pool *pool = bounded_pool(1, MANY, FERRY_FULL_FAIL);
	ferry_future *kept, *cancelled;
	unsigned refused = 0;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	cancelled = work_submit(pool, work_nothing, NULL, NULL);
	for (unsigned i = 1; i < MANY; i++)
		cr_assert_eq(ferry_pool_submit(pool, work_nothing, NULL, NULL, NULL), 0);
	cr_assert_eq(ferry_future_cancel(cancelled), 1);
	while (ferry_pool_submit(pool, work_nothing, NULL, NULL, NULL) == -EAGAIN)
		refused++;
	cr_assert(refused > 0 && refused < MANY / 10, "%u", refused);
	cr_assert_eq(work_books(pool).queued, MANY);
	ferry_future_unref(cancelled);
	gate_open(&gate);
	work_end(kept);
	work_close(pool);
}

struct nest {
	ferry_pool *pool;
	int returned;
};

static int submits_one(void *arg, ferry_result *out)
{
	struct nest *nest = arg;

	(void)out;
	nest->returned = ferry_pool_submit(nest->pool, work_nothing, NULL, NULL, NULL);
	return 0;
}

static int waits_for_who_submits_one(void *arg, ferry_result *out)
{
	struct nest *nest = arg;

	(void)out;
	work_end(work_submit(nest->pool, submits_one, nest, NULL));
	return 0;
}

/* P4: it stays where it was queued until a worker passes, but is not queued any more. */
Test(room, a_job_that_a_waiter_runs_does_not_keep_its_place)
{
	struct nest nest = { bounded_pool(1, 1, FERRY_FULL_FAIL), -1 };

	work_end(work_submit(nest.pool, waits_for_who_submits_one, &nest, NULL));
	cr_assert_eq(nest.returned, 0);
	work_close(nest.pool);
}

struct leaving {
	ferry_pool *pool;
	struct token token;
	struct gate gate;
};

static int gives_a_token(void *arg, ferry_result *out)
{
	*out = token_result(arg, &token_blocking);
	return 0;
}

static int leaves_what_it_has_run(void *arg, ferry_result *out)
{
	struct leaving *leaving = arg;

	work_end(work_submit(leaving->pool, gives_a_token, &leaving->token, NULL));
	return work_at_gate(&leaving->gate, out);
}

/* P7: its entry in the queue has the last reference to a result that nobody took. */
Test(room, who_looks_for_room_is_not_kept_by_the_disposer_of_what_he_finds)
{
	struct leaving leaving = { .pool = bounded_pool(1, 1, FERRY_FULL_FAIL) };
	ferry_future *leaver, *next;

	gate_init(&leaving.gate);
	leaver = work_submit(leaving.pool, leaves_what_it_has_run, &leaving, NULL);
	gate_await(&leaving.gate, 1);
	next = work_submit(leaving.pool, work_nothing, NULL, NULL);
	gate_open(&leaving.gate);
	work_end(leaver);
	work_end(next);
	work_close(leaving.pool);
	cr_assert_eq(leaving.token.disposed, 1);
	cr_assert(!pthread_equal(leaving.token.by, pthread_self()));
}

Test(room, there_is_no_limit_unless_one_is_given)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_future *kept;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	for (unsigned i = 0; i < 10000; i++)
		cr_assert_eq(ferry_pool_submit(pool, work_nothing, NULL, NULL, NULL), 0);
	cr_assert_eq(work_books(pool).queued, 10000);
	gate_open(&gate);
	work_end(kept);
	work_close(pool);
}

#define HAMMERS 4
#define BLOWS 5000

static void *hammers(void *arg)
{
	struct full *full = arg;

	/* Each refusal looks for husks among what is queued, where that is so little. */
	for (unsigned i = 0; i < BLOWS; i++)
		ferry_pool_submit(full->pool, work_count, (void *)&full->ran, NULL, NULL);
	return NULL;
}

Test(room, the_limit_holds_while_many_submit_to_a_full_queue)
{
	pthread_t threads[HAMMERS];
	ferry_pool_counters books;
	struct full full;

	fill(&full, FULL_MOST, FERRY_FULL_FAIL);
	for (unsigned i = 0; i < HAMMERS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, hammers, &full), 0);
	for (unsigned i = 0; i < HAMMERS; i++)
		pthread_join(threads[i], NULL);
	books = work_books(full.pool);
	cr_assert_eq(books.queued, FULL_MOST);
	cr_assert_eq(books.refused, HAMMERS * BLOWS);
	empty(&full);
	cr_assert_eq(full.ran, FULL_MOST);
}

/* ---- FERRY_FULL_BLOCK ---- */

struct blocked {
	struct full *full;
	uint64_t room_deadline_ns;
	int returned;
	pthread_t thread;
	_Atomic pid_t tid;
};

static void *blocks(void *arg)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct blocked *blocked = arg;

	options.room_deadline_ns = blocked->room_deadline_ns;
	blocked->tid = gettid();
	blocked->returned = ferry_pool_submit(blocked->full->pool, work_count,
					      (void *)&blocked->full->ran, &options, NULL);
	return NULL;
}

static void begin_to_block(struct blocked *blocked, struct full *full, uint64_t deadline_ns)
{
	*blocked = (struct blocked){ .full = full, .room_deadline_ns = deadline_ns };
	cr_assert_eq(pthread_create(&blocked->thread, NULL, blocks, blocked), 0);
	tasks_until_true(blocked->tid);
	tasks_until_asleep(blocked->tid);
}

/* 73781 asked for it. */
Test(room, submit_waits_until_a_place_is_free)
{
	struct blocked blocked[3];
	struct full full;

	fill(&full, 2, FERRY_FULL_BLOCK);
	for (unsigned i = 0; i < 3; i++)
		begin_to_block(&blocked[i], &full, 0);
	cr_assert_eq(work_books(full.pool).accepted, 3);
	gate_open(&full.gate);
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(blocked[i].thread, NULL);
		cr_assert_eq(blocked[i].returned, 0);
	}
	empty(&full);
	cr_assert_eq(full.ran, 5);
}

Test(room, submit_waits_until_its_deadline)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct full full;

	fill(&full, 1, FERRY_FULL_BLOCK);
	options.room_deadline_ns = 1;
	cr_assert_eq(ferry_pool_submit(full.pool, work_nothing, NULL, &options, NULL), -ETIMEDOUT);
	options.room_deadline_ns = ferry_in_ns(1000000);
	cr_assert_eq(ferry_pool_submit(full.pool, work_nothing, NULL, &options, NULL), -ETIMEDOUT);
	cr_assert_geq(ferry_now_ns(), options.room_deadline_ns);
	cr_assert_eq(work_books(full.pool).refused, 2);
	empty(&full);
}

Test(room, a_batch_waits_for_room_job_by_job)
{
	ferry_batch_job jobs[50];
	ferry_pool *pool = bounded_pool(1, 2, FERRY_FULL_BLOCK);
	_Atomic unsigned count = 0;

	for (unsigned i = 0; i < 50; i++)
		jobs[i] = (ferry_batch_job){ work_count, (void *)&count };
	cr_assert_eq(ferry_pool_submit_batch(pool, jobs, 50, NULL, NULL), 50);
	work_close(pool);
	cr_assert_eq(count, 50);
}

Test(room, a_loops_thread_does_not_wait_for_room)
{
	struct full full;
	ferry_loop *loop;

	fill(&full, 1, FERRY_FULL_BLOCK);
	loop = fixture_loop();
	cr_assert_eq(ferry_pool_submit(full.pool, work_nothing, NULL, NULL, NULL), -EDEADLK);
	cr_assert_eq(work_books(full.pool).refused, 1);
	ferry_loop_free(loop);
	empty(&full);
}

struct insider {
	ferry_pool *pool;
	int returned[3];
};

static int submits_inside(void *arg, ferry_result *out)
{
	struct insider *insider = arg;

	(void)out;
	for (unsigned i = 0; i < 3; i++)
		insider->returned[i] = ferry_pool_submit(insider->pool, work_nothing, NULL, NULL,
							 NULL);
	return 0;
}

Test(room, a_worker_does_not_wait_for_room_in_its_own_pool)
{
	struct insider insider = { .pool = bounded_pool(1, 2, FERRY_FULL_BLOCK) };

	work_end(work_submit(insider.pool, submits_inside, &insider, NULL));
	cr_assert_eq(insider.returned[0], 0);
	cr_assert_eq(insider.returned[1], 0);
	cr_assert_eq(insider.returned[2], -EDEADLK);
	work_close(insider.pool);
}

static int blocks_inside(void *arg, ferry_result *out)
{
	(void)out;
	blocks(arg);
	return 0;
}

Test(room, a_worker_waits_for_room_in_another_pool)
{
	struct blocked blocked = { .returned = -1 };
	ferry_pool *pool = fixture_pool(1);
	ferry_future *future;
	struct full full;

	fill(&full, 1, FERRY_FULL_BLOCK);
	blocked.full = &full;
	future = work_submit(pool, blocks_inside, &blocked, NULL);
	tasks_until_true(blocked.tid);
	tasks_until_asleep(blocked.tid);
	gate_open(&full.gate);
	work_wait(future);
	cr_assert_eq(blocked.returned, 0);
	ferry_future_unref(future);
	empty(&full);
	work_close(pool);
}

Test(room, who_waits_for_room_is_refused_when_the_pool_is_shut_down)
{
	struct blocked blocked[2];
	struct full full;

	fill(&full, 1, FERRY_FULL_BLOCK);
	for (unsigned i = 0; i < 2; i++)
		begin_to_block(&blocked[i], &full, 0);
	/* Its deadline has passed: it says that one job is still inside. */
	cr_assert_eq(ferry_pool_shutdown(full.pool, FERRY_SHUTDOWN_ABANDON, 0), 1);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(blocked[i].thread, NULL);
		cr_assert_eq(blocked[i].returned, -ESHUTDOWN);
	}
	cr_assert_eq(work_books(full.pool).refused, 2);
	empty(&full);
	cr_assert_eq(full.ran, 0);
}

static _Atomic int starts;

static int start_once(void *user)
{
	(void)user;
	return starts++ ? -1 : 0;
}

Test(room, who_waits_for_room_is_told_that_the_pool_broke)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	struct full full = { .count = 0 };
	struct blocked blocked;

	gate_init(&full.gate);
	options.min_threads = options.max_threads = 1;
	options.max_queued = 1;
	options.when_full = FERRY_FULL_BLOCK;
	options.start = start_once;
	full.pool = work_pool(&options);
	work_occupy(full.pool, &full.gate, &full.kept, 1);
	cr_assert_eq(ferry_pool_submit(full.pool, work_nothing, NULL, NULL, NULL), 0);
	begin_to_block(&blocked, &full, 0);
	cr_assert_eq(ferry_pool_resize(full.pool, 2, 2), 0);
	pthread_join(blocked.thread, NULL);
	cr_assert_eq(blocked.returned, -ENOTRECOVERABLE);
	gate_open(&full.gate);
	work_end(full.kept);
	work_close(full.pool);
}
