/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lanes: queues of their own inside a pool.
 *
 * Made and freed on any thread; jobs go through them in queue.c. Invariant: a lane
 * lives as long as its core, so that jobs and workers may refer to it by its number;
 * its handle holds the core.
 */
#include "base/options.h"
#include "pool/core.h"

int lane_new(struct core *core, const ferry_lane_options *options, struct ferry_lane **ret)
{
	struct ferry_lane *lane = memory_new_zeroed(sizeof(*lane));

	if (!lane)
		return -ENOMEM;
	lane->core = core;
	CDS_INIT_LIST_HEAD(&lane->turn);
	name_copy(lane->name, sizeof(lane->name),
		  options && options->name ? options->name : "lane");
	if (options) {
		lane->max_running = options->max_running;
		lane->brief = options->brief;
	}
	*ret = lane;
	return 0;
}

/*
 * Which handles were freed. Under the lock, before a splice: what was submitted to those
 * is in the stack by now, and in the lane afterwards.
 */
static void note_ends(struct core *core)
{
	for (unsigned i = 1; i <= LANES_MOST; i++)
		/* [lane-end] acquire, partner: ferry_lane_free(). */
		if (core->lanes[i] && atomic_load_acquire(&core->lanes[i]->ended))
			core->lanes[i]->over = true;
}

/*
 * Its handle was freed, and nothing is queued or holds a place. A worker may still look at
 * one without a limit, but only at what another of the same kind has alike. Under the lock,
 * after note_ends() and a splice.
 */
static bool is_vacant(const struct ferry_lane *lane, const struct ferry_lane *like)
{
	return lane->over && !lane->queued && !lane->running &&
	       lane->max_running == like->max_running && lane->brief == like->brief;
}

/* Where the new lane can be: its number, or 0. Under the lock. */
static unsigned find_number(struct core *core, const struct ferry_lane *lane)
{
	for (unsigned i = 1; i <= LANES_MOST; i++)
		if (!core->lanes[i] || is_vacant(core->lanes[i], lane))
			return i;
	return 0;
}

int ferry_lane_new(ferry_pool *pool, const ferry_lane_options *given, ferry_lane **ret)
{
	ferry_lane_options options;
	struct ferry_lane *lane;
	struct core *core;
	unsigned number;
	int error = submit_check(pool);

	if (!error)
		error = ret ? options_read(&options, sizeof(options), given) : -EINVAL;
	if (error)
		return error;
	core = pool->core;
	error = lane_new(core, &options, &lane);
	if (error)
		return error;
	lock_acquire(&core->lock);
	note_ends(core);
	queue_splice(core);
	number = find_number(core, lane);
	/* Relaxed: closed is set before its setter takes this lock. */
	if (crew_is_closed(atomic_load_relaxed(&core->crew)))
		error = -ESHUTDOWN;
	else if (!number)
		error = -ENOSPC;
	if (!error) {
		struct ferry_lane *vacant = core->lanes[number];

		lane->number = (uint8_t)number;
		if (vacant) {
			/* Workers may hold its address: it is the one that stays. */
			memcpy(vacant->name, lane->name, sizeof(lane->name));
			/* Relaxed: under the lock, and nobody has the handle yet. */
			atomic_store_relaxed(&vacant->ended, 0);
			vacant->over = false;
			*ret = vacant;
		} else {
			core->lanes[number] = lane;
			*ret = lane;
			lane = NULL;
		}
		core->home.ref(&core->home);
	}
	lock_release(&core->lock);
	queue_tell(core);
	memory_free(lane);
	return error;
}

ferry_lane *ferry_lane_free(ferry_lane *lane)
{
	/*
	 * The lane itself stays: a worker may be about to give back its place. The next lane
	 * of its kind takes it over. No lock: in a fork's child it may be held for ever (P6).
	 * [lane-end] release, partner: note_ends(): what was submitted has been pushed.
	 */
	if (lane) {
		struct core *core = lane->core;

		atomic_store_release(&lane->ended, 1);
		core_unref(core);
	}
	return NULL;
}

const char *ferry_lane_name(const ferry_lane *lane)
{
	return lane ? lane->name : NULL;
}
