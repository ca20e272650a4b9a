/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The port of a loop: inbox, state, bell.
 *
 * Any thread posts and rings (steps "post" and "ring" of a request), after the future
 * was completed; the loop's thread arms and disarms, and then drains. Invariant (L1):
 * the one who moves ARMED to RUNG rings the bell, so it is rung at most once
 * between two dispatches, and no sleeping loop has an unrung post.
 */
#include "loop/port.h"

#include "base/probe.h"
#include "base/sys.h"

int port_open(struct port *port)
{
	stack_init(&port->inbox);
	/* Relaxed, all: nobody else has seen the port yet. */
	atomic_store_relaxed(&port->state, PORT_AWAKE);
	atomic_store_relaxed(&port->rings, 0);
	atomic_store_relaxed(&port->ring_failures, 0);
	atomic_store_relaxed(&port->ring_error, 0);
	port->is_timer = false;
	port->bell = sys_eventfd();
	/* As where a filter of system calls does not know them. */
	if (port->bell == -EPERM || port->bell == -ENOSYS) {
		port->is_timer = true;
		port->bell = sys_timerfd();
	}
	return port->bell < 0 ? port->bell : 0;
}

void port_close(struct port *port)
{
	sys_close(port->bell);
}

bool port_post(struct port *port, struct ferry_waiter *node)
{
	/* [post-drain] release (rcu.c), partner: the loop's take-all. */
	stack_push(&port->inbox, node);
	/* [arm-post] seq_cst, after the push; partner: port_arm(). Weaker: this could read
	 * AWAKE while the loop's look at the inbox misses the push, and it sleeps. */
	return atomic_load_seq_cst(&port->state) == PORT_ARMED;
}

static int ring_bell(struct port *port)
{
	uint64_t one = 1;
	ssize_t written;

	if (port->is_timer)
		return sys_timerfd_expire(port->bell);
	do
		written = sys_write(port->bell, &one, sizeof(one));
	while (written == -EINTR);
	/* A full counter is a bell that rings already. */
	return written == -EAGAIN || written == sizeof(one) ? 0 : (int)written;
}

void port_ring(struct port *port)
{
	int state = PORT_ARMED, error;

	do
		if (state != PORT_ARMED)
			return;
	/* [arm-post] seq_cst: one of those who saw ARMED writes; the others' posts are in
	 * the inbox before the loop, once awake, takes it. */
	while (!atomic_swap_if_seq_cst(&port->state, &state, PORT_RUNG));
	probe(ring, port, port->bell);
	atomic_add_relaxed(&port->rings, 1); /* Relaxed: a number to show. */
	error = ring_bell(port);
	if (error) {
		/* Nothing else can wake the loop. The next post tries again, and the loop
		 * reports it when it runs. (Relaxed: numbers to show.) */
		atomic_add_relaxed(&port->ring_failures, 1);
		atomic_store_relaxed(&port->ring_error, error);
		state = PORT_RUNG;
		/* [arm-post] seq_cst: as above; only if the loop has not moved on. */
		while (state == PORT_RUNG &&
		       !atomic_swap_if_seq_cst(&port->state, &state, PORT_ARMED))
			;
	}
}

bool port_arm(struct port *port)
{
	int state = PORT_AWAKE;

	/* [arm-post] seq_cst, then the seq_cst look at the inbox; partner: port_post(). A
	 * bell that was rung stays so: nobody rings it again before the loop has looked. */
	while (state == PORT_AWAKE && !atomic_swap_if_seq_cst(&port->state, &state, PORT_ARMED))
		;
	if (state == PORT_RUNG)
		return false;
	if (stack_is_empty(&port->inbox))
		return true;
	port_disarm(port);
	return false;
}

bool port_disarm(struct port *port)
{
	/* Relaxed: only this thread makes it AWAKE, and nobody else changes that. */
	if (atomic_load_relaxed(&port->state) == PORT_AWAKE)
		return false;
	/* [arm-post] seq_cst only because it is an exchange; a poster that still sees ARMED
	 * fails its own exchange, or rings once for nothing. */
	return atomic_exchange_seq_cst(&port->state, PORT_AWAKE) == PORT_RUNG;
}

int port_remind(struct port *port)
{
	return ring_bell(port);
}
