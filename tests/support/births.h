/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_BIRTHS_H
#define SUPPORT_BIRTHS_H
/*
 * The making of threads, which a test can make fail: this program's pthread_create()
 * stands before the one of the system.
 *
 *   births_limit(1);           one more can be made, and then none
 *   births_limit(-1);          as many as ever
 *   births_hold(&gate);        whoever makes one waits at the gate first
 *
 * Counts only threads that are made detached, as the library makes them: those of the
 * test itself are joined, and are always made. Include it in one file of a program.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "support/gate.h"

static _Atomic long births_left = -1;
static _Atomic(struct gate *) births_gate;

static inline void births_limit(long count)
{
	births_left = count;
}

static inline void births_hold(struct gate *gate)
{
	births_gate = gate;
}

/* A sanitizer's own, where there is one. */
extern int __interceptor_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
					void *(*main)(void *), void *argument)
	__attribute__((weak));

static inline int births_make(pthread_t *thread, const pthread_attr_t *attributes,
			      void *(*main)(void *), void *argument)
{
	static int (*system)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (__interceptor_pthread_create)
		return __interceptor_pthread_create(thread, attributes, main, argument);
	if (!system)
		*(void **)&system = dlsym(RTLD_NEXT, "pthread_create");
	return system(thread, attributes, main, argument);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*main)(void *),
		   void *argument)
{
	int detached = 0;
	long left;

	if (attributes)
		pthread_attr_getdetachstate(attributes, &detached);
	if (attributes && detached == PTHREAD_CREATE_DETACHED) {
		struct gate *gate = births_gate;

		if (gate)
			gate_wait(gate);
		for (left = births_left; left >= 0;) {
			if (left == 0)
				return EAGAIN;
			if (atomic_compare_exchange_strong(&births_left, &left, left - 1))
				break;
		}
	}
	return births_make(thread, attributes, main, argument);
}

#endif
