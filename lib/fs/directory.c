/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * readdir: all entries of a directory in one block of memory.
 *
 * Asked for on the loop's thread, read on a worker (step "work" of a request).
 * Invariant: the descriptor is closed on the worker whatever happens, and the entries
 * are one block, so that free() disposes of them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/request.h"

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

static int read_all(int fd, struct records *records)
{
	for (;;) {
		long got;
		int error = make_room(records);

		if (error)
			return error;
		got = syscall(SYS_getdents64, fd, records->bytes + records->used,
			      records->room - records->used);
		if (got < 0)
			return -errno;
		if (got == 0)
			return 0;
		records->used += (size_t)got;
		count(records, records->used - (size_t)got);
	}
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

static int call_readdir(void *arg, ferry_result *out)
{
	struct request *request = arg;
	struct records records = { NULL, 0, 0, 0, 0 };
	ferry_entries *entries = NULL;
	int fd = open(request->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	error = read_all(fd, &records);
	close(fd);
	if (!error) {
		entries = pack(&records);
		error = entries ? 0 : -ENOMEM;
	}
	free(records.bytes);
	if (!error)
		*out = ferry_result_pointer(entries, &ferry_dispose_free);
	return error;
}

ferry_local *ferry_fs_readdir(ferry_loop *loop, ferry_pool *pool, const char *path,
			      const ferry_fs_options *options)
{
	struct request *request = request_new(loop, pool, call_readdir, path, options, 0,
					      NULL);

	return request ? request_submit(request, pool, options) : NULL;
}
