/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Awaiting a local: every way in which it can end, and what is done while it has not (T7, L4). */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdatomic.h>

#include "bridge/local.h"
#include "support/actor.h"
#include "support/disposal.h"
#include "support/exceptions.h"
#include "support/folder.h"
#include "support/ways.h"
#include "support/work.h"

TestSuite(await, .timeout = 60);

static ferry_loop *loop;
static ferry_pool *pool; /* one worker */
static struct gate gate;

static void begin(void)
{
	loop = fixture_loop();
	pool = fixture_pool(1);
	gate_init(&gate);
}

static void end(void)
{
	fixture_end(loop, pool);
	gate_destroy(&gate);
	cr_assert(diary_is(""), "nothing was told that the test did not look at");
}

static void turn(void)
{
	cr_assert_geq(ferry_loop_run_once(loop, 0), 0);
}

/* What can happen without anybody else has happened. */
static void turns(void)
{
	while (ferry_loop_run_once(loop, 0) > 0)
		;
}

/* ---- a task that awaits a local ---- */

struct reader {
	FERRY_FRAME;
	const char *name;
	ferry_local *local; /* what it awaits; NULL: as errno says */
	bool tries;
	ferry_await answer;
	ferry_snapshot seen;
	ferry_awaitable *then;  /* what it waits for next; NULL: nothing */
	_Atomic bool *returned; /* had the function returned when it went on? NULL: not asked */
	bool was_returned;
};

static ferry_step reader_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct reader, f);
	diary_note("%s:", f->name);
	if (f->tries)
		FERRY_TRY(ferry_await_local(&f->answer, f->local));
	else
		FERRY_AWAIT(ferry_await_local(&f->answer, f->local));
	diary_note("%s.", f->name);
	f->seen = ferry_await_snapshot(&f->answer);
	if (f->then)
		FERRY_AWAIT((struct actor_awaited *)f->then);
	FERRY_RETURN(ferry_task_set_result(task, f->seen.result));

	FERRY_FINALLY
	diary_note("%s)", f->name);
	f->was_returned = f->returned && *f->returned;
	cr_assert_eq(ferry_await_end(&f->answer), 0);
	FERRY_END;
}

static ferry_task *reader_begin(struct reader *reader)
{
	return ferry_task_begin(&reader->task, loop, reader_step, NULL);
}

static enum actor_end ended(struct reader *reader)
{
	return actor_end_of(ferry_task_snapshot(&reader->task));
}

static int error_of(struct reader *reader)
{
	return ferry_error_errno(ferry_task_snapshot(&reader->task).exception);
}

static ferry_local *plain(void)
{
	ferry_local *local;

	cr_assert_eq(ferry_local_new(loop, &local), 0);
	return local;
}

/* ---- done when it is awaited ---- */

Test(await, L2_a_local_that_is_done_takes_no_turn, .init = begin, .fini = end)
{
	ferry_local *number = plain(), *failed = plain(), *cancelled = plain();
	struct reader readers[] = { { .name = "n", .local = number },
				    { .name = "f", .local = failed, .tries = true },
				    { .name = "c", .local = cancelled, .tries = true } };

	ferry_local_set_result(number, ferry_result_u64(7));
	ferry_local_set_exception(failed, ferry_error_from_errno(EIO));
	ferry_local_cancel(cancelled);
	for (int i = 0; i < 3; i++)
		reader_begin(&readers[i]);
	cr_assert(diary_is("n: n. n) f: f) c: c)"));
	cr_assert_eq(readers[0].seen.result.u64, 7);
	cr_assert_eq(ferry_task_snapshot(&readers[0].task).result.u64, 7);
	cr_assert_eq(error_of(&readers[1]), EIO);
	cr_assert_eq(ended(&readers[2]), ACTOR_CANCELLED);
	cr_assert_eq(fixture_loop_counters(loop).callbacks, 0);
	cr_assert_eq(ferry_loop_pending(loop), 0);
}

Test(await, a_call_that_failed_is_an_exception_like_any_other, .init = begin, .fini = end)
{
	static const struct {
		int said, exception;
	} rows[] = { { EAGAIN, EAGAIN }, { ENOMEM, ENOMEM }, { 0, EINVAL }, { -5, EINVAL } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct reader reader = { .name = "r", .tries = true };

		errno = rows[i].said;
		reader_begin(&reader);
		cr_assert(diary_is("r: r)"));
		cr_assert_eq(error_of(&reader), rows[i].exception);
	}
}

Test(await, what_a_refused_call_left_can_be_looked_at, .init = begin, .fini = end)
{
	ferry_await await = { .local = NULL };
	ferry_result result;

	errno = ENOSPC;
	cr_assert_eq(ferry_await_local(&await, NULL), &await.operation);
	cr_assert_null(await.local);
	cr_assert_eq(ferry_error_errno(ferry_await_snapshot(&await).exception), ENOSPC);
	cr_assert_eq(ferry_await_take(&await, &result), -ENODATA);
	cr_assert_eq(ferry_await_end(&await), 0);
	/* The other way round: nothing to be offloaded to. */
	ferry_await_local(&await, ferry_offload(loop, NULL, work_nothing, NULL, NULL));
	cr_assert_eq(ferry_error_errno(ferry_await_snapshot(&await).exception), EINVAL);
}

