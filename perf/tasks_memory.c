/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/tasks_memory: 100,000 tasks at once, all suspended at one event, beside those of others.
 *
 *   resident_bytes   by how much the process grew for one, in the kernel's count
 *   first_...        to create one, and to resume and end it, in memory that is new
 *   again_...        the same in memory that was used before; both together are the time of
 *                    an operation
 *
 * A frame of ours has nothing in it but the task, so that what a program's own members take
 * comes on top.
 */
#include "allocations.h"
#include "bench.h"
#include "peer_command.h"
#include "peers.h"

#include <ferry.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SLEEPERS 100000
#define SLEEPERS_TEXT "100000"

enum value { RESIDENT, FIRST_CREATE, FIRST_END, AGAIN_CREATE, AGAIN_END, ALLOCATIONS };
#define VALUES                                                                                    \
	"resident_bytes", "first_create_ns", "first_end_ns", "again_create_ns", "again_end_ns",   \
		"allocations"

/* ---- ours ---- */

struct sleeper {
	FERRY_FRAME;
};

struct side {
	ferry_loop *loop;
	unsigned count, ended;
	ferry_event gate;
	struct sleeper *own;     /* array [count], of those that are in one piece */
	struct sleeper **frames; /* array [count], of those that are allocated */
};

static struct side *asleep; /* a frame has no room to say whose it is */

static ferry_step sleep_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct sleeper, f);
	FERRY_TRY(&asleep->gate);
	FERRY_RETURN(asleep->ended++);
	FERRY_END;
}

static void *open_side(ferry_loop *loop, unsigned count)
{
	struct side *side = calloc(1, sizeof(*side));

	if (!side)
		bench_fail("out of memory");
	side->loop = loop;
	side->count = count;
	bench_check(ferry_event_init(&side->gate, loop), "ferry_event_init");
	asleep = side;
	return side;
}

static void *open_own(ferry_loop *loop, unsigned count)
{
	struct side *side = open_side(loop, count);

	/* So much that it is mapped, and not touched. */
	side->own = malloc(count * sizeof(*side->own));
	if (!side->own)
		bench_fail("out of memory");
	return side;
}

static void create_own(void *opened)
{
	struct side *side = opened;

	for (unsigned i = 0; i < side->count; i++)
		ferry_task_begin(&side->own[i].task, side->loop, sleep_step, NULL);
}

static void wake_all(struct side *side)
{
	side->ended = 0;
	bench_check(ferry_event_set(&side->gate), "ferry_event_set");
	bench_check(ferry_loop_run(side->loop), "ferry_loop_run");
	bench_check(ferry_event_clear(&side->gate), "ferry_event_clear");
	if (side->ended != side->count)
		bench_fail("tasks were lost");
}

static void end_own(void *opened)
{
	wake_all(opened);
}

static void *open_frames(ferry_loop *loop, unsigned count)
{
	struct side *side = open_side(loop, count);

	side->frames = calloc(count, sizeof(*side->frames));
	if (!side->frames)
		bench_fail("out of memory");
	return side;
}

static void create_frames(void *opened)
{
	struct side *side = opened;

	for (unsigned i = 0; i < side->count; i++) {
		side->frames[i] = malloc(sizeof(*side->frames[i]));
		if (!side->frames[i])
			bench_fail("out of memory");
		ferry_task_begin(&side->frames[i]->task, side->loop, sleep_step, NULL);
	}
}

static void end_frames(void *opened)
{
	struct side *side = opened;

	wake_all(side);
	for (unsigned i = 0; i < side->count; i++)
		free(side->frames[i]);
}

static void close_side(void *opened)
{
	struct side *side = opened;

	free(side->own);
	free(side->frames);
	free(side);
}

static const struct sleepers own = { open_own, create_own, end_own, close_side };
static const struct sleepers frames = { open_frames, create_frames, end_frames, close_side };

/* ---- measured ---- */

static double resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long total = 0, resident = 0;

	if (!file || fscanf(file, "%lu %lu", &total, &resident) != 2)
		bench_fail("cannot read /proc/self/statm");
	fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double each(uint64_t ns, uint64_t count)
{
	return (double)ns / (double)count;
}

