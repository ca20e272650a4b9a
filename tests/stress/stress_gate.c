/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The gate (P7): k jobs that block on one gate, k threads: all start, whatever else is
 * queued, in whatever way they were submitted, and whatever happens to the pool
 * meanwhile. And the results of jobs that ended before are delivered to their loop while
 * all k are still blocked.
 *
 *   stress_gate [--seed N] [--count ROUNDS]
 *
 * Each round is one way of submitting, one kind of pool, one k from 1 to 16 and 0 to 40
 * quick jobs in front; every way meets every kind with every k before chance decides. The
 * loop has a thread of its own, which sleeps in epoll: nothing but the results' own rings
 * wakes it. What hangs is told by the alarm, with the state it hung in.
 */
#include <signal.h>

#include "support/births.h"
#include "support/program.h"
#include "support/work.h"

enum way { SINGLY, BATCH, MAP, ON_A_WORKER, ON_THREADS, BRIDGED, LANES, BRIEF, WAYS };
static const char *const ways[] = { "singly",     "in a batch", "by map",   "on a worker",
				    "on threads", "bridged",    "to lanes", "behind a brief lane" };

enum kind { STEADY, GROWING, SHRINKING, RESIZED, UNSTEADY, STARVED, KINDS };
static const char *const kinds[] = { "steady",  "growing",  "shrinking",
				     "resized", "unsteady", "starved of threads" };

#define MOST 16
#define QUICK_MOST 40
#define REPEATS 2

static struct round {
	enum way way;
	enum kind kind;
	unsigned k, quick, number;
	bool loop_polls, pool_polls;
	ferry_pool *pool;
	ferry_lane *lanes[3];
	struct gate gate, submitted;
	ferry_future *futures[MOST];
	ferry_map *map;
	_Atomic unsigned started, ended, delivered, others;
	const char *_Atomic doing;
} now;

static void tell(int signal)
{
	char text[512];
	int length = snprintf(text, sizeof(text),
			      "FAILED: hangs in round %u while %s: %u gates %s, pool %s, %u quick: "
			      "%u gates have started, %u quick ended, %u were delivered\n",
			      now.number, now.doing, now.k, ways[now.way], kinds[now.kind],
			      now.quick, now.started, now.ended, now.delivered);

	(void)signal;
	if (write(STDERR_FILENO, text, (size_t)length) < 0)
		_exit(2);
	_exit(1);
}

#define DOING(what) (now.doing = (what))
#define CHECK(condition)                                                                      \
	program_check(condition, "round %u, %u gates %s, pool %s, %u quick: %s", now.number,  \
		      now.k, ways[now.way], kinds[now.kind], now.quick, #condition)

/* ---- the jobs ---- */

static int blocks(void *arg, ferry_result *out)
{
	(void)arg;
	now.started++;
	return work_at_gate(&now.gate, out);
}

static int is_quick(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	now.ended++;
	return 0;
}

static void submit_one(unsigned number)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	if (now.way == LANES)
		options.lane = now.lanes[number % 3];
	now.futures[number] = work_submit(now.pool, blocks, NULL, &options);
}

static int submits_all(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	for (unsigned i = 0; i < now.k; i++)
		submit_one(i);
	return 0;
}

static void *submits_its_own(void *number)
{
	submit_one((unsigned)(uintptr_t)number);
	return NULL;
}

static void submit_on_threads(void)
{
	pthread_t threads[MOST];

	for (uintptr_t i = 0; i < now.k; i++)
		CHECK(!pthread_create(&threads[i], NULL, submits_its_own, (void *)i));
	for (unsigned i = 0; i < now.k; i++)
		pthread_join(threads[i], NULL);
}

static void submit_batch(void)
{
	ferry_batch_job jobs[MOST];

	for (unsigned i = 0; i < now.k; i++)
		jobs[i] = (ferry_batch_job){ blocks, NULL };
	CHECK(ferry_pool_submit_batch(now.pool, jobs, now.k, NULL, now.futures) == (int)now.k);
}

static void submit_map(void)
{
	void *args[MOST] = { NULL };

	CHECK(!ferry_pool_map(now.pool, blocks, args, now.k, 0, NULL, &now.map));
}

