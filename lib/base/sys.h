/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_SYS_H
#define BASE_SYS_H
/*
 * Every system call of the library that can fail, as an int or a negative errno.
 *
 * Called on the loop's thread, but sys_write also by whoever posts, and what is about
 * signals by workers and by whoever cancels a job. A test build replaces them
 * (base/seam.h) to make each one fail. The file calls that are the point of floor 6 are
 * not here: their failure is an ordinary outcome.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#ifdef FERRY_SEAM
#include "base/seam.h"
#define sys_eventfd seam_eventfd
#define sys_timerfd seam_timerfd
#define sys_timerfd_expire seam_timerfd_expire
#define sys_close seam_close
#define sys_epoll_create seam_epoll_create
#define sys_epoll_ctl seam_epoll_ctl
#define sys_epoll_wait seam_epoll_wait
#define sys_write seam_write
#define sys_sigaction seam_sigaction
#define sys_signal_thread seam_signal_thread
#define sys_signal_block seam_signal_block
#define sys_signal_unblock seam_signal_unblock
#define sys_signal_take seam_signal_take
#define sys_thread_id seam_thread_id
#define sys_timer_create seam_timer_create
#define sys_timer_set seam_timer_set
#define sys_timer_delete seam_timer_delete
#else

static inline int sys_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* One that may be set, which a filter can refuse as well. */
static inline int sys_timerfd(void)
{
	const struct itimerspec never = { .it_value.tv_nsec = 0 };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), error;

	if (fd < 0)
		return -errno;
	if (!timerfd_settime(fd, 0, &never, NULL))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

/* At once: who waits for it in epoll is woken, once more if he was before. */
static inline int sys_timerfd_expire(int fd)
{
	const struct itimerspec soon = { .it_value.tv_nsec = 1 };

	return timerfd_settime(fd, 0, &soon, NULL) < 0 ? -errno : 0;
}

/* The descriptor is gone whatever close() says. */
static inline void sys_close(int fd)
{
	close(fd);
}

static inline int sys_epoll_create(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static inline int sys_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	return epoll_ctl(epoll, operation, fd, event) < 0 ? -errno : 0;
}

/* Nanoseconds where the kernel has epoll_pwait2 (5.11), else milliseconds, rounded up. */
int sys_epoll_wait(int epoll, struct epoll_event *events, int count, uint64_t timeout_ns);

static inline ssize_t sys_write(int fd, const void *bytes, size_t count)
{
	ssize_t written = write(fd, bytes, count);

	return written < 0 ? -errno : written;
}

/* ---- signals ---- */

static inline int sys_sigaction(int signal, const struct sigaction *ours, struct sigaction *theirs)
{
	return sigaction(signal, ours, theirs) < 0 ? -errno : 0;
}

/* A thread of this process. */
static inline int sys_signal_thread(uint32_t thread, int signal)
{
	return syscall(SYS_tgkill, getpid(), (pid_t)thread, signal) < 0 ? -errno : 0;
}

/* These three are about the calling thread, and cannot fail. */
void sys_signal_block(int signal);
void sys_signal_unblock(int signal);
/* One that is blocked and pending is gone: false if there was none. */
bool sys_signal_take(int signal);

static inline uint32_t sys_thread_id(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

/* A timer that sends a signal to a thread of this process. */
int sys_timer_create(int signal, uint32_t thread, timer_t *ret);
/* First in @delay_ns; 0: it is stopped, and sends nothing any more. Then each @period_ns. */
int sys_timer_set(timer_t timer, uint64_t delay_ns, uint64_t period_ns);

static inline void sys_timer_delete(timer_t timer)
{
	timer_delete(timer);
}
#endif

#endif
