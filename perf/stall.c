/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/stall: what something that hangs costs those who want nothing of it. Calls elsewhere are
 * compared with the same while nothing hangs, in the same round: stat() of a local file on the
 * pool, 16 at a time.
 *
 *   elsewhere   while a FUSE mount hangs, before it is in quarantine and after
 *   names       while look-ups of names hang: as many as their lane lets in, and more that wait
 *               Each on a pool of four, half of which is held up, and on one of as many as a pool
 *               has by default.
 *   stuck       a call to a mount that is in quarantine, one at a time
 *   recovered   a call to it when it answers again, each of which asks its filesystem
 *   surface     every file call once, about a mount that takes 500 ms for each request: how long
 *               the longest call and the longest dispatch of the loop kept its thread
 */
#include "bench.h"

#include <dlfcn.h>
#include <sched.h>
#include <semaphore.h>

#include "support/slow_mount.h"
#include "support/surface.h"

#define AT_ONCE 16
#define THREADS 4
#define HELD_MOST 64

enum what { NOTHING, HANGING, STUCK_MOUNT, NAMES, CALLS_TO_STUCK, CALLS_TO_RECOVERED };

struct trial {
	enum what what;
	unsigned threads; /* 0: as a pool has by default */
};

static struct slow_mount place;
static ferry_loop *loop;
static ferry_pool *pool;

/* ---- names that hang: getaddrinfo() of the C library has this in its place ---- */

static _Atomic bool names_hang;
static sem_t names_gate;
static _Atomic unsigned names_inside;

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	if (hints && hints->ai_flags & AI_NUMERICHOST) {
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
		return real(host, service, hints, ret);
	}
	names_inside++;
	while (names_hang && sem_wait(&names_gate))
		;
	return EAI_AGAIN;
}

/* ---- around each sample ---- */

static unsigned threads_by_default(void)
{
	ferry_pool_counters counters;
	ferry_pool *one;

	bench_check(ferry_pool_new(NULL, &one), "ferry_pool_new");
	bench_check(ferry_pool_stats(one, &counters), "ferry_pool_stats");
	ferry_pool_free(one);
	return counters.max_threads;
}

/* As many as one mount, or look-ups of names, may hold up. */
static unsigned half_of_threads(void)
{
	ferry_pool_counters counters;

	bench_check(ferry_pool_stats(pool, &counters), "ferry_pool_stats");
	return counters.max_threads / 2 < HELD_MOST / 2 ? counters.max_threads / 2 : HELD_MOST / 2;
}

static void begin(const ferry_fs_settings *settings, unsigned threads)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_local *local;

	/* All of them, from the beginning. */
	options.min_threads = options.max_threads = threads ? threads : threads_by_default();
	bench_check(ferry_loop_new(NULL, &loop), "ferry_loop_new");
	bench_check(ferry_pool_new(&options, &pool), "ferry_pool_new");
	bench_check(ferry_fs_configure(loop, settings), "ferry_fs_configure");
	local = ferry_fs_stat(loop, pool, "/", NULL);
	bench_check(ferry_loop_run(loop), "ferry_loop_run");
	ferry_local_unref(local);
}

static void end(void)
{
	bench_check(ferry_loop_free(loop), "ferry_loop_free");
	bench_check(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE),
		    "ferry_pool_shutdown");
	ferry_pool_free(pool);
}

static ferry_fs_counters counters(void)
{
	ferry_fs_counters counters;

	bench_check(ferry_fs_stats(loop, &counters), "ferry_fs_stats");
	return counters;
}

static void have_turn(void)
{
	if (ferry_loop_run_once(loop, FERRY_NO_DEADLINE) < 0)
		bench_fail("ferry_loop_run_once");
}

/* A mount of our own, with a file in it, whose opens always ask. */
static void mount_begin(void)
{
	const char *why = slow_mount_begin(&place, (struct slow_mount_options){ 0 });

	if (why)
		bench_skip("%s", why);
	surface_make(slow_mount_below(&place, "folder"));
}

static ferry_local *open_there(void)
{
	return ferry_fs_open(loop, pool, slow_mount_path(&place, "folder/file"), O_RDONLY, 0, NULL);
}

