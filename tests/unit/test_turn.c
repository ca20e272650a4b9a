/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns: their budget, their fairness, their order; run, run_once and stop (L5). */
#include <criterion/criterion.h>
#include <errno.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/turn.h"
#include "support/fixture.h"
#include "support/gate.h"

TestSuite(turn, .timeout = 60);

#define FAR ferry_in_ns(3600000000000)

static ferry_loop *loop;
static int calls, fired;

static void begin(void)
{
	loop = fixture_loop();
}

static void end(void)
{
	ferry_loop_free(loop);
}

/* A loop whose turns have so many callbacks. */
static void begin_with(unsigned budget)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;

	options.budget = budget;
	cr_assert_eq(ferry_loop_new(&options, &loop), 0);
}

static void call(ferry_loop *which, void *user)
{
	(void)which, (void)user;
	calls++;
}

static void fire(ferry_loop *which, void *user)
{
	(void)which, (void)user;
	fired++;
}

static void soon(int count)
{
	while (count--)
		cr_assert_eq(ferry_loop_call_soon(loop, call, NULL), 0);
}

static void due(int count)
{
	while (count--)
		cr_assert_eq(ferry_loop_call_at(loop, 0, fire, NULL, NULL), 0);
}

/* ---- the budget ---- */

Test(turn, L5_a_dispatch_handles_at_most_its_budget, .init = begin, .fini = end)
{
	soon(10);
	for (int left = 10; left > 0; left -= 3)
		cr_assert_eq(ferry_loop_dispatch(loop, 3), left < 3 ? left : 3);
	cr_assert_eq(ferry_loop_dispatch(loop, 3), 0);
	cr_assert_eq(calls, 10);
}

Test(turn, L5_a_budget_of_one_is_one_and_serves_both_kinds, .init = begin, .fini = end)
{
	soon(4);
	due(4);
	for (int i = 1; i <= 8; i++) {
		cr_assert_eq(ferry_loop_dispatch(loop, 1), 1);
		cr_assert_eq(calls + fired, i);
		cr_assert_leq(abs(calls - fired), 1, "by turns");
	}
	cr_assert_eq(ferry_loop_dispatch(loop, 1), 0);
}

Test(turn, the_loops_own_budget_is_used_where_none_is_given)
{
	begin_with(4);
	soon(10);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 4);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 4);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(fixture_loop_counters(loop).turns, 3);
	end();
}

Test(turn, by_default_it_is_1024, .init = begin, .fini = end)
{
	soon(1025);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1024);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
}

static void call_done(ferry_local *local, void *user)
{
	(void)local;
	call(NULL, user);
}

Test(turn, L5_the_callbacks_of_one_local_are_counted_too, .init = begin, .fini = end)
{
	ferry_local *local;

	cr_assert_eq(ferry_local_new(loop, &local), 0);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(ferry_local_add_done_callback(local, call_done, NULL), 0);
	cr_assert_eq(ferry_local_set_result(local, ferry_result_u64(0)), 0);
	soon(1);
	cr_assert_eq(ferry_loop_dispatch(loop, 4), 4);
	cr_assert_eq(calls, 4);
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_dispatch(loop, 4), 4);
	cr_assert_eq(ferry_loop_dispatch(loop, 4), 3, "the last two, and then the other call");
	cr_assert_eq(calls, 11);
}

/* ---- only what was due when it began ---- */

static struct ferry_waiter nodes[4];
static int forgotten; /* which one is */

static void note(struct ferry_waiter *node)
{
	(void)node;
	calls++;
}

/* One more is there, and one less is due. */
static void forget_another(struct ferry_waiter *node)
{
	note(node);
	soon(1);
	cr_assert(loop_forget_ready(loop, &nodes[forgotten]));
	cr_assert_not(loop_forget_ready(loop, &nodes[forgotten]));
}

Test(turn, L5_what_a_callback_takes_off_the_list_is_not_made_up_for, .init = begin, .fini = end)
{
	for (forgotten = 1; forgotten < 4; forgotten++) {
		calls = 0;
		for (int i = 0; i < 4; i++) {
			nodes[i].notify = i ? note : forget_another;
			loop_make_ready(loop, &nodes[i]);
		}
		cr_assert_eq(ferry_loop_dispatch(loop, 0), 3, "the first and those that are left");
		cr_assert_eq(calls, 3);
		cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
		cr_assert_eq(calls, 4);
	}
}

static void forget_the_late(struct ferry_waiter *node)
{
	note(node);
	loop_make_ready(loop, &nodes[2]);
	cr_assert(loop_forget_ready(loop, &nodes[2]));
}

