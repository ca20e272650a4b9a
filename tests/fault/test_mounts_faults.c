/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * E3 in the table of mounts: without memory, without the calls that tell of mounts, with mounts
 * that go while they are told, and when reading the text fails half-way: one error and nothing
 * left, or the same table; and without the descriptor that tells of changes. The system calls are
 * wrapped by the linker.
 */
#include <stdarg.h>
#include <sys/syscall.h>

#include "base/memory.h"
#include "fault/trial.h"
#include "fs/fs.h"
#include "fs/mountinfo.h"
#include "fs/mounts.h"

#define SYSTEM_STATMOUNT 457 /* on every machine */
#define SYSTEM_LISTMOUNT 458

struct scene {
	struct mounts *mounts;
};

/* ---- what a worker calls ---- */

/* Which call fails next, with what; only the @fails_at-th of it, or each if that is 0. */
static long fails_number;
static int fails_error;
static unsigned fails_at, fails_seen;
static bool has_failed;

static void fail(long number, int error, unsigned at)
{
	fails_number = number;
	fails_error = error;
	fails_at = at;
	fails_seen = 0;
	has_failed = false;
}

static bool fails(long number)
{
	if (number != fails_number || (fails_at && ++fails_seen != fails_at))
		return false;
	has_failed = true;
	errno = fails_error;
	return true;
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
ssize_t __real_read(int fd, void *bytes, size_t count);
ssize_t __wrap_read(int fd, void *bytes, size_t count);

long __wrap_syscall(long number, ...)
{
	va_list list;
	long given[6] = { 0 };

	va_start(list, number);
	/* The sixth lies on the stack, where only these two have one. */
	for (int i = 0; i < 5 + (number == SYS_futex || number == SYS_epoll_pwait2); i++)
		given[i] = va_arg(list, long);
	va_end(list);
	if (fails(number))
		return -1;
	return __real_syscall(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}

ssize_t __wrap_read(int fd, void *bytes, size_t count)
{
	return fails(SYS_read) ? -1 : __real_read(fd, bytes, count);
}

/* The watch, and then the text. */
static bool opening_fails(const char *path)
{
	return strstr(path, "/mountinfo") && fails(SYS_openat);
}

int __wrap_open64(const char *path, int flags, ...)
{
	unsigned mode;
	va_list list;

	va_start(list, flags);
	mode = va_arg(list, unsigned);
	va_end(list);
	return opening_fails(path) ? -1 : __real_open64(path, flags, mode);
}

int __wrap_open(const char *path, int flags, ...)
{
	unsigned mode;
	va_list list;

	va_start(list, flags);
	mode = va_arg(list, unsigned);
	va_end(list);
	return opening_fails(path) ? -1 : __real_open(path, flags, mode);
}

/* ---- without memory ---- */

static void with_all_calls(struct scene *scene)
{
	(void)scene;
	fail(-1, 0, 0);
}

static void without_statmount(struct scene *scene)
{
	(void)scene;
	fail(SYSTEM_STATMOUNT, ENOSYS, 0);
}

static int act_read(struct scene *scene)
{
	return mounts_read(&scene->mounts);
}

/* More than there is room for at first. */
static int act_many(struct scene *scene)
{
	struct mount_list list = { .count = 0 };
	static char text[200 * 80];
	size_t length = 0;
	int error;

	for (int i = 1; i <= 200; i++)
		length += (size_t)sprintf(text + length, "%d 0 0:1 / /%040d rw - tmpfs none rw\n",
					  i, i);
	error = mountinfo_parse(&list, text, length);
	if (!error)
		error = mounts_new(&list, false, &scene->mounts);
	mount_list_clear(&list);
	return error;
}

static void judge(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "mounts_read: %d", result);
	program_check(!scene->mounts == !!n, "an output is written on failure");
	memory_free(scene->mounts);
}

static void judge_many(struct scene *scene, int result, unsigned n)
{
	program_check(n || scene->mounts->count == 200, "%zu mounts", scene->mounts->count);
	judge(scene, result, n);
}

/* ---- when a call fails ---- */

static struct mounts *read_table(void)
{
	struct mounts *mounts = NULL;
	int error = mounts_read(&mounts);

	program_check(error == 0, "no table: %d", error);
	return mounts;
}

/* The same, but for the ids and the one mount that @lacks has not; its count: none lacks. */
static void compare(const struct mounts *all, const struct mounts *some, size_t lacks)
{
	size_t at = 0;

	for (size_t i = 0; i < all->count; i++) {
		if (i == lacks)
			continue;
		program_check(at < some->count, "%zu mounts are too few", some->count);
		program_check(!strcmp(all->entries[i].point, some->entries[at].point) &&
				      !strcmp(all->entries[i].type, some->entries[at].type),
			      "%s is not there", all->entries[i].point);
		at++;
	}
	program_check(at == some->count, "%zu mounts are too many", some->count);
}

/* With each call of that kind failing, one at a time. How many there were. */
static unsigned try_each(const char *shows, long number, int error, bool is_lost, bool is_unique)
{
	struct mounts *all, *some;
	unsigned n = 0;

	fail(-1, 0, 0);
	all = read_table();
	do {
		long memory = fault_memory();
		int open = fixture_descriptors();

		fail(number, error, ++n);
		some = read_table();
		compare(all, some, has_failed && is_lost ? n - 1 : all->count);
		program_check(!has_failed || some->unique == is_unique, "%s: ids", shows);
		memory_free(some);
		trial_settle(memory, 0, open);
	} while (has_failed);
	memory_free(all);
	printf("ok: %s: %u failures\n", shows, n - 1);
	return n - 1;
}

/* With all of that kind failing. */
static void try_all(const char *shows, long number, int error)
{
	struct mounts *all, *some;
	long memory = fault_memory();
	int open = fixture_descriptors();

	fail(-1, 0, 0);
	all = read_table();
	fail(number, error, 0);
	some = read_table();
	program_check(!some->unique, "%s: they are told all the same", shows);
	compare(all, some, all->count);
	memory_free(all);
	memory_free(some);
	trial_settle(memory, 0, open);
	printf("ok: %s\n", shows);
}

static bool is_there(void)
{
	struct mounts *mounts;
	bool unique;

	fail(-1, 0, 0);
	mounts = read_table();
	unique = mounts->unique;
	memory_free(mounts);
	return unique;
}

/* ---- the text ---- */

static int read_text(struct mount_list *list, int error, unsigned at)
{
	fail(SYS_read, error, at);
	return mountinfo_read(list);
}

static void reading_the_text_fails(void)
{
	struct mount_list all = { .count = 0 }, some = { .count = 0 };
	int open = fixture_descriptors(), got;
	unsigned n = 0;

	program_check(read_text(&all, EIO, 100000) == 0, "no text");
	do {
		mount_list_clear(&some);
		got = read_text(&some, EINTR, ++n);
		program_check(got == 0 && some.count == all.count, "interrupted: %d, %zu mounts",
			      got, some.count);
	} while (has_failed);
	program_check(n > 2, "it is not read twice");
	while (n-- > 1) {
		mount_list_clear(&some);
		got = read_text(&some, EIO, n);
		program_check(got == -EIO && some.count == 0, "%d, %zu mounts", got, some.count);
	}
	mount_list_clear(&all);
	mount_list_clear(&some);
	program_check(fixture_descriptors() == open, "a descriptor is lost");
	puts("ok: the text is read on when interrupted, and not made a table of when it fails");
}

static void neither_tells(void)
{
	struct mounts *mounts = NULL;
	int error;

	without_statmount(NULL);
	fixture_descriptors_left(0);
	error = mounts_read(&mounts);
	fixture_descriptors_left(-1);
	program_check(error == -EMFILE && !mounts, "mounts_read: %d", error);
	puts("ok: where neither tells, the error is that of the text");
}

/* ---- without a watch ---- */

/* How often a loop that has just made a call has read the table. */
static uint64_t reads_after_call(ferry_loop *loop, ferry_pool *pool)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_fs_counters counters;
	ferry_local *local;

	options.policy = FERRY_FS_POOL;
	local = ferry_fs_stat(loop, pool, "/", &options);
	program_check(local && ferry_loop_run(loop) == 0, "no call");
	ferry_local_unref(local);
	program_check(ferry_fs_stats(loop, &counters) == 0, "no counters");
	return counters.mount_reads;
}

