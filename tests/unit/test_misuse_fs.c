/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every function of fs.h called wrongly, on the wrong thread, after the close or in a fork's
 * child: its documented return, and nothing changed (E1, L3, L4, L6, P6). Those that bridge.h had
 * first are in test_misuse_bridge.c.
 */
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>

#include "support/misuse.h"

TestSuite(misuse_fs, .timeout = 60);

static void must_not_release(void *path)
{
	(void)path;
	HOLDS(!"what was refused is released");
}

static int must_not_see(const ferry_fs_mount *mount, void *user)
{
	(void)mount, (void)user;
	HOLDS(!"a mount is told of");
	return 1;
}

#define FILES(...) OPTIONS(ferry_fs_options, __VA_ARGS__)
#define STAT(...) misuse_error(ferry_fs_stat(__VA_ARGS__))
#define FSTAT(...) misuse_error(ferry_fs_fstat(__VA_ARGS__))
#define OPENSTAT(...) misuse_error(ferry_fs_open_stat(__VA_ARGS__))
#define ROOT(...) misuse_error(ferry_fs_root_open(__VA_ARGS__))
#define READ(...) misuse_error(ferry_fs_read(__VA_ARGS__))
#define WRITE(...) misuse_error(ferry_fs_write(__VA_ARGS__))
#define FSYNC(...) misuse_error(ferry_fs_fsync(__VA_ARGS__))
#define FDATASYNC(...) misuse_error(ferry_fs_fdatasync(__VA_ARGS__))
#define FTRUNCATE(...) misuse_error(ferry_fs_ftruncate(__VA_ARGS__))
#define COPY(...) misuse_error(ferry_fs_copy_file_range(__VA_ARGS__))
#define READFILE(...) misuse_error(ferry_fs_read_file(__VA_ARGS__))
#define WRITEFILE(...) misuse_error(ferry_fs_write_file_atomic(__VA_ARGS__))
#define BATCH(...) misuse_error(ferry_fs_readdir_batch(__VA_ARGS__))
#define MKDIR(...) misuse_error(ferry_fs_mkdir(__VA_ARGS__))
#define RMDIR(...) misuse_error(ferry_fs_rmdir(__VA_ARGS__))
#define UNLINK(...) misuse_error(ferry_fs_unlink(__VA_ARGS__))
#define RENAME(...) misuse_error(ferry_fs_rename(__VA_ARGS__))
#define LINK(...) misuse_error(ferry_fs_link(__VA_ARGS__))
#define SYMLINK(...) misuse_error(ferry_fs_symlink(__VA_ARGS__))
#define READLINK(...) misuse_error(ferry_fs_readlink(__VA_ARGS__))
#define REALPATH(...) misuse_error(ferry_fs_realpath(__VA_ARGS__))
#define CHMOD(...) misuse_error(ferry_fs_chmod(__VA_ARGS__))
#define CHOWN(...) misuse_error(ferry_fs_chown(__VA_ARGS__))
#define UTIMENS(...) misuse_error(ferry_fs_utimens(__VA_ARGS__))
#define ACCESS(...) misuse_error(ferry_fs_access(__VA_ARGS__))
#define ADDRESSES(...) misuse_error(ferry_getaddrinfo(__VA_ARGS__))
#define NAMES(...) misuse_error(ferry_getnameinfo(__VA_ARGS__))

/* A name that none of the rows may touch. */
#define NAME "/proc/self/a-name-that-is-not-there"

/* ---- what all have in common ---- */

static ferry_loop *loop;
static ferry_pool *pool;

/* Good calls, but for what is given. */
struct call {
	ferry_local *(*begin)(const char *path, int fd, const ferry_fs_options *options);
	bool has_path, has_fd;
};

#define CALLS(name, ...)                                                                         \
	static ferry_local *do_##name(const char *path, int fd, const ferry_fs_options *options) \
	{                                                                                        \
		(void)path, (void)fd;                                                            \
		return __VA_ARGS__;                                                              \
	}

