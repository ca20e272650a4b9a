/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_FS_STAT_H
#define FERRY_FS_STAT_H
/*
 * Attributes of files.
 *
 * Answered inline where the kernel has the name and the attributes in its caches, and
 * the file is on a local mount (or FERRY_FS_STALE allows old ones).
 */
#include <ferry/fs/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What stat knows of a file. Times are nanoseconds since 1970; one that is too early or too
 * late for that, before 1677 or after 2262, is INT64_MIN or INT64_MAX.
 */
typedef struct ferry_stat {
	uint64_t device, inode, links, size, blocks;
	uint32_t mode, uid, gid, block_size;
	uint64_t special_device;
	int64_t accessed_ns, modified_ns, changed_ns;
	int64_t created_ns;  /* 0 where the filesystem does not know */
	uint64_t attributes; /* STATX_ATTR_... of <linux/stat.h>, those it knows of */
} ferry_stat;

/**
 * ferry_fs_stat() - attributes of a file, links followed
 * @loop:    the loop
 * @pool:    the pool
 * @path:    the path, copied unless options say that it is borrowed
 * @options: may be NULL
 *
 * The result's pointer is a const ferry_stat *.
 *
 * Ownership: the return is a new reference; the attributes are borrowed from it.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(), done already if it was answered inline; the exception
 *            is the errno of stat().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_stat(ferry_loop *loop, ferry_pool *pool,
						      const char *path,
						      const ferry_fs_options *options);

/**
 * ferry_fs_lstat() - attributes of a file, a link itself included
 * @loop:    the loop
 * @pool:    the pool
 * @path:    the path, copied unless options say that it is borrowed
 * @options: may be NULL
 *
 * The result's pointer is a const ferry_stat *.
 *
 * Ownership: the return is a new reference; the attributes are borrowed from it.
 * Context:   the loop's thread.
 * Return:    as ferry_fs_stat(); the exception is the errno of lstat().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_lstat(ferry_loop *loop, ferry_pool *pool,
						       const char *path,
						       const ferry_fs_options *options);

/**
 * ferry_fs_fstat() - attributes of an open file
 * @loop:    the loop
 * @pool:    the pool
 * @fd:      a descriptor, 0 or more, to be kept open until the call has returned
 * @options: may be NULL
 *
 * The result's pointer is a const ferry_stat *.
 *
 * Ownership: the return is a new reference; the attributes are borrowed from it.
 * Context:   the loop's thread.
 * Return:    as ferry_fs_stat(); the exception is the errno of fstat().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_fstat(ferry_loop *loop, ferry_pool *pool, int fd,
						       const ferry_fs_options *options);

/**
 * ferry_fs_result_stat() - the attributes that a call found
 * @local: of ferry_fs_stat(), ferry_fs_lstat(), ferry_fs_fstat() or ferry_fs_open_stat()
 *
 * Ownership: borrowed until the last reference to @local is dropped.
 * Context:   the loop's thread.
 * Return:    the attributes; NULL while it is not done, without a result, or of another
 *            call.
 */
FERRY_API const ferry_stat *ferry_fs_result_stat(ferry_local *local);

#ifdef __cplusplus
}
#endif
#endif
