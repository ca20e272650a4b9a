/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lanes: queues of their own inside a pool.
 *
 * Made and freed on any thread; jobs go through them in queue.c. Invariant: a lane
 * lives as long as its core, so that jobs and workers may refer to it by its number;
 * its handle holds the core.
 */
#include "pool/core.h"

#include "base/options.h"
#include "base/process.h"

static void init(struct core *core, struct ferry_lane *lane, unsigned number, const char *name)
{
	lane->core = core;
	CDS_INIT_LIST_HEAD(&lane->turn);
	lane->number = (uint8_t)number;
	name_copy(lane->name, sizeof(lane->name), name);
}

/* ---- those that every pool has ---- */

static unsigned at_least_one(unsigned count)
{
	return count ? count : 1;
}

void lane_init_built_in(struct core *core)
{
	static const char *const names[LANES_BUILT_IN] = { "ordinary", "fs", "dns", "cpu" };

	for (unsigned i = 0; i < LANES_BUILT_IN; i++) {
		core->lanes[i] = &core->built_in[i];
		init(core, core->lanes[i], i, names[i]);
	}
	init(core, &core->disposer, 0, "");
	core->built_in[FERRY_LANE_DNS].follows = true;
	core->built_in[FERRY_LANE_CPU].max_running = at_least_one(core->cpus);
	lane_follow(core);
}

void lane_follow(struct core *core)
{
	struct ferry_lane *lane = &core->built_in[FERRY_LANE_DNS];

	if (lane->follows) {
		lane->max_running = at_least_one(core->max_threads / 2);
		place_turn(core, lane);
	}
	place_settle(core);
}

ferry_lane *ferry_pool_lane(ferry_pool *pool, ferry_lane_kind kind)
{
	int error = submit_check(pool);

	if (!error && (unsigned)kind >= LANES_BUILT_IN)
		error = -EINVAL;
	if (error) {
		errno = -error;
		return NULL;
	}
	return &pool->core->built_in[kind];
}

static bool is_built_in(const struct ferry_lane *lane)
{
	return lane->number < LANES_BUILT_IN;
}

/* ---- what they may ---- */

static int check(const ferry_lane_options *options)
{
	bool in_vain = options->max_running && options->reserved > options->max_running;

	return in_vain || options->reserved >= THREADS_MOST ? -EINVAL : 0;
}

/* Under the lock: 0 or a negative errno, and then nothing has changed. */
static int limit(struct core *core, struct ferry_lane *lane, const ferry_lane_options *options)
{
	/* Relaxed: closed is set before its setter takes this lock. */
	if (crew_is_closed(atomic_load_relaxed(&core->crew)))
		return core->broken ? -ENOTRECOVERABLE : -ESHUTDOWN;
	if (!place_fits(core->max_threads, core->reserved - lane->reserved + options->reserved))
		return -EINVAL;
	place_reserve(core, lane, options->reserved);
	lane->max_running = options->max_running;
	lane->follows = false;
	room_limit(core, lane, options->max_queued);
	place_turn(core, lane);
	return 0;
}

static int lane_check(const ferry_lane *lane)
{
	if (!lane)
		return -EINVAL;
	return lane->core->generation == process_generation ? 0 : -ECHILD;
}

int ferry_lane_configure(ferry_lane *lane, const ferry_lane_options *given)
{
	ferry_lane_options options;
	struct core *core;
	int error = lane_check(lane);

	if (!error)
		error = given ? options_read(&options, sizeof(options), given) : -EINVAL;
	if (!error)
		error = options.name || options.brief ? -EINVAL : check(&options);
	if (error)
		return error;
	core = lane->core;
	lock_acquire(&core->lock);
	queue_splice(core);
	error = limit(core, lane, &options);
	place_settle(core);
	lock_release(&core->lock);
	/* What may run now. */
	queue_tell(core);
	return error;
}

/* ---- made and freed ---- */

void lane_hold(struct ferry_lane *lane)
{
	/* Relaxed: before its handle is freed, which is what is looked at first. */
	atomic_add_relaxed(&lane->held_back, 1);
}

void lane_let_go(struct ferry_lane *lane)
{
	/* [lane-end] release, partner: note_end(): what was submitted has been pushed. */
	atomic_sub_acq_rel(&lane->held_back, 1);
}

/*
 * Was its handle freed, and nobody holds it? Under the lock, before a splice: what was submitted
 * to it is in the stack by then, and in the lane afterwards.
 */
static void note_end(struct ferry_lane *lane)
{
	/* [lane-end] acquire, both, partners: ferry_lane_free(), and then lane_let_go(). */
	if (atomic_load_acquire(&lane->ended) && !atomic_load_acquire(&lane->held_back))
		lane->over = true;
}

static void note_ends(struct core *core)
{
	for (unsigned i = LANES_BUILT_IN; i <= LANES_MOST && core->lanes[i]; i++)
		note_end(core->lanes[i]);
}

/*
 * Its handle was freed, nobody will submit to it, and nothing is queued or holds a place. Under the
 * lock, after note_end(), a splice and place_collect().
 */
static bool is_vacant(const struct ferry_lane *lane)
{
	return lane->over && !lane->queued && !lane->held && !lane->beside;
}

/* Where a new lane can be: its number, or 0. Under the lock. */
static unsigned find_number(struct core *core)
{
	for (unsigned i = LANES_BUILT_IN; i <= LANES_MOST; i++)
		if (!core->lanes[i] || is_vacant(core->lanes[i]))
			return i;
	return 0;
}

static void clear_times(struct times *times)
{
	_Atomic uint64_t *number = (_Atomic uint64_t *)times;

	/* Relaxed: nobody counts in a lane that has no jobs. */
	for (size_t i = 0; i < sizeof(*times) / sizeof(*number); i++)
		atomic_store_relaxed(&number[i], 0);
}

