/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole files: read_file and write_file_atomic, each several calls in one request.
 *
 * Asked for on the loop's thread, done on a worker (step "work" of a request). Invariants:
 * what was opened is closed, and what was made under another name is renamed or removed,
 * however it ends.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/place.h"
#include "fs/run.h"

/* ---- read_file ---- */

#define READ_LEAST 4096

/* Bytes as they come in: behind room for the head, so that all is one block. */
struct growing {
	ferry_bytes *block;
	size_t used, room;
};

static unsigned char *bytes_of(ferry_bytes *block)
{
	return (unsigned char *)(block + 1);
}

static int make_room(struct growing *growing, size_t room)
{
	ferry_bytes *block = realloc(growing->block, sizeof(*block) + room + 1);

	if (!block)
		return -ENOMEM;
	growing->block = block;
	growing->room = room;
	return 0;
}

/* One byte more than there may be is asked for, so that the end of the file is seen. */
static int read_all(int fd, size_t most, struct growing *growing)
{
	for (;;) {
		ssize_t got;

		if (growing->used == growing->room) {
			size_t more = growing->room < most / 2 ? growing->room * 2 : most + 1;
			int error = make_room(growing, more);

			if (error)
				return error;
		}
		got = read(fd, bytes_of(growing->block) + growing->used,
			   growing->room - growing->used);
		if (got < 0)
			return -errno;
		if (got == 0)
			return 0;
		growing->used += (size_t)got;
		if (growing->used > most)
			return -EFBIG;
	}
}

/* What its size says is where to begin; files of /proc say 0. */
static size_t first_room(int fd, size_t most)
{
	struct stat status;
	size_t size = READ_LEAST;

	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
		size = (size_t)status.st_size + 1;
	return size <= most ? size : most + 1;
}

int run_read_file(struct request *request, ferry_result *out)
{
	size_t most = request->call.count;
	int fd = place_open(request, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0), error;
	struct growing growing = { NULL, 0, 0 };

	if (fd < 0)
		return fd;
	error = make_room(&growing, first_room(fd, most));
	if (!error)
		error = read_all(fd, most, &growing);
	close(fd);
	if (error) {
		free(growing.block);
		return error;
	}
	bytes_of(growing.block)[growing.used] = 0;
	*growing.block = (ferry_bytes){ growing.used, bytes_of(growing.block) };
	*out = ferry_result_pointer(growing.block, &ferry_dispose_free);
	return 0;
}

ferry_local *ferry_fs_read_file(ferry_loop *loop, ferry_pool *pool, const char *path, size_t most,
				const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_READ_FILE], .path = path,
			     .count = most };

	return request_begin(loop, pool, &call, options);
}

/* ---- write_file_atomic ---- */

#define NAME_TRIES 100

static int write_all(int fd, const char *data, size_t count)
{
	while (count) {
		ssize_t wrote = write(fd, data, count);

		if (wrote < 0)
			return -errno;
		data += wrote;
		count -= (size_t)wrote;
	}
	return 0;
}

/* Of @path: where its last part begins. */
static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Opens the directory that a place names something in, to make that durable. */
static int open_directory(const struct place *place)
{
	const char *last = last_part(place->name);
	char *path;
	int fd;

	/* With a slash at its end it names no file; to follow a link there may leave the root. */
	if (!*last)
		return *place->name ? -EISDIR : -ENOENT;
	if (last == place->name)
		fd = openat(place->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	else {
		path = strndup(place->name, (size_t)(last - place->name));
		if (!path)
			return -ENOMEM;
		fd = openat(place->directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		free(path);
	}
	return fd < 0 ? -errno : fd;
}

/* Makes a file of a name that nothing has: its descriptor, or a negative errno. */
static int make_other(int directory, char *name, size_t room)
{
	for (int i = 0; i < NAME_TRIES; i++) {
		uint64_t number;
		int fd;

		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			return -errno;
		snprintf(name, room, ".ferry-%016llx", (unsigned long long)number);
		fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0600);
		if (fd >= 0 || errno != EEXIST)
			return fd < 0 ? -errno : fd;
	}
	return -EEXIST;
}

static int fill(int fd, const struct call *call)
{
	int error = write_all(fd, call->data, call->count);

	if (!error && fchmod(fd, call->mode) < 0)
		error = -errno;
	if (!error && fsync(fd) < 0)
		error = -errno;
	if (close(fd) < 0 && errno != EINTR && !error)
		error = -errno;
	return error;
}

/* An interrupt that ended the call may come once more. */
static void remove_other(int directory, const char *name)
{
	int tries = NAME_TRIES;

	while (unlinkat(directory, name, 0) < 0 && errno == EINTR && --tries)
		;
}

/* In a directory that is open: the other name, then the one that was asked for. */
static int replace(int directory, const char *last, const struct call *call)
{
	char name[32];
	int fd = make_other(directory, name, sizeof(name)), error;

	if (fd < 0)
		return fd;
	error = fill(fd, call);
	if (!error && renameat(directory, name, directory, last) < 0)
		error = -errno;
	if (error) {
		remove_other(directory, name);
		return error;
	}
	return fsync(directory) < 0 ? -errno : 0;
}

int run_write_file_atomic(struct request *request, ferry_result *out)
{
	struct place place;
	int error = place_find(request, request->call.path, BENEATH_CHANGE, &place), directory;

	(void)out;
	if (error)
		return error;
	directory = open_directory(&place);
	if (directory < 0) {
		error = directory;
	} else {
		error = replace(directory, last_part(place.name), &request->call);
		close(directory);
	}
	place_leave(&place);
	return error;
}

ferry_local *ferry_fs_write_file_atomic(ferry_loop *loop, ferry_pool *pool, const char *path,
					const void *data, size_t count, unsigned mode,
					const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_WRITE_FILE_ATOMIC], .path = path,
			     .data = data, .count = count, .mode = mode };

	if (mode > 07777) {
		errno = EINVAL;
		return NULL;
	}
	return request_begin(loop, pool, &call, options);
}
