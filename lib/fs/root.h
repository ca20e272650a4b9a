/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_ROOT_H
#define FS_ROOT_H
/* Roots as the calls below them see them. */
#include "fs/fs.h"
#include "fs/request.h"

/* A root of this loop? 0 or -EINVAL. Any root may be asked. */
int root_check(const struct ferry_fs_root *root, const struct ferry_loop *loop);
int root_descriptor(const struct ferry_fs_root *root);
const ferry_fs_root_options *root_options(const struct ferry_fs_root *root);

/* The loop's thread: how often attempts below it hit. */
struct hits *root_hits(struct ferry_fs_root *root);
/* The mount that its directory is on; NULL: not in the table. */
const struct mount_entry *root_mount(const struct fs *fs, struct ferry_fs_root *root);
/* The one that @path below it leads to, as far as its text says. */
const struct mount_entry *root_mount_of(const struct fs *fs, struct ferry_fs_root *root,
					const char *path);

#endif