static ferry_local *look_up(void)
{
	return ferry_getaddrinfo(loop, pool, "a.name.invalid", NULL, NULL, NULL);
}

/* ---- calls ---- */

static void next(ferry_local *local, void *left);

static void ask(uint64_t *left)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_local *local;

	if (!*left)
		return;
	--*left;
	options.policy = FERRY_FS_POOL;
	local = ferry_fs_stat(loop, pool, "/", &options);
	if (!local)
		bench_fail("no call");
	bench_check(ferry_local_add_done_callback(local, next, left),
		    "ferry_local_add_done_callback");
	ferry_local_unref(local);
}

static uint64_t returned;

static void next(ferry_local *local, void *left)
{
	if (!ferry_fs_result_stat(local))
		bench_fail("a call failed");
	returned++;
	ask(left);
}

static void call_elsewhere(struct bench_sample *sample)
{
	uint64_t left = sample->operations;

	returned = 0;
	bench_start(sample);
	for (int i = 0; i < AT_ONCE; i++)
		ask(&left);
	while (returned < sample->operations)
		have_turn();
	bench_stop(sample);
}

/* One at a time: the longest of a call that is done when it returns, or of its outcome. */
static void call_there(struct bench_sample *sample, bool fails)
{
	for (uint64_t i = 0; i < sample->operations; i++) {
		uint64_t begun = bench_now();
		ferry_local *local;

		bench_start(sample);
		local = open_there();
		if (fails != (ferry_local_snapshot(local).exception ==
			      ferry_error_from_code(FERRY_ERROR_STUCK)))
			bench_fail("it is not as it should be");
		if (!fails)
			bench_check(ferry_loop_run_until(loop, local), "ferry_loop_run_until");
		bench_stop(sample);
		bench_latency(sample, bench_now() - begun);
		ferry_local_unref(local);
	}
	bench_latency_values(sample);
}

static void run(const struct bench_case *self, struct bench_sample *sample)
{
	const struct trial *trial = self->argument;
	enum what what = trial->what;
	bool mounts = what != NOTHING && what != NAMES;
	ferry_fs_settings settings = FERRY_FS_SETTINGS_INIT;
	ferry_local *held[HELD_MOST] = { NULL };
	unsigned half;

	settings.stuck_ns = what == HANGING ? FERRY_NO_DEADLINE : 10000000;
	if (mounts)
		mount_begin();
	begin(&settings, trial->threads);
	half = half_of_threads();
	if (mounts)
		slow_mount_hang(&place, SLOW_OPEN);
	bench_check(-sem_init(&names_gate, 0, 0), "sem_init");
	names_hang = what == NAMES;
	for (unsigned i = 0; i < half * 2 && what != NOTHING; i++)
		held[i] = mounts ? open_there() : look_up();
	if (mounts)
		slow_mount_await(&place, SLOW_OPEN, half);
	while (what == NAMES && names_inside < half)
		sched_yield();
	/* It takes a moment until they keep no worker from others any more. */
	while (what != NOTHING && counters().lent < half)
		have_turn();
	/* With the probe that is let through. */
	while (mounts && what != HANGING && !counters().stuck)
		have_turn();
	if (mounts && what != HANGING)
		ferry_local_unref(open_there());
	if (what == CALLS_TO_RECOVERED) {
		slow_mount_release(&place, SLOW_OPEN);
		while (!counters().recovered || counters().under_way)
			have_turn();
	}
	if (what == CALLS_TO_STUCK || what == CALLS_TO_RECOVERED)
		call_there(sample, what == CALLS_TO_STUCK);
	else
		call_elsewhere(sample);
	names_hang = false;
	for (unsigned i = 0; i < half * 2; i++)
		sem_post(&names_gate);
	if (mounts)
		slow_mount_release(&place, SLOW_ANYTHING);
	for (unsigned i = 0; i < half * 2; i++)
		ferry_local_unref(held[i]);
	end();
	if (mounts)
		slow_mount_end(&place);
}

/* ---- every call ---- */

