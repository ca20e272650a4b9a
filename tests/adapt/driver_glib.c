/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GLib as a host. */
#include "driver.h"

#include <ferry/adapt/glib.h>
#include <stdlib.h>

struct host {
	GMainContext *context;
	GMainLoop *loop;
};

static void *host_open(void)
{
	struct host *host = malloc(sizeof(*host));

	if (!host)
		abort();
	host->context = g_main_context_new();
	host->loop = g_main_loop_new(host->context, FALSE);
	return host;
}

static void host_close(void *user)
{
	struct host *host = user;

	g_main_loop_unref(host->loop);
	g_main_context_unref(host->context);
	free(host);
}

static int attach(void *user, ferry_loop *loop, void **ret)
{
	struct host *host = user;
	ferry_glib *adapter;
	/* No host is the default one, which is nobody's mistake. */
	int error = host ? ferry_glib_attach(host->context, loop, ret ? &adapter : NULL) : -EINVAL;

	if (!error)
		*ret = adapter;
	return error;
}

static int detach(void *adapter)
{
	return ferry_glib_detach(adapter);
}

static void run(void *host)
{
	g_main_loop_run(((struct host *)host)->loop);
}

static void turn(void *host)
{
	g_main_context_iteration(((struct host *)host)->context, FALSE);
}

static void stop(void *host)
{
	g_main_loop_quit(((struct host *)host)->loop);
}

struct source {
	struct driver_source source;
	GSource *gsource;
};

static gboolean expired(gpointer user)
{
	struct source *source = user;

	source->source.fn(source->source.user);
	return G_SOURCE_CONTINUE;
}

static gboolean readable(gint fd, GIOCondition condition, gpointer user)
{
	(void)fd;
	(void)condition;
	return expired(user);
}

static struct source *source_new(struct host *host, GSource *gsource, driver_callback *fn,
				 void *user)
{
	struct source *source = malloc(sizeof(*source));

	if (!source)
		abort();
	source->source = (struct driver_source){ fn, user, host };
	source->gsource = gsource;
	return source;
}

static void *timer_new(void *user, unsigned milliseconds, driver_callback *fn, void *arg)
{
	struct host *host = user;
	struct source *source =
		source_new(host, g_timeout_source_new(milliseconds), fn, arg);

	g_source_set_callback(source->gsource, expired, source, NULL);
	g_source_attach(source->gsource, host->context);
	return source;
}

static void *watch_new(void *user, int fd, driver_callback *fn, void *arg)
{
	struct host *host = user;
	struct source *source =
		source_new(host, g_unix_fd_source_new(fd, G_IO_IN), fn, arg);

	g_source_set_callback(source->gsource, G_SOURCE_FUNC(readable), source, NULL);
	g_source_attach(source->gsource, host->context);
	return source;
}

struct hook {
	GSource gsource;
	struct source *source;
};

static gboolean prepared(GSource *gsource, gint *timeout)
{
	*timeout = -1;
	expired(((struct hook *)gsource)->source);
	return FALSE;
}

static void *hook_new(void *user, driver_callback *fn, void *arg)
{
	static GSourceFuncs functions = { .prepare = prepared };
	struct host *host = user;
	GSource *gsource = g_source_new(&functions, sizeof(struct hook));
	struct source *source = source_new(host, gsource, fn, arg);

	((struct hook *)gsource)->source = source;
	g_source_attach(gsource, host->context);
	return source;
}

static void source_free(void *user)
{
	struct source *source = user;

	g_source_destroy(source->gsource);
	g_source_unref(source->gsource);
	free(source);
}

const struct driver driver = {
	.name = "GLib",
	.hooked = true,
	.ends = false,
	.nests = true,
	.faults = 0,
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
