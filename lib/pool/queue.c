/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pool's queue: from the lock-free stack of submissions to lanes, to a worker.
 *
 * Workers take (step "queue" of a request); the stack is filled by submit.c before,
 * worker.c runs the job after. Invariant: within a lane, first in, first out per
 * submitting thread (P10); what is done already (a husk) is counted once, under the
 * lock, and discarded outside of it (P1). Which lane is next is place.c's to say.
 */
#include "pool/core.h"

void queue_append(struct core *core, struct job *job)
{
	struct ferry_lane *lane = core->lanes[job->future.lane];

	chain_append(&lane->queue, &job->future.node);
	core->accepted++;
	core->queued++;
	lane->accepted++;
	room_enter(lane, job);
	if (!lane->queued++)
		place_turn(core, lane);
}

static void splice(struct core *core)
{
	struct ferry_waiter *node;

	/* [submit-run] acquire (rcu.c), partner: the push in submit_job(). */
	node = chain_reverse(stack_take_all(&core->submissions));
	while (node) {
		struct ferry_waiter *next = node->next;
		struct job *job = job_of_node(node);

		if (job->future.flags & FUTURE_DISPOSAL)
			chain_append(&core->disposals, node);
		else
			queue_append(core, job);
		node = next;
	}
}

void queue_splice(struct core *core)
{
	if (stack_looks_empty(&core->submissions))
		return;
	splice(core);
	place_settle(core);
}

bool queue_has_work(struct core *core)
{
	/*
	 * [sleep-submit] Sequentially consistent looks, after a change of the crew word;
	 * partners: submit_job(), which pushes and then looks at the crew; and whoever moved
	 * jobs from the stack to their lanes, who changed ready under the lock and looked at
	 * the crew after releasing it. Between the two the work is in neither place.
	 */
	return !stack_is_empty(&core->submissions) || atomic_load_seq_cst(&core->ready);
}

void queue_look(struct core *core)
{
	if (queue_has_work(core))
		crew_wake(core);
}

void queue_tell(struct core *core)
{
	/* [sleep-submit] In a closed pool what a late submitter pushed is his to take out again,
	 * so that only the lanes count: for what is ready there a worker may have to be made. */
	if (!crew_is_closed(atomic_load_seq_cst(&core->crew)))
		queue_look(core);
	else if (atomic_load_seq_cst(&core->ready)) /* as in queue_has_work() */
		crew_wake(core);
}

struct ferry_future *queue_take_disposal(struct core *core)
{
	struct ferry_waiter *node = chain_take(&core->disposals);

	return node ? container(node, struct ferry_future, node) : NULL;
}

void queue_count_husk(struct core *core, uintptr_t word)
{
	if (!word_is_done(word) || word & WORD_RAN)
		return;
	if (word_outcome(word) == WORD_CANCELLED)
		core->cancelled++;
	else
		core->expired++;
}

/* Its room is not given back yet, and the lane's turn not looked at. */
static struct job *pop(struct core *core, struct ferry_lane *lane)
{
	struct job *job = job_of_node(chain_take(&lane->queue));

	lane->queued--;
	core->queued--;
	return job;
}

static void discard_all(struct chain *husks)
{
	struct ferry_waiter *node;

	while ((node = chain_take(husks)))
		job_discard(job_of_node(node));
}

/* The one that had its turn is the last in line, if it still takes turns. */
static void end_turn(struct core *core, struct ferry_lane *lane)
{
	place_turn(core, lane);
	if (!cds_list_empty(&lane->turn) && lane->turn.next != lane->turn.prev) {
		cds_list_del(&lane->turn);
		cds_list_add_tail(&lane->turn, &core->turns);
	}
}

struct handout queue_take(struct core *core, struct worker *worker)
{
	struct handout out = { .job = NULL };
	struct chain husks = { NULL, NULL };
	struct ferry_lane *lane;

	lock_acquire(&core->lock);
	place_return(core, worker);
	if (!stack_looks_empty(&core->submissions))
		splice(core);
	if (place_may_dispose(core)) {
		out.disposal = queue_take_disposal(core);
		place_take(core, worker, &core->disposer);
	}
	while (!out.disposal && !out.job && (lane = place_next(core))) {
		struct job *job = pop(core, lane);
		uintptr_t word = future_word(&job->future);

		room_free(core, lane, job);
		if (word_is_done(word)) {
			queue_count_husk(core, word);
			chain_append(&husks, &job->future.node);
		} else {
			out.job = job;
			out.lane = lane;
			place_take(core, worker, lane);
		}
		end_turn(core, lane);
	}
	place_settle(core);
	out.more = atomic_load_relaxed(&core->ready); /* Relaxed: under the lock. */
	lock_release(&core->lock);
	discard_all(&husks);
	return out;
}

bool queue_withdraw(struct core *core, struct job *job, struct ferry_lane *lane)
{
	if (!chain_remove(&lane->queue, &job->future.node))
		return false;
	core->accepted--;
	core->queued--;
	lane->accepted--;
	lane->queued--;
	place_turn(core, lane);
	place_settle(core);
	room_free(core, lane, job);
	return true;
}

/* Takes out what is done, counted, or claimed by a waiter, and the rest, too, if @out is not
 * NULL. */
static void empty_lane(struct core *core, struct ferry_lane *lane, struct chain *husks,
		       struct chain *out)
{
	struct chain kept = { NULL, NULL };
	size_t count = lane->queued;

	while (count--) {
		struct job *job = pop(core, lane);
		uintptr_t word = future_word(&job->future);

		bool waits = word_phase(word) == WORD_PENDING;

		if (waits && !out) {
			/* It stays, and keeps its room. */
			chain_append(&kept, &job->future.node);
			continue;
		}
		room_free(core, lane, job);
		queue_count_husk(core, word);
		chain_append(waits ? out : husks, &job->future.node);
	}
	while (kept.first) {
		chain_append(&lane->queue, chain_take(&kept));
		lane->queued++;
		core->queued++;
	}
	place_turn(core, lane);
}

static void empty_all(struct core *core, struct chain *husks, struct chain *out)
{
	for (unsigned i = 0; i <= LANES_MOST; i++)
		if (core->lanes[i])
			empty_lane(core, core->lanes[i], husks, out);
}

void queue_empty(struct core *core, struct chain *out, struct ender *ender)
{
	struct chain husks = { NULL, NULL };

	lock_acquire(&core->lock);
	queue_splice(core);
	empty_all(core, &husks, out);
	core->sealed = true;
	cds_list_add(&ender->link, &core->enders);
	place_settle(core);
	lock_release(&core->lock);
	queue_tell(core);
	discard_all(&husks);
}

void queue_purge(struct core *core, struct ferry_lane *lane)
{
	struct chain husks = { NULL, NULL };

	lock_acquire(&core->lock);
	queue_splice(core);
	if (lane)
		empty_lane(core, lane, &husks, NULL);
	else
		empty_all(core, &husks, NULL);
	place_settle(core);
	lock_release(&core->lock);
	queue_tell(core);
	discard_all(&husks);
}
