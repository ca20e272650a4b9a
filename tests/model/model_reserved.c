/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lanes with reserved workers, limits that change and queues of their own, by every
 * interleaving (P4, P5, P7).
 *
 * What may not run now waits for a place to be given back, in whichever way that comes about:
 * by its worker as it takes the next job or leaves, by one that waits, by who sees that a call is
 * held up, a resize, another limit, the end of a lane. Whoever is not told of it waits for ever.
 * model_reserved --help says how to replay a schedule.
 */
#include <errno.h>
#include <ferry/pool.h>

#include "model/jobs.h"
#include "pool/core.h"
#include "seam/scene.h"

/* A pool of so many workers, one of which is reserved for a lane. */
struct place {
	ferry_pool *pool;
	ferry_lane *lane;
	unsigned gate;
	ferry_future *promise;
};

static struct place place_with(const ferry_pool_options *options, unsigned reserved)
{
	ferry_lane_options own = FERRY_LANE_OPTIONS_INIT;
	struct place place = { .pool = jobs_pool_by(options), .gate = scene_gate() };

	own.reserved = reserved;
	CHECK(ferry_lane_new(place.pool, &own, &place.lane) == 0);
	return place;
}

static struct place place_of(unsigned workers)
{
	ferry_pool_options options = jobs_options(workers, workers);

	return place_with(&options, 1);
}

static void end(struct place *place)
{
	ferry_lane_free(place->lane);
	jobs_end(place->pool);
}

static int wait_at_gate(void *arg, ferry_result *out)
{
	scene_gate_wait(((struct place *)arg)->gate);
	return jobs_nothing(arg, out);
}

static ferry_future *submit_to(struct place *place, ferry_lane *lane, ferry_function fn, void *arg)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_future *future;

	options.lane = lane;
	CHECK(ferry_pool_submit(place->pool, fn, arg, &options, &future) == 0);
	return future;
}

/* One of the ordinary lane is at the gate, and another one may not run before it is through. */
static void hang(struct place *place, ferry_future **futures)
{
	scene_quiet_begin();
	futures[0] = submit_to(place, NULL, wait_at_gate, place);
	scene_settle();
	futures[1] = jobs_submit(place->pool);
	scene_settle();
	CHECK(!ferry_future_snapshot(futures[1]).done);
	scene_quiet_end();
}

/* ---- given back by who takes ---- */

/* P7: those of the ordinary lane one after the other, those of the other one beside them. */
static void lanes_share_two_workers(void)
{
	struct place place = place_of(2);
	ferry_future *futures[4];

	for (unsigned i = 0; i < 4; i++)
		futures[i] = jobs_submit_to(place.pool, i % 2 ? place.lane : NULL);
	for (unsigned i = 0; i < 4; i++)
		jobs_wait(futures[i]);
	end(&place);
}

/* P7: a lane has its worker though another one hangs. */
static void a_lane_runs_beside_one_that_hangs(void)
{
	struct place place = place_of(2);
	ferry_future *futures[2];

	hang(&place, futures);
	jobs_wait(jobs_submit_to(place.pool, place.lane));
	jobs_wait(jobs_submit_to(place.pool, place.lane));
	CHECK(!ferry_future_snapshot(futures[1]).done);
	scene_gate_open(place.gate);
	jobs_wait(futures[0]);
	jobs_wait(futures[1]);
	end(&place);
}

/* P4: the place is free for a submitter that sees the result, wherever its worker is. */
static void a_submitter_runs_its_job_as_a_worker_comes_back(void)
{
	ferry_pool_options options = jobs_options(1, 1);
	ferry_lane_options one = FERRY_LANE_OPTIONS_INIT;
	ferry_job_options job = FERRY_JOB_OPTIONS_INIT;
	ferry_future *queued, *future;
	ferry_pool *pool;

	options.max_queued = 1;
	options.when_full = FERRY_FULL_RUN;
	pool = jobs_pool_by(&options);
	one.max_running = 1;
	CHECK(ferry_lane_new(pool, &one, &job.lane) == 0);
	jobs_wait(jobs_submit_to(pool, job.lane));
	CHECK(ferry_pool_submit(pool, jobs_nothing, NULL, NULL, &queued) == 0);
	CHECK(ferry_pool_submit(pool, jobs_nothing, NULL, &job, &future) == 0);
	jobs_wait(queued);
	jobs_wait(future);
	ferry_lane_free(job.lane);
	jobs_end(pool);
}