/* Somebody may look at the address still (P4): it is the one that stays. */
static void use_again(struct ferry_lane *vacant, const struct ferry_lane *lane)
{
	memcpy(vacant->name, lane->name, sizeof(lane->name));
	vacant->brief = lane->brief;
	vacant->accepted = vacant->ran = 0;
	/* Relaxed, all: under the lock, and nobody has the handle yet. */
	atomic_store_relaxed(&vacant->ended, 0);
	clear_times(&vacant->times);
	vacant->over = false;
}

int ferry_lane_new(ferry_pool *pool, const ferry_lane_options *given, ferry_lane **ret)
{
	ferry_lane_options options;
	struct ferry_lane *lane, *vacant = NULL;
	struct core *core;
	unsigned number;
	int error = submit_check(pool);

	if (!error)
		error = ret ? options_read(&options, sizeof(options), given) : -EINVAL;
	if (!error)
		error = check(&options);
	if (error)
		return error;
	core = pool->core;
	lane = memory_new_zeroed(sizeof(*lane));
	if (!lane)
		return -ENOMEM;
	lock_acquire(&core->lock);
	note_ends(core);
	queue_splice(core);
	place_collect(core);
	number = find_number(core);
	init(core, lane, number, options.name ? options.name : "lane");
	lane->brief = options.brief;
	if (!number)
		error = -ENOSPC;
	else
		vacant = core->lanes[number];
	if (!error)
		error = limit(core, vacant ? vacant : lane, &options);
	if (!error) {
		if (vacant)
			use_again(vacant, lane);
		else
			core->lanes[number] = lane;
		*ret = core->lanes[number];
		core->home.ref(&core->home);
	}
	place_settle(core);
	lock_release(&core->lock);
	queue_tell(core);
	if (error || vacant)
		memory_free(lane);
	return error;
}

/* What it had for itself is everybody's from now on. */
static void give_up_reserved(struct core *core, struct ferry_lane *lane)
{
	lock_acquire(&core->lock);
	place_reserve(core, lane, 0);
	place_settle(core);
	lock_release(&core->lock);
	queue_tell(core);
}

ferry_lane *ferry_lane_free(ferry_lane *lane)
{
	struct core *core;

	if (!lane || is_built_in(lane))
		return NULL;
	core = lane->core;
	/* In a fork's child the lock may be held for ever (P6). */
	if (lane->reserved && core->generation == process_generation)
		give_up_reserved(core, lane);
	/*
	 * The lane itself stays: its jobs may be queued. The next one takes it over.
	 * [lane-end] release, partner: note_end(): what was submitted has been pushed.
	 */
	atomic_store_release(&lane->ended, 1);
	core_unref(core);
	return NULL;
}

const char *ferry_lane_name(const ferry_lane *lane)
{
	return lane ? lane->name : NULL;
}

/* ---- what they did ---- */

/* What ended, or runs in a wait, is a husk. Under the lock. */
static uint64_t count_queued(const struct ferry_lane *lane)
{
	uint64_t count = 0;

	for (struct ferry_waiter *node = lane->queue.first; node; node = node->next)
		count += word_phase(future_word(&job_of_node(node)->future)) == WORD_PENDING;
	return count;
}

/* All but queued. Under the lock. */
static void read_counters(struct ferry_lane *lane, ferry_lane_counters *counters)
{
	struct times *times = &lane->times;

	counters->accepted = lane->accepted;
	counters->running = lane->held + lane->beside;
	counters->ran = lane->ran;
	counters->max_running = lane->max_running;
	counters->reserved = lane->reserved;
	/* Relaxed, all: numbers to show. */
	counters->max_queued = atomic_load_relaxed(&lane->room.most);
	counters->sampled = atomic_load_relaxed(&times->sampled);
	counters->wait_ns_sum = atomic_load_relaxed(&times->wait_ns_sum);
	counters->run_ns_sum = atomic_load_relaxed(&times->run_ns_sum);
	/* Relaxed, both: as above. */
	for (unsigned i = 0; i < FERRY_HISTOGRAM_BUCKETS; i++) {
		counters->wait_ns[i] = atomic_load_relaxed(&times->wait_ns[i]);
		counters->run_ns[i] = atomic_load_relaxed(&times->run_ns[i]);
	}
}

int ferry_lane_stats(ferry_lane *lane, ferry_lane_counters *ret)
{
	int error = lane_check(lane);
	struct core *core;

	if (!error && !ret)
		error = -EINVAL;
	if (error)
		return error;
	core = lane->core;
	memset(ret, 0, sizeof(*ret));
	lock_acquire(&core->lock);
	queue_splice(core);
	place_collect(core);
	read_counters(lane, ret);
	ret->queued = count_queued(lane);
	place_settle(core);
	lock_release(&core->lock);
	queue_tell(core);
	return 0;
}

int lane_look(struct core *core, unsigned number, bool with_queued, struct lane_view *ret)
{
	struct ferry_lane *lane;
	int found = -ENOENT;

	memset(ret, 0, sizeof(*ret));
	lock_acquire(&core->lock);
	lane = number <= LANES_MOST ? core->lanes[number] : NULL;
	if (lane) {
		note_end(lane);
		queue_splice(core);
		place_collect(core);
		found = !is_vacant(lane);
		memcpy(ret->name, lane->name, sizeof(ret->name));
		read_counters(lane, &ret->counters);
		if (with_queued)
			ret->counters.queued = count_queued(lane);
		place_settle(core);
	}
	lock_release(&core->lock);
	queue_tell(core);
	return found;
}
