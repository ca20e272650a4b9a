/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An adapter, with the host's real library: linked once for each driver. What it promises is in
 * docs/adapters.md. A wake-up that is lost shows as a run that does not end (L1).
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "driver.h"
#include "support/denied.h"
#include "support/fixture.h"
#include "support/gate.h"
#include "support/work.h"

TestSuite(adapter, .timeout = 60);

static void *host, *adapter;
static ferry_loop *loop;
static ferry_pool *pool;
static int calls, descriptors;

static void begin_with(const ferry_loop_options *options)
{
	/* What a host's library opens once stays open. */
	driver.close(driver.open());
	descriptors = fixture_descriptors();
	host = driver.open();
	cr_assert_eq(ferry_loop_new(options, &loop), 0);
	pool = fixture_pool(2);
	calls = 0;
	cr_assert_eq(driver.attach(host, loop, &adapter), 0);
}

static void begin(void)
{
	begin_with(NULL);
}

static void end_all(void)
{
	fixture_end(loop, pool);
	cr_assert_eq(fixture_descriptors(), descriptors);
}

static void end(void)
{
	cr_assert_eq(driver.detach(adapter), 0);
	driver.close(host);
	end_all();
}

/* ---- what the tests do with the loop ---- */

static void count_call(ferry_loop *which, void *user)
{
	(void)which;
	(void)user;
	calls++;
}

static void stop_host(ferry_loop *which, void *user)
{
	count_call(which, user);
	driver.stop(host);
}

static void stop_at_done(ferry_local *local, void *user)
{
	(void)user;
	cr_assert(ferry_local_snapshot(local).done);
	calls++;
	driver.stop(host);
}

static void count_done(ferry_local *local, void *user)
{
	(void)user;
	cr_assert(ferry_local_snapshot(local).done);
	calls++;
}

static ferry_local *offload(ferry_function function, void *arg, ferry_local_callback done)
{
	ferry_local *local = ferry_offload(loop, pool, function, arg, NULL);

	cr_assert_not_null(local);
	if (done)
		cr_assert_eq(ferry_local_add_done_callback(local, done, NULL), 0);
	return local;
}

/* A host that ends by itself does so; the others are told to. */
static void run_until_idle(void)
{
	while (driver.ends ? calls < 0 : ferry_loop_pending(loop) > 0)
		driver.turn(host);
	if (driver.ends)
		driver.run(host);
	cr_assert_eq(ferry_loop_pending(loop), 0);
}

/* ---- wake-ups and timers ---- */

Test(adapter, L1_what_a_worker_completes_is_delivered_by_the_hosts_own_run, .init = begin,
     .fini = end)
{
	for (int i = 0; i < 100; i++) {
		ferry_local *local = offload(work_nothing, NULL, stop_at_done);

		driver.run(host);
		cr_assert_eq(calls, i + 1);
		ferry_local_unref(local);
	}
}

Test(adapter, L1_a_post_from_another_thread_wakes_a_host_that_sleeps, .init = begin, .fini = end)
{
	struct gate gate;
	ferry_local *held;

	gate_init(&gate);
	/* Something is pending, so that each host sleeps. */
	held = offload(work_at_gate, &gate, NULL);
	for (int i = 0; i < 20; i++) {
		ferry_local *local = offload(work_nothing, NULL, stop_at_done);

		driver.run(host);
		ferry_local_unref(local);
	}
	cr_assert_eq(calls, 20);
	gate_open(&gate);
	run_until_idle();
	ferry_local_unref(held);
	gate_destroy(&gate);
}

Test(adapter, a_host_that_ends_by_itself_does_so_when_nothing_is_pending, .init = begin,
     .fini = end)
{
	ferry_local *locals[10];

	for (int i = 0; i < 10; i++)
		locals[i] = offload(work_nothing, NULL, NULL);
	run_until_idle();
	for (int i = 0; i < 10; i++) {
		cr_assert(ferry_local_snapshot(locals[i]).done);
		ferry_local_unref(locals[i]);
	}
	run_until_idle();
}

