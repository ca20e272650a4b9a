/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The timer heap.
 *
 * Called on the loop's thread only: added by call_at and for deadlines of queued jobs,
 * fired by a turn of the loop. Invariant: a node is never later than its four
 * children; every timer in the heap knows its index.
 */
#include "loop/timers.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"

#define WAYS 4
#define ROOM_LEAST 64

static bool is_before(const struct timer_entry *a, const struct timer_entry *b)
{
	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns;
	return a->timer->sequence < b->timer->sequence;
}

static void place(struct timers *timers, size_t index, struct timer_entry entry)
{
	timers->heap[index] = entry;
	entry.timer->index = index;
}

static size_t parent_of(size_t index)
{
	return (index - 2) / WAYS + 1;
}

static void rise(struct timers *timers, size_t index, struct timer_entry entry)
{
	while (index > 1 && is_before(&entry, &timers->heap[parent_of(index)])) {
		place(timers, index, timers->heap[parent_of(index)]);
		index = parent_of(index);
	}
	place(timers, index, entry);
}

static void sink(struct timers *timers, size_t index, struct timer_entry entry)
{
	for (;;) {
		size_t first = (index - 1) * WAYS + 2, best = first;

		if (first > timers->count)
			break;
		for (size_t child = first + 1; child < first + WAYS && child <= timers->count;
		     child++)
			if (is_before(&timers->heap[child], &timers->heap[best]))
				best = child;
		if (!is_before(&timers->heap[best], &entry))
			break;
		place(timers, index, timers->heap[best]);
		index = best;
	}
	place(timers, index, entry);
}

static int make_room(struct timers *timers)
{
	size_t room = timers->room ? timers->room * 2 : ROOM_LEAST;
	struct timer_entry *heap;

	if (timers->count + 1 < timers->room)
		return 0;
	heap = memory_new(room * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	if (timers->count)
		memcpy(heap + 1, timers->heap + 1, timers->count * sizeof(*heap));
	memory_free(timers->heap);
	timers->heap = heap;
	timers->room = room;
	return 0;
}

int timer_add(struct timers *timers, struct ferry_timer *timer, uint64_t deadline_ns)
{
	int error = make_room(timers);

	if (error)
		return error;
	if (deadline_ns < timers->floor_ns)
		deadline_ns = timers->floor_ns;
	timer->deadline_ns = deadline_ns;
	timer->sequence = timers->sequence++;
	rise(timers, ++timers->count, (struct timer_entry){ deadline_ns, timer });
	return 0;
}

void timer_remove(struct timers *timers, struct ferry_timer *timer)
{
	struct timer_entry last;
	size_t index = timer->index;

	timer->index = 0;
	/* A fork's child may have freed them all. */
	if (!index || !timers->heap)
		return;
	last = timers->heap[timers->count--];
	if (last.timer == timer)
		return;
	if (index > 1 && is_before(&last, &timers->heap[parent_of(index)]))
		rise(timers, index, last);
	else
		sink(timers, index, last);
}

struct ferry_timer *timers_take_due(struct timers *timers, uint64_t now_ns)
{
	struct ferry_timer *timer;

	if (timers_next(timers) > now_ns || !timers->count)
		return NULL;
	timer = timers->heap[1].timer;
	timer_remove(timers, timer);
	return timer;
}

void timers_free(struct timers *timers)
{
	memory_free(timers->heap);
	memset(timers, 0, sizeof(*timers));
}
