/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_MISUSE_H
#define SUPPORT_MISUSE_H
/*
 * Tables of calls that are wrong, and what each of them gives (E1): its documented return, and
 * nothing changed.
 *
 *   misuse_begin();                                    a stage: pools, loops, futures, locals
 *   GIVES(ferry_loop_run(NULL), -EINVAL);              a row
 *   REFUSED(ferry_pool_submit(...), -ESHUTDOWN, 1);    one that a pool counts as refused
 *   BAD_OPTIONS(ferry_lane_options, ferry_lane_new(stage.pool, options, &ret.lane));
 *   misuse_in_a_job(rows); misuse_in_a_callback(rows); misuse_in_a_child(rows);
 *   misuse_end();                                      every row held, and all still works
 *
 * After each row the outputs, the counters of the pools, those of the loop where they may be
 * read, what was disposed of, stage.things, the descriptors and the threads are compared with
 * those before it. Rows may be on any thread and in a fork's child, one thread at a time; those
 * that do not hold are told on stderr and counted.
 */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "support/work.h"

/* Where outputs would go. Its bytes are those of a pattern, and stay so. */
static struct misuse_ret {
	ferry_pool *pool;
	ferry_lane *lane;
	ferry_map *map;
	ferry_future *future, *futures[2];
	ferry_as_completed *iteration;
	ferry_loop *loop;
	ferry_timer *timer;
	ferry_local *local;
	const ferry_error *error;
	ferry_result result;
	void *item;
	ferry_pool_counters pool_counters;
	ferry_lane_counters lane_counters;
	ferry_loop_counters loop_counters;
	ferry_limiter_counters limiter_counters;
} ret;

static struct misuse_stage {
	ferry_pool *pool, *other_pool; /* two threads, one of which is busy; one thread */
	ferry_lane *lane, *other_lane; /* theirs */
	ferry_loop *loop, *other_loop; /* both of the thread that began */
	ferry_future *promise, *failed; /* pending; done with an exception */
	ferry_future *running;          /* a job at the gate */
	ferry_local *plain, *wrapped;   /* pending: of nobody, and of the promise */
	ferry_local *done, *other;      /* done with a number; the other loop's, pending */
	ferry_timer *timer;             /* does not run */
	const void *things;             /* what else of the test's own must stay as it is */
	size_t things_bytes;
	struct gate gate;
	unsigned rows, wrong;
} stage;

struct misuse_state {
	uint64_t disposed, refused, things;
	int descriptors, can_read_loop, pending;
	unsigned threads;
	ferry_pool_counters pools[2];
	ferry_loop_counters loop;
};

/* What goes on without a call is left out: polls, sleeps, and samples of what ran before. */
static inline void misuse_read_pool(ferry_pool *pool, ferry_pool_counters *counters,
				    uint64_t *refused)
{
	if (!pool || ferry_pool_stats(pool, counters))
		return;
	*refused += counters->refused;
	counters->attempted -= counters->refused;
	counters->refused = counters->wakeups = counters->polls = counters->idle = 0;
	memset(&counters->sampled, 0, sizeof(*counters) - offsetof(ferry_pool_counters, sampled));
}

/* A number that stands for the bytes of the test's own things. */
static inline uint64_t misuse_sum(void)
{
	const unsigned char *byte = stage.things;
	uint64_t sum = 14695981039346656037u; /* FNV-1a */

	for (size_t i = 0; i < stage.things_bytes; i++)
		sum = (sum ^ byte[i]) * 1099511628211u;
	return sum;
}

static inline struct misuse_state misuse_read(void)
{
	struct misuse_state state;

	memset(&state, 0, sizeof(state));
	state.disposed = ferry_disposed_count();
	state.things = misuse_sum();
	state.descriptors = fixture_descriptors();
	state.threads = tasks_count("");
	misuse_read_pool(stage.pool, &state.pools[0], &state.refused);
	misuse_read_pool(stage.other_pool, &state.pools[1], &state.refused);
	state.can_read_loop = stage.loop && !ferry_loop_stats(stage.loop, &state.loop);
	state.pending = state.can_read_loop ? ferry_loop_pending(stage.loop) : 0;
	return state;
}

static inline void misuse_wrong(const char *what, int line, const char *call)
{
	fprintf(stderr, "line %d: %s: %s\n", line, call, what);
	stage.wrong++;
}

static inline bool misuse_is_untouched(void)
{
	const unsigned char *byte = (const unsigned char *)&ret;

	for (size_t i = 0; i < sizeof(ret); i++)
		if (byte[i] != 0xa5)
			return false;
	return true;
}

/* What the loop counts is the same; its own thread can tell. */
static inline bool misuse_is_same_loop(const struct misuse_state *a, const struct misuse_state *b)
{
	return !memcmp(&a->loop, &b->loop, sizeof(a->loop)) && a->pending == b->pending &&
	       a->can_read_loop == b->can_read_loop;
}

