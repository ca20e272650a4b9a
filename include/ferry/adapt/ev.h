/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_ADAPT_EV_H
#define FERRY_ADAPT_EV_H
/*
 * libferry in libev: a ferry loop lives in a struct ev_loop, which keeps its ev_run().
 *
 *   prepare   arms the loop, sets the timer: to no time at all if something is due
 *   io        the loop was rung
 *   check     before all other callbacks of a round: disarms the loop, and dispatches what is due
 *   cleanup   the host is destroyed first
 *
 * Nothing of it counts for ev_run(), but one reference while the ferry loop has something pending.
 * For programs that use EV_MULTIPLICITY, as libev does unless told otherwise.
 */
#include <ev.h>
#include <ferry/adapt/host.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What ties a loop to libev. In the adapter's hands: read and write nothing. */
typedef struct ferry_ev {
	ferry_host host;
	struct ev_loop *ev; /* NULL: destroyed */
	ev_io io;
	ev_timer timer;
	ev_prepare prepare;
	ev_check check;
	ev_cleanup cleanup;
	int holds;          /* ev_run() goes on for it */
	uint64_t timer_ns;  /* what the timer is set to; FERRY_NO_DEADLINE: it is not */
} ferry_ev;

/* That it is pending is what check looks at. */
FERRY_ADAPT void ferry_ev_readable(struct ev_loop *ev, ev_io *io, int events)
{
	(void)ev;
	(void)io;
	(void)events;
}

FERRY_ADAPT void ferry_ev_expired(struct ev_loop *ev, ev_timer *timer, int events)
{
	(void)ev;
	(void)events;
	((ferry_ev *)timer->data)->timer_ns = 0; /* whatever its deadline was, it is set anew */
}

/* Whether ev_run() goes on for it; and a nested one leaves the loop out. */
FERRY_ADAPT void ferry_ev_hold(ferry_ev *adapter, int goes_on)
{
	int polls = !adapter->host.closed && !adapter->host.busy;
	/* A step, unlike a dispatch, has nothing behind it that would hold it again. */
	int holds = goes_on && !adapter->host.closed && !adapter->host.dispatching;

	if (polls && !ev_is_active(&adapter->io)) {
		ev_io_start(adapter->ev, &adapter->io);
		ev_unref(adapter->ev);
	}
	if (!polls && ev_is_active(&adapter->io)) {
		ev_ref(adapter->ev);
		ev_io_stop(adapter->ev, &adapter->io);
	}
	if (holds && !adapter->holds)
		ev_ref(adapter->ev);
	if (!holds && adapter->holds)
		ev_unref(adapter->ev);
	adapter->holds = holds;
}

FERRY_ADAPT void ferry_ev_set_timer(ferry_ev *adapter, uint64_t deadline_ns)
{
	uint64_t now = ferry_now_ns();
	double after = deadline_ns > now ? (double)(deadline_ns - now) / 1e9 : 0;

	if (deadline_ns && deadline_ns == adapter->timer_ns)
		return;
	if (ev_is_active(&adapter->timer)) {
		ev_ref(adapter->ev);
		ev_timer_stop(adapter->ev, &adapter->timer);
	}
	adapter->timer_ns = deadline_ns;
	if (deadline_ns == FERRY_NO_DEADLINE)
		return;
	/* It repeats, so that libev does not stop it, and with it the count of what is active. */
	ev_timer_set(&adapter->timer, after, 1e9);
	ev_timer_start(adapter->ev, &adapter->timer);
	ev_unref(adapter->ev);
}

FERRY_ADAPT void ferry_ev_changed(ferry_loop *loop, void *user)
{
	ferry_ev *adapter = (ferry_ev *)user;
	uint64_t deadline;
	int goes_on = ferry_host_look(&adapter->host, &deadline);

	(void)loop;
	if (!adapter->ev)
		return;
	ferry_ev_hold(adapter, goes_on);
	if (adapter->host.prepared)
		ferry_ev_set_timer(adapter, deadline);
}

FERRY_ADAPT void ferry_ev_prepare(struct ev_loop *ev, ev_prepare *prepare, int events)
{
	ferry_ev *adapter = (ferry_ev *)prepare->data;
	uint64_t deadline;

	(void)ev;
	(void)events;
	ferry_ev_hold(adapter, ferry_host_prepare(&adapter->host, &deadline));
	ferry_ev_set_timer(adapter, deadline);
}

