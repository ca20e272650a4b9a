/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_FS_COUNTERS_H
#define FERRY_FS_COUNTERS_H
/*
 * What the file calls of a loop have done, and when mounts count as slow or stuck.
 *
 * Mounts are told apart by the filesystem behind them: bind mounts share one account. Only
 * remote ones (a network, a daemon) are limited and put into quarantine.
 *
 *   slow    an inline call waited for too long: no call on that mount is made inline for a while
 *   stuck   a call on the pool takes too long, and none on the mount has returned for as long:
 *           it is in quarantine. Its calls fail at once with FERRY_ERROR_STUCK, but for one at a
 *           time that is let through as a probe. As soon as any call on it returns the
 *           quarantine is over.
 */
#include <ferry/fs/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How a loop judges mounts. Zero means the default of each field. */
typedef struct ferry_fs_settings {
	size_t size;            /* sizeof(ferry_fs_settings) */
	uint64_t slow_ns;       /* an inline call that takes longer, and in which the thread had to
				   wait, makes its mount slow; 0: 2 ms */
	uint64_t cool_off_ns;   /* how long a mount stays slow; 0: 1 s */
	uint64_t stuck_ns;      /* a call that runs longer, while none on its remote mount returns,
				   makes that stuck; 0: 5 s; FERRY_NO_DEADLINE: never */
	unsigned most_at_once;  /* calls of this loop on the pool for one remote mount; more wait
				   here; 0: half of the pool's max_threads, at least 1 */
	unsigned depth;         /* AUTO goes to the pool while so many calls are under way, or
				   callbacks are due; 0: 24 */
	uint64_t lend_ns;       /* a call on a remote mount, or a look-up of a name, that runs
				   longer lends its worker's place: until it returns the pool may
				   have one thread more; 0: 20 ms; FERRY_NO_DEADLINE: never */
} ferry_fs_settings;
#define FERRY_FS_SETTINGS_INIT { sizeof(ferry_fs_settings), 0, 0, 0, 0, 0, 0 }

/**
 * ferry_fs_configure() - say when a loop takes mounts for slow or stuck
 * @loop:     the loop
 * @settings: all of them; NULL: the defaults
 *
 * Context: the loop's thread.
 * Return:  0; -EINVAL; -E2BIG; -EPERM; -ESHUTDOWN; -ECHILD; -ENOMEM.
 */
FERRY_API int ferry_fs_configure(ferry_loop *loop, const ferry_fs_settings *settings);

/** What the file calls of a loop have done. At every instant
 *     calls = hits + pooled + waiting + refused */
typedef struct ferry_fs_counters {
	uint64_t calls;
	uint64_t hits;       /* answered inline */
	uint64_t misses;     /* tried inline, and the kernel would have had to wait, or what it had
				was a remote mount's, and might be old */
	uint64_t blocked;    /* inline calls that waited, and took longer than slow_ns */
	uint64_t demoted;    /* times a mount became slow */
	uint64_t avoided;    /* not tried inline: too many under way, too many misses, slow, not
				known yet, or a call that never is */
	uint64_t pooled;     /* given to the pool */
	uint64_t refused;    /* done before the pool had them: it refused, the mount is stuck, or
				they were cancelled or expired while they waited for a place */
	uint64_t stuck;      /* times a mount went into quarantine */
	uint64_t recovered;  /* times one came out of it */
	uint64_t probes;     /* calls let through to a stuck mount */
	uint64_t mount_reads; /* times the table of mounts was read */
	uint64_t lent;       /* calls that lent their worker's place */
	size_t under_way;    /* on the pool */
	size_t waiting;      /* for a place among the calls on their mount */
} ferry_fs_counters;

/**
 * ferry_fs_stats() - read the counters of a loop's file calls
 * @loop: the loop
 * @ret:  where to put them
 *
 * Context: the loop's thread. Return: 0; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_fs_stats(ferry_loop *loop, ferry_fs_counters *ret);

/** What a loop knows of a mount. Strings are borrowed during the call. */
typedef struct ferry_fs_mount {
	const char *point;   /* where it is mounted */
	const char *type;    /* "ext4", "nfs4", "fuse.sshfs" */
	uint64_t device;     /* of its files, as st_dev */
	int is_remote, is_slow, is_stuck;
	size_t under_way, waiting;
} ferry_fs_mount;

/**
 * ferry_fs_each_mount() - go over the mounts that a loop knows
 * @loop: the loop
 * @fn:   called for each; not 0: that ends it. It neither runs nor frees the loop, which is
 *        refused with -EBUSY
 * @user: given to @fn
 *
 * It knows them once its first file call has returned. @fn makes no file calls.
 *
 * Context: the loop's thread.
 * Return:  what @fn returned last, 0 if it was not called; -EINVAL; -EPERM; -ESHUTDOWN;
 *          -ECHILD.
 */
FERRY_API int ferry_fs_each_mount(ferry_loop *loop,
				  int (*fn)(const ferry_fs_mount *mount, void *user), void *user);

/**
 * ferry_fs_expose() - the counters as text, for a monitoring system
 * @loop:  the loop
 * @pool:  its counters are added, and those of its lanes; NULL: none
 * @write: called with piece after piece, @length bytes of @text each, not ended by 0; negative
 *         ends it. It neither runs nor frees the loop, and frees no pool
 * @user:  given to @write
 *
 * In the exposition format of Prometheus (0.0.4): # HELP, # TYPE and a line for each
 * value; times are in seconds, histograms cumulative, of the jobs that are timed
 * (sample_every). A mount that another one hides is left out. Lanes have the label lane, and
 * those of ferry_lane_new() number besides, since they may share their names. One text is of
 * one loop and one pool: a process that has more serves them apart. Allocates nothing; walks the
 * queues under the pool's lock, as ferry_pool_stats() does, and calls nothing under it.
 *
 * Context: the loop's thread.
 * Return:  0; what @write returned, if negative; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD, also if
 *          @pool is of before a fork. Of the last four none is told once something was written.
 */
FERRY_API int ferry_fs_expose(ferry_loop *loop, ferry_pool *pool,
			      int (*write)(void *user, const char *text, size_t length),
			      void *user);

#ifdef __cplusplus
}
#endif
#endif
