/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unwrapping: tasks from other threads; the outcome of a task or a local as a future (F3, F7). */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdatomic.h>

#include "loop/loop.h"
#include "support/actor.h"
#include "support/disposal.h"
#include "support/exceptions.h"
#include "support/token.h"
#include "support/ways.h"
#include "support/work.h"

TestSuite(unwrap, .timeout = 60);

static ferry_loop *loop;
static ferry_pool *pool; /* one worker */

static void begin(void)
{
	loop = fixture_loop();
	pool = fixture_pool(1);
}

static void end(void)
{
	fixture_end(loop, pool);
	cr_assert(diary_is(""), "nothing was told that the test did not look at");
}

static void run(void)
{
	cr_assert_eq(ferry_loop_run(loop), 0);
}

static enum actor_end end_of(ferry_future *future)
{
	return actor_end_of(ferry_future_snapshot(future));
}

static int error_of(ferry_future *future)
{
	return ferry_error_errno(ferry_future_snapshot(future).exception);
}

/* Options of a future, in one expression. */
#define UNWRAP(...) (&(ferry_unwrap_options){ .size = sizeof(ferry_unwrap_options), __VA_ARGS__ })

/* ---- another thread, that submits ---- */

struct client {
	ferry_task *task;
	ferry_step_function step; /* NULL: an actor's */
	const ferry_task_options *options;
	const ferry_unwrap_options *unwrap;
	ferry_future *future;
	bool forgets; /* it does not want the future */
	int error;
};

static void submit(void *arg)
{
	struct client *client = arg;

	client->error = ferry_task_submit(client->task, loop,
					  client->step ? client->step : actor_step, client->options,
					  client->unwrap, client->forgets ? NULL : &client->future);
}

/* From a thread that has exited when this returns: the future, or NULL. */
static ferry_future *submit_elsewhere(struct actor *actor, const ferry_task_options *options,
				      const ferry_unwrap_options *unwrap)
{
	struct client client = { .task = &actor->task, .options = options, .unwrap = unwrap };

	fixture_elsewhere(submit, &client);
	cr_assert_eq(client.error, 0);
	return client.future;
}

static void cancel(void *future)
{
	diary_note("%d", ferry_future_cancel(future));
}

static void cancel_elsewhere(ferry_future *future)
{
	fixture_elsewhere(cancel, future);
}

/* ---- tasks from another thread ---- */

Test(unwrap, L2_a_task_from_another_thread_begins_in_the_next_turn_of_its_loop, .init = begin,
     .fini = end)
{
	struct actor actor = { .name = "a", .number = 5 };
	ferry_future *future = submit_elsewhere(&actor, NULL, NULL);

	cr_assert(diary_is(""));
	cr_assert_eq(end_of(future), ACTOR_PENDING);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("a: a. a)"));
	cr_assert_eq(end_of(future), ACTOR_RESULT);
	cr_assert_eq(ferry_future_snapshot(future).result.u64, 5);
	cr_assert_eq(actor_ended(&actor), ACTOR_RESULT);
	ferry_future_unref(future);
}

Test(unwrap, its_exception_is_the_futures, .init = begin, .fini = end)
{
	struct actor number = { .name = "n", .fails = -EIO }, text = { .name = "t" };
	ferry_future *futures[2];

	cr_assert_eq(ferry_error_new("domain", 4, "message", NULL, NULL, &text.error), 0);
	futures[0] = submit_elsewhere(&number, NULL, NULL);
	futures[1] = submit_elsewhere(&text, NULL, NULL);
	run();
	cr_assert(diary_is("n: n. n) t: t. t)"));
	cr_assert_eq(error_of(futures[0]), EIO);
	/* It holds it, whatever becomes of the task. */
	ferry_task_clear(&text.task);
	cr_assert_str_eq(ferry_error_message(ferry_future_snapshot(futures[1]).exception),
			 "message");
	cr_assert_eq(fixture_loop_counters(loop).unseen, 0, "the future's owner will look");
	for (int i = 0; i < 2; i++)
		ferry_future_unref(futures[i]);
}

Test(unwrap, E2_a_task_from_another_thread_leaves_its_exception_with_the_future, .init = begin,
     .fini = end)
{
	struct actor actor = { .name = "a", .error = exception_new("e") };
	ferry_future *future = submit_elsewhere(&actor, NULL, NULL);

	run();
	cr_assert_str_eq(ferry_error_message(ferry_future_snapshot(future).exception), "e");
	cr_assert_eq(exceptions_alive, 1);
	ferry_future_unref(future);
	cr_assert_eq(exceptions_alive, 0, "there is nothing to be cleared in the frame");
	diary[0] = 0;
}

Test(unwrap, nobody_has_to_want_the_future, .init = begin, .fini = end)
{
	struct actor actor = { .name = "a", .number = 5 };
	struct client client = { .task = &actor.task, .forgets = true };

	fixture_elsewhere(submit, &client);
	cr_assert_eq(client.error, 0);
	run();
	cr_assert(diary_is("a: a. a)"));
	cr_assert_eq(actor_ended(&actor), ACTOR_RESULT);
}

Test(unwrap, the_loops_own_thread_may_submit_as_well, .init = begin, .fini = end)
{
	struct actor actor = { .name = "a", .number = 5 };
	struct client client = { .task = &actor.task };

	submit(&client);
	cr_assert_eq(client.error, 0);
	cr_assert(diary_is(""), "it is no start inside the call");
	cr_assert_eq(ferry_future_wait(client.future, FERRY_NO_DEADLINE), -EDEADLK);
	run();
	cr_assert(diary_is("a: a. a)"));
	cr_assert_eq(end_of(client.future), ACTOR_RESULT);
	ferry_future_unref(client.future);
}

/* What a client that waits has seen. */
struct waiting {
	struct client client;
	struct gate submitted;
	pthread_t thread;
	ferry_snapshot seen;
	int error;
};

