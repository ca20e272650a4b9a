/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stat and lstat.
 *
 * Asked for on the loop's thread, called on a worker (step "work" of a request); the
 * attributes go into the block. Invariant: nothing of the caller's memory is written.
 */
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fs/request.h"

static int64_t ns_of(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void convert(const struct stat *from, ferry_stat *to)
{
	*to = (ferry_stat){
		.device = from->st_dev,
		.inode = from->st_ino,
		.links = from->st_nlink,
		.size = (uint64_t)from->st_size,
		.blocks = (uint64_t)from->st_blocks,
		.mode = from->st_mode,
		.uid = from->st_uid,
		.gid = from->st_gid,
		.block_size = (uint32_t)from->st_blksize,
		.special_device = from->st_rdev,
		.accessed_ns = ns_of(from->st_atim),
		.modified_ns = ns_of(from->st_mtim),
		.changed_ns = ns_of(from->st_ctim),
	};
}

static int finish(struct request *request, int returned, const struct stat *status,
		  ferry_result *out)
{
	ferry_stat *attributes = (ferry_stat *)(request + 1);

	if (returned < 0)
		return -errno;
	convert(status, attributes);
	*out = ferry_result_pointer(attributes, NULL);
	return 0;
}

static int call_stat(void *arg, ferry_result *out)
{
	struct request *request = arg;
	struct stat status;

	return finish(request, stat(request->path, &status), &status, out);
}

static int call_lstat(void *arg, ferry_result *out)
{
	struct request *request = arg;
	struct stat status;

	return finish(request, lstat(request->path, &status), &status, out);
}

static ferry_local *ask(ferry_loop *loop, ferry_pool *pool, ferry_function fn, const char *path,
			const ferry_fs_options *options)
{
	struct request *request = request_new(loop, pool, fn, path, options, sizeof(ferry_stat),
					      NULL);

	return request ? request_submit(request, pool, options) : NULL;
}

ferry_local *ferry_fs_stat(ferry_loop *loop, ferry_pool *pool, const char *path,
			   const ferry_fs_options *options)
{
	return ask(loop, pool, call_stat, path, options);
}

ferry_local *ferry_fs_lstat(ferry_loop *loop, ferry_pool *pool, const char *path,
			    const ferry_fs_options *options)
{
	return ask(loop, pool, call_lstat, path, options);
}
