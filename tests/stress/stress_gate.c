/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The gate (P7, P8): k jobs that block on one gate, k threads: all start, whatever is
 * queued before them and in whatever way they were submitted; and what ended before the
 * gate is delivered to its loop while all k are still blocked (P7, L1).
 *
 * Each round takes a k of 1 to 16, some quick offloads before, a way of submitting and
 * a state of the pool, by chance but reproducible by --seed. A job that does not start
 * is a hang, which the alarm ends.
 */
#include "support/births.h"
#include "support/program.h"
#include "support/tasks.h"
#include "support/work.h"

#define GATES_MOST 16
#define QUICK_MOST 40

enum way { SINGLY, BATCH, MAP, FROM_WORKER, FROM_THREAD, BRIDGED, IN_LANES, BRIEF_BESIDE, WAYS };
enum state { STEADY, GROWING, SHRINKING, RESIZED, NO_THREADS, STATES };

static const char *const way_names[] = { "singly", "batch", "map", "from a worker",
					 "from another thread", "bridged", "in lanes",
					 "beside a brief lane" };
static const char *const state_names[] = { "steady", "growing from one", "shrinking", "resized",
					   "no thread after the first" };

struct round {
	ferry_loop *loop;
	ferry_pool *pool;
	ferry_lane *lanes[2];
	struct gate gate;
	unsigned gates, quick, delivered;
	ferry_future *futures[GATES_MOST];
	ferry_local *locals[GATES_MOST];
	ferry_map *map;
	enum way way;
	enum state state;
};

static void delivered(ferry_local *local, void *user)
{
	struct round *round = user;

	program_check(ferry_local_snapshot(local).done, "a callback came before its outcome");
	round->delivered++;
	ferry_local_unref(local);
}

static void offload_quick(struct round *round, unsigned number)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_local *local;

	if (round->way == BRIEF_BESIDE)
		options.lane = round->lanes[number % 2];
	local = ferry_offload(round->loop, round->pool, work_nothing, NULL, &options);
	program_check(local, "no offload: %d", errno);
	program_check(ferry_local_add_done_callback(local, delivered, round) == 0, "no callback");
}

static void submit_one(struct round *round, unsigned number, ferry_lane *lane)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.lane = lane;
	program_check(ferry_pool_submit(round->pool, work_at_gate, &round->gate, &options,
					&round->futures[number]) == 0,
		      "a job was refused");
}

/* On a worker, which then waits at the gate itself: one of the k. */
static int submit_others(void *arg, ferry_result *out)
{
	struct round *round = arg;

	for (unsigned i = 1; i < round->gates; i++)
		submit_one(round, i, NULL);
	return work_at_gate(&round->gate, out);
}

static void *submit_all(void *arg)
{
	struct round *round = arg;

	for (unsigned i = 0; i < round->gates; i++)
		submit_one(round, i, NULL);
	return NULL;
}

static void submit_batch(struct round *round)
{
	ferry_batch_job jobs[GATES_MOST];

	for (unsigned i = 0; i < round->gates; i++)
		jobs[i] = (ferry_batch_job){ work_at_gate, &round->gate };
	program_check(ferry_pool_submit_batch(round->pool, jobs, round->gates, NULL,
					      round->futures) == (int)round->gates,
		      "a batch was refused");
}

static void submit_map(struct round *round)
{
	void *args[GATES_MOST];

	for (unsigned i = 0; i < round->gates; i++)
		args[i] = &round->gate;
	program_check(ferry_pool_map(round->pool, work_at_gate, args, round->gates, 0, NULL,
				     &round->map) == 0,
		      "a map was refused");
}

static void submit_gates(struct round *round)
{
	pthread_t thread;

	switch (round->way) {
	case BATCH:
		submit_batch(round);
		break;
	case MAP:
		submit_map(round);
		break;
	case FROM_WORKER:
		program_check(ferry_pool_submit(round->pool, submit_others, round, NULL,
						&round->futures[0]) == 0,
			      "a job was refused");
		break;
	case FROM_THREAD:
		program_check(pthread_create(&thread, NULL, submit_all, round) == 0, "no thread");
		pthread_join(thread, NULL);
		break;
	case BRIDGED:
		for (unsigned i = 0; i < round->gates; i++)
			round->locals[i] = ferry_offload(round->loop, round->pool, work_at_gate,
							 &round->gate, NULL);
		break;
	case IN_LANES:
		for (unsigned i = 0; i < round->gates; i++)
			submit_one(round, i, round->lanes[i % 2]);
		break;
	default:
		submit_all(round);
	}
}

/* ---- the pool's state ---- */

static ferry_pool *make_pool(struct round *round)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_pool *pool;

	options.name = "gate";
	options.min_threads = round->state == STEADY ? round->gates : 1;
	options.max_threads = round->state == RESIZED ? 1 : round->gates;
	options.idle_timeout_ns = round->state == SHRINKING ? 1 : FERRY_NO_DEADLINE;
	program_check(ferry_pool_new(&options, &pool) == 0, "no pool");
	return pool;
}

