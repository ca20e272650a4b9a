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
#include "base/rcu.h"
#include "base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

unsigned process_generation;
#ifndef FERRY_SEAM
__thread struct thread thread_here __attribute__((tls_model("initial-exec")));
#endif

static void in_child(void)
{
	rcu_after_fork_child();
	process_generation++;
	memset(thread_self(), 0, sizeof(struct thread));
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int outcome;

static void prepare(void)
{
	outcome = -pthread_atfork(rcu_before_fork, rcu_after_fork_parent, in_child);
}

int process_prepare(void)
{
	pthread_once(&once, prepare);
	return outcome;
}
