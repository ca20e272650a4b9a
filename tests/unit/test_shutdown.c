/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/shutdown.c: drain, cancel, abandon; deadlines (P5); the counts of what was
 * ended (P1); a result that is left to the last worker (F7). Others are in test_disposers.c.
 */
#include <criterion/criterion.h>

#include "pool/core.h"
#include "support/births.h"
#include "support/token.h"
#include "support/work.h"

TestSuite(shutdown, .timeout = 30);

/* One worker at the gate, five jobs behind it. */
struct scene {
	ferry_pool *pool;
	struct gate gate;
	ferry_future *kept, *queued[5];
	_Atomic unsigned ran;
};

static void begin(struct scene *scene)
{
	*scene = (struct scene){ .pool = fixture_pool(1) };
	gate_init(&scene->gate);
	work_occupy(scene->pool, &scene->gate, &scene->kept, 1);
	for (unsigned i = 0; i < 5; i++)
		scene->queued[i] = work_submit(scene->pool, work_count, (void *)&scene->ran, NULL);
}

static void check_queued(struct scene *scene, int cancelled)
{
	for (unsigned i = 0; i < 5; i++) {
		ferry_snapshot snapshot = ferry_future_snapshot(scene->queued[i]);

		cr_assert(snapshot.done && snapshot.cancelled == cancelled);
	}
}

static void end(struct scene *scene)
{
	gate_open(&scene->gate);
	cr_assert_null(work_end(scene->kept).exception);
	for (unsigned i = 0; i < 5; i++)
		work_end(scene->queued[i]);
	work_close(scene->pool);
}

static void *opens_when_asleep(void *arg)
{
	struct scene *scene = arg;

	/* Somebody waits for the shutdown: the main thread, which has this number. */
	tasks_until_asleep(getpid());
	gate_open(&scene->gate);
	return NULL;
}

/* What a shutdown returns that begins while the worker is at the gate, and may wait. */
static int shut_down_and_open(struct scene *scene, ferry_shutdown mode)
{
	pthread_t opener;
	int left;

	cr_assert_eq(pthread_create(&opener, NULL, opens_when_asleep, scene), 0);
	left = ferry_pool_shutdown(scene->pool, mode, FERRY_NO_DEADLINE);
	pthread_join(opener, NULL);
	return left;
}

/* ---- modes ---- */

Test(shutdown, a_drain_runs_what_is_queued)
{
	struct scene scene;

	begin(&scene);
	cr_assert_eq(shut_down_and_open(&scene, FERRY_SHUTDOWN_DRAIN), 0);
	check_queued(&scene, 0);
	cr_assert_eq(scene.ran, 5);
	cr_assert_eq(work_books(scene.pool).ran, 6);
	end(&scene);
}

Test(shutdown, a_cancel_ends_what_is_queued_and_waits_for_what_runs)
{
	struct scene scene;

	begin(&scene);
	cr_assert_eq(shut_down_and_open(&scene, FERRY_SHUTDOWN_CANCEL), 0);
	check_queued(&scene, 1);
	cr_assert(ferry_future_snapshot(scene.kept).done);
	cr_assert_eq(scene.ran, 0);
	cr_assert(work_books(scene.pool).cancelled == 5 && work_books(scene.pool).ran == 1);
	end(&scene);
}

Test(shutdown, an_abandon_ends_what_is_queued_and_waits_for_nothing)
{
	struct scene scene;

	begin(&scene);
	cr_assert_eq(ferry_pool_shutdown(scene.pool, FERRY_SHUTDOWN_ABANDON, FERRY_NO_DEADLINE), 1);
	check_queued(&scene, 1);
	cr_assert(!ferry_future_snapshot(scene.kept).done);
	end(&scene);
	cr_assert_eq(scene.ran, 0);
}

Test(shutdown, of_an_idle_pool_ends_at_once_in_any_mode)
{
	for (int mode = FERRY_SHUTDOWN_DRAIN; mode <= FERRY_SHUTDOWN_ABANDON; mode++) {
		ferry_pool *pool = fixture_pool(3);

		cr_assert_eq(ferry_pool_shutdown(pool, (ferry_shutdown)mode, FERRY_NO_DEADLINE), 0);
		work_close(pool);
	}
}

/* ---- deadlines: 72165 and 157215 asked for them ---- */

Test(shutdown, ends_by_its_deadline_and_says_how_many_still_run)
{
	for (int mode = FERRY_SHUTDOWN_DRAIN; mode <= FERRY_SHUTDOWN_ABANDON; mode++) {
		uint64_t deadlines[] = { 0, 1, ferry_in_ns(1000000) };

		for (unsigned i = 0; i < 3; i++) {
			struct scene scene;

			begin(&scene);
			cr_assert_eq(ferry_pool_shutdown(scene.pool, (ferry_shutdown)mode,
							 deadlines[i]),
				     1);
			/* What is still queued by then is cancelled, by a drain as well. */
			check_queued(&scene, 1);
			cr_assert(work_books(scene.pool).queued == 0 &&
				  work_books(scene.pool).running == 1);
			end(&scene);
		}
	}
}

