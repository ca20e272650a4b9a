/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The task: begun, started, refused.
 *
 * On the loop's thread, from a constructor of the user's. Before it there was a frame; after it
 * a task that has ended, waits, or is to be started. Invariants: all options apply before the
 * first step (T1); an eager start runs that step here, and a task that ends in it is in no list
 * (T2, T5); a lazy one takes exactly one turn (T3); a deferred one is in no queue (T4).
 */
#include "task/task.h"

#include "base/options.h"
#include "task/group.h"
#include "task/step.h"
#include "task/unwrap.h"

/* ---- checks ---- */

int task_check(const struct ferry_task *task)
{
	if (!task)
		return -EINVAL;
	return task->scope ? loop_check(task_loop(task)) : 0;
}

int task_check_alive(const struct ferry_task *task)
{
	int error = task_check(task);

	if (error)
		return error;
	/* One that was refused, or never begun, is no better. */
	return task_has_ended(task) || !task->scope ? -EALREADY : 0;
}

/* ---- begun ---- */

static inline void init(struct ferry_task *task, struct ferry_loop *loop, ferry_scope *scope,
			ferry_step_function step)
{
	const struct ferry_task *current = task_current(loop);

	task->awaitable.word = AWAITABLE_TASK;
	task->node.next = NULL;
	task->step = step;
	task->scope = scope;
	task->attachments = NULL;
	/* One store. */
	task->at = 0;
	task->cancels = 0;
	task->flags = 0;
	task->state = TASK_RUNNING;
	task->mark = 0;
	if (current && RARE(current->flags & TASK_IN_CONTEXT))
		task_inherit(task, current);
}

void task_schedule(struct ferry_task *task)
{
	task->state = TASK_SCHEDULED;
	task->place = NULL;
	task_drift(task);
	loop_make_ready(task_loop(task), &task->node);
}

void task_refuse(struct ferry_task *task, struct ferry_loop *loop, int error,
		 const ferry_task_options *options)
{
	task->awaitable.word = awaitable_done_by(error);
	task->scope = loop_check(loop) ? NULL : &loop->scope;
	task->attachments = NULL;
	task->cancels = 0;
	task->flags = 0;
	if (task->scope && options && options->cleanup)
		task_queue_cleanup(task, options->cleanup, options->user);
}

/* Options as they are where they have our size, which is as a rule; else completed in @room. */
static int read_options(const ferry_task_options *given, ferry_task_options *room,
			const ferry_task_options **ret)
{
	static const ferry_task_options none = FERRY_TASK_OPTIONS_INIT;
	int error = 0;

	*ret = given ? given : &none;
	if (given && given->size != sizeof(*given)) {
		error = options_read(room, sizeof(*room), given);
		room->size = sizeof(*room);
		*ret = room;
	}
	return error;
}

static int check_start(const ferry_task_options *options)
{
	return options->start > FERRY_START_DEFERRED ? -EINVAL : 0;
}

int task_read_options(const ferry_task_options *given, ferry_task_options *options)
{
	const ferry_task_options *read;
	int error = read_options(given, options, &read);

	if (!error && read != options)
		*options = *read;
	return error;
}

/* In a group it may have to wait for a place, or not run at all. */
static void start_in_group(struct ferry_loop *loop, struct ferry_task *task,
			   struct ferry_group *group, ferry_start how)
{
	group->members++;
	task->state = TASK_NEW;
	if (group_is_cancelling(group)) {
		/* Only what cleans up runs; and so for one that is deferred. */
		task_set_outcome(task, TASK_CANCELLED, NULL);
		task->at = FERRY_AT_FINALLY;
	} else if (how == FERRY_START_DEFERRED || !group_has_room(group)) {
		task->state = how == FERRY_START_DEFERRED ? TASK_NEW : TASK_QUEUED;
		task->place = NULL;
		task_list(task);
		group_start_if_closed(group);
		return;
	}
	group->running++;
	task->state = TASK_RUNNING;
	if (how == FERRY_START_EAGER)
		step_start(loop, task);
	else
		task_schedule(task);
}

int task_make(struct ferry_task *task, struct ferry_loop *loop, ferry_step_function step,
	      const ferry_task_options *given, ferry_start by_default)
{
	ferry_task_options room;
	const ferry_task_options *options;
	ferry_start how;
	int error = loop_check(loop);

	if (!error && (!task || !step))
		error = -EINVAL;
	if (!error)
		error = read_options(given, &room, &options);
	if (!error)
		error = check_start(options);
	if (!error && options->group)
		error = group_check_open(options->group, loop);
	if (error)
		return error;
	init(task, loop, options->group ? &options->group->scope : &loop->scope, step);
	error = task_attach_options(task, options);
	/* A hook that copied the context may have closed it. */
	if (!error && options->group)
		error = group_check_open(options->group, loop);
	if (error) {
		task_end_attachments(task);
		task->scope = NULL;
		return error;
	}
	if (loop->making == task)
		loop->making = NULL;
	unwrap_note_begun(task, options->hooks);
	how = options->start && by_default != FERRY_START_DEFERRED ? options->start : by_default;
	if (options->group) {
		start_in_group(loop, task, options->group, how);
	} else if (how == FERRY_START_EAGER) {
		step_start(loop, task);
	} else if (how == FERRY_START_LAZY) {
		task_schedule(task);
	} else {
		task->state = TASK_NEW;
		task->place = NULL;
		task_list(task);
	}
	return 0;
}

