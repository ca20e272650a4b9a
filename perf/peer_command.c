/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs contestants that are programs of their own, and reads what they measured. */
#include "peer_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#ifndef PERF_SOURCE_ROOT
#define PERF_SOURCE_ROOT "."
#endif
#ifndef PERF_BUILT_GO
#define PERF_BUILT_GO "."
#endif
#define NOT_FOUND 127
#define CANNOT 77

struct language {
	const char *run;    /* a function of the shell that runs what it is given */
	const char *folder; /* of the programs */
	const char *absent;
};

/* The newest CPython of those that work: not every name in the path does. */
static const struct language languages[] = {
	[PEER_PYTHON] = {
		"run() { for python in $PYTHON python3.14 python3.13 python3.12 python3; do "
		"\"$python\" -c '' 2>/dev/null && exec \"$python\" \"$@\"; done; exit 127; }",
		PERF_SOURCE_ROOT "/perf",
		"python3 was not found",
	},
	[PEER_NODE] = {
		"run() { command -v node >/dev/null || exit 127; exec node --expose-gc \"$@\"; }",
		PERF_SOURCE_ROOT "/perf",
		"node was not found (Debian: nodejs)",
	},
	[PEER_GO] = {
		"run() { [ -x \"$1\" ] || exit 127; exec \"$@\"; }",
		PERF_BUILT_GO,
		"the program in Go was not built",
	},
};

/* NAME=VALUE into the value of that name, if the case has one. */
static void tell(const struct bench_case *self, struct bench_sample *sample, const char *word)
{
	const char *equals = strchr(word, '=');

	if (!equals)
		bench_fail("%s is no NAME=VALUE", word);
	for (unsigned i = 0; i < BENCH_VALUES && self->values[i]; i++)
		if (strlen(self->values[i]) == (size_t)(equals - word) &&
		    strncmp(self->values[i], word, (size_t)(equals - word)) == 0)
			sample->values[i] = strtod(equals + 1, NULL);
}

void peer_command(const struct bench_case *self, struct bench_sample *sample)
{
	const struct peer_command *command = self->argument;
	const struct language *language = &languages[command->language];
	unsigned long long operations, wall_ns, cpu_ns;
	char text[2048], line[1024] = "", *rest = line;
	int status, length = 0;
	FILE *program;

	snprintf(text, sizeof(text), "%s; run '%s/%s' %s %llu", language->run, language->folder,
		 command->program, command->arguments, (unsigned long long)sample->operations);
	program = popen(text, "re");
	if (!program)
		bench_fail("cannot run a shell");
	if (!fgets(line, sizeof(line), program))
		line[0] = '\0';
	status = pclose(program);
	line[strcspn(line, "\n")] = '\0';
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)
		bench_skip("%s", language->absent);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT)
		bench_skip("%.100s", line);
	if (status != 0 ||
	    sscanf(line, "%llu %llu %llu%n", &operations, &wall_ns, &cpu_ns, &length) != 3 ||
	    operations != sample->operations)
		bench_fail("failed: %s %s", command->program, command->arguments);
	rest += length;
	for (char *word = strtok(rest, " "); word; word = strtok(NULL, " "))
		tell(self, sample, word);
	sample->wall_ns = wall_ns;
	sample->cpu_ns = sample->thread_cpu_ns = cpu_ns;
}
