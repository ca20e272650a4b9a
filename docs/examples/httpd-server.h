/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HTTPD_SERVER_H
#define HTTPD_SERVER_H
/* The server's side of libevent: where it listens, which signals it hears, how it ends. */
#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "httpd-exchange.h"
#include "httpd-options.h"

struct server {
	struct event_base *base;
	struct evhttp *http;
	struct evhttp_bound_socket *listener; /* NULL: it does not listen any more */
	struct event *interrupt, *terminate, *hangup;
	struct event *grace; /* comes when answers under way have had their time */
	struct event *again; /* comes when it is time to accept again */
	unsigned grace_ms;
	struct exchanges exchanges;
	uint64_t connections;
	uint64_t left;       /* answers that were under way when it ended */
	bool told;           /* that connections cannot be accepted */
};

/* 0 or a negative errno. */
int server_begin(struct server *server, const struct options *options);

/* Listen, hear signals from here on, and say where in a line on stdout. 0 or a negative errno. */
int server_listen(struct server *server, const struct options *options);

/* Serve until a signal ends it, and the answers that are under way then are sent. 0 or a negative
 * errno. */
int server_run(struct server *server);

/* Close all connections. Of those who were to get an answer nobody is left. */
void server_close(struct server *server);

/* Free the rest, whatever was begun; the log and the files have ended. */
void server_end(struct server *server);

#endif
