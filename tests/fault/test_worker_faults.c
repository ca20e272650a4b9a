/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * E3, F7, P2, P4, P5, P7 in a pool whose threads cannot be made: those that there are do the work,
 * others are made when that goes again, and nobody waits for one that was never born.
 */
#include "fault/trial.h"
#include "support/disposal.h"
#include "support/work.h"

#define JOBS_MOST 16

static ferry_pool *pool_of(unsigned least, unsigned most)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.min_threads = least;
	options.max_threads = most;
	return work_pool(&options);
}

/* ---- no threads after the first ---- */

static void jobs_run_on_the_threads_there_are(void)
{
	ferry_future *futures[JOBS_MOST], *blocked;
	ferry_pool *pool = pool_of(1, JOBS_MOST);
	struct ferry_pool_counters books;
	_Atomic unsigned ran = 0;
	struct gate gate;
	unsigned tried;

	gate_init(&gate);
	fault_begin(FAULT_THREAD, 1, -EAGAIN, true);
	work_occupy(pool, &gate, &blocked, 1);
	for (int i = 0; i < JOBS_MOST; i++) {
		futures[i] = work_submit(pool, work_count, &ran, NULL);
		fault_advance_clock(20000000); /* so that each submit tries again */
	}
	tried = fault_count();
	program_check(tried >= JOBS_MOST - 1, "threads were tried %u times", tried);
	books = work_books(pool); /* looks at the queue, and tries once more */
	program_check(books.threads == 1 && books.queued == JOBS_MOST,
		      "a thread came from nowhere");
	program_check(books.spawn_failures == tried, "%u failures, %lu are counted", tried,
		      (unsigned long)books.spawn_failures);
	gate_open(&gate);
	for (int i = 0; i < JOBS_MOST; i++)
		work_end(futures[i]);
	work_end(blocked);
	program_check(ran == JOBS_MOST, "%u jobs ran", ran);
	fault_end();
	work_close(pool);
	gate_destroy(&gate);
	printf("ok: all jobs run on the threads there are (P2)\n");
}

static void a_pool_grows_again_when_threads_can_be_made(void)
{
	ferry_pool *pool = pool_of(1, 4);
	ferry_future *futures[4];
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, futures, 1);
	fault_begin(FAULT_THREAD, 1, -EAGAIN, true);
	futures[1] = work_submit(pool, work_at_gate, &gate, NULL);
	futures[2] = work_submit(pool, work_at_gate, &gate, NULL);
	program_check(fault_end() == 1, "a failure is followed by a pause, and then one try");
	fault_advance_clock(20000000);
	futures[3] = work_submit(pool, work_at_gate, &gate, NULL);
	gate_await(&gate, 4); /* P7: all start */
	gate_open(&gate);
	for (int i = 0; i < 4; i++)
		work_end(futures[i]);
	work_close(pool);
	gate_destroy(&gate);
	printf("ok: a pool grows again when threads can be made (P2, P7)\n");
}

/* ---- a thread that cannot be made for who waits ---- */

struct favour {
	ferry_pool *pool;
	ferry_future *promise;
	int (*wait)(ferry_future *promise);
};

static int keep(void *promise, ferry_result *out)
{
	(void)out;
	return ferry_future_set_result(promise, ferry_result_u64(1));
}

/* The thread for what is to keep the promise cannot be made, this once. */
static int have_it_kept_and_wait(void *arg, ferry_result *out)
{
	struct favour *favour = arg;

	(void)out;
	fault_begin(FAULT_THREAD, 1, -EAGAIN, false);
	ferry_future_unref(work_submit(favour->pool, keep, favour->promise, NULL));
	return favour->wait(favour->promise);
}

static int wait_for_one(ferry_future *promise)
{
	return ferry_future_wait(promise, FERRY_NO_DEADLINE);
}

static int wait_for_all(ferry_future *promise)
{
	int done = ferry_wait_all(&promise, 1, FERRY_ALL_COMPLETED, FERRY_NO_DEADLINE);

	return done == 1 ? 0 : -EIO;
}

static int wait_for_next(ferry_future *promise)
{
	ferry_as_completed *iteration;
	ferry_future *next;
	int error = ferry_as_completed_new(&promise, 1, &iteration);

	if (error)
		return error;
	error = ferry_as_completed_next(iteration, FERRY_NO_DEADLINE, &next) == 1 ? 0 : -EIO;
	ferry_as_completed_free(iteration);
	return error;
}