CALLS(fstat, ferry_fs_fstat(loop, pool, fd, options))
CALLS(open_stat, ferry_fs_open_stat(loop, pool, path, O_RDONLY, 0, options))
CALLS(root_open, ferry_fs_root_open(loop, pool, path, NULL, options))
CALLS(read, ferry_fs_read(loop, pool, fd, 1, 0, options))
CALLS(write, ferry_fs_write(loop, pool, fd, "x", 1, 0, options))
CALLS(fsync, ferry_fs_fsync(loop, pool, fd, options))
CALLS(fdatasync, ferry_fs_fdatasync(loop, pool, fd, options))
CALLS(ftruncate, ferry_fs_ftruncate(loop, pool, fd, 0, options))
CALLS(copy_from, ferry_fs_copy_file_range(loop, pool, fd, 0, 2, 0, 1, options))
CALLS(copy_to, ferry_fs_copy_file_range(loop, pool, 2, 0, fd, 0, 1, options))
CALLS(read_file, ferry_fs_read_file(loop, pool, path, 1, options))
CALLS(write_file, ferry_fs_write_file_atomic(loop, pool, path, "x", 1, 0600, options))
CALLS(batch, ferry_fs_readdir_batch(loop, pool, fd, 1024, options))
CALLS(mkdir, ferry_fs_mkdir(loop, pool, path, 0700, options))
CALLS(rmdir, ferry_fs_rmdir(loop, pool, path, options))
CALLS(unlink, ferry_fs_unlink(loop, pool, path, options))
CALLS(rename_from, ferry_fs_rename(loop, pool, path, NAME, options))
CALLS(rename_to, ferry_fs_rename(loop, pool, NAME, path, options))
CALLS(link_from, ferry_fs_link(loop, pool, path, NAME, options))
CALLS(link_to, ferry_fs_link(loop, pool, NAME, path, options))
CALLS(symlink_target, ferry_fs_symlink(loop, pool, path, NAME, options))
CALLS(symlink, ferry_fs_symlink(loop, pool, "x", path, options))
CALLS(readlink, ferry_fs_readlink(loop, pool, path, options))
CALLS(realpath, ferry_fs_realpath(loop, pool, path, options))
CALLS(chmod, ferry_fs_chmod(loop, pool, path, 0600, options))
CALLS(chown, ferry_fs_chown(loop, pool, path, UINT32_MAX, UINT32_MAX, options))
CALLS(utimens, ferry_fs_utimens(loop, pool, path, FERRY_FS_OMIT, FERRY_FS_OMIT, options))
CALLS(access, ferry_fs_access(loop, pool, path, F_OK, options))

#define OF_PATH true, false
#define OF_FD false, true
static const struct call calls[] = {
	{ do_fstat, OF_FD },         { do_open_stat, OF_PATH },
	{ do_root_open, OF_PATH },
	{ do_read, OF_FD },          { do_write, OF_FD },
	{ do_fsync, OF_FD },         { do_fdatasync, OF_FD },
	{ do_ftruncate, OF_FD },     { do_copy_from, OF_FD },
	{ do_copy_to, OF_FD },       { do_read_file, OF_PATH },
	{ do_write_file, OF_PATH },  { do_batch, OF_FD },
	{ do_mkdir, OF_PATH },       { do_rmdir, OF_PATH },
	{ do_unlink, OF_PATH },      { do_rename_from, OF_PATH },
	{ do_rename_to, OF_PATH },   { do_link_from, OF_PATH },
	{ do_link_to, OF_PATH },     { do_symlink_target, OF_PATH },
	{ do_symlink, OF_PATH },     { do_readlink, OF_PATH },
	{ do_realpath, OF_PATH },    { do_chmod, OF_PATH },
	{ do_chown, OF_PATH },       { do_utimens, OF_PATH },
	{ do_access, OF_PATH },
};

static ferry_fs_root *other_root;

static void of_all(void)
{
	ferry_loop *good_loop = stage.loop;
	ferry_pool *good_pool = stage.pool;

	loop = good_loop;
	pool = good_pool;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		const struct call *call = &calls[i];
		const ferry_fs_options *lent =
			FILES(.borrow_path = 1, .release = must_not_release);

#define DO(path, fd, options) misuse_error(call->begin(path, fd, options))
		loop = NULL;
		GIVES(DO(NAME, 2, lent), -EINVAL);
		loop = good_loop;
		pool = NULL;
		GIVES(DO(NAME, 2, lent), -EINVAL);
		pool = good_pool;
		if (call->has_path)
			GIVES(DO(NULL, 2, lent), -EINVAL);
		if (call->has_fd) {
			GIVES(DO(NAME, -1, lent), -EINVAL);
			GIVES(DO(NAME, INT_MIN, lent), -EINVAL);
		}
		GIVES(DO(NAME, 2, FILES(.lane = stage.other_lane)), -EINVAL);
		GIVES(DO(NAME, 2, FILES(.release = must_not_release)), -EINVAL);
		GIVES(DO(NAME, 2, FILES(.policy = FERRY_FS_POOL + 1)), -EINVAL);
		GIVES(DO(NAME, 2, FILES(.policy = (ferry_fs_policy)-1)), -EINVAL);
		GIVES(DO(NAME, 2, FILES(.freshness = FERRY_FS_STALE + 1)), -EINVAL);
		GIVES(DO(NAME, 2, FILES(.freshness = (ferry_fs_freshness)-1)), -EINVAL);
		GIVES(DO(NAME, 2, FILES(.root = other_root)), -EINVAL);
		BAD_OPTIONS(ferry_fs_options, DO(NAME, 2, options));
	}
}

