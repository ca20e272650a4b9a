/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/floor: what this machine itself charges for the pieces that everything else is
 * made of. Read the other programs' figures beside these: a request that wakes a
 * sleeper cannot cost less than the wake.
 *
 * Places matter: a hand-off between threads on one CPU is a context switch, across
 * CPUs it wakes an idle one, and left free the scheduler flips between the two.
 */
#include "bench.h"
#include "files.h"
#include "handoff.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *nothing(void *argument)
{
	return argument;
}

/* The first thread turns on the locks of the C library; have them on, as real programs do. */
static void become_threaded(void)
{
	pthread_t thread;

	bench_check(-pthread_create(&thread, NULL, nothing, NULL), "pthread_create");
	pthread_join(thread, NULL);
}

static int new_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	bench_check(fd < 0 ? -errno : 0, "eventfd");
	return fd;
}

static void write_eventfd(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		bench_fail("cannot write an eventfd: %s", strerror(errno));
}

static void read_eventfd(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		bench_fail("cannot read an eventfd: %s", strerror(errno));
}

/* ---- one thread ---- */

static void run_clock(const struct bench_case *self, struct bench_sample *sample)
{
	uint64_t sum = 0;

	(void)self;
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++)
		sum += bench_now();
	bench_stop(sample);
	bench_use(sum);
}

static void run_syscall(const struct bench_case *self, struct bench_sample *sample)
{
	(void)self;
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++)
		syscall(SYS_getppid);
	bench_stop(sample);
}

static void run_stat(const struct bench_case *self, struct bench_sample *sample)
{
	(void)self;
	for (unsigned i = 0; i < FILES_COUNT; i++)
		bench_check(files_stat(files_path(i)), "stat");
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++)
		bench_check(files_stat(files_path(i)), "stat");
	bench_stop(sample);
}

static void run_open_close(const struct bench_case *self, struct bench_sample *sample)
{
	(void)self;
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++) {
		int fd = open(files_path(i), O_RDONLY | O_CLOEXEC);

		bench_check(fd < 0 ? -errno : 0, "open");
		close(fd);
	}
	bench_stop(sample);
}

static void run_malloc(const struct bench_case *self, struct bench_sample *sample)
{
	(void)self;
	become_threaded();
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++) {
		void *block = malloc(128);

		bench_use((uintptr_t)block);
		free(block);
	}
	bench_stop(sample);
}

static void run_mutex(const struct bench_case *self, struct bench_sample *sample)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	(void)self;
	become_threaded();
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++) {
		pthread_mutex_lock(&mutex);
		pthread_mutex_unlock(&mutex);
	}
	bench_stop(sample);
}

static void run_exchange(const struct bench_case *self, struct bench_sample *sample)
{
	_Atomic uint64_t word = 0;
	uint64_t sum = 0;

	(void)self;
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++)
		sum += atomic_exchange_explicit(&word, i, memory_order_acq_rel);
	bench_stop(sample);
	bench_use(sum);
}

static void run_eventfd_write(const struct bench_case *self, struct bench_sample *sample)
{
	int fd = new_eventfd();

	(void)self;
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++)
		write_eventfd(fd);
	bench_stop(sample);
	close(fd);
}

static void run_eventfd_write_read(const struct bench_case *self, struct bench_sample *sample)
{
	int fd = new_eventfd();

	(void)self;
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++) {
		write_eventfd(fd);
		read_eventfd(fd);
	}
	bench_stop(sample);
	close(fd);
}

static void run_self_wake(const struct bench_case *self, struct bench_sample *sample)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = new_eventfd(), epoll = epoll_create1(EPOLL_CLOEXEC);

	(void)self;
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		bench_fail("cannot make an epoll: %s", strerror(errno));
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++) {
		write_eventfd(fd);
		if (epoll_wait(epoll, &event, 1, -1) != 1)
			bench_fail("cannot wait in an epoll: %s", strerror(errno));
		read_eventfd(fd);
	}
	bench_stop(sample);
	close(epoll);
	close(fd);
}

