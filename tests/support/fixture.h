/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_FIXTURE_H
#define SUPPORT_FIXTURE_H
/*
 * What tests of loops need around them: a loop, a pool, another thread, a fork's
 * child, the descriptors that are open.
 *
 *   ferry_loop *loop = fixture_loop();
 *   ferry_pool *pool = fixture_pool(2);
 *   fixture_elsewhere(fn, arg);             fn(arg) on another thread, which ends
 *   status = fixture_in_child(fn, arg);     fn(arg) in a fork's child: what it returned
 *   fixture_end(loop, pool);
 *
 * What cannot be made ends the test with a message.
 */
#include <dirent.h>
#include <errno.h>
#include <ferry.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

__attribute__((noreturn)) static inline void fixture_die(const char *what, int error)
{
	fprintf(stderr, "fixture: %s: %d\n", what, error);
	abort();
}

static inline ferry_loop *fixture_loop(void)
{
	ferry_loop *loop;
	int error = ferry_loop_new(NULL, &loop);

	if (error)
		fixture_die("no loop", error);
	return loop;
}

/* A pool of exactly so many threads. */
static inline ferry_pool *fixture_pool(unsigned threads)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_pool *pool;
	int error;

	options.min_threads = options.max_threads = threads;
	error = ferry_pool_new(&options, &pool);
	if (error)
		fixture_die("no pool", error);
	return pool;
}

/* NULL for either is allowed. The pool's workers are gone when this returns. */
static inline void fixture_end(ferry_loop *loop, ferry_pool *pool)
{
	int error = ferry_loop_free(loop);

	if (error)
		fixture_die("the loop cannot be freed", error);
	if (!pool)
		return;
	error = ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE);
	if (error)
		fixture_die("jobs are left", error);
	ferry_pool_free(pool);
}

static inline ferry_loop_counters fixture_loop_counters(ferry_loop *loop)
{
	ferry_loop_counters counters;
	int error = ferry_loop_stats(loop, &counters);

	if (error)
		fixture_die("no counters of the loop", error);
	return counters;
}

static inline ferry_pool_counters fixture_pool_counters(ferry_pool *pool)
{
	ferry_pool_counters counters;
	int error = ferry_pool_stats(pool, &counters);

	if (error)
		fixture_die("no counters of the pool", error);
	return counters;
}

/* ---- elsewhere ---- */

struct fixture_errand {
	void (*fn)(void *arg);
	void *arg;
};

static inline void *fixture_run(void *given)
{
	struct fixture_errand *errand = given;

	errand->fn(errand->arg);
	return NULL;
}

static inline void fixture_elsewhere(void (*fn)(void *arg), void *arg)
{
	struct fixture_errand errand = { fn, arg };
	pthread_t thread;
	int error = pthread_create(&thread, NULL, fixture_run, &errand);

	if (error)
		fixture_die("no thread", error);
	pthread_join(thread, NULL);
}

/* What @fn returned, 0 to 127; 128 and the signal if one ended the child. */
static inline int fixture_in_child(int (*fn)(void *arg), void *arg)
{
	struct pollfd ended = { .events = POLLIN };
	pid_t child = fork();
	int status;

	if (child < 0)
		fixture_die("no child", errno);
	if (child == 0)
		_exit(fn(arg));
	/* Not alarm() in the child: one that hangs may have blocked all signals, as liburcu
	 * does. Not SIGCHLD: another thread may be given it. */
	ended.fd = (int)syscall(SYS_pidfd_open, child, 0);
	if (ended.fd < 0)
		fixture_die("no pidfd", errno);
	if (poll(&ended, 1, 20000) == 0)
		kill(child, SIGKILL);
	close(ended.fd);
	while (waitpid(child, &status, 0) != child)
		if (errno != EINTR)
			fixture_die("the child is lost", errno);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- descriptors ---- */

/* How many descriptors of this process are open. */
static inline int fixture_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = -3; /* ".", ".." and the folder's own */

	if (!folder)
		fixture_die("no /proc/self/fd", errno);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

/* From here on only so many more can be opened; -1: as many as ever. */
static inline void fixture_descriptors_left(int count)
{
	struct rlimit limit;
	int fd[16], opened = 0;

	if (getrlimit(RLIMIT_NOFILE, &limit) || count > 15)
		fixture_die("no limit", errno);
	if (count < 0) {
		limit.rlim_cur = limit.rlim_max;
	} else {
		for (; opened <= count; opened++) {
			fd[opened] = dup(STDERR_FILENO);
			if (fd[opened] < 0)
				fixture_die("no descriptor", errno);
		}
		limit.rlim_cur = (rlim_t)fd[count];
		while (opened)
			close(fd[--opened]);
	}
	if (setrlimit(RLIMIT_NOFILE, &limit))
		fixture_die("no limit", errno);
}

#endif
