/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * E3, T1, T7 in tasks: options, callbacks, sleeps, deadlines, futures that get no memory, and what
 * a task awaits that could not be begun; it is told in the way that is documented, what cleans up
 * runs, nothing is lost, and the loop goes on.
 */
#include "fault/trial.h"
#include "support/actor.h"
#include "support/work.h"

#define NOTHING ((void *)(uintptr_t)0x10) /* an output that nobody wrote */

struct sleeper {
	FERRY_FRAME;
	ferry_sleep sleep;
	ferry_timeout timeout;
	ferry_await answer;
	unsigned went_on, cleaned;
	struct scene *scene;
};

struct scene {
	ferry_loop *loop;
	ferry_pool *pool;
	struct actor actor, child;
	struct sleeper sleeper;
	ferry_eager eager;
	ferry_group group;
	ferry_event event;
	ferry_future *future;
	ferry_local *local;
	int fd[2];
	_Atomic unsigned ran, disposed;
	unsigned called, cleanups, copied, freed, finished;
};

static void prepare(struct scene *scene)
{
	scene->loop = fixture_loop();
	scene->pool = fixture_pool(1);
	scene->future = NOTHING;
	scene->actor.name = "a";
	scene->child.name = "c";
	program_check(ferry_event_init(&scene->event, scene->loop) == 0, "no event");
}

/* A task still sleeps, awaits, and ends. */
static ferry_step sleep_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct sleeper, f);
	FERRY_TRY(ferry_sleep_until(&f->sleep, ferry_task_loop(task), 1));
	f->went_on++;
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}

static void end(struct scene *scene)
{
	struct sleeper sleeper = { .went_on = 0 };
	ferry_loop_counters counters;

	program_check(ferry_loop_run(scene->loop) == 0, "run");
	counters = fixture_loop_counters(scene->loop);
	program_check(counters.tasks == 0 && counters.timers == 0, "a task or a timer is left");
	ferry_task_begin(&sleeper.task, scene->loop, sleep_step, OPTIONS_OF(.name = "after"));
	program_check(ferry_loop_await(scene->loop, &sleeper.awaitable) == 0, "it never wakes");
	program_check(sleeper.went_on == 1 && sleeper.cleaned == 1, "it did not sleep");
	fixture_end(scene->loop, scene->pool);
	diary[0] = 0;
}

static int errno_of(ferry_task *task)
{
	return -ferry_error_errno(ferry_task_snapshot(task).exception);
}

/* ---- options ---- */

static void *copy(void *context)
{
	((struct scene *)context)->copied++;
	return context;
}

static void free_context(void *context)
{
	((struct scene *)context)->freed++;
}

static const ferry_context_hooks hooks = { copy, free_context };

static void clean_up(ferry_task *task, void *user)
{
	(void)task;
	((struct scene *)user)->cleanups++;
}

#define ALL_OPTIONS(scene_, ...)                                                                   \
	OPTIONS_OF(.name = "named", .user = (scene_), .cleanup = clean_up, .context = (scene_),    \
		   .hooks = &hooks, __VA_ARGS__)

static int act_begin(struct scene *scene)
{
	actor_begin(&scene->actor, scene->loop, ALL_OPTIONS(scene, .start = FERRY_START_DEFAULT));
	return errno_of(&scene->actor.task);
}

/* T1: all of them, or born failed; and then no hook of a context is called. */
static void judge_begin(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "begin: %d", result);
	program_check(scene->actor.began == !n && scene->actor.cleaned == !n, "it ran, or not");
	program_check(scene->cleanups == 0, "a hook is called inside the call");
	program_check(ferry_loop_run(scene->loop) == 0, "run");
	program_check(scene->cleanups == 1, "%u hooks were called", scene->cleanups);
	program_check(scene->copied == !n && scene->freed == !n, "%u contexts, %u freed",
		      scene->copied, scene->freed);
	end(scene);
}

static int act_init(struct scene *scene)
{
	actor_init(&scene->actor, scene->loop, ALL_OPTIONS(scene, .start = FERRY_START_EAGER));
	return errno_of(&scene->actor.task);
}

/* T4: one that is deferred. */
static void judge_init(struct scene *scene, int result, unsigned n)
{
	int started = ferry_task_start(&scene->actor.task);

	program_check(started == (n ? -EALREADY : 0), "start: %d", started);
	judge_begin(scene, result, n);
}

