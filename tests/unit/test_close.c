/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Closing a loop that has tasks, in every state: all end as cancelled, nothing of them runs but
 * their cleanup hooks, nothing is lost, and nothing is touched any more (L3, T5).
 */
#include <criterion/criterion.h>

#include "loop/loop.h"
#include "support/actor.h"
#include "support/disposal.h"
#include "support/exceptions.h"
#include "support/work.h"

TestSuite(close, .timeout = 120);

static ferry_loop *loop;
static ferry_pool *pool;

/* ---- a frame for every state ---- */

enum state {
	DEFERRED,
	LAZY,
	QUEUED_IN_A_LIMITER,
	QUEUED_IN_A_GROUP,
	CANCELLED_BEFORE_IT_BEGAN,
	WAITS_FOR_A_WORD,
	WAITS_FOR_AN_OPERATION,
	WAITS_FOR_ONE_WITH_A_HOOK,
	WAITS_FOR_ONE_THAT_WAS_ASKED,
	WAITS_SHIELDED,
	WAITS_HELD,
	SLEEPS,
	WAITS_FOR_A_LOCAL,
	WAITS_FOR_A_DESCRIPTOR,
	WAITS_FOR_A_TASK,
	WAITS_FOR_A_GROUP,
	WAITS_FOR_SEVERAL,
	HAS_A_LOCK,
	WAITS_FOR_A_LOCK,
	WAITS_FOR_A_PERMIT,
	WAITS_FOR_A_CONDITION,
	WAITS_FOR_AN_ITEM,
	WAITS_FOR_A_PLACE,
	HAS_A_DEADLINE,
	YIELDS,
	WAS_WOKEN,
	WAS_CUT,
	CLEANS_UP,
	CLEANS_UP_BEHIND_AN_EXCEPTION,
	WAITS_FOR_ITS_GROUPS,
	STATES
};

/* What they wait for, of nobody's frame. */
static struct stage {
	ferry_operation plain, operation, hooked, done;
	ferry_lock lock, free_lock, other_lock;
	ferry_semaphore semaphore;
	ferry_condition condition;
	ferry_queue queue;
	void *items[1];
	ferry_limiter limiter;
	struct actor inside; /* the limiter */
	ferry_slot inside_slot;
	ferry_group limited;
	struct actor first; /* in that */
	struct gate gate;
	int pipe[2];
	unsigned asked; /* the operation with the hook */
} * stage;

struct frame {
	FERRY_FRAME;
	enum state state;
	ferry_sleep sleep;
	ferry_await await;
	ferry_slot slot;
	ferry_queue_entry entry;
	ferry_timeout timeout;
	ferry_group group;
	ferry_gather gather;
	ferry_gather_entry gathered[2];
	struct actor child, other;
	unsigned began, went_on, cleaned, cleanups, copied, freed, called;
	bool has_hook;
	ferry_future *future;
};

static bool is(const struct frame *frame, enum state state)
{
	return frame->state == state;
}

