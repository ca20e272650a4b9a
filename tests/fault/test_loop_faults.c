/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * E3, L1 in the loop: memory, the eventfd, epoll and the bell fail; what is told is
 * documented, nothing that was accepted is lost, and the loop goes on afterwards.
 */
#include <poll.h>
#include <pthread.h>

#include "fault/trial.h"
#include "support/denied.h"

#define NOTHING ((void *)(uintptr_t)0x10) /* an output that nobody wrote */
#define TIMERS 70 /* more than the heap has room for at first */
#define HOUR_NS 3600000000000u

struct scene {
	ferry_loop *loop;
	ferry_timer *timer;
	ferry_local *locals[2];
	int accepted, called, wrong, pipe[2], errno_seen;
};

static void count(ferry_loop *loop, void *user)
{
	struct scene *scene = user;

	(void)loop;
	scene->called++;
}

static void end_hour(ferry_loop *loop, void *user)
{
	struct scene *scene = user;

	(void)loop;
	scene->called++;
	ferry_timer_cancel(scene->timer);
}

static void prepare_loop(struct scene *scene)
{
	scene->loop = fixture_loop();
}

/* The loop still takes, calls and ends. */
static void end_loop(struct scene *scene)
{
	int before = scene->called;

	program_check(ferry_loop_call_soon(scene->loop, count, scene) == 0, "call_soon");
	program_check(ferry_loop_call_soon_threadsafe(scene->loop, count, scene) == 0, "afar");
	program_check(ferry_loop_call_at(scene->loop, 0, count, scene, NULL) == 0, "call_at");
	program_check(ferry_loop_run(scene->loop) == 0, "the loop does not run");
	program_check(scene->called == before + 3, "a callback is lost");
	fixture_end(scene->loop, NULL);
}

/* ---- new ---- */

static void prepare_nothing(struct scene *scene)
{
	scene->loop = NOTHING;
}

static int act_new(struct scene *scene)
{
	return ferry_loop_new(NULL, &scene->loop);
}

static void judge_new_of(struct scene *scene, int result, int error)
{
	ferry_future *future;

	program_check(result == error, "loop: %d, not %d", result, error);
	if (!result) {
		end_loop(scene);
		return;
	}
	program_check(scene->loop == NOTHING, "an output was written");
	/* This thread is no loop's: it may wait. */
	program_check(ferry_future_new(NULL, &future) == 0, "no future");
	program_check(ferry_future_wait(future, ferry_now_ns() + 1000) == -ETIMEDOUT,
		      "a loop that was not made keeps its thread from waiting");
	ferry_future_unref(future);
}

static void judge_new_memory(struct scene *scene, int result, unsigned n)
{
	judge_new_of(scene, result, n ? -ENOMEM : 0);
}

static void judge_new_files(struct scene *scene, int result, unsigned n)
{
	judge_new_of(scene, result, n ? -EMFILE : 0);
}

/* ---- calls ---- */

static int act_calls(struct scene *scene)
{
	int refused = 0;

	for (int i = 0; i < 5; i++) {
		int error = ferry_loop_call_soon(scene->loop, count, scene);

		scene->accepted += !error;
		refused = error ? error : refused;
		error = ferry_loop_call_soon_threadsafe(scene->loop, count, scene);
		scene->accepted += !error;
		refused = error ? error : refused;
	}
	return refused;
}

static int act_timers(struct scene *scene)
{
	int refused = 0;

	for (uint64_t i = 0; i < TIMERS; i++) {
		int error;

		scene->timer = NOTHING;
		error = ferry_loop_call_at(scene->loop, 1 + i, count, scene, &scene->timer);
		program_check(!error == (scene->timer != NOTHING), "an output was written");
		scene->accepted += !error;
		refused = error ? error : refused;
	}
	return refused;
}

static void judge_calls(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "call: %d", result);
	program_check(ferry_loop_pending(scene->loop) == scene->accepted, "%d are pending, not %d",
		      ferry_loop_pending(scene->loop), scene->accepted);
	program_check(ferry_loop_run(scene->loop) == 0, "the loop does not run");
	program_check(scene->called == scene->accepted, "%d were called, not %d", scene->called,
		      scene->accepted);
	end_loop(scene);
}

/* ---- watches ---- */

