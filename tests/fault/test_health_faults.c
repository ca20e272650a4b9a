/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * E3, S2 in what a loop knows of mounts: each failure of memory while a new table of mounts comes,
 * and while a call waits for a place on a remote one. The old table stays, and so do the accounts
 * that it leads to; a call ends once, and is counted once.
 */
#include <fcntl.h>
#include <sys/mount.h>

#include "fault/trial.h"
#include "support/namespace.h"

struct scene {
	ferry_loop *loop;
	ferry_pool *pool;
	ferry_local *locals[3];
	int fds[3];
};

static _Atomic unsigned released;

static void release(void *path)
{
	(void)path;
	released++;
}

/* A call on the remote mount that waits for nobody: it closes what was opened with O_PATH. */
static ferry_local *call_there(struct scene *scene, int which)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;

	options.policy = FERRY_FS_POOL;
	return ferry_fs_close(scene->loop, scene->pool, scene->fds[which], &options);
}

static ferry_local *call_here(struct scene *scene)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;

	options.policy = FERRY_FS_POOL;
	options.borrow_path = 1;
	options.release = release;
	options.deadline_ns = ferry_in_ns(3600000000000u);
	return ferry_fs_stat(scene->loop, scene->pool, "/", &options);
}

static void run(struct scene *scene, ferry_local *local)
{
	program_check(local && ferry_loop_run_until(scene->loop, local) == 0, "no call");
	(void)ferry_local_snapshot(local);
	ferry_local_unref(local);
}

static void prepare(struct scene *scene)
{
	ferry_fs_settings settings = FERRY_FS_SETTINGS_INIT;

	scene->loop = fixture_loop();
	scene->pool = fixture_pool(1);
	settings.most_at_once = 1;
	program_check(ferry_fs_configure(scene->loop, &settings) == 0, "no settings");
	run(scene, call_here(scene));
	program_check(ferry_loop_run(scene->loop) == 0, "the mounts are not read");
	for (int i = 0; i < 3; i++) {
		scene->fds[i] = open(folder_path("remote"), O_PATH | O_CLOEXEC);
		program_check(scene->fds[i] >= 0, "no descriptor");
	}
	namespace_mount("tmpfs", "new", 0, NULL);
	released = 0;
}

/* The table changes, and is read as soon as a call comes after a while. */
static int act(struct scene *scene)
{
	int lost = 0;

	fault_advance_clock(20000000);
	for (int i = 0; i < 3; i++) {
		scene->locals[i] = i < 2 ? call_there(scene, i) : call_here(scene);
		lost += !scene->locals[i];
	}
	program_check(ferry_loop_run(scene->loop) == 0, "something is left");
	return lost ? -ENOMEM : 0;
}

static int find_remote(const ferry_fs_mount *mount, void *found)
{
	program_check(!mount->under_way && !mount->waiting && !mount->is_stuck, "a lost call");
	*(int *)found |= mount->is_remote;
	return 0;
}

static void judge(struct scene *scene, int result, unsigned n)
{
	ferry_fs_counters counters;
	int found = 0;

	program_check(n || !result, "refused for nothing");
	program_check(released == (scene->locals[2] != NULL), "released %u times (L4)", released);
	for (int i = 0; i < 3; i++) {
		if (i < 2)
			program_check((fcntl(scene->fds[i], F_GETFD) < 0) == !!scene->locals[i],
				      "a descriptor is taken without a local, or left with one");
		(void)ferry_local_snapshot(scene->locals[i]);
		ferry_local_unref(scene->locals[i]);
		if (i < 2 && fcntl(scene->fds[i], F_GETFD) >= 0)
			close(scene->fds[i]);
	}
	/* The accounts are still there. */
	run(scene, call_there(scene, 2));
	program_check(ferry_fs_each_mount(scene->loop, find_remote, &found) == 0 && found,
		      "the remote mount is lost");
	program_check(ferry_fs_stats(scene->loop, &counters) == 0, "no counters");
	program_check(counters.calls == counters.hits + counters.pooled + counters.waiting +
						counters.refused,
		      "the counters do not add up");
	program_check(!counters.under_way && !counters.waiting, "a call is counted for ever");
	program_check(umount(folder_path("new")) == 0, "the new mount stays");
	run(scene, call_here(scene));
	program_check(ferry_loop_run(scene->loop) == 0, "something is left");
	fixture_end(scene->loop, scene->pool);
}

static int in_namespace(void)
{
	if (!namespace_mount_fuse("remote", "fuse.ferry"))
		return NAMESPACE_NONE;
	TRIAL("a new table of mounts, and a call that waits, without memory", FAULT_MEMORY, -ENOMEM,
	      prepare, act, judge);
	fflush(NULL);
	return 0;
}

int main(int argc, char **argv)
{
	int status;

	program_begin(argc, argv, "each failure of memory in what is known of mounts (E3, S2)", 1,
		      1);
	status = namespace_run(in_namespace);
	if (status == NAMESPACE_NONE)
		printf("skipped: no right to mount a filesystem\n");
	return status;
}