static uint64_t due;

static void at_its_time(ferry_loop *which, void *user)
{
	cr_assert_geq(ferry_now_ns(), due);
	stop_host(which, user);
}

Test(adapter, a_timer_of_the_loop_runs_and_not_before_its_time, .init = begin, .fini = end)
{
	static const unsigned after_us[] = { 0, 1, 300, 1000, 1500, 7000 };

	for (size_t i = 0; i < sizeof(after_us) / sizeof(*after_us); i++) {
		due = ferry_in_ns(after_us[i] * 1000u);
		cr_assert_eq(ferry_loop_call_at(loop, due, at_its_time, NULL, NULL), 0);
		driver.run(host);
		cr_assert_eq(calls, (int)i + 1);
	}
}

Test(adapter, a_timer_that_was_cancelled_wakes_nobody, .init = begin, .fini = end)
{
	ferry_timer *timer;

	/* Where this machine is slow it runs in the first turn. */
	do {
		calls = 0;
		cr_assert_eq(ferry_loop_call_at(loop, ferry_in_ns(2000000), count_call, NULL,
						&timer),
			     0);
		driver.turn(host);
	} while (calls);
	cr_assert_eq(ferry_timer_cancel(timer), 0);
	cr_assert_eq(ferry_loop_call_at(loop, ferry_in_ns(4000000), stop_host, NULL, NULL), 0);
	driver.run(host);
	cr_assert_eq(calls, 1);
}

/* A time that no host can count to is no time to wake at once. */
Test(adapter, a_timer_in_a_thousand_years_keeps_nobody_awake, .init = begin, .fini = end)
{
	ferry_timer *timer;
	uint64_t turns;

	cr_assert_eq(ferry_loop_call_at(loop, FERRY_NO_DEADLINE - 1, count_call, NULL, &timer), 0);
	driver.turn(host);
	driver.turn(host);
	turns = fixture_loop_counters(loop).turns;
	for (int i = 0; i < 100; i++)
		driver.turn(host);
	cr_assert_eq(fixture_loop_counters(loop).turns, turns);
	cr_assert_eq(ferry_timer_cancel(timer), 0);
}

/* ---- asked for in the host's own callbacks ---- */

static void *timer;
static void (*asked)(void);

static void ask(void *user)
{
	(void)user;
	driver.timer_free(timer);
	asked();
}

/* The host sleeps for the timer, and knows nothing else of the loop. */
static void run_asking(void (*what)(void))
{
	asked = what;
	timer = driver.timer_new(host, 1, ask, NULL);
	driver.run(host);
	cr_assert_eq(calls, 1);
}

static void ask_soon(void)
{
	cr_assert_eq(ferry_loop_call_soon(loop, stop_host, NULL), 0);
}

static void ask_at(void)
{
	cr_assert_eq(ferry_loop_call_at(loop, ferry_in_ns(2000000), stop_host, NULL, NULL), 0);
}

static ferry_local *asked_local;

static void ask_offload(void)
{
	asked_local = offload(work_nothing, NULL, stop_at_done);
}

static void ask_cached(void)
{
	asked_local = ferry_fs_stat(loop, pool, "/", NULL);
	cr_assert_eq(ferry_local_add_done_callback(asked_local, stop_at_done, NULL), 0);
}

Test(adapter, L1_a_call_soon_that_a_host_callback_asks_for_runs, .init = begin, .fini = end)
{
	run_asking(ask_soon);
}

Test(adapter, L1_a_timer_that_a_host_callback_asks_for_runs, .init = begin, .fini = end)
{
	run_asking(ask_at);
}

Test(adapter, L1_an_offload_that_a_host_callback_asks_for_is_delivered, .init = begin, .fini = end)
{
	run_asking(ask_offload);
	ferry_local_unref(asked_local);
}

Test(adapter, L1_a_local_that_is_done_at_once_is_delivered, .init = begin, .fini = end)
{
	run_asking(ask_cached);
	ferry_local_unref(asked_local);
}

