/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_ADAPT_GLIB_H
#define FERRY_ADAPT_GLIB_H
/*
 * libferry in GLib: a ferry loop is a GSource of a GMainContext, which is iterated as before.
 *
 *   prepare    arms the loop, says how long to wait
 *   check      disarms it: was it rung, is something due?
 *   dispatch   of what is due
 */
#include <ferry/adapt/host.h>
#include <glib-unix.h>
#include <limits.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What ties a loop to GLib: a GSource, for g_source_set_priority() and g_source_set_name(). In the
 * adapter's hands otherwise.
 */
typedef struct ferry_glib {
	GSource source; /* first: it is one */
	ferry_host host;
	gpointer polled; /* NULL: not polled, the loop is closed */
	int busy;        /* polled for nothing */
} ferry_glib;

/* A loop that is closed leaves nothing to poll. What other sources' prepare asks of it comes when
 * it has said how long to wait: then GLib goes round once more. */
FERRY_ADAPT void ferry_glib_changed(ferry_loop *loop, void *user)
{
	ferry_glib *adapter = (ferry_glib *)user;
	uint64_t deadline;

	(void)loop;
	ferry_host_look(&adapter->host, &deadline);
	if (adapter->host.closed && adapter->polled) {
		g_source_remove_unix_fd(&adapter->source, adapter->polled);
		adapter->polled = NULL;
	}
	if (adapter->host.prepared && deadline != FERRY_NO_DEADLINE)
		g_main_context_wakeup(g_source_get_context(&adapter->source));
}

FERRY_ADAPT gboolean ferry_glib_prepare(GSource *source, gint *timeout)
{
	ferry_glib *adapter = (ferry_glib *)source;
	uint64_t deadline, milliseconds;

	*timeout = -1;
	ferry_host_prepare(&adapter->host, &deadline);
	if (adapter->polled && adapter->busy != adapter->host.busy) {
		adapter->busy = adapter->host.busy;
		g_source_modify_unix_fd(source, adapter->polled,
					adapter->busy ? (GIOCondition)0 : G_IO_IN);
	}
	if (deadline == FERRY_NO_DEADLINE)
		return FALSE;
	milliseconds = ferry_host_milliseconds(deadline, ferry_now_ns() / 1000000);
	*timeout = milliseconds < INT_MAX ? (gint)milliseconds : INT_MAX;
	return deadline == 0;
}

FERRY_ADAPT gboolean ferry_glib_check(GSource *source)
{
	ferry_glib *adapter = (ferry_glib *)source;

	adapter->host.prepared = 0;
	if (adapter->host.closed || ferry_loop_check(adapter->host.loop) < 0)
		return FALSE;
	return g_source_query_unix_fd(source, adapter->polled) ||
	       ferry_host_is_due(&adapter->host);
}

FERRY_ADAPT gboolean ferry_glib_dispatch(GSource *source, GSourceFunc function, gpointer user)
{
	(void)function;
	(void)user;
	/* GLib holds the source until this has returned. */
	ferry_host_check(&((ferry_glib *)source)->host, 1);
	return G_SOURCE_CONTINUE;
}

/**
 * ferry_glib_attach() - let a loop live in GLib's
 * @context: the host, iterated by this thread; NULL: the global default one
 * @loop:    the loop, which has no other host
 * @ret:     where to put the adapter; untouched on failure
 *
 * From then on iterating @context does what ferry_loop_run() would. Callbacks of the loop run as
 * one source's dispatch does, at most the loop's budget of them. In a GMainLoop that is run inside
 * of one of them the loop is left out.
 *
 * Ownership: *@ret is to be given to ferry_glib_detach(); it is a GSource on which the caller has
 *            a reference, and which @context has attached.
 * Context:   the thread of both.
 * Return:    0; -EINVAL; -EBUSY if @loop has a host; -EPERM; -ESHUTDOWN; -ECHILD; -EMFILE. GLib
 *            ends the program where memory is short.
 */
FERRY_ADAPT int ferry_glib_attach(GMainContext *context, ferry_loop *loop, ferry_glib **ret)
{
	static GSourceFuncs functions = {
		ferry_glib_prepare, ferry_glib_check, ferry_glib_dispatch, NULL, NULL, NULL,
	};
	ferry_glib *adapter;
	int error;

	if (!loop || !ret)
		return -EINVAL;
	adapter = (ferry_glib *)g_source_new(&functions, sizeof(*adapter));
	error = ferry_host_open(&adapter->host, loop, ferry_glib_changed, adapter);
	if (error < 0) {
		g_source_unref(&adapter->source);
		return error;
	}
	adapter->polled = g_source_add_unix_fd(&adapter->source, adapter->host.fd, G_IO_IN);
	g_source_set_static_name(&adapter->source, "libferry");
	g_source_attach(&adapter->source, context);
	*ret = adapter;
	return 0;
}

/**
 * ferry_glib_detach() - take a loop out of GLib's
 * @adapter: of ferry_glib_attach(); NULL is allowed
 *
 * At any time, from inside the loop's callbacks too, with requests in flight, and after the loop
 * was closed or the context freed. What the loop has in flight stays so: run it, or attach it
 * elsewhere.
 *
 * Ownership: takes @adapter. Context: the thread of both.
 * Return:    0; what ferry_loop_dispatch() failed with first.
 */
FERRY_ADAPT int ferry_glib_detach(ferry_glib *adapter)
{
	int error;

	if (!adapter)
		return 0;
	g_source_destroy(&adapter->source);
	error = ferry_host_close(&adapter->host);
	g_source_unref(&adapter->source);
	return error;
}

#ifdef __cplusplus
}
#endif
#endif
