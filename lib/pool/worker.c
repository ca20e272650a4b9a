/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A worker: take a job, run it, look for the next, poll a little, sleep.
 *
 * One thread each (steps "work" and "complete" of a request). Before it the queue
 * hands a job out; after it the future's waiters are notified on this thread.
 * Invariant: nobody enters a call while unclaimed work exists, somebody could be woken
 * or made for it and nobody is searching (P7); a result is posted before the next call
 * begins, and only the ring of a brief lane may be owed meanwhile (P9).
 */
#include "pool/core.h"

#include "base/clock.h"
#include "base/process.h"

#include <stdio.h>
#include <sys/prctl.h>

/* Polling pays if the next job comes soon. A hit fills the credit, each miss takes one;
 * at 0 nobody polls until a sleeper was roused so soon that polling would have paid. */
#define POLL_CREDIT_MOST 64
#define POLL_CREDIT_RETRY 8
#define POLL_WORTH 10
/* A ring that was owed for longer was held back by a job that did block. */
#define LATE_RING_NS 1000000u

static unsigned bucket_of(uint64_t ns)
{
	unsigned bucket = 63 - (unsigned)__builtin_clzll(ns | 1);

	return bucket < FERRY_HISTOGRAM_BUCKETS ? bucket : FERRY_HISTOGRAM_BUCKETS - 1;
}

void worker_count(struct tally *tally, struct ferry_lane *lane, const struct job_run *run)
{
	struct times *times = &lane->times;

	if (!run->sampled)
		return;
	atomic_count(&tally->sampled, 1);
	atomic_count(&tally->wait_ns[bucket_of(run->wait_ns)], 1);
	atomic_count(&tally->run_ns[bucket_of(run->run_ns)], 1);
	/* Relaxed, all: numbers to show. Other workers run jobs of this lane. */
	atomic_add_relaxed(&times->sampled, 1);
	atomic_add_relaxed(&times->wait_ns_sum, run->wait_ns);
	atomic_add_relaxed(&times->run_ns_sum, run->run_ns);
	atomic_add_relaxed(&times->wait_ns[bucket_of(run->wait_ns)], 1);
	atomic_add_relaxed(&times->run_ns[bucket_of(run->run_ns)], 1); /* as above */
}

/* ---- rings that are owed (P9) ---- */

static void pay(struct worker *worker)
{
	if (!worker->debt_since)
		return;
	if (clock_now() - worker->debt_since > LATE_RING_NS)
		atomic_count(&worker->tally.late_rings, 1);
	worker->debt_since = 0;
	debt_pay(&thread_self()->debt);
}

/* After a job: was a ring put off, and for how many posts now? */
static void look_at_debt(struct worker *worker)
{
	struct debt *debt = &thread_self()->debt;

	debt->allowed = false;
	if (!debt->creditor) {
		worker->debt_since = 0;
	} else if (!worker->debt_since) {
		worker->debt_since = clock_now();
		worker->debtor = worker->lane;
	}
	if (debt->posts >= HAND_MOST)
		pay(worker);
}

/* ---- running ---- */

/* The job will run: the last moment to see that others find what is left. */
static void started(void *user)
{
	struct worker *worker = user;
	struct core *core = worker->core;

	/* [count] release, partner: stats.c: ended is never seen to be more than started. */
	atomic_count_release(&worker->tally.started, 1);
	/* A job that blocks delays results of its own lane at most. */
	if (!worker->lane->brief || worker->lane != worker->debtor)
		pay(worker);
	crew_end_search(core, worker);
	/* [sleep-submit] The load comes after our change of the crew, if we made one. */
	if ((worker->more || queue_has_work(core)) &&
	    crew_needs_waking(atomic_load_seq_cst(&core->crew),
			      atomic_load_relaxed(&core->limit))) /* Relaxed: see crew.c. */
		crew_wake(core);
	worker->nested++;
}

/* The worker may have been freed with its pool, so it is the thread that is asked. */
void worker_end_in_child(void)
{
	if (!thread_self()->helper)
		process_end_thread();
}

/* Its place is free from here on for who looks for one; we give it back ourselves when we come
 * for the next job. */
static void end_place(struct worker *worker, enum through through)
{
	/* [lane-place] release, partner: place_collect(): what the job wrote is seen by the next
	 * of its lane. */
	atomic_store_release(&worker->through, (uint8_t)through);
}

