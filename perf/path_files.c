/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hot paths of file calls: answered inline, given to the pool, tried in vain. */
#include "path.h"

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* One file in a directory of its own, made for each call of a path: a name in there that is not
 * is one that the kernel never heard of. */
#define PATH_BYTES 128
static char directory[PATH_BYTES], file[PATH_BYTES + 8];
static ferry_fs_options inline_options = FERRY_FS_OPTIONS_INIT;
static ferry_fs_options pool_options = FERRY_FS_OPTIONS_INIT;
static uint64_t hits;

/* ---- the paths ---- */

static void use_local(struct setting *setting, ferry_local *local)
{
	if (ferry_local_snapshot(local).exception)
		setting->arrived++;
	ferry_local_unref(local);
}

void path_stat_inline(struct setting *setting, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		use_local(setting,
			  ferry_fs_stat(setting->loop, setting->pool, file, &inline_options));
}

static int64_t take_later(struct setting *setting, ferry_local *local)
{
	ferry_result result;

	bench_check(ferry_loop_run(setting->loop), "ferry_loop_run");
	bench_check(ferry_local_take(local, &result), "ferry_local_take");
	return result.i64;
}

void path_open_close_inline(struct setting *setting, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		ferry_local *local = ferry_fs_open(setting->loop, setting->pool, "file", O_RDONLY,
						   0, &inline_options);
		ferry_result result;

		if (ferry_local_take(local, &result) < 0) /* a miss */
			result.i64 = take_later(setting, local);
		ferry_local_unref(local);
		use_local(setting, ferry_fs_close(setting->loop, setting->pool, (int)result.i64,
						  &inline_options));
	}
}

void path_stat_pool(struct setting *setting, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		setting->locals[i] =
			ferry_fs_stat(setting->loop, setting->pool, "file", &pool_options);
}

void path_stat_miss(struct setting *setting, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		setting->locals[i] =
			ferry_fs_stat(setting->loop, setting->pool, "gone", &inline_options);
}

/* ---- before and after each call ---- */

static uint64_t count_hits(struct setting *setting)
{
	ferry_fs_counters counters;

	bench_check(ferry_fs_stats(setting->loop, &counters), "ferry_fs_stats");
	return counters.hits;
}

static int note_remote(const ferry_fs_mount *mount, void *user)
{
	struct setting *setting = user;

	setting->remote |= mount->is_remote;
	return 0;
}

static int unmount_if_remote(const ferry_fs_mount *mount, void *user)
{
	(void)user;
	if (mount->is_remote)
		umount2(mount->point, MNT_DETACH); /* those that stay are noted */
	return 0;
}

void unmount_remote_mounts(struct setting *setting)
{
	ferry_local_unref(ferry_fs_stat(setting->loop, setting->pool, "/", NULL));
	bench_check(ferry_loop_run(setting->loop), "ferry_loop_run");
	bench_check(ferry_fs_each_mount(setting->loop, unmount_if_remote, NULL),
		    "ferry_fs_each_mount");
}

static void make_file(void)
{
	const char *parent = getenv("TMPDIR");
	int fd;

	snprintf(directory, sizeof(directory), "%s/ferry-path-XXXXXX",
		 parent && *parent ? parent : "/tmp");
	if (!mkdtemp(directory))
		bench_fail("cannot make a directory: %s", strerror(errno));
	snprintf(file, sizeof(file), "%s/file", directory);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		bench_fail("cannot make a file: %s", strerror(errno));
	close(fd);
}

/* The loop has the table of its mounts when this returns. */
static void open_root(struct setting *setting)
{
	ferry_fs_root_options options = FERRY_FS_ROOT_OPTIONS_INIT;
	ferry_local *local;
	ferry_result result;

	options.trust = FERRY_FS_TRUST_UNCHANGING;
	local = ferry_fs_root_open(setting->loop, setting->pool, directory, &options, NULL);
	bench_check(ferry_loop_run(setting->loop), "ferry_loop_run");
	bench_check(ferry_local_take(local, &result), "ferry_local_take");
	ferry_local_unref(local);
	inline_options.root = result.pointer;
}

void prepare_files(struct setting *setting, unsigned count)
{
	ferry_fs_settings settings = FERRY_FS_SETTINGS_INIT;

	(void)count;
	/* Under callgrind nothing is fast. */
	settings.slow_ns = FERRY_NO_DEADLINE;
	bench_check(ferry_fs_configure(setting->loop, &settings), "ferry_fs_configure");
	inline_options.policy = FERRY_FS_INLINE;
	pool_options.policy = FERRY_FS_POOL;
	make_file();
	open_root(setting);
	bench_check(ferry_fs_each_mount(setting->loop, note_remote, setting),
		    "ferry_fs_each_mount");
	setting->arrived = 0;
	hits = count_hits(setting);
}

static void remove_file(void)
{
	unlink(file);
	rmdir(directory);
}

void prepare_files_by_path(struct setting *setting, unsigned count)
{
	prepare_files(setting, count);
	inline_options.root = ferry_fs_root_unref(inline_options.root);
}

/* Who renames or mounts anything at that moment makes the kernel give up: a miss. */
void finish_files(struct setting *setting, unsigned count)
{
	uint64_t calls = (inline_options.root ? 2 : 1) * (uint64_t)count;

	inline_options.root = ferry_fs_root_unref(inline_options.root);
	bench_check(ferry_loop_run(setting->loop), "ferry_loop_run");
	remove_file();
	if (setting->arrived || count_hits(setting) - hits < calls - calls / 100)
		bench_fail("file calls were not answered inline");
}

/* Below a root: by path the mount is looked for wherever there is a remote one. */
void prepare_files_behind_gate(struct setting *setting, unsigned count)
{
	prepare_files(setting, count);
	pool_options.root = inline_options.root;
	gate_close(&setting->gate, setting->pool);
}

void end_file_calls(struct setting *setting, unsigned count)
{
	bool hit = count_hits(setting) != hits;

	gate_open(&setting->gate);
	bench_check(ferry_loop_run(setting->loop), "ferry_loop_run");
	for (unsigned i = 0; i < count; i++)
		use_local(setting, setting->locals[i]);
	pool_options.root = inline_options.root = ferry_fs_root_unref(inline_options.root);
	remove_file();
	if (hit || (setting->arrived && setting->arrived != count))
		bench_fail("a file call did not go to the pool");
}
