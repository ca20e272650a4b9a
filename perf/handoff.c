/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The round trips of floor.c, which roundtrip.c measures again beside the library's. */
#include "handoff.h"
#include "files.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WARM_UP 100
#define CACHE_LINE 128

/* One direction. */
struct way {
	_Alignas(CACHE_LINE) _Atomic uint32_t word;
	int eventfd, epoll;
};

struct pair {
	struct way out, back;
	const struct bench_case *definition;
	const struct handoff *handoff;
	uint64_t trips;
};

static void way_open(struct way *way)
{
	struct epoll_event event = { .events = EPOLLIN };

	atomic_init(&way->word, 0);
	way->eventfd = eventfd(0, EFD_CLOEXEC);
	way->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (way->eventfd < 0 || way->epoll < 0 ||
	    epoll_ctl(way->epoll, EPOLL_CTL_ADD, way->eventfd, &event) < 0)
		bench_fail("cannot make an eventfd in an epoll: %s", strerror(errno));
}

static void way_close(struct way *way)
{
	close(way->eventfd);
	close(way->epoll);
}

static void futex_send(struct way *way, uint32_t token)
{
	atomic_store_explicit(&way->word, token, memory_order_release);
	syscall(SYS_futex, &way->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void futex_receive(struct way *way, uint32_t token)
{
	while (atomic_load_explicit(&way->word, memory_order_acquire) != token)
		syscall(SYS_futex, &way->word, FUTEX_WAIT_PRIVATE, token - 1, NULL, NULL, 0);
}

static void epoll_send(struct way *way)
{
	uint64_t one = 1;

	if (write(way->eventfd, &one, sizeof(one)) != sizeof(one))
		bench_fail("cannot write an eventfd: %s", strerror(errno));
}

static void epoll_receive(struct way *way)
{
	struct epoll_event event;
	uint64_t count;

	while (epoll_wait(way->epoll, &event, 1, -1) != 1)
		;
	if (read(way->eventfd, &count, sizeof(count)) != sizeof(count))
		bench_fail("cannot read an eventfd: %s", strerror(errno));
}

static void spin_send(struct way *way, uint32_t token)
{
	atomic_store_explicit(&way->word, token, memory_order_release);
}

static void spin_receive(struct way *way, uint32_t token)
{
	while (atomic_load_explicit(&way->word, memory_order_acquire) != token)
		bench_relax();
}

static void trip_out(struct pair *pair, uint32_t token)
{
	switch (pair->handoff->kind) {
	case HANDOFF_FUTEX:
	case HANDOFF_FUTEX_EPOLL:
		futex_send(&pair->out, token);
		break;
	case HANDOFF_EPOLL:
		epoll_send(&pair->out);
		break;
	case HANDOFF_SPIN:
		spin_send(&pair->out, token);
		break;
	}
}

static void trip_back(struct pair *pair, uint32_t token)
{
	switch (pair->handoff->kind) {
	case HANDOFF_FUTEX:
		futex_receive(&pair->back, token);
		break;
	case HANDOFF_EPOLL:
	case HANDOFF_FUTEX_EPOLL:
		epoll_receive(&pair->back);
		break;
	case HANDOFF_SPIN:
		spin_receive(&pair->back, token);
		break;
	}
}

static void answer(struct pair *pair, uint32_t token)
{
	switch (pair->handoff->kind) {
	case HANDOFF_FUTEX:
	case HANDOFF_FUTEX_EPOLL:
		futex_receive(&pair->out, token);
		break;
	case HANDOFF_EPOLL:
		epoll_receive(&pair->out);
		break;
	case HANDOFF_SPIN:
		spin_receive(&pair->out, token);
		break;
	}
	if (pair->handoff->stat)
		bench_check(files_stat(files_path(token)), "stat");
	switch (pair->handoff->kind) {
	case HANDOFF_FUTEX:
		futex_send(&pair->back, token);
		break;
	case HANDOFF_EPOLL:
	case HANDOFF_FUTEX_EPOLL:
		epoll_send(&pair->back);
		break;
	case HANDOFF_SPIN:
		spin_send(&pair->back, token);
		break;
	}
}

static void *counterpart(void *argument)
{
	struct pair *pair = argument;

	if (pair->definition->placement == BENCH_SPLIT)
		bench_pin(1);
	for (uint64_t i = 1; i <= pair->trips; i++)
		answer(pair, (uint32_t)i);
	return NULL;
}

static void trips(struct pair *pair, uint64_t first, uint64_t count, struct bench_sample *sample)
{
	for (uint64_t i = first; i < first + count; i++) {
		uint64_t began = sample ? bench_now() : 0;

		trip_out(pair, (uint32_t)i);
		trip_back(pair, (uint32_t)i);
		if (sample)
			bench_latency(sample, bench_now() - began);
	}
}

static pthread_t start_thread(void *(*function)(void *), void *argument)
{
	pthread_t thread;

	bench_check(-pthread_create(&thread, NULL, function, argument), "pthread_create");
	return thread;
}

void handoff_run(const struct bench_case *self, struct bench_sample *sample)
{
	struct pair pair = {
		.definition = self,
		.handoff = self->argument,
		.trips = WARM_UP + sample->operations,
	};
	pthread_t thread;

	way_open(&pair.out);
	way_open(&pair.back);
	if (self->placement == BENCH_SPLIT)
		bench_pin(0);
	thread = start_thread(counterpart, &pair);
	trips(&pair, 1, WARM_UP, NULL);
	bench_start(sample);
	trips(&pair, 1 + WARM_UP, sample->operations, pair.handoff->latencies ? sample : NULL);
	bench_stop(sample);
	pthread_join(thread, NULL);
	way_close(&pair.out);
	way_close(&pair.back);
	if (pair.handoff->latencies)
		bench_latency_values(sample);
}

/* ---- contention ---- */

struct contest {
	_Alignas(CACHE_LINE) _Atomic uint64_t word;
	_Alignas(CACHE_LINE) pthread_barrier_t begin;
	uint64_t exchanges;
};

static void exchange_often(struct contest *contest)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < contest->exchanges; i++)
		sum += atomic_exchange_explicit(&contest->word, i, memory_order_acq_rel);
	bench_use(sum);
}

static void *contender(void *argument)
{
	struct contest *contest = argument;

	bench_pin(1);
	pthread_barrier_wait(&contest->begin);
	exchange_often(contest);
	return NULL;
}

void handoff_contend(const struct bench_case *self, struct bench_sample *sample)
{
	struct contest contest = { .exchanges = sample->operations };
	pthread_t thread;

	(void)self;
	pthread_barrier_init(&contest.begin, NULL, 2);
	bench_pin(0);
	thread = start_thread(contender, &contest);
	pthread_barrier_wait(&contest.begin);
	bench_start(sample);
	exchange_often(&contest);
	pthread_join(thread, NULL);
	bench_stop(sample);
	pthread_barrier_destroy(&contest.begin);
}
