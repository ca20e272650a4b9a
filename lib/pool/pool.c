/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pool as an object: made, resized, freed; and the core behind it, which is freed
 * by the last who needs it.
 *
 * Called on any thread (before the first and after the last step of any request).
 * Invariant: at least one worker exists when ferry_pool_new() succeeds (P2), and free
 * never joins: a call that hangs keeps the core, not its caller (P5).
 */
#include "pool/core.h"

#include "base/options.h"
#include "base/process.h"

#define DEFAULT_THREADS_MOST 32
#define DEFAULT_IDLE_NS 10000000000u
#define DEFAULT_SPIN_NS 10000u
#define SPIN_NS_MOST 1000000u
#define STACK_LEAST ((size_t)64 << 10)
#define STACK_MOST ((size_t)1 << 30)
#define POLL_CREDIT_BEGIN 8

/* Checks the options and fills in what was left to us: 0 or a negative errno. */
static int complete_options(ferry_pool_options *options, unsigned cpus)
{
	unsigned threads = cpus + 4 < DEFAULT_THREADS_MOST ? cpus + 4 : DEFAULT_THREADS_MOST;

	if (!options->min_threads)
		options->min_threads = 1;
	if (!options->max_threads)
		options->max_threads = threads > options->min_threads ? threads
								      : options->min_threads;
	if (options->max_threads > THREADS_MOST || options->min_threads > options->max_threads)
		return -EINVAL;
	if (options->stack_bytes &&
	    (options->stack_bytes < STACK_LEAST || options->stack_bytes > STACK_MOST))
		return -EINVAL;
	if ((unsigned)options->when_full > FERRY_FULL_RUN)
		return -EINVAL;
	if (!options->idle_timeout_ns)
		options->idle_timeout_ns = DEFAULT_IDLE_NS;
	if (!options->spin_ns)
		options->spin_ns = DEFAULT_SPIN_NS;
	else if (options->spin_ns == FERRY_NO_DEADLINE)
		options->spin_ns = 0;
	if (options->spin_ns > SPIN_NS_MOST || options->sample_every > 1u << 30)
		return -EINVAL;
	if (!options->sample_every)
		options->sample_every = 64;
	return 0;
}

/* ---- the core ---- */

static struct home *home_ref(struct home *home)
{
	struct core *core = core_of(home);

	if (core->generation != process_generation)
		return NULL;
	/* Relaxed: whoever refs has the core alive by other means. */
	atomic_add_relaxed(&core->refs, 1);
	return home;
}

static void home_unref(struct home *home)
{
	core_unref(core_of(home));
}

static void core_free(struct core *core)
{
	for (unsigned i = LANES_BUILT_IN; i <= LANES_MOST; i++)
		memory_free(core->lanes[i]);
	lock_destroy(&core->lock);
	memory_free(core);
}

void core_unref(struct core *core)
{
	/*
	 * [last-unref] acq_rel, partner: the other holders' unrefs: their uses of the core
	 * happen before it is freed.
	 */
	if (atomic_sub_acq_rel(&core->refs, 1) == 1)
		core_free(core);
}

static struct core *core_new(const ferry_pool_options *options, unsigned cpus)
{
	struct core *core = memory_new_zeroed(sizeof(*core));

	if (!core)
		return NULL;
	core->home = (struct home){ shutdown_hand_over, home_ref, home_unref };
	core->generation = process_generation;
	core->options = *options;
	name_copy(core->name, sizeof(core->name), options->name ? options->name : "ferry");
	core->options.name = NULL;
	core->may_poll = cpus > 1 && options->spin_ns;
	core->cpus = cpus;
	core->spin_ns = options->spin_ns;
	core->sample_mask = 1;
	while (core->sample_mask < options->sample_every)
		core->sample_mask *= 2;
	core->sample_mask--;
	core->max_threads = options->max_threads;
	/* Relaxed, all: nobody else has seen the core yet. */
	atomic_store_relaxed(&core->limit, options->max_threads);
	atomic_store_relaxed(&core->min_threads, options->min_threads);
	atomic_store_relaxed(&core->refs, 1);
	atomic_store_relaxed(&core->poll_credit, POLL_CREDIT_BEGIN);
	stack_init(&core->submissions);
	lock_init(&core->lock);
	CDS_INIT_LIST_HEAD(&core->turns);
	CDS_INIT_LIST_HEAD(&core->workers);
	CDS_INIT_LIST_HEAD(&core->idle);
	CDS_INIT_LIST_HEAD(&core->room_waiters);
	CDS_INIT_LIST_HEAD(&core->callers);
	CDS_INIT_LIST_HEAD(&core->enders);
	CDS_INIT_LIST_HEAD(&core->disposing);
	/* Relaxed: as above. */
	atomic_store_relaxed(&core->room.most, options->max_queued);
	lane_init_built_in(core);
	return core;
}

/* ---- the pool ---- */

