/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every life of a task: begun how x ends how x cancelled when and by whom x waits for what x in
 * which group x awaited by whom x its frame dropped by whom x what cleans up waits or not.
 *
 * A task is UNSTARTED, RUNNING in its first step, WAITING, WOKEN, CLEANING behind FERRY_FINALLY,
 * ENDED, and something is done to it in between. Of each: it has the outcome that it should, its
 * body runs once or never, what cleans up once and not while a function has the frame, each who
 * waits is told once, the hook is called once, its group and its future end as they should, an
 * exception is seen or told and freed once, and nothing is left in the loop (T1-T4, T6, T7, L6).
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "support/program.h"
#include "support/work.h"

enum outcome { RESULT, EXCEPTION, COUNTED, CANCELLED, OUTCOMES };
static const char *const outcome_names[] = { "a result", "an exception", "a counted exception",
					     "cancelled" };

enum stage { UNSTARTED, RUNNING, WAITING, WOKEN, CLEANING, ENDED, STAGES, NEVER = STAGES };
static const char *const stage_names[] = { "unstarted",   "running", "waiting", "woken",
					   "cleaning up", "ended",   "never" };

enum canceller {
	BY_CREATOR,
	BY_ITSELF,
	BY_GROUP,
	BY_OWNER,    /* the task in whose step the group was made, which waits for something else */
	BY_AWAITER,  /* one that waits for it, or for its group */
	BY_DEADLINE, /* the same, in a scope with a deadline */
	BY_FUTURE,   /* on another thread */
	BY_CLOSE,
	CANCELLERS
};
static const char *const canceller_names[] = { "its creator", "itself",
					       "its group",   "its group's owner",
					       "its awaiter", "its awaiter's deadline",
					       "its future",  "the loop's end" };

enum wait { FOR_NOTHING, FOR_A_TURN, FOR_AN_EVENT, FOR_A_CHILD, FOR_A_LOCAL, WAITS };
static const char *const wait_names[] = { "nothing", "a turn", "an event", "a child", "a local" };

enum membership { ALONE, FIRST_EXCEPTION, COLLECT, FIRST_RESULT, MEMBERSHIPS };
static const char *const membership_names[] = { "no group", "a group for the first exception",
						"a group that collects",
						"a group for the first result" };

enum awaited { BY_NOBODY, BY_A_TASK, BY_TWO_TASKS, BY_A_CALLBACK, BY_LOOP_AWAIT, AWAITS };
static const char *const awaited_names[] = { "nobody", "a task", "two tasks", "a callback",
					     "ferry_loop_await" };

#define MARK 0xf00du
#define TURNS_MOST 100 /* more than any life needs */

struct child {
	FERRY_FRAME;
};

/* The one whose life it is. */
struct subject {
	FERRY_FRAME;
	unsigned mark; /* given to a function on another thread */
	struct child child;
	ferry_await answer;
};

/* One who waits for it, or for its group. */
struct waiter {
	FERRY_FRAME;
	bool tries, has_scope, waits_for_group;
	ferry_timeout timeout;
};

struct owner {
	FERRY_FRAME;
};

/* One life: what is done to it, and what was seen of it. */
struct life {
	ferry_start start;
	bool is_submitted; /* by another thread */
	enum outcome outcome;
	enum stage cancelled; /* NEVER: not at all */
	enum canceller by;
	enum wait waits;
	enum membership membership;
	enum awaited awaited;
	bool drops_itself; /* by its cleanup hook; else whoever waits last drops it */
	bool cleans_slowly;

	struct subject *subject; /* NULL once dropped */
	ferry_future *future;
	ferry_group *group; /* NULL once dropped, or none */
	ferry_event event, clean, go;
	struct waiter waiters[2], canceller;
	struct owner owner;
	struct gate gate;
	unsigned mark;
	atomic_bool is_inside, has_returned;
	unsigned bodies, went_on, cleanings, cleaned, hooks, told, holders;
	unsigned children, children_cleaned;
	unsigned errors, errors_freed, reports;
	bool has_canceller, is_late; /* the future, made when it had ended */
};

