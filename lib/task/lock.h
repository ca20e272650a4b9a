/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TASK_LOCK_H
#define TASK_LOCK_H
/* Loop-local locks, as conditions and tasks that end see them. */
#include "task/task.h"

static inline ferry_lock *lock_of(ferry_attachment *attachment)
{
	return container(attachment, ferry_lock, attachment);
}

/* Why the running task cannot use it: -EPERM outside of steps; 0 if it can. */
int lock_check_task(struct ferry_loop *loop);
/* The task that has it has ended. */
void lock_end(ferry_lock *lock);
/* The running task gives it up, to who has waited longest. */
void lock_give_up(ferry_lock *lock);
/* A task that waits for nothing else has it, or waits for it whatever happens. */
void lock_reacquire(ferry_lock *lock, struct ferry_task *task);

#endif
