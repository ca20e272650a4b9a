/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counters as text, for a monitoring system.
 *
 * The loop's thread only, at any time beside any step of any request, which counted what is told;
 * after it the caller's own function has the text. Invariants: what belongs to one name stands
 * together, below what it is; no two samples have the same name and labels; the caller is never
 * called under a lock, and not again once it has refused a piece.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "fs/fs.h"
#include "pool/core.h"
#include "task/writer.h"

/* One name: what it is, and where its value lies in the counters. */
struct family {
	const char *name, *type, *help;
	size_t offset, bytes;
};
#define GAUGE(name, help, type, field)                                          \
	{                                                                       \
		name, "gauge", help, offsetof(type, field), sizeof(((type *)0)->field) \
	}
#define COUNTER(name, help, type, field)                                          \
	{                                                                         \
		name, "counter", help, offsetof(type, field), sizeof(((type *)0)->field) \
	}
#define COUNT(families) (sizeof(families) / sizeof(*(families)))

/* clang-format off */
#define FS(kind, name, help, field) kind("ferry_fs_" name, help, ferry_fs_counters, field)
static const struct family fs_families[] = {
	FS(COUNTER, "calls_total", "File calls of this loop.", calls),
	FS(COUNTER, "inline_hits_total", "Calls answered inline.", hits),
	FS(COUNTER, "inline_misses_total", "Calls tried inline that would have waited.", misses),
	FS(COUNTER, "inline_blocked_total", "Inline calls that waited for too long.", blocked),
	FS(COUNTER, "inline_avoided_total", "Calls not tried inline.", avoided),
	FS(COUNTER, "demoted_total", "Times a mount became slow.", demoted),
	FS(COUNTER, "pooled_total", "Calls given to the pool.", pooled),
	FS(COUNTER, "refused_total", "Calls born failed.", refused),
	FS(COUNTER, "stuck_total", "Times a mount went into quarantine.", stuck),
	FS(COUNTER, "recovered_total", "Times a mount came out of quarantine.", recovered),
	FS(COUNTER, "probes_total", "Calls let through to a stuck mount.", probes),
	FS(COUNTER, "mount_reads_total", "Times the table of mounts was read.", mount_reads),
	FS(COUNTER, "lent_total", "Calls held up that lent their worker's place.", lent),
	FS(GAUGE, "under_way", "Calls on the pool.", under_way),
	FS(GAUGE, "waiting", "Calls that wait for a place on their mount.", waiting),
};

#define MOUNT(name, help, field) GAUGE("ferry_fs_mount_" name, help, ferry_fs_mount, field)
static const struct family mount_families[] = {
	MOUNT("is_remote", "A network or a daemon answers for its files.", is_remote),
	MOUNT("is_slow", "No call on it is made inline for a while.", is_slow),
	MOUNT("is_stuck", "It is in quarantine.", is_stuck),
	MOUNT("under_way", "Calls on the pool for its filesystem.", under_way),
	MOUNT("waiting", "Calls that wait for a place on its filesystem.", waiting),
};

#define POOL(kind, name, help, field) kind("ferry_pool_" name, help, ferry_pool_counters, field)
static const struct family pool_families[] = {
	POOL(COUNTER, "attempted_total", "Jobs submitted, refused ones included.", attempted),
	POOL(COUNTER, "refused_total", "Jobs refused.", refused),
	POOL(COUNTER, "accepted_total", "Jobs accepted.", accepted),
	POOL(COUNTER, "ran_total", "Functions that returned.", ran),
	POOL(COUNTER, "cancelled_total", "Jobs cancelled before they ran.", cancelled),
	POOL(COUNTER, "expired_total", "Jobs whose deadline passed in the queue.", expired),
	POOL(COUNTER, "failed_total", "Jobs that the pool broke before.", failed),
	POOL(COUNTER, "wakeups_total", "Sleeping workers woken.", wakeups),
	POOL(COUNTER, "disposed_total", "Blocking disposers run.", disposed),
	POOL(COUNTER, "late_rings_total", "Times a brief job held a ring back.", late_rings),
	POOL(COUNTER, "spawn_failures_total", "Threads that could not be created.", spawn_failures),
	POOL(COUNTER, "polls_total", "Times a worker polled before it slept.", polls),
	POOL(GAUGE, "queued", "Jobs queued.", queued),
	POOL(GAUGE, "running", "Jobs inside their function.", running),
	POOL(GAUGE, "threads", "Workers.", threads),
	POOL(GAUGE, "idle_threads", "Workers that sleep.", idle),
	POOL(GAUGE, "min_threads", "Workers kept when idle.", min_threads),
	POOL(GAUGE, "max_threads", "Workers that there may be.", max_threads),
};

