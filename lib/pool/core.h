/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POOL_CORE_H
#define POOL_CORE_H
/*
 * The core of a pool: what its workers share. Counted by the pool's handle, every
 * worker, every lane's handle and every result that only the pool can dispose of, so
 * that a pool can be freed while a call hangs; the last to come back frees the core
 * (P5).
 *
 *   submit --> submissions (lock-free stack) --> lanes (under the lock) --> worker
 */
#include <ferry/pool.h>

#include "base/list.h"
#include "base/memory.h"
#include "base/park.h"
#include "base/rcu.h"
#include "base/thread.h"
#include "pool/crew.h"
#include "pool/job.h"

#define THREADS_MOST 1024
#define LANES_MOST 255
#define NESTED_MOST 16
/* Results that a brief lane's worker may post before it pays the ring it owes (P9). */
#define HAND_MOST 16

/* Jobs of one kind, first in, first out. All under the core's lock. */
struct ferry_lane {
	struct core *core; /* what its handle holds */
	struct cds_list_head turn; /* among the lanes that can hand out; empty: not there */
	struct chain queue;
	size_t queued;
	unsigned running, max_running; /* max 0: not limited, and running is not kept */
	bool brief;
	_Atomic uint8_t ended; /* its handle was freed */
	bool over;             /* and that was seen before a splice */
	uint8_t number;
	char name[16];
};

/* Counters with one writer: the thread that runs the jobs. */
struct tally {
	_Atomic uint64_t started, ended, sampled, late_rings, disposed, polls;
	_Atomic uint64_t wait_ns[FERRY_HISTOGRAM_BUCKETS], run_ns[FERRY_HISTOGRAM_BUCKETS];
};

struct worker {
	struct helper helper; /* first: floor 2 gives it back to us */
	struct core *core;
	struct cds_list_head member; /* of the core's workers */
	struct cds_list_head idle;   /* of the idle list, while it sleeps */
	_Atomic uint32_t woken;      /* what it parks on */
	bool is_idle;                /* on the idle list; under the lock */
	bool searching;              /* holds a search in the crew word; its own */
	unsigned nested;             /* functions it is inside of; its own */
	unsigned number;
	struct ferry_lane *lane;     /* of the job it runs, not nested */
	struct ferry_lane *debtor;   /* of the job whose ring it owes */
	bool more;                   /* unclaimed work was left when it took that job */
	struct yielding yielding;
	uint64_t debt_since;         /* when the ring it owes was put off; 0: it owes none */
	struct tally tally;
};

/* A thread that runs a job which it submitted to a full queue; on its stack. */
struct caller {
	struct cds_list_head link; /* among the core's callers */
	struct ferry_lane *lane;
	struct thread *thread;
};

struct core {
	struct home home; /* first: a future's home is the core */
	unsigned generation;
	ferry_pool_options options; /* as completed; name and user hooks */
	char name[16];
	bool may_poll; /* more than one CPU is allowed */
	unsigned cpus;
	uint64_t spin_ns;
	unsigned sample_mask;

	_Alignas(CACHE_LINE) struct stack submissions;
	_Alignas(CACHE_LINE) _Atomic uint64_t crew;
	_Atomic unsigned limit; /* max_threads and the places lent by waiting workers (P4) */
	_Atomic unsigned min_threads;
	_Atomic size_t places;  /* queued jobs, only if max_queued */
	_Atomic size_t full;    /* how often there was none since somebody looked for husks */
	_Atomic uint32_t refs;
	_Atomic uint32_t departures; /* what a shutdown parks on: workers that left */
	_Atomic int poll_credit;     /* how well polling paid lately: see worker.c */

	_Alignas(CACHE_LINE) struct lock lock;
	_Atomic size_t ready;   /* disposals, and jobs in lanes that can hand out; written
				   under the lock */
	size_t queued;          /* jobs in all lanes */
	struct ferry_lane *lanes[LANES_MOST + 1]; /* number 0 is the ordinary one */
	struct cds_list_head turns;   /* lanes that can hand out, the next one first */
	struct chain disposals;       /* futures to be destroyed on a worker */
	struct cds_list_head workers, idle;
	struct cds_list_head room;    /* submitters that wait for a place */
	struct cds_list_head callers; /* submitters that run their job themselves */
	unsigned max_threads, live, next_number;
	unsigned lent;                /* places lent, part of limit */
	bool broken;
	bool forsaken;                /* its handle was freed */
	bool sealed;                  /* shut down: what is queued now will be refused */
	unsigned ending;              /* who took queued jobs out to end them */
	uint64_t accepted, cancelled, expired, failed, wakeups;
	struct tally left;            /* of workers that are gone */
	_Atomic uint64_t caller_started, caller_ended; /* jobs run by who submitted them */

	_Atomic uint64_t refused;
	_Atomic uint64_t spawn_failures;
	_Atomic uint64_t spawn_after_ns; /* no new thread is tried before that */
};

struct ferry_pool {
	struct home *home; /* first: ferry_future_new() finds it there */
	struct core *core;
};

/* ---- queue.c ---- */

