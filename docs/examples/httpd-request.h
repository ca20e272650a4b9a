/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HTTPD_REQUEST_H
#define HTTPD_REQUEST_H
/* What is asked for, as far as evhttp has not looked at it. */
#include <stdbool.h>

struct evhttp_request;

/* Of its headers; borrowed from the request. */
struct asked {
	const char *range;    /* NULL: none, or several */
	const char *if_range; /* NULL: none */
	bool is_head;
	bool is_connect;      /* to which evhttp sends no body */
	bool has_body;        /* or says so */
};

/* Read them. 0, or the status that the request is refused with. */
int request_read(struct evhttp_request *request, struct asked *ret);

/* As it stands in the request; "-" for one that nobody knows, since evhttp does not tell it. */
const char *request_method(const struct evhttp_request *request);

/* From the path on, with the query; what is in front of it in a request to a proxy is left out. */
const char *request_target(const struct evhttp_request *request);

#endif