Test(turn, L5_what_was_not_due_is_taken_off_for_nothing, .init = begin, .fini = end)
{
	nodes[0].notify = forget_the_late;
	nodes[1].notify = nodes[2].notify = note;
	loop_make_ready(loop, &nodes[0]);
	loop_make_ready(loop, &nodes[1]);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 2, "all that was due");
	cr_assert_eq(ferry_loop_pending(loop), 0);
}

static void call_and_ask_again(ferry_loop *which, void *user)
{
	calls++;
	if (calls < 1000)
		ferry_loop_call_soon(which, call_and_ask_again, user);
}

Test(turn, L5_what_a_callback_adds_is_for_the_next_turn, .init = begin, .fini = end)
{
	ferry_loop_call_soon(loop, call_and_ask_again, NULL);
	for (int turn = 1; turn <= 10; turn++) {
		cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
		cr_assert_eq(calls, turn);
	}
}

static void fire_and_call(ferry_loop *which, void *user)
{
	fire(which, user);
	ferry_loop_call_soon(which, call, NULL);
}

Test(turn, L5_what_a_timer_adds_is_for_the_next_turn, .init = begin, .fini = end)
{
	ferry_loop_call_at(loop, 0, fire_and_call, NULL, NULL);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(calls, 0);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(calls, 1);
}

static void post_more(ferry_loop *which, void *user)
{
	calls++;
	cr_assert_eq(ferry_loop_call_soon_threadsafe(which, call, user), 0);
}

Test(turn, L5_what_is_posted_meanwhile_is_for_the_next_turn, .init = begin, .fini = end)
{
	ferry_loop_call_soon(loop, post_more, NULL);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(calls, 2);
}

/* ---- fairness, counted in turns ---- */

Test(turn, L5_a_flood_of_completions_does_not_starve_a_timer)
{
	begin_with(8);
	soon(1000);
	due(1);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 8);
	cr_assert_eq(fired, 1, "it was due in this turn");
	cr_assert_eq(calls, 7);
	end();
}

Test(turn, L5_a_flood_of_timers_does_not_starve_completions)
{
	begin_with(8);
	due(1000);
	soon(1);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 5);
	cr_assert_eq(fired, 4, "half of the budget is theirs");
	cr_assert_eq(calls, 1);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 8, "all of it when nothing else is due");
	end();
}

/* Completions that never end: each delivery offloads the next job. */
static struct flood {
	ferry_pool *pool;
	bool over;
	long deliveries;
} flood;

static int nothing(void *arg, ferry_result *out)
{
	(void)arg, (void)out;
	return 0;
}

static void deliver_and_offload(ferry_local *local, void *user)
{
	ferry_local *next;

	flood.deliveries++;
	if (flood.over)
		return;
	next = ferry_offload(ferry_local_loop(local), flood.pool, nothing, NULL, NULL);
	ferry_local_add_done_callback(next, deliver_and_offload, user);
	ferry_local_unref(next);
}

static void end_flood(ferry_loop *which, void *user)
{
	(void)which, (void)user;
	flood.over = true;
}

Test(turn, L5_completions_without_end_do_not_starve_a_timer_that_becomes_due)
{
	begin_with(4);
	flood.pool = fixture_pool(2);
	for (int i = 0; i < 64; i++) {
		ferry_local *local = ferry_offload(loop, flood.pool, nothing, NULL, NULL);

		ferry_local_add_done_callback(local, deliver_and_offload, NULL);
		ferry_local_unref(local);
	}
	cr_assert_eq(ferry_loop_call_at(loop, ferry_in_ns(1000000), end_flood, NULL, NULL), 0);
	cr_assert_eq(ferry_loop_run(loop), 0, "it ends only if the timer had its turn");
	fixture_end(loop, flood.pool);
}

/* ---- order ---- */

static char order[16];

static void write_down(ferry_loop *which, void *user)
{
	(void)which;
	strcat(order, user);
}

Test(turn, everything_that_is_due_is_first_in_first_out, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_loop_call_soon(loop, write_down, "a"), 0);
	cr_assert_eq(ferry_loop_call_soon_threadsafe(loop, write_down, "c"), 0);
	cr_assert_eq(ferry_loop_call_soon(loop, write_down, "b"), 0);
	cr_assert_eq(ferry_loop_call_soon_threadsafe(loop, write_down, "d"), 0);
	cr_assert_eq(ferry_loop_call_at(loop, 0, write_down, "t", NULL), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_str_eq(order, "tabcd", "timers, what was ready, then what the inbox had");
}

/* ---- run ---- */

Test(turn, run_returns_at_once_if_nothing_is_pending, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(fixture_loop_counters(loop).turns, 0);
}

