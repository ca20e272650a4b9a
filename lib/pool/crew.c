/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The crew: who sleeps, who is woken, who is made and who leaves.
 *
 * Submitters and workers call crew_wake() (step "queue" of a request); workers sleep
 * and leave here. Invariant: a worker sleeps only if the queue is empty (P3), and
 * unclaimed work always has somebody awake who is about to look, unless all workers
 * that there may be are inside calls (P7, P8). The argument is in crew.h.
 */
#include "pool/core.h"

#include "base/clock.h"
#include "base/probe.h"

static unsigned limit_of(struct core *core)
{
	/* Relaxed: a limit that is a moment old makes a thread too many or too few for
	 * that moment; the next look puts it right. */
	return atomic_load_relaxed(&core->limit);
}

/*
 * [sleep-submit] Sequentially consistent, like every change of the crew word: half of
 * the cross in crew.h, with the stack of submissions as the other place.
 */
static void crew_add(struct core *core, uint64_t more)
{
	atomic_add_seq_cst(&core->crew, more);
}

static uint64_t crew_of(struct core *core)
{
	return atomic_load_seq_cst(&core->crew); /* [sleep-submit] as above */
}

/* Takes one off the idle list with a search in its hands. Under the lock. */
static struct worker *rouse(struct core *core)
{
	struct worker *worker;

	if (cds_list_empty(&core->idle))
		return NULL;
	/* The one that slept last: its caches are warm, and the others can leave. */
	worker = cds_list_first_entry(&core->idle, struct worker, idle);
	cds_list_del(&worker->idle);
	worker->is_idle = false;
	core->wakeups++;
	return worker;
}

static void unpark(struct worker *worker)
{
	/* [wake-park] release, partner: crew_sleep(). The worker lives until it has seen
	 * this, and goes on to hold a reference to the core: the wake uses the address. */
	_Atomic uint32_t *woken = &worker->woken;

	probe(wake, worker->core, worker->number);
	atomic_store_release(woken, 1);
	park_wake(woken, 1);
}

/* The caller has added a search for the sleeper: false if nobody sleeps any more. */
static bool wake_sleeper(struct core *core)
{
	struct worker *worker;

	lock_acquire(&core->lock);
	worker = rouse(core);
	if (worker)
		crew_add(core, -CREW_SLEEPING);
	lock_release(&core->lock);
	if (!worker)
		return false;
	unpark(worker);
	return true;
}

static bool may_spawn(struct core *core)
{
	/* Relaxed: a hint against trying too often. */
	uint64_t after = atomic_load_relaxed(&core->spawn_after_ns);

	return !after || clock_now() >= after;
}

void crew_wake(struct core *core)
{
	for (;;) {
		uint64_t crew = crew_of(core), next;
		unsigned limit = limit_of(core);

		if (!crew_needs_waking(crew, limit))
			return;
		if (crew_sleeping(crew))
			next = crew + CREW_SEARCHING;
		else if (may_spawn(core))
			next = crew + CREW_MAKING;
		else
			return;
		/* [sleep-submit] seq_cst: see crew_add(). One caller adds the search. */
		if (!atomic_swap_if_seq_cst(&core->crew, &crew, next))
			continue;
		if (crew_sleeping(crew)) {
			if (wake_sleeper(core))
				return;
			/* Somebody else roused it: others may have relied on our search. */
			crew_add(core, -CREW_SEARCHING);
		} else {
			int error = crew_start(core);

			if (!error)
				return;
			crew_add(core, -CREW_MAKING);
			if (error == -ESHUTDOWN)
				return; /* what is left is ended by who closed the pool */
		}
		if (!queue_has_work(core))
			return;
	}
}

/*
 * False if the pool has closed and its last worker has left: a shutdown may have said so,
 * and nobody may call the start hook any more.
 */
