/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * open, open_stat and close.
 *
 * Asked for on the loop's thread; what was not answered inline is called on a worker (step
 * "work" of a request). Invariant: no descriptor is lost. One that nobody takes is closed
 * by its disposer, on a worker, since closing may block; one that was given to
 * ferry_fs_close() is closed whatever becomes of the local.
 */
#include <fcntl.h>
#include <unistd.h>

#include "fs/place.h"
#include "fs/run.h"
#include "fs/status.h"

static int finish(int fd, ferry_result *out)
{
	if (fd < 0)
		return fd;
	*out = ferry_result_i64(fd);
	out->disposer = &ferry_dispose_close;
	return 0;
}

int run_open(struct request *request, ferry_result *out)
{
	return finish(place_open(request, request->call.flags, request->call.mode), out);
}

int run_open_stat(struct request *request, ferry_result *out)
{
	int fd = place_open(request, request->call.flags, request->call.mode), error;

	if (fd < 0)
		return fd;
	error = status_read(fd, "", AT_EMPTY_PATH, request_outcome(request));
	if (error) {
		close(fd);
		return error;
	}
	return finish(fd, out);
}

static ferry_local *ask(ferry_loop *loop, ferry_pool *pool, enum operation_number number,
			const char *path, int flags, unsigned mode,
			const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[number], .path = path, .flags = flags,
			     .mode = mode };

	return request_begin(loop, pool, &call, options);
}

ferry_local *ferry_fs_open(ferry_loop *loop, ferry_pool *pool, const char *path, int flags,
			   unsigned mode, const ferry_fs_options *options)
{
	return ask(loop, pool, OPERATION_OPEN, path, flags, mode, options);
}

ferry_local *ferry_fs_open_stat(ferry_loop *loop, ferry_pool *pool, const char *path, int flags,
				unsigned mode, const ferry_fs_options *options)
{
	return ask(loop, pool, OPERATION_OPEN_STAT, path, flags, mode, options);
}

int ferry_fs_result_fd(ferry_local *local)
{
	const ferry_result *result = request_result(local, ANSWER_FD, NULL);

	/* Once taken it is another's, who may have closed it. */
	if (!result || future_word(&local->job.future) & WORD_TAKEN)
		return -ENODATA;
	return (int)result->i64;
}

/* ---- close ---- */

int run_close(struct request *request, ferry_result *out)
{
	(void)out;
	/* Linux closes it even when a signal interrupts: never again. */
	return close(request->call.fd) < 0 && errno != EINTR ? -errno : 0;
}

/* As a result that nobody takes. A job could be refused, wait for room, or be cancelled by the
 * pool's end. */
int run_close_later(struct core *core, int fd)
{
	ferry_pool pool = { &core->home, core };
	ferry_future_options options = { .size = sizeof(options), .pool = &pool };
	ferry_result result = ferry_result_i64(fd);
	ferry_future *future;
	int error = ferry_future_new(&options, &future);

	if (error)
		return error;
	result.disposer = &ferry_dispose_close;
	error = ferry_future_set_result(future, result);
	future_forget(future);
	return error;
}

/* On whichever thread the pool refused it, or threw it out: closing may block there for ever. */
void drop_close(struct request *request)
{
	if (run_close_later(request_core(request), request->call.fd) < 0)
		close(request->call.fd);
}

ferry_local *ferry_fs_close(ferry_loop *loop, ferry_pool *pool, int fd,
			    const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_CLOSE], .fd = fd };

	return request_begin(loop, pool, &call, options);
}
