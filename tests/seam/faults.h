/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SEAM_FAULTS_H
#define SEAM_FAULTS_H
/*
 * The real machine, in which the n-th call of a kind fails.
 *
 *   fault_begin(FAULT_MEMORY, 2, -ENOMEM, false);     the second one from here on
 *   error = ferry_pool_new(NULL, &pool);
 *   failed = fault_end();                             how many did fail: 0 or 1
 *
 * Counted are the calls of all threads. What the library holds of memory and of
 * descriptors is counted as well, so that a leak shows without a sanitizer.
 */
#include <stdbool.h>
#include <stdint.h>

struct gate;

enum fault_kind {
	FAULT_MEMORY,
	FAULT_THREAD,
	FAULT_EVENTFD,
	FAULT_TIMERFD, /* in the place of an eventfd */
	FAULT_EPOLL_CREATE,
	FAULT_EPOLL_CTL,
	FAULT_EPOLL_WAIT,
	FAULT_WRITE,
	FAULT_SIGACTION,
	FAULT_SIGNAL,
	FAULT_TIMER_CREATE,
	FAULT_TIMER_SET,
};

/* From here on the @n-th call of this kind fails with @error, and if @persistent also
 * all that come after it. */
void fault_begin(enum fault_kind kind, unsigned n, int error, bool persistent);
/* No call fails any more: how many did. */
unsigned fault_end(void);
/* So far, while it lasts. */
unsigned fault_count(void);

/* Whoever makes a thread waits at the gate first; NULL: nobody. */
void fault_hold_threads(struct gate *gate);

/* Timers that the library has. */
long fault_timers(void);
/* Blocks of memory, and descriptors, that the library has and has not given back. */
long fault_memory(void);
long fault_descriptors(void);

/* How many threads sleep on a word; how many are in an epoll that may wait. */
unsigned fault_sleepers(void);
unsigned fault_pollers(void);

/* The library's clock goes on by so much, at once. */
void fault_advance_clock(uint64_t ns);
/* From here on it goes on by that alone, and at once to the deadline where a loop sleeps that
 * nothing else wakes before: for loops that wait for time only, and for no other thread. */
void fault_stop_clock(void);

#endif
