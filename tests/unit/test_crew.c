/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/crew.c: who sleeps, who is woken, who is made and who leaves; threads that
 * cannot be made (P2, P3, P7). The counts are those of the kernel where it has them.
 */
#include <criterion/criterion.h>

#include "pool/core.h"
#include "support/births.h"
#include "support/work.h"

TestSuite(crew, .timeout = 30);

/* ---- the word ---- */

Test(crew, the_word_holds_each_number_apart)
{
	uint64_t crew = 3 * CREW_SLEEPING + 5 * CREW_SEARCHING + 9 * CREW_THREAD + 2 * CREW_UNBORN;

	cr_assert_eq(crew_sleeping(crew), 3);
	cr_assert_eq(crew_searching(crew), 5);
	cr_assert_eq(crew_threads(crew), 9);
	cr_assert_eq(crew_born(crew), 7);
	cr_assert(!crew_is_closed(crew));
	cr_assert(crew_is_closed(crew | CREW_CLOSED));
	cr_assert_eq(crew_born(crew | CREW_CLOSED), 7);
	crew += CREW_MAKING;
	cr_assert(crew_threads(crew) == 10 && crew_born(crew) == 7 && crew_searching(crew) == 6);
	crew -= 5 * CREW_SEARCHING + CREW_MAKING;
	cr_assert(crew_searching(crew) == 0 && crew_sleeping(crew) == 3 && crew_threads(crew) == 9);
}

Test(crew, somebody_is_woken_only_if_there_is_one_and_nobody_looks)
{
	uint64_t both = CREW_THREAD + CREW_SLEEPING;

	cr_assert(crew_needs_waking(both, 1));
	cr_assert(crew_needs_waking(CREW_THREAD, 2), "one can be made");
	cr_assert(!crew_needs_waking(CREW_THREAD, 1), "all are inside calls");
	cr_assert(!crew_needs_waking(both + CREW_SEARCHING, 1), "somebody is about to look");
	cr_assert(!crew_needs_waking(CREW_THREAD + CREW_SEARCHING, 2), "so here");
	cr_assert(crew_needs_waking(4 * CREW_THREAD + CREW_SLEEPING, 1), "the pool shrank");
}

/* Places that are lent make more threads than 1,024, but never more than the word can count. */
Test(crew, so_many_threads_as_the_word_can_count_are_never_exceeded_P4)
{
	uint64_t most = CREW_MOST * CREW_MAKING + CREW_MOST * CREW_SLEEPING;
	struct core core = { .max_threads = THREADS_MOST };

	cr_assert(crew_threads(most) == CREW_MOST && crew_born(most) == 0);
	cr_assert(crew_searching(most) == CREW_MOST && crew_sleeping(most) == CREW_MOST);
	cr_assert(!crew_is_closed(most));
	core_set_limit(&core);
	cr_assert_eq(core.limit, THREADS_MOST);
	core.lent = CREW_MOST - THREADS_MOST;
	core_set_limit(&core);
	cr_assert_eq(core.limit, CREW_MOST);
	core.lent++;
	core_set_limit(&core);
	cr_assert_eq(core.limit, CREW_MOST);
}

/* ---- making and reusing ---- */

static ferry_pool *pool_between(const char *name, unsigned min_threads, unsigned max_threads,
				uint64_t idle_timeout_ns)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.name = name;
	options.min_threads = min_threads;
	options.max_threads = max_threads;
	options.idle_timeout_ns = idle_timeout_ns;
	return work_pool(&options);
}

/* 24882, 88354, 102024, 115634: idle threads were not reused, or counted wrongly. */
Test(crew, one_job_after_another_makes_no_second_thread)
{
	ferry_pool *pool = pool_between("reuse", 1, 8, 0);

	for (unsigned i = 0; i < 20000; i++)
		work_end(work_submit(pool, work_nothing, NULL, NULL));
	cr_assert_eq(work_books(pool).threads, 1);
	cr_assert_eq(tasks_count("reuse-"), 1);
	work_close(pool);
}

/* 117344: two jobs that need each other, and room for two. */
Test(crew, two_jobs_that_need_each_other_run_at_once)
{
	ferry_pool *pool = pool_between("two", 1, 2, 0);

	for (unsigned round = 0; round < 2000; round++) {
		struct gate gate;
		ferry_future *futures[2];

		gate_init(&gate);
		work_occupy(pool, &gate, futures, 2);
		gate_open(&gate);
		work_end(futures[0]);
		work_end(futures[1]);
		gate_destroy(&gate);
	}
	work_close(pool);
}

