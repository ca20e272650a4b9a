/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEBUG_STILL_LOCALS_H
#define DEBUG_STILL_LOCALS_H
/* Loop-local futures of a still life, of every kind and in every state. */
#include <sys/eventfd.h>

#include "still_futures.h"

static ferry_loop *loop;
static ferry_local *local_pending, *local_number, *local_failed, *local_cancelled;
static ferry_local *local_wrapped, *local_converted, *local_chained, *local_descriptor;
static ferry_local *local_running, *local_given_up, *local_borrowing, *local_answered;

static void show(ferry_local *local, void *user)
{
	(void)local;
	(void)user;
}

static void count(ferry_local *local, void *user)
{
	(void)local;
	(void)user;
}

static ferry_local *by_hand(void)
{
	ferry_local *local = NULL;

	NEEDS(ferry_local_new(loop, &local) == 0);
	return local;
}

static ferry_local *offloaded(ferry_function fn, void *arg)
{
	ferry_local *local = ferry_offload(loop, pool, fn, arg, NULL);

	NEEDS(local);
	return local;
}

static void plain_pose(void)
{
	local_pending = by_hand();
	NEEDS(ferry_local_add_done_callback(local_pending, show, NULL) == 0 &&
	      ferry_local_add_done_callback(local_pending, count, NULL) == 0);
	local_number = by_hand();
	NEEDS(ferry_local_set_result(local_number, ferry_result_i64(5)) == 0);
	local_failed = by_hand();
	NEEDS(ferry_local_set_exception(local_failed, ferry_error_from_errno(EACCES)) == 0);
	local_cancelled = by_hand();
	NEEDS(ferry_local_cancel(local_cancelled) == 1);
}

/* Two more workers are in a function when this returns. */
static void locals_pose(void)
{
	plain_pose();
	local_wrapped = ferry_wrap(loop, watched);
	local_converted = ferry_wrap(loop, number);
	local_chained = by_hand();
	NEEDS(local_wrapped && local_converted &&
	      ferry_local_chain(local_pending, local_chained) == 0);
	local_descriptor = ferry_loop_watch_fd(loop, eventfd(0, EFD_CLOEXEC), FERRY_READABLE);
	local_answered = offloaded(answer, NULL);
	NEEDS(local_descriptor && ferry_loop_run_until(loop, local_answered) == 0);
	local_running = offloaded(hold, NULL);
	await_entered();
	local_given_up = offloaded(hold, NULL);
	await_entered();
	NEEDS(ferry_local_cancel(local_given_up) == 1);
}

#endif
