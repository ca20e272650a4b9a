/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/interrupt.c: a job that is cancelled while its function is blocked in a system call
 * has that call interrupted, and nobody else is (P11).
 */
#include <criterion/criterion.h>
#include <limits.h>

#include "pool/core.h"
#include "support/folder.h"
#include "support/quiet.h"

TestSuite(interrupt, .timeout = 30);

/* ---- the word ---- */

Test(interrupt, F6_who_asks_marks_the_word_and_is_waited_for_only_if_he_found_a_thread)
{
	uint32_t alone = interrupt_asked(0), found = interrupt_asked(7);

	cr_assert_eq(alone, INTERRUPT_ASKED | INTERRUPT_SENT);
	cr_assert_eq(found, 7 | INTERRUPT_ASKED);
	cr_assert(!interrupt_is_underway(0) && !interrupt_is_underway(7));
	cr_assert(!interrupt_is_underway(alone) && interrupt_is_underway(found));
	cr_assert(!interrupt_is_underway(found | INTERRUPT_SENT));
	/* Once more: nothing changes. */
	cr_assert_eq(interrupt_asked(alone), alone);
}

/* ---- calls that block ---- */

Test(interrupt, P11_a_read_that_blocks_fails_with_EINTR)
{
	struct quiet quiet = quiet_begin();
	ferry_pool *pool = quiet_pool(1);
	ferry_future *future;

	for (unsigned i = 0; i < 100; i++) {
		future = quiet_submit(pool, quiet_read, &quiet);
		quiet_await(&quiet, i + 1);
		cr_assert_eq(quiet_interrupt(future), EINTR);
	}
	work_close(pool);
	quiet_end(&quiet);
}

