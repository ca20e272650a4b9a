/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/fs/root.c, and what is opened below roots: nothing leaves them, either way; what their owners
 * vouch for is opened inline, and nothing else (S1, F7).
 */
#include <criterion/criterion.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "support/folder.h"
#include "support/gate.h"
#include "support/lease.h"
#include "support/namespace.h"
#include "support/tasks.h"
#include "support/ways.h"

TestSuite(root, .timeout = 60);

static ferry_loop *loop;
static ferry_pool *pool; /* one worker */
static int held;         /* others on the machine may clear its caches */

static void begin(void)
{
	loop = fixture_loop();
	pool = fixture_pool(1);
	ways_begin(loop, pool);
	folder_make();
	folder_file("file", "content");
	folder_below("below", 0755);
	held = ways_hold(folder_path("file"));
}

static void end(void)
{
	close(held);
	folder_remove();
	fixture_end(loop, pool);
}

static struct gate gate;
static ferry_local *blocked;

static int wait_at(void *arg, ferry_result *out)
{
	(void)out;
	gate_wait(arg);
	return 0;
}

/* The worker is inside a call until unblock(). */
static void block(void)
{
	gate_init(&gate);
	blocked = ferry_offload(loop, pool, wait_at, &gate, NULL);
	gate_await(&gate, 1);
}

static void unblock(void)
{
	gate_open(&gate);
	cr_assert_eq(ferry_loop_run(loop), 0);
	blocked = ferry_local_unref(blocked);
}

/* The worker has done all that it was given, and disposed of what it was handed. */
static void await_worker(void)
{
	for (int i = 0; i < 2; i++) {
		block();
		unblock();
	}
}

static ferry_fs_options below(ferry_fs_root *root, bool on_pool)
{
	ferry_fs_options options = ways[on_pool];

	options.root = root;
	return options;
}

/* Opens below a root; was that inline? The descriptor, or a negative errno. */
static int open_below(ferry_fs_root *root, const char *path, int flags, bool on_pool,
		      bool *was_inline)
{
	ferry_fs_options options = below(root, on_pool);
	uint64_t hits = ways_counters(loop).hits;
	ferry_local *local = ferry_fs_open(loop, pool, path, flags, 0600, &options);
	bool is_done = ferry_local_snapshot(local).done;
	int error = ways_end(loop, local);
	ferry_result fd = ferry_result_i64(-error);

	if (was_inline)
		*was_inline = is_done;
	cr_assert_eq(ways_counters(loop).hits, hits + is_done);
	if (!error)
		cr_assert_eq(ferry_local_take(local, &fd), 0);
	ferry_local_unref(local);
	return (int)fd.i64;
}

/* ---- opened and let go of ---- */

Test(root, a_root_is_a_descriptor_that_asks_no_filesystem, .init = begin, .fini = end)
{
	int before = fixture_descriptors();
	ferry_fs_root *root = ways_root(loop, pool, folder, FERRY_FS_TRUST_NONE);
	struct stat status, expected;
	int fd = ferry_fs_root_fd(root);

	cr_assert_eq(fixture_descriptors(), before + 1);
	cr_assert(fcntl(fd, F_GETFL) & O_PATH);
	cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	cr_assert_eq(fstat(fd, &status), 0);
	cr_assert_eq(stat(folder, &expected), 0);
	cr_assert_eq(status.st_ino, expected.st_ino);
	cr_assert_eq(ferry_fs_root_ref(root), root);
	cr_assert_null(ferry_fs_root_unref(root));
	cr_assert_eq(fixture_descriptors(), before + 1);
	cr_assert_null(ferry_fs_root_unref(root));
	cr_assert_eq(fixture_descriptors(), before);
	cr_assert_null(ferry_fs_root_ref(NULL));
	cr_assert_null(ferry_fs_root_unref(NULL));
	cr_assert_eq(ferry_fs_root_fd(NULL), -EINVAL);
}

static int open_error(const char *path)
{
	ferry_local *local = ferry_fs_root_open(loop, pool, path, NULL, NULL);
	int error = ways_end(loop, local);

	ferry_local_unref(local);
	return error;
}

