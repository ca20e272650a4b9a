/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LOOP_TIMERS_H
#define LOOP_TIMERS_H
/*
 * Deadlines of a loop: a heap of four-way nodes, earliest first, oldest first among
 * equals. Adding and removing are O(log n) and, far from the root, O(1) in practice.
 * A timer lies in what it belongs to; the heap is an array of (deadline, timer), so
 * that comparing rarely follows a pointer. It is out of the heap when it is fired.
 */
#include <ferry/loop.h>
#include <stdbool.h>

struct timer_entry {
	uint64_t deadline_ns;
	struct ferry_timer *timer;
};

struct timers {
	struct timer_entry *heap; /* from 1 */
	size_t count, room;
	uint64_t sequence;
	uint64_t floor_ns; /* what is added with an earlier deadline gets this one */
};

/* 0 or -ENOMEM, and then nothing changed. */
int timer_add(struct timers *timers, struct ferry_timer *timer, uint64_t deadline_ns);
/* No effect if it is not in the heap. */
void timer_remove(struct timers *timers, struct ferry_timer *timer);
/* The earliest deadline; UINT64_MAX if there is none. */
static inline uint64_t timers_next(const struct timers *timers)
{
	return timers->count ? timers->heap[1].deadline_ns : UINT64_MAX;
}
/* Takes the earliest out if it is due; NULL otherwise. */
struct ferry_timer *timers_take_due(struct timers *timers, uint64_t now_ns);
void timers_free(struct timers *timers);

#endif
