/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What file calls have done, read.
 *
 * The loop's thread only, at any time beside any step of any request. Invariant: calls is
 * the sum of what became of them, since each is counted once on its way.
 */
#include "fs/fs.h"
#include "fs/health.h"

#include "base/clock.h"

int ferry_fs_stats(ferry_loop *loop, ferry_fs_counters *ret)
{
	static const ferry_fs_counters none;
	int error = loop_check(loop);

	if (error || !ret)
		return error ? error : -EINVAL;
	*ret = loop->fs ? loop->fs->counters : none;
	return 0;
}

int ferry_fs_each_mount(ferry_loop *loop, int (*fn)(const ferry_fs_mount *mount, void *user),
			void *user)
{
	int error = loop_check(loop), said = 0;
	const struct mounts *mounts;
	struct fs *fs;
	uint64_t now;

	if (error || !fn)
		return error ? error : -EINVAL;
	fs = loop->fs;
	mounts = fs ? fs->mounts : NULL;
	now = clock_now();
	/* A turn could put a new table in the place of this one. */
	loop->calling++;
	for (size_t i = 0; mounts && !said && i < mounts->count; i++) {
		const struct mount_entry *entry = &mounts->entries[i];
		const struct health *health = fs->healths[i];
		ferry_fs_mount mount = {
			.point = entry->point,
			.type = entry->type,
			.device = entry->device,
			.is_remote = entry->class == MOUNT_REMOTE,
			.is_slow = health_is_slow(health, now),
			.is_stuck = health->stuck,
			.under_way = health->under_way,
			.waiting = health->waiting,
		};

		said = fn(&mount, user);
		/* It may have forked, and this be the child, which freed the loop (P6). */
		if (loop->closed)
			break;
	}
	loop->calling--;
	if (loop->closed && !loop_is_busy(loop))
		ferry_loop_unref(loop);
	return said;
}