static bool join(struct core *core, struct worker *worker)
{
	bool joins;

	lock_acquire(&core->lock);
	joins = core->live || !crew_is_closed(crew_of(core));
	if (joins) {
		worker->number = core->next_number++;
		cds_list_add(&worker->member, &core->workers);
		core->live++;
	}
	lock_release(&core->lock);
	return joins;
}

int crew_start(struct core *core)
{
	struct worker *worker = memory_new_zeroed(sizeof(*worker));
	int error = -ENOMEM;

	if (worker) {
		worker->core = core;
		worker->searching = true;
		worker_helper(worker);
		/* Before it is on the list: who frees the pool in a fork's child lets go of one
		 * reference for each that is. */
		core->home.ref(&core->home);
		if (!join(core, worker)) {
			core_unref(core);
			memory_free(worker);
			return -ESHUTDOWN;
		}
		error = thread_start(worker_main, worker, core->options.stack_bytes);
	}
	if (!error) {
		atomic_store_relaxed(&core->spawn_after_ns, 0); /* Relaxed: a hint. */
		return 0;
	}
	if (worker) {
		lock_acquire(&core->lock);
		cds_list_del(&worker->member);
		core->live--;
		lock_release(&core->lock);
		/* [leave-shutdown] acq_rel, as in leave(): a shutdown may have waited for it. */
		atomic_add_acq_rel(&core->departures, 1);
		park_wake(&core->departures, INT32_MAX);
		/* The last worker may have left a result to this one as it went (F7). Not for us
		 * to dispose of, while there is anybody: we may be about to enter a job (P7). */
		if (crew_is_closed(crew_of(core)))
			shutdown_dispose_left(core);
		core_unref(core);
		memory_free(worker);
	}
	atomic_add_relaxed(&core->spawn_failures, 1); /* Relaxed: a number to show. */
	atomic_store_relaxed(&core->spawn_after_ns, clock_now() + CREW_SPAWN_PAUSE_NS); /* a hint */
	return error;
}

void crew_end_search(struct core *core, struct worker *worker)
{
	if (worker->searching) {
		worker->searching = false;
		crew_add(core, -CREW_SEARCHING);
	}
}

void crew_begin_search(struct core *core, struct worker *worker)
{
	/* Relaxed: at worst somebody is woken who would not have been needed. */
	uint64_t crew = atomic_load_relaxed(&core->crew);

	if (!worker->searching && crew_can_grow(crew, limit_of(core))) {
		worker->searching = true;
		crew_add(core, CREW_SEARCHING);
	}
}

bool crew_retire(struct core *core, struct worker *worker)
{
	uint64_t crew = atomic_load_relaxed(&core->crew); /* Relaxed: the exchange decides. */
	uint64_t search = worker->searching ? CREW_SEARCHING : 0;

	while (crew_born(crew) > limit_of(core)) {
		/* [sleep-submit] seq_cst: see crew_add(). */
		if (!atomic_swap_if_seq_cst(&core->crew, &crew, crew - CREW_THREAD - search))
			continue;
		worker->searching = false;
		lock_acquire(&core->lock);
		place_return(core, worker);
		place_settle(core);
		lock_release(&core->lock);
		/* A submitter may have relied on our search, and jobs have waited for our place. */
		if (queue_has_work(core))
			crew_wake(core);
		return true;
	}
	return false;
}

/*
 * In a pool that is drained: what is queued waits for the place of a submitter that runs its
 * job, and nobody could make a worker for it later for certain. He wakes those who sleep as
 * he leaves. Under the lock.
 */
static bool is_needed_later(struct core *core)
{
	return core->queued && !cds_list_empty(&core->callers);
}

/* Lies down, unless there is work, or it must leave. Under the lock: true if it must not
 * sleep. */
