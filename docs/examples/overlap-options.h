/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef OVERLAP_OPTIONS_H
#define OVERLAP_OPTIONS_H
/* What the user asked overlap for. */
#include <stdbool.h>

/* Exit statuses of overlap, as --help lists them. */
enum exit_status {
	EXIT_FINE = 0,
	EXIT_OTHERWISE = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_DONE = 3
};

struct options {
	unsigned only;     /* the number of one case; 0: all */
	unsigned work_ms;
	unsigned write_ms;
	unsigned repeat;
	bool json;
	bool quiet;
};

/* Read the command line. Returns -1 to go on, else the exit status: all is said already. */
int options_read(struct options *options, int argc, char **argv);

#endif
