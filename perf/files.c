/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes the files that are worked on, before the first sample, and removes them after the
 * last; also from a signal handler, so removing calls nothing but the kernel.
 */
#include "files.h"
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 128

static char directory[PATH_BYTES - 16];
static char (*paths)[PATH_BYTES];

static void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, "x", 1) != 1)
		bench_fail("cannot make %s: %s", path, strerror(errno));
	close(fd);
}

void files_open(void)
{
	const char *parent = getenv("TMPDIR");

	if (!parent || !*parent)
		parent = "/tmp";
	if (snprintf(directory, sizeof(directory), "%s/ferry-perf-XXXXXX", parent) >=
	    (int)sizeof(directory)) {
		directory[0] = '\0';
		bench_fail("TMPDIR is too long");
	}
	paths = calloc(FILES_COUNT, sizeof(*paths));
	if (!paths)
		bench_fail("out of memory");
	if (!mkdtemp(directory)) {
		int error = errno;

		directory[0] = '\0';
		bench_fail("cannot make a directory in %s: %s", parent, strerror(error));
	}
	for (unsigned i = 0; i < FILES_COUNT; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%04u", directory, i);
		make_file(paths[i]);
	}
}

void files_close(void)
{
	if (directory[0]) {
		for (unsigned i = 0; i < FILES_COUNT; i++)
			unlink(paths[i]);
		rmdir(directory);
		directory[0] = '\0';
	}
}

const char *files_path(unsigned long index)
{
	return paths[index % FILES_COUNT];
}

int files_stat(const char *path)
{
	struct stat status;

	return stat(path, &status) < 0 ? -errno : 0;
}