Test(turn, run_returns_when_all_timers_have_fired, .init = begin, .fini = end)
{
	due(3);
	ferry_loop_call_at(loop, ferry_in_ns(100000), fire, NULL, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(fired, 4);
}

Test(turn, run_handles_what_was_posted_before_it_began, .init = begin, .fini = end)
{
	ferry_loop_call_soon_threadsafe(loop, call, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
}

Test(turn, run_does_not_wait_for_a_local_that_nothing_completes, .init = begin, .fini = end)
{
	ferry_local *local;

	cr_assert_eq(ferry_local_new(loop, &local), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	ferry_local_unref(local);
}

static int wait_at(void *arg, ferry_result *out)
{
	(void)out;
	gate_wait(arg);
	return 0;
}

Test(turn, run_does_not_wait_for_a_job_that_was_cancelled_while_it_ran, .init = begin)
{
	ferry_pool *pool = fixture_pool(1);
	struct gate gate;
	ferry_local *local;

	gate_init(&gate);
	local = ferry_offload(loop, pool, wait_at, &gate, NULL);
	gate_await(&gate, 1);
	cr_assert_eq(ferry_local_cancel(local), 1);
	cr_assert_eq(ferry_loop_run(loop), 0);
	gate_open(&gate);
	ferry_local_unref(local);
	fixture_end(loop, pool);
}

static int inside[4];

static void run_inside(ferry_loop *which, void *user)
{
	ferry_local *local = user;

	inside[0] = ferry_loop_run(which);
	inside[1] = ferry_loop_run_once(which, 0);
	inside[2] = ferry_loop_dispatch(which, 0);
	inside[3] = ferry_loop_run_until(which, local);
}

Test(turn, from_inside_a_callback_no_turn_can_be_had, .init = begin, .fini = end)
{
	ferry_local *local;

	cr_assert_eq(ferry_local_new(loop, &local), 0);
	ferry_loop_call_soon(loop, run_inside, local);
	cr_assert_eq(ferry_loop_run(loop), 0);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(inside[i], -EBUSY);
	ferry_local_unref(local);
}

/* ---- stop ---- */

static void stop(ferry_loop *which, void *user)
{
	(void)user;
	cr_assert_eq(ferry_loop_stop(which), 0);
}

Test(turn, stop_ends_run_after_the_callback_that_runs, .init = begin, .fini = end)
{
	soon(1);
	ferry_loop_call_soon(loop, stop, NULL);
	soon(2);
	ferry_loop_call_at(loop, FAR, fire, NULL, NULL);
	cr_assert_eq(ferry_loop_run(loop), 1);
	cr_assert_eq(calls, 1, "what comes after it stays pending");
	cr_assert_eq(ferry_loop_pending(loop), 3);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 2);
	cr_assert_eq(calls, 3);
}

Test(turn, a_timer_that_stops_leaves_the_other_timers_and_calls, .init = begin, .fini = end)
{
	ferry_loop_call_at(loop, 0, stop, NULL, NULL);
	due(2);
	soon(2);
	cr_assert_eq(ferry_loop_run(loop), 1);
	cr_assert_eq(fired + calls, 0);
	cr_assert_eq(ferry_loop_deadline(loop), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(fired + calls, 4);
}

static void stop_done(ferry_local *local, void *user)
{
	stop(ferry_local_loop(local), user);
}

Test(turn, stop_leaves_the_other_callbacks_of_the_same_local, .init = begin, .fini = end)
{
	ferry_local *local;

	cr_assert_eq(ferry_local_new(loop, &local), 0);
	ferry_local_add_done_callback(local, call_done, NULL);
	ferry_local_add_done_callback(local, stop_done, NULL);
	ferry_local_add_done_callback(local, call_done, NULL);
	ferry_local_set_result(local, ferry_result_u64(0));
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_run(loop), 1);
	cr_assert_eq(calls, 1);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 2);
}

Test(turn, stop_outside_of_run_has_no_effect_on_the_next, .init = begin, .fini = end)
{
	soon(1);
	cr_assert_eq(ferry_loop_stop(loop), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
}

Test(turn, another_thread_stops_it_by_a_call, .init = begin, .fini = end)
{
	ferry_timer *timer;

	ferry_loop_call_at(loop, FAR, fire, NULL, &timer);
	ferry_loop_call_soon_threadsafe(loop, stop, NULL);
	cr_assert_eq(ferry_loop_run(loop), 1);
	ferry_timer_cancel(timer);
}

/* ---- run_once ---- */

Test(turn, run_once_returns_0_if_nothing_is_pending_whatever_the_deadline, .init = begin,
     .fini = end)
{
	cr_assert_eq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
}

Test(turn, run_once_has_one_turn, .init = begin, .fini = end)
{
	soon(3);
	ferry_loop_call_soon(loop, call_and_ask_again, NULL);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 4);
	cr_assert_eq(ferry_loop_pending(loop), 1);
}

Test(turn, run_once_returns_0_at_its_deadline, .init = begin, .fini = end)
{
	ferry_timer *timer;
	uint64_t deadline = ferry_in_ns(1000000);

	ferry_loop_call_at(loop, FAR, fire, NULL, &timer);
	cr_assert_eq(ferry_loop_run_once(loop, deadline), 0);
	cr_assert_geq(ferry_now_ns(), deadline);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 0, "one that has passed does not wait");
	ferry_timer_cancel(timer);
}

