/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every life of a request of a loop: completed where x cancelled when and by whom x
 * dropped when x with which outcome x awaited how x taken or not.
 *
 * The stages are gated: each life is QUEUED, then RUNNING, then DONE and in the inbox,
 * then DELIVERED, and something is done to it in between. Of each: the local has the
 * outcome that it should, each callback is called once or never, the function runs
 * once or never, its argument is released once and not while it runs, who cancels is
 * told so, a result ends once and where it may, an exception that nobody looked at is
 * counted, and nothing is left behind (L2-L6, F3, F7, P10).
 */
#include "support/disposal.h"
#include "support/program.h"
#include "support/work.h"

enum place {
	WORKER,  /* an offload, run by a worker */
	CALLER,  /* an offload, run by the loop's thread since the queue is full */
	WRAPPED, /* a pool's job, wrapped */
	FOREIGN, /* a promise, completed by a thread of its own, wrapped */
	PLACES
};
static const char *const place_names[] = { "a worker", "the caller", "a worker, wrapped",
					   "a foreign thread, wrapped" };

enum stage { QUEUED, RUNNING, DONE, DELIVERED, CLOSED, STAGES, NEVER = STAGES };
static const char *const stage_names[] = { "queued", "running", "done", "delivered", "closed",
					   "never" };

enum canceller { BY_LOOP, BY_FUNCTION, BY_POOL, BY_DEADLINE, BY_CLOSE, CANCELLERS };
static const char *const canceller_names[] = { "the loop", "its function", "the pool's end",
					       "its deadline", "the loop's end" };

enum outcome { ANYWHERE, BLOCKING, NUMBER, EXCEPTION, CANCELLED, OUTCOMES };
static const char *const outcome_names[] = { "a result", "a result whose disposer may block",
					     "a number", "an exception", "cancelled" };

enum awaited { BY_NOBODY, BY_CALLBACK, BY_CALLBACKS, BY_RUN_UNTIL, BY_CHAIN, AWAITS };
static const char *const awaited_names[] = { "nobody", "a callback", "three callbacks",
					     "run_until", "a chain" };

/* One life: what is done to it, and what was seen of it. */
struct life {
	enum place place;
	enum stage cancelled; /* NEVER: not at all */
	enum canceller by;
	enum stage dropped;
	bool dropped_inside; /* in a callback, instead of after delivery */
	enum outcome outcome;
	enum awaited awaited;
	bool taken;

	struct gate before, inside;
	struct disposal disposal;
	ferry_local *local;   /* what the test holds; NULL once dropped */
	ferry_future *future; /* FOREIGN: the promise */
	pthread_t thread;
	atomic_int runs, released, asked;
	atomic_bool is_inside, released_early;
	int callbacks, takes;
	bool looked, dropped_open; /* by its holder; while the loop was open */
};

static ferry_loop *loop;
static ferry_pool *wide, *narrow; /* of one worker each; the narrow one queues one job */
static ferry_pool *pool;          /* the one that this life uses */
static bool pool_is_over;
static struct life life;

static void die(const char *what)
{
	program_fail("%s\n  completed by %s, cancelled when %s by %s, dropped when %s%s, outcome "
		     "%s, awaited by %s, %s",
		     what, place_names[life.place], stage_names[life.cancelled],
		     life.cancelled == NEVER ? "nobody" : canceller_names[life.by],
		     stage_names[life.dropped], life.dropped_inside ? " in a callback" : "",
		     outcome_names[life.outcome], awaited_names[life.awaited],
		     life.taken ? "taken" : "not taken");
}

#define check(condition) ((condition) ? (void)0 : die("not so: " #condition))

/* ---- which lives there are ---- */

static int callbacks_of(enum awaited awaited)
{
	return awaited == BY_CALLBACKS ? 3 : awaited == BY_CALLBACK || awaited == BY_CHAIN;
}

/* Who can cancel it, and when? */
static bool can_be_cancelled(void)
{
	if (life.cancelled == NEVER)
		return life.by == 0; /* one of them stands for all */
	switch (life.by) {
	case BY_LOOP:
	case BY_CLOSE:
		return life.place != CALLER || life.cancelled >= DONE;
	case BY_FUNCTION:
		return life.cancelled == RUNNING && life.outcome == CANCELLED;
	case BY_POOL:
		return life.place == WORKER || life.place == WRAPPED;
	case BY_DEADLINE:
		return life.cancelled == QUEUED && life.place != FOREIGN;
	default:
		return false;
	}
}

