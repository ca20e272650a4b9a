/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The seam's functions on the real machine, with failures on demand: see faults.h.
 *
 * Called by the library (built with FERRY_SEAM) on any thread. Threads, futexes, locks,
 * epoll and read-side sections are the real ones, so the programs that link it run
 * under every sanitizer.
 */
#include "seam/faults.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <urcu/urcu-bp.h>

#include "base/park.h"
#include "base/thread.h"
#include "support/gate.h"

/* ---- what fails ---- */

static struct {
	pthread_mutex_t mutex;
	bool on, persistent;
	enum fault_kind kind;
	unsigned left, made; /* calls to come until it fails; failures made */
	int error;
} fault = { .mutex = PTHREAD_MUTEX_INITIALIZER };

void fault_begin(enum fault_kind kind, unsigned n, int error, bool persistent)
{
	pthread_mutex_lock(&fault.mutex);
	fault.on = true;
	fault.persistent = persistent;
	fault.kind = kind;
	fault.left = n;
	fault.made = 0;
	fault.error = error;
	pthread_mutex_unlock(&fault.mutex);
}

unsigned fault_end(void)
{
	unsigned made;

	pthread_mutex_lock(&fault.mutex);
	fault.on = false;
	made = fault.made;
	pthread_mutex_unlock(&fault.mutex);
	return made;
}

unsigned fault_count(void)
{
	unsigned made;

	pthread_mutex_lock(&fault.mutex);
	made = fault.made;
	pthread_mutex_unlock(&fault.mutex);
	return made;
}

/* 0, or the negative errno with which this call is to fail. */
static int meet_fault(enum fault_kind kind)
{
	int error = 0;

	pthread_mutex_lock(&fault.mutex);
	if (fault.on && fault.kind == kind) {
		if (fault.left)
			fault.left--;
		if (!fault.left && (fault.persistent || !fault.made)) {
			fault.made++;
			error = fault.error;
		}
	}
	pthread_mutex_unlock(&fault.mutex);
	return error;
}

/* ---- memory ---- */

static _Atomic long memory, descriptors;

void *seam_memory_new(size_t bytes)
{
	void *block;

	if (meet_fault(FAULT_MEMORY))
		return NULL;
	block = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
	if (block)
		memory++;
	return block;
}

void seam_memory_free(void *block)
{
	if (block)
		memory--;
	free(block);
}

long fault_memory(void)
{
	return memory;
}

long fault_descriptors(void)
{
	return descriptors;
}

/* ---- the clock ---- */

static _Atomic uint64_t ahead_ns;
static _Atomic uint64_t stopped_ns; /* what the kernel's clock said then; 0: it goes on */

void fault_advance_clock(uint64_t ns)
{
	ahead_ns += ns;
}

static uint64_t kernel_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void fault_stop_clock(void)
{
	stopped_ns = kernel_now();
}

uint64_t seam_clock_now(void)
{
	return (stopped_ns ? stopped_ns : kernel_now()) + ahead_ns;
}

/* ---- steps, sections, threads ---- */

void seam_step(const void *object)
{
	(void)object;
}

void seam_read_begin(void)
{
	urcu_bp_read_lock();
}

void seam_read_end(void)
{
	urcu_bp_read_unlock();
}

void seam_wait_for_readers(void)
{
	urcu_bp_synchronize_rcu();
}

static __thread struct thread here;

struct thread *seam_thread_self(void)
{
	return &here;
}

static _Atomic(struct gate *) births;

void fault_hold_threads(struct gate *gate)
{
	births = gate;
}

int seam_thread_start(void *(*main)(void *), void *argument, size_t stack_bytes)
{
	struct gate *gate = births;
	pthread_attr_t attributes;
	sigset_t blocked, before;
	pthread_t thread;
	int error;

	if (gate)
		gate_wait(gate);
	error = meet_fault(FAULT_THREAD);
	if (error)
		return error;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (stack_bytes)
		pthread_attr_setstacksize(&attributes, stack_bytes);
	sigfillset(&blocked);
	sigdelset(&blocked, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	error = pthread_create(&thread, &attributes, main, argument);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -error;
}

/* ---- sleeping, waking, locking ---- */

static _Atomic unsigned sleepers, pollers;

unsigned fault_sleepers(void)
{
	return sleepers;
}

unsigned fault_pollers(void)
{
	return pollers;
}

int seam_wait(const _Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
	struct timespec deadline, *limit = NULL;
	long outcome;
	int error;

	if (deadline_ns != UINT64_MAX) {
		uint64_t ahead = ahead_ns;

		/* The kernel's clock has not gone on. */
		deadline_ns = deadline_ns > ahead ? deadline_ns - ahead : 0;
		deadline.tv_sec = (time_t)(deadline_ns / 1000000000);
		deadline.tv_nsec = (long)(deadline_ns % 1000000000);
		limit = &deadline;
	}
	sleepers++;
	outcome = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, limit, NULL,
			  FUTEX_BITSET_MATCH_ANY);
	error = errno;
	sleepers--;
	return outcome < 0 && error == ETIMEDOUT ? -ETIMEDOUT : 0;
}

