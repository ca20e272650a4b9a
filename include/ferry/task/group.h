/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_TASK_GROUP_H
#define FERRY_TASK_GROUP_H
/*
 * Groups: children that end together. Gather: waiting for several things that exist already.
 *
 * A group has an owner, the task in whose step it was made, and children, the tasks that were
 * begun in it. It ends when it is closed and every child has ended, never before. Waiting for
 * it closes it. Children may begin others in it as long as it has not ended.
 *
 *   policy            a child fails            a child has a result     the group's outcome
 *   FIRST_EXCEPTION   the rest is cancelled    -                        the first exception, or
 *                                                                       a result
 *   COLLECT           -                        -                        a result
 *   FIRST_RESULT      -                        the rest is cancelled    a result, or the first
 *                                                                       exception
 *
 * "First" is the first to end. A child that was cancelled has neither failed nor a result. If a
 * group is cancelled and a child ends as cancelled for it, then so does the group, unless
 * there is something above to say; under FIRST_RESULT also if there was no child with a result
 * or an exception.
 *
 * A group that fails interrupts its owner: that is cancelled, once, where it next waits for
 * something else; the step leaves, and the task fails with the group's exception, also where
 * somebody else cancelled it as well. If the step comes to wait for the group first, alone or
 * among what it gathers, the interruption is taken back. No task ends before its groups have: those
 * that are open when a body leaves are waited for, before what stands behind FERRY_FINALLY runs;
 * after being cancelled, unless the body left with a result. If one of them fails then, so does the
 * task, unless its body had, and the others are cancelled. If one was cancelled, so was the task
 * only if somebody cancelled that.
 *
 * A group takes over the exception that decides. Those of other children are theirs: they are told
 * to the loop's exception handler where such a child has a cleanup hook, or is cleared, and nobody
 * looked. A group outside of steps has no owner who would fail with it: wait for it, look at how it
 * ended, and clear it.
 */
#include <ferry/task/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a group does when its children end, see above. The numbers are ABI. */
typedef enum ferry_group_policy {
	FERRY_GROUP_FIRST_EXCEPTION = 0,
	FERRY_GROUP_COLLECT = 1,
	FERRY_GROUP_FIRST_RESULT = 2
} ferry_group_policy;

/** Options of a group. Zero means the default of each field. */
typedef struct ferry_group_options {
	size_t size;                /* sizeof(ferry_group_options) */
	ferry_group_policy policy;
	unsigned limit;             /* how many children run at once; 0: any number. The others
				       wait, in the order in which they joined */
	const char *name;           /* for people; borrowed until it has ended; NULL: none */
} ferry_group_options;
#define FERRY_GROUP_OPTIONS_INIT                                              \
	{                                                                      \
		sizeof(ferry_group_options), FERRY_GROUP_FIRST_EXCEPTION, 0, NULL \
	}

/** A cancel that is to be passed on to several. In the library's hands. */
typedef struct ferry_spread {
	struct ferry_spread *next, **link; /* what leads to it; NULL: nothing */
	void (*run)(struct ferry_spread *spread);
} ferry_spread;

/** A group. As a rule a member of the owner's frame. In the library's hands. */
struct ferry_group {
	FERRY_OPERATION;
	ferry_scope scope;              /* the children that have not ended */
	ferry_group *previous, *next;   /* among the loop's */
	ferry_spread spread;
	ferry_attachment attachment;    /* of the owner */
	ferry_task *owner;              /* NULL: it was made in no step */
	ferry_task *waiting;            /* no child before this one waits to be started */
	ferry_task *first;              /* whose outcome decided */
	const ferry_error *exception;   /* the first */
	const char *name;
	size_t members, running, limit; /* not ended; started and not ended */
	size_t unstarted;               /* listed, and not started */
	uint16_t flags;
	uint8_t policy;
};

