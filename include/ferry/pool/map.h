/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_POOL_MAP_H
#define FERRY_POOL_MAP_H
/*
 * One function on many arguments, the results in order.
 */
#include <ferry/pool/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An iteration over the results of one function on many arguments. */
typedef struct ferry_map ferry_map;

/**
 * ferry_pool_map() - run one function on many arguments, results in order
 * @pool:    the pool
 * @fn:      the function
 * @args:    array [count] of arguments, copied
 * @count:   0 to 1,000,000
 * @window:  how many may be submitted and not yet asked for; 0: all
 * @options: of each job; may be NULL
 * @ret:     where to put the iteration
 *
 * The first window is submitted before this returns; one more for each result taken.
 *
 * Ownership: *@ret is the caller's, to be given to ferry_map_free(). The pool, a lane
 *            and options.context are used until every argument was submitted.
 * Context:   as ferry_pool_submit().
 * Return:    0; as ferry_pool_submit() if the first window cannot be submitted, in
 *            which case what was submitted of it is cancelled.
 */
FERRY_API FERRY_MUST_CHECK int ferry_pool_map(ferry_pool *pool, ferry_function fn,
					      void *const *args, size_t count, size_t window,
					      const ferry_job_options *options, ferry_map **ret);

/**
 * ferry_map_next() - the outcome for the next argument
 * @map:         the iteration
 * @deadline_ns: absolute, or FERRY_NO_DEADLINE; also for waiting for room in the queue
 * @ret:         where to put the future, which is done
 *
 * Ownership: *@ret is a new reference.
 * Context:   any thread but a loop's; one thread at a time.
 * Return:    1 with *@ret set; 0 when all were given; -ETIMEDOUT; -EDEADLK on a
 *            loop's thread; -EINVAL; as ferry_pool_submit() if the next job could
 *            not be submitted (call again to retry: nothing is skipped).
 */
FERRY_API FERRY_MUST_CHECK int ferry_map_next(ferry_map *map, uint64_t deadline_ns,
					      ferry_future **ret);

/**
 * ferry_map_free() - end a map, finished or not
 * @map: NULL is allowed
 *
 * Cancels what was submitted and not given out.
 *
 * Ownership: takes @map. Context: any thread. Return: NULL.
 */
FERRY_API ferry_map *ferry_map_free(ferry_map *map);

#ifdef __cplusplus
}
#endif
#endif
