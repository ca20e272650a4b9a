/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Half of 84, by a function that may block: one request there and back.
 */
#include <ferry.h>

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

static int half(void *arg, ferry_result *out) /* on a worker */
{
	*out = ferry_result_u64(*(const uint64_t *)arg / 2);
	return 0;
}

static void print(ferry_local *local, void *user) /* on the loop */
{
	(void)user;
	printf("%" PRIu64 "\n", ferry_local_snapshot(local).result.u64);
	ferry_local_unref(local);
}

int main(void)
{
	uint64_t number = 84;
	ferry_loop *loop;
	ferry_pool *pool;
	int error;

	if (ferry_loop_new(NULL, &loop) < 0 || ferry_pool_new(NULL, &pool) < 0)
		return 1;
	ferry_local_add_done_callback(ferry_offload(loop, pool, half, &number, NULL), print, NULL);
	error = ferry_loop_run(loop);
	ferry_loop_free(loop);
	ferry_pool_free(pool);
	return error < 0;
}
