/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests of the file calls.
 *
 * On the loop's thread (step "submit" of a request); release hooks on any. After it
 * the pool runs the call. Invariant: a worker writes only into the block, which lives
 * until its function has returned; a borrowed path is released exactly once (L4).
 */
#include "fs/request.h"

#include "base/options.h"

/* The function can no longer touch the request, nor the path. */
static void let_go(void *arg)
{
	struct request *request = arg;

	if (request->dropped)
		request->dropped(request);
	if (request->release)
		request->release((void *)request->path);
}

static int read_options(const ferry_fs_options *given, ferry_fs_options *options,
			ferry_job_options *job, bool dropped)
{
	int error = options_read(options, sizeof(*options), given);

	if (error)
		return error;
	if (options->release && !options->borrow_path)
		return -EINVAL;
	memset(job, 0, sizeof(*job));
	job->size = sizeof(*job);
	job->lane = options->lane;
	job->deadline_ns = options->deadline_ns;
	job->release = options->release || dropped ? let_go : NULL;
	return 0;
}

static int check(ferry_loop *loop, ferry_pool *pool, const char *path,
		 const ferry_fs_options *given, ferry_fs_options *options, ferry_job_options *job,
		 bool dropped)
{
	int error = loop_check(loop);

	if (!error)
		error = submit_check(pool);
	if (!error && !path)
		error = -EINVAL;
	if (!error)
		error = read_options(given, options, job, dropped);
	if (!error && job->lane && job->lane->core != pool->core)
		error = -EINVAL;
	return error;
}

struct request *request_new(ferry_loop *loop, ferry_pool *pool, ferry_function fn,
			    const char *path, const ferry_fs_options *given, size_t own,
			    void (*dropped)(void *request))
{
	ferry_fs_options options;
	ferry_job_options job;
	struct request *request;
	struct ferry_local *local;
	void *payload;
	size_t length;
	int error = check(loop, pool, path, given, &options, &job, dropped);

	if (error) {
		errno = -error;
		return NULL;
	}
	length = options.borrow_path ? 0 : strlen(path) + 1;
	local = offload_new(loop, pool, fn, &job, sizeof(*request) + own + length, &payload);
	if (!local)
		return NULL;
	request = payload;
	request->local = local;
	request->release = options.release;
	request->dropped = dropped;
	request->path = path;
	if (options.borrow_path)
		local->flags |= LOCAL_BORROWS;
	if (length)
		request->path = memcpy((char *)(request + 1) + own, path, length);
	return request;
}

ferry_local *request_submit(struct request *request, ferry_pool *pool,
			    const ferry_fs_options *given)
{
	ferry_fs_options options;
	ferry_job_options job;

	/* They were read before, and were right. */
	read_options(given, &options, &job, request->dropped);
	return offload_submit(request->local, pool, &job);
}
