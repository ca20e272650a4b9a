/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In the steady state nothing allocates: a million offloads, counted (lib/loop/blocks.c).
 *
 * Two threads with two loops each share a pool. Each offload differs: dropped while its
 * job runs, cancelled, expired, let go of in a callback of the thread's other loop,
 * with a second callback, chained, in a brief lane; between them calls and timers.
 * Runs with count_malloc.c preloaded, and skips without.
 */
#include <dlfcn.h>

#include "stress/count_malloc.h"
#include "support/fixture.h"
#include "support/gate.h"
#include "support/program.h"

#define SIDES 2
#define WORKERS 4
#define BATCH 64
#define WARM 1024     /* requests of each kind that are out at once in the warm-up */
#define OUT_MOST 256  /* and afterwards, before a batch */

struct side {
	ferry_loop *loops[2];
	ferry_pool *pool;
	ferry_lane *brief;
	uint64_t random;
	long count;
	_Atomic long out; /* jobs that may still touch their argument */
	long called, expected;
	pthread_t thread;
};

static pthread_barrier_t barrier;
static struct gate warm;

/* ---- one request ---- */

static int work(void *arg, ferry_result *out)
{
	struct side *side = arg;

	*out = ferry_result_u64((uint64_t)side->out);
	return side->out % 7 ? 0 : -EIO;
}

static int work_when_warm(void *arg, ferry_result *out)
{
	gate_wait(&warm);
	return work(arg, out);
}

static void release(void *arg)
{
	struct side *side = arg;

	side->out--;
}

static void done(ferry_local *local, void *user)
{
	struct side *side = user;

	program_check(ferry_local_snapshot(local).done, "a callback of a pending local");
	side->called++;
}

/* Lets go of a local of the other loop. */
static void drop(ferry_local *keeper, void *user)
{
	(void)keeper;
	ferry_local_unref(user);
}

static void call(ferry_loop *loop, void *user)
{
	struct side *side = user;

	(void)loop;
	side->called++;
}

static void add_callback(struct side *side, ferry_local *local)
{
	int error = ferry_local_add_done_callback(local, done, side);

	program_check(!error, "no callback: %d", error);
	side->expected++;
}

/* Its reference is let go of by a callback of the other loop. */
static void keep(ferry_loop *other, ferry_local *local)
{
	ferry_local *keeper;
	int error = ferry_local_new(other, &keeper);

	if (!error)
		error = ferry_local_add_done_callback(keeper, drop, local);
	if (!error)
		error = ferry_local_set_result(keeper, ferry_result_u64(0));
	program_check(!error, "no keeper: %d", error);
	ferry_local_unref(keeper);
}

static void chain(struct side *side, ferry_loop *loop, ferry_local *local)
{
	ferry_local *target;
	int error = ferry_local_new(loop, &target);

	if (!error)
		error = ferry_local_chain(local, target);
	program_check(!error, "no chain: %d", error);
	add_callback(side, target);
	ferry_local_unref(target);
	ferry_local_unref(local);
}

static ferry_local *offload(struct side *side, ferry_loop *loop, ferry_function fn,
			    uint64_t deadline_ns)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_local *local;

	options.release = release;
	options.deadline_ns = deadline_ns;
	options.lane = random_below(&side->random, 4) ? NULL : side->brief;
	side->out++;
	local = ferry_offload(loop, side->pool, fn, side, &options);
	program_check(local, "no offload: %d", errno);
	return local;
}

static void request(struct side *side, unsigned which)
{
	ferry_loop *loop = side->loops[which], *other = side->loops[!which];
	unsigned kind = random_below(&side->random, 8);
	uint64_t deadline_ns = kind == 0 ? 1 : kind == 1 ? ferry_in_ns(50000) : 0;
	ferry_local *local = offload(side, loop, work, deadline_ns);

	switch (kind) {
	case 2:
		ferry_local_unref(local);
		return;
	case 3:
		add_callback(side, local);
		ferry_local_cancel(local);
		break;
	case 4:
		keep(other, local);
		return;
	case 5:
		chain(side, loop, local);
		return;
	case 6:
		add_callback(side, local);
		add_callback(side, local);
		add_callback(side, local);
		break;
	default:
		add_callback(side, local);
		break;
	}
	ferry_local_unref(local);
}

/* ---- what else a loop does ---- */

static void calls(struct side *side, ferry_loop *loop)
{
	ferry_timer *timer;
	int error = ferry_loop_call_soon(loop, call, side);

	if (!error)
		error = ferry_loop_call_at(loop, ferry_in_ns(10000), call, side, NULL);
	if (!error)
		error = ferry_loop_call_at(loop, ferry_in_ns(1000000000), call, side, &timer);
	if (!error)
		error = ferry_timer_cancel(timer);
	program_check(!error, "no call: %d", error);
	side->expected += 2;
}

