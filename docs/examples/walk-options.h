/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WALK_OPTIONS_H
#define WALK_OPTIONS_H
/* What the user asked ferry-walk for. */
#include <stdbool.h>

#include "policy.h"

/* Exit statuses of ferry-walk, as --help lists them. */
enum exit_status {
	EXIT_FINE = 0,
	EXIT_ERRORS_COUNTED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_DONE = 3,
	EXIT_INTERRUPTED = 130
};

struct options {
	const char *directory; /* where the walk begins */
	const char *list;      /* file that gets one line per entry; NULL: none */
	unsigned in_flight;    /* entries begun and not done, at most */
	unsigned threads;      /* of the pool, at most; 0: the pool's own default */
	enum policy policy;    /* POLICY_BLOCKING: without a pool */
	bool open_files;
	bool json;
};

/* Read the command line. Returns -1 to go on, else the exit status: all is said already. */
int options_read(struct options *options, int argc, char **argv);

#endif