Test(root, each_failure_is_its_errno_and_no_descriptor_is_lost, .init = begin, .fini = end)
{
	int before = fixture_descriptors();
	char name[257];

	memset(name, 'n', 256);
	name[256] = 0;
	folder_link("loop", "loop");
	folder_link("link", "below");
	cr_assert_eq(open_error(folder_path("missing")), ENOENT);
	cr_assert_eq(open_error(""), ENOENT);
	cr_assert_eq(open_error(folder_path("file")), ENOTDIR);
	cr_assert_eq(open_error(folder_path("file/x")), ENOTDIR);
	cr_assert_eq(open_error(folder_path("loop")), ELOOP);
	cr_assert_eq(open_error(folder_path(name)), ENAMETOOLONG);
	fixture_descriptors_left(0);
	cr_assert_eq(open_error(folder), EMFILE);
	fixture_descriptors_left(-1);
	cr_assert_eq(open_error(folder_path("link")), 0, "which nobody takes");
	cr_assert_eq(fixture_descriptors(), before);
}

Test(root, a_link_at_the_end_of_its_own_path_is_followed_unless_it_must_not_be, .init = begin,
     .fini = end)
{
	for (int no_follow = 0; no_follow < 2; no_follow++) {
		ferry_fs_root_options options = FERRY_FS_ROOT_OPTIONS_INIT;
		const char *path = folder_path(no_follow ? "second" : "first");
		ferry_local *local;

		options.no_follow = no_follow;
		cr_assert_eq(symlink(".", path), 0);
		local = ferry_fs_root_open(loop, pool, path, &options, NULL);
		cr_assert_eq(ferry_loop_run_until(loop, local), 0);
		cr_assert_eq(ferry_error_errno(ferry_local_snapshot(local).exception),
			     no_follow ? ENOTDIR : 0);
		ferry_local_unref(local);
	}
}

Test(root, F7_a_root_that_nobody_takes_is_closed_whenever_it_was_cancelled, .init = begin)
{
	int before = fixture_descriptors(), without_loop;
	ferry_local *local;
	uint64_t ran;

	ferry_loop_free(loop);
	without_loop = fixture_descriptors();
	loop = fixture_loop();
	ways_begin(loop, pool);
	cr_assert_eq(fixture_descriptors(), before);
	block();
	local = ferry_fs_root_open(loop, pool, folder, NULL, NULL);
	cr_assert_eq(ferry_local_cancel(local), 1);
	ferry_local_unref(local);
	unblock();
	await_worker();
	cr_assert_eq(fixture_descriptors(), before, "before it was opened");
	ran = fixture_pool_counters(pool).ran;
	local = ferry_fs_root_open(loop, pool, folder, NULL, NULL);
	tasks_until_true(fixture_pool_counters(pool).ran > ran);
	cr_assert_eq(ferry_local_cancel(local), 1);
	ferry_local_unref(local);
	await_worker();
	cr_assert_eq(fixture_descriptors(), before, "after it was, and not delivered");
	local = ferry_fs_root_open(loop, pool, folder, NULL, NULL);
	cr_assert_eq(ways_end(loop, local), 0);
	cr_assert_eq(ferry_local_cancel(local), -EALREADY);
	cr_assert_eq(fixture_descriptors(), before + 1);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(fixture_descriptors(), without_loop + 1);
	ferry_local_unref(local);
	cr_assert_eq(fixture_descriptors(), without_loop, "after its loop was closed");
	close(held);
	folder_remove();
	fixture_end(NULL, pool);
}

static void *asks_when_alone(void *arg)
{
	ferry_loop *own = fixture_loop();
	ferry_pool *workers = fixture_pool(1);
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	ferry_local *mode, *path;
	struct stat status;

	(void)arg;
	while (access("/proc/self/fd/0", F_OK) == 0)
		sched_yield();
	options.root = ways_root(own, workers, folder, FERRY_FS_TRUST_NONE);
	mode = ferry_fs_chmod(own, workers, "file", 0604, &options);
	path = ferry_fs_realpath(own, workers, "below/..", &options);
	if (ferry_loop_run(own) || stat(folder_path("file"), &status))
		_exit(1);
	_exit(!mode || !ferry_fs_result_path(path) || (status.st_mode & 07777) != 0604);
}

static int ends_before_its_process(void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, asks_when_alone, arg))
		return 1;
	syscall(SYS_exit, 0);
	return 1;
}

Test(root, a_file_has_a_name_though_the_thread_that_began_the_process_is_gone, .init = begin,
     .fini = end)
{
	cr_assert_eq(fixture_in_child(ends_before_its_process, NULL), 0);
}

