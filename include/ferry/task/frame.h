/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_TASK_FRAME_H
#define FERRY_TASK_FRAME_H
/*
 * Frames: how a task's step is written. For C11; in C99 and C++ the header only parses.
 *
 *	struct copy {
 *		FERRY_FRAME;                    first: the task
 *		const char *from, *to;          arguments
 *		struct reading reading;         what must survive a wait; a child's frame
 *		uint64_t bytes;                 results
 *	};
 *
 *	static ferry_step copy_step(ferry_task *task)
 *	{
 *		FERRY_BEGIN(task, struct copy, f);
 *		FERRY_TRY(reading_begin(&f->reading, ferry_task_loop(task), f->from));
 *		...
 *		FERRY_RETURN(f->bytes = f->reading.bytes);
 *
 *		FERRY_FINALLY
 *		...
 *		FERRY_END;
 *	}
 *
 *   FERRY_AWAIT(x)        wait for x, a pointer to anything with a member .awaitable; if that is
 *                         zero nothing was begun, and it goes on
 *   FERRY_TRY(x)          the same, and leave with x's exception, as cancelled if x was, or with
 *                         EINVAL if nothing was begun
 *   FERRY_SHIELD(x)       wait for x; a cancel ends the wait and is not passed on to x
 *   FERRY_YIELD()         one turn of the loop
 *   FERRY_TIMEOUT(s, d)   a statement that is left at a deadline
 *   FERRY_RETURN(...)     do these assignments, and leave
 *   FERRY_FAIL(e)         leave with an exception: a negative errno or a const ferry_error *
 *   FERRY_FINALLY         what stands behind it runs once for every task that was begun, however
 *                         it ended, cancelled before its first step included; may wait. Not for one
 *                         that was refused or forgotten, nor one that ferry_loop_free() ends
 *
 * Control leaves a step in these places and in no other. A step goes on where it left off, so a
 * local variable does not survive a wait, and no variable may stand above FERRY_BEGIN. The usual
 * mistakes are errors of gcc and clang (clang wants -Wall for the last):
 *
 *   a wait inside a switch of the step's own; two waits on one line; waiting for what has no
 *   .awaitable; FERRY_RETURN, FERRY_FAIL, FERRY_TRY or FERRY_TIMEOUT behind FERRY_FINALLY; a return
 *   of the step's own; an initialized local that would have to survive a wait, for (int i = 0; ...)
 *   included
 *
 * A break that is in no loop of the step's own is caught when it happens: the task fails with an
 * exception that names the line. A step must not reach beyond line 65,533 of its file. What makes
 * errors of those mistakes does so for a whole step: with clang also of a switch of the step's own
 * that leaves out a member of its enum.
 */
#include <ferry/task/step.h>

/** The first member of a frame: the task. It has .task and .awaitable. */
#define FERRY_FRAME                        \
	__extension__ union {              \
		ferry_task task;           \
		ferry_awaitable awaitable; \
	}

/** Options of a task, written where they are given: FERRY_WITH(.name = "copy", .group = &f->group).
 * They are read inside the call that they are given to. */
#define FERRY_WITH(...) \
	(&(const ferry_task_options){ .size = sizeof(ferry_task_options), __VA_ARGS__ })

/*
 * The switch is on a 64-bit value whose constants no int can hold, so a wait inside of
 * somebody's own switch overflows there, which is made an error, instead of going to the wrong
 * place. It jumps over the initializers of locals that would not survive: an error as well.
 */
#define FERRY_FAR_ (UINT64_C(1) << 40)
#if defined __clang__
#define FERRY_PUSH_                                                          \
	_Pragma("clang diagnostic push")                                     \
	_Pragma("clang diagnostic error \"-Wsometimes-uninitialized\"")      \
	_Pragma("clang diagnostic error \"-Wconditional-uninitialized\"")    \
	_Pragma("clang diagnostic error \"-Wreturn-type\"")                  \
	_Pragma("clang diagnostic error \"-Wswitch\"")
#define FERRY_POP_ _Pragma("clang diagnostic pop")
#elif defined __GNUC__
#define FERRY_PUSH_                                                          \
	_Pragma("GCC diagnostic push")                                       \
	_Pragma("GCC diagnostic error \"-Wjump-misses-init\"")               \
	_Pragma("GCC diagnostic error \"-Wreturn-type\"")                    \
	_Pragma("GCC diagnostic error \"-Woverflow\"")
#define FERRY_POP_ _Pragma("GCC diagnostic pop")
#else
#define FERRY_PUSH_
#define FERRY_POP_
#endif

/** The first line of a step: @f is the frame, of type @type. */
#define FERRY_BEGIN(task_, type, f)                                                      \
	ferry_task *const ferry_self_ = (task_);                                         \
	type *const f = (type *)(void *)ferry_self_;                                     \
	_Static_assert(offsetof(type, task) == 0, "FERRY_FRAME comes first");            \
	(void)f;                                                                         \
	/* Known to the compiler where it is set, so that it goes straight on. */        \
	uint64_t ferry_at_ = FERRY_FAR_ + ferry_self_->at;                               \
	FERRY_PUSH_                                                                      \
