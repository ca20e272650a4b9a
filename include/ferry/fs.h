/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_FS_H
#define FERRY_FS_H
/*
 * Floor 6: file calls whose outcome is a local. In this release each goes through
 * the pool.
 *
 * Each returns a local as ferry_offload() does: a refusal is a local born failed,
 * NULL only for wrong arguments or no memory. What a worker writes lies in the
 * request itself, so a call that hangs can be abandoned: results are borrowed from
 * the local until its last reference is dropped.
 */
#include <ferry/bridge.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Options of a file call. Zero means the default of each field. */
typedef struct ferry_fs_options {
	size_t size;          /* sizeof(ferry_fs_options) */
	ferry_lane *lane;     /* NULL: the pool's ordinary lane */
	uint64_t deadline_ns; /* absolute; still queued then: TIMED_OUT, never run; 0: none */
	int borrow_path;      /* 1: the path is not copied; it must stay valid until release */
	void (*release)(void *path); /* with borrow_path only: called once when the path is
					free again, on any thread; must not block; NULL: none */
} ferry_fs_options;
#define FERRY_FS_OPTIONS_INIT { sizeof(ferry_fs_options), NULL, 0, 0, NULL }

/** What stat knows of a file. Times are nanoseconds since 1970. */
typedef struct ferry_stat {
	uint64_t device, inode, links, size, blocks;
	uint32_t mode, uid, gid, block_size;
	uint64_t special_device;
	int64_t accessed_ns, modified_ns, changed_ns;
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
 * Return:    as ferry_offload(); the exception is the errno of stat().
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
 * Return:    as ferry_offload(); the exception is the errno of lstat().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_lstat(ferry_loop *loop, ferry_pool *pool,
						       const char *path,
						       const ferry_fs_options *options);

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
 * Return:    as ferry_offload(); the exception is the errno of open().
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_open(ferry_loop *loop, ferry_pool *pool,
						      const char *path, int flags, unsigned mode,
						      const ferry_fs_options *options);

/**
 * ferry_fs_close() - close a descriptor
 * @loop:    the loop
 * @pool:    the pool
 * @fd:      the descriptor, 0 or more
 * @options: may be NULL; only lane may be set
 *
 * Once this returned a local @fd is closed whatever happens: cancelling the local does
 * not keep it open (a worker closes it all the same), and if the pool refuses it is
 * closed before this returns.
 *
 * Ownership: takes @fd, unless NULL is returned. The return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); the exception is the errno of close() (EINTR counts
 *            as closed).
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_fs_close(ferry_loop *loop, ferry_pool *pool, int fd,
						       const ferry_fs_options *options);

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
 * @path:    the path, copied unless options say that it is borrowed; a link at its
 *           end is not followed
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

#ifdef __cplusplus
}
#endif
#endif
