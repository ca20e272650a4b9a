/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_WALK_H
#define FS_WALK_H
/*
 * What openat2() does with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS, without it. Use
 * beneath_open(), which knows when.
 */

/* @flags and @mode as openat2() takes them. The descriptor, or a negative errno. */
int walk_open(int root, const char *path, int flags, unsigned mode);

#endif
