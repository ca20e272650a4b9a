/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HTTPD_OPTIONS_H
#define HTTPD_OPTIONS_H
/* What the user asked httpd for. */
#include <stdbool.h>

#include "policy.h"

/* Exit statuses of httpd, as --help lists them. */
enum exit_status {
	EXIT_FINE = 0,
	EXIT_LOST = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_DONE = 3
};

struct options {
	const char *root;
	const char *address;
	unsigned port;        /* 0: any that is free */
	enum policy policy;
	unsigned threads;     /* of the pool, at most; 0: the pool's own default */
	unsigned time_out_ms; /* how long an answer waits for one file call */
	unsigned idle_ms;     /* how long a connection may neither ask nor take anything */
	unsigned grace_ms;    /* how long answers that are under way may take at the end */
	const char *log;      /* NULL: none */
	bool list;
	bool unchanging;
	bool json;
};

/* Read the command line. Returns -1 to go on, else the exit status: all is said already. */
int options_read(struct options *options, int argc, char **argv);

#endif
