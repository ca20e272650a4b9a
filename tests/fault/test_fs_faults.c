/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * E3, L4 in the file calls: without memory for the request, for its deadline or for what
 * is read, and when reading fails half-way: one error, the path released, no descriptor
 * lost. The calls that a worker makes of its own are wrapped by the linker.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include "fault/trial.h"
#include "support/folder.h"
#include "support/ways.h"

enum { DEADLINE = 1, BORROWED = 2 };

struct scene {
	ferry_loop *loop;
	ferry_pool *pool;
	ferry_local *local;
	ferry_local *kept; /* has the block that would be used again */
	ferry_fs_root *root;
	int fd;
};

static const char *path;
static _Atomic unsigned released;

/* ---- what a worker calls ---- */

/* 1: the next one fails, 2: the one after it, ...; 0: none. */
static _Atomic unsigned realloc_fails, malloc_fails, read_fails;

static bool fails(_Atomic unsigned *left)
{
	return *left && --*left == 0;
}

void *__real_realloc(void *memory, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

void *__wrap_realloc(void *memory, size_t bytes)
{
	return fails(&realloc_fails) ? NULL : __real_realloc(memory, bytes);
}

void *__wrap_malloc(size_t bytes)
{
	return fails(&malloc_fails) ? NULL : __real_malloc(bytes);
}

long __wrap_syscall(long number, ...)
{
	va_list list;
	long given[6] = { 0 };

	va_start(list, number);
	/* The sixth lies on the stack, where only these two have one. */
	for (int i = 0; i < 5 + (number == SYS_futex || number == SYS_epoll_pwait2); i++)
		given[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_getdents64 && fails(&read_fails)) {
		errno = EIO;
		return -1;
	}
	return __real_syscall(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}

/* ---- the requests ---- */

static void release(void *given)
{
	program_check(given == path, "something else is released");
	released++;
}

/* Its loop has not made a file call yet. */
static void prepare_first(struct scene *scene)
{
	scene->loop = fixture_loop();
	scene->pool = fixture_pool(1);
	scene->fd = -1;
	released = 0;
}

static void prepare(struct scene *scene)
{
	scene->loop = fixture_loop();
	scene->pool = fixture_pool(1);
	ways_begin(scene->loop, scene->pool);
	scene->kept = ferry_fs_stat(scene->loop, scene->pool, path, ways_pool);
	program_check(!ferry_loop_run_until(scene->loop, scene->kept), "no first call");
	scene->fd = open(path, O_RDONLY | O_DIRECTORY);
	released = 0;
}

/* There is a root that was removed: who looks at it does not close it himself. */
static void prepare_removed(struct scene *scene)
{
	prepare(scene);
	folder_below("removed", 0700);
	scene->root = ways_root(scene->loop, scene->pool, folder_path("removed"),
				FERRY_FS_TRUST_NONE);
	program_check(!rmdir(folder_path("removed")), "it is not removed");
	released = 0;
}

static ferry_fs_options make_options(unsigned which)
{
	ferry_fs_options options = *ways_pool;

	if (which & DEADLINE)
		options.deadline_ns = ferry_in_ns(3600000000000u);
	if (which & BORROWED) {
		options.borrow_path = 1;
		options.release = release;
	}
	return options;
}

static int born(struct scene *scene, ferry_local *local)
{
	scene->local = local;
	return local ? 0 : -errno;
}

static int act_stat(struct scene *scene)
{
	ferry_fs_options options = make_options(DEADLINE | BORROWED);

	return born(scene, ferry_fs_stat(scene->loop, scene->pool, path, &options));
}

static int act_lstat(struct scene *scene)
{
	ferry_fs_options options = make_options(DEADLINE | BORROWED);

	return born(scene, ferry_fs_lstat(scene->loop, scene->pool, path, &options));
}

static int act_open(struct scene *scene)
{
	ferry_fs_options options = make_options(DEADLINE | BORROWED);

	return born(scene, ferry_fs_open(scene->loop, scene->pool, path, O_RDONLY, 0, &options));
}

static int act_readdir(struct scene *scene)
{
	ferry_fs_options options = make_options(DEADLINE | BORROWED);

	return born(scene, ferry_fs_readdir(scene->loop, scene->pool, path, &options));
}

static int act_close(struct scene *scene)
{
	return born(scene, ferry_fs_close(scene->loop, scene->pool, scene->fd, ways_pool));
}

static int act_look(struct scene *scene)
{
	ferry_fs_options options = *ways_inline;

	options.root = scene->root;
	return born(scene, ferry_fs_stat(scene->loop, scene->pool, ".", &options));
}

/* Waits for the outcome: its errno. A result that nobody took is disposed of. */
static int outcome(struct scene *scene)
{
	int error;

	program_check(ferry_loop_run_until(scene->loop, scene->local) == 0, "never done");
	error = ferry_error_errno(ferry_local_snapshot(scene->local).exception);
	ferry_local_unref(scene->local);
	return error;
}

static void end(struct scene *scene)
{
	program_check(act_readdir(scene) == 0, "no request");
	program_check(outcome(scene) == 0, "no entries");
	program_check(ferry_loop_run(scene->loop) == 0, "something is left");
	ferry_local_unref(scene->kept);
	fixture_end(scene->loop, scene->pool);
	if (fcntl(scene->fd, F_GETFD) >= 0)
		close(scene->fd);
}

static void judge(struct scene *scene, int result, unsigned n)
{
	/* The block; after it the place of its deadline among the timers. */
	program_check(result == (n == 1 ? -ENOMEM : 0), "request: %d", result);
	if (!result)
		program_check(outcome(scene) == (n ? ENOMEM : 0), "outcome");
	program_check(released == (n != 1), "released %u times (L4)", released);
	end(scene);
}

/* What the loop knows of filesystems comes first, and the table of mounts can wait. */
static void judge_first(struct scene *scene, int result, unsigned n)
{
	int code = result ? ENOMEM : outcome(scene);

	program_check(result == 0 || result == -ENOMEM, "request: %d", result);
	program_check(code == 0 || (n && code == ENOMEM), "outcome: %d", code);
	program_check(released == !result, "released %u times (L4)", released);
	end(scene);
}

static void judge_close(struct scene *scene, int result, unsigned n)
{
	bool is_open;

	program_check(result == (n ? -ENOMEM : 0), "request: %d", result);
	if (!result)
		program_check(outcome(scene) == 0, "outcome");
	is_open = fcntl(scene->fd, F_GETFD) >= 0;
	program_check(is_open == !!n, "a descriptor is taken without a local, or left with one");
	end(scene);
}

/* Without memory to have a worker close what was looked at it is closed all the same. */
static void judge_look(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n == 1 ? -ENOMEM : 0), "request: %d", result);
	if (!result)
		program_check(outcome(scene) == 0, "outcome");
	ferry_fs_root_unref(scene->root);
	end(scene);
}

