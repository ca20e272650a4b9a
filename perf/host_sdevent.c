/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sd-event as a host of the library's loop: opened, attached, run until nothing is pending. */
#include "hosts.h"

#include "bench.h"

#include <ferry/adapt/sdevent.h>
#include <stdlib.h>

struct sdevent_side {
	sd_event *event;
	ferry_loop *loop;
	ferry_sdevent *adapter;
};

static void *sdevent_open(ferry_loop *loop)
{
	struct sdevent_side *side = malloc(sizeof(*side));

	if (!side)
		bench_fail("out of memory");
	side->loop = loop;
	bench_check(sd_event_new(&side->event), "sd_event_new");
	bench_check(ferry_sdevent_attach(side->event, loop, &side->adapter),
		    "ferry_sdevent_attach");
	return side;
}

static void sdevent_run(void *user)
{
	struct sdevent_side *side = user;

	while (ferry_loop_pending(side->loop) > 0)
		bench_check(sd_event_run(side->event, UINT64_MAX), "sd_event_run");
}

static void sdevent_close(void *user)
{
	struct sdevent_side *side = user;

	bench_check(ferry_sdevent_detach(side->adapter), "ferry_sdevent_detach");
	sd_event_unref(side->event);
	free(side);
}

const struct host host_sdevent = { sdevent_open, sdevent_run, sdevent_close };
