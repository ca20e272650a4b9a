/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program of somebody else, built outside the tree by consumers.sh: one request there and back.
 */
#include <ferry.h>

#include <stdint.h>
#include <stdio.h>

static int half(void *arg, ferry_result *out)
{
	*out = ferry_result_u64(*(const uint64_t *)arg / 2);
	return 0;
}

static void print(ferry_local *local, void *user)
{
	(void)user;
	printf("%llu\n", (unsigned long long)ferry_local_snapshot(local).result.u64);
}

int main(void)
{
	uint64_t number = 84;
	ferry_loop *loop = NULL;
	ferry_pool *pool = NULL;
	ferry_local *local;
	int failed;

	if (ferry_loop_new(NULL, &loop) < 0 || ferry_pool_new(NULL, &pool) < 0)
		return 1;
	local = ferry_offload(loop, pool, half, &number, NULL);
	failed = !local || ferry_local_add_done_callback(local, print, NULL) < 0 ||
		 ferry_loop_run(loop) < 0;
	ferry_local_unref(local);
	if (ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE) != 0)
		failed = 1;
	ferry_pool_free(pool);
	ferry_loop_free(loop);
	return failed;
}
