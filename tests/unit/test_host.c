/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loop as a lodger: what its host polls, until when, and what it calls (L1). */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>

#include "loop/turn.h"
#include "support/fixture.h"
#include "support/gate.h"
#include "support/work.h"

TestSuite(host, .timeout = 60);

#define FAR ferry_in_ns(3600000000000)

static ferry_loop *loop;
static int calls;

static void begin(void)
{
	loop = fixture_loop();
}

static void end(void)
{
	ferry_loop_free(loop);
}

static void call(ferry_loop *which, void *user)
{
	(void)which, (void)user;
	calls++;
}

static void post(int count)
{
	while (count--)
		cr_assert_eq(ferry_loop_call_soon_threadsafe(loop, call, NULL), 0);
}

/* What a host sees: is the descriptor readable? */
static int is_readable(void)
{
	struct pollfd fd = { .fd = ferry_loop_fd(loop), .events = POLLIN };

	return poll(&fd, 1, 0);
}

static uint64_t rings(void)
{
	return fixture_loop_counters(loop).rings;
}

/* As a host does: polls until the deadline, and dispatches. */
static int host_turn(unsigned budget)
{
	uint64_t deadline = ferry_loop_deadline(loop), now = ferry_now_ns();
	struct pollfd fd = { .fd = ferry_loop_fd(loop), .events = POLLIN };
	struct timespec timeout;

	timeout.tv_sec = deadline > now ? (time_t)((deadline - now) / 1000000000) : 0;
	timeout.tv_nsec = deadline > now ? (long)((deadline - now) % 1000000000) : 0;
	ppoll(&fd, 1, deadline == FERRY_NO_DEADLINE ? NULL : &timeout, NULL);
	return ferry_loop_dispatch(loop, budget);
}

/* ---- the descriptor and the deadline ---- */

Test(host, with_nothing_to_do_it_sleeps_for_ever, .init = begin, .fini = end)
{
	int fd = ferry_loop_fd(loop);

	cr_assert_geq(fd, 0);
	cr_assert_eq(is_readable(), 0);
	cr_assert_eq(ferry_loop_deadline(loop), FERRY_NO_DEADLINE);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 0);
	cr_assert_eq(is_readable(), 0);
	cr_assert_eq(ferry_loop_fd(loop), fd, "it stays the same");
}

Test(host, the_deadline_is_the_earliest_timers_and_at_once_if_something_is_due, .init = begin,
     .fini = end)
{
	uint64_t sooner = ferry_in_ns(1000000000000), later = sooner + 1;
	ferry_timer *timers[2];

	ferry_loop_call_at(loop, later, call, NULL, &timers[0]);
	cr_assert_eq(ferry_loop_deadline(loop), later);
	ferry_loop_call_at(loop, sooner, call, NULL, &timers[1]);
	cr_assert_eq(ferry_loop_deadline(loop), sooner);
	ferry_timer_cancel(timers[1]);
	cr_assert_eq(ferry_loop_deadline(loop), later);
	ferry_loop_call_soon(loop, call, NULL);
	cr_assert_eq(ferry_loop_deadline(loop), 0);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(ferry_loop_deadline(loop), later);
	ferry_timer_cancel(timers[0]);
}

Test(host, L1_a_post_makes_it_readable_until_it_is_dispatched, .init = begin, .fini = end)
{
	for (int i = 0; i < 5; i++) {
		post(1);
		cr_assert_eq(is_readable(), 1);
		cr_assert_eq(is_readable(), 1, "polling alone does not take the event");
		cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
		cr_assert_eq(is_readable(), 0);
	}
	cr_assert_eq(calls, 5);
}

Test(host, L1_there_is_at_most_one_write_between_two_dispatches, .init = begin, .fini = end)
{
	for (uint64_t i = 1; i <= 10; i++) {
		post(100);
		cr_assert_eq(rings(), i);
		cr_assert_eq(ferry_loop_dispatch(loop, 0), 100);
		cr_assert_eq(rings(), i);
	}
	cr_assert_eq(calls, 1000, "N posts, N deliveries");
	cr_assert_eq(fixture_loop_counters(loop).posts, 1000);
}