Test(await, E1_one_that_was_born_failed_is_an_exception, .init = begin, .fini = end)
{
	struct reader reader = { .name = "r", .tries = true };

	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	reader.local = ferry_offload(loop, pool, work_nothing, NULL, NULL);
	cr_assert_not_null(reader.local);
	reader_begin(&reader);
	cr_assert(diary_is("r: r)"));
	cr_assert_eq(error_of(&reader), ESHUTDOWN);
	cr_assert_eq(fixture_loop_counters(loop).unseen, 0);
}

/* ---- done later ---- */

Test(await, a_plain_local_is_delivered_as_to_a_callback, .init = begin, .fini = end)
{
	struct reader reader = { .name = "r", .local = plain() };
	ferry_local *local = ferry_local_ref(reader.local);

	reader_begin(&reader);
	cr_assert_eq(ferry_loop_pending(loop), 0, "nothing else could complete it");
	cr_assert_eq(ferry_local_set_result(local, ferry_result_u64(8)), 0);
	cr_assert(diary_is("r:"), "not inside the call that completes it");
	turn();
	cr_assert(diary_is("r. r)"), "in one turn");
	cr_assert_eq(ferry_task_snapshot(&reader.task).result.u64, 8);
	ferry_local_unref(local);
}

Test(await, an_offload_is_delivered_with_its_post, .init = begin, .fini = end)
{
	struct reader reader = { .name = "r" };

	reader.local = ferry_offload(loop, pool, work_number, (void *)9, NULL);
	reader_begin(&reader);
	cr_assert_eq(ferry_loop_await(loop, &reader.awaitable), 0);
	cr_assert(diary_is("r: r. r)"));
	cr_assert_eq(reader.seen.result.u64, 9);
	cr_assert_eq(fixture_loop_counters(loop).callbacks, 1, "the delivery, and nothing else");
}

static int fail(void *arg, ferry_result *out)
{
	(void)arg, (void)out;
	return -ENOENT;
}

static int say_cancelled(void *arg, ferry_result *out)
{
	(void)arg, (void)out;
	return -ECANCELED;
}

Test(await, its_function_may_fail_or_say_that_it_was_cancelled, .init = begin, .fini = end)
{
	struct reader failed = { .name = "f", .tries = true };
	struct reader cancelled = { .name = "c", .tries = true };

	failed.local = ferry_offload(loop, pool, fail, NULL, NULL);
	cancelled.local = ferry_offload(loop, pool, say_cancelled, NULL, NULL);
	reader_begin(&failed);
	reader_begin(&cancelled);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("f: c: f) c)"));
	cr_assert_eq(error_of(&failed), ENOENT);
	cr_assert_eq(ended(&cancelled), ACTOR_CANCELLED);
}

static void complete_promise(void *promise)
{
	cr_assert_eq(ferry_future_set_result(promise, ferry_result_u64(10)), 0);
}

Test(await, a_wrapped_promise_is_completed_by_a_foreign_thread, .init = begin, .fini = end)
{
	struct reader reader = { .name = "r" };
	ferry_future *promise;

	cr_assert_eq(ferry_future_new(NULL, &promise), 0);
	reader.local = ferry_wrap(loop, promise);
	reader_begin(&reader);
	fixture_elsewhere(complete_promise, promise);
	cr_assert(diary_is("r:"));
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("r. r)"));
	cr_assert_eq(reader.seen.result.u64, 10);
	ferry_future_unref(promise);
}

Test(await, a_chained_local_ends_with_its_source, .init = begin, .fini = end)
{
	ferry_local *source = plain(), *target = plain();
	struct reader reader = { .name = "r", .local = target };

	cr_assert_eq(ferry_local_chain(source, target), 0);
	reader_begin(&reader);
	ferry_local_set_result(source, ferry_result_u64(11));
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("r: r. r)"));
	cr_assert_eq(reader.seen.result.u64, 11);
	ferry_local_unref(source);
}

static ferry_step watcher_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct reader, f);
	diary_note("%s:", f->name);
	FERRY_TRY(ferry_await_fd(&f->answer, loop, *(int *)f->then, FERRY_READABLE));
	diary_note("%s.", f->name);
	FERRY_RETURN(f->seen = ferry_await_snapshot(&f->answer));

	FERRY_FINALLY
	ferry_await_end(&f->answer);
	FERRY_END;
}