static bool is_possible(void)
{
	if (life.cancelled == CLOSED || !can_be_cancelled())
		return false;
	/* What ends as cancelled without anybody's asking is the function's doing. */
	if (life.outcome == CANCELLED && life.cancelled == NEVER)
		return false;
	/* It runs before it can be dropped. */
	if (life.place == CALLER && life.dropped == RUNNING)
		return false;
	/* Only what is held can be cancelled, waited for or taken. */
	if (life.by == BY_LOOP && life.cancelled != NEVER && life.dropped < life.cancelled)
		return false;
	if (life.awaited == BY_RUN_UNTIL && life.dropped < DELIVERED)
		return false;
	if (life.taken && life.dropped < DELIVERED)
		return false;
	if (life.dropped_inside &&
	    (life.dropped != DELIVERED || !callbacks_of(life.awaited) ||
	     (life.by == BY_CLOSE && life.cancelled != NEVER) ||
	     (life.by == BY_LOOP && life.cancelled == DELIVERED)))
		return false;
	return true;
}

/* ---- what is expected ---- */

/* Did something end it before it ran? */
static bool never_ran(void)
{
	return life.cancelled == QUEUED;
}

/* What the local ends as, for one who holds it to the end. */
static enum outcome expected(void)
{
	if (life.cancelled == NEVER || life.cancelled == DELIVERED)
		return life.outcome;
	switch (life.by) {
	case BY_CLOSE:
		/* What lies in the inbox is taken; but nobody is called, so no chain is. */
		if (life.cancelled == DONE && life.awaited != BY_CHAIN)
			return life.outcome;
		return CANCELLED;
	case BY_LOOP:
	case BY_FUNCTION:
		return CANCELLED;
	case BY_POOL:
		return life.cancelled == QUEUED ? CANCELLED : life.outcome;
	default:
		return EXCEPTION;
	}
}

static const ferry_error *expected_error(void)
{
	return life.by == BY_DEADLINE && life.cancelled != NEVER
		       ? ferry_error_from_code(FERRY_ERROR_TIMED_OUT)
		       : ferry_error_from_errno(EIO);
}

static bool is_open(void)
{
	return loop != NULL;
}

/* ---- the function, and the hooks ---- */

static ferry_result product(void)
{
	return life.outcome == NUMBER ? ferry_result_u64(7)
				      : disposal_result(&life.disposal,
							life.outcome == BLOCKING
								? FERRY_DISPOSE_BLOCKING
								: FERRY_DISPOSE_ANYWHERE);
}

static int run(void *arg, ferry_result *out)
{
	check(arg == &life);
	atomic_store(&life.is_inside, true);
	atomic_fetch_add(&life.runs, 1);
	if (life.place != CALLER)
		gate_wait(&life.inside);
	atomic_store(&life.is_inside, false);
	if (life.outcome == CANCELLED)
		return -ECANCELED;
	*out = product();
	return life.outcome == EXCEPTION ? -EIO : 0;
}

static void release(void *arg)
{
	struct life *released = arg;

	if (atomic_load(&released->is_inside))
		atomic_store(&released->released_early, true);
	atomic_fetch_add(&released->released, 1);
}

static void on_cancel(ferry_future *future, void *user)
{
	(void)future, (void)user;
	atomic_fetch_add(&life.asked, 1);
}

/* FOREIGN: the thread that has the promise. */
static void *complete(void *arg)
{
	ferry_future *promise = arg;
	int error;

	gate_wait(&life.before);
	error = ferry_future_set_running(promise);
	if (error) {
		check(error == -ECANCELED && never_ran());
	} else {
		atomic_fetch_add(&life.runs, 1);
		gate_wait(&life.inside);
		if (life.outcome == CANCELLED)
			error = ferry_future_set_cancelled(promise);
		else if (life.outcome == EXCEPTION)
			error = ferry_future_set_exception(promise, ferry_error_from_errno(EIO));
		else
			error = ferry_future_set_result(promise, product());
		check(error == 0);
	}
	ferry_future_unref(promise);
	return NULL;
}

/* ---- callbacks, looks, takes, drops ---- */

