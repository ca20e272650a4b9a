/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every function of task.h called wrongly, in the wrong state, on the wrong thread, inside a
 * callback or a step, after the close or in a fork's child: its documented return, and nothing
 * changed (E1, L3, L6, P6).
 */
#include "support/actor.h"
#include "support/misuse.h"

TestSuite(misuse_task, .timeout = 60);

/* ---- things of every kind, in every state ---- */

/* A task that has the lock and a slot, inside of a scope with a deadline, and waits. */
struct holder {
	FERRY_FRAME;
	ferry_slot slot;
	ferry_timeout timeout;
};

static struct things {
	ferry_event event; /* never set: what the tasks wait for */
	ferry_operation operation, done;
	struct actor waiting, deferred, awaited, ended, failed, refused, grouped, queued;
	struct actor waits_for_deferred, waits_for_await, waits_for_sleep, waits_for_gather;
	struct actor waits_for_next, gets, puts, asks;
	struct holder holder;
	ferry_await await;   /* a task waits */
	ferry_await pending; /* nobody does */
	ferry_sleep sleep, slept;
	ferry_group group, closed_group, ended_group, other_group;
	ferry_gather gather, collected;
	ferry_gather_entry entries[1], collected_entries[1];
	ferry_limiter limiter;
	ferry_slot queued_slot, empty_slot;
	ferry_lock lock;
	ferry_semaphore semaphore;
	ferry_condition condition;
	ferry_queue queue, full, closed_queue;
	ferry_queue_entry get, put, got;
	void *room[3];
	ferry_iterator iterator;
	struct actor gives;
	ferry_timeout unopened;
	ferry_waiter waiter, bad_waiter;
} things;

/* Written to by calls that are refused: not looked at. */
static struct {
	struct actor actor;
	ferry_eager eager;
	ferry_await await;
	ferry_sleep sleep;
	ferry_group group;
	ferry_gather gather;
	ferry_gather_entry entries[1];
	ferry_limiter limiter;
	ferry_slot slot;
	ferry_lock lock;
	ferry_semaphore semaphore;
	ferry_event event;
	ferry_condition condition;
	ferry_queue queue;
	ferry_queue_entry entry;
	void *room[1];
	ferry_iterator iterator;
	ferry_timeout timeout;
	ferry_operation operation;
} scratch;

static ferry_step holder_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct holder, f);
	FERRY_TRY(ferry_lock_acquire(&things.lock));
	FERRY_TRY(ferry_limiter_enter(&things.limiter, &f->slot, 0));
	FERRY_TIMEOUT(&f->timeout, FERRY_NO_DEADLINE)
		FERRY_TRY(&things.event);
	FERRY_RETURN();

	FERRY_FINALLY
	FERRY_END;
}

static void must_not_notify(ferry_waiter *waiter)
{
	(void)waiter;
	HOLDS(!"a node that was refused is notified");
}

static void wait_for(struct actor *actor, ferry_awaitable *awaitable)
{
	*actor = (struct actor){ .name = "", .awaits = awaitable };
	actor_begin(actor, stage.loop, NULL);
}

static void make_operations(void)
{
	ferry_local *locals[2];

	HOLDS(ferry_event_init(&things.event, stage.loop) == 0);
	HOLDS(ferry_operation_init(&things.operation, NULL) == 0);
	HOLDS(ferry_operation_init(&things.done, NULL) == 0);
	HOLDS(ferry_operation_complete(&things.done, stage.loop, -EIO) == 0);
	things.waiter.notify = must_not_notify;
	for (int i = 0; i < 2; i++)
		HOLDS(ferry_local_new(stage.loop, &locals[i]) == 0);
	wait_for(&things.waits_for_await, &ferry_await_local(&things.await, locals[0])->awaitable);
	ferry_await_local(&things.pending, locals[1]);
	wait_for(&things.waits_for_sleep,
		 &ferry_sleep_until(&things.sleep, stage.loop, FERRY_NO_DEADLINE - 1)->awaitable);
	ferry_sleep_until(&things.slept, stage.loop, FERRY_NO_DEADLINE - 1);
	ferry_sleep_cancel(&things.slept);
}

static void make_tasks(void)
{
	ferry_loop *loop = stage.loop;

	things.waiting = (struct actor){ .name = "", .awaits = &things.event.awaitable };
	actor_begin(&things.waiting, loop,
		    OPTIONS_OF(.name = "waiting", .user = "user", .context = "context"));
	actor_init(&things.deferred, loop, NULL);
	actor_init(&things.awaited, loop, NULL);
	wait_for(&things.waits_for_deferred, &things.awaited.awaitable);
	things.ended = (struct actor){ .name = "", .number = 7 };
	actor_begin(&things.ended, loop, NULL);
	things.failed = (struct actor){ .name = "", .fails = -EIO };
	actor_begin(&things.failed, loop, NULL);
	HOLDS(ferry_task_snapshot(&things.failed.task).done);
	ferry_task_begin(&things.refused.task, loop, NULL, NULL);
	HOLDS(ferry_group_init(&things.group, loop, NULL) == 0);
	things.grouped = (struct actor){ .name = "", .awaits = &things.event.awaitable };
	actor_begin(&things.grouped, loop, OPTIONS_OF(.group = &things.group));
	HOLDS(ferry_group_init(&things.ended_group, loop, NULL) == 0);
	HOLDS(ferry_group_close(&things.ended_group) == 0);
	HOLDS(ferry_group_init(&things.closed_group, loop, NULL) == 0);
	actor_init(&things.gives, loop, OPTIONS_OF(.group = &things.closed_group));
	HOLDS(ferry_group_init(&things.other_group, stage.other_loop, NULL) == 0);
}

static void make_gathers(void)
{
	ferry_operation *next;

	things.entries[0].of = &things.event.awaitable;
	ferry_gather_begin(&things.gather, stage.loop, things.entries, 1, FERRY_GATHER_ALL);
	wait_for(&things.waits_for_gather, &things.gather.awaitable);
	things.collected_entries[0].of = &things.event.awaitable;
	ferry_gather_begin(&things.collected, stage.loop, things.collected_entries, 1,
			   FERRY_GATHER_COLLECT);
	next = ferry_gather_next(&things.collected);
	wait_for(&things.waits_for_next, &next->awaitable);
}

static void make_locks(void)
{
	HOLDS(ferry_lock_init(&things.lock, stage.loop) == 0);
	HOLDS(ferry_condition_init(&things.condition, &things.lock) == 0);
	HOLDS(ferry_semaphore_init(&things.semaphore, stage.loop, 1) == 0);
	HOLDS(ferry_limiter_init(&things.limiter, stage.loop, 1) == 0);
	ferry_task_begin(&things.holder.task, stage.loop, holder_step, NULL);
	actor_init(&things.queued, stage.loop, NULL);
	ferry_limiter_submit(&things.limiter, &things.queued_slot, &things.queued.task, 0);
}

