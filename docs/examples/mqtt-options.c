/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of mqtt-echo. A wrong one is told on stderr before anything is started. */
#include "mqtt-options.h"

#include <getopt.h>
#include <mosquitto.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "number.h"

enum {
	PORT_DEFAULT = 1883,
	PORT_MOST = 65535,
	COUNT_DEFAULT = 1000,
	COUNT_MOST = 1000000, /* some 400 bytes each */
	LIMIT_DEFAULT = 16,
	LIMIT_MOST = 100,     /* of many more a broker may drop what it cannot send at once */
	WAIT_DEFAULT = 10000,
	WAIT_MOST = 3600000,
	TOPIC_MOST = 500
};

static const char help[] =
	"Usage: mqtt-echo [options]\n"
	"\n"
	"Publishes messages to an MQTT broker, and waits for each to be acknowledged and to come\n"
	"back. Each is a task; at most 16 are under way at any time.\n"
	"\n"
	"  --host HOST      where the broker is (default localhost)\n"
	"  --port N         and on which port (default 1883)\n"
	"  --socket PATH    the broker's unix socket, in place of both\n"
	"  --topic NAME     where to (default: a topic that nobody else has)\n"
	"  --count N        N messages, 1 to 1000000 (default 1000)\n"
	"  --limit N        at most N at a time, 1 to 100 (default 16)\n"
	"  --connect-ms N   wait at most N milliseconds for each of the two steps on the way in,\n"
	"                   1 to 3600000 (default 10000)\n"
	"  --wait-ms N      and for the answers to each message\n"
	"  --json           print the totals as one JSON object\n"
	"  --help           print this\n"
	"\n"
	"Ctrl-C cancels the messages that are left, and the totals tell what was done.\n"
	"\n"
	"Exit status: 0 every message came back; 1 some did not; 2 wrong usage; 3 there is no\n"
	"broker, it did not let us in, or the output could not be written; 130 interrupted.\n";

static int usage_error(void)
{
	fputs("mqtt-echo: try --help\n", stderr);
	return EXIT_USAGE;
}

/* Is the text too long for what it is to be? Told if so. */
static bool text_fits(const char *option, const char *text, size_t most)
{
	size_t length = strlen(text);

	if (length >= 1 && length <= most)
		return true;
	fprintf(stderr, "mqtt-echo: --%s: not of 1 to %zu bytes\n", option, most);
	return false;
}

static bool topic_fits(const char *topic)
{
	if (!text_fits("topic", topic, TOPIC_MOST))
		return false;
	if (mosquitto_pub_topic_check(topic) == MOSQ_ERR_SUCCESS &&
	    mosquitto_validate_utf8(topic, (int)strlen(topic)) == MOSQ_ERR_SUCCESS)
		return true;
	fputs("mqtt-echo: --topic: nothing can be published to that\n", stderr);
	return false;
}

static bool text_read(struct options *options, int option, const char *text)
{
	switch (option) {
	case 'h':
		options->host = text;
		return text_fits("host", text, 255);
	case 's':
		options->socket = text;
		return text_fits("socket", text, sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	default:
		options->topic = text;
		return topic_fits(text);
	}
}

static bool option_read(struct options *options, int option, const char *text)
{
	switch (option) {
	case 'p':
		return number_read("mqtt-echo", "port", text, PORT_MOST, &options->port);
	case 'c':
		return number_read("mqtt-echo", "count", text, COUNT_MOST, &options->count);
	case 'l':
		return number_read("mqtt-echo", "limit", text, LIMIT_MOST, &options->limit);
	case 'm':
		return number_read("mqtt-echo", "connect-ms", text, WAIT_MOST,
				   &options->connect_ms);
	case 'w':
		return number_read("mqtt-echo", "wait-ms", text, WAIT_MOST, &options->wait_ms);
	default:
		return text_read(options, option, text);
	}
}

int options_read(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{ "host", required_argument, NULL, 'h' },
		{ "port", required_argument, NULL, 'p' },
		{ "socket", required_argument, NULL, 's' },
		{ "topic", required_argument, NULL, 't' },
		{ "count", required_argument, NULL, 'c' },
		{ "limit", required_argument, NULL, 'l' },
		{ "connect-ms", required_argument, NULL, 'm' },
		{ "wait-ms", required_argument, NULL, 'w' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'H' },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	*options = (struct options){ .host = "localhost", .port = PORT_DEFAULT,
				     .count = COUNT_DEFAULT, .limit = LIMIT_DEFAULT,
				     .connect_ms = WAIT_DEFAULT, .wait_ms = WAIT_DEFAULT };
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'j':
			options->json = true;
			break;
		case 'H':
			fputs(help, stdout);
			return EXIT_FINE;
		case '?': /* getopt_long has told it */
			return usage_error();
		default:
			if (!option_read(options, option, optarg))
				return usage_error();
			break;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "mqtt-echo: what is '%s' for?\n", argv[optind]);
		return usage_error();
	}
	return -1;
}