static ferry_loop *loop;   /* NULL once closed */
static ferry_loop *handle; /* held to the end of a life: those that have ended are looked at */
static ferry_pool *pool;
static struct life life;

static void die(const char *what)
{
	program_fail("%s\n  start %d%s, outcome %s, cancelled when %s by %s, waits for %s, in %s, "
		     "awaited by %s, dropped by %s%s",
		     what, (int)life.start, life.is_submitted ? ", submitted" : "",
		     outcome_names[life.outcome], stage_names[life.cancelled],
		     life.cancelled == NEVER ? "nobody" : canceller_names[life.by],
		     wait_names[life.waits], membership_names[life.membership],
		     awaited_names[life.awaited], life.drops_itself ? "its hook" : "who waits last",
		     life.cleans_slowly ? ", cleans up slowly" : "");
}

#define check(condition) ((condition) ? (void)0 : die("not so: " #condition))

/* ---- which lives there are ---- */

static bool has_future(void)
{
	return life.is_submitted || (life.by == BY_FUTURE && life.cancelled != NEVER);
}

/* Is there a task that waits for it, or its group, so as to pass a cancel on? */
static bool has_awaiter(void)
{
	return life.cancelled != NEVER && (life.by == BY_AWAITER || life.by == BY_DEADLINE);
}

static bool can_be_at(enum stage stage)
{
	switch (stage) {
	case UNSTARTED:
		return life.start != FERRY_START_EAGER;
	case WAITING:
		return life.waits != FOR_NOTHING;
	case WOKEN:
		return life.waits == FOR_AN_EVENT || life.waits == FOR_A_CHILD;
	case CLEANING:
		return life.cleans_slowly;
	default:
		return true;
	}
}

/* Those whose cancel takes a turn, in which what was ready before goes on. */
static bool comes_too_late(void)
{
	return (life.cancelled == UNSTARTED && life.start != FERRY_START_DEFERRED) ||
	       (life.cancelled == WAITING && life.waits == FOR_A_TURN) || life.cancelled == WOKEN;
}

static bool can_be_cancelled(void)
{
	if (life.cancelled == NEVER)
		return life.by == 0; /* one of them stands for all */
	if (!can_be_at(life.cancelled) || (life.cancelled == RUNNING && life.by != BY_ITSELF))
		return false;
	switch (life.by) {
	case BY_ITSELF:
		return life.cancelled == RUNNING || life.cancelled == CLEANING;
	case BY_CREATOR:
		/* Only what is there can be cancelled. */
		return life.cancelled != ENDED ||
		       (!life.drops_itself &&
			(life.awaited == BY_NOBODY || life.awaited == BY_LOOP_AWAIT));
	case BY_GROUP:
		return life.membership != ALONE;
	case BY_OWNER:
		return life.membership != ALONE && life.cancelled != ENDED && !comes_too_late();
	case BY_AWAITER:
	case BY_DEADLINE:
		return life.cancelled != ENDED;
	case BY_FUTURE:
		return !comes_too_late();
	default:
		return true;
	}
}

static bool ends_by_close(void)
{
	return life.by == BY_CLOSE && life.cancelled < ENDED;
}

static bool is_possible(void)
{
	if (!can_be_cancelled())
		return false;
	/* A group is its own thread's. */
	if (life.is_submitted && life.membership != ALONE)
		return false;
	return life.awaited != BY_LOOP_AWAIT || !ends_by_close();
}

/* ---- what is expected ---- */

static bool never_ran(void)
{
	return life.cancelled == UNSTARTED;
}

/* Is its wait cut short, or what it waits for cancelled? */
static bool is_cut(void)
{
	return life.cancelled == WAITING ||
	       (life.cancelled == RUNNING && life.waits != FOR_NOTHING);
}

static enum outcome expected(void)
{
	if (ends_by_close() || never_ran() || is_cut())
		return CANCELLED;
	return life.outcome;
}

static bool has_exception(void)
{
	return expected() == EXCEPTION || expected() == COUNTED;
}

static bool is_group_cancelled(void)
{
	return life.cancelled != NEVER &&
	       (life.by == BY_GROUP || life.by == BY_OWNER || has_awaiter());
}