static int opens_a_fifo(void *arg, ferry_result *out)
{
	struct quiet *quiet = arg;
	int fd;

	(void)out;
	quiet->entered++;
	fd = open(folder_path("fifo"), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

Test(interrupt, P11_an_open_of_a_fifo_without_a_writer_fails_with_EINTR)
{
	struct quiet quiet = quiet_begin();
	ferry_pool *pool = quiet_pool(1);
	ferry_future *future;

	folder_make();
	cr_assert_eq(mkfifo(folder_path("fifo"), 0600), 0);
	future = quiet_submit(pool, opens_a_fifo, &quiet);
	quiet_await(&quiet, 1);
	cr_assert_eq(quiet_interrupt(future), EINTR);
	work_close(pool);
	folder_remove();
	quiet_end(&quiet);
}

static int is_cancelled_by_EINTR(void *arg, ferry_result *out)
{
	int error = quiet_read(arg, out);

	return error == -EINTR && ferry_job_cancel_requested() ? -ECANCELED : error;
}

/* F3: it says so itself. */
Test(interrupt, P11_one_that_was_interrupted_may_end_as_cancelled)
{
	struct quiet quiet = quiet_begin();
	ferry_pool *pool = quiet_pool(1);
	ferry_future *future = quiet_submit(pool, is_cancelled_by_EINTR, &quiet);

	quiet_await(&quiet, 1);
	cr_assert_eq(ferry_future_cancel(future), 0);
	cr_assert(work_end(future).cancelled);
	work_close(pool);
	quiet_end(&quiet);
}

static int cancels_itself_and_reads(void *arg, ferry_result *out)
{
	(void)out;
	cr_assert_eq(ferry_future_cancel(&thread_self()->job->future), 0);
	cr_assert_eq(ferry_job_cancel_requested(), 1);
	return quiet_read_once(arg);
}

Test(interrupt, P11_a_signal_that_lands_before_the_call_comes_again)
{
	struct quiet quiet = quiet_begin();
	ferry_pool *pool = quiet_pool(1);

	cr_assert_eq(
		ferry_error_errno(
			work_end(quiet_submit(pool, cancels_itself_and_reads, &quiet)).exception),
		EINTR);
	work_close(pool);
	quiet_end(&quiet);
}

static int reads_eight_times(void *arg, ferry_result *out)
{
	unsigned interrupted = 0;

	(void)out;
	ferry_future_cancel(&thread_self()->job->future);
	while (interrupted < 8)
		interrupted += quiet_read_once(arg) == -EINTR;
	*out = ferry_result_u64(interrupted);
	return 0;
}

Test(interrupt, P11_every_call_is_interrupted_until_the_function_returns)
{
	struct quiet quiet = quiet_begin();
	ferry_pool *pool = quiet_pool(1);

	cr_assert_eq(work_end(quiet_submit(pool, reads_eight_times, &quiet)).result.u64, 8);
	work_close(pool);
	quiet_end(&quiet);
}

/* ---- who is not interrupted ---- */

static int looks(void *arg, ferry_result *out)
{
	(void)arg;
	*out = ferry_result_u64(quiet_is_here());
	return 0;
}

static _Atomic unsigned released_quietly;

static void looks_as_it_is_released(void *arg)
{
	(void)arg;
	released_quietly += quiet_is_here();
}

static void looks_as_it_is_done(ferry_waiter *waiter)
{
	(void)waiter;
	released_quietly += quiet_is_here();
}

Test(interrupt, P11_neither_hooks_nor_waiters_nor_the_next_job_see_a_signal)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_waiter waiter = { NULL, looks_as_it_is_done };
	struct quiet quiet = quiet_begin();
	ferry_pool *pool = quiet_pool(1);
	ferry_future *future;

	options.interruptible = 1;
	options.release = looks_as_it_is_released;
	future = work_submit(pool, reads_eight_times, &quiet, &options);
	if (ferry_future_attach(future, &waiter) < 0)
		released_quietly++;
	cr_assert_eq(work_end(future).result.u64, 8);
	cr_assert_eq(work_end(work_submit(pool, looks, NULL, NULL)).result.u64, 1);
	cr_assert_eq(released_quietly, 2);
	work_close(pool);
	quiet_end(&quiet);
}

Test(interrupt, P11_one_that_does_not_ask_for_it_is_only_asked)
{
	struct quiet quiet = quiet_begin();
	ferry_pool *pool = quiet_pool(1);
	ferry_future *future = work_submit(pool, quiet_read, &quiet, NULL);

	quiet_await(&quiet, 1);
	cr_assert_eq(ferry_future_cancel(future), 0);
	quiet_write(&quiet);
	cr_assert_null(work_end(future).exception);
	work_close(pool);
	quiet_end(&quiet);
}

Test(interrupt, P11_a_cancel_that_comes_too_late_signals_nobody)
{
	struct quiet quiet = quiet_begin();
	ferry_pool *pool = quiet_pool(1);
	ferry_future *future = quiet_submit(pool, quiet_read, &quiet);

	quiet_write(&quiet);
	work_wait(future);
	cr_assert_eq(ferry_future_cancel(future), -EALREADY);
	cr_assert_eq(work_end(work_submit(pool, looks, NULL, NULL)).result.u64, 1);
	ferry_future_unref(future);
	work_close(pool);
	quiet_end(&quiet);
}

/* ---- on_cancel ---- */

static void counts(ferry_future *future, void *user)
{
	(void)future;
	++*(unsigned *)user;
}

Test(interrupt, P11_on_cancel_is_called_all_the_same)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct quiet quiet = quiet_begin();
	ferry_pool *pool = quiet_pool(1);
	ferry_future *running, *queued;
	unsigned told = 0;

	options.interruptible = 1;
	options.on_cancel = counts;
	options.user = &told;
	running = work_submit(pool, quiet_read, &quiet, &options);
	quiet_await(&quiet, 1);
	queued = work_submit(pool, quiet_read, &quiet, &options);
	cr_assert_eq(ferry_future_cancel(queued), 1);
	cr_assert_eq(told, 1);
	cr_assert_eq(quiet_interrupt(running), EINTR);
	cr_assert_eq(told, 2);
	cr_assert(work_end(queued).cancelled);
	cr_assert_eq(quiet.entered, 1);
	work_close(pool);
	quiet_end(&quiet);
}

