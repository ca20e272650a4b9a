/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Futures that are waited for, watched, cancelled and completed at once, by every
 * interleaving (F1 to F5, F7, P10).
 *
 * A waiter is told exactly once and in its turn, or it is unlinked and never touched; who
 * waits is woken; one completer wins. model_wait --help says how to replay a schedule.
 */
#include <errno.h>
#include <ferry/future.h>

#include "base/list.h"
#include "model/jobs.h"
#include "seam/scene.h"

static ferry_future *new_promise(void)
{
	ferry_future *future;

	CHECK(ferry_future_new(NULL, &future) == 0);
	return future;
}

/* ---- one that is kept ---- */

struct promise {
	ferry_future *future;
	int plain;  /* ordered by the completion alone */
	int status; /* what the completer was told */
};

static void keep(void *arg)
{
	struct promise *promise = arg;

	promise->plain = 1;
	promise->status = ferry_future_set_result(promise->future, ferry_result_u64(1));
}

static void begin_promise(struct promise *promise)
{
	*promise = (struct promise){ new_promise(), 0, 0 };
}

/* What was written before is looked at first: the wait orders that, without any snapshot. */
static void check_kept(struct promise *promise)
{
	CHECK(promise->plain == 1);
	CHECK(ferry_future_snapshot(promise->future).result.u64 == 1);
}

/* F2, F5: who waits is woken, and sees what was written before. */
static void waited_for_as_it_is_kept(void)
{
	struct promise promise;
	unsigned completer;

	begin_promise(&promise);
	completer = scene_start("completer", keep, &promise);
	CHECK(ferry_future_wait(promise.future, FERRY_NO_DEADLINE) == 0);
	check_kept(&promise);
	scene_join(completer);
	ferry_future_unref(promise.future);
}

static void wait_too(void *arg)
{
	struct promise *promise = arg;

	CHECK(ferry_future_wait(promise->future, FERRY_NO_DEADLINE) == 0);
	check_kept(promise);
}

/* F5: two wait; the list of waiters grows as it is taken. */
static void waited_for_by_two_as_it_is_kept(void)
{
	struct promise promise;
	unsigned completer, other;

	begin_promise(&promise);
	completer = scene_start("completer", keep, &promise);
	other = scene_start("waiter", wait_too, &promise);
	wait_too(&promise);
	scene_join(completer);
	scene_join(other);
	ferry_future_unref(promise.future);
}

/* F5: the deadline comes as it is kept: the waiter is unlinked, or waits to be told. */
static void given_up_as_it_is_kept(void)
{
	struct promise promise;
	unsigned completer;
	int error;

	begin_promise(&promise);
	completer = scene_start("completer", keep, &promise);
	error = ferry_future_wait(promise.future, ferry_in_ns(1000));
	CHECK(error == 0 || error == -ETIMEDOUT);
	if (!error)
		check_kept(&promise);
	scene_join(completer);
	check_kept(&promise);
	ferry_future_unref(promise.future);
}

/* ---- waiters by hand ---- */

#define WAITERS 3

struct watch {
	ferry_waiter waiter;
	unsigned told, order;
	unsigned *turn;
};

static void told(ferry_waiter *waiter)
{
	struct watch *watch = container(waiter, struct watch, waiter);

	watch->told++;
	watch->order = ++*watch->turn;
}

static void watch_init(struct watch *watch, unsigned *turn)
{
	*watch = (struct watch){ { NULL, told }, 0, 0, turn };
}

/* F5: in the order attached, each once; one is taken back meanwhile. */
static void detached_as_it_is_kept(void)
{
	struct watch watches[WAITERS];
	struct promise promise;
	unsigned completer, turn = 0, middle;
	int detached;

	begin_promise(&promise);
	middle = scene_pick(WAITERS);
	for (unsigned i = 0; i < WAITERS; i++) {
		watch_init(&watches[i], &turn);
		CHECK(ferry_future_attach(promise.future, &watches[i].waiter) == 0);
	}
	completer = scene_start("completer", keep, &promise);
	detached = ferry_future_detach(promise.future, &watches[middle].waiter);
	CHECK(detached == 0 || detached == 1);
	scene_join(completer);
	for (unsigned i = 0, before = 0; i < WAITERS; i++) {
		CHECK(watches[i].told == (i != middle || !detached));
		CHECK(!watches[i].told || watches[i].order == ++before);
	}
	ferry_future_unref(promise.future);
}

