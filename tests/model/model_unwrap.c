/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Futures of tasks and of locals, and tasks from other threads, against the loop that ends them,
 * by every interleaving (F3, F7, L3, T7).
 *
 * A future is done once, when its task has ended; from then on the frame may be freed by who has
 * the future, and the scheduler tells of any touch that comes later. A cancel only asks, and comes
 * in time or not at all. model_unwrap --help says how to replay a schedule.
 */
#include <errno.h>
#include <ferry.h>
#include <string.h>

#include "base/atomic.h"
#include "seam/arena.h"
#include "seam/scene.h"

static ferry_loop *new_loop(void)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	ferry_loop *loop;

	options.poll_ns = FERRY_NO_DEADLINE;
	CHECK(ferry_loop_new(&options, &loop) == 0);
	return loop;
}

static void end_loop(ferry_loop *loop)
{
	scene_quiet_begin();
	CHECK(ferry_loop_free(loop) == 0);
	scene_quiet_end();
}

/* ---- a task ---- */

struct frame {
	FERRY_FRAME;
	struct frame *other; /* that it begins and waits for, behind seen.first; NULL: none */
	unsigned yields, i;
	bool waits; /* for what never comes */
};

/* What is seen of it; not in the frame, which is freed as early as it may be. */
static struct {
	ferry_loop *loop;
	ferry_event first, never;
	unsigned bodies, returned, cleaned, hooks;
} seen;

static ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	seen.bodies++;
	for (f->i = 0; f->i < f->yields; f->i++)
		FERRY_YIELD();
	if (f->other) {
		FERRY_AWAIT(&seen.first);
		FERRY_AWAIT(ferry_task_begin(&f->other->task, seen.loop, step, NULL));
	}
	if (f->waits)
		FERRY_AWAIT(&seen.never);
	seen.returned++;
	FERRY_RETURN(ferry_task_set_result(task, ferry_result_u64(7)));

	FERRY_FINALLY
	seen.cleaned++;
	FERRY_END;
}

static struct frame *new_frame(unsigned yields, bool waits)
{
	struct frame *frame = arena_new(sizeof(*frame));

	CHECK(frame);
	memset(frame, 0, sizeof(*frame));
	frame->yields = yields;
	frame->waits = waits;
	return frame;
}

static void free_frame(ferry_task *task, void *user)
{
	(void)user;
	seen.hooks++;
	arena_free((struct frame *)(void *)task);
}

/* With a loop, and nothing seen of a task as yet. */
static void begin(void)
{
	memset(&seen, 0, sizeof(seen));
	seen.loop = new_loop();
	CHECK(ferry_event_init(&seen.first, seen.loop) == 0);
	CHECK(ferry_event_init(&seen.never, seen.loop) == 0);
}

/* A host of the loop, until the future is done: a ring that is lost leaves it asleep. */
static void host_until_done(const ferry_future *future)
{
	while (!ferry_future_snapshot(future).done) {
		CHECK(machine_poll(ferry_loop_fd(seen.loop), FERRY_NO_DEADLINE));
		CHECK(ferry_loop_dispatch(seen.loop, 0) >= 0);
	}
}

/* ---- one who has a future, on another thread ---- */

struct holder {
	ferry_loop *loop;    /* held, to submit to; NULL: the future is there */
	struct frame *frame; /* that it submits, or frees; NULL: that is not his */
	bool has_hook, cancels, waits, frees;
	ferry_future *future; /* his reference, until he drops it */
	int submitted, asked;
	ferry_waiter waiter;
	unsigned told; /* that it is done */
	bool is_attached;
};

static void note_done(ferry_waiter *waiter)
{
	struct holder *holder =
		(struct holder *)(void *)((char *)waiter - offsetof(struct holder, waiter));

	holder->told++;
}

static void submit(struct holder *holder)
{
	ferry_task_options options = FERRY_TASK_OPTIONS_INIT;

	if (holder->has_hook)
		options.cleanup = free_frame;
	holder->submitted = ferry_task_submit(&holder->frame->task, holder->loop, step, &options,
					      NULL, &holder->future);
	CHECK(holder->submitted == 0 || holder->submitted == -ESHUTDOWN);
	ferry_loop_unref(holder->loop);
}

