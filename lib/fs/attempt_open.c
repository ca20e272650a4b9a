/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attempts to open and to close.
 *
 * The loop's thread only (before the step "submit" of a request, instead of the rest of it
 * if they answer). The walk being cached says nothing of the open: so only below a root
 * that its owner vouches for, on a local disk, without waiting for leases or writers of
 * FIFOs; and a close only if it cannot free a file or flush one. Invariants: S1; what was
 * opened is answered, or closed.
 */
#include "fs/attempt.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/cached.h"
#include "fs/health.h"
#include "fs/judge.h"
#include "fs/request.h"
#include "fs/root.h"
#include "fs/status.h"

static bool is_unchanging(const struct attempt *attempt)
{
	const struct ferry_fs_root *root = attempt->request->root;

	return root && root_options(root)->trust == FERRY_FS_TRUST_UNCHANGING;
}

/* May files be opened and closed inline below the root? Its mount's account is noted. */
static bool may_open(struct attempt *attempt)
{
	struct ferry_fs_root *root = attempt->request->root;
	const struct mount_entry *entry;

	if (!root || !root_options(root)->trust)
		return false;
	entry = root_mount(attempt->fs, root);
	if (!entry || !entry->open_inline || entry->class != MOUNT_LOCAL)
		return false;
	attempt->health = fs_health(attempt->fs, entry);
	return !health_is_slow(attempt->health, attempt->now_ns);
}

static int open_below(struct attempt *attempt, int flags)
{
	int fd;

	/* openat2() refuses what would mean nothing. */
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
	else
		flags |= O_NOCTTY;
	fd = cached_open(attempt->fs, attempt->request->root, attempt->request->call.path, flags,
			 RESOLVE_NO_XDEV);

	/* A mount below the root is none that was vouched for, a lease is to be waited for. */
	return fd == -EXDEV || fd == -ETXTBSY ? -EAGAIN : fd;
}

/* The kernel waited for nothing because of O_NONBLOCK, which the caller did not ask for. */
static int clear_nonblock(const struct attempt *attempt, int fd)
{
	int flags = attempt->request->call.flags;

	if (flags & (O_NONBLOCK | O_PATH))
		return 0;
	return fcntl(fd, F_SETFL, flags & ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC));
}

static bool is_plain(const struct statx *status)
{
	return S_ISREG(status->stx_mode) || S_ISDIR(status->stx_mode);
}

static enum attempt_outcome give_up(struct attempt *attempt, int fd, int error,
				    const struct statx *status)
{
	judge_close(attempt, fd, error, status);
	return ATTEMPT_AVOIDED;
}

static enum attempt_outcome answer_open(struct attempt *attempt, int fd)
{
	ferry_result result = ferry_result_i64(fd);

	result.disposer = &ferry_dispose_close;
	return judge_answer(attempt, 0, result);
}

enum attempt_outcome attempt_open(struct attempt *attempt)
{
	int flags = attempt->request->call.flags, fd, error;
	struct statx status;

	/* Those make something, which is never cached. */
	if (flags & (O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY)) || !may_open(attempt))
		return ATTEMPT_AVOIDED;
	if (is_unchanging(attempt)) {
		fd = open_below(attempt, flags);
		return fd < 0 ? judge_refusal(attempt, fd) : answer_open(attempt, fd);
	}
	fd = open_below(attempt, flags | O_NONBLOCK);
	if (fd < 0)
		return judge_refusal(attempt, fd);
	error = status_of(fd, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_NLINK, &status);
	/* A FIFO, a device, a socket: whoever opens it may be meant to wait. */
	if (error || !is_plain(&status) || clear_nonblock(attempt, fd) < 0)
		return give_up(attempt, fd, error, &status);
	return answer_open(attempt, fd);
}

enum attempt_outcome attempt_open_stat(struct attempt *attempt)
{
	enum attempt_outcome outcome = attempt_open(attempt);
	struct statx status;
	int fd, error;

	if (outcome != ATTEMPT_ANSWERED || attempt->returned)
		return outcome;
	fd = (int)attempt->result.i64;
	error = status_of(fd, AT_STATX_DONT_SYNC, STATUS_ALL, &status);
	if (error)
		return give_up(attempt, fd, error, &status);
	status_convert(&status, request_outcome(attempt->request));
	return outcome;
}

enum attempt_outcome attempt_close(struct attempt *attempt)
{
	int fd = attempt->request->call.fd, flags, error;
	enum attempt_outcome outcome;
	struct statx status;

	if (!is_unchanging(attempt) || !may_open(attempt)) {
		error = status_of(fd, AT_STATX_DONT_SYNC,
				  STATX_TYPE | STATX_NLINK | fs_mount_mask(attempt->fs), &status);
		if (error == -EBADF)
			return judge_answer(attempt, error, ferry_result_u64(0));
		outcome = judge_mount(attempt, error, &status);
		if (outcome != ATTEMPT_ANSWERED)
			return outcome;
		/* What was written may be flushed, what has no name is freed. */
		flags = fcntl(fd, F_GETFL);
		if (!judge_is_local(attempt) || !attempt->is_plain || !is_plain(&status) ||
		    !status.stx_nlink || flags < 0 ||
		    (!(flags & O_PATH) && (flags & O_ACCMODE) != O_RDONLY))
			return ATTEMPT_AVOIDED;
	}
	/* As whoever opened it would, so that a sanitizer sees both. */
	error = close(fd) < 0 ? -errno : 0;
	return judge_answer(attempt, error == -EINTR ? 0 : error, ferry_result_u64(0));
}
