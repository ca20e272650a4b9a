/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the loop waits: polls, sleeps, signals, a bell that fails (L1). */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>

#include "loop/loop.h"
#include "support/fixture.h"
#include "support/gate.h"

TestSuite(sleep, .timeout = 30);

#define FAR ferry_in_ns(3600000000000)

static ferry_loop *loop;
static ferry_pool *pool;
static struct gate gate;
static ferry_local *in_flight;
static int calls;

static int wait_at(void *arg, ferry_result *out)
{
	(void)out;
	gate_wait(arg);
	return 0;
}

/* A loop that polls for so long, with one request in flight that does not end. */
static void begin_polling(uint64_t poll_ns)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;

	options.poll_ns = poll_ns;
	cr_assert_eq(ferry_loop_new(&options, &loop), 0);
	pool = fixture_pool(1);
	gate_init(&gate);
	in_flight = ferry_offload(loop, pool, wait_at, &gate, NULL);
	gate_await(&gate, 1);
}

static void end_polling(void)
{
	gate_open(&gate);
	ferry_local_unref(in_flight);
	fixture_end(loop, pool);
}

static void call(ferry_loop *which, void *user)
{
	(void)which, (void)user;
	calls++;
}

static bool may_poll(void)
{
	return ferry_cpu_count() >= 2;
}

Test(sleep, a_poll_that_finds_nothing_ends_in_a_sleep)
{
	begin_polling(1000);
	cr_assert_eq(ferry_loop_run_once(loop, ferry_in_ns(500000)), 0);
	cr_assert_eq(fixture_loop_counters(loop).polls, may_poll());
	cr_assert_eq(fixture_loop_counters(loop).poll_hits, 0);
	cr_assert_leq(fixture_loop_counters(loop).sleeps, 1);
	end_polling();
}

Test(sleep, polls_that_find_nothing_are_given_up_after_a_while)
{
	begin_polling(1000);
	for (int i = 0; i < 40; i++)
		cr_assert_eq(ferry_loop_run_once(loop, ferry_in_ns(100000)), 0);
	cr_assert_lt(fixture_loop_counters(loop).polls, 40);
	cr_assert_eq(fixture_loop_counters(loop).poll_hits, 0);
	end_polling();
}

Test(sleep, it_does_not_poll_if_told_so)
{
	begin_polling(FERRY_NO_DEADLINE);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(ferry_loop_run_once(loop, ferry_in_ns(1000)), 0);
	cr_assert_eq(fixture_loop_counters(loop).polls, 0);
	end_polling();
}

/* With one CPU whoever polls keeps the one who would post from running. */
Test(sleep, it_does_not_poll_where_one_cpu_is_allowed)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	begin_polling(1000);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(ferry_loop_run_once(loop, ferry_in_ns(1000)), 0);
	cr_assert_eq(fixture_loop_counters(loop).polls, 0);
	end_polling();
}

Test(sleep, it_does_not_poll_with_nothing_in_flight)
{
	ferry_timer *timer;

	loop = fixture_loop();
	ferry_loop_call_at(loop, FAR, call, NULL, &timer);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(ferry_loop_run_once(loop, ferry_in_ns(1000)), 0);
	cr_assert_eq(fixture_loop_counters(loop).polls, 0);
	ferry_timer_cancel(timer);
	fixture_end(loop, NULL);
}

Test(sleep, what_was_posted_already_is_handled_without_polling_or_sleeping)
{
	begin_polling(1000000);
	cr_assert_eq(ferry_loop_call_soon_threadsafe(loop, call, NULL), 0);
	cr_assert_eq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 1);
	cr_assert_eq(fixture_loop_counters(loop).polls, 0);
	cr_assert_eq(fixture_loop_counters(loop).sleeps, 0);
	end_polling();
}

static void *open_the_gate(void *arg)
{
	gate_open(arg);
	return NULL;
}

