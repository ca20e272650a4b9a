/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_ADAPT_HOST_H
#define FERRY_ADAPT_HOST_H
/*
 * What the adapters to other event loops share, and one for a sixth can use: docs/adapters.md.
 *
 * Header-only: the library knows no host. Each adapter is one allocation that begins with a
 * ferry_host. All of it belongs to the one thread that the loop and its host run on.
 */
#include <errno.h>
#include <fcntl.h>
#include <ferry/loop.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_ADAPT static inline __attribute__((unused))

/** A loop as its host's adapter holds it. */
typedef struct ferry_host {
	ferry_loop *loop;  /* a handle: it may be closed at any time */
	int fd;            /* polled for reading; our own copy, so that its number stays taken while
			      the host knows it, even if the loop is closed */
	int error;         /* the first that a dispatch met; 0: none */
	int dispatching;   /* inside a dispatch: a nested run of the host leaves the loop out */
	int left;          /* detached meanwhile: who dispatches frees the adapter */
	int closed;        /* the loop is: there is nothing to poll or to wait for */
	int busy;          /* inside of its callbacks or steps: as closed, until that has ended */
	int prepared;      /* for the poll that comes: what changes meanwhile it must be told */
} ferry_host;

/**
 * ferry_host_open() - begin to hold a loop
 * @host:    filled in; on failure untouched
 * @loop:    the loop, which has no host yet
 * @changed: as for ferry_loop_set_host(); first it calls ferry_host_look()
 * @user:    given to it
 *
 * Context: the loop's thread.
 * Return:  0; -EINVAL; -EBUSY if the loop has a host; -EPERM; -ESHUTDOWN; -ECHILD; -EMFILE;
 *          another negative errno of write.
 */
FERRY_ADAPT int ferry_host_open(ferry_host *host, ferry_loop *loop, ferry_callback changed,
				void *user)
{
	int fd = ferry_loop_fd(loop), error;

	if (fd < 0)
		return fd;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return errno == EBADF ? -EBADF : -EMFILE;
	error = ferry_loop_set_host(loop, changed, user);
	if (error < 0) {
		if (error != -EBUSY)
			ferry_loop_set_host(loop, NULL, NULL);
		close(fd);
		return error;
	}
	host->loop = ferry_loop_ref(loop);
	host->fd = fd;
	host->error = host->dispatching = host->left = host->closed = 0;
	host->busy = host->prepared = 0;
	return 0;
}

/**
 * ferry_host_close() - let go of the loop
 * @host: opened; the host polls its descriptor no more
 *
 * The loop may have been closed before. What it has in flight stays so. From inside of a dispatch
 * as well: then the memory of @host is needed until that has returned, which says so.
 *
 * Context: the loop's thread. Return: the first error that a dispatch met; 0: none.
 */
FERRY_ADAPT int ferry_host_close(ferry_host *host)
{
	int error = ferry_loop_set_host(host->loop, NULL, NULL);

	if (host->error)
		error = host->error;
	host->left = host->closed = 1;
	ferry_loop_unref(host->loop);
	close(host->fd);
	return error == -ESHUTDOWN ? 0 : error;
}

/**
 * ferry_host_look() - what is there to wait for
 * @host:        opened
 * @deadline_ns: where to put by when to dispatch; absolute; 0: at once; FERRY_NO_DEADLINE: when
 *               the descriptor is readable
 *
 * Context: the loop's thread. Return: 1: the host is to go on for it; 0: nothing is pending.
 */
FERRY_ADAPT int ferry_host_look(ferry_host *host, uint64_t *deadline_ns)
{
	int pending = ferry_loop_pending(host->loop);
	/* A closed loop says 0 as well. */
	int error = pending > 0 ? 0 : ferry_loop_fd(host->loop);

	*deadline_ns = FERRY_NO_DEADLINE;
	if (error == -ESHUTDOWN || error == -ECHILD)
		host->closed = 1;
	else if (error < 0 && !host->error)
		host->error = error; /* the host runs on another thread, which cannot serve it */
	if (error >= 0 && !host->busy)
		*deadline_ns = ferry_loop_deadline(host->loop);
	return pending > 0;
}

