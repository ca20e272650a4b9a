/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the library uses of liburcu: read-side sections, and the stack (L3). */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/atomic.h"
#include "base/list.h"
#include "base/rcu.h"
#include "support/gate.h"

TestSuite(rcu, .timeout = 60);

/* ---- sections ---- */

static _Atomic int left; /* the reader is about to leave its section */
static struct gate inside, waiting;

static void *read_at_gate(void *arg)
{
	rcu_read_begin();
	rcu_read_begin(); /* sections nest */
	rcu_read_end();
	gate_wait(&inside);
	gate_await(&waiting, 1);
	/* Relaxed: the grace period is what orders it, and what is tested. */
	atomic_store_relaxed(&left, 1);
	rcu_read_end();
	return arg;
}

static void *wait_for_readers(void *arg)
{
	gate_await(&inside, 1);
	gate_open(&waiting);
	gate_wait(&waiting);
	gate_open(&inside);
	rcu_wait_for_readers();
	*(int *)arg = atomic_load_relaxed(&left); /* Relaxed: as above. */
	return NULL;
}

Test(rcu, a_grace_period_ends_only_when_the_sections_before_it_have)
{
	for (int round = 0; round < 100; round++) {
		pthread_t reader, waiter;
		int seen = 0;

		atomic_store_relaxed(&left, 0); /* Relaxed: no thread is there. */
		gate_init(&inside);
		gate_init(&waiting);
		cr_assert_eq(pthread_create(&reader, NULL, read_at_gate, NULL), 0);
		cr_assert_eq(pthread_create(&waiter, NULL, wait_for_readers, &seen), 0);
		pthread_join(reader, NULL);
		pthread_join(waiter, NULL);
		cr_assert_eq(seen, 1, "round %d", round);
		gate_destroy(&inside);
		gate_destroy(&waiting);
	}
}

Test(rcu, without_readers_a_grace_period_is_short)
{
	for (int i = 0; i < 10; i++)
		rcu_wait_for_readers();
}

static void *read_and_exit(void *arg)
{
	rcu_read_begin();
	rcu_read_end();
	return arg;
}

Test(rcu, threads_that_read_once_and_exit_are_not_waited_for)
{
	for (int i = 0; i < 100; i++) {
		pthread_t thread;

		cr_assert_eq(pthread_create(&thread, NULL, read_and_exit, NULL), 0);
		pthread_join(thread, NULL);
	}
	rcu_wait_for_readers();
}

/* ---- the stack ---- */

Test(rcu, a_stack_gives_the_newest_first_and_all_at_once)
{
	ferry_waiter nodes[3], *node;
	struct stack stack;

	stack_init(&stack);
	cr_assert(stack_is_empty(&stack));
	cr_assert(stack_looks_empty(&stack));
	cr_assert_null(stack_take_all(&stack));
	for (int i = 0; i < 3; i++)
		stack_push(&stack, &nodes[i]);
	cr_assert_not(stack_is_empty(&stack));
	cr_assert_not(stack_looks_empty(&stack));
	node = stack_take_all(&stack);
	for (int i = 2; i >= 0; i--, node = node->next)
		cr_assert_eq(node, &nodes[i]);
	cr_assert_null(node);
	cr_assert(stack_is_empty(&stack));
	cr_assert_null(stack_take_all(&stack));
}

#define PUSHERS 4
#define PUSHES 20000

struct numbered {
	ferry_waiter node;
	int pusher, number;
};

static struct stack shared;
static struct gate start;

static void *push_many(void *arg)
{
	struct numbered *mine = arg;

	gate_wait(&start);
	for (int i = 0; i < PUSHES; i++)
		stack_push(&shared, &mine[i].node);
	return NULL;
}

Test(rcu, nothing_pushed_is_lost_and_each_pushers_order_is_kept)
{
	struct numbered *all = calloc(PUSHERS * PUSHES, sizeof(*all));
	int next[PUSHERS] = { 0 }, taken = 0;
	pthread_t threads[PUSHERS];

	stack_init(&shared);
	gate_init(&start);
	for (int i = 0; i < PUSHERS; i++) {
		for (int n = 0; n < PUSHES; n++)
			all[i * PUSHES + n] = (struct numbered){ .pusher = i, .number = n };
		cr_assert_eq(pthread_create(&threads[i], NULL, push_many, &all[i * PUSHES]), 0);
	}
	gate_open(&start);
	while (taken < PUSHERS * PUSHES)
		for (ferry_waiter *node = chain_reverse(stack_take_all(&shared)); node;
		     node = node->next, taken++) {
			struct numbered *one = container(node, struct numbered, node);

			cr_assert_eq(one->number, next[one->pusher], "pusher %d", one->pusher);
			next[one->pusher]++;
		}
	for (int i = 0; i < PUSHERS; i++)
		pthread_join(threads[i], NULL);
	cr_assert(stack_is_empty(&shared));
	free(all);
}
