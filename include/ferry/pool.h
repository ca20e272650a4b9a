/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_POOL_H
#define FERRY_POOL_H
/*
 * Floor 3, one house: the worker pool, which runs functions that may block.
 *
 *   submit -> queued -> a worker takes it -> running -> its future is done
 *
 * When submit returns, the job is visible and an awake worker will find it, unless
 * all are busy. A job waits only while every worker allowed to run it is busy: k
 * blocking calls on k threads all start. First in, first out per submitting thread
 * and lane. Nothing is lost because a thread could not be created (that is tried
 * again at the next submit or start of a job, and by workers that wait), a worker
 * exited or the pool shrank.
 *
 * The pool knows no loop; to have a result on a loop, see <ferry/bridge.h>.
 *
 *   pool/job.h        a function, its options, what it may ask of itself
 *   pool/pool.h       made, given jobs, resized, shut down, counted
 *   pool/map.h        one function on many arguments
 *   pool/lane.h       queues of their own inside a pool
 *   pool/executor.h   somebody else's pool
 */
#include <ferry/pool/job.h>
#include <ferry/pool/pool.h>
#include <ferry/pool/map.h>
#include <ferry/pool/lane.h>
#include <ferry/pool/executor.h>
#endif
