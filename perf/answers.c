/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf/answers: what a file call costs that is answered inline, the whole life of its
 * future included, beside the system call itself; and what one adds that misses.
 *
 * A case is called CALL/WHO; who is
 *   direct      the system call, by path, that a program would make which may block
 *   openat      the same below a directory
 *   raw         the system calls that an answer is made of, and nothing else: its floor
 *   inline      the library, answered inline
 *   unchanging  the same below a root whose owner promises that its files do not change
 *   local       the same below a root whose owner promises that nobody decides there
 * Files are worked on in turn; stat_again has one only, which processor caches then hold.
 * A miss is a name that the kernel never heard of. Its submitting alone is timed, to a pool
 * whose workers are held, so that no hand-off is in the difference.
 */
#include "bench.h"
#include "file_setting.h"
#include "files.h"
#include "gate.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

#define THREADS 2
#define READ_MOST 16384
#define MISSES 1024 /* behind the gate at a time */
#define NAME_BYTES 288
#define MISS_BATCHES 32

/* ---- the system calls themselves ---- */

static long check_call(long result, const char *call)
{
	if (result < 0)
		bench_fail("%s: %s", call, strerror(errno));
	return result;
}

static void status_of(int directory, const char *path, int flags)
{
	struct statx status;

	check_call(syscall(SYS_statx, directory, path, flags, STATX_BASIC_STATS | STATX_BTIME,
			   &status),
		   "statx");
}

static int open_cached(const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_CACHED };

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

/* What is the same for each operation of a sample. */
struct subject {
	const char *path; /* NULL: each file in turn */
	int directory, fd;
	size_t count;     /* to be read */
};

static const char *path_of(const struct subject *subject, uint64_t number)
{
	return subject->path ? subject->path : files_path(number);
}

static const char *name_of(const struct subject *subject, uint64_t number)
{
	return strrchr(path_of(subject, number), '/') + 1;
}

typedef void direct_call(const struct subject *subject, uint64_t number);

static void stat_direct(const struct subject *subject, uint64_t number)
{
	status_of(AT_FDCWD, path_of(subject, number), 0);
}

static void stat_raw(const struct subject *subject, uint64_t number)
{
	int fd = (int)check_call(open_cached(path_of(subject, number)), "openat2");

	status_of(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC);
	close(fd);
}

static void open_close_direct(const struct subject *subject, uint64_t number)
{
	close((int)check_call(open(path_of(subject, number), O_RDONLY | O_CLOEXEC), "open"));
}

static void open_close_openat(const struct subject *subject, uint64_t number)
{
	close((int)check_call(openat(subject->directory, name_of(subject, number),
				     O_RDONLY | O_CLOEXEC),
			      "openat"));
}

static void fstat_direct(const struct subject *subject, uint64_t number)
{
	(void)number;
	status_of(subject->fd, "", AT_EMPTY_PATH);
}

static void read_direct(const struct subject *subject, uint64_t number)
{
	static unsigned char room[READ_MOST];

	(void)number;
	if (pread(subject->fd, room, subject->count, 0) != (ssize_t)subject->count)
		bench_fail("pread: %s", strerror(errno));
}

static void access_direct(const struct subject *subject, uint64_t number)
{
	check_call(access(path_of(subject, number), R_OK), "access");
}

/* ---- answered inline ---- */

typedef void inline_call(struct file_setting *setting, const struct subject *subject,
			 uint64_t number);

/* The end of its life; it was done from the beginning, or it is not what is measured. */
static void let_go(ferry_local *local)
{
	ferry_snapshot snapshot = ferry_local_snapshot(local);

	if (snapshot.exception)
		bench_fail("a file call: %s", ferry_error_message(snapshot.exception));
	ferry_local_unref(local);
}

static void stat_inline(struct file_setting *setting, const struct subject *subject,
			uint64_t number)
{
	let_go(ferry_fs_stat(setting->loop, setting->pool, path_of(subject, number),
			     &setting->options));
}

static void stat_inline_below(struct file_setting *setting, const struct subject *subject,
			      uint64_t number)
{
	let_go(ferry_fs_stat(setting->loop, setting->pool, name_of(subject, number),
			     &setting->options));
}

static void open_close_inline(struct file_setting *setting, const struct subject *subject,
			      uint64_t number)
{
	ferry_local *local = ferry_fs_open(setting->loop, setting->pool, name_of(subject, number),
					   O_RDONLY, 0, &setting->options);
	ferry_result result = ferry_result_i64(-1);

	if (ferry_local_take(local, &result) == -EAGAIN)
		bench_skip("files are not opened inline here");
	ferry_local_unref(local);
	let_go(ferry_fs_close(setting->loop, setting->pool, (int)result.i64, &setting->options));
}

static void fstat_inline(struct file_setting *setting, const struct subject *subject,
			 uint64_t number)
{
	(void)number;
	let_go(ferry_fs_fstat(setting->loop, setting->pool, subject->fd, &setting->options));
}

