/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readiness of a descriptor as a local; running a loop until a local is done. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/socket.h>

#include "support/fixture.h"
#include "support/gate.h"

TestSuite(watch, .timeout = 30);

#define BOTH (FERRY_READABLE | FERRY_WRITABLE)

static ferry_loop *loop;
static int ends[2]; /* of a pipe: read from 0, write to 1 */
static int calls;

static void begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
}

static void end(void)
{
	close(ends[0]);
	close(ends[1]);
	cr_assert_eq(ferry_loop_free(loop), 0);
}

static void call(ferry_local *local, void *user)
{
	(void)user;
	cr_assert(ferry_local_snapshot(local).done);
	calls++;
}

static ferry_local *watch(int fd, unsigned ready)
{
	ferry_local *local = ferry_loop_watch_fd(loop, fd, ready);

	cr_assert_not_null(local);
	return local;
}

/* What it says when it is done, which lets it go. */
static uint64_t says(ferry_local *local)
{
	uint64_t ready;

	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_null(ferry_local_snapshot(local).exception);
	ready = ferry_local_snapshot(local).result.u64;
	ferry_local_unref(local);
	return ready;
}

static void check_error(ferry_local *local, int code)
{
	cr_assert_not_null(local);
	cr_assert_eq(ferry_local_snapshot(local).exception, ferry_error_from_errno(code));
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_pending(loop), 0);
}

/* ---- readiness ---- */

Test(watch, a_pipe_becomes_readable, .init = begin, .fini = end)
{
	ferry_local *local = watch(ends[0], FERRY_READABLE);

	ferry_local_add_done_callback(local, call, NULL);
	cr_assert_eq(ferry_loop_pending(loop), 1);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 0);
	cr_assert_not(ferry_local_snapshot(local).done);
	cr_assert_eq(write(ends[1], "x", 1), 1);
	cr_assert_eq(calls, 0);
	cr_assert_eq(says(local), FERRY_READABLE);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
	cr_assert_eq(ferry_loop_pending(loop), 0);
}

static void *write_one(void *arg)
{
	return write(*(int *)arg, "x", 1) == 1 ? NULL : arg;
}

Test(watch, a_loop_that_sleeps_is_woken_by_a_descriptor, .init = begin, .fini = end)
{
	for (int i = 0; i < 50; i++) {
		ferry_local *local = watch(ends[0], FERRY_READABLE);
		pthread_t thread;
		char byte;

		pthread_create(&thread, NULL, write_one, &ends[1]);
		cr_assert_eq(says(local), FERRY_READABLE);
		pthread_join(thread, NULL);
		cr_assert_eq(read(ends[0], &byte, 1), 1);
	}
}

Test(watch, a_pipe_that_is_ready_already_is_told_in_the_next_turn, .init = begin, .fini = end)
{
	ferry_local *local = watch(ends[1], FERRY_WRITABLE);

	cr_assert_not(ferry_local_snapshot(local).done);
	cr_assert_eq(says(local), FERRY_WRITABLE);
}

Test(watch, a_socket_says_which_of_both_it_is, .init = begin, .fini = end)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	cr_assert_eq(says(watch(pair[0], BOTH)), FERRY_WRITABLE);
	cr_assert_eq(write(pair[1], "x", 1), 1);
	cr_assert_eq(says(watch(pair[0], BOTH)), BOTH);
	close(pair[0]);
	close(pair[1]);
}

Test(watch, a_hang_up_is_reported_to_who_waits_for_anything, .init = begin, .fini = end)
{
	close(ends[1]);
	cr_assert_eq(says(watch(ends[0], FERRY_READABLE)), FERRY_READABLE | FERRY_HANGUP);
	ends[1] = dup(ends[0]);
}

Test(watch, a_failure_is_reported_to_who_waits_for_anything, .init = begin, .fini = end)
{
	close(ends[0]);
	cr_assert_eq(says(watch(ends[1], FERRY_WRITABLE)), FERRY_WRITABLE | FERRY_FAILED);
	ends[0] = dup(ends[1]);
}

Test(watch, several_may_watch_one_descriptor, .init = begin, .fini = end)
{
	ferry_local *locals[5];

	for (int i = 0; i < 5; i++) {
		locals[i] = watch(ends[0], FERRY_READABLE);
		ferry_local_add_done_callback(locals[i], call, NULL);
	}
	cr_assert_eq(ferry_local_cancel(locals[2]), 1);
	cr_assert_eq(write(ends[1], "x", 1), 1);
	for (int i = 0; i < 5; i++)
		if (i != 2)
			cr_assert_eq(says(locals[i]), FERRY_READABLE);
	cr_assert(ferry_local_snapshot(locals[2]).cancelled);
	ferry_local_unref(locals[2]);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 5);
}