/* ---- each ---- */

static struct sockaddr address = { .sa_family = AF_INET };

/* No loop's and no local's, so they are as wrong on any thread, and in a child. */
static void nowhere(void)
{
	ferry_pool *some = stage.pool;
	ferry_fs_counters counters;

	GIVES(FSTAT(NULL, some, 2, NULL), -EINVAL);
	GIVES(OPENSTAT(NULL, some, NAME, O_RDONLY, 0, NULL), -EINVAL);
	GIVES(ROOT(NULL, some, "/", NULL, NULL), -EINVAL);
	GIVES(READ(NULL, some, 2, 1, 0, NULL), -EINVAL);
	GIVES(WRITE(NULL, some, 2, "x", 1, 0, NULL), -EINVAL);
	GIVES(FSYNC(NULL, some, 2, NULL), -EINVAL);
	GIVES(FDATASYNC(NULL, some, 2, NULL), -EINVAL);
	GIVES(FTRUNCATE(NULL, some, 2, 0, NULL), -EINVAL);
	GIVES(COPY(NULL, some, 2, 0, 2, 0, 1, NULL), -EINVAL);
	GIVES(READFILE(NULL, some, NAME, 1, NULL), -EINVAL);
	GIVES(WRITEFILE(NULL, some, NAME, "x", 1, 0600, NULL), -EINVAL);
	GIVES(BATCH(NULL, some, 2, 1024, NULL), -EINVAL);
	GIVES(MKDIR(NULL, some, NAME, 0700, NULL), -EINVAL);
	GIVES(RMDIR(NULL, some, NAME, NULL), -EINVAL);
	GIVES(UNLINK(NULL, some, NAME, NULL), -EINVAL);
	GIVES(RENAME(NULL, some, NAME, NAME, NULL), -EINVAL);
	GIVES(LINK(NULL, some, NAME, NAME, NULL), -EINVAL);
	GIVES(SYMLINK(NULL, some, NAME, NAME, NULL), -EINVAL);
	GIVES(READLINK(NULL, some, NAME, NULL), -EINVAL);
	GIVES(REALPATH(NULL, some, NAME, NULL), -EINVAL);
	GIVES(CHMOD(NULL, some, NAME, 0600, NULL), -EINVAL);
	GIVES(CHOWN(NULL, some, NAME, 0, 0, NULL), -EINVAL);
	GIVES(UTIMENS(NULL, some, NAME, 0, 0, NULL), -EINVAL);
	GIVES(ACCESS(NULL, some, NAME, F_OK, NULL), -EINVAL);
	GIVES(ADDRESSES(NULL, some, "localhost", NULL, NULL, NULL), -EINVAL);
	GIVES(NAMES(NULL, some, &address, sizeof(address), 0, NULL), -EINVAL);
	GIVES(ferry_fs_result_stat(NULL) == NULL, 1);
	GIVES(ferry_fs_result_fd(NULL), -ENODATA);
	GIVES(ferry_fs_result_bytes(NULL) == NULL, 1);
	GIVES(ferry_fs_result_count(NULL), -ENODATA);
	GIVES(ferry_fs_result_entries(NULL) == NULL, 1);
	GIVES(ferry_fs_result_path(NULL) == NULL, 1);
	GIVES(ferry_result_addresses(NULL) == NULL, 1);
	GIVES(ferry_result_names(NULL) == NULL, 1);
	GIVES(ferry_fs_configure(NULL, NULL), -EINVAL);
	GIVES(ferry_fs_stats(NULL, &counters), -EINVAL);
	GIVES(ferry_fs_each_mount(NULL, must_not_see, NULL), -EINVAL);
	GIVES(ferry_fs_root_ref(NULL) == NULL, 1);
	GIVES(ferry_fs_root_unref(NULL) == NULL, 1);
	GIVES(ferry_fs_root_fd(NULL), -EINVAL);
}

