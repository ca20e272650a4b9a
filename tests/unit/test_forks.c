/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/worker.c, shutdown.c and lib/loop/loop.c once more: what is the user's and forks while
 * a worker, a shutdown or the end of a loop calls it, and returns in the child (P6). A worker's
 * thread ends there; whoever called is told, and nothing of the parent's is gone on with.
 */
#include <criterion/criterion.h>
#include <malloc.h>

#include "base/thread.h"
#include "pool/core.h"
#include "support/work.h"

TestSuite(forks, .timeout = 30);

static pid_t parent, child;
static ferry_pool *inherited; /* which the child frees at once */

/* Once, and not in the child. What is freed there is overwritten, so that a use of it shows
 * without a sanitizer. */
static void fork_once(void)
{
	if (child || getpid() != parent)
		return;
	child = fork();
	if (child == 0) {
		mallopt(M_PERTURB, 0x55);
		inherited = ferry_pool_free(inherited);
	}
}

static void begin(ferry_pool *pool)
{
	inherited = pool;
	parent = getpid();
	child = 0;
}

static void check_child(int status_wanted)
{
	struct pollfd ended = { .events = POLLIN };
	int status;

	cr_assert_gt(child, 0, "nobody forked");
	/* One that hangs is ended. Not by a signal at the parent's death, which would be that of
	 * the thread that forked. */
	ended.fd = (int)syscall(SYS_pidfd_open, child, 0);
	if (poll(&ended, 1, 10000) == 0)
		kill(child, SIGKILL);
	close(ended.fd);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == status_wanted, "%d", status);
}

static int runs_in_the_parent(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	if (getpid() != parent)
		_exit(7);
	return 0;
}

/* ---- on a worker ---- */

static void dispose(const ferry_result *result)
{
	(void)result;
	fork_once();
}

static const ferry_disposer forking = { FERRY_DISPOSE_BLOCKING, dispose };

static int gives(void *arg, ferry_result *out)
{
	*out = ferry_result_pointer(arg, &forking);
	return 0;
}

/* One worker is kept at a gate while a test puts what forks into the queue. */
struct scene {
	ferry_pool *pool;
	struct gate gate;
	ferry_future *kept, *queued[3];
};

static void keep(struct scene *scene)
{
	scene->pool = fixture_pool(1);
	begin(scene->pool);
	gate_init(&scene->gate);
	work_occupy(scene->pool, &scene->gate, &scene->kept, 1);
}

/* Behind it are three jobs, of which the child runs none. */
static void go_on_and_check(struct scene *scene)
{
	for (unsigned i = 0; i < 3; i++)
		scene->queued[i] = work_submit(scene->pool, runs_in_the_parent, NULL, NULL);
	gate_open(&scene->gate);
	work_end(scene->kept);
	for (unsigned i = 0; i < 3; i++)
		work_end(scene->queued[i]);
	work_close(scene->pool);
	check_child(EXIT_FAILURE);
}

Test(forks, P6_the_child_of_a_disposer_ends_where_that_returns)
{
	struct scene scene;

	keep(&scene);
	ferry_pool_submit(scene.pool, gives, NULL, NULL, NULL);
	go_on_and_check(&scene);
}

Test(forks, P6_the_child_of_a_disposer_that_was_handed_over_ends_where_that_returns)
{
	ferry_future *future;
	struct scene scene;
	ferry_loop *loop;

	scene.pool = fixture_pool(1);
	begin(scene.pool);
	future = work_submit(scene.pool, gives, NULL, NULL);
	work_wait(future);
	gate_init(&scene.gate);
	work_occupy(scene.pool, &scene.gate, &scene.kept, 1);
	loop = fixture_loop();
	ferry_future_unref(future);
	ferry_loop_free(loop);
	go_on_and_check(&scene);
}

static const ferry_disposer forking_anywhere = { FERRY_DISPOSE_ANYWHERE, dispose };

static int gives_anywhere(void *arg, ferry_result *out)
{
	*out = ferry_result_pointer(arg, &forking_anywhere);
	return 0;
}

/* What is left in the queue is a husk, and the last that holds the result. */
static int runs_what_it_awaits_and_drops_it(void *pool, ferry_result *out)
{
	(void)out;
	work_end(work_submit(pool, gives_anywhere, NULL, NULL));
	return ferry_pool_submit(pool, runs_in_the_parent, NULL, NULL, NULL);
}

Test(forks, P6_the_child_of_the_disposer_of_a_husk_ends_where_that_returns)
{
	struct scene scene;

	keep(&scene);
	ferry_pool_submit(scene.pool, runs_what_it_awaits_and_drops_it, scene.pool, NULL, NULL);
	go_on_and_check(&scene);
}

static void notify(ferry_waiter *waiter)
{
	(void)waiter;
	fork_once();
}

