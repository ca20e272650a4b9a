/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HTTPD_EXCHANGE_H
#define HTTPD_EXCHANGE_H
/* An exchange: one request, and its answer until that has been sent. */
#include <stdbool.h>
#include <stdint.h>

#include "httpd-date.h"
#include "httpd-file.h"
#include "httpd-listing.h"
#include "httpd-log.h"
#include "httpd-path.h"
#include "httpd-range.h"
#include "httpd-request.h"

enum {
	STATUS_GONE = 499, /* as others call it: the connection was gone before there was one */
	STATUS_MOST = 600
};

/* All of them, and what they share. Belongs to the loop's thread. */
struct exchanges {
	struct files files;
	struct log log;
	struct date now;
	bool list;                /* folders without an index are listed */
	bool stopping;            /* each answer is the last on its connection */
	struct exchange *first;   /* those that are under way */
	void (*none)(void *user); /* when the last of them is over, if stopping */
	void *user;

	uint64_t requests, under_way;
	uint64_t statuses[STATUS_MOST]; /* how many answers had each */
	uint64_t bytes;           /* of bodies, that were sent */
	uint64_t cut;             /* answers that broke off: by us, or by who asked */
};

struct exchange {
	struct exchanges *all;
	struct exchange *before, *after;
	struct evhttp_request *request;
	struct asked asked;
	struct path path;
	struct file *file;       /* NULL: none */
	struct listing *listing; /* NULL: none */
	struct evbuffer *piece;  /* that is to be sent next */
	struct range range;      /* what is to be read still */
	bool has_started;
	int status;
	uint64_t sent;
};

/* Called by evhttp for each request that it could read; @user is the exchanges. */
void exchange_begin(struct evhttp_request *request, void *user);

/* ---- for its content; but for the first of them the exchange may be over when they return ---- */

/* Send the status, and the headers that were added before. */
void exchange_start(struct exchange *exchange, int status);
/* Send what is in its piece, as the last. */
void exchange_finish(struct exchange *exchange);
/* Answer with a small page that tells the status in words. */
void exchange_fail(struct exchange *exchange, int status);
/* Send him to the same path with a slash behind it: what a page links to is in the folder then. */
void exchange_redirect(struct exchange *exchange);
/* Half an answer cannot be taken back: end the connection. */
void exchange_cut(struct exchange *exchange);

#endif
