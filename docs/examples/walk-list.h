/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WALK_LIST_H
#define WALK_LIST_H
/* One line per entry, to compare with another program's: "TYPE DEVICE INODE SIZE PATH". */
#include <stdio.h>

#include <ferry/fs.h>

/* Write the line of one entry; trouble shows in ferror(file). */
void list_entry(FILE *file, const ferry_stat *found, const char *path);

/* Write a path with control characters and backslashes as \ooo, so that it stays on one line. */
void list_path(FILE *file, const char *path);

#endif
