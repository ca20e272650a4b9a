/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libevent as a host. */
#include "driver.h"

#include <event2/event.h>
#include <stdlib.h>

static void *make(size_t count, size_t bytes)
{
	return driver_fails() ? NULL : calloc(count, bytes);
}

#define calloc make
#define event_add(...) (driver_fails() ? -1 : event_add(__VA_ARGS__))
#include <ferry/adapt/event.h>
#undef calloc
#undef event_add

static void *host_open(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	/* Its coarse clock is that of the kernel's ticks. */
	if (!config || event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER))
		abort();
	base = event_base_new_with_config(config);
	event_config_free(config);
	if (!base)
		abort();
	return base;
}

static void host_close(void *host)
{
	event_base_free(host);
}

static int attach(void *host, ferry_loop *loop, void **ret)
{
	ferry_libevent *adapter;
	int error = ferry_libevent_attach(host, loop, ret ? &adapter : NULL);

	if (!error)
		*ret = adapter;
	return error;
}

static int detach(void *adapter)
{
	return ferry_libevent_detach(adapter);
}

static int detach_closed(void *adapter)
{
	return ferry_libevent_abandon(adapter);
}

static void run(void *host)
{
	event_base_dispatch(host);
}

static void turn(void *host)
{
	event_base_loop(host, EVLOOP_NONBLOCK);
}

static void stop(void *host)
{
	event_base_loopbreak(host);
}

struct source {
	struct driver_source source;
	struct event *event;
};

static void happened(evutil_socket_t fd, short events, void *user)
{
	struct source *source = user;

	(void)fd;
	(void)events;
	source->source.fn(source->source.user);
}

static void *source_new(void *host, int fd, const struct timeval *period, driver_callback *fn,
			void *user)
{
	struct source *source = malloc(sizeof(*source));

	if (!source)
		abort();
	source->source = (struct driver_source){ fn, user, host };
	source->event = event_new(host, fd, EV_PERSIST | (fd < 0 ? 0 : EV_READ), happened, source);
	if (!source->event || event_add(source->event, period))
		abort();
	return source;
}

static void *timer_new(void *host, unsigned milliseconds, driver_callback *fn, void *user)
{
	struct timeval period = { milliseconds / 1000, milliseconds % 1000 * 1000 };

	return source_new(host, -1, &period, fn, user);
}

static void *watch_new(void *host, int fd, driver_callback *fn, void *user)
{
	return source_new(host, fd, NULL, fn, user);
}

static void source_free(void *user)
{
	struct source *source = user;

	event_free(source->event);
	free(source);
}

const struct driver driver = {
	.name = "libevent",
	.hooked = false,
	.ends = true,
	.nests = false,
	.faults = 2,
	.open = host_open,
	.close = host_close,
	.attach = attach,
	.detach = detach,
	.detach_closed = detach_closed,
	.run = run,
	.turn = turn,
	.stop = stop,
	.timer_new = timer_new,
	.timer_free = source_free,
	.watch_new = watch_new,
	.watch_free = source_free,
};
unsigned driver_fail;