Test(watch, each_is_told_once_and_may_ask_again, .init = begin, .fini = end)
{
	char byte;

	for (int i = 0; i < 10; i++) {
		cr_assert_eq(write(ends[1], "x", 1), 1);
		cr_assert_eq(says(watch(ends[0], FERRY_READABLE)), FERRY_READABLE);
		cr_assert_eq(read(ends[0], &byte, 1), 1);
		cr_assert_eq(ferry_loop_pending(loop), 0);
	}
}

static void watch_again(ferry_local *local, void *user)
{
	char byte;

	call(local, user);
	cr_assert_eq(read(ends[0], &byte, 1), 1);
	if (calls < 5) {
		ferry_local *next = watch(ends[0], FERRY_READABLE);

		ferry_local_add_done_callback(next, watch_again, NULL);
		ferry_local_unref(next);
	}
}

Test(watch, a_callback_may_ask_again, .init = begin, .fini = end)
{
	ferry_local *local = watch(ends[0], FERRY_READABLE);

	ferry_local_add_done_callback(local, watch_again, NULL);
	ferry_local_unref(local);
	cr_assert_eq(write(ends[1], "12345", 5), 5);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 5);
}

static ferry_local *victim;

static void cancel_victim(ferry_local *local, void *user)
{
	call(local, user);
	ferry_local_cancel(victim);
	victim = ferry_local_unref(victim);
}

Test(watch, a_callback_may_cancel_another_watch_that_is_ready_too, .init = begin, .fini = end)
{
	ferry_local *local = watch(ends[1], FERRY_WRITABLE);

	cr_assert_eq(write(ends[1], "x", 1), 1);
	victim = watch(ends[0], FERRY_READABLE);
	ferry_local_add_done_callback(local, cancel_victim, NULL);
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
	cr_assert_null(victim);
}

/* ---- cancelled, closed, opened again ---- */

Test(watch, cancelled_it_ends_and_the_descriptor_may_be_closed, .init = begin, .fini = end)
{
	ferry_local *local = watch(ends[0], FERRY_READABLE);

	ferry_local_add_done_callback(local, call, NULL);
	cr_assert_eq(ferry_local_cancel(local), 1);
	cr_assert_eq(write(ends[1], "x", 1), 1);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
	cr_assert(ferry_local_snapshot(local).cancelled);
	cr_assert_eq(ferry_local_cancel(local), -EALREADY);
	ferry_local_unref(local);
}

Test(watch, dropped_it_goes_on_and_calls_its_callbacks, .init = begin, .fini = end)
{
	ferry_local *local = watch(ends[0], FERRY_READABLE);

	ferry_local_add_done_callback(local, call, NULL);
	ferry_local_unref(local);
	ferry_local_unref(watch(ends[0], FERRY_READABLE));
	cr_assert_eq(ferry_loop_pending(loop), 2);
	cr_assert_eq(write(ends[1], "x", 1), 1);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
}

Test(watch, a_number_used_again_for_another_file_is_watched_anew, .init = begin, .fini = end)
{
	int other[2];

	cr_assert_eq(write(ends[1], "x", 1), 1);
	cr_assert_eq(says(watch(ends[0], FERRY_READABLE)), FERRY_READABLE);
	cr_assert_eq(pipe(other), 0);
	cr_assert_eq(dup2(other[0], ends[0]), ends[0], "the old one is closed by that");
	for (int i = 0; i < 2; i++) {
		ferry_local *local = watch(ends[0], FERRY_READABLE);
		char byte;

		cr_assert_eq(ferry_loop_run_once(loop, 0), 0, "it is another, and empty");
		cr_assert_eq(write(other[1], "x", 1), 1);
		cr_assert_eq(says(local), FERRY_READABLE);
		cr_assert_eq(read(ends[0], &byte, 1), 1);
	}
	close(other[0]);
	close(other[1]);
}

Test(watch, closing_the_loop_cancels_it, .init = begin)
{
	ferry_local *local = watch(ends[0], FERRY_READABLE);

	ferry_local_add_done_callback(local, call, NULL);
	end();
	cr_assert(ferry_local_snapshot(local).cancelled);
	cr_assert_eq(calls, 0);
	ferry_local_unref(local);
}

/* ---- refused ---- */

Test(watch, a_regular_file_a_closed_number_and_an_absurd_one_are_born_failed, .init = begin,
     .fini = end)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), closed = dup(file);

	close(closed);
	check_error(watch(file, FERRY_READABLE), EPERM);
	check_error(watch(closed, FERRY_READABLE), EBADF);
	check_error(watch(INT_MAX, FERRY_READABLE), EBADF);
	check_error(watch(ferry_loop_fd(loop), FERRY_READABLE), EINVAL);
	close(file);
}

static void watch_elsewhere(void *arg)
{
	cr_assert_null(ferry_loop_watch_fd(arg, ends[0], FERRY_READABLE));
	cr_assert_eq(errno, EPERM);
}