static void make_queues(void)
{
	HOLDS(ferry_queue_init(&things.queue, stage.loop, &things.room[0], 1) == 0);
	HOLDS(ferry_queue_init(&things.full, stage.loop, &things.room[1], 1) == 0);
	HOLDS(ferry_queue_init(&things.closed_queue, stage.loop, &things.room[2], 1) == 0);
	HOLDS(ferry_queue_close(&things.closed_queue) == 0);
	wait_for(&things.gets, &ferry_queue_get(&things.queue, &things.get)->awaitable);
	ferry_queue_put(&things.full, &things.got, NULL);
	wait_for(&things.puts, &ferry_queue_put(&things.full, &things.put, NULL)->awaitable);
}

/* An iteration whose task waits for something else, and somebody waits for an item. */
static void make_iterators(void)
{
	things.gives.name = "";
	things.gives.awaits = &things.event.awaitable;
	HOLDS(ferry_iterator_init(&things.iterator, &things.gives.task) == 0);
	wait_for(&things.asks, &ferry_iterator_next(&things.iterator)->awaitable);
}

static void begin(void)
{
	misuse_begin();
	memset(&things, 0, sizeof(things));
	make_operations();
	make_tasks();
	make_gathers();
	make_locks();
	make_queues();
	make_iterators();
	/* It closes the group; the task that gives is in it, and has begun. */
	HOLDS(ferry_group_close(&things.closed_group) == 0);
	diary[0] = 0;
	stage.things = &things;
	stage.things_bytes = sizeof(things);
}

/* The tasks end, and what they hold is let go of; then all still works. */
static void end(void)
{
	stage.things = NULL;
	stage.things_bytes = 0;
	if (stage.loop) {
		HOLDS(ferry_loop_cancel_tasks(stage.loop) > 0);
		while (ferry_loop_run_once(stage.loop, 0) > 0)
			;
		HOLDS(fixture_loop_counters(stage.loop).tasks == 0);
	}
	ferry_await_end(&things.await);
	ferry_await_end(&things.pending);
	diary[0] = 0;
	misuse_end();
}

/* ---- what they say ---- */

/* Of what a call gives to be awaited: 1 if it is not done. */
static int said(const ferry_operation *operation)
{
	ferry_snapshot snapshot =
		ferry_awaitable_snapshot(operation ? &operation->awaitable : NULL);

	if (!operation)
		return -errno;
	if (!snapshot.done)
		return 1;
	return snapshot.cancelled ? -ECANCELED : -ferry_error_errno(snapshot.exception);
}

/* Of a task that was begun: why it was refused. */
static int born(const ferry_task *task)
{
	ferry_snapshot snapshot = ferry_awaitable_snapshot(task ? &task->awaitable : NULL);

	if (!task)
		return -errno;
	return snapshot.done ? -ferry_error_errno(snapshot.exception) : 1;
}

static void must_not_clean_up(ferry_task *task, void *user)
{
	(void)task, (void)user;
	HOLDS(!"cleanup is called where it must not be");
}

static ferry_step must_not_run(ferry_task *task)
{
	HOLDS(!"a task that was refused runs");
	return ferry_task_finish(task);
}

static void must_not_be_told(ferry_task *task, void *user)
{
	(void)task, (void)user;
	HOLDS(!"a callback that was refused is called");
}

static int must_not_visit(ferry_task *task, void *user)
{
	(void)task, (void)user;
	HOLDS(!"a task is shown where none may be");
	return 0;
}

static int must_not_write(void *user, const char *text, size_t length)
{
	(void)user, (void)text, (void)length;
	HOLDS(!"something is written where nothing may be");
	return 0;
}

static ferry_local *must_not_start(ferry_loop *loop, void *user)
{
	(void)loop, (void)user;
	HOLDS(!"something is started where nothing may be");
	return NULL;
}

static void must_not_be_disposed_of(const ferry_result *result)
{
	(void)result;
	HOLDS(!"a result that was refused is disposed of");
}

static const ferry_disposer anywhere = { FERRY_DISPOSE_ANYWHERE, must_not_be_disposed_of };
static const ferry_disposer blocking = { FERRY_DISPOSE_BLOCKING, must_not_be_disposed_of };

#define TASK(...) OPTIONS(ferry_task_options, __VA_ARGS__)
#define UNWRAP(...) OPTIONS(ferry_unwrap_options, __VA_ARGS__)
#define GROUP(...) OPTIONS(ferry_group_options, __VA_ARGS__)
/* Rows of calls that make a task, or something to await. */
#define BEGIN(...) born(ferry_task_begin(__VA_ARGS__))
#define INIT(...) born(ferry_task_init(__VA_ARGS__))
#define EAGER(...) born(ferry_eager_begin(__VA_ARGS__))
#define LOCAL(...) said(ferry_await_local(__VA_ARGS__))
#define FD(...) said(ferry_await_fd(__VA_ARGS__))
#define SLEEP(...) said(ferry_sleep_until(__VA_ARGS__))
#define GATHER(...) said(ferry_gather_begin(__VA_ARGS__))
#define ENTER(...) said(ferry_limiter_enter(__VA_ARGS__))
#define PUT(...) said(ferry_queue_put(__VA_ARGS__))
#define GET(...) said(ferry_queue_get(__VA_ARGS__))
#define DUMP(...) ferry_loop_dump(__VA_ARGS__)
#define SUBMIT(...) ferry_task_submit(__VA_ARGS__)
#define TOLD must_not_be_told, NULL
#define FRAME &scratch.actor.task

/* ---- wrong anywhere ---- */