static void post_inside(ferry_loop *which, void *user)
{
	(void)user;
	cr_assert_eq(ferry_loop_call_soon_threadsafe(which, call, NULL), 0);
}

Test(host, L1_a_post_during_a_dispatch_writes_nothing_and_keeps_it_readable, .init = begin,
     .fini = end)
{
	ferry_loop_call_soon(loop, post_inside, NULL);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(rings(), 0);
	cr_assert_eq(is_readable(), 1);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(calls, 1);
	cr_assert_eq(is_readable(), 0);
}

Test(host, L1_work_that_is_left_keeps_it_readable_and_the_deadline_at_once, .init = begin,
     .fini = end)
{
	post(5);
	for (int left = 5; left > 2; left -= 2) {
		cr_assert_eq(is_readable(), 1);
		cr_assert_eq(ferry_loop_dispatch(loop, 2), 2);
		cr_assert_eq(is_readable(), 1);
		cr_assert_eq(ferry_loop_deadline(loop), 0);
	}
	cr_assert_eq(ferry_loop_dispatch(loop, 2), 1);
	cr_assert_eq(is_readable(), 0);
	cr_assert_eq(ferry_loop_deadline(loop), FERRY_NO_DEADLINE);
	cr_assert_eq(rings(), 1, "what is left is no ring");
}

Test(host, L1_timers_that_are_left_keep_it_readable_too, .init = begin, .fini = end)
{
	for (int i = 0; i < 3; i++)
		ferry_loop_call_at(loop, 0, call, NULL, NULL);
	for (int left = 2; left > 0; left--) {
		cr_assert_eq(ferry_loop_dispatch(loop, 1), 1);
		cr_assert_eq(is_readable(), 1);
		cr_assert_leq(ferry_loop_deadline(loop), ferry_now_ns());
	}
	cr_assert_eq(ferry_loop_dispatch(loop, 1), 1);
	cr_assert_eq(is_readable(), 0);
}

Test(host, a_dispatch_for_no_reason_handles_nothing_and_loses_nothing, .init = begin,
     .fini = end)
{
	for (int i = 0; i < 3; i++)
		cr_assert_eq(ferry_loop_dispatch(loop, 0), 0);
	post(1);
	cr_assert_eq(is_readable(), 1);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
}

Test(host, L1_its_descriptor_works_inside_another_epoll_edge_triggered_or_not, .init = begin,
     .fini = end)
{
	int hosts = epoll_create1(EPOLL_CLOEXEC);

	for (int edge = 0; edge < 2; edge++) {
		struct epoll_event event = { .events = EPOLLIN | (edge ? EPOLLET : 0u) };

		cr_assert_eq(epoll_ctl(hosts, EPOLL_CTL_ADD, ferry_loop_fd(loop), &event), 0);
		for (int i = 0; i < 5; i++) {
			cr_assert_eq(epoll_wait(hosts, &event, 1, 0), 0);
			post(3);
			cr_assert_eq(epoll_wait(hosts, &event, 1, 1000), 1);
			cr_assert_eq(ferry_loop_dispatch(loop, 0), 3);
		}
		cr_assert_eq(epoll_ctl(hosts, EPOLL_CTL_DEL, ferry_loop_fd(loop), NULL), 0);
	}
	close(hosts);
}

/* ---- a host that sleeps ---- */

static void *post_at_barrier(void *arg)
{
	pthread_barrier_wait(arg);
	post(1);
	return NULL;
}

Test(host, L1_a_host_that_sleeps_is_woken_by_each_post, .init = begin, .fini = end)
{
	for (int i = 1; i <= 200; i++) {
		pthread_barrier_t both;
		pthread_t thread;

		pthread_barrier_init(&both, NULL, 2);
		pthread_create(&thread, NULL, post_at_barrier, &both);
		pthread_barrier_wait(&both);
		while (calls < i) /* there is no deadline: without a ring this never ends */
			cr_assert_geq(host_turn(0), 0);
		pthread_join(thread, NULL);
		pthread_barrier_destroy(&both);
	}
}