/* The brief lane has the quick ones; a job that blocks is never put into it. */
static void make_lanes(struct round *round)
{
	ferry_lane_options brief = FERRY_LANE_OPTIONS_INIT;

	brief.brief = round->way == BRIEF_BESIDE;
	program_check(ferry_lane_new(round->pool, &brief, &round->lanes[0]) == 0, "no lane");
	program_check(ferry_lane_new(round->pool, NULL, &round->lanes[1]) == 0, "no lane");
}

/* Threads that are made on demand are there, and too many leave, as the kernel counts. */
static void check_threads(struct round *round)
{
	program_check(tasks_count("gate-") >= round->gates, "%u jobs run on %u threads",
		      round->gates, tasks_count("gate-"));
	if (round->state != RESIZED)
		return;
	program_check(ferry_pool_resize(round->pool, 1, 1) == 0, "not resized");
}

/*
 * All k are blocked, so nothing ends any more: what has ended must come. In one lane that
 * is all that was queued before; lanes take turns, so there some may still be queued.
 */
static void await_deliveries(struct round *round)
{
	ferry_pool_counters books = work_books(round->pool);

	program_check(books.running == round->gates, "%" PRIu64 " of %u jobs run", books.running,
		      round->gates);
	program_check(books.ran == round->quick || round->way == IN_LANES ||
			      round->way == BRIEF_BESIDE,
		      "%" PRIu64 " of %u ended before the gate", books.ran, round->quick);
	while (round->delivered < books.ran)
		program_check(ferry_loop_run_once(round->loop, FERRY_NO_DEADLINE) >= 0, "no turn");
}

/* ---- a round ---- */

static void end_gates(struct round *round)
{
	gate_open(&round->gate);
	if (round->map) {
		ferry_future *next;

		while (ferry_map_next(round->map, FERRY_NO_DEADLINE, &next) == 1)
			ferry_future_unref(next);
		ferry_map_free(round->map);
		return;
	}
	for (unsigned i = 0; i < round->gates; i++) {
		if (round->way == BRIDGED) {
			program_check(ferry_loop_run_until(round->loop, round->locals[i]) == 0,
				      "a job is lost");
			ferry_local_unref(round->locals[i]);
		} else {
			ferry_snapshot end;

			/* Ours is set before its job is at the gate, or by who submitted it. */
			program_check(ferry_future_wait(round->futures[i], FERRY_NO_DEADLINE) == 0,
				      "a job is lost");
			end = ferry_future_snapshot(round->futures[i]);
			program_check(end.done && !end.cancelled && !end.exception, "a bad end");
			ferry_future_unref(round->futures[i]);
		}
	}
}

/* The waiting threads are not the loop's: its thread may not wait for futures. */
static void *end_gates_elsewhere(void *arg)
{
	end_gates(arg);
	return NULL;
}

static void end_round(struct round *round)
{
	pthread_t thread;

	if (round->way == BRIDGED) {
		end_gates(round);
	} else {
		program_check(pthread_create(&thread, NULL, end_gates_elsewhere, round) == 0,
			      "no thread");
		pthread_join(thread, NULL);
	}
	program_check(ferry_loop_run(round->loop) == 0, "the loop failed");
	program_check(round->delivered == round->quick, "%u of %u results", round->delivered,
		      round->quick);
	ferry_lane_free(round->lanes[0]);
	ferry_lane_free(round->lanes[1]);
	work_close(round->pool);
	ferry_loop_free(round->loop);
	gate_destroy(&round->gate);
}

static void play(struct round *round)
{
	gate_init(&round->gate);
	round->loop = fixture_loop();
	round->pool = make_pool(round);
	make_lanes(round);
	if (round->state == NO_THREADS)
		births_limit(0);
	for (unsigned i = 0; i < round->quick; i++)
		offload_quick(round, i);
	if (round->state == RESIZED)
		program_check(ferry_pool_resize(round->pool, 1, round->gates) == 0, "not resized");
	submit_gates(round);
	/* With one thread for k jobs one is at the gate, and none of the others is lost. */
	gate_await(&round->gate, round->state == NO_THREADS ? 1 : round->gates);
	if (round->state != NO_THREADS) {
		await_deliveries(round);
		check_threads(round);
	}
	births_limit(-1);
	end_round(round);
}

int main(int argc, char **argv)
{
	struct program program = program_begin(argc, argv,
					       "k gates, k threads: all start, and what ended is "
					       "delivered meanwhile (P7, P8)",
					       4000, 40000);
	uint64_t random = program.seed;

	for (long i = 0; i < program.count; i++) {
		struct round round = {
			.gates = 1 + random_below(&random, GATES_MOST),
			.quick = random_below(&random, QUICK_MOST + 1),
			.way = (enum way)random_below(&random, WAYS),
			.state = (enum state)random_below(&random, STATES),
		};

		/* A worker that submits the others is one of them: it needs its own thread. */
		if (round.way == FROM_WORKER && round.state == NO_THREADS)
			round.state = STEADY;
		if (getenv("FERRY_TEST_VERBOSE"))
			fprintf(stderr, "round %ld: %u gates, %u quick, %s, %s\n", i, round.gates,
				round.quick, way_names[round.way], state_names[round.state]);
		play(&round);
	}
	printf("%ld rounds: every gate was reached\n", program.count);
	return 0;
}
