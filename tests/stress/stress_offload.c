/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Offloads by the million while loops close and pools shrink, end and are freed; the
 * books balance at the end (P1, P5, F7, L3, L4).
 *
 * Loop threads offload to pools in a shared row, cancel, drop, take, let deadlines pass,
 * and close their loops with whatever is out. A warden resizes the pools, shuts them
 * down under way and puts new ones in their place. Each argument is a block of its own
 * that is poisoned and freed at its release, each result one that is freed by whoever
 * takes or disposes of it: what is used too late or twice is seen.
 */
#include <malloc.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "stress/places.h"
#include "support/product.h"
#include "support/program.h"
#include "support/work.h"

#define LOOP_THREADS 3
#define BATCH_MOST 48
#define HELD_MOST 64

/* ---- the books ---- */

static struct {
	_Atomic long offloads;
	_Atomic long released, freed_contexts, copied_contexts;
	_Atomic long entered; /* functions */
} books;

static _Thread_local bool is_loop_thread;

/* ---- arguments ---- */

struct argument {
	_Atomic uint64_t canary;
	_Atomic bool entered;
	uint64_t random;
};

static struct argument *argument_new(uint64_t *random)
{
	struct argument *argument = malloc(sizeof(*argument));

	program_check(argument, "no memory");
	argument->canary = PRODUCT_ALIVE;
	argument->entered = false;
	argument->random = random_next(random);
	return argument;
}

static void argument_release(void *arg)
{
	struct argument *argument = arg;
	uint64_t was = atomic_exchange(&argument->canary, PRODUCT_POISON);

	program_check(was == PRODUCT_ALIVE, "an argument is released twice (L4)");
	books.released++;
	free(argument);
}

static void *context_copy(void *context)
{
	books.copied_contexts++;
	return context;
}

static void context_free(void *context)
{
	(void)context;
	books.freed_contexts++;
}

static const ferry_context_hooks context_hooks = { context_copy, context_free };

/* ---- the function ---- */

static int work(void *arg, ferry_result *out)
{
	struct argument *argument = arg;
	uint64_t random = argument->random;

	program_check(!is_loop_thread, "a job runs on a loop's thread");
	program_check(argument->canary == PRODUCT_ALIVE,
		      "a job begins with a released argument (L4)");
	program_check(!atomic_exchange(&argument->entered, true), "a job runs twice (P1)");
	books.entered++;
	for (unsigned i = random_below(&random, 4); i; i--)
		sched_yield();
	program_check(argument->canary == PRODUCT_ALIVE,
		      "an argument is released under a job (L4)");
	if (ferry_job_cancel_requested() && random_below(&random, 2))
		return -ECANCELED;
	if (!random_below(&random, 8))
		return -EIO;
	*out = product_new(random_below(&random, 4) ? &product_anywhere : &product_blocking);
	return 0;
}

/* ---- a loop's thread ---- */

struct held {
	ferry_local *local;
	unsigned turns; /* let go of after so many */
};

struct side {
	pthread_t thread;
	uint64_t random;
	long count;
	ferry_loop *loop;
	struct held held[HELD_MOST];
	unsigned held_count;
	long expected, called; /* callbacks of this loop */
};

static void side_open(struct side *side)
{
	side->loop = fixture_loop();
	side->held_count = 0;
	side->expected = side->called = 0;
}

/* With whatever is out. What is held stays readable. */
static void side_close(struct side *side)
{
	int error = ferry_loop_free(side->loop);

	program_check(!error, "a loop cannot be freed: %d", error);
	for (unsigned i = 0; i < side->held_count; i++) {
		ferry_snapshot snapshot = ferry_local_snapshot(side->held[i].local);

		program_check(snapshot.done, "a local of a closed loop is pending (L3)");
		ferry_local_unref(side->held[i].local);
	}
	program_check(side->called <= side->expected, "a callback runs twice");
}

static void take(ferry_local *local)
{
	ferry_result result;
	int error = ferry_local_take(local, &result);

	if (error)
		return;
	product_take(&result);
	program_check(ferry_local_take(local, &result) == -EALREADY, "a second take (F7)");
}

