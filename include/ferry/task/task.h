/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_TASK_TASK_H
#define FERRY_TASK_TASK_H
/*
 * The task: a computation in steps on one loop, over a frame that is the caller's own struct.
 *
 *               start, eager                    the step returns
 *   NEW ------------------------> RUNNING ------------------------> ENDED
 *    | \                           |   ^                              ^
 *    |  '-- schedule --> SCHEDULED-|---'-----.                        |
 *    |                             v         | in a turn of the loop  |
 *    '-- queued by a limiter    WAITING --> WOKEN                     |
 *        or a group                                                   |
 *   cancelled before its first step: only what stands behind FERRY_FINALLY runs
 *
 * A step is a function that is called again and again and goes on where it left off; the
 * macros of <ferry/task/frame.h> write it, and docs/tasks.md shows what they write. What must
 * survive a wait is a member of the frame, which begins with FERRY_FRAME. So are results:
 * typed members, read when the task has ended. Nothing is allocated for a task.
 *
 *   eager      the first step runs inside the call that begins the task (the loop's default);
 *              in the next turn if that is the 65th inside of each other, or the turn's budget is
 *              used up. Outside of turns each call that runs a step gives it a budget of its own
 *   lazy       in the next turn of the loop; cancelled before that, the body never runs
 *   deferred   not before somebody starts it: ferry_task_start(), a group, a limiter
 *
 * The frame must stay where it is until the task has ended, and everybody who waited for it
 * has gone on. A cancel only asks: the task ends when its own code has.
 *
 * A task belongs to its loop's thread in everything. A call from another one is refused as long as
 * the task is there and does not end meanwhile: that helps to find the mistake, and is no way to
 * look at a task. Other threads have futures, by ferry_task_unwrap() or ferry_task_submit().
 */
#include <ferry/task/awaitable.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_task ferry_task;
typedef struct ferry_group ferry_group;

/** What a step returns; only the macros and the calls below make one. */
typedef struct ferry_step {
	int how; /* 0 comes from nowhere: the step was left by accident */
} ferry_step;

/** Something rare that belongs to a task. In the library's hands. */
typedef struct ferry_attachment {
	struct ferry_attachment *next;
	unsigned kind;
} ferry_attachment;

/**
 * A task: the header of a frame, 96 bytes. The fields are there for the macros; programs use
 * the calls.
 */
struct ferry_task {
	ferry_awaitable awaitable; /* those who wait for it, or how it ended */
	ferry_waiter node;         /* among those who wait for something, or on the ready list */
	ferry_step_function step;
	ferry_awaitable *awaited;  /* what the last await was for */
	const ferry_place *place;  /* and where */
	ferry_scope *scope;        /* the loop or the group that it is listed in */
	ferry_task *previous, *next;
	ferry_attachment *attachments;
	__extension__ union {
		uint64_t since_ns;            /* in the body: when it began to wait */
		uint64_t number;              /* from then on: its result, */
		const ferry_error *exception; /* or why it failed */
	};
	uint16_t at;      /* where its step goes on: a line number, 0 at the start */
	uint16_t cancels; /* asked for, and not taken back */
	uint16_t flags;
	uint8_t state, mark;
};

/** When a task starts. The numbers are ABI. */
typedef enum ferry_start {
	FERRY_START_DEFAULT = 0,  /* as the loop's task factory decides */
	FERRY_START_EAGER = 1,    /* the first step runs now, inside the call */
	FERRY_START_LAZY = 2,     /* in the next turn of the loop */
	FERRY_START_DEFERRED = 3  /* when somebody starts it */
} ferry_start;

/** Options of a task. Zero means the default of each field. */
typedef struct ferry_task_options {
	size_t size;           /* sizeof(ferry_task_options) */
	ferry_start start;
	ferry_group *group;    /* that it belongs to; NULL: none */
	const char *name;      /* for people; copied, cut at 31 bytes; NULL: none */
	void *user;            /* ferry_task_user(); the library does nothing with it */
	/* Called once, from the loop, when the task has ended, however it did, and those who
	 * waited have gone on: may free the frame. Must not wait. The task's exception is dropped
	 * when it returns, so nobody looks at the task behind that. As a loop closes, the hooks of
	 * all its tasks are called when all have ended, in any order. NULL: nobody is called. */
	void (*cleanup)(ferry_task *task, void *user);
	/* Goes with the task, and with those that it begins: ferry_task_context(). NULL: that
	 * of the task that begins this one, if there is one. */
	void *context;
	const ferry_context_hooks *hooks; /* for context; NULL: the pointer itself goes */
} ferry_task_options;
#define FERRY_TASK_OPTIONS_INIT                                                           \
	{                                                                                  \
		sizeof(ferry_task_options), FERRY_START_DEFAULT, NULL, NULL, NULL, NULL,   \
			NULL, NULL                                                         \
	}