static void read_inline(struct file_setting *setting, const struct subject *subject,
			uint64_t number)
{
	(void)number;
	let_go(ferry_fs_read(setting->loop, setting->pool, subject->fd, subject->count, 0,
			     &setting->options));
}

static void access_inline(struct file_setting *setting, const struct subject *subject,
			  uint64_t number)
{
	let_go(ferry_fs_access(setting->loop, setting->pool, path_of(subject, number), R_OK,
			       &setting->options));
}

/* ---- the cases ---- */

/* One case: one of the two calls, and on what. */
struct way {
	direct_call *direct;
	inline_call *answered;
	unsigned calls;       /* of the library, in one operation */
	bool below;           /* a root of this trust */
	ferry_fs_trust trust;
	bool again;           /* the same file each time */
	size_t count;         /* to be read */
};

static void find_directory(char *room, size_t size)
{
	const char *path = files_path(0);

	snprintf(room, size, "%.*s", (int)(strrchr(path, '/') - path), path);
}

/* A file without a name, so that nothing is left of it. */
static int make_file(const char *directory)
{
	static const unsigned char bytes[READ_MOST] = { 'x' };
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		bench_skip("cannot make a file without a name: %s", strerror(errno));
	if (write(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes))
		bench_fail("cannot write: %s", strerror(errno));
	return fd;
}

static struct subject open_subject(const struct way *way)
{
	char directory[256];
	struct subject subject = { .path = way->again ? files_path(0) : NULL,
				   .count = way->count };

	find_directory(directory, sizeof(directory));
	subject.directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	check_call(subject.directory, "open");
	subject.fd = make_file(directory);
	return subject;
}

static void close_subject(const struct subject *subject)
{
	close(subject->directory);
	close(subject->fd);
}

static void run_direct(const struct bench_case *self, struct bench_sample *sample)
{
	const struct way *way = self->argument;
	struct subject subject = open_subject(way);

	if (way->direct == stat_raw && open_cached("/") < 0)
		bench_skip("this kernel walks no paths in its caches alone");
	for (uint64_t i = 0; i < FILES_COUNT; i++)
		way->direct(&subject, i);
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++)
		way->direct(&subject, i);
	bench_stop(sample);
	close_subject(&subject);
}

static void run_inline(const struct bench_case *self, struct bench_sample *sample)
{
	const struct way *way = self->argument;
	struct subject subject = open_subject(way);
	struct file_setting setting;
	char directory[256];

	file_setting_open(&setting, THREADS, FERRY_FS_INLINE, 0);
	find_directory(directory, sizeof(directory));
	if (way->below)
		file_setting_go_below(&setting, directory, way->trust);
	for (uint64_t i = 0; i < FILES_COUNT; i++)
		way->answered(&setting, &subject, i);
	file_setting_begin(&setting);
	bench_start(sample);
	for (uint64_t i = 0; i < sample->operations; i++)
		way->answered(&setting, &subject, i);
	bench_stop(sample);
	file_setting_expect_hits(&setting, sample->operations * way->calls);
	bench_check(ferry_loop_run(setting.loop), "ferry_loop_run");
	file_setting_close(&setting);
	close_subject(&subject);
}

/* ---- misses ---- */

/* Names that nobody used, in this process or another. */
static void make_names(char (*names)[NAME_BYTES], const char *directory)
{
	static unsigned long long number;

	for (unsigned i = 0; i < MISSES; i++)
		snprintf(names[i], sizeof(names[i]), "%s/%d-%llu", directory, (int)getpid(),
			 number++);
}

static void submit_misses(struct file_setting *setting, struct gate *gate,
			  struct bench_sample *sample, char (*names)[NAME_BYTES])
{
	static ferry_local *locals[MISSES];

	gate_close(gate, setting->pool);
	if (sample)
		bench_start(sample);
	for (unsigned i = 0; i < MISSES; i++)
		locals[i] = ferry_fs_stat(setting->loop, setting->pool, names[i],
					  &setting->options);
	if (sample)
		bench_stop(sample);
	gate_open(gate);
	bench_check(ferry_loop_run(setting->loop), "ferry_loop_run");
	for (unsigned i = 0; i < MISSES; i++) {
		if (ferry_error_errno(ferry_local_snapshot(locals[i]).exception) != ENOENT)
			bench_fail("a name was there, or lost");
		ferry_local_unref(locals[i]);
	}
}

static void run_misses(const struct bench_case *self, struct bench_sample *sample)
{
	const ferry_fs_policy *policy = self->argument;
	char(*names)[NAME_BYTES] = calloc(MISSES, sizeof(*names));
	struct file_setting setting;
	char directory[256];
	struct gate gate;

	if (!names)
		bench_fail("out of memory");
	file_setting_open(&setting, THREADS, *policy, 0);
	gate_init(&gate, THREADS);
	find_directory(directory, sizeof(directory));
	/* The first batch fills free lists and is not timed. */
	for (uint64_t done = 0; done <= sample->operations; done += MISSES) {
		make_names(names, directory);
		submit_misses(&setting, &gate, done > 0 ? sample : NULL, names);
	}
	file_setting_close(&setting);
	gate_destroy(&gate);
	free(names);
}

