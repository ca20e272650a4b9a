/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stat, lstat and fstat.
 *
 * Asked for on the loop's thread; what was not answered inline is called on a worker (step
 * "work" of a request); the attributes go into the block. Invariant: nothing of the
 * caller's memory is written.
 */
#include "fs/place.h"
#include "fs/run.h"
#include "fs/status.h"

#include <unistd.h>

static int finish(struct request *request, int error, ferry_result *out)
{
	if (!error)
		*out = ferry_result_pointer(request_outcome(request), NULL);
	return error;
}

/* Below a root the file is opened first, for nothing but to be asked about. */
static int read_path(struct request *request, int flags)
{
	int fd, error;

	if (!request->root)
		return status_read(AT_FDCWD, request->call.path, flags,
				   request_outcome(request));
	fd = place_open(request, O_PATH | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0), 0);
	if (fd < 0)
		return fd;
	error = status_read(fd, "", AT_EMPTY_PATH, request_outcome(request));
	close(fd);
	return error;
}

int run_stat(struct request *request, ferry_result *out)
{
	return finish(request, read_path(request, 0), out);
}

int run_lstat(struct request *request, ferry_result *out)
{
	return finish(request, read_path(request, AT_SYMLINK_NOFOLLOW), out);
}

int run_fstat(struct request *request, ferry_result *out)
{
	return finish(request,
		      status_read(request->call.fd, "", AT_EMPTY_PATH, request_outcome(request)),
		      out);
}

static ferry_local *ask(ferry_loop *loop, ferry_pool *pool, enum operation_number number,
			const char *path, const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[number], .path = path };

	return request_begin(loop, pool, &call, options);
}

ferry_local *ferry_fs_stat(ferry_loop *loop, ferry_pool *pool, const char *path,
			   const ferry_fs_options *options)
{
	return ask(loop, pool, OPERATION_STAT, path, options);
}

ferry_local *ferry_fs_lstat(ferry_loop *loop, ferry_pool *pool, const char *path,
			    const ferry_fs_options *options)
{
	return ask(loop, pool, OPERATION_LSTAT, path, options);
}

ferry_local *ferry_fs_fstat(ferry_loop *loop, ferry_pool *pool, int fd,
			    const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_FSTAT], .fd = fd };

	return request_begin(loop, pool, &call, options);
}

const ferry_stat *ferry_fs_result_stat(ferry_local *local)
{
	struct request *request;

	return request_result(local, ANSWER_STAT, &request) ? request_outcome(request) : NULL;
}
