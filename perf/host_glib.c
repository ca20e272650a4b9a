/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GLib as a host of the library's loop: opened, attached, run until nothing is pending. */
#include "hosts.h"

#include "bench.h"

#include <ferry/adapt/glib.h>
#include <stdlib.h>

struct glib_side {
	GMainContext *context;
	ferry_loop *loop;
	ferry_glib *adapter;
};

static void *glib_open(ferry_loop *loop)
{
	struct glib_side *side = malloc(sizeof(*side));

	if (!side)
		bench_fail("out of memory");
	side->context = g_main_context_new();
	side->loop = loop;
	bench_check(ferry_glib_attach(side->context, loop, &side->adapter), "ferry_glib_attach");
	return side;
}

static void glib_run(void *user)
{
	struct glib_side *side = user;

	while (ferry_loop_pending(side->loop) > 0)
		g_main_context_iteration(side->context, TRUE);
}

static void glib_close(void *user)
{
	struct glib_side *side = user;

	bench_check(ferry_glib_detach(side->adapter), "ferry_glib_detach");
	g_main_context_unref(side->context);
	free(side);
}

const struct host host_glib = { glib_open, glib_run, glib_close };