static void *submit_and_wait(void *arg)
{
	struct waiting *waiting = arg;

	submit(&waiting->client);
	gate_wait(&waiting->submitted);
	waiting->error = ferry_future_wait(waiting->client.future, FERRY_NO_DEADLINE);
	waiting->seen = ferry_future_snapshot(waiting->client.future);
	ferry_future_unref(waiting->client.future);
	return NULL;
}

Test(unwrap, F5_a_thread_that_waits_for_it_goes_on, .init = begin, .fini = end)
{
	ferry_event event;
	struct actor actor = { .name = "a", .awaits = &event.awaitable, .number = 5 };
	struct waiting waiting = { .client = { .task = &actor.task } };

	cr_assert_eq(ferry_event_init(&event, loop), 0);
	gate_init(&waiting.submitted);
	pthread_create(&waiting.thread, NULL, submit_and_wait, &waiting);
	gate_await(&waiting.submitted, 1);
	gate_open(&waiting.submitted);
	run();
	cr_assert(diary_is("a:"));
	ferry_event_set(&event);
	run();
	pthread_join(waiting.thread, NULL);
	cr_assert_eq(waiting.error, 0);
	cr_assert_eq(waiting.seen.result.u64, 5);
	cr_assert(diary_is("a. a)"));
	gate_destroy(&waiting.submitted);
}

/* ---- options ---- */

static void look_at_options(struct actor *actor)
{
	ferry_task *task = &actor->task;

	diary_note("%s %s %s", ferry_task_name(task), (char *)ferry_task_user(task),
		   (char *)ferry_task_context(task));
}

static void note_cleanup(ferry_task *task, void *user)
{
	(void)task;
	diary_note("cleanup %s", (const char *)user);
}

Test(unwrap, T1_options_are_copied_where_it_is_submitted, .init = begin, .fini = end)
{
	struct actor actor = { .name = "a", .acts = look_at_options };
	char name[] = "a name", future_name[] = "its future";
	ferry_task_options options = FERRY_TASK_OPTIONS_INIT;
	ferry_unwrap_options unwrap = FERRY_UNWRAP_OPTIONS_INIT;
	ferry_future *future;

	options.name = name;
	options.user = "user";
	options.context = "context";
	options.cleanup = note_cleanup;
	unwrap.name = future_name;
	future = submit_elsewhere(&actor, &options, &unwrap);
	memset(&options, 0xa5, sizeof(options));
	memset(&unwrap, 0xa5, sizeof(unwrap));
	memset(name, 'x', sizeof(name) - 1);
	memset(future_name, 'x', sizeof(future_name) - 1);
	run();
	cr_assert(diary_is("a: a name user context a. a) cleanup user"));
	cr_assert_str_eq(ferry_future_name(future), "its future");
	ferry_future_unref(future);
}

Test(unwrap, T1_whatever_the_options_of_its_start, .init = begin, .fini = end)
{
	struct actor actors[] = { { .name = "d" }, { .name = "e" }, { .name = "l" } };
	ferry_future *futures[4];
	struct actor deferred = { .name = "x" };

	futures[0] = submit_elsewhere(&actors[0], OPTIONS_OF(.start = FERRY_START_DEFAULT), NULL);
	futures[1] = submit_elsewhere(&actors[1], OPTIONS_OF(.start = FERRY_START_EAGER), NULL);
	futures[2] = submit_elsewhere(&actors[2], OPTIONS_OF(.start = FERRY_START_LAZY), NULL);
	futures[3] = submit_elsewhere(&deferred, OPTIONS_OF(.start = FERRY_START_DEFERRED), NULL);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 4);
	cr_assert(diary_is("d: d. d) e: e. e)"));
	run();
	cr_assert(diary_is("l: l. l)"));
	cr_assert_eq(end_of(futures[3]), ACTOR_PENDING, "somebody has to start it");
	cr_assert_eq(ferry_task_forget(&deferred.task), -EBUSY, "its future waits for it");
	cr_assert_eq(ferry_task_start(&deferred.task), 0);
	cr_assert(diary_is("x: x. x)"));
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(end_of(futures[i]), ACTOR_RESULT);
		ferry_future_unref(futures[i]);
	}
}

static int refuse(ferry_task *task, ferry_loop *which, ferry_step_function step,
		  const ferry_task_options *options, void *user)
{
	(void)task, (void)which, (void)step, (void)options, (void)user;
	diary_note("refused");
	return -EACCES;
}

/* It begins another task before, which is not the one that came. */
static int begin_another(ferry_task *task, ferry_loop *which, ferry_step_function step,
			 const ferry_task_options *options, void *another)
{
	struct actor *actor = another;

	ferry_lazy_factory(&actor->task, which, actor_step, OPTIONS_OF(.start = FERRY_START_EAGER),
			   NULL);
	return ferry_eager_factory(task, which, step, options, NULL);
}

Test(unwrap, T1_it_goes_through_the_loops_factory, .init = begin, .fini = end)
{
	struct actor actor = { .name = "a", .number = 1 }, another = { .name = "o", .number = 2 };
	ferry_future *future;

	ferry_loop_set_task_factory(loop, begin_another, &another);
	future = submit_elsewhere(&actor, NULL, NULL);
	run();
	cr_assert(diary_is("o: o. o) a: a. a)"));
	cr_assert_eq(ferry_future_snapshot(future).result.u64, 1);
	ferry_future_unref(future);
}

/* ---- contexts ---- */

static atomic_int copies, frees;

static void *copy_context(void *context)
{
	copies++;
	return (char *)context + 1;
}

static void free_context(void *context)
{
	cr_assert_str_eq(context, "ontext");
	frees++;
}

static const ferry_context_hooks context_hooks = { copy_context, free_context };

