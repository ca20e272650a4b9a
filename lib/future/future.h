/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUTURE_FUTURE_H
#define FUTURE_FUTURE_H
/*
 * The concurrent future as the floors above see it.
 *
 * One node serves four purposes, in this order of life: it links the job in its
 * pool's queue, then it is the bridge's waiter, then the post in its loop's inbox,
 * then the entry in the loop's ready list.
 */
#include <errno.h>
#include <ferry/future.h>

#include "base/atomic.h"
#include "base/process.h"
#include "future/word.h"

/* Who runs blocking disposers: a pool, as far as this floor knows it. Counted. */
struct home {
	/* Takes the future, to be destroyed on a worker: true; false: do it yourself. */
	bool (*hand_over)(struct home *home, struct ferry_future *future);
	struct home *(*ref)(struct home *home);
	void (*unref)(struct home *home);
};

enum future_flag {
	FUTURE_JOB = 1,      /* a pool or an executor completes it, nobody else may */
	FUTURE_BRIDGED = 2,  /* part of a local: its node is its only waiter, from birth */
	FUTURE_SAMPLED = 4,  /* the job's submitted_ns is set and its times are counted */
	FUTURE_DISPOSAL = 8, /* in the pool's queue only to be destroyed */
	FUTURE_UNWRAPPED = 16, /* a loop completes it, from a task or a local, nobody else may */
	FUTURE_INTERRUPTIBLE = 32, /* a job that is signalled if it is cancelled while it runs */
	FUTURE_ROOM = 64     /* the job has reserved room in its lane */
};

struct ferry_future {
	struct ferry_waiter node;
	union {
		ferry_result result; /* done with a result */
		struct {
			const ferry_error *exception; /* done with an exception */
			void (*function)(void);       /* not done, FUTURE_JOB: what floor 3 calls */
		};
	};
	_Atomic uintptr_t word;
	/* A worker reads and writes the first cache line of a block, and no other. */
	union {
		struct home *home; /* a job's: compared by its own workers, used only if homed */
		void *bridge;      /* FUTURE_BRIDGED: what floor 4 posts to; its home lies behind */
	};
	_Atomic uint32_t refs;
	uint8_t flags;      /* written before it is shared; FUTURE_DISPOSAL by its last holder */
	uint8_t tail;       /* where the tail lies, in units of 8 bytes from here; 0: none */
	uint8_t lane;       /* which of its pool's lanes it is in */
	_Atomic uint8_t generation; /* of the process that made it, cut; see future.c, forks */
};
_Static_assert(sizeof(struct ferry_future) <= 64, "a future alone fits a cache line");

/* Where a bridged one has its home: in the block's second cache line. */
#define FUTURE_HOME_OFFSET 72

static inline struct home **future_home_place(const struct ferry_future *future)
{
	char *block = (char *)future;

	return future->flags & FUTURE_BRIDGED ? (struct home **)(block + FUTURE_HOME_OFFSET)
					      : (struct home **)&future->home;
}

static inline struct home *future_home(const struct ferry_future *future)
{
	return *future_home_place(future);
}

#define NAME_ROOM 32

/* What is rarely asked for. */
struct future_tail {
	void (*on_cancel)(struct ferry_future *future, void *user);
	void *user;
	/* Called once by the one who completes it before it ran (cancel, expiry, a broken
	 * pool): what the function would have read is free. NULL: nothing to do. Of one that is
	 * FUTURE_UNWRAPPED: called before its block is freed. */
	void (*dropped)(struct ferry_future *future);
	uint64_t deadline_ns; /* of a job that is queued; FERRY_NO_DEADLINE: none */
	char name[NAME_ROOM];
};

static inline struct future_tail *future_tail(struct ferry_future *future)
{
	return future->tail ? (struct future_tail *)((uint64_t *)future + future->tail) : NULL;
}

/* Is there somebody whose business it is to complete it? Then nobody else may. */
static inline bool future_is_assigned(const struct ferry_future *future)
{
	return future->flags & (FUTURE_JOB | FUTURE_UNWRAPPED);
}

/* One whose completer was left behind in a fork: nobody will complete it here (P6). */
static inline bool future_is_orphan(const struct ferry_future *future)
{
	/* Relaxed: it changes only where this does not (future.c, forks). */
	return future_is_assigned(future) &&
	       atomic_load_relaxed((_Atomic uint8_t *)&future->generation) !=
		       (uint8_t)process_generation;
}

/* Sets every field but node and result. */
void future_init(struct ferry_future *future, struct home *home, unsigned flags, uint32_t refs);

/* [complete-snapshot] acquire: see future.c. The fields may be read if it is done. */
static inline uintptr_t future_word(const struct ferry_future *future)
{
	return atomic_load_acquire((_Atomic uintptr_t *)&future->word);
}

ferry_snapshot future_snapshot_of(const struct ferry_future *future, uintptr_t word);

/* PENDING -> RUNNING: 0, or the word that refused. */
uintptr_t future_set_running(struct ferry_future *future);

/* The one who runs a job ends it. Only the outcome's own argument is looked at. */
void future_finish(struct ferry_future *future, enum word_outcome outcome, ferry_result result,
		   const ferry_error *exception);

/*
 * As future_finish(), by one of several who may try: the outcome's fields are written
 * under LIST, by the one who will publish them. 0, -EALREADY if it was done, -ECHILD if
 * LIST is held by a thread that a fork left behind.
 */
int future_complete_held(struct ferry_future *future, enum word_outcome outcome,
			  ferry_result result, const ferry_error *exception);

/*
 * A queued job ends with an exception: true if this call did it; false if it was done
 * or had begun to run.
 */
bool future_expire(struct ferry_future *future, const ferry_error *error);
/* The same for a queued future whose only waiter is the caller's own. */
bool future_expire_silently(struct ferry_future *future, const ferry_error *error);

/* Cancels a queued future whose only waiter is the caller's own: 1, 0 or -EALREADY. */
int future_cancel_silently(struct ferry_future *future);

/*
 * Does it hold a reference to its home? A promise does from the beginning; a job from
 * when its function gave a result that only the pool can dispose of.
 */
bool future_is_homed(const struct ferry_future *future);

/* Gives a result that nobody took to its disposer, which it has, and counts that. */
void future_dispose_result(const ferry_result *result);
/* Drops what a done future owns: an untaken result, an exception, its home. */
void future_drop_outcome(struct ferry_future *future);
/* Drops a reference; a disposer that may block runs at its home, if it has one. */
void future_forget(struct ferry_future *future);
/* A value that nobody disposes of, and no home is held for it: there is nothing to be dropped. */
static inline bool future_owns_nothing(const struct ferry_future *future)
{
	uintptr_t word = future_word(future);

	return word_is_done(word) && word_outcome(word) == WORD_RESULT &&
	       !future->result.disposer &&
	       (future->flags & FUTURE_JOB || !future_home(future));
}
/* True if its disposer must not run on this thread and there is a home to run it. */
bool future_must_hand_over(const struct ferry_future *future);
/* Frees the block, whatever its kind. */
void future_free(struct ferry_future *future);

#endif
