/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizes of files, from libev's loop: ev_run() ends when all have been told. */
#include <ferry.h>
#include <ferry/adapt/ev.h>
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
	struct ev_loop *host = ev_default_loop(EVFLAG_AUTO);
	ferry_pool *pool;
	ferry_loop *loop;
	ferry_ev *adapter;

	if (ferry_pool_new(NULL, &pool) < 0 || ferry_loop_new(NULL, &loop) < 0 ||
	    ferry_ev_attach(host, loop, &adapter) < 0)
		return 1;
	for (int i = 1; i < argc; i++)
		ferry_local_add_done_callback(ferry_fs_stat(loop, pool, argv[i], NULL), show,
					      argv[i]);
	ev_run(host, 0);
	ferry_ev_detach(adapter);
	ev_loop_destroy(host);
	ferry_loop_free(loop);
	ferry_pool_free(pool);
	return 0;
}
