/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HTTPD_ANSWER_H
#define HTTPD_ANSWER_H
/*
 * What goes out: answer_header() as often as needed, answer_start(), answer_send() for each piece
 * of the body, answer_end(). With answer_end() the exchange may be over, and its memory gone, when
 * the call returns.
 */
#include <event2/http.h>

void answer_header(struct evhttp_request *request, const char *key, const char *value);
void answer_header_number(struct evhttp_request *request, const char *key, uint64_t value);

/* Status and headers. */
void answer_start(struct evhttp_request *request, int status);

/* A piece of the body, which is empty afterwards; nothing, if the answer has none (HEAD). @has_room
 * is called when all of it is with the system; NULL: nobody waits for that. */
void answer_send(struct evhttp_request *request, struct evbuffer *piece,
		 void (*has_room)(struct evhttp_connection *connection, void *user), void *user);

/* How much of what was given to it, heads included, the socket has not taken. */
size_t answer_unsent(struct evhttp_connection *connection);

void answer_end(struct evhttp_request *request);

/* In words. */
const char *status_name(int status);

/* The status that says why a file cannot be had: @error is a positive errno. */
int status_of(int error);

#endif
