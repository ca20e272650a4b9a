/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIMITED_OPTIONS_H
#define LIMITED_OPTIONS_H
/* What the user asked limited-stat for. */
#include <stdbool.h>

/* Exit statuses of limited-stat, as --help lists them. */
enum exit_status {
	EXIT_FINE = 0,
	EXIT_ERRORS_COUNTED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_DONE = 3,
	EXIT_INTERRUPTED = 130
};

struct options {
	const char *directory; /* where the files are */
	unsigned limit;        /* stats at a time, at most */
	unsigned count;        /* stats */
	unsigned threads;      /* of the pool, at most; 0: the pool's own default */
	bool json;
};

/* Read the command line. Returns -1 to go on, else the exit status: all is said already. */
int options_read(struct options *options, int argc, char **argv);

#endif
