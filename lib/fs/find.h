/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_FIND_H
#define FS_FIND_H
/* Which remote mount a request goes to, found without waiting. The loop's thread only. */
#include "fs/fs.h"

struct request;

/* As far as its path, its root or its descriptor tell; NULL: none, or a local one. */
struct health *find_health(struct fs *fs, const struct request *request);
/* The account of an open file's mount, a local one too; NULL: not known. */
struct health *find_by_descriptor(const struct fs *fs, int fd);
/* As find_health(), with links looked at as far as the caches have them. */
struct health *find_late(struct fs *fs, const struct request *request);

#endif
