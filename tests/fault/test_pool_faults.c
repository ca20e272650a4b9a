/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * E3, P1, P2 in the pool: each allocation and each thread that fails is a documented
 * error or none at all, and no job, byte or pool is lost by it. What becomes of a pool that
 * works on without threads is in test_worker_faults.c.
 */
#include "fault/trial.h"
#include "support/work.h"

#define NOTHING ((void *)(uintptr_t)0x10) /* an output that nobody wrote */
#define JOBS_MOST 16

struct scene {
	ferry_pool *pool, *made;
	ferry_lane *lane;
	ferry_map *map;
	struct gate gate;
	ferry_future *blocked, *futures[JOBS_MOST];
	_Atomic unsigned ran, copied, freed, released;
	int context;
};

static ferry_pool *new_pool(unsigned least, unsigned most)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.min_threads = least;
	options.max_threads = most;
	return work_pool(&options);
}

/* The pool still does what it is for. */
static void check_runs(ferry_pool *pool)
{
	_Atomic unsigned ran = 0;
	ferry_future *futures[5];

	for (int i = 0; i < 5; i++)
		futures[i] = work_submit(pool, work_count, &ran, NULL);
	for (int i = 0; i < 5; i++)
		program_check(work_end(futures[i]).done, "a job is not done");
	program_check(ran == 5, "%u of 5 jobs ran", ran);
}

/* ---- new ---- */

static void prepare_nothing(struct scene *scene)
{
	scene->made = NOTHING;
}

static int act_new(struct scene *scene)
{
	return ferry_pool_new(NULL, &scene->made);
}

static int act_new_three(struct scene *scene)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.min_threads = 3;
	options.max_threads = 4;
	return ferry_pool_new(&options, &scene->made);
}

static void judge_new_of(struct scene *scene, int result, int error, bool must_fail)
{
	program_check(!must_fail || result == error, "not refused: %d", result);
	program_check(result == 0 || result == error, "an error of its own: %d", result);
	if (result) {
		program_check(scene->made == NOTHING, "an output was written");
		return;
	}
	check_runs(scene->made);
	work_close(scene->made);
}

static void judge_new_memory(struct scene *scene, int result, unsigned n)
{
	/* The pool, its core with its lanes, its first worker. */
	judge_new_of(scene, result, -ENOMEM, n >= 1 && n <= 3);
	program_check(n || !result, "failed without a failure: %d", result);
}

static void judge_new_thread(struct scene *scene, int result, unsigned n)
{
	judge_new_of(scene, result, -EAGAIN, n == 1);
	program_check(n == 1 || !result, "one thread is enough to begin with: %d", result);
}

/* ---- resize ---- */

static void prepare_one(struct scene *scene)
{
	scene->pool = new_pool(1, 1);
}

static void prepare_two(struct scene *scene)
{
	scene->pool = new_pool(2, 2);
}

static int act_resize(struct scene *scene)
{
	return ferry_pool_resize(scene->pool, 3, 6);
}

static void judge_resize(struct scene *scene, int result, unsigned n)
{
	struct ferry_pool_counters books = work_books(scene->pool);

	program_check(result == 0, "resize: %d", result);
	program_check(books.min_threads == 3 && books.max_threads == 6, "not resized");
	program_check(!n == !books.spawn_failures, "failures are not counted");
	check_runs(scene->pool);
	work_close(scene->pool);
}

/* ---- submit ---- */

/* The only worker is kept, so that a submit has another one made. */
static void prepare_busy(struct scene *scene)
{
	scene->pool = new_pool(1, 4);
	gate_init(&scene->gate);
	work_occupy(scene->pool, &scene->gate, &scene->blocked, 1);
	for (int i = 0; i < JOBS_MOST; i++)
		scene->futures[i] = NOTHING;
}

static void end_busy(struct scene *scene)
{
	gate_open(&scene->gate);
	work_end(scene->blocked);
	check_runs(scene->pool);
	work_close(scene->pool);
	gate_destroy(&scene->gate);
}

static void *copy(void *context)
{
	++*(_Atomic unsigned *)context;
	return context;
}

static void free_copy(void *context)
{
	struct scene *scene = (struct scene *)((char *)context - offsetof(struct scene, copied));

	scene->freed++;
}

static const ferry_context_hooks hooks = { copy, free_copy };

static void release(void *arg)
{
	struct scene *scene = (struct scene *)((char *)arg - offsetof(struct scene, ran));

	scene->released++;
}

static ferry_job_options all_options(struct scene *scene)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.name = "job";
	options.release = release;
	options.context = &scene->copied;
	options.hooks = &hooks;
	return options;
}

static int act_submit(struct scene *scene)
{
	ferry_job_options options = all_options(scene);

	return ferry_pool_submit(scene->pool, work_count, &scene->ran, &options,
				 &scene->futures[0]);
}