Test(await, a_descriptor_that_gets_ready, .init = begin, .fini = end)
{
	int fd[2], wrong = -1;
	struct reader reader = { .name = "r", .then = (ferry_awaitable *)(void *)&fd[0] };

	cr_assert_eq(pipe2(fd, O_CLOEXEC), 0);
	ferry_task_begin(&reader.task, loop, watcher_step, NULL);
	turn();
	cr_assert(diary_is("r:"));
	cr_assert_eq(write(fd[1], "x", 1), 1);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("r."));
	cr_assert_eq(reader.seen.result.u64, FERRY_READABLE);
	/* One who is cancelled watches no longer. */
	cr_assert_eq(read(fd[0], &wrong, 1), 1);
	ferry_task_begin(&reader.task, loop, watcher_step, NULL);
	cr_assert_eq(ferry_loop_pending(loop), 1);
	ferry_task_cancel(&reader.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ended(&reader), ACTOR_CANCELLED);
	/* And one that cannot be watched is an exception. */
	wrong = -1;
	reader.then = (ferry_awaitable *)(void *)&wrong;
	ferry_task_begin(&reader.task, loop, watcher_step, NULL);
	cr_assert_eq(error_of(&reader), EINVAL);
	cr_assert(diary_is("r: r:"));
	close(fd[0]);
	close(fd[1]);
}

/* ---- several ---- */

static void call(ferry_local *local, void *name)
{
	(void)local;
	diary_note("%s!", (const char *)name);
}

Test(await, L2_a_task_is_one_of_the_callbacks_of_a_local_and_has_its_place, .init = begin,
     .fini = end)
{
	struct reader a = { .name = "a", .local = plain() }, b = { .name = "b" };
	ferry_local *local = ferry_local_ref(a.local);

	b.local = ferry_local_ref(local);
	ferry_local_add_done_callback(local, call, "first");
	reader_begin(&a);
	ferry_local_add_done_callback(local, call, "second");
	reader_begin(&b);
	ferry_local_add_done_callback(local, call, "third");
	ferry_local_set_result(local, ferry_result_u64(1));
	turn();
	cr_assert(diary_is("a: b: first! a. a) second! b. b) third!"));
	ferry_local_unref(local);
}

Test(await, who_leaves_leaves_the_order_of_the_others, .init = begin, .fini = end)
{
	for (int leaving = 0; leaving < 3; leaving++) {
		static const char *const told[] = { "first! 1! 2!", "first! 0! 2!",
						    "first! 0! 1!" };
		static const char *const names[] = { "0", "1", "2" };
		ferry_local *local = plain();
		ferry_await awaits[3] = { { .local = NULL } };

		ferry_local_add_done_callback(local, call, "first");
		for (int i = 0; i < 3; i++) {
			ferry_await_local(&awaits[i], ferry_local_ref(local));
			ferry_local_add_done_callback(local, call, (void *)names[i]);
		}
		cr_assert_eq(ferry_await_end(&awaits[leaving]), 0);
		cr_assert_eq(ferry_local_remove_done_callback(local, call, (void *)names[leaving]),
			     1);
		ferry_local_set_result(local, ferry_result_u64(1));
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is(told[leaving]));
		for (int i = 0; i < 3; i++) {
			cr_assert_eq(ferry_awaitable_snapshot(&awaits[i].awaitable).done,
				     i != leaving);
			cr_assert_eq(ferry_await_end(&awaits[i]), 0);
		}
		ferry_local_unref(local);
	}
}

Test(await, several_tasks_may_wait_by_one_await_and_go_on_in_order, .init = begin, .fini = end)
{
	ferry_await await = { .local = NULL };
	struct actor a = { .name = "a", .awaits = &await.awaitable };
	struct actor b = { .name = "b", .awaits = &await.awaitable };
	struct actor c = { .name = "c", .awaits = &await.awaitable };
	ferry_local *local = plain();

	ferry_await_local(&await, ferry_local_ref(local));
	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	actor_begin(&c, loop, NULL);
	ferry_local_set_result(local, ferry_result_u64(1));
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a: b: c: a. a) b. b) c. c)"));
	ferry_await_end(&await);
	ferry_local_unref(local);
}

/* ---- cancelled ---- */

Test(await, one_that_somebody_else_cancels_ends_as_cancelled, .init = begin, .fini = end)
{
	struct reader tries = { .name = "t", .tries = true, .local = plain() };
	struct reader looks = { .name = "l", .local = ferry_local_ref(tries.local) };
	ferry_local *local = ferry_local_ref(tries.local);

	reader_begin(&tries);
	reader_begin(&looks);
	cr_assert_eq(ferry_local_cancel(local), 1);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("t: l: t) l. l)"));
	cr_assert_eq(ended(&tries), ACTOR_CANCELLED);
	cr_assert_eq(ended(&looks), ACTOR_RESULT, "it was not cancelled itself");
	cr_assert(looks.seen.cancelled);
	ferry_local_unref(local);
}

Test(await, L4_cancelling_one_who_waits_cancels_the_local_for_all, .init = begin, .fini = end)
{
	struct reader a = { .name = "a", .local = plain() };
	struct reader b = { .name = "b", .local = ferry_local_ref(a.local) };
	ferry_local *local = ferry_local_ref(a.local);

	reader_begin(&a);
	reader_begin(&b);
	cr_assert_eq(ferry_task_cancel(&a.task), 0);
	cr_assert(ferry_local_snapshot(local).cancelled, "at once");
	cr_assert(diary_is("a: b:"));
	cr_assert_eq(ferry_task_cancel(&a.task), 0, "nothing more is to be cancelled");
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a) b. b)"));
	cr_assert_eq(ended(&a), ACTOR_CANCELLED);
	cr_assert_eq(ended(&b), ACTOR_RESULT);
	cr_assert(b.seen.cancelled);
	ferry_local_unref(local);
}

