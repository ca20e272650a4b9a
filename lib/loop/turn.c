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

		chain_append(&loop->ready, node);
		node = next;
	}
	loop->counters.posts += posts;
	loop->ready_count += posts;
	/* Told of the first, it would drain what came after the last. */
	if (loop->ready_count == posts && loop->changed)
		loop_tell_host(loop);
}

/* ---- callbacks ---- */

static void fire_timers(struct ferry_loop *loop)
{
	/* Those that are due now. One that a timer adds waits for the next turn, and stands
	 * behind them however early its deadline: else they might never have theirs. */
	struct timers *timers = &loop->timers;
	uint64_t now = timers->count ? clock_now() : 0, added = timers->sequence;

	timers->floor_ns = now;
	while (loop->left && !loop_is_stopped(loop) && timers_next(timers) <= now &&
	       timers->heap[1].timer->sequence < added) {
		struct ferry_timer *timer = timers_take_due(timers, now);

		loop_handle(loop);
		timer->fire(timer);
	}
	timers->floor_ns = 0;
	loop->overdue = timers_next(timers) <= now;
}

static void call_ready(struct ferry_loop *loop)
{
	while (loop->due && loop->left && !loop_is_stopped(loop)) {
		struct ferry_waiter *node = chain_take(&loop->ready);

		loop->due--;
		loop->ready_count--;
		loop_handle(loop);
		node->notify(node);
	}
	loop->due = 0;
}

bool loop_forget_ready(struct ferry_loop *loop, struct ferry_waiter *node)
{
	const struct ferry_waiter *each = loop->ready.first;
	size_t before = 0;

	for (; each && each != node; each = each->next)
		before++;
	if (!chain_remove(&loop->ready, node))
		return false;
	loop->ready_count--;
	if (before < loop->due)
		loop->due--;
	return true;
}

/* The child of a fork, back from the callback that forked. If it freed the loop there, what
 * is left of that is the handle. */
static int end_in_child(struct ferry_loop *loop)
{
	loop->in_turn = false;
	loop->left = UINT64_MAX;
	if (loop->closed)
		ferry_loop_unref(loop);
	return -ECHILD;
}

int turn_run(struct ferry_loop *loop, unsigned budget)
{
	/* An odd budget has its odd one for either by turns: one of 1 serves both. */
	unsigned for_timers = budget / 2 + (budget & loop->counters.turns & 1);

	loop->in_turn = true;
	loop->counters.turns++;
	loop->handled = 0;
	turn_drain(loop);
	loop->due = loop->ready_count;
	if (!loop->due)
		for_timers = budget;
	loop->left = for_timers;
	fire_timers(loop);
	loop->left += budget - for_timers;
	call_ready(loop);
	if (loop->generation != process_generation)
		return end_in_child(loop);
	loop->counters.callbacks += loop->handled;
	loop->in_turn = false;
	loop->left = UINT64_MAX;
	return (int)loop->handled;
}

/* ---- turn after turn ---- */

static bool is_pending(const struct ferry_loop *loop)
{
	/* Deadlines of what is in flight are nothing beside it. */
	return loop->ready_count || loop->timers.count > loop->expiries || loop->in_flight;
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

	return error ? error : loop_is_busy(loop) ? -EBUSY : 0;
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
	/* Somebody else's turns, which left other things to wait for. */
	if (loop->changed)
		loop_tell_host(loop);
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

int turn_run_until(struct ferry_loop *loop, bool (*is_over)(const void *what), const void *what)
{
	int outcome, handled = 0;

	if (is_over(what))
		return 0;
	outcome = turn_check(loop);
	if (outcome)
		return outcome;
	loop->stopped = false;
	sleep_note_begin(loop);
	while (handled >= 0 && !is_over(what) && !loop->stopped && has_pending(loop))
		handled = wait_and_turn(loop, FERRY_NO_DEADLINE);
	outcome = handled < 0 ? handled : is_over(what) ? 0 : loop->stopped ? 1 : -EDEADLK;
	return leave(loop, outcome);
}

static bool is_never_over(const void *what)
{
	(void)what;
	return false;
}

int ferry_loop_run(ferry_loop *loop)
{
	int outcome = turn_run_until(loop, is_never_over, NULL);

	/* That nothing is left is how it ends. */
	return outcome == -EDEADLK ? 0 : outcome;
}

int ferry_loop_stop(ferry_loop *loop)
{
	int error = loop_check(loop);

	if (!error)
		loop->stopped = true;
	return error;
}
