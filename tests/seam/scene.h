/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SEAM_SCENE_H
#define SEAM_SCENE_H
/*
 * Scenes: a few threads that use the library, of which every interleaving is tried.
 *
 * A model program lists its scenes and calls explore(). A scene is a function that is run
 * again and again, each time by another schedule; it must do the same each time but for
 * what the schedule decides. It ends when all its threads have; nothing may be left.
 */
#include <stdbool.h>
#include <stdint.h>

#include "seam/machine.h"

struct scene {
	const char *name;
	void (*play)(void);
	/* Depth first, so many deviations from "who runs goes on": ordinarily; in the long run. */
	unsigned deviations, long_deviations;
};
/* Without a bound: every interleaving. */
#define EVERY 1000

/* The program: reads the arguments, explores the scenes, prints what was done: exit status. */
int explore(int count, char **arguments, const struct scene *scenes, unsigned scene_count);

/* A thread of the scene: its number. */
unsigned scene_start(const char *name, void (*body)(void *argument), void *argument);
void scene_join(unsigned thread);
/* Between the two nothing is explored: making and taking down what the scene is not about. */
void scene_quiet_begin(void);
void scene_quiet_end(void);
/* Returns when everybody else sleeps. */
void scene_settle(void);
/* 0 to count - 1, each of which is tried. */
unsigned scene_pick(unsigned count);
/* Lets time pass for this thread. */
void scene_wait_until(uint64_t deadline_ns);
/* A gate, closed: who waits at it waits until it is opened. Its number. */
unsigned scene_gate(void);
void scene_gate_wait(unsigned gate);
void scene_gate_open(unsigned gate);
/* One more stands at the gate; it opens when so many do. */
void scene_gate_meet(unsigned gate, unsigned wanted);

/* The run fails, and its schedule is told. */
#define CHECK(condition) \
	((condition) ? (void)0 : scene_failed(__FILE__, __LINE__, #condition))
__attribute__((noreturn)) void scene_failed(const char *file, int line, const char *condition);

#endif
