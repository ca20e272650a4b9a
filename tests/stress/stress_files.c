/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * File calls by the million, by two loops with one pool, on a disk and on a mount that is slow,
 * hangs and goes into quarantine, of every kind, every policy, below a root and not, with random
 * cancels, deadlines and lent paths, while loops close with calls under way: as many
 * descriptors are open afterwards as before, each lent path comes back once, each callback is
 * called once, and the counters add up at every turn (F7, L2, L4, S2).
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <netdb.h>

#include "support/fixture.h"
#include "support/folder.h"
#include "support/program.h"
#include "support/slow_mount.h"

#define FILES 16
#define AT_ONCE 64
#define CALLS_OF_A_LOOP 4000

static struct {
	_Atomic long lent, released, calls, taken, cancelled, stuck;
} books;

static ferry_pool *pool;
static struct slow_mount remote;
static bool is_remote_there;
static int plain_fd, other_fd, directory_fd;

/* Of each loop's thread. */
static _Thread_local uint64_t random_state;
static _Thread_local ferry_loop *loop;
static _Thread_local ferry_fs_root *root;
static _Thread_local long callbacks, expected;

static unsigned below(unsigned limit)
{
	return random_below(&random_state, limit);
}

/* ---- paths ---- */

/* Some are there, some are links, some are not there; below a root some lead out of it. */
static void make_name(char *name, size_t room, bool is_below)
{
	static const char *const kinds[] = { "file-%u", "link-%u", "none-%u", "dangling-%u",
					     "directory/../file-%u", "directory-%u" };

	if (is_below && !below(50))
		snprintf(name, room, "../../..");
	else
		snprintf(name, room, kinds[below(sizeof(kinds) / sizeof(*kinds))], below(FILES));
}

static void make_path(char *path, size_t room, bool is_below)
{
	char name[64];

	make_name(name, sizeof(name), is_below);
	if (is_remote_there && !below(6))
		snprintf(path, room, "%s%sremote/file-%u", is_below ? "" : folder,
			 is_below ? "" : "/", below(FILES));
	else if (is_below)
		snprintf(path, room, "%s", name);
	else
		snprintf(path, room, "%s/%s", folder, name);
}

/* A path that is lent to a call is freed when it comes back. */
static void come_back(void *path)
{
	books.released++;
	free(path);
}

static void *lend(const char *text)
{
	void *copy = strdup(text);

	program_check(copy, "no memory");
	books.lent++;
	return copy;
}

/* ---- one call ---- */

enum { STAT, LSTAT, OPEN, OPEN_STAT, ACCESS, READ_FILE, READDIR, READLINK, REALPATH, CHMOD, CHOWN,
       UTIMENS, MKDIR, RMDIR, UNLINK, RENAME, LINK, SYMLINK, WRITE_ATOMIC, BY_PATH };

static ferry_local *call_path(unsigned which, const char *path, const char *other,
			      const ferry_fs_options *options)
{
	switch (which) {
	case STAT: return ferry_fs_stat(loop, pool, path, options);
	case LSTAT: return ferry_fs_lstat(loop, pool, path, options);
	case OPEN:
		return ferry_fs_open(loop, pool, path,
				     O_RDWR | O_NOFOLLOW * below(2) | O_CREAT * !below(4), 0600,
				     options);
	case OPEN_STAT: return ferry_fs_open_stat(loop, pool, path, O_RDONLY, 0, options);
	case ACCESS: return ferry_fs_access(loop, pool, path, R_OK, options);
	case READ_FILE: return ferry_fs_read_file(loop, pool, path, 100, options);
	case READDIR: return ferry_fs_readdir(loop, pool, path, options);
	case READLINK: return ferry_fs_readlink(loop, pool, path, options);
	case REALPATH: return ferry_fs_realpath(loop, pool, path, options);
	case CHMOD: return ferry_fs_chmod(loop, pool, path, 0700, options);
	case CHOWN: return ferry_fs_chown(loop, pool, path, UINT32_MAX, UINT32_MAX, options);
	case UTIMENS: return ferry_fs_utimens(loop, pool, path, FERRY_FS_NOW, 1, options);
	case MKDIR: return ferry_fs_mkdir(loop, pool, path, 0700, options);
	case RMDIR: return ferry_fs_rmdir(loop, pool, path, options);
	case UNLINK: return ferry_fs_unlink(loop, pool, path, options);
	case RENAME: return ferry_fs_rename(loop, pool, path, other, options);
	case LINK: return ferry_fs_link(loop, pool, path, other, options);
	case SYMLINK: return ferry_fs_symlink(loop, pool, "file-1", path, options);
	default:
		/* It waits for the disk. */
		return below(200) ? ferry_fs_stat(loop, pool, path, options)
				  : ferry_fs_write_file_atomic(loop, pool, path, "new", 3, 0600,
							       options);
	}
}