Test(sleep, L1_a_poll_that_finds_a_post_needs_no_ring)
{
	pthread_t thread;
	ferry_loop_counters counters;

	begin_polling(1000000);
	pthread_create(&thread, NULL, open_the_gate, &gate);
	cr_assert_eq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 1);
	counters = fixture_loop_counters(loop);
	/* Which of the two it was is not ours to say: each must be sound. */
	if (counters.poll_hits)
		cr_assert_eq(counters.sleeps, 0);
	else
		cr_assert_leq(counters.sleeps, 1);
	cr_assert_leq(counters.rings, 1);
	pthread_join(thread, NULL);
	end_polling();
}

Test(sleep, a_wait_that_could_block_is_counted)
{
	loop = fixture_loop();
	ferry_loop_call_at(loop, ferry_in_ns(2000000), call, NULL, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
	cr_assert_geq(fixture_loop_counters(loop).sleeps, 1);
	fixture_end(loop, NULL);
}

static void stay(ferry_loop *which, void *user)
{
	uint64_t until = ferry_in_ns(2000000);

	call(which, user);
	while (ferry_now_ns() < until)
		;
}

Test(sleep, the_longest_dispatch_is_as_long_as_the_callback_that_stayed)
{
	loop = fixture_loop();
	ferry_loop_call_soon(loop, stay, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_geq(fixture_loop_counters(loop).longest_dispatch_ns, 2000000);
	fixture_end(loop, NULL);
	loop = fixture_loop();
	ferry_loop_call_soon(loop, stay, NULL);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_geq(fixture_loop_counters(loop).longest_dispatch_ns, 2000000);
	fixture_end(loop, NULL);
}

/* ---- signals ---- */

static void note_signal(int number)
{
	(void)number;
}

Test(sleep, a_signal_ends_a_wait_early_and_is_no_failure)
{
	struct sigaction action = { .sa_handler = note_signal };
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
	ferry_timer *timer;

	loop = fixture_loop();
	ferry_loop_call_at(loop, FAR, call, NULL, &timer);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	cr_assert_eq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
	ferry_timer_cancel(timer);
	ferry_loop_call_at(loop, ferry_in_ns(20000000), call, NULL, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0, "run goes on waiting");
	cr_assert_eq(calls, 1);
	setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { 0, 0 } }, NULL);
	fixture_end(loop, NULL);
}

/* ---- a bell that cannot be rung ---- */

Test(sleep, L1_a_write_that_failed_for_good_is_told_once_and_the_post_is_handled)
{
	struct port *port;
	int kept, deaf = open("/dev/null", O_RDONLY);

	loop = fixture_loop();
	port = atomic_load_relaxed(&loop->port);
	kept = dup(port->bell);
	cr_assert_eq(dup2(deaf, port->bell), port->bell);
	cr_assert_eq(ferry_loop_call_soon_threadsafe(loop, call, NULL), 0);
	cr_assert_eq(fixture_loop_counters(loop).rings, 1);
	cr_assert_eq(fixture_loop_counters(loop).ring_failures, 1);
	cr_assert_eq(dup2(kept, port->bell), port->bell);
	cr_assert_eq(ferry_loop_run(loop), -EBADF);
	cr_assert_eq(calls, 0);
	cr_assert_eq(ferry_loop_run(loop), 0, "it was told once");
	cr_assert_eq(calls, 1);
	close(kept);
	close(deaf);
	fixture_end(loop, NULL);
}

Test(sleep, L1_a_reminder_that_cannot_be_written_is_the_dispatchs_failure)
{
	struct port *port;
	int kept, deaf = open("/dev/null", O_RDONLY);

	loop = fixture_loop();
	port = atomic_load_relaxed(&loop->port);
	kept = dup(port->bell);
	ferry_loop_call_soon(loop, call, NULL);
	ferry_loop_call_soon(loop, call, NULL);
	cr_assert_eq(dup2(deaf, port->bell), port->bell);
	cr_assert_eq(ferry_loop_dispatch(loop, 1), -EBADF, "nothing would wake the host");
	cr_assert_eq(ferry_loop_deadline(loop), 0);
	cr_assert_eq(dup2(kept, port->bell), port->bell);
	cr_assert_eq(ferry_loop_dispatch(loop, 1), 1);
	cr_assert_eq(calls, 2);
	close(kept);
	close(deaf);
	fixture_end(loop, NULL);
}
