/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_GATE_H
#define SUPPORT_GATE_H
/*
 * A gate that threads and jobs wait at until it is opened, once.
 *
 *   gate_init(&gate);
 *   in a job:  gate_wait(&gate);
 *   outside:   gate_await(&gate, 3);    three have come to it
 *              gate_open(&gate);        those, and all that come later, go on
 *              gate_destroy(&gate);     when nobody will come any more
 */
#include <pthread.h>
#include <stdbool.h>

struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	unsigned come; /* how many have come to it, passed ones included */
	bool open;
};

static inline void gate_init(struct gate *gate)
{
	pthread_mutex_init(&gate->mutex, NULL);
	pthread_cond_init(&gate->changed, NULL);
	gate->come = 0;
	gate->open = false;
}

static inline void gate_destroy(struct gate *gate)
{
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->mutex);
}

static inline void gate_wait(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	gate->come++;
	pthread_cond_broadcast(&gate->changed);
	while (!gate->open)
		pthread_cond_wait(&gate->changed, &gate->mutex);
	pthread_mutex_unlock(&gate->mutex);
}

/* Returns when @count have come to it. */
static inline void gate_await(struct gate *gate, unsigned count)
{
	pthread_mutex_lock(&gate->mutex);
	while (gate->come < count)
		pthread_cond_wait(&gate->changed, &gate->mutex);
	pthread_mutex_unlock(&gate->mutex);
}

static inline void gate_open(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	gate->open = true;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->mutex);
}

static inline unsigned gate_come(struct gate *gate)
{
	unsigned come;

	pthread_mutex_lock(&gate->mutex);
	come = gate->come;
	pthread_mutex_unlock(&gate->mutex);
	return come;
}

#endif