static unsigned ran_in_turn;

static int count_in_turn(void *arg, ferry_result *out)
{
	ran_in_turn++;
	return jobs_nothing(arg, out);
}

/* P4: what one of a lane wrote is seen by the next, whoever runs it; ThreadSanitizer looks. */
static void a_submitter_runs_what_comes_after_a_workers_job(void)
{
	ferry_pool_options options = jobs_options(1, 1);
	ferry_lane_options one = FERRY_LANE_OPTIONS_INIT;
	ferry_job_options job = FERRY_JOB_OPTIONS_INIT;
	ferry_future *futures[3];
	ferry_pool *pool;
	int error;

	options.max_queued = 1;
	options.when_full = FERRY_FULL_RUN;
	pool = jobs_pool_by(&options);
	one.max_running = 1;
	ran_in_turn = 0;
	CHECK(ferry_lane_new(pool, &one, &job.lane) == 0);
	CHECK(ferry_pool_submit(pool, count_in_turn, NULL, &job, &futures[0]) == 0);
	CHECK(ferry_pool_submit(pool, jobs_nothing, NULL, NULL, &futures[1]) == 0);
	error = ferry_pool_submit(pool, count_in_turn, NULL, &job, &futures[2]);
	CHECK(error == 0 || error == -EAGAIN);
	for (unsigned i = 0; i < (error ? 2 : 3); i++)
		jobs_wait(futures[i]);
	CHECK(ran_in_turn == (error ? 1 : 2));
	ferry_lane_free(job.lane);
	jobs_end(pool);
}

/* ---- given back by who leaves ---- */

static void shrink(void *arg)
{
	CHECK(ferry_pool_resize(((struct place *)arg)->pool, 1, 2) == 0);
}

/* P7: the worker that leaves because there are too many has the place that is waited for. */
static void a_worker_leaves_with_a_place(void)
{
	struct place place = place_of(3);
	ferry_future *futures[3];
	unsigned other;

	scene_quiet_begin();
	futures[2] = submit_to(&place, NULL, wait_at_gate, &place);
	scene_settle();
	scene_quiet_end();
	hang(&place, futures);
	other = scene_start("resizer", shrink, &place);
	scene_gate_open(place.gate);
	for (unsigned i = 0; i < 3; i++)
		jobs_wait(futures[i]);
	scene_join(other);
	end(&place);
}

/* ---- lent by who waits (P4) ---- */

static int keep_promise(void *arg, ferry_result *out)
{
	CHECK(ferry_future_set_result(((struct place *)arg)->promise, ferry_result_u64(1)) == 0);
	return jobs_nothing(arg, out);
}

static int wait_for_promise(void *arg, ferry_result *out)
{
	CHECK(ferry_future_wait(((struct place *)arg)->promise, FERRY_NO_DEADLINE) == 0);
	return jobs_nothing(arg, out);
}

/* Its place goes to its own lane, not to the one that would hang in it. */
static void a_place_is_lent_to_its_own_lane(void)
{
	struct place place = place_of(2);
	ferry_future *futures[2], *waits, *keeps;

	CHECK(ferry_future_new(NULL, &place.promise) == 0);
	hang(&place, futures);
	waits = submit_to(&place, place.lane, wait_for_promise, &place);
	keeps = submit_to(&place, place.lane, keep_promise, &place);
	jobs_wait(waits);
	jobs_wait(keeps);
	CHECK(!ferry_future_snapshot(futures[1]).done);
	scene_gate_open(place.gate);
	jobs_wait(futures[0]);
	jobs_wait(futures[1]);
	ferry_future_unref(place.promise);
	end(&place);
}