static int square(void *arg, ferry_result *out)
{
	uint64_t number = (uintptr_t)arg;

	*out = ferry_result_u64(number * number);
	return 0;
}

static uint64_t sum;

static void add(ferry_local *local, void *user)
{
	(void)user;
	sum += ferry_local_snapshot(local).result.u64;
	calls++;
}

Test(host, offloads_timers_and_readiness_are_served_by_poll_and_dispatch, .init = begin)
{
	ferry_pool *pool = fixture_pool(2);
	int ends[2];
	ferry_local *watch;

	cr_assert_eq(pipe(ends), 0);
	watch = ferry_loop_watch_fd(loop, ends[0], FERRY_READABLE);
	ferry_local_add_done_callback(watch, add, NULL);
	ferry_local_unref(watch);
	for (uintptr_t i = 1; i <= 100; i++) {
		ferry_local *local = ferry_offload(loop, pool, square, (void *)i, NULL);

		ferry_local_add_done_callback(local, add, NULL);
		ferry_local_unref(local);
	}
	ferry_loop_call_at(loop, ferry_in_ns(1000000), call, NULL, NULL);
	while (calls < 101)
		cr_assert_geq(host_turn(16), 0);
	cr_assert_eq(sum, 338350);
	cr_assert_eq(ferry_loop_pending(loop), 1);
	cr_assert_eq(write(ends[1], "x", 1), 1);
	while (calls < 102)
		cr_assert_geq(host_turn(16), 0);
	cr_assert_eq(sum, 338350 + FERRY_READABLE);
	cr_assert_eq(ferry_loop_pending(loop), 0);
	close(ends[0]);
	close(ends[1]);
	fixture_end(loop, pool);
}

/* ---- hooks ---- */

Test(host, L1_with_hooks_nothing_is_written_while_the_host_is_awake, .init = begin, .fini = end)
{
	for (uint64_t i = 1; i <= 5; i++) {
		cr_assert_eq(ferry_loop_prepare(loop), 0, "it may sleep");
		post(10);
		cr_assert_eq(rings(), i, "the first post rings");
		cr_assert_eq(is_readable(), 1);
		cr_assert_eq(ferry_loop_check(loop), 0);
		post(10);
		cr_assert_eq(ferry_loop_dispatch(loop, 0), 20);
		post(10);
		cr_assert_eq(rings(), i, "and no other until the next prepare");
		cr_assert_eq(ferry_loop_prepare(loop), 1, "work is due: do not wait");
		cr_assert_eq(ferry_loop_check(loop), 0);
		cr_assert_eq(ferry_loop_dispatch(loop, 0), 10);
		cr_assert_eq(is_readable(), 0);
	}
	cr_assert_eq(calls, 150);
}

Test(host, L1_with_hooks_prepare_says_when_work_is_due, .init = begin, .fini = end)
{
	ferry_timer *timer;

	cr_assert_eq(ferry_loop_prepare(loop), 0);
	ferry_loop_check(loop);
	ferry_loop_call_soon(loop, call, NULL);
	cr_assert_eq(ferry_loop_prepare(loop), 1);
	ferry_loop_check(loop);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	ferry_loop_call_at(loop, 0, call, NULL, NULL);
	cr_assert_eq(ferry_loop_prepare(loop), 1);
	ferry_loop_check(loop);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	ferry_loop_call_at(loop, FAR, call, NULL, &timer);
	cr_assert_eq(ferry_loop_prepare(loop), 0, "a timer that is not due is the deadline's");
	ferry_loop_check(loop);
	ferry_timer_cancel(timer);
}

Test(host, L1_a_ring_before_the_first_prepare_does_not_keep_it_readable, .init = begin,
     .fini = end)
{
	post(1);
	cr_assert_eq(ferry_loop_prepare(loop), 1);
	cr_assert_eq(ferry_loop_check(loop), 0);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(calls, 1);
	for (int i = 0; i < 2 && is_readable(); i++) {
		cr_assert_eq(ferry_loop_prepare(loop), 0);
		cr_assert_eq(ferry_loop_check(loop), 0);
		cr_assert_eq(ferry_loop_dispatch(loop, 0), 0);
	}
	cr_assert_eq(is_readable(), 0, "or the host would spin");
}