/* ---- asked for in other hooks of the host, and by other threads ---- */

static void *hook;

static void ask_once(void *user)
{
	static void (*what)(void);

	(void)user;
	what = asked;
	asked = NULL;
	if (what)
		what();
}

/* Of two hooks one comes behind that of the adapter, which had said that there is nothing. */
static void run_hooked(void (*what)(void))
{
	if (!driver.hook_new)
		cr_skip_test("this host has no hooks");
	/* sd-event changes their order from round to round. */
	for (int way = 0; way < 4; way++) {
		bool behind = way % 2;

		calls = 0;
		/* Something is pending, so that each host goes on. */
		cr_assert_eq(ferry_loop_call_at(loop, ferry_in_ns(3600000000000), count_call, NULL,
						(ferry_timer **)&timer),
			     0);
		driver.turn(host);
		driver.turn(host);
		if (!behind)
			cr_assert_eq(driver.detach(adapter), 0);
		asked = NULL;
		hook = driver.hook_new(host, ask_once, NULL);
		if (!behind)
			cr_assert_eq(driver.attach(host, loop, &adapter), 0);
		/* What was begun or closed may keep it from sleeping. */
		for (int i = 0; i < 2 + way / 2; i++)
			driver.turn(host);
		asked = what;
		driver.run(host);
		cr_assert_eq(calls, 1);
		driver.hook_free(hook);
		cr_assert_eq(ferry_timer_cancel(timer), 0);
	}
}

Test(adapter, L1_a_call_soon_that_another_hook_of_the_host_asks_for_runs, .init = begin,
     .fini = end)
{
	run_hooked(ask_soon);
}

Test(adapter, L1_a_timer_that_another_hook_of_the_host_asks_for_runs, .init = begin, .fini = end)
{
	run_hooked(ask_at);
}

static void post_stop(void *user)
{
	(void)user;
	cr_assert_eq(ferry_loop_call_soon_threadsafe(loop, stop_host, NULL), 0);
}

static void ask_elsewhere(void)
{
	fixture_elsewhere(post_stop, NULL);
}

static void nothing(void *user)
{
	(void)user;
}

/* The host has something of its own to go on for. */
Test(adapter, L1_a_post_wakes_a_host_for_which_nothing_was_pending, .init = begin, .fini = end)
{
	void *far = driver.timer_new(host, 3600000, nothing, NULL);

	driver.turn(host);
	run_asking(ask_elsewhere);
	calls = 0;
	run_asking(ask_elsewhere);
	driver.timer_free(far);
}

/* ---- taken back ---- */

static ferry_timer *taken_back;
static struct gate gate_of_asked;

static void take_back_timer(void)
{
	cr_assert_eq(ferry_timer_cancel(taken_back), 0);
}

static void take_back_local(void)
{
	cr_assert_geq(ferry_local_cancel(asked_local), 0);
}

static void run_by_hand(void)
{
	cr_assert_eq(ferry_timer_cancel(taken_back), 0);
	gate_open(&gate_of_asked);
	cr_assert_eq(ferry_loop_run(loop), 0);
}

static void check_ends(void (*what)(void))
{
	if (!driver.ends)
		cr_skip_test("this host ends when it is told");
	driver.turn(host);
	asked = what;
	timer = driver.timer_new(host, 1, ask, NULL);
	driver.run(host);
	cr_assert_eq(ferry_loop_pending(loop), 0);
	cr_assert_eq(calls, 0);
}

Test(adapter, a_host_does_not_go_on_for_a_timer_that_was_cancelled, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_loop_call_at(loop, ferry_in_ns(3600000000000), count_call, NULL,
					&taken_back),
		     0);
	check_ends(take_back_timer);
}

Test(adapter, a_host_does_not_go_on_for_a_job_that_was_cancelled_and_hangs, .init = begin,
     .fini = end)
{
	gate_init(&gate_of_asked);
	asked_local = offload(work_at_gate, &gate_of_asked, NULL);
	gate_await(&gate_of_asked, 1);
	check_ends(take_back_local);
	gate_open(&gate_of_asked);
	ferry_local_unref(asked_local);
}

