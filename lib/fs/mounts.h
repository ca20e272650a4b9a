/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_MOUNTS_H
#define FS_MOUNTS_H
/*
 * The table of the mounts of this process: read on a worker, looked into on a loop's thread.
 *
 *   int watch = mounts_watch_open();       first, so that no change is missed
 *   error = mounts_read(&mounts);
 *   ...
 *   entry = mounts_by_id(mounts, stx_mnt_id);
 *   if (mounts_watch_changed(watch))       it is to be read again
 *   memory_free(mounts);
 *
 * Reading asks no filesystem. Nothing of a table is written once it is read: any thread may look.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/mount_list.h"

/* One block of memory, with all that it points to. */
struct mounts {
	bool unique;     /* the ids are those of STATX_MNT_ID_UNIQUE, else of STATX_MNT_ID */
	bool any_remote; /* the class of one is MOUNT_REMOTE */
	unsigned bits;   /* of an index into the buckets */
	uint64_t root;   /* id of the root directory's mount; that one may not be in the table */
	size_t count;
	struct mount_entry *entries; /* as the kernel lists them */
	uint32_t *by_id, *by_place; /* index of an entry, plus 1; 0: none */
};

/* Worker. 0 with *@ret, for memory_free(), else a negative errno: -ENOMEM, or why
 * /proc/self/mountinfo, which comes last, cannot be read. */
int mounts_read(struct mounts **ret);

/* A table of what @list holds, which stays the caller's. 0 or -ENOMEM. */
int mounts_new(const struct mount_list *list, bool unique, struct mounts **ret);

/* NULL if it is not there. */
const struct mount_entry *mounts_by_id(const struct mounts *mounts, uint64_t id);

/*
 * The mount that absolute @path leads to as far as its text says: "." and "//" are nothing, ".."
 * takes the name before it away, and no link is looked at. The one on top where several are at
 * one place; none that is hidden under another. NULL if @path is not absolute, is longer than
 * the kernel takes, or leads to a mount that this process has no way to list: the one it did
 * chroot() into a directory of.
 */
const struct mount_entry *mounts_by_path(const struct mounts *mounts, const char *path);

/*
 * The same for @path below a directory, which is on @mount, at absolute @base, as the kernel writes
 * it. It is @mount where the text says nothing else: also if it leads out of the directory, or to
 * what was mounted over that later.
 */
const struct mount_entry *mounts_below(const struct mounts *mounts, const struct mount_entry *mount,
				       const char *base, const char *path);
/* Is any remote mount below the directory? */
bool mounts_any_remote_below(const struct mounts *mounts, const struct mount_entry *mount,
			     const char *base);

/* Worker. A descriptor of the caller's, or a negative errno. */
int mounts_watch_open(void);

/* Has a mount come, gone, or been changed since it was opened, or since this last said so? Never
 * waits. false for a negative @fd. Not told: a superblock that becomes read-only by itself. */
bool mounts_watch_changed(int fd);

#endif
