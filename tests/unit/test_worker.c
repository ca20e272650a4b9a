/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/worker.c: names, signals and stacks of the threads; start and stop hooks; what
 * a worker does not keep others from (P7). Rings that are owed are in test_brief.c.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "support/token.h"
#include "support/work.h"

TestSuite(worker, .timeout = 30);

/* ---- the thread ---- */

static int reads_its_name(void *arg, ferry_result *out)
{
	(void)out;
	tasks_name(gettid(), arg);
	return 0;
}

static void check_name(const char *given, const char *expected)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	char name[64] = "", seen[TASKS_TEXT];
	ferry_pool *pool;

	if (given)
		strcpy(name, given);
	options.name = given ? name : NULL;
	options.max_threads = 1;
	pool = work_pool(&options);
	/* The name was copied. */
	memset(name, 'x', sizeof(name) - 1);
	work_end(work_submit(pool, reads_its_name, seen, NULL));
	cr_assert_str_eq(seen, expected);
	cr_assert_leq(strlen(seen), 15);
	work_close(pool);
}

Test(worker, threads_are_called_by_name_and_number_in_15_bytes)
{
	check_name(NULL, "ferry-0");
	check_name("", "-0");
	check_name("db", "db-0");
	check_name("thirteenbytes", "thirteenbytes-0");
	check_name("a name that is too long", "a name that i-0");
}

Test(worker, each_thread_has_a_number_of_its_own)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	char names[12][TASKS_TEXT];
	ferry_future *futures[12];
	struct gate gate;
	ferry_pool *pool;

	gate_init(&gate);
	options.name = "a name that is too long";
	options.min_threads = options.max_threads = 12;
	pool = work_pool(&options);
	work_occupy(pool, &gate, futures, 12);
	for (unsigned i = 0; i < 12; i++) {
		snprintf(names[i], sizeof(names[i]),
			 i < 10 ? "a name that i-%u" : "a name that -%u", i);
		cr_assert_eq(tasks_count(names[i]), 1, "%s", names[i]);
	}
	gate_open(&gate);
	for (unsigned i = 0; i < 12; i++)
		work_end(futures[i]);
	work_close(pool);
}

static int reads_its_mask(void *arg, ferry_result *out)
{
	(void)out;
	tasks_status(gettid(), "SigBlk", arg);
	return 0;
}

Test(worker, all_signals_but_the_synchronous_ones_are_blocked)
{
	/* Those that the kernel never blocks, and the two that the C library needs. */
	static const int open[] = { SIGSEGV, SIGBUS,  SIGFPE,  SIGILL, SIGTRAP,
				    SIGSYS,  SIGKILL, SIGSTOP, 32,     33 };
	uint64_t expected = UINT64_MAX;
	ferry_pool *pool = fixture_pool(1);
	char seen[TASKS_TEXT];

	for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++)
		expected &= ~((uint64_t)1 << (open[i] - 1));
	work_end(work_submit(pool, reads_its_mask, seen, NULL));
	cr_assert_eq(strtoull(seen, NULL, 16), expected, "SigBlk is %s", seen);
	work_close(pool);
}

Test(worker, who_makes_a_pool_keeps_his_signals)
{
	char before[TASKS_TEXT], after[TASKS_TEXT];
	ferry_pool *pool;

	cr_assert(tasks_status(gettid(), "SigBlk", before));
	pool = fixture_pool(2);
	cr_assert(tasks_status(gettid(), "SigBlk", after));
	cr_assert_str_eq(before, after);
	work_close(pool);
}

static int reads_its_stack(void *arg, ferry_result *out)
{
	pthread_attr_t attributes;

	(void)out;
	if (pthread_getattr_np(pthread_self(), &attributes))
		return -EIO;
	pthread_attr_getstacksize(&attributes, arg);
	return -pthread_attr_destroy(&attributes);
}

Test(worker, stacks_are_as_large_as_asked_for)
{
	static const size_t sizes[] = { (size_t)64 << 10, (size_t)256 << 10, (size_t)3 << 20 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
		ferry_pool *pool;
		size_t seen = 0;

		options.stack_bytes = sizes[i];
		pool = work_pool(&options);
		cr_assert_null(work_end(work_submit(pool, reads_its_stack, &seen, NULL)).exception);
		cr_assert_eq(seen, sizes[i]);
		work_close(pool);
	}
}

/* ---- hooks ---- */

static struct {
	_Atomic int starts, stops, fail_from;
	struct gate *gate; /* hooks wait at it; NULL: they do not */
} hooks;
static __thread int started_here;