static inline struct misuse_state misuse_row_begin(void)
{
	struct misuse_state before = misuse_read();

	memset(&ret, 0xa5, sizeof(ret));
	stage.rows++;
	errno = 0;
	return before;
}

static inline void misuse_row_end(const char *call, int line, const struct misuse_state *before,
				  int64_t got, int64_t expected, uint64_t refused)
{
	struct misuse_state after = misuse_read();

	if (got != expected) {
		fprintf(stderr, "line %d: %s: gave %lld, not %lld\n", line, call, (long long)got,
			(long long)expected);
		stage.wrong++;
	}
	if (!misuse_is_untouched())
		misuse_wrong("wrote an output", line, call);
	if (after.disposed != before->disposed)
		misuse_wrong("disposed of something", line, call);
	if (after.things != before->things)
		misuse_wrong("changed what must stay as it is", line, call);
	if (after.descriptors != before->descriptors)
		misuse_wrong("changed the descriptors", line, call);
	/* Fewer: one that was joined is gone for the kernel, too. */
	if (after.threads > before->threads)
		misuse_wrong("made a thread", line, call);
	if (after.refused != before->refused + refused)
		misuse_wrong("counted other refusals", line, call);
	if (memcmp(after.pools, before->pools, sizeof(after.pools)) != 0)
		misuse_wrong("changed what a pool counts", line, call);
	if (!misuse_is_same_loop(&after, before))
		misuse_wrong("changed what the loop counts", line, call);
}