/* Its function has returned. The search begins before the result is posted: who sees
 * the result and submits the next job then finds us about to look for it. */
static void ended(void *user, const struct job_run *run)
{
	struct worker *worker = user;

	/* The function forked, and returns in the child: there is no pool to go back to (P6). */
	worker_end_in_child();
	worker->nested--;
	/* [count] release, partner: stats.c: ended is never seen to be more than started. */
	atomic_count_release(&worker->tally.ended, 1);
	thread_self()->debt.allowed = worker->lane->brief;
	worker_count(&worker->tally, worker->lane, run);
	end_place(worker, THROUGH_RAN);
	crew_begin_search(worker->core, worker);
}

static void run(struct worker *worker, const struct handout *out)
{
	struct job_run run;

	worker->lane = out->lane;
	worker->more = out->more;
	worker->job = out->job;
	run = job_run(out->job, started, ended, worker);
	worker_end_in_child(); /* a waiter that was told, a disposer, a release hook */
	worker->job = NULL;
	if (!run.ran) {
		/* It ended, or somebody runs it, since it was handed out: a husk. */
		lock_acquire(&worker->core->lock);
		queue_count_husk(worker->core, future_word(&out->job->future));
		lock_release(&worker->core->lock);
		end_place(worker, THROUGH_DROPPED);
		job_discard(out->job);
		worker_end_in_child();
		return;
	}
	look_at_debt(worker);
}

/* A disposer that may block is about to run, which is like entering a call. */
struct job *worker_disposing(struct helper *helper)
{
	struct worker *worker = (struct worker *)helper;
	struct job *paused = interrupt_pause();

	pay(worker);
	crew_end_search(worker->core, worker);
	queue_look(worker->core);
	return paused;
}

/* A result that nobody took was handed over by a thread that must not block. */
static void destroy(struct worker *worker, struct ferry_future *future)
{
	atomic_count(&worker->tally.disposed, 1);
	future_drop_outcome(future);
	worker_end_in_child();
	future_free(future);
	end_place(worker, THROUGH_RAN);
	crew_begin_search(worker->core, worker);
}

/* ---- polling ---- */

static bool look_often(struct core *core)
{
	for (int i = 0; i < 32; i++) {
		if (!stack_looks_empty(&core->submissions))
			return true;
		park_pause();
	}
	return false;
}

/* Looks for the next job for a moment before it sleeps. It gives way between looks, so
 * that the loop, which submits it, gets this CPU if it waits for it. */
static bool poll(struct worker *worker)
{
	struct core *core = worker->core;
	/* Relaxed, here and below: a hint about how well polling pays. */
	int credit = atomic_load_relaxed(&core->poll_credit);
	uint64_t now, deadline;

	if (!core->may_poll || credit <= 0)
		return false;
	now = clock_now();
	if (!yielding_allowed(&worker->yielding, now))
		return false;
	if (!worker->searching) {
		worker->searching = true;
		atomic_add_seq_cst(&core->crew, CREW_SEARCHING); /* [sleep-submit] see crew.c */
	}
	/* More than there are CPUs would only be in each other's way. Relaxed: a hint. */
	if (crew_searching(atomic_load_relaxed(&core->crew)) > core->cpus)
		return false;
	atomic_count(&worker->tally.polls, 1);
	deadline = now + core->spin_ns;
	do {
		if (look_often(core)) {
			/* Relaxed: a hint. */
			atomic_store_relaxed(&core->poll_credit, POLL_CREDIT_MOST);
			return true;
		}
		now = yielding_once(&worker->yielding, now, &core->submissions);
	} while (now < deadline);
	atomic_store_relaxed(&core->poll_credit, credit - 1); /* Relaxed: a hint. */
	return false;
}

/* True to go on, false to leave. */
static bool sleep_or_leave(struct worker *worker)
{
	struct core *core = worker->core;
	uint64_t begun = core->may_poll ? clock_now() : 0;

	if (!crew_sleep(core, worker))
		return false;
	/* Relaxed: a hint. */
	if (core->may_poll && atomic_load_relaxed(&core->poll_credit) <= 0 &&
	    clock_now() - begun < POLL_WORTH * core->spin_ns)
		atomic_store_relaxed(&core->poll_credit, POLL_CREDIT_RETRY);
	return true;
}

