/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/submit.c: submitters that run their job themselves because the queue is full
 * (FERRY_FULL_RUN), as that job ends the pool or forks. The limit of a lane for such jobs is in
 * test_lane.c.
 */
#include <criterion/criterion.h>
#include <sys/prctl.h>

#include "pool/core.h"
#include "support/work.h"

TestSuite(caller, .timeout = 30);

/* The one worker is kept and one job is queued: who submits another runs it. */
struct full {
	ferry_pool *pool;
	struct gate gate;
	ferry_future *kept, *queued;
};

static void fill(struct full *full)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	gate_init(&full->gate);
	options.min_threads = options.max_threads = 1;
	options.max_queued = 1;
	options.when_full = FERRY_FULL_RUN;
	full->pool = work_pool(&options);
	work_occupy(full->pool, &full->gate, &full->kept, 1);
	full->queued = work_submit(full->pool, work_nothing, NULL, NULL);
}

static void empty(struct full *full)
{
	gate_open(&full->gate);
	work_end(full->kept);
	work_end(full->queued);
	work_close(full->pool);
}

/* ---- the end of its pool (P5) ---- */

static int frees_and_opens(void *arg, ferry_result *out)
{
	struct full *full = arg;

	(void)out;
	ferry_pool_free(full->pool);
	gate_open(&full->gate);
	work_end(full->kept);
	tasks_until("ferry-", 0);
	return 0;
}

/* The last to come back is the submitter; AddressSanitizer sees one that is not. */
Test(caller, a_submitter_may_free_the_pool_in_the_job_that_it_runs)
{
	struct full full;

	fill(&full);
	cr_assert_null(work_end(work_submit(full.pool, frees_and_opens, &full, NULL)).exception);
	cr_assert(work_end(full.queued).cancelled);
}

static int shuts_down(void *arg, ferry_result *out)
{
	struct full *full = arg;

	(void)out;
	cr_assert_eq(ferry_pool_shutdown(full->pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE),
		     -EDEADLK);
	cr_assert_eq(ferry_pool_shutdown(full->pool, FERRY_SHUTDOWN_CANCEL, FERRY_NO_DEADLINE), 2);
	return 0;
}

Test(caller, a_submitter_that_shuts_down_in_the_job_that_it_runs_does_not_wait_for_itself)
{
	struct full full;

	fill(&full);
	work_end(work_submit(full.pool, shuts_down, &full, NULL));
	cr_assert(ferry_future_snapshot(full.queued).cancelled);
	empty(&full);
}

/* ---- fork (P6) ---- */

static struct gate held, go_on;

static void *holds_the_lock(void *arg)
{
	struct core *core = arg;

	lock_acquire(&core->lock);
	gate_wait(&held);
	gate_wait(&go_on);
	lock_release(&core->lock);
	return NULL;
}

struct heir {
	struct full full;
	pid_t child;
	int status;
};

/* Another thread is inside the pool when this one forks. */
static int forks_while_locked(void *arg, ferry_result *out)
{
	struct heir *heir = arg;
	pthread_t holder;

	gate_init(&held);
	gate_init(&go_on);
	gate_open(&held);
	cr_assert_eq(pthread_create(&holder, NULL, holds_the_lock, heir->full.pool->core), 0);
	gate_await(&go_on, 1);
	heir->child = fork();
	if (heir->child == 0) {
		/* If it hangs it ends with the test. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return work_number((void *)7, out);
	}
	cr_assert_eq(waitpid(heir->child, &heir->status, 0), heir->child);
	gate_open(&go_on);
	pthread_join(holder, NULL);
	return 0;
}

/* P6: to the child it was a call like any other. */
Test(caller, in_a_forks_child_the_job_that_a_submitter_ran_is_done_and_nothing_hangs)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_lane_options one = FERRY_LANE_OPTIONS_INIT;
	ferry_future *future;
	struct heir heir;

	fill(&heir.full);
	one.max_running = 1;
	cr_assert_eq(ferry_lane_new(heir.full.pool, &one, &options.lane), 0);
	future = work_submit(heir.full.pool, forks_while_locked, &heir, &options);
	if (heir.child == 0)
		_exit(ferry_future_snapshot(future).result.u64 == 7 ? 3 : 4);
	cr_assert(WIFEXITED(heir.status) && WEXITSTATUS(heir.status) == 3);
	work_end(future);
	ferry_lane_free(options.lane);
	empty(&heir.full);
}