static void done(ferry_local *local, void *user)
{
	struct side *side = user;

	program_check(ferry_local_snapshot(local).done, "a callback of a pending local");
	side->called++;
	if (side->called % 3 == 0)
		take(local);
}

static ferry_local *offload(struct side *side, struct place *place)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	unsigned lane = random_below(&side->random, LANES + 1);
	ferry_local *local;

	options.release = argument_release;
	options.lane = lane < LANES ? place->lanes[lane] : NULL;
	switch (random_below(&side->random, 8)) {
	case 0:
		options.deadline_ns = 1;
		break;
	case 1:
		options.deadline_ns = ferry_in_ns(random_below(&side->random, 200000));
		break;
	case 2:
		options.context = &books;
		options.hooks = &context_hooks;
		break;
	default:
		break;
	}
	local = ferry_offload(side->loop, place->pool, work, argument_new(&side->random), &options);
	program_check(local, "no offload: %d", errno);
	books.offloads++;
	return local;
}

static void hold(struct side *side, ferry_local *local)
{
	struct held held = { local, random_below(&side->random, 4) };

	if (side->held_count == HELD_MOST)
		ferry_local_unref(local);
	else
		side->held[side->held_count++] = held;
}

static void request(struct side *side, struct place *place)
{
	ferry_local *local = offload(side, place);
	unsigned callbacks = random_below(&side->random, 4) ? 1 : random_below(&side->random, 3);

	for (; callbacks; callbacks--) {
		program_check(!ferry_local_add_done_callback(local, done, side), "no callback");
		side->expected++;
	}
	switch (random_below(&side->random, 8)) {
	case 0:
		ferry_local_cancel(local);
		ferry_local_unref(local);
		break;
	case 1:
	case 2:
	case 3:
		hold(side, local);
		break;
	default:
		ferry_local_unref(local);
		break;
	}
}

/* Those whose time has come are taken, cancelled, and let go of. */
static void let_go(struct side *side)
{
	for (unsigned i = 0; i < side->held_count;) {
		struct held *held = &side->held[i];

		if (held->turns--) {
			i++;
			continue;
		}
		if (random_below(&side->random, 2))
			ferry_local_cancel(held->local);
		if (random_below(&side->random, 2))
			take(held->local);
		ferry_local_unref(held->local);
		*held = side->held[--side->held_count];
	}
}

static void batch(struct side *side)
{
	struct place *place = &places[random_below(&side->random, POOLS)];
	unsigned size = 1 + random_below(&side->random, BATCH_MOST);

	pthread_rwlock_rdlock(&place->lock);
	for (; size && side->count; size--, side->count--)
		request(side, place);
	pthread_rwlock_unlock(&place->lock);
	warden.turn++;
}

static void run_all(struct side *side)
{
	int error = ferry_loop_run(side->loop);

	program_check(!error, "a loop cannot run: %d", error);
	program_check(side->called == side->expected, "%ld callbacks ran of %ld", side->called,
		      side->expected);
}

static void turn(struct side *side)
{
	uint64_t deadline_ns = random_below(&side->random, 2) ? 0 : ferry_in_ns(1000000);
	int handled = ferry_loop_run_once(side->loop, deadline_ns);

	program_check(handled >= 0, "a loop cannot run: %d", handled);
}

static void *run_side(void *argument)
{
	struct side *side = argument;

	is_loop_thread = true;
	side_open(side);
	while (side->count) {
		batch(side);
		switch (random_below(&side->random, 16)) {
		case 0:
			side_close(side);
			side_open(side);
			break;
		case 1:
		case 2:
			run_all(side);
			break;
		default:
			turn(side);
			break;
		}
		let_go(side);
	}
	if (random_below(&side->random, 2))
		run_all(side);
	side_close(side);
	return NULL;
}

/* ---- the whole ---- */

/* How many threads the kernel counts: a listing of them may miss some while others end. */
static unsigned threads_now(void)
{
	struct stat folder;

	program_check(!stat("/proc/self/task", &folder), "no /proc/self/task: %d", errno);
	return (unsigned)folder.st_nlink;
}

