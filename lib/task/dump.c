/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dump of a loop: who waits for whom, where, and since when (T8).
 *
 * On the loop's thread, at any time (beside the life of a task). Invariant: nothing is
 * allocated and nothing changed but the marks; each task is shown once, below who waits for it
 * or the group that it is in. Goes down from one task to the next without recursion; from a
 * group to its children with, so far as DEPTH_MOST.
 */
#include <inttypes.h>

#include "task/gather.h"
#include "task/group.h"
#include "task/task.h"
#include "task/writer.h"

#define DEPTH_MOST 64

struct dump {
	struct writer to;
	struct ferry_loop *loop;
	ferry_dump_format format;
};

static bool is_text(const struct dump *dump)
{
	return dump->format == FERRY_DUMP_TEXT;
}

/* ---- one task ---- */

static const char *state_of(const struct ferry_task *task)
{
	static const char *const names[] = {
		[TASK_NEW] = "deferred",        [TASK_QUEUED] = "queued",
		[TASK_SCHEDULED] = "scheduled", [TASK_RUNNING] = "running",
		[TASK_WAITING] = "waiting",     [TASK_WAITING_SHIELDED] = "waiting",
		[TASK_WOKEN] = "woken",         [TASK_YIELDING] = "yielding",
		[TASK_REACQUIRING] = "waiting",
	};

	return names[task->state];
}

static bool is_waiting(const struct ferry_task *task)
{
	return task->state == TASK_WAITING || task->state == TASK_WAITING_SHIELDED ||
	       task->state == TASK_YIELDING || task->state == TASK_REACQUIRING;
}

/* How long it has been waiting, as of when the loop last looked at the clock; -1: not told. */
static int64_t waited_ns(const struct dump *dump, const struct ferry_task *task)
{
	if (!is_waiting(task) || task->flags & TASK_SETTLED)
		return -1;
	return dump->loop->busy_since_ns > task->since_ns
		       ? (int64_t)(dump->loop->busy_since_ns - task->since_ns)
		       : 0;
}

static const ferry_place *place_of(const struct ferry_task *task)
{
	return is_waiting(task) || task->state == TASK_WOKEN ? task_place(task) : NULL;
}

static void show_task_text(struct dump *dump, const struct ferry_task *task, unsigned depth)
{
	const ferry_place *place = place_of(task);
	const char *name = ferry_task_name(task);
	int64_t waited = waited_ns(dump, task);

	writer_indent(&dump->to, depth);
	if (name)
		writer_quote(&dump->to, name);
	writer_print(&dump->to, "%stask %p: %s", name ? " " : "", (const void *)task,
		     state_of(task));
	if (task->flags & TASK_SHIELDED)
		writer_put(&dump->to, ", cleaning up");
	if (task->cancels)
		writer_print(&dump->to, ", cancelled %u times", (unsigned)task->cancels);
	if (waited >= 0)
		writer_print(&dump->to, ", for %" PRId64 ".%03d ms", waited / 1000000,
			     (int)(waited / 1000 % 1000));
	if (place && place->file) {
		writer_put(&dump->to, ", at ");
		writer_put(&dump->to, place->file);
		writer_print(&dump->to, ":%u", place->line);
		if (place->function)
			writer_print(&dump->to, ", %s()", place->function);
	}
	if (place && place->text) {
		writer_put(&dump->to, ": ");
		writer_put(&dump->to, place->text);
	}
	writer_put(&dump->to, "\n");
}

static void put_member(struct dump *dump, const char *key, const char *text)
{
	writer_print(&dump->to, ",\"%s\":", key);
	writer_quote(&dump->to, text);
}

/* Left open: what it waits for follows. */
static void show_task_json(struct dump *dump, const struct ferry_task *task)
{
	const ferry_place *place = place_of(task);
	int64_t waited = waited_ns(dump, task);

	writer_print(&dump->to, "{\"task\":\"%p\"", (const void *)task);
	put_member(dump, "name", ferry_task_name(task));
	put_member(dump, "state", state_of(task));
	writer_print(&dump->to, ",\"cleaning_up\":%s,\"cancels\":%u",
		     task->flags & TASK_SHIELDED ? "true" : "false", (unsigned)task->cancels);
	if (waited >= 0)
		writer_print(&dump->to, ",\"waited_ns\":%" PRId64, waited);
	if (!place)
		return;
	put_member(dump, "file", place->file);
	writer_print(&dump->to, ",\"line\":%u", place->line);
	put_member(dump, "function", place->function);
	put_member(dump, "text", place->text);
}

