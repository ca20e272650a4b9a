/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forks: the child sees that it is one, and that its thread is nobody's any more (P6). */
#include <criterion/criterion.h>

#include "base/process.h"
#include "base/rcu.h"
#include "base/thread.h"
#include "support/fixture.h"
#include "support/gate.h"

TestSuite(process, .timeout = 60);

Test(process, preparing_again_does_nothing)
{
	cr_assert_eq(process_prepare(), 0);
	cr_assert_eq(process_prepare(), 0);
}

static unsigned generation;

static int is_one_later(void *arg)
{
	(void)arg;
	return process_generation != generation + 1;
}

Test(process, a_child_is_one_generation_later_and_the_parent_stays_P6)
{
	cr_assert_eq(process_prepare(), 0);
	cr_assert_eq(process_prepare(), 0, "the hooks are registered once");
	generation = process_generation;
	cr_assert_eq(fixture_in_child(is_one_later, NULL), 0);
	cr_assert_eq(process_generation, generation);
	cr_assert_eq(fixture_in_child(is_one_later, NULL), 0);
}

static int grandchild_is_two_later(void *arg)
{
	int status = -1;
	pid_t child = fork();

	(void)arg;
	if (child == 0)
		_exit(process_generation != generation + 2);
	return child < 0 || waitpid(child, &status, 0) != child || status;
}

Test(process, a_childs_child_is_one_later_still_P6)
{
	cr_assert_eq(process_prepare(), 0);
	generation = process_generation;
	cr_assert_eq(fixture_in_child(grandchild_is_two_later, NULL), 0);
}

/*
 * Out of line: where gcc 12 sees the address it checks for null by the flags of an
 * addition, which the linker then replaces by one that sets none.
 */
__attribute__((noinline)) static struct thread *own_thread(void)
{
	return thread_self();
}

static int thread_is_nobodys(void *arg)
{
	struct thread *self = own_thread();

	(void)arg;
	return self->loops || self->helper || self->debt.creditor;
}

Test(process, a_childs_thread_is_no_loops_and_no_workers_P6)
{
	static struct helper helper;
	struct thread *self = own_thread();

	cr_assert_eq(process_prepare(), 0);
	self->loops = 2;
	self->helper = &helper;
	self->debt.creditor = &helper;
	cr_assert_eq(fixture_in_child(thread_is_nobodys, NULL), 0);
	cr_assert_eq(self->loops, 2);
	cr_assert_eq(self->helper, &helper);
	*self = (struct thread){ .loops = 0 };
}

static int grace_period_ends(void *arg)
{
	(void)arg;
	rcu_wait_for_readers();
	return 0;
}

static void *read_at_gate(void *arg)
{
	rcu_read_begin();
	gate_wait(arg);
	rcu_read_end();
	return NULL;
}

/* Without liburcu's hooks the child would wait for a thread that is not there. */
Test(process, a_grace_period_in_a_child_does_not_wait_for_the_parents_readers_L3)
{
	pthread_t reader;
	struct gate gate;

	cr_assert_eq(process_prepare(), 0);
	gate_init(&gate);
	cr_assert_eq(pthread_create(&reader, NULL, read_at_gate, &gate), 0);
	gate_await(&gate, 1);
	cr_assert_eq(fixture_in_child(grace_period_ends, NULL), 0);
	gate_open(&gate);
	pthread_join(reader, NULL);
	rcu_wait_for_readers();
}

static _Atomic int prepared_enough;

static void *prepare_on_and_on(void *arg)
{
	(void)arg;
	while (!prepared_enough)
		if (process_prepare())
			abort();
	return NULL;
}

static int prepare_once(void *arg)
{
	(void)arg;
	alarm(10);
	return process_prepare();
}

/* Many forks: some of them come in the middle of the other thread's call. */
Test(process, a_child_prepares_though_another_thread_was_preparing_P6)
{
	pthread_t other;

	prepared_enough = 0;
	cr_assert_eq(process_prepare(), 0);
	cr_assert_eq(pthread_create(&other, NULL, prepare_on_and_on, NULL), 0);
	for (int i = 0; i < 300; i++)
		cr_assert_eq(fixture_in_child(prepare_once, NULL), 0, "fork %d", i);
	prepared_enough = 1;
	pthread_join(other, NULL);
}

/* ---- as it is done for the first time ---- */

static bool stops;
static struct gate prepares;

/* In the place of the C library's: the thread stops where the hooks are registered, and it
 * has not said so yet. */
int __register_atfork(void (*before)(void), void (*parent)(void), void (*child)(void), void *of);

int pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
	int error = __register_atfork(before, parent, child, NULL);

	if (stops)
		gate_wait(&prepares);
	return error;
}

static void *prepare_for_the_first_time(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)process_prepare();
}

Test(process, a_child_prepares_though_another_thread_was_the_first_to_P6)
{
	pthread_t first;
	void *error;

	stops = true;
	gate_init(&prepares);
	cr_assert_eq(pthread_create(&first, NULL, prepare_for_the_first_time, NULL), 0);
	gate_await(&prepares, 1);
	cr_assert_eq(fixture_in_child(prepare_once, NULL), 0);
	gate_open(&prepares);
	pthread_join(first, &error);
	cr_assert_null(error);
}
