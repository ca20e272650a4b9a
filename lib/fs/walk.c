/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening below a root part by part, for where openat2() is not to be had.
 *
 * Called on a worker (step "work" of a request), by beneath.c alone; the call of floor 6
 * goes on with the descriptor. Invariant (S1): nothing outside of the root is reached. The
 * walk only ever goes down, by names that it does not let the kernel follow: ".." is a
 * directory that it came through and holds, or finds again from the root. Whoever moves a
 * directory out of the root meanwhile leads nobody out: from where it ends it looks up, for
 * the root, before it opens the last part and after.
 */
#include "fs/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/memory.h"

#ifndef ST_NOSYMFOLLOW
#define ST_NOSYMFOLLOW 0x2000
#endif

#define LINKS_MOST 40  /* as in the kernel */
#define LEVELS_HELD 32 /* descriptors that a walk holds at most */
#define AGAIN INT_MIN  /* of a step: go on; anything else is the outcome */

struct walk {
	int root;
	char *text;  /* names of the levels, each with its 0, then a gap, then the rest */
	size_t used; /* bytes of names */
	char *rest;  /* what is still to be walked */
	size_t depth;
	unsigned held; /* the deepest levels, the last one the deepest */
	unsigned links;
	int levels[LEVELS_HELD];
};

/* The next part of the rest, with a 0 behind its name. */
struct part {
	char *name;
	char *next; /* what follows it; empty: it is the last */
	bool slash; /* one at least is behind it */
	bool dot, dots;
};

static int open_at(int directory, const char *name, int flags, unsigned mode)
{
	int fd = openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);

	return fd < 0 ? -errno : fd;
}

static int walk_top(const struct walk *walk)
{
	return walk->held ? walk->levels[walk->held - 1] : walk->root;
}

static void walk_hold(struct walk *walk, int fd)
{
	if (walk->held == LEVELS_HELD) {
		close(walk->levels[0]);
		walk->held--;
		memmove(walk->levels, walk->levels + 1, walk->held * sizeof(*walk->levels));
	}
	walk->levels[walk->held++] = fd;
}

static void walk_down(struct walk *walk, int fd, const struct part *part)
{
	size_t bytes = strlen(part->name) + 1;

	walk_hold(walk, fd);
	walk->depth++;
	/* There is room: it came out of the rest, its slash too. */
	memmove(walk->text + walk->used, part->name, bytes);
	walk->used += bytes;
	walk->rest = part->next;
}

/* The levels above those that were held: from the root again, by the names. */
static int walk_again(struct walk *walk)
{
	const char *name = walk->text;

	while (name < walk->text + walk->used) {
		int fd = open_at(walk_top(walk), name, O_PATH | O_DIRECTORY, 0);

		if (fd < 0)
			return fd;
		walk_hold(walk, fd);
		name += strlen(name) + 1;
	}
	return 0;
}

static int walk_up(struct walk *walk)
{
	char byte;

	/* No link, but a look into the directory, which needs the right to search it. */
	if (readlinkat(walk_top(walk), ".", &byte, 1) < 0 && errno != EINVAL)
		return -errno;
	if (!walk->depth)
		return -EXDEV;
	walk->depth--;
	do
		walk->used--;
	while (walk->used && walk->text[walk->used - 1]);
	close(walk->levels[--walk->held]);
	return walk->held ? 0 : walk_again(walk);
}

