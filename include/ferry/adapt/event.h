/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_ADAPT_EVENT_H
#define FERRY_ADAPT_EVENT_H
/*
 * libferry in libevent: a ferry loop lives in a struct event_base, which keeps its
 * event_base_dispatch().
 *
 * libevent has no hooks around its poll. So each dispatch ends by preparing for the next poll, the
 * loop stays armed from there to the next dispatch, and tells the adapter what libevent's own
 * callbacks ask of it.
 *
 *   readable   the loop was rung: has the timer dispatch. To libevent it is internal, as the events
 *              for its own signals are: event_base_dispatch() does not go on for it
 *   timer      the loop's deadline: dispatches. It is there as long as the ferry loop has something
 *              pending, so that event_base_dispatch() goes on. libevent counts time by the kernel's
 *              ticks of some milliseconds, unless its base has EVENT_BASE_FLAG_PRECISE_TIMER
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <ferry/adapt/host.h>
#include <limits.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What ties a loop to libevent. In the adapter's hands: read and write nothing. */
typedef struct ferry_libevent {
	ferry_host host;
	struct event readable, timer;
	int timed;         /* the timer is set */
	uint64_t timer_ns; /* to this; FERRY_NO_DEADLINE: to the end of time */
} ferry_libevent;

/* Has libevent go on as long as there is something to go on for, and wait no longer than that. */
FERRY_ADAPT void ferry_libevent_set_timer(ferry_libevent *adapter, int goes_on,
					  uint64_t deadline_ns)
{
	uint64_t now = ferry_now_ns(), after = deadline_ns > now ? deadline_ns - now : 0;
	struct timeval timeout;

	if (goes_on == adapter->timed && (!goes_on || deadline_ns == adapter->timer_ns))
		return;
	adapter->timed = goes_on;
	adapter->timer_ns = deadline_ns;
	if (!goes_on) {
		event_del(&adapter->timer);
		return;
	}
	after = after / 1000 + (after % 1000 != 0);
	if (after > (uint64_t)INT_MAX * 1000000)
		after = (uint64_t)INT_MAX * 1000000; /* it is set again then */
	timeout.tv_sec = (long)(after / 1000000);
	timeout.tv_usec = (long)(after % 1000000);
	/* No time at all is a round that does not wait, behind what is ready now. */
	event_add(&adapter->timer, &timeout);
}

FERRY_ADAPT void ferry_libevent_changed(ferry_loop *loop, void *user)
{
	ferry_libevent *adapter = (ferry_libevent *)user;
	uint64_t deadline;
	int goes_on = ferry_host_look(&adapter->host, &deadline);

	(void)loop;
	if (adapter->host.closed)
		event_del(&adapter->readable);
	ferry_libevent_set_timer(adapter, goes_on, deadline);
}

FERRY_ADAPT void ferry_libevent_readable(evutil_socket_t fd, short events, void *user)
{
	(void)fd;
	(void)events;
	/* Next, and as an event that counts: EVLOOP_ONCE is through with it. */
	event_active(&((ferry_libevent *)user)->timer, EV_READ, 0);
}

FERRY_ADAPT void ferry_libevent_expired(evutil_socket_t fd, short events, void *user)
{
	ferry_libevent *adapter = (ferry_libevent *)user;
	uint64_t deadline;
	int goes_on;

	(void)fd;
	(void)events;
	adapter->timed = 0; /* libevent takes it out before it calls */
	if (ferry_host_dispatch(&adapter->host)) {
		free(adapter);
		return;
	}
	goes_on = ferry_host_prepare(&adapter->host, &deadline);
	ferry_libevent_set_timer(adapter, goes_on, deadline);
}

/* For event_enable_debug_mode(), which keeps account of events. */
FERRY_ADAPT void ferry_libevent_forget(ferry_libevent *adapter)
{
	event_debug_unassign(&adapter->readable);
	event_debug_unassign(&adapter->timer);
}

FERRY_ADAPT int ferry_libevent_end(ferry_libevent *adapter)
{
	int dispatching = adapter->host.dispatching, error;

	ferry_libevent_forget(adapter);
	error = ferry_host_close(&adapter->host);
	if (!dispatching)
		free(adapter);
	return error;
}

/**
 * ferry_libevent_attach() - let a loop live in libevent's
 * @base: the host, of this thread
 * @loop: the loop, which has no other host
 * @ret:  where to put the adapter; untouched on failure
 *
 * From then on event_base_dispatch() does what ferry_loop_run() would, and goes on as long as the
 * loop has something pending. A dispatch of the loop is one event's callback, and calls at most
 * the loop's budget of its own: in a base with priorities of the middle one.
 *
 * Ownership: *@ret is to be given to ferry_libevent_detach().
 * Context:   the thread of both.
 * Return:    0; -EINVAL; -EBUSY if @loop has a host; -EPERM; -ESHUTDOWN; -ECHILD; -ENOMEM, also
 *            for what else libevent cannot poll it; -EMFILE.
 */
FERRY_ADAPT int ferry_libevent_attach(struct event_base *base, ferry_loop *loop,
				      ferry_libevent **ret)
{
	ferry_libevent *adapter;
	int error;

	if (!base || !loop || !ret)
		return -EINVAL;
	adapter = (ferry_libevent *)calloc(1, sizeof(*adapter));
	if (!adapter)
		return -ENOMEM;
	error = ferry_host_open(&adapter->host, loop, ferry_libevent_changed, adapter);
	if (error < 0) {
		free(adapter);
		return error;
	}
	event_assign(&adapter->readable, base, adapter->host.fd, EV_READ | EV_PERSIST,
		     ferry_libevent_readable, adapter);
	adapter->readable.ev_evcallback.evcb_flags |= EVLIST_INTERNAL;
	event_assign(&adapter->timer, base, -1, 0, ferry_libevent_expired, adapter);
	if (event_add(&adapter->readable, NULL) < 0) {
		ferry_libevent_forget(adapter);
		ferry_host_close(&adapter->host);
		free(adapter);
		return -ENOMEM;
	}
	ferry_libevent_changed(loop, adapter);
	*ret = adapter;
	return 0;
}

/**
 * ferry_libevent_detach() - take a loop out of libevent's
 * @adapter: of ferry_libevent_attach(); NULL is allowed
 *
 * At any time, from inside the loop's callbacks too, with requests in flight, and after the loop
 * was closed. What the loop has in flight stays so: run it, or attach it elsewhere. After
 * event_base_free() call ferry_libevent_abandon() instead.
 *
 * Ownership: takes @adapter. Context: the thread of both.
 * Return:    0; what ferry_loop_dispatch() failed with first.
 */
FERRY_ADAPT int ferry_libevent_detach(ferry_libevent *adapter)
{
	if (!adapter)
		return 0;
	event_del(&adapter->readable);
	event_del(&adapter->timer);
	return ferry_libevent_end(adapter);
}

/**
 * ferry_libevent_abandon() - take a loop out of a base that has been freed
 * @adapter: of ferry_libevent_attach(); NULL is allowed
 *
 * As ferry_libevent_detach(), but for the base, which tells nobody that it goes: until this the
 * loop is left alone.
 *
 * Ownership: takes @adapter. Context: the loop's thread.
 * Return:    0; what ferry_loop_dispatch() failed with first.
 */
FERRY_ADAPT int ferry_libevent_abandon(ferry_libevent *adapter)
{
	if (!adapter)
		return 0;
	return ferry_libevent_end(adapter);
}

#ifdef __cplusplus
}
#endif
#endif
