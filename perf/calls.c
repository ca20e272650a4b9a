/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One thing at a time, awaited at once. */
#include "calls.h"

#include "bench.h"
#include "children.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct caller {
	FERRY_FRAME;
	ferry_loop *loop;
	const struct calls *how;
	ferry_task_options lazy;
	uint64_t left, sum;
	struct child child;
	ferry_await answer;
	ferry_local *local; /* done */
	ferry_lock lock;
	ferry_local *watch; /* of a pipe that nobody writes to; NULL: none */
	int pipe[2];
};

/* ---- steps ---- */

/* What is watched would keep the loop running. */
static void stop_watching(const struct caller *caller)
{
	if (caller->watch)
		bench_check(ferry_loop_stop(caller->loop), "ferry_loop_stop");
}

static ferry_step call_child(ferry_task *task)
{
	FERRY_BEGIN(task, struct caller, f);
	if (f->how->in_turns)
		FERRY_YIELD();
	for (; f->left; f->left--) {
		FERRY_TRY(child_begin(&f->child, f->loop, false, NULL));
		f->sum += f->child.result;
	}
	FERRY_FINALLY
	stop_watching(f);
	FERRY_END;
}

static ferry_step call_lazy_child(ferry_task *task)
{
	FERRY_BEGIN(task, struct caller, f);
	for (; f->left; f->left--) {
		FERRY_TRY(child_begin(&f->child, f->loop, false, &f->lazy));
		f->sum += f->child.result;
	}
	FERRY_FINALLY
	stop_watching(f);
	FERRY_END;
}

static unsigned answer(void)
{
	return CHILD_RESULT;
}

static ferry_step call_pointer(ferry_task *task)
{
	unsigned (*volatile function)(void) = answer;
	struct caller *caller = (struct caller *)(void *)task;

	for (; caller->left; caller->left--)
		caller->sum += function();
	task->at = FERRY_AT_END;
	return ferry_task_finish(task);
}

static ferry_step await_local(ferry_task *task)
{
	FERRY_BEGIN(task, struct caller, f);
	if (f->how->in_turns)
		FERRY_YIELD();
	for (; f->left; f->left--) {
		FERRY_TRY(ferry_await_local(&f->answer, ferry_local_ref(f->local)));
		f->sum += ferry_await_snapshot(&f->answer).result.u64;
	}
	FERRY_FINALLY
	bench_check(ferry_await_end(&f->answer), "ferry_await_end");
	FERRY_END;
}

static ferry_step take_lock(ferry_task *task)
{
	FERRY_BEGIN(task, struct caller, f);
	if (f->how->in_turns)
		FERRY_YIELD();
	for (; f->left; f->left--) {
		FERRY_TRY(ferry_lock_acquire(&f->lock));
		f->sum += CHILD_RESULT;
		bench_check(ferry_lock_release(&f->lock), "ferry_lock_release");
	}
	FERRY_END;
}

static ferry_step yield(ferry_task *task)
{
	FERRY_BEGIN(task, struct caller, f);
	for (; f->left; f->left--) {
		FERRY_YIELD();
		f->sum += CHILD_RESULT;
	}
	FERRY_END;
}

static ferry_step_function step_of(const struct calls *how)
{
	switch (how->of) {
	case CALLS_CHILD:
		return how->start == FERRY_START_LAZY ? call_lazy_child : call_child;
	case CALLS_POINTER:
		return call_pointer;
	case CALLS_LOCAL:
		return await_local;
	case CALLS_LOCK:
		return take_lock;
	case CALLS_YIELD:
		break;
	}
	return yield;
}

/* ---- the drill ---- */

void *calls_open(ferry_loop *loop, const void *how)
{
	struct caller *caller = calloc(1, sizeof(*caller));

	if (!caller)
		bench_fail("out of memory");
	caller->loop = loop;
	caller->how = how;
	caller->lazy = (ferry_task_options)FERRY_TASK_OPTIONS_INIT;
	caller->lazy.start = FERRY_START_LAZY;
	bench_check(ferry_lock_init(&caller->lock, loop), "ferry_lock_init");
	bench_check(ferry_local_new(loop, &caller->local), "ferry_local_new");
	bench_check(ferry_local_set_result(caller->local, ferry_result_u64(CHILD_RESULT)),
		    "ferry_local_set_result");
	if (!caller->how->watching)
		return caller;
	bench_check(pipe(caller->pipe) < 0 ? -errno : 0, "pipe");
	caller->watch = ferry_loop_watch_fd(loop, caller->pipe[0], FERRY_READABLE);
	bench_check(caller->watch ? 0 : -errno, "ferry_loop_watch_fd");
	return caller;
}

void calls_run(void *side, uint64_t operations)
{
	struct caller *caller = side;
	ferry_snapshot snapshot;

	caller->left = operations;
	caller->sum = 0;
	ferry_task_begin(&caller->task, caller->loop, step_of(caller->how), NULL);
	if (caller->how->awaited)
		bench_check(ferry_loop_await(caller->loop, &caller->awaitable), "ferry_loop_await");
	else
		bench_check(ferry_loop_run(caller->loop), "ferry_loop_run");
	snapshot = ferry_task_snapshot(&caller->task);
	if (!snapshot.done || snapshot.exception)
		bench_fail("the task did not end, or failed");
	if (caller->sum != operations * CHILD_RESULT)
		bench_fail("calls were lost");
}

void calls_close(void *side)
{
	struct caller *caller = side;

	ferry_local_unref(caller->local);
	if (caller->watch) {
		ferry_local_cancel(caller->watch);
		ferry_local_unref(caller->watch);
		close(caller->pipe[0]);
		close(caller->pipe[1]);
	}
	free(caller);
}