static void submit_gates(void)
{
	switch (now.way) {
	case BATCH:
		submit_batch();
		break;
	case MAP:
		submit_map();
		break;
	case ON_A_WORKER:
		now.others++;
		work_end(work_submit(now.pool, submits_all, NULL, NULL));
		break;
	case ON_THREADS:
		submit_on_threads();
		break;
	case BRIDGED:
		break; /* by the loop's thread */
	default:
		submits_all(NULL, NULL);
	}
}

static void end_gates(void)
{
	ferry_future *next;

	if (now.way == MAP) {
		while (ferry_map_next(now.map, FERRY_NO_DEADLINE, &next) == 1)
			ferry_future_unref(next);
		ferry_map_free(now.map);
	} else if (now.way != BRIDGED) {
		for (unsigned i = 0; i < now.k; i++)
			work_end(now.futures[i]);
	}
}

/* ---- the loop ---- */

static void delivered(ferry_local *local, void *user)
{
	(void)user;
	ferry_local_unref(local);
	now.delivered++;
}

static void forgotten(ferry_local *local, void *user)
{
	(void)user;
	ferry_local_unref(local);
}

static void offload(ferry_loop *loop, ferry_lane *lane, ferry_function fn,
		    ferry_local_callback callback)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_local *local;

	options.lane = lane;
	local = ferry_offload(loop, now.pool, fn, NULL, &options);
	CHECK(local && !ferry_local_add_done_callback(local, callback, NULL));
}

static void *runs_the_loop(void *arg)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	ferry_loop *loop;

	(void)arg;
	/* If it does not poll, it sleeps when the first result comes. */
	options.poll_ns = now.loop_polls ? 0 : FERRY_NO_DEADLINE;
	CHECK(!ferry_loop_new(&options, &loop));
	for (unsigned i = 0; i < now.quick; i++)
		offload(loop,
			now.way == BRIEF   ? now.lanes[0]
			: now.way == LANES ? now.lanes[i % 2]
					   : NULL,
			is_quick, delivered);
	for (unsigned i = 0; now.way == BRIDGED && i < now.k; i++)
		offload(loop, NULL, blocks, forgotten);
	gate_open(&now.submitted);
	CHECK(ferry_loop_run(loop) == 0);
	CHECK(now.delivered == now.quick);
	CHECK(!ferry_loop_free(loop));
	return NULL;
}

/* ---- the pools ---- */

static void make_pool(void)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_lane_options lane = FERRY_LANE_OPTIONS_INIT;

	options.name = "gate";
	options.min_threads = now.kind == STEADY ? now.k : 1;
	options.max_threads = now.kind == RESIZED ? 1 : now.k;
	options.idle_timeout_ns = now.kind == SHRINKING ? 1000 : FERRY_NO_DEADLINE;
	options.spin_ns = now.pool_polls ? 0 : FERRY_NO_DEADLINE;
	births_limit(now.kind == STARVED ? 1 : -1);
	now.pool = work_pool(&options);
	for (unsigned i = 0; i < 3; i++) {
		lane.brief = now.way == BRIEF && i == 0;
		CHECK(!ferry_lane_new(now.pool, &lane, &now.lanes[i]));
	}
}

/* Changes the size again and again, and leaves it at most k. */
static void *keeps_resizing(void *arg)
{
	uint64_t *random = arg;

	for (unsigned i = 0; i < 20; i++) {
		unsigned most = 1 + random_below(random, now.k);

		CHECK(!ferry_pool_resize(now.pool, 1 + random_below(random, most), most));
		sched_yield();
	}
	CHECK(!ferry_pool_resize(now.pool, 1, now.k));
	return NULL;
}