/* A row that a pool counts so many refused jobs for. */
#define REFUSED(call, expected, jobs)                                            \
	do {                                                                     \
		struct misuse_state before_row = misuse_row_begin();             \
		int64_t got = (int64_t)(call);                                   \
		misuse_row_end(#call, __LINE__, &before_row, got, (expected), (jobs)); \
	} while (0)

#define GIVES(call, expected) REFUSED(call, expected, 0)

/* In the place of a return where the call is not wrong: it is not made. */
#define FINE INT64_MAX

/* A row in a table whose columns are places; misuse_column says which one counts. */
static unsigned misuse_column;
#define EACH(call, ...)                                                        \
	do {                                                                   \
		const int64_t columns[] = { __VA_ARGS__ };                     \
		if (columns[misuse_column] != FINE)                            \
			GIVES(call, columns[misuse_column]);                   \
	} while (0)

/* Not a row: something that must be so beside them. */
#define HOLDS(condition)                                                      \
	do {                                                                  \
		if (!(condition))                                             \
			misuse_wrong("does not hold", __LINE__, #condition);  \
	} while (0)

/* What a call that returns an object says: 0, or why there is none. */
static inline int misuse_error(const void *made)
{
	return made ? 0 : -errno;
}

static inline bool misuse_is_blank(ferry_snapshot snapshot)
{
	return !snapshot.done && !snapshot.cancelled && !snapshot.result.u64 &&
	       !snapshot.result.disposer && !snapshot.exception;
}

/* Options of a type, with fields. */
#define OPTIONS(type, ...) (&(type){ .size = sizeof(type), __VA_ARGS__ })
/* A row for each size that options must not have; in the call they are called options. */
#define BAD_OPTIONS(type, call)                                                      \
	do {                                                                         \
		const struct {                                                       \
			type known;                                                  \
			uint64_t unknown;                                            \
		} newer = { { .size = sizeof(newer) }, 1 };                          \
		const type *options = &(type){ .size = 0 };                          \
		GIVES(call, -EINVAL);                                                \
		options = &(type){ .size = sizeof(size_t) - 1 };                     \
		GIVES(call, -EINVAL);                                                \
		options = &(type){ .size = SIZE_MAX };                               \
		GIVES(call, -E2BIG);                                                 \
		options = &newer.known;                                              \
		GIVES(call, -E2BIG);                                                 \
	} while (0)

/* ---- the stage ---- */

static inline void misuse_called(ferry_loop *loop, void *user)
{
	(void)loop;
	(void)user;
	HOLDS(!"a callback that was refused is called");
}

static inline void misuse_done(ferry_local *local, void *user)
{
	(void)local;
	(void)user;
	HOLDS(!"a callback that was refused is called");
}

static inline void misuse_begin(void)
{
	stage = (struct misuse_stage){ .pool = fixture_pool(2), .other_pool = fixture_pool(1) };
	gate_init(&stage.gate);
	stage.loop = fixture_loop();
	stage.other_loop = fixture_loop();
	if (ferry_lane_new(stage.pool, NULL, &stage.lane) ||
	    ferry_lane_new(stage.other_pool, NULL, &stage.other_lane) ||
	    ferry_future_new(NULL, &stage.promise) || ferry_future_new(NULL, &stage.failed) ||
	    ferry_future_set_exception(stage.failed, ferry_error_from_errno(EIO)) ||
	    ferry_local_new(stage.loop, &stage.plain) ||
	    ferry_local_new(stage.loop, &stage.done) ||
	    ferry_local_set_result(stage.done, ferry_result_u64(7)) ||
	    ferry_local_new(stage.other_loop, &stage.other) ||
	    ferry_loop_call_at(stage.loop, FERRY_NO_DEADLINE - 1, misuse_called, NULL,
			       &stage.timer))
		fixture_die("no stage", errno);
	stage.wrapped = ferry_wrap(stage.loop, stage.promise);
	work_occupy(stage.pool, &stage.gate, &stage.running, 1);
}

/* A job's outcome reaches a loop of this thread. */
static inline bool misuse_works(ferry_loop *loop, ferry_pool *pool)
{
	ferry_local *local = ferry_offload(loop, pool, work_number, (void *)42, NULL);
	bool works = local && ferry_loop_run_until(loop, local) == 0 &&
		     ferry_local_snapshot(local).result.u64 == 42;

	ferry_local_unref(local);
	return works;
}

static inline void misuse_waits(void *arg)
{
	ferry_future *future = NULL;

	HOLDS(ferry_pool_submit(arg, work_number, (void *)43, NULL, &future) == 0);
	HOLDS(work_end(future).result.u64 == 43);
}

/* What has been ended before is NULL; the rest works, and goes. */
static inline void misuse_end(void)
{
	if (stage.pool) {
		fixture_elsewhere(misuse_waits, stage.pool);
		HOLDS(!stage.loop || misuse_works(stage.loop, stage.pool));
	}
	fixture_elsewhere(misuse_waits, stage.other_pool);
	HOLDS(misuse_works(stage.other_loop, stage.other_pool));
	HOLDS(!stage.plain || !ferry_local_snapshot(stage.plain).done || !stage.loop);
	HOLDS(!ferry_future_snapshot(stage.promise).done || !stage.loop);
	ferry_lane_free(stage.lane);
	ferry_lane_free(stage.other_lane);
	ferry_future_unref(stage.promise);
	ferry_future_unref(stage.failed);
	ferry_future_unref(stage.running);
	ferry_local_unref(stage.plain);
	ferry_local_unref(stage.wrapped);
	ferry_local_unref(stage.done);
	ferry_local_unref(stage.other);
	gate_open(&stage.gate);
	fixture_end(stage.loop, stage.pool);
	fixture_end(stage.other_loop, stage.other_pool);
	cr_assert(stage.rows, "there are rows");
	cr_assert_eq(stage.wrong, 0, "%u of %u rows do not hold", stage.wrong, stage.rows);
}

/* ---- places ---- */

static inline int misuse_run_rows(void *rows, ferry_result *out)
{
	(void)out;
	(*(void (**)(void))rows)();
	return 0;
}

static inline void misuse_call_rows(ferry_loop *loop, void *rows)
{
	(*(void (**)(void))rows)();
	ferry_loop_stop(loop);
}

static inline void misuse_do_rows(void *rows)
{
	(*(void (**)(void))rows)();
}

static inline int misuse_child_rows(void *rows)
{
	ferry_loop *loop;
	ferry_pool *pool;

	stage.wrong = 0;
	(*(void (**)(void))rows)();
	/* What is the child's own works. */
	loop = fixture_loop();
	pool = fixture_pool(1);
	HOLDS(misuse_works(loop, pool));
	fixture_end(loop, pool);
	return stage.wrong > 100 ? 100 : (int)stage.wrong;
}

/* On a thread that has no loop. */
static inline void misuse_elsewhere(void (*rows)(void))
{
	struct misuse_state before = misuse_read(), after;

	fixture_elsewhere(misuse_do_rows, &rows);
	after = misuse_read();
	HOLDS(misuse_is_same_loop(&before, &after));
}

/* On a worker of the pool. */
static inline void misuse_in_a_job(void (*rows)(void))
{
	ferry_local *local = ferry_offload(stage.loop, stage.pool, misuse_run_rows, &rows, NULL);

	HOLDS(ferry_loop_run_until(stage.loop, local) == 0);
	ferry_local_unref(local);
}

/* Inside a callback of the loop. */
static inline void misuse_in_a_callback(void (*rows)(void))
{
	HOLDS(ferry_loop_call_soon(stage.loop, misuse_call_rows, &rows) == 0);
	HOLDS(ferry_loop_run(stage.loop) == 1);
}

/* In a fork's child; here nothing changes by it. */
static inline void misuse_in_a_child(void (*rows)(void))
{
	GIVES(fixture_in_child(misuse_child_rows, &rows), 0);
}

#endif
