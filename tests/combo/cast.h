/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COMBO_CAST_H
#define COMBO_CAST_H
/*
 * Those who take part in the life of a task: itself, its child, a sibling, the owner of its group,
 * those who wait for it; how they are begun, and what they do.
 */
#include "combo/expected.h"

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
	if (--life.holders || has_hook())
		return;
	check(ferry_await_end(&life.subject->answer) == 0);
	check(ferry_task_clear(&life.subject->task) == 0);
	free_subject();
}

/* The cleanup hook. */
static void clean_up(ferry_task *task, void *user)
{
	check(user == &life && task == &life.subject->task);
	check(!ferry_current_task(loop));
	check(!is_forgotten());
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

/* ---- a sibling ---- */

static ferry_step sibling_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct sibling, f);
	f->bodies++;
	if (f->waits)
		FERRY_AWAIT(&life.alarm);
	if (life.membership == FIRST_EXCEPTION)
		FERRY_FAIL(-ANOTHERS_ERRNO);
	FERRY_END;
}

static void begin_sibling(bool waits)
{
	ferry_task_options options = FERRY_TASK_OPTIONS_INIT;
	const ferry_task *current = ferry_current_task(loop);

	life.sibling.waits = waits;
	options.group = life.group;
	ferry_task_begin(&life.sibling.task, loop, sibling_step, &options);
	check(ferry_current_task(loop) == current);
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
	unsigned *mark = is_cancelled_by(BY_CLOSE) ? &life.mark : &subject->mark;
	ferry_local *local = ferry_offload(loop, pool, run, mark, NULL);

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

/* It is there, has not ended, and was cancelled once. */
static void take_back(void)
{
	check(ferry_task_cancels(&life.subject->task) == 1);
	check(ferry_task_uncancel(&life.subject->task) == 0);
	check(ferry_task_cancels(&life.subject->task) == 0);
	check(ferry_task_uncancel(&life.subject->task) == -ENODATA);
}

/* In its own step. */
static void cancel_at(enum stage stage)
{
	if (life.cancelled != stage)
		return;
	if (life.by == BY_ITSELF) {
		check(ferry_task_cancel(&life.subject->task) == 0);
		if (life.is_taken_back)
			take_back();
	} else if (life.by == BY_GROUP && stage == RUNNING) {
		check(ferry_group_cancel(life.group) == 0);
	} else if (life.by == BY_NEWBORN && stage == RUNNING) {
		begin_sibling(false);
	}
}

static ferry_step subject_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct subject, f);
	life.bodies++;
	check(ferry_current_task(loop) == task);
	cancel_at(RUNNING);
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
	cancel_at(CLEANING);
	if (life.cleans_slowly)
		FERRY_AWAIT(&life.clean);
	life.cleaned++;
	FERRY_END;
}

/* ---- those who wait ---- */

static void drop_group(enum outcome outcome)
{
	ferry_snapshot snapshot = ferry_awaitable_snapshot(&life.group->awaitable);

	if (owner_fails())
		check(snapshot.done && snapshot.exception); /* which is the owner's now */
	else
		check_snapshot(snapshot, outcome);
	check(ferry_group_members(life.group) == 0);
	check(!loop || ferry_group_first(life.group) == expected_first());
	check(ferry_group_clear(life.group) == 0);
	/* Nobody needs it any more, its children included. */
	memset(life.group, 0xff, sizeof(*life.group));
	free(life.group);
	life.group = NULL;
}

static void tell(bool is_blind)
{
	if (!is_blind)
		check_task(ferry_task_snapshot(&life.subject->task));
	life.told++;
	let_go();
}

static void call(ferry_task *task, void *user)
{
	check(user == &life && task == &life.subject->task);
	tell(false);
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
		tell(f->is_blind);
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
	case BY_A_BLIND_TASK:
		life.waiters[0].is_blind = life.awaited == BY_A_BLIND_TASK;
		ferry_task_begin(&life.waiters[0].task, loop, waiter_step, NULL);
		break;
	case BY_A_CALLBACK:
		check(ferry_task_add_done_callback(&life.subject->task, call, &life) == 0);
		break;
	default:
		break;
	}
}

static void begin_canceller(void)
{
	life.has_canceller = true;
	life.canceller.has_scope = life.by == BY_DEADLINE;
	life.canceller.waits_for_group = life.membership != ALONE;
	ferry_task_begin(&life.canceller.task, loop, waiter_step, NULL);
}

/* ---- who makes it ---- */

/* A user's own factory: those that do not say how are lazy. */
static int make_lazily(ferry_task *task, ferry_loop *of, ferry_step_function step,
		       const ferry_task_options *options, void *user)
{
	check(of == loop && user == &life && task == &life.subject->task);
	check(options->start == FERRY_START_DEFAULT && options->user == &life);
	return ferry_lazy_factory(task, of, step, options, NULL);
}

static ferry_start start_option(void)
{
	switch (life.start) {
	case EAGER:
		return FERRY_START_EAGER;
	case LAZY:
		return FERRY_START_LAZY;
	case BY_FACTORY:
		return FERRY_START_DEFAULT;
	default:
		return FERRY_START_DEFERRED;
	}
}

static void submit(void *arg)
{
	check(ferry_task_submit(&life.subject->task, loop, subject_step, arg, NULL, &life.future) ==
	      0);
}

static void begin_subject(ferry_task_options *options)
{
	if (life.start == BY_FACTORY)
		check(ferry_loop_set_task_factory(loop, make_lazily, &life) == 0);
	if (life.is_submitted) {
		fixture_elsewhere(submit, options);
		check(ferry_loop_run_once(loop, 0) >= 0); /* it arrives */
	} else {
		ferry_task_begin(&life.subject->task, loop, subject_step, options);
	}
	check(ferry_loop_set_task_factory(loop, NULL, NULL) == 0);
}

/* What comes between its being made and its being unstarted. */
static void put_in_a_queue(void)
{
	ferry_task *task = &life.subject->task;

	if (life.start == SCHEDULED)
		check(ferry_task_schedule(task) == 0);
	else if (life.start == GROUP_CLOSED)
		check(ferry_group_close(life.group) == 0);
	else if (life.start == QUEUED)
		check(ferry_limiter_submit(&life.limiter, &life.subject->slot, task, 0) == task);
}

static void make_subject(void)
{
	ferry_task_options options = FERRY_TASK_OPTIONS_INIT;

	life.subject = calloc(1, sizeof(*life.subject));
	check(life.subject);
	life.was = &life.subject->task;
	life.subject->mark = MARK;
	options.start = start_option();
	options.name = "subject";
	options.user = &life;
	if (life.membership != ALONE)
		options.group = life.group;
	if (life.drops_itself)
		options.cleanup = clean_up;
	begin_subject(&options);
	if (life.fate != NO_FUTURE && !life.is_submitted) {
		life.is_late = ferry_awaitable_snapshot(&life.subject->awaitable).done;
		check(ferry_task_unwrap(&life.subject->task, NULL, &life.future) == 0);
		check(ferry_future_snapshot(life.future).done == life.is_late);
	}
	put_in_a_queue();
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
	if (is_cancelled_by(BY_SIBLING))
		begin_sibling(true);
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

#endif
