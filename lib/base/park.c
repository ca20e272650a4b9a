/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Futex sleeping, the adaptive lock, detached threads.
 *
 * Called by workers (idle), by whoever waits for a future, and by the pool when it
 * grows. Invariant: nothing here orders memory; callers re-read their word after
 * every return, so a wake-up that comes early, late or twice is harmless.
 */
#include "base/park.h"

#include "base/clock.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <ferry/base.h>

void lock_init(struct lock *lock)
{
	pthread_mutexattr_t attributes;

	/* Neither call can fail on Linux: the kind is known and nothing is allocated. */
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(&lock->mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

void lock_destroy(struct lock *lock)
{
	pthread_mutex_destroy(&lock->mutex);
}

/* Longer than two threads that wait for each other's work take turns. */
#define YIELD_LONG_NS 250000
/* Longer than a time slice. */
#define YIELD_VERY_LONG_NS 5000000
#define YIELD_PAUSE_LEAST_NS 20000000u
#define YIELD_PAUSE_MOST_NS 5000000000u

static void pause_yielding(struct yielding *yielding, uint64_t now_ns)
{
	/* The poll that paused it yields once or twice more: that is the same trouble. */
	if (now_ns < yielding->not_before_ns)
		return;
	/* Long ago: nothing is made of it any more. */
	if (now_ns - yielding->not_before_ns > 10 * yielding->pause_ns)
		yielding->pause_ns = YIELD_PAUSE_LEAST_NS;
	else if (yielding->pause_ns < YIELD_PAUSE_MOST_NS / 2)
		yielding->pause_ns *= 2;
	else
		yielding->pause_ns = YIELD_PAUSE_MOST_NS;
	yielding->not_before_ns = now_ns + yielding->pause_ns;
}

uint64_t yielding_once(struct yielding *yielding, uint64_t now_ns, struct stack *awaited)
{
	uint64_t after_ns, took_ns;

	park_yield();
	after_ns = clock_now();
	took_ns = after_ns - now_ns;
	if (took_ns > YIELD_VERY_LONG_NS ||
	    (took_ns > YIELD_LONG_NS && stack_looks_empty(awaited)))
		pause_yielding(yielding, after_ns);
	return after_ns;
}

void park_spin(unsigned *turn)
{
	if (++*turn % 64)
		park_pause();
	else
		park_yield();
}

#ifndef FERRY_SEAM

int park_wait(const _Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
	struct timespec deadline, *limit = NULL;

	if (deadline_ns != FERRY_NO_DEADLINE) {
		deadline.tv_sec = (time_t)(deadline_ns / 1000000000);
		deadline.tv_nsec = (long)(deadline_ns % 1000000000);
		limit = &deadline;
	}
	if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, limit, NULL,
		    FUTEX_BITSET_MATCH_ANY) < 0 &&
	    errno == ETIMEDOUT)
		return -ETIMEDOUT;
	return 0;
}

void park_wake(const _Atomic uint32_t *word, int count)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

int thread_start(void *(*main)(void *), void *argument, size_t stack_bytes)
{
	static const int synchronous[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS };
	pthread_attr_t attributes;
	sigset_t blocked, before;
	pthread_t thread;
	int error;

	error = pthread_attr_init(&attributes);
	if (error)
		return -error;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (stack_bytes)
		error = pthread_attr_setstacksize(&attributes, stack_bytes);
	if (!error) {
		/* Blocked here, so that the thread is born with the mask. */
		sigfillset(&blocked);
		for (size_t i = 0; i < sizeof(synchronous) / sizeof(*synchronous); i++)
			sigdelset(&blocked, synchronous[i]);
		pthread_sigmask(SIG_SETMASK, &blocked, &before);
		error = pthread_create(&thread, &attributes, main, argument);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_attr_destroy(&attributes);
	return -error;
}

#endif
