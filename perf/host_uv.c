/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libuv as a host of the library's loop: opened, attached, run until nothing is pending. */
#include "hosts.h"

#include "bench.h"

#include <ferry/adapt/uv.h>
#include <stdlib.h>

struct uv_side {
	uv_loop_t uv;
	ferry_uv *adapter;
};

static void *uv_open(ferry_loop *loop)
{
	struct uv_side *side = malloc(sizeof(*side));

	if (!side)
		bench_fail("out of memory");
	bench_check(uv_loop_init(&side->uv), "uv_loop_init");
	bench_check(ferry_uv_attach(&side->uv, loop, &side->adapter), "ferry_uv_attach");
	return side;
}

static void uv_run_all(void *user)
{
	struct uv_side *side = user;

	uv_run(&side->uv, UV_RUN_DEFAULT);
}

static void uv_close_all(void *user)
{
	struct uv_side *side = user;

	bench_check(ferry_uv_detach(side->adapter), "ferry_uv_detach");
	uv_run(&side->uv, UV_RUN_DEFAULT);
	bench_check(uv_loop_close(&side->uv), "uv_loop_close");
	free(side);
}

const struct host host_uv = { uv_open, uv_run_all, uv_close_all };
