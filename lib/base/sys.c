/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting in epoll for less than a millisecond.
 *
 * Called on the loop's thread, when nothing is due (step "drain" of a request).
 * Kernels before 5.11 have no epoll_pwait2: the first ENOSYS or EPERM (a seccomp
 * filter) is remembered and milliseconds are used from then on, rounded up so that
 * a timer is never served early and never spins.
 */
#include "base/sys.h"
#include "base/atomic.h"

#include <limits.h>

#ifndef FERRY_SEAM

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

static int wait_milliseconds(int epoll, struct epoll_event *events, int count, uint64_t timeout_ns)
{
	uint64_t milliseconds = timeout_ns / 1000000 + (timeout_ns % 1000000 != 0);
	int timeout = milliseconds > INT_MAX ? INT_MAX : (int)milliseconds;
	int ready = epoll_wait(epoll, events, count, timeout_ns == UINT64_MAX ? -1 : timeout);

	return ready < 0 ? -errno : ready;
}

static _Atomic int coarse; /* 1: the kernel has no epoll_pwait2 */

int sys_epoll_wait(int epoll, struct epoll_event *events, int count, uint64_t timeout_ns)
{
	struct timespec timeout;
	int ready;

	/* Relaxed: a hint; whoever sees the old value asks the kernel once more. */
	if (timeout_ns == 0 || timeout_ns == UINT64_MAX || atomic_load_relaxed(&coarse))
		return wait_milliseconds(epoll, events, count, timeout_ns);

	timeout.tv_sec = (time_t)(timeout_ns / 1000000000);
	timeout.tv_nsec = (long)(timeout_ns % 1000000000);
	ready = (int)syscall(SYS_epoll_pwait2, epoll, events, count, &timeout, NULL, 0);
	if (ready < 0 && (errno == ENOSYS || errno == EPERM)) {
		/* Relaxed: as above. */
		atomic_store_relaxed(&coarse, 1);
		return wait_milliseconds(epoll, events, count, timeout_ns);
	}
	return ready < 0 ? -errno : ready;
}

#endif
