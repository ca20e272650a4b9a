/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_ADAPT_UV_H
#define FERRY_ADAPT_UV_H
/*
 * libferry in libuv: a ferry loop lives in a uv_loop_t, which keeps its uv_run().
 *
 *   prepare   arms the loop, sets the timer; idle runs if something is due, so that uv polls and
 *             does not wait
 *   poll      the loop was rung
 *   check     disarms the loop, and dispatches what is due
 *
 * Only the poll handle counts for uv_run(), and only while the ferry loop has something pending.
 */
#include <ferry/adapt/host.h>
#include <stdlib.h>
#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_UV_HANDLES 5

/** What ties a loop to libuv. In the adapter's hands: read and write nothing. */
typedef struct ferry_uv {
	ferry_host host;
	uv_loop_t *uv;
	uv_poll_t poll;
	uv_timer_t timer;
	uv_idle_t idle;
	uv_prepare_t prepare;
	uv_check_t check;
	int polling, readable;
	int handles; /* that uv has yet to give back */
} ferry_uv;

FERRY_ADAPT void ferry_uv_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	((ferry_uv *)poll->data)->readable = 1; /* check, in the same round, sees to it */
}

/* Of these it matters that they end uv's waiting. */
FERRY_ADAPT void ferry_uv_expired(uv_timer_t *timer)
{
	(void)timer;
}

FERRY_ADAPT void ferry_uv_idle(uv_idle_t *idle)
{
	(void)idle;
}

/* Whether uv_run() goes on for it; and a nested one leaves the loop out. */
FERRY_ADAPT void ferry_uv_hold(ferry_uv *adapter, int goes_on)
{
	int polls = !adapter->host.closed && !adapter->host.busy;

	if (uv_is_closing((uv_handle_t *)&adapter->poll))
		return;
	if (polls && !adapter->polling)
		uv_poll_start(&adapter->poll, UV_READABLE, ferry_uv_readable);
	if (!polls && adapter->polling)
		uv_poll_stop(&adapter->poll);
	adapter->polling = polls;
	if (goes_on)
		uv_ref((uv_handle_t *)&adapter->poll);
	else
		uv_unref((uv_handle_t *)&adapter->poll);
}

/* How long uv waits. */
FERRY_ADAPT void ferry_uv_set_timer(ferry_uv *adapter, uint64_t deadline_ns)
{
	if (!deadline_ns)
		uv_idle_start(&adapter->idle, ferry_uv_idle);
	else
		uv_idle_stop(&adapter->idle);
	if (!deadline_ns || deadline_ns == FERRY_NO_DEADLINE) {
		uv_timer_stop(&adapter->timer);
		return;
	}
	/* Its time stands still while callbacks run, and it waits from there. */
	uv_update_time(adapter->uv);
	uv_timer_start(&adapter->timer, ferry_uv_expired,
		       ferry_host_milliseconds(deadline_ns, uv_now(adapter->uv)), 0);
}

FERRY_ADAPT void ferry_uv_changed(ferry_loop *loop, void *user)
{
	ferry_uv *adapter = (ferry_uv *)user;
	uint64_t deadline;

	(void)loop;
	ferry_uv_hold(adapter, ferry_host_look(&adapter->host, &deadline));
	if (adapter->host.prepared && !uv_is_closing((uv_handle_t *)&adapter->timer))
		ferry_uv_set_timer(adapter, deadline);
}

FERRY_ADAPT void ferry_uv_prepare(uv_prepare_t *prepare)
{
	ferry_uv *adapter = (ferry_uv *)prepare->data;
	uint64_t deadline;

	ferry_uv_hold(adapter, ferry_host_prepare(&adapter->host, &deadline));
	ferry_uv_set_timer(adapter, deadline);
}

FERRY_ADAPT void ferry_uv_check(uv_check_t *check)
{
	ferry_uv *adapter = (ferry_uv *)check->data;
	int readable = adapter->readable;
	uint64_t deadline;

	adapter->readable = 0;
	/* One that left is freed by uv, which is not done with it, unless uv was run inside. */
	if (ferry_host_check(&adapter->host, readable)) {
		if (!adapter->handles)
			free(adapter);
		return;
	}
	/* uv_run() looks next whether there is anything to go on for. */
	ferry_uv_hold(adapter, ferry_host_look(&adapter->host, &deadline));
}