static ferry_step frame_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	f->began++;
	if (is(f, WAITS_FOR_A_WORD))
		FERRY_AWAIT(&stage->plain);
	if (is(f, WAITS_FOR_AN_OPERATION) || is(f, WAS_CUT))
		FERRY_TRY(&stage->operation);
	if (is(f, WAITS_FOR_ONE_WITH_A_HOOK) || is(f, WAITS_FOR_ONE_THAT_WAS_ASKED))
		FERRY_AWAIT(&stage->hooked);
	if (is(f, WAITS_SHIELDED))
		FERRY_SHIELD(&stage->hooked);
	if (is(f, WAITS_HELD)) {
		ferry_task_shield(task);
		FERRY_AWAIT(&stage->operation);
	}
	if (is(f, SLEEPS))
		FERRY_TRY(ferry_sleep_until(&f->sleep, loop, ferry_in_ns(3600000000000)));
	if (is(f, WAITS_FOR_A_LOCAL))
		FERRY_TRY(ferry_await_local(
			&f->await, ferry_offload(loop, pool, work_at_gate, &stage->gate, NULL)));
	if (is(f, WAITS_FOR_A_DESCRIPTOR))
		FERRY_TRY(ferry_await_fd(&f->await, loop, stage->pipe[0], FERRY_READABLE));
	if (is(f, WAITS_FOR_A_TASK) || is(f, WAITS_FOR_A_GROUP) || is(f, WAITS_FOR_SEVERAL) ||
	    is(f, WAITS_FOR_ITS_GROUPS)) {
		f->child.awaits = f->other.awaits = &stage->operation.awaitable;
		f->child.name = f->other.name = "";
		cr_assert_eq(ferry_group_init(&f->group, loop, NULL), 0);
		actor_begin(&f->child, loop, is(f, WAITS_FOR_A_TASK) ? NULL : FERRY_IN(&f->group));
		actor_begin(&f->other, loop, FERRY_IN(&f->group));
	}
	if (is(f, WAITS_FOR_A_TASK))
		FERRY_TRY(&f->child);
	if (is(f, WAITS_FOR_A_GROUP))
		FERRY_TRY(&f->group);
	if (is(f, WAITS_FOR_ITS_GROUPS))
		FERRY_RETURN();
	if (is(f, WAITS_FOR_SEVERAL)) {
		f->gathered[0].of = &f->child.awaitable;
		f->gathered[1].of = &f->group.awaitable;
		FERRY_TRY(ferry_gather_begin(&f->gather, loop, f->gathered, 2, FERRY_GATHER_ALL));
	}
	if (is(f, WAITS_FOR_A_LOCK))
		FERRY_TRY(ferry_lock_acquire(&stage->lock));
	if (is(f, HAS_A_LOCK)) {
		FERRY_TRY(ferry_lock_acquire(&stage->free_lock));
		FERRY_TRY(&stage->operation);
	}
	if (is(f, WAITS_FOR_A_PERMIT))
		FERRY_TRY(ferry_semaphore_acquire(&stage->semaphore));
	if (is(f, WAITS_FOR_A_CONDITION)) {
		FERRY_TRY(ferry_lock_acquire(&stage->other_lock));
		FERRY_TRY(ferry_condition_wait(&stage->condition));
	}
	if (is(f, WAITS_FOR_AN_ITEM))
		FERRY_TRY(ferry_queue_get(&stage->queue, &f->entry));
	if (is(f, WAITS_FOR_A_PLACE))
		FERRY_TRY(ferry_limiter_enter(&stage->limiter, &f->slot, 0));
	if (is(f, HAS_A_DEADLINE)) {
		FERRY_TIMEOUT(&f->timeout, ferry_in_ns(3600000000000)) {
			FERRY_TRY(&stage->operation);
		}
	}
	if (is(f, YIELDS))
		FERRY_YIELD();
	if (is(f, WAS_WOKEN))
		FERRY_TRY(&stage->done);
	if (is(f, CLEANS_UP_BEHIND_AN_EXCEPTION))
		FERRY_FAIL(exception_new("e"));
	if (is(f, CLEANS_UP))
		FERRY_RETURN();
	f->went_on++;

	FERRY_FINALLY
	f->cleaned++;
	FERRY_AWAIT(&stage->operation);
	f->cleaned++;
	FERRY_END;
}

static void *copy(void *context)
{
	((struct frame *)context)->copied++;
	return context;
}

static void free_copy(void *context)
{
	((struct frame *)context)->freed++;
}

static const ferry_context_hooks context_hooks = { copy, free_copy };

static void clean_up(ferry_task *task, void *user)
{
	struct frame *f = user;

	cr_assert_eq(task, &f->task);
	cr_assert(ferry_awaitable_snapshot(&f->awaitable).cancelled);
	cr_assert_null(ferry_current_task(loop));
	cr_assert_eq(ferry_loop_run(loop), -ESHUTDOWN);
	f->cleanups++;
}

static void call(ferry_task *task, void *user)
{
	(void)task;
	((struct frame *)user)->called++;
}

static void on_cancel(ferry_operation *operation, struct ferry_task *task)
{
	(void)operation, (void)task;
	stage->asked++;
}

static const ferry_operation_hooks hooks = { sizeof(hooks), "test", 0, NULL, on_cancel };

static void take_lock(struct actor *actor)
{
	ferry_lock_acquire(&stage->lock);
	cr_assert_eq(ferry_lock_owner(&stage->lock), &actor->task);
}

