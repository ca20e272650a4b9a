/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of files and directories: made, removed, changed, followed.
 *
 * Asked for on the loop's thread, called on a worker (step "work" of a request).
 * Invariant: below a root a name is looked up in a directory that was reached without
 * leaving it, and its last part is not followed.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/place.h"
#include "fs/run.h"

/* How often what is replaced meanwhile is looked for again. */
#define NAME_TRIES 32

/* What is done to a name in its directory: as a call that sets errno. */
typedef int act(const struct place *place, const struct call *call);

static int at_place(struct request *request, const char *path, act *act)
{
	struct place place;
	int error = place_find(request, path, BENEATH_CHANGE, &place);

	if (error)
		return error;
	if (act(&place, &request->call) < 0)
		error = -errno;
	place_leave(&place);
	return error;
}

static int make_directory(const struct place *place, const struct call *call)
{
	return mkdirat(place->directory, place->name, call->mode);
}

static int remove_directory(const struct place *place, const struct call *call)
{
	(void)call;
	return unlinkat(place->directory, place->name, AT_REMOVEDIR);
}

static int remove_name(const struct place *place, const struct call *call)
{
	(void)call;
	return unlinkat(place->directory, place->name, 0);
}

static int make_link(const struct place *place, const struct call *call)
{
	return symlinkat(call->other, place->directory, place->name);
}

int run_mkdir(struct request *request, ferry_result *out)
{
	(void)out;
	return at_place(request, request->call.path, make_directory);
}

int run_rmdir(struct request *request, ferry_result *out)
{
	(void)out;
	return at_place(request, request->call.path, remove_directory);
}

int run_unlink(struct request *request, ferry_result *out)
{
	(void)out;
	return at_place(request, request->call.path, remove_name);
}

int run_symlink(struct request *request, ferry_result *out)
{
	(void)out;
	return at_place(request, request->call.path, make_link);
}

/* ---- two names ---- */

static int move(const struct place *from, const struct place *to)
{
	return renameat(from->directory, from->name, to->directory, to->name);
}

static int add(const struct place *from, const struct place *to)
{
	return linkat(from->directory, from->name, to->directory, to->name, 0);
}

static int at_places(struct request *request, enum beneath_use use,
		     int (*act)(const struct place *from, const struct place *to))
{
	struct place from, to;
	int error = place_find(request, request->call.path, use, &from);

	if (error)
		return error;
	error = place_find(request, request->call.other, BENEATH_CHANGE, &to);
	if (!error) {
		if (act(&from, &to) < 0)
			error = -errno;
		place_leave(&to);
	}
	place_leave(&from);
	return error;
}

int run_rename(struct request *request, ferry_result *out)
{
	(void)out;
	return at_places(request, BENEATH_CHANGE, move);
}

int run_link(struct request *request, ferry_result *out)
{
	(void)out;
	return at_places(request, BENEATH_LOOK, add);
}

/* ---- paths that are told ---- */

static int tell(char *text, ferry_result *out)
{
	if (!text)
		return -ENOMEM;
	*out = ferry_result_pointer(text, &ferry_dispose_free);
	return 0;
}

/* What a link tells, or a negative errno. A link of /proc may tell more than PATH_MAX. */
static int read_link(int directory, const char *name, char **ret)
{
	char text[PATH_MAX + 1];
	ssize_t length = readlinkat(directory, name, text, sizeof(text));

	if (length < 0)
		return -errno;
	if ((size_t)length == sizeof(text))
		return -ENAMETOOLONG;
	*ret = strndup(text, (size_t)length);
	return *ret ? 0 : -ENOMEM;
}

int run_readlink(struct request *request, ferry_result *out)
{
	struct place place;
	char *text;
	int error = place_find(request, request->call.path, BENEATH_LOOK, &place);

	if (error)
		return error;
	error = read_link(place.directory, place.name, &text);
	place_leave(&place);
	return error ? error : tell(text, out);
}

