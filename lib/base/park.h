/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_PARK_H
#define BASE_PARK_H
/*
 * Sleeping, waking, locking and making threads: all of it, so that a test build can
 * put a scheduler in its place (base/seam.h).
 *
 * park_wait() sleeps while a word has an expected value; park_wake() wakes who
 * sleeps on it, and uses only the word's address: the sleeper may have returned and
 * its stack be gone. Neither carries any ordering: the word does.
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rcu.h"

struct lock {
	pthread_mutex_t mutex;
};

/* Adaptive: the sections are some tens of instructions, shorter than a sleep. */
void lock_init(struct lock *lock);
void lock_destroy(struct lock *lock);

#ifdef FERRY_SEAM
#include "base/seam.h"
#define park_wait seam_wait
#define park_wake seam_wake
#define park_pause seam_pause
#define park_yield seam_pause
#define lock_acquire(lock) seam_lock(lock)
#define lock_try(lock) seam_lock_try(lock)
#define lock_release(lock) seam_unlock(lock)
#define thread_start seam_thread_start
#else

/* 0 if woken, changed or interrupted: look again; -ETIMEDOUT at the deadline. */
int park_wait(const _Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns);
void park_wake(const _Atomic uint32_t *word, int count);

/* One step of a bounded poll. */
static inline void park_pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield");
#endif
}

/* Gives way to a thread that waits for this CPU, if there is one. */
static inline void park_yield(void)
{
	sched_yield();
}

static inline void lock_acquire(struct lock *lock)
{
	pthread_mutex_lock(&lock->mutex);
}

static inline int lock_try(struct lock *lock)
{
	return -pthread_mutex_trylock(&lock->mutex);
}

static inline void lock_release(struct lock *lock)
{
	pthread_mutex_unlock(&lock->mutex);
}

/*
 * A detached thread with all signals but the synchronous ones blocked; @stack_bytes
 * 0 means the system's default. 0 or a negative errno, and then nothing was started.
 */
int thread_start(void *(*main)(void *), void *argument, size_t stack_bytes);
#endif

/*
 * Yielding while polling a stack. Recent kernels charge a thread that yields for the rest
 * of its time slice, so beside a thread that never yields it may not run again for many
 * of them. One that took long and found nothing, or took very long, ends yielding, and
 * with it polling, for a while; the next one soon after for twice as long.
 */
struct yielding {
	uint64_t not_before_ns, pause_ns;
};

static inline bool yielding_allowed(const struct yielding *yielding, uint64_t now_ns)
{
	return now_ns >= yielding->not_before_ns;
}

/* Yields while @awaited is empty: what time it is afterwards. */
uint64_t yielding_once(struct yielding *yielding, uint64_t now_ns, struct stack *awaited);

/* Waits for another thread to do a few instructions: pause, and give way now and then. */
void park_spin(unsigned *turn);

#endif
