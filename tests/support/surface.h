/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_SURFACE_H
#define SUPPORT_SURFACE_H
/*
 * Every public file call, each made once, about files of its own in one folder.
 *
 *   surface_make("/below/folder");                the files, in a folder that is made for them
 *   struct surface surface = { .loop = loop, .pool = pool, .where = "/mount/folder/" };
 *   surface_open(&surface, "/mount/folder");      the descriptors that some calls are about
 *   for (size_t i = 0; i < SURFACE_CALLS; i++)
 *           locals[i] = surface_call(&surface, i, &options);
 *   surface_close(&surface);                      when no call runs any more
 *
 * With a root in the options "where" is what leads from there to the folder. Each of the calls
 * succeeds on a filesystem that answers; surface_name() says what a call is called.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include "support/fixture.h"
#include "support/folder.h"

struct surface {
	ferry_loop *loop;
	ferry_pool *pool;
	const char *where; /* what stands before each name; ends in a slash, or is empty */
	char folder[1024]; /* the same as an absolute path, for roots to be made */
	int file, other, directory; /* open for reading and writing; for reading */
	int closed[2];              /* taken by the calls of ferry_fs_close() */
};

/* What is in each of the files. */
#define SURFACE_TEXT "a text that is read"

static inline void surface_file(const char *folder, const char *name)
{
	char path[1024];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, SURFACE_TEXT, sizeof(SURFACE_TEXT) - 1) < 0 || close(fd))
		folder_die(path);
}

static inline void surface_folder(const char *folder, const char *name)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s%s", folder, name);
	if (mkdir(path, 0755))
		folder_die(path);
}

static inline void surface_make(const char *folder)
{
	char path[1024];

	surface_folder(folder, "");
	surface_file(folder, "file");
	surface_file(folder, "other");
	surface_file(folder, "old");
	surface_file(folder, "from");
	surface_file(folder, "written");
	surface_folder(folder, "/directory");
	surface_folder(folder, "/empty");
	snprintf(path, sizeof(path), "%s/link", folder);
	if (symlink("file", path))
		folder_die(path);
}

/* So that the kernel has all that it may keep of them. */
static inline void surface_warm(const char *folder)
{
	static const char *const names[] = { "file", "other", "old",       "from",
					     "link", "empty", "directory", "written" };
	struct stat status;
	char path[1024], text[64];
	int fd;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		if (stat(path, &status) || lstat(path, &status))
			folder_die(path);
	}
	snprintf(path, sizeof(path), "%s/file", folder);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text)) < 0 || close(fd))
		folder_die(path);
}

static inline int surface_descriptor(const char *folder, const char *name, int flags)
{
	char path[1024];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		folder_die(path);
	return fd;
}

static inline void surface_open(struct surface *surface, const char *folder)
{
	snprintf(surface->folder, sizeof(surface->folder), "%s", folder);
	surface->file = surface_descriptor(folder, "file", O_RDWR);
	surface->other = surface_descriptor(folder, "other", O_RDWR);
	surface->directory = surface_descriptor(folder, "directory", O_RDONLY | O_DIRECTORY);
	surface->closed[0] = surface_descriptor(folder, "file", O_RDONLY);
	surface->closed[1] = surface_descriptor(folder, "other", O_RDWR);
}

static inline void surface_close(struct surface *surface)
{
	close(surface->file);
	close(surface->other);
	close(surface->directory);
}

/* ---- the calls ---- */

static inline const char *surface_path(const struct surface *surface, const char *name)
{
	static char paths[4][1024];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s%s", surface->where, name);
	return path;
}

/* Those that are about a path alone. */
#define SURFACE_PATH(call, name)                                                                 \
	static inline ferry_local *surface_##call(struct surface *surface,                      \
						  const ferry_fs_options *options)              \
	{                                                                                       \
		return ferry_fs_##call(surface->loop, surface->pool,                            \
				       surface_path(surface, name), options);                   \
	}

SURFACE_PATH(stat, "file")
SURFACE_PATH(lstat, "link")
SURFACE_PATH(readdir, "directory")
SURFACE_PATH(rmdir, "empty")
SURFACE_PATH(unlink, "old")
SURFACE_PATH(readlink, "link")
SURFACE_PATH(realpath, "link")

/* And those that are given more. */
#define SURFACE_MORE(function, call, ...)                                                        \
	static inline ferry_local *surface_##function(struct surface *surface,                  \
						      const ferry_fs_options *options)          \
	{                                                                                       \
		return ferry_fs_##call(surface->loop, surface->pool, __VA_ARGS__, options);     \
	}

SURFACE_MORE(open_read, open, surface_path(surface, "file"), O_RDONLY, 0)
SURFACE_MORE(open_link, open, surface_path(surface, "link"), O_RDWR, 0)
SURFACE_MORE(create, open, surface_path(surface, "created"), O_RDWR | O_CREAT, 0600)
SURFACE_MORE(open_stat, open_stat, surface_path(surface, "file"), O_RDONLY, 0)
SURFACE_MORE(read_file, read_file, surface_path(surface, "file"), 1024)
SURFACE_MORE(write_file_atomic, write_file_atomic, surface_path(surface, "written"), "text", 4,
	     0600)