static enum outcome expected_of_group(void)
{
	if (ends_by_close())
		return CANCELLED;
	if (has_exception())
		return life.membership == COLLECT ? RESULT : expected();
	if (expected() == RESULT)
		return RESULT;
	/* It ended as cancelled: for the group, as far as that can know? */
	return life.membership == FIRST_RESULT || (is_group_cancelled() && life.cancelled != ENDED)
		       ? CANCELLED
		       : RESULT;
}

/* What became of what somebody waits for, to him. */
static enum outcome expected_of_awaiter(void)
{
	return life.membership == ALONE ? expected() : expected_of_group();
}

static unsigned expected_children(void)
{
	return life.waits == FOR_A_CHILD && !never_ran();
}

/* How often an exception is told because nobody looked at it (L6). */
static unsigned expected_reports(void)
{
	if (!has_exception())
		return 0;
	/* The group has it, and so has its owner. */
	if (life.membership == FIRST_EXCEPTION || life.membership == FIRST_RESULT)
		return 0;
	/* Once the loop is closed there is nobody to be told. */
	if (life.by == BY_CLOSE && life.cancelled != NEVER && !life.drops_itself)
		return 0;
	return !has_future() && life.awaited == BY_NOBODY &&
	       !(has_awaiter() && life.membership == ALONE);
}

static void check_snapshot(ferry_snapshot snapshot, enum outcome outcome)
{
	check(snapshot.done);
	check(snapshot.cancelled == (outcome == CANCELLED));
	switch (outcome) {
	case EXCEPTION:
		check(snapshot.exception == ferry_error_from_errno(EIO));
		break;
	case COUNTED:
		check(snapshot.exception && ferry_error_number(snapshot.exception) == 42);
		break;
	default:
		check(!snapshot.exception);
		break;
	}
}

static void check_outcome(ferry_snapshot snapshot)
{
	check_snapshot(snapshot, expected());
	check(snapshot.result.u64 == (expected() == RESULT ? 7 : 0));
}

/* A counted exception is held once: by its future or its group, or by one who came and tried. */
static bool may_be_taken(void)
{
	return expected() == COUNTED &&
	       (has_future() || life.membership == FIRST_EXCEPTION ||
		life.membership == FIRST_RESULT || life.awaited == BY_TWO_TASKS);
}

static void check_task(ferry_snapshot snapshot)
{
	if (!may_be_taken() || snapshot.exception != ferry_error_from_code(FERRY_ERROR_TAKEN))
		check_outcome(snapshot);
}

/* ---- its frame ---- */

static void free_subject(void)
{
	struct subject *subject = life.subject;

	check(!atomic_load(&life.is_inside) || ends_by_close());
	life.subject = NULL;
	subject->mark = 0;
	free(subject);
}

/* Somebody needs the frame no longer: the last one drops it. */
static void let_go(void)
{
	check(life.holders);
	if (--life.holders || life.drops_itself)
		return;
	check(ferry_await_end(&life.subject->answer) == 0);
	check(ferry_task_clear(&life.subject->task) == 0);
	free_subject();
}

static unsigned expected_told(void)
{
	return (life.awaited == BY_A_TASK || life.awaited == BY_A_CALLBACK) +
	       2 * (life.awaited == BY_TWO_TASKS) + (has_awaiter() && life.membership == ALONE);
}

/* The cleanup hook. */
static void clean_up(ferry_task *task, void *user)
{
	check(user == &life && task == &life.subject->task);
	check(!ferry_current_task(loop));
	life.hooks++;
	if (ends_by_close()) {
		check(ferry_await_end(&life.subject->answer) == 0);
	} else {
		check_task(ferry_task_snapshot(task));
		check(life.told == expected_told());
	}
	/* Its future is done when the frame is its owner's; one that is made later, at once. */
	check(!life.future || life.is_late || !ferry_future_snapshot(life.future).done);
	free_subject();
}

/* ---- what it does ---- */

static int run(void *arg, ferry_result *out)
{
	unsigned *mark = arg;

	(void)out;
	check(*mark == MARK);
	atomic_store(&life.is_inside, true);
	gate_wait(&life.gate);
	check(*mark == MARK);
	atomic_store(&life.is_inside, false);
	atomic_store(&life.has_returned, true);
	return 0;
}

