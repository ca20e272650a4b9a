/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HTTPD_BLOCKING_H
#define HTTPD_BLOCKING_H
/* The same calls of a file without libferry, as --policy blocking makes them. */
#include "httpd-file.h"

/* What comes of them is in @file when they return. */
void blocking_open(struct file *file, const char *path, int flags);
void blocking_read(struct file *file, uint64_t offset, size_t count);

/* Can they be made here? 0, or a negative errno. */
int blocking_try(const struct files *files);

#endif