/* It has a context, that its child inherits, or would. */
static void begin_child(struct actor *actor)
{
	struct scene *scene = actor->user;

	actor_begin(&scene->child, scene->loop,
		    OPTIONS_OF(.name = "named", .cleanup = clean_up, .user = scene,
			       .group = &scene->group));
}

static void prepare_context(struct scene *scene)
{
	prepare(scene);
	program_check(ferry_group_init(&scene->group, scene->loop, NULL) == 0, "no group");
	scene->actor.acts = begin_child;
	scene->actor.user = scene;
	scene->actor.awaits = &scene->event.awaitable;
	actor_init(&scene->actor, scene->loop, OPTIONS_OF(.context = scene, .hooks = &hooks));
}

static int act_inherit(struct scene *scene)
{
	program_check(ferry_task_start(&scene->actor.task) == 0, "no start");
	return errno_of(&scene->child.task);
}

/* T6: a child that is refused is no member. */
static void judge_inherit(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "begin: %d", result);
	program_check(scene->child.began == !n, "it ran, or not");
	program_check(ferry_group_members(&scene->group) == 0, "it is a member");
	program_check(ferry_group_close(&scene->group) == 0, "no close");
	program_check(ferry_awaitable_snapshot(&scene->group.awaitable).done, "the group waits");
	program_check(scene->copied == 1 && scene->freed == 0, "the context is in use");
	ferry_event_set(&scene->event);
	program_check(ferry_loop_run(scene->loop) == 0, "run");
	program_check(scene->freed == 1 && scene->cleanups == 1, "%u contexts freed, %u hooks",
		      scene->freed, scene->cleanups);
	end(scene);
}

/* ---- callbacks ---- */

static void count_call(ferry_task *task, void *user)
{
	(void)task;
	((struct scene *)user)->called++;
}

static void prepare_waiting(struct scene *scene)
{
	prepare(scene);
	scene->actor.awaits = &scene->event.awaitable;
	actor_begin(&scene->actor, scene->loop, NULL);
}

static void prepare_ended(struct scene *scene)
{
	prepare_waiting(scene);
	ferry_event_set(&scene->event);
	program_check(ferry_loop_run(scene->loop) == 0, "run");
}

static int act_callback(struct scene *scene)
{
	return ferry_task_add_done_callback(&scene->actor.task, count_call, scene);
}

static void judge_callback(struct scene *scene, int result, unsigned n)
{
	int removed;

	program_check(result == (n ? -ENOMEM : 0), "callback: %d", result);
	program_check(scene->called == 0, "called inside the call");
	removed = ferry_task_remove_done_callback(&scene->actor.task, clean_up, scene);
	program_check(removed == 0, "another one was removed");
	ferry_event_set(&scene->event);
	program_check(ferry_loop_run(scene->loop) == 0, "run");
	program_check(scene->called == !n, "called %u times", scene->called);
	end(scene);
}

/* ---- time ---- */

static int act_sleep(struct scene *scene)
{
	ferry_task_begin(&scene->sleeper.task, scene->loop, sleep_step, NULL);
	program_check(ferry_loop_await(scene->loop, &scene->sleeper.awaitable) == 0, "await");
	return errno_of(&scene->sleeper.task);
}

static void judge_sleep(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "sleep: %d", result);
	program_check(scene->sleeper.went_on == !n && scene->sleeper.cleaned == 1, "its way");
	end(scene);
}

static ferry_step scope_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct sleeper, f);
	FERRY_TIMEOUT(&f->timeout, 1) {
		f->went_on++;
		FERRY_AWAIT(&f->scene->event);
	}
	program_check(f->timeout.expired, "its deadline passed");
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}

static int act_scope(struct scene *scene)
{
	scene->sleeper.scene = scene;
	ferry_task_begin(&scene->sleeper.task, scene->loop, scope_step, NULL);
	program_check(ferry_loop_await(scene->loop, &scene->sleeper.awaitable) == 0, "await");
	return errno_of(&scene->sleeper.task);
}

/* ---- what could not be begun ---- */

static ferry_step offload_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct sleeper, f);
	FERRY_TRY(ferry_await_local(&f->answer, ferry_offload(ferry_task_loop(task), f->scene->pool,
							      work_count, &f->scene->ran, NULL)));
	f->went_on++;
	FERRY_RETURN();

	FERRY_FINALLY
	program_check(ferry_await_end(&f->answer) == 0, "it cannot be ended");
	f->cleaned++;
	FERRY_END;
}

