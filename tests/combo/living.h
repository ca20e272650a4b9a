/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COMBO_LIVING_H
#define COMBO_LIVING_H
/*
 * Lives of tasks, one after the other: stage by stage, and then the books.
 *
 *   static bool is_wanted(void) { return life.start == LAZY; }
 *   return live_all(argc, argv, "every lazy life", is_wanted);
 *
 * Lives share a loop as long as none closes it, so what one leaves there the next one finds.
 */
#include "combo/cast.h"

#define LIVES_OF_A_LOOP 100

/* ThreadSanitizer takes ten times as long and has little to see where nearly all is one thread's:
 * one life of so many, others each time. No dimension has that size. */
#ifdef __SANITIZE_THREAD__
#define LIVES_STEP 11
#else
#define LIVES_STEP 1
#endif

static unsigned long lives;
static uint64_t unseen; /* of the loop, before this life */

/* ---- its stages ---- */

static bool has_ended(void)
{
	return !life.subject || ferry_awaitable_snapshot(&life.subject->awaitable).done;
}

static void turn(void)
{
	check(ferry_loop_run_once(loop, 0) >= 0);
}

/* Until it cleans up or has ended. */
static void settle(void)
{
	unsigned turns = 0;

	while (!life.cleanings && !has_ended()) {
		check(ferry_loop_run_once(loop, FERRY_NO_DEADLINE) >= 0);
		check(turns++ < TURNS_MOST);
	}
}

static void report(ferry_loop *of, const ferry_error *exception, void *user)
{
	check(of == loop && exception && user == &life);
	life.reports++;
}

static void open_loop(void)
{
	if (!loop) {
		loop = fixture_loop();
		check(ferry_loop_set_exception_handler(loop, report, &life) == 0);
	}
	handle = ferry_loop_ref(loop);
	unseen = fixture_loop_counters(loop).unseen;
}

static void begin(void)
{
	open_loop();
	gate_init(&life.gate);
	life.mark = MARK;
	check(ferry_event_init(&life.event, loop) == 0);
	check(ferry_event_init(&life.clean, loop) == 0);
	check(ferry_event_init(&life.go, loop) == 0);
	check(ferry_event_init(&life.alarm, loop) == 0);
	check(ferry_limiter_init(&life.limiter, loop, 1) == 0);
	if (life.start == QUEUED)
		check(ferry_awaitable_snapshot(
			      &ferry_limiter_enter(&life.limiter, &life.place, 0)->awaitable)
			      .done);
	life.holders =
		expected_told() + (life.awaited == BY_NOBODY || life.awaited == BY_LOOP_AWAIT);
	if (is_cancelled_by(BY_OWNER)) {
		ferry_task_begin(&life.owner.task, loop, owner_step, NULL);
	} else {
		if (life.membership != ALONE)
			make_group();
		make_subject();
	}
	check(!ferry_current_task(loop));
	check(life.bodies == (life.start == EAGER));
	check(life.hooks == 0 && life.told == 0);
	begin_waiters();
}

static void cancel_future(void *arg)
{
	int asked = ferry_future_cancel(life.future);

	(void)arg;
	check(asked == (life.cancelled == ENDED ? -EALREADY : 0));
}

/* The loop's counters, before it is closed. */
static void check_loop(void)
{
	ferry_loop_counters counters = fixture_loop_counters(loop);

	check(counters.tasks == 0 && ferry_loop_pending(loop) == 0);
	check(counters.unseen == unseen + life.reports);
}

static void close_loop(void)
{
	check(ferry_loop_free(loop) == 0);
	loop = NULL;
}

static void cancel(void)
{
	bool has_group_ended = life.cancelled == ENDED && life.start == GROUP_CLOSED;

	switch (life.by) {
	case BY_CREATOR:
		check(ferry_task_cancel(&life.subject->task) ==
		      (life.cancelled == ENDED ? -EALREADY : 0));
		break;
	case BY_GROUP:
		check(ferry_group_cancel(life.group) == (has_group_ended ? -EALREADY : 0));
		break;
	case BY_SIBLING:
		check(ferry_event_set(&life.alarm) == 0);
		break;
	case BY_NEWBORN:
		begin_sibling(false);
		break;
	case BY_OWNER:
		check(ferry_task_cancel(&life.owner.task) == 0);
		break;
	case BY_AWAITER:
		begin_canceller();
		check(ferry_task_cancel(&life.canceller.task) == 0);
		break;
	case BY_DEADLINE:
		begin_canceller();
		break;
	case BY_FUTURE:
		fixture_elsewhere(cancel_future, NULL);
		break;
	case BY_FORGET:
		check(ferry_task_forget(&life.subject->task) == (is_forgotten() ? 0 : -EBUSY));
		break;
	case BY_CLOSE:
		if (life.cancelled == ENDED)
			check_loop();
		close_loop();
		break;
	default:
		break;
	}
}

