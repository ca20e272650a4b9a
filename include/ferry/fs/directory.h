/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_FS_DIRECTORY_H
#define FERRY_FS_DIRECTORY_H
/*
 * Directories: read, made, removed. On the pool, always: nothing tells whether the kernel has
 * the entries of a directory.
 */
#include <ferry/fs/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One entry of a directory. */
typedef struct ferry_entry {
	const char *name;   /* without "." and ".." */
	uint64_t inode;
	unsigned char type; /* DT_REG, DT_DIR, ... of <dirent.h>; DT_UNKNOWN where not told */
} ferry_entry;

/** The entries of a directory, in the order the kernel gave them. */
typedef struct ferry_entries {
	size_t count;
	ferry_entry *entries; /* array [count] */
} ferry_entries;

/**
 * ferry_fs_readdir() - all entries of a directory
 * @loop:    the loop
 * @pool:    the pool
 * @path:    the path, copied unless options say that it is borrowed; a link at its end
 *           is not followed
 * @options: may be NULL
 *
 * The result's pointer is a ferry_entries *, one block of memory; one who takes it
 * gives it to free().
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of opening or reading
 *            (ELOOP or ENOTDIR for a link).
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_readdir(ferry_loop *loop, ferry_pool *pool,
							 const char *path,
							 const ferry_fs_options *options);

/**
 * ferry_fs_readdir_batch() - the next entries of an open directory
 * @loop:    the loop
 * @pool:    the pool
 * @fd:      a descriptor of a directory, opened for reading; kept open until the local
 *           is not running any more
 * @count:   how many bytes of the kernel's records at most, 1024 to 16 MiB; an entry
 *           is some 32
 * @options: may be NULL
 *
 * The result's pointer is a ferry_entries *, one block of memory; one who takes it
 * gives it to free(). No entries: that was the last. Where it goes on is kept by the
 * descriptor, so one call at a time.
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of getdents64() (ENOTDIR).
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_readdir_batch(ferry_loop *loop, ferry_pool *pool,
							       int fd, size_t count,
							       const ferry_fs_options *options);

/**
 * ferry_fs_mkdir() - make a directory
 * @loop:    the loop
 * @pool:    the pool
 * @path:    the path, copied unless options say that it is borrowed
 * @mode:    permissions, cut by the umask
 * @options: may be NULL
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of mkdir().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_mkdir(ferry_loop *loop, ferry_pool *pool,
						       const char *path, unsigned mode,
						       const ferry_fs_options *options);

/**
 * ferry_fs_rmdir() - remove an empty directory
 * @loop:    the loop
 * @pool:    the pool
 * @path:    the path, copied unless options say that it is borrowed
 * @options: may be NULL
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of rmdir().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_rmdir(ferry_loop *loop, ferry_pool *pool,
						       const char *path,
						       const ferry_fs_options *options);

/**
 * ferry_fs_result_entries() - the entries that a call read
 * @local: of ferry_fs_readdir() or ferry_fs_readdir_batch()
 *
 * Ownership: borrowed until the last reference to @local is dropped, or its result taken.
 * Context:   the loop's thread.
 * Return:    the entries; NULL while it is not done, without a result, or of another call.
 */
FERRY_API const ferry_entries *ferry_fs_result_entries(ferry_local *local);

#ifdef __cplusplus
}
#endif
#endif