/* No loop's and no task's, so they are as wrong on any thread, and in a child. */
static void of_no_task(void)
{
	ferry_result number = ferry_result_u64(1);

	GIVES(BEGIN(NULL, NULL, NULL, NULL), -EINVAL);
	GIVES(BEGIN(FRAME, NULL, must_not_run, TASK(.cleanup = must_not_clean_up)), -EINVAL);
	GIVES(INIT(NULL, NULL, NULL, NULL), -EINVAL);
	GIVES(INIT(FRAME, NULL, must_not_run, TASK(.cleanup = must_not_clean_up)), -EINVAL);
	GIVES(EAGER(NULL, NULL, NULL, NULL, NULL, NULL), -EINVAL);
	GIVES(EAGER(&scratch.eager, NULL, must_not_start, NULL, NULL,
		    TASK(.cleanup = must_not_clean_up)),
	      -EINVAL);
	GIVES(ferry_task_start(NULL), -EINVAL);
	GIVES(ferry_task_schedule(NULL), -EINVAL);
	GIVES(ferry_task_forget(NULL), -EINVAL);
	GIVES(ferry_eager_factory(NULL, NULL, NULL, NULL, NULL), -EINVAL);
	GIVES(ferry_lazy_factory(NULL, NULL, NULL, NULL, NULL), -EINVAL);
	GIVES(ferry_eager_factory(FRAME, NULL, must_not_run, TASK(), NULL), -EINVAL);
	GIVES(ferry_lazy_factory(FRAME, NULL, must_not_run, TASK(), NULL), -EINVAL);
	GIVES(ferry_loop_set_task_factory(NULL, ferry_lazy_factory, NULL), -EINVAL);
	GIVES(ferry_current_task(NULL) == NULL, 1);
	GIVES(ferry_task_loop(NULL) == NULL, 1);
	GIVES(misuse_is_blank(ferry_task_snapshot(NULL)), 1);
	GIVES(ferry_task_clear(NULL), -EINVAL);
	GIVES(ferry_task_name(NULL) == NULL, 1);
	GIVES(ferry_task_user(NULL) == NULL, 1);
	GIVES(ferry_task_context(NULL) == NULL, 1);
	GIVES(ferry_task_set_result(NULL, number), -EINVAL);
	GIVES(ferry_task_add_done_callback(NULL, TOLD), -EINVAL);
	GIVES(ferry_task_remove_done_callback(NULL, TOLD), -EINVAL);
	GIVES(ferry_task_cancel(NULL), -EINVAL);
	GIVES(ferry_task_uncancel(NULL), -EINVAL);
	GIVES(ferry_task_cancels(NULL), -EINVAL);
	GIVES(ferry_task_shield(NULL), -EINVAL);
	GIVES(ferry_task_unshield(NULL), -EINVAL);
	GIVES(ferry_loop_cancel_tasks(NULL), -EINVAL);
	GIVES(ferry_loop_await(NULL, &things.event.awaitable), -EINVAL);
	GIVES(SUBMIT(NULL, stage.loop, must_not_run, NULL, NULL, &ret.future), -EINVAL);
	GIVES(SUBMIT(FRAME, NULL, must_not_run, NULL, NULL, &ret.future), -EINVAL);
	GIVES(SUBMIT(FRAME, stage.loop, NULL, NULL, NULL, &ret.future), -EINVAL);
	GIVES(ferry_task_unwrap(NULL, NULL, &ret.future), -EINVAL);
	GIVES(ferry_unwrap(NULL, NULL, &ret.future), -EINVAL);
	GIVES(ferry_each_task(NULL, must_not_visit, NULL), -EINVAL);
	GIVES(DUMP(NULL, FERRY_DUMP_TEXT, must_not_write, NULL), -EINVAL);
	GIVES(ferry_timeout_begin(&scratch.timeout, NULL, 0, 1), -EINVAL);
	GIVES(ferry_timeout_end(NULL), 0);
	GIVES(ferry_timeout_end(&things.unopened), 0);
}

static void of_nothing_to_wait_for(void)
{
	GIVES(misuse_is_blank(ferry_awaitable_snapshot(NULL)), 1);
	GIVES(ferry_awaitable_attach(NULL, NULL, NULL), -EINVAL);
	GIVES(ferry_awaitable_attach(&things.event.awaitable, NULL, &things.waiter), -EINVAL);
	GIVES(ferry_awaitable_detach(NULL, NULL, NULL), -EINVAL);
	GIVES(ferry_awaitable_detach(&things.event.awaitable, NULL, &things.waiter), -EINVAL);
	GIVES(ferry_operation_init(NULL, NULL), -EINVAL);
	GIVES(ferry_operation_init(&things.operation, &(ferry_operation_hooks){ .size = 0 }),
	      -EINVAL);
	GIVES(ferry_operation_init(&things.operation, &(ferry_operation_hooks){ .size = SIZE_MAX }),
	      -EINVAL);
	GIVES(ferry_operation_complete(NULL, NULL, 0), -EINVAL);
	GIVES(ferry_operation_complete(&things.operation, NULL, 0), -EINVAL);
	GIVES(LOCAL(NULL, stage.plain), -EINVAL);
	GIVES(FD(NULL, NULL, 0, FERRY_READABLE), -EINVAL);
	GIVES(FD(&scratch.await, NULL, 0, FERRY_READABLE), -EINVAL);
	GIVES(misuse_is_blank(ferry_await_snapshot(NULL)), 1);
	GIVES(ferry_await_take(NULL, &ret.result), -EINVAL);
	GIVES(ferry_await_end(NULL), 0);
	GIVES(SLEEP(NULL, NULL, 0), -EINVAL);
	GIVES(SLEEP(&scratch.sleep, NULL, 0), -EINVAL);
	GIVES(ferry_sleep_cancel(NULL), -EINVAL);
	GIVES(GATHER(NULL, NULL, NULL, 0, FERRY_GATHER_ALL), -EINVAL);
	GIVES(GATHER(&scratch.gather, NULL, NULL, 0, FERRY_GATHER_ALL), -EINVAL);
	GIVES(said(ferry_gather_next(NULL)), -EINVAL);
	GIVES(ferry_gather_given(NULL) == NULL, 1);
	GIVES(ferry_gather_end(NULL), -EINVAL);
}

static void of_no_group(void)
{
	GIVES(ferry_group_init(NULL, NULL, NULL), -EINVAL);
	GIVES(ferry_group_init(&scratch.group, NULL, NULL), -EINVAL);
	GIVES(ferry_group_add(NULL, &things.deferred.task), -EINVAL);
	GIVES(ferry_group_close(NULL), -EINVAL);
	GIVES(ferry_group_cancel(NULL), -EINVAL);
	GIVES(ferry_group_first(NULL) == NULL, 1);
	GIVES(ferry_group_members(NULL), -EINVAL);
	GIVES(ferry_group_clear(NULL), -EINVAL);
	GIVES(ferry_limiter_init(NULL, NULL, 1), -EINVAL);
	GIVES(ferry_limiter_init(&scratch.limiter, NULL, 1), -EINVAL);
	GIVES(ferry_limiter_set_limit(NULL, 1), -EINVAL);
	GIVES(ferry_limiter_submit(&things.limiter, &scratch.slot, NULL, 0) == NULL, 1);
	GIVES(ENTER(NULL, NULL, 0), -EINVAL);
	GIVES(ENTER(NULL, &scratch.slot, 0), -EINVAL);
	GIVES(ferry_limiter_leave(NULL), 0);
	GIVES(ferry_limiter_leave(&things.empty_slot), 0);
	GIVES(ferry_limiter_stats(NULL, &ret.limiter_counters), -EINVAL);
}

