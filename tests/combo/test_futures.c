/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every life of a concurrent future: completed by whom x with which outcome x cancelled
 * when x awaited how x from when on x dropped when x with which disposer.
 *
 * Of each life: the calls say what they should, the observer sees the outcome that it
 * should, the function runs once or never, its argument is released once, and the
 * result is taken once, or disposed of once, or stays its maker's (F1-F5, F7).
 */
#include "support/completer.h"
#include "support/program.h"
#include "support/token.h"
#include "support/watcher.h"

enum cancelled { NEVER_CANCELLED, CANCELLED_PENDING, CANCELLED_RUNNING, CANCELLED_DONE, CANCELS };

enum awaited {
	NOT_AWAITED,
	WAIT,
	WAIT_TWICE, /* until a deadline, then until the end */
	WAIT_ANY,
	WAIT_ALL_COMPLETED,
	WAIT_FIRST_COMPLETED,
	WAIT_FIRST_EXCEPTION,
	AS_COMPLETED,
	ATTACH,
	ATTACH_DETACH,
	AWAITS
};

enum since { FROM_THE_BEGINNING, FROM_RUNNING, FROM_THE_END, SINCES };

enum dropped {
	DROPPED_FIRST,  /* before it is done: only the observer holds it */
	DROPPED_DONE,   /* when it is done, untaken */
	DROPPED_TAKEN,  /* when it is done, taken */
	DROPPED_LAST,   /* after the completer is gone, untaken */
	DROPS
};

struct life {
	enum completer_kind kind;
	enum completer_ending ending;
	enum cancelled cancelled;
	enum awaited awaited;
	enum since since;
	enum dropped dropped;
	int disposer; /* 0: none, 1: anywhere, 2: blocking */
};

static const char *const ending_names[] = { "a result", "an exception", "cancelled" };
static const char *const cancel_names[] = { "never", "pending", "running", "done" };
static const char *const await_names[] = {
	"not",		   "wait",	      "wait twice",   "wait_any", "all completed",
	"first completed", "first exception", "as_completed", "attach",	  "attach and detach",
};
static const char *const since_names[] = { "the beginning", "running", "the end" };
static const char *const drop_names[] = { "first", "done", "taken", "last" };
static const char *const disposer_names[] = { "none", "anywhere", "blocking" };

static struct life life;

#define check(condition, ...)                                                                     \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			fprintf(stderr,                                                           \
				"completed by %s with %s, cancelled: %s, awaited: %s from %s, "    \
				"dropped: %s, disposer: %s\n",                                    \
				completer_names[life.kind], ending_names[life.ending],            \
				cancel_names[life.cancelled], await_names[life.awaited],          \
				since_names[life.since], drop_names[life.dropped],                \
				disposer_names[life.disposer]);                                   \
			program_fail(__VA_ARGS__);                                                \
		}                                                                                 \
	} while (0)

/* ---- what should come of it ---- */

static bool is_job(void)
{
	return life.kind == COMPLETER_POOL || life.kind == COMPLETER_EXECUTOR;
}

/* An executor's job with a result that only a pool could dispose of fails. */
static bool is_refused(void)
{
	return life.kind == COMPLETER_EXECUTOR && life.disposer == 2 &&
	       life.ending == ENDS_WITH_RESULT && life.cancelled != CANCELLED_PENDING;
}

static bool has_result(void)
{
	return life.ending == ENDS_WITH_RESULT && life.cancelled != CANCELLED_PENDING &&
	       !is_refused();
}

static void check_outcome(const ferry_snapshot *snapshot, const struct token *token)
{
	bool cancelled = life.cancelled == CANCELLED_PENDING || life.ending == ENDS_CANCELLED;

	check(snapshot->done == 1, "it is not done");
	check(snapshot->cancelled == cancelled, "cancelled is %d", snapshot->cancelled);
	check(snapshot->result.pointer == (has_result() ? token : NULL), "wrong result");
	if (cancelled || has_result())
		check(!snapshot->exception, "an exception");
	else
		check(snapshot->exception == ferry_error_from_errno(is_refused() ? EINVAL : EIO),
		      "wrong exception");
}

/* ---- the observer ---- */

struct observer {
	ferry_future *future, *other; /* other: a promise that is completed at the very end */
	struct token *token;
	struct watcher watcher;
	pthread_t thread;
	bool threaded;
	int attached;
};

