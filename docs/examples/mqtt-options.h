/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MQTT_OPTIONS_H
#define MQTT_OPTIONS_H
/* What the user asked mqtt-echo for. */
#include <stdbool.h>

/* Exit statuses of mqtt-echo, as --help lists them. */
enum exit_status {
	EXIT_FINE = 0,
	EXIT_ERRORS_COUNTED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_DONE = 3,
	EXIT_INTERRUPTED = 130
};

struct options {
	const char *host;   /* of the broker */
	unsigned port;
	const char *socket; /* a path: there in place of host and port; NULL: none */
	const char *topic;  /* NULL: one that nobody else has */
	unsigned count;     /* messages */
	unsigned limit;     /* under way at a time, at most */
	unsigned connect_ms; /* for each step on the way in, at most */
	unsigned wait_ms;   /* for the answers to a message, at most */
	bool json;
};

/* Read the command line. Returns -1 to go on, else the exit status: all is said already. */
int options_read(struct options *options, int argc, char **argv);

#endif
