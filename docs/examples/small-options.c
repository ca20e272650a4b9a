/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of small-files. A wrong one is told on stderr before anything is started. */
#include "small-options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

enum {
	FILES_DEFAULT = 10000,
	FILES_MOST = 1000000,
	LIMIT_DEFAULT = 64,
	LIMIT_MOST = 512, /* each has a file open */
	THREADS_MOST = 1024
};

static const char help[] =
	"Usage: small-files [options] [DIR]\n"
	"\n"
	"Reads ten thousand small files, each in a task of its own: open, read, close. A\n"
	"limiter has 64 of the tasks under way at a time. Without DIR it makes the files\n"
	"itself, in a temporary folder that it removes again, and says whether it has read\n"
	"what it wrote; with DIR it reads the regular files in there, not deeper.\n"
	"\n"
	"  --policy WORD    where the calls are made:\n"
	"      auto         on the loop's thread if the kernel has the answer in its caches\n"
	"                   and few calls are under way, else on worker threads (the default)\n"
	"      inline       on the loop's thread whenever the kernel has the answer\n"
	"      pool         on worker threads, all of them\n"
	"      blocking     on the loop's thread, which waits for each, for comparison\n"
	"                   With auto and inline you vouch that no watcher (fanotify, as of a\n"
	"                   virus scanner) decides who may open the files\n"
	"  --files N        make N files, or read at most N, 1 to 1000000 (default 10000)\n"
	"  --limit N        at most N at a time, 1 to 512 (default 64)\n"
	"  --threads N      at most N worker threads, 1 to 1024 (default: the smaller of\n"
	"                   32 and CPUs + 4)\n"
	"  --checksum HEX   it is an error if all that was read has not this checksum, one\n"
	"                   that an earlier run has told\n"
	"  --json           print the totals as one JSON object\n"
	"  --help           print this\n"
	"\n"
	"A file of more than 64 KiB is not small, and an error; errors are counted. Ctrl-C\n"
	"ends it, and the totals tell what was read.\n"
	"\n"
	"Exit status: 0 all fine; 1 errors were counted, or the checksum is another one;\n"
	"2 wrong usage; 3 it could not be done or its output not be written; 130\n"
	"interrupted.\n";

static int usage_error(void)
{
	fputs("small-files: try --help\n", stderr);
	return EXIT_USAGE;
}

static bool checksum_read(const char *text, struct options *options)
{
	enum { DIGITS = 16 };

	if (strlen(text) != DIGITS || strspn(text, "0123456789abcdef") != DIGITS) {
		fprintf(stderr, "small-files: --checksum: '%s' is not %d hexadecimal digits\n",
			text, DIGITS);
		return false;
	}
	options->has_checksum = true;
	options->checksum = strtoull(text, NULL, 16);
	return true;
}

static int directory_read(struct options *options, int count, char **arguments)
{
	if (count > 1) {
		fputs("small-files: more than one DIR was given\n", stderr);
		return usage_error();
	}
	options->directory = count ? arguments[0] : NULL;
	return -1;
}

static bool number_of(const char *option, unsigned most, unsigned *ret)
{
	return number_read("small-files", option, optarg, most, ret);
}

int options_read(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{ "policy", required_argument, NULL, 'p' },
		{ "files", required_argument, NULL, 'f' },
		{ "limit", required_argument, NULL, 'l' },
		{ "threads", required_argument, NULL, 't' },
		{ "checksum", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	bool right = true;
	int option;

	*options = (struct options){ .files = FILES_DEFAULT, .limit = LIMIT_DEFAULT };
	while (right && (option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'p':
			right = policy_read("small-files", optarg, &options->policy);
			break;
		case 'f':
			right = number_of("files", FILES_MOST, &options->files);
			break;
		case 'l':
			right = number_of("limit", LIMIT_MOST, &options->limit);
			break;
		case 't':
			right = number_of("threads", THREADS_MOST, &options->threads);
			break;
		case 'c':
			right = checksum_read(optarg, options);
			break;
		case 'j':
			options->json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_FINE;
		default: /* getopt_long has told it */
			right = false;
		}
	}
	return right ? directory_read(options, argc - optind, argv + optind) : usage_error();
}