/* Makes workers until there are so many: 0, or why not one more could be made. */
static int make_workers(struct core *core, unsigned wanted)
{
	/* Relaxed, both: the exchange decides. */
	uint64_t crew = atomic_load_relaxed(&core->crew);

	/* In a closed one they leave as soon as they come. */
	while (!crew_is_closed(crew) && crew_threads(crew) < wanted &&
	       crew_threads(crew) < atomic_load_relaxed(&core->limit)) {
		int error;

		/* [sleep-submit] seq_cst: see crew.c. */
		if (!atomic_swap_if_seq_cst(&core->crew, &crew, crew + CREW_MAKING))
			continue;
		error = crew_start(core);
		if (error) {
			/* [sleep-submit] see crew.c */
			atomic_add_seq_cst(&core->crew, -CREW_MAKING);
			/* Somebody may have relied on the search that was to be. */
			queue_look(core);
			return error;
		}
		crew = atomic_load_relaxed(&core->crew); /* Relaxed: as above. */
	}
	return 0;
}

int ferry_pool_new(const ferry_pool_options *given, ferry_pool **ret)
{
	ferry_pool_options options;
	unsigned cpus = ferry_cpu_count();
	ferry_pool *pool;
	uint64_t crew;
	int error = options_read(&options, sizeof(options), given);

	if (!error)
		error = ret ? complete_options(&options, cpus) : -EINVAL;
	if (!error)
		error = process_prepare();
	if (!error && options.interrupt_signal)
		error = interrupt_prepare(options.interrupt_signal);
	if (error)
		return error;
	pool = memory_new_zeroed(sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->core = core_new(&options, cpus);
	if (!pool->core) {
		memory_free(pool);
		return -ENOMEM;
	}
	pool->home = &pool->core->home;
	error = make_workers(pool->core, options.min_threads);
	/* One is enough to begin with (P2): the rest is made when it is needed. If it is gone
	 * already the pool is broken, and says so. Relaxed: ours. */
	crew = atomic_load_relaxed(&pool->core->crew);
	if (error && !crew_threads(crew) && !crew_is_closed(crew)) {
		core_unref(pool->core);
		memory_free(pool);
		return error;
	}
	*ret = pool;
	return 0;
}

int ferry_pool_resize(ferry_pool *pool, unsigned min_threads, unsigned max_threads)
{
	int error = submit_check(pool);
	struct core *core;
	bool fewer = false;

	if (error)
		return error;
	if (!min_threads || min_threads > max_threads || max_threads > THREADS_MOST)
		return -EINVAL;
	core = pool->core;
	lock_acquire(&core->lock);
	/* Relaxed: closed is set before its setter takes this lock. */
	if (crew_is_closed(atomic_load_relaxed(&core->crew)))
		error = core->broken ? -ENOTRECOVERABLE : -ESHUTDOWN;
	else if (!place_fits(max_threads, core->reserved))
		error = -EINVAL;
	if (!error) {
		/* Relaxed: under the lock, where it is written. */
		fewer = min_threads < atomic_load_relaxed(&core->min_threads);
		core->max_threads = max_threads;
		core_set_limit(core);
		lane_follow(core);
		/* Relaxed: a limit, see crew.c; what follows makes everybody look. */
		atomic_store_relaxed(&core->min_threads, min_threads);
	}
	lock_release(&core->lock);
	if (error)
		return error;
	/* Those that cannot be made now are made when they are needed. */
	make_workers(core, min_threads);
	queue_look(core);
	/* Sleepers that are too many leave, the others sleep again, and those that need not
	 * be kept any more for a while only. Relaxed: a hint. */
	if (fewer || crew_threads(atomic_load_relaxed(&core->crew)) > max_threads)
		crew_wake_all(core);
	return 0;
}

/*
 * In a fork's child: the other threads do not exist here, and the lock may be held for
 * ever by one of them; then what it guards is left alone.
 */
static void free_in_child(struct core *core)
{
	if (lock_try(&core->lock) == 0) {
		struct worker *worker, *next;

		cds_list_for_each_entry_safe(worker, next, &core->workers, member) {
			memory_free(worker);
			/* Relaxed: there is one thread, and our reference is left. */
			atomic_add_relaxed(&core->refs, (uint32_t)-1);
		}
		CDS_INIT_LIST_HEAD(&core->workers);
		lock_release(&core->lock);
	}
	core_unref(core);
}

ferry_pool *ferry_pool_free(ferry_pool *pool)
{
	struct core *core;

	if (!pool)
		return NULL;
	core = pool->core;
	ferry_pool_shutdown(pool, FERRY_SHUTDOWN_ABANDON, 0);
	/* If a hook forked, and this is the child, it comes back refused as well. */
	if (core->generation != process_generation) {
		free_in_child(core);
	} else {
		lock_acquire(&core->lock);
		core->forsaken = true;
		lock_release(&core->lock);
		core_unref(core);
	}
	memory_free(pool);
	return NULL;
}