static ferry_local *offload(struct subject *subject)
{
	/* Closing a loop waits for no function, so it must be given other memory. */
	bool in_frame = !(life.by == BY_CLOSE && life.cancelled != NEVER);
	ferry_local *local =
		ferry_offload(loop, pool, run, in_frame ? &subject->mark : &life.mark, NULL);

	check(local);
	gate_await(&life.gate, 1);
	return local;
}

static ferry_step child_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct child, f);
	life.children++;
	FERRY_AWAIT(&life.event);
	FERRY_RETURN();

	FERRY_FINALLY
	life.children_cleaned++;
	FERRY_END;
}

static void free_error(void *payload)
{
	check(payload == &life);
	life.errors_freed++;
}

static const ferry_error *new_error(void)
{
	const ferry_error *error;

	check(ferry_error_new("test", 42, "counted", &life, free_error, &error) == 0);
	life.errors++;
	return error;
}

static ferry_step subject_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct subject, f);
	life.bodies++;
	check(ferry_current_task(loop) == task);
	if (life.by == BY_ITSELF && life.cancelled == RUNNING)
		check(ferry_task_cancel(task) == 0);
	if (life.waits == FOR_A_TURN)
		FERRY_YIELD();
	else if (life.waits == FOR_AN_EVENT)
		FERRY_AWAIT(&life.event);
	else if (life.waits == FOR_A_CHILD)
		FERRY_AWAIT(ferry_task_begin(&f->child.task, loop, child_step, NULL));
	else if (life.waits == FOR_A_LOCAL)
		FERRY_AWAIT(ferry_await_local(&f->answer, offload(f)));
	life.went_on++;
	check(ferry_current_task(loop) == task);
	if (life.outcome == EXCEPTION)
		FERRY_FAIL(-EIO);
	if (life.outcome == COUNTED)
		FERRY_FAIL(new_error());
	if (life.outcome == CANCELLED)
		FERRY_FAIL(-ECANCELED);
	FERRY_RETURN(check(ferry_task_set_result(task, ferry_result_u64(7)) == 0));

	FERRY_FINALLY
	life.cleanings++;
	check(!atomic_load(&life.is_inside));
	check(ferry_await_end(&f->answer) == 0);
	if (life.by == BY_ITSELF && life.cancelled == CLEANING)
		check(ferry_task_cancel(task) == 0);
	if (life.cleans_slowly)
		FERRY_AWAIT(&life.clean);
	life.cleaned++;
	FERRY_END;
}

/* ---- those who wait ---- */

/* An owner's group's exception goes before his being cancelled. */
static bool owner_fails(void)
{
	return life.by == BY_OWNER && life.cancelled != NEVER &&
	       (expected_of_group() == EXCEPTION || expected_of_group() == COUNTED);
}

static void drop_group(enum outcome outcome)
{
	ferry_snapshot snapshot = ferry_awaitable_snapshot(&life.group->awaitable);

	if (owner_fails())
		check(snapshot.done && snapshot.exception); /* which is the owner's now */
	else
		check_snapshot(snapshot, outcome);
	check(ferry_group_members(life.group) == 0);
	check(ferry_group_clear(life.group) == 0);
	/* Nobody needs it any more, its children included. */
	memset(life.group, 0xff, sizeof(*life.group));
	free(life.group);
	life.group = NULL;
}

static void tell(void)
{
	check_task(ferry_task_snapshot(&life.subject->task));
	life.told++;
	let_go();
}

static void call(ferry_task *task, void *user)
{
	check(user == &life && task == &life.subject->task);
	tell();
}

static ferry_step waiter_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct waiter, f);
	if (f->has_scope) {
		FERRY_TIMEOUT(&f->timeout, 0) {
			if (f->waits_for_group)
				FERRY_AWAIT(life.group);
			else
				FERRY_AWAIT(life.subject);
		}
	} else if (f->waits_for_group) {
		FERRY_AWAIT(life.group);
	} else if (f->tries) {
		FERRY_TRY(life.subject);
	} else {
		FERRY_AWAIT(life.subject);
	}
	FERRY_RETURN();

	FERRY_FINALLY
	if (f->waits_for_group)
		drop_group(expected_of_group());
	else
		tell();
	FERRY_END;
}

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