Test(adapter, a_host_does_not_go_on_for_what_the_loop_has_run_itself, .init = begin, .fini = end)
{
	gate_init(&gate_of_asked);
	asked_local = offload(work_at_gate, &gate_of_asked, NULL);
	cr_assert_eq(ferry_loop_call_at(loop, ferry_in_ns(3600000000000), count_call, NULL,
					&taken_back),
		     0);
	check_ends(run_by_hand);
	ferry_local_unref(asked_local);
}

/* ---- a deadline is earlier ---- */

static void ask_earlier(void)
{
	cr_assert_eq(ferry_loop_call_at(loop, ferry_in_ns(1000000), stop_host, NULL, NULL), 0);
}

Test(adapter, L1_a_deadline_that_a_host_callback_makes_earlier_is_kept, .init = begin, .fini = end)
{
	ferry_timer *later;

	cr_assert_eq(ferry_loop_call_at(loop, ferry_in_ns(3600000000000), count_call, NULL, &later),
		     0);
	driver.turn(host);
	run_asking(ask_earlier);
	cr_assert_eq(ferry_timer_cancel(later), 0);
}

/* ---- fairness ---- */

static int ticks, bytes_read, pipes[2];

static void again(ferry_loop *which, void *user)
{
	if (ticks < 5 || bytes_read < 5)
		cr_assert_eq(ferry_loop_call_soon(which, again, user), 0);
	else
		stop_host(which, user);
}

static void tick(void *user)
{
	(void)user;
	ticks++;
	cr_assert_eq(write(pipes[1], "x", 1), 1);
}

static void read_byte(void *user)
{
	char byte;

	(void)user;
	bytes_read += (int)read(pipes[0], &byte, 1);
}

static void check_fairness(unsigned budget)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	void *watch;

	options.budget = budget;
	begin_with(&options);
	cr_assert_eq(pipe(pipes), 0);
	ticks = bytes_read = 0;
	timer = driver.timer_new(host, 1, tick, NULL);
	watch = driver.watch_new(host, pipes[0], read_byte, NULL);
	for (int i = 0; i < 64; i++)
		cr_assert_eq(ferry_loop_call_soon(loop, again, NULL), 0);
	driver.run(host);
	cr_assert_geq(ticks, 5);
	cr_assert_geq(bytes_read, 5);
	driver.timer_free(timer);
	driver.watch_free(watch);
	cr_assert_eq(driver.detach(adapter), 0);
	driver.close(host);
	close(pipes[0]);
	close(pipes[1]);
	end_all();
}

Test(adapter, L5_callbacks_without_end_starve_neither_timers_nor_sockets_of_the_host)
{
	check_fairness(16);
}

Test(adapter, L5_and_neither_do_they_with_a_budget_of_one)
{
	check_fairness(1);
}

/* ---- no more writes than needed ---- */

#define JOBS 32

static ferry_local *jobs[JOBS];
static uint64_t rings_before;

static uint64_t rings(void)
{
	return fixture_loop_counters(loop).rings;
}

/* The host is awake, in a callback of its own, until all of them have been posted. */
static void complete_them_all(void)
{
	uint64_t posts = fixture_loop_counters(loop).posts + JOBS;

	rings_before = rings();
	for (int i = 0; i < JOBS; i++)
		jobs[i] = offload(work_nothing, NULL, i + 1 < JOBS ? NULL : stop_at_done);
	while (fixture_loop_counters(loop).posts < posts) {
		cr_assert_gt(ferry_loop_pending(loop), 0);
		sched_yield();
	}
}

Test(adapter, L1_while_a_host_with_hooks_is_awake_nobody_writes_the_eventfd, .init = begin,
     .fini = end)
{
	for (int round = 0; round < 10; round++) {
		calls = 0;
		run_asking(complete_them_all);
		if (driver.hooked)
			cr_assert_eq(rings(), rings_before);
		else
			cr_assert_leq(rings(), rings_before + 1);
		for (int i = 0; i < JOBS; i++)
			ferry_local_unref(jobs[i]);
	}
}