static void look(void)
{
	ferry_snapshot snapshot = ferry_local_snapshot(life.local);

	life.looked = true;
	check(snapshot.done);
	check(snapshot.cancelled == (expected() == CANCELLED));
	check(snapshot.exception == (expected() == EXCEPTION ? expected_error() : NULL));
	if (expected() == NUMBER)
		check(snapshot.result.u64 == 7);
	else if (expected() <= BLOCKING)
		check(snapshot.result.pointer == &life.disposal);
	else
		check(!snapshot.result.pointer);
}

static void take(void)
{
	ferry_result result;
	int error;

	if (!life.taken)
		return;
	error = ferry_local_take(life.local, &result);
	check(error == (expected() <= NUMBER ? 0 : -ENODATA));
	if (error)
		return;
	life.takes++;
	check(expected() == NUMBER || result.pointer == &life.disposal);
	check(ferry_local_take(life.local, &result) == -EALREADY);
}

static void drop(void)
{
	life.dropped_open = is_open();
	life.local = ferry_local_unref(life.local);
}

static void call(ferry_local *local, void *user)
{
	(void)user;
	check(!life.local || local == life.local);
	life.callbacks++;
	if (life.dropped_inside && life.local) {
		take();
		drop();
	}
}

/* ---- its stages ---- */

static bool is_busy(void)
{
	ferry_pool_counters counters = fixture_pool_counters(pool);

	return counters.running || counters.queued;
}

/* The pool's one worker is through with all it was given before, posts included. */
static void pass_fence(void)
{
	if (pool_is_over) {
		check(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_CANCEL, FERRY_NO_DEADLINE) == 0);
		return;
	}
	while (is_busy())
		sched_yield();
	check(ferry_pool_submit(pool, work_nothing, NULL, NULL, NULL) == 0);
	while (is_busy())
		sched_yield();
}

static ferry_local *born(void)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_future_options promise = FERRY_FUTURE_OPTIONS_INIT;
	ferry_local *local;

	options.release = release;
	options.on_cancel = on_cancel;
	options.deadline_ns = life.by == BY_DEADLINE && life.cancelled != NEVER;
	switch (life.place) {
	case WORKER:
	case CALLER:
		return ferry_offload(loop, pool, run, &life, &options);
	case WRAPPED:
		check(ferry_pool_submit(pool, run, &life, &options, &life.future) == 0);
		break;
	default:
		promise.pool = pool;
		promise.on_cancel = on_cancel;
		check(ferry_future_new(&promise, &life.future) == 0);
		check(pthread_create(&life.thread, NULL, complete,
				     ferry_future_ref(life.future)) == 0);
		break;
	}
	local = ferry_wrap(loop, life.future);
	life.future = ferry_future_unref(life.future);
	return local;
}

static void begin(void)
{
	ferry_local *local;

	gate_init(&life.before);
	gate_init(&life.inside);
	disposal_init(&life.disposal);
	loop = fixture_loop();
	pool = life.place == CALLER ? narrow : wide;
	if (life.place != FOREIGN) {
		check(ferry_pool_submit(pool, work_at_gate, &life.before, NULL, NULL) == 0);
		gate_await(&life.before, 1);
	}
	if (life.place == CALLER)
		check(ferry_pool_submit(pool, work_nothing, NULL, NULL, NULL) == 0);
	local = born();
	check(local != NULL);
	if (life.awaited == BY_CHAIN) {
		check(ferry_local_new(loop, &life.local) == 0);
		check(ferry_local_chain(local, life.local) == 0);
		ferry_local_unref(local);
	} else {
		life.local = local;
	}
	for (int i = 0; i < callbacks_of(life.awaited); i++)
		check(ferry_local_add_done_callback(life.local, call, NULL) == 0);
	check(life.callbacks == 0);
}

static void close_loop(void)
{
	ferry_loop_counters counters = fixture_loop_counters(loop);
	bool seen = life.looked || expected() != EXCEPTION || life.local ||
		    (life.by == BY_CLOSE && life.cancelled != NEVER && life.cancelled < DELIVERED);

	check(counters.unseen == !seen);
	check(ferry_loop_free(loop) == 0);
	loop = NULL;
}

/* What comes between this stage and the next: a cancel, then a drop. */
static void pause_at(enum stage stage)
{
	if (life.cancelled == stage)
		switch (life.by) {
		case BY_LOOP:
			check(ferry_local_cancel(life.local) ==
			      (stage < DELIVERED ? 1 : -EALREADY));
			break;
		case BY_POOL:
			check(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_CANCEL, 0) ==
			      (stage < DONE));
			pool_is_over = true;
			break;
		case BY_DEADLINE:
			check(ferry_loop_dispatch(loop, 0) >= 0);
			break;
		case BY_CLOSE:
			close_loop();
			break;
		default:
			break;
		}
	if (life.local && stage >= DELIVERED && life.dropped >= stage) {
		look();
		if (stage == life.dropped || stage == CLOSED)
			take();
	}
	if (life.dropped == stage && life.local)
		drop();
}