static const ferry_task_options with_context = { .size = sizeof(with_context),
						 .context = "context",
						 .hooks = &context_hooks,
						 .cleanup = note_cleanup,
						 .user = "user",
						 .name = "name" };

Test(unwrap, a_context_is_copied_and_freed_once, .init = begin, .fini = end)
{
	struct actor actor = { .name = "a", .acts = look_at_options, .yields = 1 };
	ferry_future *future = submit_elsewhere(&actor, &with_context, NULL);

	cr_assert_eq(copies, 1, "where it is submitted");
	run();
	cr_assert(diary_is("a: name user ontext a. a) cleanup user"));
	cr_assert_eq(copies, 1);
	cr_assert_eq(frees, 1);
	ferry_future_unref(future);
}

Test(unwrap, a_task_that_the_factory_refuses_ends_as_it_says, .init = begin, .fini = end)
{
	struct actor with = { .name = "w" }, without = { .name = "o" };
	ferry_future *futures[2];

	ferry_loop_set_task_factory(loop, refuse, NULL);
	futures[0] = submit_elsewhere(&with, &with_context, NULL);
	futures[1] = submit_elsewhere(&without, NULL, NULL);
	cr_assert_eq(copies, 1);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 2);
	cr_assert(diary_is("refused refused"));
	cr_assert_eq(end_of(futures[0]), ACTOR_PENDING, "its hook has yet to be called");
	cr_assert_eq(error_of(futures[1]), EACCES);
	run();
	cr_assert(diary_is("cleanup user"));
	cr_assert_eq(error_of(futures[0]), EACCES);
	cr_assert_eq(frees, 1);
	for (int i = 0; i < 2; i++)
		ferry_future_unref(futures[i]);
}

/* ---- cancelled by another thread ---- */

Test(unwrap, F3_a_task_that_was_cancelled_on_its_way_runs_up_to_its_first_wait, .init = begin,
     .fini = end)
{
	ferry_operation never;
	struct actor waits = { .name = "w", .awaits = &never.awaitable };
	struct actor ends = { .name = "e", .number = 1 }, lazy = { .name = "l" };
	ferry_future *futures[3];

	ferry_operation_init(&never, NULL);
	futures[0] = submit_elsewhere(&waits, NULL, NULL);
	futures[1] = submit_elsewhere(&ends, NULL, NULL);
	futures[2] = submit_elsewhere(&lazy, OPTIONS_OF(.start = FERRY_START_LAZY), NULL);
	for (int i = 0; i < 3; i++)
		cancel_elsewhere(futures[i]);
	cr_assert(diary_is("0 0 0"), "it is running from birth");
	for (int i = 0; i < 3; i++)
		cr_assert_eq(end_of(futures[i]), ACTOR_PENDING);
	run();
	/* The lazy one only cleans up. */
	cr_assert(diary_is("w: e: e. e) l) w)"));
	cr_assert_eq(end_of(futures[0]), ACTOR_CANCELLED);
	cr_assert_eq(end_of(futures[1]), ACTOR_RESULT, "too late for that one");
	cr_assert_eq(end_of(futures[2]), ACTOR_CANCELLED);
	for (int i = 0; i < 3; i++)
		ferry_future_unref(futures[i]);
}

/* CPython 105836: the future is cancelled at once, and nobody can wait for the cleaning up. */
Test(unwrap, F3_cancelling_the_future_asks_and_it_is_done_when_the_task_has_cleaned_up,
     .init = begin, .fini = end)
{
	ferry_operation never;
	ferry_event event;
	struct actor actor = { .name = "a", .awaits = &never.awaitable };
	ferry_future *future;

	ferry_operation_init(&never, NULL);
	cr_assert_eq(ferry_event_init(&event, loop), 0);
	actor.cleans = &event.awaitable;
	future = submit_elsewhere(&actor, OPTIONS_OF(.cleanup = note_cleanup, .user = "u"), NULL);
	run();
	cr_assert(diary_is("a:"));
	cancel_elsewhere(future);
	cancel_elsewhere(future);
	cr_assert(diary_is("0 0"));
	cr_assert_eq(ferry_future_cancel_requested(future), 1);
	cr_assert_eq(ferry_task_cancels(&actor.task), 0, "from its loop, as soon as that is told");
	run();
	cr_assert(diary_is("a)"));
	cr_assert_eq(ferry_task_cancels(&actor.task), 1, "once, however often it was asked");
	cr_assert_eq(end_of(future), ACTOR_PENDING);
	cr_assert_eq(ferry_future_wait(future, 0), -EDEADLK);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("cleanup u"));
	cr_assert_eq(end_of(future), ACTOR_CANCELLED);
	cancel_elsewhere(future);
	cr_assert(diary_is("-114"));
	ferry_future_unref(future);
}

Test(unwrap, T7_a_task_may_end_well_though_its_future_was_cancelled, .init = begin, .fini = end)
{
	ferry_event event;
	struct actor actor = { .name = "a", .awaits = &event.awaitable, .number = 4 };
	ferry_future *future;

	cr_assert_eq(ferry_event_init(&event, loop), 0);
	future = submit_elsewhere(&actor, NULL, NULL);
	run();
	ferry_event_set(&event);
	cancel_elsewhere(future);
	run();
	cr_assert(diary_is("a: 0 a. a)"));
	cr_assert_eq(ferry_future_snapshot(future).result.u64, 4);
	cr_assert_eq(ferry_future_cancel_requested(future), 1);
	ferry_future_unref(future);
}

/* The ask comes when the task has ended, and nobody else holds the future. */
Test(unwrap, a_cancel_that_comes_too_late_finds_nobody, .init = begin, .fini = end)
{
	struct actor actor = { .name = "a" };
	ferry_future *future;

	actor_begin(&actor, loop, OPTIONS_OF(.start = FERRY_START_LAZY));
	cr_assert_eq(ferry_task_unwrap(&actor.task, NULL, &future), 0);
	cancel_elsewhere(future);
	ferry_future_unref(future);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 2);
	cr_assert(diary_is("0 a: a. a)"));
	memset(&actor, 0xa5, sizeof(actor));
	run();
}

