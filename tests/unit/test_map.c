/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/map.c: results in the order of the arguments, with at most a window of them
 * submitted and not given out.
 */
#include <criterion/criterion.h>

#include "support/work.h"

TestSuite(map, .timeout = 30);

#define COUNT 100

static void *args[COUNT];

static void number_args(void)
{
	for (uintptr_t i = 0; i < COUNT; i++)
		args[i] = (void *)i;
}

static ferry_map *map_over(ferry_pool *pool, ferry_function fn, size_t count, size_t window)
{
	ferry_map *map;

	cr_assert_eq(ferry_pool_map(pool, fn, args, count, window, NULL, &map), 0);
	return map;
}

static uint64_t next_number(ferry_map *map)
{
	ferry_future *next;

	cr_assert_eq(ferry_map_next(map, FERRY_NO_DEADLINE, &next), 1);
	cr_assert(ferry_future_snapshot(next).done);
	return work_end(next).result.u64;
}

/* ---- results ---- */

Test(map, gives_results_in_the_order_of_the_arguments)
{
	static const size_t windows[] = { 0, 1, 2, 7, COUNT - 1, COUNT, COUNT + 1, SIZE_MAX };
	ferry_pool *pool = fixture_pool(3);

	number_args();
	for (size_t i = 0; i < sizeof(windows) / sizeof(*windows); i++) {
		ferry_map *map = map_over(pool, work_number, COUNT, windows[i]);
		ferry_future *untouched = (ferry_future *)&untouched;

		for (unsigned j = 0; j < COUNT; j++)
			cr_assert_eq(next_number(map), j);
		cr_assert_eq(ferry_map_next(map, FERRY_NO_DEADLINE, &untouched), 0);
		cr_assert_eq(untouched, (ferry_future *)&untouched);
		cr_assert_null(ferry_map_free(map));
	}
	work_close(pool);
}

Test(map, copies_the_arguments)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_map *map;

	number_args();
	map = map_over(pool, work_number, COUNT, 2);
	for (unsigned i = 0; i < COUNT; i++)
		args[i] = (void *)999;
	for (unsigned i = 0; i < COUNT; i++)
		cr_assert_eq(next_number(map), i);
	ferry_map_free(map);
	work_close(pool);
}

static int fails_if_odd(void *arg, ferry_result *out)
{
	return (uintptr_t)arg % 2 ? -EIO : work_number(arg, out);
}

Test(map, goes_on_after_a_failure)
{
	ferry_pool *pool = fixture_pool(2);
	ferry_future *next;
	ferry_map *map;

	number_args();
	map = map_over(pool, fails_if_odd, COUNT, 3);
	for (unsigned i = 0; i < COUNT; i++) {
		ferry_snapshot end;

		cr_assert_eq(ferry_map_next(map, FERRY_NO_DEADLINE, &next), 1);
		end = work_end(next);
		cr_assert_eq(end.exception, i % 2 ? ferry_error_from_errno(EIO) : NULL);
	}
	ferry_map_free(map);
	work_close(pool);
}

static int copies_its_name(void *arg, ferry_result *out)
{
	(void)out;
	strcpy(arg, ferry_job_name());
	return 0;
}

/* Jobs are submitted when the caller's string has gone. */
Test(map, copies_the_name)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(1);
	static char names[COUNT][32];
	char name[] = "of a map";
	ferry_map *map;

	for (unsigned i = 0; i < COUNT; i++)
		args[i] = names[i];
	options.name = name;
	cr_assert_eq(ferry_pool_map(pool, copies_its_name, args, COUNT, 1, &options, &map), 0);
	memset(name, 'x', sizeof(name) - 1);
	for (unsigned i = 0; i < COUNT; i++) {
		next_number(map);
		cr_assert_str_eq(names[i], "of a map");
	}
	ferry_map_free(map);
	work_close(pool);
}

/* ---- the window: 74028 asked for it ---- */

Test(map, submits_no_more_than_its_window)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_map *map;

	number_args();
	map = map_over(pool, work_number, COUNT, 5);
	cr_assert_eq(work_books(pool).accepted, 5);
	for (unsigned i = 0; i < COUNT; i++) {
		/* One more for each that was given out, and not before it was. */
		cr_assert_eq(work_books(pool).accepted, i + 5 < COUNT ? i + 5 : COUNT);
		cr_assert_eq(next_number(map), i);
	}
	ferry_map_free(map);
	work_close(pool);
}