/* ---- functions inside of functions ---- */

struct nest {
	ferry_pool *pool;
	ferry_lane *lane;
	struct quiet quiet;
	ferry_future *outer; /* of the job that is inside its function */
	bool quietly;
};

static struct nest nest_begin(void)
{
	struct nest nest = { .pool = quiet_pool(1), .quiet = quiet_begin() };

	return nest;
}

static void nest_end(struct nest *nest)
{
	work_close(nest->pool);
	quiet_end(&nest->quiet);
}

/* The outer one is asked while it cannot be signalled. */
static int cancels_the_outer(void *arg, ferry_result *out)
{
	struct nest *nest = arg;

	(void)out;
	cr_assert_eq(ferry_future_cancel(nest->outer), 0);
	nest->quietly = quiet_is_here();
	return 0;
}

static int waits_for_one_that_cancels_it(void *arg, ferry_result *out)
{
	struct nest *nest = arg;

	(void)out;
	nest->outer = &thread_self()->job->future;
	work_end(work_submit(nest->pool, cancels_the_outer, nest, NULL));
	return quiet_read_once(&nest->quiet);
}

Test(interrupt, P11_a_job_that_is_run_in_a_wait_sees_no_signal_and_the_outer_one_does)
{
	struct nest nest = nest_begin();
	ferry_future *future = quiet_submit(nest.pool, waits_for_one_that_cancels_it, &nest);

	cr_assert_eq(ferry_error_errno(work_end(future).exception), EINTR);
	cr_assert(nest.quietly);
	nest_end(&nest);
}

static int waits_for_one_that_is_interrupted(void *arg, ferry_result *out)
{
	struct nest *nest = arg;
	ferry_future *inner = quiet_submit(nest->pool, cancels_itself_and_reads, &nest->quiet);

	(void)out;
	cr_assert_eq(ferry_error_errno(work_end(inner).exception), EINTR);
	nest->quietly = quiet_is_here();
	return 0;
}

/* P4: the inner one is run by the same worker, in the wait. */
Test(interrupt, P11_a_job_that_is_run_in_a_wait_may_be_interrupted_and_the_outer_one_is_not)
{
	struct nest nest = nest_begin();

	work_end(work_submit(nest.pool, waits_for_one_that_is_interrupted, &nest, NULL));
	cr_assert(nest.quietly);
	nest_end(&nest);
}

static int waits_for_a_job_on_another_worker(void *arg, ferry_result *out)
{
	struct nest *nest = arg;

	(void)out;
	nest->quiet.entered++;
	return ferry_future_wait(nest->outer, FERRY_NO_DEADLINE);
}

Test(interrupt, P11_a_wait_for_a_future_goes_on)
{
	struct nest nest = nest_begin();
	ferry_future *future;

	cr_assert_eq(ferry_future_new(NULL, &nest.outer), 0);
	future = quiet_submit(nest.pool, waits_for_a_job_on_another_worker, &nest);
	quiet_await(&nest.quiet, 1);
	cr_assert_eq(ferry_future_cancel(future), 0);
	cr_assert_eq(ferry_future_wait(future, ferry_in_ns(5000000)), -ETIMEDOUT);
	cr_assert_eq(ferry_future_set_result(nest.outer, ferry_result_u64(1)), 0);
	cr_assert_null(work_end(future).exception);
	ferry_future_unref(nest.outer);
	nest_end(&nest);
}

static struct nest *disposing;

static void cancels_as_it_disposes(const ferry_result *result)
{
	(void)result;
	cancels_the_outer(disposing, NULL);
}

static const ferry_disposer blocking = { FERRY_DISPOSE_BLOCKING, cancels_as_it_disposes };