/* ---- detached ---- */

static void detach_inside(ferry_loop *which, void *user)
{
	(void)which;
	(void)user;
	cr_assert_eq(driver.detach(adapter), 0);
	calls++;
	driver.stop(host);
}

Test(adapter, L1_it_can_be_detached_inside_of_a_callback, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_loop_call_soon(loop, detach_inside, NULL), 0);
	cr_assert_eq(ferry_loop_call_soon(loop, count_call, NULL), 0);
	driver.run(host);
	cr_assert_geq(calls, 1);
	driver.turn(host);
	driver.turn(host);
	/* What was left is the loop's own. */
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 2);
	cr_assert_eq(driver.attach(host, loop, &adapter), 0);
}

static void detach_and_nest(ferry_loop *which, void *user)
{
	detach_inside(which, user);
	for (int i = 0; i < 3; i++)
		driver.turn(host);
}

/* Which may give back what the adapter had of it, while the adapter still dispatches. */
Test(adapter, L2_it_can_be_detached_inside_of_a_callback_that_runs_its_host, .init = begin,
     .fini = end)
{
	if (!driver.nests)
		cr_skip_test("this host refuses it");
	cr_assert_eq(ferry_loop_call_soon(loop, detach_and_nest, NULL), 0);
	driver.run(host);
	driver.turn(host);
	cr_assert_eq(calls, 1);
	cr_assert_eq(driver.attach(host, loop, &adapter), 0);
}

static void attach_again(ferry_loop *which, void *user)
{
	(void)user;
	cr_assert_eq(driver.detach(adapter), 0);
	cr_assert_eq(driver.attach(host, which, &adapter), 0);
	cr_assert_eq(ferry_loop_call_at(which, ferry_in_ns(2000000), stop_host, NULL, NULL), 0);
}

Test(adapter, L1_what_is_asked_for_behind_an_attach_inside_of_a_callback_runs, .init = begin,
     .fini = end)
{
	cr_assert_eq(ferry_loop_call_soon(loop, attach_again, NULL), 0);
	driver.run(host);
	cr_assert_eq(calls, 1);
}

Test(adapter, L1_what_is_in_flight_when_it_is_detached_is_the_loops_own, .init = begin,
     .fini = end)
{
	struct gate gate;
	ferry_local *local;

	gate_init(&gate);
	local = offload(work_at_gate, &gate, count_done);
	driver.turn(host);
	cr_assert_eq(driver.detach(adapter), 0);
	driver.turn(host);
	gate_open(&gate);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
	ferry_local_unref(local);
	gate_destroy(&gate);
	cr_assert_eq(driver.attach(host, loop, &adapter), 0);
	local = offload(work_nothing, NULL, stop_at_done);
	driver.run(host);
	cr_assert_eq(calls, 2);
	ferry_local_unref(local);
}

Test(adapter, L1_what_is_in_flight_can_be_delivered_by_another_host, .init = begin, .fini = end)
{
	struct gate gate;
	ferry_local *local;
	void *former = host;

	gate_init(&gate);
	local = offload(work_at_gate, &gate, stop_at_done);
	driver.turn(host);
	cr_assert_eq(driver.detach(adapter), 0);
	host = driver.open();
	cr_assert_eq(driver.attach(host, loop, &adapter), 0);
	driver.turn(host);
	driver.turn(former);
	gate_open(&gate);
	driver.run(host);
	cr_assert_eq(calls, 1);
	ferry_local_unref(local);
	gate_destroy(&gate);
	driver.turn(former);
	driver.close(former);
}