static bool is_same(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* Is @fd, which was reached from @below by "..", the @root, or more above? AGAIN: it is not. */
static int check_level(int fd, const struct stat *root, struct stat *below)
{
	struct stat here;

	if (fstat(fd, &here) < 0)
		return -errno;
	if (is_same(&here, root))
		return 0;
	if (is_same(&here, below))
		return -EXDEV; /* nothing is above it */
	*below = here;
	return AGAIN;
}

/* Is the top still below the root, or was it moved out? */
static int walk_check(const struct walk *walk)
{
	int top = walk_top(walk), fd = top, outcome = AGAIN;
	struct stat root, below;

	if (!walk->depth)
		return 0;
	if (fstat(walk->root, &root) < 0 || fstat(top, &below) < 0)
		return -errno;
	while (outcome == AGAIN) {
		int up = open_at(fd, "..", O_PATH | O_DIRECTORY, 0);

		if (fd != top)
			close(fd);
		if (up < 0)
			return up;
		fd = up;
		outcome = check_level(fd, &root, &below);
	}
	close(fd);
	return outcome;
}

/*
 * At the end of a path, where anybody may put links, such as in /tmp: as the kernel has it with
 * fs.protected_symlinks, which not everybody may read, so whether it is set or not.
 */
static int check_owner(const struct walk *walk, const struct stat *link)
{
	const mode_t anybody = S_ISVTX | S_IWOTH;
	struct stat directory;

	if (link->st_uid == geteuid())
		return 0;
	if (fstat(walk_top(walk), &directory) < 0)
		return -errno;
	if ((directory.st_mode & anybody) != anybody || directory.st_uid == link->st_uid)
		return 0;
	return -EACCES;
}

/* A link of procfs that is not what its text says, as those in /proc/self/fd. */
static bool is_magic(const struct statfs *system, const struct stat *link, const char *text,
		     size_t length)
{
	return system->f_type == PROC_SUPER_MAGIC && (size_t)link->st_size != length &&
	       (*text < '0' || *text > '9'); /* /proc/self has no size, but a number */
}

/* The text of a link into the place of its name. */
static int walk_insert(struct walk *walk, const struct part *part, const char *text, size_t length)
{
	size_t after = strlen(part->next), room = walk->used + length + 1 + after + 1;
	char *memory = memory_new_small(room);

	if (!memory)
		return -ENOMEM;
	memcpy(memory, walk->text, walk->used);
	walk->rest = memory + walk->used;
	memcpy(walk->rest, text, length);
	if (part->slash)
		walk->rest[length++] = '/';
	memcpy(walk->rest + length, part->next, after + 1);
	memory_free(walk->text);
	walk->text = memory;
	return AGAIN;
}

static int walk_follow(struct walk *walk, const struct part *part, int fd, const struct stat *link)
{
	char text[PATH_MAX];
	struct statfs system;
	ssize_t length;
	int error;

	if (walk->links++ >= LINKS_MOST)
		return -ELOOP;
	error = *part->next ? 0 : check_owner(walk, link);
	if (error)
		return error;
	if (fstatfs(fd, &system) < 0)
		return -errno;
	if (system.f_flags & ST_NOSYMFOLLOW)
		return -ELOOP;
	length = readlinkat(fd, "", text, sizeof(text));
	if (length < 0)
		return -errno;
	if (length == 0)
		return -ENOENT;
	if ((size_t)length == sizeof(text))
		return -ENAMETOOLONG;
	if (is_magic(&system, link, text, (size_t)length))
		return -ELOOP;
	return *text == '/' ? -EXDEV : walk_insert(walk, part, text, (size_t)length);
}

/* It was a link, or none, and is so no more. Counted as a link is: not for ever. */
static int walk_retry(struct walk *walk, const struct part *part)
{
	if (walk->links++ >= LINKS_MOST)
		return -ELOOP;
	if (part->slash)
		part->name[strlen(part->name)] = '/';
	return AGAIN;
}

/* It could not be opened, with @error: because it is a link? */
static int walk_look(struct walk *walk, const struct part *part, int error)
{
	struct stat status;
	int fd = open_at(walk_top(walk), part->name, O_PATH, 0);
	int outcome = error;

	if (fd < 0)
		return fd;
	if (fstat(fd, &status) < 0)
		outcome = -errno;
	else if (S_ISLNK(status.st_mode))
		outcome = walk_follow(walk, part, fd, &status);
	else if (error != -ENOTDIR || S_ISDIR(status.st_mode))
		outcome = walk_retry(walk, part);
	close(fd);
	return outcome;
}

static int walk_through(struct walk *walk, const struct part *part)
{
	int fd;

	if (part->dot || part->dots) {
		walk->rest = part->next;
		fd = part->dots ? walk_up(walk) : 0;
		return fd ? fd : AGAIN;
	}
	fd = open_at(walk_top(walk), part->name, O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOTDIR || fd == -ELOOP)
		return walk_look(walk, part, fd);
	if (fd < 0)
		return fd;
	walk_down(walk, fd, part);
	return AGAIN;
}

/* O_PATH opens a link itself: that is then closed. */
static int refuse_link(int fd)
{
	struct stat status;
	int error = 0;

	if (fstat(fd, &status) < 0)
		error = -errno;
	else if (S_ISLNK(status.st_mode))
		error = -ELOOP;
	if (error)
		close(fd);
	return error ? error : fd;
}

static int walk_name(struct walk *walk, const struct part *part, int flags, unsigned mode)
{
	bool follows = !(flags & O_NOFOLLOW) || part->slash;
	int fd;

	if (part->slash && (flags & O_CREAT))
		return -EISDIR;
	fd = open_at(walk_top(walk), part->name, flags | (part->slash ? O_DIRECTORY : 0), mode);
	if (fd >= 0 && follows && (flags & O_PATH))
		fd = refuse_link(fd);
	if (follows && (fd == -ENOTDIR || fd == -ELOOP))
		return walk_look(walk, part, fd);
	return fd;
}

/* Checked before, so that nothing is made or cut off outside, and after, as the kernel does. */
static int walk_last(struct walk *walk, const struct part *part, int flags, unsigned mode)
{
	int error = part->dots ? walk_up(walk) : 0, fd;

	if (!error)
		error = walk_check(walk);
	if (error)
		return error;
	if (part->dot || part->dots)
		fd = open_at(walk_top(walk), ".", flags, mode);
	else
		fd = walk_name(walk, part, flags, mode);
	if (fd < 0)
		return fd;
	error = walk_check(walk);
	if (error)
		close(fd);
	return error ? error : fd;
}

static int walk_step(struct walk *walk, int flags, unsigned mode)
{
	struct part part = { .name = walk->rest };
	char *end = part.name + strcspn(part.name, "/");

	part.next = end + strspn(end, "/");
	part.slash = part.next != end;
	*end = 0;
	part.dot = !strcmp(part.name, ".");
	part.dots = !strcmp(part.name, "..");
	return *part.next ? walk_through(walk, &part) : walk_last(walk, &part, flags, mode);
}

int walk_open(int root, const char *path, int flags, unsigned mode)
{
	struct walk walk = { .root = root };
	size_t bytes = strlen(path) + 1;
	int fd;

	/* Nothing is there, but flags that are wrong are told first. */
	fd = open_at(root, "", flags, mode);
	if (fd != -ENOENT)
		return fd;
	if (bytes > PATH_MAX)
		return -ENAMETOOLONG;
	if (bytes == 1 || *path == '/')
		return bytes == 1 ? -ENOENT : -EXDEV;
	walk.text = walk.rest = memory_new_small(bytes);
	if (!walk.text)
		return -ENOMEM;
	memcpy(walk.text, path, bytes);
	do
		fd = walk_step(&walk, flags, mode);
	while (fd == AGAIN);
	while (walk.held)
		close(walk.levels[--walk.held]);
	memory_free(walk.text);
	return fd;
}