/* Who rings says so before it writes, and may be kept from writing for long. */
Test(host, L1_a_ring_that_comes_late_does_not_keep_it_readable, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 0);
	cr_assert_eq(port_remind(turn_port(loop)), 0);
	cr_assert_neq(is_readable(), 0);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 0);
	cr_assert_eq(is_readable(), 0, "or the host would spin");
}

Test(host, with_hooks_what_is_left_is_told_by_prepare, .init = begin, .fini = end)
{
	post(5);
	for (int left = 5; left > 0; left--) {
		cr_assert_eq(ferry_loop_prepare(loop), 1);
		cr_assert_eq(ferry_loop_check(loop), 0);
		cr_assert_eq(ferry_loop_dispatch(loop, 1), 1);
	}
	cr_assert_eq(ferry_loop_prepare(loop), 0);
	cr_assert_eq(ferry_loop_check(loop), 0);
}

Test(host, L1_with_hooks_a_host_that_sleeps_is_woken_by_each_post, .init = begin, .fini = end)
{
	for (int i = 1; i <= 200; i++) {
		struct pollfd fd = { .fd = ferry_loop_fd(loop), .events = POLLIN };
		pthread_barrier_t both;
		pthread_t thread;

		pthread_barrier_init(&both, NULL, 2);
		pthread_create(&thread, NULL, post_at_barrier, &both);
		pthread_barrier_wait(&both);
		while (calls < i) {
			int due = ferry_loop_prepare(loop);

			cr_assert_geq(due, 0);
			poll(&fd, 1, due ? 0 : -1);
			cr_assert_eq(ferry_loop_check(loop), 0);
			cr_assert_geq(ferry_loop_dispatch(loop, 0), 0);
		}
		pthread_join(thread, NULL);
		pthread_barrier_destroy(&both);
	}
}

/* ---- run and a host, one after the other ---- */

static void stop(ferry_loop *which, void *user)
{
	(void)user;
	ferry_loop_stop(which);
}

Test(host, L1_what_run_left_when_it_was_stopped_makes_it_readable, .init = begin, .fini = end)
{
	ferry_loop_call_soon(loop, stop, NULL);
	ferry_loop_call_soon(loop, call, NULL);
	cr_assert_eq(ferry_loop_run(loop), 1);
	cr_assert_eq(is_readable(), 1);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(is_readable(), 0);
	post(1);
	cr_assert_eq(is_readable(), 1, "and it is armed");
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 2);
	post(1);
	cr_assert_eq(is_readable(), 1, "after run too");
}

Test(host, stop_ends_a_dispatch_as_well, .init = begin, .fini = end)
{
	ferry_loop_call_soon(loop, stop, NULL);
	ferry_loop_call_soon(loop, call, NULL);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(is_readable(), 1);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
}

static void *post_one(void *arg)
{
	(void)arg;
	post(1);
	return NULL;
}

/* What comes while it polls the inbox, before it arms, needs no bell. */
Test(host, L1_prepare_polls_before_a_host_sleeps_while_something_is_in_flight)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	ferry_loop_counters counters;
	ferry_future *promise;
	ferry_local *local;
	uint64_t hits;

	if (ferry_cpu_count() < 2)
		cr_skip_test("one CPU: it does not poll");
	options.poll_ns = 1000000;
	cr_assert_eq(ferry_loop_new(&options, &loop), 0);
	cr_assert_eq(ferry_loop_prepare(loop), 0);
	cr_assert_eq(fixture_loop_counters(loop).polls, 0, "nothing is in flight");
	ferry_loop_check(loop);
	cr_assert_eq(ferry_future_new(NULL, &promise), 0);
	local = ferry_wrap(loop, promise);
	for (hits = 0; !hits; hits = counters.poll_hits) {
		pthread_t thread;

		cr_assert_eq(pthread_create(&thread, NULL, post_one, NULL), 0);
		/* Found by polling, before, or not yet: that is not ours to say. */
		ferry_loop_prepare(loop);
		pthread_join(thread, NULL);
		ferry_loop_check(loop);
		cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
		/* One that has not served of late is not tried. */
		loop->poll_credit = 8;
		counters = fixture_loop_counters(loop);
	}
	cr_assert_gt(counters.polls, 0);
	ferry_future_unref(promise);
	ferry_local_unref(local);
	end();
}

