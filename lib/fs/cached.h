/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_CACHED_H
#define FS_CACHED_H
/* Paths walked in the kernel's caches alone: openat2() with RESOLVE_CACHED. */
#include "fs/fs.h"
#include "pool/core.h"

/*
 * Opens what a path leads to, below @root if not NULL, if the walk need not wait; what the
 * open itself may wait for depends on @flags: O_PATH for nothing. The descriptor, or a
 * negative errno; -EAGAIN: it would have to wait.
 */
int cached_open(struct fs *fs, struct ferry_fs_root *root, const char *path, int flags,
		uint64_t resolve);
/* 0 or a negative errno. Not the C library's close(), at which a thread can be cancelled: that
 * costs two locked instructions. */
int cached_close(int fd);
/* Closes what was opened to be looked at; on a worker if the file has no name any more, and may be
 * freed. @status: what was seen, with STATX_NLINK; NULL: nothing was. */
void cached_leave(struct core *core, int fd, const struct statx *status);

/* Is this errno of cached_open() what the call itself would give? */
bool cached_is_final(const struct fs *fs, const struct ferry_fs_root *root, int error);

#endif
