/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_MOUNTINFO_H
#define FS_MOUNTINFO_H
/*
 * The mounts of this process as /proc/self/mountinfo tells them: by ids that are used again.
 */
#include "fs/mount_list.h"

/* Worker. Adds them all; 0 or a negative errno, with some of them in the list. */
int mountinfo_read(struct mount_list *list);

/* Adds those of @text, which is written over. A line that is not whole, or not as the kernel
 * writes it, is skipped. 0 or -ENOMEM. */
int mountinfo_parse(struct mount_list *list, char *text, size_t length);

#endif