Test(shutdown, may_be_called_again_to_wait_longer_or_to_cancel)
{
	struct scene scene;

	begin(&scene);
	cr_assert_eq(ferry_pool_shutdown(scene.pool, FERRY_SHUTDOWN_CANCEL, 0), 1);
	cr_assert_eq(ferry_pool_shutdown(scene.pool, FERRY_SHUTDOWN_CANCEL, 1), 1);
	cr_assert_eq(ferry_pool_shutdown(scene.pool, FERRY_SHUTDOWN_ABANDON, 0), 1);
	cr_assert_eq(shut_down_and_open(&scene, FERRY_SHUTDOWN_DRAIN), 0);
	cr_assert_eq(ferry_pool_shutdown(scene.pool, FERRY_SHUTDOWN_DRAIN, 0), 0);
	end(&scene);
}

/* ---- who calls it ---- */

Test(shutdown, refuses_bad_input)
{
	ferry_pool *pool = fixture_pool(1);

	cr_assert_eq(ferry_pool_shutdown(NULL, FERRY_SHUTDOWN_DRAIN, 0), -EINVAL);
	cr_assert_eq(ferry_pool_shutdown(pool, (ferry_shutdown)3, 0), -EINVAL);
	cr_assert_eq(ferry_pool_shutdown(pool, (ferry_shutdown)-1, 0), -EINVAL);
	work_end(work_submit(pool, work_nothing, NULL, NULL));
	work_close(pool);
}

struct insider {
	ferry_pool *pool;
	int drained, cancelled, abandoned;
};

static int shuts_down_inside(void *arg, ferry_result *out)
{
	struct insider *insider = arg;

	(void)out;
	insider->drained = ferry_pool_shutdown(insider->pool, FERRY_SHUTDOWN_DRAIN, 0);
	work_end(work_submit(insider->pool, work_nothing, NULL, NULL));
	insider->cancelled = ferry_pool_shutdown(insider->pool, FERRY_SHUTDOWN_CANCEL,
						 FERRY_NO_DEADLINE);
	insider->abandoned = ferry_pool_shutdown(insider->pool, FERRY_SHUTDOWN_ABANDON, 0);
	return 0;
}

Test(shutdown, on_a_worker_does_not_wait_and_does_not_drain)
{
	struct insider insider = { .pool = fixture_pool(2) };

	work_end(work_submit(insider.pool, shuts_down_inside, &insider, NULL));
	/* Refused, and nothing changed: a job was still accepted. */
	cr_assert_eq(insider.drained, -EDEADLK);
	/* It runs itself. */
	cr_assert(insider.cancelled == 1 && insider.abandoned == 1);
	work_close(insider.pool);
}

/* What the hook of a job does that a shutdown cancels. */
static void shuts_down_again(ferry_future *future, void *user)
{
	struct insider *insider = user;

	(void)future;
	insider->drained = ferry_pool_shutdown(insider->pool, FERRY_SHUTDOWN_DRAIN, 0);
	insider->cancelled = ferry_pool_shutdown(insider->pool, FERRY_SHUTDOWN_CANCEL,
						 FERRY_NO_DEADLINE);
	insider->abandoned = ferry_pool_shutdown(insider->pool, FERRY_SHUTDOWN_ABANDON, 0);
}

/* It would wait for the one that it is inside of. */
Test(shutdown, in_a_hook_that_a_shutdown_calls_does_not_wait_and_does_not_drain)
{
	struct insider insider = { .pool = fixture_pool(1) };
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_future *kept, *queued;
	struct gate gate;

	gate_init(&gate);
	work_occupy(insider.pool, &gate, &kept, 1);
	options.on_cancel = shuts_down_again;
	options.user = &insider;
	queued = work_submit(insider.pool, work_nothing, NULL, &options);
	cr_assert_eq(ferry_pool_shutdown(insider.pool, FERRY_SHUTDOWN_CANCEL, 0), 1);
	cr_assert_eq(insider.drained, -EDEADLK);
	/* The one that is kept, and the one whose hook it is. */
	cr_assert(insider.cancelled == 2 && insider.abandoned == 2);
	cr_assert(work_end(queued).cancelled);
	gate_open(&gate);
	work_end(kept);
	work_close(insider.pool);
}

static void *shuts_down(void *arg)
{
	struct scene *scene = arg;
	static _Atomic int number;
	int mode = number++ % 3;

	return (void *)(intptr_t)ferry_pool_shutdown(
		scene->pool, (ferry_shutdown)mode,
		mode == FERRY_SHUTDOWN_ABANDON ? 0 : FERRY_NO_DEADLINE);
}

