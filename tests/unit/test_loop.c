/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loop as an object: made, held, refused, closed (L3). */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>

#include "bridge/local.h"
#include "support/fixture.h"
#include "support/gate.h"

TestSuite(loop, .timeout = 30);

static void never(ferry_loop *loop, void *user)
{
	(void)loop, (void)user;
	cr_assert_fail("this callback must not run");
}

static void count(ferry_loop *loop, void *user)
{
	(void)loop;
	++*(int *)user;
}

/* ---- made ---- */

Test(loop, one_is_made_with_two_descriptors_that_are_closed_on_exec)
{
	int before = fixture_descriptors();
	ferry_loop *loop = fixture_loop();

	cr_assert_eq(fixture_descriptors(), before + 2);
	cr_assert(fcntl(ferry_loop_fd(loop), F_GETFD) & FD_CLOEXEC);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(fixture_descriptors(), before);
}

Test(loop, wrong_options_are_refused_and_nothing_is_made)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	struct {
		ferry_loop_options known;
		char more;
	} longer = { FERRY_LOOP_OPTIONS_INIT, 1 };
	ferry_loop *untouched = (ferry_loop *)&options, *loop = untouched;
	int before = fixture_descriptors();

	cr_assert_eq(ferry_loop_new(NULL, NULL), -EINVAL);
	cr_assert_eq(ferry_loop_new(&options, NULL), -EINVAL);
	options.size = 0;
	cr_assert_eq(ferry_loop_new(&options, &loop), -EINVAL);
	longer.known.size = sizeof(longer);
	cr_assert_eq(ferry_loop_new(&longer.known, &loop), -E2BIG);
	options = (ferry_loop_options)FERRY_LOOP_OPTIONS_INIT;
	options.poll_ns = 1000001;
	cr_assert_eq(ferry_loop_new(&options, &loop), -EINVAL);
	cr_assert_eq(loop, untouched);
	cr_assert_eq(fixture_descriptors(), before);
}

Test(loop, every_option_at_its_limit_is_accepted)
{
	ferry_loop_options options = { sizeof(options), UINT32_MAX, 1000000, SIZE_MAX, NULL, NULL };
	ferry_loop *loop;
	int calls = 0;

	cr_assert_eq(ferry_loop_new(&options, &loop), 0);
	ferry_loop_call_soon(loop, count, &calls);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
	ferry_loop_free(loop);

	options = (ferry_loop_options){ sizeof(options), 1, FERRY_NO_DEADLINE, 1, NULL,
					 NULL };
	cr_assert_eq(ferry_loop_new(&options, &loop), 0);
	ferry_loop_call_soon(loop, count, &calls);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 2);
	cr_assert_eq(fixture_loop_counters(loop).cached_bytes, 0, "a byte is less than a block");
	ferry_loop_free(loop);
}

Test(loop, a_size_that_knows_less_has_the_rest_by_default)
{
	ferry_loop_options options = { .size = sizeof(size_t) + sizeof(unsigned), .budget = 1 };
	ferry_loop *loop;

	options.poll_ns = 1000001; /* beyond the size: not looked at */
	cr_assert_eq(ferry_loop_new(&options, &loop), 0);
	ferry_loop_free(loop);
}

Test(loop, without_descriptors_none_is_made_and_none_is_lost)
{
	int before = fixture_descriptors();
	ferry_loop *loop = NULL;

	for (int spare = 0; spare < 2; spare++) {
		fixture_descriptors_left(spare);
		cr_assert_eq(ferry_loop_new(NULL, &loop), -EMFILE);
		fixture_descriptors_left(-1);
		cr_assert_null(loop);
		cr_assert_eq(fixture_descriptors(), before);
	}
	fixture_descriptors_left(2);
	cr_assert_eq(ferry_loop_new(NULL, &loop), 0);
	ferry_loop_free(loop);
}

/* ---- whose it is ---- */

/* Every call that takes a loop, as far as it says whose it is: what each said. */
struct answers {
	ferry_loop *loop;
	ferry_timer *timer;
	ferry_local *local;
	int said[32], calls;
};

static int said(const void *pointer)
{
	return pointer ? 0 : -errno;
}