/* ---- the tree ---- */

static void show_tree(struct dump *dump, struct ferry_task *task, unsigned depth, unsigned groups);

/* Between one of a list and the next. */
static void separate(struct dump *dump, bool *first)
{
	if (!*first && !is_text(dump))
		writer_put(&dump->to, ",");
	*first = false;
}

static void show_children(struct dump *dump, struct ferry_group *group, unsigned depth,
			  unsigned groups)
{
	bool first = true;

	for (struct ferry_task *task = group->scope.first; task; task = task->next)
		if (!task->mark) {
			separate(dump, &first);
			show_tree(dump, task, depth, groups);
		}
}

static void show_group(struct dump *dump, struct ferry_group *group, unsigned depth,
		       unsigned groups)
{
	bool seen = group->flags & GROUP_SHOWN;

	group->flags |= GROUP_SHOWN;
	if (is_text(dump)) {
		writer_indent(&dump->to, depth);
		writer_put(&dump->to, "group ");
		if (group->name)
			writer_quote(&dump->to, group->name);
		writer_print(&dump->to, "%s%p: %zu children", group->name ? " " : "", (void *)group,
			     group->members);
		if (group->limit)
			writer_print(&dump->to, ", limit %zu", group->limit);
		writer_print(&dump->to, "%s%s%s\n", group->flags & GROUP_CLOSED ? ", closed" : "",
			     group->scope.cancelling ? ", cancelling" : "",
			     seen          ? ", shown above"
			     : groups == 0 ? ", too deep to be shown"
					   : "");
	} else {
		writer_print(&dump->to, "{\"group\":\"%p\"", (void *)group);
		put_member(dump, "name", group->name);
		writer_print(&dump->to, ",\"members\":%zu,\"running\":%zu,\"limit\":%zu",
			     group->members, group->running, group->limit);
		writer_print(&dump->to, ",\"closed\":%s,\"cancelling\":%s,\"children\":[",
			     group->flags & GROUP_CLOSED ? "true" : "false",
			     group->scope.cancelling ? "true" : "false");
	}
	if (!seen && groups)
		show_children(dump, group, depth + 1, groups - 1);
	if (!is_text(dump))
		writer_put(&dump->to, "]}");
}

static void show_seen(struct dump *dump, const struct ferry_task *task, unsigned depth)
{
	if (!is_text(dump)) {
		writer_print(&dump->to, "{\"task\":\"%p\",\"shown\":true}", (const void *)task);
		return;
	}
	writer_indent(&dump->to, depth);
	writer_print(&dump->to, "task %p, shown above\n", (const void *)task);
}

static bool is_task(const ferry_awaitable *awaitable)
{
	return !awaitable_is_done(awaitable) && awaitable_kind(awaitable) == AWAITABLE_TASK;
}

static struct ferry_task *task_of(ferry_awaitable *awaitable)
{
	return container(awaitable, struct ferry_task, awaitable);
}

static void show_gather(struct dump *dump, struct ferry_gather *gather, unsigned depth,
			unsigned groups)
{
	bool first = true;

	if (is_text(dump)) {
		writer_indent(&dump->to, depth);
		writer_print(&dump->to, "gather: %zu of %zu left\n", gather->left, gather->count);
	} else {
		writer_print(&dump->to,
			     "{\"gather\":\"%p\",\"left\":%zu,\"count\":%zu,\"entries\":[",
			     (void *)gather, gather->left, gather->count);
	}
	for (size_t i = 0; i < gather->count && groups; i++) {
		ferry_awaitable *of = gather->entries[i].of;

		if (!gather_waits_for(&gather->entries[i]) || !is_task(of) || task_of(of)->mark)
			continue;
		separate(dump, &first);
		show_tree(dump, task_of(of), depth + 1, groups - 1);
	}
	if (!is_text(dump))
		writer_put(&dump->to, "]}");
}

/* What is no task: by its name, or as what it is. */
static void show_operation(struct dump *dump, ferry_operation *operation, unsigned depth,
			   unsigned groups)
{
	struct ferry_group *group = group_of_operation(operation);
	struct ferry_gather *gather = gather_of_operation(operation);
	const char *name = operation->hooks ? operation->hooks->name : NULL;

	if (!name)
		name = "something";
	if (group) {
		show_group(dump, group, depth, groups);
	} else if (gather) {
		show_gather(dump, gather, depth, groups);
	} else if (is_text(dump)) {
		writer_indent(&dump->to, depth);
		writer_put(&dump->to, name);
		writer_put(&dump->to, "\n");
	} else {
		writer_put(&dump->to, "{\"operation\":");
		writer_quote(&dump->to, name);
		writer_put(&dump->to, "}");
	}
}