Test(forks, P6_the_child_of_a_waiters_notify_ends_where_that_returns)
{
	ferry_waiter waiter = { NULL, notify };
	ferry_future *future;
	struct scene scene;

	keep(&scene);
	future = work_submit(scene.pool, work_nothing, NULL, NULL);
	cr_assert_eq(ferry_future_attach(future, &waiter), 0);
	go_on_and_check(&scene);
	ferry_future_unref(future);
}

static int waits_for_what_tells(void *pool, ferry_result *out)
{
	ferry_waiter waiter = { NULL, notify };
	ferry_future *future = work_submit(pool, work_nothing, NULL, NULL);

	cr_assert_eq(ferry_future_attach(future, &waiter), 0);
	/* Run here: there is one worker. */
	work_end(future);
	return runs_in_the_parent(pool, out);
}

Test(forks, P6_the_child_of_a_notify_ends_where_that_returns_in_a_wait_as_well)
{
	struct scene scene;

	keep(&scene);
	ferry_pool_submit(scene.pool, waits_for_what_tells, scene.pool, NULL, NULL);
	go_on_and_check(&scene);
}

static void release(void *arg)
{
	(void)arg;
	fork_once();
}

Test(forks, P6_the_child_of_the_release_of_what_expired_ends_where_that_returns)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_future *future;
	struct scene scene;

	keep(&scene);
	options.release = release;
	options.deadline_ns = 1;
	future = work_submit(scene.pool, runs_in_the_parent, NULL, &options);
	go_on_and_check(&scene);
	cr_assert_eq(work_end(future).exception, ferry_error_from_code(FERRY_ERROR_TIMED_OUT));
}

static struct gate hook_gate;

static int start(void *user)
{
	if (user) {
		gate_wait(&hook_gate);
		fork_once();
	}
	return 0;
}

static void stop(void *user)
{
	if (!user)
		fork_once();
}

static ferry_pool *pool_with_hooks(void *user)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.max_threads = 1;
	options.start = start;
	options.stop = stop;
	options.user = user;
	return work_pool(&options);
}

Test(forks, P6_the_child_of_a_start_hook_ends_where_that_returns)
{
	ferry_future *queued;
	ferry_pool *pool;

	gate_init(&hook_gate);
	pool = pool_with_hooks(&hook_gate);
	begin(pool);
	queued = work_submit(pool, runs_in_the_parent, NULL, NULL);
	gate_open(&hook_gate);
	work_end(queued);
	work_close(pool);
	check_child(EXIT_FAILURE);
}

Test(forks, P6_the_child_of_a_stop_hook_ends_where_that_returns)
{
	ferry_pool *pool = pool_with_hooks(NULL);

	begin(pool);
	work_close(pool);
	check_child(EXIT_FAILURE);
}

static int fail_to_start(void *user)
{
	gate_wait(user);
	return -1;
}

Test(forks, P6_the_child_of_a_hook_that_is_called_as_the_pool_breaks_ends_where_that_returns)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_job_options job = FERRY_JOB_OPTIONS_INIT;
	ferry_future *queued;
	ferry_pool *pool;

	gate_init(&hook_gate);
	options.max_threads = 1;
	options.start = fail_to_start;
	options.user = &hook_gate;
	pool = work_pool(&options);
	begin(pool);
	job.release = release;
	queued = work_submit(pool, work_nothing, NULL, &job);
	gate_open(&hook_gate);
	cr_assert_eq(work_end(queued).exception, ferry_error_from_code(FERRY_ERROR_BROKEN));
	work_close(pool);
	check_child(EXIT_FAILURE);
}

static int forks(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	fork_once();
	return 0;
}

static int waits_for_one_that_forks(void *pool, ferry_result *out)
{
	work_end(work_submit(pool, forks, NULL, NULL));
	return runs_in_the_parent(pool, out);
}

static void check_freed_by(ferry_function fn)
{
	ferry_pool *pool = fixture_pool(1);

	begin(pool);
	work_end(work_submit(pool, fn, pool, NULL));
	check_child(EXIT_FAILURE);
	work_close(pool);
}

Test(forks, P6_a_child_that_freed_the_pool_of_its_worker_ends_where_its_function_returns)
{
	check_freed_by(forks);
}

Test(forks, P6_a_child_that_freed_the_pool_of_its_worker_ends_there_in_a_wait_as_well)
{
	check_freed_by(waits_for_one_that_forks);
}

/* ---- in a shutdown ---- */

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

/* Another thread is inside the pool as this one forks, and the child does not free it. */
static void fork_while_locked(void *arg)
{
	struct core *core = arg;
	pthread_t holder;

	if (getpid() != parent || child)
		return;
	gate_init(&held);
	gate_init(&go_on);
	gate_open(&held);
	cr_assert_eq(pthread_create(&holder, NULL, holds_the_lock, core), 0);
	gate_await(&go_on, 1);
	child = fork();
	if (child == 0)
		return;
	gate_open(&go_on);
	pthread_join(holder, NULL);
}

