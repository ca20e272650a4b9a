/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening below a root: by openat2(), or by a walk where that is not to be had.
 *
 * Called on a worker (step "work" of a request); the call of floor 6 goes on with the
 * descriptor. Invariant (S1): nothing outside of the root is reached. That openat2() is
 * absent is believed only of a call that has no other reason to fail: a filter of system
 * calls may come at any time, and a path may have the errors of one.
 */
#include "fs/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/atomic.h"
#include "fs/walk.h"

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

#define SCOPED_TRIES 32 /* the kernel gives up when anything at all is renamed beside a ".." */
#define KNOWN_FLAGS                                                                                \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC |      \
	 O_DSYNC | O_ASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME |       \
	 O_CLOEXEC | O_PATH | O_TMPFILE)
#define PATH_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* ---- by openat2() ---- */

static _Atomic int absent; /* 1: the kernel, or a filter of system calls, has no openat2() */

static int open_scoped(int root, const char *path, int flags, unsigned mode)
{
	struct open_how how = {
		.flags = (unsigned)flags,
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static bool says_refused(int error)
{
	return error == -ENOSYS || error == -EPERM || error == -E2BIG || error == -EINVAL;
}

/* These errors a path can have as well: only that of a path which has none is the call's. */
static bool is_absent(int root)
{
	int fd = open_scoped(root, ".", O_PATH | O_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	if (!says_refused(fd))
		return false;
	/* Relaxed: a hint; whoever sees the old value asks the kernel once more. */
	atomic_store_relaxed(&absent, 1);
	return true;
}

/* ---- either ---- */

int beneath_open(int root, const char *path, int flags, unsigned mode)
{
	int fd = -EAGAIN;

	/* What open() ignores openat2() refuses. */
	flags = (flags & (flags & O_PATH ? PATH_FLAGS : KNOWN_FLAGS)) | O_CLOEXEC;
	mode = flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? mode & 07777 : 0;
	/* Relaxed: a hint, see is_absent(). */
	if (atomic_load_relaxed(&absent))
		return walk_open(root, path, flags, mode);
	for (int i = 0; fd == -EAGAIN && i < SCOPED_TRIES; i++)
		fd = open_scoped(root, path, flags, mode);
	if (fd == -EAGAIN || (says_refused(fd) && is_absent(root)))
		return walk_open(root, path, flags, mode);
	return fd;
}

int beneath_parent(int root, const char *path, enum beneath_use use, const char **last)
{
	char directory[PATH_MAX];
	size_t length = strlen(path), end = length, begin;
	bool dots, whole;
	int fd;

	if (length >= PATH_MAX)
		return -ENAMETOOLONG;
	if (!length || *path == '/')
		return length ? -EXDEV : -ENOENT;
	while (path[end - 1] == '/')
		end--;
	begin = end;
	while (begin && path[begin - 1] != '/')
		begin--;
	dots = end - begin == 2 && !memcmp(path + begin, "..", 2);
	whole = dots || (use == BENEATH_LOOK && end != length);
	if (whole)
		begin = length;
	memcpy(directory, path, begin);
	directory[begin] = 0;
	fd = begin ? beneath_open(root, directory, O_PATH | O_DIRECTORY, 0) : root;
	if (fd >= 0)
		*last = !whole ? path + begin : use == BENEATH_CHANGE ? ".." : ".";
	return fd;
}
