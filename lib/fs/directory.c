/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * readdir and readdir_batch: entries of a directory in one block of memory.
 *
 * Asked for on the loop's thread, read on a worker (step "work" of a request).
 * Invariant: what readdir opened is closed on the worker whatever happens, and the entries
 * are one block, so that free() disposes of them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/place.h"
#include "fs/run.h"

/* What getdents64 gives. */
struct kernel_entry {
	uint64_t inode;
	int64_t offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

/* Entries as they come in: the kernel's records, one after the other. */
struct records {
	char *bytes;
	size_t used, room;
	size_t count;      /* without "." and ".." */
	size_t name_bytes; /* of those */
};

#define READ_LEAST 32768

static int is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static int make_room(struct records *records)
{
	size_t room = records->room ? records->room * 2 : READ_LEAST;
	char *bytes;

	if (records->room - records->used >= READ_LEAST)
		return 0;
	bytes = realloc(records->bytes, room);
	if (!bytes)
		return -ENOMEM;
	records->bytes = bytes;
	records->room = room;
	return 0;
}

static void count(struct records *records, size_t from)
{
	while (from < records->used) {
		const struct kernel_entry *entry = (struct kernel_entry *)(records->bytes + from);

		if (!is_dots(entry->name)) {
			records->count++;
			records->name_bytes += strlen(entry->name) + 1;
		}
		from += entry->length;
	}
}

/* Reads once: how many bytes, 0 at the end, or a negative errno. */
static int read_once(int fd, struct records *records)
{
	long got = syscall(SYS_getdents64, fd, records->bytes + records->used,
			   records->room - records->used);

	if (got < 0)
		return -errno;
	records->used += (size_t)got;
	count(records, records->used - (size_t)got);
	return (int)got;
}

static int read_all(int fd, struct records *records)
{
	int got;

	do {
		int error = make_room(records);

		if (error)
			return error;
		got = read_once(fd, records);
	} while (got > 0);
	return got;
}

/* "." and ".." alone are not the end. */
static int read_some(int fd, struct records *records)
{
	int got;

	do {
		records->used = 0;
		got = read_once(fd, records);
	} while (got > 0 && !records->count);
	return got < 0 ? got : 0;
}

/* One block: the head, the array, the names. */
static ferry_entries *pack(const struct records *records)
{
	ferry_entries *entries = malloc(sizeof(*entries) +
					records->count * sizeof(*entries->entries) +
					records->name_bytes);
	char *name;
	size_t at = 0, i = 0;

	if (!entries)
		return NULL;
	entries->count = records->count;
	entries->entries = (ferry_entry *)(entries + 1);
	name = (char *)(entries->entries + records->count);
	while (at < records->used) {
		const struct kernel_entry *entry = (struct kernel_entry *)(records->bytes + at);

		at += entry->length;
		if (is_dots(entry->name))
			continue;
		entries->entries[i++] = (ferry_entry){ name, entry->inode, entry->type };
		name = stpcpy(name, entry->name) + 1;
	}
	return entries;
}

/* Ends a call: the entries that were read, or why not. */
static int finish(int error, struct records *records, ferry_result *out)
{
	ferry_entries *entries = NULL;

	if (!error) {
		entries = pack(records);
		error = entries ? 0 : -ENOMEM;
	}
	free(records->bytes);
	if (!error)
		*out = ferry_result_pointer(entries, &ferry_dispose_free);
	return error;
}

int run_readdir(struct request *request, ferry_result *out)
{
	struct records records = { NULL, 0, 0, 0, 0 };
	int fd = place_open(request, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0), error;

	if (fd < 0)
		return fd;
	error = read_all(fd, &records);
	close(fd);
	return finish(error, &records, out);
}

int run_readdir_batch(struct request *request, ferry_result *out)
{
	struct records records = { malloc(request->call.count), 0, request->call.count, 0, 0 };
	int error = records.bytes ? read_some(request->call.fd, &records) : -ENOMEM;

	return finish(error, &records, out);
}

ferry_local *ferry_fs_readdir(ferry_loop *loop, ferry_pool *pool, const char *path,
			      const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_READDIR], .path = path };

	return request_begin(loop, pool, &call, options);
}

/* An entry may be that long, or none would ever fit; and nobody needs more at once. */
#define BATCH_LEAST 1024
#define BATCH_MOST ((size_t)16 << 20)

ferry_local *ferry_fs_readdir_batch(ferry_loop *loop, ferry_pool *pool, int fd, size_t count,
				    const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_READDIR_BATCH], .fd = fd,
			     .count = count };

	if (count < BATCH_LEAST || count > BATCH_MOST) {
		errno = EINVAL;
		return NULL;
	}
	return request_begin(loop, pool, &call, options);
}

const ferry_entries *ferry_fs_result_entries(ferry_local *local)
{
	return request_pointer(local, ANSWER_ENTRIES);
}
