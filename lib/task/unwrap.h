/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TASK_UNWRAP_H
#define TASK_UNWRAP_H
/* Concurrent futures of tasks, as the rest of the floor sees them. */
#include "task/task.h"

/* The task has ended so: its futures, what is attached, are done. They are gone then. */
void unwrap_complete(ferry_attachment *futures, uintptr_t word, uint64_t number);
/* The same, but behind what is to be called with frames of its children: they may lie in its own,
 * which goes with the future. */
void unwrap_complete_behind(struct ferry_loop *loop, ferry_attachment *futures, uintptr_t word,
			    uint64_t number);
/* The result that was set is none: its disposer is called. */
void unwrap_drop_result(struct ferry_task *task);
/* A result is set: the one before, if any, is disposed of. NULL: it has no disposer. 0; -EINVAL if
 * nobody would call it, -ENOMEM: then nothing has changed. */
int unwrap_keep(struct ferry_task *task, const ferry_disposer *disposer);
/* A task is begun that came from another thread: its future is attached. @hooks: of its context,
 * as they were given. */
void unwrap_note_begun(struct ferry_task *task, const ferry_context_hooks *hooks);

#endif
