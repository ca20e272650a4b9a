/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TASK_LIMITER_H
#define TASK_LIMITER_H
/* Limiters, as the tasks that they start see them. */
#include "task/task.h"

static inline ferry_slot *slot_of(ferry_attachment *attachment)
{
	return container(attachment, ferry_slot, attachment);
}

/* An unstarted task is about to start, or to clean up: it waits in no queue any more. */
void limiter_note_start(struct ferry_task *task);
/* Does a limiter decide when it starts? */
bool limiter_has(const struct ferry_task *task);
/* The task that has the slot has ended. */
void limiter_end(ferry_slot *slot);

#endif
