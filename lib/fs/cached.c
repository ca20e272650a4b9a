/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walking paths in the kernel's caches.
 *
 * The loop's thread only (before the step "submit" of a request). Invariant (S1): the walk
 * waits for nothing: not for a disk, a server, a daemon or an automount. Kernels before
 * 5.12 refuse the flag, filters may refuse the call: then, and only after a trivial path
 * was refused as well, it is not tried again by this loop.
 */
#include "fs/cached.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/root.h"
#include "fs/run.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

static int open_how(int directory, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };
	long fd = syscall(SYS_openat2, directory, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* Does it work for a path that must be there? */
static bool works(void)
{
	int fd = open_how(AT_FDCWD, "/", O_PATH, RESOLVE_CACHED);

	if (fd >= 0)
		close(fd);
	/* A lack of descriptors says nothing of it. */
	return fd >= 0 || fd == -EAGAIN || fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM;
}

static bool is_refusal(int error)
{
	return error == -ENOSYS || error == -EINVAL || error == -EPERM || error == -E2BIG;
}

int cached_open(struct fs *fs, struct ferry_fs_root *root, const char *path, int flags,
		uint64_t resolve)
{
	int fd;

	if (root)
		resolve |= RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
	/* A walk that ends on the root of such a mount asks its server after all. */
	if (fs->weak)
		resolve |= RESOLVE_NO_XDEV;
	fd = open_how(root ? root_descriptor(root) : AT_FDCWD, path, (uint64_t)flags,
		      resolve | RESOLVE_CACHED);
	if (fd < 0 && is_refusal(fd) && !works())
		fs->blind = true;
	return fd;
}

int cached_close(int fd)
{
	return syscall(SYS_close, fd) < 0 ? -errno : 0;
}

void cached_leave(struct core *core, int fd, const struct statx *status)
{
	/* Who removed it meanwhile left it to us to free what it had; to us for good if there is no
	 * memory to hand it over. */
	if (status && status->stx_mask & STATX_NLINK && !status->stx_nlink &&
	    run_close_later(core, fd) == 0)
		return;
	cached_close(fd);
}

bool cached_is_final(const struct fs *fs, const struct ferry_fs_root *root, int error)
{
	switch (error) {
	case -ENOENT:
	case -ENOTDIR:
	case -ELOOP:
	case -EACCES:
	case -ENAMETOOLONG:
		return true;
	case -EXDEV:
		return root && !fs->weak;
	default:
		return false;
	}
}