ferry_dispatch_:                                                                         \
	switch (ferry_at_) {                                                             \
	case FERRY_FAR_: {                                                               \
		enum { FERRY_BODY_ = 1 }

#define FERRY_GO_ON_AT_(where)                     \
	do {                                       \
		ferry_self_->at = (where);         \
		FERRY_DISPATCH_;                   \
	} while (0)

#define FERRY_DISPATCH_ \
	ferry_at_ = FERRY_FAR_ + ferry_self_->at; \
	goto ferry_dispatch_

#define FERRY_LINE_FITS_ \
	_Static_assert(__LINE__ < FERRY_AT_END, "a step is above line 65,534")

/* @how asks for the wait; the step comes back to the label. */
#define FERRY_WAIT_(how, ...)                                                            \
	static const ferry_place ferry_place_ = { __FILE__, __func__, __VA_ARGS__, __LINE__ }; \
	FERRY_LINE_FITS_;                                                                \
	ferry_self_->at = __LINE__;                                                      \
	if (how)                                                                         \
		return FERRY_SUSPENDED;                                                  \
	__attribute__((fallthrough));                                                    \
case FERRY_FAR_ + __LINE__:                                                              \
	if (__builtin_expect(ferry_task_interrupted(ferry_self_), 0))                    \
		FERRY_GO_ON_AT_(ferry_task_leave(ferry_self_))

/* As ferry_task_await(). Of what this step has just begun, and is done with a result, nobody has to
 * be asked: it was paid for as it began. */
#define FERRY_ASK_(x)                                                                    \
	__extension__({                                                                  \
		ferry_awaitable *const ferry_awaited_ = &(x)->awaitable;                 \
		int ferry_waits_ = 0;                                                    \
											\
		if (__builtin_expect(ferry_self_->node.next ==                           \
					     (ferry_waiter *)(void *)ferry_awaited_ &&   \
				     ferry_awaited_->word == 1 &&                        \
				     !(ferry_self_->flags & FERRY_TASK_DUE), 1)) {       \
			ferry_self_->node.next = NULL;                                   \
			ferry_self_->awaited = ferry_awaited_;                           \
		} else {                                                                 \
			ferry_waits_ = ferry_task_await(ferry_self_, ferry_awaited_,     \
							&ferry_place_);                  \
		}                                                                        \
		ferry_waits_;                                                            \
	})

#define FERRY_AWAIT(x)                                                                   \
	do {                                                                             \
		FERRY_WAIT_(FERRY_ASK_(x), #x);                                          \
	} while (0)

#define FERRY_SHIELD(x)                                                                  \
	do {                                                                             \
		FERRY_WAIT_(ferry_task_await_shielded(ferry_self_, &(x)->awaitable,      \
						      &ferry_place_), #x);               \
	} while (0)

#define FERRY_YIELD()                                                                    \
	do {                                                                             \
		FERRY_WAIT_(ferry_task_yield(ferry_self_, &ferry_place_), "one turn");   \
	} while (0)

/* Done, and not with a result; or never begun? */
#define FERRY_FAILED_(awaitable_) \
	((awaitable_)->word != 1 && ((awaitable_)->word & 1 || !(awaitable_)->word))

#define FERRY_TRY(x)                                                                     \
	do {                                                                             \
		FERRY_WAIT_(FERRY_ASK_(x), #x);                                          \
		if (FERRY_BODY_ && __builtin_expect(FERRY_FAILED_(ferry_self_->awaited), 0)) \
			FERRY_GO_ON_AT_(ferry_task_fail(ferry_self_, NULL));             \
	} while (0)

#define FERRY_FAIL(e)                                                                    \
	do {                                                                             \
		(void)FERRY_BODY_;                                                       \
		FERRY_GO_ON_AT_(_Generic((e),                                            \
					ferry_error *: ferry_task_fail,                  \
					const ferry_error *: ferry_task_fail,            \
					default: ferry_task_fail_errno)(ferry_self_, (e))); \
	} while (0)

#define FERRY_RETURN(...)                          \
	do {                                       \
		(void)FERRY_BODY_;                 \
		__VA_ARGS__;                       \
		FERRY_GO_ON_AT_(FERRY_AT_FINALLY); \
	} while (0)

#define FERRY_FINALLY                                                                    \
		ferry_self_->at = FERRY_AT_FINALLY;                                      \
	}                                                                                \
	__attribute__((fallthrough));                                                    \
	case FERRY_FAR_ + FERRY_AT_FINALLY: {                                            \
		if (ferry_self_->attachments && ferry_task_finally(ferry_self_))         \
			return FERRY_SUSPENDED;                                          \
		ferry_self_->flags |= FERRY_TASK_SHIELDED;                               \
		ferry_at_ = FERRY_FAR_;

/* A break of the body's own, or a place to go on that nobody has, ends here too. */
#define FERRY_END                                                                        \
		ferry_self_->at = FERRY_AT_END;                                          \
		ferry_at_ = FERRY_FAR_ + FERRY_AT_END;                                   \
		break;                                                                   \
	}                                                                                \
	default:                                                                         \
		break;                                                                   \
	}                                                                                \
	if (__builtin_expect(ferry_at_ < FERRY_FAR_ + FERRY_AT_END, 0))                  \
		FERRY_GO_ON_AT_(ferry_task_stray(ferry_self_));                          \
	FERRY_POP_                                                                       \
	return ferry_task_finish(ferry_self_)

#endif
