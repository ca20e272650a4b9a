/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STRESS_ACTS_H
#define STRESS_ACTS_H
/*
 * What the tasks of stress_groups have and do, but for the waiting, which is for their step.
 */
#include "relative.h"

#define EVENTS 3

static ferry_loop *loop;
static ferry_event events[EVENTS];
static ferry_limiter limiter;
static struct relative relatives[RELATIVES];
static unsigned count;
static struct family ancestors; /* that no task owns */
static uint64_t chances;
static bool is_closing, is_counted; /* exceptions are */
static int next_code;

/* Those up to ALL_ACTS are chosen, all as often; the others are ways to do them. */
enum act {
	YIELD,
	EVENT,
	SLEEP,
	FOUND,
	BEGIN,
	BESIDE,
	JOIN,  /* its family: one of three */
	AWAIT, /* a kid: one of three */
	GATHER,
	ENTER, /* the limiter, or leave it */
	SCOPE,
	STOP,
	MEDDLE,
	HOLD,
	RETURN, /* or leave otherwise */
	ALL_ACTS,
	JOIN_TRYING,
	JOIN_SHIELDED,
	TRY,
	SHIELD,
	LEAVE,
	RAISE,
	FAIL,
	GIVE_UP,
	NOTHING,
};

static unsigned below(unsigned limit)
{
	return random_below(&chances, limit);
}

static void free_error(void *payload)
{
	(void)payload;
	books.errors_freed++;
}

static const ferry_error *new_error(int code)
{
	const ferry_error *error;

	holds(!ferry_error_new("test", code, "counted", &books, free_error, &error), "no error");
	books.errors++;
	return error;
}

static void hear(ferry_loop *which, const ferry_error *error, void *user)
{
	(void)user;
	holds(which == loop && ferry_error_number(error),
	      "it is told of an exception that is gone");
	books.told++;
}

/* ---- begun ---- */

static void on_cleanup(ferry_task *task, void *user)
{
	struct relative *f = user;

	holds(task == &f->task && ++f->hooked == 1, "a hook is called twice, or for another");
	holds(f->ended_at || f->refused || is_closing, "a hook is called before the end");
	f->end = end_of(&task->awaitable);
	books.hooked++;
}

static ferry_step live(ferry_task *task);

static void choose_acts(struct relative *f)
{
	f->acts = below(ACTS);
	for (unsigned i = 0; i < f->acts; i++)
		f->act[i] = (unsigned char)below(ALL_ACTS);
	if (f->acts > 3 && below(3)) {
		f->act[0] = FOUND;
		f->act[1] = f->act[2] = BEGIN;
	}
}

/* By a group, by its limiter, or by a start that comes later. */
static void begin_deferred(struct relative *f, ferry_task_options *options)
{
	struct family *family = f->in;
	bool is_added = family && below(2);
	int error;

	f->deferred = true;
	f->limited = !family || !below(4);
	if (is_added)
		options->group = NULL;
	ferry_task_init(&f->task, loop, live, options);
	if (is_added) {
		error = ferry_group_add(&family->group, &f->task);
		holds(error == 0 || error == -ECANCELED, "a task cannot be added");
	}
	if (f->limited)
		ferry_limiter_submit(&limiter, &f->start_slot, &f->task,
				     below(FERRY_PRIORITY_MOST + 1));
}

/* NULL: there are enough. */
static struct relative *begin(struct family *family)
{
	ferry_task_options options = FERRY_TASK_OPTIONS_INIT;
	struct relative *f = &relatives[count];

	if (count == RELATIVES)
		return NULL;
	count++;
	memset(f, 0, sizeof(*f));
	books.relatives++;
	choose_acts(f);
	f->in = family;
	f->refused = family && is_done(&family->group.awaitable);
	f->has_hook = !below(4);
	books.hooks += f->has_hook;
	books.refused += f->refused;
	if (family && !f->refused)
		family->joined++;
	options.group = family ? &family->group : NULL;
	options.start = below(4);
	/* Else it is as plain as most are. */
	if (f->has_hook) {
		options.cleanup = on_cleanup;
		options.user = f;
	}
	if (options.start == FERRY_START_DEFERRED && !f->refused)
		begin_deferred(f, &options);
	else
		ferry_task_begin(&f->task, loop, live, &options);
	return f;
}

/* ---- acts ---- */

static struct family *choose_family(struct relative *f)
{
	struct family *family = &f->families[f->roll % FAMILIES];

	return family->is_made ? family : NULL;
}

/* Behind a hook nobody looks at a task, so those are not waited for. */
static void add_kid(struct relative *f, struct relative *kid)
{
	if (kid && !kid->has_hook && f->kid_count < KIDS)
		f->kids[f->kid_count++] = kid;
}

static struct relative *choose_kid(struct relative *f)
{
	return f->kid_count ? f->kids[below(f->kid_count)] : NULL;
}