static void begin_stage(void)
{
	ferry_group_options one = FERRY_GROUP_OPTIONS_INIT;

	loop = ferry_loop_ref(fixture_loop());
	pool = fixture_pool(1);
	stage = calloc(1, sizeof(*stage));
	gate_init(&stage->gate);
	one.limit = 1;
	stage->inside = (struct actor){ .name = "", .awaits = &stage->operation.awaitable };
	stage->first = stage->inside;
	stage->first.acts = take_lock;
	if (pipe(stage->pipe) || ferry_operation_init(&stage->plain, NULL) ||
	    ferry_operation_init(&stage->operation, NULL) ||
	    ferry_operation_init(&stage->hooked, &hooks) ||
	    ferry_operation_init(&stage->done, NULL) || ferry_lock_init(&stage->lock, loop) ||
	    ferry_lock_init(&stage->free_lock, loop) || ferry_lock_init(&stage->other_lock, loop) ||
	    ferry_semaphore_init(&stage->semaphore, loop, 0) ||
	    ferry_condition_init(&stage->condition, &stage->other_lock) ||
	    ferry_queue_init(&stage->queue, loop, stage->items, 1) ||
	    ferry_limiter_init(&stage->limiter, loop, 1) ||
	    ferry_group_init(&stage->limited, loop, &one))
		fixture_die("no stage", errno);
	ferry_limiter_submit(&stage->limiter, &stage->inside_slot,
			     actor_init(&stage->inside, loop, NULL), 0);
	actor_begin(&stage->first, loop, FERRY_IN(&stage->limited));
}

/* With all that a task can have, but for a hook. */
static struct frame *begin_frame(enum state state, ferry_group *group, bool has_hook)
{
	struct frame *f = calloc(1, sizeof(*f));
	ferry_task_options options = { .size = sizeof(options),
				       .name = "n",
				       .user = f,
				       .cleanup = has_hook ? clean_up : NULL,
				       .context = f,
				       .hooks = &context_hooks,
				       .group = group };

	f->state = state;
	f->has_hook = has_hook;
	if (state == DEFERRED || state == QUEUED_IN_A_LIMITER || state == CANCELLED_BEFORE_IT_BEGAN)
		options.start = FERRY_START_DEFERRED;
	else if (state == LAZY)
		options.start = FERRY_START_LAZY;
	if (state == QUEUED_IN_A_GROUP)
		options.group = &stage->limited;
	ferry_task_begin(&f->task, loop, frame_step, &options);
	cr_assert_eq(ferry_task_add_done_callback(&f->task, call, f), 0);
	cr_assert_eq(ferry_task_unwrap(&f->task, NULL, &f->future), 0);
	if (state == QUEUED_IN_A_LIMITER)
		ferry_limiter_submit(&stage->limiter, &f->slot, &f->task, 0);
	if (state == WAS_CUT || state == CANCELLED_BEFORE_IT_BEGAN ||
	    state == WAITS_FOR_ONE_THAT_WAS_ASKED || state == WAITS_HELD)
		cr_assert_eq(ferry_task_cancel(&f->task), 0);
	return f;
}

/* Nobody has the frame any more, so whoever touched it would be seen. */
static void end_frame(struct frame *f, unsigned asked)
{
	ferry_snapshot snapshot = ferry_awaitable_snapshot(&f->awaitable);
	bool cleans = is(f, CLEANS_UP) || is(f, CLEANS_UP_BEHIND_AN_EXCEPTION);
	bool waits = f->state > CANCELLED_BEFORE_IT_BEGAN;

	cr_assert(snapshot.done && snapshot.cancelled, "state %d", f->state);
	cr_assert_eq(f->began, waits, "state %d", f->state);
	cr_assert_eq(f->went_on, 0, "state %d", f->state);
	cr_assert_eq(f->cleaned, cleans, "state %d: nothing of it runs", f->state);
	cr_assert_eq(f->cleanups, f->has_hook, "state %d: the hook is called", f->state);
	cr_assert_eq(f->copied, 1, "state %d", f->state);
	cr_assert_eq(f->freed, 1, "state %d", f->state);
	cr_assert_eq(f->called, 0, "state %d: callbacks are not", f->state);
	cr_assert_eq(stage->asked, asked, "state %d: nor is what it waits for asked", f->state);
	cr_assert(ferry_future_snapshot(f->future).cancelled, "state %d", f->state);
	ferry_future_unref(f->future);
	cr_assert_eq(ferry_await_end(&f->await), 0);
	memset(f, 0xa5, sizeof(*f));
	free(f);
}

