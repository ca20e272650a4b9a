/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * E3, L2, L4 in the bridge: a local that cannot be made, a job that gets no deadline or
 * no thread, a callback without memory; the arguments are released, nothing is lost.
 */
#include "fault/trial.h"
#include "support/work.h"

#define NOTHING ((void *)(uintptr_t)0x10) /* an output that nobody wrote */

struct scene {
	ferry_loop *loop;
	ferry_pool *pool;
	ferry_local *local, *other;
	ferry_future *future;
	struct gate gate;
	_Atomic unsigned ran, released;
	unsigned called;
};

static void prepare(struct scene *scene)
{
	scene->loop = fixture_loop();
	scene->pool = fixture_pool(1);
	scene->local = NOTHING;
}

static void count_local(ferry_local *local, void *user)
{
	(void)local;
	((struct scene *)user)->called++;
}

static void count_again(ferry_local *local, void *user)
{
	count_local(local, user);
}

/* An offload still goes out and comes back. */
static void end(struct scene *scene)
{
	ferry_local *local = ferry_offload(scene->loop, scene->pool, work_number, (void *)7, NULL);

	program_check(local, "no offload");
	program_check(ferry_loop_run_until(scene->loop, local) == 0, "it never comes back");
	program_check(ferry_local_snapshot(local).result.u64 == 7, "with something else");
	ferry_local_unref(local);
	program_check(ferry_loop_run(scene->loop) == 0, "something is left");
	fixture_end(scene->loop, scene->pool);
}

/* ---- locals ---- */

static int act_local(struct scene *scene)
{
	return ferry_local_new(scene->loop, &scene->local);
}

static void judge_local(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "local: %d", result);
	if (n)
		program_check(scene->local == NOTHING, "an output was written");
	else
		ferry_local_unref(scene->local);
	end(scene);
}

static void prepare_locals(struct scene *scene)
{
	prepare(scene);
	program_check(ferry_local_new(scene->loop, &scene->local) == 0, "no local");
	program_check(ferry_local_new(scene->loop, &scene->other) == 0, "no local");
	program_check(ferry_local_add_done_callback(scene->local, count_local, scene) == 0,
		      "the first callback needs no memory");
}

static int act_callback(struct scene *scene)
{
	return ferry_local_add_done_callback(scene->local, count_again, scene);
}

static void judge_callback(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "callback: %d", result);
	ferry_local_set_result(scene->local, ferry_result_u64(1));
	program_check(scene->called == 0, "called from inside");
	program_check(ferry_loop_run(scene->loop) == 0, "run");
	program_check(scene->called == 1u + !n, "%u were called", scene->called);
	ferry_local_unref(scene->local);
	ferry_local_unref(scene->other);
	end(scene);
}

/* Done, and its own place in the queue taken: a late callback needs memory. */
static void prepare_late(struct scene *scene)
{
	prepare_locals(scene);
	ferry_local_set_result(scene->local, ferry_result_u64(1));
}

static int act_chain(struct scene *scene)
{
	return ferry_local_chain(scene->local, scene->other);
}

static void judge_chain(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "chain: %d", result);
	/* As it was: the caller's to complete, or to chain. */
	if (n)
		program_check(ferry_local_chain(scene->local, scene->other) == 0, "chain again");
	ferry_local_set_result(scene->local, ferry_result_u64(5));
	program_check(ferry_loop_run_until(scene->loop, scene->other) == 0, "not chained");
	program_check(ferry_local_snapshot(scene->other).result.u64 == 5, "with something else");
	ferry_local_unref(scene->local);
	ferry_local_unref(scene->other);
	end(scene);
}

/* ---- wrap ---- */

static void prepare_wrap(struct scene *scene)
{
	prepare(scene);
	program_check(ferry_future_new(NULL, &scene->future) == 0, "no future");
}

static int act_wrap(struct scene *scene)
{
	errno = 0;
	scene->local = ferry_wrap(scene->loop, scene->future);
	return scene->local ? 0 : -errno;
}

static void judge_wrap(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "wrap: %d", result);
	/* Nobody who is gone is told. */
	program_check(ferry_future_set_result(scene->future, ferry_result_u64(3)) == 0, "set");
	ferry_future_unref(scene->future);
	if (!n) {
		program_check(ferry_loop_run_until(scene->loop, scene->local) == 0, "not wrapped");
		ferry_local_unref(scene->local);
	}
	end(scene);
}

/* ---- offload ---- */

static void release(void *arg)
{
	struct scene *scene = (struct scene *)((char *)arg - offsetof(struct scene, ran));

	scene->released++;
}

static int act_offload(struct scene *scene)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.release = release;
	options.deadline_ns = ferry_in_ns(3600000000000u);
	errno = 0;
	scene->local = ferry_offload(scene->loop, scene->pool, work_count, &scene->ran, &options);
	return scene->local ? 0 : -errno;
}

