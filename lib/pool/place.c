/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Places: which lanes may hand out a job now.
 *
 * Called under the core's lock by whoever changes what a lane has or runs: queue.c as workers
 * take (step "queue" of a request), helper.c and submit.c for jobs that are run elsewhere.
 * Invariants: no more jobs of a lane are inside their function than its limit; the workers that
 * are reserved for a lane and not used by it are left free by all others (P7); ready says
 * whether a worker that came now would be given something, so that whoever made that so can
 * find somebody who comes.
 */
#include "pool/core.h"

/* ---- turns ---- */

static bool in_turns(struct ferry_lane *lane)
{
	return !cds_list_empty(&lane->turn);
}

static bool is_full(const struct ferry_lane *lane)
{
	return lane->max_running && lane->held + lane->beside >= lane->max_running;
}

void place_turn(struct core *core, struct ferry_lane *lane)
{
	bool takes_turns = lane->queued && !is_full(lane);

	if (takes_turns == in_turns(lane))
		return;
	if (takes_turns)
		cds_list_add_tail(&lane->turn, &core->turns);
	else
		cds_list_del_init(&lane->turn);
}

/* One more worker may run what nothing is reserved for. */
static bool is_any_left(const struct core *core)
{
	return !core->reserved || core->held + core->unspent < core->max_threads;
}

struct ferry_lane *place_next(struct core *core)
{
	struct ferry_lane *lane;

	if (is_any_left(core))
		return cds_list_empty(&core->turns)
			       ? NULL
			       : cds_list_first_entry(&core->turns, struct ferry_lane, turn);
	cds_list_for_each_entry(lane, &core->turns, turn)
		if (lane->held < lane->reserved)
			return lane;
	return NULL;
}

bool place_may_dispose(struct core *core)
{
	return core->disposals.first && is_any_left(core);
}

/* How many more than there may be are in use or left free. */
static unsigned excess_of(const struct core *core)
{
	unsigned taken = core->held + core->unspent;

	return core->reserved && taken > core->max_threads ? taken - core->max_threads : 0;
}

void place_settle(struct core *core)
{
	if (core->overdrawn > excess_of(core)) {
		core->overdrawn = excess_of(core);
		core_set_limit(core);
	}
	/*
	 * Relaxed: the lock is what makes the cross here. Whoever makes work ready holds it,
	 * and looks at the crew afterwards; whoever lies down holds it too, so one of the two
	 * comes second and sees what the other did. Outside of it this is a hint.
	 */
	atomic_store_relaxed(&core->ready, place_next(core) || place_may_dispose(core));
}

/* ---- of workers ---- */

static unsigned unspent_of(const struct ferry_lane *lane)
{
	return lane->held < lane->reserved ? lane->reserved - lane->held : 0;
}

static void hold(struct core *core, struct ferry_lane *lane)
{
	if (lane->held++ < lane->reserved)
		core->unspent--;
	core->held++;
}

static void let_go(struct core *core, struct ferry_lane *lane)
{
	if (--lane->held < lane->reserved)
		core->unspent++;
	core->held--;
}

void place_take(struct core *core, struct worker *worker, struct ferry_lane *lane)
{
	worker->held = lane;
	/* Relaxed: ours, until the job has ended. */
	atomic_store_relaxed(&worker->through, THROUGH_NOT);
	hold(core, lane);
}

void place_return(struct core *core, struct worker *worker)
{
	struct ferry_lane *lane = worker->held;

	if (!lane)
		return;
	worker->held = NULL;
	/* Relaxed: our own, or place_collect() has looked. */
	lane->ran += atomic_load_relaxed(&worker->through) == THROUGH_RAN;
	let_go(core, lane);
	place_turn(core, lane);
}

void place_collect(struct core *core)
{
	struct worker *worker;

	/* [lane-place] acquire, partner: through() in worker.c. */
	cds_list_for_each_entry(worker, &core->workers, member)
		if (worker->held && atomic_load_acquire(&worker->through))
			place_return(core, worker);
}

