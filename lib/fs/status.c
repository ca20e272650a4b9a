/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attributes: asked for with statx(), or with fstatat() where a filter denies that.
 *
 * On the loop's thread, where the kernel need not wait for them, and on workers (step
 * "work" of a request). Invariant: both ways fill in the same, but for what only statx()
 * knows, which is 0 then.
 */
#include "fs/status.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Filesystems have times before 1677 and after 2262: those are the first and the last there is. */
static int64_t ns_of(int64_t seconds, uint32_t nanoseconds)
{
	/* Before 1970 counted from the next second: the first one of all is not whole. */
	int64_t whole = seconds < 0 ? seconds + 1 : seconds, ns;
	int64_t rest = (int64_t)nanoseconds - (seconds < 0 ? 1000000000 : 0);

	if (__builtin_mul_overflow(whole, 1000000000, &ns) || __builtin_add_overflow(ns, rest, &ns))
		return seconds < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

void status_convert(const struct statx *from, ferry_stat *to)
{
	*to = (ferry_stat){
		.device = makedev(from->stx_dev_major, from->stx_dev_minor),
		.inode = from->stx_ino,
		.links = from->stx_nlink,
		.size = from->stx_size,
		.blocks = from->stx_blocks,
		.mode = from->stx_mode,
		.uid = from->stx_uid,
		.gid = from->stx_gid,
		.block_size = from->stx_blksize,
		.special_device = makedev(from->stx_rdev_major, from->stx_rdev_minor),
		.accessed_ns = ns_of(from->stx_atime.tv_sec, from->stx_atime.tv_nsec),
		.modified_ns = ns_of(from->stx_mtime.tv_sec, from->stx_mtime.tv_nsec),
		.changed_ns = ns_of(from->stx_ctime.tv_sec, from->stx_ctime.tv_nsec),
		/* Every field is named: clearing them first takes as long as the rest. */
		.created_ns = from->stx_mask & STATX_BTIME
				      ? ns_of(from->stx_btime.tv_sec, from->stx_btime.tv_nsec)
				      : 0,
		.attributes = from->stx_attributes & from->stx_attributes_mask,
	};
}

static void convert_old(const struct stat *from, ferry_stat *to)
{
	*to = (ferry_stat){
		.device = from->st_dev,
		.inode = from->st_ino,
		.links = from->st_nlink,
		.size = (uint64_t)from->st_size,
		.blocks = (uint64_t)from->st_blocks,
		.mode = from->st_mode,
		.uid = from->st_uid,
		.gid = from->st_gid,
		.block_size = (uint32_t)from->st_blksize,
		.special_device = from->st_rdev,
		.accessed_ns = ns_of(from->st_atim.tv_sec, (uint32_t)from->st_atim.tv_nsec),
		.modified_ns = ns_of(from->st_mtim.tv_sec, (uint32_t)from->st_mtim.tv_nsec),
		.changed_ns = ns_of(from->st_ctim.tv_sec, (uint32_t)from->st_ctim.tv_nsec),
	};
}

int status_of(int fd, int flags, unsigned mask, struct statx *ret)
{
	return syscall(SYS_statx, fd, "", AT_EMPTY_PATH | flags, mask, ret) < 0 ? -errno : 0;
}

int status_read(int directory, const char *path, int flags, ferry_stat *ret)
{
	struct statx status;
	struct stat old;

	flags |= AT_NO_AUTOMOUNT;
	if (syscall(SYS_statx, directory, path, flags, STATUS_ALL, &status) == 0) {
		status_convert(&status, ret);
		return 0;
	}
	/* ENOSYS, or EPERM, which no stat gives: a filter. */
	if (errno != ENOSYS && errno != EPERM)
		return -errno;
	if (fstatat(directory, path, &old, flags) < 0)
		return -errno;
	convert_old(&old, ret);
	return 0;
}
