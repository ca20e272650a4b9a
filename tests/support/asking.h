/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_ASKING_H
#define SUPPORT_ASKING_H
/*
 * Which way file calls went, told by what was counted for them.
 *
 *   asking_begin();                                 a loop that knows its mounts, a pool of one
 *   way_of(asks_file, ways_inline) == HIT           worker, and a folder with "file" in it, which
 *   block();                                        the caches have, whoever clears them
 *   ...                                             the worker is inside a call
 *   unblock();
 *   asking_end();
 */
#include <string.h>

#include "support/folder.h"
#include "support/gate.h"
#include "support/ways.h"

static ferry_loop *loop;
static ferry_pool *pool; /* one worker */
static int held;         /* others on the machine may clear its caches */

/* Its first call is still to be made. */
static inline void asking_begin_anew(void)
{
	loop = fixture_loop();
	pool = fixture_pool(1);
	folder_make();
	folder_file("file", "content");
	held = ways_hold(folder_path("file"));
}

static inline void asking_begin(void)
{
	asking_begin_anew();
	ways_begin(loop, pool);
}

static inline void asking_end(void)
{
	close(held);
	folder_remove();
	fixture_end(loop, pool);
}

static inline void configure(ferry_fs_settings settings)
{
	int error;

	settings.size = sizeof(settings);
	error = ferry_fs_configure(loop, &settings);
	if (error)
		fixture_die("no settings", error);
}

static inline ferry_fs_options policy(ferry_fs_policy policy)
{
	return (ferry_fs_options){ .size = sizeof(ferry_fs_options), .policy = policy };
}

/* ---- what became of a call ---- */

enum way { OTHER, HIT, MISSED, AVOIDED };

/* By what was counted for it; after one that is not a hit the loop runs until it is done. */
static inline enum way way_of(ferry_local *(*begins)(const ferry_fs_options *options),
		       const ferry_fs_options *options)
{
	ferry_fs_counters before = ways_counters(loop), after;
	ferry_local *local = begins(options);
	bool is_done = ferry_local_snapshot(local).done;
	uint64_t hits, misses, avoided, pooled;

	after = ways_counters(loop);
	hits = after.hits - before.hits;
	misses = after.misses - before.misses;
	avoided = after.avoided - before.avoided;
	pooled = after.pooled - before.pooled;
	ways_end(loop, local);
	ferry_local_unref(local);
	ways_counters(loop);
	if (after.calls != before.calls + 1 || hits + misses + avoided != 1 || hits + pooled != 1 ||
	    hits != is_done)
		return OTHER;
	return hits ? HIT : misses ? MISSED : AVOIDED;
}

static inline ferry_local *asks_file(const ferry_fs_options *options)
{
	return ferry_fs_stat(loop, pool, folder_path("file"), options);
}
/* ---- the worker ---- */

static struct gate gate;
static ferry_local *blocked;

static inline int wait_at(void *arg, ferry_result *out)
{
	(void)out;
	gate_wait(arg);
	return 0;
}

static inline void block(void)
{
	gate_init(&gate);
	blocked = ferry_offload(loop, pool, wait_at, &gate, NULL);
	gate_await(&gate, 1);
}

static inline void unblock(void)
{
	gate_open(&gate);
	if (ferry_loop_run(loop))
		fixture_die("the loop does not end", 0);
	blocked = ferry_local_unref(blocked);
}

/* ---- mounts ---- */

static unsigned seen; /* since one was looked for */
static const char *wanted;

static inline int see(const ferry_fs_mount *mount, void *user)
{
	seen++;
	if (strcmp(mount->point, wanted))
		return 0;
	*(ferry_fs_mount *)user = *mount;
	return 7;
}

/* What the loop knows of it; its strings are not there any more. */
static inline bool see_mount(const char *point, ferry_fs_mount *ret)
{
	int said;

	seen = 0;
	wanted = point;
	said = ferry_fs_each_mount(loop, see, ret);
	if (said && said != 7)
		fixture_die("no mounts", said);
	return said;
}

#endif
