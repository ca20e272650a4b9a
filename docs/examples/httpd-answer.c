/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Answers, by evhttp. Two things are done to it, both by public calls.
 *
 * What is to be sent is written at once as far as the socket takes it. Left alone evhttp would ask
 * its base first whether it may write, which costs each small answer a turn and two changes of what
 * is polled for.
 *
 * And nothing is read while an answer is under way. evhttp would, to hear of a client that goes:
 * but then one who sends much ahead fills its memory, one who has closed his sending side gets no
 * answer, and the time for which a client may be silent would count while he takes a large file.
 * One who goes is noticed as soon as something is written to him.
 */
#include "httpd-answer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

void answer_header(struct evhttp_request *request, const char *key, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(request), key, value);
}

void answer_header_number(struct evhttp_request *request, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	answer_header(request, key, text);
}

static void answer_push(struct evhttp_request *request)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	struct bufferevent *stream = evhttp_connection_get_bufferevent(connection);
	struct evbuffer *output = bufferevent_get_output(stream);

	bufferevent_disable(stream, EV_READ);
	/* A bufferevent keeps others from its output by freezing the front of it. What goes wrong
	 * here goes wrong again when it writes the rest, and is handled there. */
	evbuffer_unfreeze(output, 1);
	evbuffer_write(output, bufferevent_getfd(stream));
	evbuffer_freeze(output, 1);
}

void answer_start(struct evhttp_request *request, int status)
{
	evhttp_send_reply_start(request, status, status_name(status));
}

void answer_send(struct evhttp_request *request, struct evbuffer *piece,
		 void (*has_room)(struct evhttp_connection *connection, void *user), void *user)
{
	evhttp_send_reply_chunk_with_cb(request, piece, has_room, user);
	evbuffer_drain(piece, evbuffer_get_length(piece));
	answer_push(request);
}

void answer_end(struct evhttp_request *request)
{
	evhttp_send_reply_end(request);
}

size_t answer_unsent(struct evhttp_connection *connection)
{
	return evbuffer_get_length(
		bufferevent_get_output(evhttp_connection_get_bufferevent(connection)));
}

const char *status_name(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 206:
		return "Partial Content";
	case 301:
		return "Moved Permanently";
	case 304:
		return "Not Modified";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 412:
		return "Precondition Failed";
	case 416:
		return "Range Not Satisfiable";
	case 499:
		return "Gone Before It Began";
	case 501:
		return "Not Implemented";
	case 503:
		return "Service Unavailable";
	default:
		return "Internal Server Error";
	}
}

int status_of(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
		return 404;
	case EACCES:
	case EPERM:
	case EXDEV: /* it leads out of the root */
	case ELOOP:
	case ENXIO: /* a socket */
	case ENODEV:
		return 403;
	case ETIMEDOUT:
	case EHOSTDOWN: /* its mount does not answer */
	case EAGAIN:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return 503;
	default:
		return 500;
	}
}
