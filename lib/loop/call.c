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

struct call_timer {
	struct ferry_timer timer; /* first: what the caller has is a pointer to it */
	struct ferry_loop *loop;
	ferry_callback fn;
	void *user;
};
#define TIMER_ROOM 0
_Static_assert(sizeof(struct call_timer) <= BLOCK_LEAST, "a timer fits the smallest block");

static struct call_timer *call_timer_of(struct ferry_timer *timer)
{
	return container(timer, struct call_timer, timer);
}

static void timer_fire(struct ferry_timer *timer)
{
	struct call_timer fired = *call_timer_of(timer);

	block_give(&fired.loop->blocks, call_timer_of(timer), TIMER_ROOM);
	if (!fired.loop->closed)
		fired.fn(fired.loop, fired.user);
}

int ferry_loop_call_at(ferry_loop *loop, uint64_t deadline_ns, ferry_callback fn, void *user,
		       ferry_timer **ret)
{
	struct call_timer *call;
	int error = loop_check(loop);

	if (error || !fn || deadline_ns == FERRY_NO_DEADLINE)
		return error ? error : -EINVAL;
	call = block_take(&loop->blocks, sizeof(*call), TIMER_ROOM);
	if (!call)
		return -ENOMEM;
	*call = (struct call_timer){ { .fire = timer_fire }, loop, fn, user };
	error = loop_add_timer(loop, &call->timer, deadline_ns);
	if (error) {
		block_give(&loop->blocks, call, TIMER_ROOM);
		return error;
	}
	if (ret)
		*ret = &call->timer;
	return 0;
}

int ferry_timer_cancel(ferry_timer *timer)
{
	struct ferry_loop *loop = timer ? call_timer_of(timer)->loop : NULL;
	int error = loop_check(loop);

	if (error)
		return error;
	loop_remove_timer(loop, timer);
	block_give(&loop->blocks, call_timer_of(timer), TIMER_ROOM);
	return 0;
}