#define LANE(kind, name, help, field) kind("ferry_lane_" name, help, ferry_lane_counters, field)
static const struct family lane_families[] = {
	LANE(COUNTER, "accepted_total", "Jobs that came into the lane.", accepted),
	LANE(COUNTER, "ran_total", "Functions that returned.", ran),
	LANE(GAUGE, "queued", "Jobs queued.", queued),
	LANE(GAUGE, "running", "Jobs inside their function.", running),
	LANE(GAUGE, "max_running", "Jobs that may run at once, 0: no limit.", max_running),
	LANE(GAUGE, "reserved", "Workers reserved for it.", reserved),
	LANE(GAUGE, "max_queued", "Jobs that may wait, 0: no limit.", max_queued),
};
/* clang-format on */

/* ---- one sample ---- */

static uint64_t value_of(const struct family *family, const void *counters)
{
	const char *at = (const char *)counters + family->offset;
	uint64_t whole;
	unsigned half;

	if (family->bytes == sizeof(whole)) {
		memcpy(&whole, at, sizeof(whole));
		return whole;
	}
	memcpy(&half, at, sizeof(half));
	return half;
}

static void put_head(struct writer *writer, const struct family *family)
{
	writer_print(writer, "# HELP %s %s\n", family->name, family->help);
	writer_print(writer, "# TYPE %s %s\n", family->name, family->type);
}

/* In seconds, to the nanosecond; printf() would ask how the user writes a fraction. */
static void put_seconds(struct writer *writer, uint64_t ns)
{
	writer_print(writer, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
}

static void expose_plain(struct writer *writer, const struct family *families, size_t count,
			 const void *counters)
{
	for (size_t i = 0; i < count && !writer->error; i++) {
		put_head(writer, &families[i]);
		writer_print(writer, "%s %" PRIu64 "\n", families[i].name,
			     value_of(&families[i], counters));
	}
}

/* ---- mounts ---- */

struct mount_exposition {
	struct writer writer;
	const struct family *family;
	const struct mounts *mounts;
};

/*
 * Of those at one place only the one that a path there leads to: what lies below it may have
 * the same labels.
 */
static int expose_mount(const ferry_fs_mount *mount, void *user)
{
	struct mount_exposition *exposition = user;
	struct writer *writer = &exposition->writer;
	const struct mount_entry *entry = mounts_by_path(exposition->mounts, mount->point);

	if (!entry || entry->point != mount->point)
		return 0;
	writer_print(writer, "%s{", exposition->family->name);
	writer_label(writer, "point", mount->point);
	writer_label(writer, ",type", mount->type);
	writer_print(writer, ",device=\"%u:%u\"} %" PRIu64 "\n", major(mount->device),
		     minor(mount->device), value_of(exposition->family, mount));
	return writer->error;
}

static void expose_mounts(struct writer *writer, ferry_loop *loop)
{
	struct mount_exposition exposition = { .writer = *writer };

	for (size_t i = 0; i < COUNT(mount_families) && !exposition.writer.error; i++) {
		exposition.family = &mount_families[i];
		put_head(&exposition.writer, exposition.family);
		exposition.mounts = loop->fs ? loop->fs->mounts : NULL;
		ferry_fs_each_mount(loop, expose_mount, &exposition);
	}
	writer->error = exposition.writer.error;
}

/* ---- lanes ---- */

/* Those that every pool has are told by their names, others may share theirs. */
static void put_lane(struct writer *writer, const struct lane_view *view, unsigned number)
{
	writer_label(writer, "{lane", view->name);
	if (number >= LANES_BUILT_IN)
		writer_print(writer, ",number=\"%u\"", number);
}

static void expose_lanes(struct writer *writer, struct core *core, const struct family *family)
{
	bool with_queued = family->offset == offsetof(ferry_lane_counters, queued);
	struct lane_view view;
	int found;

	put_head(writer, family);
	for (unsigned i = 0; !writer->error; i++) {
		found = lane_look(core, i, with_queued, &view);
		if (found < 0)
			return;
		if (!found)
			continue;
		writer_put(writer, family->name);
		put_lane(writer, &view, i);
		writer_print(writer, "} %" PRIu64 "\n", value_of(family, &view.counters));
	}
}

/* Buckets from 1 us to 137 s: what is shorter is in the first of them, what is longer in none. */
#define BUCKET_FIRST 9
#define BUCKET_LAST 36

static void expose_times(struct writer *writer, const struct lane_view *view, unsigned number,
			 const char *name, const uint64_t *buckets, uint64_t sum_ns)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < FERRY_HISTOGRAM_BUCKETS; i++) {
		count += buckets[i];
		if (i < BUCKET_FIRST || i > BUCKET_LAST)
			continue;
		writer_print(writer, "%s_bucket", name);
		put_lane(writer, view, number);
		writer_put(writer, ",le=\"");
		/* The next bucket begins a nanosecond later. */
		put_seconds(writer, ((uint64_t)2 << i) - 1);
		writer_print(writer, "\"} %" PRIu64 "\n", count);
	}
	writer_print(writer, "%s_bucket", name);
	put_lane(writer, view, number);
	writer_print(writer, ",le=\"+Inf\"} %" PRIu64 "\n%s_sum", count, name);
	put_lane(writer, view, number);
	writer_put(writer, "} ");
	put_seconds(writer, sum_ns);
	writer_print(writer, "\n%s_count", name);
	put_lane(writer, view, number);
	/* Not how many were sampled, which may be one more by now. */
	writer_print(writer, "} %" PRIu64 "\n", count);
}

