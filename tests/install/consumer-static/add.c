/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 20 and 22, each asked for on a worker: a pool and its futures, without any loop.
 */
#include <ferry.h>

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

static int ask(void *arg, ferry_result *out) /* on a worker */
{
	*out = ferry_result_u64(*(const uint64_t *)arg);
	return 0;
}

int main(void)
{
	uint64_t numbers[2] = { 20, 22 }, sum = 0;
	ferry_future *futures[2];
	ferry_pool *pool;

	if (ferry_pool_new(NULL, &pool) < 0)
		return 1;
	for (int i = 0; i < 2; i++) {
		if (ferry_pool_submit(pool, ask, &numbers[i], NULL, &futures[i]) < 0)
			return 1;
	}
	if (ferry_wait_all(futures, 2, FERRY_ALL_COMPLETED, FERRY_NO_DEADLINE) < 0)
		return 1;
	for (int i = 0; i < 2; i++) {
		sum += ferry_future_snapshot(futures[i]).result.u64;
		ferry_future_unref(futures[i]);
	}
	printf("%" PRIu64 "\n", sum);
	ferry_pool_free(pool);
	return 0;
}
