/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judging what the kernel says to an attempt.
 *
 * The loop's thread only. Invariant (S1): an answer counts only from a mount that is known
 * to be local and was not slow, or where old attributes are allowed; nothing is closed here
 * whose closing could free a large file.
 */
#include "fs/judge.h"

#include <sys/stat.h>
#include <unistd.h>

#include "fs/cached.h"
#include "fs/health.h"
#include "fs/request.h"

/* How often the table of mounts is read because one was met that it does not have. */
#define READ_UNKNOWN_NS 100000000u

enum attempt_outcome judge_refusal(struct attempt *attempt, int error)
{
	if (cached_is_final(attempt->fs, attempt->request->root, error))
		return judge_answer(attempt, error, ferry_result_u64(0));
	return error == -EAGAIN || error == -EXDEV ? ATTEMPT_MISSED : ATTEMPT_AVOIDED;
}

/* Pipes and sockets are on mounts that no table has. */
static bool is_nowhere(const struct statx *status)
{
	return status->stx_mask & STATX_TYPE &&
	       (S_ISFIFO(status->stx_mode) || S_ISSOCK(status->stx_mode));
}

enum attempt_outcome judge_mount(struct attempt *attempt, int error, const struct statx *status)
{
	struct fs *fs = attempt->fs;
	const struct mount_entry *entry;

	if (error) {
		/* Whoever denies statx() denies it next time, too. */
		fs->blind |= error == -ENOSYS || error == -EPERM;
		return ATTEMPT_AVOIDED;
	}
	entry = fs_mount_of(fs, status);
	if (!entry) {
		/* Met for the first time, or in no table ever: as pipes, or all below a directory
		 * that chroot() made the root, which is like a miss. */
		if (fs->mounts && attempt->now_ns >= fs->unknown_ns && !is_nowhere(status)) {
			fs->unknown_ns = attempt->now_ns + READ_UNKNOWN_NS;
			fs_read_mounts(fs, attempt->pool);
			return ATTEMPT_AVOIDED;
		}
		return attempt->request->call.operation->traits & OPERATION_PATH ? ATTEMPT_MISSED
										 : ATTEMPT_AVOIDED;
	}
	attempt->health = fs_health(fs, entry);
	attempt->is_plain = entry->open_inline;
	if (health_is_slow(attempt->health, attempt->now_ns))
		return ATTEMPT_AVOIDED;
	if (entry->class == MOUNT_LOCAL || attempt->terms->stale_allowed)
		return ATTEMPT_ANSWERED;
	/* It would be asked each time for nothing: that is like a miss. */
	return ATTEMPT_MISSED;
}

bool judge_is_local(const struct attempt *attempt)
{
	return !attempt->health->remote;
}

void judge_close(struct attempt *attempt, int fd, int error, const struct statx *status)
{
	cached_leave(attempt->pool->core, fd, error ? NULL : status);
}