static void of_no_lock(void)
{
	GIVES(ferry_lock_init(NULL, NULL), -EINVAL);
	GIVES(ferry_lock_init(&scratch.lock, NULL), -EINVAL);
	GIVES(said(ferry_lock_acquire(NULL)), -EINVAL);
	GIVES(ferry_lock_release(NULL), -EINVAL);
	GIVES(ferry_lock_owner(NULL) == NULL, 1);
	GIVES(ferry_semaphore_init(NULL, NULL, 1), -EINVAL);
	GIVES(ferry_semaphore_init(&scratch.semaphore, NULL, 1), -EINVAL);
	GIVES(said(ferry_semaphore_acquire(NULL)), -EINVAL);
	GIVES(ferry_semaphore_release(NULL, 1), -EINVAL);
	GIVES(ferry_event_init(NULL, NULL), -EINVAL);
	GIVES(ferry_event_init(&scratch.event, NULL), -EINVAL);
	GIVES(ferry_event_set(NULL), -EINVAL);
	GIVES(ferry_event_clear(NULL), -EINVAL);
	GIVES(ferry_condition_init(&scratch.condition, NULL), -EINVAL);
	GIVES(said(ferry_condition_wait(NULL)), -EINVAL);
	GIVES(ferry_condition_notify(NULL, 1), -EINVAL);
	GIVES(ferry_queue_init(NULL, NULL, NULL, 0), -EINVAL);
	GIVES(ferry_queue_init(&scratch.queue, NULL, scratch.room, 1), -EINVAL);
	GIVES(PUT(NULL, NULL, NULL), -EINVAL);
	GIVES(PUT(NULL, &scratch.entry, NULL), -EINVAL);
	GIVES(GET(NULL, NULL), -EINVAL);
	GIVES(GET(NULL, &scratch.entry), -EINVAL);
	GIVES(ferry_queue_leave(NULL), -EINVAL);
	GIVES(ferry_queue_try_put(NULL, NULL), -EINVAL);
	GIVES(ferry_queue_try_get(NULL, &ret.item), -EINVAL);
	GIVES(ferry_queue_close(NULL), -EINVAL);
	GIVES(ferry_queue_count(NULL), -EINVAL);
	GIVES(ferry_iterator_init(&scratch.iterator, NULL), -EINVAL);
	GIVES(said(ferry_iterator_next(NULL)), -EINVAL);
	GIVES(ferry_iterator_clear(NULL), -EINVAL);
	GIVES(said(ferry_iterator_emit(NULL, NULL)), -EINVAL);
}

static void nowhere(void)
{
	of_no_task();
	of_nothing_to_wait_for();
	of_no_group();
	of_no_lock();
}

/* ---- wrong arguments, and wrong states ---- */

static void of_tasks(void)
{
	ferry_loop *loop = stage.loop;
	ferry_task *waiting = &things.waiting.task, *ended = &things.ended.task;
	ferry_result some = ferry_result_pointer(&stage, &anywhere);
	ferry_result slow = ferry_result_pointer(&stage, &blocking);

	GIVES(BEGIN(NULL, loop, must_not_run, NULL), -EINVAL);
	GIVES(BEGIN(FRAME, loop, NULL, NULL), -EINVAL);
	GIVES(BEGIN(FRAME, loop, must_not_run, TASK(.start = FERRY_START_DEFERRED + 1)), -EINVAL);
	GIVES(BEGIN(FRAME, loop, must_not_run, TASK(.group = &things.other_group)), -EINVAL);
	GIVES(BEGIN(FRAME, loop, must_not_run, TASK(.group = &things.ended_group)), -ESHUTDOWN);
	BAD_OPTIONS(ferry_task_options, BEGIN(FRAME, loop, must_not_run, options));
	GIVES(INIT(NULL, loop, must_not_run, NULL), -EINVAL);
	GIVES(INIT(FRAME, loop, NULL, NULL), -EINVAL);
	GIVES(INIT(FRAME, loop, must_not_run, TASK(.group = &things.other_group)), -EINVAL);
	GIVES(INIT(FRAME, loop, must_not_run, TASK(.group = &things.ended_group)), -ESHUTDOWN);
	BAD_OPTIONS(ferry_task_options, INIT(FRAME, loop, must_not_run, options));
	GIVES(EAGER(NULL, loop, must_not_start, NULL, NULL, NULL), -EINVAL);
	GIVES(EAGER(&scratch.eager, loop, NULL, NULL, NULL, NULL), -EINVAL);
	BAD_OPTIONS(ferry_task_options,
		    EAGER(&scratch.eager, loop, must_not_start, NULL, NULL, options));
	GIVES(ferry_task_start(waiting), -EALREADY);
	GIVES(ferry_task_start(ended), -EALREADY);
	GIVES(ferry_task_start(&things.refused.task), -EALREADY);
	GIVES(ferry_task_schedule(waiting), -EALREADY);
	GIVES(ferry_task_schedule(ended), -EALREADY);
	GIVES(ferry_task_forget(waiting), -EBUSY);
	GIVES(ferry_task_forget(ended), -EALREADY);
	GIVES(ferry_task_forget(&things.awaited.task), -EBUSY);
	GIVES(ferry_task_forget(&things.grouped.task), -EBUSY);
	GIVES(ferry_task_forget(&things.queued.task), -EBUSY);
	GIVES(ferry_eager_factory(NULL, loop, must_not_run, TASK(), NULL), -EINVAL);
	GIVES(ferry_eager_factory(FRAME, loop, must_not_run, NULL, NULL), -EINVAL);
	GIVES(ferry_eager_factory(FRAME, loop, NULL, TASK(), NULL), -EINVAL);
	BAD_OPTIONS(ferry_task_options,
		    ferry_eager_factory(FRAME, loop, must_not_run, options, NULL));
	GIVES(ferry_lazy_factory(NULL, loop, must_not_run, TASK(), NULL), -EINVAL);
	GIVES(ferry_lazy_factory(FRAME, loop, must_not_run, NULL, NULL), -EINVAL);
	GIVES(ferry_lazy_factory(FRAME, loop, NULL, TASK(), NULL), -EINVAL);
	BAD_OPTIONS(ferry_task_options,
		    ferry_lazy_factory(FRAME, loop, must_not_run, options, NULL));
	GIVES(BEGIN(FRAME, NULL, must_not_run, NULL), -EINVAL);
	GIVES(ferry_task_loop(FRAME) == NULL, 1);
	GIVES(ferry_task_clear(waiting), -EBUSY);
	GIVES(ferry_task_name(ended) == NULL, 1);
	GIVES(ferry_task_user(ended) == NULL, 1);
	GIVES(ferry_task_context(ended) == NULL, 1);
	GIVES(ferry_task_set_result(ended, ferry_result_u64(1)), -EALREADY);
	GIVES(ferry_task_set_result(waiting, some), -EINVAL);
	GIVES(ferry_task_set_result(waiting, slow), -EINVAL);
	GIVES(ferry_task_add_done_callback(waiting, NULL, NULL), -EINVAL);
	GIVES(ferry_task_add_done_callback(ended, NULL, NULL), -EINVAL);
	GIVES(ferry_task_remove_done_callback(waiting, NULL, NULL), -EINVAL);
	GIVES(ferry_task_remove_done_callback(waiting, TOLD), 0);
	GIVES(ferry_task_remove_done_callback(ended, TOLD), 0);
	GIVES(ferry_task_cancel(ended), -EALREADY);
	GIVES(ferry_task_uncancel(ended), -EALREADY);
	GIVES(ferry_task_uncancel(waiting), -ENODATA);
	GIVES(ferry_task_cancels(waiting), 0);
	GIVES(ferry_task_shield(ended), -EALREADY);
	GIVES(ferry_task_unshield(ended), -EALREADY);
	GIVES(ferry_task_unshield(waiting), -EALREADY);
}