static void end_stage(void)
{
	ferry_loop_unref(loop);
	memset(&stage->inside, 0xa5, sizeof(stage->inside));
	gate_open(&stage->gate);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	ferry_pool_free(pool);
	gate_destroy(&stage->gate);
	close(stage->pipe[0]);
	close(stage->pipe[1]);
	free(stage);
	cr_assert_eq(exceptions_alive, 0);
	diary[0] = 0;
}

/* ---- each, and all ---- */

Test(close, T5_in_each_state_a_task_ends_as_cancelled)
{
	for (unsigned i = 0; i < 2 * STATES; i++) {
		unsigned state = i / 2, asked;
		struct frame *f;

		begin_stage();
		f = begin_frame((enum state)state, NULL, i % 2);
		if (state == WAS_WOKEN)
			cr_assert_eq(ferry_operation_complete(&stage->done, loop, 0), 0);
		asked = stage->asked;
		cr_assert_eq(ferry_loop_free(loop), 0);
		end_frame(f, asked);
		end_stage();
	}
}

/* Several of each, listed in this order or that, in a group or none. */
static void close_with_all(bool backwards, bool in_group)
{
	struct frame *frames[2 * STATES];
	ferry_group *group = in_group ? malloc(sizeof(*group)) : NULL;
	unsigned asked;

	begin_stage();
	if (group)
		cr_assert_eq(ferry_group_init(group, loop, NULL), 0);
	for (unsigned i = 0; i < 2 * STATES; i++) {
		unsigned state = i % STATES;

		if (backwards)
			state = STATES - 1 - state;
		frames[i] = begin_frame((enum state)state, group, i < STATES);
	}
	cr_assert_eq(ferry_operation_complete(&stage->done, loop, 0), 0);
	asked = stage->asked;
	cr_assert_eq(ferry_loop_free(loop), 0);
	if (group) {
		cr_assert(ferry_awaitable_snapshot(&group->awaitable).cancelled);
		free(group);
	}
	for (unsigned i = 0; i < 2 * STATES; i++)
		end_frame(frames[i], asked);
	end_stage();
}

Test(close, T5_all_of_them_together)
{
	close_with_all(false, false);
	close_with_all(true, false);
}

Test(close, T5_all_of_them_in_a_group)
{
	close_with_all(false, true);
	close_with_all(true, true);
}

/* ---- who waits for whom ---- */

static void note_cleanup(ferry_task *task, void *user)
{
	(void)task;
	diary_note("%s]", (char *)user);
}

static struct actor *waited_for;

static void begin_it(struct actor *actor)
{
	(void)actor;
	actor_begin(waited_for, loop, OPTIONS_OF(.cleanup = note_cleanup, .user = "inner"));
}

