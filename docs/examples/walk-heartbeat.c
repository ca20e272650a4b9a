/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The heartbeat: a timer that sets itself again. */
#include "walk-heartbeat.h"

#define HEARTBEAT_NS UINT64_C(1000000)

static void heartbeat_beat(ferry_loop *loop, void *user)
{
	struct heartbeat *heartbeat = user;

	heartbeat->beats++;
	heartbeat_measure(heartbeat);
	heartbeat->failure = heartbeat_start(heartbeat, loop);
}

int heartbeat_start(struct heartbeat *heartbeat, ferry_loop *loop)
{
	heartbeat->due_ns = ferry_in_ns(HEARTBEAT_NS);
	return ferry_loop_call_at(loop, heartbeat->due_ns, heartbeat_beat, heartbeat, NULL);
}

void heartbeat_measure(struct heartbeat *heartbeat)
{
	uint64_t now = ferry_now_ns();

	if (now > heartbeat->due_ns && now - heartbeat->due_ns > heartbeat->longest_stall_ns)
		heartbeat->longest_stall_ns = now - heartbeat->due_ns;
}