static void of_looking(void)
{
	ferry_loop *loop = stage.loop;
	ferry_task *waiting = &things.waiting.task;

	GIVES(ferry_loop_await(loop, NULL), -EINVAL);
	GIVES(ferry_loop_await(loop, &things.lock.operation.awaitable), -EINVAL);
	GIVES(ferry_loop_await(loop, &things.semaphore.operation.awaitable), -EINVAL);
	GIVES(ferry_loop_await(loop, &things.condition.operation.awaitable), -EINVAL);
	GIVES(ferry_each_task(loop, NULL, NULL), -EINVAL);
	GIVES(DUMP(loop, FERRY_DUMP_TEXT, NULL, NULL), -EINVAL);
	GIVES(DUMP(loop, FERRY_DUMP_JSON + 1, must_not_write, NULL), -EINVAL);
	GIVES(SUBMIT(FRAME, loop, must_not_run, TASK(.group = &things.group), NULL, &ret.future),
	      -EINVAL);
	GIVES(SUBMIT(FRAME, loop, must_not_run, TASK(.start = FERRY_START_DEFERRED + 1), NULL,
		     &ret.future),
	      -EINVAL);
	BAD_OPTIONS(ferry_task_options,
		    SUBMIT(FRAME, loop, must_not_run, options, NULL, &ret.future));
	BAD_OPTIONS(ferry_unwrap_options,
		    SUBMIT(FRAME, loop, must_not_run, NULL, options, &ret.future));
	GIVES(ferry_task_unwrap(waiting, NULL, NULL), -EINVAL);
	BAD_OPTIONS(ferry_unwrap_options, ferry_task_unwrap(waiting, options, &ret.future));
	GIVES(ferry_unwrap(stage.plain, NULL, NULL), -EINVAL);
	BAD_OPTIONS(ferry_unwrap_options, ferry_unwrap(stage.plain, options, &ret.future));
}

static void of_waiting(void)
{
	ferry_loop *loop = stage.loop;
	ferry_awaitable *event = &things.event.awaitable;

	GIVES(ferry_awaitable_attach(NULL, loop, &things.waiter), -EINVAL);
	GIVES(ferry_awaitable_attach(event, loop, NULL), -EINVAL);
	GIVES(ferry_awaitable_attach(event, loop, &things.bad_waiter), -EINVAL);
	GIVES(ferry_awaitable_attach(&things.done.awaitable, loop, &things.waiter), -EALREADY);
	GIVES(ferry_awaitable_attach(&things.ended.awaitable, loop, &things.waiter), -EALREADY);
	GIVES(ferry_awaitable_attach(&things.lock.operation.awaitable, loop, &things.waiter),
	      -EINVAL);
	GIVES(ferry_awaitable_attach(&things.semaphore.operation.awaitable, loop, &things.waiter),
	      -EINVAL);
	GIVES(ferry_awaitable_attach(&things.condition.operation.awaitable, loop, &things.waiter),
	      -EINVAL);
	GIVES(ferry_awaitable_detach(NULL, loop, &things.waiter), -EINVAL);
	GIVES(ferry_awaitable_detach(event, loop, NULL), -EINVAL);
	GIVES(ferry_awaitable_detach(event, loop, &things.waiter), 0);
	GIVES(ferry_awaitable_detach(&things.done.awaitable, loop, &things.waiter), 0);
	GIVES(ferry_operation_complete(NULL, loop, 0), -EINVAL);
	GIVES(ferry_operation_complete(&things.operation, loop, 1), -EINVAL);
	GIVES(ferry_operation_complete(&things.operation, loop, -100000), -EINVAL);
	GIVES(ferry_operation_complete(&things.operation, loop, INT_MIN), -EINVAL);
	GIVES(ferry_operation_complete(&things.done, loop, 0), -EALREADY);
	GIVES(FD(NULL, loop, STDERR_FILENO, FERRY_READABLE), -EINVAL);
	GIVES(FD(&scratch.await, loop, -1, FERRY_READABLE), -EINVAL);
	GIVES(FD(&scratch.await, loop, STDERR_FILENO, 0), -EINVAL);
	GIVES(ferry_await_take(&things.pending, NULL), -EINVAL);
	GIVES(ferry_await_take(&things.pending, &ret.result), -EAGAIN);
	GIVES(ferry_await_take(&scratch.await, &ret.result), -ENODATA);
	GIVES(ferry_await_end(&things.await), -EBUSY);
	GIVES(SLEEP(NULL, loop, 0), -EINVAL);
	GIVES(ferry_sleep_cancel(&things.slept), -EALREADY);
}

static void of_groups(void)
{
	ferry_loop *loop = stage.loop;
	ferry_group *group = &things.group;
	ferry_gather *gather = &scratch.gather;
	ferry_gather_entry *entries = scratch.entries;

	GIVES(ferry_group_init(NULL, loop, NULL), -EINVAL);
	GIVES(ferry_group_init(&scratch.group, loop, GROUP(.policy = 3)), -EINVAL);
	BAD_OPTIONS(ferry_group_options, ferry_group_init(&scratch.group, loop, options));
	GIVES(ferry_group_add(group, NULL), -EINVAL);
	GIVES(ferry_group_add(group, &things.waiting.task), -EBUSY);
	GIVES(ferry_group_add(group, &things.ended.task), -EBUSY);
	GIVES(ferry_group_add(group, &things.grouped.task), -EBUSY);
	GIVES(ferry_group_add(group, &things.queued.task), -EBUSY);
	GIVES(ferry_group_add(&things.other_group, &things.deferred.task), -EINVAL);
	GIVES(ferry_group_add(&things.ended_group, &things.deferred.task), -ESHUTDOWN);
	GIVES(ferry_group_close(&things.closed_group), -EALREADY);
	GIVES(ferry_group_close(&things.ended_group), -EALREADY);
	GIVES(ferry_group_cancel(&things.ended_group), -EALREADY);
	GIVES(ferry_group_first(group) == NULL, 1);
	GIVES(ferry_group_members(&things.ended_group), 0);
	GIVES(ferry_group_clear(group), -EBUSY);
	GIVES(GATHER(NULL, loop, entries, 0, FERRY_GATHER_ALL), -EINVAL);
	GIVES(GATHER(gather, loop, NULL, 1, FERRY_GATHER_ALL), -EINVAL);
	GIVES(GATHER(gather, loop, entries, 1000001, FERRY_GATHER_ALL), -EINVAL);
	GIVES(GATHER(gather, loop, entries, 0, FERRY_GATHER_ANY + 1), -EINVAL);
	entries[0].of = NULL;
	GIVES(GATHER(gather, loop, entries, 1, FERRY_GATHER_ALL), -EINVAL);
	entries[0].of = &things.lock.operation.awaitable;
	GIVES(GATHER(gather, loop, entries, 1, FERRY_GATHER_ALL), -EINVAL);
	GIVES(said(ferry_gather_next(gather)), -EINVAL);
	GIVES(said(ferry_gather_next(&things.gather)), -EINVAL);
	GIVES(ferry_gather_given(&things.gather) == NULL, 1);
	GIVES(ferry_gather_end(gather), -EINVAL);
	GIVES(ferry_gather_end(&things.gather), -EBUSY);
	GIVES(ferry_gather_end(&things.collected), -EBUSY);
}

