/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libuv as a contestant. Its pool is one for the whole process and takes its size from
 * the environment at first use: every sample has a process of its own.
 */
#include "peer_uv.h"
#include "files.h"
#include "gate.h"
#include "workload.h"

#include <uv.h>

#include <stdio.h>
#include <stdlib.h>

struct slot {
	union { /* first: a slot is found from its request */
		uv_work_t work;
		uv_fs_t call;
	};
	struct workload_run *run;
	const char *path;
	int error;
};

struct uv_side {
	uv_loop_t loop;
	struct slot *slots;
};

static void check_uv(int result, const char *call)
{
	if (result < 0)
		bench_fail("%s: %s", call, uv_strerror(result));
}

static void set_threads(unsigned count)
{
	char threads[16];

	snprintf(threads, sizeof(threads), "%u", count);
	setenv("UV_THREADPOOL_SIZE", threads, 1);
}

static void do_work(uv_work_t *work)
{
	struct slot *slot = (struct slot *)work;

	slot->error = slot->run->workload->stat ? files_stat(slot->path) : 0;
}

static void on_done(uv_work_t *work, int status)
{
	struct slot *slot = (struct slot *)work;
	struct uv_side *side = slot->run->context;

	check_uv(status, "uv_queue_work");
	workload_done(slot->run, (unsigned)(slot - side->slots), slot->error);
}

static void submit(struct workload_run *run, unsigned index)
{
	struct uv_side *side = run->context;
	struct slot *slot = &side->slots[index];

	slot->run = run;
	slot->path = workload_next_path(run);
	check_uv(uv_queue_work(&side->loop, &slot->work, do_work, on_done), "uv_queue_work");
}

static void run_loop(struct workload_run *run)
{
	struct uv_side *side = run->context;

	uv_run(&side->loop, UV_RUN_DEFAULT);
}

static void compete(const struct bench_case *self, struct bench_sample *sample,
		    const struct workload_contestant *contestant)
{
	const struct workload *workload = self->argument;
	struct uv_side side;
	struct workload_run run = {
		.workload = workload,
		.contestant = contestant,
		.context = &side,
		.sample = sample,
	};

	set_threads(workload->threads);
	side.slots = calloc(workload->in_flight, sizeof(*side.slots));
	if (!side.slots)
		bench_fail("out of memory");
	check_uv(uv_loop_init(&side.loop), "uv_loop_init");
	workload_warm_up(&run);
	workload_measure(&run);
	check_uv(uv_loop_close(&side.loop), "uv_loop_close");
	free(side.slots);
}

void peer_uv(const struct bench_case *self, struct bench_sample *sample)
{
	static const struct workload_contestant contestant = { submit, run_loop };

	compete(self, sample, &contestant);
}

/* ---- file calls ---- */

static void on_stat(uv_fs_t *call)
{
	struct slot *slot = (struct slot *)call;
	struct uv_side *side = slot->run->context;
	int error = (int)call->result;

	uv_fs_req_cleanup(call);
	workload_done(slot->run, (unsigned)(slot - side->slots), error);
}

static void submit_stat(struct workload_run *run, unsigned index)
{
	struct uv_side *side = run->context;
	struct slot *slot = &side->slots[index];

	slot->run = run;
	check_uv(uv_fs_stat(&side->loop, &slot->call, workload_next_path(run), on_stat),
		 "uv_fs_stat");
}

void peer_uv_stat(const struct bench_case *self, struct bench_sample *sample)
{
	static const struct workload_contestant contestant = { submit_stat, run_loop };

	compete(self, sample, &contestant);
}

/* ---- submitting alone ---- */

static void hold(uv_work_t *work)
{
	gate_hold(work->data);
}

static void do_nothing(uv_work_t *work)
{
	(void)work;
}

static void on_ignored(uv_work_t *work, int status)
{
	(void)work;
	check_uv(status, "uv_queue_work");
}

void peer_uv_submit_busy(const struct bench_case *self, struct bench_sample *sample)
{
	static uv_work_t works[PEER_UV_BATCH], holding[PEER_UV_THREADS];
	struct gate gate;
	uv_loop_t loop;

	(void)self;
	set_threads(PEER_UV_THREADS);
	check_uv(uv_loop_init(&loop), "uv_loop_init");
	gate_init(&gate, PEER_UV_THREADS);
	/* The first batch starts the threads and is not timed. */
	for (uint64_t submitted = 0; submitted <= sample->operations; submitted += PEER_UV_BATCH) {
		for (unsigned i = 0; i < PEER_UV_THREADS; i++) {
			holding[i].data = &gate;
			check_uv(uv_queue_work(&loop, &holding[i], hold, on_ignored),
				 "uv_queue_work");
		}
		gate_wait_closed(&gate);
		if (submitted > 0)
			bench_start(sample);
		for (unsigned i = 0; i < PEER_UV_BATCH; i++)
			check_uv(uv_queue_work(&loop, &works[i], do_nothing, on_ignored),
				 "uv_queue_work");
		if (submitted > 0)
			bench_stop(sample);
		gate_open(&gate);
		uv_run(&loop, UV_RUN_DEFAULT);
	}
	gate_destroy(&gate);
	check_uv(uv_loop_close(&loop), "uv_loop_close");
}

void peer_uv_submit_asleep(const struct bench_case *self, struct bench_sample *sample)
{
	uv_work_t work;
	uv_loop_t loop;

	(void)self;
	set_threads(PEER_UV_THREADS);
	check_uv(uv_loop_init(&loop), "uv_loop_init");
	for (uint64_t i = 0; i <= sample->operations; i++) {
		bench_yield_until(bench_now() + PEER_UV_TIME_TO_SLEEP);
		/* The first starts the threads. */
		if (i > 0)
			bench_start(sample);
		check_uv(uv_queue_work(&loop, &work, do_nothing, on_ignored), "uv_queue_work");
		if (i > 0)
			bench_stop(sample);
		uv_run(&loop, UV_RUN_DEFAULT);
	}
	check_uv(uv_loop_close(&loop), "uv_loop_close");
}

size_t peer_uv_request_bytes(void)
{
	return sizeof(uv_work_t);
}
