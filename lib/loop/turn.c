/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A turn of the loop: drain the inbox, fire timers, call what is ready; and running the
 * loop turn after turn.
 *
 * The loop's thread only (steps "drain" and "deliver" of a request), after a post.
 * Invariant (L5): a turn handles at most what was due when it began, up to its budget,
 * and timers have half of it, so neither they nor completions starve.
 */
#include "loop/turn.h"

#include "base/clock.h"

void turn_drain(struct ferry_loop *loop)
{
	struct port *port = turn_port(loop);
	struct ferry_waiter *node;
	size_t posts = 0;

	if (stack_looks_empty(&port->inbox))
		return;
	/* [post-drain] acquire (rcu.c), partner: port_post(). */
	node = chain_reverse(stack_take_all(&port->inbox));
	for (; node; posts++) {
		struct ferry_waiter *next = node->next;

		loop_make_ready(loop, node);
		node = next;
	}
	loop->counters.posts += posts;
}

/* ---- callbacks ---- */

static void fire_timers(struct ferry_loop *loop, unsigned most)
{
	/* Those that are due now. One that a timer adds waits for the next turn, and stands
	 * behind them however early its deadline: else they might never have theirs. */
	struct timers *timers = &loop->timers;
	uint64_t now = timers->count ? clock_now() : 0, added = timers->sequence;

	timers->floor_ns = now;
	while (most-- && loop->left && !loop_is_stopped(loop) && timers_next(timers) <= now &&
	       timers->heap[1].timer->sequence < added) {
		struct timer *timer = timers_take_due(timers, now);

		loop->left--;
		timer->fire(timer);
	}
	timers->floor_ns = 0;
	loop->overdue = timers_next(timers) <= now;
}

static void call_ready(struct ferry_loop *loop, size_t due)
{
	while (due-- && loop->left && !loop_is_stopped(loop)) {
		struct ferry_waiter *node = chain_take(&loop->ready);

		loop->ready_count--;
		loop->left--;
		node->notify(node);
	}
}

/* The child of a fork, back from the callback that forked. If it freed the loop there, what
 * is left of that is the handle. */
static int end_in_child(struct ferry_loop *loop)
{
	loop->in_turn = false;
	if (loop->closed)
		ferry_loop_unref(loop);
	return -ECHILD;
}

int turn_run(struct ferry_loop *loop, unsigned budget)
{
	/* An odd budget has its odd one for either by turns: one of 1 serves both. */
	unsigned for_timers = budget / 2 + (budget & loop->counters.turns & 1);
	size_t due;

	loop->in_turn = true;
	loop->counters.turns++;
	loop->left = budget;
	turn_drain(loop);
	due = loop->ready_count;
	fire_timers(loop, due ? for_timers : budget);
	call_ready(loop, due);
	if (loop->generation != process_generation)
		return end_in_child(loop);
	loop->counters.callbacks += budget - loop->left;
	loop->in_turn = false;
	return (int)(budget - loop->left);
}

/* ---- turn after turn ---- */

static bool is_pending(const struct ferry_loop *loop)
{
	return loop->ready_count || loop->timers.count || loop->in_flight;
}

/* What another thread posted may be all there is. */
static bool has_pending(struct ferry_loop *loop)
{
	if (!is_pending(loop))
		turn_drain(loop);
	return is_pending(loop);
}

int turn_check(const struct ferry_loop *loop)
{
	int error = loop_check(loop);

	return error ? error : loop->in_turn ? -EBUSY : 0;
}

/*
 * Waits, and then has a turn: how many callbacks, or a negative errno. A ring whose write
 * comes late is an event for nothing: then it waits on.
 */
static int wait_and_turn(struct ferry_loop *loop, uint64_t deadline_ns)
{
	int handled;

	do {
		loop->only_bell = false;
		handled = sleep_until(loop, deadline_ns);
		if (handled >= 0)
			handled = sleep_ring_error(loop);
		if (handled >= 0)
			handled = turn_run(loop, loop->budget);
	} while (!handled && loop->only_bell && !loop->stopped && has_pending(loop));
	return handled;
}

/* Leaves the loop so that a host could poll it: @result unless that fails. */
static int leave(struct ferry_loop *loop, int result)
{
	int error;

	/* Not ours: neither armed nor rung. */
	if (result == -ECHILD)
		return result;
	error = sleep_rest(loop);
	/* No wait follows that would note how long this dispatch took. */
	sleep_note_end(loop, clock_now());
	return error && result >= 0 ? error : result;
}

int ferry_loop_run_once(ferry_loop *loop, uint64_t deadline_ns)
{
	int error = turn_check(loop);

	if (error)
		return error;
	loop->stopped = false;
	if (!has_pending(loop))
		return 0;
	sleep_note_begin(loop);
	return leave(loop, wait_and_turn(loop, deadline_ns));
}

int ferry_loop_run(ferry_loop *loop)
{
	int error = turn_check(loop), handled = 0;

	if (error)
		return error;
	loop->stopped = false;
	sleep_note_begin(loop);
	while (handled >= 0 && !loop->stopped && has_pending(loop))
		handled = wait_and_turn(loop, FERRY_NO_DEADLINE);
	return leave(loop, handled < 0 ? handled : loop->stopped);
}

int ferry_loop_stop(ferry_loop *loop)
{
	int error = loop_check(loop);

	if (!error)
		loop->stopped = true;
	return error;
}
