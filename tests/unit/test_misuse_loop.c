/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every function of loop.h called wrongly, on the wrong thread, inside a callback, after the
 * close or in a fork's child: its documented return, and nothing changed (E1, L3, L6, P6).
 */
#include "support/misuse.h"

TestSuite(misuse_loop, .timeout = 60);

#define LOOP(...) ferry_loop_new(OPTIONS(ferry_loop_options, __VA_ARGS__), &ret.loop)

static int must_not_write(void *user, const char *text, size_t length)
{
	(void)user;
	(void)text;
	(void)length;
	HOLDS(!"a function that was refused is called");
	return 0;
}

/* No loop is named, so they are as wrong on any thread, and in a child. */
static void nowhere(void)
{
	GIVES(ferry_loop_new(NULL, NULL), -EINVAL);
	BAD_OPTIONS(ferry_loop_options, ferry_loop_new(options, &ret.loop));
	GIVES(LOOP(.poll_ns = 1000001), -EINVAL);
	GIVES(LOOP(.poll_ns = FERRY_NO_DEADLINE - 1), -EINVAL);
	GIVES(ferry_loop_free(NULL), 0);
	GIVES(ferry_loop_ref(NULL) == NULL, 1);
	GIVES(ferry_loop_unref(NULL) == NULL, 1);
	GIVES(ferry_loop_run(NULL), -EINVAL);
	GIVES(ferry_loop_run_once(NULL, FERRY_NO_DEADLINE), -EINVAL);
	GIVES(ferry_loop_stop(NULL), -EINVAL);
	GIVES(ferry_loop_call_soon(NULL, misuse_called, NULL), -EINVAL);
	GIVES(ferry_loop_call_soon_threadsafe(NULL, misuse_called, NULL), -EINVAL);
	GIVES(ferry_loop_call_at(NULL, 0, misuse_called, NULL, &ret.timer), -EINVAL);
	GIVES(ferry_timer_cancel(NULL), -EINVAL);
	GIVES(ferry_loop_fd(NULL), -EINVAL);
	GIVES(ferry_loop_deadline(NULL), 0);
	GIVES(ferry_loop_dispatch(NULL, 0), -EINVAL);
	GIVES(ferry_loop_dispatch(NULL, UINT_MAX), -EINVAL);
	GIVES(ferry_loop_prepare(NULL), -EINVAL);
	GIVES(ferry_loop_check(NULL), -EINVAL);
	GIVES(ferry_loop_pending(NULL), -EINVAL);
	GIVES(ferry_loop_set_host(NULL, misuse_called, NULL), -EINVAL);
	GIVES(ferry_loop_set_host(NULL, NULL, NULL), -EINVAL);
	GIVES(ferry_loop_set_exception_handler(NULL, NULL, NULL), -EINVAL);
	GIVES(ferry_loop_stats(NULL, &ret.loop_counters), -EINVAL);
	GIVES(ferry_fs_expose(NULL, NULL, must_not_write, NULL), -EINVAL);
}

static void arguments(void)
{
	nowhere();
	GIVES(ferry_loop_call_soon(stage.loop, NULL, NULL), -EINVAL);
	GIVES(ferry_loop_call_soon_threadsafe(stage.loop, NULL, NULL), -EINVAL);
	GIVES(ferry_loop_call_at(stage.loop, 0, NULL, NULL, &ret.timer), -EINVAL);
	GIVES(ferry_loop_call_at(stage.loop, FERRY_NO_DEADLINE, misuse_called, NULL, &ret.timer),
	      -EINVAL);
	GIVES(ferry_loop_call_at(stage.loop, FERRY_NO_DEADLINE, misuse_called, NULL, NULL),
	      -EINVAL);
	GIVES(ferry_loop_stats(stage.loop, NULL), -EINVAL);
	GIVES(ferry_fs_expose(stage.loop, NULL, NULL, NULL), -EINVAL);
	GIVES(ferry_fs_expose(stage.loop, stage.pool, NULL, NULL), -EINVAL);
}

static void must_not_hear(ferry_loop *loop, const ferry_error *error, void *user)
{
	(void)loop;
	(void)error;
	(void)user;
	HOLDS(!"a handler that was refused is called");
}

#define CALLED misuse_called, NULL
#define LATE FERRY_NO_DEADLINE
#define COUNTERS &ret.loop_counters
enum { THREAD, CHILD, CLOSED, CALLBACK };