static bool waits(const struct ferry_task *task)
{
	return task->state == TASK_WAITING || task->state == TASK_WAITING_SHIELDED ||
	       task->state == TASK_REACQUIRING;
}

/* The groups that it has open and does not wait for. */
static void show_open_groups(struct dump *dump, const struct ferry_task *task, unsigned depth,
			     unsigned groups)
{
	ferry_attachment *attachment = task->attachments;
	bool first = true;

	if (!is_text(dump))
		writer_print(&dump->to, ",\"groups\":[");
	while ((attachment = attachment_find(attachment, ATTACHMENT_GROUP))) {
		struct ferry_group *group = group_of_attachment(attachment);

		if (!(group->flags & GROUP_ENDED) &&
		    (!waits(task) || task->awaited != &group->awaitable)) {
			separate(dump, &first);
			show_group(dump, group, depth, groups);
		}
		attachment = attachment->next;
	}
	if (!is_text(dump))
		writer_put(&dump->to, "]");
}

/* A task, what it waits for, what that waits for, and so on: as far as there are tasks. */
static void show_tree(struct dump *dump, struct ferry_task *task, unsigned depth, unsigned groups)
{
	size_t open = 0;

	for (;;) {
		task->mark = 1;
		if (is_text(dump))
			show_task_text(dump, task, depth);
		else
			show_task_json(dump, task);
		show_open_groups(dump, task, depth + 1, groups);
		open++;
		depth++;
		if (!waits(task))
			break;
		if (!is_text(dump))
			writer_print(&dump->to, ",\"awaits\":");
		if (!is_task(task->awaited)) {
			show_operation(dump, container(task->awaited, ferry_operation, awaitable),
				       depth, groups);
			break;
		}
		task = task_of(task->awaited);
		if (task->mark) {
			show_seen(dump, task, depth);
			break;
		}
	}
	while (open-- && !is_text(dump))
		writer_put(&dump->to, "}");
}

/* ---- which ones stand on top ---- */

static int unmark(ferry_task *task, void *user)
{
	(void)user;
	task->mark = 0;
	return 0;
}

/* Does another task wait for it? */
static bool has_waiter(const struct ferry_task *task)
{
	struct ferry_waiter *last = awaitable_last(&task->awaitable), *node = last;

	if (task_has_ended(task) || !last)
		return false;
	do {
		node = node->next;
		if (node->notify == task_resume || node->notify == gather_arrive)
			return true;
	} while (node != last);
	return false;
}

struct top {
	struct dump *dump;
	bool first, all;
};

static int show_top(ferry_task *task, void *user)
{
	struct top *top = user;

	/* Children stand below their groups. */
	if (task->mark || task_has_ended(task) ||
	    (!top->all && (has_waiter(task) || task->scope != &top->dump->loop->scope)))
		return top->dump->to.error;
	separate(top->dump, &top->first);
	show_tree(top->dump, task, 0, DEPTH_MOST);
	return top->dump->to.error;
}

static void show_top_groups(struct top *top)
{
	for (struct ferry_group *group = top->dump->loop->groups; group; group = group->next)
		if (!(group->flags & GROUP_SHOWN)) {
			separate(top->dump, &top->first);
			show_group(top->dump, group, 0, DEPTH_MOST);
		}
}

int ferry_loop_dump(ferry_loop *loop, ferry_dump_format format,
		    int (*write)(void *user, const char *text, size_t length), void *user)
{
	struct dump dump = { { write, user, 0 }, loop, format };
	struct top top = { &dump, true, false };
	int error = loop_check(loop);

	if (!error && (!write || format > FERRY_DUMP_JSON))
		error = -EINVAL;
	if (error)
		return error;
	loop->calling++;
	ferry_each_task(loop, unmark, NULL);
	for (struct ferry_group *group = loop->groups; group; group = group->next)
		group->flags &= (uint16_t)~GROUP_SHOWN;
	writer_print(&dump.to, is_text(&dump) ? "%zu tasks\n" : "{\"listed\":%zu,\"tasks\":[",
		     loop->counters.tasks);
	ferry_each_task(loop, show_top, &top);
	show_top_groups(&top);
	/* Those that wait for each other in a circle. */
	top.all = true;
	ferry_each_task(loop, show_top, &top);
	if (!is_text(&dump))
		writer_put(&dump.to, "]}\n");
	loop->calling--;
	return dump.to.error;
}