static int answer(void *arg)
{
	struct answers *answers = arg;
	ferry_loop *loop = answers->loop;
	ferry_loop_counters counters;
	ferry_future *future;
	ferry_local *local;
	ferry_timer *timer;
	int *to = answers->said;

	*to++ = ferry_loop_run(loop);
	*to++ = ferry_loop_run_once(loop, 0);
	*to++ = ferry_loop_stop(loop);
	*to++ = ferry_loop_call_soon(loop, never, NULL);
	*to++ = ferry_loop_call_at(loop, 0, never, NULL, &timer);
	*to++ = ferry_loop_fd(loop);
	*to++ = ferry_loop_dispatch(loop, 0);
	*to++ = ferry_loop_prepare(loop);
	*to++ = ferry_loop_check(loop);
	*to++ = ferry_loop_set_exception_handler(loop, NULL, NULL);
	*to++ = ferry_loop_stats(loop, &counters);
	*to++ = ferry_local_new(loop, &local);
	if (ferry_future_new(NULL, &future) == 0) {
		*to++ = said(ferry_wrap(loop, future));
		ferry_future_unref(future);
	}
	*to++ = said(ferry_loop_watch_fd(loop, 0, FERRY_READABLE));
	if (answers->local)
		*to++ = ferry_loop_run_until(loop, answers->local);
	if (answers->timer)
		*to++ = ferry_timer_cancel(answers->timer);
	answers->calls = (int)(to - answers->said);
	return 0;
}

static void answer_elsewhere(void *arg)
{
	answer(arg);
}

static void check_answers(const struct answers *answers, int calls, int error)
{
	cr_assert_eq(answers->calls, calls);
	for (int i = 0; i < calls; i++)
		cr_assert_eq(answers->said[i], error, "call %d said %d", i, answers->said[i]);
}

Test(loop, every_call_from_another_thread_is_refused_and_nothing_changed)
{
	struct answers answers = { .loop = fixture_loop() };
	ferry_loop_counters counters;

	cr_assert_eq(ferry_loop_call_at(answers.loop, ferry_in_ns(3600000000000), never, NULL,
					&answers.timer), 0);
	cr_assert_eq(ferry_local_new(answers.loop, &answers.local), 0);
	fixture_elsewhere(answer_elsewhere, &answers);
	check_answers(&answers, 16, -EPERM);
	counters = fixture_loop_counters(answers.loop);
	cr_assert_eq(counters.turns, 0);
	cr_assert_eq(counters.timers, 1);
	cr_assert_eq(ferry_loop_pending(answers.loop), 1);
	cr_assert_not(ferry_local_snapshot(answers.local).done);
	ferry_local_unref(answers.local);
	ferry_loop_free(answers.loop);
}

Test(loop, every_call_on_a_closed_loop_says_so)
{
	struct answers answers = { .loop = ferry_loop_ref(fixture_loop()) };

	cr_assert_eq(ferry_local_new(answers.loop, &answers.local), 0);
	cr_assert_eq(ferry_loop_free(answers.loop), 0);
	answer(&answers);
	check_answers(&answers, 15, -ESHUTDOWN);
	cr_assert_eq(ferry_loop_call_soon_threadsafe(answers.loop, never, NULL), -ESHUTDOWN);
	cr_assert_eq(ferry_loop_pending(answers.loop), 0, "there is nothing to wait for");
	cr_assert_eq(ferry_loop_free(answers.loop), -ESHUTDOWN, "it is closed once");
	ferry_local_unref(answers.local);
	ferry_loop_unref(answers.loop);
}

static int answer_in_child(void *arg)
{
	struct answers *answers = arg;
	int before = fixture_descriptors();

	answer(answers);
	for (int i = 0; i < answers->calls; i++)
		if (answers->said[i] != -ECHILD)
			return 1 + i;
	if (ferry_loop_call_soon_threadsafe(answers->loop, never, NULL) != -ECHILD)
		return 50;
	if (ferry_loop_pending(answers->loop) != -ECHILD)
		return 51;
	if (ferry_local_cancel(answers->local) != -ECHILD)
		return 52;
	if (ferry_loop_free(answers->loop) != 0)
		return 53;
	if (fixture_descriptors() != before - 2)
		return 54;
	/* What is held of it is refused still. */
	if (ferry_local_cancel(answers->local) != -ECHILD)
		return 55;
	if (ferry_local_unref(answers->local) != answers->local)
		return 56;
	return ferry_local_snapshot(answers->local).done ? 57 : 0;
}