struct late {
	struct promise *promise;
	struct watch watch;
	unsigned turn;
	int attached, detached;
};

static void attach_and_detach(void *arg)
{
	struct late *late = arg;

	late->attached = ferry_future_attach(late->promise->future, &late->watch.waiter);
	late->detached = -EINVAL;
	if (!late->attached)
		late->detached = ferry_future_detach(late->promise->future, &late->watch.waiter);
}

/* F5: two threads attach and detach as it is kept. */
static void attached_and_detached_as_it_is_kept(void)
{
	struct late first = { .turn = 0 }, second = { .turn = 0 };
	struct late *both[] = { &first, &second };
	struct promise promise;
	unsigned other, completer;

	begin_promise(&promise);
	for (unsigned i = 0; i < 2; i++) {
		both[i]->promise = &promise;
		watch_init(&both[i]->watch, &both[i]->turn);
	}
	completer = scene_start("completer", keep, &promise);
	other = scene_start("watcher", attach_and_detach, &second);
	attach_and_detach(&first);
	scene_join(other);
	scene_join(completer);
	for (unsigned i = 0; i < 2; i++) {
		if (both[i]->attached)
			CHECK(both[i]->attached == -EALREADY && !both[i]->watch.told);
		else
			CHECK(both[i]->watch.told == (both[i]->detached == 0));
	}
	ferry_future_unref(promise.future);
}

/* ---- several who would end it ---- */

/* F4: one completer wins, and the result is his. */
static void kept_by_two(void)
{
	struct promise first, second;
	ferry_snapshot snapshot;
	unsigned other;

	begin_promise(&first);
	second = first;
	other = scene_start("completer", keep, &second);
	first.status = ferry_future_set_exception(first.future,
						  ferry_error_from_errno(EIO));
	scene_join(other);
	CHECK((first.status == 0 && second.status == -EALREADY) ||
	      (first.status == -EALREADY && second.status == 0));
	snapshot = ferry_future_snapshot(first.future);
	CHECK((snapshot.exception != NULL) == (first.status == 0));
	CHECK((snapshot.result.u64 == 1) == (second.status == 0));
	ferry_future_unref(first.future);
}

static void run_and_keep(void *arg)
{
	struct promise *promise = arg;

	promise->status = ferry_future_set_running(promise->future);
	if (promise->status == 0)
		CHECK(ferry_future_set_result(promise->future, ferry_result_u64(1)) == 0);
}

/* F1, F3: a cancel comes before the work, or is only an ask. */
static void cancelled_as_work_begins(void)
{
	struct watch watch;
	struct promise promise;
	unsigned completer, turn = 0;
	int cancelled;

	begin_promise(&promise);
	watch_init(&watch, &turn);
	CHECK(ferry_future_attach(promise.future, &watch.waiter) == 0);
	completer = scene_start("completer", run_and_keep, &promise);
	cancelled = ferry_future_cancel(promise.future);
	scene_join(completer);
	CHECK(cancelled == 1 || cancelled == 0 || cancelled == -EALREADY);
	CHECK(promise.status == (cancelled == 1 ? -ECANCELED : 0));
	CHECK(ferry_future_snapshot(promise.future).cancelled == (cancelled == 1));
	CHECK(ferry_future_cancel_requested(promise.future) == (cancelled != -EALREADY));
	CHECK(watch.told == 1);
	ferry_future_unref(promise.future);
}

/* ---- results ---- */

static _Atomic unsigned disposed;

static void dispose(const ferry_result *result)
{
	(void)result;
	disposed++;
}

static const ferry_disposer disposer = { FERRY_DISPOSE_ANYWHERE, dispose };

struct heir {
	ferry_future *future;
	int taken;
};

static void take(void *arg)
{
	struct heir *heir = arg;
	ferry_result result;

	heir->taken = ferry_future_take(heir->future, &result);
	ferry_future_unref(heir->future);
}

/* F7: one of two takes it, or the last reference disposes of it. */
static void taken_by_two_as_it_is_dropped(void)
{
	struct heir first = { new_promise(), 0 }, second;
	unsigned other, drops = scene_pick(2);
	ferry_result result = ferry_result_pointer(NULL, &disposer);

	disposed = 0;
	CHECK(ferry_future_set_result(first.future, result) == 0);
	second = first;
	ferry_future_ref(first.future);
	other = scene_start("heir", take, &second);
	if (drops)
		ferry_future_unref(first.future);
	else
		take(&first);
	scene_join(other);
	if (drops)
		CHECK(second.taken == 0 && disposed == 0);
	else
		CHECK((first.taken == 0) + (second.taken == 0) == 1 && disposed == 0);
}

