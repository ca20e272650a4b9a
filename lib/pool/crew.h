/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POOL_CREW_H
#define POOL_CREW_H
/*
 * The crew word: how many workers there are and what they do, in one atomic word.
 *
 *   bits  0-15  sleeping   parked, on the idle list
 *   bits 16-31  searching  awake and about to look at the queue: woken or new ones on
 *                          their way, those that poll, those that just ended a call
 *   bits 32-47  threads    all that exist or are being made
 *   bit  48     closed     no job is accepted any more
 *   bits 49-63  unborn     of the threads, those that did not run yet: making one may
 *                          still fail, so nobody leaves because there are enough of them
 *
 * A worker that is none of the two is inside a call. Whoever holds a search looks at
 * the queue again after giving it up, before it enters a call or sleeps: so as long as
 * one is held, nobody needs to be woken for a job that was just pushed.
 *
 * The cross (P3), both halves sequentially consistent:
 *   submit   pushes the job                   then loads the crew word
 *   worker   gives up its search or sleeps    then loads the stack of submissions
 * At least one of the two sees the other. Who moves jobs from the stack to their lanes
 * without taking one stands in for those who pushed them, and looks at the crew, too.
 */
#include <stdbool.h>
#include <stdint.h>

/* How long after a failure no new thread is tried: a clone that fails costs 10 us. */
#define CREW_SPAWN_PAUSE_NS 10000000u

/* Where each begins; an enum, so that a debugger knows it, too. */
enum crew_shift {
	CREW_SLEEPING_SHIFT = 0,
	CREW_SEARCHING_SHIFT = 16,
	CREW_THREAD_SHIFT = 32,
	CREW_CLOSED_SHIFT = 48,
	CREW_UNBORN_SHIFT = 49,
};
#define CREW_SLEEPING ((uint64_t)1 << CREW_SLEEPING_SHIFT)
#define CREW_SEARCHING ((uint64_t)1 << CREW_SEARCHING_SHIFT)
#define CREW_THREAD ((uint64_t)1 << CREW_THREAD_SHIFT)
#define CREW_CLOSED ((uint64_t)1 << CREW_CLOSED_SHIFT)
#define CREW_UNBORN ((uint64_t)1 << CREW_UNBORN_SHIFT)
/* Threads that the word can count, lent places included: its topmost field has 15 bits. */
#define CREW_MOST 0x7fffu
/* What a thread that is being made counts as. */
#define CREW_MAKING (CREW_THREAD + CREW_UNBORN + CREW_SEARCHING)

static inline unsigned crew_sleeping(uint64_t crew)
{
	return (unsigned)(crew >> CREW_SLEEPING_SHIFT & 0xffff);
}

static inline unsigned crew_searching(uint64_t crew)
{
	return (unsigned)(crew >> CREW_SEARCHING_SHIFT & 0xffff);
}

static inline unsigned crew_threads(uint64_t crew)
{
	return (unsigned)(crew >> CREW_THREAD_SHIFT & 0xffff);
}

/* Threads that run, and so will leave only by themselves. */
static inline unsigned crew_born(uint64_t crew)
{
	return crew_threads(crew) - (unsigned)(crew >> CREW_UNBORN_SHIFT);
}

static inline bool crew_is_closed(uint64_t crew)
{
	return crew & CREW_CLOSED;
}

/* Somebody could be woken or made, and nobody is about to look. */
static inline bool crew_can_grow(uint64_t crew, unsigned limit)
{
	return crew_sleeping(crew) || crew_threads(crew) < limit;
}

static inline bool crew_needs_waking(uint64_t crew, unsigned limit)
{
	return !crew_searching(crew) && crew_can_grow(crew, limit);
}

#endif
