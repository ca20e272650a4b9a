/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A turn of the loop: wait, drain the inbox, fire timers, call what is ready. And the
 * two ways of having turns: run, and a host that dispatches.
 *
 * The loop's thread only (steps "drain" and "deliver" of a request), after a post.
 * Invariants: a turn handles at most what was due when it began, up to its budget, and
 * timers have half of it, so neither they nor completions starve (L5); the loop sleeps
 * only armed, after it looked at its inbox again (L1).
 */
#include "loop/loop.h"

#include "base/clock.h"
#include "base/park.h"
#include "base/sys.h"

/* Polling pays while few are in flight and the last polls hit. */
#define POLL_IN_FLIGHT_MOST 32
#define POLL_CREDIT_MOST 32
#define EVENTS 64

static struct port *port_of(struct ferry_loop *loop)
{
	return atomic_load_relaxed(&loop->port); /* Relaxed: only this thread changes it. */
}

void turn_drain(struct ferry_loop *loop)
{
	struct port *port = port_of(loop);
	struct ferry_waiter *node;

	if (stack_looks_empty(&port->inbox))
		return;
	/* [post-drain] acquire (rcu.c), partner: port_post(). */
	node = chain_reverse(stack_take_all(&port->inbox));
	while (node) {
		struct ferry_waiter *next = node->next;

		loop_make_ready(loop, node);
		loop->counters.posts++;
		node = next;
	}
}

/* ---- what epoll has ---- */

/* Waits so long: how many events, or a negative errno. */
static int take_events(struct ferry_loop *loop, uint64_t timeout_ns)
{
	struct epoll_event events[EVENTS];
	int count = sys_epoll_wait(loop->epoll, events, EVENTS, timeout_ns);

	if (count < 0)
		return count == -EINTR ? 0 : count;
	for (int i = 0; i < count; i++)
		if (events[i].data.u64 == WATCH_BELL)
			loop->bell_is_due = false;
		else
			watch_dispatch(&loop->watches, loop->epoll, &events[i]);
	return count;
}

/* Without waiting, and without a system call if there can be nothing. */
static int look_at_events(struct ferry_loop *loop)
{
	if (!loop->watches.count && !loop->bell_is_due)
		return 0;
	return take_events(loop, 0);
}

static void wake_up(struct ferry_loop *loop)
{
	if (port_disarm(port_of(loop)))
		loop->bell_is_due = true;
}

/* ---- callbacks ---- */

static int fire_timers(struct ferry_loop *loop, unsigned most)
{
	/* Those that are due now; one that a timer adds waits for the next turn. */
	uint64_t now = timers_next(&loop->timers) == UINT64_MAX ? 0 : clock_now();
	uint64_t added = loop->timers.sequence;
	int fired = 0;

	while (most-- && !loop->stopped && timers_next(&loop->timers) <= now &&
	       loop->timers.count && loop->timers.heap[1].timer->sequence < added) {
		struct timer *timer = timers_take_due(&loop->timers, now);

		timer->fire(timer);
		fired++;
	}
	return fired;
}

static int call_ready(struct ferry_loop *loop, unsigned most)
{
	size_t due = loop->ready_count;
	int called = 0;

	while (due-- && (unsigned)called < most && !loop->stopped) {
		struct ferry_waiter *node = chain_take(&loop->ready);

		loop->ready_count--;
		node->notify(node);
		called++;
	}
	return called;
}

/* Everything that is due, up to the budget. How many callbacks. */
static int turn(struct ferry_loop *loop, unsigned budget)
{
	unsigned for_timers = budget > 1 ? budget / 2 : 1;
	int handled;

	loop->in_turn = true;
	loop->counters.turns++;
	turn_drain(loop);
	handled = fire_timers(loop, loop->ready_count ? for_timers : budget);
	/* A budget of one serves both in turn: a timer does not stop what is ready. */
	handled += call_ready(loop, budget > (unsigned)handled ? budget - (unsigned)handled : 1);
	loop->counters.callbacks += (uint64_t)handled;
	loop->in_turn = false;
	return handled;
}

/* ---- waiting ---- */

static void end_of_wait(struct ferry_loop *loop)
{
	loop->busy_since_ns = clock_now();
}

static void note_dispatch(struct ferry_loop *loop, uint64_t now_ns)
{
	uint64_t busy = now_ns - loop->busy_since_ns;

	if (busy > loop->counters.longest_dispatch_ns)
		loop->counters.longest_dispatch_ns = busy;
}

static bool may_poll(const struct ferry_loop *loop)
{
	return loop->poll_ns && loop->in_flight && loop->in_flight <= POLL_IN_FLIGHT_MOST &&
	       loop->poll_credit > 0;
}

/* Looks at the inbox for a moment before it sleeps: true if something came. */
static bool poll(struct ferry_loop *loop, uint64_t now_ns, uint64_t deadline_ns)
{
	struct port *port = port_of(loop);
	uint64_t until = now_ns + loop->poll_ns;

	loop->counters.polls++;
	do
		for (int i = 0; i < 32; i++) {
			if (!stack_looks_empty(&port->inbox)) {
				loop->counters.poll_hits++;
				loop->poll_credit = POLL_CREDIT_MOST;
				return true;
			}
			park_pause();
		}
	while (clock_now() < until && until <= deadline_ns);
	loop->poll_credit--;
	return false;
}