static const struct family wait_times = {
	.name = "ferry_lane_wait_seconds",
	.type = "histogram",
	.help = "From submit to start, of the jobs that are timed.",
};
static const struct family run_times = {
	.name = "ferry_lane_run_seconds",
	.type = "histogram",
	.help = "Inside the function, of the jobs that are timed.",
};

static void expose_histogram(struct writer *writer, struct core *core, const struct family *family)
{
	struct lane_view view;
	int found;

	put_head(writer, family);
	for (unsigned i = 0; !writer->error; i++) {
		ferry_lane_counters *counters = &view.counters;

		found = lane_look(core, i, false, &view);
		if (found < 0)
			return;
		if (found && family == &wait_times)
			expose_times(writer, &view, i, family->name, counters->wait_ns,
				     counters->wait_ns_sum);
		else if (found)
			expose_times(writer, &view, i, family->name, counters->run_ns,
				     counters->run_ns_sum);
	}
}

/* ---- all ---- */

static void expose_pool(struct writer *writer, ferry_pool *pool)
{
	ferry_pool_counters counters;

	if (writer->error)
		return;
	writer->error = ferry_pool_stats(pool, &counters);
	expose_plain(writer, pool_families, COUNT(pool_families), &counters);
	for (size_t i = 0; i < COUNT(lane_families) && !writer->error; i++)
		expose_lanes(writer, pool->core, &lane_families[i]);
	if (!writer->error)
		expose_histogram(writer, pool->core, &wait_times);
	if (!writer->error)
		expose_histogram(writer, pool->core, &run_times);
}

int ferry_fs_expose(ferry_loop *loop, ferry_pool *pool,
		    int (*write)(void *user, const char *text, size_t length), void *user)
{
	struct writer writer = { write, user, 0 };
	ferry_fs_counters counters;
	int error = loop_check(loop);

	if (!error && !write)
		error = -EINVAL;
	/* A pool that came over a fork: before anything is written. */
	if (!error && pool)
		error = submit_check(pool);
	if (!error)
		error = ferry_fs_stats(loop, &counters);
	if (error)
		return error;
	expose_plain(&writer, fs_families, COUNT(fs_families), &counters);
	expose_mounts(&writer, loop);
	if (pool)
		expose_pool(&writer, pool);
	return writer.error;
}