static void hold(void *arg)
{
	struct holder *holder = arg;

	if (holder->loop)
		submit(holder);
	if (!holder->future)
		return;
	holder->waiter.notify = note_done;
	holder->is_attached = ferry_future_attach(holder->future, &holder->waiter) == 0;
	if (holder->cancels) {
		holder->asked = ferry_future_cancel(holder->future);
		CHECK(holder->asked == 0 || holder->asked == -EALREADY);
	}
	if (holder->waits) {
		CHECK(ferry_future_wait(holder->future, FERRY_NO_DEADLINE) == 0);
		CHECK(ferry_future_snapshot(holder->future).done);
		/* The frame is his from here on. */
		if (holder->frees)
			arena_free(holder->frame);
	}
}

/* All are through with it: done, and told once. */
static ferry_snapshot end_future(struct holder *holder)
{
	ferry_snapshot snapshot = ferry_future_snapshot(holder->future);

	CHECK(snapshot.done && !snapshot.exception);
	CHECK(holder->told == holder->is_attached);
	CHECK(snapshot.cancelled || snapshot.result.u64 == 7);
	CHECK(snapshot.cancelled == !seen.returned);
	ferry_future_unref(holder->future);
	return snapshot;
}

/* ---- submitted ---- */

/* L3: the loop closes as the task comes: it is refused, or its future is done. */
static void submitted_as_the_loop_closes(void)
{
	struct holder holder = { .has_hook = true };
	unsigned thread;

	begin();
	holder.loop = ferry_loop_ref(seen.loop);
	holder.frame = new_frame(1, false);
	holder.waits = scene_pick(2);
	thread = scene_start("submitter", hold, &holder);
	CHECK(ferry_loop_dispatch(seen.loop, 0) >= 0);
	if (scene_pick(2))
		CHECK(ferry_loop_dispatch(seen.loop, 0) >= 0);
	CHECK(ferry_loop_free(seen.loop) == 0);
	scene_join(thread);
	if (holder.submitted) {
		CHECK(!holder.future && !seen.bodies && !seen.hooks);
		arena_free(holder.frame);
		return;
	}
	CHECK(seen.hooks == 1 && seen.bodies <= 1 && seen.cleaned == seen.returned);
	end_future(&holder);
}

/* T7: who has waited for the future frees the frame at once. */
static void freed_by_who_submitted_it(void)
{
	struct holder holder = { .waits = true, .frees = true };
	unsigned thread;

	begin();
	holder.loop = ferry_loop_ref(seen.loop);
	holder.frame = new_frame(scene_pick(2), false);
	thread = scene_start("submitter", hold, &holder);
	while (!seen.cleaned) {
		CHECK(machine_poll(ferry_loop_fd(seen.loop), FERRY_NO_DEADLINE));
		CHECK(ferry_loop_dispatch(seen.loop, 0) >= 0);
	}
	scene_join(thread);
	CHECK(seen.bodies == 1 && seen.returned == 1 && seen.cleaned == 1);
	end_future(&holder);
	end_loop(seen.loop);
}

/* F3, T7: cancelled as it arrives, begins, waits: it has cleaned up when its future is done. */
static void cancelled_as_it_arrives(void)
{
	struct holder holder = { .cancels = true, .waits = true, .frees = true };
	unsigned thread;

	begin();
	holder.loop = ferry_loop_ref(seen.loop);
	holder.frame = new_frame(0, true);
	thread = scene_start("canceller", hold, &holder);
	while (!seen.cleaned) {
		CHECK(machine_poll(ferry_loop_fd(seen.loop), FERRY_NO_DEADLINE));
		CHECK(ferry_loop_dispatch(seen.loop, 0) >= 0);
	}
	scene_join(thread);
	CHECK(holder.asked == 0 && seen.cleaned == 1 && seen.bodies <= 1 && !seen.returned);
	end_future(&holder);
	end_loop(seen.loop);
}

/* ---- cancelled ---- */

