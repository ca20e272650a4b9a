/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools under everything at once: several submitters, cancels, deadlines, waits inside of
 * jobs, resizes, full queues, lanes, and an end in any mode in the middle of it. No job is
 * lost, run twice or leaked, and the books balance (P1, P2, P4, P5, F7).
 *
 *   stress_pool [--seed N] [--count JOBS]
 *
 * Each episode is one pool. Every job has a record: what was accepted has its release
 * called exactly once and its function at most once, what was refused neither; contexts
 * that were copied are freed; each result is taken or disposed of.
 */
#include <stdatomic.h>

#include "support/program.h"
#include "support/work.h"

#define SUBMITTERS 3
#define EACH 3000 /* records of a submitter in an episode */
#define HELD 16
#define BATCH 8

struct record {
	_Atomic unsigned char ran, released, disposed;
	unsigned char accepted, taken, gives;
	struct submitter *by;
};

struct submitter {
	struct episode *episode;
	uint64_t random;
	pthread_t thread;
	struct record records[EACH];
	unsigned used;
	ferry_future *held[HELD];
	uint64_t accepted, refused;
};

static struct episode {
	ferry_pool *pool;
	ferry_lane *lanes[3]; /* the ordinary one, which is NULL; a narrow one; a brief one */
	struct submitter submitters[SUBMITTERS];
	_Atomic bool meddle;
} episode;

/* A job that runs on when its pool is freed submits nothing to that any more. */
static pthread_rwlock_t freed_lock = PTHREAD_RWLOCK_INITIALIZER;

/* Of all episodes. */
static struct {
	_Atomic uint64_t copied, freed, starts, stops, inner_accepted, inner_refused;
	uint64_t accepted, ran, cancelled, expired, refused, failed, abandoned;
} sums;

/* ---- hooks ---- */

static void on_release(void *arg)
{
	struct record *record = arg;

	record->released++;
}

static void *copy_context(void *context)
{
	sums.copied++;
	return context;
}

static void free_context(void *context)
{
	(void)context;
	sums.freed++;
}

static const ferry_context_hooks hooks = { copy_context, free_context };

static void dispose(const ferry_result *result)
{
	struct record *record = result->pointer;

	record->disposed++;
}

static const ferry_disposer anywhere = { FERRY_DISPOSE_ANYWHERE, dispose };
static const ferry_disposer blocking = { FERRY_DISPOSE_BLOCKING, dispose };

static int start(void *user)
{
	(void)user;
	sums.starts++;
	return 0;
}

static void stop(void *user)
{
	(void)user;
	sums.stops++;
}

/* ---- jobs ---- */

static int is_quick(void *arg, ferry_result *out)
{
	struct record *record = arg;

	record->ran++;
	if (record->gives)
		*out = ferry_result_pointer(record, record->gives == 1 ? &anywhere : &blocking);
	return 0;
}

static int polls(void *arg, ferry_result *out)
{
	struct record *record = arg;

	(void)out;
	record->ran++;
	for (unsigned i = 0; i < 50; i++)
		if (ferry_job_cancel_requested())
			return -ECANCELED;
	return -EIO;
}

static int nothing(void *arg, ferry_result *out)
{
	return work_nothing(arg, out);
}

/* Submits two and waits for them; one in so many is cancelled. */
static int waits(void *arg, ferry_result *out)
{
	struct record *record = arg;
	ferry_future *inner[2];
	unsigned count = 0;

	(void)out;
	record->ran++;
	pthread_rwlock_rdlock(&freed_lock);
	for (unsigned i = 0; i < 2 && episode.pool; i++)
		if (ferry_pool_submit(episode.pool, nothing, NULL, NULL, &inner[count]) == 0)
			count++;
	pthread_rwlock_unlock(&freed_lock);
	sums.inner_accepted += count;
	sums.inner_refused += 2 - count;
	if (count == 2 && (uintptr_t)arg % 5 == 0)
		ferry_future_cancel(inner[0]);
	program_check(ferry_wait_all(inner, count, FERRY_ALL_COMPLETED, FERRY_NO_DEADLINE) ==
			      (int)count,
		      "a job could not wait");
	while (count)
		ferry_future_unref(inner[--count]);
	return 0;
}