static int drops_a_result(void *arg, ferry_result *out)
{
	ferry_future_options options = FERRY_FUTURE_OPTIONS_INIT;
	struct nest *nest = arg;
	ferry_future *promise;

	(void)out;
	disposing = nest;
	nest->outer = &thread_self()->job->future;
	options.pool = nest->pool;
	cr_assert_eq(ferry_future_new(&options, &promise), 0);
	cr_assert_eq(ferry_future_set_result(promise, ferry_result_pointer(nest, &blocking)), 0);
	ferry_future_unref(promise);
	return quiet_read_once(&nest->quiet);
}

Test(interrupt, P11_a_disposer_that_is_run_on_a_worker_sees_no_signal)
{
	struct nest nest = nest_begin();
	ferry_future *future = quiet_submit(nest.pool, drops_a_result, &nest);

	cr_assert_eq(ferry_error_errno(work_end(future).exception), EINTR);
	cr_assert(nest.quietly);
	nest_end(&nest);
}

static int runs_at_once(void *user, void (*run)(void *job), void *job)
{
	(void)user;
	run(job);
	return 0;
}

static int has_an_executor_run(void *arg, ferry_result *out)
{
	ferry_executor executor = { sizeof(executor), runs_at_once, NULL };
	struct nest *nest = arg;
	ferry_future *inner;

	(void)out;
	nest->outer = &thread_self()->job->future;
	cr_assert_eq(ferry_executor_submit(&executor, cancels_the_outer, nest, NULL, &inner), 0);
	work_end(inner);
	return quiet_read_once(&nest->quiet);
}

Test(interrupt, P11_a_job_of_an_executor_that_runs_in_a_function_sees_no_signal)
{
	struct nest nest = nest_begin();
	ferry_future *future = quiet_submit(nest.pool, has_an_executor_run, &nest);

	cr_assert_eq(ferry_error_errno(work_end(future).exception), EINTR);
	cr_assert(nest.quietly);
	nest_end(&nest);
}

/* ---- run by who submitted it ---- */

/* The one worker is kept and one job is queued: who submits another runs it. */
struct full {
	ferry_pool *pool;
	struct gate gate;
	ferry_future *kept, *queued;
	struct nest nest;
};

static void fill(struct full *full)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	gate_init(&full->gate);
	options.min_threads = options.max_threads = 1;
	options.max_queued = 1;
	options.when_full = FERRY_FULL_RUN;
	options.interrupt_signal = QUIET_SIGNAL;
	full->pool = work_pool(&options);
	work_occupy(full->pool, &full->gate, &full->kept, 1);
	full->queued = work_submit(full->pool, work_nothing, NULL, NULL);
	full->nest = nest_begin();
}

static void empty(struct full *full)
{
	gate_open(&full->gate);
	work_end(full->kept);
	work_end(full->queued);
	work_close(full->pool);
	nest_end(&full->nest);
}

static int cancels_itself(void *arg, ferry_result *out)
{
	struct job *job = thread_self()->job;

	(void)arg;
	cr_assert_eq(ferry_future_cancel(&job->future), 0);
	*out = ferry_result_u64(job_tail(job)->interrupt.word);
	return 0;
}

Test(interrupt, P11_a_job_that_its_submitter_runs_is_never_signalled)
{
	struct full full;
	ferry_future *future;

	fill(&full);
	future = quiet_submit(full.pool, cancels_itself, NULL);
	cr_assert_eq(work_end(future).result.u64, INTERRUPT_ASKED | INTERRUPT_SENT);
	empty(&full);
}

static int submits_to_a_full_queue(void *arg, ferry_result *out)
{
	struct full *full = arg;

	(void)out;
	full->nest.outer = &thread_self()->job->future;
	work_end(quiet_submit(full->pool, cancels_the_outer, &full->nest));
	return quiet_read_once(&full->nest.quiet);
}

Test(interrupt, P11_a_job_that_a_worker_runs_as_its_submitter_sees_no_signal)
{
	struct full full;
	ferry_future *future;

	fill(&full);
	future = quiet_submit(full.nest.pool, submits_to_a_full_queue, &full);
	cr_assert_eq(ferry_error_errno(work_end(future).exception), EINTR);
	cr_assert(full.nest.quietly);
	empty(&full);
}

/* ---- pools ---- */

