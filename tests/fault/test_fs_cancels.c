/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * F7, L4 in the file calls: each is cancelled before a worker begins it, while the worker is inside
 * of the system call, when that has returned, and when its outcome is there; or its loop is closed,
 * or its pool let go of meanwhile. Nothing is lost, nothing is closed twice, no memory is left. The
 * system calls of the worker are wrapped by the linker, and wait at a gate.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "fault/trial.h"
#include "support/folder.h"
#include "support/gate.h"
#include "support/ways.h"

/* ---- what a worker calls ---- */

static pthread_t loops_thread;
static struct gate gate;
static _Atomic int waits; /* 1: the next system call of a worker, 2: the one after it; 0: none */
static _Atomic int fails; /* that one fails with this errno, when it has gone through */

/* 0, or the errno that the call fails with. */
static int pass(void)
{
	if (pthread_equal(pthread_self(), loops_thread) || !waits || --waits)
		return 0;
	gate_wait(&gate);
	return fails;
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

static int failed(int error)
{
	errno = error;
	return -1;
}

int __wrap_open64(const char *path, int flags, ...)
{
	int error = pass();
	unsigned mode;
	va_list list;

	va_start(list, flags);
	mode = va_arg(list, unsigned);
	va_end(list);
	return error ? failed(error) : __real_open64(path, flags, mode);
}

int __wrap_open(const char *path, int flags, ...)
{
	int error = pass();
	unsigned mode;
	va_list list;

	va_start(list, flags);
	mode = va_arg(list, unsigned);
	va_end(list);
	return error ? failed(error) : __real_open(path, flags, mode);
}

int __wrap_close(int fd)
{
	int error = pass(), returned = __real_close(fd);

	return error ? failed(error) : returned;
}

int __wrap_access(const char *path, int mode)
{
	int error = pass();

	return error ? failed(error) : __real_access(path, mode);
}

long __wrap_syscall(long number, ...)
{
	va_list list;
	long given[6] = { 0 };
	int error = 0;

	va_start(list, number);
	/* The sixth lies on the stack, where only these two have one. */
	for (int i = 0; i < 5 + (number == SYS_futex || number == SYS_epoll_pwait2); i++)
		given[i] = va_arg(list, long);
	va_end(list);
	/* Not the futexes of the pool. */
	if (number == SYS_statx || number == SYS_openat2)
		error = pass();
	if (error)
		return failed(error);
	return __real_syscall(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}

/* ---- the calls ---- */

static ferry_loop *loop;
static ferry_pool *pool;
static ferry_fs_root *root;
static int file;                /* for fstat */
static int closing;             /* for close */
static _Atomic unsigned released;

static void release(void *path)
{
	(void)path;
	released++;
}

static ferry_fs_options with_path(void)
{
	ferry_fs_options options = *ways_pool;

	options.borrow_path = 1;
	options.release = release;
	return options;
}

static ferry_local *do_stat(void)
{
	ferry_fs_options options = with_path();

	return ferry_fs_stat(loop, pool, folder, &options);
}

static ferry_local *do_lstat(void)
{
	ferry_fs_options options = with_path();

	return ferry_fs_lstat(loop, pool, folder, &options);
}

static ferry_local *do_fstat(void)
{
	return ferry_fs_fstat(loop, pool, file, ways_pool);
}

static ferry_local *do_stat_below(void)
{
	ferry_fs_options options = with_path();

	options.root = root;
	return ferry_fs_stat(loop, pool, "file", &options);
}

static ferry_local *do_open(void)
{
	ferry_fs_options options = with_path();

	return ferry_fs_open(loop, pool, folder, O_RDONLY, 0, &options);
}

static ferry_local *do_open_below(void)
{
	ferry_fs_options options = with_path();

	options.root = root;
	return ferry_fs_open(loop, pool, "file", O_RDONLY, 0, &options);
}

static ferry_local *do_open_stat(void)
{
	ferry_fs_options options = with_path();

	return ferry_fs_open_stat(loop, pool, folder, O_RDONLY, 0, &options);
}

static ferry_local *do_access(void)
{
	ferry_fs_options options = with_path();

	return ferry_fs_access(loop, pool, folder, R_OK, &options);
}

static ferry_local *do_root_open(void)
{
	ferry_fs_options options = with_path();

	return ferry_fs_root_open(loop, pool, folder, NULL, &options);
}

static ferry_local *do_close(void)
{
	return ferry_fs_close(loop, pool, closing, ways_pool);
}

static const struct row {
	const char *name;
	ferry_local *(*begin)(void);
	bool has_path, closes;
	int which; /* of its system calls waits, or fails */
	int error; /* one that is documented, and no filter's */
} rows[] = {
	{ "stat", do_stat, true, false, 1, EIO },
	{ "lstat", do_lstat, true, false, 1, EACCES },
	{ "fstat", do_fstat, false, false, 1, EIO },
	{ "stat below a root", do_stat_below, true, false, 1, EIO },
	{ "open", do_open, true, false, 1, ENXIO },
	{ "open below a root", do_open_below, true, false, 1, ENFILE },
	{ "open_stat", do_open_stat, true, false, 1, ENOMEM },
	{ "open_stat, opened already", do_open_stat, true, false, 2, EIO },
	{ "access", do_access, true, false, 1, EROFS },
	{ "root_open", do_root_open, true, false, 1, ENOTDIR },
	{ "close", do_close, false, true, 1, EIO },
};

/* ---- what may happen to them ---- */

enum moment {
	NEVER,          /* it ends as it likes */
	BEFORE,         /* a worker begins it */
	DURING,         /* the worker is inside */
	RETURNED,       /* it has returned, and its outcome is on its way */
	AFTER,          /* its outcome is there */
	DROPPED,        /* it is let go of, while the worker is inside */
	LOOP_BEFORE,    /* its loop closes */
	LOOP_DURING,
	POOL_DURING,    /* its pool is let go of */
	MOMENTS
};

static int do_nothing(void *arg, ferry_result *out)
{
	(void)arg, (void)out;
	return 0;
}

static int wait_at(void *arg, ferry_result *out)
{
	(void)out;
	gate_wait(arg);
	return 0;
}

static uint64_t ran(void)
{
	ferry_pool_counters counters = fixture_pool_counters(pool);

	return counters.ran;
}

static void cancel(ferry_local *local, bool is_done)
{
	int said = ferry_local_cancel(local);

	program_check(said == (is_done ? -EALREADY : 1), "a cancel says %d", said);
	program_check(ferry_local_snapshot(local).cancelled == !is_done, "not cancelled");
}

/* The worker has done all that it was given, and disposed of what it was handed. */
static void settle(void)
{
	for (int i = 0; i < 3; i++) {
		ferry_local *local = ferry_offload(loop, pool, do_nothing, NULL, NULL);

		program_check(!ferry_loop_run_until(loop, local), "the worker does not come");
		ferry_local_unref(local);
	}
	program_check(!ferry_loop_run(loop), "the loop does not end");
	program_check(!ways_counters(loop).under_way, "something is under way for ever");
}

static void prepare(void)
{
	loop = fixture_loop();
	pool = fixture_pool(1);
	ways_begin(loop, pool);
	root = ways_root(loop, pool, folder, FERRY_FS_TRUST_NONE);
	file = __real_open(folder, O_RDONLY | O_CLOEXEC);
	closing = __real_open(folder, O_RDONLY | O_CLOEXEC);
	gate_init(&gate);
	released = 0;
}

static void run_to_its_end(const struct row *row, ferry_local *local, int error)
{
	int got = ways_end(loop, local);

	program_check(got == error, "%s: %d, not %d", row->name, got, error);
}

/* The call is begun, and the worker comes as far as the moment wants. */
static ferry_local *begin(const struct row *row, enum moment moment, ferry_local **before)
{
	ferry_local *local;

	*before = NULL;
	if (moment == BEFORE || moment == LOOP_BEFORE)
		*before = ferry_offload(loop, pool, wait_at, &gate, NULL);
	else
		waits = row->which;
	local = row->begin();
	program_check(local != NULL, "%s: no local", row->name);
	gate_await(&gate, 1);
	return local;
}

static void happens(const struct row *row, enum moment moment, int error)
{
	uint64_t before_ran;
	ferry_local *before, *local;

	fails = error;
	local = begin(row, moment, &before);
	before_ran = ran();
	switch (moment) {
	case BEFORE:
	case DURING:
		cancel(local, false);
		break;
	case DROPPED:
		local = ferry_local_unref(local);
		break;
	case LOOP_BEFORE:
	case LOOP_DURING:
		before = ferry_local_unref(before);
		program_check(!ferry_loop_free(loop), "the loop does not close");
		loop = NULL;
		program_check(ferry_local_snapshot(local).cancelled, "not cancelled");
		break;
	case POOL_DURING:
		ferry_pool_free(pool);
		pool = NULL;
		break;
	default:
		break;
	}
	program_check(!row->has_path || moment == BEFORE || moment == LOOP_BEFORE || !released,
		      "%s: released while it is used (L4)", row->name);
	gate_open(&gate);
	switch (moment) {
	case RETURNED:
		while (ran() == before_ran)
			sched_yield();
		cancel(local, false);
		break;
	case NEVER:
	case AFTER:
		run_to_its_end(row, local, error);
		if (moment == AFTER)
			cancel(local, true);
		break;
	case POOL_DURING:
		run_to_its_end(row, local, error);
		break;
	default:
		break;
	}
	if (!loop) {
		loop = fixture_loop();
		ways_begin(loop, pool);
	}
	ferry_local_unref(local);
	ferry_local_unref(before);
}

static void try(const struct row *row, enum moment moment, int error)
{
	long memory = fault_memory(), descriptors = fault_descriptors();
	int open = fixture_descriptors();

	prepare();
	happens(row, moment, error);
	/* The disposer of a pool that is gone is on a thread of its own. */
	if (pool)
		settle();
	program_check(released == row->has_path, "%s, %d: released %u times (L4)", row->name,
		      moment, released);
	waits = 0;
	ferry_fs_root_unref(root);
	if (!pool)
		pool = fixture_pool(1);
	fixture_end(loop, pool);
	close(file);
	program_check(!row->closes || fcntl(closing, F_GETFD) < 0,
		      "%s, %d: it is open still", row->name, moment);
	if (!row->closes)
		close(closing);
	while (fixture_descriptors() != open)
		sched_yield(); /* the alarm ends a leak */
	program_check(fault_descriptors() == descriptors, "%s: a descriptor is lost", row->name);
	while (fault_memory() != memory)
		sched_yield();
}

int main(int argc, char **argv)
{
	struct program program = program_begin(
		argc, argv, "file calls cancelled at each moment (F7, L4)", 3, 50);
	unsigned tries = 0;

	loops_thread = pthread_self();
	folder_make();
	folder_file("file", "content");
	for (long i = 0; i < program.count; i++)
		for (size_t j = 0; j < sizeof(rows) / sizeof(*rows); j++)
			for (int moment = NEVER; moment < MOMENTS; moment++)
				for (int good = 0; good < 2; good++, tries++)
					try(&rows[j], (enum moment)moment,
					    good ? 0 : rows[j].error);
	printf("ok: %u calls, of %zu kinds, at %d moments\n", tries, sizeof(rows) / sizeof(*rows),
	       MOMENTS);
	folder_remove();
	return 0;
}