Test(root, what_is_wrong_is_refused, .init = begin, .fini = end)
{
	ferry_fs_root *root = ways_root(loop, pool, folder, FERRY_FS_TRUST_NONE);
	ferry_loop *other = fixture_loop();
	ferry_fs_options options = below(root, true);
	ferry_fs_root_options wrong[] = { FERRY_FS_ROOT_OPTIONS_INIT, FERRY_FS_ROOT_OPTIONS_INIT,
					  FERRY_FS_ROOT_OPTIONS_INIT, FERRY_FS_ROOT_OPTIONS_INIT };

	cr_assert_null(ferry_fs_stat(other, pool, "file", &options), "the root of another loop");
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_fs_root_open(loop, pool, "below", NULL, &options));
	cr_assert_eq(errno, EINVAL, "a root below a root");
	cr_assert_null(ferry_getaddrinfo(loop, pool, "::1", NULL, NULL, &options), "of no file");
	cr_assert_eq(errno, EINVAL);
	wrong[0].policy = FERRY_FS_POOL + 1;
	wrong[1].freshness = FERRY_FS_STALE + 1;
	wrong[2].trust = FERRY_FS_TRUST_UNCHANGING + 1;
	wrong[3].size = 0;
	for (int i = 0; i < 4; i++) {
		cr_assert_null(ferry_fs_root_open(loop, pool, folder, &wrong[i], NULL));
		cr_assert_eq(errno, EINVAL);
	}
	fixture_end(other, NULL);
	ferry_fs_root_unref(root);
}

/* ---- nothing leaves it ---- */

enum call { STAT, LSTAT, ACCESS, OPEN, OPEN_STAT, CALLS };

static ferry_local *ask(enum call call, const char *path, const ferry_fs_options *options)
{
	switch (call) {
	case STAT:
		return ferry_fs_stat(loop, pool, path, options);
	case LSTAT:
		return ferry_fs_lstat(loop, pool, path, options);
	case ACCESS:
		return ferry_fs_access(loop, pool, path, R_OK, options);
	case OPEN:
		return ferry_fs_open(loop, pool, path, O_RDONLY, 0, options);
	default:
		return ferry_fs_open_stat(loop, pool, path, O_RDONLY, 0, options);
	}
}

Test(root, S1_a_path_that_leaves_it_is_EXDEV_either_way_and_others_are_as_usual, .init = begin,
     .fini = end)
{
	static const struct {
		const char *path;
		int code, of_lstat;
	} rows[] = {
		{ "file", 0, 0 },
		{ "./file", 0, 0 },
		{ "below/../file", 0, 0 },
		{ "below/.", 0, 0 },
		{ ".", 0, 0 },
		{ "link", 0, 0 },
		{ "up/file", 0, 0 },
		{ "missing", ENOENT, ENOENT },
		{ "", ENOENT, ENOENT },
		{ "file/x", ENOTDIR, ENOTDIR },
		{ "file/", ENOTDIR, ENOTDIR },
		{ "dangling", ENOENT, 0 },
		{ "loop", ELOOP, 0 },
		{ "..", EXDEV, EXDEV },
		{ "../file", EXDEV, EXDEV },
		{ "below/../..", EXDEV, EXDEV },
		{ "/", EXDEV, EXDEV },
		{ "/etc/passwd", EXDEV, EXDEV },
		{ "away", EXDEV, 0 },
		{ "away/passwd", EXDEV, EXDEV },
		{ "out", EXDEV, 0 },
		{ "out/", EXDEV, EXDEV },
	};
	ferry_fs_root *root;
	int before;

	folder_link("link", "file");
	folder_link("dangling", "nowhere");
	folder_link("loop", "loop");
	folder_link("below/up", "..");
	folder_link("up", "below/up");
	folder_link("away", "/etc");
	folder_link("out", "below/../..");
	for (int trust = FERRY_FS_TRUST_NONE; trust <= FERRY_FS_TRUST_UNCHANGING; trust++) {
		root = ways_root(loop, pool, folder, (ferry_fs_trust)trust);
		before = fixture_descriptors();
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows) * CALLS * 4; i++) {
			enum call call = i / 4 % CALLS;
			ferry_fs_options options = below(root, i & 1);
			const char *path = rows[i / 4 / CALLS].path;
			ferry_local *local = ask(call, path, &options);
			int error = ways_end(loop, local);

			cr_assert_eq(error,
				     call == LSTAT ? rows[i / 4 / CALLS].of_lstat
						   : rows[i / 4 / CALLS].code,
				     "call %d, \"%s\", trust %d, way %zu: %d", call, path, trust,
				     i & 1, error);
			ferry_local_unref(local);
		}
		await_worker();
		cr_assert_eq(fixture_descriptors(), before);
		ferry_fs_root_unref(root);
	}
}