static void of_each(void)
{
	ferry_fs_root_options size = { .size = 0 }, wrong = FERRY_FS_ROOT_OPTIONS_INIT;

	GIVES(ROOT(loop, pool, "/", &size, NULL), -EINVAL);
	wrong.policy = FERRY_FS_POOL + 1;
	GIVES(ROOT(loop, pool, "/", &wrong, NULL), -EINVAL);
	wrong = (ferry_fs_root_options)FERRY_FS_ROOT_OPTIONS_INIT;
	wrong.freshness = FERRY_FS_STALE + 1;
	GIVES(ROOT(loop, pool, "/", &wrong, NULL), -EINVAL);
	wrong = (ferry_fs_root_options)FERRY_FS_ROOT_OPTIONS_INIT;
	wrong.trust = FERRY_FS_TRUST_UNCHANGING + 1;
	GIVES(ROOT(loop, pool, "/", &wrong, NULL), -EINVAL);
	BAD_OPTIONS(ferry_fs_root_options, ROOT(loop, pool, "/", options, NULL));
	GIVES(READ(loop, pool, 2, FERRY_FS_MOST + 1, 0, NULL), -EINVAL);
	GIVES(READ(loop, pool, 2, SIZE_MAX, 0, NULL), -EINVAL);
	GIVES(READ(loop, pool, 2, 1, -2, NULL), -EINVAL);
	GIVES(READ(loop, pool, 2, 1, INT64_MIN, NULL), -EINVAL);
	GIVES(WRITE(loop, pool, 2, NULL, 1, 0, NULL), -EINVAL);
	GIVES(WRITE(loop, pool, 2, "x", FERRY_FS_MOST + 1, 0, NULL), -EINVAL);
	GIVES(WRITE(loop, pool, 2, "x", 1, -2, NULL), -EINVAL);
	GIVES(FTRUNCATE(loop, pool, 2, (uint64_t)INT64_MAX + 1, NULL), -EINVAL);
	GIVES(COPY(loop, pool, 2, -2, 2, 0, 1, NULL), -EINVAL);
	GIVES(COPY(loop, pool, 2, 0, 2, -2, 1, NULL), -EINVAL);
	GIVES(COPY(loop, pool, 2, 0, 2, 0, FERRY_FS_MOST + 1, NULL), -EINVAL);
	GIVES(READFILE(loop, pool, NAME, FERRY_FS_MOST + 1, NULL), -EINVAL);
	GIVES(WRITEFILE(loop, pool, NAME, NULL, 1, 0600, NULL), -EINVAL);
	GIVES(WRITEFILE(loop, pool, NAME, "x", FERRY_FS_MOST + 1, 0600, NULL), -EINVAL);
	GIVES(WRITEFILE(loop, pool, NAME, "x", 1, 010000, NULL), -EINVAL);
	GIVES(BATCH(loop, pool, 2, 1023, NULL), -EINVAL);
	GIVES(BATCH(loop, pool, 2, ((size_t)16 << 20) + 1, NULL), -EINVAL);
	GIVES(CHMOD(loop, pool, NAME, 010000, NULL), -EINVAL);
	GIVES(ACCESS(loop, pool, NAME, 8, NULL), -EINVAL);
	GIVES(ACCESS(loop, pool, NAME, -1, NULL), -EINVAL);
	GIVES(ADDRESSES(loop, NULL, "localhost", NULL, NULL, NULL), -EINVAL);
	GIVES(ADDRESSES(loop, pool, NULL, NULL, NULL, NULL), -EINVAL);
	BAD_OPTIONS(ferry_fs_options, ADDRESSES(loop, pool, "localhost", NULL, NULL, options));
	GIVES(ADDRESSES(loop, pool, "::1", NULL, NULL, FILES(.borrow_path = 1)), -EINVAL);
	GIVES(ADDRESSES(loop, pool, "::1", NULL, NULL, FILES(.root = other_root)), -EINVAL);
	GIVES(NAMES(loop, pool, &address, sizeof(address), 0, FILES(.borrow_path = 1)), -EINVAL);
	GIVES(NAMES(loop, NULL, &address, sizeof(address), 0, NULL), -EINVAL);
	GIVES(NAMES(loop, pool, NULL, sizeof(address), 0, NULL), -EINVAL);
	BAD_OPTIONS(ferry_fs_options, NAMES(loop, pool, &address, sizeof(address), 0, options));
}

