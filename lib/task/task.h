/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TASK_TASK_H
#define TASK_TASK_H
/*
 * The task as its own floor sees it.
 *
 *   state               its node is
 *   NEW                 nowhere: deferred
 *   QUEUED              nowhere: it waits for a place in a group or a limiter
 *   SCHEDULED           on the ready list: its first step, or its cleaning up, is due
 *   RUNNING             nowhere
 *   WAITING             in the ring of what it awaits; SHIELDED: a cancel is not passed on
 *   WOKEN               on the ready list: what it awaited is done, or was cut
 *   YIELDING            on the ready list: one turn
 *   REACQUIRING         in the ring of a lock that it has to have again, cancelled or not
 *
 * It has ended when its word is done; its state means nothing then. A task is listed in its
 * scope from when it first waits for something, or is deferred. One that is on the ready list
 * before that is adrift: whoever goes over a list has those listed first. A task that ends
 * without having waited for anything is in no list, ever.
 */
#include <ferry/task.h>

#include "base/memory.h"
#include "loop/loop.h"
#include "task/awaitable.h"

enum task_state {
	TASK_NEW,
	TASK_QUEUED,
	TASK_SCHEDULED,
	TASK_RUNNING,
	TASK_WAITING,
	TASK_WAITING_SHIELDED,
	TASK_WOKEN,
	TASK_YIELDING,
	TASK_REACQUIRING
};

enum task_flag {
	TASK_INTERRUPTED = FERRY_TASK_INTERRUPTED,
	TASK_SHIELDED = FERRY_TASK_SHIELDED, /* behind FERRY_FINALLY */
	TASK_HELD = 4,                       /* ferry_task_shield() */
	TASK_DUE = FERRY_TASK_DUE,                        /* a cancel has not taken effect yet */
	TASK_LISTED = 16,
	TASK_FAILED = 32,      /* will end with an exception */
	TASK_CANCELLED = 64,   /* will end as cancelled; neither: with a result */
	TASK_VALUED = 128,     /* its result was set */
	TASK_SEEN = 256,       /* somebody looked at its exception */
	TASK_IN_CONTEXT = 512, /* it has a context, which those that it begins inherit */
	TASK_KEEPS = 1024      /* it has ended, and holds the exception that its word borrows */
};
/* The outcome is there, where else is the time since when it waits. */
#define TASK_SETTLED (TASK_FAILED | TASK_CANCELLED | TASK_VALUED)

enum attachment_kind {
	ATTACHMENT_CONTEXT, /* shared by those who inherit it, so the last of each list */
	ATTACHMENT_OPTIONS,
	ATTACHMENT_GROUP,
	ATTACHMENT_TIMEOUT,
	ATTACHMENT_SLOT,
	ATTACHMENT_LOCK,
	ATTACHMENT_FUTURE
};

_Static_assert(sizeof(struct ferry_task) == 96, "the header of a task");
_Static_assert(offsetof(struct ferry_task, awaitable) == 0, "a frame begins with its word");

static inline struct ferry_task *task_of_node(struct ferry_waiter *node)
{
	return container(node, struct ferry_task, node);
}

static inline struct ferry_loop *task_loop(const struct ferry_task *task)
{
	return task->scope->loop;
}

/* The task whose step runs; NULL outside of steps. */
static inline struct ferry_task *task_current(const struct ferry_loop *loop)
{
	return loop->activation->task;
}

static inline bool task_has_ended(const struct ferry_task *task)
{
	return awaitable_is_done(&task->awaitable);
}

/* As it stands, will it end with a result? */
static inline bool task_has_result(const struct ferry_task *task)
{
	return !(task->flags & (TASK_FAILED | TASK_CANCELLED));
}

/* Of its cancels, those that have taken effect: what a scope that begins now has not to do with. */
static inline uint16_t task_cancels_past(const struct ferry_task *task)
{
	return task->flags & TASK_DUE ? 0 : task->cancels;
}

/* The result that was set, or zero. */
static inline uint64_t task_number(const struct ferry_task *task)
{
	return task->flags & TASK_VALUED ? task->number : 0;
}

/* Where it waits, or last waited; NULL if that is not told. */
static inline const ferry_place *task_place(const struct ferry_task *task)
{
	return task->flags & TASK_LISTED ? task->place : NULL;
}

/* Those who may ask; 0 also for one that was refused, which is nobody's. */
int task_check(const struct ferry_task *task);
/* The same, for what only a task that has not ended can do: -EALREADY. */
int task_check_alive(const struct ferry_task *task);