/* ---- to begin ---- */

/**
 * ferry_task_begin() - make a task and start it, as the options or else the loop say
 * @task:    the memory, whatever is in it, if no task lies there that has not ended, whose cleanup
 *           hook is to be called, or for which somebody waited who has not gone on
 * @loop:    the loop
 * @step:    what it does
 * @options: may be NULL
 *
 * Goes through the loop's task factory, with every option as it was given. All options apply
 * before the first step. An eager start runs that step here, with ferry_current_task() swapped
 * and restored; a task that ends in it never was in a list, and has its outcome when this
 * returns. Eager starts nested more than 64 deep, or beyond the budget of a turn, are
 * lazy.
 *
 * A refusal is a task born failed with the errno, so that there is one path for errors: EINVAL
 * (no loop, no step, a field out of its range, a group of another loop), E2BIG, ENOMEM, EPERM
 * on another thread, ESHUTDOWN once the loop is closed or the group has ended, ECHILD; or what
 * the factory said. cleanup is called for it, too, unless the loop is NULL, another thread's,
 * closed, or left behind by a fork, or the size in the options is none that is known.
 *
 * This is what a constructor ends with: a function that fills in the arguments' members of a
 * frame and returns what this returns, to be awaited at once or later.
 *
 * Ownership: @task stays the caller's memory. See above for how long it must stay.
 * Context:   the loop's thread.
 * Return:    @task.
 */
FERRY_API ferry_task *ferry_task_begin(ferry_task *task, ferry_loop *loop,
				       ferry_step_function step,
				       const ferry_task_options *options);

/**
 * ferry_task_init() - make a task and do not start it, whatever options.start says
 * @task:    as for ferry_task_begin()
 * @loop:    the loop
 * @step:    what it does
 * @options: may be NULL
 *
 * It is deferred: in no queue, and listed. It can be awaited, which does not start it,
 * cancelled, and given callbacks. Does not go through the task factory.
 *
 * Context: the loop's thread.
 * Return:  @task, born failed as by ferry_task_begin() if it is refused.
 */
FERRY_API ferry_task *ferry_task_init(ferry_task *task, ferry_loop *loop,
				      ferry_step_function step,
				      const ferry_task_options *options);

/**
 * ferry_task_start() - start a deferred task now
 * @task: one that was not started
 *
 * Its first step runs here, or in the next turn where an eager one would be put off. One that
 * waits for its turn in a limiter or a group is started out of turn, and takes a place there beyond
 * the limit.
 *
 * Context: the loop's thread.
 * Return:  0; -EALREADY if it was started, cancelled or has ended; -EINVAL; -EPERM;
 *          -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_task_start(ferry_task *task);

/**
 * ferry_task_schedule() - start a deferred task in the next turn
 * @task: one that was not started
 *
 * Context: the loop's thread. Return: as ferry_task_start().
 */
FERRY_API int ferry_task_schedule(ferry_task *task);

/**
 * ferry_task_forget() - have the library forget a deferred task that will not be started
 * @task: one that was not started, is in no group, that nobody waits for, and has no future
 *
 * Nothing of it runs, neither step nor cleanup. Its memory is the caller's again.
 *
 * Context: the loop's thread.
 * Return:  0; -EBUSY if it was started, is in a group or a limiter, has a future, or is waited for;
 *          -EALREADY if it has ended; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_task_forget(ferry_task *task);

/**
 * ferry_eager_factory() - the task factory that starts tasks eagerly, unless they say otherwise
 * @task:    as for ferry_task_begin()
 * @loop:    the loop
 * @step:    what it does
 * @options: of the task, not NULL
 * @user:    not used
 *
 * For ferry_loop_set_task_factory(), and for factories that wrap it.
 *
 * Context: the loop's thread. Return: 0, or the negative errno that it was refused with.
 */
FERRY_API int ferry_eager_factory(ferry_task *task, ferry_loop *loop, ferry_step_function step,
				  const ferry_task_options *options, void *user);

