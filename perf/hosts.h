/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_HOSTS_H
#define PERF_HOSTS_H
/*
 * Loops of others, in which the library's lives by its adapter. Compiled against each where it is
 * found (PERF_HAVE_...); elsewhere its cases are skipped and say why.
 */
#include <ferry/loop.h>

/* How a workload's loop is run, if not by itself. */
struct host {
	void *(*open)(ferry_loop *loop); /* attached */
	void (*run)(void *side);         /* until nothing is pending */
	void (*close)(void *side);
};

#ifdef PERF_HAVE_LIBUV
extern const struct host host_uv;
#define HOST_UV (&host_uv)
#define HOST_UV_SKIP NULL
#else
#define HOST_UV NULL
#define HOST_UV_SKIP "libuv was not found when this was built (Debian: libuv1-dev)"
#endif
#ifdef PERF_HAVE_LIBEVENT
extern const struct host host_event;
#define HOST_EVENT (&host_event)
#define HOST_EVENT_SKIP NULL
#else
#define HOST_EVENT NULL
#define HOST_EVENT_SKIP "libevent was not found when this was built (Debian: libevent-dev)"
#endif
#ifdef PERF_HAVE_LIBEV
extern const struct host host_ev;
#define HOST_EV (&host_ev)
#define HOST_EV_SKIP NULL
#else
#define HOST_EV NULL
#define HOST_EV_SKIP "libev was not found when this was built (Debian: libev-dev)"
#endif
#ifdef PERF_HAVE_GLIB
extern const struct host host_glib;
#define HOST_GLIB (&host_glib)
#define HOST_GLIB_SKIP NULL
#else
#define HOST_GLIB NULL
#define HOST_GLIB_SKIP "GLib was not found when this was built (Debian: libglib2.0-dev)"
#endif
#ifdef PERF_HAVE_SDEVENT
extern const struct host host_sdevent;
#define HOST_SDEVENT (&host_sdevent)
#define HOST_SDEVENT_SKIP NULL
#else
#define HOST_SDEVENT NULL
#define HOST_SDEVENT_SKIP "sd-event was not found when this was built (Debian: libsystemd-dev)"
#endif

#endif
