/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SMALL_FOLDER_H
#define SMALL_FOLDER_H
/* A folder full of small files, made and removed in the plain way, which blocks. */
#include <stdint.h>

struct folder {
	char *path;        /* NULL: there is none */
	unsigned files;    /* named 0, 1, 2 and so on */
	uint64_t checksum; /* of all that was written */
};

/*
 * Make one with @count files of up to some 4000 bytes, in $TMPDIR or /tmp. 0 or a negative errno;
 * to be removed in either case.
 */
int folder_make(struct folder *folder, unsigned count);

/* Remove it with its files; nothing if there is none. */
void folder_remove(struct folder *folder);

#endif