/**
 * ferry_lazy_factory() - the task factory that starts tasks lazily, unless they say otherwise
 * @task:    as for ferry_task_begin()
 * @loop:    the loop
 * @step:    what it does
 * @options: of the task, not NULL
 * @user:    not used
 *
 * Context: the loop's thread. Return: 0, or the negative errno that it was refused with.
 */
FERRY_API int ferry_lazy_factory(ferry_task *task, ferry_loop *loop, ferry_step_function step,
				 const ferry_task_options *options, void *user);

/**
 * ferry_loop_set_task_factory() - what makes the tasks of a loop from now on
 * @loop:    the loop
 * @factory: called by each ferry_task_begin(), with what that was given: must call
 *           ferry_eager_factory() or ferry_lazy_factory() once, with that task and loop, and
 *           with options and step as it likes; or return a negative errno, and then the task is
 *           born failed. NULL: ferry_eager_factory()
 * @user:    given to it
 *
 * Context: the loop's thread. Return: 0; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_loop_set_task_factory(ferry_loop *loop, ferry_task_factory factory,
					  void *user);

/* ---- to look at ---- */

/**
 * ferry_current_task() - the task whose step runs
 * @loop: the loop
 *
 * Context: the loop's thread. Return: borrowed; NULL outside of steps, and elsewhere.
 */
FERRY_API ferry_task *ferry_current_task(ferry_loop *loop);

/**
 * ferry_task_loop() - the loop that a task belongs to
 * @task: NULL is allowed
 *
 * Context: the loop's thread. Return: borrowed; NULL of NULL, and of one that was refused by it or
 *          never begun; one that was refused for another reason may have it.
 */
FERRY_API ferry_loop *ferry_task_loop(const ferry_task *task);

/**
 * ferry_task_snapshot() - done, cancelled, result and exception in one look
 * @task: NULL gives an all-zero snapshot
 *
 * Seeing an exception here counts as having looked at it. The result is what
 * ferry_task_set_result() said, else zero; typed results are members of the frame.
 *
 * Ownership: the exception is borrowed until ferry_task_clear(), or until one who waited by
 *            FERRY_TRY(), a future or a group has taken it over: then FERRY_ERROR_TAKEN stands for
 *            it. (Only one of ferry_error_new() is ever gone; those of errnos stay.)
 * Context:   the loop's thread; elsewhere all-zero.
 * Return:    the snapshot.
 */
FERRY_API ferry_snapshot ferry_task_snapshot(ferry_task *task);

/**
 * ferry_task_clear() - drop the exception that an ended task holds
 * @task: ended, or of which nothing is to be dropped
 *
 * Needed only for exceptions of ferry_error_new(), and not where one alone waited for it and
 * took it over by FERRY_TRY(), nor where nobody waited and a future or a group took it over;
 * cleanup does the same. Where several waited each has a reference of his own, and this drops the
 * task's. It still counts as failed. An exception that nobody looked at is told to the loop's
 * exception handler.
 *
 * Context: the loop's thread. Return: 0; -EBUSY if it has not ended; -EINVAL; -EPERM; -ECHILD.
 */
FERRY_API int ferry_task_clear(ferry_task *task);

/**
 * ferry_task_name() - the name that a task was given
 * @task: not ended; NULL is allowed
 *
 * Context: the loop's thread. Return: borrowed until it has ended; NULL if none was given.
 */
FERRY_API const char *ferry_task_name(const ferry_task *task);

/**
 * ferry_task_user() - the user data that a task was given
 * @task: not ended; NULL is allowed
 *
 * Context: the loop's thread. Return: options.user; NULL if none was given.
 */
FERRY_API void *ferry_task_user(const ferry_task *task);

/**
 * ferry_task_context() - the context that goes with a task
 * @task: not ended; NULL is allowed
 *
 * Context: the loop's thread.
 * Return:  borrowed until every task that has it has ended; NULL if there is none.
 */
FERRY_API void *ferry_task_context(const ferry_task *task);

/**
 * ferry_task_set_result() - what the snapshot's result will be
 * @task:   not ended
 * @result: with a disposer only if a future has been made of the task, which then owns it
 *
 * Context: the loop's thread, as a rule the task's own step: FERRY_RETURN() is the place. A
 *          task that fails or is cancelled after this has no result, and a future disposes of it.
 * Return:  0; -EALREADY if it has ended, has failed or is cancelled; -EINVAL, also for a disposer
 *          that nobody would call; -ENOMEM for one that may block; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_task_set_result(ferry_task *task, ferry_result result);

/** What a task calls when it is done. */
typedef void (*ferry_task_callback)(ferry_task *task, void *user);