/* P7: one that hung waits now, and the next of its lane has a place. */
static void a_place_is_lent_to_who_waits_for_it(void)
{
	struct place place = place_of(2);
	ferry_future *waits, *keeps;

	CHECK(ferry_future_new(NULL, &place.promise) == 0);
	waits = submit_to(&place, NULL, wait_for_promise, &place);
	keeps = submit_to(&place, NULL, keep_promise, &place);
	jobs_wait(waits);
	jobs_wait(keeps);
	ferry_future_unref(place.promise);
	end(&place);
}

/* ---- lent by who sees that it is held up (P4) ---- */

static int held_up(void *arg, ferry_result *out)
{
	struct place *place = arg;

	scene_gate_wait(place->gate);
	place_reclaim_held_up(place->pool->core, ferry_pool_lane(place->pool, FERRY_LANE_CPU));
	return jobs_nothing(arg, out);
}

static void lend(void *arg)
{
	struct place *place = arg;

	CHECK(place_lend_held_up(place->pool->core, ferry_pool_lane(place->pool, FERRY_LANE_CPU)));
	scene_gate_open(place->gate);
}

/* It goes on at once: what waited, and what comes meanwhile, is run once, by whomever. */
static void lend_beside(struct place place)
{
	ferry_future *held, *waits;
	unsigned other;

	scene_quiet_begin();
	held = submit_to(&place, ferry_pool_lane(place.pool, FERRY_LANE_CPU), held_up, &place);
	scene_settle();
	waits = jobs_submit(place.pool);
	scene_settle();
	scene_quiet_end();
	other = scene_start("lender", lend, &place);
	jobs_wait(jobs_submit(place.pool));
	jobs_wait(waits);
	jobs_wait(held);
	scene_join(other);
	CHECK(place.pool->core->lent == 0 && place.pool->core->held_up == 0);
	end(&place);
}

static void a_place_is_lent_as_its_call_comes_back(void)
{
	ferry_pool_options options = jobs_options(1, 1);

	lend_beside(place_with(&options, 0));
}

static void a_place_is_lent_beside_what_is_reserved(void)
{
	lend_beside(place_of(2));
}

/* P4: it does not come back before what waits for its place has run. */
static void what_waits_runs_while_a_call_is_held_up(void)
{
	struct place place = place_of(2);
	ferry_lane *lane = ferry_pool_lane(place.pool, FERRY_LANE_CPU);
	ferry_future *held, *waits;

	scene_quiet_begin();
	held = submit_to(&place, lane, held_up, &place);
	scene_settle();
	waits = jobs_submit(place.pool);
	scene_settle();
	scene_quiet_end();
	CHECK(place_lend_held_up(place.pool->core, lane));
	jobs_wait(waits);
	scene_gate_open(place.gate);
	jobs_wait(held);
	end(&place);
}

/* ---- given up ---- */

static void run_while(void (*give)(void *arg))
{
	struct place place = place_of(2);
	ferry_future *futures[2];
	unsigned other;

	hang(&place, futures);
	other = scene_start("giver", give, &place);
	/* P7: it may run beside the one that hangs. */
	jobs_wait(futures[1]);
	scene_join(other);
	scene_gate_open(place.gate);
	jobs_wait(futures[0]);
	end(&place);
}

static void give_up(void *arg)
{
	ferry_lane_options none = FERRY_LANE_OPTIONS_INIT;

	CHECK(ferry_lane_configure(((struct place *)arg)->lane, &none) == 0);
}

static void free_lane(void *arg)
{
	struct place *place = arg;

	place->lane = ferry_lane_free(place->lane);
}

static void grow(void *arg)
{
	CHECK(ferry_pool_resize(((struct place *)arg)->pool, 2, 3) == 0);
}

static void a_lane_gives_its_worker_up(void)
{
	run_while(give_up);
}

static void a_lane_is_freed_with_its_worker(void)
{
	run_while(free_lane);
}

static void a_pool_grows_beside_a_lane(void)
{
	run_while(grow);
}

/* ---- the end (P5) ---- */

