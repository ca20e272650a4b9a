/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_FS_ROOT_H
#define FERRY_FS_ROOT_H
/*
 * Roots: directories that calls go below.
 *
 * A path below a root never leaves it, whatever links and ".." it has: that is EXDEV, and
 * so is an absolute path. A root has a policy of its own, keeps its own account of how
 * often the caches have the answer, and, where its owner vouches for it, is where files
 * are opened inline.
 */
#include <ferry/fs/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the owner of a root promises of what lies below it. The numbers are ABI. */
typedef enum ferry_fs_trust {
	FERRY_FS_TRUST_NONE = 0,      /* nothing: files are opened on the pool */
	FERRY_FS_TRUST_LOCAL = 1,     /* no watcher of opens (fanotify) decides there. Inline opens
					 look at what was opened; one that is no file or directory
					 is opened again on the pool */
	FERRY_FS_TRUST_UNCHANGING = 2 /* the same, and that there are only files and directories,
					 which nobody, this program included, removes, leases or
					 writes while one is open: then opening and closing take
					 no look */
} ferry_fs_trust;

/** Options of a root. Zero means the default of each field. */
typedef struct ferry_fs_root_options {
	size_t size; /* sizeof(ferry_fs_root_options) */
	ferry_fs_policy policy;       /* of its calls; INHERIT: AUTO */
	ferry_fs_freshness freshness; /* INHERIT: FRESH */
	ferry_fs_trust trust;         /* only takes effect where the root's mount is local */
	int no_follow;                /* 1: a link at the end of its path is refused (ENOTDIR) */
} ferry_fs_root_options;
#define FERRY_FS_ROOT_OPTIONS_INIT                                                        \
	{                                                                                  \
		sizeof(ferry_fs_root_options), FERRY_FS_INHERIT, FERRY_FS_FRESHNESS_INHERIT, \
			FERRY_FS_TRUST_NONE, 0                                             \
	}

/**
 * ferry_fs_root_open() - make a directory a root
 * @loop:         the loop
 * @pool:         the pool, on which the directory is opened, and its mount is classified
 * @path:         the directory, copied unless options say that it is borrowed
 * @root_options: may be NULL
 * @options:      of this call; may be NULL; its root must be NULL
 *
 * The result's pointer is a ferry_fs_root *; who takes it owns it, and gives it to
 * ferry_fs_root_unref(). Nobody who takes it: it is closed.
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    as ferry_offload(); NULL with EINVAL or E2BIG for wrong root options; the
 *            exception is the errno of open(): ENOTDIR, ENOENT, ...
 */
FERRY_API FERRY_MUST_CHECK ferry_local *
ferry_fs_root_open(ferry_loop *loop, ferry_pool *pool, const char *path,
		   const ferry_fs_root_options *root_options, const ferry_fs_options *options);

/**
 * ferry_fs_root_ref() - hold a root longer
 * @root: the root; NULL is allowed
 *
 * Context: any thread. Return: @root.
 */
FERRY_API ferry_fs_root *ferry_fs_root_ref(ferry_fs_root *root);

/**
 * ferry_fs_root_unref() - let go of a root
 * @root: NULL is allowed
 *
 * Calls that are under way hold it, too. The last one closes its descriptor, which is
 * one that asks no filesystem (O_PATH).
 *
 * Ownership: takes a reference. Context: any thread. Return: NULL.
 */
FERRY_API ferry_fs_root *ferry_fs_root_unref(ferry_fs_root *root);

/**
 * ferry_fs_root_fd() - the descriptor of a root
 * @root: the root
 *
 * Ownership: borrowed; for *at() calls of one's own. Context: any thread.
 * Return:    an O_PATH descriptor; -EINVAL if @root is NULL.
 */
FERRY_API int ferry_fs_root_fd(const ferry_fs_root *root);

#ifdef __cplusplus
}
#endif
#endif
