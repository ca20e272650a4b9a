/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server. To end it, first nobody is accepted any more, and each answer is the last on its
 * connection; when no answer is under way, or the grace is over, the base is left. Connections are
 * closed outside of it, where nothing of evhttp is on the stack.
 */
#include "httpd-server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>

enum {
	HEADERS_MOST = 16 << 10,
	BODY_MOST = 16 << 10, /* nobody wants one: it is read, and forgotten */
	WRITE_MOST = 256 << 10,
	AGAIN_MS = 100
};

static struct timeval in_ms(unsigned ms)
{
	return (struct timeval){ ms / 1000, ms % 1000 * 1000 };
}

/* ---- connections ---- */

/* Called by evhttp for each connection that it has accepted. */
static struct bufferevent *server_stream(struct event_base *base, void *user)
{
	struct server *server = user;
	struct bufferevent *stream = bufferevent_socket_new(base, -1, 0);

	server->connections++;
	/* Left alone it would write 16 KiB a turn. */
	if (stream)
		bufferevent_set_max_single_write(stream, WRITE_MOST);
	return stream;
}

/* Whose listener it is: what is given to its callbacks is evhttp's. */
static struct server *listening;

/* Where no descriptor is left those who wait are ready all the time: have others end first. */
static void server_cannot_accept(struct evconnlistener *listener, void *http)
{
	struct server *server = listening;
	struct timeval pause = in_ms(AGAIN_MS);

	(void)http;
	if (!server->told)
		fprintf(stderr, "httpd: cannot accept a connection: %s; trying again\n",
			strerror(errno));
	server->told = true;
	evconnlistener_disable(listener);
	event_add(server->again, &pause);
}

static void server_accept_again(evutil_socket_t fd, short what, void *user)
{
	struct server *server = user;
	struct timeval pause = in_ms(AGAIN_MS);

	(void)fd, (void)what;
	if (server->listener &&
	    evconnlistener_enable(evhttp_bound_socket_get_listener(server->listener)) < 0)
		event_add(server->again, &pause);
}

/* ---- the end ---- */

static void server_leave(void *user)
{
	struct server *server = user;

	event_base_loopbreak(server->base);
}

/* For the second time: whatever is under way. */
static void server_stop(evutil_socket_t signal, short what, void *user)
{
	struct server *server = user;
	struct timeval grace = in_ms(server->grace_ms);

	(void)signal, (void)what;
	if (server->exchanges.stopping || server->exchanges.under_way == 0)
		server_leave(server);
	server->exchanges.stopping = true;
	if (server->listener)
		evhttp_del_accept_socket(server->http, server->listener);
	server->listener = NULL;
	event_add(server->grace, &grace);
}

static void server_grace_is_over(evutil_socket_t fd, short what, void *user)
{
	(void)fd, (void)what;
	server_leave(user);
}

static void server_hang_up(evutil_socket_t signal, short what, void *user)
{
	struct server *server = user;

	(void)signal, (void)what;
	log_reopen(&server->exchanges.log);
}

/* ---- life ---- */

/* What libevent has to say. */
static void base_tell(int severity, const char *message)
{
	if (severity >= EVENT_LOG_WARN)
		fprintf(stderr, "httpd: %s\n", message);
}

/* It has said why, and does not go on, whatever is done here. */
static void base_give_up(int error)
{
	(void)error;
	_exit(EXIT_NOT_DONE);
}

