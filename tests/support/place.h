/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_PLACE_H
#define SUPPORT_PLACE_H
/*
 * Places: a folder "scene" of all that a path may meet, with "outside" beside it. There are two of
 * them, so that what is done to one can be held against what is done to the other.
 *
 *   place_make(&ours);
 *   place_path(&ours, "scene/file")     valid until the sixteenth call after it
 *   place_is_as_made(&ours)
 *   place_remake(&ours);                as it was, if it is not
 *   place_unmake(&ours);
 */
#include <criterion/criterion.h>

#include "support/folder.h"
#include "support/portrait.h"

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

/* A folder that has "scene" in it, and "outside", which no root there leads to. */
struct place {
	char path[300];
	char before[PORTRAIT_ROOM]; /* as it was made */
};

static struct place ours, theirs;

static inline const char *place_path(const struct place *place, const char *name)
{
	static char paths[16][512];
	static unsigned next;
	char *path = paths[next++ % LENGTH(paths)];

	snprintf(path, sizeof(paths[0]), "%s%s%s", place->path, *name ? "/" : "", name);
	return path;
}

static inline void place_must(int returned, const char *what)
{
	cr_assert_geq(returned, 0, "%s: %s", what, strerror(errno));
}

static inline void place_put_file(const struct place *place, const char *name, const char *content,
				  unsigned mode)
{
	int fd = open(place_path(place, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	place_must(fd, name);
	cr_assert_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	place_must(fchmod(fd, mode), name);
	close(fd);
}

static inline void place_put_folder(const struct place *place, const char *name, unsigned mode)
{
	place_must(mkdir(place_path(place, name), mode), name);
}

static inline void place_put_link(const struct place *place, const char *name, const char *to)
{
	place_must(symlink(to, place_path(place, name)), name);
}

static inline void place_make(struct place *place)
{
	static const struct timespec old[] = { { 0, UTIME_OMIT }, { 1000, 0 } };

	place_put_folder(place, "", 0755);
	place_put_folder(place, "outside", 0755);
	place_put_file(place, "outside/file", "of others", 0644);
	place_put_folder(place, "scene", 0755);
	place_put_file(place, "scene/file", "0123456789", 0640);
	place_put_file(place, "scene/other", "another one", 0600);
	place_put_file(place, "scene/secret", "nobody may", 0);
	place_put_folder(place, "scene/empty", 0755);
	place_put_folder(place, "scene/dir", 0755);
	place_put_file(place, "scene/dir/inner", "inside", 0644);
	place_put_link(place, "scene/dir/up", "../file");
	place_put_link(place, "scene/link", "file");
	place_put_link(place, "scene/folder", "dir");
	place_put_link(place, "scene/dangling", "not-yet");
	place_put_link(place, "scene/one", "two");
	place_put_link(place, "scene/two", "one");
	place_put_link(place, "scene/out", "../outside");
	place_put_link(place, "scene/outfile", "../outside/file");
	place_put_folder(place, "scene/locked", 0755);
	place_put_file(place, "scene/locked/file", "stays", 0644);
	place_must(chmod(place_path(place, "scene/locked"), 0555), "locked");
	place_put_folder(place, "scene/closed", 0755);
	place_put_file(place, "scene/closed/file", "unseen", 0644);
	place_must(chmod(place_path(place, "scene/closed"), 0), "closed");
	/* Whoever makes something there, and be it for a moment, is found out. */
	place_must(utimensat(AT_FDCWD, place_path(place, "outside"), old, 0), "outside");
	portrait_of(place->path, place->before);
}

static inline int place_remove_one(const char *path, const struct stat *status, int kind,
				   struct FTW *where)
{
	(void)where;
	if (kind == FTW_D || kind == FTW_DNR)
		chmod(path, 0700);
	/* What could not be read is emptied when it can. */
	if (kind == FTW_DNR)
		return 0;
	return S_ISDIR(status->st_mode) ? 0 : unlink(path);
}

/* All of it goes, whatever may not be read or written in it. */
static inline void place_unmake(struct place *place)
{
	nftw(place->path, place_remove_one, 16, FTW_PHYS);
	nftw(place->path, place_remove_one, 16, FTW_PHYS);
	nftw(place->path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	cr_assert_lt(access(place->path, F_OK), 0, "%s cannot be removed", place->path);
}

static inline bool place_is_as_made(const struct place *place)
{
	char now[PORTRAIT_ROOM];

	portrait_of(place->path, now);
	return !strcmp(now, place->before);
}

static inline void place_remake(struct place *place)
{
	if (place_is_as_made(place))
		return;
	place_unmake(place);
	place_make(place);
}

#endif