static void judge_submit(struct scene *scene, int result, unsigned n)
{
	struct ferry_pool_counters books = work_books(scene->pool);

	/* The job; after it a worker, without which the job waits for the one there is. */
	program_check(result == (n == 1 ? -ENOMEM : 0), "submit: %d", result);
	program_check(books.refused == (n == 1) && books.accepted == 1u + (n != 1),
		      "the books are wrong (P1)");
	gate_open(&scene->gate);
	if (n == 1)
		program_check(scene->futures[0] == NOTHING, "an output was written");
	else
		work_end(scene->futures[0]);
	end_busy(scene);
	program_check(scene->ran == (n != 1), "the job ran %u times", scene->ran);
	program_check(scene->released == scene->ran, "released %u times", scene->released);
	program_check(scene->freed == scene->copied, "%u contexts, %u freed", scene->copied,
		      scene->freed);
}

static void judge_submit_thread(struct scene *scene, int result, unsigned n)
{
	judge_submit(scene, result, n ? 2 : 0);
}

/* ---- batches ---- */

static int act_batch(struct scene *scene)
{
	ferry_job_options options = all_options(scene);
	ferry_batch_job jobs[5];

	for (int i = 0; i < 5; i++)
		jobs[i] = (ferry_batch_job){ work_count, &scene->ran };
	return ferry_pool_submit_batch(scene->pool, jobs, 5, &options, scene->futures);
}

static void judge_batch_of(struct scene *scene, int result, unsigned accepted)
{
	program_check(result == (accepted ? (int)accepted : -ENOMEM), "batch: %d", result);
	gate_open(&scene->gate);
	for (unsigned i = 0; i < 5; i++)
		if (i < accepted)
			work_end(scene->futures[i]);
		else
			program_check(scene->futures[i] == NOTHING, "an output was written");
	end_busy(scene);
	program_check(scene->ran == accepted && scene->released == accepted,
		      "%u of %u ran, %u were released", scene->ran, accepted, scene->released);
	program_check(scene->freed == scene->copied, "%u contexts, %u freed", scene->copied,
		      scene->freed);
}

static void judge_batch(struct scene *scene, int result, unsigned n)
{
	judge_batch_of(scene, result, n && n < 6 ? n - 1 : 5);
}

static void judge_batch_thread(struct scene *scene, int result, unsigned n)
{
	(void)n;
	judge_batch_of(scene, result, 5);
}

/* With room for so many that each finds its own place. */
static void prepare_bounded(struct scene *scene)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.min_threads = options.max_threads = 1;
	options.max_queued = 10;
	scene->pool = work_pool(&options);
	gate_init(&scene->gate);
	work_occupy(scene->pool, &scene->gate, &scene->blocked, 1);
	for (int i = 0; i < JOBS_MOST; i++)
		scene->futures[i] = NOTHING;
}

/* ---- map ---- */

static int act_map(struct scene *scene)
{
	void *args[6];

	scene->map = NOTHING;
	for (uintptr_t i = 0; i < 6; i++)
		args[i] = (void *)i;
	return ferry_pool_map(scene->pool, work_number, args, 6, 3, NULL, &scene->map);
}

static void read_map(struct scene *scene, uintptr_t from)
{
	for (uintptr_t i = from; i < 6; i++) {
		ferry_future *next;

		program_check(ferry_map_next(scene->map, FERRY_NO_DEADLINE, &next) == 1,
			      "nothing follows");
		program_check(work_end(next).result.u64 == i, "a result is skipped");
	}
	ferry_map_free(scene->map);
}

static void judge_map(struct scene *scene, int result, unsigned n)
{
	struct ferry_pool_counters books = work_books(scene->pool);

	/* The map and its first window of three. */
	program_check(result == (n && n < 5 ? -ENOMEM : 0), "map: %d", result);
	if (result) {
		program_check(scene->map == NOTHING, "an output was written");
		program_check(books.cancelled == (n > 1 ? n - 2 : 0) && !books.queued,
			      "what was submitted is not cancelled");
	}
	gate_open(&scene->gate);
	if (!result)
		read_map(scene, 0);
	end_busy(scene);
}

static void prepare_map(struct scene *scene)
{
	scene->pool = new_pool(1, 1);
	program_check(act_map(scene) == 0, "no map");
}

/* Reads until it is refused: how many came. */
static int act_map_next(struct scene *scene)
{
	int given = 0;

	for (;; given++) {
		ferry_future *next = NOTHING;
		int error = ferry_map_next(scene->map, FERRY_NO_DEADLINE, &next);

		if (error != 1) {
			program_check(next == NOTHING, "an output was written");
			program_check(error == (given < 6 ? -ENOMEM : 0), "next: %d", error);
			return given;
		}
		program_check(work_end(next).result.u64 == (unsigned)given, "skipped");
	}
}

static void judge_map_next(struct scene *scene, int result, unsigned n)
{
	program_check(n || result == 6, "%d results came", result);
	read_map(scene, (uintptr_t)result);
	work_close(scene->pool);
}

/* ---- lanes ---- */

