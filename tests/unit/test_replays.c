/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What went wrong with tasks elsewhere, told again with ours (T1-T7, E2): with eager starts, and
 * with those that have ended. With options it is in test_option_replays.c, with groups in
 * test_group_replays.c, with cancels in test_cancel_replays.c.
 *
 * Each test bears the number of an issue of CPython, or of aiohttp, and begins with what happened
 * there. Pages: github.com/python/cpython/issues/NUMBER, github.com/aio-libs/aiohttp/issues/13346.
 */
#include "support/children.h"

TestSuite(replays, .timeout = 120);

static unsigned turns(void)
{
	return (unsigned)fixture_loop_counters(loop).turns;
}

/* ---- eager starts, and who runs them ---- */

static struct actor stranger;

static void begin_elsewhere(void *task)
{
	struct actor own = { .name = "own" };
	ferry_loop *other = fixture_loop();

	(void)task;
	stranger = (struct actor){ .name = "stranger" };
	actor_begin(&stranger, loop, NULL);
	cr_assert(!ferry_current_task(loop));
	/* What it may do: on a loop of its own. */
	actor_begin(&own, other, NULL);
	cr_assert_eq(actor_ended(&own), ACTOR_RESULT);
	cr_assert_eq(ferry_loop_free(other), 0);
}

static void have_another_thread_begin(struct actor *actor)
{
	fixture_elsewhere(begin_elsewhere, NULL);
	cr_assert_eq(ferry_current_task(loop), &actor->task);
}

/* 155338: an eager task made by another thread ran its first step there, in the middle of a step
 * of the loop's own, and left the loop with the wrong current task. */
LoopTest(replays, T2_155338_no_other_thread_starts_a_task_eagerly)
{
	struct actor a = { .name = "a", .acts = have_another_thread_begin, WAITING };

	actor_begin(&a, loop, NULL);
	cr_assert(diary_is("a: own: own. own)"), "the stranger's step runs nowhere");
	cr_assert_eq(ferry_error_errno(ferry_awaitable_snapshot(&stranger.awaitable).exception),
		     EPERM);
	cr_assert(!ferry_current_task(loop));
	cr_assert_eq(ferry_event_set(&event), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a. a)"));
}