static void run_loops(struct side *side)
{
	/* A callback of the one may make work for the other. */
	for (int turn = 0; turn < 3; turn++) {
		int error = ferry_loop_run(side->loops[turn % 2]);

		program_check(!error, "a loop cannot run: %d", error);
	}
}

/* Cancelled jobs that a worker has not come to keep their blocks. */
static void settle(struct side *side, long most)
{
	while (side->out > most) {
		sched_yield();
		run_loops(side);
	}
	run_loops(side);
}

/* ---- a thread ---- */

/* More is out at once than ever will be again. */
static void warm_up(struct side *side)
{
	ferry_timer *timers[WARM];

	for (int which = 0; which < 2; which++) {
		ferry_loop *loop = side->loops[which];

		for (int i = 0; i < WARM; i++) {
			ferry_local *local = offload(side, loop, work_when_warm,
						     ferry_in_ns(100000000000));
			int error = ferry_loop_call_at(loop, ferry_in_ns(100000000000), call, side,
						       &timers[i]);

			program_check(!error, "no timer: %d", error);
			chain(side, loop, local);
			local = offload(side, loop, work_when_warm, 0);
			add_callback(side, local);
			add_callback(side, local);
			keep(loop, local);
			program_check(!ferry_loop_call_soon(loop, call, side), "no call");
			side->expected++;
		}
		for (int i = 0; i < WARM; i++)
			ferry_timer_cancel(timers[i]);
	}
}

static void *run_side(void *argument)
{
	struct side *side = argument;

	for (int which = 0; which < 2; which++)
		side->loops[which] = fixture_loop();
	warm_up(side);
	pthread_barrier_wait(&barrier);
	settle(side, 0);
	/* The first mark is set between these two, the second between the next. */
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (long i = 0; i < side->count; i++) {
		request(side, random_below(&side->random, 2));
		if (i % BATCH == BATCH - 1) {
			calls(side, side->loops[i / BATCH % 2]);
			settle(side, OUT_MOST);
		}
	}
	settle(side, 0);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (int which = 0; which < 2; which++)
		program_check(!ferry_loop_free(side->loops[which]), "a loop cannot be freed");
	return NULL;
}

/* ---- the count ---- */

static long compare(const unsigned long before[COUNT_KINDS], const unsigned long after[COUNT_KINDS])
{
	static const char *const names[COUNT_KINDS] = { "malloc", "calloc", "realloc",
							"aligned_alloc", "mmap" };
	long more = 0;

	for (int kind = 0; kind < COUNT_KINDS; kind++) {
		if (after[kind] != before[kind])
			fprintf(stderr, "%s: %lu calls\n", names[kind], after[kind] - before[kind]);
		more += (long)(after[kind] - before[kind]);
	}
	return more;
}

int main(int argc, char **argv)
{
	struct program program = program_begin(argc, argv, "nothing allocates", 1000000, 10000000);
	unsigned long before[COUNT_KINDS], after[COUNT_KINDS], later[COUNT_KINDS];
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	struct side sides[SIDES];
	ferry_lane *brief;
	ferry_pool *pool;
	count_malloc_read *read_calls;

	*(void **)&read_calls = dlsym(RTLD_DEFAULT, "count_malloc_calls");
	if (!read_calls) {
		puts("skipped: runs with libcount_malloc.so preloaded");
		return 77;
	}
	pool = fixture_pool(WORKERS);
	options.brief = 1;
	program_check(!ferry_lane_new(pool, &options, &brief), "no lane");
	gate_init(&warm);
	pthread_barrier_init(&barrier, NULL, SIDES + 1);
	for (int i = 0; i < SIDES; i++) {
		sides[i] = (struct side){ .pool = pool, .brief = brief,
					  .count = program.count / SIDES,
					  .random = program.seed + (uint64_t)i };
		program_check(!pthread_create(&sides[i].thread, NULL, run_side, &sides[i]),
			      "no thread");
	}
	pthread_barrier_wait(&barrier);
	/* Every worker has begun, so each has been a reader once before the mark. */
	gate_await(&warm, WORKERS);
	gate_open(&warm);
	pthread_barrier_wait(&barrier);
	read_calls(before);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	read_calls(after);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < SIDES; i++) {
		pthread_join(sides[i].thread, NULL);
		program_check(sides[i].called == sides[i].expected && sides[i].out == 0,
			      "%ld calls of %ld, %ld arguments kept", sides[i].called,
			      sides[i].expected, sides[i].out);
	}
	program_check(!compare(before, after), "the steady state allocates");
	fixture_end(fixture_loop(), pool);
	ferry_lane_free(brief);
	read_calls(later);
	program_check(memcmp(after, later, sizeof(after)), "allocations are not counted at all");
	pthread_barrier_destroy(&barrier);
	gate_destroy(&warm);
	return 0;
}