/* A sleep that ended so soon that polling would have served: it may be tried again. */
static void judge_sleep(struct ferry_loop *loop, uint64_t slept_ns)
{
	if (loop->poll_credit <= 0 && loop->poll_ns && slept_ns < 10 * loop->poll_ns)
		loop->poll_credit = 1;
}

/* Until something is due or the deadline: 0 or a negative errno. */
static int wait(struct ferry_loop *loop, uint64_t deadline_ns)
{
	struct port *port = port_of(loop);
	uint64_t now;
	int count;

	if (timers_next(&loop->timers) < deadline_ns)
		deadline_ns = timers_next(&loop->timers);
	now = clock_now();
	note_dispatch(loop, now);
	loop->busy_since_ns = now;
	if (loop->ready_count || !stack_looks_empty(&port->inbox)) {
		wake_up(loop);
		return look_at_events(loop);
	}
	if (deadline_ns <= now || (may_poll(loop) && poll(loop, now, deadline_ns))) {
		wake_up(loop);
		end_of_wait(loop);
		return look_at_events(loop);
	}
	if (!port_arm(port)) {
		end_of_wait(loop);
		return look_at_events(loop);
	}
	loop->counters.sleeps++;
	count = take_events(loop, deadline_ns == FERRY_NO_DEADLINE ? UINT64_MAX : deadline_ns - now);
	wake_up(loop);
	/* The bell's event came with the sleep, or comes with a later look. */
	end_of_wait(loop);
	judge_sleep(loop, loop->busy_since_ns - now);
	return count;
}

/* A write to the eventfd that failed for good is the loop's failure (L1). */
static int ring_error(struct ferry_loop *loop)
{
	return atomic_load_relaxed(&port_of(loop)->ring_error); /* Relaxed: a report. */
}

/*
 * Until the next turn posts ring again, and what is left keeps the descriptor readable:
 * a host may poll it next. 0 or a negative errno.
 */
static int rest(struct ferry_loop *loop)
{
	if (!loop->ready_count && port_arm(port_of(loop)))
		return 0;
	loop->bell_is_due = true;
	return port_remind(port_of(loop));
}

/* ---- run ---- */

static bool is_pending(const struct ferry_loop *loop)
{
	return loop->ready_count || loop->timers.count || loop->in_flight;
}

static int check_turn(const struct ferry_loop *loop)
{
	int error = loop_check(loop);

	return error ? error : loop->in_turn ? -EBUSY : 0;
}

int ferry_loop_run_once(ferry_loop *loop, uint64_t deadline_ns)
{
	int error = check_turn(loop), handled;

	if (error)
		return error;
	loop->stopped = false;
	/* What another thread posted may be all there is. */
	turn_drain(loop);
	if (!is_pending(loop))
		return 0;
	error = wait(loop, deadline_ns);
	if (error >= 0)
		error = ring_error(loop);
	if (error < 0)
		return error;
	handled = turn(loop, loop->budget);
	error = rest(loop);
	return error ? error : handled;
}

int ferry_loop_run(ferry_loop *loop)
{
	int error = check_turn(loop);

	if (error)
		return error;
	loop->stopped = false;
	end_of_wait(loop);
	for (;;) {
		turn_drain(loop);
		if (!is_pending(loop))
			break;
		error = wait(loop, FERRY_NO_DEADLINE);
		if (error >= 0)
			error = ring_error(loop);
		if (error < 0)
			return error;
		turn(loop, loop->budget);
		if (loop->stopped)
			break;
	}
	error = rest(loop);
	return error ? error : loop->stopped;
}

int ferry_loop_stop(ferry_loop *loop)
{
	int error = loop_check(loop);

	if (!error)
		loop->stopped = true;
	return error;
}

/* ---- a host that dispatches ---- */

int ferry_loop_fd(ferry_loop *loop)
{
	int error = loop_check(loop);

	return error ? error : loop->epoll;
}

uint64_t ferry_loop_deadline(ferry_loop *loop)
{
	if (loop_check(loop) || loop->ready_count)
		return 0;
	return timers_next(&loop->timers);
}

int ferry_loop_dispatch(ferry_loop *loop, unsigned budget)
{
	int error = check_turn(loop), handled;

	if (error)
		return error;
	loop->stopped = false;
	end_of_wait(loop);
	wake_up(loop);
	error = look_at_events(loop);
	if (error >= 0)
		error = ring_error(loop);
	if (error < 0)
		return error;
	handled = turn(loop, budget ? budget : loop->budget);
	note_dispatch(loop, clock_now());
	/* With hooks prepare arms, and says if work is left. */
	error = loop->hooked ? 0 : rest(loop);
	return error < 0 ? error : handled;
}

int ferry_loop_prepare(ferry_loop *loop)
{
	int error = loop_check(loop);

	if (error)
		return error;
	loop->hooked = true;
	if (loop->ready_count || timers_next(&loop->timers) <= clock_now())
		return 1;
	return port_arm(port_of(loop)) ? 0 : 1;
}

int ferry_loop_check(ferry_loop *loop)
{
	int error = loop_check(loop);

	if (!error)
		wake_up(loop);
	return error;
}