static inline bool task_is_shielded(const struct ferry_task *task)
{
	return task->flags & (TASK_SHIELDED | TASK_HELD);
}

/* Has nothing of it run, and is nothing going to as yet? */
static inline bool task_is_unstarted(const struct ferry_task *task)
{
	return task->state == TASK_NEW || task->state == TASK_QUEUED;
}

/* ---- task.c ---- */

/* The notify of a task's node: goes on with its step. */
void task_resume(struct ferry_waiter *node);
/* Makes a task as the options say, and starts it as they, or else @start, say. */
int task_make(struct ferry_task *task, struct ferry_loop *loop, ferry_step_function step,
	      const ferry_task_options *options, ferry_start start);
/* As ferry_task_begin(), but not by the short way, which notes nothing. */
FERRY_COLD ferry_task *task_begin_otherwise(struct ferry_task *task, struct ferry_loop *loop,
					    ferry_step_function step,
					    const ferry_task_options *options);
/* Options read into what is all there: 0 or a negative errno. */
int task_read_options(const ferry_task_options *given, ferry_task_options *options);
/* What the current task has just begun, and asked to go as far as it can, was charged for that: if
 * it is done, waiting for it is free, once. Its node remembers that, unless the task is about to
 * wait, and a hook has begun something. There may be no current task. */
static inline void task_prepay(struct ferry_task *current, const ferry_awaitable *awaitable)
{
	if (current && current->state == TASK_RUNNING)
		current->node.next = (struct ferry_waiter *)(void *)awaitable;
}

static inline bool task_has_prepaid(const struct ferry_task *task, const ferry_awaitable *awaitable)
{
	return (const void *)task->node.next == awaitable;
}

/* May another step run on top of those that do? It takes a part of the turn's budget. */
bool task_may_nest(struct ferry_loop *loop);
/* Goes on with the step of one that was woken, here instead of in a turn of the loop. */
void task_resume_here(struct ferry_task *task);
/* It was refused: it is done with that exception, and in no list. */
void task_refuse(struct ferry_task *task, struct ferry_loop *loop, int error,
		 const ferry_task_options *options);
/* An unstarted one: its first step, or its cleaning up, is due in the next turn. */
void task_schedule(struct ferry_task *task);
/* On the ready list, in such a state. */
static inline void task_make_ready(struct ferry_task *task, enum task_state state)
{
	task->state = state;
	loop_make_ready(task_loop(task), &task->node);
}

/* The loop closes: all that are listed end as cancelled, and nothing of them runs. */
void task_end_all(struct ferry_loop *loop);

/* ---- factory.c ---- */

/* Is the loop's factory one of ours? Then what that would do is done without calling it. */
void factory_recognize(struct ferry_loop *loop);

/* ---- list.c ---- */

void task_list_in_group(struct ferry_task *task);
void task_pass_visits(const struct ferry_loop *loop, const struct ferry_task *task);

/* Lists it in its scope. One that joins a group that is cancelling is cancelled. */
static inline void task_list(struct ferry_task *task)
{
	ferry_scope *scope = task->scope;
	struct ferry_loop *loop = scope->loop;
	struct ferry_task *last = scope->last;

	task->flags |= TASK_LISTED;
	task->node.notify = task_resume;
	task->next = NULL;
	task->previous = last;
	*(last ? &last->next : &scope->first) = task;
	scope->last = task;
	loop->counters.tasks++;
	loop->end_tasks = task_end_all;
	if (scope != &loop->scope)
		task_list_in_group(task);
}

/* Lists those that are adrift: for whoever is about to look at a list. */
void task_list_all(struct ferry_loop *loop);

/*
 * It is about to be put on the ready list. One that is in no list as yet need not be listed, as
 * it is found there: most end in their next step. It is adrift until then.
 */
static inline void task_drift(struct ferry_task *task)
{
	ferry_scope *scope = task->scope;
	struct ferry_loop *loop = scope->loop;

	if (task->flags & TASK_LISTED)
		return;
	if (__builtin_expect(scope->cancelling, 0)) {
		task_list(task);
		return;
	}
	task->node.notify = task_resume;
	loop->adrift++;
	loop->end_tasks = task_end_all;
}

static inline void task_unlist(struct ferry_task *task)
{
	ferry_scope *scope = task->scope;
	struct ferry_loop *loop = scope->loop;
	struct ferry_task *next = task->next, *previous = task->previous;

	task->flags &= (uint16_t)~TASK_LISTED;
	if (__builtin_expect(loop->visits != NULL, 0))
		task_pass_visits(loop, task);
	*(previous ? &previous->next : &scope->first) = next;
	*(next ? &next->previous : &scope->last) = previous;
	loop->counters.tasks--;
}

