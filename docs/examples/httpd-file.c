/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files, by calls of libferry. What the kernel has in its caches is answered within the call, and
 * no callback is needed; all else comes back by file_returned().
 *
 * A descriptor stays open until the call that uses it has returned. So a read that takes too long
 * is not cancelled: its owner is told, and when it does return there is nobody left to hear of it,
 * and the file is closed. An open needs nothing of ours: that is cancelled, and what it may still
 * bring is closed by libferry.
 *
 * All calls may take equally long. So those under way are a list in the order of their deadlines,
 * and one timer, that of the first, is enough.
 */
#include "httpd-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "httpd-blocking.h"

enum {
	/* A FIFO must not keep a worker, nor a device become anybody's terminal. */
	OPEN_FLAGS = O_RDONLY | O_NONBLOCK | O_NOCTTY,
	NAMES_BYTES = 256 << 10
};

static void file_forget_call(struct file *file)
{
	file->call = ferry_local_unref(file->call);
}

/* ---- who is under way ---- */

static void files_set_timer(struct files *files)
{
	uint64_t now = ferry_now_ns(), at = files->first->overdue_ns;
	uint64_t after_us = at > now ? (at - now) / 1000 + 1 : 0;
	struct timeval after = { (time_t)(after_us / 1000000),
				 (suseconds_t)(after_us % 1000000) };

	event_add(files->overdue, &after);
}

/* One that its owner has let go of, and a worker has not. */
static void file_stay(struct file *file)
{
	struct files *files = file->files;

	file->owner = NULL;
	file->before = NULL;
	file->after = files->left;
	if (files->left)
		files->left->before = file;
	files->left = file;
}

static void file_go(struct file *file)
{
	*(file->before ? &file->before->after : &file->files->left) = file->after;
	if (file->after)
		file->after->before = file->before;
	file_forget_call(file);
	free(file);
}

static void file_join(struct file *file)
{
	struct files *files = file->files;

	file->overdue_ns = ferry_in_ns(files->time_out_ns);
	file->before = files->last;
	file->after = NULL;
	*(files->last ? &files->last->after : &files->first) = file;
	files->last = file;
	/* One that is set still, for somebody who is gone, comes early and looks again. */
	if (!event_pending(files->overdue, EV_TIMEOUT, NULL))
		files_set_timer(files);
}

static void file_leave(struct file *file)
{
	struct files *files = file->files;

	*(file->before ? &file->before->after : &files->first) = file->after;
	*(file->after ? &file->after->before : &files->last) = file->before;
	file->before = file->after = NULL;
}

/* ---- what calls bring ---- */

static void file_take_opened(struct file *file)
{
	const ferry_stat *found = ferry_fs_result_stat(file->call);
	ferry_result opened;

	file->mode = found->mode;
	file->inode = found->inode;
	file->size = found->size;
	file->modified_ns = found->modified_ns;
	if (ferry_local_take(file->call, &opened) == 0)
		file->fd = (int)opened.i64;
}

static void bytes_forget(const void *data, size_t length, void *call)
{
	(void)data, (void)length;
	ferry_local_unref(call);
}

/* They are not copied: the call is kept until they are sent. */
static void file_take_bytes(struct file *file, const ferry_bytes *bytes)
{
	file->count = bytes->count;
	if (bytes->count == 0)
		return;
	if (evbuffer_add_reference(file->piece, bytes->bytes, bytes->count, bytes_forget,
				   file->call) < 0)
		file->error = ENOMEM;
	else
		file->call = NULL;
}

static void file_take_names(struct file *file)
{
	ferry_result names;

	if (ferry_local_take(file->call, &names) == 0)
		file->names = names.pointer;
}

static void file_take(struct file *file)
{
	ferry_snapshot seen = ferry_local_snapshot(file->call);
	const ferry_bytes *bytes = ferry_fs_result_bytes(file->call);

	file->error = seen.cancelled ? ECANCELED : ferry_error_errno(seen.exception);
	if (file->error == 0 && ferry_fs_result_stat(file->call))
		file_take_opened(file);
	else if (file->error == 0 && bytes)
		file_take_bytes(file, bytes);
	else if (file->error == 0)
		file_take_names(file);
	file_forget_call(file);
}

/* ---- calls ---- */

