/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The blocking calls. The names of a directory are gathered first, then laid out in one block. */
#include "walk-blocking.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int blocking_lstat(const char *path, ferry_stat *ret)
{
	struct stat found;

	if (lstat(path, &found) < 0)
		return -errno;
	*ret = (ferry_stat){
		.device = found.st_dev,
		.inode = found.st_ino,
		.mode = found.st_mode,
		.size = (uint64_t)found.st_size
	};
	return 0;
}

int blocking_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int blocking_close(int fd)
{
	return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

/* Names, each with its final 0, one behind the other. */
struct names {
	char *text;
	size_t size, room, count;
};

static int names_add(struct names *names, const char *name)
{
	size_t length = strlen(name) + 1;

	if (names->room - names->size < length) {
		size_t room = names->room * 2 + length;
		char *text = realloc(names->text, room);

		if (!text)
			return -ENOMEM;
		names->text = text;
		names->room = room;
	}
	memcpy(names->text + names->size, name, length);
	names->size += length;
	names->count++;
	return 0;
}

static int names_read(struct names *names, DIR *directory)
{
	struct dirent *entry;

	while ((errno = 0, entry = readdir(directory))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (names_add(names, entry->d_name) < 0)
			return -ENOMEM;
	}
	return -errno;
}

/* The names in one block, behind an array of entries that point to them. NULL: no memory. */
static ferry_entries *names_entries(const struct names *names)
{
	size_t head = sizeof(ferry_entries) + names->count * sizeof(ferry_entry);
	ferry_entries *entries = malloc(head + names->size);
	char *name;

	if (!entries)
		return NULL;
	*entries = (ferry_entries){
		.count = names->count,
		.entries = (ferry_entry *)(entries + 1)
	};
	name = (char *)entries + head;
	if (names->size)
		memcpy(name, names->text, names->size);
	for (size_t i = 0; i < names->count; i++) {
		entries->entries[i] = (ferry_entry){ .name = name };
		name += strlen(name) + 1;
	}
	return entries;
}

static int directory_read(DIR *directory, ferry_entries **ret)
{
	struct names names = { 0 };
	ferry_entries *entries = NULL;
	int error = names_read(&names, directory);

	if (error == 0) {
		entries = names_entries(&names);
		error = entries ? 0 : -ENOMEM;
	}
	free(names.text);
	if (error == 0)
		*ret = entries;
	return error;
}

int blocking_readdir(const char *path, ferry_entries **ret)
{
	int fd = blocking_open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
	DIR *directory;
	int error;

	if (fd < 0)
		return fd;
	directory = fdopendir(fd);
	if (!directory) {
		error = -errno;
		close(fd);
		return error;
	}
	error = directory_read(directory, ret);
	closedir(directory);
	return error;
}
