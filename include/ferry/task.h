/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_TASK_H
#define FERRY_TASK_H
/*
 * Floor 5: tasks, and what holds several of them. Read the parts in this order.
 *
 *   task/awaitable.h   what a task can wait for: locals, descriptors, times, operations
 *   task/task.h        the task: begin, start, cancel, look
 *   task/frame.h       how a step is written
 *   task/step.h        what that calls, for steps that are written by hand
 *   task/timeout.h     a scope with a deadline
 *   task/group.h       children that end together; waiting for several things
 *   task/limiter.h     so many at a time
 *   task/lock.h        loop-local lock, semaphore, event, condition
 *   task/queue.h       items from tasks to tasks
 *   task/iterator.h    a task that gives items, one when it is asked
 *   task/eager.h       a task for a function that starts something and waits for it
 *   task/unwrap.h      tasks from other threads, and futures for them
 *   task/dump.h        all tasks of a loop, and who waits for whom
 */
#include <ferry/task/awaitable.h>
#include <ferry/task/task.h>
#include <ferry/task/frame.h>
#include <ferry/task/step.h>
#include <ferry/task/timeout.h>
#include <ferry/task/group.h>
#include <ferry/task/limiter.h>
#include <ferry/task/lock.h>
#include <ferry/task/queue.h>
#include <ferry/task/iterator.h>
#include <ferry/task/eager.h>
#include <ferry/task/unwrap.h>
#include <ferry/task/dump.h>
#endif