static int act_lane(struct scene *scene)
{
	scene->lane = NOTHING;
	return ferry_lane_new(scene->pool, NULL, &scene->lane);
}

/* What a lane that was not made would have had is nobody's. */
static int act_lane_reserved(struct scene *scene)
{
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	int result;

	options.reserved = options.max_queued = 1;
	scene->lane = NOTHING;
	result = ferry_lane_new(scene->pool, &options, &scene->lane);
	if (result) {
		program_check(ferry_pool_resize(scene->pool, 1, 1) == 0, "it is reserved");
		program_check(ferry_pool_resize(scene->pool, 2, 2) == 0, "no resize");
	}
	return result;
}

static void judge_lane(struct scene *scene, int result, unsigned n)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	program_check(result == (n ? -ENOMEM : 0), "lane: %d", result);
	if (result) {
		program_check(scene->lane == NOTHING, "an output was written");
		program_check(ferry_lane_new(scene->pool, NULL, &scene->lane) == 0, "no lane");
	}
	options.lane = scene->lane;
	work_end(work_submit(scene->pool, work_count, &scene->ran, &options));
	program_check(scene->ran == 1, "the lane runs nothing");
	ferry_lane_free(scene->lane);
	work_close(scene->pool);
}

/* ---- somebody else's pool ---- */

static int run_here(void *user, void (*run)(void *job), void *job)
{
	++*(int *)user;
	run(job);
	return 0;
}

static int act_executor(struct scene *scene)
{
	ferry_executor executor = { sizeof(executor), run_here, &scene->context };
	ferry_job_options options = all_options(scene);

	scene->futures[0] = NOTHING;
	return ferry_executor_submit(&executor, work_count, &scene->ran, &options,
				     &scene->futures[0]);
}

static void judge_executor(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "executor: %d", result);
	program_check(scene->context == !n && scene->ran == !n && scene->released == !n,
		      "a job that was refused has run");
	program_check(scene->freed == scene->copied, "a context is left");
	if (n)
		program_check(scene->futures[0] == NOTHING, "an output was written");
	else
		ferry_future_unref(scene->futures[0]);
}

int main(int argc, char **argv)
{
	long memory;
	int open;

	program_begin(argc, argv, "each failure of memory and threads in a pool (E3, P1, P2)", 1,
		      1);
	open = fixture_descriptors();
	memory = fault_memory();

	TRIAL("ferry_pool_new without memory", FAULT_MEMORY, -ENOMEM, prepare_nothing, act_new,
	      judge_new_memory);
	TRIAL("ferry_pool_new of three workers without memory", FAULT_MEMORY, -ENOMEM,
	      prepare_nothing, act_new_three, judge_new_memory);
	TRIAL("ferry_pool_new without threads", FAULT_THREAD, -EAGAIN, prepare_nothing, act_new,
	      judge_new_thread);
	TRIAL("ferry_pool_new of three workers without threads", FAULT_THREAD, -EAGAIN,
	      prepare_nothing, act_new_three, judge_new_thread);
	TRIAL("ferry_pool_resize without memory", FAULT_MEMORY, -ENOMEM, prepare_one, act_resize,
	      judge_resize);
	TRIAL("ferry_pool_resize without threads", FAULT_THREAD, -EAGAIN, prepare_one, act_resize,
	      judge_resize);
	TRIAL("ferry_pool_submit without memory", FAULT_MEMORY, -ENOMEM, prepare_busy, act_submit,
	      judge_submit);
	TRIAL("ferry_pool_submit without threads", FAULT_THREAD, -EAGAIN, prepare_busy, act_submit,
	      judge_submit_thread);
	TRIAL("ferry_pool_submit_batch without memory", FAULT_MEMORY, -ENOMEM, prepare_busy,
	      act_batch, judge_batch);
	TRIAL("ferry_pool_submit_batch to a bounded queue without memory", FAULT_MEMORY, -ENOMEM,
	      prepare_bounded, act_batch, judge_batch);
	TRIAL("ferry_pool_submit_batch without threads", FAULT_THREAD, -EAGAIN, prepare_busy,
	      act_batch, judge_batch_thread);
	TRIAL("ferry_pool_map without memory", FAULT_MEMORY, -ENOMEM, prepare_bounded, act_map,
	      judge_map);
	TRIAL("ferry_map_next without memory", FAULT_MEMORY, -ENOMEM, prepare_map, act_map_next,
	      judge_map_next);
	TRIAL("ferry_lane_new without memory", FAULT_MEMORY, -ENOMEM, prepare_one, act_lane,
	      judge_lane);
	TRIAL("ferry_lane_new with a worker of its own without memory", FAULT_MEMORY, -ENOMEM,
	      prepare_two, act_lane_reserved, judge_lane);
	TRIAL("ferry_executor_submit without memory", FAULT_MEMORY, -ENOMEM, prepare_nothing,
	      act_executor, judge_executor);
	trial_settle(memory, 0, open);
	return 0;
}