static void run_futex_wake(const struct bench_case *self, struct bench_sample *sample)
{
	_Atomic uint32_t word = 0;

	(void)self;
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++)
		syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	bench_stop(sample);
}

/* ---- two threads ---- */

static const struct handoff futex = { .kind = HANDOFF_FUTEX };
static const struct handoff epoll = { .kind = HANDOFF_EPOLL };
static const struct handoff spin = { .kind = HANDOFF_SPIN };
static const struct handoff bridge = { .kind = HANDOFF_FUTEX_EPOLL, .latencies = true };

#define ONE_THREAD(name_, what_, run_) { .name = name_, .what = what_, .run = run_ }
#define ROUND_TRIP(name_, what_, handoff_, placement_)                                            \
	{                                                                                         \
		.name = name_, .what = what_, .run = handoff_run, .argument = &(handoff_),        \
		.placement = placement_                                                           \
	}
#define TIMED_ROUND_TRIP(name_, what_, handoff_, placement_)                                      \
	{                                                                                         \
		.name = name_, .what = what_, .run = handoff_run, .argument = &(handoff_),        \
		.placement = placement_, .values = { BENCH_LATENCY_VALUES }                       \
	}

static const struct bench_case cases[] = {
	ONE_THREAD("clock", "clock_gettime(CLOCK_MONOTONIC)", run_clock),
	ONE_THREAD("syscall", "the shortest system call", run_syscall),
	ONE_THREAD("stat", "stat() of cached files, in turn: the work itself", run_stat),
	ONE_THREAD("open_close", "open() and close() of cached files", run_open_close),
	ONE_THREAD("malloc", "malloc(128) and free()", run_malloc),
	ONE_THREAD("mutex", "lock and unlock a mutex that nobody else wants", run_mutex),
	ONE_THREAD("exchange", "atomic exchange of a word in the own cache", run_exchange),
	{ .name = "exchange/contended", .what = "two threads exchange the same word",
	  .run = handoff_contend, .placement = BENCH_SPLIT },
	ONE_THREAD("eventfd_write", "write an eventfd that nobody watches", run_eventfd_write),
	ONE_THREAD("eventfd_write_read", "write an eventfd and read it", run_eventfd_write_read),
	ONE_THREAD("self_wake", "write an eventfd, epoll_wait, read it", run_self_wake),
	ONE_THREAD("futex_wake", "wake a futex that nobody waits for", run_futex_wake),
	ROUND_TRIP("spin/split", "two polling threads, there and back", spin, BENCH_SPLIT),
	ROUND_TRIP("futex/one_cpu", "futex there, futex back", futex, BENCH_ONE_CPU),
	ROUND_TRIP("futex/split", "futex there, futex back", futex, BENCH_SPLIT),
	ROUND_TRIP("futex/free", "futex there, futex back", futex, BENCH_FREE),
	ROUND_TRIP("epoll/one_cpu", "eventfd and epoll both ways", epoll, BENCH_ONE_CPU),
	ROUND_TRIP("epoll/split", "eventfd and epoll both ways", epoll, BENCH_SPLIT),
	ROUND_TRIP("epoll/free", "eventfd and epoll both ways", epoll, BENCH_FREE),
	TIMED_ROUND_TRIP("futex_out_epoll_back/one_cpu",
			 "futex to a worker, eventfd and epoll back to a loop", bridge,
			 BENCH_ONE_CPU),
	TIMED_ROUND_TRIP("futex_out_epoll_back/split",
			 "futex to a worker, eventfd and epoll back to a loop", bridge,
			 BENCH_SPLIT),
	TIMED_ROUND_TRIP("futex_out_epoll_back/free",
			 "futex to a worker, eventfd and epoll back to a loop", bridge, BENCH_FREE),
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "floor",
		.question = "What does this machine charge for what an offload is made of?",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
		.open = files_open,
		.close = files_close,
	};

	return bench_main(&program, argc, argv);
}
