/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Room: how many jobs may wait in a lane, and in the whole pool.
 *
 * Called on any thread, by submit.c before it pushes a job, and by queue.c as jobs leave their
 * lanes, under the core's lock. Invariant: no more jobs with reserved room wait than there may,
 * and room that is given back is offered to somebody who waits for it.
 */
#include "pool/core.h"

/* A submitter that waits for room. */
struct room_waiter {
	struct cds_list_head link;
	struct ferry_lane *lane;
	_Atomic uint32_t woken;
};

static bool is_limited(struct room *room)
{
	/* Relaxed: a limit; a job that comes as it changes is let in by the old one. */
	return atomic_load_relaxed(&room->most);
}

static bool has_room(struct room *room)
{
	/* Relaxed, all: nothing is read because of the numbers. */
	size_t most = atomic_load_relaxed(&room->most);
	size_t waiting = atomic_load_relaxed(&room->taken) + atomic_load_relaxed(&room->others);

	return !most || waiting < most;
}

static bool take(struct room *room)
{
	/* Relaxed: as above. */
	size_t taken = atomic_load_relaxed(&room->taken), most;

	do {
		/* Relaxed, all: as above. A limit that was lifted since somebody looked is none. */
		most = atomic_load_relaxed(&room->most);
		if (most && taken + atomic_load_relaxed(&room->others) >= most)
			return false;
	} while (!atomic_swap_if_relaxed(&room->taken, &taken, taken + 1)); /* as above */
	return true;
}

static void give_back(struct room *room)
{
	/* Relaxed: a count; the compare-exchange that reserves decides. */
	atomic_add_relaxed(&room->taken, (size_t)-1);
}

static void wake(struct room_waiter *waiter)
{
	_Atomic uint32_t *woken = &waiter->woken;

	cds_list_del_init(&waiter->link);
	/* [room] release, partner: room_wait(). Its stack may be gone after the store: the
	 * wake uses the address only. */
	atomic_store_release(woken, 1);
	park_wake(woken, 1);
}

/* Room was given back: wakes the first that finds some now. */
static void wake_one(struct core *core)
{
	struct room_waiter *waiter;

	cds_list_for_each_entry(waiter, &core->room_waiters, link)
		if (has_room(&waiter->lane->room) && has_room(&core->room)) {
			wake(waiter);
			return;
		}
}

void room_wake_all(struct core *core)
{
	while (!cds_list_empty(&core->room_waiters))
		wake(cds_list_first_entry(&core->room_waiters, struct room_waiter, link));
}

/* The lane's first: who finds the pool full then kept nobody out who would have come in. */
static struct room *reserve(struct core *core, struct ferry_lane *lane, struct job *job)
{
	if (is_limited(&lane->room)) {
		if (!take(&lane->room))
			return &lane->room;
		job->future.flags |= FUTURE_ROOM;
	}
	if (!core->options.max_queued || take(&core->room))
		return NULL;
	if (job->future.flags & FUTURE_ROOM) {
		job->future.flags &= (uint8_t)~FUTURE_ROOM;
		give_back(&lane->room);
	}
	return &core->room;
}

struct room *room_reserve(struct core *core, struct ferry_lane *lane, struct job *job)
{
	struct room *full = reserve(core, lane, job);

	/* Room came in the pool, and somebody found none in the lane, while we had it. */
	if (full == &core->room && core->options.when_full == FERRY_FULL_BLOCK &&
	    is_limited(&lane->room)) {
		lock_acquire(&core->lock);
		wake_one(core);
		lock_release(&core->lock);
	}
	return full;
}

int room_wait(struct core *core, struct ferry_lane *lane, struct job *job, uint64_t deadline_ns)
{
	struct room_waiter waiter = { .lane = lane };
	int error = 0;

	for (;;) {
		lock_acquire(&core->lock);
		/* Looked at under the lock: room is given back under it. */
		if (!reserve(core, lane, job)) {
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
		cds_list_add_tail(&waiter.link, &core->room_waiters);
		lock_release(&core->lock);
		/* [room] acquire, partner: wake(). */
		while (!error && !atomic_load_acquire(&waiter.woken))
			error = park_wait(&waiter.woken, 0, deadline_ns);
		if (!error)
			continue;
		lock_acquire(&core->lock);
		if (atomic_load_relaxed(&waiter.woken)) /* Relaxed: under the lock. */
			error = 0; /* room was meant for this one: try once more */
		else
			cds_list_del_init(&waiter.link);
		lock_release(&core->lock);
	}
}

void room_enter(struct ferry_lane *lane, struct job *job)
{
	if (is_limited(&lane->room) && !(job->future.flags & FUTURE_ROOM))
		atomic_count(&lane->room.others, 1);
}

void room_free(struct core *core, struct ferry_lane *lane, struct job *job)
{
	if (job->future.flags & FUTURE_ROOM)
		give_back(&lane->room);
	else if (atomic_load_relaxed(&lane->room.others)) /* Relaxed: written under the lock. */
		atomic_count(&lane->room.others, (size_t)-1);
	if (core->options.max_queued)
		give_back(&core->room);
	if (!cds_list_empty(&core->room_waiters))
		wake_one(core);
}

void room_limit(struct core *core, struct ferry_lane *lane, size_t most)
{
	size_t others = 0;

	for (struct ferry_waiter *node = lane->queue.first; most && node; node = node->next)
		others += !(job_of_node(node)->future.flags & FUTURE_ROOM);
	/* Relaxed, both: limits; what they are compared with decides. */
	atomic_store_relaxed(&lane->room.others, others);
	atomic_store_relaxed(&lane->room.most, most);
	room_wake_all(core);
}
