/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_FS_OPEN_H
#define FERRY_FS_OPEN_H
/*
 * Opening and closing.
 *
 * Opened inline only below a root whose owner vouches for it (<ferry/fs/root.h>): the
 * caches tell nothing of what an open itself may wait for. Closed inline only where
 * closing cannot wait: a file on a local mount that was not opened for writing and that
 * still has a name.
 */
#include <ferry/fs/stat.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ferry_fs_open() - open a file
 * @loop:    the loop
 * @pool:    the pool
 * @path:    the path, copied unless options say that it is borrowed
 * @flags:   as for open(); O_CLOEXEC is added
 * @mode:    as for open(), used with O_CREAT and O_TMPFILE
 * @options: may be NULL
 *
 * The result's i64 is the descriptor. Nobody who takes it: it is closed, on a worker.
 *
 * Ownership: the return is a new reference; ferry_local_take() makes the descriptor
 *            the caller's.
 * Context:   the loop's thread.
 * Return:    as ferry_fs_stat(); the exception is the errno of open(); EXDEV for a path
 *            that leaves the root.
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_open(ferry_loop *loop, ferry_pool *pool,
						      const char *path, int flags, unsigned mode,
						      const ferry_fs_options *options);

/**
 * ferry_fs_open_stat() - open a file, and have its attributes
 * @loop:    the loop
 * @pool:    the pool
 * @path:    the path, copied unless options say that it is borrowed
 * @flags:   as for open(); O_CLOEXEC is added
 * @mode:    as for open(), used with O_CREAT and O_TMPFILE
 * @options: may be NULL
 *
 * One request for both, and both of the same file. The result's i64 is the descriptor,
 * as for ferry_fs_open(); ferry_fs_result_stat() gives the attributes.
 *
 * Ownership: as ferry_fs_open(). Context: the loop's thread.
 * Return:    as ferry_fs_open(); if the attributes cannot be read that is the exception,
 *            and nothing is open.
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_open_stat(ferry_loop *loop, ferry_pool *pool,
							   const char *path, int flags,
							   unsigned mode,
							   const ferry_fs_options *options);

/**
 * ferry_fs_close() - close a descriptor
 * @loop:    the loop
 * @pool:    the pool
 * @fd:      the descriptor, 0 or more
 * @options: may be NULL; only lane, policy, freshness and root may be set; a root is the
 *           one that the file was opened below
 *
 * Once this returned a local @fd is closed whatever happens: cancelling the local does
 * not keep it open, nor does a pool that refuses, or is shut down meanwhile. Unless closing
 * cannot block, which is done inline, a worker does it, or, once the pool was shut down, a
 * thread that is made for that; the one that calls this only without memory or threads.
 *
 * Ownership: takes @fd, unless NULL is returned. The return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_fs_stat(); the exception is the errno of close() (EINTR counts
 *            as closed).
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_close(ferry_loop *loop, ferry_pool *pool, int fd,
						       const ferry_fs_options *options);

/**
 * ferry_fs_result_fd() - the descriptor that a call opened
 * @local: of ferry_fs_open() or ferry_fs_open_stat()
 *
 * Ownership: borrowed until the last reference to @local is dropped, or its result taken.
 * Context:   the loop's thread.
 * Return:    the descriptor; -ENODATA while it is not done, without a result, when that
 *            was taken, or of another call.
 */
FERRY_API int ferry_fs_result_fd(ferry_local *local);

#ifdef __cplusplus
}
#endif
#endif
