/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libevent as a host of the library's loop: opened, attached, run until nothing is pending. */
#include "hosts.h"

#include "bench.h"

#include <ferry/adapt/event.h>
#include <stdlib.h>

struct event_side {
	struct event_base *base;
	ferry_libevent *adapter;
};

static void *event_open(ferry_loop *loop)
{
	struct event_side *side = malloc(sizeof(*side));

	if (!side || !(side->base = event_base_new()))
		bench_fail("out of memory");
	bench_check(ferry_libevent_attach(side->base, loop, &side->adapter),
		    "ferry_libevent_attach");
	return side;
}

static void event_run(void *user)
{
	struct event_side *side = user;

	event_base_dispatch(side->base);
}

static void event_close(void *user)
{
	struct event_side *side = user;

	bench_check(ferry_libevent_detach(side->adapter), "ferry_libevent_detach");
	event_base_free(side->base);
	free(side);
}

const struct host host_event = { event_open, event_run, event_close };
