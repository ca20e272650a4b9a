/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Queued jobs whose deadline passes just as somebody begins to run them, or cancels
 * them, by every interleaving (F2, F3, F5, F6, P10).
 *
 * The one who expires a job writes its outcome under LIST, while its worker may set it
 * running and complete it: then the worker's outcome must be the one that is seen.
 * model_expiry --help says how to replay a schedule.
 */
#include <errno.h>
#include <ferry/pool.h>

#include "base/list.h"
#include "seam/scene.h"

/* A job on an executor that runs it when the scene says so. */
struct errand {
	ferry_future *future;
	void (*run)(void *job);
	void *job;
	unsigned calls, released;
	uint64_t deadline_ns;
};

static int execute(void *user, void (*run)(void *job), void *job)
{
	struct errand *errand = user;

	errand->run = run;
	errand->job = job;
	return 0;
}

static unsigned disposed;

static void dispose(const ferry_result *result)
{
	(void)result;
	disposed++;
}

static const ferry_disposer disposer = { FERRY_DISPOSE_ANYWHERE, dispose };

static int do_errand(void *arg, ferry_result *out)
{
	struct errand *errand = arg;

	errand->calls++;
	*out = ferry_result_pointer(errand, &disposer);
	return 0;
}

static void release_errand(void *arg)
{
	struct errand *errand = arg;

	errand->released++;
}

#define DELAY_NS 1000

static void begin_errand(struct errand *errand)
{
	ferry_executor executor = { sizeof(executor), execute, errand };
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	*errand = (struct errand){ .deadline_ns = ferry_in_ns(DELAY_NS) };
	disposed = 0;
	options.deadline_ns = errand->deadline_ns;
	options.release = release_errand;
	CHECK(ferry_executor_submit(&executor, do_errand, errand, &options, &errand->future) == 0);
}

static void run_errand(void *arg)
{
	struct errand *errand = arg;

	errand->run(errand->job);
}

/* It ran and gave its result, or never ran and has one of the other two outcomes. */
static void check_errand(const struct errand *errand)
{
	ferry_snapshot snapshot = ferry_future_snapshot(errand->future);

	CHECK(snapshot.done);
	if (errand->calls) {
		CHECK(errand->calls == 1 && !snapshot.exception && !snapshot.cancelled);
		CHECK(snapshot.result.pointer == errand && snapshot.result.disposer == &disposer);
	} else {
		CHECK(!snapshot.result.disposer);
		CHECK(snapshot.cancelled !=
		      (snapshot.exception == ferry_error_from_code(FERRY_ERROR_TIMED_OUT)));
	}
}

static void end_errand(struct errand *errand)
{
	check_errand(errand);
	/* Only here: it is released after it is done, and nobody waits for that. */
	CHECK(errand->released == 1);
	ferry_future_unref(errand->future);
	CHECK(disposed == errand->calls);
}

/* ---- scenes ---- */

static void wait_for_errand(void *arg)
{
	struct errand *errand = arg;

	CHECK(ferry_future_wait(errand->future, FERRY_NO_DEADLINE) == 0);
	check_errand(errand);
}

/* P10: its waiter expires it as it is begun. */
static void expired_as_it_begins(void)
{
	struct errand errand;
	unsigned worker;

	begin_errand(&errand);
	worker = scene_start("worker", run_errand, &errand);
	wait_for_errand(&errand);
	scene_join(worker);
	end_errand(&errand);
}

/* P10: two waiters both find it late. */
static void expired_by_two_as_it_begins(void)
{
	struct errand errand;
	unsigned worker, other;

	begin_errand(&errand);
	worker = scene_start("worker", run_errand, &errand);
	other = scene_start("waiter", wait_for_errand, &errand);
	wait_for_errand(&errand);
	scene_join(worker);
	scene_join(other);
	end_errand(&errand);
}

static void cancel_errand(void *arg)
{
	struct errand *errand = arg;
	int said;

	scene_wait_until(errand->deadline_ns);
	said = ferry_future_cancel(errand->future);
	CHECK(said == 0 || said == 1 || said == -EALREADY);
	CHECK(said == -EALREADY || ferry_future_cancel_requested(errand->future) == 1);
}

/* F3, P10: it is cancelled, or expires, or runs. */
static void cancelled_as_it_expires(void)
{
	struct errand errand;
	unsigned worker, canceller;

	begin_errand(&errand);
	worker = scene_start("worker", run_errand, &errand);
	canceller = scene_start("canceller", cancel_errand, &errand);
	wait_for_errand(&errand);
	scene_join(worker);
	scene_join(canceller);
	end_errand(&errand);
}

struct watch {
	ferry_waiter waiter;
	struct errand *errand;
	unsigned told;
	int detached;
};

static void told(ferry_waiter *waiter)
{
	struct watch *watch = container(waiter, struct watch, waiter);

	CHECK(ferry_future_snapshot(watch->errand->future).done);
	watch->told++;
}

static void detach_late(void *arg)
{
	struct watch *watch = arg;

	scene_wait_until(watch->errand->deadline_ns);
	watch->detached = ferry_future_detach(watch->errand->future, &watch->waiter);
}

/* F5: somebody holds LIST for a waiter's sake as it expires, and as it is completed. */
static void detached_as_it_expires(void)
{
	struct watch watch = { .waiter = { NULL, told } };
	struct errand errand;
	unsigned worker, other;

	begin_errand(&errand);
	watch.errand = &errand;
	CHECK(ferry_future_attach(errand.future, &watch.waiter) == 0);
	worker = scene_start("worker", run_errand, &errand);
	other = scene_start("watcher", detach_late, &watch);
	wait_for_errand(&errand);
	scene_join(worker);
	scene_join(other);
	CHECK(watch.detached == 0 || watch.detached == 1);
	CHECK(watch.told == (watch.detached == 0));
	end_errand(&errand);
}

/* P10: of two jobs one is waited for until the other expires, and the other way round. */
static void one_of_two_expires(void)
{
	struct errand errands[2];
	ferry_future *futures[2];
	unsigned worker;
	int any;

	for (unsigned i = 0; i < 2; i++) {
		begin_errand(&errands[i]);
		futures[i] = errands[i].future;
	}
	disposed = 0;
	worker = scene_start("worker", run_errand, &errands[1]);
	any = ferry_wait_any(futures, 2, FERRY_NO_DEADLINE);
	CHECK(any == 0 || any == 1);
	check_errand(&errands[any]);
	CHECK(ferry_wait_all(futures, 2, FERRY_ALL_COMPLETED, FERRY_NO_DEADLINE) == 2);
	scene_join(worker);
	check_errand(&errands[0]);
	check_errand(&errands[1]);
	CHECK(errands[0].calls == 0);
	run_errand(&errands[0]);
	CHECK(errands[0].calls == 0);
	ferry_future_unref(futures[0]);
	ferry_future_unref(futures[1]);
	CHECK(disposed == errands[1].calls);
}

static const struct scene scenes[] = {
	{ "expire", expired_as_it_begins, 6, 8 },
	{ "expire-two", expired_by_two_as_it_begins, 4, 5 },
	{ "cancel", cancelled_as_it_expires, 4, 5 },
	{ "detach", detached_as_it_expires, 4, 5 },
	{ "one-of-two", one_of_two_expires, 4, 5 },
};

int main(int count, char **arguments)
{
	return explore(count, arguments, scenes, sizeof(scenes) / sizeof(*scenes));
}
