/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_PLACE_H
#define FS_PLACE_H
/* Where a path of a request leads, below its root or anywhere. On a worker. */
#include "fs/beneath.h"
#include "fs/request.h"

/* A directory and a name in it, for calls that name things. */
struct place {
	int directory;
	const char *name;
	int root; /* what it is below; -1: nothing was opened */
};

/* 0 or a negative errno; what was found is given back by place_leave(). */
int place_find(const struct request *request, const char *path, enum beneath_use use,
	       struct place *ret);
void place_leave(const struct place *place);

/* Opens the request's path. The descriptor, or a negative errno. */
int place_open(const struct request *request, int flags, unsigned mode);

/*
 * The request's path itself, for calls that have no form for a descriptor: as it is, or, below a
 * root, opened and named by /proc. Links are followed.
 */
#define PLACE_NAME_ROOM 32
struct place_name {
	const char *path;
	char text[PLACE_NAME_ROOM];
	int opened;
};
int place_name(const struct request *request, struct place_name *ret);
void place_unname(const struct place_name *name);

#endif
