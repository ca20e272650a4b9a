/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The eager adapter: what is started inside the call, and how the task for its end ends. */
#include <criterion/criterion.h>
#include <stdatomic.h>

#include "support/actor.h"
#include "support/disposal.h"
#include "support/work.h"

TestSuite(eager, .timeout = 60);

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

static void run(void)
{
	cr_assert_eq(ferry_loop_run(loop), 0);
}

/* ---- something that is started and finished ---- */

struct errand {
	ferry_eager eager;
	ferry_local *local; /* what start returns; NULL: errno is set to fails */
	int fails, says;    /* says: what finish returns */
	ferry_snapshot seen;
	int started, finished, started_inside; /* the last: of the call that begins it */
};

static ferry_local *start(ferry_loop *which, void *user)
{
	struct errand *errand = user;

	cr_assert_eq(which, loop);
	cr_assert_eq(ferry_current_task(which), &errand->eager.task, "in the first step");
	diary_note("start");
	errand->started++;
	errno = errand->fails;
	return errand->local;
}

static int finish(ferry_await *answer, void *user)
{
	struct errand *errand = user;

	diary_note("finish");
	errand->finished++;
	errand->seen = ferry_await_snapshot(answer);
	return errand->says;
}

static ferry_task *errand_begin(struct errand *errand, const ferry_task_options *options)
{
	return ferry_eager_begin(&errand->eager, loop, start, finish, errand, options);
}

static enum actor_end ended(struct errand *errand)
{
	return actor_end_of(ferry_task_snapshot(&errand->eager.task));
}

static int error_of(struct errand *errand)
{
	return ferry_error_errno(ferry_task_snapshot(&errand->eager.task).exception);
}

static ferry_local *plain(void)
{
	ferry_local *local;

	cr_assert_eq(ferry_local_new(loop, &local), 0);
	return local;
}

/* One that is done with a number. */
static ferry_local *number(uint64_t value)
{
	ferry_local *local = plain();

	ferry_local_set_result(local, ferry_result_u64(value));
	return local;
}

/* ---- started ---- */

/* One of the user's, for tasks that do not say how they start. */
static int wrap_lazily(ferry_task *task, ferry_loop *which, ferry_step_function step,
		       const ferry_task_options *options, void *user)
{
	(void)user;
	diary_note("factory");
	return ferry_lazy_factory(task, which, step, options, NULL);
}

Test(eager, T2_what_starts_it_is_called_inside_the_call_whatever_the_factory, .init = begin,
     .fini = end)
{
	static const ferry_task_factory factories[] = { NULL, ferry_eager_factory,
							ferry_lazy_factory, wrap_lazily };
	static const ferry_start starts[] = { FERRY_START_DEFAULT, FERRY_START_EAGER,
					      FERRY_START_LAZY, FERRY_START_DEFERRED };

	for (size_t i = 0; i < sizeof(factories) / sizeof(*factories); i++)
		for (size_t s = 0; s < sizeof(starts) / sizeof(*starts); s++) {
			struct errand errand = { .local = plain() };
			ferry_local *local = ferry_local_ref(errand.local);

			ferry_loop_set_task_factory(loop, factories[i], NULL);
			cr_assert_eq(errand_begin(&errand, OPTIONS_OF(.start = starts[s])),
				     &errand.eager.task);
			cr_assert(
				diary_is(factories[i] == wrap_lazily ? "factory start" : "start"));
			cr_assert_null(ferry_current_task(loop));
			run();
			cr_assert(diary_is(""), "it waits");
			ferry_local_set_result(local, ferry_result_u64(5));
			run();
			cr_assert(diary_is("finish"));
			cr_assert_eq(errand.seen.result.u64, 5);
			cr_assert_eq(ended(&errand), ACTOR_RESULT);
			ferry_local_unref(local);
		}
}

/* Whatever it is told. */
static int make_lazy(ferry_task *task, ferry_loop *which, ferry_step_function step,
		     const ferry_task_options *given, void *user)
{
	ferry_task_options options = *given;

	(void)user;
	cr_assert_eq(options.start, FERRY_START_EAGER, "so the adapter has said");
	options.start = FERRY_START_LAZY;
	return ferry_eager_factory(task, which, step, &options, NULL);
}

