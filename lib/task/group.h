/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TASK_GROUP_H
#define TASK_GROUP_H
/*
 * The group as the rest of its floor sees it.
 *
 *   members    children that have not ended; counted from before their first step
 *   running    of those, the ones that were started: what the limit is about
 *   the list   those that are not in the first step of an eager start
 */
#include "task/task.h"

enum group_flag {
	GROUP_CLOSED = 1,
	GROUP_MARKED = 2,        /* it is about to be cancelled, with others of its owner's */
	GROUP_ASKED = 4, /* because somebody cancelled the group */
	GROUP_ENDED = 8,
	GROUP_INTERRUPTING = 16, /* one of the owner's cancels is the group's */
	GROUP_JOINED = 32,       /* its owner waits for it at the end of its body */
	GROUP_LOST = 64,         /* a child ended as cancelled while it was cancelling */
	GROUP_WON = 128,         /* a child had a result, where the first one decides */
	GROUP_SHOWN = 256,       /* by the dump */
	GROUP_AWAITED = 512,     /* somebody else waited as it ended: its exception is for him */
	GROUP_KEEPS = 1024       /* for several: it holds the exception that its word borrows */
};

static inline struct ferry_group *group_of_scope(ferry_scope *scope)
{
	return container(scope, struct ferry_group, scope);
}

static inline struct ferry_group *group_of_attachment(ferry_attachment *attachment)
{
	return container(attachment, struct ferry_group, attachment);
}

static inline bool group_is_cancelling(const struct ferry_group *group)
{
	return group->scope.cancelling;
}

static inline bool group_is_open(const struct ferry_group *group)
{
	return !(group->flags & GROUP_ENDED) && !group->scope.cancelling;
}

/* A child ends with a result: true if it only had to be counted, and was. */
static inline bool group_count_out(struct ferry_group *group)
{
	if (group->policy == FERRY_GROUP_FIRST_RESULT || group->waiting ||
	    (group->members == 1 && group->flags & GROUP_CLOSED))
		return false;
	group->members--;
	group->running--;
	return true;
}

static inline bool group_has_room(const struct ferry_group *group)
{
	return !group->limit || group->running < group->limit;
}

/* NULL if it is something else. */
struct ferry_group *group_of_operation(ferry_operation *operation);
/* Why no child can join it: -EINVAL, -ESHUTDOWN; 0 if one can. */
int group_check_open(const struct ferry_group *group, const struct ferry_loop *loop);
/* It joined before its first step, in which the others were cancelled; or it waits to start. */
void group_note_late(struct ferry_group *group, struct ferry_task *task);

static inline void group_note_listed(struct ferry_group *group, struct ferry_task *task)
{
	if (group->scope.cancelling || task_is_unstarted(task))
		group_note_late(group, task);
}

/* A child has ended, as a done word says: true if the group has a reference to its exception. */
bool group_child_ended(struct ferry_group *group, struct ferry_task *task, uintptr_t word);
/* The exception that it holds, if it has ended, is dropped. */
void group_drop_exception(struct ferry_group *group);
/* A deferred one has joined: if no others will come it need not wait for their being started. */
void group_start_if_closed(struct ferry_group *group);
/* Its children are asked to end, and those that join later. */
void group_cancel(struct ferry_group *group);

/* ---- owner.c ---- */

/* It is about to be made in a step: -EBUSY if it is there, and has not ended. */
int owner_attach(struct ferry_group *group, struct ferry_task *current);
/* It failed: its owner shall not go on as if nothing were. */
void owner_interrupt(struct ferry_group *group);
void owner_take_back(struct ferry_group *group);
/* It has ended, and its word says how. */
void owner_note_end(struct ferry_group *group);
/* The running task, which has a cancel due, awaits something that is done. */
void group_note_awaited(struct ferry_task *task, const ferry_awaitable *awaitable);
/* The owner goes: it has ended, or the loop closes. */
void owner_forget(struct ferry_group *group);
/* A wait of its owner was cut: did the group ask for that, if perhaps not alone? */
bool group_take_interruption(struct ferry_group *group);
/* Why it failed, with a reference: of one whose owner has yet to find out. */
const ferry_error *group_exception(struct ferry_group *group);
/* Those of a task's groups that are marked are cancelled. Hooks may end others meanwhile. */
void owner_cancel_marked(struct ferry_task *owner);
/* The body of its owner is left, well or not. */
void group_join(struct ferry_group *group, bool well);
/* The loop closes. */
void group_forsake(struct ferry_group *group);

#endif
