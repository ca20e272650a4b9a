/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the loop waits: it polls a moment, then sleeps until it is rung.
 *
 * The loop's thread only (step "ring" of a request, seen from the other side), between
 * two turns. Invariant (L1): it sleeps only armed, after it looked at its inbox again.
 */
#include "loop/turn.h"

#include "base/clock.h"
#include "base/park.h"
#include "base/sys.h"

/* Polling pays as long as the last polls hit. */
#define POLL_CREDIT_MOST 32
/* With more than that it gives way before the first look, too: what comes in one by one
 * costs a turn each, and a worker may be waiting for this CPU. */
#define FEW_IN_FLIGHT 4
#define EVENTS 64

/* ---- what epoll has ---- */

void sleep_end(struct ferry_loop *loop)
{
	if (port_disarm(turn_port(loop)))
		loop->bell_is_due = true;
}

/* Waits so long, and is awake: how many events, or a negative errno. */
static int take_events(struct ferry_loop *loop, uint64_t timeout_ns)
{
	struct epoll_event events[EVENTS];
	int count = sys_epoll_wait(loop->epoll, events, EVENTS, timeout_ns);
	bool bell = false;

	if (count < 0) {
		sleep_end(loop);
		return count == -EINTR ? 0 : count;
	}
	/* A turn follows: no host is told of what becomes due. */
	loop->in_turn = true;
	for (int i = 0; i < count; i++)
		if (events[i].data.u64 == WATCH_BELL)
			bell = true;
		else
			watch_dispatch(&loop->watches, loop->epoll, &events[i]);
	loop->in_turn = false;
	/* The write may come only now, if it was rung for just before: then the next look
	 * finds an event for nothing. */
	loop->bell_is_due = port_disarm(turn_port(loop)) && !bell;
	loop->only_bell = bell && count == 1;
	return count;
}

/* Without waiting, and without a system call if there can be nothing. */
int sleep_look(struct ferry_loop *loop)
{
	if (!loop->watches.count && !loop->bell_is_due)
		return 0;
	return take_events(loop, 0);
}

/* ---- waiting ---- */

void sleep_note_begin(struct ferry_loop *loop)
{
	loop->busy_since_ns = clock_now();
}

void sleep_note_end(struct ferry_loop *loop, uint64_t now_ns)
{
	uint64_t busy = now_ns - loop->busy_since_ns;

	if (busy > loop->counters.longest_dispatch_ns)
		loop->counters.longest_dispatch_ns = busy;
}

static bool may_poll(const struct ferry_loop *loop, uint64_t now_ns)
{
	return loop->poll_ns && loop->in_flight && loop->poll_credit > 0 &&
	       yielding_allowed(&loop->yielding, now_ns);
}

static bool look_often(struct port *port)
{
	for (int i = 0; i < 32; i++) {
		if (!stack_looks_empty(&port->inbox))
			return true;
		park_pause();
	}
	return false;
}

/*
 * Looks at the inbox for a moment before it sleeps: true if something came. It gives way
 * between looks, so that a worker that waits for this CPU gets it: being rung would cost
 * more than the two switches (docs/decisions/005-polling.md).
 */
bool sleep_poll(struct ferry_loop *loop, uint64_t *now_ns, uint64_t deadline_ns)
{
	struct port *port = turn_port(loop);
	uint64_t until = *now_ns + loop->poll_ns;

	if (!may_poll(loop, *now_ns))
		return false;
	if (until > deadline_ns)
		until = deadline_ns;
	loop->counters.polls++;
	if (loop->in_flight > FEW_IN_FLIGHT)
		*now_ns = yielding_once(&loop->yielding, *now_ns, &port->inbox);
	do {
		if (look_often(port)) {
			loop->counters.poll_hits++;
			loop->poll_credit = POLL_CREDIT_MOST;
			return true;
		}
		*now_ns = yielding_once(&loop->yielding, *now_ns, &port->inbox);
	} while (*now_ns < until);
	loop->poll_credit--;
	return !stack_looks_empty(&port->inbox);
}

void sleep_judge(struct ferry_loop *loop, uint64_t slept_ns)
{
	if (loop->poll_credit <= 0 && loop->poll_ns && slept_ns < 10 * loop->poll_ns)
		loop->poll_credit = 1;
}

/* How long a sleep may last. A poll may have gone beyond the deadline. */
static uint64_t time_until(uint64_t deadline_ns, uint64_t now_ns)
{
	if (deadline_ns == FERRY_NO_DEADLINE)
		return FERRY_NO_DEADLINE;
	return deadline_ns > now_ns ? deadline_ns - now_ns : 0;
}

/* Until something is due or the deadline: 0 or a negative errno. */
int sleep_until(struct ferry_loop *loop, uint64_t deadline_ns)
{
	struct port *port = turn_port(loop);
	uint64_t now;
	int count;

	if (timers_next(&loop->timers) < deadline_ns)
		deadline_ns = timers_next(&loop->timers);
	now = clock_now();
	sleep_note_end(loop, now);
	loop->busy_since_ns = now;
	/* Between two calls of run_once it is armed: nobody shall ring while it polls. */
	sleep_end(loop);
	if (loop->ready_count || !stack_looks_empty(&port->inbox))
		return sleep_look(loop);
	if (deadline_ns <= now || sleep_poll(loop, &now, deadline_ns)) {
		sleep_note_begin(loop);
		return sleep_look(loop);
	}
	if (!port_arm(port)) {
		sleep_end(loop);
		sleep_note_begin(loop);
		return sleep_look(loop);
	}
	loop->counters.sleeps++;
	count = take_events(loop, time_until(deadline_ns, now));
	sleep_note_begin(loop);
	sleep_judge(loop, loop->busy_since_ns - now);
	return count;
}

/* A ring that failed for good is the loop's failure (L1). */
int sleep_ring_error(struct ferry_loop *loop)
{
	struct port *port = turn_port(loop);

	/* Relaxed: a report, and it is told once. */
	if (!atomic_load_relaxed(&port->ring_error))
		return 0;
	/* seq_cst because there is no weaker exchange here; nothing is ordered by it. */
	return atomic_exchange_seq_cst(&port->ring_error, 0);
}

/*
 * Until the next turn posts ring again, and what is left keeps the descriptor readable:
 * a host may poll it next. 0 or a negative errno.
 */
int sleep_rest(struct ferry_loop *loop)
{
	if (!loop->ready_count && !loop->overdue && port_arm(turn_port(loop)))
		return 0;
	loop->bell_is_due = true;
	return port_remind(turn_port(loop));
}