/* aiohttp 13346: so an unrelated task of the loop was never stepped again. */
LoopTest(replays, T2_aiohttp_13346_a_task_goes_on_whatever_other_threads_begin)
{
	struct actor unrelated = { .name = "u", .yields = 3, WAITING };

	actor_begin(&unrelated, loop, NULL);
	for (int i = 0; i < 3; i++) {
		fixture_elsewhere(begin_elsewhere, NULL);
		cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	}
	cr_assert_eq(ferry_event_set(&event), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(actor_ended(&unrelated), ACTOR_RESULT);
	diary[0] = 0;
}

/* What the dump says. */
static char text[4096];

static int collect(void *user, const char *piece, size_t length)
{
	(void)user;
	cr_assert_lt(strlen(text) + length, sizeof(text));
	strncat(text, piece, length);
	return 0;
}

/* Is that a line of it, so far to the right, with what stands behind its name? */
static bool dump_has(unsigned depth, const struct actor *actor, const char *state)
{
	char line[256];

	text[0] = 0;
	cr_assert_eq(ferry_loop_dump(loop, FERRY_DUMP_TEXT, collect, NULL), 0);
	snprintf(line, sizeof(line), "%*s\"%s\" task %p: %s", (int)(2 * depth), "", actor->name,
		 (const void *)&actor->task, state);
	for (const char *at = text; *at; at += strcspn(at, "\n") + 1)
		if (!strncmp(at, line, strlen(line)))
			return true;
	fprintf(stderr, "no line begins with\n%s\nof\n%s", line, text);
	return false;
}

static void look_at_both(struct actor *actor)
{
	const struct actor *outer = actor->user;

	cr_assert_eq(ferry_current_task(loop), &actor->task);
	cr_assert(dump_has(0, outer, "running\n"));
	cr_assert(dump_has(0, actor, "running\n"));
}

static void beget(struct actor *actor)
{
	struct actor *inner = actor->user;

	actor_begin(inner, loop, OPTIONS_OF(.name = "inner"));
	cr_assert_eq(ferry_current_task(loop), &actor->task, "again");
	cr_assert(dump_has(0, actor, "running\n"));
	cr_assert(dump_has(0, inner, "waiting"));
}

/* 157299: while a task was in its eager first step nobody could see who had begotten it, for it was
 * awaited only when that was over. Here both are shown, and the outer one is current again. */
LoopTest(replays, T2_157299_who_begets_and_who_is_begotten_are_both_shown_running)
{
	struct actor outer = { .name = "outer", .acts = beget }, inner = { .name = "inner" };

	inner.acts = look_at_both;
	inner.user = &outer;
	inner.awaits = &event.awaitable;
	outer.user = &inner;
	outer.awaits = &inner.awaitable;
	actor_begin(&outer, loop, OPTIONS_OF(.name = "outer"));
	cr_assert(!ferry_current_task(loop));
	cr_assert(diary_is("outer: inner:"));
	cr_assert(dump_has(0, &outer, "waiting"));
	cr_assert(dump_has(1, &inner, "waiting"), "now it is awaited");
	cr_assert_eq(ferry_event_set(&event), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("inner. inner) outer. outer)"));
}

static int refuse(ferry_task *task, ferry_loop *of, ferry_step_function step,
		  const ferry_task_options *options, void *user)
{
	(void)task, (void)of, (void)step, (void)options, (void)user;
	return -ENOSPC;
}

static struct actor refused;

static int begin_refused(ferry_loop *of, const ferry_task_options *options)
{
	ferry_task *before = ferry_current_task(loop);

	refused = (struct actor){ .name = "refused" };
	actor_begin(&refused, of, options);
	cr_assert_eq(ferry_current_task(loop), before);
	cr_assert_eq(refused.began, 0);
	return ferry_error_errno(ferry_awaitable_snapshot(&refused.awaitable).exception);
}

/* Every way in which an eager start can fail. */
static void begin_all_that_is_refused(struct actor *actor)
{
	ferry_loop *other = fixture_loop();
	ferry_group of_other, over;
	struct {
		ferry_task_options known;
		int unknown;
	} longer = { .known = { .size = sizeof(longer) }, .unknown = 1 };

	cr_assert_eq(ferry_group_init(&of_other, other, NULL), 0);
	cr_assert_eq(ferry_group_init(&over, loop, NULL), 0);
	cr_assert_eq(ferry_group_close(&over), 0);
	cr_assert_eq(begin_refused(loop, OPTIONS_OF(.start = FERRY_START_DEFERRED + 1)), EINVAL);
	cr_assert_eq(begin_refused(loop, OPTIONS_OF(.group = &of_other)), EINVAL);
	cr_assert_eq(begin_refused(loop, OPTIONS_OF(.group = &over)), ESHUTDOWN);
	cr_assert_eq(begin_refused(loop, &longer.known), E2BIG);
	cr_assert_eq(ferry_loop_set_task_factory(loop, refuse, NULL), 0);
	cr_assert_eq(begin_refused(loop, NULL), ENOSPC);
	cr_assert_eq(ferry_loop_set_task_factory(loop, NULL, NULL), 0);
	cr_assert_eq(ferry_current_task(loop), &actor->task);
	cr_assert_eq(ferry_loop_free(other), 0);
}

/* 157301: an eager start that failed early, there because its context was the one that was
 * entered, left the current task wrong, and the loop hung. */
LoopTest(replays, T2_157301_a_start_that_fails_leaves_the_current_task_as_it_was)
{
	struct actor a = { .name = "a", .acts = begin_all_that_is_refused, .yields = 1 };

	actor_begin(&a, loop, NULL);
	cr_assert(!ferry_current_task(loop));
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
	cr_assert(diary_is("a: a. a)"));
}

static void begin_in_the_same_context(struct actor *actor)
{
	struct actor *child = actor->user;
	void *context = ferry_task_context(&actor->task);

	cr_assert_eq(context, (void *)&event);
	actor_begin(child, loop, OPTIONS_OF(.context = context));
	cr_assert_eq(ferry_task_context(&actor->task), context);
}

/* 157301: here the context of who begins it may be given. */
LoopTest(replays, T2_157301_a_task_may_be_given_the_context_that_is_current)
{
	struct actor child = { .name = "c", .yields = 1 };
	struct actor a = { .name = "a", .acts = begin_in_the_same_context, .user = &child };

	actor_begin(&a, loop, OPTIONS_OF(.context = &event));
	cr_assert(diary_is("a: c: a. a)"));
	cr_assert_eq(ferry_task_context(&child.task), (void *)&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("c. c)"));
}

static void begin_without_a_loop(struct actor *actor)
{
	cr_assert_eq(begin_refused(NULL, NULL), EINVAL);
	cr_assert_eq(begin_refused(NULL, OPTIONS_OF(.start = FERRY_START_EAGER)), EINVAL);
	cr_assert_eq(ferry_current_task(loop), &actor->task);
}

/* 154695: an eager start that was given no loop crashed. */
LoopTest(replays, T2_154695_a_task_without_a_loop_is_born_failed)
{
	struct actor a = { .name = "a", .acts = begin_without_a_loop };

	cr_assert_eq(begin_refused(NULL, NULL), EINVAL);
	cr_assert(!ferry_task_loop(&refused.task));
	cr_assert_eq(ferry_task_cancel(&refused.task), -EALREADY);
	actor_begin(&a, loop, NULL);
	cr_assert(diary_is("a: a. a)"));
}

/* ---- what is left of a task that has ended ---- */

static void have_an_exception(struct actor *actor)
{
	actor->error = exception_new("mine");
}

/* 128552: an eager child that failed and its group kept each other alive. */
LoopTest(replays, T5_128552_failing_children_leave_nothing_behind)
{
	for (int round = 0; round < 3; round++) {
		born = 0;
		make(round ? FERRY_GROUP_COLLECT : FERRY_GROUP_FIRST_EXCEPTION, 0);
		for (int i = 0; i < 8; i++)
			HAVE(EAGER, .name = "c", .acts = have_an_exception);
		cr_assert_eq(ferry_loop_await(loop, &group.awaitable), 0);
		cr_assert_eq(exceptions_alive, round ? 8 : 1,
			     "after the first the others are cancelled");
		for (int i = 0; i < 8; i++) {
			cr_assert(ferry_task_snapshot(&children[i].task).done);
			cr_assert_eq(ferry_task_clear(&children[i].task), 0);
		}
		cr_assert_eq(exceptions_alive, round == 0, "the group has the first one");
		cr_assert_eq(ferry_group_clear(&group), 0);
		cr_assert_eq(exceptions_alive, 0);
		diary[0] = 0;
	}
}

/* 122332: a task that ended in its eager step had lost what it ran, and who asked got nothing, or
 * crashed. Here its frame is the caller's, and says all until it is used again. */
LoopTest(replays, T2_122332_what_ended_at_once_can_be_looked_at_and_used_again)
{
	struct actor a = { .name = "a", .number = 7 };

	for (int i = 0; i < 3; i++) {
		unsigned before = turns();
		ferry_task *task = actor_begin(&a, loop, OPTIONS_OF(.name = "named"));
		ferry_snapshot snapshot = ferry_task_snapshot(task);

		cr_assert_eq(task, &a.task);
		cr_assert(snapshot.done && snapshot.result.u64 == 7 && !snapshot.exception);
		cr_assert_eq(a.went_on, (unsigned)i + 1, "its members are there");
		cr_assert_eq(ferry_task_loop(task), loop);
		cr_assert_null(ferry_task_name(task), "a name is for those who live");
		cr_assert_eq(ferry_task_cancel(task), -EALREADY);
		cr_assert_eq(turns(), before, "and no turn was needed");
	}
	diary[0] = 0;
}

static ferry_future *told_elsewhere;

static void look_elsewhere(void *task)
{
	ferry_snapshot snapshot = ferry_task_snapshot(task);

	cr_assert(!snapshot.done && !snapshot.exception, "a task is its thread's");
	snapshot = ferry_future_snapshot(told_elsewhere);
	cr_assert(snapshot.done && snapshot.result.u64 == 7);
}

/* 154734: another thread looked at a task while it ended eagerly, and met it half cleared. Here
 * such a look is refused, and who may look has a future. */
LoopTest(replays, T2_154734_another_thread_looks_through_a_future_only)
{
	struct actor a = { .name = "a", .number = 7 };

	actor_begin(&a, loop, NULL);
	cr_assert_eq(ferry_task_unwrap(&a.task, NULL, &told_elsewhere), 0);
	fixture_elsewhere(look_elsewhere, &a.task);
	ferry_future_unref(told_elsewhere);
	diary[0] = 0;
}

/* 101267: all futures that failed together had one exception object, which each of them changed.
 * Here each has its own, and where one is shared nobody can change it. */
LoopTest(replays, E2_101267_each_child_has_its_own_exception)
{
	static const char *const messages[] = { "first", "second", "third" };
	struct actor one = { .name = "o", .tries = true }, two = { .name = "t", .tries = true };

	make(FERRY_GROUP_COLLECT, 0);
	for (int i = 0; i < 3; i++)
		HAVE(LAZY, .name = "c", .error = exception_new(messages[i]));
	one.awaits = two.awaits = &children[0].awaitable;
	actor_begin(&one, loop, NULL);
	actor_begin(&two, loop, NULL);
	cr_assert_eq(ferry_loop_await(loop, &group.awaitable), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_str_eq(exception_of_task(&children[i].task), messages[i]);
	cr_assert_eq(ferry_task_snapshot(&one.task).exception,
		     ferry_task_snapshot(&two.task).exception);
	cr_assert_eq(exceptions_alive, 3);
	cr_assert_eq(ferry_task_clear(&children[0].task), 0);
	cr_assert_eq(ferry_task_clear(&one.task), 0);
	cr_assert_str_eq(exception_of_task(&two.task), "first", "those who have it keep it");
	cr_assert_eq(ferry_task_clear(&two.task), 0);
	cr_assert_eq(exceptions_alive, 2);
	cr_assert_eq(ferry_task_clear(&children[1].task), 0);
	cr_assert_eq(ferry_task_clear(&children[2].task), 0);
	diary[0] = 0;
}

/* ---- cancelled from another thread ---- */

/* One whose cleaning up takes turns of its loop, and that says so last. */
struct slow {
	FERRY_FRAME;
	ferry_event never;
	int i;
	bool cleaned;
};

static ferry_step slow_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct slow, f);
	cr_assert_eq(ferry_event_init(&f->never, ferry_task_loop(task)), 0);
	FERRY_TRY(&f->never);

	FERRY_FINALLY
	for (f->i = 0; f->i < 5; f->i++)
		FERRY_YIELD();
	f->cleaned = true;
	FERRY_END;
}

