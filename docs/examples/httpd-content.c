/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The content of a file or a folder, on its way into an answer:
 *
 *   open      the file, or index.html in a folder, or the folder itself
 *   judge     what it is, conditions, the range
 *   read      a piece, and the first before anything is sent: what goes wrong has a status still
 *   send      the piece; back to read when it is with the system
 *
 * Where the kernel has the answers, all of it happens within content_open(). Of a large file one
 * piece is in memory at a time.
 */
#include "httpd-content.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include <event2/http.h>

#include "httpd-answer.h"
#include "httpd-condition.h"
#include "httpd-types.h"

enum { PIECE_BYTES = 64 << 10 };

/* ---- read ---- */

static void content_was_read(void *owner);

static void content_read(struct exchange *exchange)
{
	uint64_t left = exchange->range.length;
	size_t count = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;

	if (file_read(exchange->file, exchange->range.first, count, exchange->piece,
		      content_was_read, exchange))
		content_was_read(exchange);
}

/* Called by evhttp. */
static void content_has_room(struct evhttp_connection *connection, void *user)
{
	(void)connection;
	content_read(user);
}

static void content_send(struct exchange *exchange)
{
	size_t count = exchange->file->count;

	if (!exchange->has_started)
		exchange_start(exchange, exchange->status);
	exchange->range.first += count;
	exchange->range.length -= count;
	if (exchange->range.length == 0) {
		exchange_finish(exchange);
		return;
	}
	exchange->sent += count;
	answer_send(exchange->request, exchange->piece, content_has_room, exchange);
}

static void content_was_read(void *owner)
{
	struct exchange *exchange = owner;
	const struct file *file = exchange->file;
	/* At an end where there was none: somebody has cut the file. */
	int status = file->error ? status_of(file->error) : file->count == 0 ? 503 : 0;

	if (status == 0) {
		content_send(exchange);
	} else if (exchange->has_started) {
		exchange_cut(exchange);
	} else {
		evhttp_clear_headers(evhttp_request_get_output_headers(exchange->request));
		exchange_fail(exchange, status);
	}
}

/* ---- judge ---- */

/* Which part: the whole, unless a range is asked for, and can be had. Returns the status. */
static int content_choose(struct exchange *exchange, const struct validator *validator)
{
	uint64_t size = exchange->file->size;
	const struct asked *asked = &exchange->asked;

	exchange->range = (struct range){ 0, size };
	if (asked->is_head || !asked->range ||
	    !condition_allows_range(asked->if_range, validator, exchange->all->now.second))
		return 200;
	return range_read(asked->range, size, &exchange->range);
}

static void content_describe(struct exchange *exchange, const struct validator *validator)
{
	struct evhttp_request *request = exchange->request;
	const struct range *range = &exchange->range;
	char text[64];

	date_write(validator->modified, text);
	answer_header(request, "Last-Modified", text);
	answer_header(request, "ETag", validator->tag);
	if (exchange->status == 304)
		return;
	answer_header(request, "Accept-Ranges", "bytes");
	answer_header(request, "Content-Type", type_of(exchange->path.text));
	answer_header_number(request, "Content-Length", range->length);
	if (exchange->status == 206) {
		snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->first,
			 range->first + range->length - 1, exchange->file->size);
		answer_header(request, "Content-Range", text);
	}
}

static void content_refuse_range(struct exchange *exchange)
{
	char text[40];

	snprintf(text, sizeof(text), "bytes */%" PRIu64, exchange->file->size);
	answer_header(exchange->request, "Content-Range", text);
	exchange_fail(exchange, 416);
}

static void content_judge(struct exchange *exchange)
{
	const struct file *file = exchange->file;
	struct validator validator;
	int status;

	date_refresh(&exchange->all->now);
	validator_make(&validator, file->inode, file->size, file->modified_ns,
		       exchange->all->now.second);
	status = condition_judge(evhttp_request_get_input_headers(exchange->request), &validator);
	if (status == 200)
		status = content_choose(exchange, &validator);
	exchange->status = status;
	if (status == 412) {
		exchange_fail(exchange, status);
		return;
	}
	if (status == 416) {
		content_refuse_range(exchange);
		return;
	}
	content_describe(exchange, &validator);
	if (status != 304 && !exchange->asked.is_head && exchange->range.length > 0) {
		content_read(exchange);
		return;
	}
	exchange_start(exchange, status);
	exchange_finish(exchange);
}

/* ---- open ---- */

/* Called when there is a page, or will be none. */
static void content_was_listed(void *owner)
{
	struct exchange *exchange = owner;
	int error = listing_take(exchange->listing, exchange->piece);

	if (error < 0) {
		exchange_fail(exchange, status_of(-error));
		return;
	}
	answer_header(exchange->request, "Content-Type", "text/html; charset=utf-8");
	answer_header_number(exchange->request, "Content-Length",
			     evbuffer_get_length(exchange->piece));
	exchange_start(exchange, 200);
	exchange_finish(exchange);
}

static void content_list(struct exchange *exchange)
{
	struct file *folder = exchange->file;

	exchange->file = NULL;
	if (listing_begin(folder, exchange->path.text, content_was_listed, exchange,
			  &exchange->listing) < 0)
		exchange_fail(exchange, status_of(ENOMEM));
}

static void content_was_opened(void *owner);

void content_open(struct exchange *exchange)
{
	if (file_open(exchange->file, exchange->path.text, content_was_opened, exchange))
		content_was_opened(exchange);
}

static void content_look(struct exchange *exchange)
{
	const struct path *path = &exchange->path;
	mode_t mode = exchange->file->mode;

	if (S_ISDIR(mode) && !path->is_folder)
		exchange_redirect(exchange);
	else if (S_ISREG(mode) && (!path->is_folder || path->has_index))
		content_judge(exchange);
	else if (S_ISDIR(mode) && !path->has_index && exchange->all->list)
		content_list(exchange);
	else if (S_ISREG(mode))
		exchange_fail(exchange, 404); /* a file, asked for as a folder */
	else
		exchange_fail(exchange, 403);
}

static void content_was_opened(void *owner)
{
	struct exchange *exchange = owner;
	int error = exchange->file->error;

	if (error == ENOENT && exchange->path.has_index) {
		path_remove_index(&exchange->path);
		content_open(exchange);
	} else if (error) {
		exchange_fail(exchange, status_of(error));
	} else {
		content_look(exchange);
	}
}
