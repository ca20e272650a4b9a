/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/one_stat: how long one stat takes when nothing else is in flight, and what CPU time:
 * answered inline, made on the pool, by libuv, and by the thread that wants to know. All on
 * two CPUs, the scheduler decides between them.
 *
 * A case is called by who
 *   direct           statx() by the thread itself, which may block
 *   handoff          a futex to a bare thread, its stat(), eventfd and epoll back: the floor
 *                    of all that do not
 *   uv_fs_stat       libuv
 *   pool             the library, never inline
 *   inline           the library, answered inline, and looked at when the call returns
 *   inline_callback  the same, told by a done-callback, from the loop
 *   inline_task      the same, awaited by a task
 */
#include "bench.h"
#include "file_setting.h"
#include "files.h"
#include "handoff.h"
#include "peer_uv.h"
#include "workload.h"

#include <ferry/task.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 2
#define WARM_UP FILES_COUNT

/* ---- by the thread itself ---- */

static void stat_direct(uint64_t number)
{
	struct statx status;

	if (syscall(SYS_statx, AT_FDCWD, files_path(number), 0, STATX_BASIC_STATS | STATX_BTIME,
		    &status) < 0)
		bench_fail("statx: %s", strerror(errno));
}

static void run_direct(const struct bench_case *self, struct bench_sample *sample)
{
	(void)self;
	for (uint64_t i = 0; i < WARM_UP; i++)
		stat_direct(i);
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++) {
		uint64_t begun = bench_now();

		stat_direct(i);
		bench_latency(sample, bench_now() - begun);
	}
	bench_stop(sample);
	bench_latency_values(sample);
}

/* ---- inline, looked at at once ---- */

static void stat_inline(struct file_setting *setting, uint64_t number)
{
	ferry_local *local = ferry_fs_stat(setting->loop, setting->pool, files_path(number),
					   &setting->options);

	if (ferry_local_snapshot(local).exception)
		bench_fail("ferry_fs_stat failed");
	ferry_local_unref(local);
}

static void run_inline(const struct bench_case *self, struct bench_sample *sample)
{
	struct file_setting setting;

	(void)self;
	file_setting_open(&setting, THREADS, FERRY_FS_INLINE, 0);
	for (uint64_t i = 0; i < WARM_UP; i++)
		stat_inline(&setting, i);
	file_setting_begin(&setting);
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++) {
		uint64_t begun = bench_now();

		stat_inline(&setting, i);
		bench_latency(sample, bench_now() - begun);
	}
	bench_stop(sample);
	file_setting_expect_hits(&setting, sample->operations);
	bench_latency_values(sample);
	file_setting_close(&setting);
}

/* ---- awaited by a task ---- */

struct asker {
	FERRY_FRAME;
	ferry_await answer;
	struct file_setting *setting;
	struct bench_sample *sample; /* NULL: it warms up */
	uint64_t count, done, begun_ns;
};

static ferry_step ask(ferry_task *task)
{
	FERRY_BEGIN(task, struct asker, f);
	while (f->done < f->count) {
		f->begun_ns = bench_now();
		FERRY_TRY(ferry_await_local(&f->answer,
					    ferry_fs_stat(f->setting->loop, f->setting->pool,
							  files_path(f->done),
							  &f->setting->options)));
		if (f->sample)
			bench_latency(f->sample, bench_now() - f->begun_ns);
		f->done++;
	}
	FERRY_FINALLY
	bench_check(ferry_await_end(&f->answer), "ferry_await_end");
	FERRY_END;
}

static void run_asker(struct file_setting *setting, struct bench_sample *sample, uint64_t count)
{
	struct asker asker = { .setting = setting, .sample = sample, .count = count };

	ferry_task_begin(&asker.task, setting->loop, ask, NULL);
	bench_check(ferry_loop_run(setting->loop), "ferry_loop_run");
	if (asker.done != count)
		bench_fail("a task did not end");
}

static void run_task(const struct bench_case *self, struct bench_sample *sample)
{
	struct file_setting setting;

	(void)self;
	file_setting_open(&setting, THREADS, FERRY_FS_INLINE, 0);
	run_asker(&setting, NULL, WARM_UP);
	file_setting_begin(&setting);
	bench_start(sample);
	run_asker(&setting, sample, sample->operations);
	bench_stop(sample);
	file_setting_expect_hits(&setting, sample->operations);
	bench_latency_values(sample);
	file_setting_close(&setting);
}

/* ---- the cases ---- */

#define ONE_IN_FLIGHT .in_flight = 1, .threads = THREADS, .latencies = true

static const struct handoff handoff = {
	.kind = HANDOFF_FUTEX_EPOLL, .latencies = true, .stat = true,
};
static const struct workload by_uv = { ONE_IN_FLIGHT };
static const struct workload by_pool = { ONE_IN_FLIGHT, .policy = FERRY_FS_POOL };
static const struct workload by_callback = { ONE_IN_FLIGHT, .policy = FERRY_FS_INLINE };

#define CASE(name_, what_, run_, ...)                                                             \
	{                                                                                         \
		.name = name_, .what = what_, .run = run_, .placement = BENCH_TWO_CPUS,           \
		.values = { BENCH_LATENCY_VALUES }, __VA_ARGS__                                   \
	}

static const struct bench_case cases[] = {
	CASE("direct", "statx()", run_direct, .against = NULL),
	CASE("handoff", "futex to a bare thread, stat(), epoll back", handoff_run,
	     .argument = &handoff),
	CASE("uv_fs_stat", "libuv's uv_fs_stat()", peer_uv_stat, .argument = &by_uv,
	     .skip = PEER_UV_SKIP),
	CASE("pool", "ferry_fs_stat(), on the pool", workload_files, .argument = &by_pool,
	     .against = "uv_fs_stat"),
	CASE("inline", "ferry_fs_stat(), inline, looked at at once", run_inline,
	     .against = "uv_fs_stat", .also = "pool"),
	CASE("inline_callback", "the same, and a done-callback", workload_files,
	     .argument = &by_callback, .against = "uv_fs_stat", .also = "pool"),
	CASE("inline_task", "the same, awaited by a task", run_task, .against = "uv_fs_stat",
	     .also = "pool"),
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "one_stat",
		.question = "How long does one stat take, alone, by each way to make it?",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
		.open = files_open,
		.close = files_close,
	};

	return bench_main(&program, argc, argv);
}
