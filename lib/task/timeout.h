/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TASK_TIMEOUT_H
#define TASK_TIMEOUT_H
/* Scopes with a deadline, as the rest of the floor sees them. */
#include "task/task.h"

static inline ferry_timeout *timeout_of(ferry_attachment *attachment)
{
	return container(attachment, ferry_timeout, attachment);
}

/* It is over; a cancel of its own that has not taken effect is taken back. */
void timeout_close(ferry_timeout *timeout);
/* A wait inside of it was cut, and it is left: true if its deadline did that, alone. */
bool timeout_leave(ferry_timeout *timeout);

#endif