/* All k have started, in spite of what happens to the pool. */
static void await_all(pthread_t resizer)
{
	DOING("waiting for the first gate");
	gate_await(&now.gate, 1);
	if (now.kind == RESIZED && now.k > 1) {
		CHECK(tasks_count("gate-") == 1);
		CHECK(!ferry_pool_resize(now.pool, 1, now.k));
	}
	if (now.kind == UNSTEADY)
		pthread_join(resizer, NULL);
	if (now.kind == STARVED) {
		ferry_pool_counters books = work_books(now.pool);

		CHECK(books.threads == 1 && books.running == 1 && now.started == 1);
		births_limit(-1);
		/* Each submit tries to make a thread, but for a moment after a failure. */
		while (now.started < now.k) {
			CHECK(!ferry_pool_submit(now.pool, work_nothing, NULL, NULL, NULL));
			now.others++;
			sched_yield();
		}
	}
	DOING("waiting for all gates");
	gate_await(&now.gate, now.k);
}

/* After the gate was opened: the pool has the size again that a repeat begins with. */
static void settle(void)
{
	DOING("settling");
	if (now.kind == RESIZED)
		CHECK(!ferry_pool_resize(now.pool, 1, 1));
	if (now.kind == RESIZED || now.kind == SHRINKING)
		tasks_until("gate-", 1);
}

static void repeat(uint64_t *random)
{
	pthread_t loops_thread, resizer;
	unsigned ended;

	now.started = now.ended = now.delivered = 0;
	gate_init(&now.gate);
	gate_init(&now.submitted);
	if (now.kind == UNSTEADY)
		CHECK(!pthread_create(&resizer, NULL, keeps_resizing, random));
	else
		resizer = pthread_self();
	CHECK(!pthread_create(&loops_thread, NULL, runs_the_loop, NULL));
	DOING("submitting");
	gate_wait(&now.submitted);
	submit_gates();
	await_all(resizer);
	CHECK(now.started == now.k);
	/* One that retired may not be gone yet, for the kernel. */
	DOING("counting threads");
	tasks_until("gate-", now.k);
	/* Every worker is at the gate, so no more can end. In one lane all were in front. */
	ended = now.ended;
	CHECK(ended == now.quick || now.way == LANES || now.way == BRIEF || now.kind == STARVED);
	DOING("waiting for the results that are there");
	tasks_until_true(now.delivered == ended);
	CHECK(work_books(now.pool).running == now.k);
	gate_open(&now.gate);
	DOING("ending");
	end_gates();
	pthread_join(loops_thread, NULL);
	gate_destroy(&now.gate);
	gate_destroy(&now.submitted);
}

static void play(uint64_t *random)
{
	ferry_pool_counters books;

	/* A pool that is starved is so only at first. */
	unsigned repeats = now.kind == STARVED ? 1 : REPEATS;

	alarm(30 * PROGRAM_SLOW);
	now.others = 0;
	make_pool();
	for (unsigned i = 0; i < repeats; i++) {
		repeat(random);
		settle();
	}
	for (unsigned i = 0; i < 3; i++)
		ferry_lane_free(now.lanes[i]);
	DOING("shutting down");
	CHECK(!ferry_pool_shutdown(now.pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE));
	books = work_books(now.pool);
	CHECK(books.ran == repeats * (now.k + now.quick) + now.others);
	CHECK(!books.queued && !books.running && !books.cancelled && !books.expired);
	ferry_pool_free(now.pool);
	tasks_until("gate-", 0);
}

int main(int argc, char **argv)
{
	struct program program = program_begin(argc, argv, "k gates on k threads all start",
					       WAYS * KINDS * MOST * (PROGRAM_SLOW > 1 ? 4 : 1),
					       WAYS * KINDS * MOST * 200);
	uint64_t random = program.seed;

	signal(SIGALRM, tell);
	for (now.number = 0; now.number < program.count; now.number++) {
		unsigned number = now.number;

		/* Fewer rounds than there are cases, under a sanitizer: others each time. */
		if (number >= WAYS * KINDS * MOST || program.count < WAYS * KINDS * MOST)
			number = random_below(&random, WAYS * KINDS * MOST);
		now.way = (enum way)(number % WAYS);
		now.kind = (enum kind)(number / WAYS % KINDS);
		now.k = number / WAYS / KINDS + 1;
		now.quick = random_below(&random, QUICK_MOST + 1);
		now.loop_polls = random_below(&random, 2);
		now.pool_polls = random_below(&random, 2);
		play(&random);
	}
	printf("%ld rounds, all started\n", program.count);
	return 0;
}
