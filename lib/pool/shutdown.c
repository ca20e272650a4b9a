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
	room_wake_all(core);
	lock_release(&core->lock);
}

/*
 * Ends jobs that were taken out of the queue, and counts how. False in the child of a fork that
 * a hook made: the core may have been freed there, or be locked for ever (P6).
 */
static bool end_jobs(struct core *core, struct chain *jobs, const ferry_error *error,
		     struct ender *ender)
{
	unsigned generation = process_generation;
	uint64_t cancelled = 0, failed = 0;
	struct ferry_waiter *node;

	while (process_generation == generation && (node = chain_take(jobs))) {
		struct job *job = job_of_node(node);
		bool bridged = job->future.flags & FUTURE_BRIDGED;
		/* Both notify, which hands a bridged block back to its loop. */
		bool ended = word_phase(future_word(&job->future)) == WORD_PENDING &&
			     (error ? job_fail(job, error)
				    : ferry_future_cancel(&job->future) == 1);

		if (process_generation != generation)
			break;
		if (ended) {
			cancelled += !error;
			failed += error != NULL;
		} else {
			/* It was ended since it was taken out, or a waiter claimed it. */
			lock_acquire(&core->lock);
			queue_count_husk(core, future_word(&job->future));
			lock_release(&core->lock);
			job_discard(job);
			continue;
		}
		if (!bridged)
			ferry_future_unref(&job->future);
	}
	if (process_generation != generation)
		return false;
	lock_acquire(&core->lock);
	core->cancelled += cancelled;
	core->failed += failed;
	cds_list_del(&ender->link);
	lock_release(&core->lock);
	/* [leave-shutdown] acq_rel, as in leave(): a shutdown beside this one goes on. */
	atomic_add_acq_rel(&core->departures, 1);
	park_wake(&core->departures, INT32_MAX);
	return true;
}

/* False in the child of a fork: see end_jobs(). */
static bool end_queued(struct core *core, const ferry_error *error)
{
	unsigned generation = process_generation;
	struct ender ender = { .thread = thread_self() };
	struct chain jobs = { NULL, NULL };

	queue_empty(core, &jobs, &ender);
	/* It discarded husks. */
	return process_generation == generation && end_jobs(core, &jobs, error, &ender);
}

void shutdown_break(struct core *core)
{
	lock_acquire(&core->lock);
	core->broken = true;
	/* No thread is to be made any more. Lent places are taken back later. */
	core->max_threads = core->overdrawn = 0;
	core_set_limit(core);
	lock_release(&core->lock);
	close_pool(core);
	if (end_queued(core, ferry_error_from_code(FERRY_ERROR_BROKEN)))
		crew_wake_all(core);
}

/* ---- results that nobody took ---- */

/* The next to be disposed of. Under the lock. */
static struct ferry_future *take_disposal(struct core *core)
{
	struct ferry_future *future;

	queue_splice(core);
	future = queue_take_disposal(core);
	place_settle(core);
	if (future)
		/* Relaxed: one writer at a time, under the lock. */
		atomic_count(&core->left.disposed, 1);
	return future;
}

/* One disposer less: a shutdown may have waited for it. */
static void tell_of_disposer(struct core *core)
{
	/* [leave-shutdown] acq_rel, as in leave(): what it disposed of is gone. */
	atomic_add_acq_rel(&core->departures, 1);
	park_wake(&core->departures, INT32_MAX);
}

/* @disposer: the caller is one of those that are counted, until there is nothing left; NULL: he is
 * not. */
static bool dispose_all(struct core *core, struct ender *disposer)
{
	unsigned generation = process_generation;

	for (;;) {
		struct ferry_future *future;

		lock_acquire(&core->lock);
		future = take_disposal(core);
		if (!future && disposer) {
			core->disposers--;
			cds_list_del(&disposer->link);
		}
		lock_release(&core->lock);
		if (!future && disposer)
			tell_of_disposer(core);
		if (!future)
			return true;
		future_drop_outcome(future);
		if (process_generation != generation)
			return false;
		future_free(future);
	}
}

bool shutdown_dispose_all(struct core *core)
{
	return dispose_all(core, NULL);
}

/* As one that is counted already. */
static bool dispose_counted(struct core *core)
{
	struct ender disposer = { .thread = thread_self() };

	lock_acquire(&core->lock);
	cds_list_add(&disposer.link, &core->disposing);
	lock_release(&core->lock);
	return dispose_all(core, &disposer);
}

static void *disposer_main(void *argument)
{
	struct core *core = argument;

	if (!dispose_counted(core))
		process_end_thread();
	core_unref(core);
	return NULL;
}

/* One more disposer, if anything is left for it and there may be one. */
static bool enter_disposer(struct core *core)
{
	bool enters;

	lock_acquire(&core->lock);
	queue_splice(core);
	enters = core->disposals.first && core->disposers < core->options.max_threads;
	core->disposers += enters;
	lock_release(&core->lock);
	return enters;
}

