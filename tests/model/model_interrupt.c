/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who cancels a job against the worker that runs it, by every interleaving (P11).
 *
 * If the cancel came while the function ran, the call that this is blocked in is interrupted;
 * whatever runs on the worker afterwards, or in between, can neither be signalled nor finds a
 * signal that was sent before. model_interrupt --help says how to replay a schedule.
 */
#include <errno.h>
#include <ferry/pool.h>
#include <signal.h>

#include "model/jobs.h"
#include "seam/scene.h"

static ferry_pool *pool_that_interrupts(void)
{
	ferry_pool_options options = jobs_options(1, 1);

	options.interrupt_signal = SIGURG;
	return jobs_pool_by(&options);
}

/* ---- whoever is not to be interrupted ---- */

static int looks(void *arg, ferry_result *out)
{
	(void)arg;
	CHECK(!machine_is_signalled());
	*out = ferry_result_u64(1);
	return 0;
}

static void looks_as_it_is_released(void *arg)
{
	(void)arg;
	CHECK(!machine_is_signalled());
}

/* ---- who is ---- */

struct hunt {
	ferry_pool *pool;
	ferry_future *victim;
};

static ferry_future *submit_victim(struct hunt *hunt, ferry_function fn)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_future *future;

	options.interruptible = 1;
	options.release = looks_as_it_is_released;
	CHECK(ferry_pool_submit(hunt->pool, fn, hunt, &options, &future) == 0);
	return future;
}

/* It is cancelled sooner or later: nothing else ends the call. */
static int is_blocked(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	/* A signal that lands here is lost on the call. */
	machine_handle_signal();
	machine_sleep_until_signal();
	return -EINTR;
}

/* Or it ends before, at any moment. */
static int ends(void *arg, ferry_result *out)
{
	(void)arg;
	machine_handle_signal();
	*out = ferry_result_u64(1);
	return 0;
}

static int waits_and_is_blocked(void *arg, ferry_result *out)
{
	struct hunt *hunt = arg;
	ferry_future *inner;

	CHECK(ferry_pool_submit(hunt->pool, looks, NULL, NULL, &inner) == 0);
	jobs_wait(inner);
	return is_blocked(arg, out);
}

static void cancel(void *arg)
{
	struct hunt *hunt = arg;

	ferry_future_cancel(hunt->victim);
}

static void end_hunt(struct hunt *hunt, unsigned hunter)
{
	ferry_future *next;

	CHECK(ferry_pool_submit(hunt->pool, looks, NULL, NULL, &next) == 0);
	jobs_wait(next);
	scene_join(hunter);
	CHECK(ferry_future_wait(hunt->victim, FERRY_NO_DEADLINE) == 0);
	ferry_future_unref(hunt->victim);
	jobs_end(hunt->pool);
}

static void play(ferry_function fn)
{
	struct hunt hunt = { .pool = pool_that_interrupts() };

	hunt.victim = submit_victim(&hunt, fn);
	end_hunt(&hunt, scene_start("hunter", cancel, &hunt));
}

/* Nobody is left asleep. */
static void one_that_is_blocked_is_cancelled(void)
{
	play(is_blocked);
}

static void one_that_ends_is_cancelled(void)
{
	play(ends);
}

/* P4: what runs inside of it is not signalled in its stead. */
static void one_that_waits_is_cancelled(void)
{
	play(waits_and_is_blocked);
}

/* E3: there is the one signal, which may be lost; the rest holds. */
static void no_timer_can_be_made(void)
{
	machine_fail_timers();
	play(ends);
}

/* P5: the block is all that who cancels needs. */
static void its_pool_is_freed_and_it_is_cancelled(void)
{
	struct hunt hunt;
	unsigned hunter;

	hunt.pool = pool_that_interrupts();
	hunt.victim = submit_victim(&hunt, is_blocked);
	hunter = scene_start("hunter", cancel, &hunt);
	ferry_pool_free(hunt.pool);
	scene_join(hunter);
	CHECK(ferry_future_wait(hunt.victim, FERRY_NO_DEADLINE) == 0);
	ferry_future_unref(hunt.victim);
}

static const struct scene scenes[] = {
	{ "blocked", one_that_is_blocked_is_cancelled, 3, 4 },
	{ "ends", one_that_ends_is_cancelled, 2, 4 },
	{ "waits", one_that_waits_is_cancelled, 2, 3 },
	{ "no-timer", no_timer_can_be_made, 2, 4 },
	{ "freed", its_pool_is_freed_and_it_is_cancelled, 2, 4 },
};

int main(int count, char **arguments)
{
	return explore(count, arguments, scenes, sizeof(scenes) / sizeof(*scenes));
}
