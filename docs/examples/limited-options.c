/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of limited-stat. A wrong one is told on stderr before anything is started. */
#include "limited-options.h"

#include <getopt.h>
#include <stdio.h>

#include "number.h"

enum {
	LIMIT_DEFAULT = 64,
	COUNT_DEFAULT = 100000,
	COUNT_MOST = 1000000, /* some 250 bytes each */
	THREADS_MOST = 1024
};

static const char help[] =
	"Usage: limited-stat [options] [DIR]\n"
	"\n"
	"Stats a hundred thousand files of the tree under DIR (/usr), each in a task of its\n"
	"own. All tasks are made and handed to a limiter at once; it starts them one after\n"
	"the other, as others end, so that at most 64 are under way at any time.\n"
	"\n"
	"  --limit N      at most N at a time, 1 to 1000000 (default 64)\n"
	"  --count N      N stats, 1 to 1000000 (default 100000); where there are fewer files\n"
	"                 their names are used again\n"
	"  --threads N    at most N worker threads, 1 to 1024 (default: the smaller of\n"
	"                 32 and CPUs + 4)\n"
	"  --json         print the totals as one JSON object\n"
	"  --help         print this\n"
	"\n"
	"Links are followed, so that one that leads nowhere is an error; errors are counted.\n"
	"Ctrl-C cancels the tasks that are left, and the totals tell what was done.\n"
	"\n"
	"Exit status: 0 all fine; 1 errors were counted; 2 wrong usage; 3 it could not be\n"
	"done or its output not be written; 130 interrupted.\n";

static int usage_error(void)
{
	fputs("limited-stat: try --help\n", stderr);
	return EXIT_USAGE;
}

static int directory_read(struct options *options, int count, char **arguments)
{
	if (count > 1) {
		fputs("limited-stat: more than one DIR was given\n", stderr);
		return usage_error();
	}
	options->directory = count ? arguments[0] : "/usr";
	return -1;
}

int options_read(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{ "limit", required_argument, NULL, 'l' },
		{ "count", required_argument, NULL, 'c' },
		{ "threads", required_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	*options = (struct options){ .limit = LIMIT_DEFAULT, .count = COUNT_DEFAULT };
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'l':
			if (!number_read("limited-stat", "limit", optarg, COUNT_MOST,
					 &options->limit))
				return usage_error();
			break;
		case 'c':
			if (!number_read("limited-stat", "count", optarg, COUNT_MOST,
					 &options->count))
				return usage_error();
			break;
		case 't':
			if (!number_read("limited-stat", "threads", optarg, THREADS_MOST,
					 &options->threads))
				return usage_error();
			break;
		case 'j':
			options->json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_FINE;
		default: /* getopt_long has told it */
			return usage_error();
		}
	}
	return directory_read(options, argc - optind, argv + optind);
}