Test(interrupt, P11_two_pools_share_a_signal_and_a_third_has_its_own)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	struct quiet quiet = quiet_begin();
	ferry_pool *pools[3] = { quiet_pool(1), quiet_pool(1), NULL };
	ferry_future *futures[3];

	options.interrupt_signal = SIGRTMIN + 5;
	pools[2] = work_pool(&options);
	for (unsigned i = 0; i < 3; i++)
		futures[i] = quiet_submit(pools[i], quiet_read, &quiet);
	quiet_await(&quiet, 3);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(quiet_interrupt(futures[i]), EINTR);
		work_close(pools[i]);
	}
	quiet_end(&quiet);
}

/* P5 */
Test(interrupt, P11_a_job_is_interrupted_when_its_pool_has_been_freed)
{
	struct quiet quiet = quiet_begin();
	ferry_pool *pool = quiet_pool(1);
	ferry_future *future = quiet_submit(pool, quiet_read, &quiet);

	quiet_await(&quiet, 1);
	ferry_pool_free(pool);
	cr_assert_eq(quiet_interrupt(future), EINTR);
	tasks_until("ferry-", 0);
	quiet_end(&quiet);
}

Test(interrupt, P11_batches_and_maps_may_be_interrupted)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct quiet quiet = quiet_begin();
	ferry_batch_job jobs[2] = { { quiet_read, &quiet }, { quiet_read, &quiet } };
	void *args[2] = { &quiet, &quiet };
	ferry_pool *pool = quiet_pool(2);
	ferry_future *futures[2];
	ferry_map *map;

	options.interruptible = 1;
	cr_assert_eq(ferry_pool_submit_batch(pool, jobs, 2, &options, futures), 2);
	quiet_await(&quiet, 2);
	cr_assert_eq(quiet_interrupt(futures[0]), EINTR);
	cr_assert_eq(quiet_interrupt(futures[1]), EINTR);
	cr_assert_eq(ferry_pool_map(pool, quiet_read, args, 2, 0, &options, &map), 0);
	quiet_await(&quiet, 4);
	ferry_map_free(map);
	work_close(pool);
	quiet_end(&quiet);
}

Test(interrupt, P11_an_offload_is_interrupted_when_its_local_is_cancelled)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct quiet quiet = quiet_begin();
	ferry_loop *loop = fixture_loop();
	ferry_pool *pool = quiet_pool(1);
	ferry_local *local;

	options.interruptible = 1;
	local = ferry_offload(loop, pool, quiet_read, &quiet, &options);
	cr_assert_not_null(local);
	quiet_await(&quiet, 1);
	cr_assert_eq(ferry_local_cancel(local), 1);
	ferry_local_unref(local);
	/* Drains the pool, so the function returns. */
	fixture_end(loop, pool);
	quiet_end(&quiet);
}

Test(interrupt, P11_only_0_and_1_are_taken)
{
	static const int wrong[] = { 2, -1, INT_MAX, INT_MIN };
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = quiet_pool(1);

	for (unsigned i = 0; i < 4; i++) {
		options.interruptible = wrong[i];
		cr_assert_eq(ferry_pool_submit(pool, looks, NULL, &options, NULL), -EINVAL);
	}
	work_close(pool);
}

/* ---- the handler ---- */

static void others_handler(int signal)
{
	(void)signal;
}

static void others_long_handler(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	(void)context;
}

static int try_pool(int signal)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_pool *pool;
	int error;

	options.interrupt_signal = signal;
	error = ferry_pool_new(&options, &pool);
	if (!error)
		ferry_pool_free(pool);
	return error;
}