static ferry_local *call_by_path(void)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;
	char path[512], other[512];
	unsigned which = below(BY_PATH);
	bool is_below = below(2);
	ferry_local *local;
	void *lent = NULL;

	options.root = is_below ? root : NULL;
	options.policy = (ferry_fs_policy)below(4);
	options.freshness = (ferry_fs_freshness)below(3);
	if (!below(8))
		options.deadline_ns = ferry_in_ns(below(200000));
	make_path(path, sizeof(path), is_below);
	make_path(other, sizeof(other), is_below);
	/* Of two paths only one could be given back here. */
	if (!below(4) && which != RENAME && which != LINK && which != SYMLINK &&
	    which != WRITE_ATOMIC) {
		lent = lend(path);
		options.borrow_path = 1;
		options.release = come_back;
	}
	local = call_path(which, lent ? lent : path, other, &options);
	program_check(local, "no local: %s", strerror(errno));
	return local;
}

static ferry_local *call_close(const ferry_fs_options *options)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/plain", folder);
	fd = open(path, (below(2) ? O_RDONLY : O_RDWR) | O_CREAT | O_CLOEXEC, 0600);
	program_check(fd >= 0, "%s: %s", path, strerror(errno));
	return ferry_fs_close(loop, pool, fd, options);
}

static ferry_local *call_number(const ferry_fs_options *options)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };

	return ferry_getaddrinfo(loop, pool, "127.0.0.1", "80", &hints, options);
}

static ferry_local *call_by_descriptor(void)
{
	ferry_fs_options options = FERRY_FS_OPTIONS_INIT;

	options.policy = (ferry_fs_policy)below(4);
	switch (below(9)) {
	case 0: return ferry_fs_fstat(loop, pool, plain_fd, &options);
	case 1: return ferry_fs_read(loop, pool, plain_fd, below(9000), below(5000), &options);
	case 2: return ferry_fs_write(loop, pool, plain_fd, "written", 7, below(5000), &options);
	case 3: return ferry_fs_ftruncate(loop, pool, other_fd, below(5000), &options);
	case 4:
		return ferry_fs_copy_file_range(loop, pool, plain_fd, below(100), other_fd,
						below(100), below(100), &options);
	case 5: return ferry_fs_readdir_batch(loop, pool, directory_fd, 1024, &options);
	case 6: return call_number(&options);
	case 7: return ferry_fs_fstat(loop, pool, 999999, &options);
	default: return call_close(&options);
	}
}

/* ---- what becomes of it ---- */

static _Thread_local struct {
	ferry_local *local;
	unsigned turns;
} held[AT_ONCE];

static void take(ferry_local *local)
{
	ferry_result result;

	if (ferry_local_take(local, &result) < 0)
		return;
	books.taken++;
	if (result.disposer)
		result.disposer->dispose(&result);
}

static void called(ferry_local *local, void *user)
{
	(void)user;
	callbacks++;
	program_check(ferry_local_snapshot(local).done, "called before it is done (L2)");
	if (below(2))
		take(local);
}

static void let_go(size_t i)
{
	if (!below(4))
		books.cancelled += ferry_local_cancel(held[i].local) == 1;
	if (!below(4))
		take(held[i].local);
	ferry_local_unref(held[i].local);
	held[i].local = NULL;
}