static int act_offload(struct scene *scene)
{
	scene->sleeper.scene = scene;
	ferry_task_begin(&scene->sleeper.task, scene->loop, offload_step, NULL);
	program_check(ferry_loop_await(scene->loop, &scene->sleeper.awaitable) == 0, "await");
	return errno_of(&scene->sleeper.task);
}

static void judge_offload(struct scene *scene, int result, unsigned n)
{
	program_check(scene->ran == !n, "the function ran %u times", scene->ran);
	judge_sleep(scene, result, n);
}

static ferry_step ready_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct sleeper, f);
	FERRY_TRY(
		ferry_await_fd(&f->answer, ferry_task_loop(task), f->scene->fd[1], FERRY_WRITABLE));
	f->went_on++;
	FERRY_RETURN();

	FERRY_FINALLY
	program_check(ferry_await_end(&f->answer) == 0, "it cannot be ended");
	f->cleaned++;
	FERRY_END;
}

static void prepare_pipe(struct scene *scene)
{
	prepare(scene);
	program_check(pipe(scene->fd) == 0, "no pipe");
}

static int act_ready(struct scene *scene)
{
	scene->sleeper.scene = scene;
	ferry_task_begin(&scene->sleeper.task, scene->loop, ready_step, NULL);
	program_check(ferry_loop_await(scene->loop, &scene->sleeper.awaitable) == 0, "await");
	return errno_of(&scene->sleeper.task);
}

static void judge_ready(struct scene *scene, int result, unsigned n)
{
	close(scene->fd[0]);
	close(scene->fd[1]);
	judge_sleep(scene, result, n);
}

static ferry_local *start_eager(ferry_loop *loop, void *user)
{
	struct scene *scene = user;

	return ferry_offload(loop, scene->pool, work_count, &scene->ran, NULL);
}

static int finish_eager(ferry_await *answer, void *user)
{
	struct scene *scene = user;

	scene->finished++;
	return -ferry_error_errno(ferry_awaitable_snapshot(&answer->awaitable).exception);
}

static int act_eager(struct scene *scene)
{
	ferry_eager_begin(&scene->eager, scene->loop, start_eager, finish_eager, scene, NULL);
	program_check(ferry_loop_await(scene->loop, &scene->eager.awaitable) == 0, "await");
	return errno_of(&scene->eager.task);
}

static void judge_eager(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "eager: %d", result);
	program_check(scene->ran == !n && scene->finished == 1, "it is told of the failure");
	end(scene);
}

/* A step that is left by accident: the message that says where may get no memory. */
static ferry_step stray_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct sleeper, f);
	FERRY_YIELD();
	if (f->scene)
		break;
	f->went_on++;

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}

static int act_stray(struct scene *scene)
{
	scene->sleeper.scene = scene;
	ferry_task_begin(&scene->sleeper.task, scene->loop, stray_step, NULL);
	program_check(ferry_loop_await(scene->loop, &scene->sleeper.awaitable) == 0, "await");
	return 0;
}

static void judge_stray(struct scene *scene, int result, unsigned n)
{
	const ferry_error *exception = ferry_task_snapshot(&scene->sleeper.task).exception;

	(void)result;
	program_check(exception, "it has not failed");
	program_check(ferry_error_number(exception) == FERRY_ERROR_INVALID_STATE, "with another");
	program_check(!strstr(ferry_error_message(exception), "line") == (n != 0),
		      "it names the line if it can: %s", ferry_error_message(exception));
	program_check(scene->sleeper.went_on == 0 && scene->sleeper.cleaned == 1, "its way");
	ferry_task_clear(&scene->sleeper.task);
	end(scene);
}

/* ---- futures ---- */

static int act_submit(struct scene *scene)
{
	return ferry_task_submit(&scene->actor.task, scene->loop, actor_step,
				 ALL_OPTIONS(scene, .start = FERRY_START_DEFAULT), NULL,
				 &scene->future);
}

static void judge_submit(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "submit: %d", result);
	program_check(ferry_loop_run(scene->loop) == 0, "run");
	program_check(scene->actor.began == !n && scene->cleanups == !n, "it ran, or not");
	program_check(scene->copied == !n && scene->freed == !n, "%u contexts, %u freed",
		      scene->copied, scene->freed);
	if (n) {
		program_check(scene->future == NOTHING, "an output was written");
	} else {
		program_check(ferry_future_snapshot(scene->future).done, "its future is not done");
		ferry_future_unref(scene->future);
	}
	end(scene);
}