Test(root, S1_links_of_the_kernels_own_lead_nowhere_below_a_root, .init = begin, .fini = end)
{
	ferry_fs_root *root = ways_root(loop, pool, "/proc/self", FERRY_FS_TRUST_LOCAL);

	for (int i = 0; i < 2; i++) {
		cr_assert_eq(open_below(root, "exe", O_RDONLY, i, NULL), -ELOOP);
		cr_assert_eq(open_below(root, "root/etc", O_RDONLY, i, NULL), -ELOOP);
	}
	ferry_fs_root_unref(root);
}

/* ---- held ---- */

Test(root, calls_that_are_under_way_hold_it, .init = begin, .fini = end)
{
	ferry_fs_root *root = ways_root(loop, pool, folder, FERRY_FS_TRUST_NONE);
	int before = fixture_descriptors(), fd = ferry_fs_root_fd(root);
	ferry_local *locals[CALLS];
	ferry_local *cancelled;

	block();
	for (int i = 0; i < CALLS; i++) {
		ferry_fs_options options = below(root, true);

		locals[i] = ask((enum call)i, "file", &options);
	}
	cancelled =
		ask(OPEN, "file", &(ferry_fs_options){ sizeof(ferry_fs_options), .root = root });
	cr_assert_eq(ferry_local_cancel(cancelled), 1);
	ferry_local_unref(cancelled);
	ferry_fs_root_unref(root);
	cr_assert(fcntl(fd, F_GETFD) >= 0);
	unblock();
	for (int i = 0; i < CALLS; i++) {
		cr_assert_null(ferry_local_snapshot(locals[i]).exception, "call %d", i);
		ferry_local_unref(locals[i]);
	}
	await_worker();
	cr_assert_eq(fixture_descriptors(), before - 1, "it is closed");
}

Test(root, an_answer_that_was_given_inline_does_not_hold_it, .init = begin, .fini = end)
{
	ferry_fs_root *root = ways_root(loop, pool, folder, FERRY_FS_TRUST_NONE);
	ferry_fs_options options = below(root, false);
	int fd = ferry_fs_root_fd(root);
	ferry_local *local;

	WAYS_OR_SKIP(folder);
	local = ferry_fs_stat(loop, pool, "file", &options);
	cr_assert(ferry_local_snapshot(local).done);
	ferry_fs_root_unref(root);
	cr_assert(fcntl(fd, F_GETFD) < 0);
	cr_assert_eq(ferry_fs_result_stat(local)->size, 7);
	ferry_local_unref(local);
}

Test(root, it_may_be_let_go_of_when_loop_and_pool_are_gone, .init = begin)
{
	ferry_fs_root *root = ways_root(loop, pool, folder, FERRY_FS_TRUST_LOCAL);
	int before = fixture_descriptors();

	close(open_below(root, "file", O_RDONLY, false, NULL));
	end();
	cr_assert_lt(fixture_descriptors(), before);
	before = fixture_descriptors();
	ferry_fs_root_unref(root);
	/* It was removed, so who lets go of it does not close it: a thread is made for that. */
	while (fixture_descriptors() != before - 1)
		sched_yield();
}

Test(root, S1_one_that_was_removed_is_closed_by_a_worker, .init = begin, .fini = end)
{
	ferry_fs_root *root;
	int before;

	folder_below("removed", 0700);
	root = ways_root(loop, pool, folder_path("removed"), FERRY_FS_TRUST_NONE);
	cr_assert_eq(rmdir(folder_path("removed")), 0);
	block();
	before = fixture_descriptors();
	ferry_fs_root_unref(root);
	cr_expect_eq(fixture_descriptors(), before, "to free what it had may take long");
	unblock();
	while (fixture_descriptors() != before - 1)
		sched_yield();
}