Test(await, L4_the_future_that_is_wrapped_is_asked, .init = begin, .fini = end)
{
	struct reader reader = { .name = "r" };
	ferry_future *promise;

	cr_assert_eq(ferry_future_new(NULL, &promise), 0);
	reader.local = ferry_wrap(loop, promise);
	reader_begin(&reader);
	ferry_task_cancel(&reader.task);
	cr_assert(ferry_future_snapshot(promise).cancelled);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("r: r)"));
	ferry_future_unref(promise);
}

Test(await, T7_a_result_that_has_come_is_not_lost_by_a_cancel, .init = begin, .fini = end)
{
	struct reader reader = { .name = "r", .local = plain() };
	ferry_local *local = ferry_local_ref(reader.local);

	reader_begin(&reader);
	ferry_local_set_result(local, ferry_result_u64(1));
	ferry_task_cancel(&reader.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("r: r. r)"));
	cr_assert_eq(ended(&reader), ACTOR_RESULT);
	ferry_local_unref(local);
}

Test(await, a_shielded_wait_leaves_the_local_alone, .init = begin, .fini = end)
{
	ferry_await await = { .local = NULL };
	struct actor task = { .name = "t", .awaits = &await.awaitable, .shielded = true };
	ferry_local *local = plain();

	ferry_await_local(&await, ferry_local_ref(local));
	actor_begin(&task, loop, NULL);
	ferry_task_cancel(&task.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("t: t)"));
	cr_assert_not(ferry_local_snapshot(local).done);
	ferry_local_set_result(local, ferry_result_u64(3));
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_await_snapshot(&await).result.u64, 3, "it is held on");
	ferry_await_end(&await);
	ferry_local_unref(local);
}

/* ---- memory of the caller's (T7) ---- */

/* What a function is given: it says when it has returned. */
struct lent {
	_Atomic bool returned;
	_Atomic int released;
};

static int use_lent(void *arg, ferry_result *out)
{
	struct lent *lent = arg;

	(void)out;
	gate_wait(&gate);
	lent->returned = true;
	return 0;
}

static void release_lent(void *arg)
{
	((struct lent *)arg)->released++;
}

static ferry_local *offload_lent(struct lent *lent)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_local *local;

	options.release = release_lent;
	local = ferry_offload(loop, pool, use_lent, lent, &options);
	cr_assert_not_null(local);
	return local;
}

/* The function that runs at the gate ends, and its post has come. */
static void let_return(void)
{
	gate_open(&gate);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
}

Test(await, T7_a_task_goes_on_when_the_function_that_has_its_memory_has_returned, .init = begin,
     .fini = end)
{
	struct lent lent = { false, 0 };
	struct reader reader = { .name = "r", .returned = &lent.returned };

	reader.local = offload_lent(&lent);
	gate_await(&gate, 1);
	reader_begin(&reader);
	ferry_task_cancel(&reader.task);
	cr_assert(ferry_local_snapshot(reader.local).cancelled, "the local is cancelled at once");
	turns();
	ferry_task_cancel(&reader.task);
	turns();
	cr_assert(diary_is("r:"), "it waits on, however often it is asked");
	cr_assert_eq(ended(&reader), ACTOR_PENDING);
	let_return();
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("r)"));
	cr_assert(reader.was_returned);
	cr_assert_eq(lent.released, 1);
	cr_assert_eq(ended(&reader), ACTOR_CANCELLED);
}

Test(await, T7_the_loop_runs_until_the_function_has_returned, .init = begin, .fini = end)
{
	struct lent lent = { false, 0 };
	struct reader reader = { .name = "r", .returned = &lent.returned };

	reader.local = offload_lent(&lent);
	gate_await(&gate, 1);
	reader_begin(&reader);
	ferry_task_cancel(&reader.task);
	turns();
	cr_assert_eq(ferry_loop_pending(loop), 1);
	cr_assert_eq(fixture_loop_counters(loop).in_flight, 1);
	gate_open(&gate);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("r: r)"));
	cr_assert(reader.was_returned);
	cr_assert_eq(fixture_loop_counters(loop).in_flight, 0);
}

Test(await, T7_a_queued_job_never_has_it_and_the_task_goes_on_at_once, .init = begin, .fini = end)
{
	struct lent lent = { false, 0 };
	struct reader reader = { .name = "r" };
	ferry_future *busy;

	work_occupy(pool, &gate, &busy, 1);
	reader.local = offload_lent(&lent);
	reader_begin(&reader);
	ferry_task_cancel(&reader.task);
	cr_assert_eq(lent.released, 1);
	turn();
	cr_assert(diary_is("r: r)"));
	cr_assert_eq(ended(&reader), ACTOR_CANCELLED);
	let_return();
	ferry_future_unref(busy);
	cr_assert_not(lent.returned, "it never ran");
}