/* The one who waits was listed before the one that it waits for, or behind. */
static void close_with_two(ferry_start how, unsigned more)
{
	ferry_operation operation;
	struct actor inner = { .name = "", .awaits = &operation.awaitable };
	struct actor outer = { .name = "", .acts = begin_it, .awaits = &inner.awaitable };
	struct actor others[3];

	loop = fixture_loop();
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	waited_for = &inner;
	actor_begin(&outer, loop,
		    OPTIONS_OF(.start = how, .cleanup = note_cleanup, .user = "outer"));
	if (how == FERRY_START_DEFERRED)
		cr_assert_eq(ferry_task_start(&outer.task), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	for (unsigned i = 0; i < more; i++) {
		others[i] = (struct actor){ .name = "", .awaits = &inner.awaitable };
		actor_begin(&others[i], loop, OPTIONS_OF(.cleanup = note_cleanup, .user = "other"));
	}
	diary[0] = 0;
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(strstr(diary, "inner]") && strstr(diary, "outer]"), "%s", diary);
	cr_assert_eq(strlen(diary), strlen("inner] outer] ") + more * strlen("other] "));
	cr_assert_eq(inner.cleaned + outer.cleaned, 0);
	diary[0] = 0;
}

Test(close, who_waits_for_another_may_be_listed_before_it_or_behind)
{
	for (unsigned more = 0; more < 4; more++) {
		close_with_two(FERRY_START_EAGER, more);
		close_with_two(FERRY_START_LAZY, more);
		close_with_two(FERRY_START_DEFERRED, more);
	}
}

Test(close, tasks_that_wait_for_each_other_in_a_circle_end_too)
{
	struct actor a, b = { .name = "b", .awaits = &a.awaitable };

	a = (struct actor){ .name = "a", .awaits = &b.awaitable };
	loop = fixture_loop();
	actor_init(&a, loop, OPTIONS_OF(.cleanup = note_cleanup, .user = "a"));
	actor_init(&b, loop, OPTIONS_OF(.cleanup = note_cleanup, .user = "b"));
	cr_assert_eq(ferry_task_start(&a.task), 0);
	cr_assert_eq(ferry_task_start(&b.task), 0);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(diary_is("a: b: a] b]"));
	cr_assert(ferry_awaitable_snapshot(&a.awaitable).cancelled);
	cr_assert(ferry_awaitable_snapshot(&b.awaitable).cancelled);
}

/* ---- locals that tasks wait for ---- */

struct reader {
	FERRY_FRAME;
	ferry_await own, *await;
	ferry_local *local;
	bool shields, went_on;
};

static ferry_step reader_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct reader, f);
	if (f->local)
		ferry_await_local(f->await, f->local);
	if (f->shields)
		FERRY_SHIELD(f->await);
	else
		FERRY_AWAIT(f->await);
	f->went_on = true;
	FERRY_RETURN();

	FERRY_FINALLY
	ferry_await_end(f->await);
	FERRY_END;
}

static void begin_reader(struct reader *reader, ferry_local *local, ferry_await *await)
{
	reader->local = local;
	reader->await = await ? await : &reader->own;
	ferry_task_begin(&reader->task, loop, reader_step, NULL);
}

static ferry_local *plain_local(void)
{
	ferry_local *local;

	cr_assert_eq(ferry_local_new(loop, &local), 0);
	return local;
}

/* Nobody else could do that for a task that was submitted. */
static void nothing_is_held(const struct reader *reader)
{
	cr_assert_not(reader->went_on);
	cr_assert(ferry_awaitable_snapshot(&reader->awaitable).cancelled);
	cr_assert_null(reader->await->local);
}

Test(close, T5_a_local_that_a_task_waits_for_is_let_go_of)
{
	struct reader pending = { .went_on = false }, shielded = { .shields = true },
		      done = { .went_on = false };
	struct disposal disposal;

	disposal_init(&disposal);
	loop = ferry_loop_ref(fixture_loop());
	begin_reader(&pending, plain_local(), NULL);
	begin_reader(&shielded, plain_local(), NULL);
	begin_reader(&done, plain_local(), NULL);
	cr_assert_eq(ferry_local_set_result(done.own.local,
					    disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE)),
		     0);
	cr_assert_eq(ferry_loop_free(loop), 0);
	nothing_is_held(&pending);
	nothing_is_held(&shielded);
	nothing_is_held(&done);
	cr_assert_eq(disposal_count(&disposal), 1);
	cr_assert_eq(loop->refs, 1, "nor is the loop's handle");
	ferry_loop_unref(loop);
}

/* The first of two has gone on, and the turn was over; the other one was woken. */
Test(close, T5_and_so_is_one_by_which_a_task_was_woken)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	struct reader woken = { .went_on = false };
	struct actor first = { .name = "f", .awaits = &woken.own.awaitable };
	struct disposal disposal;

	options.budget = 1;
	disposal_init(&disposal);
	cr_assert_eq(ferry_loop_new(&options, &loop), 0);
	ferry_loop_ref(loop);
	ferry_await_local(&woken.own, plain_local());
	actor_begin(&first, loop, NULL);
	begin_reader(&woken, NULL, NULL);
	cr_assert_eq(ferry_local_set_result(woken.own.local,
					    disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE)),
		     0);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("f:"), "the local is done, and both are woken");
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("f. f)"));
	cr_assert_eq(ferry_loop_free(loop), 0);
	nothing_is_held(&woken);
	cr_assert_eq(disposal_count(&disposal), 1);
	cr_assert_eq(loop->refs, 1);
	ferry_loop_unref(loop);
}