Test(shutdown, may_be_called_by_several_threads_at_once)
{
	for (unsigned round = 0; round < 50; round++) {
		pthread_t threads[6];
		struct scene scene;

		begin(&scene);
		for (unsigned i = 0; i < 6; i++)
			cr_assert_eq(pthread_create(&threads[i], NULL, shuts_down, &scene), 0);
		gate_open(&scene.gate);
		for (unsigned i = 0; i < 6; i++) {
			void *left;

			pthread_join(threads[i], &left);
			cr_assert_geq((intptr_t)left, 0);
			cr_assert_leq((intptr_t)left, 1);
		}
		end(&scene);
	}
}

static int shuts_down_in_child(void *pool)
{
	return ferry_pool_shutdown(pool, FERRY_SHUTDOWN_CANCEL, FERRY_NO_DEADLINE) != -ECHILD;
}

/* P6 */
Test(shutdown, refuses_in_a_forks_child)
{
	ferry_pool *pool = fixture_pool(1);

	cr_assert_eq(fixture_in_child(shuts_down_in_child, pool), 0);
	work_close(pool);
}

/* ---- the books (P1) ---- */

static ferry_future *the_other;

static void cancels_the_other(void *arg)
{
	(void)arg;
	if (the_other)
		ferry_future_cancel(the_other);
	the_other = NULL;
}

/* The shutdown has both in its hands when the hook of the first ends the second. */
Test(shutdown, what_is_cancelled_while_it_cancels_is_counted_once)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(1);
	ferry_future *kept, *first, *second;
	ferry_pool_counters books;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	options.release = cancels_the_other;
	first = work_submit(pool, work_nothing, NULL, &options);
	second = the_other = work_submit(pool, work_nothing, NULL, NULL);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_ABANDON, 0), 1);
	cr_assert_null(the_other);
	books = work_books(pool);
	cr_assert(books.cancelled == 2 && books.queued == 0 && books.running == 1);
	gate_open(&gate);
	work_end(kept);
	cr_assert(work_end(first).cancelled && work_end(second).cancelled);
	work_close(pool);
}

static _Atomic int starts;

static int start_once(void *user)
{
	(void)user;
	return starts++ ? -1 : 0;
}

static int waits_for(void *arg, ferry_result *out)
{
	(void)out;
	return ferry_future_wait(arg, FERRY_NO_DEADLINE);
}

/* Internal: the limit is what it was when each lent place has been taken back. */
Test(shutdown, a_place_lent_while_the_pool_breaks_is_taken_back)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_future *promise, *waiting, *failed;
	ferry_pool *pool;

	options.max_threads = 1;
	options.start = start_once;
	pool = work_pool(&options);
	cr_assert_eq(ferry_future_new(NULL, &promise), 0);
	waiting = work_submit(pool, waits_for, promise, NULL);
	/* The place is lent, for this job a second worker is made, and its start fails. */
	failed = work_submit(pool, work_nothing, NULL, NULL);
	cr_assert_eq(work_end(failed).exception, ferry_error_from_code(FERRY_ERROR_BROKEN));
	ferry_future_set_result(promise, ferry_result_u64(0));
	cr_assert_null(work_end(waiting).exception);
	tasks_until_true(work_books(pool).threads == 0);
	cr_assert_eq(pool->core->limit, 0);
	ferry_future_unref(promise);
	work_close(pool);
}

/* ---- results that nobody took (F7) ---- */

static int gives_a_token(void *arg, ferry_result *out)
{
	*out = token_result(arg, &token_blocking);
	return 0;
}

static struct gate stop_gate;

static void stops_at_gate(void *user)
{
	(void)user;
	gate_wait(&stop_gate);
}

/* The last worker has seen that nothing is left when the result is handed over. */
Test(shutdown, a_result_handed_over_to_a_worker_that_leaves_is_disposed_of)
{
	struct token token = { .disposed = 0 };
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_loop *loop = fixture_loop();
	ferry_future *future;
	ferry_pool *pool;

	gate_init(&stop_gate);
	options.name = "leaver";
	options.max_threads = 1;
	options.stop = stops_at_gate;
	pool = work_pool(&options);
	future = work_submit(pool, gives_a_token, &token, NULL);
	tasks_until_true(ferry_future_snapshot(future).done);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_ABANDON, 0), 0);
	gate_await(&stop_gate, 1);
	/* Nor can another be made. */
	births_limit(0);
	ferry_future_unref(future);
	cr_assert_eq(token.disposed, 0);
	gate_open(&stop_gate);
	tasks_until("leaver-", 0);
	ferry_pool_free(pool);
	cr_assert_eq(token.disposed, 1);
	cr_assert(!pthread_equal(token.by, pthread_self()));
	ferry_loop_free(loop);
}