static void on_cancel(ferry_future *future, void *core)
{
	(void)future;
	fork_while_locked(core);
}

static void cancelled_in_the_parent(ferry_future *future, void *user)
{
	(void)user;
	(void)future;
	runs_in_the_parent(NULL, NULL);
}

/* Two are queued: a hook of the first forks, and the child does not get to the second. */
static void queue_two(struct scene *scene)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	keep(scene);
	options.on_cancel = on_cancel;
	options.user = scene->pool->core;
	scene->queued[0] = work_submit(scene->pool, work_nothing, NULL, &options);
	options.on_cancel = cancelled_in_the_parent;
	scene->queued[1] = work_submit(scene->pool, work_nothing, NULL, &options);
}

static void end_two(struct scene *scene)
{
	check_child(3);
	for (unsigned i = 0; i < 2; i++)
		cr_assert(work_end(scene->queued[i]).cancelled);
	gate_open(&scene->gate);
	work_end(scene->kept);
}

Test(forks, P6_a_shutdown_whose_hook_forked_says_so_in_the_child)
{
	static const ferry_shutdown modes[] = { FERRY_SHUTDOWN_DRAIN, FERRY_SHUTDOWN_CANCEL,
						FERRY_SHUTDOWN_ABANDON };

	for (unsigned i = 0; i < 3; i++) {
		struct scene scene;
		int said;

		queue_two(&scene);
		/* The drain cancels at its deadline. */
		said = ferry_pool_shutdown(scene.pool, modes[i], 0);
		if (child == 0)
			_exit(said == -ECHILD ? 3 : 4);
		cr_assert_eq(said, 1);
		end_two(&scene);
		work_close(scene.pool);
	}
}

Test(forks, P6_a_pool_is_freed_in_the_child_as_well_if_a_hook_forked)
{
	struct scene scene;

	queue_two(&scene);
	ferry_pool_free(scene.pool);
	if (child == 0)
		_exit(3);
	end_two(&scene);
}

static struct gate first;

static void wait_or_fork(const ferry_result *result)
{
	if (result->pointer)
		fork_while_locked(result->pointer);
	else
		gate_wait(&first);
}

static const ferry_disposer waiting_or_forking = { FERRY_DISPOSE_BLOCKING, wait_or_fork };

static int gives_one_of_two(void *core, ferry_result *out)
{
	*out = ferry_result_pointer(core, &waiting_or_forking);
	return 0;
}

static void drop_on_a_loop(void *future)
{
	ferry_loop *loop = fixture_loop();

	ferry_future_unref(future);
	ferry_loop_free(loop);
}

/* The one thread that may be made for it has another, so the result is left to the shutdown. */
Test(forks, P6_a_shutdown_whose_disposer_forked_says_so_in_the_child)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_future *futures[2];
	int said;

	begin(NULL);
	gate_init(&first);
	futures[0] = work_submit(pool, gives_one_of_two, NULL, NULL);
	futures[1] = work_submit(pool, gives_one_of_two, pool->core, NULL);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	fixture_elsewhere(drop_on_a_loop, futures[0]);
	gate_await(&first, 1);
	fixture_elsewhere(drop_on_a_loop, futures[1]);
	said = ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, 0);
	if (child == 0)
		_exit(said == -ECHILD ? 3 : 4);
	cr_assert_eq(said, 0);
	check_child(3);
	gate_open(&first);
	ferry_pool_free(pool);
}

/* ---- as a loop is freed ---- */

static void fork_on_cancel(ferry_future *future, void *user)
{
	(void)future;
	(void)user;
	fork_once();
}

/* 3 if this thread is no loop's: it may wait for a job. */
static int is_no_loops(void)
{
	ferry_pool *own = fixture_pool(1);
	ferry_future *future = work_submit(own, work_nothing, NULL, NULL);

	return ferry_future_wait(future, FERRY_NO_DEADLINE) == 0 ? 3 : 4;
}

Test(forks, P6_a_childs_thread_is_no_loops_though_a_hook_of_its_end_forked)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_loop *loop = fixture_loop();
	struct scene scene;
	int error;

	keep(&scene);
	inherited = NULL;
	options.on_cancel = fork_on_cancel;
	ferry_local_unref(ferry_offload(loop, scene.pool, work_nothing, NULL, &options));
	error = ferry_loop_free(loop);
	if (child == 0)
		_exit(error ? 5 : is_no_loops());
	cr_assert_eq(error, 0);
	check_child(3);
	gate_open(&scene.gate);
	work_end(scene.kept);
	work_close(scene.pool);
}
