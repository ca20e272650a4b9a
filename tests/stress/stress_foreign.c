/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Promises completed by foreign threads that exit at once, with forks in the middle
 * (F1, F5, F7, L3, P6).
 *
 * Each thread completes a few promises and is gone. They are wrapped on a loop, or waited
 * for, or dropped; loops are closed while completions arrive. Now and
 * then the process forks: the child uses a promise and a loop of its own, finds that it
 * can use nothing of its parent's, and frees that.
 */
#include <signal.h>
#include <stdatomic.h>

#include "support/product.h"
#include "support/program.h"
#include "support/work.h"

#define BATCH 24 /* threads */
#define EACH 16  /* promises that one of them completes */
#define FORK_EVERY 50 /* batches */

static struct {
	long wrapped, waited, dropped, closed, forks;
} books;

/* ---- a foreign thread ---- */

struct errand {
	pthread_t thread;
	int count;
	ferry_future *futures[EACH]; /* references of its own */
	uint64_t random;
};

static void complete_one(struct errand *errand, ferry_future *future)
{
	int error = 0;

	if (random_below(&errand->random, 2))
		error = ferry_future_set_running(future);
	if (error) {
		program_check(error == -ECANCELED, "set_running: %d", error);
	} else if (!random_below(&errand->random, 8)) {
		error = ferry_future_set_exception(future, ferry_error_from_errno(EIO));
	} else if (!random_below(&errand->random, 8)) {
		error = ferry_future_set_cancelled(future);
	} else {
		ferry_result result = product_new(&product_anywhere);

		error = ferry_future_set_result(future, result);
		if (error)
			product_take(&result);
	}
	program_check(!error || error == -EALREADY || error == -ECANCELED, "completing: %d", error);
	ferry_future_unref(future);
}

/* Completes its promises, lets go of them, and is gone. */
static void *complete(void *argument)
{
	struct errand *errand = argument;

	for (int i = 0; i < errand->count; i++)
		complete_one(errand, errand->futures[i]);
	return NULL;
}

static void errand_begin(struct errand *errand)
{
	int error = pthread_create(&errand->thread, NULL, complete, errand);

	program_check(!error, "no thread: %d", error);
}

/* ---- a fork's child ---- */

struct scene {
	uint64_t random;
	ferry_loop *loop;
	ferry_pool *pool;
	ferry_future *queued; /* a job that waits behind the gate, and waits for ever here */
	struct gate gate;
	ferry_future *busy;
	struct errand errands[BATCH];
	ferry_local *locals[BATCH][EACH];
	long called, expected;
};

