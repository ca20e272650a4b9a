/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pool's queue: from the lock-free stack of submissions to lanes, to a worker.
 *
 * Workers take (step "queue" of a request); the stack is filled by submit.c before,
 * worker.c runs the job after. Invariant: within a lane, first in, first out per
 * submitting thread (P10); what is done already (a husk) is counted once, under the
 * lock, and discarded outside of it (P1); ready is the number of jobs and disposals
 * that a worker could be given now.
 */
#include "pool/core.h"

static bool in_turns(struct ferry_lane *lane)
{
	return !cds_list_empty(&lane->turn);
}

static void set_ready(struct core *core, size_t ready)
{
	/*
	 * Relaxed: the lock is what makes the cross here. Whoever makes work ready holds it,
	 * and looks at the crew afterwards; whoever lies down holds it too, so one of the two
	 * comes second and sees what the other did. Outside of it this is a hint.
	 */
	atomic_store_relaxed(&core->ready, ready);
}

static size_t ready_of(struct core *core)
{
	return atomic_load_relaxed(&core->ready); /* Relaxed: as above. */
}

static void enter_turns(struct core *core, struct ferry_lane *lane)
{
	cds_list_add_tail(&lane->turn, &core->turns);
	set_ready(core, ready_of(core) + lane->queued);
}

static void leave_turns(struct core *core, struct ferry_lane *lane)
{
	cds_list_del_init(&lane->turn);
	set_ready(core, ready_of(core) - lane->queued);
}

static bool is_saturated(const struct ferry_lane *lane)
{
	return lane->max_running && lane->running >= lane->max_running;
}

void queue_append(struct core *core, struct job *job)
{
	struct ferry_lane *lane = core->lanes[job->future.lane];

	chain_append(&lane->queue, &job->future.node);
	core->accepted++;
	core->queued++;
	lane->queued++;
	if (in_turns(lane))
		set_ready(core, ready_of(core) + 1);
	else if (!is_saturated(lane))
		enter_turns(core, lane);
}

void queue_splice(struct core *core)
{
	struct ferry_waiter *node;

	if (stack_looks_empty(&core->submissions))
		return;
	/* [submit-run] acquire (rcu.c), partner: the push in submit_job(). */
	node = chain_reverse(stack_take_all(&core->submissions));
	while (node) {
		struct ferry_waiter *next = node->next;
		struct job *job = job_of_node(node);

		if (job->future.flags & FUTURE_DISPOSAL) {
			chain_append(&core->disposals, node);
			set_ready(core, ready_of(core) + 1);
		} else {
			queue_append(core, job);
		}
		node = next;
	}
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
	/* [sleep-submit] In a closed pool nobody sleeps, and what a late submitter pushed
	 * is his to take out again. */
	if (!crew_is_closed(atomic_load_seq_cst(&core->crew)))
		queue_look(core);
}

struct ferry_future *queue_take_disposal(struct core *core)
{
	struct ferry_waiter *node = chain_take(&core->disposals);

	if (!node)
		return NULL;
	set_ready(core, ready_of(core) - 1);
	return container(node, struct ferry_future, node);
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

/* A submitter that waits for room. */
struct room_waiter {
	struct cds_list_head link;
	_Atomic uint32_t woken;
};

static void free_place(struct core *core)
{
	if (!core->options.max_queued)
		return;
	/* Relaxed: a count; the compare-exchange that reserves decides. */
	atomic_add_relaxed(&core->places, (size_t)-1);
	queue_wake_room(core, 1);
}

void queue_wake_room(struct core *core, unsigned count)
{
	while (count-- && !cds_list_empty(&core->room)) {
		struct room_waiter *waiter = cds_list_first_entry(&core->room, struct room_waiter,
								  link);
		_Atomic uint32_t *woken = &waiter->woken;

		cds_list_del_init(&waiter->link);
		/* [room] release, partner: queue_wait_for_room(); its stack may go at once. */
		atomic_store_release(woken, 1);
		park_wake(woken, 1);
	}
}

bool queue_reserve(struct core *core)
{
	/* Relaxed: nothing is read because of the number. */
	size_t places = atomic_load_relaxed(&core->places);

	while (places < core->options.max_queued)
		if (atomic_swap_if_relaxed(&core->places, &places, places + 1)) /* as above */
			return true;
	return false;
}

int queue_wait_for_room(struct core *core, uint64_t deadline_ns)
{
	struct room_waiter waiter;
	int error = 0;

	for (;;) {
		lock_acquire(&core->lock);
		/* Looked at under the lock: places are freed under it. */
		if (queue_reserve(core)) {
			lock_release(&core->lock);
			return 0;
		}
		/* [sleep-submit] not needed: a shutdown sets closed and then takes the lock. */
		if (crew_is_closed(atomic_load_relaxed(&core->crew)) || error) {
			if (!error)
				error = core->broken ? -ENOTRECOVERABLE : -ESHUTDOWN;
			lock_release(&core->lock);
			return error;
		}
		atomic_store_relaxed(&waiter.woken, 0); /* Relaxed: shared by the lock. */
		cds_list_add_tail(&waiter.link, &core->room);
		lock_release(&core->lock);
		/* [room] acquire, partner: queue_wake_room(). */
		while (!error && !atomic_load_acquire(&waiter.woken))
			error = park_wait(&waiter.woken, 0, deadline_ns);
		if (!error)
			continue;
		lock_acquire(&core->lock);
		if (atomic_load_relaxed(&waiter.woken)) /* Relaxed: under the lock. */
			error = 0; /* a place was meant for this one: try once more */
		else
			cds_list_del_init(&waiter.link);
		lock_release(&core->lock);
	}
}

/* Its place in a bounded queue is not free yet. */
static struct job *pop(struct core *core, struct ferry_lane *lane)
{
	struct job *job = job_of_node(chain_take(&lane->queue));

