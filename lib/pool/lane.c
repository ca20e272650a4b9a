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

/* A free number, or 0. Under the lock. */
static unsigned find_number(struct core *core)
{
	for (unsigned i = 1; i <= LANES_MOST; i++)
		if (!core->lanes[i])
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
	number = find_number(core);
	/* Relaxed: closed is set before its setter takes this lock. */
	if (crew_is_closed(atomic_load_relaxed(&core->crew)))
		error = -ESHUTDOWN;
	else if (!number)
		error = -ENOSPC;
	if (!error) {
		lane->number = (uint8_t)number;
		core->lanes[number] = lane;
		core->home.ref(&core->home);
	}
	lock_release(&core->lock);
	if (error) {
		memory_free(lane);
		return error;
	}
	*ret = lane;
	return 0;
}

ferry_lane *ferry_lane_free(ferry_lane *lane)
{
	/*
	 * The lane itself stays: a worker may be about to give back its place. Its number
	 * is not used again, which 255 lanes a pool allow for. No lock: in a fork's child
	 * it may be held for ever (P6).
	 */
	if (lane)
		core_unref(lane->core);
	return NULL;
}
