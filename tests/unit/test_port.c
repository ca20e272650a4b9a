/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The port of a loop: inbox, state, bell (L1). */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>

#include "base/sys.h"
#include "loop/port.h"
#include "support/denied.h"
#include "support/fixture.h"

TestSuite(port, .timeout = 30);

static struct port port;

static void begin(void)
{
	cr_assert_eq(port_open(&port), 0);
}

static void end(void)
{
	port_close(&port);
}

/* How often the bell was written since the last look; 0: not at all. */
static uint64_t heard(void)
{
	uint64_t count;

	return read(port.bell, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static uint64_t rings(void)
{
	return atomic_load_relaxed(&port.rings);
}

static uint64_t ring_failures(void)
{
	return atomic_load_relaxed(&port.ring_failures);
}

/* As loop_post() does. */
static void post(struct ferry_waiter *node)
{
	rcu_read_begin();
	if (port_post(&port, node))
		port_ring(&port);
	rcu_read_end();
}

Test(port, a_new_port_is_awake_empty_and_silent, .init = begin, .fini = end)
{
	cr_assert_eq(atomic_load_relaxed(&port.state), PORT_AWAKE);
	cr_assert_null(stack_take_all(&port.inbox));
	cr_assert_eq(heard(), 0);
	cr_assert_eq(rings(), 0);
}

static void its_descriptor_is_quiet(void)
{
	cr_assert(fcntl(port.bell, F_GETFD) & FD_CLOEXEC);
	cr_assert(fcntl(port.bell, F_GETFL) & O_NONBLOCK);
	cr_assert_eq(heard(), 0);
}

Test(port, its_descriptor_is_closed_on_exec_and_does_not_block, .init = begin, .fini = end)
{
	its_descriptor_is_quiet();
}

Test(port, L1_a_post_to_an_awake_loop_does_not_ring, .init = begin, .fini = end)
{
	ferry_waiter node;

	post(&node);
	cr_assert_eq(rings(), 0);
	cr_assert_eq(heard(), 0);
	cr_assert_eq(stack_take_all(&port.inbox), &node);
}

Test(port, L1_the_first_post_to_an_armed_loop_rings_and_no_other, .init = begin, .fini = end)
{
	ferry_waiter nodes[5];

	cr_assert(port_arm(&port));
	for (int i = 0; i < 5; i++)
		post(&nodes[i]);
	cr_assert_eq(rings(), 1);
	cr_assert_eq(heard(), 1);
	for (struct ferry_waiter *node = stack_take_all(&port.inbox), *last = &nodes[4]; node;
	     node = node->next)
		cr_assert_eq(node, last--, "newest first");
}

Test(port, L1_arming_looks_again_and_stays_awake_if_there_is_a_post, .init = begin, .fini = end)
{
	ferry_waiter node, second;

	post(&node);
	cr_assert_not(port_arm(&port));
	cr_assert_eq(atomic_load_relaxed(&port.state), PORT_AWAKE);
	post(&second);
	cr_assert_eq(rings(), 0);
}

Test(port, L1_arming_leaves_a_bell_that_nobody_has_heard_as_it_is, .init = begin, .fini = end)
{
	ferry_waiter nodes[2];

	cr_assert(port_arm(&port));
	post(&nodes[0]);
	cr_assert_not_null(stack_take_all(&port.inbox)); /* by one who looked for himself */
	cr_assert_not(port_arm(&port));
	post(&nodes[1]);
	cr_assert_eq(rings(), 1, "it rings already");
	cr_assert(port_disarm(&port));
}

Test(port, disarming_tells_whether_it_had_been_rung, .init = begin, .fini = end)
{
	ferry_waiter node;

	cr_assert(port_arm(&port));
	cr_assert_not(port_disarm(&port));
	cr_assert(port_arm(&port));
	post(&node);
	cr_assert(port_disarm(&port));
	cr_assert_not(port_disarm(&port));
}

Test(port, L1_each_arming_is_rung_for_once, .init = begin, .fini = end)
{
	for (uint64_t i = 1; i <= 3; i++) {
		ferry_waiter nodes[2];

		cr_assert(port_arm(&port));
		post(&nodes[0]);
		post(&nodes[1]);
		cr_assert_eq(rings(), i);
		cr_assert(port_disarm(&port));
		cr_assert_not_null(stack_take_all(&port.inbox));
	}
	cr_assert_eq(heard(), 3);
}

Test(port, L1_a_poster_that_is_late_does_not_ring_an_awake_loop, .init = begin, .fini = end)
{
	ferry_waiter node;

	cr_assert(port_arm(&port));
	cr_assert(port_post(&port, &node), "it would ring");
	port_disarm(&port); /* but the loop wakes by itself meanwhile */
	port_ring(&port);
	cr_assert_eq(rings(), 0);
	cr_assert_eq(heard(), 0);
}

Test(port, a_reminder_is_heard_and_is_not_counted_as_a_ring, .init = begin, .fini = end)
{
	cr_assert_eq(port_remind(&port), 0);
	cr_assert_eq(heard(), 1);
	cr_assert_eq(rings(), 0);
}

Test(port, L1_a_full_counter_is_a_bell_that_rings_already, .init = begin, .fini = end)
{
	uint64_t most = UINT64_MAX - 1;
	ferry_waiter node;

	cr_assert_eq(write(port.bell, &most, sizeof(most)), sizeof(most));
	cr_assert_eq(port_remind(&port), 0);
	cr_assert(port_arm(&port));
	post(&node);
	cr_assert_eq(rings(), 1);
	cr_assert_eq(ring_failures(), 0);
	cr_assert_eq(atomic_load_relaxed(&port.ring_error), 0);
}

/* ---- without eventfds ---- */

static void begin_without(int error)
{
	if (!denied(SYS_eventfd2, error))
		cr_skip_test("no filter of system calls can be set here");
	begin();
}

/* Returns when it is. */
static void await_readable(int fd)
{
	struct pollfd of = { .fd = fd, .events = POLLIN };

	cr_assert_eq(poll(&of, 1, -1), 1);
}

Test(port, L1_a_timer_rings_where_eventfds_are_refused)
{
	static const int errors[] = { ENOSYS, EPERM };
	ferry_waiter nodes[3];

	for (int i = 0; i < 2; i++) {
		begin_without(errors[i]);
		its_descriptor_is_quiet();
		cr_assert(port_arm(&port));
		for (int j = 0; j < 3; j++)
			post(&nodes[j]);
		cr_assert_eq(rings(), 1);
		await_readable(port.bell);
		cr_assert_eq(heard(), 1);
		cr_assert(port_disarm(&port));
		cr_assert_eq(port_remind(&port), 0);
		await_readable(port.bell);
		end();
	}
}

/* As an eventfd does: nobody reads it, and each ring is an edge. */
Test(port, L1_a_timer_rings_again_though_nobody_reads_it)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = sys_epoll_create();

	begin_without(ENOSYS);
	cr_assert_eq(sys_epoll_ctl(epoll, EPOLL_CTL_ADD, port.bell, &event), 0);
	for (int i = 0; i < 1000; i++) {
		ferry_waiter node;

		cr_assert(port_arm(&port));
		post(&node);
		cr_assert_eq(sys_epoll_wait(epoll, &event, 1, UINT64_MAX), 1);
		cr_assert(port_disarm(&port));
		cr_assert_eq(stack_take_all(&port.inbox), &node);
		cr_assert_eq(sys_epoll_wait(epoll, &event, 1, 0), 0);
	}
	close(epoll);
	end();
}

Test(port, L1_a_timer_that_fails_is_counted_and_tried_again)
{
	int deaf = open("/dev/null", O_RDONLY), bell;
	ferry_waiter nodes[2];

	begin_without(EPERM);
	bell = port.bell;
	port.bell = deaf;
	cr_assert(port_arm(&port));
	post(&nodes[0]);
	cr_assert_eq(ring_failures(), 1);
	cr_assert_eq(atomic_load_relaxed(&port.ring_error), -EINVAL);
	cr_assert_eq(atomic_load_relaxed(&port.state), PORT_ARMED, "nobody has rung");
	port.bell = bell;
	post(&nodes[1]);
	await_readable(port.bell);
	cr_assert_eq(ring_failures(), 1);
	close(deaf);
	end();
}

Test(port, E3_without_either_it_is_not_opened)
{
	struct port none;

	if (!denied(SYS_eventfd2, ENOSYS) || !denied(SYS_timerfd_create, EPERM))
		cr_skip_test("no filter of system calls can be set here");
	cr_assert_eq(port_open(&none), -EPERM);
}

/* Nothing would ever wake its loop. */
Test(port, L1_with_a_timer_that_may_not_be_set_it_is_not_opened)
{
	int before = fixture_descriptors();
	struct port none;

	if (!denied(SYS_eventfd2, ENOSYS) || !denied(SYS_timerfd_settime, EPERM))
		cr_skip_test("no filter of system calls can be set here");
	cr_assert_eq(port_open(&none), -EPERM);
	cr_assert_eq(fixture_descriptors(), before);
}

/* ---- rings that fail ---- */

Test(port, L1_a_ring_that_fails_is_counted_kept_and_tried_again_by_the_next_post)
{
	ferry_waiter nodes[2];
	int deaf = open("/dev/null", O_RDONLY), bell;

	begin();
	bell = port.bell;
	port.bell = deaf; /* a write to it gives EBADF */
	cr_assert(port_arm(&port));
	post(&nodes[0]);
	cr_assert_eq(ring_failures(), 1);
	cr_assert_eq(atomic_load_relaxed(&port.ring_error), -EBADF);
	cr_assert_eq(atomic_load_relaxed(&port.state), PORT_ARMED, "nobody has rung");
	cr_assert_eq(port_remind(&port), -EBADF);
	port.bell = bell;
	post(&nodes[1]);
	cr_assert_eq(heard(), 1);
	cr_assert_eq(ring_failures(), 1);
	close(deaf);
	end();
}

/* ---- many threads ---- */

#define THREADS 4
#define POSTS 2000
static struct poster {
	pthread_t thread;
	ferry_waiter nodes[POSTS];
} posters[THREADS];
static pthread_barrier_t start;

static void *post_all(void *arg)
{
	struct poster *poster = arg;

	pthread_barrier_wait(&start);
	for (int i = 0; i < POSTS; i++)
		post(&poster->nodes[i]);
	return NULL;
}

Test(port, L1_many_threads_that_post_to_an_armed_loop_ring_once, .init = begin, .fini = end)
{
	int found = 0;

	cr_assert(port_arm(&port));
	pthread_barrier_init(&start, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&posters[i].thread, NULL, post_all, &posters[i]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(posters[i].thread, NULL);
	for (struct ferry_waiter *node = stack_take_all(&port.inbox); node; node = node->next)
		found++;
	cr_assert_eq(found, THREADS * POSTS, "N posts, N nodes");
	cr_assert_eq(rings(), 1);
	cr_assert_eq(heard(), 1);
}

Test(port, without_a_descriptor_it_is_not_opened)
{
	int before = fixture_descriptors();

	fixture_descriptors_left(0);
	cr_assert_eq(port_open(&port), -EMFILE);
	fixture_descriptors_left(-1);
	cr_assert_eq(fixture_descriptors(), before);
}
