/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loop-local events.
 *
 * On the loop's thread: set and cleared by anybody, awaited by tasks and by nodes of the
 * caller's. Invariant: whoever waited when it was set goes on, even if it is cleared before.
 */
#include "task/awaitable.h"

/* Cancelling who waits just unlinks him. */
static const ferry_operation_hooks event_hooks = { sizeof(event_hooks), "event", 0, NULL, NULL };

static int check(const ferry_event *event)
{
	return event ? loop_check(event->loop) : -EINVAL;
}

int ferry_event_init(ferry_event *event, ferry_loop *loop)
{
	int error = loop_check(loop);

	if (error || !event)
		return error ? error : -EINVAL;
	event->loop = loop;
	operation_init(&event->operation, &event_hooks);
	return 0;
}

int ferry_event_set(ferry_event *event)
{
	int error = check(event);

	if (error)
		return error;
	if (awaitable_is_done(&event->awaitable))
		return -EALREADY;
	awaitable_complete(event->loop, &event->awaitable, awaitable_done_by(0));
	return 0;
}

int ferry_event_clear(ferry_event *event)
{
	int error = check(event);

	if (error)
		return error;
	if (!awaitable_is_done(&event->awaitable))
		return -EALREADY;
	operation_init(&event->operation, &event_hooks);
	return 0;
}
