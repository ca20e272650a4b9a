/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COMBO_EXPECTED_H
#define COMBO_EXPECTED_H
/*
 * What must come of a life of a task: its outcome, that of its group, who is told, who has an
 * exception. As the headers say it, and nothing of how the library does it.
 */
#include "combo/life.h"

/* Only one that nobody has begun, has, or waits for is the caller's again. */
static bool is_forgotten(void)
{
	return is_cancelled_by(BY_FORGET) && (life.start == STARTED || life.start == LET_IN) &&
	       life.membership == ALONE && life.fate == NO_FUTURE &&
	       (life.awaited == BY_NOBODY || life.awaited == BY_LOOP_AWAIT);
}

static bool has_hook(void)
{
	return life.drops_itself && !is_forgotten();
}

/* Forgotten in vain it runs as if nobody had tried. */
static bool never_ran(void)
{
	return life.cancelled == UNSTARTED && (life.by != BY_FORGET || is_forgotten());
}

/* Is its wait cut short, or what it waits for cancelled, so that it leaves? Where a cancel was
 * passed on and then taken back it goes on, with what came of that. */
static bool is_cut(void)
{
	if (life.cancelled == RUNNING)
		return life.waits != FOR_NOTHING && !life.is_taken_back;
	return life.cancelled == WAITING &&
	       !(life.is_taken_back && (life.waits == FOR_A_CHILD || life.waits == FOR_A_LOCAL));
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
	return is_cancelled_by(BY_GROUP) || is_cancelled_by(BY_OWNER) || has_awaiter();
}

/* Has a sibling run, and ended before it did? */
static bool is_sibling_first(void)
{
	return has_sibling() && life.cancelled != ENDED;
}

/* When it ends: does its group still look for what decides? */
static bool decides(void)
{
	if (is_sibling_first() || ends_by_close())
		return false;
	return (life.membership == FIRST_EXCEPTION && has_exception()) ||
	       (life.membership == FIRST_RESULT && expected() != CANCELLED);
}

/* One that comes when the outcome is clear is cancelled before it begins. */
static bool sibling_ran(void)
{
	return is_sibling_first() ||
	       (has_sibling() &&
		!(life.membership == FIRST_EXCEPTION ? has_exception() : expected() == RESULT));
}

static enum outcome expected_of_group(void)
{
	if (ends_by_close())
		return CANCELLED;
	if (has_sibling() && sibling_ran())
		return life.membership == FIRST_EXCEPTION ? ANOTHERS : RESULT;
	if (has_exception())
		return life.membership == COLLECT ? RESULT : expected();
	if (expected() == RESULT)
		return RESULT;
	/* It ended as cancelled: for the group, as far as that can know? */
	return life.membership == FIRST_RESULT || (is_group_cancelled() && life.cancelled != ENDED)
		       ? CANCELLED
		       : RESULT;
}

/* Who decided. */
static const ferry_task *expected_first(void)
{
	if (sibling_ran())
		return &life.sibling.task;
	return decides() ? life.was : NULL;
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

static unsigned expected_told(void)
{
	return (life.awaited == BY_A_TASK || life.awaited == BY_A_BLIND_TASK ||
		life.awaited == BY_A_CALLBACK) +
	       2 * (life.awaited == BY_TWO_TASKS) + (has_awaiter() && life.membership == ALONE);
}

/* Has its group its exception, and nobody else? */
static bool has_group_its_exception(void)
{
	return has_exception() && life.membership != COLLECT && decides();
}

/* How often an exception is told because nobody looked at it (L6). */
static unsigned expected_reports(void)
{
	if (!has_exception() || has_group_its_exception())
		return 0;
	if (life.fate != NO_FUTURE || (has_awaiter() && life.membership == ALONE))
		return 0;
	/* Waiting for it is not looking at it. */
	if (life.awaited == BY_A_BLIND_TASK)
		return 1;
	/* Once the loop is closed there is nobody to be told. */
	return life.awaited == BY_NOBODY && (!is_cancelled_by(BY_CLOSE) || life.drops_itself);
}

/* A counted exception is held once: by its future or its group, or by one who came and tried. */
static bool may_be_taken(void)
{
	return expected() == COUNTED && (life.fate != NO_FUTURE || has_group_its_exception() ||
					 life.awaited == BY_TWO_TASKS);
}

/* An owner's group's exception goes before his being cancelled. */
static bool owner_fails(void)
{
	return is_cancelled_by(BY_OWNER) &&
	       (expected_of_group() == EXCEPTION || expected_of_group() == COUNTED);
}

/* ---- what is there ---- */

#define ANOTHERS_ERRNO ENOSPC

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
	case ANOTHERS:
		check(snapshot.exception == ferry_error_from_errno(ANOTHERS_ERRNO));
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

static void check_task(ferry_snapshot snapshot)
{
	if (!may_be_taken() || snapshot.exception != ferry_error_from_code(FERRY_ERROR_TAKEN))
		check_outcome(snapshot);
}

#endif
