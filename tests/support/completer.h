/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_COMPLETER_H
#define SUPPORT_COMPLETER_H
/*
 * Whoever completes a future: the thread of the test, foreign threads that exit at
 * once, a worker of a pool, a thread of somebody else's pool.
 *
 *   struct completer completer;
 *   completer_begin(&completer, COMPLETER_POOL, ENDS_WITH_RESULT, ferry_result_u64(7));
 *   ...                                  completer.future is PENDING
 *   completer_start(&completer);         now it is RUNNING, unless it was cancelled
 *   completer_end(&completer);           now, or soon, it is done
 *   completer_join(&completer);          nobody but the test touches it any more
 *   ferry_future_unref(completer.future);
 *
 * Steps may be left out: completer_join() does those that are missing. What the
 * completer saw is in its fields; read them after completer_join().
 */
#include <errno.h>
#include <ferry/pool.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "future/future.h"
#include "support/gate.h"

enum completer_kind {
	COMPLETER_SAME,     /* a promise, completed by the thread that calls completer_end() */
	COMPLETER_FOREIGN,  /* a promise: one thread sets it running, one completes; both exit */
	COMPLETER_POOL,     /* a job on a pool of one worker */
	COMPLETER_EXECUTOR, /* a job on a thread of somebody else's pool, which exits */
	COMPLETER_KINDS
};

enum completer_ending { ENDS_WITH_RESULT, ENDS_WITH_EXCEPTION, ENDS_CANCELLED, ENDINGS };

struct completer {
	enum completer_kind kind;
	enum completer_ending ending;
	ferry_result result;
	ferry_future *future; /* a reference of the test's */
	bool until_watched;   /* complete only after somebody has attached a waiter */

	int begun;     /* what set_running said; a job's function was called: 0 */
	int completed; /* what the set_ call said; a job's function returned: 0 */
	int calls;     /* of the function, or of set_running */
	int asked;     /* on_cancel was called so often */
	int released;  /* a job's release hook was called so often */
	pthread_t by;  /* the thread that completed it, if completed is 0 */

	bool started, ended;
	ferry_future *own; /* a promise's completer's reference */
	ferry_pool *pool;
	struct gate before, inside; /* keep a job queued; keep it running */
	pthread_t thread;
	bool threaded;
	void (*run)(void *job);
	void *job;
};

/* Ends the test, or the program, with a message: of use in both. */
__attribute__((noreturn)) static inline void completer_die(const char *what, int error)
{
	fprintf(stderr, "completer: %s: %d\n", what, error);
	abort();
}

static inline bool completer_is_job(const struct completer *completer)
{
	return completer->kind == COMPLETER_POOL || completer->kind == COMPLETER_EXECUTOR;
}

/* The exception of ENDS_WITH_EXCEPTION. */
static inline const ferry_error *completer_error(void)
{
	return ferry_error_from_errno(EIO);
}

static inline void completer_on_cancel(ferry_future *future, void *user)
{
	struct completer *completer = user;

	(void)future;
	completer->asked++;
}

static inline void completer_on_release(void *arg)
{
	struct completer *completer = arg;

	completer->released++;
}

/* Returns when a waiter is attached, or there is nothing to wait for any more. */
static inline void completer_see_waiter(const ferry_future *future)
{
	for (;;) {
		uintptr_t word = future_word(future);

		if (word_is_done(word) || word_waiters(word))
			return;
		sched_yield();
	}
}

/* ---- a job ---- */

static inline int completer_function(void *arg, ferry_result *out)
{
	struct completer *completer = arg;

	completer->calls++;
	completer->begun = 0;
	gate_wait(&completer->inside);
	if (completer->until_watched)
		completer_see_waiter(completer->future);
	completer->completed = 0;
	completer->by = pthread_self();
	switch (completer->ending) {
	case ENDS_WITH_RESULT:
		*out = completer->result;
		return 0;
	case ENDS_WITH_EXCEPTION:
		return -EIO;
	default:
		return -ECANCELED;
	}
}

static inline int completer_block(void *arg, ferry_result *out)
{
	(void)out;
	gate_wait(arg);
	return 0;
}

static inline int completer_execute(void *user, void (*run)(void *job), void *job)
{
	struct completer *completer = user;

	completer->run = run;
	completer->job = job;
	return 0;
}

static inline void *completer_run_job(void *arg)
{
	struct completer *completer = arg;

	completer->run(completer->job);
	return NULL;
}

/* ---- a promise ---- */

static inline void *completer_set_running(void *arg)
{
	struct completer *completer = arg;

	completer->calls++;
	completer->begun = ferry_future_set_running(completer->own);
	return NULL;
}