Test(turn, run_once_waits_for_a_timer, .init = begin, .fini = end)
{
	ferry_loop_call_at(loop, ferry_in_ns(1000000), fire, NULL, NULL);
	cr_assert_eq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 1);
	cr_assert_eq(fired, 1);
}

/* Who rings says so before it writes, and may be kept from writing for long. */
Test(turn, L1_run_once_waits_on_after_a_ring_that_came_late, .init = begin, .fini = end)
{
	ferry_timer *timer;

	cr_assert_eq(ferry_loop_call_at(loop, ferry_in_ns(1000000), fire, NULL, &timer), 0);
	cr_assert_eq(port_remind(turn_port(loop)), 0);
	cr_assert_eq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 1);
	cr_assert_eq(fired, 1);
}

/* ---- a fork in a callback ---- */

static pid_t child;

static void make_child(ferry_loop *which, void *frees)
{
	fflush(NULL);
	child = fork();
	if (child)
		return;
	alarm(10);
	if (!frees)
		return;
	ferry_loop_ref(which);
	if (ferry_loop_free(which))
		_exit(1);
}

/* What is left of one that was freed: the reference that make_child() took. */
static bool is_let_go(void)
{
	/* Relaxed: there is one thread. */
	return loop->closed && atomic_load_relaxed(&loop->refs) == 1;
}

/* Runs what forks and one more, and leaves in the child with 0 if that was told, and the
 * other one not called. */
static void run_forking(int (*run)(ferry_loop *which), const void *frees)
{
	int said, status;

	said = run(loop);
	if (!child && said != -ECHILD)
		_exit(2);
	if (!child && calls + fired)
		_exit(3);
	if (!child)
		_exit(frees ? !is_let_go() : ferry_loop_free(loop) ? 4 : 0);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	cr_assert_geq(said, 0);
	cr_assert_eq(calls + fired, 1, "the parent's goes on");
}

static int dispatch_all(ferry_loop *which)
{
	return ferry_loop_dispatch(which, 0);
}

static int run_once(ferry_loop *which)
{
	return ferry_loop_run_once(which, 0);
}

static void fork_in_a_call(int (*run)(ferry_loop *which), void *frees)
{
	cr_assert_eq(ferry_loop_call_soon(loop, make_child, frees), 0);
	soon(1);
	run_forking(run, frees);
}

Test(turn, P6_a_child_that_comes_back_from_a_callback_runs_nothing_more, .init = begin,
     .fini = end)
{
	fork_in_a_call(ferry_loop_run, NULL);
}

Test(turn, P6_a_child_may_free_the_loop_in_the_callback_that_forked, .init = begin, .fini = end)
{
	fork_in_a_call(ferry_loop_run, &calls);
}

Test(turn, P6_run_once_ends_in_the_child_as_well, .init = begin, .fini = end)
{
	fork_in_a_call(run_once, &calls);
}

Test(turn, P6_a_dispatch_ends_in_the_child_as_well, .init = begin, .fini = end)
{
	fork_in_a_call(dispatch_all, &calls);
}

static void fork_in_a_timer(void *frees)
{
	cr_assert_eq(ferry_loop_call_at(loop, 0, make_child, frees, NULL), 0);
	due(1);
	run_forking(ferry_loop_run, frees);
}

Test(turn, P6_a_child_that_comes_back_from_a_timer_fires_no_other, .init = begin, .fini = end)
{
	fork_in_a_timer(NULL);
}

Test(turn, P6_a_child_may_free_the_loop_in_the_timer_that_forked, .init = begin, .fini = end)
{
	fork_in_a_timer(&fired);
}

static void make_child_done(ferry_local *local, void *user)
{
	make_child(ferry_local_loop(local), user);
}

Test(turn, P6_a_child_calls_no_other_callback_of_the_local_whose_callback_forked, .init = begin,
     .fini = end)
{
	ferry_local *local;

	cr_assert_eq(ferry_local_new(loop, &local), 0);
	ferry_local_add_done_callback(local, make_child_done, NULL);
	ferry_local_add_done_callback(local, call_done, NULL);
	ferry_local_set_result(local, ferry_result_u64(0));
	run_forking(ferry_loop_run, NULL);
	ferry_local_unref(local);
}
