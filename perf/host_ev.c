/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libev as a host of the library's loop: opened, attached, run until nothing is pending. */
#include "hosts.h"

#include "bench.h"

#include <ferry/adapt/ev.h>
#include <stdlib.h>

struct ev_side {
	struct ev_loop *ev;
	ferry_ev *adapter;
};

static void *ev_open(ferry_loop *loop)
{
	struct ev_side *side = malloc(sizeof(*side));

	if (!side || !(side->ev = ev_loop_new(EVFLAG_AUTO)))
		bench_fail("out of memory");
	bench_check(ferry_ev_attach(side->ev, loop, &side->adapter), "ferry_ev_attach");
	return side;
}

static void ev_run_all(void *user)
{
	struct ev_side *side = user;

	ev_run(side->ev, 0);
}

static void ev_close(void *user)
{
	struct ev_side *side = user;

	bench_check(ferry_ev_detach(side->adapter), "ferry_ev_detach");
	ev_loop_destroy(side->ev);
	free(side);
}

const struct host host_ev = { ev_open, ev_run_all, ev_close };
