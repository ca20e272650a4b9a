/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SMALL_OPTIONS_H
#define SMALL_OPTIONS_H
/* What the user asked small-files for. */
#include <stdbool.h>
#include <stdint.h>

#include "policy.h"

/* Exit statuses of small-files, as --help lists them. */
enum exit_status {
	EXIT_FINE = 0,
	EXIT_ERRORS_COUNTED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_DONE = 3,
	EXIT_INTERRUPTED = 130
};

struct options {
	const char *directory; /* where the files are; NULL: a folder is made */
	enum policy policy;
	unsigned files;        /* to read, at most; to make */
	unsigned limit;        /* of them at a time, at most */
	unsigned threads;      /* of the pool, at most; 0: the pool's own default */
	bool has_checksum;
	uint64_t checksum;     /* that of all files together */
	bool json;
};

/* Read the command line. Returns -1 to go on, else the exit status: all is said already. */
int options_read(struct options *options, int argc, char **argv);

#endif