/* Is the file that was opened what the path leads to? */
static bool leads_to(const char *path, int fd)
{
	struct stat named, opened;

	if (lstat(path, &named) < 0)
		return errno != ENOENT && errno != ENOTDIR;
	return fstat(fd, &opened) < 0 ||
	       (named.st_dev == opened.st_dev && named.st_ino == opened.st_ino);
}

/* What /proc calls an open file. -ENOENT: there is no /proc; or that is no name of it, since it
 * was removed or replaced, or lies outside of this process's root directory. */
static int name_of(int fd, char **ret)
{
	char name[PLACE_NAME_ROOM];
	int error;

	snprintf(name, sizeof(name), "/proc/thread-self/fd/%d", fd);
	error = read_link(AT_FDCWD, name, ret);
	if (error || (**ret == '/' && leads_to(*ret, fd)))
		return error;
	free(*ret);
	return -ENOENT;
}

/* One walk of the kernel's, whose result /proc names; else as the C library does, which tells of a
 * file that is replaced again and again, too. */
int run_realpath(struct request *request, ferry_result *out)
{
	char *text = NULL;
	int error, tries = request->root ? NAME_TRIES : 1;

	do {
		int fd = place_open(request, O_PATH, 0);

		if (fd < 0)
			return fd;
		error = name_of(fd, &text);
		close(fd);
	} while (error == -ENOENT && --tries);
	if (error == -ENOENT && !request->root) {
		text = realpath(request->call.path, NULL);
		error = text ? 0 : -errno;
	}
	return error ? error : tell(text, out);
}

/* ---- asked for ---- */

static ferry_local *ask(ferry_loop *loop, ferry_pool *pool, enum operation_number number,
			const char *path, const char *other, const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[number], .path = path, .other = other };

	return request_begin(loop, pool, &call, options);
}

ferry_local *ferry_fs_mkdir(ferry_loop *loop, ferry_pool *pool, const char *path, unsigned mode,
			    const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_MKDIR], .path = path,
			     .mode = mode };

	return request_begin(loop, pool, &call, options);
}

ferry_local *ferry_fs_rmdir(ferry_loop *loop, ferry_pool *pool, const char *path,
			    const ferry_fs_options *options)
{
	return ask(loop, pool, OPERATION_RMDIR, path, NULL, options);
}

ferry_local *ferry_fs_unlink(ferry_loop *loop, ferry_pool *pool, const char *path,
			     const ferry_fs_options *options)
{
	return ask(loop, pool, OPERATION_UNLINK, path, NULL, options);
}

ferry_local *ferry_fs_rename(ferry_loop *loop, ferry_pool *pool, const char *from, const char *to,
			     const ferry_fs_options *options)
{
	return ask(loop, pool, OPERATION_RENAME, from, to, options);
}

ferry_local *ferry_fs_link(ferry_loop *loop, ferry_pool *pool, const char *from, const char *to,
			   const ferry_fs_options *options)
{
	return ask(loop, pool, OPERATION_LINK, from, to, options);
}

ferry_local *ferry_fs_symlink(ferry_loop *loop, ferry_pool *pool, const char *target,
			      const char *path, const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_SYMLINK], .path = path,
			     .other = target, .given = target };

	return request_begin(loop, pool, &call, options);
}

ferry_local *ferry_fs_readlink(ferry_loop *loop, ferry_pool *pool, const char *path,
			       const ferry_fs_options *options)
{
	return ask(loop, pool, OPERATION_READLINK, path, NULL, options);
}

ferry_local *ferry_fs_realpath(ferry_loop *loop, ferry_pool *pool, const char *path,
			       const ferry_fs_options *options)
{
	return ask(loop, pool, OPERATION_REALPATH, path, NULL, options);
}

const char *ferry_fs_result_path(ferry_local *local)
{
	return request_pointer(local, ANSWER_PATH);
}