/* ---- the frame is the caller's again ---- */

#define THREADS 3
#define TASKS 200

struct owner {
	pthread_t thread;
	uint64_t random;
	int seen[4]; /* of each end */
};

static atomic_int owners;

static void yield_a_while(struct actor *actor)
{
	actor->yields = (unsigned)(uintptr_t)actor->user;
}

static void *own(void *arg)
{
	struct owner *owner = arg;

	for (int i = 0; i < TASKS; i++) {
		struct actor *actor = calloc(1, sizeof(*actor));
		struct client client = { .task = &actor->task };

		owner->random = owner->random * 6364136223846793005 + 1442695040888963407;
		actor->name = "";
		actor->acts = yield_a_while;
		actor->user = (void *)(uintptr_t)(owner->random >> 33 & 3);
		actor->fails = owner->random >> 35 & 1 ? -EIO : 0;
		submit(&client);
		if (client.error)
			abort();
		if (owner->random >> 36 & 1)
			ferry_future_cancel(client.future);
		owner->seen[actor_end_of(work_end(client.future))]++;
		free(actor);
	}
	owners--;
	return NULL;
}

Test(unwrap, F3_when_the_future_is_done_the_frame_is_the_callers, .init = begin, .fini = end)
{
	struct owner every[THREADS] = { { .random = 0 } };
	int results = 0, exceptions = 0, cancelled = 0;

	owners = THREADS;
	for (uint64_t i = 0; i < THREADS; i++) {
		every[i].random = i;
		pthread_create(&every[i].thread, NULL, own, &every[i]);
	}
	while (owners) {
		cr_assert_geq(ferry_loop_run_once(loop, 0), 0);
		diary[0] = 0;
		sched_yield();
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(every[i].thread, NULL);
		results += every[i].seen[ACTOR_RESULT];
		exceptions += every[i].seen[ACTOR_EXCEPTION];
		cancelled += every[i].seen[ACTOR_CANCELLED];
	}
	run();
	cr_assert_eq(results + exceptions + cancelled, THREADS * TASKS);
	cr_assert_gt(results, 0);
	cr_assert_gt(exceptions, 0);
	cr_assert_gt(cancelled, 0);
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0);
}

/* ---- results with an owner ---- */

struct giving {
	struct disposal disposal;
	ferry_disposer_kind kind;
	int said; /* what setting it returned */
};

static void giving_init(struct giving *giving, ferry_disposer_kind kind)
{
	disposal_init(&giving->disposal);
	giving->kind = kind;
	giving->said = 1;
}

static void give(struct actor *actor)
{
	struct giving *giving = actor->user;

	giving->said = ferry_task_set_result(&actor->task,
					     disposal_result(&giving->disposal, giving->kind));
}

Test(unwrap, F7_a_result_with_a_disposer_is_the_futures, .init = begin, .fini = end)
{
	for (int taken = 0; taken < 2; taken++) {
		struct giving giving;
		struct actor actor = { .name = "a", .acts = give, .user = &giving };
		ferry_future *future;
		ferry_result result;

		giving_init(&giving, FERRY_DISPOSE_ANYWHERE);
		future = submit_elsewhere(&actor, NULL, NULL);
		run();
		cr_assert_eq(giving.said, 0);
		cr_assert_eq(ferry_future_snapshot(future).result.pointer, &giving.disposal);
		cr_assert_eq(disposal_count(&giving.disposal), 0);
		if (taken)
			cr_assert_eq(ferry_future_take(future, &result), 0);
		ferry_future_unref(future);
		cr_assert_eq(disposal_count(&giving.disposal), !taken);
		cr_assert(diary_is("a: a. a)"));
	}
}

Test(unwrap, F7_of_a_future_that_was_dropped_it_is_disposed_of, .init = begin, .fini = end)
{
	for (int early = 0; early < 2; early++) {
		struct giving giving;
		ferry_event event;
		struct actor actor = { .name = "a", .acts = give, .user = &giving };
		ferry_future *future;

		cr_assert_eq(ferry_event_init(&event, loop), 0);
		actor.awaits = &event.awaitable;
		giving_init(&giving, FERRY_DISPOSE_ANYWHERE);
		future = submit_elsewhere(&actor, NULL, NULL);
		if (!early)
			run();
		ferry_future_unref(future);
		run();
		cr_assert_eq(giving.said, 0);
		cr_assert_eq(disposal_count(&giving.disposal), 0);
		ferry_event_set(&event);
		run();
		cr_assert_eq(disposal_count(&giving.disposal), 1);
		cr_assert(diary_is("a: a. a)"));
	}
}

Test(unwrap, F7_one_that_may_block_needs_a_pool_and_is_disposed_of_there, .init = begin,
     .fini = end)
{
	struct giving with, without;
	struct actor a = { .name = "a", .acts = give, .user = &with };
	struct actor b = { .name = "b", .acts = give, .user = &without };
	ferry_future *futures[2];

	giving_init(&with, FERRY_DISPOSE_BLOCKING);
	giving_init(&without, FERRY_DISPOSE_BLOCKING);
	futures[0] = submit_elsewhere(&a, NULL, UNWRAP(.pool = pool));
	futures[1] = submit_elsewhere(&b, NULL, NULL);
	run();
	cr_assert(diary_is("a: a. a) b: b. b)"));
	cr_assert_eq(with.said, 0);
	cr_assert_eq(without.said, -EINVAL, "it stays the caller's");
	for (int i = 0; i < 2; i++)
		ferry_future_unref(futures[i]);
	disposal_await(&with.disposal);
	cr_assert_not(pthread_equal(with.disposal.by, pthread_self()));
	cr_assert_eq(disposal_count(&without.disposal), 0);
}

