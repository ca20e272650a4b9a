/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attributes of files, changed: chmod, chown, utimens; and access.
 *
 * Asked for on the loop's thread, called on a worker (step "work" of a request). Invariant:
 * below a root the file is opened first, so that what is changed was reached without
 * leaving it.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/place.h"
#include "fs/run.h"

/* What is done to a path, links followed: as a call that sets errno. */
static int at_name(struct request *request, int (*act)(const char *path, const struct call *call))
{
	struct place_name name;
	int error = place_name(request, &name);

	if (error)
		return error;
	if (act(name.path, &request->call) < 0)
		error = -errno;
	place_unname(&name);
	return error;
}

static int change_mode(const char *path, const struct call *call)
{
	return chmod(path, call->mode);
}

static int change_owner(const char *path, const struct call *call)
{
	return chown(path, (uid_t)call->offset, (gid_t)call->other_offset);
}

/* Nanoseconds since 1970; they are counted from the second before, also before 1970. */
static struct timespec time_of(int64_t ns)
{
	struct timespec time = { .tv_nsec = UTIME_OMIT };

	if (ns == FERRY_FS_OMIT)
		return time;
	if (ns == FERRY_FS_NOW) {
		time.tv_nsec = UTIME_NOW;
		return time;
	}
	time.tv_sec = ns / 1000000000;
	time.tv_nsec = ns % 1000000000;
	if (time.tv_nsec < 0) {
		time.tv_sec--;
		time.tv_nsec += 1000000000;
	}
	return time;
}

static int change_times(const char *path, const struct call *call)
{
	struct timespec times[] = { time_of(call->offset), time_of(call->other_offset) };

	return utimensat(AT_FDCWD, path, times, 0);
}

static int look(const char *path, const struct call *call)
{
	return access(path, call->flags);
}

int run_chmod(struct request *request, ferry_result *out)
{
	(void)out;
	return at_name(request, change_mode);
}

int run_chown(struct request *request, ferry_result *out)
{
	(void)out;
	return at_name(request, change_owner);
}

int run_utimens(struct request *request, ferry_result *out)
{
	(void)out;
	return at_name(request, change_times);
}

int run_access(struct request *request, ferry_result *out)
{
	(void)out;
	return at_name(request, look);
}

/* ---- asked for ---- */

static ferry_local *refuse(void)
{
	errno = EINVAL;
	return NULL;
}

ferry_local *ferry_fs_chmod(ferry_loop *loop, ferry_pool *pool, const char *path, unsigned mode,
			    const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_CHMOD], .path = path,
			     .mode = mode };

	return mode > 07777 ? refuse() : request_begin(loop, pool, &call, options);
}

ferry_local *ferry_fs_chown(ferry_loop *loop, ferry_pool *pool, const char *path, uint32_t owner,
			    uint32_t group, const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_CHOWN], .path = path,
			     .offset = owner, .other_offset = group };

	return request_begin(loop, pool, &call, options);
}

ferry_local *ferry_fs_utimens(ferry_loop *loop, ferry_pool *pool, const char *path,
			      int64_t accessed_ns, int64_t modified_ns,
			      const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_UTIMENS], .path = path,
			     .offset = accessed_ns, .other_offset = modified_ns };

	return request_begin(loop, pool, &call, options);
}

ferry_local *ferry_fs_access(ferry_loop *loop, ferry_pool *pool, const char *path, int mode,
			     const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_ACCESS], .path = path,
			     .flags = mode };

	return mode & ~(R_OK | W_OK | X_OK) ? refuse() : request_begin(loop, pool, &call, options);
}
