/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_FS_H
#define FS_FS_H
/*
 * What a loop knows of filesystems: its mounts, how they behave, how often the caches
 * have the answer. Made with the loop's first file call; the loop's thread only.
 */
#include <ferry/fs.h>

#include "base/list.h"
#include "fs/mounts.h"
#include "fs/status.h"
#include "loop/loop.h"

/* How often attempts hit lately, of 1024; and how many were left out since the last one. */
struct hits {
	uint16_t rate, left_out;
};
#define HITS_ALL 1024

#define HEALTH_BUCKETS 256

/* How the filesystem behind some mounts behaves. */
struct health {
	struct cds_list_head link;      /* among all */
	struct health *beside;          /* the next of its bucket */
	uint64_t device;
	bool remote;                    /* limited, and put into quarantine */
	bool listed;                    /* the table of mounts has it */
	bool stuck;
	uint64_t answered_ns;           /* when a call on it last returned with an answer */
	bool linked;                    /* links, or what is below a root, led calls there */
	uint64_t slow_until_ns;
	size_t under_way, waiting;
	struct cds_list_head out;       /* requests on the pool, the oldest first */
	struct cds_list_head queue;     /* requests that wait for a place, the oldest first */
	struct request *probe;          /* let through although it is stuck */
};

struct fs {
	struct ferry_loop *loop;
	ferry_fs_settings settings; /* completed */
	ferry_fs_counters counters;
	struct mounts *mounts;      /* NULL: not read yet */
	struct health **healths;    /* of its entries */
	uint64_t version;           /* of the table; no two of this process have the same */
	bool weak;                  /* a walk that ends on some mount's root may ask a server */
	bool reading;               /* a worker reads it */
	uint64_t slow_until_ns;     /* until then some mount is slow */
	uint64_t unknown_ns;        /* when it is read again because one was met that it lacks */
	int watch;                  /* tells when it has changed; -1: none */
	uint64_t look_ns;           /* when to look at that next */
	bool blind;                 /* this kernel answers nothing inline */
	bool release_known, short_reads; /* nor reads: it is one that gave too little */
	uint64_t turn;              /* of the loop, in which the next was counted */
	long switches;              /* how often its thread had gone to sleep by then */
	uint64_t watched_ns;        /* when the last attempt ended */
	struct hits hits;           /* of calls without a root */
	struct hits read_hits;
	struct cds_list_head all;       /* healths */
	struct health *buckets[HEALTH_BUCKETS]; /* the same by device: there may be thousands */
	struct cds_list_head elsewhere; /* requests on the pool that are on no remote mount */
	size_t linked;                  /* healths that are, and stuck */
	size_t apart;                   /* under way, but in nobody's way: look-ups, what is late */
	struct ferry_timer timer;       /* looks for requests that take too long */
	uint64_t timer_ns;              /* when, if it is armed */
};

/* Of this loop, made if need be; NULL: no memory. */
struct fs *fs_of(struct ferry_loop *loop);

/* A mount was met that is not in the table, or the table is old: a worker reads it. */
void fs_read_mounts(struct fs *fs, ferry_pool *pool);
/* The same at once, if it may have changed: for when workers may be held up. It asks no
 * filesystem, but is too long for each call. */
void fs_read_mounts_now(struct fs *fs);
/* Now and then: has the table changed? */
void fs_look(struct fs *fs, ferry_pool *pool, uint64_t now_ns);

/* Of an entry in the table. */
static inline struct health *fs_health(const struct fs *fs, const struct mount_entry *entry)
{
	return fs->healths[entry - fs->mounts->entries];
}

/* What statx() is to tell of the mount, so that the table knows it. */
static inline unsigned fs_mount_mask(const struct fs *fs)
{
	return fs->mounts && fs->mounts->unique ? STATUS_UNIQUE_MOUNT : STATUS_MOUNT;
}

/* NULL: the table does not have it. */
static inline const struct mount_entry *fs_mount_of(const struct fs *fs,
						    const struct statx *status)
{
	return fs->mounts && status->stx_mask & fs_mount_mask(fs)
		       ? mounts_by_id(fs->mounts, status->stx_mnt_id)
		       : NULL;
}

#endif