/* The task goes on after it set a result: then that is none. */
Test(unwrap, F7_a_result_that_becomes_none_is_disposed_of_once, .init = begin, .fini = end)
{
	for (int how = 0; how < 3; how++)
		for (int blocks = 0; blocks < 2; blocks++) {
			ferry_event event;
			struct giving giving;
			struct actor actor = { .name = "a", .acts = give, .user = &giving };
			ferry_future *future;

			cr_assert_eq(ferry_event_init(&event, loop), 0);
			actor.awaits = &event.awaitable;
			actor.fails = how == 1 ? -EIO : 0;
			actor.number = how == 2 ? 7 : 0; /* another one takes its place */
			giving_init(&giving,
				    blocks ? FERRY_DISPOSE_BLOCKING : FERRY_DISPOSE_ANYWHERE);
			future = submit_elsewhere(&actor, NULL, UNWRAP(.pool = pool));
			run();
			cr_assert_eq(giving.said, 0);
			if (how == 0)
				ferry_task_cancel(&actor.task);
			else
				ferry_event_set(&event);
			run();
			cr_assert(diary_is(how == 0 ? "a: a)" : "a: a. a)"));
			cr_assert_eq(end_of(future), how == 0   ? ACTOR_CANCELLED
						     : how == 1 ? ACTOR_EXCEPTION
								: ACTOR_RESULT);
			disposal_await(&giving.disposal);
			cr_assert_eq(disposal_count(&giving.disposal), 1);
			cr_assert_eq(pthread_equal(giving.disposal.by, pthread_self()) != 0,
				     !blocks, "what may block never does on a loop's thread");
			ferry_future_unref(future);
			cr_assert_eq(disposal_count(&giving.disposal), 1);
		}
}

Test(unwrap, F7_a_loop_that_closes_leaves_it_to_the_pool, .init = begin, .fini = end)
{
	ferry_operation never;
	struct giving giving;
	struct actor actor = { .name = "a", .acts = give, .user = &giving };
	ferry_future *future;

	ferry_operation_init(&never, NULL);
	actor.awaits = &never.awaitable;
	giving_init(&giving, FERRY_DISPOSE_BLOCKING);
	future = submit_elsewhere(&actor, NULL, UNWRAP(.pool = pool));
	run();
	cr_assert(diary_is("a:"));
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = fixture_loop(); /* so that this thread is a loop's */
	disposal_await(&giving.disposal);
	cr_assert_not(pthread_equal(giving.disposal.by, pthread_self()));
	cr_assert_eq(end_of(future), ACTOR_CANCELLED);
	ferry_future_unref(future);
	cr_assert_eq(disposal_count(&giving.disposal), 1);
}

Test(unwrap, F7_without_a_future_nobody_would_dispose_of_it, .init = begin, .fini = end)
{
	struct giving giving;
	struct actor actor = { .name = "a", .acts = give, .user = &giving };

	giving_init(&giving, FERRY_DISPOSE_ANYWHERE);
	actor_begin(&actor, loop, NULL);
	cr_assert_eq(giving.said, -EINVAL);
	cr_assert_eq(disposal_count(&giving.disposal), 0);
	cr_assert(diary_is("a: a. a)"));
}

/* ---- of a task that exists ---- */

static ferry_future *unwrap_task(struct actor *actor)
{
	ferry_future *future;

	cr_assert_eq(ferry_task_unwrap(&actor->task, NULL, &future), 0);
	return future;
}

Test(unwrap, a_task_can_be_unwrapped_before_and_after_its_end, .init = begin, .fini = end)
{
	static const struct {
		uint64_t number;
		int fails;
		bool cancelled;
		enum actor_end end;
	} rows[] = {
		{ 5, 0, false, ACTOR_RESULT },
		{ 0, 0, false, ACTOR_RESULT },
		{ 0, -EIO, false, ACTOR_EXCEPTION },
		{ 5, 0, true, ACTOR_CANCELLED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		ferry_event event;
		struct actor actor = { .name = "a", .awaits = &event.awaitable };
		ferry_future *futures[3];

		cr_assert_eq(ferry_event_init(&event, loop), 0);
		actor.number = rows[i].number;
		actor.fails = rows[i].fails;
		actor_init(&actor, loop, NULL);
		futures[0] = unwrap_task(&actor);
		ferry_task_start(&actor.task);
		futures[1] = unwrap_task(&actor);
		cr_assert_eq(end_of(futures[1]), ACTOR_PENDING);
		if (rows[i].cancelled)
			ferry_task_cancel(&actor.task);
		else
			ferry_event_set(&event);
		run();
		futures[2] = unwrap_task(&actor);
		for (int each = 0; each < 3; each++) {
			ferry_snapshot snapshot = ferry_future_snapshot(futures[each]);

			cr_assert_eq(actor_end_of(snapshot), rows[i].end);
			cr_assert_eq(ferry_error_errno(snapshot.exception), -rows[i].fails);
			cr_assert_eq(snapshot.result.u64, rows[i].cancelled ? 0 : rows[i].number);
			ferry_future_unref(futures[each]);
		}
		cr_assert(diary_is(rows[i].cancelled ? "a: a)" : "a: a. a)"));
	}
}

Test(unwrap, a_task_that_was_refused_is_unwrapped_with_its_exception, .init = begin, .fini = end)
{
	struct actor actor = { .name = "a" }, nowhere = { .name = "n" };
	ferry_future *future;

	actor_begin(&actor, loop, OPTIONS_OF(.start = FERRY_START_DEFERRED + 1));
	future = unwrap_task(&actor);
	cr_assert_eq(error_of(future), EINVAL);
	ferry_future_unref(future);
	ferry_task_begin(&nowhere.task, NULL, actor_step, NULL);
	cr_assert_eq(ferry_task_unwrap(&nowhere.task, NULL, &future), -EINVAL, "it has no loop");
}

Test(unwrap, F7_of_several_futures_the_first_owns_the_result, .init = begin, .fini = end)
{
	ferry_event event;
	struct giving giving;
	struct actor actor = { .name = "a", .user = &giving };
	ferry_future *first, *second;

	cr_assert_eq(ferry_event_init(&event, loop), 0);
	actor.awaits = &event.awaitable;
	giving_init(&giving, FERRY_DISPOSE_ANYWHERE);
	actor_begin(&actor, loop, NULL);
	first = unwrap_task(&actor);
	second = unwrap_task(&actor);
	give(&actor);
	cr_assert_eq(giving.said, 0);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("a: a. a)"));
	cr_assert_eq(ferry_future_snapshot(second).result.pointer, &giving.disposal);
	cr_assert_null(ferry_future_snapshot(second).result.disposer);
	ferry_future_unref(second);
	cr_assert_eq(disposal_count(&giving.disposal), 0);
	cr_assert_eq(ferry_future_snapshot(first).result.pointer, &giving.disposal);
	ferry_future_unref(first);
	cr_assert_eq(disposal_count(&giving.disposal), 1);
}

