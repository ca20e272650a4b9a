/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STRESS_RELATIVE_H
#define STRESS_RELATIVE_H
/*
 * What the headers promise of a task that owns groups, and may be a child of one: the other half of
 * the model of stress_groups. Called from its step:
 *
 *   relative_begin(f);                    first in its body
 *   relative_wait_for(f, family, ...);    it comes to wait for one of its families
 *   relative_go_on(f);                    behind each wait
 *   relative_leave(f, kind, code);        its body leaves so; not where a wait is cut, or fails
 *   relative_foresee(f);                  first behind FERRY_FINALLY: how may it end?
 *   relative_end(f);                      last of all
 *
 * and by whoever looks at it then: relative_check(f), it has ended, and so.
 */
#include "family.h"

static void relative_leave(struct relative *f, unsigned kind, int code)
{
	f->left = kind;
	f->code = code;
	f->gave_up = kind == CANCELLED;
	for (unsigned i = 0; i < FAMILIES; i++) {
		struct family *family = &f->families[i];

		family->closed = true;
		if (family->is_made && !is_done(&family->group.awaitable))
			family->left_at = ends;
	}
}

/* Alone or among others. @settles: until that has ended, whatever happens. */
static void relative_wait_for(struct relative *f, struct family *family, bool settles)
{
	family->awaited = true;
	family->closed |= settles;
	f->waits = family;
	f->settles = settles;
}

/* Also where a deadline ended the wait. */
static void relative_go_on(struct relative *f)
{
	if (f->waits && is_done(&f->waits->group.awaitable)) {
		family_check(f->waits);
		f->waits->settled |= f->settles;
	}
	f->waits = NULL;
	f->tried = NULL;
	f->tried_kin = NULL;
}

static void relative_begin(struct relative *f)
{
	struct family *family = f->in;

	f->begun = true;
	if (!family)
		return;
	holds(!is_cancelling(family, NULL), "a child begins in a group that cancels (T6)");
	if (f->out_of_turn || f->limited)
		return;
	family->running++;
	holds(!family->options.limit || family->running <= family->options.limit,
	      "more children run than the limit says (T6)");
}

static int code_of_tried(const struct relative *f)
{
	for (unsigned i = 0; i < FAMILIES; i++)
		if (f->tried == &f->families[i].group.awaitable)
			return family_end(&f->families[i]).code;
	return f->tried_kin ? f->tried_kin->code : 0;
}

/* Its body was left and did not say how: a wait was cut, or came to no good end. */
static void foresee_wait(struct relative *f)
{
	struct end tried = f->tried ? end_of(f->tried) : (struct end){ UNKNOWN, 0 };
	bool has_reason = f->uncancelled || ferry_task_cancels(&f->task) > 0;

	if (f->begun && tried.kind & (CANCELLED | FAILED)) {
		f->left = tried.kind;
		f->code = tried.kind == FAILED ? code_of_tried(f) : 0;
		f->gave_up = tried.kind == CANCELLED;
		return;
	}
	f->left = CANCELLED;
	if (!f->begun)
		return;
	books.interrupted++;
	for (unsigned i = 0; i < FAMILIES; i++)
		has_reason |= family_has_failed(&f->families[i]) && !f->families[i].settled &&
			      &f->families[i] != f->waits;
	holds(has_reason, "a task is cut that nobody cancelled (T6)");
}

/* The families of a body that ended well, or was cancelled, decide as well. */
static void foresee_families(struct relative *f)
{
	bool cancelled = f->uncancelled || ferry_task_cancels(&f->task) > 0, certain = false;

	for (unsigned i = 0; i < FAMILIES; i++) {
		struct family *family = &f->families[i];

		if (!family->is_made || family->settled)
			continue;
		if (end_of(&family->group.awaitable).kind == CANCELLED && cancelled)
			f->left |= CANCELLED;
		if (end_of(&family->group.awaitable).kind != FAILED)
			continue;
		f->code = f->left & FAILED ? 0 : family_end(family).code;
		f->left |= FAILED;
		certain |=
			family->left_at ||
			(family->options.policy == FERRY_GROUP_FIRST_EXCEPTION && !family->awaited);
	}
	if (certain)
		f->left = FAILED;
	books.by_families += certain;
}

static void relative_foresee(struct relative *f)
{
	if (f->waits)
		f->waits->settled |= f->settles;
	for (unsigned i = 0; i < FAMILIES; i++)
		if (f->families[i].is_made)
			family_check(&f->families[i]);
	if (!f->left)
		foresee_wait(f);
	if (f->left != FAILED)
		foresee_families(f);
	books.exact += f->left == RESULT || f->left == CANCELLED || f->left == FAILED;
}

static void relative_end(struct relative *f)
{
	struct family *family = f->in;

	holds(!f->ended_at, "a task ends twice");
	f->ended_at = ++ends;
	if (!family)
		return;
	family->ended++;
	if (f->begun && !f->out_of_turn && !f->limited)
		family->running--;
	if (family->last)
		family->last->next_ended = f;
	else
		family->first = f;
	family->last = f;
}

static void relative_check(const struct relative *f)
{
	struct end end = relative_ended(f);

	holds(f->hooked == f->has_hook, "a hook is not called once");
	if (f->refused) {
		holds(!f->ended_at && end.kind == FAILED && (!end.code || end.code == ESHUTDOWN),
		      "what was refused is not so");
		return;
	}
	holds(f->ended_at, "a task has ended, and has not cleaned up");
	holds(end.kind & f->left, "a task does not end as it was left (T6, T7)");
	holds(end.kind != FAILED || !end.code || !f->code || end.code == f->code,
	      "a task has an exception of somebody else");
}

#endif