Test(watch, wrong_arguments_give_no_local, .init = begin, .fini = end)
{
	static const unsigned wrong[] = { 0, FERRY_HANGUP, FERRY_FAILED, BOTH | FERRY_HANGUP,
					  UINT_MAX };

	cr_assert_null(ferry_loop_watch_fd(NULL, ends[0], FERRY_READABLE));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_loop_watch_fd(loop, -1, FERRY_READABLE));
	cr_assert_eq(errno, EINVAL);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		errno = 0;
		cr_assert_null(ferry_loop_watch_fd(loop, ends[0], wrong[i]));
		cr_assert_eq(errno, EINVAL);
	}
	fixture_elsewhere(watch_elsewhere, loop);
	cr_assert_eq(ferry_loop_pending(loop), 0);
}

/* ---- run_until ---- */

static int wait_at(void *arg, ferry_result *out)
{
	(void)out;
	gate_wait(arg);
	return 0;
}

static void complete(ferry_loop *which, void *user)
{
	(void)which;
	cr_assert_eq(ferry_local_set_result(user, ferry_result_u64(1)), 0);
}

static void do_nothing(ferry_loop *which, void *user)
{
	(void)which, (void)user;
}

Test(watch, run_until_returns_when_the_local_is_done_and_leaves_the_rest, .init = begin,
     .fini = end)
{
	ferry_local *local;
	ferry_timer *timer;

	cr_assert_eq(ferry_local_new(loop, &local), 0);
	ferry_loop_call_soon(loop, complete, local);
	ferry_loop_call_at(loop, ferry_in_ns(3600000000000), do_nothing, NULL, &timer);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert(ferry_local_snapshot(local).done);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0, "one that is done takes no turn");
	cr_assert_eq(ferry_loop_pending(loop), 1);
	ferry_timer_cancel(timer);
	ferry_local_unref(local);
}

Test(watch, run_until_says_when_nothing_could_complete_it, .init = begin, .fini = end)
{
	ferry_local *local;

	cr_assert_eq(ferry_local_new(loop, &local), 0);
	cr_assert_eq(ferry_loop_run_until(loop, local), -EDEADLK);
	ferry_loop_call_soon(loop, do_nothing, NULL);
	cr_assert_eq(ferry_loop_run_until(loop, local), -EDEADLK, "after all else was done");
	cr_assert_not(ferry_local_snapshot(local).done);
	ferry_local_unref(local);
}

static void stop(ferry_loop *which, void *user)
{
	(void)user;
	ferry_loop_stop(which);
}

Test(watch, run_until_says_when_it_was_stopped_before, .init = begin, .fini = end)
{
	ferry_local *local = watch(ends[0], FERRY_READABLE);

	ferry_loop_call_soon(loop, stop, NULL);
	cr_assert_eq(ferry_loop_run_until(loop, local), 1);
	cr_assert_not(ferry_local_snapshot(local).done);
	cr_assert_eq(write(ends[1], "x", 1), 1);
	cr_assert_eq(says(local), FERRY_READABLE);
}

static void complete_and_stop(ferry_loop *which, void *user)
{
	complete(which, user);
	ferry_loop_stop(which);
}

Test(watch, run_until_says_done_even_if_it_was_stopped_in_the_same_turn, .init = begin,
     .fini = end)
{
	ferry_local *local;

	cr_assert_eq(ferry_local_new(loop, &local), 0);
	ferry_loop_call_soon(loop, complete_and_stop, local);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	ferry_local_unref(local);
}

static void drop(ferry_local *local, void *user)
{
	(void)user;
	ferry_local_unref(local);
}

Test(watch, a_callback_may_drop_what_run_until_waits_for, .init = begin, .fini = end)
{
	ferry_local *local = watch(ends[1], FERRY_WRITABLE);

	ferry_local_add_done_callback(local, drop, NULL);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
}

Test(watch, run_until_refuses_wrong_arguments, .init = begin, .fini = end)
{
	ferry_loop *other = fixture_loop();
	ferry_local *local;

	cr_assert_eq(ferry_local_new(loop, &local), 0);
	cr_assert_eq(ferry_loop_run_until(NULL, local), -EINVAL);
	cr_assert_eq(ferry_loop_run_until(loop, NULL), -EINVAL);
	cr_assert_eq(ferry_loop_run_until(other, local), -EINVAL);
	ferry_local_unref(local);
	ferry_loop_free(other);
}

Test(watch, run_until_waits_for_a_job, .init = begin)
{
	ferry_pool *pool = fixture_pool(1);
	struct gate gate;
	ferry_local *local;

	gate_init(&gate);
	local = ferry_offload(loop, pool, wait_at, &gate, NULL);
	gate_await(&gate, 1);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 0);
	gate_open(&gate);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	ferry_local_unref(local);
	end();
	fixture_end(NULL, pool);
}
