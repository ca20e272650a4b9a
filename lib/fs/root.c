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
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/options.h"
#include "fs/place.h"
#include "fs/run.h"
#include "fs/status.h"

struct ferry_fs_root {
	_Atomic uint32_t refs;
	int fd;
	const struct ferry_loop *loop; /* compared only */
	ferry_fs_root_options options;
	uint64_t mount, unique_mount;  /* ids of its mount, either way; 0: not told */
	/* The loop's thread only. */
	struct hits hits;
	uint64_t version;              /* of the table that entry is in */
	const struct mount_entry *entry;
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
	}
	return root->entry;
}

/* ---- held ---- */

ferry_fs_root *ferry_fs_root_ref(ferry_fs_root *root)
{
	/* Relaxed: whoever refs has a reference, so it cannot be freed meanwhile. */
	if (root)
		atomic_add_relaxed(&root->refs, 1);
	return root;
}

ferry_fs_root *ferry_fs_root_unref(ferry_fs_root *root)
{
	/*
	 * [last-unref] acq_rel, partner: the other holders' unrefs: their uses of the
	 * descriptor happen before it is closed.
	 */
	if (root && atomic_sub_acq_rel(&root->refs, 1) == 1) {
		close(root->fd);
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

/* Closing an O_PATH descriptor asks no filesystem. */
static const ferry_disposer dispose_root = { FERRY_DISPOSE_ANYWHERE, root_dispose };

int run_root_open(struct request *request, ferry_result *out)
{
	struct ferry_fs_root *root = memory_new_zeroed(sizeof(*root));
	struct statx status;
	int fd;

	if (!root)
		return -ENOMEM;
	memcpy(&root->options, request->call.data, sizeof(root->options));
	fd = open(request->call.path,
		  O_PATH | O_DIRECTORY | O_CLOEXEC | (root->options.no_follow ? O_NOFOLLOW : 0));
	if (fd < 0) {
		int error = -errno;

		memory_free(root);
		return error;
	}
	/* Relaxed: nobody else has seen it yet. */
	atomic_store_relaxed(&root->refs, 1);
	root->fd = fd;
	root->loop = local_loop(request->local);
	root->hits.rate = HITS_ALL;
	/* Asked with what it may know already: only the mount is wanted. */
	if (status_of(fd, AT_STATX_DONT_SYNC, STATUS_MOUNT, &status) == 0 &&
	    status.stx_mask & STATUS_MOUNT)
		root->mount = status.stx_mnt_id;
	if (status_of(fd, AT_STATX_DONT_SYNC, STATUS_UNIQUE_MOUNT, &status) == 0 &&
	    status.stx_mask & STATUS_UNIQUE_MOUNT)
		root->unique_mount = status.stx_mnt_id;
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