Test(root, one_that_is_there_is_closed_as_it_is_let_go_of, .init = begin, .fini = end)
{
	ferry_fs_root *root = ways_root(loop, pool, folder, FERRY_FS_TRUST_NONE);
	int before;

	block();
	before = fixture_descriptors();
	ferry_fs_root_unref(root);
	cr_expect_eq(fixture_descriptors(), before - 1);
	unblock();
}

/* ---- freshness ---- */

Test(root, calls_below_it_have_its_freshness_unless_they_say_otherwise, .init = begin, .fini = end)
{
	/* On a local mount that makes no difference: all of them are inline. Remote ones are for
	 * the tests of slow filesystems. */
	WAYS_OR_SKIP(folder);
	for (int i = 0; i < 9; i++) {
		ferry_fs_root_options root_options = FERRY_FS_ROOT_OPTIONS_INIT;
		ferry_fs_options options;
		ferry_result root;
		ferry_local *local;

		root_options.freshness = (ferry_fs_freshness)(i / 3);
		local = ferry_fs_root_open(loop, pool, folder, &root_options, NULL);
		cr_assert_eq(ways_end(loop, local), 0);
		cr_assert_eq(ferry_local_take(local, &root), 0);
		ferry_local_unref(local);
		options = below(root.pointer, false);
		options.freshness = (ferry_fs_freshness)(i % 3);
		local = ferry_fs_stat(loop, pool, "file", &options);
		cr_assert(ferry_local_snapshot(local).done);
		ferry_local_unref(local);
		ferry_fs_root_unref(root.pointer);
	}
}

/* ---- trust ---- */

Test(root, S1_files_are_opened_inline_only_below_a_root_that_is_vouched_for, .init = begin,
     .fini = end)
{
	bool was_inline;

	WAYS_OR_SKIP(folder);
	for (int trust = FERRY_FS_TRUST_NONE; trust <= FERRY_FS_TRUST_UNCHANGING; trust++) {
		ferry_fs_root *root = ways_root(loop, pool, folder, (ferry_fs_trust)trust);

		for (int on_pool = 0; on_pool < 2; on_pool++) {
			char content[16] = "";
			int fd = open_below(root, "file", O_RDONLY, on_pool, &was_inline);

			cr_assert_eq(was_inline, trust && !on_pool, "trust %d", trust);
			cr_assert_eq(read(fd, content, sizeof(content)), 7);
			cr_assert_str_eq(content, "content");
			close(fd);
			fd = open_below(root, "below", O_RDONLY | O_DIRECTORY, on_pool,
					&was_inline);
			cr_assert_eq(was_inline, trust && !on_pool);
			cr_assert_geq(fd, 0);
			close(fd);
		}
		ferry_fs_root_unref(root);
	}
}

/* Not tried, either: it would count as a miss. */
Test(root, S1_what_makes_something_is_never_inline, .init = begin, .fini = end)
{
	uint64_t misses = ways_counters(loop).misses;
	static const int flags[] = { O_CREAT, O_CREAT | O_EXCL, O_TRUNC, O_CREAT | O_TRUNC,
				     O_TMPFILE };

	for (int trust = FERRY_FS_TRUST_LOCAL; trust <= FERRY_FS_TRUST_UNCHANGING; trust++) {
		ferry_fs_root *root = ways_root(loop, pool, folder, (ferry_fs_trust)trust);

		for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
			const char *path = flags[i] & O_EXCL ? "new" : "file";
			bool was_inline;
			int fd = open_below(root, flags[i] == O_TMPFILE ? "." : path,
					    O_RDWR | flags[i], false, &was_inline);

			cr_assert_not(was_inline, "%x", flags[i]);
			cr_assert(fd >= 0 || (flags[i] == O_TMPFILE && fd == -EOPNOTSUPP), "%d",
				  fd);
			if (fd >= 0)
				close(fd);
		}
		cr_assert_eq(unlink(folder_path("new")), 0);
		ferry_fs_root_unref(root);
	}
	cr_assert_eq(ways_counters(loop).misses, misses);
}

