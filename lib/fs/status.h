/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_STATUS_H
#define FS_STATUS_H
/* Attributes as the kernel gives them, and as we do. */
#include <ferry/fs.h>
#include <fcntl.h>
#include <linux/stat.h>

#define STATUS_MOUNT 0x1000u        /* STATX_MNT_ID, Linux 5.8 */
#define STATUS_UNIQUE_MOUNT 0x4000u /* STATX_MNT_ID_UNIQUE, Linux 6.8 */
#define STATUS_ALL (STATX_BASIC_STATS | STATX_BTIME)

/*
 * The system call itself: what the C library does where it is missing would ask the
 * filesystem. 0 or a negative errno.
 */
int status_of(int fd, int flags, unsigned mask, struct statx *ret);

/* On a worker: by whatever call this kernel allows. 0 or a negative errno. */
int status_read(int directory, const char *path, int flags, ferry_stat *ret);

void status_convert(const struct statx *from, ferry_stat *to);

#endif
