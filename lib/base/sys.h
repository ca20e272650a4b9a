/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_SYS_H
#define BASE_SYS_H
/*
 * Every system call of the library that can fail, as an int or a negative errno.
 *
 * Called on the loop's thread, but sys_write also by whoever posts. A test build
 * replaces them (base/seam.h) to make each one fail. The file calls that are the
 * point of floor 6 are not here: their failure is an ordinary outcome.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef FERRY_SEAM
#include "base/seam.h"
#define sys_eventfd seam_eventfd
#define sys_close seam_close
#define sys_epoll_create seam_epoll_create
#define sys_epoll_ctl seam_epoll_ctl
#define sys_epoll_wait seam_epoll_wait
#define sys_write seam_write
#else

static inline int sys_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	return fd < 0 ? -errno : fd;
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
#endif

#endif
