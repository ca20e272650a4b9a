/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leaving a body: how a task will end, and what has to end before it cleans up.
 *
 * Called by a task's own step, on the loop's thread (between its last wait and its end).
 * Invariants: an outcome that was set stays until a later one takes its place, and nothing it
 * owned is lost; what cleans up runs once, shielded, when all groups of the body have ended
 * (T6, T7); a cancel that a deadline or a group asked for is not taken for somebody else's.
 */
#include <stdio.h>

#include "task/group.h"
#include "task/task.h"
#include "task/timeout.h"
#include "task/unwrap.h"

void task_set_outcome(struct ferry_task *task, unsigned flag, const ferry_error *exception)
{
	if (task->flags & TASK_FAILED)
		ferry_error_unref(task->exception);
	if (task->flags & TASK_VALUED)
		unwrap_drop_result(task);
	task->flags = (uint16_t)((task->flags & ~TASK_SETTLED) | flag);
	task->exception = exception;
}

/* ---- out of the body ---- */

/* Those of a scope that is left; they are waited for at the end of the body. */
static void cancel_groups(struct ferry_task *task, const ferry_attachment *to)
{
	for (ferry_attachment *from = task->attachments; from != to; from = from->next)
		if (from->kind == ATTACHMENT_GROUP)
			group_of_attachment(from)->flags |= GROUP_MARKED;
	owner_cancel_marked(task);
}

/* The wait was cut: by whom? Goes outward through what is open, up to who asked for that. */
uint16_t ferry_task_leave(ferry_task *task)
{
	ferry_attachment *attachment, *next;

	task->flags &= (uint16_t)~TASK_INTERRUPTED;
	/* It tried to wait for what nobody can wait for. */
	if (task->flags & TASK_FAILED)
		return FERRY_AT_FINALLY;
	for (attachment = task->attachments; attachment; attachment = next) {
		next = attachment->next;
		if (attachment->kind == ATTACHMENT_TIMEOUT) {
			ferry_timeout *timeout = timeout_of(attachment);

			if (timeout_leave(timeout)) {
				cancel_groups(task, next);
				return timeout->at;
			}
		} else if (attachment->kind == ATTACHMENT_GROUP &&
			   group_take_interruption(group_of_attachment(attachment))) {
			task_set_outcome(task, TASK_FAILED,
					 group_exception(group_of_attachment(attachment)));
			return FERRY_AT_FINALLY;
		}
	}
	task_set_outcome(task, TASK_CANCELLED, NULL);
	return FERRY_AT_FINALLY;
}

/* As what it waited for ended. An exception that is held there is taken over. */
static void fail_alike(struct ferry_task *task)
{
	if (awaitable_outcome(task->awaited) == AWAITABLE_CANCELLED)
		task_set_outcome(task, TASK_CANCELLED, NULL);
	else
		task_set_outcome(task, TASK_FAILED, awaitable_take_exception(task->awaited));
}

uint16_t ferry_task_fail(ferry_task *task, const ferry_error *error)
{
	if (error)
		task_set_outcome(task, TASK_FAILED, error);
	else if (task->at && awaitable_is_done(task->awaited) &&
		 awaitable_outcome(task->awaited) != AWAITABLE_RESULT)
		fail_alike(task);
	else
		ferry_task_fail_errno(task, -EINVAL);
	return FERRY_AT_FINALLY;
}

uint16_t ferry_task_fail_errno(ferry_task *task, int outcome)
{
	uintptr_t word = awaitable_done_by(outcome ? outcome : -EINVAL);
	ferry_awaitable like = { word };

	if (awaitable_outcome(&like) == AWAITABLE_CANCELLED)
		task_set_outcome(task, TASK_CANCELLED, NULL);
	else
		task_set_outcome(task, TASK_FAILED, awaitable_exception(&like));
	return FERRY_AT_FINALLY;
}

/* Where that was, as far as it is known. */
static void tell_stray(const struct ferry_task *task, char *message, size_t bytes)
{
	static const char what[] = "a step was left where it must not be";
	const ferry_place *place = task_place(task);
	const char *file = place ? place->file : NULL;

	if (!task->at || task->at == FERRY_AT_FINALLY)
		snprintf(message, bytes, "%s, %s", what,
			 task->flags & TASK_SHIELDED ? "behind FERRY_FINALLY"
						     : "before its first wait");
	else
		snprintf(message, bytes, "%s, behind %s%sline %u", what, file ? file : "",
			 file ? ", " : "", (unsigned)task->at);
}

uint16_t ferry_task_stray(ferry_task *task)
{
	const ferry_error *error = NULL;
	char message[160];

	tell_stray(task, message, sizeof(message));
	if (ferry_error_new(FERRY_DOMAIN_FERRY, FERRY_ERROR_INVALID_STATE, message, NULL, NULL,
			    &error))
		error = ferry_error_from_code(FERRY_ERROR_INVALID_STATE);
	task_set_outcome(task, TASK_FAILED, error);
	/* What cleans up runs once. */
	return task->flags & TASK_SHIELDED || task->at == FERRY_AT_FINALLY ? FERRY_AT_END
									   : FERRY_AT_FINALLY;
}

/* ---- between the body and what cleans up ---- */

/* One that was not joined, or has ended since; NULL if there is none. */
static struct ferry_group *find_unjoined(const struct ferry_task *task)
{
	ferry_attachment *attachment = attachment_find(task->attachments, ATTACHMENT_GROUP);

	while (attachment && (group_of_attachment(attachment)->flags &
			      (GROUP_JOINED | GROUP_ENDED)) == GROUP_JOINED)
		attachment = attachment_find(attachment->next, ATTACHMENT_GROUP);
	return attachment ? group_of_attachment(attachment) : NULL;
}

/* All are closed, or cancelled, before one is waited for: from the first on each time, since that
 * may end others. Gives one that is left; or NULL. */
static struct ferry_group *join_groups(struct ferry_task *task)
{
	ferry_attachment *left;
	struct ferry_group *group;

	while ((group = find_unjoined(task)))
		group_join(group, task_has_result(task));
	left = attachment_find(task->attachments, ATTACHMENT_GROUP);
	return left ? group_of_attachment(left) : NULL;
}

bool task_wait_for_groups(struct ferry_task *task)
{
	struct ferry_group *group = join_groups(task);

	if (!group)
		return false;
	if (!(task->flags & TASK_LISTED))
		task_list(task);
	task->awaited = &group->awaitable;
	task->state = TASK_WAITING;
	awaitable_append(&group->awaitable, &task->node);
	task->place = NULL;
	if (task->flags & TASK_DUE)
		task_deliver(task);
	return true;
}

int ferry_task_finally(ferry_task *task)
{
	ferry_attachment *attachment, *next;

	for (attachment = task->attachments; attachment; attachment = next) {
		next = attachment->next;
		if (attachment->kind == ATTACHMENT_TIMEOUT)
			timeout_close(timeout_of(attachment));
	}
	return task_wait_for_groups(task);
}
