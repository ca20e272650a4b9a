/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A group and its owner, the task in whose step it was made.
 *
 * On the loop's thread: when the group fails its owner is interrupted, when the owner's body is
 * left the group is closed, or cancelled, and waited for. Invariants (T6): no owner ends before
 * its groups have; the interruption is one cancel of its own, taken back as soon as the owner
 * comes to know otherwise, and never taken for somebody else's nor somebody else's for it.
 */
#include "task/gather.h"
#include "task/group.h"

/* From here on they have nothing to do with each other; it has ended. */
static void detach(struct ferry_group *group)
{
	if (group->owner)
		task_detach(group->owner, &group->attachment);
	owner_forget(group);
}

void owner_forget(struct ferry_group *group)
{
	group->owner = NULL;
	/* What was kept for it. */
	group->exception = ferry_error_unref(group->exception);
}

/* Has it an exception that nobody who waits will come to see? */
static bool is_for_nobody(const struct ferry_group *group)
{
	return awaitable_outcome(&group->awaitable) == AWAITABLE_EXCEPTION &&
	       !(group->flags & GROUP_AWAITED);
}

/* It is told (L6). */
static void report(struct ferry_group *group)
{
	loop_tell(group->scope.loop, awaitable_exception(&group->awaitable));
}

int owner_attach(struct ferry_group *group, struct ferry_task *current)
{
	ferry_attachment *attachment = current ? current->attachments : NULL;

	/* One that has ended may be made anew before its owner looked at it. */
	while (attachment && attachment != &group->attachment)
		attachment = attachment->next;
	if (!attachment)
		return 0;
	if (!(group->flags & GROUP_ENDED))
		return -EBUSY;
	owner_take_back(group);
	if (is_for_nobody(group)) {
		report(group);
		group_drop_exception(group);
	}
	detach(group);
	return 0;
}

/* ---- interrupted ---- */

static struct ferry_group *find_marked(const struct ferry_task *owner)
{
	ferry_attachment *attachment = attachment_find(owner->attachments, ATTACHMENT_GROUP);

	while (attachment && !(group_of_attachment(attachment)->flags & GROUP_MARKED))
		attachment = attachment_find(attachment->next, ATTACHMENT_GROUP);
	return attachment ? group_of_attachment(attachment) : NULL;
}

void owner_cancel_marked(struct ferry_task *owner)
{
	struct ferry_group *group;

	while ((group = find_marked(owner))) {
		group->flags &= (uint16_t)~GROUP_MARKED;
		ferry_group_cancel(group);
	}
}

/* Its body has been left, and it does not end well: so its other groups shall not go on. */
static void end_badly(struct ferry_group *group, unsigned flag, const ferry_error *exception)
{
	struct ferry_task *owner = group->owner;
	ferry_attachment *attachment = owner->attachments;

	task_set_outcome(owner, flag, exception);
	while ((attachment = attachment_find(attachment, ATTACHMENT_GROUP))) {
		if (group_of_attachment(attachment) != group)
			group_of_attachment(attachment)->flags |= GROUP_MARKED;
		attachment = attachment->next;
	}
	owner_cancel_marked(owner);
}

/* Also by a gather that it is one of. */
static bool waits_for(const struct ferry_task *owner, const struct ferry_group *group)
{
	return (owner->state == TASK_WAITING || owner->state == TASK_WAITING_SHIELDED) &&
	       (owner->awaited == &group->awaitable ||
		gather_has(owner->awaited, &group->awaitable));
}

void owner_interrupt(struct ferry_group *group)
{
	struct ferry_task *owner = group->owner;

	if (!owner)
		return;
	if (group->flags & GROUP_JOINED) {
		if (!(owner->flags & TASK_FAILED))
			end_badly(group, TASK_FAILED, ferry_error_ref(group->exception));
		return;
	}
	/* Unless it comes to know without that, or nothing takes effect any more. */
	if (owner->flags & TASK_SHIELDED || waits_for(owner, group))
		return;
	group->flags |= GROUP_INTERRUPTING;
	if (!task_cancel(owner))
		group->flags &= (uint16_t)~GROUP_INTERRUPTING;
}

void owner_take_back(struct ferry_group *group)
{
	if (group->flags & GROUP_INTERRUPTING)
		task_uncancel(group->owner);
	group->flags &= (uint16_t)~GROUP_INTERRUPTING;
}

bool group_take_interruption(struct ferry_group *group)
{
	if (!(group->flags & GROUP_INTERRUPTING))
		return false;
	owner_take_back(group);
	return true;
}

void group_note_awaited(struct ferry_task *task, const ferry_awaitable *awaitable)
{
	ferry_attachment *attachment = attachment_find(task->attachments, ATTACHMENT_GROUP);

	while (attachment && &group_of_attachment(attachment)->awaitable != awaitable)
		attachment = attachment_find(attachment->next, ATTACHMENT_GROUP);
	if (!attachment)
		return;
	owner_take_back(group_of_attachment(attachment));
	detach(group_of_attachment(attachment));
}

/* ---- joined ---- */

/* Was it cancelled, and the group for that? Else a group that is cancelled is no reason: it may
 * have been its owner who did that. */
static bool is_cancelled_with(const struct ferry_task *owner, enum awaitable_outcome outcome)
{
	return outcome == AWAITABLE_CANCELLED && owner->flags & TASK_DUE &&
	       !task_is_shielded(owner);
}

/* A body that ended well, or was cancelled, does not end so if a group of its own failed. */
static void merge(struct ferry_group *group)
{
	struct ferry_task *owner = group->owner;
	enum awaitable_outcome outcome = awaitable_outcome(&group->awaitable);
	const ferry_error *exception =
		group->exception ? group->exception : awaitable_exception(&group->awaitable);

	if (exception && !(owner->flags & TASK_FAILED))
		end_badly(group, TASK_FAILED, ferry_error_ref(exception));
	else if (task_has_result(owner) && is_cancelled_with(owner, outcome))
		end_badly(group, TASK_CANCELLED, NULL);
	if (!is_for_nobody(group))
		return;
	if (!(owner->flags & TASK_FAILED) || owner->exception != exception)
		report(group);
	group_drop_exception(group);
}

void owner_note_end(struct ferry_group *group)
{
	if (group->flags & GROUP_JOINED)
		merge(group);
	/* One that is interrupted has yet to find out by whom. */
	if (!(group->flags & GROUP_INTERRUPTING))
		detach(group);
}

void group_join(struct ferry_group *group, bool well)
{
	owner_take_back(group);
	if (group->flags & GROUP_ENDED) {
		merge(group);
		detach(group);
		return;
	}
	group->flags |= GROUP_JOINED;
	if (!well && !(group->flags & GROUP_ASKED))
		ferry_group_cancel(group);
	ferry_group_close(group);
}
