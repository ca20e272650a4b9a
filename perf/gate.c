/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Jobs that block until they are told to go on. */
#include "gate.h"
#include "bench.h"

#include <errno.h>

static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0 && errno == EINTR)
		;
}

void gate_init(struct gate *gate, unsigned workers)
{
	gate->workers = workers;
	sem_init(&gate->entered, 0, 0);
	sem_init(&gate->opened, 0, 0);
}

void gate_destroy(struct gate *gate)
{
	sem_destroy(&gate->entered);
	sem_destroy(&gate->opened);
}

void gate_hold(struct gate *gate)
{
	sem_post(&gate->entered);
	wait_for(&gate->opened);
}

void gate_wait_closed(struct gate *gate)
{
	for (unsigned i = 0; i < gate->workers; i++)
		wait_for(&gate->entered);
}

void gate_open(struct gate *gate)
{
	for (unsigned i = 0; i < gate->workers; i++)
		sem_post(&gate->opened);
}

static int hold(void *gate, ferry_result *out)
{
	(void)out;
	gate_hold(gate);
	return 0;
}

void gate_close(struct gate *gate, ferry_pool *pool)
{
	for (unsigned i = 0; i < gate->workers; i++)
		bench_check(ferry_pool_submit(pool, hold, gate, NULL, NULL), "ferry_pool_submit");
	gate_wait_closed(gate);
}
