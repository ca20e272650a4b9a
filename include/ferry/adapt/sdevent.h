/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_ADAPT_SDEVENT_H
#define FERRY_ADAPT_SDEVENT_H
/*
 * libferry in sd-event: a ferry loop lives in an sd_event, which keeps its sd_event_loop().
 *
 *   prepare          of the io source, before each poll: arms the loop, sets the timer, enables due
 *                    if something is
 *   io, timer, due   dispatch
 *
 * due is a descriptor that is always readable. A deferred source would be before all others for
 * ever, and a timer of a time long ago wakes its thread by an interrupt.
 *
 * There is no hook behind the poll: while other sources are dispatched a post may ring,
 * once.
 */
#include <ferry/adapt/host.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <systemd/sd-event.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What ties a loop to sd-event. In the adapter's hands: read and write nothing. */
typedef struct ferry_sdevent {
	ferry_host host;
	sd_event_source *io, *timer, *due;
} ferry_sdevent;

/* How long sd-event waits. */
FERRY_ADAPT void ferry_sdevent_set_timer(ferry_sdevent *adapter, uint64_t deadline_ns)
{
	sd_event_source_set_enabled(adapter->due, deadline_ns ? SD_EVENT_OFF : SD_EVENT_ON);
	if (deadline_ns && deadline_ns != FERRY_NO_DEADLINE) {
		sd_event_source_set_time(adapter->timer,
					 deadline_ns / 1000 + (deadline_ns % 1000 != 0));
		sd_event_source_set_enabled(adapter->timer, SD_EVENT_ONESHOT);
	} else {
		sd_event_source_set_enabled(adapter->timer, SD_EVENT_OFF);
	}
}

/* A loop that is closed leaves nothing to poll. */
FERRY_ADAPT void ferry_sdevent_changed(ferry_loop *loop, void *user)
{
	ferry_sdevent *adapter = (ferry_sdevent *)user;
	uint64_t deadline;

	(void)loop;
	ferry_host_look(&adapter->host, &deadline);
	if (adapter->host.closed)
		sd_event_source_set_enabled(adapter->io, SD_EVENT_OFF);
	if (adapter->host.closed || adapter->host.prepared)
		ferry_sdevent_set_timer(adapter, deadline);
}

FERRY_ADAPT int ferry_sdevent_prepare(sd_event_source *source, void *user)
{
	ferry_sdevent *adapter = (ferry_sdevent *)user;
	uint64_t deadline;

	(void)source;
	ferry_host_prepare(&adapter->host, &deadline);
	ferry_sdevent_set_timer(adapter, deadline);
	return 0;
}

FERRY_ADAPT int ferry_sdevent_dispatch(ferry_sdevent *adapter)
{
	if (ferry_host_check(&adapter->host, 1))
		free(adapter);
	return 0;
}

FERRY_ADAPT int ferry_sdevent_readable(sd_event_source *source, int fd, uint32_t events,
				       void *user)
{
	(void)source;
	(void)fd;
	(void)events;
	return ferry_sdevent_dispatch((ferry_sdevent *)user);
}

FERRY_ADAPT int ferry_sdevent_expired(sd_event_source *source, uint64_t now_us, void *user)
{
	(void)source;
	(void)now_us;
	return ferry_sdevent_dispatch((ferry_sdevent *)user);
}

FERRY_ADAPT void ferry_sdevent_remove(ferry_sdevent *adapter)
{
	sd_event_source_disable_unref(adapter->io);
	sd_event_source_disable_unref(adapter->timer);
	sd_event_source_disable_unref(adapter->due);
}

FERRY_ADAPT int ferry_sdevent_add_due(ferry_sdevent *adapter, sd_event *event)
{
	const struct itimerspec soon = { { 0, 0 }, { 0, 1 } };
	/* What has expired is readable until it is read; sd-event needs timerfds itself. */
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), error;

	if (fd < 0)
		return -errno;
	error = timerfd_settime(fd, 0, &soon, NULL) < 0 ? -errno : 0;
	if (error >= 0)
		error = sd_event_add_io(event, &adapter->due, fd, EPOLLIN, ferry_sdevent_readable,
					adapter);
	if (error < 0) {
		close(fd);
		return error;
	}
	sd_event_source_set_io_fd_own(adapter->due, 1);
	return sd_event_source_set_enabled(adapter->due, SD_EVENT_OFF);
}

FERRY_ADAPT int ferry_sdevent_add(ferry_sdevent *adapter, sd_event *event)
{
	int error;

	error = sd_event_add_io(event, &adapter->io, adapter->host.fd, EPOLLIN,
				ferry_sdevent_readable, adapter);
	/* One microsecond is as exact as it gets: zero means a quarter of a second. */
	if (error >= 0)
		error = sd_event_add_time(event, &adapter->timer, CLOCK_MONOTONIC, 0, 1,
					  ferry_sdevent_expired, adapter);
	if (error >= 0)
		error = sd_event_source_set_enabled(adapter->timer, SD_EVENT_OFF);
	if (error >= 0)
		error = ferry_sdevent_add_due(adapter, event);
	if (error >= 0)
		error = sd_event_source_set_prepare(adapter->io, ferry_sdevent_prepare);
	return error < 0 ? error : 0;
}

/**
 * ferry_sdevent_attach() - let a loop live in sd-event's
 * @event: the host, of this thread
 * @loop:  the loop, which has no other host
 * @ret:   where to put the adapter; untouched on failure
 *
 * From then on sd_event_loop() does what ferry_loop_run() would. Callbacks of the loop run as one
 * source's handler does, of the normal priority, at most the loop's budget of them.
 *
 * Ownership: *@ret is to be given to ferry_sdevent_detach(); until then it keeps @event.
 * Context:   the thread of both.
 * Return:    0; -EINVAL; -EBUSY if @loop has a host; -EPERM; -ESHUTDOWN; -ECHILD; -ENOMEM;
 *            -EMFILE; another negative errno of sd-event.
 */
FERRY_ADAPT int ferry_sdevent_attach(sd_event *event, ferry_loop *loop, ferry_sdevent **ret)
{
	ferry_sdevent *adapter;
	int error;

	if (!event || !loop || !ret)
		return -EINVAL;
	adapter = (ferry_sdevent *)calloc(1, sizeof(*adapter));
	if (!adapter)
		return -ENOMEM;
	error = ferry_host_open(&adapter->host, loop, ferry_sdevent_changed, adapter);
	if (error < 0) {
		free(adapter);
		return error;
	}
	error = ferry_sdevent_add(adapter, event);
	if (error < 0) {
		ferry_sdevent_remove(adapter);
		ferry_host_close(&adapter->host);
		free(adapter);
		return error;
	}
	*ret = adapter;
	return 0;
}

/**
 * ferry_sdevent_detach() - take a loop out of sd-event's
 * @adapter: of ferry_sdevent_attach(); NULL is allowed
 *
 * At any time, from inside the loop's callbacks too, with requests in flight, and after the loop
 * was closed. What the loop has in flight stays so: run it, or attach it elsewhere.
 *
 * Ownership: takes @adapter. Context: the thread of both.
 * Return:    0; what ferry_loop_dispatch() failed with first.
 */
FERRY_ADAPT int ferry_sdevent_detach(ferry_sdevent *adapter)
{
	int dispatching, error;

	if (!adapter)
		return 0;
	dispatching = adapter->host.dispatching;
	ferry_sdevent_remove(adapter);
	error = ferry_host_close(&adapter->host);
	if (!dispatching)
		free(adapter);
	return error;
}

#ifdef __cplusplus
}
#endif
#endif