static inline void *completer_set(void *arg)
{
	struct completer *completer = arg;
	ferry_future *own = completer->own;

	if (completer->until_watched)
		completer_see_waiter(own);
	/* Before the future is done: after that the test may look. */
	completer->by = pthread_self();
	switch (completer->ending) {
	case ENDS_WITH_RESULT:
		completer->completed = ferry_future_set_result(own, completer->result);
		break;
	case ENDS_WITH_EXCEPTION:
		completer->completed = ferry_future_set_exception(own, completer_error());
		break;
	default:
		completer->completed = ferry_future_set_cancelled(own);
		break;
	}
	completer->own = ferry_future_unref(own);
	return NULL;
}

static inline void completer_thread(struct completer *completer, void *(*main)(void *))
{
	int error = pthread_create(&completer->thread, NULL, main, completer);

	if (error)
		completer_die("no thread", error);
	completer->threaded = true;
}

static inline void completer_thread_join(struct completer *completer)
{
	if (completer->threaded)
		pthread_join(completer->thread, NULL);
	completer->threaded = false;
}

/* ---- the steps ---- */

static inline void completer_begin_job(struct completer *completer)
{
	ferry_job_options job = FERRY_JOB_OPTIONS_INIT;
	ferry_executor executor = { sizeof(executor), completer_execute, completer };
	int error;

	job.release = completer_on_release;
	job.on_cancel = completer_on_cancel;
	job.user = completer;
	if (completer->kind == COMPLETER_POOL) {
		error = ferry_pool_submit(completer->pool, completer_block, &completer->before,
					  NULL, NULL);
		if (error)
			completer_die("no job", error);
		gate_await(&completer->before, 1);
		error = ferry_pool_submit(completer->pool, completer_function, completer, &job,
					  &completer->future);
	} else {
		error = ferry_executor_submit(&executor, completer_function, completer, &job,
					      &completer->future);
	}
	if (error)
		completer_die("no job", error);
}

/* A result with a blocking disposer needs a pool, as a job does. */
static inline void completer_begin(struct completer *completer, enum completer_kind kind,
				   enum completer_ending ending, ferry_result result)
{
	ferry_future_options promise = FERRY_FUTURE_OPTIONS_INIT;
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	int error;

	*completer = (struct completer){ .kind = kind, .ending = ending, .result = result };
	completer->begun = completer->completed = -EAGAIN;
	gate_init(&completer->before);
	gate_init(&completer->inside);
	options.max_threads = 1;
	if (kind == COMPLETER_POOL ||
	    (result.disposer && result.disposer->kind == FERRY_DISPOSE_BLOCKING)) {
		error = ferry_pool_new(&options, &completer->pool);
		if (error)
			completer_die("no pool", error);
	}
	if (completer_is_job(completer)) {
		completer_begin_job(completer);
		return;
	}
	promise.pool = completer->pool;
	promise.on_cancel = completer_on_cancel;
	promise.user = completer;
	error = ferry_future_new(&promise, &completer->future);
	if (error)
		completer_die("no promise", error);
	completer->own = ferry_future_ref(completer->future);
}

/* PENDING -> RUNNING. Returns when that has happened, or has been refused. */
static inline void completer_start(struct completer *completer)
{
	completer->started = true;
	switch (completer->kind) {
	case COMPLETER_SAME:
		completer_set_running(completer);
		break;
	case COMPLETER_FOREIGN:
		completer_thread(completer, completer_set_running);
		completer_thread_join(completer);
		break;
	case COMPLETER_POOL:
	case COMPLETER_EXECUTOR:
		/* What is done already will not be run. */
		if (!ferry_future_snapshot(completer->future).done) {
			if (completer->kind == COMPLETER_EXECUTOR)
				completer_thread(completer, completer_run_job);
			gate_open(&completer->before);
			gate_await(&completer->inside, 1);
		}
		break;
	default:
		break;
	}
}

/* Lets it be completed. Only by COMPLETER_SAME it is over when this returns. */
static inline void completer_end(struct completer *completer)
{
	completer->ended = true;
	switch (completer->kind) {
	case COMPLETER_SAME:
		completer_set(completer);
		break;
	case COMPLETER_FOREIGN:
		completer_thread(completer, completer_set);
		break;
	case COMPLETER_POOL:
	case COMPLETER_EXECUTOR:
		gate_open(&completer->before);
		gate_open(&completer->inside);
		/* Cancelled before it began: the one whose pool it is runs it all the same. */
		if (completer->kind == COMPLETER_EXECUTOR && !completer->threaded)
			completer_thread(completer, completer_run_job);
		break;
	default:
		break;
	}
}

static inline void completer_join(struct completer *completer)
{
	if (!completer->ended)
		completer_end(completer);
	completer_thread_join(completer);
	if (completer->pool) {
		if (ferry_pool_shutdown(completer->pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE))
			completer_die("jobs are left", 0);
		completer->pool = ferry_pool_free(completer->pool);
	}
	gate_destroy(&completer->before);
	gate_destroy(&completer->inside);
}

static const char *const completer_names[COMPLETER_KINDS] = {
	"the same thread", "foreign threads", "a pool's job", "an executor's job",
};

#endif