Test(crew, sixty_blocked_jobs_make_no_more_threads_than_are_allowed)
{
	ferry_pool *pool = pool_between("most", 1, 4, 0);
	ferry_future *futures[60];
	ferry_pool_counters books;
	struct gate gate;

	gate_init(&gate);
	for (unsigned i = 0; i < 60; i++)
		futures[i] = work_submit(pool, work_at_gate, &gate, NULL);
	gate_await(&gate, 4);
	books = work_books(pool);
	cr_assert(books.threads == 4 && books.running == 4 && books.queued == 56);
	cr_assert_eq(tasks_count("most-"), 4);
	gate_open(&gate);
	for (unsigned i = 0; i < 60; i++)
		work_end(futures[i]);
	cr_assert_eq(tasks_count("most-"), 4);
	work_close(pool);
}

/* The stats take jobs from the stack: who relied on a searcher must not be left alone. */
static _Atomic int sampling;

static void *samples(void *pool)
{
	while (sampling)
		work_books(pool);
	return NULL;
}

Test(crew, a_job_is_found_while_somebody_reads_the_counters)
{
	ferry_pool *pool = pool_between("sampled", 1, 1, 0);
	pthread_t sampler;

	sampling = 1;
	cr_assert_eq(pthread_create(&sampler, NULL, samples, pool), 0);
	for (unsigned i = 0; i < 20000; i++)
		work_end(work_submit(pool, work_nothing, NULL, NULL));
	sampling = 0;
	pthread_join(sampler, NULL);
	work_close(pool);
}

/* ---- leaving ---- */

Test(crew, idle_threads_leave_down_to_the_minimum)
{
	ferry_pool *pool = pool_between("idle", 2, 6, 1000000);
	ferry_future *futures[6];
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, futures, 6);
	cr_assert_eq(tasks_count("idle-"), 6);
	gate_open(&gate);
	for (unsigned i = 0; i < 6; i++)
		work_end(futures[i]);
	tasks_until("idle-", 2);
	tasks_until_true(work_books(pool).idle == 2);
	cr_assert_eq(work_books(pool).threads, 2);
	/* They are of use still, and others can be made again. */
	gate_init(&gate);
	work_occupy(pool, &gate, futures, 6);
	cr_assert_eq(tasks_count("idle-"), 6);
	gate_open(&gate);
	for (unsigned i = 0; i < 6; i++)
		work_end(futures[i]);
	work_close(pool);
}

Test(crew, idle_threads_never_leave_if_they_need_not)
{
	ferry_pool *pool = pool_between("stay", 1, 3, FERRY_NO_DEADLINE);
	ferry_future *futures[3];
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, futures, 3);
	gate_open(&gate);
	for (unsigned i = 0; i < 3; i++)
		work_end(futures[i]);
	tasks_until_true(work_books(pool).idle == 3);
	cr_assert_eq(tasks_count("stay-"), 3);
	work_close(pool);
}

static int knows_its_thread(void *arg, ferry_result *out)
{
	(void)out;
	*(_Atomic pid_t *)arg = gettid();
	return 0;
}

Test(crew, a_kept_thread_sleeps_however_short_the_idle_time_is)
{
	ferry_pool *pool = pool_between("kept", 1, 2, 1);
	_Atomic pid_t tid = 0;
	unsigned asleep = 0;

	work_end(work_submit(pool, knows_its_thread, (void *)&tid, NULL));
	/* One that woke up again and again would hardly be found asleep each time. */
	while (asleep < 1000)
		asleep = tasks_sleeps(tid) ? asleep + 1 : 0;
	work_close(pool);
}

Test(crew, a_lower_minimum_lets_kept_threads_leave)
{
	ferry_pool *pool = pool_between("lower", 3, 3, 1000000);

	tasks_until_true(work_books(pool).idle == 3);
	cr_assert_eq(ferry_pool_resize(pool, 1, 3), 0);
	tasks_until("lower-", 1);
	work_close(pool);
}

/* ---- threads that cannot be made (P2) ---- */

