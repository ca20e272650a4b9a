/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_RCU_H
#define BASE_RCU_H
/*
 * What the library uses of liburcu: existence (urcu-bp) and the lock-free stack.
 *
 * A read-side section holds no lock, calls no callback and waits for nothing. The
 * stack is push and take-all only, so there is no ABA; taking all is one exchange
 * and never waits for a producer that was preempted.
 */
#include <ferry/base.h>
#include <stdbool.h>

/* Same shape as liburcu's; checked in rcu.c. */
struct stack {
	void *top;
};

void rcu_read_begin(void);
void rcu_read_end(void);
/* Returns when every section that was open when it began has ended. May sleep: never
 * on a dispatch path, in a fork's child or in a signal handler. */
void rcu_wait_for_readers(void);

void rcu_before_fork(void);
void rcu_after_fork_parent(void);
void rcu_after_fork_child(void);

void stack_init(struct stack *stack);
/* A full barrier; releases the node. */
void stack_push(struct stack *stack, struct ferry_waiter *node);
/* A full barrier; acquires the nodes. Newest first. */
struct ferry_waiter *stack_take_all(struct stack *stack);
/* Sequentially consistent: the look-again half of a store-and-look cross. */
bool stack_is_empty(struct stack *stack);
/* Relaxed: a hint for polling; whoever finds something takes it by stack_take_all. */
bool stack_looks_empty(struct stack *stack);

#endif
