/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library's file calls as a contestant: ferry_fs_stat(), and a done-callback. */
#include "file_setting.h"
#include "workload.h"

#include <errno.h>
#include <string.h>

static void on_done(ferry_local *local, void *user)
{
	int error = -ferry_error_errno(ferry_local_snapshot(local).exception);

	ferry_local_unref(local);
	workload_done(user, 0, error);
}

static void submit(struct workload_run *run, unsigned slot)
{
	struct file_setting *setting = run->context;
	ferry_local *local = ferry_fs_stat(setting->loop, setting->pool, workload_next_path(run),
					   &setting->options);

	(void)slot;
	if (!local)
		bench_fail("ferry_fs_stat: %s", strerror(errno));
	bench_check(ferry_local_add_done_callback(local, on_done, run),
		    "ferry_local_add_done_callback");
}

static void run_loop(struct workload_run *run)
{
	struct file_setting *setting = run->context;

	bench_check(ferry_loop_run(setting->loop), "ferry_loop_run");
}

void workload_files(const struct bench_case *self, struct bench_sample *sample)
{
	static const struct workload_contestant contestant = { submit, run_loop };
	const struct workload *workload = self->argument;
	struct file_setting setting;
	struct workload_run run = {
		.workload = workload,
		.contestant = &contestant,
		.context = &setting,
		.sample = sample,
	};

	file_setting_open(&setting, workload->threads, (ferry_fs_policy)workload->policy,
			  workload->depth);
	workload_warm_up(&run);
	file_setting_begin(&setting);
	workload_measure(&run);
	sample->values[workload_first_value(workload)] =
		file_setting_share_inline(&setting, sample->operations);
	if (workload->policy == FERRY_FS_INLINE)
		file_setting_expect_hits(&setting, sample->operations);
	file_setting_close(&setting);
}
