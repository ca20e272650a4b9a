/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Submitting: one job, or many with one wake-up decision.
 *
 * Called on any thread (step "submit" of a request); after it the job is visible and
 * an awake worker will find it (P8), or it was refused and nothing happened. Invariant:
 * attempted = refused + accepted (P1); a job that is pushed after the pool closed is
 * taken out again by the one who pushed it, or has been run.
 */
#include "pool/core.h"

#include "base/clock.h"
#include "base/options.h"
#include "base/probe.h"
#include "base/process.h"

int submit_check(const struct ferry_pool *pool)
{
	if (!pool)
		return -EINVAL;
	return pool->core->generation == process_generation ? 0 : -ECHILD;
}

int submit_read_options(struct core *core, const ferry_job_options *given,
			ferry_job_options *options)
{
	int error = options_read(options, sizeof(*options), given);

	if (error)
		return error;
	if (options->lane && options->lane->core != core)
		return -EINVAL;
	if (options->interruptible &&
	    (options->interruptible != 1 || !core->options.interrupt_signal))
		return -EINVAL;
	return 0;
}

static int refuse(struct core *core, int error)
{
	atomic_add_relaxed(&core->refused, 1); /* Relaxed: a number to show. */
	return error;
}

static int why_closed(struct core *core)
{
	int error;

	lock_acquire(&core->lock);
	error = core->broken ? -ENOTRECOVERABLE : -ESHUTDOWN;
	lock_release(&core->lock);
	return error;
}

/* A look for husks walks the whole queue: one for so many jobs there as make up for it. */
#define JOBS_PER_REFUSAL 64

static bool is_purge_due(struct room *room)
{
	/* Relaxed, all: a hint. */
	size_t full = atomic_add_relaxed(&room->full, 1) + 1;

	if (full * JOBS_PER_REFUSAL < atomic_load_relaxed(&room->taken))
		return false;
	atomic_store_relaxed(&room->full, 0); /* Relaxed: as above. */
	return true;
}

/* Finds room for a job where that is limited: 0, 1 (run it yourself, the lane's place is taken)
 * or a refusal. */
static int find_room(struct core *core, struct ferry_lane *lane, struct job *job,
		     uint64_t deadline_ns, struct caller *caller)
{
	struct room *full = room_reserve(core, lane, job);

	/* Cancelled jobs that no worker has passed yet do not count as queued for long. Who
	 * would wait always looks. */
	if (full && (is_purge_due(full) || core->options.when_full == FERRY_FULL_BLOCK)) {
		queue_purge(core, full == &core->room ? NULL : lane);
		full = room_reserve(core, lane, job);
	}
	if (!full)
		return 0;
	switch (core->options.when_full) {
	case FERRY_FULL_RUN:
		return place_enter_caller(core, lane, caller);
	case FERRY_FULL_BLOCK:
		if (thread_self()->loops || worker_core() == core)
			return -EDEADLK;
		return room_wait(core, lane, job, deadline_ns ? deadline_ns : FERRY_NO_DEADLINE);
	default:
		return -EAGAIN;
	}
}

static void caller_started(void *user)
{
	struct core *core = ((struct caller *)user)->lane->core;

	lock_acquire(&core->lock);
	core->accepted++;
	((struct caller *)user)->lane->accepted++;
	lock_release(&core->lock);
	atomic_add_relaxed(&core->caller_started, 1); /* Relaxed: a number to show. */
}

static void caller_ended(void *user, const struct job_run *run)
{
	struct ferry_lane *lane = ((struct caller *)user)->lane;

	(void)run;
	/* The function forked, and this is the child: locks may be held for ever (P6). */
	if (lane->core->generation != process_generation)
		return;
	/* [count] acq_rel, partner: ferry_pool_stats(), which reads ended before started. */
	atomic_add_acq_rel(&lane->core->caller_ended, 1);
	place_release(lane->core, lane, true);
	queue_look(lane->core);
}

