/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TASK_AWAITABLE_H
#define TASK_AWAITABLE_H
/*
 * The word of everything that a task can wait for.
 *
 *   not done   | the last of those who wait, or 0    | kind     | 0 |
 *   done       | the exception, or 0                 | outcome  | 1 |
 *               bits 63 to 3                          bits 2, 1   bit 0
 *   zero       nothing was begun: there is nothing to wait for
 *
 *   kind      what a cancel of one who waits does: TASK, that task is cancelled; OPERATION, its
 *             hook is called, and then it waits on. Without a hook it is unlinked.
 *   outcome   RESULT, EXCEPTION, CANCELLED; BORROWED is an exception that somebody else holds
 *
 * An exception that the word holds goes to the first who takes it (E2). If that one is counted,
 * so that it may go with him, another stands for it from then on: no word names what is gone.
 *
 * Those who wait form a ring through their nodes, the last one linked to the first, so that
 * both adding and taking the oldest are one step. All on the loop's thread.
 */
#include <ferry/task.h>

#include "base/list.h"
#include "loop/loop.h"

/* Where its parts begin; an enum, so that a debugger knows it, too. */
enum awaitable_shift { AWAITABLE_DONE_SHIFT = 0, AWAITABLE_ADDRESS_SHIFT = 3 };
#define AWAITABLE_DONE ((uintptr_t)1 << AWAITABLE_DONE_SHIFT)
#define AWAITABLE_BITS (((uintptr_t)1 << AWAITABLE_ADDRESS_SHIFT) - 1)

enum awaitable_kind { AWAITABLE_TASK = 2, AWAITABLE_OPERATION = 4 };

enum awaitable_outcome {
	AWAITABLE_RESULT = 0,
	AWAITABLE_EXCEPTION = 2,
	AWAITABLE_CANCELLED = 4,
	AWAITABLE_BORROWED = 6
};

static inline bool awaitable_is_done(const ferry_awaitable *awaitable)
{
	return awaitable->word & AWAITABLE_DONE;
}

/* Was nothing of it ever begun? */
static inline bool awaitable_is_nothing(const ferry_awaitable *awaitable)
{
	return !awaitable->word;
}

/* Of one that is not done. */
static inline enum awaitable_kind awaitable_kind(const ferry_awaitable *awaitable)
{
	return (enum awaitable_kind)(awaitable->word & AWAITABLE_BITS);
}

/* Of one that is done. */
static inline enum awaitable_outcome awaitable_outcome(const ferry_awaitable *awaitable)
{
	return (enum awaitable_outcome)(awaitable->word & AWAITABLE_BITS & ~AWAITABLE_DONE);
}

/* Of one that is done: NULL if it has none. */
static inline const ferry_error *awaitable_exception(const ferry_awaitable *awaitable)
{
	return (const ferry_error *)(awaitable->word & ~AWAITABLE_BITS);
}

static inline uintptr_t awaitable_done(enum awaitable_outcome outcome, const ferry_error *exception)
{
	return (uintptr_t)exception | (uintptr_t)outcome | AWAITABLE_DONE;
}

/* Of one that is not done: the last of those who wait; NULL if nobody does. */
static inline struct ferry_waiter *awaitable_last(const ferry_awaitable *awaitable)
{
	return (struct ferry_waiter *)(awaitable->word & ~AWAITABLE_BITS);
}

/* Do several wait for one that is not done? Then none of them can have its exception alone. */
static inline bool awaitable_has_several(const ferry_awaitable *awaitable)
{
	const struct ferry_waiter *last = awaitable_last(awaitable);

	return last && last->next != last;
}

static inline void awaitable_append(ferry_awaitable *awaitable, struct ferry_waiter *node)
{
	struct ferry_waiter *last = awaitable_last(awaitable);

	if (last) {
		node->next = last->next;
		last->next = node;
	} else {
		node->next = node;
	}
	awaitable->word = (uintptr_t)node | (awaitable->word & AWAITABLE_BITS);
}

/* Takes the oldest of those who wait out of the ring; NULL if nobody waits. */
struct ferry_waiter *awaitable_take(ferry_awaitable *awaitable);
/* Unlinks one who waits, wherever he stands: false if he is not there. */
bool awaitable_unlink(ferry_awaitable *awaitable, struct ferry_waiter *node);
/* Puts one who waited on the ready list. */
void awaitable_wake(struct ferry_loop *loop, struct ferry_waiter *node);
/* It is done, with such a word: all who wait are woken, in order. */
void awaitable_complete(struct ferry_loop *loop, ferry_awaitable *awaitable, uintptr_t done);
/* The same from within a turn, where one who waits can go on at once. */
void awaitable_complete_now(struct ferry_loop *loop, ferry_awaitable *awaitable, uintptr_t done);
/* What 0 or a negative errno is as a done word. */
uintptr_t awaitable_done_by(int outcome);

/* Of one that is done: a reference to its exception, taken over from the word if that holds it;
 * NULL if it has none. */
const ferry_error *awaitable_take_exception(ferry_awaitable *awaitable);
/* An exception that the word holds is dropped. */
void awaitable_drop_exception(ferry_awaitable *awaitable);
/* The exception that it names is about to go, or may: another one stands for it. */
void awaitable_forget_exception(ferry_awaitable *awaitable);

/* Its hooks, where there may be no turn: they cannot close or run the loop. */
void operation_call_await(struct ferry_loop *loop, ferry_operation *operation);
void operation_call_cancel(struct ferry_loop *loop, ferry_operation *operation,
			   struct ferry_task *task);
/* Not done, nobody waits, and these hooks. */
static inline void operation_init(ferry_operation *operation, const ferry_operation_hooks *hooks)
{
	operation->awaitable.word = AWAITABLE_OPERATION;
	operation->hooks = hooks;
}

/*
 * One that is done, by 0 or a negative errno, and stands for nothing: for a call that has
 * nothing of its own to give. Each thread has one for each outcome, for good.
 */
ferry_operation *operation_done(int outcome);

/* It is done before it began, with an errno: what a call gives that was refused. */
static inline ferry_operation *operation_refuse(ferry_operation *operation, int error)
{
	operation->awaitable.word = awaitable_done_by(error);
	operation->hooks = NULL;
	return operation;
}

#endif