/* A future of a task that is begun here, the holder's from now on. */
static void unwrap(struct holder *holder, unsigned yields, bool waits, bool has_hook)
{
	ferry_task_options options = FERRY_TASK_OPTIONS_INIT;

	if (has_hook)
		options.cleanup = free_frame;
	scene_quiet_begin();
	holder->frame = new_frame(yields, waits);
	ferry_task_begin(&holder->frame->task, seen.loop, step, &options);
	CHECK(ferry_task_unwrap(&holder->frame->task, NULL, &holder->future) == 0);
	scene_quiet_end();
}

/* F3, T7: a cancel that comes as the task ends: in time, and it is cut; or not at all. */
static void cancelled_as_it_ends(void)
{
	struct holder holder = { .cancels = true };
	unsigned thread;

	begin();
	unwrap(&holder, 2, false, true);
	thread = scene_start("canceller", hold, &holder);
	host_until_done(holder.future);
	scene_join(thread);
	CHECK(seen.bodies == 1 && seen.cleaned == 1 && seen.hooks == 1);
	/* Nothing is left of the ask. */
	CHECK(ferry_loop_run(seen.loop) == 0);
	CHECK(holder.asked == 0 || seen.returned);
	end_future(&holder);
	end_loop(seen.loop);
}

/* L3: a cancel that comes as the loop closes: cancelled either way, and nothing of it runs. */
static void cancelled_as_the_loop_closes(void)
{
	struct holder holder = { .cancels = true };
	unsigned thread;

	begin();
	unwrap(&holder, 0, true, true);
	holder.waits = scene_pick(2);
	thread = scene_start("canceller", hold, &holder);
	if (scene_pick(2))
		CHECK(ferry_loop_dispatch(seen.loop, 0) >= 0);
	CHECK(ferry_loop_free(seen.loop) == 0);
	scene_join(thread);
	CHECK(seen.hooks == 1 && seen.cleaned <= 1 && !seen.returned);
	CHECK(end_future(&holder).cancelled);
}

/* F3: two futures of one task, one of them cancelled, one waited for. */
static void cancelled_beside_one_who_waits(void)
{
	struct holder canceller = { .cancels = true }, waiter = { .waits = true };
	unsigned first, second;

	begin();
	unwrap(&canceller, 1, false, true);
	CHECK(ferry_task_unwrap(&canceller.frame->task, NULL, &waiter.future) == 0);
	first = scene_start("canceller", hold, &canceller);
	second = scene_start("waiter", hold, &waiter);
	host_until_done(waiter.future);
	scene_join(first);
	scene_join(second);
	CHECK(seen.cleaned == 1 && seen.hooks == 1);
	CHECK(ferry_loop_run(seen.loop) == 0);
	CHECK(end_future(&canceller).cancelled == end_future(&waiter).cancelled);
	end_loop(seen.loop);
}

/* ---- dropped ---- */

static void drop(void *arg)
{
	struct holder *holder = arg;

	if (holder->cancels)
		holder->asked = ferry_future_cancel(holder->future);
	ferry_future_unref(holder->future);
}

/* F7: the future goes as its task ends: nothing of it is touched any more. */
static void dropped_as_it_ends(void)
{
	struct holder holder = { .future = NULL };
	unsigned thread;

	begin();
	unwrap(&holder, 1, false, true);
	holder.cancels = scene_pick(2);
	thread = scene_start("dropper", drop, &holder);
	CHECK(ferry_loop_run(seen.loop) == 0);
	scene_join(thread);
	CHECK(ferry_loop_run(seen.loop) == 0);
	CHECK(seen.cleaned == 1 && seen.hooks == 1);
	CHECK(seen.returned || holder.cancels);
	end_loop(seen.loop);
}

static void dropped_as_the_loop_closes(void)
{
	struct holder holder = { .future = NULL };
	unsigned thread;

	begin();
	unwrap(&holder, 0, true, true);
	holder.cancels = scene_pick(2);
	thread = scene_start("dropper", drop, &holder);
	CHECK(ferry_loop_free(seen.loop) == 0);
	scene_join(thread);
	CHECK(seen.hooks == 1 && !seen.returned);
}

/* ---- freed as the loop closes ---- */

/* T7, L3: it waits for another one, which ends after it as the loop closes; its frame is freed by
 * who has its future as soon as that is done. */