Test(eager, T2_a_factory_of_the_users_may_put_it_off, .init = begin, .fini = end)
{
	struct errand errand = { .local = number(5) };

	ferry_loop_set_task_factory(loop, make_lazy, NULL);
	errand_begin(&errand, NULL);
	cr_assert(diary_is(""));
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("start finish"));
	cr_assert_eq(ended(&errand), ACTOR_RESULT);
}

#define DEPTH_MOST 64

static void begin_next(struct actor *actor)
{
	actor_begin(actor + 1, loop, NULL);
}

static void begin_errand(struct actor *actor)
{
	struct errand *errand = actor->user;

	errand_begin(errand, NULL);
	errand->started_inside = errand->started;
}

Test(eager, T2_where_first_steps_are_too_deep_it_is_started_in_the_next_turn, .init = begin,
     .fini = end)
{
	static struct actor actors[DEPTH_MOST];

	for (int depth = DEPTH_MOST - 1; depth <= DEPTH_MOST; depth++) {
		struct errand errand = { .local = number(5) };

		for (int i = 0; i < depth; i++)
			actors[i] = (struct actor){ .name = "a", .acts = begin_next };
		actors[depth - 1].acts = begin_errand;
		actors[depth - 1].user = &errand;
		actor_begin(&actors[0], loop, NULL);
		diary[0] = 0;
		cr_assert_eq(errand.started_inside, depth < DEPTH_MOST, "of 64");
		cr_assert_eq(ferry_loop_run_once(loop, 0), depth == DEPTH_MOST);
		cr_assert(diary_is(depth == DEPTH_MOST ? "start finish" : ""));
		cr_assert_eq(ended(&errand), ACTOR_RESULT);
	}
}

Test(eager, T2_where_the_turns_budget_is_used_up_it_is_started_in_the_next, .init = begin,
     .fini = end)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	ferry_loop *usual = loop;

	for (unsigned budget = 1; budget <= 2; budget++) {
		struct errand errand = { 0 };
		struct actor a = { .name = "a", .acts = begin_errand, .user = &errand };

		options.budget = budget;
		cr_assert_eq(ferry_loop_new(&options, &loop), 0);
		errand.local = number(5);
		actor_begin(&a, loop, OPTIONS_OF(.start = FERRY_START_LAZY));
		cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
		cr_assert_eq(errand.started_inside, budget == 2, "one for the step itself");
		run();
		cr_assert(
			diary_is(budget == 2 ? "a: start a. a) finish" : "a: a. a) start finish"));
		cr_assert_eq(ended(&errand), ACTOR_RESULT);
		cr_assert_eq(ferry_loop_free(loop), 0);
	}
	loop = usual;
}

Test(eager, T2_one_that_is_done_at_once_ends_inside_the_call, .init = begin, .fini = end)
{
	struct errand errand = { .local = number(3) };

	errand_begin(&errand, NULL);
	cr_assert(diary_is("start finish"));
	cr_assert_eq(ended(&errand), ACTOR_RESULT);
	cr_assert_eq(fixture_loop_counters(loop).turns, 0);
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0);
}

static int at_gate(void *arg, ferry_result *out)
{
	gate_wait(arg);
	*out = ferry_result_u64(1);
	return 0;
}

/* The first function runs on a worker while the caller does something else. */
static ferry_local *start_at_gate(ferry_loop *which, void *user)
{
	(void)user;
	return ferry_offload(which, pool, at_gate, &gate, NULL);
}

Test(eager, what_was_started_goes_on_beside_what_the_caller_does, .init = begin, .fini = end)
{
	ferry_eager eager;

	ferry_eager_begin(&eager, loop, start_at_gate, NULL, NULL, NULL);
	gate_await(&gate, 1); /* it runs, and nobody has run the loop */
	cr_assert_eq(fixture_loop_counters(loop).turns, 0);
	gate_open(&gate);
	cr_assert_eq(ferry_loop_await(loop, &eager.awaitable), 0);
	cr_assert_eq(ferry_task_snapshot(&eager.task).result.u64, 1);
}

/* ---- ended ---- */

