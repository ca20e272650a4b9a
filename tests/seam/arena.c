/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory that is given out once in each run of a scene.
 *
 * Called for memory_new() and memory_free() of the library, and before each of its atomic
 * operations. A byte for each cache line says what became of it; blocks are whole lines.
 */
#include "seam/arena.h"

#include "seam/coroutine.h"
#include "seam/scheduler.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef COROUTINE_ASAN
#include <sanitizer/asan_interface.h>
#else
#define __asan_poison_memory_region(memory, bytes) ((void)(memory), (void)(bytes))
#define __asan_unpoison_memory_region(memory, bytes) ((void)(memory), (void)(bytes))
#endif

#define LINE 64
#define LINES 16384
#define NEW_BYTE 0xa5
#define FREED_BYTE 0xdb

enum use { UNUSED, GAP, FIRST, MORE, FREED_FIRST, FREED_MORE };

static _Alignas(4096) char memory_of_all[LINES * LINE];
static unsigned char uses[LINES];
static unsigned next, live;

void arena_reset(void)
{
	/* The first time all of it, so that gaps are poisoned too. */
	__asan_poison_memory_region(memory_of_all,
				    next ? (size_t)next * LINE : sizeof(memory_of_all));
	memset(uses, UNUSED, next);
	next = 0;
	live = 0;
}

static unsigned line_of(const void *address)
{
	uintptr_t at = (uintptr_t)address - (uintptr_t)memory_of_all;

	return at < sizeof(memory_of_all) ? (unsigned)(at / LINE) : LINES;
}

/* Takes the lines; a gap follows, so that an overrun hits nobody's memory. */
static char *take(size_t bytes)
{
	size_t lines = (bytes + LINE - 1) / LINE;
	char *memory = memory_of_all + (size_t)next * LINE;

	if (!lines)
		lines = 1;
	if (lines + 1 > LINES - next)
		return NULL;
	uses[next] = FIRST;
	memset(uses + next + 1, MORE, lines - 1);
	uses[next + lines] = GAP;
	next += (unsigned)lines + 1;
	live++;
	return memory;
}

void *arena_new(size_t bytes)
{
	char *memory;

	coroutine_enter();
	memory = take(bytes);
	coroutine_leave();
	if (memory) {
		__asan_unpoison_memory_region(memory, bytes);
		memset(memory, NEW_BYTE, bytes);
	}
	return memory;
}

/* How many bytes the block has; fails if it is none. */
static size_t give_back(void *memory)
{
	unsigned line = line_of(memory), end;

	if (line == LINES || uses[line] != FIRST || (uintptr_t)memory % LINE)
		scheduler_fail("%s is freed, which is no block", arena_name(memory));
	uses[line] = FREED_FIRST;
	for (end = line + 1; uses[end] == MORE; end++)
		uses[end] = FREED_MORE;
	live--;
	return (size_t)(end - line) * LINE;
}

void arena_free(void *memory)
{
	size_t bytes;

	if (!memory)
		return;
	coroutine_enter();
	bytes = give_back(memory);
	coroutine_leave();
#ifndef COROUTINE_ASAN
	/* A write, for ThreadSanitizer; and nobody will find his pointers there. */
	memset(memory, FREED_BYTE, bytes);
#endif
	__asan_poison_memory_region(memory, bytes);
}

bool arena_was_freed(const void *address)
{
	unsigned line = line_of(address);

	return line < LINES && (uses[line] == FREED_FIRST || uses[line] == FREED_MORE);
}

const void *arena_find_written(void)
{
#if !defined(COROUTINE_ASAN) && !defined(COROUTINE_TSAN)
	for (size_t line = 0; line < next; line++) {
		const unsigned char *bytes = (unsigned char *)memory_of_all + line * LINE;

		if (uses[line] != FREED_FIRST && uses[line] != FREED_MORE)
			continue;
		for (unsigned i = 0; i < LINE; i++)
			if (bytes[i] != FREED_BYTE)
				return bytes + i;
	}
#endif
	return NULL;
}

unsigned arena_left(void)
{
	return live;
}

const char *arena_name(const void *address)
{
	static char name[48];
	unsigned line = line_of(address), block = 0, first = line;

	if (!address)
		return "nothing";
	if (line == LINES || uses[line] == UNUSED || uses[line] == GAP) {
		snprintf(name, sizeof(name), "%p", address);
		return name;
	}
	while (uses[first] == MORE || uses[first] == FREED_MORE)
		first--;
	for (unsigned i = 0; i <= first; i++)
		block += uses[i] == FIRST || uses[i] == FREED_FIRST;
	snprintf(name, sizeof(name), "block %u + %zu%s", block,
		 (size_t)((const char *)address - memory_of_all) - (size_t)first * LINE,
		 arena_was_freed(address) ? " (freed)" : "");
	return name;
}