/* What the blocking ones do, on a thread of their own. */
static void *observe(void *arg)
{
	struct observer *observer = arg;
	ferry_future *both[2] = { observer->other, observer->future }, *given = NULL;
	ferry_as_completed *iteration = NULL;
	ferry_snapshot snapshot;
	int said;

	switch (life.awaited) {
	case WAIT_TWICE:
		said = ferry_future_wait(observer->future, ferry_in_ns(1000));
		check(said == 0 || said == -ETIMEDOUT, "the first wait said %d", said);
		/* fall through */
	case WAIT:
		said = ferry_future_wait(observer->future, FERRY_NO_DEADLINE);
		check(said == 0, "the wait said %d", said);
		break;
	case WAIT_ANY:
		said = ferry_wait_any(both, 2, FERRY_NO_DEADLINE);
		check(said == 1, "wait_any said %d", said);
		break;
	case WAIT_ALL_COMPLETED:
		said = ferry_wait_all(both, 2, FERRY_ALL_COMPLETED, FERRY_NO_DEADLINE);
		check(said == 2, "all completed said %d", said);
		break;
	case WAIT_FIRST_COMPLETED:
		said = ferry_wait_all(both, 2, FERRY_FIRST_COMPLETED, FERRY_NO_DEADLINE);
		check(said == 1, "first completed said %d", said);
		break;
	case WAIT_FIRST_EXCEPTION:
		said = ferry_wait_all(both, 2, FERRY_FIRST_EXCEPTION, FERRY_NO_DEADLINE);
		snapshot = ferry_future_snapshot(observer->future);
		check(said == (snapshot.exception ? 1 : 2), "first exception said %d", said);
		break;
	default:
		check(ferry_as_completed_new(both, 2, &iteration) == 0, "no iteration");
		said = ferry_as_completed_next(iteration, FERRY_NO_DEADLINE, &given);
		check(said == 1 && given == observer->future, "as_completed said %d", said);
		break;
	}
	snapshot = ferry_future_snapshot(observer->future);
	check_outcome(&snapshot, observer->token);
	ferry_as_completed_free(iteration);
	ferry_future_unref(observer->future);
	return NULL;
}

/* First exception without one waits for the other, too. */
static bool needs_other(void)
{
	return life.awaited == WAIT_ALL_COMPLETED ||
	       (life.awaited == WAIT_FIRST_EXCEPTION &&
		(life.cancelled == CANCELLED_PENDING || life.ending == ENDS_CANCELLED ||
		 has_result()));
}

/* Returns when it is attached, if it ever will be. */
static void observer_begin(struct observer *observer, ferry_future *future, enum since now)
{
	if (life.since != now || life.awaited == NOT_AWAITED)
		return;
	observer->future = ferry_future_ref(future);
	if (life.awaited == ATTACH || life.awaited == ATTACH_DETACH) {
		watcher_init(&observer->watcher, future);
		observer->attached = ferry_future_attach(future, &observer->watcher.waiter);
		check(observer->attached == (now == FROM_THE_END ? -EALREADY : 0),
		      "attach said %d", observer->attached);
		return;
	}
	observer->threaded = true;
	check(pthread_create(&observer->thread, NULL, observe, observer) == 0, "no thread");
	if (now != FROM_THE_END)
		completer_see_waiter(future);
}

/* Before it is done. */
static void observer_detach(struct observer *observer)
{
	int said;

	if (life.awaited != ATTACH_DETACH || !observer->future || life.since == FROM_THE_END)
		return;
	said = ferry_future_detach(observer->future, &observer->watcher.waiter);
	check(said == (life.cancelled == CANCELLED_PENDING ? 0 : 1), "detach said %d", said);
}

/* After the completer is gone. */
static void observer_end(struct observer *observer)
{
	const struct watcher *watcher = &observer->watcher;
	bool notified = !observer->attached &&
			(life.awaited == ATTACH || life.cancelled == CANCELLED_PENDING);

	if (observer->threaded && !needs_other()) {
		pthread_join(observer->thread, NULL);
		observer->threaded = false;
	}
	check(ferry_future_set_cancelled(observer->other) == 0, "the other was completed");
	if (observer->threaded)
		pthread_join(observer->thread, NULL);
	if (life.awaited != ATTACH && life.awaited != ATTACH_DETACH)
		return;
	check(watcher->notified == notified, "notified %d times", watcher->notified);
	if (notified)
		check_outcome(&watcher->seen, observer->token);
	if (!observer->attached && life.awaited == ATTACH)
		check(ferry_future_detach(observer->future, &observer->watcher.waiter) == 0,
		      "a notified one was detached");
	ferry_future_unref(observer->future);
}

/* ---- a life ---- */

static void cancel(ferry_future *future, enum cancelled now, int wanted)
{
	int said;

	if (life.cancelled != now)
		return;
	said = ferry_future_cancel(future);
	check(said == wanted, "cancel said %d", said);
	if (wanted >= 0)
		check(ferry_future_cancel_requested(future) == 1, "the ask was not recorded");
}

static int taken; /* in this life */

