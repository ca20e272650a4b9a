/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The line of progress: how many are done, of how many found, how fast, how long for the rest. */
#include "walk-progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static const char erase_line[] = "\r\033[K";

bool progress_wanted(void)
{
	return isatty(STDERR_FILENO);
}

void progress_draw(uint64_t done, uint64_t found, uint64_t elapsed_ns)
{
	double rate = elapsed_ns ? (double)done * 1e9 / (double)elapsed_ns : 0;
	double left = rate > 0 ? (double)(found - done) / rate : 0;

	fprintf(stderr, "%s%" PRIu64 " done of %" PRIu64 " found (%" PRIu64 " %%), %.0f/s, "
		"%.1f s for the rest of them", erase_line, done, found, done * 100 / found, rate,
		left);
}

void progress_erase(void)
{
	fputs(erase_line, stderr);
}