	lane->queued--;
	core->queued--;
	if (in_turns(lane))
		set_ready(core, ready_of(core) - 1);
	return job;
}

static void discard_all(struct chain *husks)
{
	struct ferry_waiter *node;

	while ((node = chain_take(husks)))
		job_discard(job_of_node(node));
}

struct handout queue_take(struct core *core)
{
	struct handout out = { .job = NULL };
	struct chain husks = { NULL, NULL };

	lock_acquire(&core->lock);
	queue_splice(core);
	out.disposal = queue_take_disposal(core);
	while (!out.disposal && !out.job && !cds_list_empty(&core->turns)) {
		struct ferry_lane *lane = cds_list_first_entry(&core->turns, struct ferry_lane,
							       turn);
		struct job *job = pop(core, lane);
		uintptr_t word = future_word(&job->future);

		free_place(core);
		if (word_is_done(word)) {
			queue_count_husk(core, word);
			chain_append(&husks, &job->future.node);
		} else {
			out.job = job;
			out.lane = lane;
			if (lane->max_running)
				lane->running++;
		}
		if (!lane->queued || is_saturated(lane)) {
			leave_turns(core, lane);
		} else if (lane->turn.next != lane->turn.prev) {
			cds_list_del(&lane->turn);
			cds_list_add_tail(&lane->turn, &core->turns);
		}
	}
	out.more = ready_of(core);
	lock_release(&core->lock);
	discard_all(&husks);
	return out;
}

/* Under the lock. */
static bool claim(struct core *core, struct ferry_lane *lane)
{
	if (is_saturated(lane))
		return false;
	if (lane->max_running) {
		lane->running++;
		if (is_saturated(lane) && in_turns(lane))
			leave_turns(core, lane);
	}
	return true;
}

bool queue_claim_lane(struct core *core, struct ferry_lane *lane)
{
	bool claimed;

	if (!lane->max_running)
		return true;
	lock_acquire(&core->lock);
	claimed = claim(core, lane);
	lock_release(&core->lock);
	return claimed;
}

int queue_enter_caller(struct core *core, struct ferry_lane *lane, struct caller *caller)
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
	lock_release(&core->lock);
	/* Its function may free the pool. */
	if (entered > 0)
		core->home.ref(&core->home);
	return entered;
}

void queue_release_lane(struct core *core, struct ferry_lane *lane)
{
	if (!lane->max_running)
		return;
	lock_acquire(&core->lock);
	lane->running--;
	if (lane->queued && !in_turns(lane))
		enter_turns(core, lane);
	lock_release(&core->lock);
}

bool queue_withdraw(struct core *core, struct job *job, unsigned number)
{
	struct ferry_lane *lane = core->lanes[number];

	if (!chain_remove(&lane->queue, &job->future.node))
		return false;
	core->accepted--;
	core->queued--;
	if (in_turns(lane))
		set_ready(core, ready_of(core) - 1);
	if (!--lane->queued && in_turns(lane))
		leave_turns(core, lane);
	free_place(core);
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
			/* It stays, and keeps its place. */
			chain_append(&kept, &job->future.node);
			continue;
		}
		free_place(core);
		queue_count_husk(core, word);
		chain_append(waits ? out : husks, &job->future.node);
	}
	while (kept.first) {
		chain_append(&lane->queue, chain_take(&kept));
		lane->queued++;
		core->queued++;
		if (in_turns(lane))
			set_ready(core, ready_of(core) + 1);
	}
	if (!lane->queued && in_turns(lane))
		leave_turns(core, lane);
}

void queue_empty(struct core *core, struct chain *out)
{
	struct chain husks = { NULL, NULL };

	lock_acquire(&core->lock);
	queue_splice(core);
	for (unsigned i = 0; i <= LANES_MOST; i++)
		if (core->lanes[i])
			empty_lane(core, core->lanes[i], &husks, out);
	if (out) {
		core->sealed = true;
		core->ending++;
	}
	lock_release(&core->lock);
	queue_tell(core);
	discard_all(&husks);
}

void queue_purge(struct core *core)
{
	queue_empty(core, NULL);
}