#define CHILD_CHECK(condition)                                                \
	do {                                                                  \
		if (!(condition)) {                                           \
			fprintf(stderr, "in the child: not %s\n", #condition); \
			return 1;                                             \
		}                                                             \
	} while (0)

static void never(ferry_loop *loop, void *user)
{
	(void)loop;
	(void)user;
	program_fail("a callback of the parent runs in the child (P6)");
}

static void count_call(ferry_loop *loop, void *user)
{
	(void)loop;
	++*(int *)user;
}

static int child_refused(struct scene *scene)
{
	ferry_pool_counters counters;
	ferry_future *future;

	CHILD_CHECK(ferry_loop_call_soon(scene->loop, never, NULL) == -ECHILD);
	CHILD_CHECK(ferry_loop_call_soon_threadsafe(scene->loop, never, NULL) == -ECHILD);
	CHILD_CHECK(ferry_loop_run(scene->loop) == -ECHILD);
	errno = 0;
	CHILD_CHECK(!ferry_offload(scene->loop, scene->pool, work_nothing, NULL, NULL));
	CHILD_CHECK(errno == ECHILD);
	CHILD_CHECK(ferry_pool_submit(scene->pool, work_nothing, NULL, NULL, &future) == -ECHILD);
	CHILD_CHECK(ferry_pool_resize(scene->pool, 1, 1) == -ECHILD);
	CHILD_CHECK(ferry_pool_stats(scene->pool, &counters) == -ECHILD);
	CHILD_CHECK(ferry_pool_shutdown(scene->pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE) ==
		    -ECHILD);
	CHILD_CHECK(ferry_future_wait(scene->queued, FERRY_NO_DEADLINE) == -ECHILD);
	return 0;
}

static int child_own(void)
{
	ferry_future *future;
	ferry_local *local;
	ferry_result result;
	ferry_loop *loop;
	int called = 0;

	CHILD_CHECK(ferry_future_new(NULL, &future) == 0);
	CHILD_CHECK(ferry_loop_new(NULL, &loop) == 0);
	local = ferry_wrap(loop, future);
	CHILD_CHECK(local);
	CHILD_CHECK(ferry_loop_call_soon_threadsafe(loop, count_call, &called) == 0);
	CHILD_CHECK(ferry_future_set_result(future, ferry_result_u64(7)) == 0);
	CHILD_CHECK(ferry_loop_run_until(loop, local) == 0);
	CHILD_CHECK(ferry_local_take(local, &result) == 0 && result.u64 == 7);
	CHILD_CHECK(ferry_loop_run(loop) == 0 && called == 1);
	ferry_local_unref(local);
	CHILD_CHECK(ferry_loop_free(loop) == 0);
	CHILD_CHECK(ferry_future_wait(future, FERRY_NO_DEADLINE) == 0);
	ferry_future_unref(future);
	return 0;
}

static int in_child(void *argument)
{
	struct scene *scene = argument;

	if (child_refused(scene) || child_own())
		return 1;
	/* Frees what is its parent's, in either order, and goes on with its own. */
	if (random_below(&scene->random, 2))
		CHILD_CHECK(ferry_pool_free(scene->pool) == NULL);
	CHILD_CHECK(ferry_loop_free(scene->loop) == 0);
	return child_own();
}

/* ---- the loop's thread ---- */

static void done(ferry_local *local, void *user)
{
	struct scene *scene = user;
	ferry_result result;

	program_check(ferry_local_snapshot(local).done, "a callback of a pending local");
	scene->called++;
	if (scene->called % 2 && !ferry_local_take(local, &result))
		product_take(&result);
}

static ferry_local *wrap(struct scene *scene, ferry_future *future)
{
	ferry_local *local = ferry_wrap(scene->loop, future);

	program_check(local, "no wrap: %d", errno);
	program_check(!ferry_local_add_done_callback(local, done, scene), "no callback");
	scene->expected++;
	books.wrapped++;
	return local;
}

/* Promises that a foreign thread is about to complete, and who looks at them. */
static void begin(struct scene *scene, int i)
{
	struct errand *errand = &scene->errands[i];
	ferry_local **locals = scene->locals[i];
	ferry_future *futures[EACH];

	errand->random = random_next(&scene->random);
	errand->count = EACH;
	for (int j = 0; j < EACH; j++) {
		program_check(!ferry_future_new(NULL, &futures[j]), "no promise");
		errand->futures[j] = ferry_future_ref(futures[j]);
		locals[j] = random_below(&scene->random, 4) ? wrap(scene, futures[j]) : NULL;
	}
	errand_begin(errand);
	for (int j = 0; j < EACH; j++) {
		/* One more look, from this side of the completion. */
		if (!locals[j] && random_below(&scene->random, 2))
			locals[j] = wrap(scene, futures[j]);
		books.dropped += !locals[j];
		if (!random_below(&scene->random, 8))
			ferry_future_cancel(futures[j]);
		ferry_future_unref(futures[j]);
	}
}

static void reopen(struct scene *scene)
{
	program_check(!ferry_loop_free(scene->loop), "a loop cannot be freed");
	for (int i = 0; i < BATCH * EACH; i++) {
		ferry_local *local = scene->locals[i / EACH][i % EACH];

		program_check(!local || ferry_local_snapshot(local).done,
			      "a local of a closed loop is pending (L3)");
		ferry_local_unref(local);
	}
	scene->loop = fixture_loop();
	scene->called = scene->expected = 0;
	books.closed++;
}

static void finish(struct scene *scene)
{
	program_check(!ferry_loop_run(scene->loop), "a loop cannot run");
	program_check(scene->called == scene->expected, "%ld callbacks ran of %ld (L1)",
		      scene->called, scene->expected);
	for (int i = 0; i < BATCH * EACH; i++)
		ferry_local_unref(scene->locals[i / EACH][i % EACH]);
}

static void fork_here(struct scene *scene)
{
	int status = fixture_in_child(in_child, scene);

	program_check(!status, "the child ended with %d (P6)", status);
	books.forks++;
}

/* A sanitizer's allocator has locks that a fork leaves locked for ever, if another thread has one
 * just then: no other thread may be there that allocates. */
#define FORKS_ALONE (PROGRAM_SLOW > 1)

static void batch(struct scene *scene, bool forks)
{
	unsigned at = random_below(&scene->random, BATCH);

	for (unsigned i = 0; i < BATCH; i++) {
		begin(scene, (int)i);
		if (forks && i == at && !FORKS_ALONE)
			fork_here(scene);
		if (!random_below(&scene->random, 8))
			program_check(ferry_loop_run_once(scene->loop, 0) >= 0, "no turn");
	}
	if (random_below(&scene->random, 4))
		finish(scene);
	else
		reopen(scene);
	for (int i = 0; i < BATCH; i++)
		pthread_join(scene->errands[i].thread, NULL);
	if (forks && FORKS_ALONE)
		fork_here(scene);
}

/* In all threads to come: one that did not block it would take the news that a child has
 * ended from fixture_in_child(), which waits for it. */
static void block_child_signal(void)
{
	sigset_t ended;

	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &ended, NULL);
}