static void of_limiters(void)
{
	ferry_limiter *limiter = &things.limiter;

	GIVES(ferry_limiter_init(NULL, stage.loop, 1), -EINVAL);
	GIVES(ferry_limiter_init(&scratch.limiter, stage.loop, 0), -EINVAL);
	GIVES(ferry_limiter_set_limit(limiter, 0), -EINVAL);
	GIVES(ferry_limiter_submit(limiter, NULL, NULL, 0) == NULL, 1);
	GIVES(ferry_limiter_submit(limiter, &scratch.slot, &things.ended.task, 0) ==
		      &things.ended.task,
	      1);
	GIVES(ENTER(limiter, NULL, 0), -EINVAL);
	GIVES(ENTER(limiter, &scratch.slot, FERRY_PRIORITY_MOST + 1), -EINVAL);
	GIVES(ferry_limiter_leave(&things.queued_slot), -EBUSY);
	GIVES(ferry_limiter_stats(limiter, NULL), -EINVAL);
}

static void of_locks(void)
{
	ferry_loop *loop = stage.loop;

	GIVES(ferry_lock_init(NULL, loop), -EINVAL);
	GIVES(ferry_lock_release(&things.lock), -EPERM);
	GIVES(ferry_semaphore_init(NULL, loop, 1), -EINVAL);
	GIVES(ferry_semaphore_release(&things.semaphore, 0), -EINVAL);
	GIVES(ferry_semaphore_release(&things.semaphore, SIZE_MAX), -EOVERFLOW);
	GIVES(ferry_event_init(NULL, loop), -EINVAL);
	GIVES(ferry_event_clear(&things.event), -EALREADY);
	GIVES(ferry_condition_init(NULL, &things.lock), -EINVAL);
	GIVES(ferry_condition_notify(&things.condition, 0), 0);
	GIVES(ferry_condition_notify(&things.condition, SIZE_MAX), 0);
	GIVES(ferry_queue_init(NULL, loop, scratch.room, 1), -EINVAL);
	GIVES(ferry_queue_init(&scratch.queue, loop, NULL, 1), -EINVAL);
	GIVES(ferry_queue_init(&scratch.queue, loop, scratch.room, 0), -EINVAL);
	GIVES(PUT(&things.queue, NULL, NULL), -EINVAL);
	GIVES(PUT(&things.closed_queue, &scratch.entry, NULL), -ESHUTDOWN);
	GIVES(GET(&things.full, NULL), -EINVAL);
	GIVES(GET(&things.closed_queue, &scratch.entry), -ESHUTDOWN);
	GIVES(ferry_queue_leave(&things.get), -EBUSY);
	GIVES(ferry_queue_leave(&things.put), -EBUSY);
	GIVES(ferry_queue_leave(&things.got), 0);
	GIVES(ferry_queue_try_put(&things.full, NULL), -EAGAIN);
	GIVES(ferry_queue_try_put(&things.closed_queue, NULL), -ESHUTDOWN);
	GIVES(ferry_queue_try_get(&things.full, NULL), -EINVAL);
	GIVES(ferry_queue_try_get(&things.queue, &ret.item), -EAGAIN);
	GIVES(ferry_queue_try_get(&things.closed_queue, &ret.item), -ESHUTDOWN);
	GIVES(ferry_queue_close(&things.closed_queue), -EALREADY);
	GIVES(ferry_iterator_init(NULL, &things.waiting.task), -EINVAL);
	GIVES(ferry_iterator_init(&scratch.iterator, &things.ended.task), -EALREADY);
	GIVES(said(ferry_iterator_next(&things.iterator)), -EBUSY);
	GIVES(ferry_iterator_clear(&things.iterator), -EBUSY);
	GIVES(said(ferry_iterator_emit(&things.iterator, NULL)), -EPERM);
}

/* What only the step of a task may do, and this is not its step. */
static void of_steps(void)
{
	ferry_task *waiting = &things.waiting.task;
	ferry_awaitable *pending = &things.operation.awaitable;

	GIVES(ferry_task_await(waiting, pending, NULL), -EPERM);
	GIVES(ferry_task_await_shielded(waiting, pending, NULL), -EPERM);
	GIVES(ferry_task_yield(waiting, NULL), -EPERM);
	GIVES(ferry_timeout_begin(&scratch.timeout, waiting, 0, 1), -EPERM);
	GIVES(ferry_timeout_begin(NULL, waiting, 0, 1), -EINVAL);
	GIVES(ferry_timeout_end(&things.holder.timeout), -EPERM);
}

static void arguments(void)
{
	nowhere();
	of_tasks();
	of_looking();
	of_waiting();
	of_groups();
	of_limiters();
	of_locks();
	of_steps();
}

/* ---- good calls, in places where they are not ---- */

enum { THREAD, CHILD, CLOSED, CALLBACK };