static void stop(struct relative *f)
{
	struct family *family = choose_family(f);
	int error;

	if (!family)
		return;
	if (f->roll & 4) {
		family_ask(family);
		return;
	}
	family->closed = true;
	error = ferry_group_close(&family->group);
	holds(error == 0 || error == -EALREADY, "a group cannot be closed");
}

static void start(struct relative *other)
{
	bool was = other->out_of_turn;

	other->out_of_turn = true;
	if (below(2) ? ferry_task_start(&other->task) : ferry_task_schedule(&other->task))
		other->out_of_turn = was;
}

static void meddle(struct relative *other)
{
	if (below(2))
		start(other);
	else
		ferry_task_cancel(&other->task);
}

static void hold(struct relative *f)
{
	int error = f->held ? ferry_task_unshield(&f->task) : ferry_task_shield(&f->task);

	holds(error == 0 || (f->held && error == -EALREADY), "no shield");
	f->held = !f->held;
}

static ferry_gather *gather(struct relative *f)
{
	struct family *family = choose_family(f);
	ferry_gather_until until = below(3);

	for (unsigned i = 0; i < GATHERED; i++) {
		struct relative *kid = choose_kid(f);

		f->entries[i].of = kid ? &kid->awaitable : &events[below(EVENTS)].awaitable;
	}
	if (family) {
		relative_wait_for(f, family, until == FERRY_GATHER_COLLECT);
		f->entries[GATHERED - 1].of = &family->group.awaitable;
	}
	ferry_gather_begin(&f->gather, loop, f->entries, GATHERED, until);
	/* Else it may have come to no more than the first. */
	if (family && !is_done(&f->gather.awaitable))
		family->closed = true;
	f->gathers = true;
	f->tried = &f->gather.awaitable;
	return &f->gather;
}

static void end_gather(struct relative *f)
{
	if (!f->gathers)
		return;
	f->gathers = false;
	holds(!ferry_gather_end(&f->gather), "a gather cannot be ended");
}

static ferry_operation *enter(struct relative *f)
{
	f->tried = &f->slot.awaitable;
	return ferry_limiter_enter(&limiter, &f->slot, f->roll % (FERRY_PRIORITY_MOST + 1));
}

static struct relative *try_kid(struct relative *f)
{
	f->tried_kin = choose_kid(f);
	f->tried = &f->tried_kin->awaitable;
	return f->tried_kin;
}

static struct family *try_family(struct relative *f)
{
	relative_wait_for(f, choose_family(f), true);
	f->tried = &f->waits->group.awaitable;
	return f->waits;
}

static struct family *await_family(struct relative *f, bool settles)
{
	relative_wait_for(f, choose_family(f), settles);
	f->waits->closed = true;
	return f->waits;
}

/* Its last family, behind FERRY_FINALLY; NULL: it has none. */
static struct family *found_late(struct relative *f)
{
	if (below(8))
		return NULL;
	family_make(&f->late, loop, &chances);
	for (unsigned i = 0; i < 2; i++)
		begin(&f->late);
	relative_wait_for(f, &f->late, true);
	return &f->late;
}

static void begin_kid(struct relative *f)
{
	add_kid(f, begin(f->what == BESIDE ? f->in : choose_family(f)));
}

/* ---- what is next ---- */

static unsigned one_of(const struct relative *f, unsigned first, unsigned second, unsigned third)
{
	return f->roll & 4 ? first : f->roll & 8 ? second : third;
}

static void choose(struct relative *f)
{
	f->roll = below(1 << 16);
	f->what = f->act[f->at];
	if (f->what == JOIN)
		f->what = choose_family(f) ? one_of(f, JOIN_TRYING, JOIN, JOIN_SHIELDED) : NOTHING;
	else if (f->what == AWAIT)
		f->what = f->kid_count ? one_of(f, TRY, AWAIT, SHIELD) : NOTHING;
	else if (f->what == ENTER && f->slot.limiter)
		f->what = LEAVE;
	else if (f->what == RETURN)
		f->what = one_of(f, is_counted ? RAISE : FAIL, GIVE_UP, RETURN);
}

/* What takes no waiting. */
static void act(struct relative *f)
{
	if (f->what == FOUND)
		family_make(&f->families[f->roll % FAMILIES], loop, &chances);
	else if (f->what == BEGIN || f->what == BESIDE)
		begin_kid(f);
	else if (f->what == STOP)
		stop(f);
	else if (f->what == MEDDLE)
		meddle(&relatives[below(count)]);
	else if (f->what == HOLD)
		hold(f);
	else if (f->what == LEAVE)
		holds(ferry_limiter_leave(&f->slot) == 1, "no place to leave");
}

static void go_on(struct relative *f)
{
	relative_go_on(f);
	end_gather(f);
}

#endif
