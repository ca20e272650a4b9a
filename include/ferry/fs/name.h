/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_FS_NAME_H
#define FERRY_FS_NAME_H
/*
 * Names of files: removed, changed, added, followed. On the pool, always.
 */
#include <ferry/fs/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ferry_fs_unlink() - remove the name of a file
 * @loop:    the loop
 * @pool:    the pool
 * @path:    the path, copied unless options say that it is borrowed
 * @options: may be NULL
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of unlink().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_unlink(ferry_loop *loop, ferry_pool *pool,
							const char *path,
							const ferry_fs_options *options);

/**
 * ferry_fs_rename() - give a file another name
 * @loop:    the loop
 * @pool:    the pool
 * @from:    the name it has, copied unless options say that it is borrowed
 * @to:      the name it gets, which is replaced if there is one; copied or borrowed,
 *           as @from
 * @options: may be NULL
 *
 * Below a root both are.
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of rename().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_rename(ferry_loop *loop, ferry_pool *pool,
							const char *from, const char *to,
							const ferry_fs_options *options);

/**
 * ferry_fs_link() - give a file a second name
 * @loop:    the loop
 * @pool:    the pool
 * @from:    a name it has, copied unless options say that it is borrowed; a link is
 *           not followed
 * @to:      the name it gets; copied or borrowed, as @from
 * @options: may be NULL
 *
 * Below a root both are.
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of link().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_link(ferry_loop *loop, ferry_pool *pool,
						      const char *from, const char *to,
						      const ferry_fs_options *options);

/**
 * ferry_fs_symlink() - make a link that tells a path
 * @loop:    the loop
 * @pool:    the pool
 * @target:  what it tells, copied unless options say that it is borrowed
 * @path:    where it is made; copied or borrowed, as @target
 * @options: may be NULL
 *
 * Below a root only @path is.
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of symlink().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_symlink(ferry_loop *loop, ferry_pool *pool,
							 const char *target, const char *path,
							 const ferry_fs_options *options);

/**
 * ferry_fs_readlink() - what a link tells
 * @loop:    the loop
 * @pool:    the pool
 * @path:    the path, copied unless options say that it is borrowed
 * @options: may be NULL
 *
 * The result's pointer is a char *, ended by 0; one who takes it gives it to free().
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of readlink().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_readlink(ferry_loop *loop, ferry_pool *pool,
							  const char *path,
							  const ferry_fs_options *options);

/**
 * ferry_fs_realpath() - the absolute path of a file, without links
 * @loop:    the loop
 * @pool:    the pool
 * @path:    the path, copied unless options say that it is borrowed
 * @options: may be NULL
 *
 * The result's pointer is a char *, ended by 0; one who takes it gives it to free().
 * Below a root, too, it is the path that the whole process would use.
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of realpath().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_realpath(ferry_loop *loop, ferry_pool *pool,
							  const char *path,
							  const ferry_fs_options *options);

/**
 * ferry_fs_result_path() - the path that a call found
 * @local: of ferry_fs_readlink() or ferry_fs_realpath()
 *
 * Ownership: borrowed until the last reference to @local is dropped, or its result taken.
 * Context:   the loop's thread.
 * Return:    the path; NULL while it is not done, without a result, or of another call.
 */
FERRY_API const char *ferry_fs_result_path(ferry_local *local);

#ifdef __cplusplus
}
#endif
#endif