/**
 * ferry_task_add_done_callback() - have a function called when a task has ended
 * @task: the task, ended or not
 * @fn:   the function
 * @user: given to it
 *
 * Called from the loop, in order with the tasks that wait for it, never inside this call nor
 * inside the step that ends. The frame must stay until then.
 *
 * Context: the loop's thread. Return: 0; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD; -ENOMEM.
 */
FERRY_API int ferry_task_add_done_callback(ferry_task *task, ferry_task_callback fn, void *user);

/**
 * ferry_task_remove_done_callback() - take a function back
 * @task: the task
 * @fn:   the function
 * @user: what it was added with
 *
 * Context: the loop's thread.
 * Return:  how many equal ones were removed that had not begun; -EINVAL; -EPERM; -ESHUTDOWN;
 *          -ECHILD.
 */
FERRY_API int ferry_task_remove_done_callback(ferry_task *task, ferry_task_callback fn,
					      void *user);

/* ---- to cancel ---- */

/**
 * ferry_task_cancel() - ask a task to end
 * @task: the task
 *
 * Only asks. One that has not begun runs nothing but what stands behind FERRY_FINALLY. One that
 * waits for another task has the cancel passed on, and waits until that one has ended; for an
 * operation likewise; any other wait ends at once. One that has been woken, or runs, keeps what
 * it was given: the cancel takes effect where it would next have to wait. Behind
 * FERRY_FINALLY nothing takes effect. Each call counts; see ferry_task_uncancel().
 *
 * Tasks that wait for each other in a circle cannot be cancelled; the dump shows them.
 *
 * Context: the loop's thread, the task's own step included.
 * Return:  0; -EALREADY if it has ended, or is zero: never begun; -EOVERFLOW beyond 65,535;
 *          -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_task_cancel(ferry_task *task);

/**
 * ferry_task_uncancel() - take one cancel back
 * @task: the task
 *
 * When none is left, one that has not taken effect will not. A wait that was ended stays ended,
 * and what was passed on to another task stays there.
 *
 * Context: the loop's thread.
 * Return:  how many are left; -EALREADY if it has ended; -ENODATA if there was none; -EINVAL;
 *          -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_task_uncancel(ferry_task *task);

/**
 * ferry_task_cancels() - how many cancels were asked for and not taken back
 * @task: the task
 *
 * Context: the loop's thread. Return: 0 or more; -EINVAL; -EPERM; -ECHILD.
 */
FERRY_API int ferry_task_cancels(ferry_task *task);

/**
 * ferry_task_shield() - from now on cancels of a task wait
 * @task: the task, not ended
 *
 * They are counted, and take effect at the first wait behind ferry_task_unshield(). For a part
 * of a step that must not be cut; FERRY_SHIELD() is for one wait. What stands behind
 * FERRY_FINALLY is shielded anyway.
 *
 * Context: the loop's thread, as a rule the task's own step.
 * Return:  0; -EALREADY if it is shielded or has ended; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_task_shield(ferry_task *task);

/**
 * ferry_task_unshield() - cancels take effect again
 * @task: shielded by ferry_task_shield()
 *
 * Context: the loop's thread.
 * Return:  0; -EALREADY if it was not, or has ended, or is behind FERRY_FINALLY; -EINVAL; -EPERM;
 *          -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_task_unshield(ferry_task *task);

/**
 * ferry_loop_cancel_tasks() - cancel every task of a loop
 * @loop: the loop
 *
 * To end a loop in order: cancel, ferry_loop_run(), then free. Those that
 * ferry_loop_free() finds end as cancelled, with nothing of them run but cleanup.
 *
 * Context: the loop's thread. Return: how many were asked; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_loop_cancel_tasks(ferry_loop *loop);

/**
 * ferry_loop_await() - run a loop until something is done
 * @loop:      the loop
 * @awaitable: of a task, a group, an operation of this loop, begun
 *
 * Context: the loop's thread, not from inside its callbacks or steps.
 * Return:  as ferry_loop_run_until().
 */
FERRY_API int ferry_loop_await(ferry_loop *loop, ferry_awaitable *awaitable);

#ifdef __cplusplus
}
#endif
#endif
