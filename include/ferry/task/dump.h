/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_TASK_DUMP_H
#define FERRY_TASK_DUMP_H
/*
 * All tasks of a loop: gone over one by one, or shown as who waits for whom.
 */
#include <ferry/task/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ferry_each_task() - go over the tasks of a loop
 * @loop: the loop
 * @fn:   called with each: those in no group, then group by group; not 0 ends it. It may begin,
 *        cancel and start tasks; those that are added meanwhile may be missed
 * @user: given to it
 *
 * Shown are those that have not ended: deferred ones, and those that are in their first
 * step, included. Allocates nothing.
 *
 * Context: the loop's thread.
 * Return:  0, or what @fn returned; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_each_task(ferry_loop *loop, int (*fn)(ferry_task *task, void *user),
			      void *user);

/** How ferry_loop_dump() writes. The numbers are ABI. */
typedef enum ferry_dump_format {
	FERRY_DUMP_TEXT = 0, /* for people, a line each, those who wait above what they wait for */
	FERRY_DUMP_JSON = 1  /* one object */
} ferry_dump_format;

/**
 * ferry_loop_dump() - who waits for whom, where, and since when
 * @loop:   the loop
 * @format: text or JSON
 * @write:  called with piece after piece, @length bytes of @text each; negative ends it
 * @user:   given to it
 *
 * A tree: on top the tasks that no other task waits for; below each what it waits for,
 * groups with their children. Each with its name, its state, and file, line and function of its
 * await, and how long it has been waiting: from turn to turn, as of the last time that the loop
 * looked at the clock. What is reached a second time is named and not followed. Allocates nothing.
 *
 * Context: the loop's thread.
 * Return:  0, or what @write returned; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_loop_dump(ferry_loop *loop, ferry_dump_format format,
			      int (*write)(void *user, const char *text, size_t length),
			      void *user);

#ifdef __cplusplus
}
#endif
#endif
