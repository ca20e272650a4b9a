/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each file says its number, again and again, and no two neighbours are of the same size. */
#include "small-folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "small-checksum.h"

enum {
	SIZE_LEAST = 64,
	SIZE_VARIES = 4000,
	SIZE_STEP = 37
};

/* What is in a file: how many bytes. */
static size_t fill(char *text, unsigned number)
{
	size_t size = SIZE_LEAST + (size_t)number * SIZE_STEP % SIZE_VARIES;
	int line = snprintf(text, size, "file %u\n", number);

	for (size_t i = (size_t)line; i < size; i++)
		text[i] = text[i - (size_t)line];
	return size;
}

static int file_write(const char *path, const char *text, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t written;
	int error = 0;

	if (fd < 0)
		return -errno;
	written = write(fd, text, size);
	if (written < 0)
		error = -errno;
	else if ((size_t)written < size)
		error = -ENOSPC;
	return close(fd) < 0 && !error ? -errno : error;
}

static int folder_add(struct folder *folder)
{
	char path[4096], text[SIZE_LEAST + SIZE_VARIES];
	size_t size = fill(text, folder->files);

	snprintf(path, sizeof(path), "%s/%u", folder->path, folder->files);
	folder->checksum += checksum_of(text, size);
	folder->files++;
	return file_write(path, text, size);
}

int folder_make(struct folder *folder, unsigned count)
{
	const char *above = getenv("TMPDIR");
	int error = 0;

	if (asprintf(&folder->path, "%s/small-files.XXXXXX", above ? above : "/tmp") < 0) {
		folder->path = NULL;
		return -ENOMEM;
	}
	if (!mkdtemp(folder->path)) {
		error = -errno;
		free(folder->path);
		folder->path = NULL;
		return error;
	}
	while (error == 0 && folder->files < count)
		error = folder_add(folder);
	return error;
}

void folder_remove(struct folder *folder)
{
	char path[4096];

	if (!folder->path)
		return;
	while (folder->files) {
		snprintf(path, sizeof(path), "%s/%u", folder->path, --folder->files);
		unlink(path);
	}
	rmdir(folder->path);
	free(folder->path);
	folder->path = NULL;
}