Test(map, waits_until_a_deadline_and_can_be_asked_again)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_future *untouched = (ferry_future *)&untouched, *next = untouched, *kept;
	struct gate gate;
	ferry_map *map;

	gate_init(&gate);
	number_args();
	work_occupy(pool, &gate, &kept, 1);
	map = map_over(pool, work_number, 3, 0);
	cr_assert_eq(ferry_map_next(map, 0, &next), -ETIMEDOUT);
	cr_assert_eq(ferry_map_next(map, ferry_in_ns(1000000), &next), -ETIMEDOUT);
	cr_assert_eq(next, untouched);
	gate_open(&gate);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(next_number(map), i);
	ferry_map_free(map);
	work_end(kept);
	work_close(pool);
}

/* ---- bad input ---- */

Test(map, refuses_bad_input_and_changes_nothing)
{
	ferry_map *const untouched = (ferry_map *)args;
	ferry_map *map = untouched;
	ferry_pool *pool = fixture_pool(1);
	ferry_future *next = (ferry_future *)untouched;

	cr_assert_eq(ferry_pool_map(NULL, work_number, args, 1, 0, NULL, &map), -EINVAL);
	cr_assert_eq(ferry_pool_map(pool, NULL, args, 1, 0, NULL, &map), -EINVAL);
	cr_assert_eq(ferry_pool_map(pool, work_number, NULL, 1, 0, NULL, &map), -EINVAL);
	cr_assert_eq(ferry_pool_map(pool, work_number, args, 1000001, 0, NULL, &map), -EINVAL);
	cr_assert_eq(ferry_pool_map(pool, work_number, args, SIZE_MAX, 0, NULL, &map), -EINVAL);
	cr_assert_eq(ferry_pool_map(pool, work_number, args, 1, 0, NULL, NULL), -EINVAL);
	cr_assert_eq(map, untouched);
	cr_assert_eq(ferry_map_next(NULL, 0, &next), -EINVAL);
	map = map_over(pool, work_number, 1, 0);
	cr_assert_eq(ferry_map_next(map, FERRY_NO_DEADLINE, NULL), -EINVAL);
	cr_assert_eq(next, (ferry_future *)untouched);
	cr_assert_eq(next_number(map), 0);
	ferry_map_free(map);
	cr_assert_null(ferry_map_free(NULL));
	work_close(pool);
}

Test(map, over_nothing_gives_nothing)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_future *next;
	ferry_map *map;

	cr_assert_eq(ferry_pool_map(pool, work_number, NULL, 0, 0, NULL, &map), 0);
	cr_assert_eq(ferry_map_next(map, FERRY_NO_DEADLINE, &next), 0);
	ferry_map_free(map);
	work_close(pool);
}

Test(map, a_loops_thread_does_not_wait_for_the_next)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_future *kept, *next;
	struct gate gate;
	ferry_loop *loop;
	ferry_map *map;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	map = map_over(pool, work_number, 1, 0);
	loop = fixture_loop();
	cr_assert_eq(ferry_map_next(map, FERRY_NO_DEADLINE, &next), -EDEADLK);
	ferry_loop_free(loop);
	gate_open(&gate);
	cr_assert_eq(next_number(map), 0);
	ferry_map_free(map);
	work_end(kept);
	work_close(pool);
}

/* ---- refusals on the way ---- */

Test(map, whose_first_window_is_refused_is_cancelled)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_map *map = NULL;
	ferry_future *kept;
	struct gate gate;
	ferry_pool *pool;

	gate_init(&gate);
	options.max_threads = 1;
	options.max_queued = 3;
	pool = work_pool(&options);
	work_occupy(pool, &gate, &kept, 1);
	cr_assert_eq(ferry_pool_map(pool, work_number, args, 5, 0, NULL, &map), -EAGAIN);
	cr_assert_null(map);
	cr_assert(work_books(pool).cancelled == 3 && work_books(pool).queued == 0);
	gate_open(&gate);
	work_end(kept);
	work_close(pool);
}

