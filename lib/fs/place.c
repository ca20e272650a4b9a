/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where paths lead.
 *
 * On workers (step "work" of a request). Without a root the kernel walks the path as it
 * stands; below one beneath.c does, and nothing outside of it is reached. Invariant: what
 * was opened for a call is closed when that has returned.
 */
#include "fs/place.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "fs/root.h"

int place_find(const struct request *request, const char *path, enum beneath_use use,
	       struct place *ret)
{
	int root, directory;

	*ret = (struct place){ AT_FDCWD, path, -1 };
	if (!request->root)
		return 0;
	root = root_descriptor(request->root);
	directory = beneath_parent(root, path, use, &ret->name);
	if (directory < 0)
		return directory;
	ret->directory = directory;
	ret->root = root;
	return 0;
}

void place_leave(const struct place *place)
{
	if (place->root >= 0)
		beneath_leave(place->root, place->directory);
}

int place_open(const struct request *request, int flags, unsigned mode)
{
	int fd;

	if (request->root)
		return beneath_open(root_descriptor(request->root), request->call.path, flags,
				    mode);
	fd = open(request->call.path, flags | O_CLOEXEC, mode);
	return fd < 0 ? -errno : fd;
}

int place_name(const struct request *request, struct place_name *ret)
{
	ret->path = request->call.path;
	ret->opened = -1;
	if (!request->root)
		return 0;
	ret->opened = place_open(request, O_PATH, 0);
	if (ret->opened < 0)
		return ret->opened;
	/* Not /proc/self: that is gone with the thread that began the process. */
	snprintf(ret->text, sizeof(ret->text), "/proc/thread-self/fd/%d", ret->opened);
	ret->path = ret->text;
	return 0;
}

void place_unname(const struct place_name *name)
{
	if (name->opened >= 0)
		close(name->opened);
}
