/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LOOP_PORT_H
#define LOOP_PORT_H
/*
 * The port: where completions arrive at a loop, and the bell that wakes it.
 *
 *   AWAKE   the loop looks at its inbox by itself: nobody rings
 *   ARMED   the loop sleeps, or is about to: the next post rings
 *   RUNG    the bell was rung: nobody else rings it
 *
 * The cross (L1), both halves sequentially consistent:
 *   post    pushes the node         then loads the state
 *   loop    exchanges it for ARMED  then looks at the inbox again
 * At least one of the two sees the other. No ordering is taken from the bell.
 */
#include "base/atomic.h"
#include "base/rcu.h"

enum port_state { PORT_AWAKE, PORT_ARMED, PORT_RUNG };

struct port {
	struct stack inbox;
	_Atomic int state;
	int bell;      /* an eventfd: edge-triggered in the loop's epoll, never read */
	bool is_timer; /* the bell is a timerfd, for want of eventfds, and set to ring */
	_Atomic uint64_t rings, ring_failures;
	_Atomic int ring_error; /* the last write that failed for good, negative errno */
};

/* 0 or a negative errno. */
int port_open(struct port *port);
void port_close(struct port *port);

/* Any thread, inside a read-side section: true if the loop must be rung. */
bool port_post(struct port *port, struct ferry_waiter *node);
/* Any thread, inside a read-side section: rings if that is still needed. */
void port_ring(struct port *port);

/* The loop's thread: true if it may sleep, and false, awake or rung, if there is a post. */
bool port_arm(struct port *port);
/* The loop's thread: true if it had been rung. */
bool port_disarm(struct port *port);
/* The loop's thread: makes its own epoll readable, for work that is left over. */
int port_remind(struct port *port);

#endif
