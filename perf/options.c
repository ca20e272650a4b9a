/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parses the command line of the programs in perf/. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_REPEATS 11
#define DEFAULT_SECONDS 0.2
#define QUICK_REPEATS 3
#define QUICK_SECONDS 0.02

static void print_help(const struct bench_program *program)
{
	printf("usage: %s [options]\n"
	       "%s\n\n"
	       "  --repeats N       rounds; every case is sampled once a round (%d)\n"
	       "  --seconds S       how long a sample takes (%g)\n"
	       "  --quick           %d rounds of %g s: to see that it works, not to compare\n"
	       "  --only TEXT       only cases whose name contains TEXT, and what they are\n"
	       "                    compared with\n"
	       "  --one NAME        one sample of one case in this very process, for tracing\n"
	       "  --operations N    of that sample\n"
	       "  --json            JSON lines instead of the table\n"
	       "  --json=FILE       JSON lines into FILE, the table besides\n"
	       "  --list            names and meaning of the cases\n"
	       "  --help            this\n\n"
	       "Exit status: 0; 1 if a case failed or a file could not be written; 2 for wrong\n"
	       "arguments; 77 if no case can run here.\n",
	       program->name, program->question, DEFAULT_REPEATS, DEFAULT_SECONDS, QUICK_REPEATS,
	       QUICK_SECONDS);
}

_Noreturn static void complain(const struct bench_program *program, const char *why)
{
	fprintf(stderr, "%s: %s; see --help\n", program->name, why);
	exit(2);
}

/* A number above 0 and at most @most; @why says so where it is not. */
static double number(const struct bench_program *program, const char *text, double most,
		     const char *why)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value > 0) || value > most)
		complain(program, why);
	return value;
}

static uint64_t whole(const struct bench_program *program, const char *text, double most,
		      const char *why)
{
	double value = number(program, text, most, why);

	if (value != (double)(uint64_t)value)
		complain(program, why);
	return (uint64_t)value;
}

struct options options_parse(const struct bench_program *program, int argc, char **argv)
{
	static const struct option known[] = {
		{ "repeats", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' },
		{ "quick", no_argument, NULL, 'q' },
		{ "only", required_argument, NULL, 'o' },
		{ "one", required_argument, NULL, '1' },
		{ "operations", required_argument, NULL, 'n' },
		{ "json", optional_argument, NULL, 'j' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct options options = { .repeats = DEFAULT_REPEATS, .seconds = DEFAULT_SECONDS };
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
		switch (option) {
		case 'r':
			options.repeats = (unsigned)whole(program, optarg, 1000,
							  "--repeats takes 1 to 1000");
			break;
		case 's':
			options.seconds = number(program, optarg, 60,
						 "--seconds takes a number up to 60");
			break;
		case 'q':
			options.repeats = QUICK_REPEATS;
			options.seconds = QUICK_SECONDS;
			break;
		case 'o':
			options.only = optarg;
			break;
		case '1':
			options.one = optarg;
			break;
		case 'n':
			options.one_operations = whole(program, optarg, 1e12,
						       "--operations takes 1 to 1e12");
			break;
		case 'j':
			options.json = true;
			options.json_path = optarg;
			break;
		case 'l':
			options.list = true;
			break;
		case 'h':
			print_help(program);
			exit(EXIT_SUCCESS);
		default:
			exit(2);
		}
	if (optind < argc)
		complain(program, "no arguments are taken besides options");
	if (options.one_operations && !options.one)
		complain(program, "--operations goes with --one");
	return options;
}
