/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_HEALTH_H
#define FS_HEALTH_H
/* How mounts behave: slow ones, places on remote ones, quarantine. The loop's thread only. */
#include "fs/fs.h"

struct request;

/* A loop's accounts are begun, and freed when it closes. */
void health_begin(struct fs *fs);
void health_free_all(struct fs *fs);
/* The settings have changed. */
void health_configured(struct fs *fs);

/* A new table of mounts: each entry's account, NULL without memory; those that are in no
 * table any more go when nothing is under way on them. */
void health_begin_listing(struct fs *fs);
struct health *health_list(struct fs *fs, const struct mount_entry *entry);
void health_end_listing(struct fs *fs);

/* An inline call on it took too long. */
void health_demote(struct fs *fs, struct health *health, uint64_t now_ns);
static inline bool health_is_slow(const struct health *health, uint64_t now_ns)
{
	return health->slow_until_ns && now_ns < health->slow_until_ns;
}

/* It may stay under way for long, and says nothing of how many calls the pool has to do. */
void health_set_apart(struct fs *fs, struct request *request);
/*
 * Takes a request to the pool, or lets it wait for a place on its mount, or refuses it
 * because the mount is stuck.
 */
void health_admit(struct fs *fs, ferry_pool *pool, struct request *request,
		  const ferry_job_options *job);
/* Those that wait for a place go on, as far as there are places. */
void health_admit_waiting(struct fs *fs, struct health *health);
/* They fail, but for those that are done in any case. */
void health_fail_waiting(struct fs *fs, struct health *health, const ferry_error *error);

#endif
