/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_PEER_UV_H
#define PERF_PEER_UV_H
/*
 * libuv's uv_queue_work() and uv_fs_stat() as contestants. Compiled against libuv where it is
 * found (PERF_HAVE_LIBUV); elsewhere its cases are skipped and say why.
 */
#include "bench.h"

/* How perf/submit submits, the library and libuv alike. */
#define PEER_UV_BATCH 4096
#define PEER_UV_THREADS 2
#define PEER_UV_TIME_TO_SLEEP (100 * BENCH_MICROSECOND)

#ifdef PERF_HAVE_LIBUV
#define PEER_UV_SKIP NULL
/** bench_case.run; the argument is a struct workload. */
void peer_uv(const struct bench_case *self, struct bench_sample *sample);
/** The same by uv_fs_stat(). */
void peer_uv_stat(const struct bench_case *self, struct bench_sample *sample);
/** bench_case.run of perf/submit: batches while all threads are held at a gate. */
void peer_uv_submit_busy(const struct bench_case *self, struct bench_sample *sample);
/** bench_case.run of perf/submit: one request at a time to sleeping threads. */
void peer_uv_submit_asleep(const struct bench_case *self, struct bench_sample *sample);
/** Bytes of a request that its user must provide. */
size_t peer_uv_request_bytes(void);
#else
#define PEER_UV_SKIP "libuv was not found when this was built (Debian: libuv1-dev)"
#define peer_uv NULL
#define peer_uv_stat NULL
#define peer_uv_submit_busy NULL
#define peer_uv_submit_asleep NULL
static inline size_t peer_uv_request_bytes(void)
{
	return 0;
}
#endif

#endif