#define DELAY_MS 500

static void run_surface(const struct bench_case *self, struct bench_sample *sample)
{
	ferry_fs_settings settings = FERRY_FS_SETTINGS_INIT;
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_local *locals[SURFACE_CALLS];
	ferry_loop_counters dispatches;
	struct surface surface;
	uint64_t longest = 0;
	char where[600];

	(void)self;
	mount_begin();
	settings.most_at_once = SURFACE_CALLS;
	begin(&settings, SURFACE_CALLS);
	surface = (struct surface){ .loop = loop, .pool = pool, .where = where };
	snprintf(where, sizeof(where), "%s/", slow_mount_path(&place, "folder"));
	surface_open(&surface, slow_mount_path(&place, "folder"));
	slow_mount_delay(&place, SLOW_ANYTHING, DELAY_MS);
	options.policy = FERRY_FS_INLINE;
	options.freshness = FERRY_FS_STALE;
	bench_start(sample);
	for (size_t i = 0; i < SURFACE_CALLS; i++) {
		uint64_t begun = bench_now(), took;

		locals[i] = surface_call(&surface, i, &options);
		took = bench_now() - begun;
		if (took > longest)
			longest = took;
	}
	bench_check(ferry_loop_run(loop), "ferry_loop_run");
	bench_stop(sample);
	bench_check(ferry_loop_stats(loop, &dispatches), "ferry_loop_stats");
	sample->values[0] = (double)longest;
	sample->values[1] = (double)dispatches.longest_dispatch_ns;
	slow_mount_release(&place, SLOW_ANYTHING);
	slow_mount_delay(&place, SLOW_ANYTHING, 0);
	for (size_t i = 0; i < SURFACE_CALLS; i++) {
		(void)ferry_local_snapshot(locals[i]);
		ferry_local_unref(locals[i]);
	}
	surface_close(&surface);
	end();
	slow_mount_end(&place);
}

#define ELSEWHERE(name_, what_, hangs, threads_, against_)                                         \
	{                                                                                          \
		.name = name_, .what = what_, .run = run,                                          \
		.argument = &(const struct trial){ hangs, threads_ }, .against = against_          \
	}

static const struct bench_case cases[] = {
	ELSEWHERE("healthy", "calls while nothing hangs", NOTHING, THREADS, NULL),
	ELSEWHERE("elsewhere/hung", "calls elsewhere, a mount hangs", HANGING, THREADS, "healthy"),
	ELSEWHERE("elsewhere/stuck", "calls elsewhere, a mount is in quarantine", STUCK_MOUNT,
		  THREADS, "healthy"),
	ELSEWHERE("names/hung", "calls while look-ups of names hang", NAMES, THREADS, "healthy"),
	ELSEWHERE("default/healthy", "the same on a pool as it is by default: nothing hangs",
		  NOTHING, 0, NULL),
	ELSEWHERE("default/hung", "a mount hangs", HANGING, 0, "default/healthy"),
	ELSEWHERE("default/stuck", "it is in quarantine", STUCK_MOUNT, 0, "default/healthy"),
	ELSEWHERE("default/names", "look-ups of names hang", NAMES, 0, "default/healthy"),
	{
		.name = "stuck",
		.what = "a call to a mount in quarantine",
		.run = run,
		.argument = &(const struct trial){ CALLS_TO_STUCK, THREADS },
		.values = { BENCH_LATENCY_VALUES },
	},
	{
		.name = "recovered",
		.what = "a call to it when it answers again",
		.run = run,
		.argument = &(const struct trial){ CALLS_TO_RECOVERED, THREADS },
		.values = { BENCH_LATENCY_VALUES },
	},
	{
		.name = "surface",
		.what = "every call, 500 ms for each request",
		.run = run_surface,
		.operations = 1,
		.untimed = true,
		.values = { "longest_call_ns", "longest_dispatch_ns" },
	},
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "stall",
		.question = "What does it cost others when a mount, or look-ups of names, hang?",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
	};

	setenv("FERRY_BUILD_ROOT", PERF_BUILD_ROOT, 0);
	return bench_main(&program, argc, argv);
}
