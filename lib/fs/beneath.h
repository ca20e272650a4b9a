/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_BENEATH_H
#define FS_BENEATH_H
/*
 * Opening and naming things below a directory, its root, so that nothing outside of it
 * can be reached, whatever links and ".." say and whoever renames directories meanwhile.
 * What is mounted below the root is below it. These calls may block: for workers.
 */
#include <unistd.h>

/*
 * Opens @path below @root, a directory's descriptor (O_PATH is enough), with @flags and
 * @mode as open() takes them; O_CLOEXEC is added. The descriptor, or a negative errno:
 * -EXDEV if the path leaves the root or is absolute, -ELOOP for a link of procfs that
 * leads to where no path says, else as openat() has it.
 */
int beneath_open(int root, const char *path, int flags, unsigned mode);

enum beneath_use {
	/* To make, remove or rename it. Slashes at its end are left to the call, which does
	 * not follow a link that has some. */
	BENEATH_CHANGE,
	/* To look at it, or to link it elsewhere: lstat, readlink, link's old name. These
	 * calls do follow a link with a slash behind it, and would so leave the root; what
	 * ends in one is opened as the directory that it must be, and *@last is ".". */
	BENEATH_LOOK,
};

/*
 * For a call that takes a directory and a name in it and does not follow the name: opens
 * the directory, O_PATH, and says what to name there. Where the last part of @path is "..",
 * it is followed here, and *@last is ".", or "..", which no call changes or follows, so that
 * the error is the same. Pass both to beneath_leave() in the end.
 * The descriptor, which is @root itself if there is nothing between, or a negative errno.
 */
int beneath_parent(int root, const char *path, enum beneath_use use, const char **last);

static inline void beneath_leave(int root, int parent)
{
	if (parent != root)
		close(parent);
}

#endif