FERRY_ADAPT void ferry_ev_check(struct ev_loop *ev, ev_check *check, int events)
{
	ferry_ev *adapter = (ferry_ev *)check->data;
	uint64_t deadline;

	(void)events;
	if (ferry_host_check(&adapter->host, ev_clear_pending(ev, &adapter->io))) {
		free(adapter);
		return;
	}
	/* ev_run() looks next whether there is anything to go on for. */
	ferry_ev_hold(adapter, ferry_host_look(&adapter->host, &deadline));
}

FERRY_ADAPT void ferry_ev_destroyed(struct ev_loop *ev, ev_cleanup *cleanup, int events)
{
	(void)ev;
	(void)events;
	((ferry_ev *)cleanup->data)->ev = NULL;
}

FERRY_ADAPT void ferry_ev_stop(ferry_ev *adapter)
{
	struct ev_loop *ev = adapter->ev;

	/* As if there were nothing to poll or to wait for. */
	adapter->host.closed = 1;
	ferry_ev_hold(adapter, 0);
	ferry_ev_set_timer(adapter, FERRY_NO_DEADLINE);
	ev_ref(ev);
	ev_prepare_stop(ev, &adapter->prepare);
	ev_ref(ev);
	ev_check_stop(ev, &adapter->check);
	ev_cleanup_stop(ev, &adapter->cleanup);
}

/**
 * ferry_ev_attach() - let a loop live in libev's
 * @ev:   the host, of this thread
 * @loop: the loop, which has no other host
 * @ret:  where to put the adapter; untouched on failure
 *
 * From then on ev_run() does what ferry_loop_run() would, and goes on as long as the loop has
 * something pending. Callbacks of the loop run as a check watcher of the highest priority does,
 * at most the loop's budget in a round.
 *
 * Ownership: *@ret is to be given to ferry_ev_detach().
 * Context:   the thread of both.
 * Return:    0; -EINVAL; -EBUSY if @loop has a host; -EPERM; -ESHUTDOWN; -ECHILD; -ENOMEM;
 *            -EMFILE.
 */
FERRY_ADAPT int ferry_ev_attach(struct ev_loop *ev, ferry_loop *loop, ferry_ev **ret)
{
	ferry_ev *adapter;
	int error;

	if (!ev || !loop || !ret)
		return -EINVAL;
	adapter = (ferry_ev *)calloc(1, sizeof(*adapter));
	if (!adapter)
		return -ENOMEM;
	error = ferry_host_open(&adapter->host, loop, ferry_ev_changed, adapter);
	if (error < 0) {
		free(adapter);
		return error;
	}
	adapter->ev = ev;
	adapter->timer_ns = FERRY_NO_DEADLINE;
	ev_io_init(&adapter->io, ferry_ev_readable, adapter->host.fd, EV_READ);
	ev_timer_init(&adapter->timer, ferry_ev_expired, 0, 1e9);
	ev_prepare_init(&adapter->prepare, ferry_ev_prepare);
	ev_check_init(&adapter->check, ferry_ev_check);
	ev_cleanup_init(&adapter->cleanup, ferry_ev_destroyed);
	ev_set_priority(&adapter->check, EV_MAXPRI);
	adapter->timer.data = adapter->prepare.data = adapter->check.data = adapter->cleanup.data =
		adapter;
	ev_prepare_start(ev, &adapter->prepare);
	ev_unref(ev);
	ev_check_start(ev, &adapter->check);
	ev_unref(ev);
	ev_cleanup_start(ev, &adapter->cleanup);
	ferry_ev_changed(loop, adapter);
	*ret = adapter;
	return 0;
}

/**
 * ferry_ev_detach() - take a loop out of libev's
 * @adapter: of ferry_ev_attach(); NULL is allowed
 *
 * At any time, from inside the loop's callbacks too, with requests in flight, and after the loop
 * was closed or the host destroyed. What the loop has in flight stays so: run it, or attach it
 * elsewhere.
 *
 * Ownership: takes @adapter. Context: the thread of both.
 * Return:    0; what ferry_loop_dispatch() failed with first.
 */
FERRY_ADAPT int ferry_ev_detach(ferry_ev *adapter)
{
	int error, dispatching;

	if (!adapter)
		return 0;
	dispatching = adapter->host.dispatching;
	if (adapter->ev)
		ferry_ev_stop(adapter);
	error = ferry_host_close(&adapter->host);
	if (!dispatching)
		free(adapter);
	return error;
}

#ifdef __cplusplus
}
#endif
#endif