static void begin_one(size_t i)
{
	ferry_local *local = below(3) ? call_by_path() : call_by_descriptor();

	program_check(local, "no local: %s", strerror(errno));
	books.calls++;
	if (below(2)) {
		expected++;
		program_check(ferry_local_add_done_callback(local, called, NULL) == 0,
			      "no callback");
	}
	held[i].local = local;
	held[i].turns = below(20);
}

static void check_counters(void)
{
	ferry_fs_counters counters;

	program_check(ferry_fs_stats(loop, &counters) == 0, "no counters");
	program_check(counters.calls ==
			      counters.hits + counters.pooled + counters.waiting + counters.refused,
		      "the counters do not add up");
}

static void check_stuck(void)
{
	ferry_fs_counters counters;

	program_check(ferry_fs_stats(loop, &counters) == 0, "no counters");
	books.stuck += (long)counters.stuck;
}

/* ---- a mount that is slow, and hangs ---- */

static const enum slow_operation operations[] = { SLOW_LOOKUP, SLOW_GETATTR, SLOW_OPEN, SLOW_READ,
						  SLOW_SETATTR };

static void change_remote(void)
{
	enum slow_operation which = operations[below(sizeof(operations) / sizeof(*operations))];

	if (!is_remote_there)
		return;
	if (below(2))
		slow_mount_release(&remote, SLOW_ANYTHING);
	else if (below(2))
		slow_mount_hang(&remote, which);
	else
		slow_mount_delay(&remote, which, below(2));
}

static void settle_remote(void)
{
	if (is_remote_there)
		slow_mount_release(&remote, SLOW_ANYTHING);
}

/* Each loop has its own patience. */
static void configure(void)
{
	ferry_fs_settings settings = FERRY_FS_SETTINGS_INIT;

	settings.stuck_ns = below(2) ? 1 + below(200000) : 0;
	settings.cool_off_ns = 1 + below(2000000);
	settings.most_at_once = below(4);
	settings.depth = below(2) ? 1 + below(AT_ONCE) : 0;
	program_check(ferry_fs_configure(loop, &settings) == 0, "no settings");
}

static void open_root(void)
{
	ferry_fs_root_options options = FERRY_FS_ROOT_OPTIONS_INIT;
	ferry_result result;
	ferry_local *local;

	options.trust = (ferry_fs_trust)below(3);
	local = ferry_fs_root_open(loop, pool, folder, &options, NULL);
	program_check(ferry_loop_run_until(loop, local) == 0, "no root");
	program_check(ferry_local_take(local, &result) == 0, "no root");
	ferry_local_unref(local);
	root = result.pointer;
}

/* A loop with calls; the last ones are under way when it closes. */
static void live(long calls)
{
	loop = fixture_loop();
	open_root();
	configure();
	while (calls > 0) {
		for (size_t i = 0; i < AT_ONCE; i++) {
			if (held[i].local && !held[i].turns--)
				let_go(i);
			if (!held[i].local && below(2)) {
				begin_one(i);
				calls--;
			}
		}
		program_check(ferry_loop_run_once(loop, 0) >= 0, "a turn failed");
		check_counters();
		if (!below(8))
			change_remote();
		if (!below(50))
			configure();
	}
	settle_remote();
	check_stuck();
	if (below(2)) {
		for (size_t i = 0; i < AT_ONCE; i++)
			if (held[i].local)
				let_go(i);
		program_check(ferry_loop_run(loop) == 0, "something is left");
		program_check(callbacks == expected, "%ld callbacks for %ld (L2)",
			      callbacks, expected);
	}
	/* Else nobody is called any more. */
	program_check(ferry_loop_free(loop) == 0, "the loop does not close");
	for (size_t i = 0; i < AT_ONCE; i++)
		held[i].local = ferry_local_unref(held[i].local);
	root = ferry_fs_root_unref(root);
	expected = callbacks = 0;
}

/* ---- the scene ---- */

static int open_in(const char *name, int flags)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, flags | O_CLOEXEC, 0600);
	program_check(fd >= 0, "%s: %s", path, strerror(errno));
	return fd;
}