static void lend(struct core *core, struct ferry_lane *lane)
{
	let_go(core, lane);
	lane->beside++;
}

static void reclaim(struct core *core, struct ferry_lane *lane)
{
	lane->beside--;
	hold(core, lane);
	/* Others came meanwhile. What is reserved keeps a worker all the same: one more than
	 * max_threads, until a call of theirs ends. */
	if (core->overdrawn < excess_of(core) && !core->broken)
		core->overdrawn++;
}

void place_lend(struct core *core, struct worker *worker)
{
	/* What is notified as its job ends may wait, too. Relaxed: our own. */
	if (atomic_load_relaxed(&worker->through))
		place_return(core, worker);
	if (worker->held)
		lend(core, worker->held);
}

void place_reclaim(struct core *core, struct worker *worker)
{
	if (worker->held)
		reclaim(core, worker->held);
}

bool place_lend_held_up(struct core *core, struct ferry_lane *lane)
{
	bool lends;

	lock_acquire(&core->lock);
	lends = core->held_up < core->max_threads;
	if (lends) {
		core->held_up++;
		core->lent++;
		core_set_limit(core);
		lend(core, lane);
		place_settle(core);
	}
	lock_release(&core->lock);
	if (lends)
		queue_look(core);
	return lends;
}

void place_reclaim_held_up(struct core *core, struct ferry_lane *lane)
{
	lock_acquire(&core->lock);
	core->held_up--;
	core->lent--;
	reclaim(core, lane);
	core_set_limit(core);
	place_settle(core);
	lock_release(&core->lock);
}

unsigned place_most(struct core *core)
{
	unsigned most;

	lock_acquire(&core->lock);
	most = core->max_threads;
	lock_release(&core->lock);
	return most;
}

/* ---- reserved ones ---- */

bool place_fits(unsigned max_threads, unsigned reserved)
{
	/* One is left for every lane. */
	return !reserved || reserved < max_threads;
}

void place_reserve(struct core *core, struct ferry_lane *lane, unsigned reserved)
{
	core->reserved -= lane->reserved;
	core->unspent -= unspent_of(lane);
	lane->reserved = reserved;
	core->reserved += lane->reserved;
	core->unspent += unspent_of(lane);
}

/* ---- of jobs that run beside ---- */

static bool claim(struct core *core, struct ferry_lane *lane)
{
	if (is_full(lane))
		place_collect(core);
	if (is_full(lane))
		return false;
	lane->beside++;
	place_turn(core, lane);
	return true;
}

bool place_claim(struct core *core, struct ferry_lane *lane)
{
	bool claimed;

	lock_acquire(&core->lock);
	claimed = claim(core, lane);
	place_settle(core);
	lock_release(&core->lock);
	return claimed;
}

int place_enter_caller(struct core *core, struct ferry_lane *lane, struct caller *caller)
{
	int entered = 1;

	caller->lane = lane;
	caller->thread = thread_self();
	lock_acquire(&core->lock);
	/* Relaxed: closed is set before its setter takes this lock. */
	if (crew_is_closed(atomic_load_relaxed(&core->crew)))
		entered = core->broken ? -ENOTRECOVERABLE : -ESHUTDOWN;
	else if (!claim(core, lane))
		entered = -EAGAIN;
	else
		cds_list_add(&caller->link, &core->callers);
	place_settle(core);
	lock_release(&core->lock);
	/* Its function may free the pool. */
	if (entered > 0)
		core->home.ref(&core->home);
	return entered;
}

bool place_release(struct core *core, struct ferry_lane *lane, bool ran)
{
	bool waited;

	lock_acquire(&core->lock);
	lane->beside--;
	lane->ran += ran;
	waited = lane->queued && !in_turns(lane);
	place_turn(core, lane);
	place_settle(core);
	lock_release(&core->lock);
	return waited;
}