/* ---- the thread ---- */

static void work(struct worker *worker)
{
	while (!crew_retire(worker->core, worker)) {
		struct handout out = queue_take(worker->core, worker);

		worker_end_in_child(); /* it discarded husks */
		if (out.job) {
			run(worker, &out);
			continue;
		}
		if (out.disposal) {
			destroy(worker, out.disposal);
			continue;
		}
		pay(worker);
		if (poll(worker))
			continue;
		if (!sleep_or_leave(worker))
			break;
	}
	pay(worker);
}

/* "name-number", the whole at most 15 bytes, the number never cut. */
static void name_thread(const struct worker *worker)
{
	char number[16], name[32];
	int digits = snprintf(number, sizeof(number), "-%u", worker->number);

	snprintf(name, sizeof(name), "%.*s%s", 15 - digits, worker->core->name, number);
	prctl(PR_SET_NAME, name);
}

static void add_tally(struct tally *to, struct tally *from)
{
	_Atomic uint64_t *sum = (_Atomic uint64_t *)to, *part = (_Atomic uint64_t *)from;

	/* Relaxed: under the lock, and the owner is the caller. */
	for (size_t i = 0; i < sizeof(*to) / sizeof(*sum); i++)
		atomic_count(&sum[i], atomic_load_relaxed(&part[i]));
}

/* The last one out leaves no result behind that was handed over as it left (F7). What disposes of
 * it is still on a worker: the pool ends only with this one (P5). */
static void lock_for_leaving(struct core *core)
{
	for (;;) {
		lock_acquire(&core->lock);
		if (core->live > 1)
			return;
		queue_splice(core);
		if (!core->disposals.first)
			return;
		lock_release(&core->lock);
		if (!shutdown_dispose_all(core))
			process_end_thread();
	}
}

/* The last of it: the counters are handed over, and a shutdown that waits is told. */
static void leave(struct worker *worker)
{
	struct core *core = worker->core;

	lock_for_leaving(core);
	thread_self()->helper = NULL;
	add_tally(&core->left, &worker->tally);
	cds_list_del(&worker->member);
	core->live--;
	lock_release(&core->lock);
	interrupt_leave(worker);
	memory_free(worker);
	/* [leave-shutdown] acq_rel, partner: shutdown.c. Our last use of the caller's data
	 * (the stop hook) happens before shutdown returns. */
	atomic_add_acq_rel(&core->departures, 1);
	park_wake(&core->departures, INT32_MAX);
	core_unref(core);
}

/* Gives up its place in the crew because it cannot work at all. */
static void resign(struct worker *worker)
{
	shutdown_break(worker->core);
	worker_end_in_child();
	atomic_add_seq_cst(&worker->core->crew, /* [sleep-submit] see crew.c */
			   -(CREW_THREAD + (worker->searching ? CREW_SEARCHING : 0)));
	worker->searching = false;
}

/* Its start hook, which may take long: nobody who sleeps is left asleep meanwhile
 * because this worker is about to look. */
static bool start(struct worker *worker)
{
	struct core *core = worker->core;
	bool started;

	crew_end_search(core, worker);
	/* [sleep-submit] The load comes after our change of the crew. */
	if (crew_sleeping(atomic_load_seq_cst(&core->crew)))
		queue_look(core);
	started = core->options.start(core->options.user) == 0;
	worker_end_in_child();
	return started;
}

/* The hooks are those of whoever has the pool, and nobody's once it is freed (P5). */
static bool may_call_hooks(struct core *core)
{
	bool may;

	lock_acquire(&core->lock);
	may = !core->forsaken;
	lock_release(&core->lock);
	return may;
}

void *worker_main(void *argument)
{
	struct worker *worker = argument;
	const ferry_pool_options *options = &worker->core->options;

	name_thread(worker);
	thread_self()->helper = &worker->helper;
	atomic_add_seq_cst(&worker->core->crew, -CREW_UNBORN); /* [sleep-submit] see crew.c */
	if (options->start && may_call_hooks(worker->core) && !start(worker)) {
		resign(worker);
	} else {
		work(worker);
		if (options->stop && may_call_hooks(worker->core))
			options->stop(options->user);
		worker_end_in_child();
	}
	leave(worker);
	return NULL;
}