/* After an adapter with hooks: a plain poll hears of posts again. */
Test(adapter, L1_a_loop_that_was_detached_rings_for_who_polls_it, .init = begin, .fini = end)
{
	struct pollfd fd = { .fd = ferry_loop_fd(loop), .events = POLLIN };
	ferry_local *local;

	driver.turn(host);
	cr_assert_eq(driver.detach(adapter), 0);
	local = offload(work_nothing, NULL, NULL);
	cr_assert_eq(poll(&fd, 1, -1), 1);
	while (!ferry_local_snapshot(local).done) {
		poll(&fd, 1, -1);
		cr_assert_geq(ferry_loop_dispatch(loop, 0), 0);
	}
	ferry_local_unref(local);
	cr_assert_eq(driver.attach(host, loop, &adapter), 0);
}

/* ---- either side closed first ---- */

static void stop_by_timer(void *user)
{
	(void)user;
	ticks++;
	driver.stop(host);
}

static void check_loop_first(bool from_inside)
{
	struct gate gate;
	ferry_local *local;

	begin();
	gate_init(&gate);
	local = offload(work_at_gate, &gate, NULL);
	cr_assert_eq(ferry_loop_call_at(loop, ferry_in_ns(3600000000000), count_call, NULL, NULL),
		     0);
	if (from_inside)
		driver.turn(host);
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	/* One that ends by itself has nothing to wait for; for the others time passes. */
	ticks = 0;
	if (!driver.ends)
		timer = driver.timer_new(host, 1, stop_by_timer, NULL);
	driver.run(host);
	if (!driver.ends)
		driver.timer_free(timer);
	gate_open(&gate);
	ferry_local_unref(local);
	cr_assert_eq(driver.detach(adapter), 0);
	driver.turn(host);
	driver.close(host);
	gate_destroy(&gate);
	cr_assert_eq(calls, 0);
	end_all();
}

Test(adapter, L3_a_loop_may_be_closed_before_it_is_detached)
{
	check_loop_first(true);
}

Test(adapter, L3_a_loop_may_be_closed_before_its_host_ever_ran)
{
	check_loop_first(false);
}

static void close_loop(void)
{
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	timer = driver.timer_new(host, 1, stop_by_timer, NULL);
}

/* While it is polled, and something is readable. */
Test(adapter, L3_a_loop_may_be_closed_in_a_callback_of_its_host)
{
	begin();
	cr_assert_eq(pipe(pipes), 0);
	cr_assert_eq(write(pipes[1], "x", 1), 1);
	ferry_local_unref(ferry_loop_watch_fd(loop, pipes[0], FERRY_READABLE));
	ferry_local_unref(offload(work_nothing, NULL, NULL));
	ticks = 0;
	asked = close_loop;
	timer = driver.timer_new(host, 1, ask, NULL);
	while (!ticks)
		driver.run(host);
	driver.timer_free(timer);
	cr_assert_eq(driver.detach(adapter), 0);
	driver.turn(host);
	driver.close(host);
	close(pipes[0]);
	close(pipes[1]);
	end_all();
}

Test(adapter, L1_a_host_may_be_closed_before_it_is_left)
{
	struct gate gate;
	ferry_local *local;

	begin();
	gate_init(&gate);
	local = offload(work_at_gate, &gate, NULL);
	driver.turn(host);
	driver.close(host);
	cr_assert_eq(driver.detach_closed(adapter), 0);
	gate_open(&gate);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(ferry_local_snapshot(local).done);
	ferry_local_unref(local);
	gate_destroy(&gate);
	end_all();
}

/* ---- nested ---- */

static void nest(ferry_loop *which, void *user)
{
	int before = calls;

	(void)user;
	cr_assert_eq(ferry_loop_call_soon(which, stop_host, NULL), 0);
	for (int i = 0; i < 10; i++)
		driver.turn(host);
	cr_assert_eq(calls, before, "a callback inside of a callback");
}

Test(adapter, L2_a_host_that_is_run_inside_of_a_callback_leaves_the_loop_out, .init = begin,
     .fini = end)
{
	ferry_local *local;

	if (!driver.nests)
		cr_skip_test("this host refuses it");
	local = offload(work_nothing, NULL, NULL);
	cr_assert_eq(ferry_loop_call_soon(loop, nest, NULL), 0);
	driver.run(host);
	cr_assert_eq(calls, 1);
	run_until_idle();
	ferry_local_unref(local);
}