/* It could not be made: true if somebody else sees to what is left. */
static bool leave_disposer(struct core *core)
{
	bool leaves;

	lock_acquire(&core->lock);
	leaves = core->live || core->disposers > 1;
	core->disposers -= leaves;
	lock_release(&core->lock);
	if (leaves)
		tell_of_disposer(core);
	return leaves;
}

/*
 * Workers that are left may all hang, so they are not waited for. Whoever is a disposer stays one
 * until, under the lock, nothing is left, and so does a worker that is the last. If there is
 * nobody, and no thread can be made, the caller disposes, even on a loop's thread: blocking is
 * better than losing (F7).
 */
bool shutdown_dispose_left(struct core *core)
{
	bool goes_on = true;

	if (!enter_disposer(core))
		return true;
	core->home.ref(&core->home);
	if (thread_start(disposer_main, core, core->options.stack_bytes) == 0)
		return true;
	if (!leave_disposer(core))
		goes_on = dispose_counted(core);
	if (goes_on)
		core_unref(core);
	return goes_on;
}

bool shutdown_hand_over(struct home *home, struct ferry_future *future)
{
	struct core *core = core_of(home);
	uint64_t crew;

	if (core->generation != process_generation)
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
	/* The last worker may have left, and those that have not may hang. */
	if (crew_is_closed(crew))
		shutdown_dispose_left(core);
	core_unref(core);
	return true;
}

/* ---- shutdown ---- */

/*
 * Every worker has left, no submitter runs a job and nobody is about to end jobs that were
 * queued. What is queued then came too late: who submitted it takes it out again, and it
 * was refused.
 */
static bool is_over(struct core *core)
{
	bool over;

	lock_acquire(&core->lock);
	over = !core->live && cds_list_empty(&core->enders) && cds_list_empty(&core->callers);
	core->sealed |= over;
	lock_release(&core->lock);
	return over;
}

/* Nobody is inside of the disposer of a result that was left. */
static bool is_clear(struct core *core)
{
	bool clear;

	lock_acquire(&core->lock);
	clear = !core->disposers;
	lock_release(&core->lock);
	return clear;
}

/* True when it is so, false at the deadline. */
static bool wait_until(bool (*is_so)(struct core *core), struct core *core, uint64_t deadline_ns)
{
	for (;;) {
		/* [leave-shutdown] acquire, partner: leave() in worker.c, and those above. */
		uint32_t departures = atomic_load_acquire(&core->departures);

		if (is_so(core))
			return true;
		if (park_wait(&core->departures, departures, deadline_ns) < 0)
			return is_so(core);
	}
}

/* Is this thread inside a job of the pool, on a worker or as its submitter, inside a hook of one
 * that it ends, or inside a disposer? It would wait for itself. */
static bool is_inside(struct core *core)
{
	bool inside = worker_core() == core;
	struct caller *caller;
	struct ender *ender;

	lock_acquire(&core->lock);
	cds_list_for_each_entry(caller, &core->callers, link)
		inside |= caller->thread == thread_self();
	cds_list_for_each_entry(ender, &core->enders, link)
		inside |= ender->thread == thread_self();
	cds_list_for_each_entry(ender, &core->disposing, link)
		inside |= ender->thread == thread_self();
	lock_release(&core->lock);
	return inside;
}

int ferry_pool_shutdown(ferry_pool *pool, ferry_shutdown mode, uint64_t deadline_ns)
{
	int error = submit_check(pool);
	struct core *core;
	bool inside, ended;
	uint64_t running;

	if (error)
		return error;
	core = pool->core;
	if ((unsigned)mode > FERRY_SHUTDOWN_ABANDON)
		return -EINVAL;
	inside = is_inside(core);
	if (inside && mode == FERRY_SHUTDOWN_DRAIN)
		return -EDEADLK;
	close_pool(core);
	if (mode != FERRY_SHUTDOWN_DRAIN && !end_queued(core, NULL))
		return -ECHILD;
	crew_wake_all(core);
	ended = mode != FERRY_SHUTDOWN_ABANDON && !inside &&
		wait_until(is_over, core, deadline_ns);
	/* A drain that ran out of time leaves nothing queued either. */
	if (!ended && !end_queued(core, NULL))
		return -ECHILD;
	/* Who waits for the end waits for disposers, too; nobody else does (P5). */
	if (!(ended && !thread_self()->loops ? dispose_all(core, NULL)
					     : shutdown_dispose_left(core)))
		return -ECHILD;
	if (ended)
		wait_until(is_clear, core, deadline_ns);
	running = stats_running(core);
	return running > INT32_MAX ? INT32_MAX : (int)running;
}