Test(loop, P6_in_a_forks_child_it_can_be_freed_and_all_else_is_refused)
{
	struct answers answers = { .loop = fixture_loop() };
	int calls = 0;

	cr_assert_eq(ferry_loop_call_at(answers.loop, 0, count, &calls, &answers.timer), 0);
	cr_assert_eq(ferry_local_new(answers.loop, &answers.local), 0);
	cr_assert_eq(fixture_in_child(answer_in_child, &answers), 0);
	/* The parent's goes on as if nothing had been. */
	cr_assert_eq(ferry_loop_run(answers.loop), 0);
	cr_assert_eq(calls, 1);
	cr_assert_eq(ferry_local_cancel(answers.local), 1);
	ferry_local_unref(answers.local);
	ferry_loop_free(answers.loop);
}

static int use_a_new_one(void *arg)
{
	ferry_loop *loop = fixture_loop();
	int calls = 0;

	ferry_loop_free(arg);
	ferry_loop_call_soon_threadsafe(loop, count, &calls);
	if (ferry_loop_run(loop) != 0 || calls != 1)
		return 1;
	return ferry_loop_free(loop) == 0 ? 0 : 2;
}

static ferry_loop *parents;
static ferry_local *wrapped;
static bool frees_first;

static int keep_promise(void *future)
{
	if (frees_first && ferry_loop_free(parents))
		return 1;
	if (ferry_future_set_result(future, ferry_result_u64(7)))
		return 2;
	/* Refused by a loop that is closed, the post was dropped with the reference in it.
	 * Relaxed: there is one thread. */
	return frees_first && atomic_load_relaxed(&wrapped->job.future.refs) != 1 ? 3 : 0;
}

static void *leaves_a_loop(void *ret)
{
	return (void *)(intptr_t)ferry_loop_new(NULL, ret);
}

static void *uses_what_another_left(void *left)
{
	ferry_loop *own = fixture_loop();

	cr_expect_eq(ferry_loop_run(left), -EPERM);
	cr_expect_eq(ferry_loop_free(left), -EPERM);
	cr_expect_eq(ferry_loop_run(own), 0);
	cr_expect_eq(ferry_loop_free(own), 0);
	return NULL;
}

/* The C library gives the second thread the memory that the first one had. */
Test(loop, that_a_thread_left_behind_is_not_the_next_threads)
{
	static ferry_loop *left; /* held here to the end: nobody can free it */
	pthread_t thread;
	void *result;

	cr_assert_eq(pthread_create(&thread, NULL, leaves_a_loop, &left), 0);
	pthread_join(thread, &result);
	cr_assert_null(result);
	cr_assert_eq(pthread_create(&thread, NULL, uses_what_another_left, left), 0);
	pthread_join(thread, NULL);
}

Test(loop, P6_a_promise_kept_in_a_child_rings_nobody)
{
	struct pollfd readable;
	ferry_future *future;

	parents = fixture_loop();
	cr_assert_eq(ferry_future_new(NULL, &future), 0);
	wrapped = ferry_wrap(parents, future);
	for (int i = 0; i < 2; i++) {
		frees_first = i;
		cr_assert_eq(fixture_in_child(keep_promise, future), 0);
		readable = (struct pollfd){ ferry_loop_fd(parents), POLLIN, 0 };
		cr_assert_eq(poll(&readable, 1, 0), 0);
	}
	ferry_local_unref(wrapped);
	ferry_loop_free(parents);
	ferry_future_unref(future);
}

Test(loop, P6_a_forks_child_can_make_a_loop_of_its_own)
{
	ferry_loop *loop = fixture_loop();

	cr_assert_eq(fixture_in_child(use_a_new_one, loop), 0);
	ferry_loop_free(loop);
}

