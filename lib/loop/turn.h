/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LOOP_TURN_H
#define LOOP_TURN_H
/*
 * What running a loop, and dispatching it from a host, have in common: a turn, and the
 * waiting between two turns. The loop's thread only.
 */
#include "loop/loop.h"

static inline struct port *turn_port(struct ferry_loop *loop)
{
	return atomic_load_relaxed(&loop->port); /* Relaxed: only this thread changes it. */
}

/* May it have a turn? 0, what loop_check() says, or -EBUSY inside a callback. */
int turn_check(const struct ferry_loop *loop);
/* Takes the inbox into the ready list. */
void turn_drain(struct ferry_loop *loop);
/* Everything that is due, up to the budget: how many callbacks; -ECHILD in the child of a fork
 * that one of them made, where the loop may be gone. */
int turn_run(struct ferry_loop *loop, unsigned budget);

/*
 * Turn after turn, and as a host could poll it only at the end: 0 when something is over; 1 if the
 * loop was stopped before; -EDEADLK if nothing is pending; another negative errno.
 */
int turn_run_until(struct ferry_loop *loop, bool (*is_over)(const void *what), const void *what);

/* Waits until something is due or the deadline: 0 or more, or a negative errno. */
int sleep_until(struct ferry_loop *loop, uint64_t deadline_ns);
/* The loop is awake: looks at the inbox for a moment, if that has served of late. True if something
 * came. *@now_ns moves on with the clock. */
bool sleep_poll(struct ferry_loop *loop, uint64_t *now_ns, uint64_t deadline_ns);
/* A sleep that ended so soon that polling would have served: it may be tried again. */
void sleep_judge(struct ferry_loop *loop, uint64_t slept_ns);
/* Awake: nobody rings any more. */
void sleep_end(struct ferry_loop *loop);
/* What epoll has, without waiting, and without a system call if there can be nothing. */
int sleep_look(struct ferry_loop *loop);
/*
 * Until the next turn posts ring again, and what is left keeps the descriptor readable:
 * a host may poll it next. 0 or a negative errno.
 */
int sleep_rest(struct ferry_loop *loop);
/* A ring that failed for good is the loop's failure (L1). */
int sleep_ring_error(struct ferry_loop *loop);
/* A busy stretch begins; or has ended, and may be the longest. */
void sleep_note_begin(struct ferry_loop *loop);
void sleep_note_end(struct ferry_loop *loop, uint64_t now_ns);

#endif
