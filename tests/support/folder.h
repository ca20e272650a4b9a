/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_FOLDER_H
#define SUPPORT_FOLDER_H
/*
 * A folder of the test's own, under TMPDIR or /tmp, and what may lie in it.
 *
 *   folder_make();
 *   folder_file("name", "content");
 *   stat(folder_path("name"), ...)     valid until the eighth call after it
 *   folder_fifo("fifo");               whose open() waits for who opens the other end
 *   fd = folder_unlinked(8 << 20);     a file without a name, in many parts: to close it takes long
 *   folder_remove();                   with all that is in it
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[256];

__attribute__((noreturn)) static inline void folder_die(const char *what)
{
	fprintf(stderr, "folder: %s: %s\n", what, strerror(errno));
	abort();
}

static inline void folder_make(void)
{
	const char *under = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%s/ferry-test-XXXXXX", under ? under : "/tmp");
	/* Others than its owner may look into it: a test may go on as nobody. */
	if (!mkdtemp(folder) || chmod(folder, 0755))
		folder_die(folder);
}

static inline const char *folder_path(const char *name)
{
	static char paths[8][8192];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static inline void folder_file(const char *name, const char *content)
{
	const char *path = folder_path(name);
	FILE *file = fopen(path, "w");

	if (!file || fputs(content, file) < 0 || fclose(file))
		folder_die(path);
}

static inline void folder_below(const char *name, unsigned mode)
{
	const char *path = folder_path(name);

	if (mkdir(path, 0700) || chmod(path, mode))
		folder_die(path);
}

/* Read already, as it were: to follow one that is newer than when it was read is to note that, for
 * which a kernel that may not wait gives up; and it is newer as soon as the clock has ticked. */
static inline void folder_link(const char *name, const char *to)
{
	const char *path = folder_path(name);
	struct timespec times[2] = { { .tv_sec = time(NULL) + 3600 }, { .tv_nsec = UTIME_NOW } };

	if (symlink(to, path) || utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW))
		folder_die(path);
}

static inline void folder_fifo(const char *name)
{
	const char *path = folder_path(name);

	if (mkfifo(path, 0600))
		folder_die(path);
}

/* Every second page of it is a hole, where the filesystem has those. */
static inline int folder_unlinked(off_t bytes)
{
	const char *path = folder_path("unlinked");
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || unlink(path) || ftruncate(fd, bytes))
		folder_die(path);
	for (off_t at = 0; at < bytes; at += 8192)
		if (pwrite(fd, path, 1, at) != 1)
			folder_die(path);
	return fd;
}

static inline int folder_remove_one(const char *path, const struct stat *status, int kind,
				    struct FTW *where)
{
	(void)status, (void)kind, (void)where;
	return remove(path);
}

static inline void folder_remove(void)
{
	if (nftw(folder, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS))
		folder_die(folder);
}

/* From here on the process is nobody's, who may not look where only the owner may. */
static inline void folder_be_nobody(void)
{
	if (getuid() == 0 && (setgid(65534) || setuid(65534)))
		folder_die("cannot become nobody");
}

#endif