Test(unwrap, F3_a_cancel_of_one_of_them_asks_the_task, .init = begin, .fini = end)
{
	ferry_operation never;
	struct actor actor = { .name = "a", .awaits = &never.awaitable };
	ferry_future *first, *second;

	ferry_operation_init(&never, NULL);
	actor_begin(&actor, loop, NULL);
	first = unwrap_task(&actor);
	second = unwrap_task(&actor);
	cancel_elsewhere(second);
	run();
	cr_assert(diary_is("a: 0 a)"));
	cr_assert_eq(end_of(first), ACTOR_CANCELLED);
	cr_assert_eq(end_of(second), ACTOR_CANCELLED);
	ferry_future_unref(first);
	ferry_future_unref(second);
}

/* ---- who may complete it, and wait ---- */

Test(unwrap, F4_nobody_else_completes_such_a_future, .init = begin, .fini = end)
{
	ferry_operation never;
	struct actor actor = { .name = "a", .awaits = &never.awaitable };
	ferry_local *local;
	ferry_future *futures[2];

	ferry_operation_init(&never, NULL);
	actor_begin(&actor, loop, NULL);
	futures[0] = unwrap_task(&actor);
	cr_assert_eq(ferry_local_new(loop, &local), 0);
	cr_assert_eq(ferry_unwrap(local, NULL, &futures[1]), 0);
	for (int i = 0; i < 2; i++) {
		const ferry_error *error = ferry_error_from_errno(EIO);

		cr_assert_eq(ferry_future_set_running(futures[i]), -EPERM);
		cr_assert_eq(ferry_future_set_result(futures[i], ferry_result_u64(1)), -EPERM);
		cr_assert_eq(ferry_future_set_exception(futures[i], error), -EPERM);
		cr_assert_eq(ferry_future_set_cancelled(futures[i]), -EPERM);
		cr_assert_eq(ferry_future_wait(futures[i], FERRY_NO_DEADLINE), -EDEADLK);
		cr_assert_eq(end_of(futures[i]), ACTOR_PENDING);
	}
	ferry_task_cancel(&actor.task);
	ferry_local_cancel(local);
	run();
	cr_assert(diary_is("a: a)"));
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(end_of(futures[i]), ACTOR_CANCELLED);
		ferry_future_unref(futures[i]);
	}
	ferry_local_unref(local);
}

static int in_child(void *arg)
{
	ferry_future *const *futures = arg;
	struct actor actor = { .name = "a" };
	ferry_future *future = NULL;

	for (int i = 0; i < 2; i++)
		if (ferry_future_wait(futures[i], FERRY_NO_DEADLINE) != -ECHILD)
			return 1;
	if (ferry_task_submit(&actor.task, loop, actor_step, NULL, NULL, &future) != -ECHILD)
		return 2;
	return future != NULL;
}

Test(unwrap, P6_in_a_child_nobody_completes_it_any_more, .init = begin, .fini = end)
{
	ferry_event event;
	struct actor actor = { .name = "a", .awaits = &event.awaitable };
	ferry_local *local;
	ferry_future *futures[2];

	cr_assert_eq(ferry_event_init(&event, loop), 0);
	actor_begin(&actor, loop, NULL);
	futures[0] = unwrap_task(&actor);
	cr_assert_eq(ferry_local_new(loop, &local), 0);
	cr_assert_eq(ferry_unwrap(local, NULL, &futures[1]), 0);
	cr_assert_eq(fixture_in_child(in_child, futures), 0);
	ferry_event_set(&event);
	ferry_local_set_result(local, ferry_result_u64(1));
	run();
	cr_assert(diary_is("a: a. a)"));
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(end_of(futures[i]), ACTOR_RESULT);
		ferry_future_unref(futures[i]);
	}
	ferry_local_unref(local);
}

/* ---- of a local ---- */

static ferry_local *plain(void)
{
	ferry_local *local;

	cr_assert_eq(ferry_local_new(loop, &local), 0);
	return local;
}

static ferry_future *unwrap_local(ferry_local *local)
{
	ferry_future *future;

	cr_assert_eq(ferry_unwrap(local, NULL, &future), 0);
	return future;
}

