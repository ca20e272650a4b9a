/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of overlap. A wrong one is told on stderr before anything is started. */
#include "overlap-options.h"

#include <getopt.h>
#include <stdio.h>

#include "number.h"
#include "overlap-cases.h"

enum {
	WORK_DEFAULT = 20,
	WRITE_DEFAULT = 10,
	MS_MOST = 10000,
	REPEAT_DEFAULT = 3,
	REPEAT_MOST = 1000
};

static const char help[] =
	"Usage: overlap [options]\n"
	"\n"
	"Plays ten ways to write what came of one piece of work while the next is done:\n"
	"three rounds of work, which keeps the loop's thread busy, and of a write, which\n"
	"blocks a worker. Prints what happens in each and when, how long it takes beside\n"
	"the ideal and the serial time, and whether the writes overlap the work.\n"
	"\n"
	"  --case N       only case N, 1 to 10; see the table at the end for their names\n"
	"  --work-ms N    how long one piece of work takes, 1 to 10000 ms (default 20)\n"
	"  --write-ms N   how long one write takes, 1 to 10000 ms (default 10)\n"
	"  --repeat N     play each case N times, 1 to 1000 (default 3), and tell of the time\n"
	"                 that came nearest to the ideal: a busy machine disturbs\n"
	"  --quiet        print only the table\n"
	"  --json         print all as one JSON object\n"
	"  --help         print this\n"
	"\n"
	"The ideal is that each write goes on while the next work is done, one write at a\n"
	"time; the serial time is that of all work and all writes one after the other. Both\n"
	"are those of the work and the writes of the very run.\n"
	"\n"
	"Exit status: 0 all fine; 1 a case did not overlap as it should; 2 wrong usage;\n"
	"3 it could not be done or its output not be written.\n";

static int usage_error(void)
{
	fputs("overlap: try --help\n", stderr);
	return EXIT_USAGE;
}

static int finish(int argc, char **argv)
{
	if (optind == argc)
		return -1;
	fprintf(stderr, "overlap: it takes no '%s'\n", argv[optind]);
	return usage_error();
}

int options_read(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{ "case", required_argument, NULL, 'c' },
		{ "work-ms", required_argument, NULL, 'x' },
		{ "write-ms", required_argument, NULL, 'w' },
		{ "repeat", required_argument, NULL, 'r' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	*options = (struct options){
		.work_ms = WORK_DEFAULT,
		.write_ms = WRITE_DEFAULT,
		.repeat = REPEAT_DEFAULT
	};
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'c':
			if (!number_read("overlap", "case", optarg, EXAMPLES, &options->only))
				return usage_error();
			break;
		case 'x':
			if (!number_read("overlap", "work-ms", optarg, MS_MOST, &options->work_ms))
				return usage_error();
			break;
		case 'w':
			if (!number_read("overlap", "write-ms", optarg, MS_MOST,
					 &options->write_ms))
				return usage_error();
			break;
		case 'r':
			if (!number_read("overlap", "repeat", optarg, REPEAT_MOST,
					 &options->repeat))
				return usage_error();
			break;
		case 'q':
			options->quiet = true;
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
	return finish(argc, argv);
}
