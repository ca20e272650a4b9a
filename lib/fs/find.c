/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding the mount that a request goes to.
 *
 * The loop's thread only (step "submit" of a request, for those that go to the pool).
 * Invariant (S1): nothing is asked that could wait. A path is compared with the mount
 * points; links may lead elsewhere, which is found out when the call is late, and from then
 * on for each while their mount is stuck: the caches are asked how far they know the path.
 */
#include "fs/find.h"

#include <fcntl.h>
#include <limits.h>

#include "fs/cached.h"
#include "fs/request.h"
#include "fs/root.h"
#include "fs/status.h"

static struct health *remote_of(const struct fs *fs, const struct mount_entry *entry)
{
	return entry && entry->class == MOUNT_REMOTE ? fs_health(fs, entry) : NULL;
}

/* Of an open file, or of the working directory. */
static const struct mount_entry *entry_of(const struct fs *fs, int fd)
{
	struct statx status;

	if (status_of(fd, AT_STATX_DONT_SYNC, fs_mount_mask(fs), &status) < 0)
		return NULL;
	return fs_mount_of(fs, &status);
}

struct health *find_by_descriptor(const struct fs *fs, int fd)
{
	const struct mount_entry *entry = entry_of(fs, fd);

	return entry ? fs_health(fs, entry) : NULL;
}

static const struct mount_entry *find_path(struct fs *fs, const struct request *request,
					   const char *path)
{
	if (request->root)
		return root_mount_of(fs, request->root, path);
	return *path == '/' ? mounts_by_path(fs->mounts, path) : entry_of(fs, AT_FDCWD);
}

/* The path without its last part; false: nothing is left that would be worth a look. */
static bool go_up(char *path)
{
	size_t length = strlen(path);

	while (length && path[length - 1] != '/')
		length--;
	while (length > 1 && path[length - 1] == '/')
		length--;
	path[length] = 0;
	return length > 1 || (length && *path != '/');
}

/* A walk is refused now and then because something is renamed or mounted meanwhile, anywhere. */
#define WALK_TRIES 8

static int open_cached(struct fs *fs, const struct request *request, const char *path, int flags)
{
	int fd, tries = WALK_TRIES;

	do {
		fd = cached_open(fs, request->root, path, O_PATH | flags, 0);
	} while (fd == -EAGAIN && --tries);
	return fd;
}

/* The mount of what was opened to be looked at. */
static const struct mount_entry *leave(struct fs *fs, const struct request *request, int fd)
{
	struct statx status;
	int error = status_of(fd, AT_STATX_DONT_SYNC, fs_mount_mask(fs) | STATX_NLINK, &status);

	cached_leave(request_core(request), fd, error ? NULL : &status);
	return error ? NULL : fs_mount_of(fs, &status);
}

/* The mount of the longest part of the path that the caches have. */
static const struct mount_entry *walk(struct fs *fs, const struct request *request,
				      const char *given)
{
	/* What it does to a link is done where that lies. */
	int flags = request->call.operation->traits & OPERATION_LAST ? O_NOFOLLOW : 0;
	char path[PATH_MAX];

	if (!*given || strlen(given) >= sizeof(path))
		return NULL;
	strcpy(path, given);
	do {
		int fd = open_cached(fs, request, path, flags);

		if (fd >= 0)
			return leave(fs, request, fd);
		flags = 0;
	} while (go_up(path));
	return NULL;
}

static struct health *find_one(struct fs *fs, const struct request *request, const char *path,
			       bool links)
{
	struct health *health = remote_of(fs, find_path(fs, request, path));

	if (health || !links || fs->blind)
		return health;
	return remote_of(fs, walk(fs, request, path));
}

static struct health *find(struct fs *fs, const struct request *request, bool links)
{
	unsigned traits = request->call.operation->traits;
	struct health *health;

	if (!fs->mounts || !fs->mounts->any_remote || traits & OPERATION_NAMES)
		return NULL;
	if (traits & OPERATION_FD) {
		health = remote_of(fs, entry_of(fs, request->call.fd));
		if (!health && traits & OPERATION_TWO)
			health = remote_of(fs, entry_of(fs, request->call.other_fd));
		return health;
	}
	health = find_one(fs, request, request->call.path, links);
	if (!health && traits & OPERATION_OTHER && !(traits & OPERATION_TOLD))
		health = find_one(fs, request, request->call.other, links);
	return health;
}

struct health *find_health(struct fs *fs, const struct request *request)
{
	/* A look at links costs as much as the call: only where they have led somewhere that is
	 * stuck now. */
	return find(fs, request, fs->linked);
}

struct health *find_late(struct fs *fs, const struct request *request)
{
	return find(fs, request, true);
}