static void places_of_tasks(void)
{
	ferry_loop *loop = stage.loop;
	ferry_task *waiting = &things.waiting.task, *deferred = &things.deferred.task;
	const ferry_task_options *lone = TASK(.cleanup = must_not_clean_up);

	/*                                                       thread, child, closed, callback */
	EACH(BEGIN(FRAME, loop, must_not_run, lone), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(INIT(FRAME, loop, must_not_run, lone), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(EAGER(&scratch.eager, loop, must_not_start, NULL, NULL, lone), -EPERM, -ECHILD,
	     -ESHUTDOWN, FINE);
	EACH(ferry_task_start(deferred), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_task_schedule(deferred), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_task_forget(deferred), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_eager_factory(FRAME, loop, must_not_run, lone, NULL), -EPERM, -ECHILD,
	     -ESHUTDOWN, FINE);
	EACH(ferry_lazy_factory(FRAME, loop, must_not_run, lone, NULL), -EPERM, -ECHILD, -ESHUTDOWN,
	     FINE);
	EACH(ferry_loop_set_task_factory(loop, ferry_lazy_factory, NULL), -EPERM, -ECHILD,
	     -ESHUTDOWN, FINE);
	EACH(ferry_current_task(loop) == NULL, 1, 1, 1, 1);
	EACH(ferry_task_loop(waiting) == loop, 1, 1, 1, 1);
	EACH(misuse_is_blank(ferry_task_snapshot(&things.ended.task)), 1, 1, FINE, FINE);
	EACH(misuse_is_blank(ferry_task_snapshot(&things.failed.task)), 1, 1, FINE, FINE);
	EACH(ferry_task_clear(&things.failed.task), -EPERM, -ECHILD, FINE, FINE);
	EACH(ferry_task_name(waiting) == NULL, 1, 1, 1, FINE);
	EACH(ferry_task_user(waiting) == NULL, 1, 1, 1, FINE);
	EACH(ferry_task_context(waiting) == NULL, 1, 1, 1, FINE);
	EACH(ferry_task_set_result(waiting, ferry_result_u64(1)), -EPERM, -ECHILD, -ESHUTDOWN,
	     FINE);
	EACH(ferry_task_add_done_callback(waiting, TOLD), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_task_remove_done_callback(waiting, TOLD), -EPERM, -ECHILD, -ESHUTDOWN, 0);
	EACH(ferry_task_cancel(waiting), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_task_uncancel(waiting), -EPERM, -ECHILD, -ESHUTDOWN, -ENODATA);
	EACH(ferry_task_cancels(waiting), -EPERM, -ECHILD, 0, 0);
	EACH(ferry_task_shield(waiting), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_task_unshield(waiting), -EPERM, -ECHILD, -ESHUTDOWN, -EALREADY);
	EACH(ferry_loop_cancel_tasks(loop), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_loop_await(loop, &waiting->awaitable), -EPERM, -ECHILD, -ESHUTDOWN, -EBUSY);
	EACH(SUBMIT(FRAME, loop, must_not_run, lone, NULL, &ret.future), FINE, -ECHILD, -ESHUTDOWN,
	     FINE);
	EACH(ferry_task_unwrap(waiting, UNWRAP(.pool = stage.pool), &ret.future), -EPERM, -ECHILD,
	     -ESHUTDOWN, FINE);
	EACH(ferry_unwrap(stage.plain, UNWRAP(.pool = stage.pool), &ret.future), -EPERM, -ECHILD,
	     -ESHUTDOWN, FINE);
	EACH(ferry_each_task(loop, must_not_visit, NULL), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(DUMP(loop, FERRY_DUMP_TEXT, must_not_write, NULL), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
}

static void places_of_waiting(void)
{
	ferry_loop *loop = stage.loop;
	ferry_awaitable *event = &things.event.awaitable;
	ferry_waiter *waiter = &things.waiter;

	/*                                                       thread, child, closed, callback */
	EACH(ferry_awaitable_attach(event, loop, waiter), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_awaitable_detach(event, loop, waiter), -EPERM, -ECHILD, -ESHUTDOWN, 0);
	EACH(ferry_operation_complete(&things.operation, loop, 0), -EPERM, -ECHILD, -ESHUTDOWN,
	     FINE);
	EACH(LOCAL(&scratch.await, stage.plain), -EPERM, -ECHILD, FINE, FINE);
	EACH(LOCAL(&things.await, stage.plain), -EPERM, -ECHILD, FINE, FINE);
	EACH(FD(&scratch.await, loop, 0, FERRY_READABLE), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(FD(&things.await, loop, 0, FERRY_READABLE), -EPERM, -ECHILD, FINE, FINE);
	EACH(misuse_is_blank(ferry_await_snapshot(&things.await)), 1, 1, FINE, 1);
	EACH(ferry_await_take(&things.await, &ret.result), -EPERM, -ECHILD, -ENODATA, -EAGAIN);
	EACH(ferry_await_end(&things.await), -EPERM, -ECHILD, FINE, -EBUSY);
	EACH(SLEEP(&scratch.sleep, loop, 0), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_sleep_cancel(&things.sleep), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(GATHER(&scratch.gather, loop, scratch.entries, 0, FERRY_GATHER_ALL), -EPERM, -ECHILD,
	     -ESHUTDOWN, FINE);
	EACH(said(ferry_gather_next(&things.collected)), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_gather_given(&things.collected) == NULL, 1, 1, 1, 1);
	EACH(ferry_gather_end(&things.collected), -EPERM, -ECHILD, FINE, -EBUSY);
}

static void places_of_groups(void)
{
	ferry_loop *loop = stage.loop;
	ferry_limiter *limiter = &things.limiter;
	ferry_task *deferred = &things.deferred.task;

	/*                                                       thread, child, closed, callback */
	EACH(ferry_group_init(&scratch.group, loop, NULL), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_group_add(&things.group, deferred), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_group_close(&things.group), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_group_cancel(&things.group), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_group_first(&things.group) == NULL, 1, 1, 1, 1);
	EACH(ferry_group_members(&things.group), -EPERM, -ECHILD, 0, 1);
	EACH(ferry_group_clear(&things.group), -EPERM, -ECHILD, FINE, -EBUSY);
	EACH(ferry_limiter_init(&scratch.limiter, loop, 1), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_limiter_set_limit(limiter, 2), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_limiter_submit(limiter, &scratch.slot, deferred, 0) == deferred, 1, 1, 1, FINE);
	EACH(ENTER(limiter, &scratch.slot, 0), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_limiter_leave(&things.holder.slot), -EPERM, -ECHILD, FINE, FINE);
	EACH(ferry_limiter_stats(limiter, &ret.limiter_counters), -EPERM, -ECHILD, -ESHUTDOWN,
	     FINE);
}

static void places_of_locks(void)
{
	ferry_loop *loop = stage.loop;
	ferry_queue *queue = &things.queue;

	/*                                                       thread, child, closed, callback */
	EACH(ferry_lock_init(&scratch.lock, loop), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(said(ferry_lock_acquire(&things.lock)), -EPERM, -ECHILD, -ESHUTDOWN, -EPERM);
	EACH(ferry_lock_release(&things.lock), -EPERM, -ECHILD, -ESHUTDOWN, -EPERM);
	EACH(ferry_lock_owner(&things.lock) == NULL, 1, 1, 1, FINE);
	EACH(ferry_semaphore_init(&scratch.semaphore, loop, 1), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(said(ferry_semaphore_acquire(&things.semaphore)), -EPERM, -ECHILD, -ESHUTDOWN, -EPERM);
	EACH(ferry_semaphore_release(&things.semaphore, 1), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_event_init(&scratch.event, loop), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_event_set(&things.event), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_event_clear(&things.event), -EPERM, -ECHILD, -ESHUTDOWN, -EALREADY);
	EACH(ferry_condition_init(&scratch.condition, &things.lock), -EPERM, -ECHILD, -ESHUTDOWN,
	     FINE);
	EACH(said(ferry_condition_wait(&things.condition)), -EPERM, -ECHILD, -ESHUTDOWN, -EPERM);
	EACH(ferry_condition_notify(&things.condition, 1), -EPERM, -ECHILD, -ESHUTDOWN, 0);
	EACH(ferry_queue_init(&scratch.queue, loop, scratch.room, 1), -EPERM, -ECHILD, -ESHUTDOWN,
	     FINE);
	EACH(PUT(queue, &scratch.entry, NULL), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(GET(&things.full, &scratch.entry), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_queue_leave(&things.get), -EPERM, -ECHILD, -ESHUTDOWN, -EBUSY);
	EACH(ferry_queue_try_put(queue, NULL), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_queue_try_get(&things.full, &ret.item), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_queue_close(queue), -EPERM, -ECHILD, -ESHUTDOWN, FINE);
	EACH(ferry_queue_count(queue), -EPERM, -ECHILD, -ESHUTDOWN, 0);
	EACH(ferry_iterator_init(&scratch.iterator, &things.waiting.task), -EPERM, -ECHILD,
	     -ESHUTDOWN, FINE);
	EACH(said(ferry_iterator_next(&things.iterator)), -EPERM, -ECHILD, -ESHUTDOWN, -EBUSY);
	EACH(ferry_iterator_clear(&things.iterator), -EPERM, -ECHILD, -EBUSY, -EBUSY);
	EACH(said(ferry_iterator_emit(&things.iterator, NULL)), -EPERM, -ECHILD, -ESHUTDOWN,
	     -EPERM);
}

static void places_of_steps(void)
{
	ferry_task *waiting = &things.waiting.task;
	ferry_awaitable *pending = &things.operation.awaitable;

	/*                                                       thread, child, closed, callback */
	EACH(ferry_task_await(waiting, pending, NULL), -EPERM, -EPERM, -EPERM, -EPERM);
	EACH(ferry_task_await_shielded(waiting, pending, NULL), -EPERM, -EPERM, -EPERM, -EPERM);
	EACH(ferry_task_yield(waiting, NULL), -EPERM, -EPERM, -EPERM, -EPERM);
	EACH(ferry_timeout_begin(&scratch.timeout, waiting, 0, 1), -EPERM, -ECHILD, -ESHUTDOWN,
	     -EPERM);
	EACH(ferry_timeout_end(&things.holder.timeout), -EPERM, -ECHILD, FINE, -EPERM);
}

static void places(void)
{
	places_of_tasks();
	places_of_waiting();
	places_of_groups();
	places_of_locks();
	places_of_steps();
}

/* ---- the tables ---- */

Test(misuse_task, bad_arguments_and_states_are_refused_E1)
{
	begin();
	arguments();
	misuse_in_a_callback(arguments);
	misuse_elsewhere(nowhere);
	misuse_in_a_job(nowhere);
	end();
}

Test(misuse_task, other_threads_and_jobs_are_refused_L6)
{
	begin();
	misuse_column = THREAD;
	misuse_elsewhere(places);
	misuse_in_a_job(places);
	end();
}

Test(misuse_task, a_callback_is_no_step_and_cannot_run_its_loop_E1)
{
	begin();
	misuse_column = CALLBACK;
	misuse_in_a_callback(places);
	end();
}

Test(misuse_task, a_closed_loop_that_is_held_refuses_L3)
{
	ferry_loop *held;

	begin();
	held = ferry_loop_ref(stage.loop);
	HOLDS(ferry_loop_free(stage.loop) == 0);
	misuse_column = CLOSED;
	places();
	nowhere();
	GIVES(ferry_task_snapshot(&things.waiting.task).cancelled, 1);
	GIVES(ferry_task_snapshot(&things.ended.task).result.u64, 7);
	GIVES(ferry_task_cancels(&things.ended.task), 0);
	misuse_column = THREAD;
	misuse_elsewhere(places_of_tasks);
	stage.loop = NULL;
	end();
	ferry_loop_unref(held);
}

static void in_a_child(void)
{
	misuse_column = CHILD;
	places();
	nowhere();
	/* Its tasks are refused after it is freed, too. */
	HOLDS(ferry_loop_ref(stage.loop) == stage.loop);
	HOLDS(ferry_loop_free(stage.loop) == 0);
	places();
	ferry_loop_unref(stage.loop);
}

Test(misuse_task, a_child_is_refused_P6)
{
	begin();
	misuse_in_a_child(in_a_child);
	end();
}

/* ---- in a step ---- */

/* Of another task, which is the running one, and has nothing open. */
static void in_a_step(struct actor *actor)
{
	ferry_task *self = &actor->task;

	of_steps();
	GIVES(ferry_current_task(stage.loop) == self, 1);
	GIVES(ferry_loop_await(stage.loop, &things.waiting.awaitable), -EBUSY);
	GIVES(ferry_loop_run(stage.loop), -EBUSY);
	GIVES(ferry_loop_run_once(stage.loop, 0), -EBUSY);
	GIVES(ferry_loop_dispatch(stage.loop, 0), -EBUSY);
	GIVES(ferry_loop_free(stage.loop), -EBUSY);
	GIVES(ferry_lock_release(&things.lock), -EPERM);
	GIVES(said(ferry_condition_wait(&things.condition)), -EPERM);
	GIVES(said(ferry_iterator_emit(&things.iterator, NULL)), -EPERM);
	GIVES(ferry_task_start(self), -EALREADY);
	GIVES(ferry_task_schedule(self), -EALREADY);
	GIVES(ferry_task_forget(self), -EBUSY);
	GIVES(ferry_task_clear(self), -EBUSY);
	GIVES(ferry_task_unshield(self), -EALREADY);
	GIVES(ferry_task_finally(self), 0);
}

Test(misuse_task, a_step_cannot_run_its_loop_nor_do_what_another_step_may_E1)
{
	struct actor actor = { .name = "", .acts = in_a_step };

	begin();
	actor_begin(&actor, stage.loop, NULL);
	HOLDS(ferry_task_snapshot(&actor.task).done);
	end();
}

/* A step by hand that says in odd ways how it ends. */
static void (*ends)(ferry_task *task);

static ferry_step odd_step(ferry_task *task)
{
	ferry_step step = { 0 };

	ends(task);
	HOLDS(!ferry_awaitable_snapshot(&task->awaitable).done);
	task->at = FERRY_AT_END;
	GIVES((step = ferry_task_finish(task)).how != 0, 1);
	return step;
}

static void by_nothing(ferry_task *task)
{
	GIVES(ferry_task_fail(task, NULL), FERRY_AT_FINALLY);
}

static void by_no_errno(ferry_task *task)
{
	GIVES(ferry_task_fail_errno(task, 5), FERRY_AT_FINALLY);
}

static void by_success(ferry_task *task)
{
	GIVES(ferry_task_fail_errno(task, 0), FERRY_AT_FINALLY);
}

static void by_cancelled(ferry_task *task)
{
	GIVES(ferry_task_fail_errno(task, -ECANCELED), FERRY_AT_FINALLY);
}

static void by_leaving(ferry_task *task)
{
	GIVES(ferry_task_leave(task), FERRY_AT_FINALLY);
}

static void by_straying(ferry_task *task)
{
	GIVES(ferry_task_stray(task), FERRY_AT_FINALLY);
}

static enum actor_end odd_end(void (*how)(ferry_task *task))
{
	ends = how;
	ferry_task_begin(FRAME, stage.loop, odd_step, NULL);
	return actor_end_of(ferry_task_snapshot(FRAME));
}

static void ends_oddly(void)
{
	static void (*const failing[])(ferry_task * task) = { by_nothing, by_no_errno, by_success };

	for (size_t i = 0; i < sizeof(failing) / sizeof(*failing); i++) {
		HOLDS(odd_end(failing[i]) == ACTOR_EXCEPTION);
		HOLDS(ferry_error_errno(ferry_task_snapshot(FRAME).exception) == EINVAL);
	}
	HOLDS(odd_end(by_cancelled) == ACTOR_CANCELLED);
	HOLDS(odd_end(by_leaving) == ACTOR_CANCELLED);
	HOLDS(odd_end(by_straying) == ACTOR_EXCEPTION);
	HOLDS(ferry_task_clear(FRAME) == 0);
}

Test(misuse_task, a_step_that_says_nonsense_fails_E1)
{
	begin();
	ends_oddly();
	end();
}
