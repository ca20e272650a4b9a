/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding the source line of an address, by addr2line where that is installed.
 *
 * Called by the scheduler when a schedule is played step by step, and for the report of
 * one that failed. What was found is kept: a schedule comes by the same places often.
 */
#include "seam/trace.h"

#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PLACES 512
#define PLACE_ROOM 80

static struct {
	const void *address;
	char text[PLACE_ROOM];
} places[PLACES];

static int find_base(struct dl_phdr_info *info, size_t size, void *base)
{
	(void)size;
	/* The first one is the program itself. */
	*(uintptr_t *)base = info->dlpi_addr;
	return 1;
}

/* "function at /path/file.c:12 (discriminator 3)" becomes "file.c:12 function". */
static void shorten(const char *told, char *text)
{
	const char *at = strstr(told, " at "), *slash = strrchr(told, '/');
	const char *file = slash ? slash + 1 : at ? at + 4 : told;

	if (at)
		snprintf(text, PLACE_ROOM, "%.*s %.*s", (int)strcspn(file, " \n"), file,
			 (int)(at - told), told);
}

static void ask(const void *address, char *text)
{
	char program[1024], command[1200], told[1024] = "";
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	uintptr_t base = 0;
	FILE *pipe;

	dl_iterate_phdr(find_base, &base);
	snprintf(text, PLACE_ROOM, "+%#lx", (unsigned long)((uintptr_t)address - base));
	if (length < 0)
		return;
	program[length] = 0;
	/* The address is where it returns to; the call is before that. */
	snprintf(command, sizeof(command), "addr2line -fpe '%s' %#lx 2>/dev/null", program,
		 (unsigned long)((uintptr_t)address - base - 1));
	pipe = popen(command, "r");
	if (!pipe)
		return;
	if (fgets(told, sizeof(told), pipe))
		shorten(told, text);
	pclose(pipe);
}

const char *trace_place(const void *address)
{
	unsigned at = (unsigned)((uintptr_t)address % PLACES), tries = 0;

	if (!address)
		return "";
	while (places[at].address && places[at].address != address && ++tries < PLACES)
		at = (at + 1) % PLACES;
	if (places[at].address != address) {
		places[at].address = address;
		ask(address, places[at].text);
	}
	return places[at].text;
}
