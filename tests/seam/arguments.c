/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading the arguments of a model program.
 *
 * Called by explore(), first.
 */
#include "seam/arguments.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: %s [option...]\n"
	"Plays scenes of a few threads by many schedules, and tells of one that fails.\n"
	"  --list            the scenes\n"
	"  --scene NAME      this one only\n"
	"  --deviations N    depth first with so many deviations from \"who runs goes on\"\n"
	"  --count N         so many random walks, and as many by random priorities\n"
	"  --seed N          of those\n"
	"  --schedule TEXT   plays the one scene by this schedule, step by step\n"
	"  --json            the figures as one object for each scene\n"
	"FERRY_TEST_LONG=1 in the environment asks for more of all.\n"
	"Leaves with status 0 if no schedule failed, 1 if one did, 2 if misused.\n";

static long read_number(const char *program, const char *text)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 0);
	if (errno || *end || end == text || number < 0) {
		fprintf(stderr, "%s: \"%s\" is no number\n", program, text);
		exit(2);
	}
	return number;
}

/* One that stands alone: false if it is none of those. */
static bool read_flag(struct arguments *arguments, const char *word)
{
	if (!strcmp(word, "--help")) {
		printf(usage, arguments->program);
		exit(0);
	}
	if (!strcmp(word, "--list"))
		return arguments->list = true;
	if (!strcmp(word, "--json"))
		return arguments->json = true;
	return false;
}

static bool read_option(struct arguments *arguments, const char *word, const char *value)
{
	const char *program = arguments->program;

	if (!value)
		return false;
	if (!strcmp(word, "--scene"))
		arguments->scene = value;
	else if (!strcmp(word, "--schedule"))
		arguments->schedule = value;
	else if (!strcmp(word, "--deviations"))
		arguments->deviations = read_number(program, value);
	else if (!strcmp(word, "--count"))
		arguments->count = read_number(program, value);
	else if (!strcmp(word, "--seed"))
		arguments->seed = (unsigned long)read_number(program, value);
	else
		return false;
	return true;
}

struct arguments arguments_read(int count, char **words)
{
	const char *is_long = getenv("FERRY_TEST_LONG"), *slash = strrchr(words[0], '/');
	struct arguments arguments = { .deviations = -1, .count = -1, .seed = 1 };

	arguments.program = slash ? slash + 1 : words[0];
	arguments.is_long = is_long && *is_long && strcmp(is_long, "0");
	for (int i = 1; i < count; i++) {
		if (read_flag(&arguments, words[i]))
			continue;
		if (!read_option(&arguments, words[i], words[i + 1])) {
			fprintf(stderr, usage, arguments.program);
			exit(2);
		}
		i++;
	}
	if (arguments.schedule && !arguments.scene) {
		fprintf(stderr, "%s: --schedule needs --scene\n", arguments.program);
		exit(2);
	}
	return arguments;
}
