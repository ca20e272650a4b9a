/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A table of objects, by address, with who read and who wrote them.
 *
 * Called by the scheduler at each step. The arena gives the same addresses in each run, so
 * what was learned stays true; where two runs use an address differently it is taken to be
 * shared if it is in either, which only means more places to switch at.
 */
#include "seam/touches.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 16384

static struct touch {
	const void *object;
	uint16_t readers, writers; /* bits by thread */
	bool shared;
} table[ROOM];
static unsigned used;
static bool learned;

static struct touch *find(const void *object)
{
	unsigned at = (unsigned)((uintptr_t)object * 0x9e3779b97f4a7c15u >> 40) % ROOM;

	while (table[at].object && table[at].object != object)
		at = (at + 1) % ROOM;
	if (!table[at].object) {
		if (++used == ROOM / 2) {
			fprintf(stderr, "the scene touches more than %d objects\n", ROOM / 2);
			exit(1);
		}
		table[at].object = object;
	}
	return &table[at];
}

bool touches_note(const void *object, unsigned thread, bool writes)
{
	struct touch *touch = find(object);
	uint16_t bit = (uint16_t)(1u << thread);

	if (touch->shared)
		return true;
	*(writes ? &touch->writers : &touch->readers) |= bit;
	if (!touch->writers ||
	    !((touch->readers | touch->writers) & ((touch->readers | touch->writers) - 1)))
		return false;
	touch->shared = learned = true;
	return true;
}

bool touches_learned(void)
{
	bool answer = learned;

	learned = false;
	return answer;
}

void touches_forget(void)
{
	memset(table, 0, sizeof(table));
	used = 0;
	learned = false;
}