static void deliver(void)
{
	if (!is_open())
		return;
	if (life.awaited == BY_RUN_UNTIL)
		check(ferry_loop_run_until(loop, life.local) == 0);
	check(ferry_loop_run(loop) == 0);
	check(life.callbacks == callbacks_of(life.awaited));
}

static void live(void)
{
	begin();
	pause_at(QUEUED);
	gate_open(&life.before);
	if (!never_ran() && life.place != CALLER)
		gate_await(&life.inside, 1);
	pause_at(RUNNING);
	gate_open(&life.inside);
	if (life.place == FOREIGN)
		pthread_join(life.thread, NULL);
	else
		pass_fence();
	pause_at(DONE);
	deliver();
	pause_at(DELIVERED);
	if (is_open())
		close_loop();
	pause_at(CLOSED);
	check(!life.local);
	pass_fence(); /* what was handed to the pool is disposed of */
}

/* ---- the books ---- */

static int expected_asks(void)
{
	if (life.cancelled == NEVER || life.cancelled >= DONE)
		return 0;
	if (life.by == BY_POOL)
		return life.cancelled == QUEUED;
	return life.by == BY_LOOP || life.by == BY_CLOSE;
}

static void check_life(void)
{
	bool made = !never_ran() && life.outcome <= BLOCKING;
	bool closed_early = life.by == BY_CLOSE && life.cancelled < DELIVERED;

	check(life.runs == !never_ran());
	check(life.released == (life.place != FOREIGN));
	check(!life.released_early);
	check(life.asked == expected_asks());
	check(life.callbacks == (closed_early ? 0 : callbacks_of(life.awaited)));
	/* With no worker left a thread of its own disposes of it. */
	if (pool_is_over && made && !life.takes)
		disposal_await(&life.disposal);
	check(disposal_count(&life.disposal) == (made && !life.takes));
	/* The last fence of a pool that is over is a shutdown, by what is no loop's thread then. */
	if (life.outcome == BLOCKING && disposal_count(&life.disposal) && life.dropped_open &&
	    !pool_is_over)
		check(!pthread_equal(life.disposal.by, pthread_self()));
	gate_destroy(&life.before);
	gate_destroy(&life.inside);
	sem_destroy(&life.disposal.done);
	if (pool_is_over) {
		work_books(pool);
		ferry_pool_free(pool);
		wide = fixture_pool(1);
		pool_is_over = false;
	}
}

/* ---- all of them ---- */

/* The number of each dimension's values, in the order of choose(). */
static const unsigned sizes[] = { PLACES, NEVER + 1, CANCELLERS, STAGES, 2, OUTCOMES, AWAITS, 2 };

/* Makes the life with that number: false if there can be none. */
static bool choose(unsigned long number)
{
	unsigned value[sizeof(sizes) / sizeof(*sizes)];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		value[i] = (unsigned)(number % sizes[i]);
		number /= sizes[i];
	}
	memset(&life, 0, sizeof(life));
	life.place = value[0];
	life.cancelled = value[1];
	life.by = value[2];
	life.dropped = value[3];
	life.dropped_inside = value[4];
	life.outcome = value[5];
	life.awaited = value[6];
	life.taken = value[7];
	return is_possible();
}

static ferry_pool *new_narrow(void)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.max_threads = 1;
	options.max_queued = 1;
	options.when_full = FERRY_FULL_RUN;
	return work_pool(&options);
}

int main(int argc, char **argv)
{
	struct program program = program_begin(argc, argv, "every life of a request", 1, 100);
	unsigned long all = 1, lives = 0;
	int descriptors = fixture_descriptors();

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		all *= sizes[i];
	wide = fixture_pool(1);
	narrow = new_narrow();
	for (long round = 0; round < program.count; round++)
		for (unsigned long number = 0; number < all; number++) {
			if (!choose(number))
				continue;
			live();
			check_life();
			lives++;
		}
	work_close(wide);
	work_close(narrow);
	program_check(fixture_descriptors() == descriptors, "descriptors were lost");
	printf("%lu lives\n", lives);
	return 0;
}
