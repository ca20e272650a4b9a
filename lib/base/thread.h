/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H
/*
 * What the library knows of the calling thread.
 *
 * A lower floor learns from here what a higher one made of the thread: that it is a
 * loop's (so it must not block), that it is a worker (so a wait can help instead of
 * blocking), and that a worker in a brief lane may put off ringing a loop.
 * Only the thread itself reads and writes its own.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ferry_future;
struct job;

/* How a worker takes part in a wait: the pool fills it in, floor 2 calls it (P4). */
struct helper {
	/* Runs the awaited job here if that is allowed: true if it is done now. */
	bool (*run)(struct helper *helper, struct ferry_future *future);
	/* The worker's place may be used by another thread until it is taken back. */
	void (*lend)(struct helper *helper);
	/* While it is lent: tries again to have somebody look for work that waits, if that failed.
	 * By when to do so once more, FERRY_NO_DEADLINE if it need not be. */
	uint64_t (*look)(struct helper *helper);
	void (*reclaim)(struct helper *helper);
	/* A disposer that may block is about to run on the worker; it has run: what it is inside
	 * of is not interrupted meanwhile. */
	struct job *(*disposing)(struct helper *helper);
	void (*disposed)(struct helper *helper, struct job *paused);
};

/* A ring that is owed to a sleeping loop (P9). */
struct debt {
	bool allowed;       /* the job that completes now is of a brief lane */
	unsigned posts;     /* since the oldest unpaid one */
	void *creditor;     /* the loop, held; NULL: nothing is owed */
	void (*pay)(void *creditor);
};

struct thread {
	uint64_t number;       /* given with its first loop; 0: has made none */
	unsigned loops;        /* loops that belong to this thread */
	unsigned samples;      /* jobs submitted, for choosing which are timed */
	struct helper *helper; /* set on a worker */
	struct job *job;       /* inside whose function it is; nested runs put the outer one back */
	struct debt debt;
};

#ifdef FERRY_SEAM
#include "base/seam.h"
#define thread_self seam_thread_self
#else
/* Initial-exec: a few bytes of the static reserve, and no call to find them. */
extern __thread struct thread thread_here __attribute__((tls_model("initial-exec")));

static inline struct thread *thread_self(void)
{
	return &thread_here;
}
#endif

static inline void debt_pay(struct debt *debt)
{
	void *creditor = debt->creditor;

	if (creditor) {
		debt->creditor = NULL;
		debt->posts = 0;
		debt->pay(creditor);
	}
}

#endif
