/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POOL_INTERRUPT_H
#define POOL_INTERRUPT_H
/*
 * The word of a job that may be interrupted: who is to be signalled, and who is about to.
 *
 *   bits 0-29   thread   the worker inside its function; 0: nobody is to be signalled
 *   bit  30     ASKED    its cancellation was asked for
 *   bit  31     SENT     no signal is on its way: it was sent, or there was nobody to send it to
 *
 * The two bits are set once and stay. Who asks sets ASKED, and SENT with it if he finds no
 * thread; else he sends, and sets SENT after that. The worker adds its thread when the
 * function may be interrupted and takes it away again when it must not be any more. Both are
 * changes of this one word, so they have an order: either the one who asks finds the thread,
 * and the worker waits for SENT, or the worker finds ASKED as it comes.
 *
 * The word lies in the job's own block, which whoever asks holds: the pool may be gone. The
 * worker is there as long as he found its thread and has not set SENT.
 */
#include <ferry/pool.h>

#include <stdbool.h>
#include <time.h>

#include "base/atomic.h"

struct job;
struct worker;

#define INTERRUPT_THREAD ((uint32_t)0x3fffffff)
#define INTERRUPT_ASKED ((uint32_t)1 << 30)
#define INTERRUPT_SENT ((uint32_t)1 << 31)

/* Part of a worker; what is in it stays while its thread is in a word. */
struct interrupter {
	struct job *job;    /* which may be interrupted now; NULL: none; the worker's own */
	uint32_t thread;    /* 0: it has run no such job */
	int signal;
	bool has_timer;
	timer_t timer;      /* sends the signal again and again */
};

/* Part of a job's tail. */
struct interrupt {
	_Atomic uint32_t word;
	struct interrupter *worker; /* written before a thread is first in the word */
	/* The caller's own hook, in whose place interrupt_ask() is. */
	void (*on_cancel)(ferry_future *future, void *user);
	void *user;
};

/* The word as it becomes when somebody asks. */
static inline uint32_t interrupt_asked(uint32_t word)
{
	return word | INTERRUPT_ASKED | (word & INTERRUPT_THREAD ? 0 : INTERRUPT_SENT);
}

/* Somebody is about to send. */
static inline bool interrupt_is_underway(uint32_t word)
{
	return word & INTERRUPT_ASKED && !(word & INTERRUPT_SENT);
}

/* Gives the signal to the library: 0 or a negative errno. */
int interrupt_prepare(int signal);
/* Of a job that is being made. */
void interrupt_init(struct interrupt *interrupt, const ferry_job_options *options);
/* The job's on_cancel. */
void interrupt_ask(ferry_future *future, void *user);
/* Around the function of a job that may be interrupted, on a worker of its pool. */
void interrupt_begin(struct job *job);
void interrupt_end(void);
/* Around what is run inside of another job's function, on any thread: the job to go on with. */
struct job *interrupt_pause(void);
void interrupt_resume(struct job *job);
/* The worker leaves. */
void interrupt_leave(struct worker *worker);

#endif