static void submit(void *arg)
{
	check(ferry_task_submit(&life.subject->task, loop, subject_step, arg, NULL, &life.future) ==
	      0);
}

static void make_subject(void)
{
	ferry_task_options options = FERRY_TASK_OPTIONS_INIT;

	life.subject = calloc(1, sizeof(*life.subject));
	check(life.subject);
	life.subject->mark = MARK;
	options.start = life.start;
	options.name = "subject";
	options.user = &life;
	if (life.membership != ALONE)
		options.group = life.group;
	if (life.drops_itself)
		options.cleanup = clean_up;
	if (life.is_submitted) {
		fixture_elsewhere(submit, &options);
		turn(); /* it arrives */
		return;
	}
	ferry_task_begin(&life.subject->task, loop, subject_step, &options);
	if (!has_future())
		return;
	life.is_late = has_ended();
	check(ferry_task_unwrap(&life.subject->task, NULL, &life.future) == 0);
	check(ferry_future_snapshot(life.future).done == life.is_late);
}

static void make_group(void)
{
	static const ferry_group_policy policies[] = {
		[FIRST_EXCEPTION] = FERRY_GROUP_FIRST_EXCEPTION,
		[COLLECT] = FERRY_GROUP_COLLECT,
		[FIRST_RESULT] = FERRY_GROUP_FIRST_RESULT,
	};
	ferry_group_options options = FERRY_GROUP_OPTIONS_INIT;

	options.policy = policies[life.membership];
	life.group = malloc(sizeof(*life.group));
	check(life.group);
	check(ferry_group_init(life.group, loop, &options) == 0);
}

static ferry_step owner_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct owner, f);
	make_group();
	make_subject();
	check(ferry_current_task(loop) == task);
	FERRY_AWAIT(&life.go);
	check(!"the owner goes on");
	FERRY_END;
}

static void begin_waiters(void)
{
	switch (life.awaited) {
	case BY_TWO_TASKS:
		life.waiters[1].tries = true;
		ferry_task_begin(&life.waiters[1].task, loop, waiter_step, NULL);
		/* fall through */
	case BY_A_TASK:
		ferry_task_begin(&life.waiters[0].task, loop, waiter_step, NULL);
		break;
	case BY_A_CALLBACK:
		check(ferry_task_add_done_callback(&life.subject->task, call, &life) == 0);
		break;
	default:
		break;
	}
}

static void report(ferry_loop *of, const ferry_error *exception, void *user)
{
	check(of == loop && exception && user == &life);
	life.reports++;
}

static void begin(void)
{
	loop = fixture_loop();
	handle = ferry_loop_ref(loop);
	check(ferry_loop_set_exception_handler(loop, report, &life) == 0);
	gate_init(&life.gate);
	life.mark = MARK;
	check(ferry_event_init(&life.event, loop) == 0);
	check(ferry_event_init(&life.clean, loop) == 0);
	check(ferry_event_init(&life.go, loop) == 0);
	life.holders =
		expected_told() + (life.awaited == BY_NOBODY || life.awaited == BY_LOOP_AWAIT);
	if (life.by == BY_OWNER && life.cancelled != NEVER) {
		ferry_task_begin(&life.owner.task, loop, owner_step, NULL);
	} else {
		if (life.membership != ALONE)
			make_group();
		make_subject();
	}
	check(!ferry_current_task(loop));
	check(life.bodies == (life.start == FERRY_START_EAGER));
	check(life.hooks == 0 && life.told == 0);
	begin_waiters();
}

static void begin_canceller(void)
{
	life.has_canceller = true;
	life.canceller.has_scope = life.by == BY_DEADLINE;
	life.canceller.waits_for_group = life.membership != ALONE;
	ferry_task_begin(&life.canceller.task, loop, waiter_step, NULL);
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
	check(counters.unseen == life.reports);
}

static void close_loop(void)
{
	check(ferry_loop_free(loop) == 0);
	loop = NULL;
}