static void who_waits_has_a_thread_made_later(void)
{
	static int (*const ways[])(ferry_future *promise) = { wait_for_one, wait_for_all,
							      wait_for_next };

	for (unsigned i = 0; i < 3; i++) {
		struct favour favour = { .pool = pool_of(1, 2), .wait = ways[i] };
		ferry_snapshot end;

		program_check(ferry_future_new(NULL, &favour.promise) == 0, "no promise");
		/* Nobody else comes by: this thread only waits. */
		end = work_end(work_submit(favour.pool, have_it_kept_and_wait, &favour, NULL));
		program_check(end.done && !end.exception, "way %u failed", i);
		program_check(fault_end() == 1, "no thread failed");
		ferry_future_unref(favour.promise);
		work_close(favour.pool);
	}
	printf("ok: who waits has a thread made later, when that goes (P2, P4)\n");
}

/* ---- a thread that cannot be made while the pool shuts down ---- */

struct errand {
	ferry_pool *pool;
	ferry_future *future;
	_Atomic unsigned ran;
};

static void *submit_one(void *given)
{
	struct errand *errand = given;

	errand->future = work_submit(errand->pool, work_count, &errand->ran, NULL);
	return NULL;
}

static void *shut_down(void *given)
{
	struct errand *errand = given;

	program_check(ferry_pool_shutdown(errand->pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE) ==
			      0, "jobs are left");
	return NULL;
}

static void a_shutdown_ends_when_the_last_thread_could_not_be_made(void)
{
	struct errand errand = { .pool = pool_of(1, 2) };
	struct gate jobs, births;
	pthread_t submitter, closer;
	ferry_future *blocked;

	gate_init(&jobs);
	gate_init(&births);
	work_occupy(errand.pool, &jobs, &blocked, 1);
	fault_hold_threads(&births);
	fault_begin(FAULT_THREAD, 1, -EAGAIN, true);
	pthread_create(&submitter, NULL, submit_one, &errand);
	gate_await(&births, 1);
	/* One is being made; the other one drains the queue and leaves. */
	program_check(ferry_pool_shutdown(errand.pool, FERRY_SHUTDOWN_ABANDON, 0) == 1,
		      "nothing runs");
	gate_open(&jobs);
	tasks_until("ferry-", 0);
	pthread_create(&closer, NULL, shut_down, &errand);
	while (!fault_sleepers())
		sched_yield();
	gate_open(&births);
	pthread_join(submitter, NULL);
	pthread_join(closer, NULL);
	program_check(fault_end() == 1, "no thread failed");
	fault_hold_threads(NULL);
	work_end(blocked);
	work_end(errand.future);
	work_close(errand.pool);
	gate_destroy(&jobs);
	gate_destroy(&births);
	printf("ok: a shutdown ends when the last thread could not be made (P5)\n");
}

/* ---- a thread that cannot be made when the pool has ended ---- */

static int give(void *disposal, ferry_result *out)
{
	*out = disposal_result(disposal, FERRY_DISPOSE_BLOCKING);
	return 0;
}

static void a_result_is_not_lost_when_no_thread_can_be_made_for_it(void)
{
	ferry_pool *pool = pool_of(1, 1);
	struct disposal disposal;
	ferry_future *future;
	ferry_loop *loop;

	disposal_init(&disposal);
	future = work_submit(pool, give, &disposal, NULL);
	work_wait(future);
	work_close(pool);
	loop = fixture_loop();
	fault_begin(FAULT_THREAD, 1, -EAGAIN, true);
	ferry_future_unref(future);
	program_check(disposal_count(&disposal) == 1, "a result is lost, and the core with it");
	program_check(fault_end() == 1, "no thread failed");
	ferry_loop_free(loop);
	printf("ok: a result is not lost when no thread can be made for it (F7)\n");
}

int main(int argc, char **argv)
{
	int open;
	long memory;

	program_begin(argc, argv, "pools whose threads cannot be made (E3, P2, P4, P5, P7)", 1, 1);
	open = fixture_descriptors();
	memory = fault_memory();
	jobs_run_on_the_threads_there_are();
	a_pool_grows_again_when_threads_can_be_made();
	who_waits_has_a_thread_made_later();
	a_shutdown_ends_when_the_last_thread_could_not_be_made();
	a_result_is_not_lost_when_no_thread_can_be_made_for_it();
	trial_settle(memory, 0, open);
	return 0;
}