struct errand {
	ferry_loop *loop;
	struct slow *slow;
	ferry_future *over;
};

static void *cancel_and_wait(void *arg)
{
	struct errand *errand = arg;
	ferry_future *future;

	cr_assert_eq(ferry_task_submit(&errand->slow->task, errand->loop, slow_step, NULL, NULL,
				       &future),
		     0);
	cr_assert_eq(ferry_future_cancel(future), 0);
	cr_assert_eq(ferry_future_wait(future, FERRY_NO_DEADLINE), 0);
	/* Now, and not before, it is ours again. */
	cr_assert(errand->slow->cleaned);
	cr_assert(ferry_future_snapshot(future).cancelled);
	memset(errand->slow, 0xff, sizeof(*errand->slow));
	free(errand->slow);
	ferry_future_unref(future);
	cr_assert_eq(ferry_future_set_result(errand->over, ferry_result_u64(0)), 0);
	return NULL;
}

/* 105836: who cancelled a coroutine of another thread's loop was told so at once, while it was
 * still cleaning up, and could not wait for its end. */
LoopTest(replays, T7_105836_another_thread_can_wait_until_what_it_cancelled_has_cleaned_up)
{
	struct errand errand = { loop, calloc(1, sizeof(struct slow)), NULL };
	ferry_local *over;
	pthread_t thread;

	cr_assert_eq(ferry_future_new(NULL, &errand.over), 0);
	over = ferry_wrap(loop, errand.over);
	cr_assert_eq(pthread_create(&thread, NULL, cancel_and_wait, &errand), 0);
	cr_assert_eq(ferry_loop_run_until(loop, over), 0);
	pthread_join(thread, NULL);
	ferry_local_unref(over);
	ferry_future_unref(errand.over);
}

/* ---- those whom nobody keeps ---- */

static int count(ferry_task *task, void *user)
{
	++*(unsigned *)user;
	cr_assert_str_eq(ferry_task_name(task), "forgotten");
	return 0;
}

static void free_frame(ferry_task *task, void *user)
{
	diary_note("freed");
	free(task);
	(void)user;
}

/* 91887: a task that nobody but the loop knew was collected while it waited, without a word. */
LoopTest(replays, T5_91887_a_task_that_its_creator_forgets_goes_on)
{
	unsigned listed = 0;

	{
		struct actor *forgotten = calloc(1, sizeof(*forgotten));

		*forgotten = (struct actor){ .name = "f", WAITING };
		actor_begin(forgotten, loop,
			    OPTIONS_OF(.name = "forgotten", .cleanup = free_frame));
	}
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_each_task(loop, count, &listed), 0);
	cr_assert_eq(listed, 1);
	cr_assert(diary_is("f:"));
	cr_assert_eq(ferry_event_set(&event), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("f. f) freed"));
}
