/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Twice 21, by a task that waits for a worker in the middle.
 */
#include <ferry.h>

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

struct twice {
	FERRY_FRAME; /* first: the task */
	ferry_pool *pool;
	uint64_t number;
	ferry_await answer;
	uint64_t doubled; /* the result */
};

static int add(void *arg, ferry_result *out) /* on a worker */
{
	*out = ferry_result_u64(*(const uint64_t *)arg + *(const uint64_t *)arg);
	return 0;
}

static ferry_step twice_step(ferry_task *task) /* on the loop, goes on where it left off */
{
	FERRY_BEGIN(task, struct twice, f);
	FERRY_TRY(ferry_await_local(&f->answer, ferry_offload(ferry_task_loop(task), f->pool, add,
							      &f->number, NULL)));
	f->doubled = ferry_await_snapshot(&f->answer).result.u64;

	FERRY_FINALLY
	ferry_await_end(&f->answer);
	FERRY_END;
}

int main(void)
{
	struct twice twice = { .number = 21 };
	ferry_loop *loop;

	if (ferry_loop_new(NULL, &loop) < 0 || ferry_pool_new(NULL, &twice.pool) < 0)
		return 1;
	ferry_task_begin(&twice.task, loop, twice_step, NULL);
	if (ferry_loop_await(loop, &twice.task.awaitable) < 0)
		return 1;
	printf("%" PRIu64 "\n", twice.doubled);
	ferry_loop_free(loop);
	ferry_pool_free(twice.pool);
	return 0;
}