static void judge_offload(struct scene *scene, int result, unsigned n)
{
	/* The block; after it the place of its deadline among the timers. */
	program_check(result == (n == 1 ? -ENOMEM : 0), "offload: %d", result);
	if (n == 2)
		program_check(ferry_error_errno(ferry_local_snapshot(scene->local).exception) ==
				      ENOMEM, "not born failed");
	if (scene->local) {
		program_check(ferry_loop_run_until(scene->loop, scene->local) == 0,
			      "it never comes back");
		ferry_local_unref(scene->local);
	}
	program_check(scene->ran == !n, "it ran %u times", scene->ran);
	/* L4: never for NULL, once for a local. */
	program_check(scene->released == (n != 1), "released %u times", scene->released);
	end(scene);
}

/* The only worker is kept, and there is no other: the jobs wait, and are not lost. */
static void prepare_busy(struct scene *scene)
{
	scene->loop = fixture_loop();
	scene->pool = fixture_pool(1);
	program_check(ferry_pool_resize(scene->pool, 1, 4) == 0, "resize");
	gate_init(&scene->gate);
	work_occupy(scene->pool, &scene->gate, &scene->future, 1);
}

static int act_offload_plain(struct scene *scene)
{
	scene->local = ferry_offload(scene->loop, scene->pool, work_count, &scene->ran, NULL);
	return scene->local ? 0 : -errno;
}

static void judge_busy(struct scene *scene, int result, unsigned n)
{
	(void)n;
	program_check(result == 0, "offload: %d", result);
	gate_open(&scene->gate);
	program_check(ferry_loop_run_until(scene->loop, scene->local) == 0, "it is lost");
	program_check(scene->ran == 1, "it ran %u times", scene->ran);
	ferry_local_unref(scene->local);
	ferry_future_unref(scene->future);
	end(scene);
	gate_destroy(&scene->gate);
}

/* ---- what comes back ---- */

static void open_gate(ferry_loop *loop, void *user)
{
	(void)loop;
	gate_open(user);
}

/* Not before the loop has slept. */
static void prepare_out(struct scene *scene)
{
	prepare(scene);
	gate_init(&scene->gate);
	scene->local = ferry_offload(scene->loop, scene->pool, work_at_gate, &scene->gate, NULL);
	program_check(scene->local, "no offload");
	program_check(ferry_loop_call_at(scene->loop, ferry_in_ns(1000000), open_gate, &scene->gate,
					 NULL) == 0, "no timer");
}

static int act_run_until(struct scene *scene)
{
	return ferry_loop_run_until(scene->loop, scene->local);
}

static void judge_run_until(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -EBADF : 0), "run_until: %d", result);
	program_check(ferry_loop_run_until(scene->loop, scene->local) == 0, "it is lost");
	program_check(ferry_local_snapshot(scene->local).done, "it is not done");
	ferry_local_unref(scene->local);
	end(scene);
	gate_destroy(&scene->gate);
}

/* Closing needs nothing that could fail: pending ones of every kind are let go. */
static int act_close(struct scene *scene)
{
	int fd[2], error;

	program_check(pipe(fd) == 0, "no pipe");
	scene->local = ferry_loop_watch_fd(scene->loop, fd[0], FERRY_READABLE);
	scene->other = ferry_wrap(scene->loop, scene->future);
	error = ferry_loop_free(scene->loop);
	close(fd[0]);
	close(fd[1]);
	return error;
}

static void judge_close(struct scene *scene, int result, unsigned n)
{
	program_check(result == 0, "close: %d", result);
	if (scene->local) {
		ferry_snapshot snapshot = ferry_local_snapshot(scene->local);

		program_check(snapshot.done && (n || snapshot.cancelled), "left pending");
	}
	ferry_local_unref(scene->local);
	ferry_local_unref(scene->other);
	ferry_future_unref(scene->future);
	fixture_end(NULL, scene->pool);
}

int main(int argc, char **argv)
{
	program_begin(argc, argv, "each failure of memory and threads in the bridge (E3, L2, L4)",
		      1, 1);
	TRIAL("ferry_local_new without memory", FAULT_MEMORY, -ENOMEM, prepare, act_local,
	      judge_local);
	TRIAL("a second callback without memory", FAULT_MEMORY, -ENOMEM, prepare_locals,
	      act_callback, judge_callback);
	TRIAL("a late callback without memory", FAULT_MEMORY, -ENOMEM, prepare_late, act_callback,
	      judge_callback);
	TRIAL("ferry_local_chain without memory", FAULT_MEMORY, -ENOMEM, prepare_locals, act_chain,
	      judge_chain);
	TRIAL("ferry_wrap without memory", FAULT_MEMORY, -ENOMEM, prepare_wrap, act_wrap,
	      judge_wrap);
	TRIAL("ferry_offload without memory", FAULT_MEMORY, -ENOMEM, prepare, act_offload,
	      judge_offload);
	TRIAL("ferry_offload without threads", FAULT_THREAD, -EAGAIN, prepare_busy,
	      act_offload_plain, judge_busy);
	TRIAL("ferry_loop_run_until when epoll_wait fails", FAULT_EPOLL_WAIT, -EBADF, prepare_out,
	      act_run_until, judge_run_until);
	TRIAL("ferry_loop_free without memory", FAULT_MEMORY, -ENOMEM, prepare_wrap, act_close,
	      judge_close);
	TRIAL("ferry_loop_free when epoll fails", FAULT_EPOLL_CTL, -ENOMEM, prepare_wrap, act_close,
	      judge_close);
	return 0;
}
