/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_INTERLEAVINGS_H
#define SUPPORT_INTERLEAVINGS_H
/*
 * Every interleaving of a few small step machines.
 *
 * A state is plain bytes: two are the same if their bytes are. From the first one each
 * actor that can move makes its next step, in every order; a state that was seen
 * before is not gone through again, but the interleavings that pass through it are
 * counted.
 *
 *   struct interleavings all = { sizeof(first), 3, step, finish };
 *   interleavings_explore(&all, &first);
 *   ... all.states, all.count ...
 *
 * What is wrong is told by interleavings_fail(), which prints the steps that led there.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum interleavings_step {
	STEP_MOVED,
	STEP_STUCK, /* nothing was changed: somebody else must move first */
	STEP_ENDED, /* nothing was changed: this actor is through */
};

#define INTERLEAVINGS_DEEP 512
#define INTERLEAVINGS_LARGEST 256

struct interleavings {
	size_t size; /* of a state, in bytes */
	unsigned actors;
	enum interleavings_step (*step)(void *state, unsigned actor);
	void (*finish)(const void *state); /* all actors are through */

	uint64_t states;
	double count; /* of interleavings from first to last step */

	unsigned char *seen; /* the states, one behind the other */
	double *counts;      /* from each of them */
	uint32_t *slots;     /* hash table of numbers, plus 1 */
	size_t room, slot_count;
	unsigned depth;
	unsigned char trace[INTERLEAVINGS_DEEP];
};

static struct interleavings *interleavings_current;

__attribute__((format(printf, 1, 2), noreturn)) static inline void
interleavings_fail(const char *format, ...)
{
	struct interleavings *all = interleavings_current;
	va_list arguments;

	fputs("FAILED: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputs("\nthe actors moved in this order:", stderr);
	for (unsigned i = 0; i < all->depth; i++)
		fprintf(stderr, " %u", all->trace[i]);
	fputc('\n', stderr);
	fflush(NULL);
	_exit(1);
}

static inline void *interleavings_room(void *old, size_t bytes)
{
	void *more = realloc(old, bytes);

	if (!more) {
		fputs("no memory for so many states\n", stderr);
		exit(1);
	}
	return more;
}

static inline uint64_t interleavings_hash(const unsigned char *state, size_t size)
{
	uint64_t hash = 1469598103934665603u;

	for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
		uint64_t part = 0;

		memcpy(&part, state + i, size - i < sizeof(part) ? size - i : sizeof(part));
		hash = (hash ^ part) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 29;
	}
	return hash;
}

static inline void interleavings_grow(struct interleavings *all)
{
	all->room = all->room ? 2 * all->room : 4096;
	all->seen = interleavings_room(all->seen, all->room * all->size);
	all->counts = interleavings_room(all->counts, all->room * sizeof(*all->counts));
	all->slot_count = 4 * all->room;
	all->slots = interleavings_room(all->slots, all->slot_count * sizeof(*all->slots));
	memset(all->slots, 0, all->slot_count * sizeof(*all->slots));
	for (size_t i = 0; i < all->states; i++) {
		uint64_t slot = interleavings_hash(all->seen + i * all->size, all->size);

		while (all->slots[slot % all->slot_count])
			slot++;
		all->slots[slot % all->slot_count] = (uint32_t)i + 1;
	}
}

/* Its number; *is_new if it was not there. */
static inline size_t interleavings_number(struct interleavings *all, const void *state,
					  bool *is_new)
{
	uint64_t slot = interleavings_hash(state, all->size);

	if (all->states == all->room)
		interleavings_grow(all);
	for (;; slot++) {
		uint32_t number = all->slots[slot % all->slot_count];

		if (!number)
			break;
		*is_new = false;
		if (!memcmp(all->seen + (number - 1) * all->size, state, all->size))
			return number - 1;
	}
	*is_new = true;
	all->slots[slot % all->slot_count] = (uint32_t)all->states + 1;
	memcpy(all->seen + all->states * all->size, state, all->size);
	return all->states++;
}

/* How many interleavings there are from this state on. */
static inline double interleavings_from(struct interleavings *all, const void *state)
{
	_Alignas(16) unsigned char next[INTERLEAVINGS_LARGEST];
	bool is_new, moved = false, stuck = false;
	size_t number = interleavings_number(all, state, &is_new);
	double count = 0;

	if (!is_new)
		return all->counts[number];
	if (all->depth == INTERLEAVINGS_DEEP)
		interleavings_fail("this goes on for ever");
	for (unsigned actor = 0; actor < all->actors; actor++) {
		enum interleavings_step step;

		memcpy(next, state, all->size);
		all->trace[all->depth++] = (unsigned char)actor;
		step = all->step(next, actor);
		if (step == STEP_MOVED) {
			moved = true;
			count += interleavings_from(all, next);
		}
		all->depth--;
		stuck |= step == STEP_STUCK;
	}
	if (!moved) {
		if (stuck)
			interleavings_fail("those who are left wait for each other");
		all->finish(state);
		count = 1;
	}
	all->counts[number] = count;
	return count;
}

static inline void interleavings_explore(struct interleavings *all, const void *first)
{
	if (all->size > INTERLEAVINGS_LARGEST)
		abort();
	interleavings_current = all;
	all->count = interleavings_from(all, first);
	free(all->seen);
	free(all->counts);
	free(all->slots);
	interleavings_current = NULL;
}

#endif