/* What comes between this stage and the next: a cancel, and the end of a future. */
static void pause_at(enum stage stage)
{
	if (life.cancelled == stage && life.by != BY_ITSELF) {
		cancel();
		if (life.is_taken_back)
			take_back();
	}
	if (dropped_when() == stage)
		life.future = ferry_future_unref(life.future);
}

/* Some cancels take a turn of the loop. */
static bool takes_a_turn(void)
{
	return life.by == BY_DEADLINE || life.by == BY_FUTURE || life.by == BY_OWNER ||
	       life.by == BY_SIBLING;
}

static void start(void)
{
	ferry_task *task = &life.subject->task;
	bool is_cancelled = never_ran() && !takes_a_turn();

	/* One that is about to be cancelled is left alone. */
	if (is_cancelled || !never_ran()) {
		if (life.start == STARTED)
			check(ferry_task_start(task) == (is_cancelled ? -EALREADY : 0));
		else if (life.start == LET_IN)
			check(ferry_limiter_submit(&life.limiter, &life.subject->slot, task, 0) ==
			      task);
		else if (life.start == QUEUED)
			check(ferry_limiter_leave(&life.place) == 1);
	}
	if (is_due() || life.start == QUEUED || never_ran())
		turn();
	check(life.bodies == !never_ran());
	if (life.start == QUEUED && never_ran() && takes_a_turn())
		check(ferry_limiter_leave(&life.place) == 1);
}

/* What it waits for comes. */
static void release(void)
{
	if (life.cancelled == WAITING && takes_a_turn())
		turn();
	switch (life.waits) {
	case FOR_AN_EVENT:
		check(ferry_event_set(&life.event) == 0);
		break;
	case FOR_A_CHILD:
		check(ferry_event_set(&life.event) == 0);
		if (life.cancelled > WAITING)
			turn(); /* the child ends */
		break;
	case FOR_A_LOCAL:
		/* Cancelled, it waits for the function to return, and for nothing less (T7). */
		for (unsigned i = 0; i < 3 && life.bodies; i++) {
			turn();
			check(!has_ended() && !life.cleanings);
		}
		gate_open(&life.gate);
		break;
	default:
		break;
	}
}

static void finish(void)
{
	if (life.cleans_slowly)
		check(ferry_event_set(&life.clean) == 0);
	if (life.awaited == BY_LOOP_AWAIT && life.subject) {
		check(ferry_loop_await(loop, &life.subject->awaitable) == 0);
		check_task(ferry_task_snapshot(&life.subject->task));
	}
	check(ferry_loop_run(loop) == 0);
	check(has_ended());
}

static void live(void)
{
	begin();
	if (life.start != EAGER) {
		pause_at(UNSTARTED);
		if (loop)
			start();
	}
	if (loop)
		pause_at(WAITING);
	if (loop)
		release();
	if (loop)
		pause_at(WOKEN);
	if (loop)
		settle();
	if (loop)
		pause_at(CLEANING);
	if (loop) {
		finish();
		pause_at(ENDED);
	}
}

/* ---- the books ---- */

static void check_waiter(struct waiter *waiter, enum outcome outcome)
{
	ferry_snapshot snapshot;

	if (ends_by_close())
		outcome = CANCELLED;
	snapshot = ferry_task_snapshot(&waiter->task);
	/* He may have come when its future or its group had the exception. */
	if (outcome != COUNTED || !(life.fate != NO_FUTURE || life.membership != ALONE) ||
	    snapshot.exception != ferry_error_from_code(FERRY_ERROR_TAKEN))
		check_snapshot(snapshot, outcome);
	check(ferry_task_clear(&waiter->task) == 0);
}

static void check_waiters(void)
{
	enum outcome of_awaited = expected_of_awaiter();

	if (life.awaited == BY_A_TASK || life.awaited == BY_A_BLIND_TASK ||
	    life.awaited == BY_TWO_TASKS)
		check_waiter(&life.waiters[0], RESULT);
	if (life.awaited == BY_TWO_TASKS)
		check_waiter(&life.waiters[1], expected());
	if (!life.has_canceller)
		return;
	/* The cancel takes effect there only if what was waited for ended so. */
	if (life.by == BY_DEADLINE) {
		check(life.canceller.timeout.expired == (of_awaited == CANCELLED));
		of_awaited = RESULT;
	}
	check_waiter(&life.canceller, of_awaited == CANCELLED ? CANCELLED : RESULT);
}

