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
#define LANES_BUILT_IN (FERRY_LANE_CPU + 1)
#define NESTED_MOST 16
/* Results that a brief lane's worker may post before it pays the ring it owes (P9). */
#define HAND_MOST 16

/* Room for jobs that wait, in a lane or in the whole pool. See room.c. */
struct room {
	_Atomic size_t most;   /* 0: no limit */
	_Atomic size_t taken;  /* reserved before the push, if there was a limit */
	_Atomic size_t others; /* jobs that wait without, as they came before the limit */
	_Atomic size_t full;   /* how often there was none since somebody looked for husks */
};

/* Counters of jobs that were timed, a few of all. */
struct times {
	_Atomic uint64_t sampled, wait_ns_sum, run_ns_sum;
	_Atomic uint64_t wait_ns[FERRY_HISTOGRAM_BUCKETS], run_ns[FERRY_HISTOGRAM_BUCKETS];
};

/* Jobs of one kind, first in, first out. Under the core's lock, unless it is said. */
struct ferry_lane {
	struct core *core; /* what its handle holds */
	struct cds_list_head turn; /* among those that take turns; empty: not there */
	struct chain queue;
	size_t queued;
	uint64_t accepted, ran;
	unsigned held;     /* workers that run its jobs */
	unsigned beside;   /* jobs inside their function that keep no worker from others */
	unsigned max_running, reserved; /* 0: not limited; none */
	bool follows;          /* its limit is the default, and goes with max_threads */
	bool brief;            /* does not change while it has jobs */
	_Atomic uint8_t ended; /* its handle was freed */
	_Atomic unsigned held_back; /* who will yet submit to it, handle or not */
	bool over;             /* and that was seen before a splice */
	uint8_t number;
	char name[16];
	_Alignas(CACHE_LINE) struct room room; /* read by every submit */
	_Alignas(CACHE_LINE) struct times times; /* written without the lock */
};

/* Counters with one writer: the thread that runs the jobs. */
struct tally {
	_Atomic uint64_t started, ended, sampled, late_rings, disposed, polls;
	_Atomic uint64_t wait_ns[FERRY_HISTOGRAM_BUCKETS], run_ns[FERRY_HISTOGRAM_BUCKETS];
};

/* What a worker says of the job in whose place it is. */
enum through {
	THROUGH_NOT, /* it is inside, or about to be */
	THROUGH_RAN,
	THROUGH_DROPPED /* it did not run */
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
	struct job *job;             /* the same job, while its function runs; its own */
	struct ferry_lane *held;     /* whose place it has; under the lock; NULL: none */
	_Atomic uint8_t through;     /* what became of its job: enum through */
	struct ferry_lane *debtor;   /* of the job whose ring it owes */
	bool more;                   /* unclaimed work was left when it took that job */
	struct yielding yielding;
	struct interrupter interrupter;
	uint64_t debt_since;         /* when the ring it owes was put off; 0: it owes none */
	struct tally tally;
};

/* A thread that runs a job which it submitted to a full queue; on its stack. */
struct caller {
	struct cds_list_head link; /* among the core's callers */
	struct ferry_lane *lane;
	struct thread *thread;
};

/* A thread that takes jobs out of the queue to end them, or disposes of what was left, and is no
 * worker; on its stack. */
struct ender {
	struct cds_list_head link; /* among the core's enders, or disposing */
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
	_Atomic unsigned limit; /* max_threads and the places lent by workers that wait (P4) */
	_Atomic unsigned min_threads;
	struct room room;       /* for what is queued in all lanes */
	_Atomic uint32_t refs;
	_Atomic uint32_t departures; /* what a shutdown parks on: workers that left */
	_Atomic int poll_credit;     /* how well polling paid lately: see worker.c */