/* As the kernel shows them, and as they are for who reads and writes. */
Test(root, S1_what_was_opened_inline_is_like_what_was_opened_on_the_pool, .init = begin,
     .fini = end)
{
	static const int flags[] = {
		O_RDONLY,
		O_WRONLY,
		O_RDWR,
		O_RDWR | O_APPEND,
		O_RDONLY | O_NONBLOCK,
		O_RDWR | O_NONBLOCK | O_APPEND,
		O_RDONLY | O_CLOEXEC,
		O_RDONLY | O_NOCTTY,
		O_RDONLY | O_NOFOLLOW,
		O_RDONLY | O_NOATIME,
		O_RDWR | O_SYNC,
		O_RDWR | O_DSYNC,
		O_PATH,
		O_PATH | O_NOFOLLOW,
		O_PATH | O_RDWR | O_APPEND,
	};

	WAYS_OR_SKIP(folder);
	for (int trust = FERRY_FS_TRUST_LOCAL; trust <= FERRY_FS_TRUST_UNCHANGING; trust++) {
		ferry_fs_root *root = ways_root(loop, pool, folder, (ferry_fs_trust)trust);

		for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
			bool was_inline;
			int system = open(folder_path("file"), flags[i]);
			int fd = open_below(root, "file", flags[i], false, &was_inline);
			int other = open_below(root, "file", flags[i], true, NULL);

			cr_assert_geq(fd, 0, "%x: %d", flags[i], fd);
			cr_assert(was_inline, "%x", flags[i]);
			cr_assert_eq(fcntl(fd, F_GETFL), fcntl(system, F_GETFL), "%x: %x, not %x",
				     flags[i], fcntl(fd, F_GETFL), fcntl(system, F_GETFL));
			cr_assert_eq(fcntl(other, F_GETFL), fcntl(system, F_GETFL));
			cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
			cr_assert(fcntl(other, F_GETFD) & FD_CLOEXEC);
			close(fd);
			close(other);
			close(system);
		}
		ferry_fs_root_unref(root);
	}
}

Test(root, S1_who_opens_a_FIFO_waits_on_a_worker, .init = begin, .fini = end)
{
	ferry_fs_root *root = ways_root(loop, pool, folder, FERRY_FS_TRUST_LOCAL);
	ferry_fs_options options = below(root, false);
	ferry_local *local;
	ferry_result fd;
	int other;

	folder_fifo("fifo");
	local = ferry_fs_open(loop, pool, "fifo", O_RDONLY, 0, &options);
	cr_assert_not(ferry_local_snapshot(local).done);
	tasks_until_true((other = open(folder_path("fifo"), O_WRONLY | O_NONBLOCK)) >= 0);
	cr_assert_eq(ways_end(loop, local), 0);
	cr_assert_eq(ferry_local_take(local, &fd), 0);
	cr_assert_not(fcntl((int)fd.i64, F_GETFL) & O_NONBLOCK, "it is the pool's");
	close((int)fd.i64);
	ferry_local_unref(local);
	/* With O_NONBLOCK it would fail for writing, and does not wait for reading. */
	close(other);
	cr_assert_eq(open_below(root, "fifo", O_WRONLY | O_NONBLOCK, false, NULL), -ENXIO);
	other = open_below(root, "fifo", O_RDONLY | O_NONBLOCK, false, NULL);
	cr_assert(fcntl(other, F_GETFL) & O_NONBLOCK);
	close(other);
	ferry_fs_root_unref(root);
}

Test(root, S1_sockets_and_devices_are_opened_on_the_pool, .init = begin, .fini = end)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int descriptor = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	ferry_fs_root *root = ways_root(loop, pool, folder, FERRY_FS_TRUST_LOCAL);
	ferry_fs_root *devices = ways_root(loop, pool, "/dev", FERRY_FS_TRUST_LOCAL);
	bool was_inline;

	strcpy(address.sun_path, folder_path("socket"));
	cr_assert_eq(bind(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
	close(descriptor);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(open_below(root, "socket", O_RDWR, i, NULL), -ENXIO);
		fd = open_below(root, "socket", O_PATH, i, NULL);
		cr_assert_geq(fd, 0);
		close(fd);
		fd = open_below(devices, "null", O_RDWR, i, &was_inline);
		cr_assert_geq(fd, 0);
		cr_assert_not(was_inline);
		close(fd);
	}
	if (mknod(folder_path("null"), S_IFCHR | 0600, 0x103) == 0) {
		fd = open_below(root, "null", O_RDWR, false, &was_inline);
		cr_assert_not(was_inline, "whatever its driver does");
		cr_assert(fd >= 0 || fd == -EACCES, "a mount may say nodev: %d", fd);
		if (fd >= 0)
			close(fd);
	}
	ferry_fs_root_unref(root);
	ferry_fs_root_unref(devices);
}