static int use_nothing(void *arg, ferry_result *out)
{
	(void)arg, (void)out;
	gate_wait(&gate);
	return 0;
}

Test(await, T7_a_function_that_has_nothing_of_the_callers_is_not_waited_for, .init = begin,
     .fini = end)
{
	struct reader reader = { .name = "r" };

	reader.local = ferry_offload(loop, pool, use_nothing, NULL, NULL);
	gate_await(&gate, 1);
	reader_begin(&reader);
	ferry_task_cancel(&reader.task);
	turn();
	cr_assert(diary_is("r: r)"), "while the function runs");
	cr_assert_eq(ended(&reader), ACTOR_CANCELLED);
	let_return();
}

/* Two tasks, each with its own await of the same local. */
Test(await, T7_all_who_wait_for_it_wait_for_its_return, .init = begin, .fini = end)
{
	struct lent lent = { false, 0 };
	struct reader a = { .name = "a", .returned = &lent.returned };
	struct reader b = { .name = "b", .returned = &lent.returned };
	struct reader c = { .name = "c", .returned = &lent.returned };

	a.local = offload_lent(&lent);
	b.local = ferry_local_ref(a.local);
	c.local = ferry_local_ref(a.local);
	gate_await(&gate, 1);
	reader_begin(&a);
	reader_begin(&b);
	reader_begin(&c);
	ferry_task_cancel(&b.task);
	turns();
	cr_assert(diary_is("a: b: c:"));
	let_return();
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a. a) b) c. c)"));
	cr_assert(a.was_returned && b.was_returned && c.was_returned);
	cr_assert(a.seen.cancelled);
}

/* Of a chain it is the function of the first that counts. */
Test(await, T7_a_chained_local_is_waited_for_as_its_source, .init = begin, .fini = end)
{
	for (int cancelled = 0; cancelled < 3; cancelled++) {
		struct lent lent = { false, 0 };
		struct reader reader = { .name = "r", .returned = &lent.returned };
		ferry_local *source = offload_lent(&lent), *middle = plain();

		reader.local = plain();
		cr_assert_eq(ferry_local_chain(source, middle), 0);
		cr_assert_eq(ferry_local_chain(middle, reader.local), 0);
		gate_await(&gate, 1);
		ferry_local_add_done_callback(source, call, "source");
		/* By who waits, by somebody else, before it is awaited. */
		if (cancelled == 2)
			ferry_local_cancel(reader.local);
		reader_begin(&reader);
		if (cancelled == 1)
			ferry_local_cancel(source);
		else
			ferry_task_cancel(&reader.task);
		turns();
		cr_assert(diary_is("r: source!"));
		cr_assert_eq(ended(&reader), ACTOR_PENDING);
		gate_open(&gate);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is(cancelled == 1 ? "r. r)" : "r)"));
		cr_assert(reader.was_returned);
		ferry_local_unref(source);
		ferry_local_unref(middle);
		gate_destroy(&gate);
		gate_init(&gate);
	}
}

Test(await, T7_one_of_those_may_leave_before_the_return, .init = begin, .fini = end)
{
	for (int leaving = 0; leaving < 3; leaving++) {
		struct lent lent = { false, 0 };
		ferry_await awaits[3] = { { .local = NULL } };
		ferry_local *local = offload_lent(&lent);

		gate_await(&gate, 1);
		for (int i = 0; i < 3; i++)
			ferry_await_local(&awaits[i], ferry_local_ref(local));
		ferry_local_cancel(local);
		ferry_local_unref(local);
		turns();
		cr_assert_eq(ferry_await_end(&awaits[leaving]), 0);
		cr_assert_eq(ferry_loop_pending(loop), 1, "the others wait on");
		gate_open(&gate);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert_eq(lent.released, 1);
		for (int i = 0; i < 3; i++) {
			cr_assert_eq(ferry_awaitable_snapshot(&awaits[i].awaitable).done,
				     i != leaving);
			cr_assert_eq(ferry_await_end(&awaits[i]), 0);
		}
		gate_destroy(&gate);
		gate_init(&gate);
	}
}

/* It was cancelled before it was awaited, and its function still runs. */
Test(await, T7_a_cancelled_local_is_done_when_its_function_has_returned, .init = begin, .fini = end)
{
	struct lent lent = { false, 0 };
	struct reader reader = { .name = "r", .tries = true, .returned = &lent.returned };

	reader.local = offload_lent(&lent);
	gate_await(&gate, 1);
	ferry_local_cancel(reader.local);
	reader_begin(&reader);
	turns();
	cr_assert(diary_is("r:"));
	let_return();
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("r)"));
	cr_assert(reader.was_returned);
	cr_assert_eq(ended(&reader), ACTOR_CANCELLED);
}

