/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_DISPOSAL_H
#define SUPPORT_DISPOSAL_H
/*
 * A result that remembers what became of it: how often it was disposed of, on which
 * thread.
 *
 *   struct disposal disposal;
 *   disposal_init(&disposal);
 *   *out = disposal_result(&disposal, FERRY_DISPOSE_BLOCKING);   in a function
 *   disposal_await(&disposal);       until it has been disposed of
 *   disposal_count(&disposal);       so often by now
 */
#include <ferry/base.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

struct disposal {
	atomic_int count;
	pthread_t by; /* read it after disposal_await() */
	sem_t done;
};

static inline void disposal_note(const ferry_result *result)
{
	struct disposal *disposal = result->pointer;

	disposal->by = pthread_self();
	atomic_fetch_add(&disposal->count, 1);
	sem_post(&disposal->done);
}

static const ferry_disposer disposal_disposers[] = {
	[FERRY_DISPOSE_ANYWHERE] = { FERRY_DISPOSE_ANYWHERE, disposal_note },
	[FERRY_DISPOSE_BLOCKING] = { FERRY_DISPOSE_BLOCKING, disposal_note },
};

static inline void disposal_init(struct disposal *disposal)
{
	atomic_init(&disposal->count, 0);
	sem_init(&disposal->done, 0, 0);
}

static inline ferry_result disposal_result(struct disposal *disposal, ferry_disposer_kind kind)
{
	return ferry_result_pointer(disposal, &disposal_disposers[kind]);
}

static inline int disposal_count(struct disposal *disposal)
{
	return atomic_load(&disposal->count);
}

static inline void disposal_await(struct disposal *disposal)
{
	while (sem_wait(&disposal->done))
		;
}

#endif
