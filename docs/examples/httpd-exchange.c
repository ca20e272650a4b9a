/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Exchanges, from the request that evhttp has read to the end of the answer. What is answered is
 * found out in httpd-content.c.
 *
 * An exchange ends in one of two ways. exchange_sent(): evhttp has sent all of it.
 * exchange_broken(): the connection is gone, by whomever; then nobody may touch the request any
 * more, but what was begun with the file comes back later, to nobody. Whoever calls what may end it
 * does so last.
 */
#include "httpd-exchange.h"

#include <errno.h>
#include <stdlib.h>

#include <event2/http.h>
#include <event2/http_struct.h>

#include "httpd-answer.h"
#include "httpd-content.h"

/* ---- ends ---- */

static void exchange_log(struct exchange *exchange)
{
	struct evhttp_request *request = exchange->request;
	struct log_entry entry = {
		.peer = request->remote_host,
		.method = request_method(request),
		.target = evhttp_request_get_uri(request),
		.date = exchange->all->now.log,
		.major = request->major,
		.minor = request->minor,
		.status = exchange->status,
		.bytes = exchange->sent
	};

	log_add(&exchange->all->log, &entry);
}

static void exchange_end(struct exchange *exchange)
{
	struct exchanges *all = exchange->all;

	date_refresh(&all->now);
	exchange_log(exchange);
	all->bytes += exchange->sent;
	all->statuses[exchange->status]++;
	*(exchange->before ? &exchange->before->after : &all->first) = exchange->after;
	if (exchange->after)
		exchange->after->before = exchange->before;
	file_free(exchange->file);
	listing_free(exchange->listing);
	path_end(&exchange->path);
	evbuffer_free(exchange->piece);
	free(exchange);
	if (--all->under_way == 0 && all->stopping)
		all->none(all->user);
}

/* Called by evhttp, which frees the request then. */
static void exchange_sent(struct evhttp_request *request, void *user)
{
	evhttp_connection_set_closecb(evhttp_request_get_connection(request), NULL, NULL);
	exchange_end(user);
}

/* Called by evhttp as it frees the connection. A request that it has let go of before is ours. */
static void exchange_broken(struct evhttp_connection *connection, void *user)
{
	struct exchange *exchange = user;
	struct evhttp_request *request = exchange->request;
	bool is_ours = evhttp_request_get_connection(request) == NULL;
	size_t unsent = answer_unsent(connection);

	exchange->sent -= unsent < exchange->sent ? unsent : exchange->sent;
	exchange->all->cut++;
	if (!exchange->has_started)
		exchange->status = STATUS_GONE;
	exchange_end(exchange);
	if (is_ours)
		evhttp_request_free(request);
}

void exchange_cut(struct exchange *exchange)
{
	evhttp_connection_free(evhttp_request_get_connection(exchange->request));
}

/* ---- answers ---- */

void exchange_start(struct exchange *exchange, int status)
{
	struct evhttp_request *request = exchange->request;

	exchange->has_started = true;
	exchange->status = status;
	date_refresh(&exchange->all->now); /* it may have waited for a disk */
	answer_header(request, "Date", exchange->all->now.http);
	/* With a body that belongs to nothing the next request is not sure to be one. */
	if (exchange->all->stopping || exchange->asked.has_body)
		answer_header(request, "Connection", "close");
	answer_start(request, status);
}

void exchange_finish(struct exchange *exchange)
{
	if (!exchange->asked.is_head)
		exchange->sent += evbuffer_get_length(exchange->piece);
	file_free(exchange->file);
	exchange->file = NULL;
	answer_send(exchange->request, exchange->piece, NULL, NULL);
	answer_end(exchange->request);
}

void exchange_fail(struct exchange *exchange, int status)
{
	struct evhttp_request *request = exchange->request;

	evbuffer_drain(exchange->piece, evbuffer_get_length(exchange->piece));
	if (!exchange->asked.is_connect)
		evbuffer_add_printf(exchange->piece,
				    "<!DOCTYPE html>\n<title>%d %s</title>\n<h1>%d %s</h1>\n",
				    status, status_name(status), status, status_name(status));
	answer_header(request, "Content-Type", "text/html");
	answer_header_number(request, "Content-Length", evbuffer_get_length(exchange->piece));
	if (status == 405)
		answer_header(request, "Allow", "GET, HEAD");
	if (status == 503)
		answer_header(request, "Retry-After", "1");
	exchange_start(exchange, status);
	exchange_finish(exchange);
}

void exchange_redirect(struct exchange *exchange)
{
	char *location = path_location(&exchange->path, request_target(exchange->request));

	if (!location) {
		exchange_fail(exchange, status_of(ENOMEM));
		return;
	}
	answer_header(exchange->request, "Location", location);
	free(location);
	exchange_fail(exchange, 301);
}

/* ---- begin ---- */

/* NULL: no memory. */
static struct exchange *exchange_new(struct exchanges *all, struct evhttp_request *request)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (exchange) {
		exchange->all = all;
		exchange->request = request;
		exchange->piece = evbuffer_new();
		exchange->file = file_new(&all->files);
	}
	if (exchange && exchange->piece && exchange->file)
		return exchange;
	if (exchange && exchange->piece)
		evbuffer_free(exchange->piece);
	if (exchange)
		file_free(exchange->file);
	free(exchange);
	return NULL;
}

static void exchange_join(struct exchange *exchange)
{
	struct exchanges *all = exchange->all;
	struct evhttp_request *request = exchange->request;

	exchange->after = all->first;
	if (all->first)
		all->first->before = exchange;
	all->first = exchange;
	all->under_way++;
	evhttp_request_set_on_complete_cb(request, exchange_sent, exchange);
	evhttp_connection_set_closecb(evhttp_request_get_connection(request), exchange_broken,
				      exchange);
}

void exchange_begin(struct evhttp_request *request, void *user)
{
	struct exchanges *all = user;
	struct exchange *exchange = exchange_new(all, request);
	int status, error;

	all->requests++;
	if (!exchange) {
		evhttp_connection_free(evhttp_request_get_connection(request));
		return;
	}
	exchange_join(exchange);
	status = request_read(request, &exchange->asked);
	if (status) {
		exchange_fail(exchange, status);
		return;
	}
	error = path_read(&exchange->path, request_target(request));
	if (error < 0) {
		exchange_fail(exchange, error == -EINVAL ? 400 : status_of(-error));
		return;
	}
	if (exchange->path.is_folder)
		path_add_index(&exchange->path);
	content_open(exchange);
}