static int rounds;

static void count_round(void *user)
{
	(void)user;
	rounds++;
}

static void stop_here(void *user)
{
	(void)user;
	driver.stop(host);
}

/* A modal dialog is such a one: begun by the host, not by the loop. */
static ferry_step nest_in_step(ferry_task *task)
{
	void *end_of_it = driver.timer_new(host, 20, stop_here, NULL);
	void *counted = driver.hook_new(host, count_round, NULL);
	int before = calls;

	cr_assert_eq(ferry_loop_call_soon(loop, stop_host, NULL), 0);
	cr_assert_eq(ferry_loop_call_soon_threadsafe(loop, count_call, NULL), 0);
	rounds = 0;
	driver.run(host);
	cr_assert_lt(rounds, 20, "it spins");
	cr_assert_eq(calls, before, "a callback inside of a step");
	driver.timer_free(end_of_it);
	driver.hook_free(counted);
	return ferry_task_finish(task);
}

static ferry_task nesting;

static void begin_nesting(void)
{
	cr_assert(ferry_task_snapshot(ferry_task_begin(&nesting, loop, nest_in_step, NULL)).done);
}

Test(adapter, L2_a_host_that_is_run_inside_of_a_first_step_leaves_the_loop_out, .init = begin,
     .fini = end)
{
	if (!driver.nests)
		cr_skip_test("this host refuses it");
	asked = begin_nesting;
	timer = driver.timer_new(host, 1, ask, NULL);
	driver.run(host);
	run_until_idle();
	cr_assert_eq(calls, 2);
}

/* ---- misuse and failure ---- */

static void turn_elsewhere(void *user)
{
	(void)user;
	driver.turn(host);
}

Test(adapter, L6_a_host_that_is_run_by_another_thread_leaves_the_loop_as_it_is)
{
	ferry_local *local;
	int error;

	begin();
	fixture_elsewhere(turn_elsewhere, NULL);
	local = offload(work_nothing, NULL, stop_at_done);
	driver.run(host);
	cr_assert_eq(calls, 1);
	ferry_local_unref(local);
	/* One that was asked to serve it says so. */
	error = driver.detach(adapter);
	cr_assert(error == -EPERM || !error, "%d", error);
	driver.close(host);
	end_all();
}

static int waits_ms;

static void note_wait(void *user)
{
	(void)user;
	if (ferry_loop_pending(loop) && waits_ms < driver.wait_ms(host))
		waits_ms = driver.wait_ms(host);
}

static void ask_late(void *user)
{
	uint64_t until = ferry_in_ns(50000000);

	(void)user;
	while (ferry_now_ns() < until)
		;
	cr_assert_eq(ferry_loop_call_at(loop, ferry_in_ns(10000000), stop_host, NULL, NULL), 0);
}

/* Its idea of what time it is stands still meanwhile. */
Test(adapter, L1_a_callback_of_the_host_that_takes_long_makes_no_timer_late, .init = begin,
     .fini = end)
{
	if (!driver.wait_ms)
		cr_skip_test("this host does not say how long it waits");
	cr_assert_eq(driver.detach(adapter), 0);
	hook = driver.hook_new(host, note_wait, NULL);
	cr_assert_eq(driver.attach(host, loop, &adapter), 0);
	timer = driver.timer_new(host, 100, ask_late, NULL);
	driver.run(host);
	driver.timer_free(timer);
	cr_assert_gt(waits_ms, 0);
	cr_assert_leq(waits_ms, 11);
	driver.hook_free(hook);
}

static void attach_elsewhere(void *error)
{
	void *other = &calls;

	*(int *)error = driver.attach(host, loop, &other);
	cr_assert_eq(other, &calls, "it was touched");
}

