/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine of a model: the seam's functions, on top of the scheduler.
 *
 * Called by the library wherever it would step on an atomic object, sleep, wake, lock,
 * start a thread or look at the clock. What the real machine orders (locks, starting a
 * thread) is told to ThreadSanitizer; what it does not (futexes) is not.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/park.h"
#include "seam/arena.h"
#include "seam/machine.h"
#include "seam/scheduler.h"

/* ---- steps and memory ---- */

void seam_step(const void *object)
{
	scheduler_enter();
	if (arena_was_freed(object))
		scheduler_fail("touches freed memory: %s", arena_name(object));
	scheduler_point("step", object);
	/* It may have been freed by whoever ran in between. */
	if (arena_was_freed(object))
		scheduler_fail("touches freed memory: %s", arena_name(object));
	scheduler_leave();
}

void *seam_memory_new(size_t bytes)
{
	return arena_new(bytes);
}

void seam_memory_free(void *memory)
{
	arena_free(memory);
}

uint64_t seam_clock_now(void)
{
	uint64_t now;

	scheduler_enter();
	now = scheduler_now();
	scheduler_leave();
	return now;
}

struct thread *seam_thread_self(void)
{
	struct thread *self;

	scheduler_enter();
	self = &scheduler_self()->thread;
	scheduler_leave();
	return self;
}

/* ---- futexes ---- */

int seam_wait(const _Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
	int error = 0;

	scheduler_enter();
	scheduler_look("wait", word);
	if (arena_was_freed(word))
		scheduler_fail("sleeps on freed memory: %s", arena_name(word));
	scheduler_leave();
	/* Looked at as the kernel does, on behalf of the thread. */
	if (atomic_load_explicit(word, memory_order_relaxed) != expected)
		return 0;
	scheduler_enter();
	if (!scheduler_block("sleep", word, deadline_ns))
		error = -ETIMEDOUT;
	scheduler_leave();
	return error;
}

void seam_wake(const _Atomic uint32_t *word, int count)
{
	scheduler_enter();
	scheduler_point("wake", word);
	scheduler_unblock(word, (unsigned)count);
	scheduler_leave();
}

void seam_pause(void)
{
	scheduler_enter();
	scheduler_pause();
	scheduler_leave();
}

/* ---- locks ---- */

#define LOCKS_MOST 16

static struct {
	const void *lock;
	struct strand *holder;
} held[LOCKS_MOST];
static unsigned held_count;

static unsigned find_held(const void *lock)
{
	unsigned i = 0;

	while (i < held_count && held[i].lock != lock)
		i++;
	return i;
}

static void take_lock(const void *lock)
{
	if (held_count == LOCKS_MOST)
		scheduler_fail("more than %d locks are held", LOCKS_MOST);
	held[held_count].lock = lock;
	held[held_count++].holder = scheduler_self();
}

void seam_lock(void *lock)
{
	scheduler_enter();
	scheduler_point("lock", lock);
	if (scheduler_self()->nested)
		scheduler_fail("locks inside a read-side section");
	if (arena_was_freed(lock))
		scheduler_fail("locks freed memory: %s", arena_name(lock));
	if (find_held(lock) < held_count && held[find_held(lock)].holder == scheduler_self())
		scheduler_fail("locks what it holds: %s", arena_name(lock));
	while (find_held(lock) < held_count)
		scheduler_block("lock", lock, NEVER);
	take_lock(lock);
	scheduler_leave();
	coroutine_acquire(lock);
}

int seam_lock_try(void *lock)
{
	bool free;

	scheduler_enter();
	scheduler_point("try lock", lock);
	free = find_held(lock) == held_count;
	if (free)
		take_lock(lock);
	scheduler_leave();
	if (!free)
		return -EBUSY;
	coroutine_acquire(lock);
	return 0;
}

void seam_unlock(void *lock)
{
	unsigned i;

	coroutine_release(lock);
	scheduler_enter();
	i = find_held(lock);
	if (i == held_count || held[i].holder != scheduler_self())
		scheduler_fail("unlocks what it does not hold: %s", arena_name(lock));
	held[i] = held[--held_count];
	scheduler_unblock(lock, STRANDS_MOST);
	scheduler_leave();
}

/* ---- threads ---- */

static unsigned started, failing;

void machine_fail_threads(unsigned which)
{
	scheduler_enter();
	failing = which;
	started = 0;
	scheduler_leave();
}

int seam_thread_start(void *(*main)(void *), void *argument, size_t stack_bytes)
{
	static const char *const names[] = { "worker 0", "worker 1", "worker 2", "worker 3",
					     "worker 4", "worker 5", "worker 6", "worker 7" };
	unsigned index;
	bool fails;

	(void)stack_bytes;
	scheduler_enter();
	fails = started < 32 && failing >> started & 1;
	index = fails ? 0 : scheduler_start(names[started % 8], main, argument);
	started++;
	scheduler_leave();
	if (fails)
		return -EAGAIN;
	coroutine_release(scheduler_strand(index));
	return 0;
}

/* ---- read-side sections ---- */

#define NO_SECTION UINT32_MAX
static char readers; /* what all sections are in a schedule */

void seam_read_begin(void)
{
	scheduler_enter();
	scheduler_look("read begin", &readers);
	scheduler_self()->nested++;
	scheduler_leave();
}

void seam_read_end(void)
{
	struct strand *self;

	scheduler_enter();
	self = scheduler_self();
	scheduler_look("read end", &readers);
	if (!self->nested)
		scheduler_fail("ends a read-side section that it is not in");
	if (!--self->nested)
		self->sections++;
	scheduler_unblock(&readers, STRANDS_MOST);
	scheduler_leave();
}

void seam_wait_for_readers(void)
{
	struct strand *self;

	scheduler_enter();
	self = scheduler_self();
	scheduler_point("wait for readers", &readers);
	if (self->nested)
		scheduler_fail("waits for readers inside a read-side section");
	for (unsigned i = 0; i < STRANDS_MOST; i++)
		self->awaited[i] = scheduler_strand(i)->nested ? scheduler_strand(i)->sections
							       : NO_SECTION;
	for (unsigned i = 0; i < STRANDS_MOST; i++)
		while (scheduler_strand(i)->nested &&
		       scheduler_strand(i)->sections == self->awaited[i])
			scheduler_block("wait for readers", &readers, NEVER);
	scheduler_leave();
}

/* ---- the machine itself ---- */

static unsigned cpus = 1;

void machine_reset(void)
{
	held_count = 0;
	started = failing = 0;
	cpus = 1;
	for (unsigned i = 0; i < STRANDS_MOST; i++)
		scheduler_strand(i)->nested = 0;
	descriptors_reset();
	signals_reset();
	scene_reset();
}

void machine_set_cpus(unsigned count)
{
	scheduler_enter();
	cpus = count;
	scheduler_leave();
}

/*
 * Takes the place of the library's, which reads files: it is found before the archive is
 * searched. With one CPU nobody polls.
 */
unsigned ferry_cpu_count(void)
{
	unsigned count;

	scheduler_enter();
	count = cpus;
	scheduler_leave();
	return count;
}