/* As the loop's factory makes it: 0, or why it did not. */
static int make_by_factory(struct ferry_task *task, struct ferry_loop *loop,
			   ferry_step_function step, const ferry_task_options *given)
{
	struct ferry_task *outer;
	int error = loop_check(loop);
	bool is_made;

	if (error)
		return error;
	if (!loop->plain_start)
		factory_recognize(loop);
	if (loop->plain_start)
		return task_make(task, loop, step, given,
				 given->start ? given->start : (ferry_start)loop->plain_start);
	/* So that it is seen whether it was made, whatever the factory says: it may have ended, and
	 * be gone. */
	outer = loop->making;
	loop->making = task;
	loop->calling++;
	error = loop->task_factory(task, loop, step, given, loop->task_user);
	loop->calling--;
	is_made = loop->making != task;
	loop->making = outer;
	if (!is_made)
		error = error < 0 ? error : -EINVAL;
	if (RARE(loop->closed)) {
		/* While it is there. */
		if (!is_made)
			task_refuse(task, loop, error, NULL);
		step_end_in_child(loop);
		return 0;
	}
	return is_made ? 0 : error;
}

ferry_task *task_begin_otherwise(struct ferry_task *task, struct ferry_loop *loop,
				 ferry_step_function step, const ferry_task_options *given)
{
	ferry_task_options room;
	const ferry_task_options *options;
	int error;

	if (!task) {
		errno = EINVAL;
		return NULL;
	}
	error = read_options(given, &room, &options);
	if (error) {
		task_refuse(task, loop, error, NULL);
		return task;
	}
	error = check_start(options);
	if (!error)
		error = make_by_factory(task, loop, step, options);
	if (error)
		task_refuse(task, loop, error, options);
	return task;
}

/* Do options say no more than when it starts, and in which group that has room for it? */
static inline bool is_plain(const ferry_task_options *options, const struct ferry_loop *loop)
{
	const struct ferry_group *group;
	uintptr_t others;

	/* Of shorter ones the rest is not there to be read. */
	if (options->size != sizeof(*options))
		return false;
	group = options->group;
	others = (uintptr_t)options->name | (uintptr_t)options->user | (uintptr_t)options->cleanup |
		 (uintptr_t)options->context;
	return options->start <= FERRY_START_LAZY && !others &&
	       (!group ||
		(group->scope.loop == loop && group_is_open(group) && group_has_room(group)));
}

ferry_task *ferry_task_begin(ferry_task *task, ferry_loop *loop, ferry_step_function step,
			     const ferry_task_options *options)
{
	ferry_scope *scope;
	unsigned start;

	if (RARE(!task || !loop || !step || !loop_is_mine(loop)))
		return task_begin_otherwise(task, loop, step, options);
	start = loop->plain_start;
	/* What most tasks are comes first. */
	if (!options && start == FERRY_START_EAGER) {
		init(task, loop, &loop->scope, step);
		step_start(loop, task);
		return task;
	}
	if (RARE(!start || (options && !is_plain(options, loop))))
		return task_begin_otherwise(task, loop, step, options);
	scope = &loop->scope;
	if (options && options->start)
		start = options->start;
	if (options && options->group) {
		scope = &options->group->scope;
		options->group->members++;
		options->group->running++;
	}
	init(task, loop, scope, step);
	if (start == FERRY_START_EAGER)
		step_start(loop, task);
	else
		task_schedule(task);
	return task;
}

ferry_task *ferry_task_init(ferry_task *task, ferry_loop *loop, ferry_step_function step,
			    const ferry_task_options *given)
{
	ferry_task_options room;
	const ferry_task_options *options;
	int error;

	if (!task) {
		errno = EINVAL;
		return NULL;
	}
	error = read_options(given, &room, &options);
	if (error) {
		task_refuse(task, loop, error, NULL);
		return task;
	}
	error = task_make(task, loop, step, options, FERRY_START_DEFERRED);
	if (error)
		task_refuse(task, loop, error, options);
	return task;
}

static int check_unstarted(const struct ferry_task *task)
{
	int error = task_check_alive(task);

	if (error)
		return error;
	return task_is_unstarted(task) ? 0 : -EALREADY;
}

int ferry_task_start(ferry_task *task)
{
	int error = check_unstarted(task);

	if (error)
		return error;
	task_note_start(task);
	task->state = TASK_RUNNING;
	step_start(task_loop(task), task);
	return 0;
}

int ferry_task_schedule(ferry_task *task)
{
	int error = check_unstarted(task);

	if (error)
		return error;
	task_note_start(task);
	task_schedule(task);
	return 0;
}

int ferry_task_forget(ferry_task *task)
{
	int error = task_check_alive(task);

	if (error)
		return error;
	if (task->state != TASK_NEW || task->scope != &task_loop(task)->scope ||
	    awaitable_last(&task->awaitable) ||
	    attachment_find(task->attachments, ATTACHMENT_FUTURE))
		return -EBUSY;
	task_unlist(task);
	task_end_attachments(task);
	task->awaitable.word = awaitable_done(AWAITABLE_CANCELLED, NULL);
	return 0;
}