/* A miss itself: the walk that the kernel gives up. */
static void run_misses_raw(const struct bench_case *self, struct bench_sample *sample)
{
	char(*names)[NAME_BYTES] = calloc(MISSES, sizeof(*names));
	char directory[256];

	(void)self;
	if (!names)
		bench_fail("out of memory");
	find_directory(directory, sizeof(directory));
	for (uint64_t done = 0; done < sample->operations; done += MISSES) {
		make_names(names, directory);
		bench_start(sample);
		for (unsigned i = 0; i < MISSES; i++)
			if (open_cached(names[i]) >= 0 || errno != EAGAIN)
				bench_skip("this kernel walks no paths in its caches alone");
		bench_stop(sample);
	}
	free(names);
}

#define DIRECT(name_, what_, call_, ...)                                                          \
	{                                                                                         \
		.name = name_, .what = what_, .run = run_direct,                                  \
		.argument = &(const struct way){ .direct = (call_), __VA_ARGS__ }                 \
	}
#define INLINE(name_, what_, call_, calls_, against_, also_, ...)                                 \
	{                                                                                         \
		.name = name_, .what = what_, .run = run_inline,                                  \
		.argument = &(const struct way){ .answered = (call_), .calls = (calls_),          \
						 __VA_ARGS__ },                                   \
		.against = against_, .also = also_                                                \
	}
#define BELOW(trust_) .below = true, .trust = FERRY_FS_TRUST_##trust_
#define MISS(name_, what_, policy_, net_of_)                                                      \
	{                                                                                         \
		.name = name_, .what = what_, .run = run_misses,                                  \
		.argument = &(const ferry_fs_policy){ policy_ },                                  \
		.operations = MISSES * MISS_BATCHES, .granule = MISSES, .net_of = net_of_         \
	}

static const struct bench_case cases[] = {
	DIRECT("stat/direct", "statx()", stat_direct, 0),
	DIRECT("stat/raw", "openat2(RESOLVE_CACHED), statx(), close()", stat_raw, 0),
	INLINE("stat/inline", "ferry_fs_stat()", stat_inline, 1, "stat/direct", "stat/raw", 0),
	INLINE("stat/inline_below", "ferry_fs_stat() below a root", stat_inline_below, 1,
	       "stat/direct", "stat/raw", BELOW(NONE)),
	DIRECT("stat_again/direct", "statx(), one file", stat_direct, .again = true),
	DIRECT("stat_again/raw", "openat2(RESOLVE_CACHED), statx(), close(), one file", stat_raw,
	       .again = true),
	INLINE("stat_again/inline", "ferry_fs_stat(), one file", stat_inline, 1,
	       "stat_again/direct", "stat_again/raw", .again = true),
	DIRECT("open_close/direct", "open() by path and close()", open_close_direct, 0),
	DIRECT("open_close/openat", "openat() below a directory and close()", open_close_openat,
	       0),
	INLINE("open_close/unchanging", "ferry_fs_open() and ferry_fs_close()", open_close_inline,
	       2, "open_close/direct", "open_close/openat", BELOW(UNCHANGING)),
	INLINE("open_close/local", "the same, with a look at what was opened", open_close_inline,
	       2, "open_close/direct", "open_close/openat", BELOW(LOCAL)),
	DIRECT("fstat/direct", "statx() of an open file", fstat_direct, 0),
	INLINE("fstat/inline", "ferry_fs_fstat()", fstat_inline, 1, "fstat/direct", NULL, 0),
	DIRECT("read_1k/direct", "pread(), 1 KiB", read_direct, .count = 1024),
	INLINE("read_1k/inline", "ferry_fs_read(), 1 KiB", read_inline, 1, "read_1k/direct", NULL,
	       .count = 1024),
	DIRECT("read_16k/direct", "pread(), 16 KiB", read_direct, .count = 16384),
	INLINE("read_16k/inline", "ferry_fs_read(), 16 KiB", read_inline, 1, "read_16k/direct",
	       NULL, .count = 16384),
	DIRECT("access/direct", "access()", access_direct, 0),
	INLINE("access/inline", "ferry_fs_access()", access_inline, 1, "access/direct", NULL, 0),
	{ .name = "miss/raw", .what = "openat2(RESOLVE_CACHED) of a name nobody used",
	  .run = run_misses_raw, .operations = MISSES * MISS_BATCHES, .granule = MISSES },
	MISS("miss/pool", "ferry_fs_stat() of such a name, to a busy pool", FERRY_FS_POOL, NULL),
	MISS("miss/inline", "the same, tried inline before", FERRY_FS_INLINE, "miss/pool"),
};

int main(int argc, char **argv)
{
	static const struct bench_program program = {
		.name = "answers",
		.question = "What does a file call cost that is answered inline, beside the system "
			    "call itself?\nCases are CALL/WHO.",
		.cases = cases,
		.count = sizeof(cases) / sizeof(cases[0]),
		.open = files_open,
		.close = files_close,
	};

	return bench_main(&program, argc, argv);
}