static void prepare_watch(struct scene *scene)
{
	prepare_loop(scene);
	program_check(pipe(scene->pipe) == 0, "no pipe");
}

static int act_watch(struct scene *scene)
{
	errno = 0;
	scene->locals[0] = ferry_loop_watch_fd(scene->loop, scene->pipe[0], FERRY_READABLE);
	if (!scene->locals[0])
		return -errno;
	return ferry_error_errno(ferry_local_snapshot(scene->locals[0]).exception);
}

static void end_watch(struct scene *scene)
{
	ferry_local *again = ferry_loop_watch_fd(scene->loop, scene->pipe[0], FERRY_READABLE);

	program_check(again, "cannot be watched again");
	program_check(write(scene->pipe[1], "x", 1) == 1, "the pipe is full");
	program_check(ferry_loop_run_until(scene->loop, again) == 0, "nothing is ready");
	program_check(ferry_local_snapshot(again).result.u64 == FERRY_READABLE, "not readable: %d",
		      ferry_error_errno(ferry_local_snapshot(again).exception));
	ferry_local_unref(again);
	close(scene->pipe[0]);
	close(scene->pipe[1]);
	end_loop(scene);
}

static void judge_watch_memory(struct scene *scene, int result, unsigned n)
{
	/* Without memory for the local there is none; later ones are born failed. */
	program_check(result == (n == 1 ? -ENOMEM : n ? ENOMEM : 0), "watch: %d", result);
	if (scene->locals[0])
		ferry_local_unref(scene->locals[0]);
	end_watch(scene);
}

static void judge_watch_epoll(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? ENOSPC : 0), "watch: %d", result);
	ferry_local_unref(scene->locals[0]);
	end_watch(scene);
}

static void prepare_cancel(struct scene *scene)
{
	prepare_watch(scene);
	program_check(act_watch(scene) == 0, "no watch");
}

static int act_cancel(struct scene *scene)
{
	return ferry_local_cancel(scene->locals[0]);
}

static void judge_cancel(struct scene *scene, int result, unsigned n)
{
	(void)n;
	program_check(result == 1, "cancel: %d", result);
	ferry_local_unref(scene->locals[0]);
	end_watch(scene);
}

/* One is told, the other has to be armed again. */
static void prepare_rearm(struct scene *scene)
{
	prepare_watch(scene);
	program_check(write(scene->pipe[1], "x", 1) == 1, "the pipe is full");
	scene->locals[0] = ferry_loop_watch_fd(scene->loop, scene->pipe[0], FERRY_READABLE);
	scene->locals[1] = ferry_loop_watch_fd(scene->loop, scene->pipe[0], FERRY_WRITABLE);
	program_check(scene->locals[0] && scene->locals[1], "no watch");
}

static int act_rearm(struct scene *scene)
{
	return ferry_loop_run_until(scene->loop, scene->locals[0]);
}

static void judge_rearm(struct scene *scene, int result, unsigned n)
{
	ferry_snapshot second = ferry_local_snapshot(scene->locals[1]);

	program_check(result == 0, "run_until: %d", result);
	program_check(ferry_local_snapshot(scene->locals[0]).result.u64 == FERRY_READABLE, "told");
	program_check(second.done == !!n, "the one that is left waits for nothing");
	program_check(!n || second.result.u64 == FERRY_FAILED, "it is told %d",
		      (int)second.result.u64);
	if (!n)
		ferry_local_cancel(scene->locals[1]);
	ferry_local_unref(scene->locals[0]);
	ferry_local_unref(scene->locals[1]);
	end_watch(scene);
}

/* ---- epoll_wait ---- */

static void prepare_timer(struct scene *scene)
{
	prepare_loop(scene);
	program_check(ferry_loop_call_at(scene->loop, ferry_in_ns(1000000), count, scene, NULL) ==
			      0, "no timer");
}

static int act_run(struct scene *scene)
{
	return ferry_loop_run(scene->loop);
}

static void judge_run(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -EBADF : 0), "run: %d", result);
	program_check(ferry_loop_run(scene->loop) == 0, "run again");
	program_check(scene->called == 1, "the timer was called %d times", scene->called);
	end_loop(scene);
}

static int act_run_interrupted(struct scene *scene)
{
	int turns = 0, handled = 0;

	/* A signal each time: run_once returns, and nothing is lost. */
	while (!handled && turns++ < 100)
		handled = ferry_loop_run_once(scene->loop, FERRY_NO_DEADLINE);
	return handled < 0 ? handled : 0;
}

