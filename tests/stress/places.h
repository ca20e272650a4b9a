/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STRESS_PLACES_H
#define STRESS_PLACES_H
/*
 * A row of places, each with a pool that others use while a warden resizes it, shuts
 * it down and puts a new one in its place; and what those pools counted, all together.
 *
 *   pthread_rwlock_rdlock(&place->lock);    its pool is not freed meanwhile
 *   ... place->pool, place->lanes ...
 *   pthread_rwlock_unlock(&place->lock);
 *   warden.turn++;                          the warden acts once in so many
 */
#include <stdatomic.h>

#include "support/program.h"
#include "support/work.h"

#define POOLS 3
#define LANES 3

/* What the pools counted until they were freed. */
static struct {
	_Atomic long attempted;
	_Atomic long ran;
	_Atomic long unsure; /* running or in a worker's hand then, or queued: may have run */
} counted;

/* ---- pools ---- */

struct place {
	pthread_rwlock_t lock; /* held for reading by who offloads, for writing by who frees */
	ferry_pool *pool;
	ferry_lane *lanes[LANES];
};

static struct place places[POOLS];

static void place_open(struct place *place, uint64_t *random)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_lane_options lane = FERRY_LANE_OPTIONS_INIT;
	int error;

	options.name = "stress";
	options.min_threads = 1;
	options.max_threads = 1 + random_below(random, 4);
	options.idle_timeout_ns = 100000;
	options.max_queued = random_below(random, 2) ? 0 : 32;
	place->pool = work_pool(&options);
	for (int i = 0; i < LANES; i++) {
		lane.brief = i == 1;
		lane.max_running = i == 2;
		error = ferry_lane_new(place->pool, &lane, &place->lanes[i]);
		program_check(!error, "no lane: %d", error);
	}
}

/* Nobody submits any more. Abandoned jobs may still run. */
static void place_close(struct place *place, bool is_shut_down)
{
	ferry_pool_counters counters = work_books(place->pool);

	counted.attempted += (long)counters.attempted;
	counted.ran += (long)counters.ran;
	counted.unsure += (long)(counters.running + counters.queued);
	program_check(counters.queued == 0 || !is_shut_down,
		      "a shutdown leaves %" PRIu64 " jobs in the queue (P5)", counters.queued);
	for (int i = 0; i < LANES; i++)
		ferry_lane_free(place->lanes[i]);
	ferry_pool_free(place->pool);
}

/* ---- the warden ---- */

struct warden {
	pthread_t thread;
	uint64_t random;
	_Atomic bool stop;
	_Atomic long turn; /* how many batches the loops have done */
};

static struct warden warden;

static void warden_replace(struct place *place, uint64_t *random)
{
	ferry_shutdown mode = (ferry_shutdown)random_below(random, 3);
	uint64_t deadline_ns = random_below(random, 2) ? FERRY_NO_DEADLINE : ferry_in_ns(20000);
	bool ends = random_below(random, 4);
	int left = 0;

	/* Mostly it ends while the loops still offload to it. */
	if (ends)
		left = ferry_pool_shutdown(place->pool, mode, deadline_ns);
	program_check(left >= 0, "shutdown: %d", left);
	work_books(place->pool);
	program_check(!left || mode == FERRY_SHUTDOWN_ABANDON || deadline_ns != FERRY_NO_DEADLINE,
		      "a shutdown without a deadline leaves %d jobs (P5)", left);
	pthread_rwlock_wrlock(&place->lock);
	place_close(place, ends);
	place_open(place, random);
	pthread_rwlock_unlock(&place->lock);
}

static void *warden_main(void *argument)
{
	uint64_t random = warden.random;
	long seen = 0;

	(void)argument;
	while (!warden.stop) {
		struct place *place = &places[random_below(&random, POOLS)];
		unsigned most = 1 + random_below(&random, 6);

		/* One act in some batches: else the loops would meet only closed pools. */
		if (warden.turn < seen + 16) {
			sched_yield();
			continue;
		}
		seen = warden.turn;
		work_books(place->pool);
		if (random_below(&random, 4))
			ferry_pool_resize(place->pool, 1 + random_below(&random, most), most);
		else
			warden_replace(place, &random);
	}
	return NULL;
}

#endif