static void prepare_submitted(struct scene *scene)
{
	prepare(scene);
	program_check(act_submit(scene) == 0, "no submit");
}

/* It is under way, and gets no memory where it arrives. */
static int act_arrive(struct scene *scene)
{
	return ferry_loop_run(scene->loop);
}

static void judge_arrive(struct scene *scene, int result, unsigned n)
{
	ferry_snapshot snapshot = ferry_future_snapshot(scene->future);

	program_check(result == 0, "run: %d", result);
	program_check(snapshot.done, "its future is left pending");
	program_check(ferry_error_errno(snapshot.exception) == (n ? ENOMEM : 0), "as it ended");
	program_check(scene->actor.began == !n, "it ran, or not");
	program_check(scene->cleanups == 1, "%u hooks were called", scene->cleanups);
	program_check(scene->copied == 1 && scene->freed == 1, "%u contexts, %u freed",
		      scene->copied, scene->freed);
	ferry_future_unref(scene->future);
	end(scene);
}

static int act_unwrap_task(struct scene *scene)
{
	return ferry_task_unwrap(&scene->actor.task, NULL, &scene->future);
}

static void judge_unwrap_task(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "unwrap: %d", result);
	ferry_event_set(&scene->event);
	program_check(ferry_loop_run(scene->loop) == 0, "run");
	program_check(actor_ended(&scene->actor) == ACTOR_RESULT, "the task ends as ever");
	if (n) {
		program_check(scene->future == NOTHING, "an output was written");
	} else {
		program_check(ferry_future_snapshot(scene->future).done, "the future is not done");
		ferry_future_unref(scene->future);
	}
	end(scene);
}

static void dispose(const ferry_result *result)
{
	((struct scene *)result->pointer)->disposed++;
}

static void prepare_unwrapped(struct scene *scene)
{
	ferry_unwrap_options options = FERRY_UNWRAP_OPTIONS_INIT;

	prepare_waiting(scene);
	options.pool = scene->pool;
	program_check(ferry_task_unwrap(&scene->actor.task, &options, &scene->future) == 0,
		      "no future");
}

static int act_set_result(struct scene *scene)
{
	static const ferry_disposer blocking = { FERRY_DISPOSE_BLOCKING, dispose };

	return ferry_task_set_result(&scene->actor.task, ferry_result_pointer(scene, &blocking));
}

/* F7: what takes a result that may block to the pool is there before it may be needed. */
static void judge_set_result(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "set: %d", result);
	program_check(ferry_task_cancel(&scene->actor.task) == 0, "no cancel");
	program_check(ferry_loop_run(scene->loop) == 0, "run");
	program_check(ferry_future_snapshot(scene->future).cancelled, "it is not cancelled");
	ferry_future_unref(scene->future);
	end(scene);
	program_check(scene->disposed == !n, "disposed of %u times", scene->disposed);
}

static void prepare_local(struct scene *scene)
{
	prepare(scene);
	program_check(ferry_local_new(scene->loop, &scene->local) == 0, "no local");
}

static int act_unwrap(struct scene *scene)
{
	return ferry_unwrap(scene->local, NULL, &scene->future);
}

static void judge_unwrap(struct scene *scene, int result, unsigned n)
{
	ferry_result taken;

	program_check(result == (n ? -ENOMEM : 0), "unwrap: %d", result);
	program_check(ferry_local_set_result(scene->local, ferry_result_u64(5)) == 0, "set");
	program_check(ferry_loop_run(scene->loop) == 0, "run");
	if (n) {
		program_check(scene->future == NOTHING, "an output was written");
		program_check(ferry_local_take(scene->local, &taken) == 0, "the result is gone");
	} else {
		ferry_snapshot snapshot = ferry_future_snapshot(scene->future);

		program_check(snapshot.done && snapshot.result.u64 == 5, "the result is not there");
		ferry_future_unref(scene->future);
	}
	ferry_local_unref(scene->local);
	end(scene);
}

/* ---- the end ---- */

/* Closing a loop needs nothing that could fail, whatever its tasks could get. */
static int act_close(struct scene *scene)
{
	scene->actor.awaits = &scene->event.awaitable;
	scene->child.awaits = &scene->actor.awaitable;
	actor_begin(&scene->actor, scene->loop, ALL_OPTIONS(scene, .start = FERRY_START_LAZY));
	actor_begin(&scene->child, scene->loop, OPTIONS_OF(.name = "named"));
	ferry_task_begin(&scene->sleeper.task, scene->loop, sleep_step, NULL);
	if (ferry_task_unwrap(&scene->actor.task, NULL, &scene->future) < 0)
		scene->future = NOTHING;
	(void)ferry_task_add_done_callback(&scene->actor.task, count_call, scene);
	return ferry_loop_free(scene->loop);
}

