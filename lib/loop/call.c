/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls: functions that the loop is to call soon, from another thread, or at a time.
 *
 * On the loop's thread, but call_soon_threadsafe (beside the steps of a request: they
 * use the ready list, the inbox and the timers). Invariant: each function is called
 * once, from the loop, in order, unless the loop closes before; none inside the call
 * that asks for it (L2).
 */
#include "loop/loop.h"

#include "base/memory.h"
#include "base/process.h"

struct call {
	struct ferry_waiter node;
	struct ferry_loop *loop;
	ferry_callback fn;
	void *user;
};
#define CALL_ROOM 0
_Static_assert(sizeof(struct call) <= BLOCK_LEAST, "a call fits the smallest block");

static void call_here(struct ferry_waiter *node)
{
	struct call call = *container(node, struct call, node);

	block_give(&call.loop->blocks, container(node, struct call, node), CALL_ROOM);
	if (!call.loop->closed)
		call.fn(call.loop, call.user);
}

int ferry_loop_call_soon(ferry_loop *loop, ferry_callback fn, void *user)
{
	int error = loop_check(loop);
	struct call *call;

	if (error || !fn)
		return error ? error : -EINVAL;
	call = block_take(&loop->blocks, sizeof(*call), CALL_ROOM);
	if (!call)
		return -ENOMEM;
	*call = (struct call){ { NULL, call_here }, loop, fn, user };
	loop_make_ready(loop, &call->node);
	return 0;
}

/* Came from another thread, so it is not of the loop's own memory. */
static void call_from_afar(struct ferry_waiter *node)
{
	struct call call = *container(node, struct call, node);

	memory_free(container(node, struct call, node));
	if (!call.loop->closed)
		call.fn(call.loop, call.user);
}

int ferry_loop_call_soon_threadsafe(ferry_loop *loop, ferry_callback fn, void *user)
{
	struct call *call;

	if (!loop || !fn)
		return -EINVAL;
	if (loop->generation != process_generation)
		return -ECHILD;
	call = memory_new_small(sizeof(*call));
	if (!call)
		return -ENOMEM;
	*call = (struct call){ { NULL, call_from_afar }, loop, fn, user };
	if (loop_post(loop, &call->node))
		return 0;
	memory_free(call);
	return -ESHUTDOWN;
}

/* ---- timers ---- */

struct ferry_timer {
	struct timer timer;
	struct ferry_loop *loop;
	ferry_callback fn;
	void *user;
};
#define TIMER_ROOM 0
_Static_assert(sizeof(struct ferry_timer) <= BLOCK_LEAST, "a timer fits the smallest block");

static void timer_fire(struct timer *timer)
{
	struct ferry_timer fired = *container(timer, struct ferry_timer, timer);

	block_give(&fired.loop->blocks, container(timer, struct ferry_timer, timer), TIMER_ROOM);
	if (!fired.loop->closed)
		fired.fn(fired.loop, fired.user);
}

int ferry_loop_call_at(ferry_loop *loop, uint64_t deadline_ns, ferry_callback fn, void *user,
		       ferry_timer **ret)
{
	struct ferry_timer *timer;
	int error = loop_check(loop);

	if (error || !fn || deadline_ns == FERRY_NO_DEADLINE)
		return error ? error : -EINVAL;
	timer = block_take(&loop->blocks, sizeof(*timer), TIMER_ROOM);
	if (!timer)
		return -ENOMEM;
	*timer = (struct ferry_timer){ { .fire = timer_fire }, loop, fn, user };
	error = timer_add(&loop->timers, &timer->timer, deadline_ns);
	if (error) {
		block_give(&loop->blocks, timer, TIMER_ROOM);
		return error;
	}
	if (ret)
		*ret = timer;
	return 0;
}

int ferry_timer_cancel(ferry_timer *timer)
{
	int error = timer ? loop_check(timer->loop) : -EINVAL;

	if (error)
		return error;
	timer_remove(&timer->loop->timers, &timer->timer);
	block_give(&timer->loop->blocks, timer, TIMER_ROOM);
	return 0;
}