Test(close, T5_two_that_wait_by_the_same_let_go_of_it_once)
{
	struct reader first = { .went_on = false }, second = { .went_on = false };
	ferry_local *local;

	loop = fixture_loop();
	local = ferry_local_ref(plain_local());
	begin_reader(&first, local, NULL);
	begin_reader(&second, NULL, &first.own);
	cr_assert_eq(ferry_loop_free(loop), 0);
	nothing_is_held(&first);
	nothing_is_held(&second);
	ferry_local_unref(local);
}

/* ---- groups ---- */

Test(close, T6_groups_without_tasks_end_too)
{
	ferry_group open, closed, inner;

	loop = fixture_loop();
	cr_assert_eq(ferry_group_init(&open, loop, NULL), 0);
	cr_assert_eq(ferry_group_init(&inner, loop, NULL), 0);
	cr_assert_eq(ferry_group_init(&closed, loop, NULL), 0);
	cr_assert_eq(ferry_group_close(&closed), 0);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(ferry_awaitable_snapshot(&open.awaitable).cancelled);
	cr_assert(ferry_awaitable_snapshot(&inner.awaitable).cancelled);
	cr_assert_not(ferry_awaitable_snapshot(&closed.awaitable).cancelled, "it ended before");
}

Test(close, T6_a_group_that_is_ending_its_children_ends_with_them)
{
	struct actor a = { .name = "a" }, b = { .name = "b", .yields = 1 }, c = { .name = "c" },
		     fails = { .name = "fails", .error = exception_new("e") };
	ferry_group group;

	loop = fixture_loop();
	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&a, loop, OPTIONS_OF(.start = FERRY_START_LAZY, .group = &group));
	actor_begin(&b, loop, FERRY_IN(&group));
	actor_begin(&c, loop, OPTIONS_OF(.start = FERRY_START_DEFERRED, .group = &group));
	actor_begin(&fails, loop, FERRY_IN(&group));
	cr_assert_eq(ferry_task_cancels(&b.task), 1);
	cr_assert_eq(ferry_task_clear(&fails.task), 0);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(ferry_awaitable_snapshot(&a.awaitable).cancelled);
	cr_assert(ferry_awaitable_snapshot(&b.awaitable).cancelled);
	cr_assert(ferry_awaitable_snapshot(&c.awaitable).cancelled);
	cr_assert_eq(a.cleaned + b.cleaned + c.cleaned, 0);
	cr_assert_eq(exceptions_alive, 0, "nor is the group's exception lost");
	diary[0] = 0;
}

/* ---- hooks ---- */

static unsigned refusals;

static void begin_another(ferry_task *task, void *user)
{
	static struct actor late = { .name = "late" };

	(void)task;
	actor_begin(&late, loop, OPTIONS_OF(.cleanup = note_cleanup, .user = "late"));
	refusals += ferry_awaitable_snapshot(&late.awaitable).exception ==
		    ferry_error_from_errno(ESHUTDOWN);
	cr_assert_eq(ferry_task_cancel(user), -ESHUTDOWN);
	cr_assert_eq(ferry_loop_call_soon(loop, NULL, NULL), -ESHUTDOWN);
}

Test(close, a_hook_can_begin_nothing_any_more)
{
	struct actor a = { .name = "a" }, b = { .name = "b" }, ended = { .name = "ended" };

	loop = fixture_loop();
	actor_begin(&ended, loop, OPTIONS_OF(.cleanup = begin_another, .user = &b));
	actor_init(&a, loop, OPTIONS_OF(.cleanup = begin_another, .user = &b));
	actor_init(&b, loop, NULL);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(refusals, 2);
	cr_assert(diary_is("ended: ended. ended)"));
}

static void free_frame(ferry_task *task, void *user)
{
	++*(unsigned *)user;
	memset(task, 0xa5, sizeof(struct actor));
	free(task);
}