	_Alignas(CACHE_LINE) struct lock lock;
	_Atomic uint8_t ready;  /* a worker that came now would be given something; written
				   under the lock */
	size_t queued;          /* jobs in all lanes */
	unsigned held;          /* workers that run a job or a disposer, and do not wait in it */
	unsigned reserved;      /* workers that are reserved, of all lanes */
	unsigned unspent;       /* of these, those that their lanes do not use now */
	struct cds_list_head turns;   /* lanes with work and below their limit, the next first */
	struct chain disposals;       /* futures to be destroyed on a worker */
	struct cds_list_head workers, idle;
	struct cds_list_head room_waiters;
	struct cds_list_head callers; /* submitters that run their job themselves */
	unsigned max_threads, live, next_number;
	unsigned lent;                /* places lent, part of limit */
	unsigned held_up;             /* of these, those lent by others than who has them */
	unsigned overdrawn;           /* taken back while none was free; part of it, too */
	bool broken;
	bool forsaken;                /* its handle was freed */
	bool sealed;                  /* shut down: what is queued now will be refused */
	struct cds_list_head enders;  /* who took queued jobs out to end them */
	struct cds_list_head disposing; /* who disposes of what was left */
	unsigned disposers;           /* how many do, or are about to */
	uint64_t accepted, cancelled, expired, failed, wakeups;
	struct tally left;            /* of workers that are gone */
	_Atomic uint64_t caller_started, caller_ended; /* jobs run by who submitted them */

	_Atomic uint64_t refused;
	_Atomic uint64_t spawn_failures;
	_Atomic uint64_t spawn_after_ns; /* no new thread is tried before that */

