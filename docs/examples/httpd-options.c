/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of httpd. A wrong one is told on stderr before anything is started. */
#include "httpd-options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "number.h"

enum {
	PORT_DEFAULT = 8080,
	PORT_MOST = 65535,
	THREADS_MOST = 1024,
	TIME_OUT_DEFAULT_MS = 5000,
	IDLE_DEFAULT_MS = 30000,
	GRACE_DEFAULT_MS = 10000,
	MS_MOST = 3600000
};

static const char help[] =
	"Usage: httpd [options]\n"
	"\n"
	"Serves the files below a folder by HTTP, from one thread that never waits for a\n"
	"disk. GET and HEAD; one range; conditions by date and by tag. A folder is answered\n"
	"by the file index.html in it. Nothing outside the folder is ever served, whatever\n"
	"links lead there; names that begin with a dot are names like all others.\n"
	"\n"
	"  --root DIR       the folder (default .)\n"
	"  --address TEXT   the address to listen on (default 127.0.0.1)\n"
	"  --port N         the port, 0 to 65535; 0: one that is free (default 8080)\n"
	"  --list           a folder without index.html is answered by a list of its names,\n"
	"                   not by 403\n"
	"  --policy WORD    where the file calls are made:\n"
	"      auto         on the loop's thread if the kernel has the answer in its caches\n"
	"                   and few calls are under way, else on worker threads (the default)\n"
	"      inline       on the loop's thread whenever the kernel has the answer\n"
	"      pool         on worker threads, all of them\n"
	"      blocking     on the loop's thread, which waits for each, for comparison; but\n"
	"                   lists are made on worker threads\n"
	"                   With auto and inline you vouch that no watcher (fanotify, as of a\n"
	"                   virus scanner) decides who may open the files\n"
	"  --unchanging     you vouch besides that there are only files and folders, and that\n"
	"                   nobody removes or writes one while it is served: opening and\n"
	"                   closing are cheaper then\n"
	"  --threads N      at most N worker threads, 1 to 1024 (default: the smaller of\n"
	"                   32 and CPUs + 4)\n"
	"  --time-out MS    if a file call takes longer the answer is 503, or is cut if it\n"
	"                   has begun (default 5000)\n"
	"  --idle MS        a connection on which nothing moves for so long is closed\n"
	"                   (default 30000)\n"
	"  --grace MS       at the end, how long answers that are under way may take\n"
	"                   (default 10000)\n"
	"  --log FILE       write a line for each request, in the Common Log Format\n"
	"  --json           print the totals as one JSON object\n"
	"  --help           print this\n"
	"\n"
	"As soon as it listens its address is printed, as http://127.0.0.1:8080/ in a line.\n"
	"SIGTERM and SIGINT end it: what is under way is finished, and the totals are\n"
	"printed; a second one cuts all that is left. SIGHUP opens FILE anew.\n"
	"\n"
	"Exit status: 0 all fine; 1 answers were cut at the end, or lines of the log were\n"
	"lost; 2 wrong usage; 3 it could not serve, or its output not be written.\n";

static int usage_error(void)
{
	fputs("httpd: try --help\n", stderr);
	return EXIT_USAGE;
}

static bool number_of(const char *option, unsigned most, unsigned *ret)
{
	return number_read("httpd", option, optarg, most, ret);
}

static bool port_read(unsigned *ret)
{
	if (strcmp(optarg, "0") != 0)
		return number_of("port", PORT_MOST, ret);
	*ret = 0;
	return true;
}

/* One option; false if its argument is wrong, or there is no such option. */
static bool option_read(struct options *options, int option)
{
	switch (option) {
	case 'r':
		options->root = optarg;
		return true;
	case 'a':
		options->address = optarg;
		return true;
	case 'p':
		return port_read(&options->port);
	case 'l':
		options->list = true;
		return true;
	case 'w':
		return policy_read("httpd", optarg, &options->policy);
	case 'u':
		options->unchanging = true;
		return true;
	case 't':
		return number_of("threads", THREADS_MOST, &options->threads);
	case 'o':
		return number_of("time-out", MS_MOST, &options->time_out_ms);
	case 'i':
		return number_of("idle", MS_MOST, &options->idle_ms);
	case 'g':
		return number_of("grace", MS_MOST, &options->grace_ms);
	case 'f':
		options->log = optarg;
		return true;
	case 'j':
		options->json = true;
		return true;
	default: /* getopt_long has told it */
		return false;
	}
}

int options_read(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "address", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "list", no_argument, NULL, 'l' },
		{ "policy", required_argument, NULL, 'w' },
		{ "unchanging", no_argument, NULL, 'u' },
		{ "threads", required_argument, NULL, 't' },
		{ "time-out", required_argument, NULL, 'o' },
		{ "idle", required_argument, NULL, 'i' },
		{ "grace", required_argument, NULL, 'g' },
		{ "log", required_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	*options = (struct options){
		.root = ".",
		.address = "127.0.0.1",
		.port = PORT_DEFAULT,
		.time_out_ms = TIME_OUT_DEFAULT_MS,
		.idle_ms = IDLE_DEFAULT_MS,
		.grace_ms = GRACE_DEFAULT_MS
	};
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return EXIT_FINE;
		}
		if (!option_read(options, option))
			return usage_error();
	}
	if (optind < argc) {
		fprintf(stderr, "httpd: '%s' is no option\n", argv[optind]);
		return usage_error();
	}
	return -1;
}
