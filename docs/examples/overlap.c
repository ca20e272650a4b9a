/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overlap: does it write while it computes?
 *
 *   overlap [options]      (--help lists them)
 *
 *   round      0                1                2
 *   work    [======]         [======]         [======]
 *   write           [---]            [---]            [---]    serial
 *
 *   work    [======][======][======]
 *   write           [---]   [---]   [---]                      ideal
 *
 * A program computes, and writes what came of it, again and again. Ten ways to do so with tasks are
 * in overlap-cases.c, the file to read next, each a step of about ten lines. Here they are played:
 * the work keeps the thread of the loop busy, the write blocks a worker of a pool. What happened
 * when is in overlap-timeline.c, and overlap-report.c tells it.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "overlap-report.h"

struct theatre {
	struct stage stage;
	const struct options *options;
	ferry_pool *pool;
	struct write {
		unsigned ms;
		uint64_t took_ns;
	} writes[ROUNDS];
};

static int cannot(const char *what, int error)
{
	fprintf(stderr, "overlap: cannot %s: %s\n", what, strerror(-error));
	return error;
}

static struct theatre *theatre_of(struct stage *stage)
{
	return (struct theatre *)((char *)stage - offsetof(struct theatre, stage));
}

/* ---- work, and a write ---- */

static uint64_t cpu_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* So much CPU time, however long that takes. */
static void compute(struct stage *stage)
{
	uint64_t until = cpu_now_ns() + theatre_of(stage)->options->work_ms * UINT64_C(1000000);

	while (cpu_now_ns() < until)
		;
}

/* On a worker, which it blocks as a slow disk would. */
static int write_slowly(void *arg, ferry_result *out)
{
	struct write *write = arg;
	struct timespec left = { write->ms / 1000, write->ms % 1000 * 1000000L };
	uint64_t began = ferry_now_ns();

	(void)out;
	while (nanosleep(&left, &left) < 0)
		;
	write->took_ns = ferry_now_ns() - began;
	return 0;
}

static ferry_local *write_begin(struct stage *stage, int round)
{
	struct theatre *theatre = theatre_of(stage);

	return ferry_offload(stage->loop, theatre->pool, write_slowly, &theatre->writes[round],
			     NULL);
}

/* ---- played ---- */

static int play(struct theatre *theatre, const struct example *example, struct outcome *ret)
{
	int error;

	for (int round = 0; round < ROUNDS; round++)
		theatre->writes[round] = (struct write){ .ms = theatre->options->write_ms };
	error = example_play(example, &theatre->stage);
	if (error < 0)
		return cannot("play a case", error);
	ret->example = example;
	ret->timeline = theatre->stage.timeline;
	for (int round = 0; round < ROUNDS; round++)
		ret->write_ns[round] = theatre->writes[round].took_ns;
	return 0;
}

/* As often as it is asked for: the time that came nearest to the ideal. */
static int play_best(struct theatre *theatre, const struct example *example, struct outcome *ret)
{
	struct outcome outcome;

	for (unsigned i = 0; i < theatre->options->repeat; i++) {
		int error = play(theatre, example, &outcome);

		if (error < 0)
			return error;
		if (i == 0 || outcome_above_ideal(&outcome) < outcome_above_ideal(ret))
			*ret = outcome;
	}
	return 0;
}

/* All that are asked for: how many, or a negative errno. */
static int play_all(struct theatre *theatre, struct outcome *outcomes)
{
	int count = 0, error = 0;

	for (int i = 0; i < EXAMPLES && error == 0; i++) {
		if (theatre->options->only && (int)theatre->options->only != examples[i].number)
			continue;
		error = play_best(theatre, &examples[i], &outcomes[count++]);
	}
	return error < 0 ? error : count;
}

static int theatre_open(struct theatre *theatre)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	int error = ferry_loop_new(NULL, &theatre->stage.loop);

	if (error < 0)
		return cannot("make a loop", error);
	options.name = "overlap";
	options.min_threads = options.max_threads = ROUNDS;
	error = ferry_pool_new(&options, &theatre->pool);
	return error < 0 ? cannot("start workers", error) : 0;
}

static void theatre_close(struct theatre *theatre)
{
	ferry_loop_free(theatre->stage.loop);
	if (!theatre->pool)
		return;
	ferry_pool_shutdown(theatre->pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE);
	ferry_pool_free(theatre->pool);
}

static int tell(const struct options *options, const struct outcome *outcomes, int count)
{
	int status = EXIT_FINE, error = report_print(options, outcomes, count);

	for (int i = 0; i < count; i++)
		if (!outcome_is_expected(&outcomes[i]))
			status = EXIT_OTHERWISE;
	if (error < 0) {
		cannot("write what came of it", error);
		status = EXIT_NOT_DONE;
	}
	return status;
}

int main(int argc, char **argv)
{
	struct outcome outcomes[EXAMPLES];
	struct options options;
	struct theatre theatre = { .stage = { .work = compute, .write = write_begin },
				   .options = &options };
	int status = options_read(&options, argc, argv), count;

	if (status >= 0)
		return status;
	count = theatre_open(&theatre);
	if (count == 0)
		count = play_all(&theatre, outcomes);
	theatre_close(&theatre);
	return count < 0 ? EXIT_NOT_DONE : tell(&options, outcomes, count);
}
