/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fork hooks: liburcu's, and ours, which makes the child see that it is one.
 *
 * ferry_loop_new() and ferry_pool_new() call process_prepare() on any thread; the
 * hooks run in the thread that forks. Without liburcu's hooks the child's first
 * grace period would wait for threads that do not exist there. The child's thread
 * is no loop's and no worker any more: what it was belongs to the parent.
 */
#include "base/process.h"
#include "base/atomic.h"
#include "base/rcu.h"
#include "base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

unsigned process_generation;
#ifndef FERRY_SEAM
__thread struct thread thread_here __attribute__((tls_model("initial-exec")));
#endif

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int registered;

/*
 * The hooks are registered, or this would not run; and what another thread of the parent
 * was about to do with the mutex is not done here: it is not needed any more.
 */
static void in_child(void)
{
	rcu_after_fork_child();
	process_generation++;
	*thread_self() = (struct thread){ .loops = 0 };
	/* Relaxed: there is one thread. */
	atomic_store_relaxed(&registered, 1);
}

/* A failure is not remembered: there may be memory the next time. */
int process_prepare(void)
{
	int error = 0;

	/* Relaxed: nothing is read because of it, and fork() takes pthread_atfork()'s lock.
	 * No lock here: a fork's child would find it held by a thread that is not there. */
	if (atomic_load_relaxed(&registered))
		return 0;
	pthread_mutex_lock(&mutex);
	/* Relaxed, both: under the mutex. */
	if (!atomic_load_relaxed(&registered))
		error = pthread_atfork(rcu_before_fork, rcu_after_fork_parent, in_child);
	if (!error)
		atomic_store_relaxed(&registered, 1);
	pthread_mutex_unlock(&mutex);
	return -error;
}

void process_end_thread(void)
{
	/* Not pthread_exit(): that would unwind through the function that forked. */
	for (;;)
		syscall(SYS_exit, EXIT_FAILURE);
}
