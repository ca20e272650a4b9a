/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What scenes are made of: threads, gates, choices, checks.
 *
 * Called by scenes, on their threads; each is a call of the scheduler.
 */
#include "seam/scene.h"

#include <stdatomic.h>
#include <string.h>

#include "seam/arena.h"
#include "seam/scheduler.h"

#define GATES_MOST 8

/* Touched by the scheduler's side only; where a gate orders something it is told so. */
static struct {
	bool open;
	unsigned waiting;
} gates[GATES_MOST];
static unsigned gate_count;

/* A thread's function and argument, side by side in memory that every run has anew. */
struct part {
	void (*body)(void *argument);
	void *argument;
};

void scene_reset(void)
{
	gate_count = 0;
}

static void *play_part(void *argument)
{
	struct part part = *(struct part *)argument;

	arena_free(argument);
	part.body(part.argument);
	return NULL;
}

unsigned scene_start(const char *name, void (*body)(void *argument), void *argument)
{
	struct part *part = arena_new(sizeof(*part));
	unsigned thread;

	part->body = body;
	part->argument = argument;
	scheduler_enter();
	thread = scheduler_start(name, play_part, part);
	scheduler_leave();
	coroutine_release(scheduler_strand(thread));
	return thread;
}

void scene_join(unsigned thread)
{
	struct strand *strand = scheduler_strand(thread);

	scheduler_enter();
	while (strand->state != STRAND_DONE)
		scheduler_block("join", strand, NEVER);
	scheduler_leave();
	coroutine_acquire(strand);
}

void scene_quiet_begin(void)
{
	scheduler_enter();
	scheduler_quiet(true);
	scheduler_leave();
}

void scene_quiet_end(void)
{
	scheduler_enter();
	scheduler_quiet(false);
	scheduler_leave();
}

void scene_settle(void)
{
	scheduler_enter();
	scheduler_settle();
	scheduler_leave();
}

unsigned scene_pick(unsigned count)
{
	unsigned picked;

	scheduler_enter();
	picked = scheduler_pick(count);
	scheduler_leave();
	return picked;
}

void scene_wait_until(uint64_t deadline_ns)
{
	scheduler_enter();
	scheduler_block("wait until", scheduler_self(), deadline_ns);
	scheduler_leave();
}

unsigned scene_gate(void)
{
	unsigned gate;

	scheduler_enter();
	gate = gate_count++;
	if (gate == GATES_MOST)
		scheduler_fail("more than %d gates", GATES_MOST);
	gates[gate].open = false;
	gates[gate].waiting = 0;
	scheduler_leave();
	return gate;
}

void scene_gate_wait(unsigned gate)
{
	scheduler_enter();
	scheduler_look("gate", &gates[gate]);
	while (!gates[gate].open)
		scheduler_block("gate", &gates[gate], NEVER);
	scheduler_leave();
	coroutine_acquire(&gates[gate]);
}

void scene_gate_open(unsigned gate)
{
	coroutine_release(&gates[gate]);
	scheduler_enter();
	scheduler_point("open gate", &gates[gate]);
	gates[gate].open = true;
	scheduler_unblock(&gates[gate], STRANDS_MOST);
	scheduler_leave();
}

void scene_gate_meet(unsigned gate, unsigned wanted)
{
	scheduler_enter();
	scheduler_point("arrive", &gates[gate]);
	if (++gates[gate].waiting == wanted) {
		gates[gate].open = true;
		scheduler_unblock(&gates[gate], STRANDS_MOST);
	}
	while (!gates[gate].open)
		scheduler_block("meet", &gates[gate], NEVER);
	scheduler_leave();
}

void scene_failed(const char *file, int line, const char *condition)
{
	const char *name = strrchr(file, '/');

	scheduler_fail("%s:%d: %s", name ? name + 1 : file, line, condition);
}
