/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loop as a lodger in somebody else's: a descriptor, a deadline, dispatch, hooks.
 *
 * The host's thread, which is the loop's (steps "drain" and "deliver" of a request). A
 * host without hooks polls, then dispatches; one with hooks calls prepare before it
 * polls and check after. Invariant (L1): between dispatches, or between prepare and
 * check, the loop is armed, or its descriptor is readable because work is left.
 */
#include "loop/turn.h"

#include "base/clock.h"

int ferry_loop_fd(ferry_loop *loop)
{
	int error = loop_check(loop);

	return error ? error : loop->epoll;
}

uint64_t ferry_loop_deadline(ferry_loop *loop)
{
	/* A post whose bell failed made nothing readable: this is the other way to hear of it. */
	if (loop_check(loop) || loop->ready_count || !stack_looks_empty(&turn_port(loop)->inbox))
		return 0;
	return timers_next(&loop->timers);
}

/* The host polls no more. That it was rung soon after it was prepared says that polling the inbox
 * would have served; that it is busy with its own says nothing. */
static void wake(struct ferry_loop *loop)
{
	sleep_end(loop);
	if (loop->prepared_ns && loop->bell_is_due && loop->poll_credit <= 0)
		sleep_judge(loop, clock_now() - loop->prepared_ns);
	loop->prepared_ns = 0;
}

int ferry_loop_dispatch(ferry_loop *loop, unsigned budget)
{
	int error = turn_check(loop), handled;

	if (error)
		return error;
	loop->stopped = false;
	sleep_note_begin(loop);
	wake(loop);
	/* Perhaps it was called for a ring that came late, or that prepare found: an event
	 * that nobody takes would keep the descriptor readable, and the host from sleeping. */
	if (!loop->ready_count && stack_looks_empty(&turn_port(loop)->inbox))
		loop->bell_is_due = true;
	error = sleep_look(loop);
	if (error >= 0)
		error = sleep_ring_error(loop);
	if (error < 0) {
		if (!loop->hooked)
			sleep_rest(loop);
		return error;
	}
	handled = turn_run(loop, budget ? budget : loop->budget);
	if (handled < 0)
		return handled;
	sleep_note_end(loop, clock_now());
	/* With hooks prepare arms, and says if work is left. */
	error = loop->hooked ? 0 : sleep_rest(loop);
	if (loop->host_is_new)
		loop_tell_host(loop);
	return error < 0 ? error : handled;
}

int ferry_loop_prepare(ferry_loop *loop)
{
	int error = loop_check(loop);
	uint64_t now;

	if (error)
		return error;
	/* A host that was run in there: what is due waits until that has ended. */
	if (loop_is_busy(loop))
		return -EBUSY;
	loop->hooked = true;
	now = clock_now();
	/* A host may prepare twice: nobody shall ring while the inbox is polled. */
	sleep_end(loop);
	if (loop->ready_count || timers_next(&loop->timers) <= now ||
	    !stack_looks_empty(&turn_port(loop)->inbox) ||
	    sleep_poll(loop, &now, timers_next(&loop->timers)))
		return 1;
	loop->prepared_ns = now;
	return port_arm(turn_port(loop)) ? 0 : 1;
}

void loop_tell_host(struct ferry_loop *loop)
{
	/* That it is closed is told last. */
	if (loop->in_turn || loop->closed)
		return;
	loop->host_is_new = false;
	loop->changed(loop, loop->host);
}

int ferry_loop_set_host(ferry_loop *loop, ferry_callback changed, void *user)
{
	int error = loop_check(loop);

	if (!error && changed && loop->changed)
		error = -EBUSY;
	if (error)
		return error;
	loop->changed = changed;
	loop->host = user;
	loop->host_is_new = changed && loop->in_turn;
	/* The next host may have no hooks. A turn ends so that one can poll, and outside of turns
	 * this does. */
	loop->hooked = false;
	return loop->in_turn ? 0 : sleep_rest(loop);
}

int ferry_loop_check(ferry_loop *loop)
{
	int error = turn_check(loop);

	if (!error)
		wake(loop);
	return error;
}