/* What drivers and the kernel make up when it is opened. */
Test(root, S1_trust_takes_effect_only_on_disks_and_memory, .init = begin, .fini = end)
{
	static const char *const paths[][2] = { { "/proc/self", "status" }, { "/sys", "kernel" } };

	for (int i = 0; i < 4; i++) {
		ferry_fs_root *root =
			ways_root(loop, pool, paths[i / 2][0], FERRY_FS_TRUST_LOCAL + i % 2);
		bool was_inline;
		int fd = open_below(root, paths[i / 2][1], O_RDONLY, false, &was_inline);

		cr_assert_geq(fd, 0);
		cr_assert_not(was_inline);
		close(fd);
		ferry_fs_root_unref(root);
	}
}

Test(root, S1_who_opens_what_somebody_has_a_lease_on_waits_on_a_worker, .init = begin, .fini = end)
{
	ferry_fs_root *root = ways_root(loop, pool, folder, FERRY_FS_TRUST_LOCAL);
	ferry_fs_options options = below(root, false);
	struct lease lease;
	ferry_local *local;

	close(held);
	held = open("/dev/null", O_RDONLY);
	folder_file("leased", "content");
	if (!lease_begin(&lease, folder_path("leased"), F_WRLCK))
		cr_skip_test("this filesystem has no leases");
	local = ferry_fs_open(loop, pool, "leased", O_RDONLY, 0, &options);
	cr_assert_not(ferry_local_snapshot(local).done, "the loop's thread goes on");
	cr_assert(lease_await(&lease));
	cr_assert(lease_give(&lease));
	cr_assert_eq(ways_end(loop, local), 0);
	ferry_local_unref(local);
	lease_end(&lease);
	ferry_fs_root_unref(root);
}

Test(root, S1_without_a_descriptor_the_pool_says_so, .init = begin, .fini = end)
{
	ferry_fs_root *root = ways_root(loop, pool, folder, FERRY_FS_TRUST_LOCAL);
	bool was_inline;
	int fd;

	WAYS_OR_SKIP(folder);
	fixture_descriptors_left(0);
	fd = open_below(root, "file", O_RDONLY, false, &was_inline);
	fixture_descriptors_left(-1);
	cr_assert_eq(fd, -EMFILE);
	cr_assert_not(was_inline);
	fd = open_below(root, "file", O_RDONLY, false, &was_inline);
	cr_assert(was_inline);
	close(fd);
	ferry_fs_root_unref(root);
}

/* ---- mounts ---- */

static int opens_across_mounts(void)
{
	ferry_fs_root *root;
	bool was_inline;
	uint64_t hits;
	int fd;

	begin();
	if (!ways_are_cached(folder))
		return 1;
	namespace_mount("tmpfs", "below", 0, NULL);
	folder_file("below/file", "content");
	root = ways_root(loop, pool, folder, FERRY_FS_TRUST_LOCAL);
	fd = open_below(root, "below/file", O_RDONLY, false, &was_inline);
	if (fd < 0 || was_inline)
		return 2;
	close(fd);
	/* Who only looks may look there, as soon as it is in the table. */
	hits = ways_counters(loop).hits;
	while (ways_counters(loop).hits == hits) {
		ferry_fs_options options = below(root, false);
		ferry_local *local = ferry_fs_stat(loop, pool, "below/file", &options);

		if (ways_end(loop, local))
			return 3;
		ferry_local_unref(local);
		ferry_loop_run_once(loop, 0);
	}
	fd = open_below(root, "below/file", O_RDONLY, false, &was_inline);
	if (fd < 0 || was_inline)
		return 4;
	close(fd);
	/* The table is another one, the root is on the same mount. */
	fd = open_below(root, "file", O_RDONLY, false, &was_inline);
	if (fd < 0 || !was_inline)
		return 5;
	close(fd);
	ferry_fs_root_unref(root);
	if (umount(folder_path("below")))
		return 6;
	end();
	return 0;
}

Test(root, S1_a_mount_below_it_was_vouched_for_by_nobody)
{
	int status = namespace_run(opens_across_mounts);

	if (status == NAMESPACE_NONE)
		cr_skip_test("this machine does not let a process have mounts of its own");
	if (status == 1)
		cr_skip_test("this kernel answers nothing from its caches for the folder");
	cr_assert_eq(status, 0);
}
