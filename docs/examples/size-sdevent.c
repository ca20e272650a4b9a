/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizes of files, from sd-event's loop, which exits when all have been told. */
#include <ferry.h>
#include <ferry/adapt/sdevent.h>
#include <inttypes.h>
#include <stdio.h>

static sd_event *host;
static int left;

static void show(ferry_local *local, void *path)
{
	ferry_snapshot answer = ferry_local_snapshot(local);

	if (answer.exception)
		printf("%s: %s\n", (char *)path, ferry_error_message(answer.exception));
	else
		printf("%s: %" PRIu64 "\n", (char *)path,
		       ((const ferry_stat *)answer.result.pointer)->size);
	ferry_local_unref(local);
	if (!--left)
		sd_event_exit(host, 0);
}

int main(int argc, char **argv)
{
	ferry_pool *pool;
	ferry_loop *loop;
	ferry_sdevent *adapter;

	if (ferry_pool_new(NULL, &pool) < 0 || ferry_loop_new(NULL, &loop) < 0 ||
	    sd_event_default(&host) < 0 ||
	    ferry_sdevent_attach(host, loop, &adapter) < 0)
		return 1;
	left = argc - 1;
	for (int i = 1; i < argc; i++)
		ferry_local_add_done_callback(ferry_fs_stat(loop, pool, argv[i], NULL), show,
					      argv[i]);
	if (left)
		sd_event_loop(host);
	ferry_sdevent_detach(adapter);
	sd_event_unref(host);
	ferry_loop_free(loop);
	ferry_pool_free(pool);
	return 0;
}
