/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_STATMOUNT_H
#define FS_STATMOUNT_H
/*
 * The mounts of this process as listmount() and statmount() tell them (Linux 6.8): by ids that
 * are never used again, those of STATX_MNT_ID_UNIQUE.
 */
#include "fs/mount_list.h"

/* Worker. Adds them all; 0 or a negative errno, with some of them in the list: -ENOSYS where the
 * kernel has no such calls, and that or -EPERM where a filter forbids them. */
int statmount_read(struct mount_list *list);

#endif