/* What the queue gave to a worker. */
struct handout {
	struct job *job;          /* NULL: nothing to run */
	struct ferry_lane *lane;
	struct ferry_future *disposal; /* or this */
	bool more;                /* unclaimed work is left that could be handed out */
};
struct handout queue_take(struct core *core);
/* One job of a limited lane has ended. */
void queue_release_lane(struct core *core, struct ferry_lane *lane);
/* Moves what was submitted to its lanes. Under the lock; whoever does not take from the
 * queue then calls queue_tell() after releasing it. */
void queue_splice(struct core *core);
/* Appends one job. Under the lock, after a splice. */
void queue_append(struct core *core, struct job *job);
/* Takes everything out, for shutdown; husks are counted and dropped. */
void queue_empty(struct core *core, struct chain *out);
/* Takes one job out again that was just submitted to that lane, without looking into it:
 * true if it was still there. Under the lock, after a splice. */
bool queue_withdraw(struct core *core, struct job *job, unsigned number);
/* Drops what is done already from all lanes, which frees places. */
void queue_purge(struct core *core);
/* Reserves a place, where max_queued is set: false if there is none. */
bool queue_reserve(struct core *core);
/* Blocks until a place is reserved: 0, -ETIMEDOUT or -ESHUTDOWN. */
int queue_wait_for_room(struct core *core, uint64_t deadline_ns);
/* Wakes so many who wait for room. Under the lock. */
void queue_wake_room(struct core *core, unsigned count);
/* The caller is about to run a job of a lane himself: 1, or why he must not. */
int queue_enter_caller(struct core *core, struct ferry_lane *lane, struct caller *caller);
/* One more job of a lane is about to run outside of queue_take(): false if it must not. */
bool queue_claim_lane(struct core *core, struct ferry_lane *lane);
/* Could somebody find unclaimed work? Sequentially consistent: half of the cross. */
bool queue_has_work(struct core *core);
/* Wakes somebody if there is work that nobody is about to find: for who made it ready
 * without submitting it. */
void queue_look(struct core *core);
/* The same for who only moved jobs to their lanes. */
void queue_tell(struct core *core);
/* A future to be destroyed, NULL if there is none. Under the lock. */
struct ferry_future *queue_take_disposal(struct core *core);
/* Counts one that ended before it ran. Under the lock. */
void queue_count_husk(struct core *core, uintptr_t word);

/* ---- crew.c ---- */

/* Unclaimed work may have nobody about to find it: wakes or makes one worker. */
void crew_wake(struct core *core);
/* Makes one worker whose place is counted in the crew word already. */
int crew_start(struct core *core);
/* Blocks until woken for work (true), or its idle time is over and it must leave (false). */
bool crew_sleep(struct core *core, struct worker *worker);
/* Wakes every sleeper, for shutdown and resize. */
void crew_wake_all(struct core *core);
/* Gives up the search that the worker holds, if it does. */
void crew_end_search(struct core *core, struct worker *worker);
/* Holds a search, if anybody could be woken in its stead. */
void crew_begin_search(struct core *core, struct worker *worker);
/* True if there is a thread too many and this one is now counted as gone. */
bool crew_retire(struct core *core, struct worker *worker);

/* ---- worker.c ---- */

void *worker_main(void *argument);
/* Adds a timed run to the histograms. */
void worker_count(struct tally *tally, const struct job_run *run);
/* The helper's way of hearing that the worker is about to block outside of a job. */
void worker_disposing(struct helper *helper);

/* ---- helper.c ---- */

/* Sets the worker up to take part in waits (P4). */
void worker_helper(struct worker *worker);
/* The pool that this thread is a worker of, NULL if of none. */
struct core *worker_core(void);

/* ---- submit.c ---- */

/* Hands a job to the pool; 0, or the refusal, and then it was not touched. */
int submit_job(struct core *core, struct job *job, const ferry_job_options *options);
/* Reads and checks the options of a job: 0 or a negative errno. */
int submit_read_options(struct core *core, const ferry_job_options *given,
			ferry_job_options *options);
/* -ECHILD after a fork, -EINVAL for NULL, else 0. */
int submit_check(const struct ferry_pool *pool);

/* ---- pool.c ---- */

void core_unref(struct core *core);
static inline struct core *core_of(struct home *home)
{
	return (struct core *)home;
}

/* ---- lane.c ---- */

/* Options NULL: the ordinary lane. 0 or -ENOMEM. */
int lane_new(struct core *core, const ferry_lane_options *options, struct ferry_lane **ret);

/* ---- helper.c ---- */

/* After max_threads or lent changed. Under the lock. */
static inline void core_set_limit(struct core *core)
{
	unsigned limit = core->max_threads + core->lent;

	/* Relaxed: see crew.c; a look at the crew that follows is what counts. */
	atomic_store_relaxed(&core->limit, limit < CREW_MOST ? limit : CREW_MOST);
}

/* ---- stats.c ---- */

/* How many jobs are inside their function, or in the hand of a worker. */
uint64_t stats_running(struct core *core);

/* ---- shutdown.c ---- */

/* The start hook failed: every queued job fails, and no other is accepted. */
void shutdown_break(struct core *core);
/* Runs the disposers that wait for a worker on this thread. */
void shutdown_dispose_all(struct core *core);
/* The same in a closed pool, on a thread that may be a loop's: then elsewhere, unless a worker
 * is left that does it. */
void shutdown_dispose_left(struct core *core);
/* The home's way of running a disposer that may block. */
bool shutdown_hand_over(struct home *home, struct ferry_future *future);

#endif
