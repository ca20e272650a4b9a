/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WALK_BLOCKING_H
#define WALK_BLOCKING_H
/*
 * What a walk calls, made in the plain way that blocks, for --policy blocking. Outcomes as those
 * of ferry_fs_lstat() and ferry_fs_readdir(); each returns 0 or a negative errno.
 */
#include <ferry/fs.h>

/* As far as a walk needs it: device, inode, mode and size. */
int blocking_lstat(const char *path, ferry_stat *ret);

/* Open a file and close it. */
int blocking_open(const char *path, int flags);
int blocking_close(int fd);

/* All names in one block of memory, to be given to free(). */
int blocking_readdir(const char *path, ferry_entries **ret);

#endif
