/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_QUARANTINE_H
#define FS_QUARANTINE_H
/* Remote mounts that do not answer. The loop's thread only. */
#include "fs/fs.h"
#include "future/future.h"

struct request;

void quarantine_begin(struct fs *fs);
/* Has all looked at in the next turn. */
void quarantine_look(struct fs *fs);
/* The request is to be watched from now on. */
void quarantine_watch(struct fs *fs, const struct request *request);
/* Does how a call ended show that its mount answers? */
bool quarantine_is_answer(const struct ferry_future *future);
void quarantine_end(struct fs *fs, struct health *health);

#endif
