/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plain system calls on the loop's thread: all clients wait while one of them does. */
#include "httpd-blocking.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_below(const struct files *files, const char *path, int flags)
{
	struct open_how how = { .flags = (unsigned)flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH };

	return (int)syscall(SYS_openat2, ferry_fs_root_fd(files->below.root), path, &how,
			    sizeof(how));
}

void blocking_open(struct file *file, const char *path, int flags)
{
	struct stat found;

	file->fd = open_below(file->files, path, flags);
	file->error = file->fd < 0 || fstat(file->fd, &found) < 0 ? errno : 0;
	if (file->error)
		return;
	file->mode = found.st_mode;
	file->inode = found.st_ino;
	file->size = (uint64_t)found.st_size;
	file->modified_ns = (int64_t)found.st_mtim.tv_sec * 1000000000 + found.st_mtim.tv_nsec;
}

void blocking_read(struct file *file, uint64_t offset, size_t count)
{
	struct evbuffer_iovec space;
	ssize_t got;

	file->error = 0;
	if (evbuffer_reserve_space(file->piece, (ev_ssize_t)count, &space, 1) < 1) {
		file->error = ENOMEM;
		return;
	}
	got = pread(file->fd, space.iov_base, count, (off_t)offset);
	if (got < 0) {
		file->error = errno;
		return;
	}
	space.iov_len = file->count = (size_t)got;
	evbuffer_commit_space(file->piece, &space, 1);
}

int blocking_try(const struct files *files)
{
	int fd = open_below(files, ".", O_PATH);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}
