/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A loop and a pool for file calls. */
#include "file_setting.h"
#include "bench.h"

#include <errno.h>
#include <string.h>

/* Somebody else who has the CPU for a while, in the midst of a call, makes no mount slow. */
#define NEVER_SLOW_NS BENCH_SECOND

static ferry_fs_counters counters_of(const struct file_setting *setting)
{
	ferry_fs_counters counters;

	bench_check(ferry_fs_stats(setting->loop, &counters), "ferry_fs_stats");
	return counters;
}

/* The first call of a loop has the table of its mounts read; a loop that ran has it. */
static void read_mounts(struct file_setting *setting)
{
	ferry_local *local = ferry_fs_stat(setting->loop, setting->pool, "/", NULL);

	if (!local)
		bench_fail("ferry_fs_stat: %s", strerror(errno));
	bench_check(ferry_loop_run(setting->loop), "ferry_loop_run");
	ferry_local_unref(local);
	if (counters_of(setting).mount_reads != 1)
		bench_fail("the table of mounts was not read");
}

void file_setting_open(struct file_setting *setting, unsigned threads, ferry_fs_policy policy,
		       unsigned depth)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_fs_settings settings = FERRY_FS_SETTINGS_INIT;

	options.min_threads = options.max_threads = threads;
	settings.depth = depth;
	settings.slow_ns = NEVER_SLOW_NS;
	bench_check(ferry_pool_new(&options, &setting->pool), "ferry_pool_new");
	bench_check(ferry_loop_new(NULL, &setting->loop), "ferry_loop_new");
	bench_check(ferry_fs_configure(setting->loop, &settings), "ferry_fs_configure");
	setting->options = (ferry_fs_options)FERRY_FS_OPTIONS_INIT;
	setting->options.policy = policy;
	read_mounts(setting);
}

void file_setting_go_below(struct file_setting *setting, const char *directory,
			   ferry_fs_trust trust)
{
	ferry_fs_root_options options = FERRY_FS_ROOT_OPTIONS_INIT;
	ferry_local *local;
	ferry_result result;

	options.trust = trust;
	local = ferry_fs_root_open(setting->loop, setting->pool, directory, &options, NULL);
	if (!local)
		bench_fail("ferry_fs_root_open: %s", strerror(errno));
	bench_check(ferry_loop_run(setting->loop), "ferry_loop_run");
	bench_check(ferry_local_take(local, &result), "ferry_local_take");
	ferry_local_unref(local);
	setting->options.root = result.pointer;
}

void file_setting_close(struct file_setting *setting)
{
	setting->options.root = ferry_fs_root_unref(setting->options.root);
	bench_check(ferry_loop_free(setting->loop), "ferry_loop_free");
	bench_check(ferry_pool_shutdown(setting->pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE),
		    "ferry_pool_shutdown");
	ferry_pool_free(setting->pool);
}

void file_setting_begin(struct file_setting *setting)
{
	setting->hits = counters_of(setting).hits;
}

double file_setting_share_inline(const struct file_setting *setting, uint64_t calls)
{
	return (double)(counters_of(setting).hits - setting->hits) / (double)calls;
}

void file_setting_expect_hits(const struct file_setting *setting, uint64_t hits)
{
	uint64_t hit = counters_of(setting).hits - setting->hits;

	/* What is evicted meanwhile misses. */
	if (hit < hits - hits / 100)
		bench_skip("of %llu calls %llu were answered inline: not on this filesystem, or "
			   "kernel",
			   (unsigned long long)hits, (unsigned long long)hit);
}