/* ---- several futures ---- */

/* F3: any and all, by two completers. */
static void several_waited_for_as_they_are_kept(void)
{
	struct promise promises[2];
	ferry_future *futures[2];
	unsigned threads[2];
	int any;

	for (unsigned i = 0; i < 2; i++) {
		begin_promise(&promises[i]);
		futures[i] = promises[i].future;
		threads[i] = scene_start("completer", keep, &promises[i]);
	}
	any = ferry_wait_any(futures, 2, FERRY_NO_DEADLINE);
	CHECK(any == 0 || any == 1);
	check_kept(&promises[any]);
	CHECK(ferry_wait_all(futures, 2, FERRY_ALL_COMPLETED, FERRY_NO_DEADLINE) == 2);
	for (unsigned i = 0; i < 2; i++) {
		check_kept(&promises[i]);
		scene_join(threads[i]);
		ferry_future_unref(futures[i]);
	}
}

static void fail(void *arg)
{
	struct promise *promise = arg;

	promise->status = ferry_future_set_exception(promise->future,
						     ferry_error_from_errno(EIO));
}

/* The first exception is enough, though others are never kept. */
static void several_waited_for_until_one_fails(void)
{
	struct promise promises[3];
	ferry_future *futures[3];
	unsigned threads[2];
	int done;

	for (unsigned i = 0; i < 3; i++) {
		begin_promise(&promises[i]);
		futures[i] = promises[i].future;
	}
	threads[0] = scene_start("completer", keep, &promises[0]);
	threads[1] = scene_start("failer", fail, &promises[1]);
	done = ferry_wait_all(futures, 3, FERRY_FIRST_EXCEPTION, FERRY_NO_DEADLINE);
	CHECK(done == 1 || done == 2);
	CHECK(ferry_future_snapshot(futures[1]).exception);
	for (unsigned i = 0; i < 2; i++)
		scene_join(threads[i]);
	for (unsigned i = 0; i < 3; i++)
		ferry_future_unref(futures[i]);
}

/* Each is given once, in the order of completion; the iteration may end at any time. */
static void given_as_they_are_kept(void)
{
	unsigned wanted = scene_pick(3), threads[2];
	struct promise promises[2];
	ferry_future *futures[2], *given[2];
	ferry_as_completed *iteration;

	for (unsigned i = 0; i < 2; i++) {
		begin_promise(&promises[i]);
		futures[i] = promises[i].future;
		threads[i] = scene_start("completer", keep, &promises[i]);
	}
	CHECK(ferry_as_completed_new(futures, 2, &iteration) == 0);
	for (unsigned i = 0; i < wanted; i++) {
		CHECK(ferry_as_completed_next(iteration, FERRY_NO_DEADLINE, &given[i]) == 1);
		check_kept(&promises[given[i] == futures[1]]);
	}
	CHECK(wanted < 2 || given[0] != given[1]);
	ferry_as_completed_free(iteration);
	for (unsigned i = 0; i < 2; i++) {
		scene_join(threads[i]);
		ferry_future_unref(futures[i]);
	}
}

static const struct scene scenes[] = {
	{ "wait", waited_for_as_it_is_kept, EVERY, EVERY },
	{ "wait-two", waited_for_by_two_as_it_is_kept, 6, 9 },
	{ "give-up", given_up_as_it_is_kept, EVERY, EVERY },
	{ "detach", detached_as_it_is_kept, EVERY, EVERY },
	{ "attach-detach", attached_and_detached_as_it_is_kept, 6, 9 },
	{ "two-completers", kept_by_two, EVERY, EVERY },
	{ "cancel", cancelled_as_work_begins, EVERY, EVERY },
	{ "take", taken_by_two_as_it_is_dropped, EVERY, EVERY },
	{ "several", several_waited_for_as_they_are_kept, 4, 6 },
	{ "exception", several_waited_for_until_one_fails, 5, 6 },
	{ "as-completed", given_as_they_are_kept, 4, 6 },
};

int main(int count, char **arguments)
{
	return explore(count, arguments, scenes, sizeof(scenes) / sizeof(*scenes));
}