static void link_in(const char *target, const char *name, unsigned number)
{
	char path[512], told[64];

	snprintf(path, sizeof(path), "%s/%s-%u", folder, name, number);
	snprintf(told, sizeof(told), "%s-%u", target, number);
	program_check(symlink(told, path) == 0, "%s: %s", path, strerror(errno));
}

static void make_scene(void)
{
	char path[512];

	folder_make();
	snprintf(path, sizeof(path), "%s/directory", folder);
	program_check(mkdir(path, 0700) == 0, "%s: %s", path, strerror(errno));
	for (unsigned i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "file-%u", i);
		folder_file(path, "what is in it");
		link_in("file", "link", i);
		link_in("nowhere", "dangling", i);
	}
	plain_fd = open_in("plain", O_RDWR | O_CREAT);
	other_fd = open_in("other", O_RDWR | O_CREAT);
	directory_fd = open_in(".", O_RDONLY | O_DIRECTORY);
}

/* What there is below "remote" in the folder is the mount's; without one it is not there. */
static void make_remote(void)
{
	struct slow_mount_options options = { .entry_seconds = 0.001, .attribute_seconds = 0.001,
					      .interruptible = true };
	const char *why = slow_mount_begin(&remote, options);
	char path[512];

	if (why) {
		printf("without a slow mount: %s\n", why);
		return;
	}
	for (unsigned i = 0; i < FILES; i++) {
		int fd;

		snprintf(path, sizeof(path), "file-%u", i);
		fd = open(slow_mount_below(&remote, path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		program_check(fd >= 0, "%s: %s", path, strerror(errno));
		close(fd);
	}
	snprintf(path, sizeof(path), "%s/remote", folder);
	program_check(mkdir(path, 0700) == 0, "%s: %s", path, strerror(errno));
	/* Bound into the folder, so that it is below the root, too. */
	is_remote_there = mount(slow_mount_path(&remote, ""), path, NULL, MS_BIND, NULL) == 0;
}

static void remove_remote(void)
{
	char path[512];

	if (!is_remote_there)
		return;
	slow_mount_release(&remote, SLOW_ANYTHING);
	snprintf(path, sizeof(path), "%s/remote", folder);
	umount2(path, MNT_DETACH);
	slow_mount_end(&remote);
}

/* A second loop, on a thread of its own, that shares the pool. */
struct second {
	uint64_t seed;
	long calls;
};

static void *live_beside(void *arg)
{
	struct second *second = arg;

	random_state = second->seed;
	live(second->calls);
	return NULL;
}

int main(int argc, char **argv)
{
	struct program program = program_begin(argc, argv, "file calls of every kind (F7, L4, S2)",
					       60000, 1000000);
	struct second second;
	int open_before;
	pthread_t thread;

	random_state = program.seed;
	make_scene();
	make_remote();
	open_before = fixture_descriptors();
	for (long left = program.count; left > 0; left -= CALLS_OF_A_LOOP) {
		pool = fixture_pool(1 + below(4));
		second = (struct second){ random_next(&random_state), CALLS_OF_A_LOOP / 4 };
		program_check(pthread_create(&thread, NULL, live_beside, &second) == 0,
			      "no thread");
		live(left < CALLS_OF_A_LOOP ? left : CALLS_OF_A_LOOP);
		pthread_join(thread, NULL);
		settle_remote();
		ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE);
		ferry_pool_free(pool);
		program_check(fixture_descriptors() == open_before,
			      "%d descriptors are open, %d were (F7)", fixture_descriptors(),
			      open_before);
		program_check(books.lent == books.released, "%ld of %ld lent paths came back (L4)",
			      (long)books.released, (long)books.lent);
	}
	printf("ok: %ld calls, %ld cancelled, %ld results taken, %ld paths lent, %ld times stuck\n",
	       (long)books.calls, (long)books.cancelled, (long)books.taken, (long)books.lent,
	       (long)books.stuck);
	remove_remote();
	folder_remove();
	return 0;
}
