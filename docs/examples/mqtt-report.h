/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MQTT_REPORT_H
#define MQTT_REPORT_H
/* What mqtt-echo tells: the totals. */
#include <stdbool.h>
#include <stdint.h>

#include <ferry/loop.h>

#include "mqtt-client.h"
#include "mqtt-options.h"

/* How the messages ended; in the end they add up to options.count. */
struct ends {
	uint64_t echoed;    /* acknowledged, and came back */
	uint64_t failed;    /* one of the two got an exception */
	uint64_t timed_out; /* one of the two took too long */
	uint64_t cancelled; /* in the middle, or before they began */
};

/* All that is known at the end. */
struct report {
	const struct options *options;
	const char *broker;
	struct ends ends;
	uint64_t most_at_once;
	bool interrupted;
	bool abandoned;     /* libmosquitto had not come to its end when the program gave up */
	uint64_t wall_ns;
	struct client_counters client;
	ferry_loop_counters loop;
};

/* The totals on stdout, in words or as JSON. 0 or the negative errno of writing. */
int report_print(const struct report *report);

#endif