Test(eager, without_a_second_function_it_ends_as_its_local_did, .init = begin, .fini = end)
{
	struct errand result = { .local = plain() }, failed = { .local = plain() };
	struct errand cancelled = { .local = plain() }, refused = { .fails = ENOSPC };
	struct errand *all[] = { &result, &failed, &cancelled, &refused };

	for (int i = 0; i < 4; i++) {
		ferry_local_ref(all[i]->local);
		ferry_eager_begin(&all[i]->eager, loop, start, NULL, all[i], NULL);
	}
	ferry_local_set_result(result.local, ferry_result_u64(6));
	ferry_local_set_exception(failed.local, ferry_error_from_errno(EIO));
	ferry_local_cancel(cancelled.local);
	run();
	cr_assert(diary_is("start start start start"));
	cr_assert_eq(ended(&result), ACTOR_RESULT);
	cr_assert_eq(ferry_task_snapshot(&result.eager.task).result.u64, 6);
	cr_assert_eq(error_of(&failed), EIO);
	cr_assert_eq(ended(&cancelled), ACTOR_CANCELLED);
	cr_assert_eq(error_of(&refused), ENOSPC);
	for (int i = 0; i < 4; i++)
		ferry_local_unref(all[i]->local);
}

Test(eager, F7_a_result_that_has_an_owner_stays_the_locals, .init = begin, .fini = end)
{
	struct errand errand = { .local = plain() };
	struct disposal disposal;

	disposal_init(&disposal);
	ferry_local_set_result(errand.local, disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE));
	ferry_eager_begin(&errand.eager, loop, start, NULL, &errand, NULL);
	cr_assert_eq(ended(&errand), ACTOR_RESULT);
	cr_assert_eq(ferry_task_snapshot(&errand.eager.task).result.u64, 0);
	cr_assert_eq(disposal_count(&disposal), 1, "it went with it");
	cr_assert(diary_is("start"));
}

static int take(ferry_await *answer, void *user)
{
	ferry_result result;

	(void)user;
	return ferry_await_take(answer, &result);
}

Test(eager, F7_the_second_function_may_take_the_result, .init = begin, .fini = end)
{
	struct errand errand = { .local = plain() };
	struct disposal disposal;

	disposal_init(&disposal);
	ferry_local_set_result(errand.local, disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE));
	ferry_eager_begin(&errand.eager, loop, start, take, &errand, NULL);
	cr_assert_eq(ended(&errand), ACTOR_RESULT);
	cr_assert_eq(disposal_count(&disposal), 0);
	cr_assert(diary_is("start"));
}

Test(eager, the_second_function_is_called_whatever_the_outcome_but_cancelled, .init = begin,
     .fini = end)
{
	struct errand failed = { .local = plain() }, refused = { .fails = ENOSPC };
	struct errand cancelled = { .local = plain() }, said = { .fails = ECANCELED };

	ferry_local_set_exception(failed.local, ferry_error_from_errno(EIO));
	errand_begin(&failed, NULL);
	cr_assert(diary_is("start finish"));
	cr_assert_eq(ferry_error_errno(failed.seen.exception), EIO);
	cr_assert_eq(ended(&failed), ACTOR_RESULT, "that is its business");
	errand_begin(&refused, NULL);
	cr_assert(diary_is("start finish"));
	cr_assert_eq(ferry_error_errno(refused.seen.exception), ENOSPC);
	ferry_local_cancel(cancelled.local);
	errand_begin(&cancelled, NULL);
	cr_assert(diary_is("start"));
	cr_assert_eq(ended(&cancelled), ACTOR_CANCELLED);
	errand_begin(&said, NULL);
	cr_assert(diary_is("start"));
	cr_assert_eq(ended(&said), ACTOR_CANCELLED);
}

Test(eager, what_it_says_is_the_outcome, .init = begin, .fini = end)
{
	static const struct {
		int says, exception;
		enum actor_end end;
	} rows[] = {
		{ 0, 0, ACTOR_RESULT },
		{ -ENOENT, ENOENT, ACTOR_EXCEPTION },
		{ -ECANCELED, 0, ACTOR_CANCELLED },
		{ 1, EINVAL, ACTOR_EXCEPTION }, /* no errno */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct errand errand = { .local = number(1), .says = rows[i].says };

		errand_begin(&errand, NULL);
		cr_assert(diary_is("start finish"));
		cr_assert_eq(ended(&errand), rows[i].end);
		cr_assert_eq(error_of(&errand), rows[i].exception);
	}
}

/* ---- cancelled ---- */

