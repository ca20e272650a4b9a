/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libev as a host. */
#include "driver.h"

#include <stdlib.h>

static void *make(size_t count, size_t bytes)
{
	return driver_fails() ? NULL : calloc(count, bytes);
}

#define calloc make
#include <ferry/adapt/ev.h>
#undef calloc

static void *host_open(void)
{
	struct ev_loop *ev = ev_loop_new(EVFLAG_AUTO);

	if (!ev)
		abort();
	return ev;
}

static void host_close(void *host)
{
	ev_loop_destroy(host);
}

static int attach(void *host, ferry_loop *loop, void **ret)
{
	ferry_ev *adapter;
	int error = ferry_ev_attach(host, loop, ret ? &adapter : NULL);

	if (!error)
		*ret = adapter;
	return error;
}

static int detach(void *adapter)
{
	return ferry_ev_detach(adapter);
}

static void run(void *host)
{
	ev_run(host, 0);
}

static void turn(void *host)
{
	ev_run(host, EVRUN_NOWAIT);
}

static void stop(void *host)
{
	ev_break(host, EVBREAK_ALL);
}

struct timer {
	struct driver_source source;
	ev_timer timer;
};

static void expired(struct ev_loop *ev, ev_timer *watcher, int events)
{
	struct timer *timer = watcher->data;

	(void)ev;
	(void)events;
	timer->source.fn(timer->source.user);
}

static void *timer_new(void *host, unsigned milliseconds, driver_callback *fn, void *user)
{
	struct timer *timer = malloc(sizeof(*timer));

	if (!timer)
		abort();
	timer->source = (struct driver_source){ fn, user, host };
	ev_now_update(host);
	ev_timer_init(&timer->timer, expired, milliseconds / 1e3, milliseconds / 1e3);
	timer->timer.data = timer;
	ev_timer_start(host, &timer->timer);
	return timer;
}

static void timer_free(void *user)
{
	struct timer *timer = user;

	ev_timer_stop(timer->source.host, &timer->timer);
	free(timer);
}

struct watch {
	struct driver_source source;
	ev_io io;
};

static void readable(struct ev_loop *ev, ev_io *watcher, int events)
{
	struct watch *watch = watcher->data;

	(void)ev;
	(void)events;
	watch->source.fn(watch->source.user);
}

static void *watch_new(void *host, int fd, driver_callback *fn, void *user)
{
	struct watch *watch = malloc(sizeof(*watch));

	if (!watch)
		abort();
	watch->source = (struct driver_source){ fn, user, host };
	ev_io_init(&watch->io, readable, fd, EV_READ);
	watch->io.data = watch;
	ev_io_start(host, &watch->io);
	return watch;
}

static void watch_free(void *user)
{
	struct watch *watch = user;

	ev_io_stop(watch->source.host, &watch->io);
	free(watch);
}

struct hook {
	struct driver_source source;
	ev_prepare prepare;
};

static void prepared(struct ev_loop *ev, ev_prepare *watcher, int events)
{
	struct hook *hook = watcher->data;

	(void)ev;
	(void)events;
	hook->source.fn(hook->source.user);
}

static void *hook_new(void *host, driver_callback *fn, void *user)
{
	struct hook *hook = malloc(sizeof(*hook));

	if (!hook)
		abort();
	hook->source = (struct driver_source){ fn, user, host };
	ev_prepare_init(&hook->prepare, prepared);
	hook->prepare.data = hook;
	ev_prepare_start(host, &hook->prepare);
	return hook;
}

static void hook_free(void *user)
{
	struct hook *hook = user;

	ev_prepare_stop(hook->source.host, &hook->prepare);
	free(hook);
}

const struct driver driver = {
	.name = "libev",
	.hooked = true,
	.ends = true,
	.nests = true,
	.faults = 1,
	.open = host_open,
	.close = host_close,
	.attach = attach,
	.detach = detach,
	.detach_closed = detach,
	.run = run,
	.turn = turn,
	.stop = stop,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.watch_new = watch_new,
	.watch_free = watch_free,
	.hook_new = hook_new,
	.hook_free = hook_free,
};
unsigned driver_fail;
