/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A worker that waits: it runs what it waits for, or lends its place.
 *
 * Called by floor 2 (wait.c, wait_all.c) on a worker that blocks inside a job's
 * function. Before it the function called ferry_future_wait(); after it the awaited
 * future is done, or the worker sleeps while another may run in its stead. Invariant:
 * waiting inside a pool cannot exhaust it (P4).
 */
#include "pool/core.h"

static struct worker *worker_of(struct helper *helper)
{
	return (struct worker *)helper;
}

/* A job that a worker runs because it waits for it. */
struct nested {
	struct worker *worker;
	struct ferry_lane *lane;
};

/* We go on with our own job: what waited for the lane needs somebody else. */
static void release(const struct nested *nested, bool ran)
{
	struct core *core = nested->worker->core;

	if (place_release(core, nested->lane, ran))
		queue_look(core);
}

static void started(void *user)
{
	struct worker *worker = ((struct nested *)user)->worker;

	/* [count] release, partner: stats.c: ended is never seen to be more than started. */
	atomic_count_release(&worker->tally.started, 1);
	worker->nested++;
}

static void ended(void *user, const struct job_run *run)
{
	struct worker *worker = ((struct nested *)user)->worker;

	/* As where a worker runs its own: this is the child of a fork in the function (P6). */
	worker_end_in_child();
	worker->nested--;
	/* [count] release, partner: stats.c: ended is never seen to be more than started. */
	atomic_count_release(&worker->tally.ended, 1);
	worker_count(&worker->tally, ((struct nested *)user)->lane, run);
	release(user, true);
}

/*
 * The job stays in the queue; the worker that takes it out finds it not pending and
 * drops the queue's reference.
 */
static bool run_awaited(struct helper *helper, struct ferry_future *future)
{
	struct worker *worker = worker_of(helper);
	struct core *core = worker->core;
	struct job *job = container(future, struct job, future);
	struct nested nested = { worker, NULL };
	struct job *paused;
	bool ran;

	/* The home is compared, not followed: it may be of a pool that is gone. */
	if (!(future->flags & FUTURE_JOB) || future_home(future) != &core->home ||
	    worker->nested >= NESTED_MOST || word_phase(future_word(future)) != WORD_PENDING)
		return false;
	/* It enters a call, and what waits may wait for the loop that a ring is owed to (P9). */
	debt_pay(&thread_self()->debt);
	nested.lane = core->lanes[future->lane];
	if (!place_claim(core, nested.lane))
		return false;
	/* job_run() drops a reference when it is through; ours is the waiter's. */
	ferry_future_ref(future);
	paused = interrupt_pause();
	ran = job_run(job, started, ended, &nested).ran;
	worker_end_in_child();
	if (!ran) {
		release(&nested, false);
		ferry_future_unref(future);
	}
	interrupt_resume(paused);
	return word_is_done(future_word(future));
}

/*
 * While the worker sleeps in its call one more thread may exist. Seen by everybody
 * who decides about growing, as the limit; a thread too many leaves after its call.
 */
static void lend(struct helper *helper)
{
	struct worker *worker = worker_of(helper);
	struct core *core = worker->core;

	/* Whoever completes what is waited for may need the loop that a ring is owed to (P9). */
	debt_pay(&thread_self()->debt);
	lock_acquire(&core->lock);
	core->lent++;
	core_set_limit(core);
	place_lend(core, worker);
	place_settle(core);
	lock_release(&core->lock);
	queue_look(core);
}

/* A thread that could not be made is tried again: nobody else may come this way (P2). */
static uint64_t look(struct helper *helper)
{
	struct core *core = worker_of(helper)->core;

	queue_look(core);
	/* [sleep-submit] After the look, as before entering a call. Relaxed: see crew.c. */
	if (queue_has_work(core) && crew_needs_waking(atomic_load_seq_cst(&core->crew),
						      atomic_load_relaxed(&core->limit)))
		return ferry_in_ns(CREW_SPAWN_PAUSE_NS);
	return FERRY_NO_DEADLINE;
}

/* What the worker is inside of goes on. */
static void disposed(struct helper *helper, struct job *paused)
{
	(void)helper;
	interrupt_resume(paused);
}

static void reclaim(struct helper *helper)
{
	struct worker *worker = worker_of(helper);
	struct core *core = worker->core;

	lock_acquire(&core->lock);
	core->lent--;
	place_reclaim(core, worker);
	core_set_limit(core);
	place_settle(core);
	lock_release(&core->lock);
}

void worker_helper(struct worker *worker)
{
	worker->helper = (struct helper){ run_awaited, lend, look, reclaim, worker_disposing,
					 disposed };
}

bool helper_has_place(const struct job *job)
{
	struct helper *helper = thread_self()->helper;

	return helper && worker_of(helper)->job == job;
}

struct core *worker_core(void)
{
	struct helper *helper = thread_self()->helper;

	return helper ? worker_of(helper)->core : NULL;
}