static int start(void *user)
{
	int number = hooks.starts++;

	cr_assert_eq(user, &hooks);
	started_here = 1;
	if (hooks.gate && number > 0)
		gate_wait(hooks.gate);
	return hooks.fail_from && number + 1 >= hooks.fail_from ? -1 : 0;
}

static void stop(void *user)
{
	cr_assert_eq(user, &hooks);
	cr_assert(started_here);
	hooks.stops++;
}

static ferry_pool *hooked_pool(unsigned min_threads, unsigned max_threads)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.min_threads = min_threads;
	options.max_threads = max_threads;
	options.start = start;
	options.stop = stop;
	options.user = &hooks;
	return work_pool(&options);
}

static int knows_of_its_start(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	return started_here ? 0 : -EIO;
}

Test(worker, start_runs_first_and_stop_last_in_each)
{
	ferry_pool *pool = hooked_pool(3, 3);
	ferry_future *futures[30];

	for (unsigned i = 0; i < 30; i++)
		futures[i] = work_submit(pool, knows_of_its_start, NULL, NULL);
	for (unsigned i = 0; i < 30; i++)
		cr_assert_null(work_end(futures[i]).exception);
	cr_assert_eq(hooks.stops, 0);
	work_close(pool);
	/* When a shutdown returns nobody uses the caller's data any more. */
	cr_assert(hooks.starts == 3 && hooks.stops == 3);
}

/* 107219: a cancelled job in the queue ended the draining of a broken pool. */
Test(worker, a_start_that_fails_gives_each_queued_job_an_exception)
{
	ferry_future *kept, *futures[6];
	ferry_pool_counters books;
	struct gate busy, birth;
	ferry_pool *pool;

	gate_init(&busy);
	gate_init(&birth);
	hooks.fail_from = 2;
	hooks.gate = &birth;
	pool = hooked_pool(1, 2);
	work_occupy(pool, &busy, &kept, 1);
	/* The second worker waits in its hook while these queue up. */
	for (unsigned i = 0; i < 6; i++)
		futures[i] = work_submit(pool, work_nothing, NULL, NULL);
	gate_await(&birth, 1);
	cr_assert_eq(ferry_future_cancel(futures[0]), 1);
	cr_assert_eq(ferry_future_cancel(futures[3]), 1);
	gate_open(&birth);
	for (unsigned i = 0; i < 6; i++) {
		ferry_snapshot end = work_end(futures[i]);

		cr_assert_eq(end.cancelled, i % 3 == 0);
		cr_assert_eq(end.exception,
			     i % 3 ? ferry_error_from_code(FERRY_ERROR_BROKEN) : NULL);
	}
	cr_assert_eq(ferry_pool_submit(pool, work_nothing, NULL, NULL, NULL), -ENOTRECOVERABLE);
	/* What runs is not disturbed. */
	cr_assert(!ferry_future_snapshot(kept).done);
	gate_open(&busy);
	cr_assert_null(work_end(kept).exception);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	books = work_books(pool);
	cr_assert(books.failed == 4 && books.cancelled == 2 && books.ran == 1 && books.queued == 0);
	/* Stop is not called where start failed. */
	cr_assert(hooks.starts == 2 && hooks.stops == 1);
	ferry_pool_free(pool);
}

Test(worker, a_pool_whose_first_start_fails_is_broken_from_the_beginning)
{
	ferry_future *future;
	ferry_pool *pool;
	int error;

	hooks.fail_from = 1;
	pool = hooked_pool(1, 1);
	error = ferry_pool_submit(pool, work_nothing, NULL, NULL, &future);
	if (!error)
		cr_assert_eq(work_end(future).exception, ferry_error_from_code(FERRY_ERROR_BROKEN));
	else
		cr_assert_eq(error, -ENOTRECOVERABLE);
	tasks_until_true(work_books(pool).threads == 0);
	cr_assert_eq(ferry_pool_submit(pool, work_nothing, NULL, NULL, NULL), -ENOTRECOVERABLE);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(hooks.stops, 0);
	ferry_pool_free(pool);
}

/* P7: a worker in its start hook is no reason to leave one asleep. */
Test(worker, a_start_that_takes_long_does_not_keep_the_others_asleep)
{
	ferry_future *kept;
	struct gate busy, birth;
	ferry_pool *pool;

	gate_init(&busy);
	gate_init(&birth);
	hooks.gate = &birth;
	pool = hooked_pool(1, 2);
	work_occupy(pool, &busy, &kept, 1);
	cr_assert_eq(ferry_pool_submit(pool, work_nothing, NULL, NULL, NULL), 0);
	gate_await(&birth, 1);
	gate_open(&busy);
	work_end(kept);
	tasks_until_true(work_books(pool).idle == 1);
	work_end(work_submit(pool, work_nothing, NULL, NULL));
	gate_open(&birth);
	work_close(pool);
}