/* An unstarted one is about to start, or to clean up: its group and its limiter count it. */
void task_note_start(struct ferry_task *task);

/* One who goes over the tasks of a list, which may change meanwhile; on the stack. */
struct visit {
	struct ferry_task *next;
	struct ferry_group *next_group;
	struct visit *outer;
};

/* From here on the list may change. */
void visit_begin(struct visit *visit, struct ferry_loop *loop, struct ferry_task *first);
void visit_end(struct visit *visit, struct ferry_loop *loop);
/* The next one; NULL if there is none. */
struct ferry_task *visit_next(struct visit *visit);

/* ---- leave.c ---- */

/* How it will end, from now on: TASK_FAILED or TASK_CANCELLED. Takes the reference. */
void task_set_outcome(struct ferry_task *task, unsigned flag, const ferry_error *exception);
/* Its groups have to end first: true if it waits for one. */
bool task_wait_for_groups(struct ferry_task *task);

/* ---- cancel.c ---- */

/* One more cancel; false if there are too many. */
bool task_cancel(struct ferry_task *task);
/* One cancel less. */
void task_uncancel(struct ferry_task *task);
/* A cancel that is due takes effect, as far as that is possible now. */
void task_deliver(struct ferry_task *task);
/* Passes a cancel on to several: @run does so, here or when it is its turn, and once for all that
 * one cancel comes to be passed on to. */
void cancel_spread(struct ferry_loop *loop, struct ferry_spread *spread,
		   void (*run)(struct ferry_spread *spread));
/* It has ended, and may go. */
void cancel_forget(struct ferry_spread *spread);

/* ---- attachment.c ---- */

/* What options ask for beside the header. */
struct task_extra {
	ferry_attachment attachment;
	void (*cleanup)(struct ferry_task *task, void *user);
	void *user;
	char name[32];
};

static inline void task_attach(struct ferry_task *task, ferry_attachment *attachment,
			       enum attachment_kind kind)
{
	attachment->kind = kind;
	attachment->next = task->attachments;
	task->attachments = attachment;
}

void task_detach(struct ferry_task *task, ferry_attachment *attachment);
/* The first of a kind, from @from on; NULL if there is none. */
ferry_attachment *attachment_find(ferry_attachment *from, enum attachment_kind kind);
/* 0 or -ENOMEM, and then nothing is attached. */
int task_attach_options(struct ferry_task *task, const ferry_task_options *options);
/* Context of the task that begins it. */
FERRY_COLD void task_inherit(struct ferry_task *task, const struct ferry_task *from);
/* It ends: lets go of all but futures, which stay attached. Gives what is left to be called. */
struct task_extra task_end_attachments(struct ferry_task *task);

/* ---- cleanup.c ---- */

/* The hook will be called from the loop, behind those who waited. */
void task_queue_cleanup(struct ferry_task *task, void (*cleanup)(struct ferry_task *, void *),
			void *user);
/* The same in two steps. */
void task_keep_cleanup(struct ferry_task *task, void (*cleanup)(struct ferry_task *, void *),
		       void *user);
void task_queue_kept_cleanup(struct ferry_task *task);
/* If the hook has not been called yet, it is behind what is ready now. */
void task_postpone_cleanup(struct ferry_task *task);
/* The same for the task, if it is one, that is being awaited so late. */
void task_postpone_cleanup_of(struct ferry_loop *loop, const ferry_awaitable *awaitable);
/* An exception that nobody looked at is told (L6). */
void task_report(struct ferry_task *task);
/* The exception that an ended one holds, taken out of it; NULL if it holds none. Its word still
 * names it. */
const ferry_error *task_take_exception(struct ferry_task *task);

/* ---- await.c ---- */

/* The loop closes: if that is a local that a task waits for, it is let go of. */
void await_forsake(ferry_awaitable *awaited);
/* Is it a local of another loop? */
bool await_is_foreign(const struct ferry_loop *loop, const ferry_operation *operation);

/* ---- iterator.c ---- */

/* The task that gives, where that is the question of who waits; NULL if it is something else. */
struct ferry_task *iterator_giver(const ferry_operation *operation);

/* ---- eager.c ---- */

/* The loop closes: what an eager adapter holds, if the task is one, is let go of. */
void eager_forsake(struct ferry_task *task);

/* ---- callback.c ---- */

/* The notify of a done-callback. */
void task_call_done(struct ferry_waiter *node);

#endif