struct last {
	ferry_pool *pool;
	int drained;
	unsigned disposed;
};

static void drains_its_pool(const ferry_result *result)
{
	struct last *last = result->pointer;

	last->drained = ferry_pool_shutdown(last->pool, FERRY_SHUTDOWN_DRAIN, 0);
	last->disposed++;
}

static const ferry_disposer draining = { FERRY_DISPOSE_BLOCKING, drains_its_pool };

static int gives_what_drains(void *arg, ferry_result *out)
{
	*out = ferry_result_pointer(arg, &draining);
	return 0;
}

/* P5: it would wait for its own thread to leave. */
Test(shutdown, what_the_last_worker_disposes_of_as_it_leaves_is_on_a_worker)
{
	struct last last = { .drained = 0 };
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_loop *loop = fixture_loop();
	ferry_future *future;

	gate_init(&stop_gate);
	options.name = "last";
	options.max_threads = 1;
	options.stop = stops_at_gate;
	last.pool = work_pool(&options);
	future = work_submit(last.pool, gives_what_drains, &last, NULL);
	tasks_until_true(ferry_future_snapshot(future).done);
	cr_assert_eq(ferry_pool_shutdown(last.pool, FERRY_SHUTDOWN_ABANDON, 0), 0);
	gate_await(&stop_gate, 1);
	births_limit(0);
	ferry_future_unref(future);
	gate_open(&stop_gate);
	tasks_until("last-", 0);
	ferry_loop_free(loop);
	cr_assert_eq(last.disposed, 1);
	cr_assert_eq(last.drained, -EDEADLK);
	work_close(last.pool);
}

/* A lane of a pool of two workers, though three were allowed, and two are reserved for it. */
struct short_of_one {
	ferry_pool *pool;
	ferry_job_options job;
	ferry_future *behind;
	int behind_was_done;
	unsigned disposed;
};

static void looks_at_the_one_behind(const ferry_result *result)
{
	struct short_of_one *scene = result->pointer;

	scene->behind_was_done = ferry_future_snapshot(scene->behind).done;
	scene->disposed++;
}

static const ferry_disposer looking = { FERRY_DISPOSE_BLOCKING, looks_at_the_one_behind };

static int gives_what_looks(void *arg, ferry_result *out)
{
	*out = ferry_result_pointer(arg, &looking);
	return 0;
}

static void begin_short_of_one(struct short_of_one *scene)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_lane_options lane = FERRY_LANE_OPTIONS_INIT;

	*scene = (struct short_of_one){ .job = FERRY_JOB_OPTIONS_INIT };
	births_limit(2);
	options.min_threads = 2;
	options.max_threads = 3;
	scene->pool = work_pool(&options);
	lane.reserved = 2;
	cr_assert_eq(ferry_lane_new(scene->pool, &lane, &scene->job.lane), 0);
}

static void *drains(void *pool)
{
	return (void *)(intptr_t)ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE);
}

/* P7: it enters a job, finds that another worker is wanted, and cannot make one. Two jobs of the
 * lane, and a result that waits for a worker of everybody's. */
Test(shutdown, who_cannot_make_a_worker_leaves_results_to_those_that_there_are)
{
	struct gate gate, lane_gate;
	ferry_future *kept, *given, *first, *next;
	struct short_of_one scene;
	pthread_t drainer;
	ferry_loop *loop;
	void *left;

	gate_init(&gate);
	gate_init(&lane_gate);
	begin_short_of_one(&scene);
	given = work_submit(scene.pool, gives_what_looks, &scene, NULL);
	work_wait(given);
	work_occupy(scene.pool, &gate, &kept, 1);
	first = work_submit(scene.pool, work_at_gate, &lane_gate, &scene.job);
	gate_await(&lane_gate, 1);
	scene.behind = work_submit(scene.pool, work_nothing, NULL, &scene.job);
	next = work_submit(scene.pool, work_nothing, NULL, &scene.job);
	loop = fixture_loop();
	ferry_future_unref(given);
	ferry_loop_free(loop);
	cr_assert_eq(pthread_create(&drainer, NULL, drains, scene.pool), 0);
	tasks_until_true(crew_is_closed(scene.pool->core->crew));
	/* Internal: as if the pause after the last failure were over. */
	scene.pool->core->spawn_after_ns = 0;
	gate_open(&lane_gate);
	work_end(first);
	work_end(next);
	gate_open(&gate);
	work_end(kept);
	pthread_join(drainer, &left);
	cr_assert_eq((intptr_t)left, 0);
	cr_assert_eq(scene.disposed, 1);
	cr_assert(scene.behind_was_done);
	work_end(scene.behind);
	ferry_lane_free(scene.job.lane);
	work_close(scene.pool);
}
