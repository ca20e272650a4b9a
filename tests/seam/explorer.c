/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The explorer: plays each scene by many schedules.
 *
 * Called by main() of a model program. A scene is explored depth first up to a number of
 * deviations, then by random walks and by random priorities. The number of schedules is
 * the same on every machine; how long they take is not.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/process.h"
#include "seam/arguments.h"
#include "seam/player.h"
#include "seam/touches.h"

#define COUNT 20000
#define COUNT_LONG 1000000
/* Three threads in the wrong order take two places where a priority changes (PCT, d = 3). */
#define CHANGES 2

struct exploration {
	const struct arguments *arguments;
	const struct scene *scene;
	unsigned deviations;
	uint64_t depth, count; /* schedules in order; at random, of each kind */
	uint64_t played;
	unsigned steps_most, threads_most;
	double seconds;
};

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- progress ---- */

static void show_progress(const struct exploration *exploration, const char *what, double began,
			  double share)
{
	static double shown;
	double now;

	if (exploration->played % 256 || !isatty(STDERR_FILENO))
		return;
	now = seconds_now();
	if (now - shown < 0.2 || share <= 0)
		return;
	shown = now;
	fprintf(stderr, "\r%s: %s: %llu schedules, %.0f %%, %.0f s left\033[K",
		exploration->scene->name, what, (unsigned long long)exploration->played,
		share * 100, (now - began) / share * (1 - share));
}

static void end_progress(void)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
}

/* ---- many schedules ---- */

/* Plays until there is no next one, or so many: true if none failed. */
static bool play_all(struct exploration *exploration, const char *what, uint64_t most)
{
	double began = seconds_now();

	for (uint64_t i = 0; i < most && schedule_next(); i++) {
		struct run run = player_run(exploration->scene);

		exploration->played++;
		if (run.failure) {
			end_progress();
			player_tell(exploration->scene, run.failure);
			return false;
		}
		if (run.steps > exploration->steps_most)
			exploration->steps_most = run.steps;
		if (run.threads > exploration->threads_most)
			exploration->threads_most = run.threads;
		show_progress(exploration, what, began,
			      most == UINT64_MAX ? schedule_share() : (double)i / (double)most);
	}
	return true;
}

/* What one pass learned to be shared may be a place to switch at: again, until nothing is. */
static bool explore_depth(struct exploration *exploration)
{
	scheduler_learned();
	do {
		uint64_t before = exploration->played;

		schedule_begin(STRATEGY_DEPTH, exploration->deviations, 0);
		if (!play_all(exploration, "depth first", UINT64_MAX))
			return false;
		exploration->depth = exploration->played - before;
	} while (scheduler_learned());
	return true;
}

static bool explore_all(struct exploration *exploration)
{
	touches_forget();
	if (!explore_depth(exploration))
		return false;
	schedule_begin(STRATEGY_RANDOM, 0, exploration->arguments->seed);
	if (!play_all(exploration, "random walks", exploration->count))
		return false;
	schedule_begin(STRATEGY_PRIORITY, CHANGES, exploration->arguments->seed);
	return play_all(exploration, "priorities", exploration->count);
}

static void print_figures(const struct exploration *exploration)
{
	char bound[48] = "";

	if (exploration->deviations < EVERY)
		snprintf(bound, sizeof(bound), " with at most %u deviations",
			 exploration->deviations);
	if (exploration->arguments->json)
		printf("{\"scene\": \"%s\", \"threads\": %u, \"steps\": %u, \"deviations\": %u, "
		       "\"interleavings\": %llu, \"walks\": %llu, \"priorities\": %llu, "
		       "\"seconds\": %.2f}\n",
		       exploration->scene->name, exploration->threads_most,
		       exploration->steps_most, exploration->deviations,
		       (unsigned long long)exploration->depth,
		       (unsigned long long)exploration->count,
		       (unsigned long long)exploration->count, exploration->seconds);
	else
		printf("%-20s %u threads, %u steps: all %llu interleavings%s, %llu random walks, "
		       "%llu by priorities; %.1f s\n",
		       exploration->scene->name, exploration->threads_most,
		       exploration->steps_most, (unsigned long long)exploration->depth, bound,
		       (unsigned long long)exploration->count,
		       (unsigned long long)exploration->count, exploration->seconds);
	fflush(stdout);
}

/* How much of it: less where each step costs more. */
static void set_extent(struct exploration *exploration)
{
	const struct arguments *arguments = exploration->arguments;
	const struct scene *scene = exploration->scene;

	exploration->deviations = arguments->is_long ? scene->long_deviations : scene->deviations;
	exploration->count = arguments->is_long ? COUNT_LONG : COUNT;
#if defined(COROUTINE_ASAN) || defined(COROUTINE_TSAN)
	if (exploration->deviations < EVERY && exploration->deviations > 1)
		exploration->deviations--;
	exploration->count /= 5;
#endif
#if defined(COROUTINE_TSAN)
	/* It finds what is not ordered in whichever order it is: few will do. */
	exploration->count /= 4;
#endif
	if (arguments->deviations >= 0)
		exploration->deviations = (unsigned)arguments->deviations;
	if (arguments->count >= 0)
		exploration->count = (uint64_t)arguments->count;
}

/* ---- the program ---- */

static void prepare(void)
{
	CHECK(process_prepare() == 0);
}

/* What a process does but once is done before: a scene is the same from its first run on. */
static void begin_process(void)
{
	static const struct scene first = { "begin", prepare, 0, 0 };

	schedule_begin(STRATEGY_REPLAY, 0, 0);
	schedule_next();
	player_run(&first);
}

int explore(int count, char **words, const struct scene *scenes, unsigned scene_count)
{
	struct arguments arguments = arguments_read(count, words);
	uint64_t interleavings = 0, random = 0;
	bool good = true, found = false;

	player_watch(arguments.program);
	begin_process();
	for (const struct scene *scene = scenes; scene < scenes + scene_count; scene++) {
		struct exploration exploration = { .arguments = &arguments, .scene = scene };
		double began = seconds_now();

		if (arguments.scene && strcmp(arguments.scene, scene->name))
			continue;
		found = true;
		if (arguments.list) {
			printf("%s\n", scene->name);
		} else if (arguments.schedule) {
			good &= player_replay(scene, arguments.schedule);
		} else {
			set_extent(&exploration);
			/* What is broken is found once. */
			if (!explore_all(&exploration))
				return 1;
			end_progress();
			exploration.seconds = seconds_now() - began;
			print_figures(&exploration);
			interleavings += exploration.depth;
			random += 2 * exploration.count;
		}
	}
	if (!found) {
		fprintf(stderr, "%s: there is no scene %s; see --list\n", arguments.program,
			arguments.scene);
		return 2;
	}
	if (!arguments.list && !arguments.schedule && !arguments.json && good)
		printf("%llu interleavings in order and %llu at random, none failed\n",
		       (unsigned long long)interleavings, (unsigned long long)random);
	return good ? 0 : 1;
}
