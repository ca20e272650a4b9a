/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUTURE_WAIT_H
#define FUTURE_WAIT_H
/* What waiting for one and waiting for several have in common: queued jobs expire. */
#include "base/thread.h"
#include "future/future.h"

/* The earlier of a deadline and the one of the job itself, if it is still queued. */
uint64_t wait_until_expiry(struct ferry_future *future, uint64_t deadline_ns);
/* The earlier of a deadline and when a worker that lent its place looks again; NULL: no worker. */
uint64_t wait_until_look(struct helper *helper, uint64_t deadline_ns);
/* Ends the job if it is still queued past its deadline. */
void wait_expire(struct ferry_future *future, uint64_t now_ns);

#endif
