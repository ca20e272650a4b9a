/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attempts by path and by descriptor: attributes and permissions.
 *
 * The loop's thread only (before the step "submit" of a request, instead of the rest of it
 * if they answer). Invariant (S1): only what the kernel has is asked for; on a remote mount
 * that may be old, so it answers only where that is allowed, and on one that is not
 * classified yet, or was slow, nothing is asked.
 */
#include "fs/attempt.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/cached.h"
#include "fs/health.h"
#include "fs/judge.h"
#include "fs/request.h"
#include "fs/status.h"

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

static enum attempt_outcome answer_stat(struct attempt *attempt, const struct statx *status)
{
	ferry_stat *attributes = request_outcome(attempt->request);

	status_convert(status, attributes);
	return judge_answer(attempt, 0, ferry_result_pointer(attributes, NULL));
}

/* The path, opened for nothing but to be asked about: a descriptor or a negative errno. */
static int open_path(struct attempt *attempt, int flags)
{
	return cached_open(attempt->fs, attempt->request->root, attempt->request->call.path,
			   O_PATH | flags, 0);
}

static enum attempt_outcome look(struct attempt *attempt, int flags)
{
	struct statx status;
	enum attempt_outcome outcome;
	int fd = open_path(attempt, flags), error;

	if (fd < 0)
		return judge_refusal(attempt, fd);
	error = status_of(fd, AT_STATX_DONT_SYNC, STATUS_ALL | fs_mount_mask(attempt->fs), &status);
	outcome = judge_mount(attempt, error, &status);
	judge_close(attempt, fd, error, &status);
	return outcome == ATTEMPT_ANSWERED ? answer_stat(attempt, &status) : outcome;
}

enum attempt_outcome attempt_stat(struct attempt *attempt)
{
	return look(attempt, 0);
}

enum attempt_outcome attempt_lstat(struct attempt *attempt)
{
	return look(attempt, O_NOFOLLOW);
}

enum attempt_outcome attempt_fstat(struct attempt *attempt)
{
	struct statx status;
	int error = status_of(attempt->request->call.fd, AT_STATX_DONT_SYNC,
			      STATUS_ALL | fs_mount_mask(attempt->fs), &status);
	enum attempt_outcome outcome;

	if (error == -EBADF)
		return judge_answer(attempt, error, ferry_result_u64(0));
	outcome = judge_mount(attempt, error, &status);
	return outcome == ATTEMPT_ANSWERED ? answer_stat(attempt, &status) : outcome;
}

/* Paths are walked as the effective user: access() has the real one do it. */
static bool is_one_user(void)
{
	uid_t user, effective_user, saved_user;
	gid_t group, effective_group, saved_group;

	return getresuid(&user, &effective_user, &saved_user) == 0 &&
	       getresgid(&group, &effective_group, &saved_group) == 0 &&
	       user == effective_user && group == effective_group;
}

enum attempt_outcome attempt_access(struct attempt *attempt)
{
	struct statx status;
	enum attempt_outcome outcome;
	int fd, error, returned = 0;

	if (!is_one_user())
		return ATTEMPT_AVOIDED;
	fd = open_path(attempt, 0);
	if (fd < 0)
		return judge_refusal(attempt, fd);
	error = status_of(fd, AT_STATX_DONT_SYNC, fs_mount_mask(attempt->fs), &status);
	outcome = judge_mount(attempt, error, &status);
	/* Only from the attributes that were just looked at: a remote one might be asked. */
	if (outcome == ATTEMPT_ANSWERED && !judge_is_local(attempt))
		outcome = ATTEMPT_AVOIDED;
	if (outcome == ATTEMPT_ANSWERED &&
	    syscall(SYS_faccessat2, fd, "", attempt->request->call.flags, AT_EMPTY_PATH) < 0)
		returned = -errno;
	judge_close(attempt, fd, error, &status);
	if (outcome != ATTEMPT_ANSWERED)
		return outcome;
	/* Denied by a filter, or missing before Linux 5.8. */
	if (returned && returned != -EACCES && returned != -EROFS)
		return ATTEMPT_AVOIDED;
	return judge_answer(attempt, returned, ferry_result_u64(0));
}