/**
 * ferry_group_init() - make a group without children
 * @group:   the memory, whatever is in it, if no group that has not ended lies there
 * @loop:    the loop
 * @options: may be NULL
 *
 * Ownership: @group stays the caller's memory, and must stay until the group has ended, and
 *            who waited for it has gone on, and until its owner has waited for it or ended. One
 *            that was never given a child and has no owner may go at any time after
 *            ferry_group_close().
 * Context:   the loop's thread.
 * Return:    0; -EINVAL; -E2BIG; -EBUSY if a group of the running task lies there that has not
 *            ended; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API FERRY_MUST_CHECK int ferry_group_init(ferry_group *group, ferry_loop *loop,
						const ferry_group_options *options);

/**
 * ferry_group_add() - have a deferred task be a child of a group
 * @group: not ended
 * @task:  not started, in no group and no limiter
 *
 * It is started by ferry_task_start() or ferry_task_schedule(), or when the group is closed; if
 * it is closed already, in the next turn. One that a limiter has is the limiter's to start, and the
 * group's limit does not count for it.
 * (A task that is begun in a group has it in its options; FERRY_IN() makes such.)
 *
 * Context: the loop's thread.
 * Return:  0; -EBUSY if it was started, has ended or is in a group or a limiter; -ESHUTDOWN if
 *          the group has ended or the loop is closed; -ECANCELED if the group is ending what it
 *          has: then the task is cancelled, and a child; -EINVAL (another loop); -EPERM; -ECHILD.
 */
FERRY_API int ferry_group_add(ferry_group *group, ferry_task *task);

/**
 * ferry_group_close() - say that no more children will come from outside
 * @group: the group
 *
 * Children that were not started are started now, in the order in which they joined and within
 * the limit, lazily. The group ends when no child is left. Waiting for it closes it.
 *
 * Context: the loop's thread. Return: 0; -EALREADY if it was closed; -EINVAL; -EPERM;
 *          -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_group_close(ferry_group *group);

/**
 * ferry_group_cancel() - cancel every child of a group, and those that join it from now on
 * @group: the group
 *
 * Does not close it. A child that was not started ends as cancelled, with only what stands behind
 * its FERRY_FINALLY run.
 *
 * Context: the loop's thread. Return: 0; -EALREADY if it has ended; -EINVAL; -EPERM; -ESHUTDOWN;
 *          -ECHILD.
 */
FERRY_API int ferry_group_cancel(ferry_group *group);

/**
 * ferry_group_first() - the child that decided a group's outcome
 * @group: the group
 *
 * Under FIRST_EXCEPTION the first that failed, under FIRST_RESULT the first with a result, or
 * else the first that failed.
 *
 * Context: the loop's thread. Return: borrowed as long as its frame stays; NULL if there is none,
 *          and elsewhere.
 */
FERRY_API ferry_task *ferry_group_first(ferry_group *group);

/**
 * ferry_group_members() - how many children have not ended
 * @group: the group
 *
 * Context: the loop's thread. Return: 0 or more, at most INT_MAX; -EINVAL; -EPERM; -ECHILD.
 */
FERRY_API int ferry_group_members(ferry_group *group);

/**
 * ferry_group_clear() - drop the exception that an ended group holds
 * @group: ended, or of which nothing is to be dropped
 *
 * Needed only for exceptions of ferry_error_new(), and not where one alone waited and took it over
 * by FERRY_TRY(), nor where the owner failed with it. The group still counts as failed.
 *
 * Context: the loop's thread. Return: 0; -EBUSY if it has not ended; -EINVAL; -EPERM; -ECHILD.
 */
FERRY_API int ferry_group_clear(ferry_group *group);

/** Options that say: in this group. For the last argument of a constructor. */
#define FERRY_IN(group_) FERRY_WITH(.group = (group_))

/* ---- gather ---- */

/** When a gather is done, and what a cancel of one who waits for it does. The numbers are ABI. */
typedef enum ferry_gather_until {
	FERRY_GATHER_ALL = 0,     /* all are done, or one failed: then that is its exception, and
				     the rest goes on; cancelled if one was and none failed */
	FERRY_GATHER_COLLECT = 1, /* all are done, whatever came of them: a result; cancelled
				     if one who waited was cancelled, and one of them ended so */
	FERRY_GATHER_ANY = 2      /* one is done, whatever came of it: a result */
} ferry_gather_until;