/* ---- readdir ---- */

static void fails_reading(const char *shows, _Atomic unsigned *what, int error, unsigned least)
{
	unsigned n = 1, left;

	do {
		long memory = fault_memory(), descriptors = fault_descriptors();
		int open = fixture_descriptors(), got;
		struct scene scene = { .fd = -1 };

		prepare(&scene);
		*what = n++;
		program_check(act_readdir(&scene) == 0, "no request");
		got = outcome(&scene);
		left = *what;
		*what = 0;
		program_check(got == (left ? 0 : error), "%s: outcome %d", shows, got);
		program_check(released == 1, "released %u times (L4)", released);
		end(&scene);
		trial_settle(memory, descriptors, open);
	} while (!left);
	program_check(n > least + 1, "%s: nothing failed", shows);
	printf("ok: %s: %u failures\n", shows, n - 2);
}

int main(int argc, char **argv)
{
	program_begin(argc, argv, "each failure of memory in the file calls (E3, L4)", 1, 1);
	folder_make();
	/* More names than are read at once. */
	for (int i = 0; i < 800; i++) {
		char name[160];

		snprintf(name, sizeof(name), "%0150d", i);
		folder_file(name, "");
	}
	path = folder;
	TRIAL("ferry_fs_stat without memory", FAULT_MEMORY, -ENOMEM, prepare, act_stat, judge);
	TRIAL("the first call of a loop without memory", FAULT_MEMORY, -ENOMEM, prepare_first,
	      act_stat, judge_first);
	TRIAL("ferry_fs_lstat without memory", FAULT_MEMORY, -ENOMEM, prepare, act_lstat, judge);
	TRIAL("ferry_fs_open without memory", FAULT_MEMORY, -ENOMEM, prepare, act_open, judge);
	TRIAL("ferry_fs_readdir without memory", FAULT_MEMORY, -ENOMEM, prepare, act_readdir,
	      judge);
	TRIAL("ferry_fs_close without memory", FAULT_MEMORY, -ENOMEM, prepare, act_close,
	      judge_close);
	TRIAL("ferry_fs_stat of what was removed without memory", FAULT_MEMORY, -ENOMEM,
	      prepare_removed, act_look, judge_look);
	fails_reading("readdir without memory for what it reads", &realloc_fails, ENOMEM, 2);
	fails_reading("readdir without memory for its entries", &malloc_fails, ENOMEM, 1);
	fails_reading("readdir when the kernel stops giving entries", &read_fails, EIO, 2);
	folder_remove();
	return 0;
}
