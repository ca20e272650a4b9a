/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * open and close.
 *
 * Asked for on the loop's thread, called on a worker (step "work" of a request).
 * Invariant: no descriptor is lost. One that nobody takes is closed by its disposer, on
 * a worker, since closing may block; one that was given to ferry_fs_close() is closed
 * whatever becomes of the local.
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/options.h"
#include "fs/request.h"

struct open_call {
	int flags;
	unsigned mode;
};

static int call_open(void *arg, ferry_result *out)
{
	struct request *request = arg;
	const struct open_call *call = (const struct open_call *)(request + 1);
	int fd = open(request->path, call->flags | O_CLOEXEC, call->mode);

	if (fd < 0)
		return -errno;
	*out = ferry_result_i64(fd);
	out->disposer = &ferry_dispose_close;
	return 0;
}

ferry_local *ferry_fs_open(ferry_loop *loop, ferry_pool *pool, const char *path, int flags,
			   unsigned mode, const ferry_fs_options *options)
{
	struct request *request = request_new(loop, pool, call_open, path, options,
					      sizeof(struct open_call), NULL);

	if (!request)
		return NULL;
	*(struct open_call *)(request + 1) = (struct open_call){ flags, mode };
	return request_submit(request, pool, options);
}

struct close_call {
	int fd;
	int closed; /* the function ran */
};

static int call_close(void *arg, ferry_result *out)
{
	struct close_call *call = (struct close_call *)((struct request *)arg + 1);

	(void)out;
	call->closed = 1;
	/* Linux closes it even when a signal interrupts: never again. */
	return close(call->fd) < 0 && errno != EINTR ? -errno : 0;
}

/* The job never ran (it was refused, or its pool shut down): closed all the same. */
static void close_if_dropped(void *arg)
{
	struct close_call *call = (struct close_call *)((struct request *)arg + 1);

	if (!call->closed)
		close(call->fd);
}

static int check_close(int fd, const ferry_fs_options *given)
{
	ferry_fs_options options;
	int error = options_read(&options, sizeof(options), given);

	if (!error && (fd < 0 || options.borrow_path || options.release || options.deadline_ns))
		error = -EINVAL;
	return error;
}

ferry_local *ferry_fs_close(ferry_loop *loop, ferry_pool *pool, int fd,
			    const ferry_fs_options *options)
{
	struct request *request;
	int error = check_close(fd, options);

	if (error) {
		errno = -error;
		return NULL;
	}
	request = request_new(loop, pool, call_close, "", options, sizeof(struct close_call),
			      close_if_dropped);
	if (!request)
		return NULL;
	*(struct close_call *)(request + 1) = (struct close_call){ fd, 0 };
	request->local->flags |= LOCAL_KEEP;
	return request_submit(request, pool, options);
}
