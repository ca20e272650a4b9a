/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attachments: what few tasks have, so that it is not in the header of all.
 *
 * On the loop's thread: attached when a task is begun or its step asks for something, let go
 * of when it ends. Invariants: all options are there before the first step (T1); a context is
 * one block that all who inherit it share, freed with the last of them; it is the last of each
 * list, so that lists can share it. The blocks are of the loop's free lists.
 */
#include "base/options.h"
#include "task/group.h"
#include "task/limiter.h"
#include "task/lock.h"
#include "task/task.h"
#include "task/timeout.h"

#define ATTACHMENT_ROOM 0

struct context {
	ferry_attachment attachment;
	void *context;
	void (*free)(void *context);
	size_t refs; /* tasks */
};
_Static_assert(sizeof(struct context) <= BLOCK_LEAST, "a context fits the smallest block");
_Static_assert(sizeof(struct task_extra) <= BLOCK_LEAST, "options fit the smallest block");

static struct context *context_of(ferry_attachment *attachment)
{
	return container(attachment, struct context, attachment);
}

void task_detach(struct ferry_task *task, ferry_attachment *attachment)
{
	ferry_attachment **link = &task->attachments;

	while (*link && *link != attachment)
		link = &(*link)->next;
	if (*link)
		*link = attachment->next;
}

ferry_attachment *attachment_find(ferry_attachment *from, enum attachment_kind kind)
{
	while (from && from->kind != kind)
		from = from->next;
	return from;
}

/* ---- options ---- */

static void unref_context(struct ferry_loop *loop, struct context *context)
{
	if (--context->refs)
		return;
	loop->calling++;
	if (context->free)
		context->free(context->context);
	loop->calling--;
	block_give(&loop->blocks, context, ATTACHMENT_ROOM);
}

void task_inherit(struct ferry_task *task, const struct ferry_task *from)
{
	ferry_attachment *attachment = attachment_find(from->attachments, ATTACHMENT_CONTEXT);

	if (!attachment)
		return;
	context_of(attachment)->refs++;
	task->attachments = attachment;
	task->flags |= TASK_IN_CONTEXT;
}

static void drop_inherited(struct ferry_task *task)
{
	if (!task->attachments)
		return;
	unref_context(task_loop(task), context_of(task->attachments));
	task->attachments = NULL;
}

static void attach_context(struct ferry_task *task, struct context *context,
			   const ferry_task_options *options)
{
	const ferry_context_hooks *hooks = options->hooks;

	context->context = options->context;
	task_loop(task)->calling++;
	if (hooks && hooks->copy)
		context->context = hooks->copy(options->context);
	task_loop(task)->calling--;
	context->free = hooks ? hooks->free : NULL;
	context->refs = 1;
	drop_inherited(task);
	task_attach(task, &context->attachment, ATTACHMENT_CONTEXT);
	task->flags |= TASK_IN_CONTEXT;
}

static void attach_extra(struct ferry_task *task, struct task_extra *extra,
			 const ferry_task_options *options)
{
	extra->cleanup = options->cleanup;
	extra->user = options->user;
	name_copy(extra->name, sizeof(extra->name), options->name ? options->name : "");
	task_attach(task, &extra->attachment, ATTACHMENT_OPTIONS);
}

int task_attach_options(struct ferry_task *task, const ferry_task_options *options)
{
	struct blocks *blocks = &task_loop(task)->blocks;
	bool wants_extra = options->name || options->user || options->cleanup;
	struct context *context = NULL;
	struct task_extra *extra = NULL;

	/* Both or neither: no hook is called for what is refused. */
	if (options->context)
		context = block_take(blocks, sizeof(*context), ATTACHMENT_ROOM);
	if (wants_extra && (context || !options->context))
		extra = block_take(blocks, sizeof(*extra), ATTACHMENT_ROOM);
	if ((options->context && !context) || (wants_extra && !extra)) {
		if (context)
			block_give(blocks, context, ATTACHMENT_ROOM);
		drop_inherited(task);
		return -ENOMEM;
	}
	if (context)
		attach_context(task, context, options);
	if (extra)
		attach_extra(task, extra, options);
	return 0;
}

/* ---- the end ---- */

struct task_extra task_end_attachments(struct ferry_task *task)
{
	struct ferry_loop *loop = task_loop(task);
	ferry_attachment *attachment = task->attachments, *next;
	struct task_extra extra = { .cleanup = NULL };

	task->attachments = NULL;
	for (; attachment; attachment = next) {
		next = attachment->next;
		switch ((enum attachment_kind)attachment->kind) {
		case ATTACHMENT_CONTEXT:
			unref_context(loop, context_of(attachment));
			break;
		case ATTACHMENT_OPTIONS:
			extra = *container(attachment, struct task_extra, attachment);
			block_give(&loop->blocks, attachment, ATTACHMENT_ROOM);
			break;
		case ATTACHMENT_TIMEOUT:
			timeout_close(timeout_of(attachment));
			break;
		case ATTACHMENT_SLOT:
			limiter_end(slot_of(attachment));
			break;
		case ATTACHMENT_LOCK:
			lock_end(lock_of(attachment));
			break;
		case ATTACHMENT_FUTURE:
			task_attach(task, attachment, ATTACHMENT_FUTURE);
			break;
		case ATTACHMENT_GROUP:
			owner_forget(group_of_attachment(attachment));
			break;
		}
	}
	return extra;
}

/* ---- looked at ---- */

static const struct task_extra *extra_of(const ferry_task *task)
{
	ferry_attachment *attachment;

	if (!task || task_check_alive(task))
		return NULL;
	attachment = attachment_find(task->attachments, ATTACHMENT_OPTIONS);
	return attachment ? container(attachment, struct task_extra, attachment) : NULL;
}

const char *ferry_task_name(const ferry_task *task)
{
	const struct task_extra *extra = extra_of(task);

	return extra && extra->name[0] ? extra->name : NULL;
}

void *ferry_task_user(const ferry_task *task)
{
	const struct task_extra *extra = extra_of(task);

	return extra ? extra->user : NULL;
}

void *ferry_task_context(const ferry_task *task)
{
	ferry_attachment *attachment;

	if (!task || task_check_alive(task))
		return NULL;
	attachment = attachment_find(task->attachments, ATTACHMENT_CONTEXT);
	return attachment ? context_of(attachment)->context : NULL;
}