static void freed_as_the_loop_closes(void)
{
	struct holder holder = { .waits = true, .frees = true };
	struct frame *other;
	unsigned thread;

	begin();
	other = new_frame(0, true);
	unwrap(&holder, 1, false, false);
	holder.frame->other = other;
	scene_quiet_begin();
	CHECK(ferry_loop_run(seen.loop) == 0);
	CHECK(ferry_event_set(&seen.first) == 0);
	CHECK(ferry_loop_run(seen.loop) == 0);
	scene_quiet_end();
	CHECK(seen.bodies == 2);
	thread = scene_start("holder", hold, &holder);
	CHECK(ferry_loop_free(seen.loop) == 0);
	scene_join(thread);
	CHECK(ferry_awaitable_snapshot(&other->awaitable).cancelled);
	arena_free(other);
	CHECK(end_future(&holder).cancelled);
}

/* ---- of a local ---- */

static _Atomic unsigned disposed;

static void dispose(const ferry_result *result)
{
	CHECK(result->u64 == 7);
	/* Relaxed: read when all threads have been joined. */
	atomic_fetch_add_explicit(&disposed, 1, memory_order_relaxed);
}

static const ferry_disposer anywhere = { FERRY_DISPOSE_ANYWHERE, dispose };

static ferry_local *unwrap_local(struct holder *holder)
{
	ferry_local *local;

	/* Relaxed: nobody else is there. */
	atomic_store_explicit(&disposed, 0, memory_order_relaxed);
	scene_quiet_begin();
	CHECK(ferry_local_new(seen.loop, &local) == 0);
	CHECK(ferry_unwrap(local, NULL, &holder->future) == 0);
	scene_quiet_end();
	return local;
}

static void complete_local(ferry_local *local)
{
	ferry_result result = ferry_result_u64(7);

	result.disposer = &anywhere;
	/* One that was cancelled keeps nothing: the result stays ours. */
	if (ferry_local_set_result(local, result) < 0)
		dispose(&result);
	else
		seen.returned = 1;
	ferry_local_unref(local);
}

/* F3, F7: a local that is cancelled through its future as it is done. */
static void a_local_cancelled_as_it_is_done(void)
{
	struct holder holder = { .cancels = true };
	ferry_local *local;
	unsigned thread;

	begin();
	local = unwrap_local(&holder);
	thread = scene_start("canceller", hold, &holder);
	CHECK(ferry_loop_dispatch(seen.loop, 0) >= 0);
	complete_local(local);
	host_until_done(holder.future);
	scene_join(thread);
	CHECK(ferry_loop_run(seen.loop) == 0);
	end_future(&holder);
	CHECK(disposed == 1);
	end_loop(seen.loop);
}

/* L3, F7: the same as the loop closes. */
static void a_local_cancelled_as_the_loop_closes(void)
{
	struct holder holder = { .cancels = true };
	ferry_local *local;
	unsigned thread;

	begin();
	local = unwrap_local(&holder);
	holder.waits = scene_pick(2);
	thread = scene_start("canceller", hold, &holder);
	if (scene_pick(2))
		CHECK(ferry_loop_dispatch(seen.loop, 0) >= 0);
	CHECK(ferry_loop_free(seen.loop) == 0);
	scene_join(thread);
	CHECK(end_future(&holder).cancelled);
	ferry_local_unref(local);
}

static const struct scene scenes[] = {
	{ "submit-close", submitted_as_the_loop_closes, 4, 6 },
	{ "submit-free", freed_by_who_submitted_it, 4, 6 },
	{ "cancel-arrival", cancelled_as_it_arrives, 4, 6 },
	{ "cancel-end", cancelled_as_it_ends, 6, 8 },
	{ "cancel-close", cancelled_as_the_loop_closes, 4, 6 },
	{ "cancel-beside", cancelled_beside_one_who_waits, 4, 5 },
	{ "drop-end", dropped_as_it_ends, 5, 7 },
	{ "drop-close", dropped_as_the_loop_closes, 6, 8 },
	{ "free-close", freed_as_the_loop_closes, 7, 9 },
	{ "local-end", a_local_cancelled_as_it_is_done, 5, 7 },
	{ "local-close", a_local_cancelled_as_the_loop_closes, 4, 6 },
};

int main(int count, char **arguments)
{
	return explore(count, arguments, scenes, sizeof(scenes) / sizeof(*scenes));
}