/* ---- submitters ---- */

static void drop(struct submitter *by, ferry_future **slot)
{
	ferry_future *future = *slot;
	ferry_result result;

	*slot = NULL;
	if (!future)
		return;
	switch (random_below(&by->random, 8)) {
	case 0:
	case 1:
		ferry_future_cancel(future);
		break;
	case 2:
		work_wait(future);
		break;
	case 3:
		if (ferry_future_take(future, &result) == 0 && result.disposer)
			((struct record *)result.pointer)->taken = 1;
		break;
	default:
		break;
	}
	ferry_future_unref(future);
}

static ferry_job_options choose_options(struct submitter *by)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.release = on_release;
	options.lane = by->episode->lanes[random_below(&by->random, 8) % 3];
	if (random_below(&by->random, 8) == 0)
		options.deadline_ns = ferry_in_ns(random_below(&by->random, 100000));
	if (random_below(&by->random, 4) == 0) {
		options.context = by;
		options.hooks = &hooks;
	}
	options.room_deadline_ns = ferry_in_ns(random_below(&by->random, 200000));
	return options;
}

static ferry_function choose_function(struct submitter *by)
{
	switch (random_below(&by->random, 10)) {
	case 0:
		return waits;
	case 1:
		return polls;
	default:
		return is_quick;
	}
}

static struct record *next_record(struct submitter *by)
{
	struct record *record = &by->records[by->used++];

	record->by = by;
	record->gives = (unsigned char)random_below(&by->random, 3);
	return record;
}

/* @count of them: false if the pool is closed. */
static bool submit(struct submitter *by, unsigned count)
{
	ferry_job_options options = choose_options(by);
	ferry_batch_job jobs[BATCH];
	ferry_future *futures[BATCH];
	int accepted;

	for (unsigned i = 0; i < count; i++)
		jobs[i] = (ferry_batch_job){ choose_function(by), next_record(by) };
	if (count == 1) {
		accepted = ferry_pool_submit(by->episode->pool, jobs[0].fn, jobs[0].arg, &options,
					     futures);
		accepted = accepted ? accepted : 1;
	} else {
		accepted = ferry_pool_submit_batch(by->episode->pool, jobs, count, &options,
						   futures);
	}
	program_check(accepted > 0 || accepted == -EAGAIN || accepted == -ETIMEDOUT ||
			      accepted == -ESHUTDOWN,
		      "submit returned %d", accepted);
	for (int i = 0; i < accepted; i++) {
		ferry_future **slot = &by->held[random_below(&by->random, HELD)];

		((struct record *)jobs[i].arg)->accepted = 1;
		drop(by, slot);
		*slot = futures[i];
	}
	by->accepted += accepted > 0 ? (uint64_t)accepted : 0;
	/* A batch that finds no more room stops at the first refusal. */
	by->refused += (unsigned)(accepted > 0 ? accepted : 0) < count;
	return accepted != -ESHUTDOWN;
}

static void *submits(void *arg)
{
	struct submitter *by = arg;

	while (by->used < EACH) {
		unsigned most = EACH - by->used < BATCH ? EACH - by->used : BATCH;

		if (!submit(by,
			    random_below(&by->random, 3) ? 1 : 1 + random_below(&by->random, most)))
			break;
	}
	for (unsigned i = 0; i < HELD; i++)
		drop(by, &by->held[i]);
	return NULL;
}

/* ---- an episode ---- */

/* Any lane, one that is used or not, may have other limits at any time. */
static void change_limits(uint64_t *random)
{
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	unsigned which = random_below(random, 6);
	ferry_lane *lane = which < 4 ? ferry_pool_lane(episode.pool, (ferry_lane_kind)which)
				     : episode.lanes[which - 3];
	ferry_lane_counters counters;
	int error;

	/* Jobs wait for others in the ordinary one: a limit there could be used up by who waits. */
	options.max_running = which ? random_below(random, 4) : 0;
	options.reserved = random_below(random, 3);
	options.max_queued = random_below(random, 2) ? 0 : 1 + random_below(random, 20);
	error = ferry_lane_configure(lane, &options);
	program_check(!error || error == -EINVAL || error == -ESHUTDOWN, "limits: %d", error);
	program_check(!ferry_lane_stats(lane, &counters), "no counters");
	program_check(counters.ran <= counters.accepted && counters.queued <= counters.accepted,
		      "a lane miscounts");
}

