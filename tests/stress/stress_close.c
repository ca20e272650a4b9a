/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loops closed while everything arrives: promises completed by foreign threads,
 * offloads, calls posted through a handle (L1, L3, L4, F7).
 *
 * Each round has a loop of its own. Completers and posters work on it until they are
 * told that it is closed or have nothing left to do; its thread runs a few turns and
 * closes it at any moment. What was accepted runs before the loop is closed or never;
 * each result, argument and handle ends exactly once.
 */
#include <stdatomic.h>

#include "support/product.h"
#include "support/program.h"
#include "support/work.h"

#define PROMISES 16
#define OFFLOADS 8
#define POSTS_MOST 64
#define COMPLETERS 2
#define POSTERS 2
#define GROUPS 2

static struct {
	_Atomic long offloads, released;
	_Atomic long posted, refused, called; /* calls from other threads */
	_Atomic long closed_early; /* rounds in which somebody was told so */
} books;

static ferry_pool *pool;

/* ---- an offload ---- */

static int work(void *arg, ferry_result *out)
{
	_Atomic uint64_t *canary = arg;

	program_check(*canary == PRODUCT_ALIVE, "a job runs with a released argument (L4)");
	*out = product_new(&product_blocking);
	return 0;
}

static void release(void *arg)
{
	_Atomic uint64_t *canary = arg;

	program_check(atomic_exchange(canary, PRODUCT_POISON) == PRODUCT_ALIVE,
		      "an argument is released twice (L4)");
	books.released++;
	free(canary);
}

/* ---- a round ---- */

struct group {
	pthread_t threads[COMPLETERS + POSTERS + 1];
	pthread_barrier_t begin, end;
	long rounds;
	uint64_t random;
	_Atomic unsigned helpers; /* gives each its number */

	/* Of this round: */
	ferry_loop *loop; /* the posters hold handles of their own */
	ferry_future *promises[PROMISES];
	_Atomic unsigned next; /* promise to be completed */
	_Atomic bool closed;   /* the loop has been closed: nothing may run any more */
	_Atomic bool told;
	_Atomic long posted;   /* accepted in this round */
	long called, expected;
};

static void *completer_main(void *argument)
{
	struct group *group = argument;

	for (long round = 0; round < group->rounds; round++) {
		unsigned i;

		pthread_barrier_wait(&group->begin);
		while ((i = group->next++) < PROMISES) {
			ferry_result result = product_new(&product_anywhere);

			/* The close of the loop may have cancelled it. */
			if (ferry_future_set_result(group->promises[i], result))
				product_dispose(&result);
			ferry_future_unref(group->promises[i]);
		}
		pthread_barrier_wait(&group->end);
	}
	return NULL;
}

static void called(ferry_loop *loop, void *user)
{
	struct group *group = user;

	(void)loop;
	program_check(!group->closed, "a call runs when its loop is closed (L3)");
	group->called++;
	books.called++;
}

static void *poster_main(void *argument)
{
	struct group *group = argument;

	for (long round = 0; round < group->rounds; round++) {
		ferry_loop *handle;

		pthread_barrier_wait(&group->begin);
		handle = group->loop;
		for (int i = 0; i < POSTS_MOST; i++) {
			bool closed = group->closed;
			int error = ferry_loop_call_soon_threadsafe(handle, called, group);

			if (!error) {
				program_check(!closed, "a closed loop accepts a call (L3)");
				group->posted++;
				books.posted++;
				continue;
			}
			program_check(error == -ESHUTDOWN, "a post: %d", error);
			books.refused++;
			group->told = true;
			break;
		}
		ferry_loop_unref(handle);
		pthread_barrier_wait(&group->end);
	}
	return NULL;
}

/* ---- the loop's thread ---- */

static void done(ferry_local *local, void *user)
{
	struct group *group = user;
	ferry_result result;

	program_check(!group->closed, "a callback runs when its loop is closed (L3)");
	group->expected--;
	if (group->expected % 2 && !ferry_local_take(local, &result))
		product_take(&result);
}

static void add(struct group *group, ferry_local *locals[], unsigned i, ferry_local *local)
{
	program_check(local, "no local: %d", errno);
	program_check(!ferry_local_add_done_callback(local, done, group), "no callback");
	group->expected++;
	locals[i] = local;
}

