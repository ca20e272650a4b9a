/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way of one small file, a task:
 *
 *   open_stat -> read as many bytes as the file has -> count them -> close
 *
 * Each call is awaited. Most of the time the kernel has what it asks for in its caches: then the
 * call is made here and now, and the task goes on without a pause. Else a worker makes it, and the
 * loop runs the other tasks. The code is the same for both, and so is what comes of it.
 *
 * Nobody cancels these tasks: a file must not be closed while a worker still reads from it. Whoever
 * wants an end stops the loop, and then the pool (small-files.c).
 */
#include "small-file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "small-checksum.h"

enum {
	SIZE_MOST = 64 << 10,
	OPEN_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
};

static void file_begin(struct file *file)
{
	struct files *files = file->files;

	file->began = true;
	files->at_once++;
	if (files->at_once > files->most_at_once)
		files->most_at_once = files->at_once;
}

static void file_done(struct file *file)
{
	file->files->at_once--;
	file->files->done++;
}

static void file_error(struct file *file, enum operation operation, int code)
{
	tally_error(&file->files->tally, operation, code, file->name);
}

static void file_count(struct file *file, const void *bytes, size_t count)
{
	tally_entry(&file->files->tally, S_IFREG, count);
	file->files->checksum += checksum_of(bytes, count);
}

/* Why it is no small file: a positive errno, or 0. */
static int file_misfit(unsigned mode, uint64_t size)
{
	if (!S_ISREG(mode))
		return S_ISDIR(mode) ? EISDIR : EINVAL;
	return size > SIZE_MOST ? EFBIG : 0;
}

/* ---- the calls ---- */

static ferry_operation *file_open(struct file *file)
{
	struct files *files = file->files;

	return ferry_await_local(&file->call,
				 ferry_fs_open_stat(files->loop, files->pool, file->name,
						    OPEN_FLAGS, 0, &files->below));
}

static ferry_operation *file_read(struct file *file, size_t size)
{
	struct files *files = file->files;

	return ferry_await_local(&file->call, ferry_fs_read(files->loop, files->pool, file->fd,
							    size, 0, &files->calls));
}

static ferry_operation *file_close(struct file *file)
{
	struct files *files = file->files;
	ferry_local *closing = ferry_fs_close(files->loop, files->pool, file->fd, &files->below);

	file->is_open = !closing; /* NULL: it could not even be tried, and the file is still ours */
	return ferry_await_local(&file->call, closing);
}

/* ---- what came of them ---- */

/* Did the call bring a result? Otherwise its error is counted. */
static bool file_succeeded(struct file *file, enum operation operation)
{
	ferry_snapshot seen = ferry_await_snapshot(&file->call);
	int code = seen.cancelled ? ECANCELED : ferry_error_errno(seen.exception);

	if (code)
		file_error(file, operation, code);
	return code == 0;
}

/* Become the owner of what was opened. */
static bool file_opened(struct file *file)
{
	ferry_result opened;

	if (!file_succeeded(file, AT_OPEN) || ferry_await_take(&file->call, &opened) < 0)
		return false;
	file->fd = (int)opened.i64;
	file->is_open = true;
	return true;
}

/* The attributes came with the open file. */
static bool file_is_small(struct file *file)
{
	const ferry_stat *found = ferry_fs_result_stat(file->call.local);
	int misfit = found ? file_misfit(found->mode, found->size) : ENODATA;

	if (misfit)
		file_error(file, AT_READ, misfit);
	return misfit == 0;
}

static size_t file_size(struct file *file)
{
	return ferry_fs_result_stat(file->call.local)->size;
}

static void file_was_read(struct file *file)
{
	const ferry_bytes *read;

	if (!file_succeeded(file, AT_READ))
		return;
	read = ferry_fs_result_bytes(file->call.local);
	file_count(file, read->bytes, read->count);
}

/* ---- the same as it would be without libferry ---- */

static int block_and_read(struct file *file, int fd)
{
	static char bytes[SIZE_MOST];
	struct stat found;
	ssize_t count;
	int misfit;

	if (fstat(fd, &found) < 0)
		return errno;
	misfit = file_misfit(found.st_mode, (uint64_t)found.st_size);
	if (misfit)
		return misfit;
	count = pread(fd, bytes, (size_t)found.st_size, 0);
	if (count < 0)
		return errno;
	file_count(file, bytes, (size_t)count);
	return 0;
}

static void block(struct file *file)
{
	int folder = ferry_fs_root_fd(file->files->below.root);
	int fd = openat(folder, file->name, OPEN_FLAGS | O_CLOEXEC), code;

	if (fd < 0) {
		file_error(file, AT_OPEN, errno);
		return;
	}
	code = block_and_read(file, fd);
	if (code)
		file_error(file, AT_READ, code);
	close(fd);
}

/* ---- from the first call to the last ---- */

ferry_step file_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct file, f);
	file_begin(f);
	if (f->files->options->policy == POLICY_BLOCKING) {
		block(f);
		FERRY_RETURN();
	}
	FERRY_AWAIT(file_open(f));
	if (!file_opened(f))
		FERRY_RETURN();
	if (file_is_small(f)) {
		FERRY_AWAIT(file_read(f, file_size(f)));
		file_was_read(f);
	}
	FERRY_AWAIT(file_close(f));
	file_succeeded(f, AT_CLOSE);
	FERRY_RETURN();

	FERRY_FINALLY
	if (f->began)
		file_done(f);
	ferry_await_end(&f->call);
	FERRY_END;
}

void file_end(struct file *file)
{
	ferry_await_end(&file->call);
	if (file->is_open)
		close(file->fd);
}