static void a_drain_runs_what_may_not_run_yet(void)
{
	struct place place = place_of(2);
	ferry_future *futures[4];

	for (unsigned i = 0; i < 4; i++)
		futures[i] = jobs_submit_to(place.pool, i == 3 ? place.lane : NULL);
	CHECK(ferry_pool_shutdown(place.pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE) == 0);
	for (unsigned i = 0; i < 4; i++)
		jobs_wait(futures[i]);
	end(&place);
}

/* ---- room in a lane ---- */

static void submit_and_wait(void *arg)
{
	struct place *place = arg;

	jobs_wait(jobs_submit_to(place->pool, place->lane));
}

static void wait_for_room(size_t of_the_pool)
{
	ferry_pool_options options = jobs_options(1, 1);
	ferry_lane_options one = FERRY_LANE_OPTIONS_INIT;
	struct place place;
	unsigned other;

	options.max_queued = of_the_pool;
	options.when_full = FERRY_FULL_BLOCK;
	place = place_with(&options, 0);
	one.max_queued = 1;
	CHECK(ferry_lane_configure(place.lane, &one) == 0);
	other = scene_start("submitter", submit_and_wait, &place);
	submit_and_wait(&place);
	jobs_submit_and_wait(place.pool);
	submit_and_wait(&place);
	scene_join(other);
	end(&place);
}

static void submitters_wait_for_room_in_a_lane(void)
{
	wait_for_room(0);
}

static void submitters_wait_for_room_in_both(void)
{
	wait_for_room(1);
}

/* Who waits for room is told that there is no limit any more; nothing that waits is miscounted. */
static void a_limit_is_lifted_while_a_submitter_waits(void)
{
	ferry_pool_options options = jobs_options(1, 1);
	ferry_lane_options one = FERRY_LANE_OPTIONS_INIT;
	struct place place;
	ferry_future *hangs, *queued;
	unsigned other;

	options.when_full = FERRY_FULL_BLOCK;
	place = place_with(&options, 0);
	one.max_queued = 1;
	scene_quiet_begin();
	hangs = submit_to(&place, NULL, wait_at_gate, &place);
	scene_settle();
	queued = jobs_submit_to(place.pool, place.lane);
	scene_quiet_end();
	CHECK(ferry_lane_configure(place.lane, &one) == 0);
	other = scene_start("lifter", give_up, &place);
	ferry_future_unref(jobs_submit_to(place.pool, place.lane));
	scene_gate_open(place.gate);
	jobs_wait(hangs);
	jobs_wait(queued);
	scene_join(other);
	CHECK(ferry_lane_configure(place.lane, &one) == 0);
	submit_and_wait(&place);
	submit_and_wait(&place);
	end(&place);
}

static const struct scene scenes[] = {
	{ "share", lanes_share_two_workers, 2, 3 },
	{ "hang", a_lane_runs_beside_one_that_hangs, 2, 3 },
	{ "collect", a_submitter_runs_its_job_as_a_worker_comes_back, 2, 3 },
	{ "in-turn", a_submitter_runs_what_comes_after_a_workers_job, 2, 3 },
	{ "leave", a_worker_leaves_with_a_place, 2, 3 },
	{ "lend-own", a_place_is_lent_to_its_own_lane, 2, 3 },
	{ "lend", a_place_is_lent_to_who_waits_for_it, 2, 3 },
	{ "held-up", what_waits_runs_while_a_call_is_held_up, 2, 3 },
	{ "held-up-back", a_place_is_lent_as_its_call_comes_back, 1, 2 },
	{ "held-up-beside", a_place_is_lent_beside_what_is_reserved, 1, 2 },
	{ "give-up", a_lane_gives_its_worker_up, 2, 3 },
	{ "free", a_lane_is_freed_with_its_worker, 2, 3 },
	{ "grow", a_pool_grows_beside_a_lane, 2, 3 },
	{ "drain", a_drain_runs_what_may_not_run_yet, 2, 3 },
	{ "room", submitters_wait_for_room_in_a_lane, 2, 3 },
	{ "room-both", submitters_wait_for_room_in_both, 2, 3 },
	{ "lift", a_limit_is_lifted_while_a_submitter_waits, 2, 3 },
};

int main(int count, char **arguments)
{
	return explore(count, arguments, scenes, sizeof(scenes) / sizeof(*scenes));
}