/* Good calls, in places where they are not. */
static void places(void)
{
	ferry_loop *loop = stage.loop;

	/*                                                       thread, child, closed, callback */
	EACH(ferry_loop_free(loop),                    -EPERM, FINE, -ESHUTDOWN, -EBUSY);
	EACH(ferry_loop_run(loop),                     -EPERM, -ECHILD, -ESHUTDOWN, -EBUSY);
	EACH(ferry_loop_run_once(loop, 0),             -EPERM, -ECHILD, -ESHUTDOWN, -EBUSY);
	EACH(ferry_loop_run_once(loop, LATE),          -EPERM, -ECHILD, -ESHUTDOWN, -EBUSY);
	EACH(ferry_loop_dispatch(loop, 0),             -EPERM, -ECHILD, -ESHUTDOWN, -EBUSY);
	EACH(ferry_loop_dispatch(loop, UINT_MAX),      -EPERM, -ECHILD, -ESHUTDOWN, -EBUSY);
	EACH(ferry_loop_stop(loop),                    -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_loop_call_soon(loop, CALLED),       -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_loop_call_soon_threadsafe(loop, CALLED), FINE, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_loop_call_at(loop, 0, CALLED, NULL), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_loop_call_at(loop, 0, CALLED, &ret.timer), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_loop_fd(loop),                      -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_loop_deadline(loop),                0, 0, 0, FINE);
	EACH(ferry_loop_prepare(loop),                 -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_loop_check(loop),                   -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_loop_pending(loop),                 -EPERM, -ECHILD, 0, FINE);
	EACH(ferry_loop_set_host(loop, NULL, NULL),    -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_loop_set_exception_handler(loop, must_not_hear, NULL),
	     -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_loop_stats(loop, COUNTERS),         -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_fs_expose(loop, NULL, must_not_write, NULL), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	/* Any thread's, always. */
	EACH(ferry_loop_unref(ferry_loop_ref(loop)) == NULL, 1, 1, 1, 1);
}

/* While there is one: it goes with the loop. */
static void timers(void)
{
	EACH(ferry_timer_cancel(stage.timer),          -EPERM, -ECHILD);
}

Test(misuse_loop, bad_arguments_are_refused_E1)
{
	misuse_begin();
	arguments();
	misuse_in_a_callback(arguments);
	misuse_elsewhere(nowhere);
	misuse_in_a_job(nowhere);
	misuse_end();
}

Test(misuse_loop, other_threads_and_jobs_are_refused_L6)
{
	misuse_begin();
	misuse_column = THREAD;
	misuse_elsewhere(places);
	misuse_elsewhere(timers);
	misuse_in_a_job(places);
	misuse_in_a_job(timers);
	misuse_end();
}

Test(misuse_loop, a_callback_cannot_run_nor_free_its_loop_E1)
{
	misuse_begin();
	misuse_column = CALLBACK;
	misuse_in_a_callback(places);
	misuse_end();
}

Test(misuse_loop, a_closed_loop_that_is_held_refuses_L3)
{
	ferry_loop *held;

	misuse_begin();
	held = ferry_loop_ref(stage.loop);
	HOLDS(ferry_loop_free(stage.loop) == 0);
	misuse_column = CLOSED;
	places();
	nowhere();
	/* From afar the thread is told of first, but where any thread may call. */
	misuse_column = THREAD;
	misuse_elsewhere(places);
	stage.loop = NULL;
	misuse_end();
	ferry_loop_unref(held);
}

static void in_a_child(void)
{
	ferry_loop *held = ferry_loop_ref(stage.loop);
	int descriptors = fixture_descriptors();

	misuse_column = CHILD;
	places();
	timers();
	nowhere();
	HOLDS(ferry_loop_free(stage.loop) == 0);
	HOLDS(fixture_descriptors() == descriptors - 2);
	/* Left behind and closed. */
	places();
	GIVES(ferry_loop_free(held), -ESHUTDOWN);
	stage.loop = ferry_loop_unref(held);
}

Test(misuse_loop, a_child_is_refused_and_may_free_P6)
{
	misuse_begin();
	misuse_in_a_child(in_a_child);
	misuse_in_a_child(in_a_child);
	misuse_end();
}
