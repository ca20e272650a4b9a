/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_POOL_LANE_H
#define FERRY_POOL_LANE_H
/*
 * Lanes: queues inside a pool, each with limits of its own, and workers for it alone.
 */
#include <ferry/pool/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Lanes that every pool has. The numbers are ABI. */
typedef enum ferry_lane_kind {
	FERRY_LANE_ORDINARY = 0, /* for jobs that name none; not limited */
	FERRY_LANE_FS = 1,       /* for calls to filesystems; not limited */
	FERRY_LANE_DNS = 2,      /* for look-ups of names, which may be slow: max_running is half
				    of max_threads, at least 1, and follows a resize */
	FERRY_LANE_CPU = 3       /* for computing: max_running is ferry_cpu_count() */
} ferry_lane_kind;

/**
 * ferry_pool_lane() - one of the lanes that every pool has
 * @pool: the pool
 * @kind: which one
 *
 * Called "ordinary", "fs", "dns" and "cpu". None of them is brief, has workers reserved or a
 * limit of how many may wait, until ferry_lane_configure() says so.
 *
 * Ownership: borrowed until ferry_pool_free(); ferry_lane_free() of one does nothing.
 * Context:   any thread.
 * Return:    the lane; NULL with errno EINVAL if @pool is NULL or there is no such kind,
 *            ECHILD after a fork.
 */
FERRY_API ferry_lane *ferry_pool_lane(ferry_pool *pool, ferry_lane_kind kind);

/** Options of a lane. Zero means the default of each field. */
typedef struct ferry_lane_options {
	size_t size;          /* sizeof(ferry_lane_options) */
	const char *name;     /* for people; copied, cut at 15 bytes; NULL: "lane" */
	unsigned max_running; /* jobs of this lane inside their function; 0: no limit */
	int brief;            /* 1: its jobs promise not to block, so that a worker may put off
				 ringing a loop until 16 are done; results are visible to an
				 awake loop at once all the same. A job that breaks the promise
				 delays results of this lane only. */
	unsigned reserved;    /* workers that no other lane may occupy, for its jobs that come;
				 at most max_running, if that is limited, and of all lanes
				 together less than max_threads; 0: none */
	size_t max_queued;    /* jobs waiting in this lane; what submit does then is the pool's
				 when_full; the pool's own limit holds as well; 0: none of its
				 own */
} ferry_lane_options;
#define FERRY_LANE_OPTIONS_INIT { sizeof(ferry_lane_options), NULL, 0, 0, 0, 0 }

/**
 * ferry_lane_new() - make a queue of its own inside a pool
 * @pool:    the pool
 * @options: may be NULL
 * @ret:     where to put the lane
 *
 * Lanes with work take turns; within one, first in, first out.
 *
 * Ownership: *@ret is the caller's; it may be freed before or after its pool.
 * Context:   any thread.
 * Return:    0; -EINVAL, also if too many workers are reserved; -E2BIG; -ENOSPC beyond 252,
 *            those that were freed and still have jobs included; -ESHUTDOWN;
 *            -ENOTRECOVERABLE if the pool is broken; -ECHILD; -ENOMEM.
 */
FERRY_API FERRY_MUST_CHECK int ferry_lane_new(ferry_pool *pool, const ferry_lane_options *options,
					      ferry_lane **ret);

/**
 * ferry_lane_configure() - change the limits of a lane while it works
 * @lane:    any lane, also one that every pool has
 * @options: max_running, reserved and max_queued as they are to be from now on, 0: none; name
 *           NULL and brief 0: both are kept
 *
 * What may run or be submitted now is found at once. Jobs over a lowered limit stay: those that
 * run end, those that wait are not refused. Workers inside calls of other lanes come to what is
 * reserved when their call has ended.
 *
 * Context: any thread.
 * Return:  0; -EINVAL, also if too many workers are reserved; -E2BIG; -ESHUTDOWN;
 *          -ENOTRECOVERABLE if the pool is broken; -ECHILD. On failure nothing changes.
 */
FERRY_API int ferry_lane_configure(ferry_lane *lane, const ferry_lane_options *options);

/** What a lane has done and is doing, and its limits. */
typedef struct ferry_lane_counters {
	uint64_t accepted; /* jobs that came in; what is in none of the three below ended before
			      it ran */
	uint64_t queued;
	uint64_t running;  /* or in the hand of who is about to run them */
	uint64_t ran;      /* functions that returned, whatever they returned */
	unsigned max_running, reserved; /* as configured; 0: no limit, none */
	size_t max_queued;
	uint64_t sampled;               /* jobs in the sums and histograms */
	uint64_t wait_ns_sum, run_ns_sum;
	uint64_t wait_ns[FERRY_HISTOGRAM_BUCKETS]; /* from submit to start */
	uint64_t run_ns[FERRY_HISTOGRAM_BUCKETS];  /* inside the function */
} ferry_lane_counters;

/**
 * ferry_lane_stats() - read a lane's counters
 * @lane: the lane
 * @ret:  where to put them
 *
 * As ferry_pool_stats(): exact but for what is sampled; walks the lane under the pool's lock.
 * A job whose result is visible has run; only one that a worker has begun to run inside of a
 * wait may be counted as queued and as running for a moment. Those that a full queue had their
 * submitter run are not in the histograms.
 *
 * Context: any thread. Return: 0; -EINVAL; -ECHILD.
 */
FERRY_API int ferry_lane_stats(ferry_lane *lane, ferry_lane_counters *ret);

/**
 * ferry_lane_free() - let go of a lane
 * @lane: NULL is allowed
 *
 * Jobs queued in it still run, but no worker is reserved for them any more. No job may be
 * submitted to it afterwards.
 *
 * Ownership: takes @lane. Context: any thread. Return: NULL.
 */
FERRY_API ferry_lane *ferry_lane_free(ferry_lane *lane);

/**
 * ferry_lane_name() - what a lane is called
 * @lane: NULL is allowed
 *
 * Context: any thread. Return: borrowed until ferry_lane_free(); NULL of NULL.
 */
FERRY_API const char *ferry_lane_name(const ferry_lane *lane);

#ifdef __cplusplus
}
#endif
#endif
