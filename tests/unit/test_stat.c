/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stat, lstat and fstat, beside the system's own; inline and on the pool they are the same (S1). */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "fs/status.h"
#include "support/actor.h"
#include "support/fixture.h"
#include "support/folder.h"
#include "support/ways.h"

TestSuite(stat, .timeout = 30);

static ferry_loop *loop;
static ferry_pool *pool;

static void begin(void)
{
	loop = fixture_loop();
	pool = fixture_pool(2);
	ways_begin(loop, pool);
	folder_make();
}

static void end(void)
{
	folder_remove();
	fixture_end(loop, pool);
}

static ferry_local *ask_so(const char *path, bool follow, const ferry_fs_options *way)
{
	ferry_local *local = follow ? ferry_fs_stat(loop, pool, path, way)
				    : ferry_fs_lstat(loop, pool, path, way);

	cr_assert_not_null(local);
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	return local;
}

static ferry_local *ask(const char *path, bool follow)
{
	return ask_so(path, follow, ways_pool);
}

static int64_t ns(struct statx_timestamp time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static ferry_stat converted(const struct statx *from)
{
	return (ferry_stat){
		.device = makedev(from->stx_dev_major, from->stx_dev_minor),
		.inode = from->stx_ino,
		.links = from->stx_nlink,
		.size = from->stx_size,
		.blocks = from->stx_blocks,
		.mode = from->stx_mode,
		.uid = from->stx_uid,
		.gid = from->stx_gid,
		.block_size = from->stx_blksize,
		.special_device = makedev(from->stx_rdev_major, from->stx_rdev_minor),
		.accessed_ns = ns(from->stx_atime),
		.modified_ns = ns(from->stx_mtime),
		.changed_ns = ns(from->stx_ctime),
		.created_ns = from->stx_mask & STATX_BTIME ? ns(from->stx_btime) : 0,
		.attributes = from->stx_attributes & from->stx_attributes_mask,
	};
}

/* Both ways, and what the system says. Was it inline, where it might be? */
static bool check(const char *path, bool follow)
{
	struct statx status = { 0 };
	int code = statx(AT_FDCWD, path, follow ? 0 : AT_SYMLINK_NOFOLLOW,
			 STATX_BASIC_STATS | STATX_BTIME, &status) < 0
			   ? errno
			   : 0;
	ferry_stat expected = converted(&status);
	uint64_t hits = ways_counters(loop).hits;

	for (int i = 0; i < 2; i++) {
		ferry_local *local = ask_so(path, follow, &ways[i]);
		ferry_snapshot snapshot = ferry_local_snapshot(local);
		const ferry_stat *ours = ferry_fs_result_stat(local);

		cr_assert_eq(snapshot.exception, code ? ferry_error_from_errno(code) : NULL,
			     "%.60s, way %d: %s", path, i,
			     ferry_error_message(snapshot.exception));
		cr_assert_eq(!ours, !!code);
		cr_assert_eq(snapshot.result.pointer, ours);
		cr_assert(!ours || !memcmp(ours, &expected, sizeof(expected)), "%.60s, way %d",
			  path, i);
		ferry_local_unref(local);
	}
	return ways_counters(loop).hits > hits;
}

static void check_error(const char *path, bool follow, int code)
{
	for (int i = 0; i < 2; i++) {
		ferry_local *local = ask_so(path, follow, &ways[i]);

		cr_assert_eq(ferry_local_snapshot(local).exception, ferry_error_from_errno(code),
			     "%.60s, way %d: %s", path, i,
			     ferry_error_message(ferry_local_snapshot(local).exception));
		cr_assert_null(ferry_local_snapshot(local).result.pointer);
		cr_assert_null(ferry_fs_result_stat(local));
		ferry_local_unref(local);
	}
}

Test(stat, files_of_every_kind_are_as_the_system_says, .init = begin, .fini = end)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
	static const char *const names[] = { "file", "below", "link", "hard", "fifo", "socket" };

	folder_file("file", "twelve bytes");
	folder_below("below", 0711);
	folder_link("link", "file");
	cr_assert_eq(link(folder_path("file"), folder_path("hard")), 0);
	cr_assert_eq(mkfifo(folder_path("fifo"), 0640), 0);
	strcpy(address.sun_path, folder_path("socket"));
	cr_assert_eq(bind(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
	close(descriptor);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		check(folder_path(names[i]), true);
		check(folder_path(names[i]), false);
	}
	check("/dev/null", true);
}

Test(stat, stat_follows_a_link_and_lstat_does_not, .init = begin, .fini = end)
{
	ferry_local *local;

	folder_file("file", "x");
	folder_link("link", "file");
	local = ask(folder_path("link"), true);
	cr_assert(S_ISREG(((const ferry_stat *)ferry_local_snapshot(local).result.pointer)->mode));
	ferry_local_unref(local);
	local = ask(folder_path("link"), false);
	cr_assert(S_ISLNK(((const ferry_stat *)ferry_local_snapshot(local).result.pointer)->mode));
	ferry_local_unref(local);
}

Test(stat, times_before_1970_and_nanoseconds_are_kept, .init = begin, .fini = end)
{
	struct timespec times[2] = { { -5, 7 }, { 1, 999999999 } };

	folder_file("file", "");
	cr_assert_eq(utimensat(AT_FDCWD, folder_path("file"), times, 0), 0);
	check(folder_path("file"), true);
}

Test(stat, each_failure_is_its_errno, .init = begin, .fini = end)
{
	char name[300];

	folder_file("file", "");
	folder_link("nowhere", "does-not-exist");
	folder_link("one", "other");
	folder_link("other", "one");
	memset(name, 'n', 256);
	name[256] = 0;
	for (int follow = 0; follow < 2; follow++) {
		check_error(folder_path("does-not-exist"), follow, ENOENT);
		check_error("", follow, ENOENT);
		check_error(folder_path("file/below"), follow, ENOTDIR);
		check_error(folder_path("one/below"), follow, ELOOP);
		check_error(folder_path(name), follow, ENAMETOOLONG);
	}
	check_error(folder_path("nowhere"), true, ENOENT);
	check_error(folder_path("one"), true, ELOOP);
	check(folder_path("nowhere"), false);
	check(folder_path("one"), false);
}

Test(stat, a_name_of_255_bytes_is_not_too_long, .init = begin, .fini = end)
{
	char name[256];

	memset(name, 'n', 255);
	name[255] = 0;
	folder_file(name, "");
	check(folder_path(name), true);
}

Test(stat, a_folder_that_may_not_be_searched_is_EACCES)
{
	/* As nobody: root may search everything. The folder is removed by who made it. */
	pid_t child;
	int status;

	folder_make();
	folder_below("closed", 0700);
	folder_file("closed/file", "");
	cr_assert_eq(chmod(folder_path("closed"), getuid() ? 0 : 0700), 0);
	child = fork();
	if (child == 0) {
		ferry_local *local;

		folder_be_nobody();
		loop = fixture_loop();
		pool = fixture_pool(1);
		ways_begin(loop, pool);
		for (int i = 0; i < 4; i++) {
			local = ask_so(folder_path("closed/file"), i & 1, &ways[i / 2]);
			if (ferry_local_snapshot(local).exception != ferry_error_from_errno(EACCES))
				_exit(1 + i);
			ferry_local_unref(local);
		}
		_exit(0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	chmod(folder_path("closed"), 0700);
	folder_remove();
}

Test(stat, many_at_once_are_each_right, .init = begin, .fini = end)
{
	enum { MANY = 2000 };
	ferry_local *locals[MANY];

	for (int i = 0; i < MANY; i++)
		locals[i] = ferry_fs_stat(loop, pool, i % 2 ? folder : "/dev/null", NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	for (int i = 0; i < MANY; i++) {
		const ferry_stat *is = ferry_local_snapshot(locals[i]).result.pointer;

		cr_assert(i % 2 ? S_ISDIR(is->mode) : S_ISCHR(is->mode));
		ferry_local_unref(locals[i]);
	}
}

/* ---- inline ---- */

Test(stat, S1_either_way_it_is_the_same_and_inline_where_it_is_cached, .init = begin, .fini = end)
{
	static const char *const plain[] = { "file", "below", "hard", "below/../file", "./below/",
					     "fifo", "link", "" };
	static const char *const others[] = { "dangling", "dangling/x", "one", "one/x", "file/",
					      "file/x",   "missing",    "missing/x" };
	bool are_cached = ways_are_cached(folder);
	int held;

	folder_file("file", "content");
	folder_below("below", 0755);
	folder_link("link", "file");
	folder_link("dangling", "nowhere");
	folder_link("one", "two");
	folder_link("two", "one");
	folder_fifo("fifo");
	cr_assert_eq(link(folder_path("file"), folder_path("hard")), 0);
	for (int follow = 0; follow < 2; follow++) {
		for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
			held = ways_hold(folder_path(plain[i]));
			cr_assert(check(folder_path(plain[i]), follow) || !are_cached ||
					  !strcmp(plain[i], "link"),
				  "\"%s\" is not answered inline", plain[i]);
			close(held);
		}
		for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
			check(folder_path(others[i]), follow);
	}
}

/* Others may change them at any time, and the kernel makes its own anew. */
Test(stat, S1_files_that_are_not_the_tests_are_found_either_way, .init = begin, .fini = end)
{
	static const char *const paths[] = { "/proc/self/status", "/proc/self", "/proc/self/exe",
					     "/proc/self/fd/2",   "/proc/self/cwd", "/sys/kernel",
					     "/proc/self/missing", "/", "/proc", "/dev", ".", "..",
					     "/dev/null", "" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		for (int j = 0; j < 4; j++) {
			bool follow = j & 1;
			struct stat status;
			int code = (follow ? stat(paths[i], &status) : lstat(paths[i], &status)) < 0
					   ? errno
					   : 0;
			ferry_local *local = ask_so(paths[i], follow, &ways[j / 2]);

			cr_assert_eq(ways_end(loop, local), code, "%s", paths[i]);
			if (!code) {
				cr_assert_eq(ferry_fs_result_stat(local)->device, status.st_dev);
				cr_assert_eq(ferry_fs_result_stat(local)->mode, status.st_mode);
			}
			ferry_local_unref(local);
		}
}

Test(stat, S1_what_has_just_changed_is_as_it_is_now, .init = begin, .fini = end)
{
	char path[300], other[300];

	strcpy(path, folder_path("name"));
	strcpy(other, folder_path("another"));
	for (int i = 0; i < 100; i++) {
		check_error(path, true, ENOENT);
		folder_file("name", "x");
		check(path, true);
		cr_assert_eq(truncate(path, i), 0);
		check(path, true);
		cr_assert_eq(chmod(path, 0600 | i), 0);
		check(path, false);
		cr_assert_eq(rename(path, other), 0);
		check_error(path, true, ENOENT);
		check(other, true);
		cr_assert_eq(symlink(other, path), 0);
		check(path, true);
		check(path, false);
		cr_assert_eq(unlink(path), 0);
		cr_assert_eq(unlink(other), 0);
		check_error(other, false, ENOENT);
		cr_assert_eq(mkdir(path, 0700), 0);
		check(path, true);
		cr_assert_eq(rmdir(path), 0);
	}
}

/* ---- of an open file ---- */

static bool check_open(int fd)
{
	struct stat expected;
	int code = fstat(fd, &expected) < 0 ? errno : 0;
	uint64_t hits = ways_counters(loop).hits;

	for (int i = 0; i < 2; i++) {
		ferry_local *local = ferry_fs_fstat(loop, pool, fd, &ways[i]);
		const ferry_stat *ours;

		cr_assert_eq(ways_end(loop, local), code, "%d", fd);
		ours = ferry_fs_result_stat(local);
		cr_assert_eq(!ours, !!code);
		if (ours) {
			cr_assert_eq(ours->device, expected.st_dev);
			cr_assert_eq(ours->inode, expected.st_ino);
			cr_assert_eq(ours->mode, expected.st_mode);
			cr_assert_eq(ours->links, expected.st_nlink);
			cr_assert_eq(ours->size, (uint64_t)expected.st_size);
		}
		ferry_local_unref(local);
	}
	return ways_counters(loop).hits > hits;
}

Test(stat, S1_fstat_of_open_files_of_every_kind, .init = begin, .fini = end)
{
	bool are_cached = ways_are_cached(folder);
	int ends[2], fd;

	folder_file("file", "content");
	fd = open(folder_path("file"), O_RDWR);
	cr_assert(check_open(fd) || !are_cached);
	cr_assert_eq(unlink(folder_path("file")), 0);
	cr_assert(check_open(fd) || !are_cached, "without a name");
	close(fd);
	fd = open(folder, O_PATH);
	cr_assert(check_open(fd) || !are_cached);
	close(fd);
	cr_assert_eq(pipe(ends), 0);
	check_open(ends[0]);
	cr_assert_eq(write(ends[1], "x", 1), 1);
	check_open(ends[0]);
	close(ends[0]);
	check_open(ends[1]);
	close(ends[1]);
	check_open(ends[1]);
	check_open(1000000);
	check_open(INT_MAX);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	check_open(fd);
	close(fd);
	fd = open("/proc/self/status", O_RDONLY);
	check_open(fd);
	close(fd);
}

/* ---- the result ---- */

Test(stat, its_result_is_there_with_its_type_while_it_has_one, .init = begin, .fini = end)
{
	ferry_local *local, *others[3];
	const ferry_stat *attributes;
	ferry_result taken;

	cr_assert_null(ferry_fs_result_stat(NULL));
	others[0] = ferry_fs_access(loop, pool, "/", F_OK, ways_pool);
	others[1] = ferry_fs_open(loop, pool, "/", O_RDONLY, 0, ways_pool);
	cr_assert_eq(ferry_local_new(loop, &others[2]), 0);
	cr_assert_eq(ferry_local_set_result(others[2], ferry_result_pointer(&taken, NULL)), 0);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(ferry_loop_run_until(loop, others[i]), 0);
		cr_assert_null(ferry_fs_result_stat(others[i]), "of another call");
		ferry_local_unref(others[i]);
	}
	for (int i = 0; i < 2; i++) {
		local = ferry_fs_stat(loop, pool, "/", &ways[i]);
		if (!ferry_local_snapshot(local).done)
			cr_assert_null(ferry_fs_result_stat(local), "pending");
		cr_assert_eq(ways_end(loop, local), 0);
		attributes = ferry_fs_result_stat(local);
		cr_assert(S_ISDIR(attributes->mode));
		cr_assert_eq(ferry_local_take(local, &taken), 0);
		cr_assert_eq(taken.pointer, attributes);
		cr_assert_null(taken.disposer);
		cr_assert_eq(ferry_fs_result_stat(local), attributes, "it lies in the request");
		ferry_local_unref(local);
	}
	local = ferry_fs_stat(loop, pool, "/", ways_pool);
	cr_assert_eq(ferry_local_cancel(local), 1);
	cr_assert_null(ferry_fs_result_stat(local));
	ferry_local_unref(local);
}

static const ferry_stat *result_elsewhere;

static void read_elsewhere(void *local)
{
	result_elsewhere = ferry_fs_result_stat(local);
}

Test(stat, L6_its_result_is_its_loops_threads, .init = begin, .fini = end)
{
	ferry_local *local = ferry_fs_stat(loop, pool, "/", ways_inline);

	cr_assert_eq(ways_end(loop, local), 0);
	fixture_elsewhere(read_elsewhere, local);
	cr_assert_null(result_elsewhere);
	ferry_local_unref(local);
}

/* ---- born done ---- */

static void note(ferry_local *local, void *user)
{
	cr_assert(ferry_local_snapshot(local).done);
	diary_note("%s", (const char *)user);
}

struct asker {
	FERRY_FRAME;
	ferry_await await;
	const char *path;
};

static ferry_step asker_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct asker, f);
	diary_note("asks");
	FERRY_TRY(ferry_await_local(&f->await,
				    ferry_fs_stat(loop, pool, f->path, ways_inline)));
	diary_note("knows");
	FERRY_RETURN();

	FERRY_FINALLY
	diary_note("ends");
	ferry_await_end(&f->await);
	FERRY_END;
}

Test(stat, L2_callbacks_of_one_that_was_answered_inline_are_called_from_the_loop, .init = begin,
     .fini = end)
{
	ferry_local *local;
	int held = ways_hold(folder);

	WAYS_OR_SKIP(folder);
	local = ferry_fs_stat(loop, pool, folder, ways_inline);
	cr_assert(ferry_local_snapshot(local).done);
	cr_assert_eq(ferry_local_add_done_callback(local, note, "first"), 0);
	cr_assert_eq(ferry_local_add_done_callback(local, note, "second"), 0);
	cr_assert(diary_is(""));
	cr_assert_eq(ferry_local_cancel(local), -EALREADY);
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("first second"));
	close(held);
}