/* The same while callbacks of its own are still to be called. */
Test(await, T7_its_callbacks_are_called_with_what_they_were_added_with, .init = begin, .fini = end)
{
	struct lent lent = { false, 0 };
	struct reader reader = { .name = "r", .returned = &lent.returned };

	reader.local = offload_lent(&lent);
	gate_await(&gate, 1);
	ferry_local_add_done_callback(reader.local, call, "first");
	ferry_local_add_done_callback(reader.local, call, "second");
	ferry_local_cancel(reader.local);
	reader_begin(&reader);
	ferry_local_add_done_callback(reader.local, call, "third");
	turns();
	cr_assert(diary_is("r: first! second! third!"));
	ferry_local_add_done_callback(reader.local, call, "fourth");
	turns();
	cr_assert(diary_is("fourth!"));
	let_return();
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("r. r)"));
	cr_assert(reader.was_returned);
}

/* Its one callback awaits it, in its own turn. */
static struct reader inner;

static void await_it(ferry_local *local, void *user)
{
	call(local, user);
	inner.local = ferry_local_ref(local);
	reader_begin(&inner);
}

Test(await, T7_a_callback_may_begin_a_task_that_awaits_its_local, .init = begin, .fini = end)
{
	struct lent lent = { false, 0 };
	ferry_local *local = offload_lent(&lent);

	inner = (struct reader){ .name = "inner", .returned = &lent.returned };
	gate_await(&gate, 1);
	ferry_local_add_done_callback(local, await_it, "first");
	ferry_local_add_done_callback(local, call, "second");
	ferry_local_cancel(local);
	ferry_local_unref(local);
	turns();
	cr_assert(diary_is("first! inner: second!"));
	let_return();
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("inner. inner)"));
	cr_assert(inner.was_returned);
}

Test(await, T7_a_result_that_comes_instead_of_the_cancel_is_seen, .init = begin, .fini = end)
{
	struct lent lent = { false, 0 };
	struct reader reader = { .name = "r", .returned = &lent.returned };

	reader.local = offload_lent(&lent);
	gate_await(&gate, 1);
	reader_begin(&reader);
	gate_open(&gate);
	tasks_until_true(ferry_loop_pending(loop) == 2 || fixture_pool_counters(pool).ran == 1);
	cr_assert_eq(ferry_loop_run(loop), 0);
	ferry_task_cancel(&reader.task);
	cr_assert(diary_is("r: r. r)"));
	cr_assert_eq(ended(&reader), ACTOR_RESULT);
}

/* ---- paths ---- */

/* Opening a pipe that has no writer takes until it has one. */
static ferry_local *open_pipe(const char *path, bool lent)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_local *local;

	options.borrow_path = lent;
	options.policy = FERRY_FS_POOL;
	local = ferry_fs_open(loop, pool, path, O_RDONLY, 0, &options);
	cr_assert_not_null(local);
	tasks_until_true(fixture_pool_counters(pool).running == 1);
	return local;
}

static void open_other_end(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
}

Test(await, T7_a_path_that_was_lent_is_waited_for_and_a_copied_one_is_not, .init = begin,
     .fini = end)
{
	ways_begin(loop, pool);
	for (int lent = 0; lent < 2; lent++) {
		struct reader reader = { .name = "r" };
		const char *path;

		folder_make();
		path = folder_path("pipe");
		cr_assert_eq(mkfifo(path, 0600), 0);
		reader.local = open_pipe(path, lent);
		reader_begin(&reader);
		ferry_task_cancel(&reader.task);
		turns();
		cr_assert(diary_is(lent ? "r:" : "r: r)"));
		open_other_end(path);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is(lent ? "r)" : ""));
		cr_assert_eq(ended(&reader), ACTOR_CANCELLED);
		folder_remove();
		ferry_pool_free(pool);
		pool = fixture_pool(1);
	}
}

Test(await, T7_a_descriptor_is_lent_to_a_call_and_waited_for, .init = begin, .fini = end)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	struct reader reader = { .name = "r" };
	bool waits;
	int ends[2];

	ways_begin(loop, pool);
	options.policy = FERRY_FS_POOL;
	cr_assert_eq(pipe(ends), 0);
	reader.local = ferry_fs_read(loop, pool, ends[0], 1, FERRY_FS_HERE, &options);
	reader_begin(&reader);
	/* The worker is inside the call when it has taken the job from the queue. */
	while (fixture_pool_counters(pool).running == 0)
		sched_yield();
	ferry_task_cancel(&reader.task);
	turns();
	waits = diary_is("r:");
	cr_assert_eq(write(ends[1], "x", 1), 1);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(waits, "the call may be about to read from the number");
	cr_assert(diary_is("r)"));
	cr_assert_eq(ended(&reader), ACTOR_CANCELLED);
	close(ends[0]);
	close(ends[1]);
}

/* ---- used again, ended, taken ---- */

