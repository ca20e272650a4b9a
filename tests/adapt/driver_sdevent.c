/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sd-event as a host. */
#include "driver.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <systemd/sd-event.h>

static void *make(size_t count, size_t bytes)
{
	return driver_fails() ? NULL : calloc(count, bytes);
}

#define calloc make
#define timerfd_create(...) (driver_fails() ? (errno = EMFILE, -1) : timerfd_create(__VA_ARGS__))
#define timerfd_settime(...) (driver_fails() ? (errno = EPERM, -1) : timerfd_settime(__VA_ARGS__))
#define sd_event_add_io(...) (driver_fails() ? -ENOMEM : sd_event_add_io(__VA_ARGS__))
#define sd_event_add_time(...) (driver_fails() ? -ENOMEM : sd_event_add_time(__VA_ARGS__))
#define sd_event_source_set_prepare(...) \
	(driver_fails() ? -ENOMEM : sd_event_source_set_prepare(__VA_ARGS__))
#include <ferry/adapt/sdevent.h>
#undef calloc
#undef timerfd_create
#undef timerfd_settime
#undef sd_event_add_io
#undef sd_event_add_time
#undef sd_event_source_set_prepare

struct host {
	sd_event *event;
	bool stopped;
};

static void *host_open(void)
{
	struct host *host = malloc(sizeof(*host));

	if (!host || sd_event_new(&host->event) < 0)
		abort();
	return host;
}

static void host_close(void *user)
{
	struct host *host = user;

	sd_event_unref(host->event);
	free(host);
}

static int attach(void *user, ferry_loop *loop, void **ret)
{
	struct host *host = user;
	ferry_sdevent *adapter;
	int error = ferry_sdevent_attach(host ? host->event : NULL, loop, ret ? &adapter : NULL);

	if (!error)
		*ret = adapter;
	return error;
}

static int detach(void *adapter)
{
	return ferry_sdevent_detach(adapter);
}

/* One that has exited cannot be run again. */
static void run(void *user)
{
	struct host *host = user;

	for (host->stopped = false; !host->stopped;)
		if (sd_event_run(host->event, UINT64_MAX) < 0)
			abort();
}

static void turn(void *user)
{
	if (sd_event_run(((struct host *)user)->event, 0) < 0)
		abort();
}

static void stop(void *user)
{
	((struct host *)user)->stopped = true;
}

struct source {
	struct driver_source source;
	sd_event_source *event;
	uint64_t period_us;
};

static int expired(sd_event_source *event, uint64_t now_us, void *user)
{
	struct source *source = user;

	sd_event_source_set_time(event, now_us + source->period_us);
	sd_event_source_set_enabled(event, SD_EVENT_ONESHOT);
	source->source.fn(source->source.user);
	return 0;
}

static int readable(sd_event_source *event, int fd, uint32_t events, void *user)
{
	struct source *source = user;

	(void)event;
	(void)fd;
	(void)events;
	source->source.fn(source->source.user);
	return 0;
}

static struct source *source_new(struct host *host, driver_callback *fn, void *user)
{
	struct source *source = malloc(sizeof(*source));

	if (!source)
		abort();
	source->source = (struct driver_source){ fn, user, host };
	return source;
}

static void *timer_new(void *user, unsigned milliseconds, driver_callback *fn, void *arg)
{
	struct host *host = user;
	struct source *source = source_new(host, fn, arg);

	source->period_us = milliseconds * 1000u;
	if (sd_event_add_time(host->event, &source->event, CLOCK_MONOTONIC,
			      ferry_now_ns() / 1000 + source->period_us, 1, expired, source) < 0)
		abort();
	return source;
}

static void *watch_new(void *user, int fd, driver_callback *fn, void *arg)
{
	struct host *host = user;
	struct source *source = source_new(host, fn, arg);

	if (sd_event_add_io(host->event, &source->event, fd, EPOLLIN, readable, source) < 0)
		abort();
	return source;
}

static int prepared(sd_event_source *event, void *user)
{
	struct source *source = user;

	(void)event;
	source->source.fn(source->source.user);
	return 0;
}

/* Of a source that nothing happens to. */
static void *hook_new(void *user, driver_callback *fn, void *arg)
{
	struct host *host = user;
	struct source *source = source_new(host, fn, arg);

	if (sd_event_add_time(host->event, &source->event, CLOCK_MONOTONIC, UINT64_MAX - 1, 1,
			      expired, source) < 0 ||
	    sd_event_source_set_prepare(source->event, prepared) < 0)
		abort();
	return source;
}

static void source_free(void *user)
{
	struct source *source = user;

	sd_event_source_disable_unref(source->event);
	free(source);
}

const struct driver driver = {
	.name = "sd-event",
	.hooked = false,
	.ends = false,
	.nests = false,
	.faults = 7,
	.open = host_open,
	.close = host_close,
	.attach = attach,
	.detach = detach,
	.detach_closed = detach,
	.run = run,
	.turn = turn,
	.stop = stop,
	.timer_new = timer_new,
	.timer_free = source_free,
	.watch_new = watch_new,
	.watch_free = source_free,
	.hook_new = hook_new,
	.hook_free = source_free,
};
unsigned driver_fail;