static void judge_run_interrupted(struct scene *scene, int result, unsigned n)
{
	judge_run(scene, result, 0);
	(void)n;
}

static int act_dispatch(struct scene *scene)
{
	/* Rung, so that dispatch looks. */
	ferry_loop_call_soon_threadsafe(scene->loop, count, scene);
	scene->accepted++;
	return ferry_loop_dispatch(scene->loop, 0);
}

/* As a host does: by the deadline, or when the descriptor is readable. */
static bool host_would_dispatch(ferry_loop *loop)
{
	struct pollfd polled = { .fd = ferry_loop_fd(loop), .events = POLLIN };

	return ferry_loop_deadline(loop) == 0 || poll(&polled, 1, 0) == 1;
}

static void dispatch_all(struct scene *scene)
{
	while (host_would_dispatch(scene->loop))
		program_check(ferry_loop_dispatch(scene->loop, 0) >= 0, "dispatch");
	program_check(scene->called == scene->accepted, "%d were called, not %d", scene->called,
		      scene->accepted);
	end_loop(scene);
}

static void judge_dispatch(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -EBADF : 1), "dispatch: %d", result);
	dispatch_all(scene);
}

/* ---- the bell ---- */

static void judge_ring(struct scene *scene, int result, unsigned n)
{
	ferry_loop_counters counters = fixture_loop_counters(scene->loop);

	program_check(result == (n ? -EIO : 1), "dispatch: %d", result);
	program_check(!n == !counters.ring_failures, "failures are not counted");
	dispatch_all(scene);
}

/* Work is left over, and the reminder of it fails. */
static int act_remind(struct scene *scene)
{
	int handled;

	for (int i = 0; i < 3; i++)
		scene->accepted += !ferry_loop_call_soon_threadsafe(scene->loop, count, scene);
	handled = ferry_loop_dispatch(scene->loop, 1);
	return handled < 0 ? handled : 0;
}

static void judge_remind(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -EIO : 0), "dispatch: %d", result);
	program_check(scene->accepted == 3, "a post was refused");
	dispatch_all(scene);
}

static void judge_quiet(struct scene *scene, int result, unsigned n)
{
	(void)n;
	program_check(result == 0, "dispatch: %d", result);
	program_check(fixture_loop_counters(scene->loop).ring_failures == 0, "told as a failure");
	dispatch_all(scene);
}

/* Interrupted for ever it would try for ever: one of them at a time. */
static void an_interrupted_bell_rings_again(void)
{
	for (unsigned n = 1; n < 4; n++) {
		struct scene scene = { .loop = fixture_loop() };

		fault_begin(FAULT_WRITE, n, -EINTR, false);
		program_check(act_remind(&scene) == 0, "told as a failure");
		program_check(fault_end() == (n < 3), "interrupted %u times", fault_count());
		dispatch_all(&scene);
	}
	printf("ok: an interrupted bell rings again (L1)\n");
}

static void *post_two(void *given)
{
	struct scene *scene = given;

	while (!fault_pollers())
		sched_yield();
	fault_begin(FAULT_WRITE, 1, -EIO, false);
	scene->accepted += !ferry_loop_call_soon_threadsafe(scene->loop, end_hour, scene);
	program_check(fault_end() == 1, "nobody rang");
	scene->accepted += !ferry_loop_call_soon_threadsafe(scene->loop, count, scene);
	return NULL;
}

/* The loop sleeps, and the bell fails for good: the next post rings again, the loop says
 * why it was late, and nothing is lost. */
static void the_next_post_rings_when_a_bell_failed(void)
{
	struct scene scene = { .loop = fixture_loop() };
	pthread_t thread;

	program_check(ferry_loop_call_at(scene.loop, ferry_in_ns(HOUR_NS), count, &scene,
					 &scene.timer) == 0, "no timer");
	pthread_create(&thread, NULL, post_two, &scene);
	program_check(ferry_loop_run(scene.loop) == -EIO, "a failure was swallowed");
	pthread_join(thread, NULL);
	program_check(scene.accepted == 2 && scene.called == 0, "called by a run that failed");
	program_check(fixture_loop_counters(scene.loop).ring_failures == 1, "not counted");
	program_check(ferry_loop_run(scene.loop) == 0, "run again");
	program_check(scene.called == 2, "%d were called", scene.called);
	end_loop(&scene);
	printf("ok: the next post rings when a bell failed (L1)\n");
}