Test(interrupt, P11_the_handler_of_somebody_else_is_left_alone)
{
	struct sigaction theirs = { .sa_handler = others_handler }, after;

	sigaction(SIGUSR1, &theirs, NULL);
	cr_assert_eq(try_pool(SIGUSR1), -EBUSY);
	sigaction(SIGUSR1, NULL, &after);
	cr_assert(after.sa_handler == others_handler);
	theirs.sa_flags = SA_SIGINFO;
	theirs.sa_sigaction = others_long_handler;
	sigaction(SIGUSR2, &theirs, NULL);
	cr_assert_eq(try_pool(SIGUSR2), -EBUSY);
	/* What is ignored or has its default is nobody's. */
	signal(SIGURG, SIG_IGN);
	cr_assert_eq(try_pool(SIGURG), 0);
	cr_assert_eq(try_pool(SIGURG), 0);
	cr_assert_eq(try_pool(SIGIO), 0);
}

Test(interrupt, P11_nothing_is_installed_that_was_not_asked_for)
{
	struct sigaction now;

	work_close(fixture_pool(2));
	sigaction(QUIET_SIGNAL, NULL, &now);
	cr_assert(now.sa_handler == SIG_DFL);
}

/* errno of whoever is interrupted stays, and a signal of anybody's does nothing elsewhere. */
Test(interrupt, P11_the_handler_changes_nothing_where_no_job_was_asked)
{
	ferry_pool *pool = quiet_pool(1);

	errno = ENOTTY;
	raise(QUIET_SIGNAL);
	cr_assert_eq(errno, ENOTTY);
	work_close(pool);
}

/* ---- forks (P6) ---- */

static int forks(void *arg, ferry_result *out)
{
	struct quiet *quiet = arg;
	int status;
	pid_t child;

	ferry_future_cancel(&thread_self()->job->future);
	child = fork();
	if (child == 0)
		return 0;
	cr_assert_gt(child, 0);
	while (waitpid(child, &status, 0) < 0)
		cr_assert_eq(errno, EINTR);
	cr_assert(WIFEXITED(status));
	*out = ferry_result_u64((uint64_t)WEXITSTATUS(status));
	cr_assert_eq(quiet_read_once(quiet), -EINTR);
	return 0;
}

Test(interrupt, P6_a_function_that_forks_ends_in_the_child_and_goes_on_here)
{
	struct quiet quiet = quiet_begin();
	ferry_pool *pool = quiet_pool(1);

	cr_assert_eq(work_end(quiet_submit(pool, forks, &quiet)).result.u64, EXIT_FAILURE);
	cr_assert_eq(work_end(work_submit(pool, looks, NULL, NULL)).result.u64, 1);
	work_close(pool);
	quiet_end(&quiet);
}

/* What a fork leaves behind as somebody is about to send is not waited for. */
static int forks_as_it_is_asked(void *arg, ferry_result *out)
{
	struct job *job = thread_self()->job;
	int status;
	pid_t child;

	(void)arg;
	job_tail(job)->interrupt.word |= INTERRUPT_ASKED;
	child = fork();
	if (child == 0)
		return 0;
	while (waitpid(child, &status, 0) < 0)
		cr_assert_eq(errno, EINTR);
	*out = ferry_result_u64((uint64_t)WEXITSTATUS(status));
	job_tail(job)->interrupt.word &= ~INTERRUPT_ASKED;
	return 0;
}

Test(interrupt, P6_a_child_does_not_wait_for_who_is_not_there)
{
	ferry_pool *pool = quiet_pool(1);

	cr_assert_eq(work_end(quiet_submit(pool, forks_as_it_is_asked, NULL)).result.u64,
		     EXIT_FAILURE);
	work_close(pool);
}

static int cancels_in_a_child(void *arg)
{
	return ferry_future_cancel(arg) == 0 && ferry_future_cancel_requested(arg) == 1 ? 0 : 1;
}

Test(interrupt, P6_a_cancel_in_a_child_interrupts_nobody)
{
	struct quiet quiet = quiet_begin();
	ferry_pool *pool = quiet_pool(1);
	ferry_future *future = quiet_submit(pool, quiet_read, &quiet);

	quiet_await(&quiet, 1);
	cr_assert_eq(fixture_in_child(cancels_in_a_child, future), 0);
	quiet_write(&quiet);
	cr_assert_null(work_end(future).exception);
	work_close(pool);
	quiet_end(&quiet);
}
