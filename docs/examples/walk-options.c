/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of ferry-walk. A wrong one is told in one line on stderr and ends the program
 * with EXIT_USAGE before anything is started.
 */
#include "walk-options.h"

#include <getopt.h>
#include <stdio.h>

#include <ferry/base.h>

#include "number.h"

enum {
	IN_FLIGHT_DEFAULT = 256,
	IN_FLIGHT_MOST = 65536,
	THREADS_MOST = 1024
};

static const char help[] =
	"Usage: ferry-walk [options] DIR\n"
	"\n"
	"Walks the tree under DIR from an event loop: stats every entry, opens and closes\n"
	"every regular file, while a 1 ms heartbeat on the loop measures the longest stall.\n"
	"Counts what find counts; never follows a link.\n"
	"\n"
	"  --policy WORD  where the calls are made:\n"
	"      auto       on the loop's thread if the kernel has the answer in its caches and\n"
	"                 few calls are under way, else on worker threads (the default)\n"
	"      inline     on the loop's thread whenever the kernel has the answer\n"
	"      pool       on worker threads, all of them\n"
	"      blocking   on the loop's thread, which waits for each, for comparison; without\n"
	"                 workers --in-flight and --threads make no difference\n"
	"                 With auto and inline you vouch that no watcher (fanotify, as of a\n"
	"                 virus scanner) decides who may open files under DIR: whether a path\n"
	"                 is cached the kernel tells, whether its open has to wait for a\n"
	"                 watcher it does not. If you are not sure: pool, or --no-open\n"
	"  --in-flight N  begin at most N entries at a time, 1 to 65536 (default 256)\n"
	"  --threads N    at most N worker threads, 1 to 1024 (default: the smaller of\n"
	"                 32 and CPUs + 4)\n"
	"  --blocking     the same as --policy blocking\n"
	"  --no-open      only stat, open no file\n"
	"  --list FILE    write a line \"TYPE DEVICE INODE SIZE PATH\" for every entry, TYPE as\n"
	"                 find's %y; control characters and backslashes in PATH as \\ooo.\n"
	"                 Written from the loop's thread: a slow FILE shows as a stall, and\n"
	"                 one that nobody reads holds up Ctrl-C as well\n"
	"  --json         print the totals as one JSON object\n"
	"  --help         print this\n"
	"  --version      print the version of the library\n"
	"\n"
	"DIR may be a link: it is counted, not followed, unless a slash ends it.\n"
	"Ctrl-C ends the walk with the totals so far.\n"
	"\n"
	"Exit status: 0 all fine; 1 errors were counted; 2 wrong usage; 3 the walk could\n"
	"not be done or its output not be written; 130 interrupted.\n";

static int usage_error(void)
{
	fputs("ferry-walk: try --help\n", stderr);
	return EXIT_USAGE;
}

static int version_print(void)
{
	unsigned version = ferry_version();

	printf("ferry-walk %u.%u.%u\n", version / 1000000, version / 1000 % 1000, version % 1000);
	return EXIT_FINE;
}

static int directory_read(struct options *options, int count, char **arguments)
{
	if (count != 1) {
		fprintf(stderr, "ferry-walk: %s\n",
			count ? "more than one DIR was given" : "no DIR was given");
		return usage_error();
	}
	options->directory = arguments[0];
	return -1;
}

int options_read(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{ "policy", required_argument, NULL, 'p' },
		{ "in-flight", required_argument, NULL, 'i' },
		{ "threads", required_argument, NULL, 't' },
		{ "blocking", no_argument, NULL, 'b' },
		{ "no-open", no_argument, NULL, 'n' },
		{ "list", required_argument, NULL, 'l' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	*options = (struct options){ .in_flight = IN_FLIGHT_DEFAULT, .open_files = true };
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'p':
			if (!policy_read("ferry-walk", optarg, &options->policy))
				return usage_error();
			break;
		case 'i':
			if (!number_read("ferry-walk", "in-flight", optarg, IN_FLIGHT_MOST,
					 &options->in_flight))
				return usage_error();
			break;
		case 't':
			if (!number_read("ferry-walk", "threads", optarg, THREADS_MOST,
					 &options->threads))
				return usage_error();
			break;
		case 'b':
			options->policy = POLICY_BLOCKING;
			break;
		case 'n':
			options->open_files = false;
			break;
		case 'l':
			options->list = optarg;
			break;
		case 'j':
			options->json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_FINE;
		case 'v':
			return version_print();
		default: /* getopt_long has told it */
			return usage_error();
		}
	}
	return directory_read(options, argc - optind, argv + optind);
}
