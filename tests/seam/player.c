/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Playing a scene once, and telling of a play that failed.
 *
 * Called by the explorer. A schedule that fails is made as short as it can be: each of its
 * deviations is left out in turn, and stays out if it fails without it.
 */
#include "seam/player.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seam/arena.h"

#if defined(COROUTINE_ASAN) || defined(COROUTINE_TSAN)
#include <sanitizer/common_interface_defs.h>
#endif

#define HANG_SECONDS 60
#define RUNS_TO_LOOK 1024
/* A longer schedule is told as it is, and one that is longer than that is cut. */
#define SHORTEN_MOST 4096
#define TOLD_MOST 1000

static const char *program_name;
static const struct scene *playing; /* NULL: between runs */
static uint64_t runs;

/* ---- one run ---- */

static void *play(void *argument)
{
	((const struct scene *)argument)->play();
	return NULL;
}

struct run player_run(const struct scene *scene)
{
	struct run run;

	if (runs++ % RUNS_TO_LOOK == 0)
		alarm(HANG_SECONDS);
	machine_reset();
	playing = scene;
	run = scheduler_run(play, (void *)scene);
	playing = NULL;
	if (!run.failure)
		run.failure = descriptors_left();
	if (!run.failure)
		run.failure = signals_left();
	if (!run.failure && arena_left())
		run.failure = "memory is left that nobody freed";
	if (!run.failure && arena_find_written())
		run.failure = "freed memory was written";
	return run;
}

/* ---- crashes ---- */

static void tell_crash(int signal_number)
{
	char text[TOLD_MOST + 512];
	int length;

	if (!playing)
		_exit(1);
	length = snprintf(text, sizeof(text), "\n%s: scene %s: %s\nreplay: %s --scene %s "
			  "--schedule %.*s\n", program_name, playing->name,
			  signal_number == SIGALRM ? "hangs" : "crashes", program_name,
			  playing->name, TOLD_MOST, schedule_text());
	if (write(STDERR_FILENO, text, (size_t)length) < 0)
		_exit(2);
	if (signal_number)
		_exit(1);
}

#if defined(COROUTINE_ASAN) || defined(COROUTINE_TSAN)
/* The sanitizer has told what is wrong, and ends the program when we return. */
static void tell_death(void)
{
	/* To ThreadSanitizer this must not race: it would wait for itself. */
	coroutine_enter();
	if (playing)
		tell_crash(0);
}
#endif

void player_watch(const char *program)
{
	static char stack[65536];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_handler = tell_crash, .sa_flags = SA_ONSTACK };

	program_name = program;
	sigaltstack(&alternate, NULL);
	sigaction(SIGALRM, &action, NULL);
#if defined(COROUTINE_ASAN) || defined(COROUTINE_TSAN)
	__sanitizer_set_death_callback(tell_death);
#else
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGABRT, &action, NULL);
#endif
}

/* ---- failures ---- */

/* By the deviations that were read before. */
static const char *run_again(const struct scene *scene)
{
	schedule_begin(STRATEGY_REPLAY, 0, 0);
	schedule_next();
	return player_run(scene).failure;
}

static void shorten(const struct scene *scene)
{
	static char before[SHORTEN_MOST];
	unsigned at = 0;

	if (strlen(schedule_text()) >= sizeof(before))
		return;
	for (;;) {
		snprintf(before, sizeof(before), "%s", schedule_text());
		if (!schedule_read_without(at))
			return;
		if (run_again(scene))
			continue;
		schedule_read(before);
		run_again(scene);
		at++;
	}
}

void player_tell(const struct scene *scene, const char *failure)
{
	char first[512];

	snprintf(first, sizeof(first), "%s", failure);
	shorten(scene);
	schedule_read(schedule_text());
	/* Nobody reads each step in a log; whoever sits there does. */
	scheduler_trace(isatty(STDERR_FILENO));
	failure = run_again(scene);
	scheduler_trace(false);
	fprintf(stderr, "%s: scene %s: %s\n%s", program_name, scene->name, first,
		scheduler_report());
	if (failure && strcmp(failure, first))
		fprintf(stderr, "by the shortest schedule: %s\n", failure);
	fprintf(stderr, "replay: %s --scene %s --schedule %.*s%s\n", program_name, scene->name,
		TOLD_MOST, schedule_text(), strlen(schedule_text()) > TOLD_MOST ? "..." : "");
}

bool player_replay(const struct scene *scene, const char *schedule)
{
	const char *failure;

	if (!schedule_read(schedule)) {
		fprintf(stderr, "%s: \"%s\" is no schedule\n", program_name, schedule);
		return false;
	}
	scheduler_trace(true);
	failure = run_again(scene);
	scheduler_trace(false);
	if (failure)
		fprintf(stderr, "%s: scene %s: %s\n%s", program_name, scene->name, failure,
			scheduler_report());
	else
		fprintf(stderr, "%s: scene %s: does not fail by this schedule\n", program_name,
			scene->name);
	return !failure;
}