SURFACE_MORE(mkdir, mkdir, surface_path(surface, "made"), 0755)
SURFACE_MORE(rename, rename, surface_path(surface, "from"), surface_path(surface, "to"))
SURFACE_MORE(link, link, surface_path(surface, "file"), surface_path(surface, "hard"))
SURFACE_MORE(symlink, symlink, "file", surface_path(surface, "soft"))
SURFACE_MORE(chmod, chmod, surface_path(surface, "other"), 0644)
SURFACE_MORE(chown, chown, surface_path(surface, "other"), UINT32_MAX, UINT32_MAX)
SURFACE_MORE(utimens, utimens, surface_path(surface, "other"), FERRY_FS_OMIT, FERRY_FS_NOW)
SURFACE_MORE(access, access, surface_path(surface, "file"), R_OK)
SURFACE_MORE(read, read, surface->file, 8, 0)
SURFACE_MORE(read_here, read, surface->file, 8, FERRY_FS_HERE)
SURFACE_MORE(write, write, surface->other, "text", 4, 0)
SURFACE_MORE(ftruncate, ftruncate, surface->other, 100)
SURFACE_MORE(copy_file_range, copy_file_range, surface->file, 0, surface->other, 0, 8)
SURFACE_MORE(readdir_batch, readdir_batch, surface->directory, 4096)

#define SURFACE_DESCRIPTOR(call, function, field)                                               \
	static inline ferry_local *surface_##function(struct surface *surface,                 \
						      const ferry_fs_options *options)         \
	{                                                                                      \
		return ferry_fs_##call(surface->loop, surface->pool, surface->field, options); \
	}

SURFACE_DESCRIPTOR(fstat, fstat, file)
SURFACE_DESCRIPTOR(fsync, fsync, file)
SURFACE_DESCRIPTOR(fdatasync, fdatasync, other)
SURFACE_DESCRIPTOR(close, close_read, closed[0])
SURFACE_DESCRIPTOR(close, close_written, closed[1])

static inline ferry_local *surface_root_open(struct surface *surface,
					     const ferry_fs_options *options)
{
	return ferry_fs_root_open(surface->loop, surface->pool, surface->folder, NULL, options);
}

static inline ferry_local *surface_getaddrinfo(struct surface *surface,
					       const ferry_fs_options *options)
{
	return ferry_getaddrinfo(surface->loop, surface->pool, "127.0.0.1", "80", NULL, options);
}

static inline ferry_local *surface_getnameinfo(struct surface *surface,
					       const ferry_fs_options *options)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(80) };

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return ferry_getnameinfo(surface->loop, surface->pool, (struct sockaddr *)&address,
				 sizeof(address), NI_NUMERICHOST | NI_NUMERICSERV, options);
}

/* What a call is about, since not every one takes a root. */
enum surface_about { SURFACE_PATHS, SURFACE_DESCRIPTORS, SURFACE_ROOTS, SURFACE_NAMES };

static const struct {
	const char *name;
	ferry_local *(*call)(struct surface *surface, const ferry_fs_options *options);
	enum surface_about about;
} surface_calls[] = {
	{ "stat", surface_stat, SURFACE_PATHS },
	{ "lstat", surface_lstat, SURFACE_PATHS },
	{ "fstat", surface_fstat, SURFACE_DESCRIPTORS },
	{ "open", surface_open_read, SURFACE_PATHS },
	{ "open of a link", surface_open_link, SURFACE_PATHS },
	{ "open to create", surface_create, SURFACE_PATHS },
	{ "open_stat", surface_open_stat, SURFACE_PATHS },
	{ "root_open", surface_root_open, SURFACE_ROOTS },
	{ "read", surface_read, SURFACE_DESCRIPTORS },
	{ "read at its position", surface_read_here, SURFACE_DESCRIPTORS },
	{ "write", surface_write, SURFACE_DESCRIPTORS },
	{ "fsync", surface_fsync, SURFACE_DESCRIPTORS },
	{ "fdatasync", surface_fdatasync, SURFACE_DESCRIPTORS },
	{ "ftruncate", surface_ftruncate, SURFACE_DESCRIPTORS },
	{ "copy_file_range", surface_copy_file_range, SURFACE_DESCRIPTORS },
	{ "read_file", surface_read_file, SURFACE_PATHS },
	{ "write_file_atomic", surface_write_file_atomic, SURFACE_PATHS },
	{ "readdir", surface_readdir, SURFACE_PATHS },
	{ "readdir_batch", surface_readdir_batch, SURFACE_DESCRIPTORS },
	{ "mkdir", surface_mkdir, SURFACE_PATHS },
	{ "rmdir", surface_rmdir, SURFACE_PATHS },
	{ "unlink", surface_unlink, SURFACE_PATHS },
	{ "rename", surface_rename, SURFACE_PATHS },
	{ "link", surface_link, SURFACE_PATHS },
	{ "symlink", surface_symlink, SURFACE_PATHS },
	{ "readlink", surface_readlink, SURFACE_PATHS },
	{ "realpath", surface_realpath, SURFACE_PATHS },
	{ "chmod", surface_chmod, SURFACE_PATHS },
	{ "chown", surface_chown, SURFACE_PATHS },
	{ "utimens", surface_utimens, SURFACE_PATHS },
	{ "access", surface_access, SURFACE_PATHS },
	{ "close", surface_close_read, SURFACE_DESCRIPTORS },
	{ "close of what was written", surface_close_written, SURFACE_DESCRIPTORS },
	{ "getaddrinfo", surface_getaddrinfo, SURFACE_NAMES },
	{ "getnameinfo", surface_getnameinfo, SURFACE_NAMES },
};
#define SURFACE_CALLS (sizeof(surface_calls) / sizeof(*surface_calls))

static inline ferry_local *surface_call(struct surface *surface, size_t which,
					const ferry_fs_options *options)
{
	ferry_fs_options without = *options;

	without.root = NULL;
	if (surface_calls[which].about != SURFACE_PATHS)
		options = &without;
	return surface_calls[which].call(surface, options);
}

static inline const char *surface_name(size_t which)
{
	return surface_calls[which].name;
}

#endif