static void *meddles(void *arg)
{
	uint64_t random = *(uint64_t *)arg;

	while (episode.meddle) {
		unsigned most = 1 + random_below(&random, 6);

		work_books(episode.pool);
		if (random_below(&random, 4) == 0)
			ferry_pool_resize(episode.pool, 1 + random_below(&random, most), most);
		if (random_below(&random, 4) == 0)
			change_limits(&random);
		sched_yield();
	}
	return NULL;
}

static void begin(uint64_t *random)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_lane_options lane = FERRY_LANE_OPTIONS_INIT;

	memset(&episode, 0, sizeof(episode));
	options.name = "stress";
	options.max_threads = 1 + random_below(random, 5);
	options.idle_timeout_ns = random_below(random, 2) ? 0 : 1 + random_below(random, 100000);
	options.max_queued = random_below(random, 2) ? 0 : 1 + random_below(random, 50);
	options.when_full = (ferry_when_full)random_below(random, 3);
	options.spin_ns = random_below(random, 2) ? 0 : FERRY_NO_DEADLINE;
	options.start = start;
	options.stop = stop;
	episode.pool = work_pool(&options);
	lane.max_running = 1 + random_below(random, 3);
	program_check(!ferry_lane_new(episode.pool, &lane, &episode.lanes[1]), "no lane");
	lane = (ferry_lane_options)FERRY_LANE_OPTIONS_INIT;
	lane.brief = 1;
	program_check(!ferry_lane_new(episode.pool, &lane, &episode.lanes[2]), "no lane");
}

/* In a random mode at a random moment; then whatever is left is waited for. */
static void shut_down(uint64_t *random)
{
	ferry_shutdown mode = (ferry_shutdown)random_below(random, 3);
	uint64_t at_most = random_below(random, 2) ? FERRY_NO_DEADLINE
						   : ferry_in_ns(random_below(random, 1000000));
	unsigned jobs = random_below(random, SUBMITTERS * EACH * 5 / 4);

	while (work_books(episode.pool).attempted < jobs) {
		ferry_pool_counters books = work_books(episode.pool);

		/* They may be through before there are so many. */
		if (books.accepted == books.ran + books.cancelled + books.expired)
			jobs = jobs / 2;
		sched_yield();
	}
	program_check(ferry_pool_shutdown(episode.pool, mode, at_most) >= 0, "no shutdown");
}

/* Nothing is left in the lanes that every pool has, either. */
static void check_lanes(void)
{
	ferry_lane_counters counters;

	for (unsigned i = 0; i < 4; i++) {
		program_check(!ferry_lane_stats(ferry_pool_lane(episode.pool, (ferry_lane_kind)i),
						&counters),
			      "no counters");
		program_check(!counters.queued && !counters.running,
			      "a lane of a pool that was shut down is not empty");
	}
}

static void check_books(void)
{
	ferry_pool_counters books = work_books(episode.pool);
	uint64_t accepted = 0, ran = 0;

	check_lanes();

	for (unsigned i = 0; i < SUBMITTERS; i++) {
		struct submitter *by = &episode.submitters[i];

		accepted += by->accepted;
		for (unsigned j = 0; j < by->used; j++)
			ran += by->records[j].ran;
	}
	program_check(!books.queued && !books.running && !books.threads && !books.failed,
		      "a pool that was shut down is not empty");
	program_check(books.accepted == accepted + sums.inner_accepted,
		      "%" PRIu64 " accepted, %" PRIu64 " counted", accepted + sums.inner_accepted,
		      books.accepted);
	program_check(books.ran >= ran && books.ran <= ran + sums.inner_accepted,
		      "%" PRIu64 " ran, %" PRIu64 " counted", ran, books.ran);
	sums.ran += books.ran;
	sums.cancelled += books.cancelled;
	sums.expired += books.expired;
	sums.refused += books.refused;
	sums.accepted += books.accepted;
}

