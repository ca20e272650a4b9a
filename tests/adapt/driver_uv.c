/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libuv as a host. */
#include "driver.h"

#include <stdlib.h>
#include <uv.h>

static void *make(size_t count, size_t bytes)
{
	return driver_fails() ? NULL : calloc(count, bytes);
}

static int poll_begin(uv_loop_t *uv, uv_poll_t *poll, int fd)
{
	return driver_fails() ? UV_ENOMEM : uv_poll_init(uv, poll, fd);
}

#define calloc make
#define uv_poll_init poll_begin
#include <ferry/adapt/uv.h>
#undef calloc
#undef uv_poll_init

static void *host_open(void)
{
	uv_loop_t *uv = malloc(sizeof(*uv));

	if (!uv || uv_loop_init(uv))
		abort();
	return uv;
}

static void walked(uv_handle_t *handle, void *user)
{
	(void)user;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void host_close(void *host)
{
	uv_walk(host, walked, NULL);
	uv_run(host, UV_RUN_DEFAULT);
	if (uv_loop_close(host))
		abort();
	free(host);
}

static int attach(void *host, ferry_loop *loop, void **ret)
{
	ferry_uv *adapter;
	int error = ferry_uv_attach(host, loop, ret ? &adapter : NULL);

	if (!error)
		*ret = adapter;
	return error;
}

static int detach(void *adapter)
{
	return ferry_uv_detach(adapter);
}

static void run(void *host)
{
	uv_run(host, UV_RUN_DEFAULT);
}

static void turn(void *host)
{
	uv_run(host, UV_RUN_NOWAIT);
}

static void stop(void *host)
{
	uv_stop(host);
}

struct timer {
	struct driver_source source;
	uv_timer_t timer;
};

static void expired(uv_timer_t *handle)
{
	struct timer *timer = handle->data;

	timer->source.fn(timer->source.user);
}

static void freed(uv_handle_t *handle)
{
	free(handle->data);
}

static void *timer_new(void *host, unsigned milliseconds, driver_callback *fn, void *user)
{
	struct timer *timer = malloc(sizeof(*timer));

	if (!timer || uv_timer_init(host, &timer->timer))
		abort();
	timer->source = (struct driver_source){ fn, user, host };
	timer->timer.data = timer;
	uv_update_time(host);
	uv_timer_start(&timer->timer, expired, milliseconds, milliseconds);
	return timer;
}

static void timer_free(void *timer)
{
	uv_close((uv_handle_t *)&((struct timer *)timer)->timer, freed);
}

struct watch {
	struct driver_source source;
	uv_poll_t poll;
};

static void readable(uv_poll_t *handle, int status, int events)
{
	struct watch *watch = handle->data;

	(void)status;
	(void)events;
	watch->source.fn(watch->source.user);
}

static void *watch_new(void *host, int fd, driver_callback *fn, void *user)
{
	struct watch *watch = malloc(sizeof(*watch));

	if (!watch || uv_poll_init(host, &watch->poll, fd))
		abort();
	watch->source = (struct driver_source){ fn, user, host };
	watch->poll.data = watch;
	uv_poll_start(&watch->poll, UV_READABLE, readable);
	return watch;
}

static void watch_free(void *watch)
{
	uv_close((uv_handle_t *)&((struct watch *)watch)->poll, freed);
}

struct hook {
	struct driver_source source;
	uv_prepare_t prepare;
};

static void prepared(uv_prepare_t *handle)
{
	struct hook *hook = handle->data;

	hook->source.fn(hook->source.user);
}

static void *hook_new(void *host, driver_callback *fn, void *user)
{
	struct hook *hook = malloc(sizeof(*hook));

	if (!hook || uv_prepare_init(host, &hook->prepare))
		abort();
	hook->source = (struct driver_source){ fn, user, host };
	hook->prepare.data = hook;
	uv_prepare_start(&hook->prepare, prepared);
	return hook;
}

static void hook_free(void *hook)
{
	uv_close((uv_handle_t *)&((struct hook *)hook)->prepare, freed);
}

static int wait_ms(void *host)
{
	return uv_backend_timeout(host);
}

const struct driver driver = {
	.name = "libuv",
	.hooked = true,
	.ends = true,
	.nests = true,
	.faults = 2,
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
	.wait_ms = wait_ms,
};
unsigned driver_fail;
