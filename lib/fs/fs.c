/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a loop knows of filesystems.
 *
 * The loop's thread only, but the table of mounts, which a worker reads: it is asked for
 * by the first file call of a loop (before the step "submit" of a request), when a mount
 * is met that it does not have, and when the kernel says that it has changed. Invariant
 * (S1): classifying a mount asks no filesystem, and until it is classified nothing on it
 * is answered inline.
 */
#include "fs/fs.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/options.h"
#include "fs/health.h"

#define DEFAULT_SLOW_NS 2000000u
#define DEFAULT_COOL_OFF_NS 1000000000u
#define DEFAULT_STUCK_NS 5000000000u
#define DEFAULT_LEND_NS 20000000u
#define DEFAULT_DEPTH 24
/* How often the kernel is asked whether mounts have changed, at most; and how long to wait
 * if the table could not be read, or nothing tells when it changes. */
#define LOOK_EVERY_NS 10000000u
#define READ_AGAIN_NS 1000000000u

/* ---- the table of mounts ---- */

/* What a worker read. */
struct reading {
	struct mounts *mounts;
	int watch;
};

static void reading_dispose(const ferry_result *result)
{
	struct reading *reading = result->pointer;

	memory_free(reading->mounts);
	if (reading->watch >= 0)
		close(reading->watch);
	memory_free(reading);
}

/* Closing a file of /proc waits for nothing. */
static const ferry_disposer dispose_reading = { FERRY_DISPOSE_ANYWHERE, reading_dispose };

static int read_mounts(void *arg, ferry_result *out)
{
	struct reading *reading = memory_new_small(sizeof(*reading));
	int error;

	(void)arg;
	if (!reading)
		return -ENOMEM;
	/* First the watch, then the table: no change between the two is missed. */
	reading->watch = mounts_watch_open();
	error = mounts_read(&reading->mounts);
	if (error) {
		reading->mounts = NULL;
		reading_dispose(&(ferry_result){ .pointer = reading });
		return error;
	}
	*out = ferry_result_pointer(reading, &dispose_reading);
	return 0;
}

static bool is_weak(const struct mount_entry *entry)
{
	return !strncmp(entry->type, "nfs", 3) || !strcmp(entry->type, "9p");
}

static _Atomic uint64_t versions;

/* The accounts of all entries: 0 or -ENOMEM. */
static int list(struct fs *fs, const struct mounts *mounts, struct health **healths)
{
	health_begin_listing(fs);
	for (size_t i = 0; i < mounts->count; i++) {
		healths[i] = health_list(fs, &mounts->entries[i]);
		if (!healths[i])
			return -ENOMEM;
	}
	return 0;
}

/* Puts the new table in the place of the old one: 0 or -ENOMEM. */
static int install(struct fs *fs, struct reading *reading)
{
	struct mounts *mounts = reading->mounts;
	struct health **healths = memory_new_small((mounts->count + 1) * sizeof(struct health *));
	bool weak = false;

	if (!healths)
		return -ENOMEM;
	if (list(fs, mounts, healths) < 0) {
		memory_free(healths);
		/* The old one stays, and its accounts, which takes no memory. */
		if (fs->mounts)
			list(fs, fs->mounts, fs->healths);
		health_end_listing(fs);
		return -ENOMEM;
	}
	for (size_t i = 0; i < mounts->count; i++)
		weak |= is_weak(&mounts->entries[i]);
	memory_free(fs->mounts);
	memory_free(fs->healths);
	if (fs->watch >= 0)
		close(fs->watch);
	fs->mounts = mounts;
	fs->healths = healths;
	fs->watch = reading->watch;
	fs->weak = weak;
	/* Of all loops: a root may outlive its own. Relaxed: each number is given once. */
	fs->version = atomic_add_relaxed(&versions, 1) + 1;
	reading->mounts = NULL;
	reading->watch = -1;
	health_end_listing(fs);
	return 0;
}

