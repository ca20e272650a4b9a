/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/wakeups: how often a loop is rung for what is posted to it. Another thread posts
 * bursts with ferry_loop_call_soon_threadsafe() and begins the next when the loop has
 * handled the last; only a sleeping loop is rung, so a burst should cost one ring.
 */
#include "bench.h"

#include <ferry.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>

struct burst {
	unsigned posts;
	bool no_polling;
};

struct setting {
	const struct burst *burst;
	uint64_t bursts;
	ferry_loop *loop;
	sem_t handled;         /* a burst was */
	uint64_t received, expected;
};

static void on_post(ferry_loop *loop, void *user)
{
	struct setting *setting = user;

	setting->received++;
	if (setting->received == setting->expected)
		bench_check(ferry_loop_stop(loop), "ferry_loop_stop");
	if (setting->received % setting->burst->posts == 0)
		sem_post(&setting->handled);
}

static void on_time(ferry_loop *loop, void *user)
{
	(void)loop, (void)user;
}

static void *poster(void *user)
{
	struct setting *setting = user;

	for (uint64_t i = 0; i < setting->bursts; i++) {
		for (unsigned post = 0; post < setting->burst->posts; post++)
			bench_check(ferry_loop_call_soon_threadsafe(setting->loop, on_post,
								    setting),
				    "ferry_loop_call_soon_threadsafe");
		while (sem_wait(&setting->handled) < 0 && errno == EINTR)
			;
	}
	return NULL;
}

static void run_bursts(const struct bench_case *self, struct bench_sample *sample)
{
	const struct burst *burst = self->argument;
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
	struct setting setting = {
		.burst = burst,
		.bursts = sample->operations / burst->posts,
		.expected = sample->operations,
	};
	ferry_loop_counters counters;
	pthread_t thread;

	if (burst->no_polling)
		options.poll_ns = FERRY_NO_DEADLINE;
	bench_check(ferry_loop_new(&options, &setting.loop), "ferry_loop_new");
	/* Something must be pending, or the loop would not wait for posts. */
	bench_check(ferry_loop_call_at(setting.loop, ferry_in_ns(3600 * BENCH_SECOND), on_time,
				       NULL, NULL),
		    "ferry_loop_call_at");
	sem_init(&setting.handled, 0, 0);
	bench_start(sample);
	bench_check(-pthread_create(&thread, NULL, poster, &setting), "pthread_create");
	bench_check(ferry_loop_run(setting.loop), "ferry_loop_run");
	bench_stop(sample);
	pthread_join(thread, NULL);
	bench_check(ferry_loop_stats(setting.loop, &counters), "ferry_loop_stats");
	if (setting.received != sample->operations)
		bench_fail("posts were lost");
	sample->values[0] = (double)counters.rings / (double)sample->operations;
	sample->values[1] = (double)sample->operations / (double)counters.rings;
	sample->values[2] = (double)counters.sleeps / (double)sample->operations;
	bench_check(ferry_loop_free(setting.loop), "ferry_loop_free");
	sem_destroy(&setting.handled);
}

static const struct burst burst_1 = { 1, true }, burst_16 = { 16, true };
static const struct burst burst_256 = { 256, true }, burst_4096 = { 4096, true };
static const struct burst burst_1_polling = { 1, false };
static const struct burst burst_256_polling = { 256, false };

#define BURST(name_, what_, burst_, posts_)                                                       \
	{                                                                                         \
		.name = name_, .what = what_, .run = run_bursts, .argument = &(burst_),           \
		.granule = posts_,                                                                \
		.values = { "rings_per_post", "posts_per_ring", "sleeps_per_post" }               \
	}

static const struct bench_case cases[] = {
	BURST("burst/1", "one post at a time", burst_1, 1),
	BURST("burst/16", "bursts of 16", burst_16, 16),
	BURST("burst/256", "bursts of 256", burst_256, 256),
	BURST("burst/4096", "bursts of 4096", burst_4096, 4096),
	BURST("polling/1", "one at a time, the loop polls before it sleeps", burst_1_polling, 1),
	BURST("polling/256", "bursts of 256, the loop polls before it sleeps", burst_256_polling,
	      256),
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "wakeups",
		.question = "How often is a loop rung for what is posted to it?",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
	};

	return bench_main(&program, argc, argv);
}
