/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a pool: refused, drained, cancelled, abandoned, broken.
 *
 * Called on any thread (after the last step of a request), by ferry_pool_free(), and
 * by a worker whose start hook failed. Invariant: closed is set before the lock is
 * taken, so whoever looks under the lock sees it; when a shutdown returns nothing is
 * queued, and what still runs is counted, not waited for past the deadline (P5).
 */
#include "pool/core.h"

#include "base/process.h"

/* No job is accepted from here on, and nobody waits for room any more. */
static void close_pool(struct core *core)
{
	/* [sleep-submit] seq_cst: a submitter that pushed and did not see this was before
	 * it, and its job is in the stack for the splice that follows. */
	atomic_or_seq_cst(&core->crew, CREW_CLOSED);
	lock_acquire(&core->lock);
	queue_wake_room(core, UINT32_MAX);
	lock_release(&core->lock);
}

/* Ends jobs that were taken out of the queue, and counts how. */
static void end_jobs(struct core *core, struct chain *jobs, const ferry_error *error)
{
	uint64_t cancelled = 0, failed = 0;
	struct ferry_waiter *node;

	while ((node = chain_take(jobs))) {
		struct job *job = job_of_node(node);
		bool bridged = job->future.flags & FUTURE_BRIDGED;

		if (word_phase(future_word(&job->future)) != WORD_PENDING) {
			/* A husk, counted when it was taken out, or claimed by a waiter. */
			job_discard(job);
			continue;
		}
		/* Both notify, which hands a bridged block back to its loop. */
		if (error ? job_fail(job, error) : ferry_future_cancel(&job->future) == 1) {
			cancelled += !error;
			failed += error != NULL;
		} else {
			/* It was ended, or claimed, just now. */
			lock_acquire(&core->lock);
			queue_count_husk(core, future_word(&job->future));
			lock_release(&core->lock);
			job_discard(job);
			continue;
		}
		if (!bridged)
			ferry_future_unref(&job->future);
	}
	lock_acquire(&core->lock);
	core->cancelled += cancelled;
	core->failed += failed;
	lock_release(&core->lock);
}

static void end_queued(struct core *core, const ferry_error *error)
{
	struct chain jobs = { NULL, NULL };

	lock_acquire(&core->lock);
	queue_splice(core);
	queue_empty(core, &jobs);
	lock_release(&core->lock);
	end_jobs(core, &jobs, error);
}

void shutdown_break(struct core *core)
{
	lock_acquire(&core->lock);
	core->broken = true;
	/* Relaxed: a limit, see crew.c; no thread is to be made any more. */
	atomic_store_relaxed(&core->limit, 0);
	core->max_threads = 0;
	lock_release(&core->lock);
	close_pool(core);
	end_queued(core, ferry_error_from_code(FERRY_ERROR_BROKEN));
	crew_wake_all(core);
}

/* ---- results that nobody took ---- */

static void dispose_all(struct core *core)
{
	for (;;) {
		struct ferry_waiter *node;
		struct ferry_future *future;

		lock_acquire(&core->lock);
		queue_splice(core);
		node = chain_take(&core->disposals);
		if (node)
			/* Relaxed: one writer at a time, under the lock. */
			atomic_count(&core->left.disposed, 1);
		lock_release(&core->lock);
		if (!node)
			return;
		future = container(node, struct ferry_future, node);
		future_drop_outcome(future);
		future_free(future);
	}
}

static bool has_workers(struct core *core)
{
	bool has;

	lock_acquire(&core->lock);
	has = core->live;
	lock_release(&core->lock);
	return has;
}

bool shutdown_hand_over(struct home *home, struct ferry_future *future)
{
	struct core *core = core_of(home);
	uint64_t crew;

	/* Relaxed: only saves the trouble. */
	if (core->generation != process_generation ||
	    (crew_is_closed(atomic_load_relaxed(&core->crew)) && !has_workers(core)))
		return false;
	/* The future holds the core, and we the future, until it is pushed. */
	core->home.ref(home);
	future->flags |= FUTURE_DISPOSAL;
	stack_push(&core->submissions, &future->node);
	/* [sleep-submit] seq_cst, after the push; partner: crew.c. */
	crew = atomic_load_seq_cst(&core->crew);
	/* Relaxed: see crew.c. */
	if (crew_needs_waking(crew, atomic_load_relaxed(&core->limit)))
		crew_wake(core);
	/* The last worker may have left meanwhile: then there is nobody but us. */
	if (crew_is_closed(crew) && !has_workers(core))
		dispose_all(core);
	core_unref(core);
	return true;
}

/* ---- shutdown ---- */

static uint64_t sum_of(struct tally *tally)
{
	/* [count] acquire, partner: none needed; ended is read first so that it is never
	 * more than started. */
	uint64_t ended = atomic_load_acquire(&tally->ended);

	return atomic_load_acquire(&tally->started) - ended; /* [count] */
}

static uint64_t count_running(struct core *core)
{
	struct worker *worker;
	uint64_t ended, running;

	lock_acquire(&core->lock);
	ended = atomic_load_acquire(&core->caller_ended); /* [count] */
	running = atomic_load_acquire(&core->caller_started) - ended + sum_of(&core->left);
	cds_list_for_each_entry(worker, &core->workers, member)
		running += sum_of(&worker->tally);
	lock_release(&core->lock);
	return running;
}

/* Returns when every worker has left, or at the deadline. */
static void wait_for_workers(struct core *core, uint64_t deadline_ns)
{
	for (;;) {
		/* [leave-shutdown] acquire, partner: leave() in worker.c. */
		uint32_t departures = atomic_load_acquire(&core->departures);

		if (!has_workers(core) ||
		    park_wait(&core->departures, departures, deadline_ns) < 0)
			return;
	}
}

int ferry_pool_shutdown(ferry_pool *pool, ferry_shutdown mode, uint64_t deadline_ns)
{
	int error = submit_check(pool);
	struct core *core;
	uint64_t running;
	bool inside;

	if (error)
		return error;
	core = pool->core;
	inside = worker_core() == core;
	if ((unsigned)mode > FERRY_SHUTDOWN_ABANDON)
		return -EINVAL;
	if (inside && mode == FERRY_SHUTDOWN_DRAIN)
		return -EDEADLK;
	close_pool(core);
	if (mode != FERRY_SHUTDOWN_DRAIN)
		end_queued(core, NULL);
	crew_wake_all(core);
	if (mode != FERRY_SHUTDOWN_ABANDON && !inside)
		wait_for_workers(core, deadline_ns);
	/* A drain that ran out of time leaves nothing queued either. */
	end_queued(core, NULL);
	if (!thread_self()->loops || !has_workers(core))
		dispose_all(core);
	running = count_running(core);
	return running > INT32_MAX ? INT32_MAX : (int)running;
}