Test(host, L1_a_host_that_is_rung_at_once_is_polled_for_again, .init = begin, .fini = end)
{
	if (ferry_cpu_count() < 2)
		cr_skip_test("one CPU: it does not poll");
	loop->poll_credit = 0;
	loop->poll_ns = 3600000000000;
	cr_assert_eq(ferry_loop_prepare(loop), 0);
	cr_assert_eq(ferry_loop_check(loop), 0);
	cr_assert_eq(loop->poll_credit, 0, "it was not rung");
	cr_assert_eq(ferry_loop_prepare(loop), 0);
	post(1);
	cr_assert_eq(ferry_loop_check(loop), 0);
	cr_assert_eq(loop->poll_credit, 1);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
}

/* ---- what a host is told ---- */

static int told;

static void tell(ferry_loop *which, void *user)
{
	cr_assert_eq(which, loop);
	cr_assert_eq(user, &told);
	told++;
	/* These two it may look at. */
	ferry_loop_deadline(which);
	ferry_loop_pending(which);
}

static void begin_told(void)
{
	begin();
	told = 0;
	cr_assert_eq(ferry_loop_set_host(loop, tell, &told), 0);
}

static void call_more(ferry_loop *which, void *user)
{
	call(which, user);
	ferry_loop_call_soon(which, call, NULL);
	ferry_loop_call_at(which, 1, call, NULL, NULL);
}

Test(host, L1_what_is_due_first_is_told_once, .init = begin_told, .fini = end)
{
	for (int i = 1; i <= 3; i++) {
		ferry_loop_call_soon(loop, call, NULL);
		cr_assert_eq(told, i);
		ferry_loop_call_soon(loop, call, NULL);
		cr_assert_eq(told, i);
		cr_assert_eq(ferry_loop_dispatch(loop, 0), 2);
		cr_assert_eq(told, i);
	}
}

Test(host, L1_a_deadline_that_is_earlier_is_told, .init = begin_told, .fini = end)
{
	ferry_timer *timers[3];
	uint64_t far = FAR;

	ferry_loop_call_at(loop, far, call, NULL, &timers[0]);
	cr_assert_eq(told, 1);
	ferry_loop_call_at(loop, far + 1, call, NULL, &timers[1]);
	cr_assert_eq(told, 1);
	ferry_loop_call_at(loop, far - 1, call, NULL, &timers[2]);
	cr_assert_eq(told, 2);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(told, 2, "later is no news");
		ferry_timer_cancel(timers[i]);
	}
	cr_assert_eq(told, 3, "that there is none is");
}

Test(host, L1_the_first_request_is_told_and_in_a_dispatch_nothing, .init = begin_told, .fini = end)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_local *locals[2];

	locals[0] = ferry_offload(loop, pool, work_nothing, NULL, NULL);
	cr_assert_eq(told, 1);
	locals[1] = ferry_offload(loop, pool, work_nothing, NULL, NULL);
	cr_assert_eq(told, 1);
	while (!ferry_local_snapshot(locals[1]).done)
		host_turn(0);
	ferry_loop_call_soon(loop, call_more, NULL);
	told = 0;
	ferry_loop_dispatch(loop, 1);
	cr_assert_eq(told, 0);
	while (ferry_loop_pending(loop))
		host_turn(0);
	cr_assert_eq(calls, 3);
	ferry_local_unref(locals[0]);
	ferry_local_unref(locals[1]);
	fixture_end(NULL, pool);
}

/* It becomes readable between the poll of the host and that of the dispatch. */
Test(host, L1_of_what_a_dispatch_finds_ready_nothing_is_told, .init = begin_told, .fini = end)
{
	int ends[2];
	ferry_local *watch;

	cr_assert_eq(pipe(ends), 0);
	watch = ferry_loop_watch_fd(loop, ends[0], FERRY_READABLE);
	ferry_local_add_done_callback(watch, add, NULL);
	cr_assert_eq(write(ends[1], "x", 1), 1);
	told = 0;
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(told, 0);
	ferry_local_unref(watch);
	close(ends[0]);
	close(ends[1]);
}