Test(unwrap, a_local_ends_its_future_as_it_ends_itself, .init = begin, .fini = end)
{
	for (int later = 0; later < 2; later++) {
		ferry_local *locals[] = { plain(), plain(), plain() };
		ferry_future *futures[3];

		for (int i = 0; later && i < 3; i++)
			futures[i] = unwrap_local(locals[i]);
		ferry_local_set_result(locals[0], ferry_result_u64(8));
		ferry_local_set_exception(locals[1], ferry_error_from_errno(EIO));
		ferry_local_cancel(locals[2]);
		for (int i = 0; !later && i < 3; i++)
			futures[i] = unwrap_local(locals[i]);
		for (int i = 0; i < 3; i++)
			ferry_local_unref(locals[i]);
		for (int i = 0; later && i < 3; i++)
			cr_assert_eq(end_of(futures[i]), ACTOR_PENDING, "from the loop");
		run();
		cr_assert_eq(ferry_future_snapshot(futures[0]).result.u64, 8);
		cr_assert_eq(error_of(futures[1]), EIO);
		cr_assert_eq(end_of(futures[2]), ACTOR_CANCELLED);
		cr_assert_eq(fixture_loop_counters(loop).unseen, 0);
		for (int i = 0; i < 3; i++)
			ferry_future_unref(futures[i]);
	}
}

Test(unwrap, L2_it_is_done_in_order_with_the_callbacks_of_the_local, .init = begin, .fini = end)
{
	ferry_local *local = ferry_offload(loop, pool, work_number, (void *)3, NULL);
	ferry_future *future;

	cr_assert_eq(ferry_unwrap(local, UNWRAP(.name = "name"), &future), 0);
	ferry_local_unref(local);
	run();
	cr_assert_eq(ferry_future_snapshot(future).result.u64, 3);
	cr_assert_str_eq(ferry_future_name(future), "name");
	ferry_future_unref(future);
}

Test(unwrap, F3_cancelling_it_cancels_the_local, .init = begin, .fini = end)
{
	ferry_local *local = plain();
	ferry_future *future = unwrap_local(local);

	cancel_elsewhere(future);
	cr_assert(diary_is("0"));
	cr_assert_not(ferry_local_snapshot(local).done);
	run();
	cr_assert(ferry_local_snapshot(local).cancelled);
	cr_assert_eq(end_of(future), ACTOR_CANCELLED);
	ferry_future_unref(future);
	ferry_local_unref(local);
}

static int dispose_later(void *arg, ferry_result *out)
{
	*out = disposal_result(arg, FERRY_DISPOSE_BLOCKING);
	return 0;
}

Test(unwrap, F7_its_result_is_taken, .init = begin, .fini = end)
{
	struct disposal disposal;
	ferry_local *local = plain();
	ferry_future *future = unwrap_local(local);
	ferry_result result;

	disposal_init(&disposal);
	ferry_local_set_result(local, disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE));
	run();
	cr_assert_eq(ferry_local_take(local, &result), -EALREADY);
	ferry_local_unref(local);
	cr_assert_eq(disposal_count(&disposal), 0);
	cr_assert_eq(ferry_future_snapshot(future).result.pointer, &disposal);
	ferry_future_unref(future);
	cr_assert_eq(disposal_count(&disposal), 1);
	/* One that may block: by way of a pool, or not at all. */
	for (int with = 0; with < 2; with++) {
		disposal_init(&disposal);
		local = ferry_offload(loop, pool, dispose_later, &disposal, NULL);
		cr_assert_eq(ferry_unwrap(local, UNWRAP(.pool = with ? pool : NULL), &future), 0);
		ferry_local_unref(local);
		run();
		cr_assert_eq(error_of(future), with ? 0 : EINVAL);
		ferry_future_unref(future);
		disposal_await(&disposal);
		cr_assert_eq(disposal_count(&disposal), 1);
		cr_assert_not(pthread_equal(disposal.by, pthread_self()));
	}
}

Test(unwrap, F7_a_result_that_somebody_took_is_his, .init = begin, .fini = end)
{
	struct disposal disposal;
	ferry_local *local = plain();
	ferry_future *first, *second;
	ferry_result result;

	disposal_init(&disposal);
	ferry_local_set_result(local, disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE));
	first = unwrap_local(local);
	second = unwrap_local(local);
	cr_assert_eq(error_of(first), 0);
	cr_assert_eq(error_of(second), EALREADY);
	cr_assert_eq(ferry_future_take(first, &result), 0);
	ferry_future_unref(first);
	ferry_future_unref(second);
	ferry_local_unref(local);
	run();
	cr_assert_eq(disposal_count(&disposal), 0);
}

/* The result of ferry_fs_stat() lies in the request, which goes with the local. */
Test(unwrap, F7_a_result_that_lies_in_the_request_cannot_leave_it, .init = begin, .fini = end)
{
	ways_begin(loop, pool);
	for (int chained = 0; chained < 2; chained++)
		for (int way = 0; way < 4; way++) {
			bool later = way & 1;
			ferry_local *local = ferry_fs_stat(loop, pool, "/", &ways[way / 2]);
			ferry_local *target = plain();
			ferry_future *future;

			cr_assert_eq(ferry_local_chain(local, target), 0);
			if (!later)
				run();
			future = unwrap_local(chained ? target : local);
			run();
			cr_assert(ferry_local_snapshot(local).done);
			cr_assert_eq(error_of(future), EOPNOTSUPP);
			ferry_local_unref(target);
			ferry_local_unref(local);
			ferry_future_unref(future);
		}
}

Test(unwrap, a_future_that_was_wrapped_can_be_unwrapped, .init = begin, .fini = end)
{
	ferry_future *promise, *future;
	ferry_local *local;

	cr_assert_eq(ferry_future_new(NULL, &promise), 0);
	local = ferry_wrap(loop, promise);
	future = unwrap_local(local);
	ferry_local_unref(local);
	ferry_future_set_result(promise, ferry_result_u64(12));
	run();
	cr_assert_eq(ferry_future_snapshot(future).result.u64, 12);
	ferry_future_unref(promise);
	ferry_future_unref(future);
}