/* In a child, which may have no eventfds: a timer is the bell. */
static int ring_by_timers(void *arg)
{
	(void)arg;
	if (!denied(SYS_eventfd2, EPERM))
		return 77;
	TRIAL("ferry_loop_new without a timerfd", FAULT_TIMERFD, -EMFILE, prepare_nothing, act_new,
	      judge_new_files);
	TRIAL("ferry_loop_new without an epoll for its timer", FAULT_EPOLL_CREATE, -EMFILE,
	      prepare_nothing, act_new, judge_new_files);
	TRIAL("ferry_loop_dispatch when the timer fails", FAULT_WRITE, -EIO, prepare_loop,
	      act_dispatch, judge_ring);
	TRIAL("ferry_loop_dispatch when the timer does not remind", FAULT_WRITE, -EIO, prepare_loop,
	      act_remind, judge_remind);
	the_next_post_rings_when_a_bell_failed();
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	int status;

	program_begin(argc, argv, "each failure of memory, eventfd and epoll in a loop (E3, L1)", 1,
		      1);
	TRIAL("ferry_loop_new without memory", FAULT_MEMORY, -ENOMEM, prepare_nothing, act_new,
	      judge_new_memory);
	TRIAL("ferry_loop_new without an eventfd", FAULT_EVENTFD, -EMFILE, prepare_nothing, act_new,
	      judge_new_files);
	TRIAL("ferry_loop_new without an epoll", FAULT_EPOLL_CREATE, -EMFILE, prepare_nothing,
	      act_new, judge_new_files);
	TRIAL("ferry_loop_new without a place in epoll", FAULT_EPOLL_CTL, -ENOMEM, prepare_nothing,
	      act_new, judge_new_memory);
	TRIAL("ferry_loop_call_soon without memory", FAULT_MEMORY, -ENOMEM, prepare_loop, act_calls,
	      judge_calls);
	TRIAL("ferry_loop_call_at without memory", FAULT_MEMORY, -ENOMEM, prepare_loop, act_timers,
	      judge_calls);
	TRIAL("ferry_loop_watch_fd without memory", FAULT_MEMORY, -ENOMEM, prepare_watch, act_watch,
	      judge_watch_memory);
	TRIAL("ferry_loop_watch_fd without a place in epoll", FAULT_EPOLL_CTL, -ENOSPC,
	      prepare_watch, act_watch, judge_watch_epoll);
	TRIAL("a watch that epoll does not let go of", FAULT_EPOLL_CTL, -EBADF, prepare_cancel,
	      act_cancel, judge_cancel);
	TRIAL("a watch that cannot be armed again", FAULT_EPOLL_CTL, -ENOMEM, prepare_rearm,
	      act_rearm, judge_rearm);
	TRIAL("ferry_loop_run when epoll_wait fails", FAULT_EPOLL_WAIT, -EBADF, prepare_timer,
	      act_run, judge_run);
	TRIAL("ferry_loop_run_once when epoll_wait is interrupted", FAULT_EPOLL_WAIT, -EINTR,
	      prepare_timer, act_run_interrupted, judge_run_interrupted);
	TRIAL("ferry_loop_dispatch when epoll_wait fails", FAULT_EPOLL_WAIT, -EBADF, prepare_loop,
	      act_dispatch, judge_dispatch);
	TRIAL("ferry_loop_dispatch when the bell fails", FAULT_WRITE, -EIO, prepare_loop,
	      act_dispatch, judge_ring);
	TRIAL("ferry_loop_dispatch when the reminder fails", FAULT_WRITE, -EIO, prepare_loop,
	      act_remind, judge_remind);
	TRIAL("a bell that rings already", FAULT_WRITE, -EAGAIN, prepare_loop, act_remind,
	      judge_quiet);
	an_interrupted_bell_rings_again();
	the_next_post_rings_when_a_bell_failed();
	fflush(stdout);
	status = fixture_in_child(ring_by_timers, NULL);
	program_check(status == 0 || status == 77, "timers that ring: %d", status);
	return 0;
}
