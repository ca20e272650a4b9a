/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TASK_GATHER_H
#define TASK_GATHER_H
/* Gathers, as the words that they wait for see them. */
#include "task/awaitable.h"

/* The notify of an entry: what it stands for is done. */
void gather_arrive(struct ferry_waiter *node);
/* NULL if it is something else. */
struct ferry_gather *gather_of_operation(ferry_operation *operation);
/* Is its entry not done? Else what it was for may be gone. */
bool gather_waits_for(const ferry_gather_entry *entry);
/* Is it a gather, not done, that waits for the other one, which is not done either? */
bool gather_has(const ferry_awaitable *gather, const ferry_awaitable *other);

#endif