Test(host, L1_that_the_last_was_taken_back_is_told, .init = begin_told, .fini = end)
{
	ferry_timer *timers[2];
	ferry_future *promise;
	ferry_local *local;

	ferry_loop_call_at(loop, FAR, call, NULL, &timers[0]);
	ferry_loop_call_at(loop, FAR, call, NULL, &timers[1]);
	told = 0;
	ferry_timer_cancel(timers[0]);
	cr_assert_eq(told, 0);
	ferry_timer_cancel(timers[1]);
	cr_assert_eq(told, 1);
	cr_assert_eq(ferry_future_new(NULL, &promise), 0);
	local = ferry_wrap(loop, promise);
	told = 0;
	cr_assert_geq(ferry_local_cancel(local), 0);
	cr_assert_eq(told, 1);
	ferry_local_unref(local);
	ferry_future_unref(promise);
}

static void set_again(ferry_loop *which, void *user)
{
	(void)user;
	cr_assert_eq(ferry_loop_set_host(which, NULL, NULL), 0);
	cr_assert_eq(ferry_loop_set_host(which, tell, &told), 0);
	ferry_loop_call_at(which, FAR, call, NULL, NULL);
	cr_assert_eq(told, 0);
}

Test(host, L1_one_that_comes_in_a_dispatch_is_told_of_the_rest, .init = begin_told, .fini = end)
{
	ferry_loop_call_soon(loop, set_again, NULL);
	told = 0;
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(told, 1);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 0);
	cr_assert_eq(told, 1, "once");
}

Test(host, L1_what_run_left_is_told, .init = begin_told, .fini = end)
{
	ferry_loop_call_soon(loop, stop, NULL);
	told = 0;
	cr_assert_eq(ferry_loop_run(loop), 1);
	cr_assert_eq(told, 1);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 0);
}

static char said[4];

static void say(ferry_loop *which, void *letter)
{
	(void)which;
	said[strlen(said)] = *(const char *)letter;
}

static void say_elsewhere(void *letter)
{
	cr_assert_eq(ferry_loop_call_soon_threadsafe(loop, say, letter), 0);
}

/* It looks whether something is pending, and there comes more. */
static void say_and_look(ferry_loop *which, void *letter)
{
	if (!told++)
		fixture_elsewhere(say_elsewhere, letter);
	ferry_loop_pending(which);
}

Test(host, L2_what_comes_while_a_host_is_told_overtakes_nothing, .init = begin, .fini = end)
{
	told = 0;
	cr_assert_eq(ferry_loop_set_host(loop, say_and_look, "c"), 0);
	say_elsewhere("a");
	say_elsewhere("b");
	cr_assert_eq(ferry_loop_pending(loop), 3);
	cr_assert_eq(told, 1);
	while (ferry_loop_pending(loop))
		ferry_loop_dispatch(loop, 0);
	cr_assert_str_eq(said, "abc");
}

static void prepare_inside(ferry_loop *which, void *user)
{
	call(which, user);
	cr_assert_eq(ferry_loop_prepare(which), -EBUSY);
	cr_assert_eq(ferry_loop_check(which), -EBUSY);
}

Test(host, L2_inside_of_a_callback_a_host_is_told_to_leave_it_alone, .init = begin, .fini = end)
{
	ferry_loop_call_soon(loop, prepare_inside, NULL);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	post(1);
	cr_assert_eq(is_readable(), 1, "it has no hooks by that");
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(calls, 2);
}

/* Hooks are one host's, and another may come without the first having been told to leave. */
Test(host, L1_a_host_that_comes_has_no_hooks_yet, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_loop_prepare(loop), 0);
	cr_assert_eq(ferry_loop_check(loop), 0);
	cr_assert_eq(ferry_loop_set_host(loop, tell, &told), 0);
	post(1);
	cr_assert_eq(is_readable(), 1);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
}