Test(loop, NULL_is_refused_everywhere_and_freeing_it_is_allowed)
{
	ferry_loop *loop = fixture_loop();
	ferry_loop_counters counters;
	ferry_timer *timer = NULL;

	cr_assert_eq(ferry_loop_free(NULL), 0);
	cr_assert_null(ferry_loop_ref(NULL));
	cr_assert_null(ferry_loop_unref(NULL));
	cr_assert_eq(ferry_loop_run(NULL), -EINVAL);
	cr_assert_eq(ferry_loop_run_once(NULL, 0), -EINVAL);
	cr_assert_eq(ferry_loop_stop(NULL), -EINVAL);
	cr_assert_eq(ferry_loop_call_soon(NULL, never, NULL), -EINVAL);
	cr_assert_eq(ferry_loop_call_soon(loop, NULL, NULL), -EINVAL);
	cr_assert_eq(ferry_loop_call_soon_threadsafe(NULL, never, NULL), -EINVAL);
	cr_assert_eq(ferry_loop_call_soon_threadsafe(loop, NULL, NULL), -EINVAL);
	cr_assert_eq(ferry_loop_call_at(NULL, 0, never, NULL, &timer), -EINVAL);
	cr_assert_eq(ferry_loop_call_at(loop, 0, NULL, NULL, &timer), -EINVAL);
	cr_assert_eq(ferry_timer_cancel(NULL), -EINVAL);
	cr_assert_eq(ferry_loop_fd(NULL), -EINVAL);
	cr_assert_eq(ferry_loop_deadline(NULL), 0);
	cr_assert_eq(ferry_loop_dispatch(NULL, 0), -EINVAL);
	cr_assert_eq(ferry_loop_prepare(NULL), -EINVAL);
	cr_assert_eq(ferry_loop_check(NULL), -EINVAL);
	cr_assert_eq(ferry_loop_pending(NULL), -EINVAL);
	cr_assert_eq(ferry_loop_set_exception_handler(NULL, NULL, NULL), -EINVAL);
	cr_assert_eq(ferry_loop_stats(NULL, &counters), -EINVAL);
	cr_assert_eq(ferry_loop_stats(loop, NULL), -EINVAL);
	cr_assert_null(timer);
	cr_assert_eq(ferry_loop_pending(loop), 0);
	ferry_loop_free(loop);
}

/* ---- counted ---- */

static void free_it(void *arg)
{
	int *outcome = arg;
	ferry_loop *loop;

	memcpy(&loop, outcome + 1, sizeof(loop));
	*outcome = ferry_loop_free(loop);
}

Test(loop, another_thread_cannot_free_it)
{
	struct {
		int outcome, loop[2];
	} given;
	ferry_loop *loop = fixture_loop();

	memcpy(given.loop, &loop, sizeof(loop));
	fixture_elsewhere(free_it, &given);
	cr_assert_eq(given.outcome, -EPERM);
	cr_assert_eq(ferry_loop_free(loop), 0);
}

static void free_inside(ferry_loop *loop, void *user)
{
	*(int *)user = ferry_loop_free(loop);
}

Test(loop, it_cannot_be_freed_from_inside_its_callbacks)
{
	ferry_loop *loop = fixture_loop();
	int outcome = 0;

	ferry_loop_call_soon(loop, free_inside, &outcome);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(outcome, -EBUSY);
	cr_assert_eq(ferry_loop_call_soon(loop, free_inside, &outcome), 0, "it is open still");
	cr_assert_eq(ferry_loop_free(loop), 0);
}

static void unref_it(void *arg)
{
	cr_assert_eq(ferry_loop_call_soon_threadsafe(arg, never, NULL), -ESHUTDOWN);
	cr_assert_null(ferry_loop_unref(arg));
}

Test(loop, the_last_reference_may_be_dropped_on_any_thread)
{
	ferry_loop *loop = fixture_loop();

	cr_assert_eq(ferry_loop_ref(loop), loop);
	cr_assert_eq(ferry_loop_free(loop), 0);
	fixture_elsewhere(unref_it, loop);
}

Test(loop, two_loops_of_one_thread_do_not_touch_each_other)
{
	ferry_loop *one = fixture_loop(), *other = fixture_loop();
	int calls = 0, others = 0;

	ferry_loop_call_soon(one, count, &calls);
	ferry_loop_call_soon(other, count, &others);
	cr_assert_eq(ferry_loop_run(one), 0);
	cr_assert_eq(calls, 1);
	cr_assert_eq(others, 0);
	ferry_loop_free(one);
	cr_assert_eq(ferry_loop_run(other), 0);
	cr_assert_eq(others, 1);
	ferry_loop_free(other);
}

/* ---- closed ---- */

Test(loop, closing_frees_what_was_due_and_calls_nobody)
{
	ferry_loop *loop = fixture_loop();
	ferry_timer *timer;

	cr_assert_eq(ferry_loop_call_soon(loop, never, NULL), 0);
	cr_assert_eq(ferry_loop_call_soon_threadsafe(loop, never, NULL), 0);
	cr_assert_eq(ferry_loop_call_at(loop, 0, never, NULL, NULL), 0);
	cr_assert_eq(ferry_loop_call_at(loop, ferry_in_ns(1000), never, NULL, &timer), 0);
	cr_assert_eq(ferry_loop_pending(loop), 4);
	cr_assert_eq(ferry_loop_free(loop), 0);
}