/* A shutdown waits for it as for a worker, and is told in the same way. */
static void leave_caller(struct core *core, struct caller *caller)
{
	lock_acquire(&core->lock);
	cds_list_del(&caller->link);
	lock_release(&core->lock);
	/* Those that stayed for what waited for its place, see crew.c. Relaxed: closed is set
	 * before its setter takes this lock. */
	if (crew_is_closed(atomic_load_relaxed(&core->crew)))
		crew_wake_all(core);
	/* [leave-shutdown] acq_rel, as in leave(). */
	atomic_add_acq_rel(&core->departures, 1);
	park_wake(&core->departures, INT32_MAX);
	core_unref(core);
}

/* FERRY_FULL_RUN: the caller is the worker, just this once. */
static void run_in_caller(struct core *core, struct caller *caller, struct job *job)
{
	struct ferry_lane *lane = caller->lane;
	struct job *paused = interrupt_pause();

	/* This is no worker of ours. */
	job->future.flags &= (uint8_t)~FUTURE_INTERRUPTIBLE;
	if (!job_run(job, caller_started, caller_ended, caller).ran) {
		/* Its deadline had passed. While it held its lane's place a worker may have passed
		 * by and gone to sleep. */
		place_release(core, lane, false);
		queue_look(core);
		lock_acquire(&core->lock);
		core->accepted++;
		lane->accepted++;
		core->expired++;
		lock_release(&core->lock);
		job_discard(job);
	}
	if (core->generation == process_generation)
		leave_caller(core, caller);
	interrupt_resume(paused);
}

static struct ferry_lane *lane_of(struct core *core, const ferry_job_options *options)
{
	return options->lane ? options->lane : &core->built_in[FERRY_LANE_ORDINARY];
}

static bool is_limited(struct core *core, struct ferry_lane *lane)
{
	/* Relaxed: see room.c. */
	return core->options.max_queued || atomic_load_relaxed(&lane->room.most);
}

/* One job in so many is timed. */
static void sample(struct core *core, struct job *job)
{
	if (thread_self()->samples++ & core->sample_mask)
		return;
	job->future.flags |= FUTURE_SAMPLED;
	job->submitted_ns = clock_now();
}

/*
 * The pool closed while we pushed. Whatever its workers have not taken by now nobody
 * may take any more: take it out again. The job may be gone, so it is only compared.
 */
static int submit_late(struct core *core, struct job *job, struct ferry_lane *lane)
{
	bool withdrawn;
	int error;

	lock_acquire(&core->lock);
	queue_splice(core);
	withdrawn = queue_withdraw(core, job, lane);
	error = core->broken ? -ENOTRECOVERABLE : -ESHUTDOWN;
	lock_release(&core->lock);
	queue_tell(core); /* what others pushed before */
	return withdrawn ? refuse(core, error) : 0;
}

static void wake_for_new_work(struct core *core, uint64_t crew)
{
	/* Relaxed: see crew.c. */
	if (crew_needs_waking(crew, atomic_load_relaxed(&core->limit)))
		crew_wake(core);
}

int submit_job(struct core *core, struct job *job, const ferry_job_options *options)
{
	struct ferry_lane *lane = lane_of(core, options);
	struct caller caller;
	uint64_t crew;
	int place = 0;

	/* Relaxed: only saves the trouble; the look after the push decides. */
	if (crew_is_closed(atomic_load_relaxed(&core->crew)))
		return refuse(core, why_closed(core));
	if (is_limited(core, lane))
		place = find_room(core, lane, job, options->room_deadline_ns, &caller);
	if (place < 0)
		return refuse(core, place);
	job->future.lane = lane->number;
	probe(submit, &job->future, lane->number);
	sample(core, job);
	if (place > 0) {
		run_in_caller(core, &caller, job);
		return 0;
	}
	/* [submit-run] release (rcu.c), partner: queue_splice(): the job's fields. */
	stack_push(&core->submissions, &job->future.node);
	/* [sleep-submit] seq_cst, after the push; partner: crew.c, which changes the crew
	 * and then looks at the stack. Weaker: a worker sleeps while a job waits. */
	crew = atomic_load_seq_cst(&core->crew);
	if (crew_is_closed(crew))
		return submit_late(core, job, lane);
	wake_for_new_work(core, crew);
	return 0;
}

