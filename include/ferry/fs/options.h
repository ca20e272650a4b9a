/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_FS_OPTIONS_H
#define FERRY_FS_OPTIONS_H
/*
 * What all file calls have in common: where they are made, and how long they may wait.
 */
#include <ferry/bridge.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A directory that calls go below; see <ferry/fs/root.h>. Opaque, counted. */
typedef struct ferry_fs_root ferry_fs_root;

/** Where a call is made. The numbers are ABI. */
typedef enum ferry_fs_policy {
	FERRY_FS_INHERIT = 0, /* as the root says; without a root: AUTO */
	FERRY_FS_AUTO = 1,    /* inline while few calls are under way and most of them hit; else
				 on the pool, which is cheaper for many at a time */
	FERRY_FS_INLINE = 2,  /* inline whenever the kernel has the answer in its caches */
	FERRY_FS_POOL = 3     /* on the pool, always */
} ferry_fs_policy;

/** May the attributes of a file on a remote mount (a network, a daemon) be old? ABI. */
typedef enum ferry_fs_freshness {
	FERRY_FS_FRESHNESS_INHERIT = 0, /* as the root says; without a root: FRESH */
	FERRY_FS_FRESH = 1, /* remote files are asked for on the pool, as stat() would */
	FERRY_FS_STALE = 2  /* what the kernel last heard is good enough, however old */
} ferry_fs_freshness;

/** Options of a file call. Zero means the default of each field. */
typedef struct ferry_fs_options {
	size_t size;          /* sizeof(ferry_fs_options) */
	ferry_lane *lane;     /* NULL: the pool's lane for this kind of call: fs, or dns */
	uint64_t deadline_ns; /* absolute; still queued then: TIMED_OUT, never run; 0: none */
	int borrow_path;      /* 1: paths, and data to be written, are not copied: what the call was
				 given pointers to must stay valid until release */
	void (*release)(void *path); /* with borrow_path only: called once when all that was lent,
					descriptors too, is free again, with the first pointer
					that the call was given, or, if it was given none, the
					descriptor as one; on any thread, within the call itself
					too; must not block; NULL: none */
	ferry_fs_root *root;         /* paths are looked up below it, and leave it nowhere; of a
					call by descriptor only its policy and freshness count;
					NULL: paths as usual */
	ferry_fs_policy policy;
	ferry_fs_freshness freshness;
	int interruptible;           /* 1: cancelled while it runs, the call is interrupted by the
					pool's interrupt_signal, which that must have */
} ferry_fs_options;
#define FERRY_FS_OPTIONS_INIT                                                             \
	{                                                                                  \
		sizeof(ferry_fs_options), NULL, 0, 0, NULL, NULL, FERRY_FS_INHERIT,        \
			FERRY_FS_FRESHNESS_INHERIT, 0                                      \
	}

#ifdef __cplusplus
}
#endif
#endif