	struct ferry_lane *lanes[LANES_MOST + 1]; /* by number; under the lock */
	struct ferry_lane built_in[LANES_BUILT_IN]; /* the first of them */
	struct ferry_lane disposer; /* not one of them: whose place a worker has that disposes */
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
/* The worker gives back the place of the job that it ran before. */
struct handout queue_take(struct core *core, struct worker *worker);
/* Moves what was submitted to its lanes. Under the lock; whoever does not take from the
 * queue then calls queue_tell() after releasing it. */
void queue_splice(struct core *core);
/* Appends one job. Under the lock, after a splice, before place_settle(). */
void queue_append(struct core *core, struct job *job);
/* Takes everything out, for shutdown; husks are counted and dropped. From then on the thread is
 * among the enders. */
void queue_empty(struct core *core, struct chain *out, struct ender *ender);
/* Takes one job out again that was just submitted to that lane, without looking into it:
 * true if it was still there. Under the lock, after a splice. */
bool queue_withdraw(struct core *core, struct job *job, struct ferry_lane *lane);
/* Drops what is done already from a lane, which frees room; NULL: from all lanes. */
void queue_purge(struct core *core, struct ferry_lane *lane);
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

/* ---- place.c ---- all but what says so under the lock */

/* Puts a lane among those that take turns, or out of them, as its jobs and its limit say. */
void place_turn(struct core *core, struct ferry_lane *lane);
/* The lane that may hand out next, NULL if none may. */
struct ferry_lane *place_next(struct core *core);
/* May a worker dispose of something? */
bool place_may_dispose(struct core *core);
/* To be called when turns, places or disposals have changed, before the lock is released: says
 * whether there is work for a worker that comes now. Who may have made some looks at the crew
 * afterwards. */
void place_settle(struct core *core);
/* A worker is about to run a job of a lane; it has no place. */
void place_take(struct core *core, struct worker *worker, struct ferry_lane *lane);
/* It gives its place back, if it has one. */
void place_return(struct core *core, struct worker *worker);
/* Gives back the places of jobs that are through, for workers that are on their way. */
void place_collect(struct core *core);
/* Waits in its job, and keeps no worker from others meanwhile; goes on, which may overdraw. */
void place_lend(struct core *core, struct worker *worker);
void place_reclaim(struct core *core, struct worker *worker);
/*
 * The same of a job whose function is held up, by who sees that: it is inside, in the place of a
 * worker (helper_has_place()), and cannot return meanwhile. As many at a time as the pool has
 * threads: false if that is so. Both take the lock.
 */
bool place_lend_held_up(struct core *core, struct ferry_lane *lane);
void place_reclaim_held_up(struct core *core, struct ferry_lane *lane);
/* How many threads the pool may have, without those that stand in for others. Takes the lock. */
unsigned place_most(struct core *core);
/* May a pool of so many threads have so many reserved? */
bool place_fits(unsigned max_threads, unsigned reserved);
/* Changes how many workers are a lane's alone. */
void place_reserve(struct core *core, struct ferry_lane *lane, unsigned reserved);
/* One more job of a lane is about to run outside of queue_take(): false if it must not. Takes
 * the lock. */
bool place_claim(struct core *core, struct ferry_lane *lane);
/* The caller is about to run a job of a lane himself: 1, or why he must not. Takes the lock. */
int place_enter_caller(struct core *core, struct ferry_lane *lane, struct caller *caller);
/* What place_claim() or place_enter_caller() took: true if others can be handed out for it, so
 * that somebody must look at the crew. Takes the lock. */
bool place_release(struct core *core, struct ferry_lane *lane, bool ran);

/* ---- room.c ---- */

/* Reserves room for a job in its lane and in the pool: NULL, or which one is full. */
struct room *room_reserve(struct core *core, struct ferry_lane *lane, struct job *job);
/* Blocks until it is reserved: 0, -ETIMEDOUT or -ESHUTDOWN. */
int room_wait(struct core *core, struct ferry_lane *lane, struct job *job, uint64_t deadline_ns);
/* A job has left its lane. Under the lock. */
void room_free(struct core *core, struct ferry_lane *lane, struct job *job);
/* A job has come into its lane. Under the lock. */
void room_enter(struct ferry_lane *lane, struct job *job);
/* Changes the limit of a lane. Under the lock, after a splice. */
void room_limit(struct core *core, struct ferry_lane *lane, size_t most);
/* Wakes everybody who waits for room, to try again. Under the lock. */
void room_wake_all(struct core *core);

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
void worker_count(struct tally *tally, struct ferry_lane *lane, const struct job_run *run);
/* To be called where something of the user's has returned on a worker's thread: in the child of
 * a fork that it made there is no pool to go back to, and the thread ends (P6). */
void worker_end_in_child(void);
/* The helper's way of hearing that the worker is about to block outside of a job. */
struct job *worker_disposing(struct helper *helper);

/* ---- helper.c ---- */

/* Sets the worker up to take part in waits (P4). */
void worker_helper(struct worker *worker);
/* The pool that this thread is a worker of, NULL if of none. */
struct core *worker_core(void);
/* Does this thread run the job as a worker does, in a place of its own, which can be lent? Not if
 * it is nested, or run by who submitted it. */
bool helper_has_place(const struct job *job);

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

/* Makes those that every pool has. */
void lane_init_built_in(struct core *core);
/* max_threads has changed: so do limits that nobody has set. Under the lock. */
void lane_follow(struct core *core);

/* It stays, though its handle may be freed, until it is let go of: for who will submit to it later,
 * and holds the core. Called while there is a handle, or by who holds it already. */
void lane_hold(struct ferry_lane *lane);
void lane_let_go(struct ferry_lane *lane);

/* A lane as it was at one moment. */
struct lane_view {
	char name[16];
	ferry_lane_counters counters;
};
/* Looks at the lane of a number, and for queued through its jobs only if that is asked for: 1;
 * 0: its handle was freed, and it has nothing to do; -ENOENT: none has this number, nor a higher
 * one. Takes the lock. */
int lane_look(struct core *core, unsigned number, bool with_queued, struct lane_view *ret);

/* ---- helper.c ---- */

/* After max_threads, lent or overdrawn changed. Under the lock. */
static inline void core_set_limit(struct core *core)
{
	unsigned limit = core->max_threads + core->lent + core->overdrawn;

	/* Relaxed: see crew.c; a look at the crew that follows is what counts. */
	atomic_store_relaxed(&core->limit, limit < CREW_MOST ? limit : CREW_MOST);
}

/* ---- stats.c ---- */

/* How many jobs are inside their function, or in the hand of a worker. */
uint64_t stats_running(struct core *core);

/* ---- shutdown.c ---- */

/* The start hook failed: every queued job fails, and no other is accepted. */
void shutdown_break(struct core *core);
/* Runs the disposers that wait for a worker on this thread. False in the child of a fork that one
 * of them made: there nothing of the core's may be used (P6). */
bool shutdown_dispose_all(struct core *core);
/* The same in a closed pool, on threads made for that, as many as the pool may have at most. */
bool shutdown_dispose_left(struct core *core);
/* The home's way of running a disposer that may block. */
bool shutdown_hand_over(struct home *home, struct ferry_future *future);

#endif
