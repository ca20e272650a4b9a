/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The size of the file that is named, asked for from a loop: a file call.
 */
#include <ferry.h>

#include <inttypes.h>
#include <stdio.h>

static void print(ferry_local *local, void *failed) /* on the loop */
{
	ferry_snapshot answer = ferry_local_snapshot(local);

	if (answer.exception) {
		fprintf(stderr, "%s\n", ferry_error_message(answer.exception));
		*(int *)failed = 1;
	} else {
		printf("%" PRIu64 "\n", ferry_fs_result_stat(local)->size);
	}
	ferry_local_unref(local);
}

int main(int argc, char **argv)
{
	ferry_loop *loop;
	ferry_pool *pool;
	int failed = 0;

	if (argc != 2 || ferry_loop_new(NULL, &loop) < 0 || ferry_pool_new(NULL, &pool) < 0)
		return 1;
	ferry_local_add_done_callback(ferry_fs_stat(loop, pool, argv[1], NULL), print, &failed);
	if (ferry_loop_run(loop) < 0)
		failed = 1;
	ferry_loop_free(loop);
	ferry_pool_free(pool);
	return failed;
}
