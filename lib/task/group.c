/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Groups: children that end together.
 *
 * On the loop's thread: a child joins when it is begun, and is counted out when it ends; then
 * the group's policy decides about the others, and the last one to end ends the group, which
 * wakes who waits for it. Invariants (T6): a child is a member before its first step; it is
 * cancelled if it joins a group that is cancelling; a group ends only when every child has; one
 * that is closed starts its deferred children, in order and within its limit. An eager child
 * that ends at once costs no callback.
 */
#include "task/group.h"

#include <limits.h>

#include "base/options.h"
#include "task/limiter.h"

/* ---- lists ---- */

static struct ferry_loop *group_loop(const struct ferry_group *group)
{
	return group->scope.loop;
}

static void link_group(struct ferry_group *group)
{
	struct ferry_loop *loop = group_loop(group);

	group->previous = NULL;
	group->next = loop->groups;
	if (loop->groups)
		loop->groups->previous = group;
	loop->groups = group;
	loop->end_tasks = task_end_all;
}

static void unlink_group(struct ferry_group *group)
{
	struct ferry_loop *loop = group_loop(group);

	for (struct visit *visit = loop->visits; visit; visit = visit->outer)
		if (visit->next_group == group)
			visit->next_group = group->next;
	if (group->previous)
		group->previous->next = group->next;
	else
		loop->groups = group->next;
	if (group->next)
		group->next->previous = group->previous;
}

/* ---- made ---- */

static void on_await(ferry_operation *operation);
static void on_cancel(ferry_operation *operation, struct ferry_task *task);

static const ferry_operation_hooks group_hooks = { sizeof(group_hooks), "group", 0, on_await,
						   on_cancel };

struct ferry_group *group_of_operation(ferry_operation *operation)
{
	return operation->hooks == &group_hooks
		       ? container(operation, struct ferry_group, operation)
		       : NULL;
}

static int check(const struct ferry_group *group)
{
	return group ? loop_check(group_loop(group)) : -EINVAL;
}

int group_check_open(const struct ferry_group *group, const struct ferry_loop *loop)
{
	if (group_loop(group) != loop)
		return -EINVAL;
	return group->flags & GROUP_ENDED ? -ESHUTDOWN : 0;
}

int ferry_group_init(ferry_group *group, ferry_loop *loop, const ferry_group_options *given)
{
	ferry_group_options options;
	struct ferry_task *current;
	int error = loop_check(loop);

	if (!error && !group)
		error = -EINVAL;
	if (!error)
		error = options_read(&options, sizeof(options), given);
	if (!error && options.policy > FERRY_GROUP_FIRST_RESULT)
		error = -EINVAL;
	if (error)
		return error;
	current = task_current(loop);
	error = owner_attach(group, current);
	if (error)
		return error;
	memset(group, 0, sizeof(*group));
	operation_init(&group->operation, &group_hooks);
	group->scope.loop = loop;
	group->policy = (uint8_t)options.policy;
	group->limit = options.limit;
	group->name = options.name;
	group->owner = current;
	if (current)
		task_attach(current, &group->attachment, ATTACHMENT_GROUP);
	link_group(group);
	return 0;
}

/* Nobody starts one any more that has not begun: so it has nothing to be shielded. */
static void cancel_child(struct ferry_task *task)
{
	if (task_is_unstarted(task))
		task->flags &= (uint16_t)~TASK_HELD;
	task_cancel(task);
}

/* ---- its children are started ---- */

void group_note_late(struct ferry_group *group, struct ferry_task *task)
{
	if (task_is_unstarted(task)) {
		group->unstarted++;
		if (!group->waiting)
			group->waiting = task;
	}
	if (group_is_cancelling(group) && !(task->flags & TASK_CANCELLED))
		cancel_child(task);
}

static bool waits_to_start(const struct ferry_group *group, const struct ferry_task *task)
{
	if (limiter_has(task))
		return false;
	return task->state == TASK_QUEUED ||
	       (task->state == TASK_NEW && group->flags & GROUP_CLOSED);
}

