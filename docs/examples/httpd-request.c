/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests. evhttp has parsed them, and refused what it could not parse. It lets some things
 * through that RFC 9112 has a server refuse, or be careful with: no Host or several of them, and
 * bodies where there should be none, of which it does not always read what there is.
 */
#include "httpd-request.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>

static const struct {
	enum evhttp_cmd_type type;
	const char *name;
} methods[] = {
	{ EVHTTP_REQ_GET, "GET" },
	{ EVHTTP_REQ_HEAD, "HEAD" },
	{ EVHTTP_REQ_POST, "POST" },
	{ EVHTTP_REQ_PUT, "PUT" },
	{ EVHTTP_REQ_DELETE, "DELETE" },
	{ EVHTTP_REQ_OPTIONS, "OPTIONS" },
	{ EVHTTP_REQ_TRACE, "TRACE" },
	{ EVHTTP_REQ_CONNECT, "CONNECT" },
	{ EVHTTP_REQ_PATCH, "PATCH" }
};

const char *request_method(const struct evhttp_request *request)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (methods[i].type == request->type)
			return methods[i].name;
	}
	return "-";
}

const char *request_target(const struct evhttp_request *request)
{
	const char *target = evhttp_request_get_uri(request);
	const char *scheme = evhttp_uri_get_scheme(evhttp_request_get_evhttp_uri(request));

	/* "//name" is a path here, although evhttp takes the name for a host. */
	if (target[0] == '/' || !scheme)
		return target;
	target += strlen(scheme) + strlen(":");
	if (strncmp(target, "//", 2) == 0)
		target += 2 + strcspn(target + 2, "/?#");
	return *target && !strchr("?#", *target) ? target : "/";
}

/* How often a request has what it may have once. */
struct counts {
	unsigned hosts, ranges;
};

static void header_hear(struct asked *asked, struct counts *counts, const char *key,
			const char *value)
{
	if (strcasecmp(key, "Host") == 0) {
		counts->hosts++;
	} else if (strcasecmp(key, "Range") == 0) {
		counts->ranges++;
		asked->range = counts->ranges == 1 ? value : NULL;
	} else if (strcasecmp(key, "If-Range") == 0) {
		asked->if_range = value;
	} else if (strcasecmp(key, "Transfer-Encoding") == 0) {
		asked->has_body = true;
	} else if (strcasecmp(key, "Content-Length") == 0) {
		asked->has_body |= strcmp(value, "0") != 0;
	}
}

int request_read(struct evhttp_request *request, struct asked *ret)
{
	struct asked asked = { .is_head = request->type == EVHTTP_REQ_HEAD,
			       .is_connect = request->type == EVHTTP_REQ_CONNECT };
	struct counts counts = { 0 };
	const struct evkeyval *header;

	/* For one who names the host in front of the path evhttp would be a proxy, and close. */
	request->flags &= ~EVHTTP_PROXY_REQUEST;
	TAILQ_FOREACH(header, request->input_headers, next)
		header_hear(&asked, &counts, header->key, header->value);
	*ret = asked;
	if (counts.hosts > 1 || (counts.hosts == 0 && request->minor > 0))
		return 400;
	if (request->type == EVHTTP_REQ_GET || asked.is_head)
		return 0;
	return strcmp(request_method(request), "-") == 0 ? 501 : 405;
}