Test(crew, a_pool_without_a_single_thread_is_not_made)
{
	ferry_pool *untouched = (ferry_pool *)&untouched, *pool = untouched;
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.name = "none";
	options.min_threads = 2;
	births_limit(0);
	cr_assert_eq(ferry_pool_new(&options, &pool), -EAGAIN);
	cr_assert_eq(pool, untouched);
	cr_assert_eq(tasks_count("none-"), 0);
}

Test(crew, one_thread_is_enough_to_begin_with)
{
	ferry_pool *pool;

	births_limit(1);
	pool = pool_between("one", 4, 4, 0);
	cr_assert_eq(work_books(pool).threads, 1);
	cr_assert_eq(work_books(pool).spawn_failures, 1);
	cr_assert_eq(work_end(work_submit(pool, work_number, (void *)9, NULL)).result.u64, 9);
	births_limit(-1);
	work_close(pool);
}

/* 17615: the job was queued, and then the thread could not be made. */
Test(crew, a_job_whose_thread_cannot_be_made_is_run_by_another)
{
	ferry_future *kept, *futures[10];
	ferry_pool_counters books;
	struct gate gate;
	ferry_pool *pool;

	gate_init(&gate);
	births_limit(1);
	pool = pool_between("short", 1, 4, 0);
	work_occupy(pool, &gate, &kept, 1);
	for (uintptr_t i = 0; i < 10; i++)
		futures[i] = work_submit(pool, work_number, (void *)i, NULL);
	books = work_books(pool);
	cr_assert(books.queued == 10 && books.threads == 1 && books.spawn_failures >= 1);
	gate_open(&gate);
	work_end(kept);
	for (unsigned i = 0; i < 10; i++)
		cr_assert_eq(work_end(futures[i]).result.u64, i);
	work_close(pool);
}

Test(crew, threads_are_made_again_once_they_can_be)
{
	ferry_pool *pool;
	struct gate gate;
	ferry_future *futures[4];

	gate_init(&gate);
	births_limit(1);
	pool = pool_between("heal", 1, 4, 0);
	for (unsigned i = 0; i < 4; i++)
		futures[i] = work_submit(pool, work_at_gate, &gate, NULL);
	gate_await(&gate, 1);
	births_limit(-1);
	/* Each submit tries, but for a moment after a failure. */
	while (gate_come(&gate) < 4)
		cr_assert_eq(ferry_pool_submit(pool, work_nothing, NULL, NULL, NULL), 0);
	gate_open(&gate);
	for (unsigned i = 0; i < 4; i++)
		work_end(futures[i]);
	work_close(pool);
}

static void *submits_one(void *pool)
{
	cr_assert_eq(ferry_pool_submit(pool, work_nothing, NULL, NULL, NULL), 0);
	return NULL;
}

/*
 * A thread is being made, which will fail; meanwhile the only other one has nothing to do
 * and its idle time is over, or the pool shrinks. If it left there would be none.
 */
static void nobody_leaves(uint64_t idle_timeout_ns)
{
	ferry_pool *pool = pool_between("last", 1, 2, idle_timeout_ns);
	struct gate busy, birth;
	pthread_t submitter;
	ferry_future *kept;

	gate_init(&busy);
	gate_init(&birth);
	work_occupy(pool, &busy, &kept, 1);
	births_hold(&birth);
	births_limit(0);
	cr_assert_eq(pthread_create(&submitter, NULL, submits_one, pool), 0);
	gate_await(&birth, 1);
	if (idle_timeout_ns == FERRY_NO_DEADLINE)
		cr_assert_eq(ferry_pool_resize(pool, 1, 1), 0);
	gate_open(&busy);
	work_end(kept);
	tasks_until_true(work_books(pool).idle == 1);
	/* Its time is over many times. */
	for (unsigned i = 0; i < 2000; i++)
		cr_assert_eq(tasks_count("last-"), 1);
	gate_open(&birth);
	pthread_join(submitter, NULL);
	work_end(work_submit(pool, work_nothing, NULL, NULL));
	births_hold(NULL);
	work_close(pool);
}

Test(crew, nobody_leaves_for_one_that_is_not_born_yet)
{
	nobody_leaves(1);
}

Test(crew, nobody_retires_for_one_that_is_not_born_yet)
{
	nobody_leaves(FERRY_NO_DEADLINE);
}