/* ---- disposers (P7) ---- */

static struct gate disposer_gate;

static void dispose_at_gate(const ferry_result *result)
{
	(void)result;
	gate_wait(&disposer_gate);
}

static const ferry_disposer blocking_at_gate = { FERRY_DISPOSE_BLOCKING, dispose_at_gate };

static int gives_what_blocks(void *arg, ferry_result *out)
{
	*out = ferry_result_pointer(arg, &blocking_at_gate);
	return 0;
}

Test(worker, a_disposer_that_blocks_does_not_keep_the_others_asleep)
{
	ferry_batch_job job = { gives_what_blocks, NULL };
	ferry_pool *pool = fixture_pool(2);

	gate_init(&disposer_gate);
	tasks_until_true(work_books(pool).idle == 2);
	/* Nobody holds the future: the worker disposes of the result itself. */
	cr_assert_eq(ferry_pool_submit_batch(pool, &job, 1, NULL, NULL), 1);
	gate_await(&disposer_gate, 1);
	tasks_until_true(work_books(pool).idle == 1);
	work_end(work_submit(pool, work_nothing, NULL, NULL));
	gate_open(&disposer_gate);
	work_close(pool);
}

Test(worker, a_disposer_that_was_handed_over_does_not_keep_the_others_asleep)
{
	ferry_pool *pool = fixture_pool(2);
	ferry_loop *loop = fixture_loop();
	ferry_future *future;

	gate_init(&disposer_gate);
	future = work_submit(pool, gives_what_blocks, pool, NULL);
	tasks_until_true(ferry_future_snapshot(future).done);
	ferry_future_unref(future);
	gate_await(&disposer_gate, 1);
	future = work_submit(pool, work_number, (void *)4, NULL);
	tasks_until_true(ferry_future_snapshot(future).done);
	ferry_future_unref(future);
	gate_open(&disposer_gate);
	work_close(pool);
	ferry_loop_free(loop);
}

/* ---- jobs that fork (P6) ---- */

static pid_t parent, child;

static int forks(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	child = fork();
	/* If it hangs it ends with the test. */
	if (child == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

static int runs_in_the_parent(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	if (getpid() != parent)
		_exit(7);
	return 0;
}

/* To the child nothing has ended. */
static void told_in_the_parent(ferry_waiter *waiter)
{
	(void)waiter;
	runs_in_the_parent(NULL, NULL);
}

/* One worker, and three jobs behind the one that forks: its child runs none of them. */
static void check_child(ferry_function fn)
{
	ferry_waiter waiter = { NULL, told_in_the_parent };
	ferry_pool *pool = fixture_pool(1);
	ferry_future *kept, *forked, *queued[3];
	struct gate gate;
	int status;

	parent = getpid();
	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	forked = work_submit(pool, fn, pool, NULL);
	cr_assert_eq(ferry_future_attach(forked, &waiter), 0);
	for (unsigned i = 0; i < 3; i++)
		queued[i] = work_submit(pool, runs_in_the_parent, NULL, NULL);
	gate_open(&gate);
	work_end(kept);
	work_end(forked);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE, "%d", status);
	for (unsigned i = 0; i < 3; i++)
		work_end(queued[i]);
	work_close(pool);
}

Test(worker, P6_the_child_of_a_job_that_forks_ends_where_its_function_returns)
{
	check_child(forks);
}

static int waits_for_one_that_forks(void *pool, ferry_result *out)
{
	ferry_waiter waiter = { NULL, told_in_the_parent };
	ferry_future *awaited = work_submit(pool, forks, NULL, NULL);

	cr_assert_eq(ferry_future_attach(awaited, &waiter), 0);
	work_end(awaited);
	return runs_in_the_parent(pool, out);
}

Test(worker, P6_the_child_of_a_job_that_is_run_by_its_waiter_ends_where_that_returns)
{
	check_child(waits_for_one_that_forks);
}

/* ---- polling ---- */

Test(worker, works_the_same_whether_it_polls_or_not)
{
	static const uint64_t spins[] = { 0, 1, 1000000, FERRY_NO_DEADLINE };

	for (size_t i = 0; i < sizeof(spins) / sizeof(*spins); i++) {
		ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
		ferry_pool *pool;

		options.max_threads = 2;
		options.spin_ns = spins[i];
		pool = work_pool(&options);
		for (uintptr_t j = 0; j < 2000; j++)
			cr_assert_eq(work_end(work_submit(pool, work_number, (void *)j, NULL))
					     .result.u64,
				     j);
		tasks_until_true(work_books(pool).idle == work_books(pool).threads);
		work_close(pool);
	}
}
