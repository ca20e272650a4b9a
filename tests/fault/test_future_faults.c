/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * E3 in futures and errors: what cannot be made for want of memory is -ENOMEM, nothing
 * is kept of it, and what it was made from is as before.
 */
#include "fault/trial.h"
#include "support/work.h"

#define NOTHING ((void *)(uintptr_t)0x10) /* an output that nobody wrote */
/* How long what does not fail waits: one that is late before it begins allocates nothing. */
#define SOON_NS 100000000

struct scene {
	ferry_pool *pool;
	ferry_future *futures[3], *made;
	ferry_as_completed *iteration;
	const ferry_error *error;
	unsigned freed;
};

static void prepare_pool(struct scene *scene)
{
	scene->pool = fixture_pool(1);
}

static int act_new(struct scene *scene)
{
	ferry_future_options options = FERRY_FUTURE_OPTIONS_INIT;

	options.name = "a promise";
	options.pool = scene->pool;
	scene->made = NOTHING;
	return ferry_future_new(&options, &scene->made);
}

static void judge_new(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "future: %d", result);
	if (n)
		program_check(scene->made == NOTHING, "an output was written");
	else
		ferry_future_unref(scene->made);
	fixture_end(NULL, scene->pool);
}

/* ---- errors ---- */

static void count_free(void *payload)
{
	++*(unsigned *)payload;
}

static void prepare_nothing(struct scene *scene)
{
	scene->error = NOTHING;
}

static int act_error(struct scene *scene)
{
	return ferry_error_new("test", 1, "a message", &scene->freed, count_free, &scene->error);
}

static void judge_error(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "error: %d", result);
	program_check(scene->freed == 0, "the payload of a refused error is the caller's");
	if (n)
		program_check(scene->error == NOTHING, "an output was written");
	else
		ferry_error_unref(scene->error);
	program_check(scene->freed == !n, "the payload was freed %u times", scene->freed);
}

/* ---- waiting for several ---- */

static void prepare_pending(struct scene *scene)
{
	for (int i = 0; i < 3; i++)
		program_check(ferry_future_new(NULL, &scene->futures[i]) == 0, "no future");
	scene->iteration = NOTHING;
}

/* Nobody is attached any more: completing notifies nobody who is gone. */
static void end_pending(struct scene *scene)
{
	for (int i = 0; i < 3; i++) {
		program_check(!ferry_future_snapshot(scene->futures[i]).done, "done by itself");
		program_check(ferry_future_set_result(scene->futures[i],
						      ferry_result_u64(1)) == 0, "not mine");
	}
	program_check(ferry_wait_all(scene->futures, 3, FERRY_ALL_COMPLETED,
				     FERRY_NO_DEADLINE) == 3, "cannot be waited for");
	for (int i = 0; i < 3; i++)
		ferry_future_unref(scene->futures[i]);
}

static int act_any(struct scene *scene)
{
	return ferry_wait_any(scene->futures, 3, ferry_in_ns(SOON_NS));
}

static int act_all(struct scene *scene)
{
	return ferry_wait_all(scene->futures, 3, FERRY_FIRST_EXCEPTION, ferry_in_ns(SOON_NS));
}

static void judge_wait(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : -ETIMEDOUT), "wait: %d", result);
	end_pending(scene);
}

static int act_as_completed(struct scene *scene)
{
	return ferry_as_completed_new(scene->futures, 3, &scene->iteration);
}

static void judge_as_completed(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "as_completed: %d", result);
	if (n)
		program_check(scene->iteration == NOTHING, "an output was written");
	else
		ferry_as_completed_free(scene->iteration);
	end_pending(scene);
}

int main(int argc, char **argv)
{
	program_begin(argc, argv, "each failure of memory in futures and errors (E3)", 1, 1);
	TRIAL("ferry_future_new without memory", FAULT_MEMORY, -ENOMEM, prepare_pool, act_new,
	      judge_new);
	TRIAL("ferry_error_new without memory", FAULT_MEMORY, -ENOMEM, prepare_nothing, act_error,
	      judge_error);
	TRIAL("ferry_wait_any without memory", FAULT_MEMORY, -ENOMEM, prepare_pending, act_any,
	      judge_wait);
	TRIAL("ferry_wait_all without memory", FAULT_MEMORY, -ENOMEM, prepare_pending, act_all,
	      judge_wait);
	TRIAL("ferry_as_completed_new without memory", FAULT_MEMORY, -ENOMEM, prepare_pending,
	      act_as_completed, judge_as_completed);
	return 0;
}