static void check_group(void)
{
	if (is_cancelled_by(BY_OWNER)) {
		check_snapshot(ferry_task_snapshot(&life.owner.task),
			       owner_fails() ? expected_of_group() : CANCELLED);
		check(ferry_task_clear(&life.owner.task) == 0);
	}
	if (!life.group)
		return;
	if (loop) {
		int error = ferry_group_close(life.group);

		check(error == 0 || error == -EALREADY);
	}
	/* One that was open when the loop was closed under it ended then. */
	drop_group(loop || ends_by_close() || life.start == GROUP_CLOSED ? expected_of_group()
									 : CANCELLED);
}

static void check_sibling(void)
{
	enum outcome outcome = CANCELLED;

	if (!has_sibling())
		return;
	check(life.sibling.bodies == sibling_ran());
	if (sibling_ran())
		outcome = life.membership == FIRST_EXCEPTION ? ANOTHERS : RESULT;
	check_snapshot(ferry_task_snapshot(&life.sibling.task), outcome);
}

static void check_future(void)
{
	if (!life.future)
		return;
	/* One that is made when its group already has the exception comes too late for that. */
	if (life.is_late && life.membership != ALONE)
		check_task(ferry_future_snapshot(life.future));
	else
		check_outcome(ferry_future_snapshot(life.future));
	life.future = ferry_future_unref(life.future);
}

static void check_limiter(void)
{
	ferry_limiter_counters counters;

	check(ferry_limiter_stats(&life.limiter, &counters) == 0);
	check(counters.inside == 0 && counters.queued == 0);
}

static void check_life(void)
{
	bool cleans = !is_forgotten() && (!ends_by_close() || life.cancelled == CLEANING);

	check(life.bodies == !never_ran());
	check(life.went_on ==
	      (!never_ran() && !is_cut() && !(life.by == BY_CLOSE && life.cancelled <= WOKEN)));
	check(life.cleanings == cleans);
	check(life.cleaned == (cleans && !ends_by_close()));
	check(life.hooks == has_hook());
	check(life.told == (ends_by_close() ? 0 : expected_told()));
	check(life.children == expected_children());
	check(life.children_cleaned ==
	      (ends_by_close() && life.cancelled <= WAITING ? 0 : expected_children()));
	check_waiters();
	check_group();
	check_sibling();
	check_future();
	/* The driver's hold, and those of others where the loop closed under them. */
	while (life.holders)
		let_go();
	check(!life.subject);
	check(life.reports == expected_reports());
	if (loop) {
		check_limiter();
		check_loop();
		if (lives % LIVES_OF_A_LOOP == 0)
			close_loop();
	}
	handle = ferry_loop_unref(handle);
	check(life.errors == life.errors_freed);
	check(life.errors == (life.outcome == COUNTED && life.went_on));
	gate_open(&life.gate);
	while (life.waits == FOR_A_LOCAL && life.bodies && !atomic_load(&life.has_returned))
		sched_yield();
}

/* ---- all of them ---- */

/* The number of each dimension's values, in the order of choose(). */
static const unsigned sizes[] = { STARTS, 2,           OUTCOMES, NEVER + 1, CANCELLERS, 2,
				  WAITS,  MEMBERSHIPS, AWAITS,   FATES,     2,          2 };

#define DIMENSIONS (sizeof(sizes) / sizeof(*sizes))

/* Makes the life with that number: false if there can be none. */
static bool choose(unsigned long number)
{
	unsigned value[DIMENSIONS];

	for (size_t i = 0; i < DIMENSIONS; i++) {
		value[i] = (unsigned)(number % sizes[i]);
		number /= sizes[i];
	}
	memset(&life, 0, sizeof(life));
	life.start = value[0];
	life.is_submitted = value[1];
	life.outcome = value[2];
	life.cancelled = value[3];
	life.by = value[4];
	life.is_taken_back = value[5];
	life.waits = value[6];
	life.membership = value[7];
	life.awaited = value[8];
	life.fate = value[9];
	life.drops_itself = value[10];
	life.cleans_slowly = value[11];
	return is_possible();
}

static int live_all(int argc, char **argv, const char *shows, bool (*is_wanted)(void))
{
	struct program program = program_begin(argc, argv, shows, 1, 20);
	int descriptors = fixture_descriptors();
	unsigned long all = 1, seen = 0;

	for (size_t i = 0; i < DIMENSIONS; i++)
		all *= sizes[i];
	pool = fixture_pool(1);
	for (long round = 0; round < program.count; round++)
		for (unsigned long number = 0; number < all; number++) {
			if (!choose(number) || !is_wanted() ||
			    seen++ % LIVES_STEP != program.seed % LIVES_STEP)
				continue;
			lives++;
			live();
			check_life();
		}
	if (loop)
		close_loop();
	work_close(pool);
	program_check(fixture_descriptors() == descriptors, "descriptors were lost");
	printf("%lu lives\n", lives);
	return 0;
}

#endif