static void judge_close(struct scene *scene, int result, unsigned n)
{
	program_check(result == 0, "close: %d", result);
	program_check(ferry_awaitable_snapshot(&scene->actor.awaitable).done &&
			      ferry_awaitable_snapshot(&scene->child.awaitable).done &&
			      ferry_awaitable_snapshot(&scene->sleeper.awaitable).done,
		      "a task is left pending");
	/* One that was refused has no callback, and its hook is called all the same. */
	program_check(scene->cleanups == 1 && scene->called == 0, "%u hooks, %u callbacks",
		      scene->cleanups, scene->called);
	program_check(scene->copied == scene->freed, "%u contexts, %u freed", scene->copied,
		      scene->freed);
	if (scene->future != NOTHING) {
		program_check(ferry_future_snapshot(scene->future).done, "a future is pending");
		ferry_future_unref(scene->future);
	} else {
		program_check(n, "no future");
	}
	fixture_end(NULL, scene->pool);
	diary[0] = 0;
}

int main(int argc, char **argv)
{
	program_begin(argc, argv, "each failure of memory and descriptors in tasks (E3, T1, T7)", 1,
		      1);
	TRIAL("options of a task without memory", FAULT_MEMORY, -ENOMEM, prepare, act_begin,
	      judge_begin);
	TRIAL("options of a deferred task without memory", FAULT_MEMORY, -ENOMEM, prepare, act_init,
	      judge_init);
	TRIAL("options of a child with an inherited context without memory", FAULT_MEMORY, -ENOMEM,
	      prepare_context, act_inherit, judge_inherit);
	TRIAL("a callback of a task without memory", FAULT_MEMORY, -ENOMEM, prepare_waiting,
	      act_callback, judge_callback);
	TRIAL("a callback of an ended task without memory", FAULT_MEMORY, -ENOMEM, prepare_ended,
	      act_callback, judge_callback);
	TRIAL("a sleep without memory", FAULT_MEMORY, -ENOMEM, prepare, act_sleep, judge_sleep);
	TRIAL("a scope with a deadline without memory", FAULT_MEMORY, -ENOMEM, prepare, act_scope,
	      judge_sleep);
	TRIAL("an offload that a task awaits without memory", FAULT_MEMORY, -ENOMEM, prepare,
	      act_offload, judge_offload);
	TRIAL("a descriptor that a task awaits without memory", FAULT_MEMORY, -ENOMEM, prepare_pipe,
	      act_ready, judge_ready);
	TRIAL("a descriptor that a task awaits when epoll fails", FAULT_EPOLL_CTL, -ENOMEM,
	      prepare_pipe, act_ready, judge_ready);
	TRIAL("ferry_eager_begin without memory", FAULT_MEMORY, -ENOMEM, prepare, act_eager,
	      judge_eager);
	TRIAL("a step that is left by accident without memory", FAULT_MEMORY, -ENOMEM, prepare,
	      act_stray, judge_stray);
	TRIAL("ferry_task_submit without memory", FAULT_MEMORY, -ENOMEM, prepare, act_submit,
	      judge_submit);
	TRIAL("a submitted task that arrives without memory", FAULT_MEMORY, -ENOMEM,
	      prepare_submitted, act_arrive, judge_arrive);
	TRIAL("ferry_task_unwrap without memory", FAULT_MEMORY, -ENOMEM, prepare_waiting,
	      act_unwrap_task, judge_unwrap_task);
	TRIAL("ferry_task_unwrap of an ended task without memory", FAULT_MEMORY, -ENOMEM,
	      prepare_ended, act_unwrap_task, judge_unwrap_task);
	TRIAL("a result that may block without memory", FAULT_MEMORY, -ENOMEM, prepare_unwrapped,
	      act_set_result, judge_set_result);
	TRIAL("ferry_unwrap without memory", FAULT_MEMORY, -ENOMEM, prepare_local, act_unwrap,
	      judge_unwrap);
	TRIAL("ferry_loop_free with tasks without memory", FAULT_MEMORY, -ENOMEM, prepare,
	      act_close, judge_close);
	return 0;
}
