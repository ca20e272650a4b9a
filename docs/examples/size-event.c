/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizes of files, from libevent's loop: event_base_dispatch() ends when all have been told. */
#include <ferry.h>
#include <ferry/adapt/event.h>
#include <inttypes.h>
#include <stdio.h>

static void show(ferry_local *local, void *path)
{
	ferry_snapshot answer = ferry_local_snapshot(local);

	if (answer.exception)
		printf("%s: %s\n", (char *)path, ferry_error_message(answer.exception));
	else
		printf("%s: %" PRIu64 "\n", (char *)path,
		       ((const ferry_stat *)answer.result.pointer)->size);
	ferry_local_unref(local);
}

int main(int argc, char **argv)
{
	struct event_base *host = event_base_new();
	ferry_pool *pool;
	ferry_loop *loop;
	ferry_libevent *adapter;

	if (ferry_pool_new(NULL, &pool) < 0 || ferry_loop_new(NULL, &loop) < 0 ||
	    !host || ferry_libevent_attach(host, loop, &adapter) < 0)
		return 1;
	for (int i = 1; i < argc; i++)
		ferry_local_add_done_callback(ferry_fs_stat(loop, pool, argv[i], NULL), show,
					      argv[i]);
	event_base_dispatch(host);
	ferry_libevent_detach(adapter);
	event_base_free(host);
	ferry_loop_free(loop);
	ferry_pool_free(pool);
	return 0;
}