/* ---- what the adapters share ---- */

/* Between the two looks of prepare another thread posts. */
static int pending_and_post(ferry_loop *which)
{
	int pending = ferry_loop_pending(which);

	post(1);
	return pending;
}

#define ferry_loop_pending pending_and_post
#include <ferry/adapt/host.h>
#undef ferry_loop_pending

Test(host, L1_a_post_between_the_looks_of_an_adapter_is_something_to_go_on_for, .init = begin,
     .fini = end)
{
	uint64_t deadline = 1;
	ferry_host host = { 0 };

	cr_assert_eq(ferry_host_open(&host, loop, tell, &told), 0);
	cr_assert_eq(ferry_host_prepare(&host, &deadline), 1);
	cr_assert_eq(deadline, 0);
	cr_assert_eq(ferry_host_check(&host, 0), 0);
	cr_assert_eq(calls, 1);
	cr_assert_eq(ferry_host_close(&host), 0);
}

Test(host, L3_that_the_loop_is_closed_is_told_last)
{
	begin_told();
	ferry_loop_call_soon(loop, call, NULL);
	told = 0;
	ferry_loop_ref(loop);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(told, 1);
	ferry_loop_unref(loop);
	cr_assert_eq(calls, 0);
}

Test(host, a_loop_has_one_host_at_a_time, .init = begin_told, .fini = end)
{
	cr_assert_eq(ferry_loop_set_host(loop, tell, NULL), -EBUSY);
	ferry_loop_call_soon(loop, call, NULL);
	cr_assert_eq(told, 1, "and it is the first");
	cr_assert_eq(ferry_loop_set_host(loop, NULL, NULL), 0);
	cr_assert_eq(ferry_loop_set_host(loop, NULL, NULL), 0, "there is none already");
	cr_assert_eq(is_readable(), 1, "what is due is there for the next");
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	ferry_loop_call_soon(loop, call, NULL);
	cr_assert_eq(told, 1);
	cr_assert_eq(ferry_loop_set_host(loop, tell, &told), 0);
	cr_assert_eq(is_readable(), 1);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
}

Test(host, L1_without_its_host_a_loop_with_hooks_rings_between_dispatches, .init = begin_told,
     .fini = end)
{
	cr_assert_eq(ferry_loop_prepare(loop), 0);
	ferry_loop_check(loop);
	post(1);
	cr_assert_eq(is_readable(), 0, "it is awake");
	cr_assert_eq(ferry_loop_set_host(loop, NULL, NULL), 0);
	cr_assert_eq(is_readable(), 1);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	post(1);
	cr_assert_eq(is_readable(), 1);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
}

static void leave(ferry_loop *which, void *user)
{
	call(which, user);
	cr_assert_eq(ferry_loop_set_host(which, NULL, NULL), 0);
	ferry_loop_call_soon(which, call, NULL);
}

Test(host, L1_a_host_that_leaves_in_a_dispatch_leaves_it_readable, .init = begin_told, .fini = end)
{
	cr_assert_eq(ferry_loop_prepare(loop), 0);
	ferry_loop_check(loop);
	ferry_loop_call_soon(loop, leave, NULL);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(is_readable(), 1);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(is_readable(), 0);
	post(1);
	cr_assert_eq(is_readable(), 1);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
}

/* ---- failures ---- */

Test(host, a_failure_of_epoll_is_told_and_nothing_is_lost, .init = begin, .fini = end)
{
	int fd = ferry_loop_fd(loop), kept = dup(fd), other = open("/dev/null", O_RDONLY);

	post(1);
	cr_assert_eq(dup2(other, fd), fd);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), -EINVAL);
	cr_assert_eq(ferry_loop_run_once(loop, 0), -EINVAL);
	cr_assert_eq(ferry_loop_run(loop), -EINVAL);
	cr_assert_eq(calls, 0);
	cr_assert_eq(dup2(kept, fd), fd);
	cr_assert_eq(is_readable(), 1);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
	cr_assert_eq(calls, 1);
	cr_assert_eq(is_readable(), 0);
	close(kept);
	close(other);
}
