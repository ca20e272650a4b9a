/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_MOUNT_LIST_H
#define FS_MOUNT_LIST_H
/*
 * Mounts as they are told, one after the other, before they are a table.
 *
 *   struct mount_list list = { 0 };
 *   error = mount_list_add(&list, &told, "ext4", "/home");
 *   mount_list_clear(&list);
 */
#include <stddef.h>
#include <stdint.h>

#include "fs/mount_class.h"

struct mount_entry {
	uint64_t id;     /* as statx() has it in stx_mnt_id */
	uint64_t parent; /* of the mount that it is mounted on */
	/* The superblock's, which bind mounts share: st_dev of its files, but on filesystems such
	 * as btrfs, which have one for each part. */
	uint64_t device;
	enum mount_class class;
	bool open_inline;
	bool read_only;    /* the superblock is, for whatever mount of it */
	const char *point; /* where, absolute, below the root directory of this process */
	size_t point_length;
	uint32_t next_by_id, next_by_place; /* of the same bucket; what an index is, plus 1 */
	char type[32]; /* "ext4", "fuse.sshfs"; cut off where it is longer */
};

struct mount_list {
	struct mount_entry *entries; /* their points are not set */
	size_t count, room;          /* how many; bytes that are there for them */
	char *points;                /* of each entry, with its 0, in the same order */
	size_t used, space;          /* bytes of those; bytes that are there */
};

/* Copies @told with what @type and @point say. @point must begin with "/". 0 or -ENOMEM. */
int mount_list_add(struct mount_list *list, const struct mount_entry *told, const char *type,
		   const char *point);
/* Frees what it holds; it is empty then. */
void mount_list_clear(struct mount_list *list);

/* At least @wanted bytes where *@bytes were, with the first @used of them; NULL: there are none,
 * and @memory, which may be NULL, is as it was. */
void *mount_list_grow(void *memory, size_t used, size_t *bytes, size_t wanted);

#endif
