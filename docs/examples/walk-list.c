/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The line of an entry. TYPE is the letter of find's %y; names may hold any byte but 0 and '/'. */
#include "walk-list.h"

#include <inttypes.h>
#include <sys/stat.h>

static char list_type(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return 'f';
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	case S_IFCHR:
		return 'c';
	default: /* S_IFBLK, the one that is left */
		return 'b';
	}
}

void list_path(FILE *file, const char *path)
{
	for (const unsigned char *at = (const unsigned char *)path; *at; at++) {
		if (*at < ' ' || *at == 0x7f || *at == '\\')
			fprintf(file, "\\%03o", *at);
		else
			putc(*at, file);
	}
}

void list_entry(FILE *file, const ferry_stat *found, const char *path)
{
	fprintf(file, "%c %" PRIu64 " %" PRIu64 " %" PRIu64 " ", list_type(found->mode),
		found->device, found->inode, found->size);
	list_path(file, path);
	putc('\n', file);
}
