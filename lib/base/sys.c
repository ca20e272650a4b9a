/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System calls that take more than a line: waiting in epoll for less than a millisecond,
 * signals and the timers that send them.
 *
 * The wait is called on the loop's thread, when nothing is due (step "drain" of a request),
 * the others by a worker around a function that may be interrupted (step "work").
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

/* ---- signals ---- */

static sigset_t only(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	return set;
}

void sys_signal_block(int signal)
{
	sigset_t set = only(signal);

	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void sys_signal_unblock(int signal)
{
	sigset_t set = only(signal);

	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

bool sys_signal_take(int signal)
{
	static const struct timespec at_once;
	sigset_t set = only(signal);
	int taken;

	do
		taken = sigtimedwait(&set, NULL, &at_once);
	while (taken < 0 && errno == EINTR);
	return taken > 0;
}

/* Not named by every libc. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

int sys_timer_create(int signal, uint32_t thread, timer_t *ret)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signal };

	event.sigev_notify_thread_id = (pid_t)thread;
	return timer_create(CLOCK_MONOTONIC, &event, ret) < 0 ? -errno : 0;
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000),
				  .tv_nsec = (long)(ns % 1000000000) };
}

int sys_timer_set(timer_t timer, uint64_t delay_ns, uint64_t period_ns)
{
	struct itimerspec at = { timespec_of(period_ns), timespec_of(delay_ns) };

	return timer_settime(timer, 0, &at, NULL) < 0 ? -errno : 0;
}

#endif