static void file_close(struct file *file)
{
	struct files *files = file->files;
	ferry_local *closing;

	if (file->fd < 0)
		return;
	closing = files->policy == POLICY_BLOCKING ?
		NULL : ferry_fs_close(files->loop, files->pool, file->fd, &files->below);
	if (closing)
		ferry_local_unref(closing);
	else
		close(file->fd);
	file->fd = -1;
}

/* Called by the loop. */
static void file_returned(ferry_local *call, void *user)
{
	struct file *file = user;

	(void)call;
	if (!file->owner) { /* it was in the middle of a read */
		file_close(file);
		file_go(file);
		return;
	}
	file_leave(file);
	file_take(file);
	file->done(file->owner);
}

/* Returns whether the call is done; NULL: it could not be begun. */
static bool file_begin(struct file *file, ferry_local *call, void (*done)(void *owner), void *owner)
{
	file->call = call;
	file->done = done;
	file->owner = owner;
	file->error = 0;
	if (!call) {
		file->error = errno;
		return true;
	}
	if (ferry_local_snapshot(call).done) {
		file_take(file);
		return true;
	}
	/* The first callback of a local needs no memory, so this cannot fail. */
	if (ferry_local_add_done_callback(call, file_returned, file) < 0)
		abort();
	file_join(file);
	return false;
}

bool file_open(struct file *file, const char *path, void (*done)(void *owner), void *owner)
{
	struct files *files = file->files;

	file_close(file);
	if (files->policy == POLICY_BLOCKING) {
		blocking_open(file, path, OPEN_FLAGS);
		return true;
	}
	return file_begin(file, ferry_fs_open_stat(files->loop, files->pool, path, OPEN_FLAGS, 0,
						   &files->below),
			  done, owner);
}

bool file_read(struct file *file, uint64_t offset, size_t count, struct evbuffer *piece,
	       void (*done)(void *owner), void *owner)
{
	struct files *files = file->files;

	file->piece = piece;
	if (files->policy == POLICY_BLOCKING) {
		blocking_read(file, offset, count);
		return true;
	}
	return file_begin(file, ferry_fs_read(files->loop, files->pool, file->fd, count,
					      (int64_t)offset, &files->calls),
			  done, owner);
}

bool file_read_names(struct file *file, void (*done)(void *owner), void *owner)
{
	struct files *files = file->files;

	return file_begin(file, ferry_fs_readdir_batch(files->loop, files->pool, file->fd,
						       NAMES_BYTES, &files->calls),
			  done, owner);
}

/* ---- life ---- */

struct file *file_new(struct files *files)
{
	struct file *file = calloc(1, sizeof(*file));

	if (file) {
		file->files = files;
		file->fd = -1;
	}
	return file;
}

/* No call is left behind that needs the file: only one by descriptor does. */
static bool file_give_up_call(struct file *file)
{
	if (file->fd >= 0)
		return false;
	ferry_local_remove_done_callback(file->call, file_returned, file);
	ferry_local_cancel(file->call);
	file_forget_call(file);
	return true;
}

void file_free(struct file *file)
{
	if (!file)
		return;
	if (file->call && !file->is_overdue)
		file_leave(file);
	if (file->call && !file_give_up_call(file)) {
		file_stay(file);
		return;
	}
	file_close(file);
	free(file->names);
	free(file);
}

/* Called by libevent. */
static void files_look_for_overdue(evutil_socket_t fd, short what, void *user)
{
	struct files *files = user;
	uint64_t now = ferry_now_ns();
	struct file *file;

	(void)fd, (void)what;
	while ((file = files->first) != NULL && file->overdue_ns <= now) {
		file_leave(file);
		file->is_overdue = true;
		file->error = ETIMEDOUT;
		files->timed_out++;
		file->done(file->owner); /* frees it */
	}
	if (files->first)
		files_set_timer(files);
}

int files_begin(struct files *files, struct event_base *base, enum policy policy)
{
	files->policy = policy;
	files->below = files->calls = (ferry_fs_options)FERRY_FS_OPTIONS_INIT;
	files->below.policy = files->calls.policy = policy_of_calls(policy);
	files->overdue = evtimer_new(base, files_look_for_overdue, files);
	return files->overdue ? 0 : -ENOMEM;
}

void files_end(struct files *files)
{
	while (files->left)
		file_go(files->left);
	if (files->overdue)
		event_free(files->overdue);
	files->overdue = NULL;
}