Test(close, hooks_may_free_their_frames)
{
	struct actor *before = NULL;
	ferry_operation operation;
	unsigned freed = 0;

	loop = fixture_loop();
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	/* Each waits for the one before it, and some of them twice as many do. */
	for (unsigned i = 0; i < 300; i++) {
		struct actor *a = calloc(1, sizeof(*a));

		a->name = "";
		a->yields = i % 7 == 0;
		a->awaits = before ? &before->awaitable : &operation.awaitable;
		actor_begin(a, loop,
			    OPTIONS_OF(.cleanup = free_frame, .user = &freed,
				       .start = i % 5 ? FERRY_START_EAGER : FERRY_START_LAZY));
		if (i % 3)
			before = a;
		diary[0] = 0;
	}
	ferry_loop_run_once(loop, 0);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(freed, 300);
	diary[0] = 0;
}

Test(close, one_that_has_ended_has_its_hook_called_and_keeps_its_outcome)
{
	struct actor a = { .name = "", .number = 3 }, b = { .name = "", .fails = -EIO },
		     c = { .name = "", .error = exception_new("e") };
	struct frame never_called = { .called = 0 };

	loop = fixture_loop();
	actor_begin(&a, loop, OPTIONS_OF(.cleanup = note_cleanup, .user = "a"));
	actor_begin(&b, loop, NULL);
	actor_begin(&c, loop, OPTIONS_OF(.cleanup = note_cleanup, .user = "c"));
	cr_assert_eq(ferry_task_add_done_callback(&b.task, call, &never_called), 0);
	diary[0] = 0;
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(diary_is("a] c]"));
	cr_assert(ferry_awaitable_snapshot(&a.awaitable).done);
	cr_assert_not(ferry_awaitable_snapshot(&a.awaitable).cancelled);
	cr_assert_eq(ferry_awaitable_snapshot(&b.awaitable).exception, ferry_error_from_errno(EIO));
	cr_assert_eq(exceptions_alive, 0);
	cr_assert_eq(never_called.called, 0);
}

/* ---- in order ---- */

Test(close, a_loop_is_ended_in_order_by_cancelling_its_tasks_first)
{
	struct actor a = { .name = "a" }, b = { .name = "b", .awaits = &a.awaitable };

	loop = fixture_loop();
	actor_init(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	cr_assert_eq(ferry_loop_cancel_tasks(loop), 2);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0);
	cr_assert(diary_is("b: a) b)"));
	cr_assert_eq(ferry_loop_free(loop), 0);
}

/* What was cut short is not looked at: what it waited for may be another one by now. */
Test(close, what_was_cut_short_has_nothing_that_could_be_let_go_of)
{
	ferry_await await = { .local = NULL };
	struct actor a = { .name = "a", .shielded = true };
	ferry_local *locals[2];

	loop = fixture_loop();
	for (int i = 0; i < 2; i++)
		cr_assert_eq(ferry_local_new(loop, &locals[i]), 0);
	a.awaits = &ferry_await_local(&await, locals[0])->awaitable;
	actor_begin(&a, loop, NULL);
	cr_assert_eq(ferry_task_cancel(&a.task), 0);
	cr_assert_eq(ferry_await_end(&await), 0);
	ferry_await_local(&await, locals[1]);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(ferry_awaitable_snapshot(&a.awaitable).cancelled);
	cr_assert_eq(await.local, locals[1]);
	cr_assert_eq(ferry_await_end(&await), 0);
	diary[0] = 0;
}

/* In the frame of one that has ended lies something else by now, as its hook says. */
static union {
	struct actor actor;
	ferry_await await;
} child;

static ferry_local *another;

static void use_frame_again(ferry_task *task, void *user)
{
	(void)task, (void)user;
	memset(&child, 0, sizeof(child));
	ferry_await_local(&child.await, another);
}

Test(close, what_woke_a_task_may_go_by_its_hook_before_the_task_is_ended)
{
	struct actor waits = { .name = "w", .awaits = &child.actor.awaitable };
	ferry_operation operation;

	loop = fixture_loop();
	cr_assert_eq(ferry_local_new(loop, &another), 0);
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	child.actor = (struct actor){ .name = "c", .awaits = &operation.awaitable };
	actor_begin(&child.actor, loop, OPTIONS_OF(.cleanup = use_frame_again));
	actor_begin(&waits, loop, NULL);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(ferry_awaitable_snapshot(&waits.awaitable).cancelled);
	cr_assert_eq(child.await.local, another);
	cr_assert_eq(ferry_await_end(&child.await), 0);
	diary[0] = 0;
}