struct stuck {
	struct gate gate;
	int disposed;
	pthread_t by;
};

static void note(const ferry_result *result)
{
	struct stuck *stuck = result->pointer;

	stuck->disposed++;
	stuck->by = pthread_self();
}
static const ferry_disposer noted = { FERRY_DISPOSE_ANYWHERE, note };

static int hang(void *arg, ferry_result *out)
{
	struct stuck *stuck = arg;

	gate_wait(&stuck->gate);
	*out = ferry_result_pointer(stuck, &noted);
	return 0;
}

Test(loop, L3_closing_does_not_wait_for_a_job_and_what_it_brings_later_is_disposed_of)
{
	ferry_pool *pool = fixture_pool(2);
	uint64_t before = ferry_disposed_count();
	int descriptors = fixture_descriptors();
	ferry_loop *loop = fixture_loop();
	struct stuck held = { .disposed = 0 }, dropped = { .disposed = 0 };
	ferry_local *local;

	gate_init(&held.gate);
	gate_init(&dropped.gate);
	local = ferry_offload(loop, pool, hang, &held, NULL);
	ferry_local_unref(ferry_offload(loop, pool, hang, &dropped, NULL));
	gate_await(&held.gate, 1);
	gate_await(&dropped.gate, 1);
	cr_assert_eq(ferry_loop_free(loop), 0, "both jobs are inside their functions");
	cr_assert_eq(fixture_descriptors(), descriptors, "and its descriptors are closed");
	cr_assert(ferry_local_snapshot(local).cancelled, "a local that is held stays readable");

	gate_open(&held.gate);
	gate_open(&dropped.gate);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(dropped.disposed, 1);
	cr_assert_neq(dropped.by, pthread_self(), "by the worker that brought it");
	cr_assert_eq(held.disposed, 0, "its block is ours still");
	ferry_local_unref(local);
	cr_assert_eq(held.disposed, 1);
	cr_assert_eq(ferry_disposed_count(), before + 2);
	ferry_pool_free(pool);
}

Test(loop, L3_what_was_posted_and_not_yet_drained_is_disposed_of_when_it_closes)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_loop *loop = fixture_loop();
	struct stuck stuck = { .disposed = 0 };
	ferry_local *local;

	gate_init(&stuck.gate);
	gate_open(&stuck.gate);
	local = ferry_offload(loop, pool, hang, &stuck, NULL);
	ferry_local_unref(local);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(stuck.disposed, 0, "it lies in the inbox");
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(stuck.disposed, 1);
	ferry_pool_free(pool);
}

/* Posts until the loop is closed, and counts what was accepted. */
struct poster {
	ferry_loop *loop;
	pthread_t thread;
	long accepted;
};

static void close_soon(ferry_loop *loop, void *user)
{
	(void)user;
	ferry_loop_stop(loop);
}

static void *post_until_closed(void *arg)
{
	struct poster *poster = arg;
	int error;

	while ((error = ferry_loop_call_soon_threadsafe(poster->loop, close_soon, NULL)) == 0)
		poster->accepted++;
	ferry_loop_unref(poster->loop);
	return error == -ESHUTDOWN ? NULL : poster;
}

Test(loop, L3_threads_may_post_while_it_closes_and_are_told)
{
	for (int round = 0; round < 20; round++) {
		ferry_loop *loop = fixture_loop();
		struct poster posters[3];

		for (int i = 0; i < 3; i++) {
			posters[i] = (struct poster){ .loop = ferry_loop_ref(loop) };
			pthread_create(&posters[i].thread, NULL, post_until_closed, &posters[i]);
		}
		/* Some turns while they post. */
		ferry_loop_call_soon(loop, close_soon, NULL);
		ferry_loop_run(loop);
		cr_assert_eq(ferry_loop_free(loop), 0);
		for (int i = 0; i < 3; i++) {
			void *wrong;

			pthread_join(posters[i].thread, &wrong);
			cr_assert_null(wrong);
		}
	}
}

/* ---- looked at ---- */