Test(eager, T7_it_can_be_cancelled_while_it_waits, .init = begin, .fini = end)
{
	struct errand errand = { .local = plain() };
	ferry_local *local = ferry_local_ref(errand.local);

	errand_begin(&errand, NULL);
	cr_assert_eq(ferry_task_cancel(&errand.eager.task), 0);
	cr_assert(ferry_local_snapshot(local).cancelled);
	run();
	cr_assert(diary_is("start"), "nothing is finished");
	cr_assert_eq(ended(&errand), ACTOR_CANCELLED);
	ferry_local_unref(local);
}

static atomic_bool has_returned;

static int use_frame(void *arg, ferry_result *out)
{
	(void)arg, (void)out;
	gate_wait(&gate);
	has_returned = true;
	return 0;
}

static ferry_local *start_with_frame(ferry_loop *which, void *user)
{
	return ferry_offload(which, pool, use_frame, user, NULL);
}

static void note_returned(ferry_task *task, void *user)
{
	(void)task, (void)user;
	diary_note(has_returned ? "returned" : "too early");
}

Test(eager, T7_its_frame_stays_until_the_function_has_returned, .init = begin, .fini = end)
{
	ferry_eager eager;

	ferry_eager_begin(&eager, loop, start_with_frame, NULL, &eager,
			  OPTIONS_OF(.cleanup = note_returned));
	gate_await(&gate, 1);
	ferry_task_cancel(&eager.task);
	while (ferry_loop_run_once(loop, 0) > 0)
		;
	cr_assert_not(ferry_task_snapshot(&eager.task).done);
	gate_open(&gate);
	run();
	cr_assert(diary_is("returned"));
	cr_assert(ferry_task_snapshot(&eager.task).cancelled);
}

/* ---- options ---- */

static void note_cleanup(ferry_task *task, void *user)
{
	(void)task;
	diary_note("cleanup %s", (const char *)user);
}

Test(eager, T1_options_go_with_the_task, .init = begin, .fini = end)
{
	struct errand errand = { .local = plain() };
	ferry_local *local = ferry_local_ref(errand.local);
	ferry_group group;

	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	errand_begin(&errand, OPTIONS_OF(.name = "errand", .user = "user", .group = &group,
					 .cleanup = note_cleanup));
	cr_assert_str_eq(ferry_task_name(&errand.eager.task), "errand");
	cr_assert_eq(ferry_group_members(&group), 1);
	ferry_local_set_result(local, ferry_result_u64(1));
	ferry_local_unref(local);
	ferry_group_close(&group);
	run();
	cr_assert(diary_is("start finish cleanup user"));
	cr_assert_eq(ferry_group_members(&group), 0);
}

Test(eager, E1_what_cannot_be_begun_is_a_task_born_failed, .init = begin, .fini = end)
{
	struct errand errand = { .fails = 0 };
	ferry_task_options wrong = FERRY_TASK_OPTIONS_INIT;

	errno = 0;
	cr_assert_null(ferry_eager_begin(NULL, loop, start, finish, &errand, NULL));
	cr_assert_eq(errno, EINVAL);
	ferry_eager_begin(&errand.eager, loop, NULL, finish, &errand, NULL);
	cr_assert_eq(error_of(&errand), EINVAL);
	ferry_eager_begin(&errand.eager, NULL, start, finish, &errand, NULL);
	cr_assert_eq(error_of(&errand), EINVAL);
	ferry_eager_begin(&errand.eager, loop, NULL, finish, &errand,
			  OPTIONS_OF(.user = "user", .cleanup = note_cleanup));
	run();
	cr_assert(diary_is("cleanup user"), "its hook is called");
	wrong.size = 1;
	errand_begin(&errand, &wrong);
	cr_assert_eq(error_of(&errand), EINVAL);
	cr_assert_eq(errand.started, 0);
}

/* ---- the loop closes ---- */

Test(eager, L3_its_local_is_let_go_of_when_the_loop_closes, .init = begin, .fini = end)
{
	struct errand errand = { .local = plain() };
	ferry_eager running;

	errand_begin(&errand, OPTIONS_OF(.user = "user", .cleanup = note_cleanup));
	ferry_eager_begin(&running, loop, start_at_gate, NULL, NULL, NULL);
	gate_await(&gate, 1);
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	cr_assert(diary_is("start cleanup user"), "nothing is finished");
	cr_assert(ferry_awaitable_snapshot(&errand.eager.awaitable).cancelled);
	cr_assert(ferry_awaitable_snapshot(&running.awaitable).cancelled);
	cr_assert_null(errand.eager.answer.local);
	cr_assert_null(running.answer.local);
	gate_open(&gate);
}