/* ---- a thread that waits ---- */

struct waiting {
	pthread_t thread;
	uint64_t random;
	_Atomic bool stop;
};

/* One promise after the other, waited for while its thread completes it. */
static void *wait_for_promises(void *argument)
{
	struct waiting *waiting = argument;

	while (!waiting->stop) {
		struct errand errand = { .count = 1, .random = random_next(&waiting->random) };
		ferry_future *future;
		ferry_result result;

		program_check(!ferry_future_new(NULL, &future), "no promise");
		errand.futures[0] = ferry_future_ref(future);
		errand_begin(&errand);
		program_check(!ferry_future_wait(future, FERRY_NO_DEADLINE), "no wait");
		if (!ferry_future_take(future, &result))
			product_take(&result);
		ferry_future_unref(future);
		pthread_join(errand.thread, NULL);
		books.waited++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct program program = program_begin(
		argc, argv, "foreign threads complete promises and exit", 1000000, 10000000);
	struct scene scene = { .random = program.seed };
	struct waiting waiting = { .random = program.seed + 1 };
	int descriptors;

	block_child_signal();
	/* A job of the parent's that no child may wait for. */
	scene.pool = fixture_pool(1);
	gate_init(&scene.gate);
	work_occupy(scene.pool, &scene.gate, &scene.busy, 1);
	scene.queued = work_submit(scene.pool, work_nothing, NULL, NULL);
	scene.loop = fixture_loop();
	descriptors = fixture_descriptors();
	program_check(!pthread_create(&waiting.thread, NULL, wait_for_promises, &waiting),
		      "no thread");
	for (long i = 0; i * BATCH * EACH < program.count; i++)
		batch(&scene, i % FORK_EVERY == 1);
	waiting.stop = true;
	pthread_join(waiting.thread, NULL);
	program_check(fixture_descriptors() == descriptors, "%d descriptors, and then %d",
		      descriptors, fixture_descriptors());
	program_check(!ferry_loop_free(scene.loop), "a loop cannot be freed");
	gate_open(&scene.gate);
	work_end(scene.busy);
	work_end(scene.queued);
	work_close(scene.pool);
	gate_destroy(&scene.gate);
	product_check();
	printf("%ld wrapped, %ld dropped, %ld waited for, %ld loops closed, %ld forks\n",
	       books.wrapped, books.dropped, books.waited, books.closed, books.forks);
	return 0;
}