Test(adapter, E1_what_is_refused_changes_nothing, .init = begin, .fini = end)
{
	void *other = &calls;
	ferry_local *local;
	int error;

	cr_assert_eq(driver.attach(host, loop, &other), -EBUSY);
	cr_assert_eq(driver.attach(NULL, loop, &other), -EINVAL);
	cr_assert_eq(driver.attach(host, NULL, &other), -EINVAL);
	cr_assert_eq(driver.attach(host, loop, NULL), -EINVAL);
	fixture_elsewhere(attach_elsewhere, &error);
	cr_assert_eq(error, -EPERM);
	cr_assert_eq(other, &calls);
	cr_assert_eq(driver.detach(NULL), 0);
	local = offload(work_nothing, NULL, stop_at_done);
	driver.run(host);
	cr_assert_eq(calls, 1);
	ferry_local_unref(local);
}

Test(adapter, E1_a_loop_that_was_closed_is_refused)
{
	ferry_loop *closed;
	void *other = &calls;

	begin();
	closed = ferry_loop_ref(fixture_loop());
	cr_assert_eq(ferry_loop_free(closed), 0);
	cr_assert_eq(driver.attach(host, closed, &other), -ESHUTDOWN);
	ferry_loop_unref(closed);
	end();
}

static void check_usable(void)
{
	ferry_local *local;

	cr_assert_eq(driver.attach(host, loop, &adapter), 0);
	local = offload(work_nothing, NULL, stop_at_done);
	driver.run(host);
	cr_assert_eq(calls, 1);
	ferry_local_unref(local);
}

Test(adapter, E3_whatever_fails_in_attach_leaves_host_and_loop_as_they_were, .init = begin,
     .fini = end)
{
	void *other = &calls;
	int before;

	cr_assert_eq(driver.detach(adapter), 0);
	driver.turn(host);
	before = fixture_descriptors();
	for (unsigned i = 1; i <= driver.faults; i++) {
		driver_fail = i;
		cr_assert_lt(driver.attach(host, loop, &other), 0);
		cr_assert_eq(driver_fail, 0, "there are not so many");
		cr_assert_eq(other, &calls);
		driver.turn(host);
		cr_assert_eq(fixture_descriptors(), before);
	}
	check_usable();
}

/* Which the host's own library may have needed. */
Test(adapter, it_can_be_attached_under_a_filter_of_sockets_and_eventfds, .init = begin,
     .fini = end)
{
	cr_assert_eq(driver.detach(adapter), 0);
	if (!denied(SYS_eventfd2, EPERM) || !denied(SYS_socketpair, EPERM))
		cr_log_info("no filter of system calls can be set here");
	cr_assert_eq(driver.attach(host, loop, &adapter), 0);
	cr_assert_eq(ferry_loop_call_soon(loop, stop_host, NULL), 0);
	driver.run(host);
	cr_assert_eq(calls, 1);
}

Test(adapter, E3_without_a_descriptor_it_cannot_be_attached, .init = begin, .fini = end)
{
	struct rlimit before, none;
	void *other = &calls;

	cr_assert_eq(driver.detach(adapter), 0);
	driver.turn(host);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	cr_assert_eq(driver.attach(host, loop, &other), -EMFILE);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	cr_assert_eq(other, &calls);
	check_usable();
}

/* Its epoll was closed under it. */
Test(adapter, E1_what_a_dispatch_failed_with_is_told_by_detach)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	int pair[2], fd;

	options.poll_ns = FERRY_NO_DEADLINE; /* or it would find what it was not rung for */
	begin_with(&options);
	fd = ferry_loop_fd(loop);
	cr_assert_eq(pipe(pair), 0);
	/* No descriptor of epoll any more. */
	cr_assert_eq(dup2(pair[0], fd), fd);
	ferry_local_unref(offload(work_nothing, NULL, NULL));
	/* It has been posted when that returns. */
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	timer = driver.timer_new(host, 1, stop_by_timer, NULL);
	ticks = 0;
	while (ticks < 3)
		driver.run(host);
	driver.timer_free(timer);
	cr_assert_eq(driver.detach(adapter), -EINVAL);
	driver.turn(host);
	driver.close(host);
	fixture_end(loop, pool);
	close(pair[0]);
	close(pair[1]);
}