Test(map, skips_nothing_when_a_submit_is_refused)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_future *kept, *other, *next;
	struct gate gate;
	ferry_pool *pool;
	ferry_map *map;

	number_args();
	gate_init(&gate);
	options.max_threads = 1;
	options.max_queued = 1;
	pool = work_pool(&options);
	map = map_over(pool, work_number, 3, 1);
	/* While its next job cannot be submitted the queue is full of another. */
	tasks_until_true(work_books(pool).queued == 0);
	work_occupy(pool, &gate, &kept, 1);
	other = work_submit(pool, work_nothing, NULL, NULL);
	cr_assert_eq(next_number(map), 0);
	cr_assert_eq(ferry_map_next(map, FERRY_NO_DEADLINE, &next), -EAGAIN);
	cr_assert_eq(ferry_map_next(map, FERRY_NO_DEADLINE, &next), -EAGAIN);
	gate_open(&gate);
	work_end(kept);
	work_end(other);
	cr_assert_eq(next_number(map), 1);
	cr_assert_eq(next_number(map), 2);
	cr_assert_eq(ferry_map_next(map, FERRY_NO_DEADLINE, &next), 0);
	ferry_map_free(map);
	work_close(pool);
}

/* A pool whose submitters wait for room, kept, and its queue full of another's job. */
static ferry_map *map_without_room(ferry_pool **pool, struct gate *gate, ferry_future *kept[2],
				   uint64_t room_deadline_ns)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_job_options job = FERRY_JOB_OPTIONS_INIT;
	ferry_map *map;

	number_args();
	gate_init(gate);
	options.max_threads = 1;
	options.max_queued = 1;
	options.when_full = FERRY_FULL_BLOCK;
	*pool = work_pool(&options);
	job.room_deadline_ns = room_deadline_ns;
	cr_assert_eq(ferry_pool_map(*pool, work_number, args, 3, 1, &job, &map), 0);
	tasks_until_true(work_books(*pool).queued == 0);
	work_occupy(*pool, gate, kept, 1);
	kept[1] = work_submit(*pool, work_nothing, NULL, NULL);
	return map;
}

static void end_with_room(ferry_pool *pool, struct gate *gate, ferry_future *kept[2])
{
	gate_open(gate);
	work_end(kept[0]);
	work_end(kept[1]);
	work_close(pool);
}

Test(map, gives_what_is_done_without_waiting_for_room_and_waits_for_that_until_its_deadline)
{
	ferry_future *untouched = (ferry_future *)&untouched, *next = untouched, *kept[2];
	struct gate gate;
	ferry_pool *pool;
	ferry_map *map = map_without_room(&pool, &gate, kept, 0);
	uint64_t deadline_ns = ferry_in_ns(1000000);

	cr_assert_eq(next_number(map), 0);
	cr_assert_eq(ferry_map_next(map, deadline_ns, &next), -ETIMEDOUT);
	cr_assert_geq(ferry_now_ns(), deadline_ns);
	cr_assert_eq(ferry_map_next(map, 0, &next), -ETIMEDOUT);
	cr_assert_eq(next, untouched);
	gate_open(&gate);
	cr_assert_eq(next_number(map), 1);
	cr_assert_eq(next_number(map), 2);
	ferry_map_free(map);
	end_with_room(pool, &gate, kept);
}

Test(map, waits_for_room_no_longer_than_its_jobs_were_to)
{
	struct gate gate;
	ferry_pool *pool;
	ferry_future *next, *kept[2];
	ferry_map *map = map_without_room(&pool, &gate, kept, 1);

	cr_assert_eq(next_number(map), 0);
	cr_assert_eq(ferry_map_next(map, FERRY_NO_DEADLINE, &next), -ETIMEDOUT);
	ferry_map_free(map);
	end_with_room(pool, &gate, kept);
}

Test(map, gives_what_was_submitted_before_a_shutdown)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_future *next;
	ferry_map *map;

	number_args();
	map = map_over(pool, work_number, COUNT, 4);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(next_number(map), i);
	cr_assert_eq(ferry_map_next(map, FERRY_NO_DEADLINE, &next), -ESHUTDOWN);
	ferry_map_free(map);
	ferry_pool_free(pool);
}

/* ---- the end ---- */

Test(map, freed_before_its_end_cancels_what_was_not_given_out)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_pool_counters books;
	ferry_future *kept;
	struct gate gate;
	ferry_map *map;

	gate_init(&gate);
	number_args();
	work_occupy(pool, &gate, &kept, 1);
	map = map_over(pool, work_number, COUNT, 10);
	ferry_map_free(map);
	books = work_books(pool);
	cr_assert(books.cancelled == 10 && books.queued == 0);
	gate_open(&gate);
	work_end(kept);
	work_close(pool);
}
