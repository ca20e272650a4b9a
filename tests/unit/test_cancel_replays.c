/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What went wrong elsewhere where something was cancelled, told again with our tasks (T7).
 *
 * Each test bears the number of an issue of CPython, and begins with what happened there:
 * github.com/python/cpython/issues/NUMBER. (105836, a cancel from another thread, is in
 * test_replays.c; groups are in test_group_replays.c.)
 */
#include <stdatomic.h>

#include "support/children.h"
#include "support/gate.h"

TestSuite(cancel_replays, .timeout = 120);

/* ---- a time-out ---- */

struct timed {
	FERRY_FRAME;
	ferry_timeout timeout;
	struct actor child;
	ferry_start start;
	bool had_ended; /* the child, when the scope was left */
};

static ferry_step timed_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct timed, f);
	FERRY_TIMEOUT(&f->timeout, 0)
		FERRY_AWAIT(actor_begin(&f->child, loop, FERRY_WITH(.start = f->start)));
	f->had_ended = ferry_task_snapshot(&f->child.task).done;
	diary_note(f->timeout.expired ? "expired" : "in time");
	FERRY_END;
}

/* 32751: who had put a time-out on something that it then cancelled went on while that was still
 * cleaning up; and where the time was over at once, without having waited at all. */
LoopTest(cancel_replays, T7_32751_a_timeout_waits_for_what_it_cancelled)
{
	static const struct {
		ferry_start start;
		const char *first;
	} rows[] = { { FERRY_START_EAGER, "c: c)" }, { FERRY_START_LAZY, "c)" } };

	for (unsigned i = 0; i < 2; i++) {
		ferry_event clean;
		struct timed timed = {
			.child = { .name = "c", WAITING, .cleans = &clean.awaitable },
			.start = rows[i].start
		};

		cr_assert_eq(ferry_event_init(&clean, loop), 0);
		ferry_task_begin(&timed.task, loop, timed_step, NULL);
		run();
		cr_assert(diary_is(rows[i].first));
		cr_assert(!ferry_task_snapshot(&timed.task).done, "it waits");
		cr_assert_eq(ferry_event_set(&clean), 0);
		run();
		cr_assert(diary_is("expired"));
		cr_assert(timed.had_ended);
		cr_assert_eq(actor_ended(&timed.child), ACTOR_CANCELLED);
	}
}

static void note_nothing(struct actor *actor)
{
	(void)actor;
}

/* 32751: what ends in its first step has its outcome, however short the time. */
LoopTest(cancel_replays, T7_32751_what_ends_at_once_is_in_time)
{
	struct timed timed = { .child = { .name = "c", .acts = note_nothing, .number = 7 },
			       .start = FERRY_START_EAGER };

	ferry_task_begin(&timed.task, loop, timed_step, NULL);
	cr_assert(diary_is("c: c. c) in time"));
	cr_assert_eq(ferry_task_snapshot(&timed.child.task).result.u64, 7);
}

/* ---- a semaphore ---- */

static ferry_semaphore semaphore;

/* Takes a permit, has it for a turn, and gives it back. */
struct taker {
	FERRY_FRAME;
	const char *name;
	bool has;
};

static ferry_step taker_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct taker, f);
	FERRY_TRY(ferry_semaphore_acquire(&semaphore));
	f->has = true;
	diary_note("%s+", f->name);
	FERRY_YIELD();
	FERRY_RETURN();

	FERRY_FINALLY
	if (f->has)
		cr_assert_eq(ferry_semaphore_release(&semaphore, 1), 0);
	diary_note("%s)", f->name);
	FERRY_END;
}

static void take(struct taker *taker, const char *name)
{
	*taker = (struct taker){ .name = name };
	ferry_task_begin(&taker->task, loop, taker_step, NULL);
}

/* 90155: who was cancelled as he was given his permit took it with him, and those behind him waited
 * for ever; or who came just then had it before them. */
LoopTest(cancel_replays, T7_90155_no_permit_is_lost_with_who_is_cancelled)
{
	static const char *const told_of[2][3] = {
		/* Cancelled while they waited: they never had one. */
		{ "a) b+ b) c+ c) d+ d)", "b) a+ a) c+ c) d+ d)", "c) a+ a) b+ b) d+ d)" },
		/* When the first of them had been given one, which he has to give back. */
		{ "a+ a) b+ b) c+ c) d+ d)", "a+ b) a) c+ c) d+ d)", "a+ c) a) b+ b) d+ d)" },
	};

	for (unsigned given = 0; given < 2; given++)
		for (unsigned i = 0; i < 3; i++) {
			struct taker takers[4];

			cr_assert_eq(ferry_semaphore_init(&semaphore, loop, 0), 0);
			take(&takers[0], "a");
			take(&takers[1], "b");
			take(&takers[2], "c");
			if (given)
				cr_assert_eq(ferry_semaphore_release(&semaphore, 1), 0);
			cr_assert_eq(ferry_task_cancel(&takers[i].task), 0);
			if (!given)
				cr_assert_eq(ferry_semaphore_release(&semaphore, 1), 0);
			take(&takers[3], "d"); /* behind all of them */
			run();
			cr_assert(diary_is(told_of[given][i]));
			cr_assert_eq(semaphore.permits, 1, "it is there again");
			cr_assert_eq(takers[i].has, given && i == 0);
		}
}

/* ---- a thread ---- */

static struct gate gate;
static atomic_int told; /* what the function was told, when it looked */

static int work(void *arg, ferry_result *out)
{
	(void)arg, (void)out;
	gate_wait(&gate);
	told = ferry_job_cancel_requested();
	return 0;
}

struct offloader {
	FERRY_FRAME;
	ferry_await answer;
	ferry_pool *pool;
	bool asks;
};

static ferry_step offloader_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct offloader, f);
	FERRY_TRY(ferry_await_local(&f->answer, ferry_offload(loop, f->pool, work, f, NULL)));
	FERRY_RETURN();

	FERRY_FINALLY
	ferry_await_end(&f->answer);
	FERRY_END;
}

/* 107505, and many: people thought that a cancel stops the thread. It does not; the function may
 * ask, and the task goes on when it has returned, and not while it has the task's frame. */
LoopTest(cancel_replays, T7_107505_a_cancel_asks_a_function_and_waits_for_it)
{
	struct offloader offloader = { .pool = fixture_pool(1) };

	gate_init(&gate);
	told = -1;
	ferry_task_begin(&offloader.task, loop, offloader_step, NULL);
	gate_await(&gate, 1);
	cr_assert_eq(ferry_task_cancel(&offloader.task), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_geq(ferry_loop_run_once(loop, 0), 0);
	cr_assert_eq(told, -1, "it runs on");
	cr_assert(!ferry_task_snapshot(&offloader.task).done);
	gate_open(&gate);
	run();
	cr_assert_eq(told, 1);
	cr_assert(ferry_task_snapshot(&offloader.task).cancelled);
	fixture_end(NULL, offloader.pool);
	gate_destroy(&gate);
}
