/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is in open files: read, write, fsync, fdatasync, ftruncate, copy_file_range.
 *
 * Asked for on the loop's thread; what was not answered inline is called on a worker (step
 * "work" of a request). Invariant: a worker reads into the block and writes from it, or
 * from what was lent to it until release.
 */
#include <unistd.h>

#include "fs/request.h"
#include "fs/run.h"

static int count_of(ssize_t count, ferry_result *out)
{
	if (count < 0)
		return -errno;
	*out = ferry_result_i64(count);
	return 0;
}

static int done(int returned)
{
	return returned < 0 ? -errno : 0;
}

/* ---- on a worker ---- */

int run_read(struct request *request, ferry_result *out)
{
	const struct call *call = &request->call;
	ferry_bytes *bytes = request_outcome(request);
	unsigned char *room = (unsigned char *)(bytes + 1);
	ssize_t got = call->offset < 0 ? read(call->fd, room, call->count)
				       : pread(call->fd, room, call->count, call->offset);

	if (got < 0)
		return -errno;
	room[got] = 0;
	*bytes = (ferry_bytes){ (size_t)got, room };
	*out = ferry_result_pointer(bytes, NULL);
	return 0;
}

int run_write(struct request *request, ferry_result *out)
{
	const struct call *call = &request->call;

	return count_of(call->offset < 0 ? write(call->fd, call->data, call->count)
					 : pwrite(call->fd, call->data, call->count, call->offset),
			out);
}

int run_fsync(struct request *request, ferry_result *out)
{
	(void)out;
	return done(fsync(request->call.fd));
}

int run_fdatasync(struct request *request, ferry_result *out)
{
	(void)out;
	return done(fdatasync(request->call.fd));
}

int run_ftruncate(struct request *request, ferry_result *out)
{
	(void)out;
	return done(ftruncate(request->call.fd, request->call.offset));
}

int run_copy_file_range(struct request *request, ferry_result *out)
{
	const struct call *call = &request->call;
	off_t from = call->offset, to = call->other_offset;

	return count_of(copy_file_range(call->fd, from < 0 ? NULL : &from, call->other_fd,
					to < 0 ? NULL : &to, call->count, 0),
			out);
}

/* ---- asked for ---- */

static ferry_local *refuse(void)
{
	errno = EINVAL;
	return NULL;
}

static bool is_offset(int64_t offset)
{
	return offset >= FERRY_FS_HERE;
}

ferry_local *ferry_fs_read(ferry_loop *loop, ferry_pool *pool, int fd, size_t count, int64_t offset,
			   const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_READ], .fd = fd, .count = count,
			     .offset = offset };

	return is_offset(offset) ? request_begin(loop, pool, &call, options) : refuse();
}

ferry_local *ferry_fs_write(ferry_loop *loop, ferry_pool *pool, int fd, const void *data,
			    size_t count, int64_t offset, const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_WRITE], .fd = fd, .data = data,
			     .count = count, .offset = offset };

	return is_offset(offset) ? request_begin(loop, pool, &call, options) : refuse();
}

static ferry_local *ask(ferry_loop *loop, ferry_pool *pool, enum operation_number number, int fd,
			int64_t length, const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[number], .fd = fd, .offset = length };

	return request_begin(loop, pool, &call, options);
}

ferry_local *ferry_fs_fsync(ferry_loop *loop, ferry_pool *pool, int fd,
			    const ferry_fs_options *options)
{
	return ask(loop, pool, OPERATION_FSYNC, fd, 0, options);
}

ferry_local *ferry_fs_fdatasync(ferry_loop *loop, ferry_pool *pool, int fd,
				const ferry_fs_options *options)
{
	return ask(loop, pool, OPERATION_FDATASYNC, fd, 0, options);
}

ferry_local *ferry_fs_ftruncate(ferry_loop *loop, ferry_pool *pool, int fd, uint64_t length,
				const ferry_fs_options *options)
{
	if (length > INT64_MAX)
		return refuse();
	return ask(loop, pool, OPERATION_FTRUNCATE, fd, (int64_t)length, options);
}

ferry_local *ferry_fs_copy_file_range(ferry_loop *loop, ferry_pool *pool, int from,
				      int64_t from_offset, int to, int64_t to_offset, size_t count,
				      const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_COPY_FILE_RANGE], .fd = from,
			     .other_fd = to, .offset = from_offset, .other_offset = to_offset,
			     .count = count };

	if (!is_offset(from_offset) || !is_offset(to_offset))
		return refuse();
	return request_begin(loop, pool, &call, options);
}

/* ---- looked at ---- */

int64_t ferry_fs_result_count(ferry_local *local)
{
	const ferry_result *result = request_result(local, ANSWER_COUNT, NULL);

	return result ? result->i64 : -ENODATA;
}

const ferry_bytes *ferry_fs_result_bytes(ferry_local *local)
{
	return request_pointer(local, ANSWER_BYTES);
}