static void start_those_that_wait(struct ferry_group *group)
{
	while (group->waiting && group_has_room(group)) {
		struct ferry_task *task = group->waiting;

		group->waiting = task->next;
		if (!waits_to_start(group, task))
			continue;
		task_note_start(task);
		task_schedule(task);
	}
}

void group_start_if_closed(struct ferry_group *group)
{
	if (group->flags & GROUP_CLOSED)
		start_those_that_wait(group);
}

int ferry_group_add(ferry_group *group, ferry_task *task)
{
	int error = check(group);

	if (!error)
		error = task_check(task);
	if (!error)
		error = task->scope ? group_check_open(group, task_loop(task)) : -EBUSY;
	if (error)
		return error;
	if (task_has_ended(task) || task->state != TASK_NEW ||
	    task->scope != &task_loop(task)->scope ||
	    attachment_find(task->attachments, ATTACHMENT_SLOT))
		return -EBUSY;
	task_unlist(task);
	task->scope = &group->scope;
	group->members++;
	task_list(task);
	if (group_is_cancelling(group))
		return -ECANCELED;
	group_start_if_closed(group);
	return 0;
}

/* ---- its children are cancelled ---- */

static void cancel_children(struct ferry_spread *spread)
{
	struct ferry_group *group = container(spread, struct ferry_group, spread);
	struct visit visit;
	struct ferry_task *task;

	visit_begin(&visit, group_loop(group), group->scope.first);
	while ((task = visit_next(&visit)))
		cancel_child(task);
	visit_end(&visit, group_loop(group));
}

void group_cancel(struct ferry_group *group)
{
	task_list_all(group_loop(group));
	group->scope.cancelling = 1;
	cancel_spread(group_loop(group), &group->spread, cancel_children);
}

int ferry_group_cancel(ferry_group *group)
{
	int error = check(group);

	if (error)
		return error;
	if (group->flags & GROUP_ENDED)
		return -EALREADY;
	group->flags |= GROUP_ASKED;
	group_cancel(group);
	return 0;
}

/* Who waits for it is cancelled, and waits on until it has ended. */
static void on_cancel(ferry_operation *operation, struct ferry_task *task)
{
	(void)task;
	ferry_group_cancel(container(operation, struct ferry_group, operation));
}

/* ---- it ends ---- */

static uintptr_t outcome_of(struct ferry_group *group)
{
	if (group->flags & GROUP_WON)
		return awaitable_done(AWAITABLE_RESULT, NULL);
	if (group->exception)
		return awaitable_done(AWAITABLE_EXCEPTION, group->exception);
	if (group->policy == FERRY_GROUP_FIRST_RESULT ||
	    (group->flags & GROUP_ASKED && group->flags & GROUP_LOST))
		return awaitable_done(AWAITABLE_CANCELLED, NULL);
	return awaitable_done(AWAITABLE_RESULT, NULL);
}

/* As with tasks, none of several may have an exception alone. */
static uintptr_t done_word(struct ferry_group *group)
{
	uintptr_t word = outcome_of(group);
	const ferry_awaitable done = { word };
	const struct ferry_waiter *last = awaitable_last(&group->awaitable);

	if (awaitable_has_several(&group->awaitable)) {
		if (awaitable_outcome(&done) != AWAITABLE_EXCEPTION)
			return word;
		group->flags |= GROUP_KEEPS;
		return awaitable_done(AWAITABLE_BORROWED, awaitable_exception(&done));
	}
	/* Its owner, behind his body, comes to know otherwise. */
	if (last && !(group->flags & GROUP_JOINED && last == &group->owner->node))
		group->flags |= GROUP_AWAITED;
	return word;
}

void group_drop_exception(struct ferry_group *group)
{
	if (group->flags & GROUP_KEEPS)
		group->awaitable.word =
			awaitable_done(AWAITABLE_EXCEPTION, awaitable_exception(&group->awaitable));
	group->flags &= (uint16_t)~GROUP_KEEPS;
	awaitable_drop_exception(&group->awaitable);
}