/* Told in order with the callbacks of the source, and let go of in between. */
Test(await, a_chain_can_be_let_go_of_wherever_it_is, .init = begin, .fini = end)
{
	for (int when = 0; when < 3; when++) {
		struct lent lent = { false, 0 };
		ferry_local *source = offload_lent(&lent), *target = plain();
		ferry_await await = { .local = NULL };

		cr_assert_eq(ferry_local_chain(source, target), 0);
		gate_await(&gate, 1);
		ferry_local_add_done_callback(source, call, "source");
		ferry_await_local(&await, target);
		if (when > 0) {
			ferry_local_cancel(target);
			ferry_loop_dispatch(loop, when == 1 ? 1 : 0);
		}
		cr_assert_eq(ferry_await_end(&await), 0);
		memset(&await, 0xa5, sizeof(await));
		gate_open(&gate);
		cr_assert_eq(ferry_loop_run(loop), 0);
		tasks_until_true(lent.returned);
		cr_assert(diary_is("source!"));
		ferry_local_unref(source);
		gate_destroy(&gate);
		gate_init(&gate);
	}
}

static ferry_step many_step(ferry_task *task)
{
	static int i;
	static struct token_of {
		struct disposal disposal;
	} tokens[3];

	FERRY_BEGIN(task, struct reader, f);
	for (i = 0; i < 3; i++) {
		disposal_init(&tokens[i].disposal);
		f->local = plain();
		ferry_local_set_result(
			f->local, disposal_result(&tokens[i].disposal, FERRY_DISPOSE_ANYWHERE));
		FERRY_TRY(ferry_await_local(&f->answer, f->local));
		cr_assert_eq(disposal_count(&tokens[i].disposal), 0, "it is held");
		cr_assert(i == 0 || disposal_count(&tokens[i - 1].disposal) == 1,
			  "the one before it was let go of");
	}
	FERRY_RETURN();

	FERRY_FINALLY
	ferry_await_end(&f->answer);
	cr_assert_eq(disposal_count(&tokens[2].disposal), 1);
	diary_note("all");
	FERRY_END;
}

Test(await, it_can_be_used_again_and_again_and_lets_the_one_before_go, .init = begin, .fini = end)
{
	struct reader reader = { .name = "r" };

	ferry_task_begin(&reader.task, loop, many_step, NULL);
	cr_assert(diary_is("all"));
}

Test(await, one_that_is_pending_can_be_let_go_of_and_goes_on, .init = begin, .fini = end)
{
	ferry_await await = { .local = NULL };
	ferry_local *local = plain();

	ferry_await_local(&await, ferry_local_ref(local));
	cr_assert_eq(ferry_await_end(&await), 0);
	cr_assert_null(await.local);
	cr_assert_eq(ferry_await_end(&await), 0);
	memset(&await, 0xa5, sizeof(await));
	cr_assert_not(ferry_local_snapshot(local).done, "it is not cancelled");
	ferry_local_set_result(local, ferry_result_u64(2));
	cr_assert_eq(ferry_loop_run(loop), 0);
	ferry_local_unref(local);
	/* So can another one take its place. */
	memset(&await, 0, sizeof(await));
	local = plain();
	ferry_await_local(&await, local);
	ferry_await_local(&await, plain());
	cr_assert_eq(ferry_await_end(&await), 0);
}

Test(await, one_that_a_task_waits_for_cannot_be_let_go_of, .init = begin, .fini = end)
{
	struct reader reader = { .name = "r", .local = plain() };

	reader_begin(&reader);
	cr_assert_eq(ferry_await_end(&reader.answer), -EBUSY);
	ferry_task_cancel(&reader.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("r: r)"));
}

Test(await, F7_the_result_can_be_taken_once, .init = begin, .fini = end)
{
	ferry_await await = { .local = NULL };
	struct disposal disposal;
	ferry_result result;

	disposal_init(&disposal);
	cr_assert_eq(ferry_await_take(&await, &result), -ENODATA);
	ferry_await_local(&await, plain());
	cr_assert_eq(ferry_await_take(&await, &result), -EAGAIN);
	ferry_local_set_result(await.local, disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE));
	cr_assert_eq(ferry_await_take(&await, &result), 0);
	cr_assert_eq(result.pointer, &disposal);
	cr_assert_eq(ferry_await_take(&await, &result), -EALREADY);
	cr_assert_eq(ferry_loop_run(loop), 0);
	ferry_await_end(&await);
	cr_assert_eq(disposal_count(&disposal), 0, "it is the caller's");
}

/* ---- looked at (L6) ---- */

static int told;

static void tell(ferry_loop *which, const ferry_error *error, void *user)
{
	(void)which, (void)error, (void)user;
	told++;
}

Test(await, L6_an_exception_that_was_awaited_was_looked_at, .init = begin, .fini = end)
{
	struct reader looks = { .name = "l" }, tries = { .name = "t", .tries = true };

	ferry_loop_set_exception_handler(loop, tell, NULL);
	looks.local = plain();
	ferry_local_set_exception(looks.local, ferry_error_from_errno(EIO));
	reader_begin(&looks);
	cr_assert_eq(told, 0);
	/* The task has it then, and is looked at by nobody. */
	tries.local = ferry_offload(loop, pool, fail, NULL, NULL);
	reader_begin(&tries);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(told, 0);
	cr_assert_eq(ferry_task_clear(&tries.task), 0);
	cr_assert_eq(told, 1, "told once, by the task that took it over");
	cr_assert_eq(fixture_loop_counters(loop).unseen, 1);
	cr_assert(diary_is("l: l. l) t: t)"));
}

