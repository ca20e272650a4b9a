/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_NAMESPACE_H
#define SUPPORT_NAMESPACE_H
/*
 * A child of the test's with mounts of its own, which go when it ends, and a folder for them.
 *
 *   status = namespace_run(fn);     fn() in the child: what it returned
 *   if (status == NAMESPACE_NONE)   nobody lets us have one
 *
 *   namespace_mount("tmpfs", "below/point", 0, NULL);     in the child
 *   namespace_bind("from", "to");
 *
 * A mount that cannot be made ends the child with a message.
 */
#include <sys/mount.h>

#include "support/alone.h"
#include "support/fixture.h"
#include "support/folder.h"

#define NAMESPACE_NONE 77

static inline int namespace_enter(void *fn)
{
	if (!alone_begin())
		return NAMESPACE_NONE;
	return (*(int (**)(void))fn)();
}

static inline int namespace_run(int (*fn)(void))
{
	int status;

	folder_make();
	status = fixture_in_child(namespace_enter, &fn);
	folder_remove();
	return status;
}

/* At @name below the folder, which is made if it is not there. */
static inline void namespace_mount(const char *type, const char *name, unsigned long flags,
				   const char *options)
{
	const char *point = folder_path(name);

	if ((mkdir(point, 0755) && errno != EEXIST) || mount("", point, type, flags, options))
		folder_die(point);
}

static inline void namespace_bind(const char *from, const char *to)
{
	const char *point = folder_path(to);

	if ((mkdir(point, 0755) && errno != EEXIST) ||
	    mount(folder_path(from), point, NULL, MS_BIND, NULL))
		folder_die(point);
}

/* A FUSE filesystem, "fuse" or "fuse.name", whose daemon never answers. False: none can be. */
static inline bool namespace_mount_fuse(const char *name, const char *type)
{
	const char *point = folder_path(name);
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[96];

	if (fd < 0)
		return false;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	return (!mkdir(point, 0755) || errno == EEXIST) &&
	       !mount("source", point, type, 0, options);
}

#endif