static void offload(struct group *group, ferry_local *locals[], unsigned i)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	_Atomic uint64_t *canary = malloc(sizeof(*canary));

	program_check(canary, "no memory");
	*canary = PRODUCT_ALIVE;
	options.release = release;
	books.offloads++;
	add(group, locals, i, ferry_offload(group->loop, pool, work, canary, &options));
}

static void prepare(struct group *group, ferry_local *locals[])
{
	group->loop = fixture_loop();
	group->called = group->expected = 0;
	group->posted = 0;
	group->closed = group->told = false;
	group->next = 0;
	for (unsigned i = 0; i < PROMISES; i++) {
		program_check(!ferry_future_new(NULL, &group->promises[i]), "no promise");
		add(group, locals, i, ferry_wrap(group->loop, group->promises[i]));
	}
	for (int i = 0; i < POSTERS; i++)
		ferry_loop_ref(group->loop);
}

static void close_loop(struct group *group, ferry_local *locals[])
{
	program_check(!ferry_loop_free(group->loop), "a loop cannot be freed");
	group->closed = true;
	for (unsigned i = 0; i < PROMISES + OFFLOADS; i++) {
		program_check(ferry_local_snapshot(locals[i]).done,
			      "a local of a closed loop is pending (L3)");
		ferry_local_unref(locals[i]);
	}
}

/* Turns until it is closed: none, some, or all that the loop needs. */
static void run(struct group *group)
{
	unsigned turns = random_below(&group->random, 8);

	if (turns == 7) {
		program_check(!ferry_loop_run(group->loop), "a loop cannot run");
		program_check(group->expected == 0, "%ld callbacks are missing (L1)",
			      group->expected);
		return;
	}
	while (turns--)
		program_check(ferry_loop_run_once(group->loop, ferry_in_ns(20000)) >= 0, "no turn");
}

static void *loop_main(void *argument)
{
	struct group *group = argument;

	for (long round = 0; round < group->rounds; round++) {
		ferry_local *locals[PROMISES + OFFLOADS];

		prepare(group, locals);
		pthread_barrier_wait(&group->begin);
		for (unsigned i = 0; i < OFFLOADS; i++)
			offload(group, locals, PROMISES + i);
		run(group);
		close_loop(group, locals);
		pthread_barrier_wait(&group->end);
		books.closed_early += group->told;
		program_check(group->called <= group->posted, "%ld calls ran, of %ld (L1)",
			      group->called, group->posted);
	}
	return NULL;
}

/* ---- the whole ---- */

static void *(*const mains[])(void *) = { loop_main, completer_main, completer_main, poster_main,
					  poster_main };
#define THREADS (sizeof(mains) / sizeof(*mains))
_Static_assert(THREADS == 1 + COMPLETERS + POSTERS, "a main for each thread");

static void group_begin(struct group *group, uint64_t seed, long rounds)
{
	group->random = seed;
	group->rounds = rounds;
	pthread_barrier_init(&group->begin, NULL, THREADS);
	pthread_barrier_init(&group->end, NULL, THREADS);
	for (unsigned i = 0; i < THREADS; i++)
		program_check(!pthread_create(&group->threads[i], NULL, mains[i], group),
			      "no thread");
}

static void group_end(struct group *group)
{
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(group->threads[i], NULL);
	pthread_barrier_destroy(&group->begin);
	pthread_barrier_destroy(&group->end);
}

int main(int argc, char **argv)
{
	struct program program = program_begin(
		argc, argv, "loops close while everything arrives", 20000, 400000);
	static struct group groups[GROUPS];
	int descriptors;

	pool = fixture_pool(2);
	descriptors = fixture_descriptors();
	for (int i = 0; i < GROUPS; i++)
		group_begin(&groups[i], program.seed + (uint64_t)i, (program.count + 1) / GROUPS);
	for (int i = 0; i < GROUPS; i++)
		group_end(&groups[i]);
	work_close(pool);
	program_check(fixture_descriptors() == descriptors, "%d descriptors, and then %d",
		      descriptors, fixture_descriptors());
	program_check(books.released == books.offloads, "%ld arguments, %ld released (L4)",
		      books.offloads, books.released);
	product_check();
	printf("%ld calls of %ld accepted ran; %ld rounds closed on somebody\n", books.called,
	       books.posted, books.closed_early);
	return 0;
}
