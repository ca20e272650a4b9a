/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Roots: directories that calls go below.
 *
 * Opened on a worker, used on the loop's thread and, as a descriptor, on workers; let go
 * on any thread. Invariant: the descriptor is open as long as a call that was given the
 * root may use it: each holds a reference until its function has returned.
 */
#include "fs/root.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/options.h"
#include "fs/cached.h"
#include "fs/place.h"
#include "fs/run.h"
#include "fs/status.h"

struct ferry_fs_root {
	_Atomic uint32_t refs;
	int fd;
	const struct ferry_loop *loop; /* compared only */
	struct core *core;             /* of the pool that opened it, held: for what may block */
	ferry_fs_root_options options;
	uint64_t mount, unique_mount;  /* ids of its mount, either way; 0: not told */
	/* The loop's thread only. */
	struct hits hits;
	uint64_t version;              /* of the table that entry is in */
	const struct mount_entry *entry;
	bool any_remote_below;         /* in that table */
	char path[];                   /* where it was when it was opened; "": not told */
};

int root_check(const struct ferry_fs_root *root, const struct ferry_loop *loop)
{
	return !root || root->loop == loop ? 0 : -EINVAL;
}

int root_descriptor(const struct ferry_fs_root *root)
{
	return root->fd;
}

const ferry_fs_root_options *root_options(const struct ferry_fs_root *root)
{
	return &root->options;
}

struct hits *root_hits(struct ferry_fs_root *root)
{
	return &root->hits;
}

const struct mount_entry *root_mount(const struct fs *fs, struct ferry_fs_root *root)
{
	if (!fs->mounts)
		return NULL;
	if (root->version != fs->version) {
		root->entry = mounts_by_id(fs->mounts, fs->mounts->unique ? root->unique_mount
									  : root->mount);
		root->version = fs->version;
		root->any_remote_below =
			root->entry && *root->path &&
			mounts_any_remote_below(fs->mounts, root->entry, root->path);
	}
	return root->entry;
}

const struct mount_entry *root_mount_of(const struct fs *fs, struct ferry_fs_root *root,
					const char *path)
{
	const struct mount_entry *entry = root_mount(fs, root);

	return root->any_remote_below ? mounts_below(fs->mounts, entry, root->path, path) : entry;
}

/* ---- held ---- */

ferry_fs_root *ferry_fs_root_ref(ferry_fs_root *root)
{
	/* Relaxed: whoever refs has a reference, so it cannot be freed meanwhile. */
	if (root)
		atomic_add_relaxed(&root->refs, 1);
	return root;
}

/* A directory that was removed meanwhile may take long to free: not on a loop's thread. */
static void leave(const struct ferry_fs_root *root)
{
	struct statx status;
	int error = status_of(root->fd, AT_STATX_DONT_SYNC, STATX_NLINK, &status);

	cached_leave(root->core, root->fd, error ? NULL : &status);
}

ferry_fs_root *ferry_fs_root_unref(ferry_fs_root *root)
{
	/*
	 * [last-unref] acq_rel, partner: the other holders' unrefs: their uses of the
	 * descriptor happen before it is closed.
	 */
	if (root && atomic_sub_acq_rel(&root->refs, 1) == 1) {
		leave(root);
		root->core->home.unref(&root->core->home);
		memory_free(root);
	}
	return NULL;
}

int ferry_fs_root_fd(const ferry_fs_root *root)
{
	return root ? root->fd : -EINVAL;
}

/* ---- opened ---- */

static void root_dispose(const ferry_result *result)
{
	ferry_fs_root_unref(result->pointer);
}

/* Closing an O_PATH descriptor asks no filesystem, and what it could free is left to a worker. */
static const ferry_disposer dispose_root = { FERRY_DISPOSE_ANYWHERE, root_dispose };

/* The path of an open directory, as this process sees it; "" where that is not told. Asks no
 * filesystem. */
static void path_of(int fd, char path[PATH_MAX])
{
	char link[48];
	ssize_t length;

	/* Not /proc/self: that is gone with the thread that began the process. */
	snprintf(link, sizeof(link), "/proc/thread-self/fd/%d", fd);
	length = readlink(link, path, PATH_MAX - 1);
	path[length > 0 ? length : 0] = 0;
	if (*path != '/')
		*path = 0;
}

static void read_mount_ids(struct ferry_fs_root *root)
{
	struct statx status;

	/* Asked with what it may know already: only the mount is wanted. */
	if (status_of(root->fd, AT_STATX_DONT_SYNC, STATUS_MOUNT, &status) == 0 &&
	    status.stx_mask & STATUS_MOUNT)
		root->mount = status.stx_mnt_id;
	if (status_of(root->fd, AT_STATX_DONT_SYNC, STATUS_UNIQUE_MOUNT, &status) == 0 &&
	    status.stx_mask & STATUS_UNIQUE_MOUNT)
		root->unique_mount = status.stx_mnt_id;
}

int run_root_open(struct request *request, ferry_result *out)
{
	ferry_fs_root_options options;
	struct ferry_fs_root *root;
	char path[PATH_MAX];
	int fd;

	memcpy(&options, request->call.data, sizeof(options));
	fd = open(request->call.path,
		  O_PATH | O_DIRECTORY | O_CLOEXEC | (options.no_follow ? O_NOFOLLOW : 0));
	if (fd < 0)
		return -errno;
	path_of(fd, path);
	root = memory_new_zeroed(sizeof(*root) + strlen(path) + 1);
	if (!root) {
		close(fd);
		return -ENOMEM;
	}
	/* Relaxed: nobody else has seen it yet. */
	atomic_store_relaxed(&root->refs, 1);
	root->fd = fd;
	root->options = options;
	root->loop = local_loop(request->local);
	root->core = request_core(request);
	root->core->home.ref(&root->core->home);
	root->hits.rate = HITS_ALL;
	strcpy(root->path, path);
	read_mount_ids(root);
	*out = ferry_result_pointer(root, &dispose_root);
	return 0;
}

static int check_options(const ferry_fs_root_options *given, ferry_fs_root_options *options)
{
	int error = options_read(options, sizeof(*options), given);

	if (!error && ((unsigned)options->policy > FERRY_FS_POOL ||
		       (unsigned)options->freshness > FERRY_FS_STALE ||
		       (unsigned)options->trust > FERRY_FS_TRUST_UNCHANGING))
		error = -EINVAL;
	return error;
}

ferry_local *ferry_fs_root_open(ferry_loop *loop, ferry_pool *pool, const char *path,
				const ferry_fs_root_options *root_options,
				const ferry_fs_options *options)
{
	ferry_fs_root_options read;
	struct call call = { .operation = &operations[OPERATION_ROOT_OPEN], .path = path,
			     .data = &read, .count = sizeof(read) };
	int error = check_options(root_options, &read);

	if (error) {
		errno = -error;
		return NULL;
	}
	return request_begin(loop, pool, &call, options);
}