static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (!config)
		return NULL;
	event_set_log_callback(base_tell);
	event_set_fatal_callback(base_give_up);
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	/* evhttp turns reading off and on for each request: what cancels itself out does not reach
	 * the kernel. That is for descriptors that are closed when the base does not poll them any
	 * more, or have no copy: the loop's has one, and is let go of when the base has run. */
	event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static int server_make_events(struct server *server)
{
	server->interrupt = evsignal_new(server->base, SIGINT, server_stop, server);
	server->terminate = evsignal_new(server->base, SIGTERM, server_stop, server);
	server->hangup = evsignal_new(server->base, SIGHUP, server_hang_up, server);
	server->grace = evtimer_new(server->base, server_grace_is_over, server);
	server->again = evtimer_new(server->base, server_accept_again, server);
	if (!server->interrupt || !server->terminate || !server->hangup || !server->grace ||
	    !server->again)
		return -ENOMEM;
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* Until then a signal ends the program at once, whatever it waits for: the folder may be on a mount
 * that hangs. In the background of a shell SIGINT is ignored, and stays so. */
static int server_hear(struct server *server)
{
	struct sigaction action;
	bool is_ignored = sigaction(SIGINT, NULL, &action) == 0 && action.sa_handler == SIG_IGN;

	if ((!is_ignored && event_add(server->interrupt, NULL) < 0) ||
	    event_add(server->terminate, NULL) < 0 || event_add(server->hangup, NULL) < 0)
		return -EIO;
	return 0;
}

static int server_serve(struct server *server, const struct options *options)
{
	struct timeval idle = in_ms(options->idle_ms);

	server->http = evhttp_new(server->base);
	if (!server->http)
		return -ENOMEM;
	/* All of them, to say of each what is wrong with it. */
	evhttp_set_allowed_methods(server->http, UINT16_MAX);
	evhttp_set_max_headers_size(server->http, HEADERS_MOST);
	evhttp_set_max_body_size(server->http, BODY_MOST);
	evhttp_set_timeout_tv(server->http, &idle);
	evhttp_set_bevcb(server->http, server_stream, server);
	evhttp_set_gencb(server->http, exchange_begin, &server->exchanges);
	return 0;
}

int server_begin(struct server *server, const struct options *options)
{
	int error;

	server->base = base_new();
	if (!server->base)
		return -ENOMEM;
	server->grace_ms = options->grace_ms;
	server->exchanges.list = options->list;
	server->exchanges.none = server_leave;
	server->exchanges.user = server;
	error = server_make_events(server);
	return error < 0 ? error : server_serve(server, options);
}

static int server_tell_address(const struct server *server)
{
	evutil_socket_t fd = evhttp_bound_socket_get_fd(server->listener);
	struct sockaddr_storage address;
	const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)&address;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)&address;
	socklen_t length = sizeof(address);
	char text[INET6_ADDRSTRLEN];

	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return -errno;
	if (address.ss_family == AF_INET6)
		printf("http://[%s]:%u/\n", inet_ntop(AF_INET6, &six->sin6_addr, text,
						      sizeof(text)),
		       ntohs(six->sin6_port));
	else
		printf("http://%s:%u/\n", inet_ntop(AF_INET, &four->sin_addr, text, sizeof(text)),
		       ntohs(four->sin_port));
	return fflush(stdout) == 0 ? 0 : -errno;
}

/* What one answer leaves in a half empty packet does not wait for a sign of life from the client.
 * Sockets that are accepted have it from the one that listens. */
static int server_hurry(const struct server *server)
{
	evutil_socket_t fd = evhttp_bound_socket_get_fd(server->listener);
	int on = 1;

	return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ? -errno : 0;
}

int server_listen(struct server *server, const struct options *options)
{
	struct evconnlistener *listener;
	int error;

	errno = EADDRNOTAVAIL; /* if it is an address that nobody knows */
	server->listener = evhttp_bind_socket_with_handle(server->http, options->address,
							  (ev_uint16_t)options->port);
	if (!server->listener)
		return -errno;
	listening = server;
	listener = evhttp_bound_socket_get_listener(server->listener);
	evconnlistener_set_error_cb(listener, server_cannot_accept);
	/* It is already, unless there was no memory for that, which evhttp did not say. */
	if (evconnlistener_enable(listener) < 0)
		return -ENOMEM;
	error = server_hurry(server);
	if (error == 0)
		error = server_hear(server);
	return error < 0 ? error : server_tell_address(server);
}

int server_run(struct server *server)
{
	int error = event_base_dispatch(server->base) < 0 ? -EIO : 0;

	server->left = server->exchanges.under_way;
	return error;
}

void server_close(struct server *server)
{
	server->exchanges.stopping = false; /* nobody has to be told of the last */
	server->listener = NULL;
	if (server->http)
		evhttp_free(server->http);
	server->http = NULL;
}

void server_end(struct server *server)
{
	struct event *events[] = { server->interrupt, server->terminate, server->hangup,
				   server->grace, server->again };

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (events[i])
			event_free(events[i]);
	}
	if (server->base)
		event_base_free(server->base);
	libevent_global_shutdown();
}