static void run_first(const struct sleepers *sleepers, void *side, double *values)
{
	uint64_t began_ns, created_ns;
	double bytes;

	/* What reading it takes is there before it counts. */
	resident_bytes();
	bytes = resident_bytes();
	began_ns = bench_now();
	sleepers->create(side);
	created_ns = bench_now();
	values[RESIDENT] = (resident_bytes() - bytes) / SLEEPERS;
	values[FIRST_CREATE] = each(created_ns - began_ns, SLEEPERS);
	began_ns = bench_now();
	sleepers->end(side);
	values[FIRST_END] = each(bench_now() - began_ns, SLEEPERS);
}

static void run_sleepers(const struct bench_case *self, struct bench_sample *sample)
{
	const struct sleepers *sleepers = self->argument;
	uint64_t create_ns = 0, end_ns = 0;
	double allocations;
	ferry_loop *loop;
	void *side;

	bench_check(ferry_loop_new(NULL, &loop), "ferry_loop_new");
	side = sleepers->open(loop, SLEEPERS);
	run_first(sleepers, side, sample->values);
	allocations = allocations_count();
	bench_start(sample);
	for (uint64_t done = 0; done < sample->operations; done += SLEEPERS) {
		uint64_t began_ns = bench_now(), created_ns;

		sleepers->create(side);
		created_ns = bench_now();
		sleepers->end(side);
		create_ns += created_ns - began_ns;
		end_ns += bench_now() - created_ns;
	}
	bench_stop(sample);
	sample->values[ALLOCATIONS] =
		(allocations_count() - allocations) / (double)sample->operations;
	sample->values[AGAIN_CREATE] = each(create_ns, sample->operations);
	sample->values[AGAIN_END] = each(end_ns, sample->operations);
	sleepers->close(side);
	bench_check(ferry_loop_free(loop), "ferry_loop_free");
}

/* ---- the cases ---- */

#ifdef PERF_HAVE_COROUTINES
#define COROUTINES &peer_coroutines_sleepers
#define COROUTINES_LIST &peer_coroutines_list_sleepers
#else
#define COROUTINES NULL
#define COROUTINES_LIST NULL
#endif
#ifdef PERF_HAVE_ASIO
#define ASIO &peer_asio_sleepers
#else
#define ASIO NULL
#endif

#define TEXT "sleepers " SLEEPERS_TEXT
static const struct peer_command go = { PEER_GO, "peer_goroutines", TEXT };
static const struct peer_command node = { PEER_NODE, "peer_node.js", TEXT };
static const struct peer_command asyncio_eager = { PEER_PYTHON, "peer_asyncio.py", "eager " TEXT };
static const struct peer_command asyncio_lazy = { PEER_PYTHON, "peer_asyncio.py", "lazy " TEXT };

#define CASE(name_, what_, run_, argument_, skip_)                                                \
	{                                                                                         \
		.name = name_, .what = what_, .run = run_, .argument = argument_,                 \
		.values = { VALUES }, .granule = SLEEPERS, .against = "ferry", .skip = skip_      \
	}

static const struct bench_case cases[] = {
	{ .name = "ferry", .what = "frames in one piece", .run = run_sleepers, .argument = &own,
	  .values = { VALUES }, .granule = SLEEPERS },
	CASE("ferry/malloc", "frames from malloc()", run_sleepers, &frames, NULL),
	CASE("c++20", "C++20 by hand, malloc", run_sleepers, COROUTINES, PEER_COROUTINES_SKIP),
	CASE("c++20/list", "C++20 by hand, a free list", run_sleepers, COROUTINES_LIST,
	     PEER_COROUTINES_SKIP),
	CASE("asio", "Boost.Asio", run_sleepers, ASIO, PEER_ASIO_SKIP),
	CASE("go", "Go, one processor", peer_command, &go, PEER_GO_SKIP),
	CASE("node", "Node", peer_command, &node, NULL),
	CASE("cpython/eager", "asyncio, eager tasks", peer_command, &asyncio_eager, NULL),
	CASE("cpython/lazy", "asyncio, as it comes", peer_command, &asyncio_lazy, NULL),
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "tasks_memory",
		.question = "What do 100,000 tasks take that are suspended at once, beside others?",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
	};

	return bench_main(&program, argc, argv);
}