/* Nobody touches them any more. */
static void check_records(void)
{
	for (unsigned i = 0; i < SUBMITTERS; i++) {
		struct submitter *by = &episode.submitters[i];

		for (unsigned j = 0; j < by->used; j++) {
			struct record *record = &by->records[j];

			program_check(record->released == record->accepted,
				      "release was called %d times for a job that was %s",
				      record->released, record->accepted ? "accepted" : "refused");
			program_check(record->ran <= record->accepted, "a job ran %d times",
				      record->ran);
			program_check(record->disposed + record->taken <= record->ran,
				      "a result was disposed of %d times, and %s", record->disposed,
				      record->taken ? "taken" : "not taken");
			program_check(!record->accepted || record->by == by, "a stray record");
		}
	}
	program_check(sums.copied == sums.freed,
		      "%" PRIu64 " contexts were copied, %" PRIu64 " freed", sums.copied,
		      sums.freed);
}

static unsigned others; /* threads that are no pool's */

static void *returns(void *arg)
{
	return arg;
}

static uint64_t play(uint64_t *random)
{
	uint64_t meddler_random = random_next(random), attempts = 0;
	bool abandon = random_below(random, 4) == 0;
	pthread_t meddler;

	begin(random);
	episode.meddle = true;
	sums.inner_accepted = sums.inner_refused = 0;
	program_check(!pthread_create(&meddler, NULL, meddles, &meddler_random), "no thread");
	for (unsigned i = 0; i < SUBMITTERS; i++) {
		struct submitter *by = &episode.submitters[i];

		by->episode = &episode;
		by->random = random_next(random);
		program_check(!pthread_create(&by->thread, NULL, submits, by), "no thread");
	}
	shut_down(random);
	episode.meddle = false;
	pthread_join(meddler, NULL);
	for (unsigned i = 0; i < SUBMITTERS; i++) {
		pthread_join(episode.submitters[i].thread, NULL);
		attempts += episode.submitters[i].used;
	}
	for (unsigned i = 1; i < 3; i++)
		ferry_lane_free(episode.lanes[i]);
	if (!abandon) {
		program_check(ferry_pool_shutdown(episode.pool, FERRY_SHUTDOWN_CANCEL,
						  FERRY_NO_DEADLINE) == 0,
			      "jobs are left");
		check_books();
		program_check(sums.starts == sums.stops, "%" PRIu64 " starts, %" PRIu64 " stops",
			      sums.starts, sums.stops);
	} else {
		sums.abandoned++;
	}
	pthread_rwlock_wrlock(&freed_lock);
	ferry_pool_free(episode.pool);
	episode.pool = NULL;
	pthread_rwlock_unlock(&freed_lock);
	/* The last worker frees the rest; one that was just made may have no name yet. */
	tasks_until("", others);
	sums.starts = sums.stops = 0;
	check_records();
	return attempts;
}

/* A sanitizer has a thread of its own from the first one on that somebody makes. */
static void count_others(void)
{
	pthread_t first;

	program_check(!pthread_create(&first, NULL, returns, NULL), "no thread");
	pthread_join(first, NULL);
	others = tasks_count("");
}

int main(int argc, char **argv)
{
	struct program program = program_begin(argc, argv, "pools under everything at once",
					       2000000, 40000000);
	uint64_t random = program.seed, jobs = 0;
	unsigned episodes = 0;

	count_others();
	while (jobs < (uint64_t)program.count) {
		jobs += play(&random);
		episodes++;
	}
	printf("%" PRIu64 " jobs in %u pools, %" PRIu64
	       " freed while at work; of the others' jobs %" PRIu64 " ran, %" PRIu64
	       " were cancelled, %" PRIu64 " expired, %" PRIu64 " were refused\n",
	       jobs, episodes, sums.abandoned, sums.ran, sums.cancelled, sums.expired,
	       sums.refused);
	return 0;
}
