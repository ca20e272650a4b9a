/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_ALONE_H
#define SUPPORT_ALONE_H
/*
 * A test that has the table of mounts to itself: what other tests mount meanwhile is not seen, for
 * the library would read the table anew, in the middle of what is counted.
 *
 *   alone_begin();     before there are other threads; where nobody lets us, all is as it was
 *
 * For this process, and those that it makes. verdict.c and program_begin() call it.
 */
#include <mntent.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

/* Copies of mounts that other tests made would go when the folders do on which they are. Those of
 * the machine stay: what is built may lie on a filesystem of the same type. */
static inline void alone_leave_out(const char *source)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *each;

	while (mounts && (each = getmntent(mounts)))
		if (!strcmp(each->mnt_fsname, source))
			umount2(each->mnt_dir, MNT_DETACH);
	if (mounts)
		endmntent(mounts);
}

static inline bool alone_begin(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return false;
	alone_leave_out("ferry-slow"); /* slow_filesystem.c */
	return true;
}

#endif