static void a_table_that_is_not_watched_is_read_again(void)
{
	const uint64_t second = 1000000000;
	long memory = fault_memory(), descriptors = fault_descriptors();
	int before = fixture_descriptors(), open;
	uint64_t begun = ferry_now_ns();
	ferry_loop *loop;
	ferry_pool *pool;

	/* Before there is a worker, which looks at it. */
	fail(SYS_openat, EMFILE, 1);
	loop = fixture_loop();
	pool = fixture_pool(1);
	open = fixture_descriptors();
	program_check(reads_after_call(loop, pool) == 1 && has_failed, "no table");
	program_check(fixture_descriptors() == open, "it is watched");
	program_check(loop->fs->look_ns >= begun + second, "it is read again at once");
	fault_advance_clock(second);
	program_check(reads_after_call(loop, pool) == 2, "it is not read again");
	program_check(fixture_descriptors() == open + 1, "it is not watched");
	fault_advance_clock(second);
	program_check(reads_after_call(loop, pool) == 2, "it is read again though it is watched");
	fixture_end(loop, pool);
	trial_settle(memory, descriptors, before);
	puts("ok: a table that could not be watched is read again after a while");
}

int main(int argc, char **argv)
{
	program_begin(argc, argv, "each failure in the table of mounts (E3)", 1, 1);
	TRIAL("a table without memory", FAULT_MEMORY, -ENOMEM, with_all_calls, act_read, judge);
	TRIAL("a table of the text without memory", FAULT_MEMORY, -ENOMEM, without_statmount,
	      act_read, judge);
	TRIAL("a long table without memory", FAULT_MEMORY, -ENOMEM, with_all_calls, act_many,
	      judge_many);
	reading_the_text_fails();
	neither_tells();
	a_table_that_is_not_watched_is_read_again();
	if (!is_there()) {
		puts("skipped: this kernel has no statmount(): what it says is not tried");
		return 0;
	}
	program_check(try_each("a mount that goes while it is told is left out", SYSTEM_STATMOUNT,
			       ENOENT, true, true),
		      "none went");
	program_check(try_each("an answer that is too long is asked for again", SYSTEM_STATMOUNT,
			       EOVERFLOW, false, true),
		      "none was");
	program_check(try_each("where it is refused half-way, the text is read", SYSTEM_STATMOUNT,
			       EPERM, false, false),
		      "none was");
	program_check(try_each("where the list ends in an error, the text is read",
			       SYSTEM_LISTMOUNT, EINVAL, false, false),
		      "none did");
	try_all("without statmount", SYSTEM_STATMOUNT, ENOSYS);
	try_all("without listmount", SYSTEM_LISTMOUNT, ENOSYS);
	try_all("with statmount forbidden", SYSTEM_STATMOUNT, EPERM);
	try_all("with listmount forbidden", SYSTEM_LISTMOUNT, EPERM);
	try_all("with an answer that is too long whatever its room", SYSTEM_STATMOUNT, EOVERFLOW);
	return 0;
}
