/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_MOUNTS_H
#define SUPPORT_MOUNTS_H
/*
 * Mounts of the test's own, which nobody else sees and which end with it, and a cache that forgets.
 *
 *   const char *why = mounts_begin();                before there are other threads
 *   if (why) ... skip: why says what is missing ...
 *   why = mounts_tmpfs(folder_path("memory"));       an empty folder becomes a tmpfs
 *   why = mounts_overlay(folder_path("layers"));     or an overlayfs, with a tmpfs below it
 *   open(folder_path("layers/lower/file"), ...)      what the lower layer has, seen under
 *   open(folder_path("layers/merged/file"), ...)     this name
 *   mounts_remove(path);                             if it is to go before the process does
 *
 *   caches_forget(path)      false if that is not allowed: names and attributes that are in no use
 *                            go, of all filesystems, so that others on the machine are slow a while
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/alone.h"

/* From here on mounts are seen by this thread, and the threads and processes that it makes. */
static inline const char *mounts_begin(void)
{
	return alone_begin() ? NULL : "no right to mount anything";
}

/* NULL, or why there can be none; so are the following. */
static inline const char *mounts_tmpfs(const char *path)
{
	return mount("ferry", path, "tmpfs", 0, "mode=755") ? "no tmpfs can be mounted" : NULL;
}

/* @path, an empty folder: merged in it is the mount, lower and upper are what it is made of. */
static inline const char *mounts_overlay(const char *path)
{
	static const char *const folders[] = { "lower", "upper", "work", "merged" };
	char place[512], layers[2048];

	/* Not on the folder's own filesystem: if that is an overlay, it cannot be below one. */
	if (mounts_tmpfs(path))
		return "no tmpfs can be mounted";
	for (int i = 0; i < 4; i++) {
		snprintf(place, sizeof(place), "%s/%s", path, folders[i]);
		if (mkdir(place, 0755))
			return "no folder for an overlayfs";
	}
	snprintf(layers, sizeof(layers), "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work",
		 path, path, path);
	return mount("ferry", place, "overlay", 0, layers) ? "no overlayfs can be mounted" : NULL;
}

/* With what is mounted below it. */
static inline bool mounts_remove(const char *path)
{
	return !umount2(path, MNT_DETACH);
}

/* @path: a file or folder of the filesystem whose names are to be forgotten, at the least. */
static inline bool caches_forget(const char *path)
{
	int place = open(path, O_RDONLY | O_CLOEXEC);
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
	/* What is still to be written cannot go. */
	bool done = place >= 0 && fd >= 0 && !syncfs(place);

	/* Nor can what is open. */
	if (place >= 0)
		close(place);
	done = done && write(fd, "2", 1) == 1;
	if (fd >= 0)
		close(fd);
	return done;
}

#endif