static void drop(ferry_future *future, enum dropped now)
{
	ferry_result result;
	int said;

	if (life.dropped != now)
		return;
	if (now == DROPPED_TAKEN) {
		said = ferry_future_take(future, &result);
		check(said == (has_result() ? 0 : -ENODATA), "take said %d", said);
		taken = said == 0;
	}
	ferry_future_unref(future);
}

/* Waits without being an observer: the completer has done its part, or somebody cancelled. */
static void see_done(ferry_future *future)
{
	while (!ferry_future_snapshot(future).done)
		sched_yield();
}

static void check_books(const struct completer *completer, const struct token *token)
{
	bool offered = life.ending == ENDS_WITH_RESULT && life.disposer != 0;
	int disposed = offered && (has_result() ? !taken : is_refused());
	bool ran = life.cancelled != CANCELLED_PENDING;

	check(token->disposed == disposed, "the result was disposed of %d times", token->disposed);
	if (is_job()) {
		check(completer->calls == ran, "the function ran %d times", completer->calls);
		check(completer->released == 1, "released %d times", completer->released);
	} else {
		check(completer->begun == (ran ? 0 : -ECANCELED), "set_running said %d",
		      completer->begun);
		check(completer->completed == (ran ? 0 : -EALREADY), "completing said %d",
		      completer->completed);
	}
	check(completer->asked == (life.cancelled == CANCELLED_PENDING ||
				   life.cancelled == CANCELLED_RUNNING),
	      "on_cancel was called %d times", completer->asked);
}

static void live(void)
{
	static const ferry_disposer *const disposers[] = { NULL, &token_anywhere, &token_blocking };
	struct observer observer = { .attached = -1 };
	struct token token = { 0 };
	struct completer completer;
	ferry_future *future;

	taken = 0;
	check(ferry_future_new(NULL, &observer.other) == 0, "no promise");
	observer.token = &token;
	completer_begin(&completer, life.kind, life.ending,
			token_result(&token, disposers[life.disposer]));
	future = completer.future;
	observer_begin(&observer, future, FROM_THE_BEGINNING);
	cancel(future, CANCELLED_PENDING, 1);
	completer_start(&completer);
	observer_begin(&observer, future, FROM_RUNNING);
	cancel(future, CANCELLED_RUNNING, 0);
	observer_detach(&observer);
	if (life.dropped == DROPPED_FIRST) {
		drop(future, DROPPED_FIRST);
		completer_join(&completer);
	} else {
		completer_end(&completer);
		see_done(future);
		observer_begin(&observer, future, FROM_THE_END);
		cancel(future, CANCELLED_DONE, -EALREADY);
		drop(future, DROPPED_TAKEN);
		drop(future, DROPPED_DONE);
		completer_join(&completer);
		drop(future, DROPPED_LAST);
	}
	observer_end(&observer);
	ferry_future_unref(observer.other);
	check_books(&completer, &token);
}

/* Some of the lives cannot be. */
static bool is_possible(void)
{
	/* Cancelled before it runs, it never is running. */
	if (life.cancelled == CANCELLED_PENDING && life.since == FROM_RUNNING)
		return false;
	/* Without a reference nobody can cancel a done one, or begin to observe it. */
	if (life.dropped == DROPPED_FIRST &&
	    (life.cancelled == CANCELLED_DONE ||
	     (life.since == FROM_THE_END && life.awaited != NOT_AWAITED)))
		return false;
	/* The same life many times. */
	if (life.awaited == NOT_AWAITED && life.since != FROM_THE_BEGINNING)
		return false;
	return life.disposer == 0 || life.ending == ENDS_WITH_RESULT;
}

/* The next digit of a number in which each place has a base of its own. */
static int digit(unsigned *number, unsigned base)
{
	int here = (int)(*number % base);

	*number /= base;
	return here;
}

#define LIVES (COMPLETER_KINDS * ENDINGS * CANCELS * AWAITS * SINCES * DROPS * 3u)

static void choose_life(unsigned number)
{
	life.kind = (enum completer_kind)digit(&number, COMPLETER_KINDS);
	life.ending = (enum completer_ending)digit(&number, ENDINGS);
	life.cancelled = (enum cancelled)digit(&number, CANCELS);
	life.awaited = (enum awaited)digit(&number, AWAITS);
	life.since = (enum since)digit(&number, SINCES);
	life.dropped = (enum dropped)digit(&number, DROPS);
	life.disposer = digit(&number, 3);
}

int main(int argc, char **argv)
{
	struct program program = program_begin(argc, argv, "every life of a concurrent future",
					       PROGRAM_SLOW, 10);
	long lives = 0;

	/* --count is how often; chance has no part in this. */
	for (long round = 0; round < program.count; round++)
		for (unsigned number = 0; number < LIVES; number++) {
			choose_life(number);
			if (!is_possible())
				continue;
			live();
			lives++;
		}
	printf("%ld lives\n", lives);
	return 0;
}