Test(loop, pending_counts_calls_timers_and_requests)
{
	ferry_loop *loop = fixture_loop();
	ferry_pool *pool = fixture_pool(1);
	struct stuck stuck = { .disposed = 0 };
	ferry_local *local;
	ferry_timer *timer;
	int calls = 0;

	cr_assert_eq(ferry_loop_pending(loop), 0);
	ferry_loop_call_soon(loop, count, &calls);
	cr_assert_eq(ferry_loop_pending(loop), 1);
	ferry_loop_call_soon_threadsafe(loop, count, &calls);
	cr_assert_eq(ferry_loop_pending(loop), 2, "what other threads posted counts");
	cr_assert_eq(ferry_loop_call_at(loop, ferry_in_ns(3600000000000), never, NULL, &timer), 0);
	cr_assert_eq(ferry_loop_pending(loop), 3);
	gate_init(&stuck.gate);
	local = ferry_offload(loop, pool, hang, &stuck, NULL);
	cr_assert_eq(ferry_loop_pending(loop), 4);
	cr_assert_eq(ferry_timer_cancel(timer), 0);
	cr_assert_eq(ferry_loop_pending(loop), 3);
	gate_open(&stuck.gate);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 2);
	cr_assert_eq(ferry_loop_pending(loop), 0);
	ferry_local_unref(local);
	fixture_end(loop, pool);
}

Test(loop, pending_counts_a_request_with_a_deadline_once)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_loop *loop = fixture_loop();
	ferry_pool *pool = fixture_pool(1);
	struct stuck stuck = { .disposed = 0 };
	ferry_local *locals[3];

	gate_init(&stuck.gate);
	options.deadline_ns = ferry_in_ns(3600000000000);
	for (int i = 0; i < 2; i++)
		locals[i] = ferry_offload(loop, pool, hang, &stuck, &options);
	cr_assert_eq(ferry_loop_pending(loop), 2);
	cr_assert_eq(ferry_local_cancel(locals[1]), 1);
	cr_assert_eq(ferry_loop_pending(loop), 1);
	gate_await(&stuck.gate, 1);
	options.deadline_ns = ferry_in_ns(1000000);
	locals[2] = ferry_offload(loop, pool, hang, &stuck, &options);
	cr_assert_eq(ferry_loop_run_until(loop, locals[2]), 0);
	cr_assert_not_null(ferry_local_snapshot(locals[2]).exception);
	cr_assert_eq(ferry_loop_pending(loop), 1, "one that expired is none any more");
	gate_open(&stuck.gate);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_loop_pending(loop), 0);
	for (int i = 0; i < 3; i++)
		ferry_local_unref(locals[i]);
	fixture_end(loop, pool);
}

Test(loop, the_counters_tell_what_it_did)
{
	ferry_loop *loop = fixture_loop();
	ferry_loop_counters counters = fixture_loop_counters(loop);
	int calls = 0;

	cr_assert_eq(counters.turns + counters.callbacks + counters.posts + counters.rings +
			     counters.sleeps + counters.polls + counters.dropped +
			     counters.unseen + counters.ring_failures,
		     0);
	ferry_loop_call_soon(loop, count, &calls);
	ferry_loop_call_soon_threadsafe(loop, count, &calls);
	ferry_loop_call_at(loop, 0, count, &calls, NULL);
	cr_assert_eq(fixture_loop_counters(loop).timers, 1);
	cr_assert_eq(ferry_loop_run(loop), 0);
	counters = fixture_loop_counters(loop);
	cr_assert_eq(calls, 3);
	cr_assert_eq(counters.turns, 1);
	cr_assert_eq(counters.callbacks, 3);
	cr_assert_eq(counters.posts, 1);
	cr_assert_eq(counters.rings, 1, "it had not begun to run");
	cr_assert_eq(counters.timers, 0);
	cr_assert_eq(counters.in_flight, 0);
	cr_assert_eq(counters.cached_bytes, 128, "a call's and a timer's block");
	cr_assert_gt(counters.longest_dispatch_ns, 0);
	ferry_loop_free(loop);
}

Test(loop, no_more_memory_is_cached_than_its_option_says)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	ferry_loop *loop;
	int calls = 0;

	options.cache_bytes = 256;
	cr_assert_eq(ferry_loop_new(&options, &loop), 0);
	for (int i = 0; i < 10; i++)
		ferry_loop_call_soon(loop, count, &calls);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 10);
	cr_assert_eq(fixture_loop_counters(loop).cached_bytes, 256);
	ferry_loop_free(loop);
}