static void end(struct ferry_group *group)
{
	uintptr_t word = done_word(group);

	/* Now the word holds it, and one more is kept for an owner that has yet to find out; where
	 * another outcome won nobody needs it any more. */
	if (group->flags & GROUP_INTERRUPTING)
		ferry_error_ref(group->exception);
	else if (group->flags & GROUP_WON)
		group->exception = ferry_error_unref(group->exception);
	else
		group->exception = NULL;
	group->flags |= GROUP_ENDED;
	cancel_forget(&group->spread);
	unlink_group(group);
	awaitable_complete(group_loop(group), &group->awaitable, word);
	owner_note_end(group);
}

static void end_if_over(struct ferry_group *group)
{
	/* A hook that its failure called may have closed it, and so ended it. */
	if ((group->flags & (GROUP_CLOSED | GROUP_ENDED)) == GROUP_CLOSED && !group->members)
		end(group);
}

/* The first one that failed decides, where exceptions do. */
static bool note_failure(struct ferry_group *group, struct ferry_task *task,
			 const ferry_error *exception)
{
	if (group->policy == FERRY_GROUP_COLLECT || group->exception || group->flags & GROUP_WON)
		return false;
	task->flags |= TASK_SEEN;
	group->exception = ferry_error_ref(exception);
	group->first = task;
	if (group->policy == FERRY_GROUP_FIRST_EXCEPTION) {
		group_cancel(group);
		owner_interrupt(group);
	}
	return true;
}

bool group_child_ended(struct ferry_group *group, struct ferry_task *task, uintptr_t word)
{
	const ferry_awaitable done = { word };
	enum awaitable_outcome outcome = awaitable_outcome(&done);
	bool is_taken = false;

	group->members--;
	group->running--;
	/* It is in the list no more, but knows who stood behind it. */
	if (group->waiting == task)
		group->waiting = task->next;
	if (outcome == AWAITABLE_CANCELLED) {
		if (group_is_cancelling(group))
			group->flags |= GROUP_LOST;
	} else if (outcome == AWAITABLE_RESULT) {
		if (group->policy == FERRY_GROUP_FIRST_RESULT && !(group->flags & GROUP_WON)) {
			group->flags |= GROUP_WON;
			group->first = task;
			group_cancel(group);
		}
	} else {
		is_taken = note_failure(group, task, awaitable_exception(&done));
	}
	if (!group_is_cancelling(group))
		start_those_that_wait(group);
	end_if_over(group);
	return is_taken;
}

static void close_group(struct ferry_group *group)
{
	group->flags |= GROUP_CLOSED;
	group->waiting = group->unstarted ? group->scope.first : NULL;
	if (!group_is_cancelling(group))
		start_those_that_wait(group);
	end_if_over(group);
}

int ferry_group_close(ferry_group *group)
{
	int error = check(group);

	if (error)
		return error;
	if (group->flags & GROUP_CLOSED)
		return -EALREADY;
	close_group(group);
	return 0;
}

static void on_await(ferry_operation *operation)
{
	struct ferry_group *group = container(operation, struct ferry_group, operation);

	if (group->owner && group->owner == task_current(group_loop(group)))
		owner_take_back(group);
	if (!(group->flags & GROUP_CLOSED))
		close_group(group);
}

const ferry_error *group_exception(struct ferry_group *group)
{
	return ferry_error_ref(group->exception);
}

void group_forsake(struct ferry_group *group)
{
	ferry_error_unref(group->exception);
	group->exception = NULL;
	group->flags |= GROUP_ENDED;
	group->owner = NULL;
	cancel_forget(&group->spread);
	unlink_group(group);
	group->awaitable.word = awaitable_done(AWAITABLE_CANCELLED, NULL);
}

/* ---- looked at ---- */

ferry_task *ferry_group_first(ferry_group *group)
{
	return check(group) ? NULL : group->first;
}

int ferry_group_members(ferry_group *group)
{
	int error = check(group);

	if (error)
		return error == -ESHUTDOWN ? 0 : error;
	return group->members > INT_MAX ? INT_MAX : (int)group->members;
}

int ferry_group_clear(ferry_group *group)
{
	int error = check(group);

	if (error && error != -ESHUTDOWN)
		return error;
	if (!(group->flags & GROUP_ENDED))
		return -EBUSY;
	group_drop_exception(group);
	return 0;
}
