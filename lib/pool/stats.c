/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pool's counters, read.
 *
 * Called on any thread, at any time beside any step of any request. Invariant (P1): at
 * every instant accepted is the sum of what became of the jobs. Each worker counts for
 * itself; what is queued is what was accepted and is nothing else yet, so the sum
 * holds by construction, and under the lock nothing can be accepted meanwhile.
 */
#include "pool/core.h"

/* Husks that lie in a lane were cancelled or expired, and are not queued. */
static void add_husks(struct ferry_lane *lane, ferry_pool_counters *counters)
{
	for (struct ferry_waiter *node = lane->queue.first; node; node = node->next) {
		uintptr_t word = future_word(&job_of_node(node)->future);

		if (!word_is_done(word) || word & WORD_RAN)
			continue;
		if (word_outcome(word) == WORD_CANCELLED)
			counters->cancelled++;
		else
			counters->expired++;
	}
}

static void add_runs(struct tally *tally, ferry_pool_counters *counters, uint64_t *started)
{
	uint64_t ended, begun;

	/* [count] acquire, both: ended before started, so that running is never negative. Relaxed:
	 * only whether one has ended meanwhile, and the next begun, that would count as two. */
	do {
		ended = atomic_load_acquire(&tally->ended);
		begun = atomic_load_acquire(&tally->started);
	} while (atomic_load_relaxed(&tally->ended) != ended);
	counters->ran += ended;
	*started += begun;
}

static void add_numbers(struct tally *tally, ferry_pool_counters *counters)
{
	/* Relaxed, all: numbers to show. */
	counters->sampled += atomic_load_relaxed(&tally->sampled);
	counters->late_rings += atomic_load_relaxed(&tally->late_rings);
	counters->disposed += atomic_load_relaxed(&tally->disposed);
	counters->polls += atomic_load_relaxed(&tally->polls);
	/* Relaxed, both: as above. */
	for (unsigned i = 0; i < FERRY_HISTOGRAM_BUCKETS; i++) {
		counters->wait_ns[i] += atomic_load_relaxed(&tally->wait_ns[i]);
		counters->run_ns[i] += atomic_load_relaxed(&tally->run_ns[i]);
	}
}

/* What became of the jobs. Under the lock. */
static void count_jobs(struct core *core, ferry_pool_counters *counters)
{
	struct worker *worker;
	uint64_t started, gone;

	/* Nothing starts meanwhile that is not accepted here: who runs a job beside its lane
	 * claims a place under this lock, after it was pushed (P4). [count] acquire, both, as
	 * in add_runs(). */
	counters->ran = atomic_load_acquire(&core->caller_ended);
	started = atomic_load_acquire(&core->caller_started);
	add_runs(&core->left, counters, &started);
	cds_list_for_each_entry(worker, &core->workers, member)
		add_runs(&worker->tally, counters, &started);
	counters->running = started - counters->ran;
	queue_splice(core);
	counters->cancelled = core->cancelled;
	counters->expired = core->expired;
	counters->failed = core->failed;
	for (unsigned i = 0; i <= LANES_MOST; i++)
		if (core->lanes[i])
			add_husks(core->lanes[i], counters);
	/* What came after the end is not accepted: who pushed it will take it out again. */
	counters->accepted = core->accepted - (core->sealed ? core->queued : 0);
	gone = started + counters->cancelled + counters->expired + counters->failed;
	counters->queued = counters->accepted - gone;
	/* After the end what is in no lane is in somebody's hand, and may be about to run. */
	if (core->sealed) {
		counters->running += counters->queued;
		counters->queued = 0;
	}
}

/* Under the lock. */
static void read_counters(struct core *core, ferry_pool_counters *counters)
{
	struct worker *worker;
	uint64_t crew;

	count_jobs(core, counters);
	add_numbers(&core->left, counters);
	cds_list_for_each_entry(worker, &core->workers, member)
		add_numbers(&worker->tally, counters);
	/* Relaxed, all: numbers to show; attempted is what they add up to. */
	counters->refused = atomic_load_relaxed(&core->refused);
	counters->attempted = counters->refused + counters->accepted;
	counters->spawn_failures = atomic_load_relaxed(&core->spawn_failures);
	counters->wakeups = core->wakeups;
	crew = atomic_load_relaxed(&core->crew);
	counters->threads = crew_threads(crew);
	counters->idle = crew_sleeping(crew);
	counters->min_threads = atomic_load_relaxed(&core->min_threads); /* as above */
	counters->max_threads = core->max_threads;
}

uint64_t stats_running(struct core *core)
{
	ferry_pool_counters counters;

	lock_acquire(&core->lock);
	count_jobs(core, &counters);
	lock_release(&core->lock);
	queue_tell(core);
	return counters.running;
}

int ferry_pool_stats(ferry_pool *pool, ferry_pool_counters *ret)
{
	int error = submit_check(pool);

	if (!error && !ret)
		error = -EINVAL;
	if (error)
		return error;
	memset(ret, 0, sizeof(*ret));
	lock_acquire(&pool->core->lock);
	read_counters(pool->core, ret);
	lock_release(&pool->core->lock);
	queue_tell(pool->core);
	return 0;
}
