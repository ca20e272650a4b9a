/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A line of progress. */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static const char erase_line[] = "\r\033[K";

bool progress_wanted(void)
{
	return isatty(STDERR_FILENO);
}

double progress_rate(uint64_t done, uint64_t elapsed_ns)
{
	return elapsed_ns ? (double)done * 1e9 / (double)elapsed_ns : 0;
}

void progress_draw(uint64_t done, uint64_t count, const char *things, uint64_t elapsed_ns)
{
	double rate = progress_rate(done, elapsed_ns);
	double left = rate > 0 ? (double)(count - done) / rate : 0;

	fprintf(stderr, "%s%" PRIu64 " of %" PRIu64 " %s (%" PRIu64 " %%), %.0f/s, %.1f s left",
		erase_line, done, count, things, done * 100 / count, rate, left);
}

void progress_end(void)
{
	fputs(erase_line, stderr);
}