static void note_thread(void *arg)
{
	*(pid_t *)arg = gettid();
}

/* How many there are when this program has none of its own: a sanitizer may have one, from
 * when the first thread was made. */
static unsigned threads_of_others(void)
{
	char name[TASKS_TEXT];
	pid_t tid;

	fixture_elsewhere(note_thread, &tid);
	tasks_until_true(!tasks_name(tid, name));
	return threads_now();
}

/* All of it, once; when it returns, nothing of it is left. */
static void play(uint64_t seed, long count)
{
	unsigned threads = threads_of_others();
	static struct side sides[LOOP_THREADS];
	uint64_t random = seed;

	memset(&books, 0, sizeof(books));
	memset(&counted, 0, sizeof(counted));
	for (int i = 0; i < POOLS; i++) {
		pthread_rwlock_init(&places[i].lock, NULL);
		place_open(&places[i], &random);
	}
	warden.stop = false;
	warden.turn = 0;
	warden.random = random_next(&random);
	program_check(!pthread_create(&warden.thread, NULL, warden_main, NULL), "no thread");
	for (int i = 0; i < LOOP_THREADS; i++) {
		sides[i].random = random_next(&random);
		sides[i].count = (count + i) / LOOP_THREADS;
		program_check(!pthread_create(&sides[i].thread, NULL, run_side, &sides[i]),
			      "no thread");
	}
	for (int i = 0; i < LOOP_THREADS; i++)
		pthread_join(sides[i].thread, NULL);
	warden.stop = true;
	pthread_join(warden.thread, NULL);
	for (int i = 0; i < POOLS; i++) {
		int left = ferry_pool_shutdown(places[i].pool, FERRY_SHUTDOWN_DRAIN,
					       FERRY_NO_DEADLINE);

		program_check(!left, "%d jobs are left (P5)", left);
		place_close(&places[i], true);
		pthread_rwlock_destroy(&places[i].lock);
	}
	/* Abandoned workers come back, end what they were in, and go. */
	tasks_until_true(threads_now() == threads);
}

static void balance(void)
{
	program_check(counted.attempted == books.offloads, "%ld attempts of %ld offloads (P1)",
		      counted.attempted, books.offloads);
	program_check(books.entered >= counted.ran &&
			      books.entered <= counted.ran + counted.unsure,
		      "%ld jobs ran, %ld were counted, %ld may have (P1)", books.entered,
		      counted.ran, counted.unsure);
	program_check(books.released == books.offloads, "%ld arguments, %ld released (L4)",
		      books.offloads, books.released);
	program_check(books.copied_contexts == books.freed_contexts, "%ld contexts, %ld freed",
		      books.copied_contexts, books.freed_contexts);
	product_check();
	program_check(product_taken && product_disposed && books.entered < books.offloads,
		      "too little happened: %ld taken, %ld disposed of, %ld ran of %ld",
		      product_taken, product_disposed, books.entered, books.offloads);
}

/* Bytes that malloc() has given out and not got back; 0 where a sanitizer counts. */
static size_t bytes_out(void)
{
	return PROGRAM_SLOW == 1 ? mallinfo2().uordblks : 0;
}

int main(int argc, char **argv)
{
	struct program program = program_begin(argc, argv, "the books of offloads balance", 1000000,
					       10000000);
	long small = program.count / 100 + 100;
	int descriptors;
	size_t before, after;

	/* Once for what stays: streams, thread caches, tables of the C library. */
	play(program.seed, small);
	balance();
	descriptors = fixture_descriptors();
	before = bytes_out();
	play(program.seed + 1, program.count);
	balance();
	after = bytes_out();
	program_check(fixture_descriptors() == descriptors, "%d descriptors, and then %d",
		      descriptors, fixture_descriptors());
	/* Arenas and caches of the C library differ by a few KiB; the blocks of one request
	 * in a thousand would be more. */
	program_check(after < before + (size_t)(64 << 10) + (size_t)program.count / 8,
		      "%zu bytes, and then %zu", before, after);
	return 0;
}