Test(unwrap, the_future_of_a_task_can_be_wrapped_by_another_loop, .init = begin, .fini = end)
{
	ferry_loop *other = fixture_loop();
	ferry_event event;
	struct actor actor = { .name = "a", .awaits = &event.awaitable, .number = 6 };
	ferry_future *future;
	ferry_local *local;

	cr_assert_eq(ferry_event_init(&event, loop), 0);
	actor_begin(&actor, loop, NULL);
	future = unwrap_task(&actor);
	local = ferry_wrap(other, future);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("a: a. a)"));
	cr_assert_eq(ferry_loop_run(other), 0);
	cr_assert_eq(ferry_local_snapshot(local).result.u64, 6);
	ferry_local_unref(local);
	ferry_future_unref(future);
	cr_assert_eq(ferry_loop_free(other), 0);
}

/* ---- the loop closes ---- */

Test(unwrap, L3_a_loop_that_closes_ends_what_is_on_its_way_and_what_has_begun, .init = begin,
     .fini = end)
{
	struct actor way = { .name = "w" }, bare = { .name = "b" }, waits = { .name = "x" };
	ferry_operation never;
	ferry_future *futures[3];

	ferry_operation_init(&never, NULL);
	waits.awaits = &never.awaitable;
	futures[2] = submit_elsewhere(&waits, &with_context, NULL);
	run();
	cr_assert(diary_is("x:"));
	futures[0] = submit_elsewhere(&way, &with_context, NULL);
	futures[1] = submit_elsewhere(&bare, NULL, NULL);
	cancel_elsewhere(futures[2]);
	cr_assert_eq(copies, 2);
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	cr_assert(diary_is("0 cleanup user cleanup user"));
	cr_assert_eq(frees, 2);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(end_of(futures[i]), ACTOR_CANCELLED);
		ferry_future_unref(futures[i]);
	}
}

Test(unwrap, L3_a_closed_loop_takes_no_task, .init = begin, .fini = end)
{
	struct actor actor = { .name = "a" };
	struct client client = { .task = &actor.task, .options = &with_context };
	ferry_loop *held = ferry_loop_ref(loop);

	cr_assert_eq(ferry_loop_free(loop), 0);
	fixture_elsewhere(submit, &client);
	cr_assert_eq(client.error, -ESHUTDOWN);
	cr_assert_null(client.future);
	cr_assert_eq(copies, frees, "a context that was copied is freed");
	ferry_loop_unref(held);
	loop = NULL;
}

Test(unwrap, L3_of_a_local_that_is_pending_the_future_is_cancelled, .init = begin, .fini = end)
{
	ferry_local *local = plain(), *chained = plain();
	ferry_future *futures[3], *promise;
	ferry_local *wrapped;

	cr_assert_eq(ferry_future_new(NULL, &promise), 0);
	wrapped = ferry_wrap(loop, promise);
	cr_assert_eq(ferry_local_chain(local, chained), 0);
	futures[0] = unwrap_local(local);
	futures[1] = unwrap_local(chained);
	futures[2] = unwrap_local(wrapped);
	ferry_local_unref(local);
	ferry_local_unref(chained);
	ferry_local_unref(wrapped);
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(end_of(futures[i]), ACTOR_CANCELLED);
		ferry_future_unref(futures[i]);
	}
	ferry_future_unref(promise);
}

Test(unwrap, L3_of_a_local_that_is_done_the_future_has_the_outcome, .init = begin, .fini = end)
{
	ferry_local *local = plain();
	ferry_future *future = unwrap_local(local);
	struct disposal disposal;

	disposal_init(&disposal);
	ferry_local_set_result(local, disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE));
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	cr_assert_neq(end_of(future), ACTOR_PENDING, "whoever waits for it goes on");
	ferry_future_unref(future);
	cr_assert_eq(disposal_count(&disposal), 1);
}

/* A thread that waits while the loop closes goes on. */
Test(unwrap, L3_nobody_waits_for_ever_for_a_loop_that_has_closed, .init = begin, .fini = end)
{
	ferry_operation never;
	struct actor actor = { .name = "a", .awaits = &never.awaitable };
	struct waiting waiting = { .client = { .task = &actor.task } };

	ferry_operation_init(&never, NULL);
	gate_init(&waiting.submitted);
	pthread_create(&waiting.thread, NULL, submit_and_wait, &waiting);
	gate_await(&waiting.submitted, 1);
	run();
	gate_open(&waiting.submitted);
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	pthread_join(waiting.thread, NULL);
	cr_assert_eq(waiting.error, 0);
	cr_assert(waiting.seen.cancelled);
	cr_assert(diary_is("a:"));
	gate_destroy(&waiting.submitted);
}

/* ---- refused ---- */

Test(unwrap, E1_wrong_options_are_refused_and_nothing_is_copied, .init = begin, .fini = end)
{
	struct actor actor = { .name = "a" };
	ferry_task_options options = with_context;
	ferry_unwrap_options unwrap = { .size = 1 };
	ferry_group group;
	ferry_future *future = (ferry_future *)&actor;

	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	options.group = &group;
	cr_assert_eq(ferry_task_submit(&actor.task, loop, actor_step, &options, NULL, &future),
		     -EINVAL, "a group is its thread's own");
	options.group = NULL;
	options.start = FERRY_START_DEFERRED + 1;
	cr_assert_eq(ferry_task_submit(&actor.task, loop, actor_step, &options, NULL, &future),
		     -EINVAL);
	options.start = FERRY_START_DEFAULT;
	cr_assert_eq(ferry_task_submit(&actor.task, loop, actor_step, &options, &unwrap, &future),
		     -EINVAL);
	cr_assert_eq(future, (ferry_future *)&actor);
	cr_assert_eq(copies, 0);
	cr_assert_eq(frees, 0);
	ferry_group_close(&group);
}
