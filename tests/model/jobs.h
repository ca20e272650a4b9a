/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODEL_JOBS_H
#define MODEL_JOBS_H
/* Jobs and pools of a scene. A pool is made and ended without being explored. */
#include <ferry/pool.h>

/* Workers never leave for being idle, nobody polls. */
ferry_pool_options jobs_options(unsigned min_threads, unsigned max_threads);
/* A pool whose workers sleep. */
ferry_pool *jobs_pool(unsigned min_threads, unsigned max_threads);
ferry_pool *jobs_pool_by(const ferry_pool_options *options);
/* A pool whose workers have not begun yet. */
ferry_pool *jobs_pool_now(unsigned min_threads, unsigned max_threads);
/* Balances the pool's books (P1), shuts it down and frees it. */
void jobs_end(ferry_pool *pool);
void jobs_check_books(ferry_pool *pool);

/* A job that does nothing but end, with the result 1. */
int jobs_nothing(void *arg, ferry_result *out);
ferry_future *jobs_submit(ferry_pool *pool);
ferry_future *jobs_submit_to(ferry_pool *pool, ferry_lane *lane);
/* Waits for it, checks that it gave a result, lets go of it. */
void jobs_wait(ferry_future *future);
void jobs_submit_and_wait(ferry_pool *pool);

/* Jobs that end only once all of them are inside their function. */
struct jobs_meeting {
	ferry_pool *pool;
	unsigned wanted, gate;
};
void jobs_call_meeting(struct jobs_meeting *meeting, ferry_pool *pool, unsigned wanted);
/* Submits one of them and waits for it. */
void jobs_join_meeting(struct jobs_meeting *meeting);
/* Submits all of them, then waits for all. */
void jobs_meet(ferry_pool *pool, ferry_lane *lane, unsigned wanted);
void jobs_meet_in_batch(ferry_pool *pool, unsigned wanted);

#endif