static bool lie_down(struct core *core, struct worker *worker)
{
	uint64_t crew;

	queue_splice(core);
	/* Relaxed: under the lock, where it is written. */
	if (atomic_load_relaxed(&core->ready))
		return true;
	crew = crew_of(core) & ~(is_needed_later(core) ? CREW_CLOSED : 0);
	/* It leaves, here or in crew_retire(). A resize wakes those that lie already. */
	if (crew_is_closed(crew) || crew_born(crew) > limit_of(core))
		return true;
	atomic_store_relaxed(&worker->woken, 0); /* Relaxed: shared by the lock. */
	worker->is_idle = true;
	cds_list_add(&worker->idle, &core->idle);
	crew_add(core, CREW_SLEEPING - (worker->searching ? CREW_SEARCHING : 0));
	worker->searching = false;
	return false;
}

/* Gets up again by itself, with a search: false if somebody else is rousing it. */
static bool get_up(struct core *core, struct worker *worker)
{
	bool up;

	lock_acquire(&core->lock);
	up = worker->is_idle;
	if (up) {
		cds_list_del(&worker->idle);
		worker->is_idle = false;
		worker->searching = true;
		crew_add(core, CREW_SEARCHING - CREW_SLEEPING);
	}
	lock_release(&core->lock);
	return up;
}

/* Its idle time is over: true if it may leave, and is counted as gone. */
static bool leave_idle(struct core *core, struct worker *worker)
{
	bool leaves;

	lock_acquire(&core->lock);
	/* Relaxed: the minimum is written under this lock. */
	leaves = worker->is_idle &&
		 crew_born(crew_of(core)) > atomic_load_relaxed(&core->min_threads);
	if (leaves) {
		cds_list_del(&worker->idle);
		worker->is_idle = false;
		crew_add(core, -(CREW_SLEEPING + CREW_THREAD));
	}
	lock_release(&core->lock);
	return leaves;
}

static uint64_t idle_deadline(struct core *core)
{
	uint64_t timeout = core->options.idle_timeout_ns, now;

	if (timeout == FERRY_NO_DEADLINE)
		return timeout;
	now = clock_now();
	return timeout > FERRY_NO_DEADLINE - now ? FERRY_NO_DEADLINE : now + timeout;
}

bool crew_sleep(struct core *core, struct worker *worker)
{
	uint64_t deadline;
	bool stay_awake;

	lock_acquire(&core->lock);
	stay_awake = lie_down(core, worker);
	/* The look comes after closed was seen: who pushed before that saw our search. */
	if (stay_awake && crew_is_closed(crew_of(core)) && !queue_has_work(core)) {
		/* Closed, and nothing is left to do. */
		crew_add(core, -(CREW_THREAD + (worker->searching ? CREW_SEARCHING : 0)));
		worker->searching = false;
		lock_release(&core->lock);
		return false;
	}
	lock_release(&core->lock);
	if (stay_awake)
		return true;

	/* Look again, now that submitters can see us asleep: see crew.h. */
	if (queue_has_work(core) && get_up(core, worker))
		return true;
	deadline = idle_deadline(core);
	/* [wake-park] acquire, partner: unpark(). */
	while (!atomic_load_acquire(&worker->woken)) {
		if (park_wait(&worker->woken, 0, deadline) == 0)
			continue;
		if (leave_idle(core, worker))
			return false;
		/* One of those that are kept; a resize wakes it if that changes. */
		deadline = FERRY_NO_DEADLINE;
	}
	worker->searching = true; /* given by the one who roused us */
	return true;
}

void crew_wake_all(struct core *core)
{
	struct worker *worker, *next;
	struct cds_list_head roused;

	CDS_INIT_LIST_HEAD(&roused);
	/* All at once: one that sleeps again meanwhile is not roused a second time. */
	lock_acquire(&core->lock);
	while ((worker = rouse(core))) {
		crew_add(core, CREW_SEARCHING - CREW_SLEEPING);
		cds_list_add(&worker->idle, &roused);
	}
	lock_release(&core->lock);
	/* Each stays parked, and its link ours, until it is told. */
	cds_list_for_each_entry_safe(worker, next, &roused, idle)
		unpark(worker);
}