Test(stat, T2_a_task_does_not_stop_for_one_that_is_answered_inline, .init = begin, .fini = end)
{
	struct asker good = { .path = folder }, bad = { .path = folder_path("missing") };
	int held = ways_hold(folder);
	uint64_t turns;

	WAYS_OR_SKIP(folder);
	turns = fixture_loop_counters(loop).turns;
	ferry_task_begin(&good.task, loop, asker_step, NULL);
	cr_assert(diary_is("asks knows ends"));
	cr_assert(ferry_task_snapshot(&good.task).done);
	cr_assert_eq(fixture_loop_counters(loop).turns, turns);
	ferry_task_clear(&good.task);
	ferry_task_begin(&bad.task, loop, asker_step, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("asks ends"));
	cr_assert_eq(ferry_task_snapshot(&bad.task).exception, ferry_error_from_errno(ENOENT));
	ferry_task_clear(&bad.task);
	close(held);
}

static unsigned unseen;

static void count_unseen(ferry_loop *of, const ferry_error *error, void *user)
{
	(void)of, (void)error, (void)user;
	unseen++;
}

Test(stat, L6_an_exception_that_nobody_looked_at_is_told_of_either_way, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_loop_set_exception_handler(loop, count_unseen, NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		ferry_local *local = ferry_fs_stat(loop, pool, folder_path("file/x"), &ways[i]);

		cr_assert_eq(ferry_loop_run_until(loop, local), 0);
		ferry_local_unref(local);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert_eq(unseen, i + 1);
		local = ask_so(folder_path("file/x"), true, &ways[i]);
		cr_assert_not_null(ferry_local_snapshot(local).exception);
		ferry_local_unref(local);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert_eq(unseen, i + 1, "this one was seen");
	}
}

/* Only some filesystems keep such times; all tell them in the same way. */
Test(stat, times_that_are_too_far_away_are_as_far_as_can_be)
{
	static const struct {
		int64_t seconds, ns;
	} cases[] = {
		{ INT64_MAX, INT64_MAX },
		{ INT64_MAX / 1000000000, INT64_MAX }, /* in the middle of a second */
		{ INT64_MIN, INT64_MIN },
		{ -(INT64_MAX / 1000000000) - 2, INT64_MIN },
		{ -(INT64_MAX / 1000000000), -(INT64_MAX / 1000000000) * 1000000000 + 999999999 },
		{ INT64_MAX / 1000000000 - 1,
		  (INT64_MAX / 1000000000 - 1) * 1000000000 + 999999999 },
		{ 0, 999999999 },
		{ -1, -1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct statx status = { .stx_mask = STATX_BTIME };
		ferry_stat told;

		status.stx_mtime.tv_sec = cases[i].seconds;
		status.stx_mtime.tv_nsec = 999999999;
		status_convert(&status, &told);
		cr_assert_eq(told.modified_ns, cases[i].ns, "%zu", i);
	}
}