/**
 * ferry_host_prepare() - the same, for a host that is about to poll
 * @host:        opened
 * @deadline_ns: as for ferry_host_look()
 *
 * With ferry_host_check() behind the poll nobody rings while the host is awake. Until
 * then @host->prepared is set: other hooks of the host may ask something of the loop, and what
 * was said here holds no longer when changed is called. @host->busy says that the host is run
 * inside of the loop's callbacks or steps: it polls the descriptor no more than that of a closed
 * loop.
 *
 * Context: the loop's thread. Return: as for ferry_host_look().
 */
FERRY_ADAPT int ferry_host_prepare(ferry_host *host, uint64_t *deadline_ns)
{
	int goes_on, due;

	host->busy = 0;
	goes_on = ferry_host_look(host, deadline_ns);
	due = host->closed ? 0 : ferry_loop_prepare(host->loop);
	host->prepared = !host->closed && due >= 0;
	host->busy = due == -EBUSY;
	if (due > 0) {
		*deadline_ns = 0;
		goes_on = 1; /* it may have come since the look */
	}
	if (host->busy)
		*deadline_ns = FERRY_NO_DEADLINE;
	return goes_on;
}

/**
 * ferry_host_dispatch() - handle what is due, up to the loop's budget
 * @host: opened
 *
 * Context: the loop's thread.
 * Return:  1: one of its callbacks closed @host, whose memory is to be freed now; 0: none did.
 */
FERRY_ADAPT int ferry_host_dispatch(ferry_host *host)
{
	int handled;

	if (host->closed || host->dispatching)
		return 0;
	host->dispatching = 1;
	handled = ferry_loop_dispatch(host->loop, 0);
	host->dispatching = host->busy = host->prepared = 0;
	if (handled < 0 && handled != -ESHUTDOWN && !host->error)
		host->error = handled;
	return host->left;
}

/**
 * ferry_host_is_due() - has the deadline passed
 * @host: opened
 *
 * Context: the loop's thread. Return: 1: dispatch; 0: not yet.
 */
FERRY_ADAPT int ferry_host_is_due(ferry_host *host)
{
	uint64_t deadline = host->closed ? FERRY_NO_DEADLINE : ferry_loop_deadline(host->loop);

	return !deadline || (deadline != FERRY_NO_DEADLINE && deadline <= ferry_now_ns());
}

/**
 * ferry_host_check() - a host with hooks has polled
 * @host:     opened
 * @readable: was the descriptor?
 *
 * Handles what is due, if anything is.
 *
 * Context: the loop's thread. Return: as for ferry_host_dispatch().
 */
FERRY_ADAPT int ferry_host_check(ferry_host *host, int readable)
{
	int error = host->closed ? -ESHUTDOWN : ferry_loop_check(host->loop);

	host->busy = error == -EBUSY;
	host->prepared = 0;
	if (error < 0)
		return 0;
	return readable || ferry_host_is_due(host) ? ferry_host_dispatch(host) : 0;
}

/**
 * ferry_host_milliseconds() - a deadline as hosts count time
 * @deadline_ns: absolute
 * @now_ms:      the host's own idea of the monotonic clock
 *
 * Context: any thread. Return: from @now_ms, rounded up, so that nothing is polled for too early.
 */
FERRY_ADAPT uint64_t ferry_host_milliseconds(uint64_t deadline_ns, uint64_t now_ms)
{
	uint64_t at = deadline_ns / 1000000 + (deadline_ns % 1000000 != 0);

	return at > now_ms ? at - now_ms : 0;
}

#ifdef __cplusplus
}
#endif
#endif