/* What comes between this stage and the next: a cancel. */
static void pause_at(enum stage stage)
{
	if (life.cancelled != stage)
		return;
	switch (life.by) {
	case BY_CREATOR:
		check(ferry_task_cancel(&life.subject->task) == (stage == ENDED ? -EALREADY : 0));
		break;
	case BY_GROUP:
		check(ferry_group_cancel(life.group) == 0);
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
	case BY_CLOSE:
		if (stage == ENDED)
			check_loop();
		close_loop();
		break;
	default:
		break;
	}
}

/* Some cancels take a turn of the loop. */
static bool takes_a_turn(void)
{
	return life.by == BY_DEADLINE || life.by == BY_FUTURE || life.by == BY_OWNER;
}

static void start(void)
{
	bool is_cancelled = never_ran() && !takes_a_turn();

	if (life.start == FERRY_START_DEFERRED && (is_cancelled || !never_ran()))
		check(ferry_task_start(&life.subject->task) == (is_cancelled ? -EALREADY : 0));
	if (life.start == FERRY_START_LAZY || never_ran())
		turn();
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
	if (life.start != FERRY_START_EAGER) {
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
	if (outcome != COUNTED || !(has_future() || life.membership != ALONE) ||
	    snapshot.exception != ferry_error_from_code(FERRY_ERROR_TAKEN))
		check_snapshot(snapshot, outcome);
	check(ferry_task_clear(&waiter->task) == 0);
}

static void check_waiters(void)
{
	enum outcome of_awaited = expected_of_awaiter();

	if (life.awaited == BY_A_TASK || life.awaited == BY_TWO_TASKS)
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
	if (life.by == BY_OWNER && life.cancelled != NEVER) {
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
	drop_group(loop || ends_by_close() ? expected_of_group() : CANCELLED);
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

static void check_life(void)
{
	bool cleans = !ends_by_close() || life.cancelled == CLEANING;

	check(life.bodies == !never_ran());
	check(life.went_on ==
	      (!never_ran() && !is_cut() && !(life.by == BY_CLOSE && life.cancelled <= WOKEN)));
	check(life.cleanings == cleans);
	check(life.cleaned == !ends_by_close());
	check(life.hooks == life.drops_itself);
	check(life.told == (ends_by_close() ? 0 : expected_told()));
	check(life.children == expected_children());
	check(life.children_cleaned ==
	      (ends_by_close() && life.cancelled <= WAITING ? 0 : expected_children()));
	check_waiters();
	check_group();
	check_future();
	/* The driver's hold, and those of others where the loop closed under them. */
	while (life.holders)
		let_go();
	check(!life.subject);
	check(life.reports == expected_reports());
	if (loop) {
		check_loop();
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
static const unsigned sizes[] = { 3,     2,           OUTCOMES, NEVER + 1, CANCELLERS,
				  WAITS, MEMBERSHIPS, AWAITS,   2,         2 };

/* Makes the life with that number: false if there can be none. */
static bool choose(unsigned long number)
{
	unsigned value[sizeof(sizes) / sizeof(*sizes)];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		value[i] = (unsigned)(number % sizes[i]);
		number /= sizes[i];
	}
	memset(&life, 0, sizeof(life));
	life.start = FERRY_START_EAGER + value[0];
	life.is_submitted = value[1];
	life.outcome = value[2];
	life.cancelled = value[3];
	life.by = value[4];
	life.waits = value[5];
	life.membership = value[6];
	life.awaited = value[7];
	life.drops_itself = value[8];
	life.cleans_slowly = value[9];
	return is_possible();
}

int main(int argc, char **argv)
{
	struct program program = program_begin(argc, argv, "every life of a task", 1, 20);
	unsigned long all = 1, lives = 0;
	int descriptors = fixture_descriptors();

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		all *= sizes[i];
	pool = fixture_pool(1);
	for (long round = 0; round < program.count; round++)
		for (unsigned long number = 0; number < all; number++) {
			if (!choose(number))
				continue;
			live();
			check_life();
			lives++;
		}
	work_close(pool);
	program_check(fixture_descriptors() == descriptors, "descriptors were lost");
	printf("%lu lives\n", lives);
	return 0;
}