/* ---- the loop closes meanwhile ---- */

/* Without a look at its loop, which may be gone. */
static enum actor_end ended_then(struct reader *reader)
{
	return actor_end_of(ferry_awaitable_snapshot(&reader->awaitable));
}

static void end_await(ferry_task *task, void *user)
{
	struct reader *reader = container(task, struct reader, task);

	(void)user;
	diary_note("%d", ferry_await_end(&reader->answer));
}

static const ferry_task_options ending = { .size = sizeof(ending), .cleanup = end_await };

Test(await, E2_what_was_let_go_of_names_nothing_that_is_gone, .init = begin, .fini = end)
{
	ferry_await await = { .local = NULL };
	ferry_local *local;

	cr_assert_eq(ferry_local_new(loop, &local), 0);
	cr_assert_eq(ferry_local_set_exception(local, exception_new("e")), 0);
	ferry_await_local(&await, local);
	cr_assert_str_eq(exception_of(&await.awaitable), "e");
	cr_assert_eq(ferry_await_end(&await), 0);
	cr_assert_eq(exceptions_alive, 0);
	cr_assert_eq(ferry_await_snapshot(&await).exception,
		     ferry_error_from_code(FERRY_ERROR_TAKEN));
}

Test(await, L3_what_it_holds_can_be_let_go_of_when_the_loop_has_closed, .init = begin, .fini = end)
{
	struct lent lent = { false, 0 };
	struct reader running = { .name = "o" }, waiting = { .name = "p", .local = plain() };
	struct reader asked = { .name = "a" };
	ferry_future *promise;
	struct reader wrapped = { .name = "w" };

	cr_assert_eq(ferry_future_new(NULL, &promise), 0);
	wrapped.local = ferry_wrap(loop, promise);
	running.local = offload_lent(&lent);
	asked.local = ferry_local_ref(running.local);
	gate_await(&gate, 1);
	ferry_task_begin(&running.task, loop, reader_step, &ending);
	ferry_task_begin(&waiting.task, loop, reader_step, &ending);
	ferry_task_begin(&wrapped.task, loop, reader_step, &ending);
	ferry_task_begin(&asked.task, loop, reader_step, &ending);
	cr_assert(diary_is("o: p: w: a:"));
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	cr_assert(diary_is("0 0 0 0"), "only the cleanup hooks run");
	cr_assert_eq(ended_then(&running), ACTOR_CANCELLED);
	cr_assert_eq(ended_then(&waiting), ACTOR_CANCELLED);
	cr_assert(ferry_future_snapshot(promise).cancelled);
	cr_assert_eq(ferry_future_cancel_requested(promise), 1);
	ferry_future_unref(promise);
	gate_open(&gate);
}

/* It was cancelled, and waits for the function's return, as the loop closes. */
Test(await, L3_closing_does_not_wait_for_the_return, .init = begin, .fini = end)
{
	struct lent lent = { false, 0 };
	struct reader reader = { .name = "r" };

	reader.local = offload_lent(&lent);
	gate_await(&gate, 1);
	ferry_task_begin(&reader.task, loop, reader_step, &ending);
	ferry_task_cancel(&reader.task);
	turns();
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	cr_assert(diary_is("r: 0"));
	cr_assert_eq(ended_then(&reader), ACTOR_CANCELLED);
	gate_open(&gate);
}

Test(await, L3_a_return_that_comes_as_the_loop_closes_wakes_nobody, .init = begin, .fini = end)
{
	struct lent lent = { false, 0 };
	struct reader reader = { .name = "r" };

	reader.local = offload_lent(&lent);
	gate_await(&gate, 1);
	ferry_task_begin(&reader.task, loop, reader_step, &ending);
	ferry_task_cancel(&reader.task);
	turns();
	let_return();
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	cr_assert(diary_is("r: 0"));
	cr_assert_eq(ended_then(&reader), ACTOR_CANCELLED);
}

/* ---- let go of ---- */

Test(await, of_one_that_was_let_go_of_before_it_was_done_nothing_is_left, .init = begin,
     .fini = end)
{
	struct actor waits = { .name = "w" }, tries = { .name = "t", .tries = true };
	ferry_await await = { .local = NULL };
	ferry_local *local;

	cr_assert_eq(ferry_local_new(loop, &local), 0);
	waits.awaits = tries.awaits = &ferry_await_local(&await, ferry_local_ref(local))->awaitable;
	cr_assert_eq(ferry_await_end(&await), 0);
	actor_begin(&waits, loop, NULL);
	actor_begin(&tries, loop, NULL);
	cr_assert(diary_is("w: w. w) t: t)"), "nobody waits for what will not be");
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&tries.task).exception), EINVAL);
	ferry_local_unref(local);
}