static void of_counters(void)
{
	const struct {
		ferry_fs_settings known;
		uint64_t unknown;
	} newer = { { .size = sizeof(newer) }, 1 };
	ferry_fs_settings settings = { .size = 0 };

	GIVES(ferry_fs_stats(stage.loop, NULL), -EINVAL);
	GIVES(ferry_fs_each_mount(stage.loop, NULL, NULL), -EINVAL);
	GIVES(ferry_fs_configure(stage.loop, &settings), -EINVAL);
	GIVES(ferry_fs_configure(stage.loop, &newer.known), -E2BIG);
	/* Of other calls, or not done. */
	GIVES(ferry_fs_result_stat(stage.done) == NULL, 1);
	GIVES(ferry_fs_result_stat(stage.plain) == NULL, 1);
	GIVES(ferry_fs_result_fd(stage.done), -ENODATA);
	GIVES(ferry_fs_result_bytes(stage.done) == NULL, 1);
	GIVES(ferry_fs_result_count(stage.done), -ENODATA);
	GIVES(ferry_fs_result_entries(stage.done) == NULL, 1);
	GIVES(ferry_fs_result_path(stage.done) == NULL, 1);
	GIVES(ferry_result_addresses(stage.done) == NULL, 1);
	GIVES(ferry_result_names(stage.done) == NULL, 1);
}

static void arguments(void)
{
	of_all();
	of_each();
	of_counters();
	nowhere();
}

enum { THREAD, CHILD, CLOSED };

/* Good calls, in places where they are not. */
static void places(void)
{
	ferry_fs_counters counters;

	loop = stage.loop;
	pool = stage.pool;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		const struct call *call = &calls[i];
		const ferry_fs_options *lent =
			FILES(.borrow_path = 1, .release = must_not_release);

		EACH(DO(NAME, 2, lent), -EPERM, -ECHILD, -ESHUTDOWN);
		EACH(DO(NAME, 2, NULL), -EPERM, -ECHILD, -ESHUTDOWN);
	}
	EACH(ADDRESSES(loop, pool, "::1", NULL, NULL, NULL), -EPERM, -ECHILD, -ESHUTDOWN);
	EACH(NAMES(loop, pool, &address, sizeof(address), 0, NULL), -EPERM, -ECHILD, -ESHUTDOWN);
	EACH(ferry_fs_configure(loop, NULL), -EPERM, -ECHILD, -ESHUTDOWN);
	EACH(ferry_fs_stats(loop, &counters), -EPERM, -ECHILD, -ESHUTDOWN);
	EACH(ferry_fs_each_mount(loop, must_not_see, NULL), -EPERM, -ECHILD, -ESHUTDOWN);
	EACH(ferry_fs_result_stat(stage.done) == NULL, 1, 1, 1);
	EACH(ferry_fs_result_fd(stage.done), -ENODATA, -ENODATA, -ENODATA);
}

static void begin(void)
{
	ferry_local *local;
	ferry_result root;

	misuse_begin();
	/* A root of the other loop. */
	local = ferry_fs_root_open(stage.other_loop, stage.other_pool, "/", NULL, NULL);
	HOLDS(ferry_loop_run_until(stage.other_loop, local) == 0);
	HOLDS(ferry_local_take(local, &root) == 0);
	ferry_local_unref(local);
	HOLDS(ferry_loop_run(stage.other_loop) == 0);
	other_root = root.pointer;
}

static void end(void)
{
	ferry_fs_root_unref(other_root);
	misuse_end();
}

Test(misuse_fs, bad_arguments_are_refused_E1)
{
	begin();
	arguments();
	misuse_in_a_callback(arguments);
	misuse_elsewhere(nowhere);
	misuse_in_a_job(nowhere);
	end();
}

Test(misuse_fs, other_threads_and_jobs_are_refused_L6)
{
	begin();
	misuse_column = THREAD;
	misuse_elsewhere(places);
	misuse_in_a_job(places);
	end();
}

Test(misuse_fs, a_closed_loop_that_is_held_refuses_L3)
{
	ferry_loop *held;

	begin();
	held = ferry_loop_ref(stage.loop);
	HOLDS(ferry_loop_free(stage.loop) == 0);
	misuse_column = CLOSED;
	places();
	nowhere();
	misuse_column = THREAD;
	misuse_elsewhere(places);
	stage.loop = NULL;
	end();
	ferry_loop_unref(held);
}

/* The child's own loop, and what is its parent's. */
static void across_a_fork(void)
{
	ferry_loop *theirs = stage.loop;

	loop = stage.loop = fixture_loop();
	pool = stage.pool;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		const struct call *call = &calls[i];

		GIVES(DO(NAME, 2, NULL), -ECHILD);
	}
	GIVES(ADDRESSES(loop, pool, "::1", NULL, NULL, NULL), -ECHILD);
	HOLDS(ferry_loop_free(loop) == 0);
	stage.loop = theirs;
}

static void in_a_child(void)
{
	misuse_column = CHILD;
	places();
	nowhere();
	across_a_fork();
	HOLDS(ferry_loop_free(stage.loop) == 0);
	places();
}

Test(misuse_fs, a_child_is_refused_P6)
{
	begin();
	misuse_in_a_child(in_a_child);
	end();
}