static void mounts_arrived(ferry_local *local, void *user)
{
	struct fs *fs = user;
	ferry_result result;
	uint64_t now = clock_now();
	int error;

	/* That it could not be read is nobody's business: it is read again later. */
	(void)ferry_local_snapshot(local);
	error = ferry_local_take(local, &result);
	fs->reading = false;
	if (!error) {
		fs->counters.mount_reads++;
		error = install(fs, result.pointer);
		reading_dispose(&result);
	}
	fs->look_ns = now + (error || fs->watch < 0 ? READ_AGAIN_NS : LOOK_EVERY_NS);
}

void fs_read_mounts(struct fs *fs, ferry_pool *pool)
{
	ferry_local *local;

	if (fs->reading)
		return;
	local = ferry_offload(fs->loop, pool, read_mounts, NULL, NULL);
	if (!local)
		return;
	fs->reading = true;
	if (ferry_local_add_done_callback(local, mounts_arrived, fs) < 0)
		fs->reading = false;
	ferry_local_unref(local);
}

void fs_read_mounts_now(struct fs *fs)
{
	ferry_result result;

	/* What a worker is to read may be queued behind what is held up. */
	if (fs->mounts && !fs->reading && fs->watch >= 0 && !mounts_watch_changed(fs->watch))
		return;
	if (read_mounts(NULL, &result) < 0)
		return;
	fs->counters.mount_reads++;
	(void)install(fs, result.pointer);
	reading_dispose(&result);
}

void fs_look(struct fs *fs, ferry_pool *pool, uint64_t now_ns)
{
	if (now_ns < fs->look_ns)
		return;
	fs->look_ns = now_ns + LOOK_EVERY_NS;
	if (!fs->mounts || fs->watch < 0 || mounts_watch_changed(fs->watch))
		fs_read_mounts(fs, pool);
}

/* ---- made and freed ---- */

static void fs_free(struct ferry_loop *loop)
{
	struct fs *fs = loop->fs;

	loop->fs = NULL;
	loop->end_fs = NULL;
	health_free_all(fs);
	memory_free(fs->mounts);
	memory_free(fs->healths);
	if (fs->watch >= 0)
		close(fs->watch);
	memory_free(fs);
}

static void complete_settings(ferry_fs_settings *settings)
{
	if (!settings->slow_ns)
		settings->slow_ns = DEFAULT_SLOW_NS;
	if (!settings->cool_off_ns)
		settings->cool_off_ns = DEFAULT_COOL_OFF_NS;
	if (!settings->stuck_ns)
		settings->stuck_ns = DEFAULT_STUCK_NS;
	if (!settings->lend_ns)
		settings->lend_ns = DEFAULT_LEND_NS;
	if (!settings->depth)
		settings->depth = DEFAULT_DEPTH;
}

struct fs *fs_of(struct ferry_loop *loop)
{
	struct fs *fs = loop->fs;

	if (fs)
		return fs;
	fs = memory_new_zeroed(sizeof(*fs));
	if (!fs)
		return NULL;
	fs->loop = loop;
	fs->watch = -1;
	fs->turn = UINT64_MAX;
	fs->hits.rate = fs->read_hits.rate = HITS_ALL;
	CDS_INIT_LIST_HEAD(&fs->all);
	CDS_INIT_LIST_HEAD(&fs->elsewhere);
	complete_settings(&fs->settings);
	loop->fs = fs;
	loop->end_fs = fs_free;
	health_begin(fs);
	return fs;
}

int ferry_fs_configure(ferry_loop *loop, const ferry_fs_settings *given)
{
	ferry_fs_settings settings;
	struct fs *fs;
	int error = loop_check(loop);

	if (!error)
		error = options_read(&settings, sizeof(settings), given);
	if (error)
		return error;
	fs = fs_of(loop);
	if (!fs)
		return -ENOMEM;
	complete_settings(&settings);
	fs->settings = settings;
	health_configured(fs);
	return 0;
}