FERRY_ADAPT void ferry_uv_closed(uv_handle_t *handle)
{
	ferry_uv *adapter = (ferry_uv *)handle->data;

	if (!--adapter->handles && !adapter->host.dispatching)
		free(adapter);
}

FERRY_ADAPT void ferry_uv_close(ferry_uv *adapter)
{
	uv_handle_t *handles[FERRY_UV_HANDLES] = {
		(uv_handle_t *)&adapter->poll,    (uv_handle_t *)&adapter->timer,
		(uv_handle_t *)&adapter->idle,    (uv_handle_t *)&adapter->prepare,
		(uv_handle_t *)&adapter->check,
	};

	for (int i = 0; i < FERRY_UV_HANDLES; i++)
		uv_close(handles[i], ferry_uv_closed);
}

/**
 * ferry_uv_attach() - let a loop live in libuv's
 * @uv:   the host, of this thread
 * @loop: the loop, which has no other host
 * @ret:  where to put the adapter; untouched on failure
 *
 * From then on uv_run() does what ferry_loop_run() would, and goes on as long as the loop has
 * something pending. Callbacks of the loop run in uv's check phase, at most the loop's budget in
 * a round. Five handles of @uv belong to the adapter; who closes them by uv_walk() closes all
 * five.
 *
 * Ownership: *@ret is to be given to ferry_uv_detach().
 * Context:   the thread of both.
 * Return:    0; -EINVAL; -EBUSY if @loop has a host; -EPERM; -ESHUTDOWN; -ECHILD; -ENOMEM;
 *            -EMFILE; another negative errno of libuv.
 */
FERRY_ADAPT int ferry_uv_attach(uv_loop_t *uv, ferry_loop *loop, ferry_uv **ret)
{
	ferry_uv *adapter;
	int error;

	if (!uv || !loop || !ret)
		return -EINVAL;
	adapter = (ferry_uv *)calloc(1, sizeof(*adapter));
	if (!adapter)
		return -ENOMEM;
	adapter->uv = uv;
	adapter->poll.data = adapter->timer.data = adapter->idle.data = adapter->prepare.data =
		adapter->check.data = adapter;
	error = ferry_host_open(&adapter->host, loop, ferry_uv_changed, adapter);
	if (error >= 0) {
		/* The one that can fail first: until then uv has nothing of ours. */
		error = uv_poll_init(uv, &adapter->poll, adapter->host.fd);
		if (error < 0)
			ferry_host_close(&adapter->host);
	}
	if (error < 0) {
		free(adapter);
		return error;
	}
	adapter->handles = FERRY_UV_HANDLES;
	uv_timer_init(uv, &adapter->timer);
	uv_idle_init(uv, &adapter->idle);
	uv_prepare_init(uv, &adapter->prepare);
	uv_check_init(uv, &adapter->check);
	uv_prepare_start(&adapter->prepare, ferry_uv_prepare);
	uv_check_start(&adapter->check, ferry_uv_check);
	uv_unref((uv_handle_t *)&adapter->timer);
	uv_unref((uv_handle_t *)&adapter->idle);
	uv_unref((uv_handle_t *)&adapter->prepare);
	uv_unref((uv_handle_t *)&adapter->check);
	ferry_uv_changed(loop, adapter);
	*ret = adapter;
	return 0;
}

/**
 * ferry_uv_detach() - take a loop out of libuv's
 * @adapter: of ferry_uv_attach(); NULL is allowed
 *
 * At any time, from inside the loop's callbacks too, with requests in flight, and after the loop
 * was closed. What the loop has in flight stays so: run it, or attach it elsewhere. The memory is
 * freed when uv_run() has closed the handles, so let uv run once more before uv_loop_close(),
 * which says UV_EBUSY before. If somebody else has closed them, call this when uv_run() has called
 * his callbacks: it frees the memory at once.
 *
 * Ownership: takes @adapter. Context: the thread of both.
 * Return:    0; what ferry_loop_dispatch() failed with first.
 */
FERRY_ADAPT int ferry_uv_detach(ferry_uv *adapter)
{
	int closed, error;

	if (!adapter)
		return 0;
	closed = uv_is_closing((uv_handle_t *)&adapter->poll);
	/* Before its descriptor goes. */
	if (!closed)
		ferry_uv_close(adapter);
	error = ferry_host_close(&adapter->host);
	if (closed) {
		adapter->handles = 0;
		if (!adapter->host.dispatching)
			free(adapter);
	}
	return error;
}

#ifdef __cplusplus
}
#endif
#endif
