/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Futex sleeping, the adaptive lock, detached threads.
 *
 * Called by workers (idle), by whoever waits for a future, and by the pool when it
 * grows. Invariant: nothing here orders memory; callers re-read their word after
 * every return, so a wake-up that comes early, late or twice is harmless.
 */
#include "base/park.h"

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