void seam_wake(const _Atomic uint32_t *word, int count)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

void seam_pause(void)
{
	sched_yield();
}

void seam_lock(void *lock)
{
	pthread_mutex_lock(&((struct lock *)lock)->mutex);
}

int seam_lock_try(void *lock)
{
	return -pthread_mutex_trylock(&((struct lock *)lock)->mutex);
}

void seam_unlock(void *lock)
{
	pthread_mutex_unlock(&((struct lock *)lock)->mutex);
}

/* ---- descriptors ---- */

static int opened(int fd)
{
	if (fd < 0)
		return -errno;
	descriptors++;
	return fd;
}

int seam_eventfd(void)
{
	int error = meet_fault(FAULT_EVENTFD);

	return error ? error : opened(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

int seam_timerfd(void)
{
	int error = meet_fault(FAULT_TIMERFD);

	return error ? error : opened(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
}

int seam_timerfd_expire(int fd)
{
	const struct itimerspec soon = { .it_value.tv_nsec = 1 };
	int error = meet_fault(FAULT_WRITE);

	return error ? error : timerfd_settime(fd, 0, &soon, NULL) < 0 ? -errno : 0;
}

void seam_close(int fd)
{
	descriptors--;
	close(fd);
}

int seam_epoll_create(void)
{
	int error = meet_fault(FAULT_EPOLL_CREATE);

	return error ? error : opened(epoll_create1(EPOLL_CLOEXEC));
}

int seam_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	int error = meet_fault(FAULT_EPOLL_CTL);

	if (error)
		return error;
	return epoll_ctl(epoll, operation, fd, event) < 0 ? -errno : 0;
}

int seam_epoll_wait(int epoll, struct epoll_event *events, int count, uint64_t timeout_ns)
{
	uint64_t milliseconds = timeout_ns / 1000000 + (timeout_ns % 1000000 != 0);
	int timeout = milliseconds > INT_MAX ? INT_MAX : (int)milliseconds;
	int error = meet_fault(FAULT_EPOLL_WAIT), ready;

	if (error)
		return error;
	if (stopped_ns && timeout_ns && timeout_ns != UINT64_MAX) {
		ready = epoll_wait(epoll, events, count, 0);
		if (!ready)
			ahead_ns += timeout_ns;
		return ready < 0 ? -errno : ready;
	}
	pollers += timeout_ns != 0;
	ready = epoll_wait(epoll, events, count, timeout_ns == UINT64_MAX ? -1 : timeout);
	error = errno;
	pollers -= timeout_ns != 0;
	return ready < 0 ? -error : ready;
}

ssize_t seam_write(int fd, const void *bytes, size_t count)
{
	int error = meet_fault(FAULT_WRITE);
	ssize_t written;

	if (error)
		return error;
	written = write(fd, bytes, count);
	return written < 0 ? -errno : written;
}

/* ---- signals ---- */

static _Atomic long timers;

long fault_timers(void)
{
	return timers;
}

int seam_sigaction(int signal, const struct sigaction *ours, struct sigaction *theirs)
{
	int error = meet_fault(FAULT_SIGACTION);

	if (error)
		return error;
	return sigaction(signal, ours, theirs) < 0 ? -errno : 0;
}

int seam_signal_thread(uint32_t thread, int signal)
{
	int error = meet_fault(FAULT_SIGNAL);

	if (error)
		return error;
	return syscall(SYS_tgkill, getpid(), thread, signal) < 0 ? -errno : 0;
}

static sigset_t only(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	return set;
}

void seam_signal_block(int signal)
{
	sigset_t set = only(signal);

	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void seam_signal_unblock(int signal)
{
	sigset_t set = only(signal);

	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

bool seam_signal_take(int signal)
{
	static const struct timespec at_once;
	sigset_t set = only(signal);

	return sigtimedwait(&set, NULL, &at_once) > 0;
}

uint32_t seam_thread_id(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

int seam_timer_create(int signal, uint32_t thread, timer_t *ret)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signal };
	int error = meet_fault(FAULT_TIMER_CREATE);

	if (error)
		return error;
	event._sigev_un._tid = (pid_t)thread;
	if (timer_create(CLOCK_MONOTONIC, &event, ret) < 0)
		return -errno;
	timers++;
	return 0;
}

/* One is always stopped. */
int seam_timer_set(timer_t timer, uint64_t delay_ns, uint64_t period_ns)
{
	struct itimerspec at = { .it_value.tv_sec = (time_t)(delay_ns / 1000000000),
				 .it_value.tv_nsec = (long)(delay_ns % 1000000000),
				 .it_interval.tv_sec = (time_t)(period_ns / 1000000000),
				 .it_interval.tv_nsec = (long)(period_ns % 1000000000) };
	int error = delay_ns ? meet_fault(FAULT_TIMER_SET) : 0;

	if (error)
		return error;
	return timer_settime(timer, 0, &at, NULL) < 0 ? -errno : 0;
}

void seam_timer_delete(timer_t timer)
{
	timers--;
	timer_delete(timer);
}