int ferry_pool_submit(ferry_pool *pool, ferry_function fn, void *arg,
		      const ferry_job_options *given, ferry_future **ret)
{
	ferry_job_options options;
	struct job *job;
	int error = submit_check(pool);

	if (!error && !fn)
		error = -EINVAL;
	if (!error)
		error = submit_read_options(pool->core, given, &options);
	if (error)
		return error;
	job = job_new(&pool->core->home, fn, arg, &options);
	if (!job)
		return refuse(pool->core, -ENOMEM);
	error = submit_job(pool->core, job, &options);
	if (error) {
		job_refuse(job);
		return error;
	}
	if (ret)
		*ret = &job->future;
	else
		future_forget(&job->future);
	return 0;
}

/* ---- batches ---- */

/* Makes the jobs, linked in order through their nodes: how many there was memory for. */
static size_t make_jobs(struct core *core, const ferry_batch_job *jobs, size_t count,
			const ferry_job_options *options, struct chain *made)
{
	for (size_t i = 0; i < count; i++) {
		struct job *job = job_new(&core->home, jobs[i].fn, jobs[i].arg, options);

		if (!job)
			return i;
		job->future.lane = lane_of(core, options)->number;
		sample(core, job);
		chain_append(made, &job->future.node);
	}
	return count;
}

/* Puts all into the queue under one lock: 0, or why the pool is closed. */
static int append_all(struct core *core, struct chain *made, ferry_future **ret, size_t *filled)
{
	struct ferry_waiter *node;
	int error = 0;

	lock_acquire(&core->lock);
	/* What this thread pushed before comes first (P10). */
	queue_splice(core);
	/* Relaxed: closed is set before its setter takes this lock. */
	if (crew_is_closed(atomic_load_relaxed(&core->crew)))
		error = core->broken ? -ENOTRECOVERABLE : -ESHUTDOWN;
	while (!error && (node = chain_take(made))) {
		struct job *job = job_of_node(node);

		if (ret)
			ret[*filled] = &job->future;
		else
			/* Relaxed: no one can take it before the lock is released. */
			atomic_store_relaxed(&job->future.refs, 1);
		++*filled;
		probe(submit, &job->future, job->future.lane);
		queue_append(core, job);
	}
	place_settle(core);
	lock_release(&core->lock);
	return error;
}

static int check_batch(const struct ferry_pool *pool, const ferry_batch_job *jobs, size_t count)
{
	int error = submit_check(pool);

	if (!error && (count > 1000000 || (count && !jobs)))
		error = -EINVAL;
	for (size_t i = 0; !error && i < count; i++)
		if (!jobs[i].fn)
			error = -EINVAL;
	return error;
}

/* With a bounded queue or lane each job finds its own place, and may block or be run here. */
static int submit_each(ferry_pool *pool, const ferry_batch_job *jobs, size_t count,
		       const ferry_job_options *options, ferry_future **ret)
{
	for (size_t i = 0; i < count; i++) {
		int error = ferry_pool_submit(pool, jobs[i].fn, jobs[i].arg, options,
					      ret ? &ret[i] : NULL);

		if (error)
			return i ? (int)i : error;
	}
	return (int)count;
}

int ferry_pool_submit_batch(ferry_pool *pool, const ferry_batch_job *jobs, size_t count,
			    const ferry_job_options *given, ferry_future **ret)
{
	ferry_job_options options;
	struct chain made = { NULL, NULL };
	struct ferry_waiter *node;
	size_t memory_for, filled = 0;
	int error = check_batch(pool, jobs, count);

	if (!error)
		error = submit_read_options(pool->core, given, &options);
	if (error || !count)
		return error;
	if (is_limited(pool->core, lane_of(pool->core, &options)))
		return submit_each(pool, jobs, count, given, ret);
	memory_for = make_jobs(pool->core, jobs, count, &options, &made);
	error = append_all(pool->core, &made, ret, &filled);
	while ((node = chain_take(&made))) {
		refuse(pool->core, 0);
		job_refuse(job_of_node(node));
	}
	/* [sleep-submit] after the jobs became ready; one decision for all: the one who is
	 * woken wakes the next before it enters a call. */
	queue_tell(pool->core);
	if (!filled && memory_for < count && !error)
		error = refuse(pool->core, -ENOMEM);
	return filled || !error ? (int)filled : error;
}