typedef struct ferry_gather ferry_gather;

/** One of the things that are gathered. The caller sets @of, the rest is the library's. */
typedef struct ferry_gather_entry {
	ferry_awaitable *of; /* what it stands for; the same may stand in several. Where nothing was
				begun, that counts as done, and under FERRY_GATHER_ALL as EINVAL */
	ferry_gather *gather;
	ferry_waiter waiter;
	struct ferry_gather_entry *done_next; /* in order of completion */
	uint8_t state;
} ferry_gather_entry;

/** Several things that are waited for at once. A member of a frame; needs no preparation. */
struct ferry_gather {
	FERRY_OPERATION;
	ferry_operation next_done; /* of ferry_gather_next() */
	ferry_spread spread;
	ferry_loop *loop;
	ferry_gather_entry *entries;
	ferry_gather_entry *done_first, *done_last; /* and not given */
	ferry_gather_entry *given;
	const ferry_error *exception;
	size_t count, left;
	uint8_t until, asked, lost;
};

/**
 * ferry_gather_begin() - wait for several tasks, groups, operations at once
 * @gather:  not in use
 * @loop:    the loop
 * @entries: array [count], @of of each set, not NULL
 * @count:   0 to 1,000,000; none are all done
 * @until:   when it is done
 *
 * A local is gathered by its ferry_await. If all that has to be done is done, the gather is
 * done when this returns. If one who waits is cancelled, all that is gathered is cancelled under
 * FERRY_GATHER_ALL and FERRY_GATHER_COLLECT, and waited for; under FERRY_GATHER_ANY nothing is.
 * Under FERRY_GATHER_ALL it takes over the exception that it ends with, as FERRY_TRY() does.
 *
 * Ownership: borrows @entries, and what they stand for, until it is done and all that
 *            ferry_gather_next() is asked for were given, or it is ended by ferry_gather_end().
 * Context:   the loop's thread.
 * Return:    what to await: done with an exception if it cannot be had (EINVAL, EPERM, ESHUTDOWN,
 *            ECHILD); NULL if @gather is NULL.
 */
FERRY_API ferry_operation *ferry_gather_begin(ferry_gather *gather, ferry_loop *loop,
					      ferry_gather_entry *entries, size_t count,
					      ferry_gather_until until);

/**
 * ferry_gather_next() - the next one that is done, in order of completion
 * @gather: one that was begun and not ended, whether it is done or not
 *
 * Of a FERRY_GATHER_COLLECT, which keeps all its entries until all are done. Those that were
 * done at the beginning come first, in the order of the array. Which one it is says
 * ferry_gather_given() when this has been awaited; until then it stays the next one. A cancel of
 * who waits concerns only him.
 *
 * Context: the loop's thread.
 * Return:  what to await: done with an exception if it cannot be had (EINVAL, EPERM, ESHUTDOWN,
 *          ECHILD); NULL if @gather is NULL.
 */
FERRY_API ferry_operation *ferry_gather_next(ferry_gather *gather);

/**
 * ferry_gather_given() - what ferry_gather_next() waited for
 * @gather: the gather
 *
 * Context: the loop's thread.
 * Return:  the entry, once; NULL if all were given before, and elsewhere.
 */
FERRY_API ferry_gather_entry *ferry_gather_given(ferry_gather *gather);

/**
 * ferry_gather_end() - stop waiting
 * @gather: one that was begun
 *
 * Cancels nothing. Needed where a gather goes before it is done, and for an exception of
 * ferry_error_new() that nobody took over by FERRY_TRY().
 *
 * Context: the loop's thread, also when the loop is closed.
 * Return:  0; -EBUSY if a task waits for it; -EINVAL; -EPERM; -ECHILD.
 */
FERRY_API int ferry_gather_end(ferry_gather *gather);

#ifdef __cplusplus
}
#endif
#endif
