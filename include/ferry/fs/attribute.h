/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_FS_ATTRIBUTE_H
#define FERRY_FS_ATTRIBUTE_H
/*
 * Attributes of files, changed, and what they allow.
 */
#include <ferry/fs/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ferry_fs_chmod() - set the permissions of a file
 * @loop:    the loop
 * @pool:    the pool
 * @path:    the path, copied unless options say that it is borrowed
 * @mode:    the permissions, 0 to 07777
 * @options: may be NULL
 *
 * Links are followed.
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of chmod().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_chmod(ferry_loop *loop, ferry_pool *pool,
						       const char *path, unsigned mode,
						       const ferry_fs_options *options);

/**
 * ferry_fs_chown() - set the owner and the group of a file
 * @loop:    the loop
 * @pool:    the pool
 * @path:    the path, copied unless options say that it is borrowed
 * @owner:   UINT32_MAX: as it is
 * @group:   UINT32_MAX: as it is
 * @options: may be NULL
 *
 * Links are followed.
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of chown().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_chown(ferry_loop *loop, ferry_pool *pool,
						       const char *path, uint32_t owner,
						       uint32_t group,
						       const ferry_fs_options *options);

/** For ferry_fs_utimens(): this time stays as it is. */
#define FERRY_FS_OMIT INT64_MIN
/** For ferry_fs_utimens(): the time it is when the call is made. */
#define FERRY_FS_NOW INT64_MAX

/**
 * ferry_fs_utimens() - set the times of a file
 * @loop:        the loop
 * @pool:        the pool
 * @path:        the path, copied unless options say that it is borrowed
 * @accessed_ns: since 1970; or FERRY_FS_OMIT, FERRY_FS_NOW
 * @modified_ns: since 1970; or FERRY_FS_OMIT, FERRY_FS_NOW
 * @options:     may be NULL
 *
 * Links are followed.
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of utimensat().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_utimens(ferry_loop *loop, ferry_pool *pool,
							 const char *path, int64_t accessed_ns,
							 int64_t modified_ns,
							 const ferry_fs_options *options);

/**
 * ferry_fs_access() - may this process use a file so
 * @loop:    the loop
 * @pool:    the pool
 * @path:    the path, copied unless options say that it is borrowed
 * @mode:    F_OK, or R_OK, W_OK, X_OK together
 * @options: may be NULL
 *
 * By the real user and group, as access(). Links are followed. No result but that it is
 * allowed. Answered inline where ferry_fs_stat() would be.
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_fs_stat(); the exception is the errno of access().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_access(ferry_loop *loop, ferry_pool *pool,
							const char *path, int mode,
							const ferry_fs_options *options);

#ifdef __cplusplus
}
#endif
#endif
