/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_GATE_H
#define PERF_GATE_H
/*
 * Holds every worker of a pool, so that what is submitted behind it is queued and
 * nothing else: no worker is woken, no result comes back.
 */
#include <ferry.h>

#include <semaphore.h>

struct gate {
	sem_t entered, opened;
	unsigned workers;
};

void gate_init(struct gate *gate, unsigned workers);
void gate_destroy(struct gate *gate);
/** What a worker runs to be held. */
void gate_hold(struct gate *gate);
/** Wait until all workers are held. */
void gate_wait_closed(struct gate *gate);
/** Let them go. */
void gate_open(struct gate *gate);

/** Submit one holding job per worker to a pool and wait until all are held. */
void gate_close(struct gate *gate, ferry_pool *pool);

#endif
