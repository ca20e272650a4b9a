/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening below a root, by openat2() and by a walk: what is reached, and that nothing outside
 * is (S1). */
#include <criterion/criterion.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mount.h>

#include "fs/beneath.h"
#include "fs/walk.h"
#include "support/calls.h"
#include "support/fixture.h"
#include "support/folder.h"
#include "support/program.h"

TestSuite(walk, .timeout = 120);

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

typedef int (*way)(int root, const char *path, int flags, unsigned mode);

static const way ways[] = { beneath_open, walk_open };
static int root;
static char name_255[256], name_256[257], path_4095[4096], path_4096[4097];
static char down_40[81], down_up_40[204], down_up_32[180];

static void repeat(char *text, const char *part, int times)
{
	for (int i = 0; i < times; i++)
		text = stpcpy(text, part);
}

static void make_texts(void)
{
	memset(name_255, 'n', 255);
	memset(name_256, 'n', 256);
	repeat(path_4095, "./", 2045);
	strcat(path_4095, "a/./b"); /* 4095 bytes */
	repeat(path_4096, "./", 2046);
	strcat(path_4096, "a//b");
	repeat(down_40, "d/", 40);
	strcpy(down_up_40, down_40);
	repeat(down_up_40 + strlen(down_up_40), "../", 39);
	strcat(down_up_40, "file");
	strcpy(down_up_32, down_40);
	repeat(down_up_32 + strlen(down_up_32), "../", 32);
}

static void make_chain(void)
{
	char name[16], to[16];

	folder_link("root/chain-1", "a/file");
	folder_link("root/up-1", "a/b/..");
	for (int i = 2; i <= 41; i++) {
		snprintf(name, sizeof(name), "root/chain-%d", i);
		snprintf(to, sizeof(to), "chain-%d", i - 1);
		folder_link(name, to);
	}
}

static void begin(void)
{
	char path[128] = "root/";

	make_texts();
	folder_make();
	umask(0);
	folder_file("secret", "");
	folder_below("outside", 0755);
	folder_file("outside/secret", "");
	folder_below("root", 0755);
	folder_below("root/a", 0755);
	folder_below("root/a/b", 0755);
	folder_file("root/file", "");
	folder_file("root/a/file", "");
	folder_file("root/a/b/file", "");
	folder_below("root/...", 0755);
	folder_file("root/.../..file", "");
	for (int i = 0; i < 40; i++)
		folder_below(strcat(path, i ? "/d" : "d"), 0755);
	snprintf(path, sizeof(path), "root/d/file");
	folder_file(path, "");
	folder_link("root/to-file", "file");
	folder_link("root/to-a", "a");
	folder_link("root/to-a-slash", "a/");
	folder_link("root/to-file-slash", "file/");
	folder_link("root/a/up", "../file");
	folder_link("root/a/b/up-2", "../../a/b/./../file");
	folder_link("root/to-up", "a/up");
	folder_link("root/self", ".");
	folder_link("root/absolute", "/etc");
	folder_link("root/inside", folder_path("root/file"));
	folder_link("root/out", "../secret");
	folder_link("root/a/out", "../../outside");
	folder_link("root/out-of", "..");
	folder_link("root/by-way-out", "../root/file");
	folder_link("root/a/b/out-late", "../b/../../../secret");
	folder_link("root/nowhere", "nothing");
	folder_link("root/nowhere-deep", "a/b/nothing");
	folder_link("root/nowhere-slash", "nothing/");
	folder_link("root/nowhere-out", "../nothing");
	folder_link("root/no-folder", "missing/nothing");
	folder_link("root/loop", "loop");
	folder_link("root/one", "other");
	folder_link("root/other", "one");
	folder_link("root/a/loop", "../a/loop/x");
	make_chain();
	root = open(folder_path("root"), O_PATH | O_DIRECTORY);
	cr_assert_geq(root, 0);
}

static void end(void)
{
	close(root);
	folder_remove();
}

/* ---- outcomes ---- */

struct outcome {
	int error;
	char name[8192]; /* what is open, as procfs has it */
	int flags;
};

/* Not by Criterion, which knows nothing of a child. Files are made with mode 0641, which no
 * other has; what was made is removed. */
static struct outcome outcome_of(way open_by, const char *path, int flags)
{
	struct outcome outcome = { 0 };
	char link[64];
	struct stat status;
	int fd = open_by(root, path, flags, 0641);

	/* While somebody mounts something the kernel may begin anew, and counts the links that it
	 * had followed once more. */
	for (int i = 0; i < 100 && fd == -ELOOP; i++)
		fd = open_by(root, path, flags, 0641);
	if (fd < 0) {
		outcome.error = -fd;
		return outcome;
	}
	program_check(fcntl(fd, F_GETFD) & FD_CLOEXEC, "%s: it is inherited", path);
	/* A walk adds these; they mean nothing for what is open. */
	outcome.flags = fcntl(fd, F_GETFL) & ~(O_NOFOLLOW | O_DIRECTORY);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	program_check(readlink(link, outcome.name, sizeof(outcome.name) - 1) > 0, "no name");
	program_check(fstat(fd, &status) == 0, "no status");
	if (S_ISREG(status.st_mode) && (status.st_mode & 0777) == 0641) {
		if (status.st_nlink) {
			program_check(unlink(outcome.name) == 0, "%s stays", outcome.name);
		} else {
			*strrchr(outcome.name, '/') = 0; /* O_TMPFILE: its number differs */
		}
	}
	close(fd);
	return outcome;
}

static const int all_flags[] = {
	O_RDONLY,
	O_RDONLY | O_NOFOLLOW,
	O_RDONLY | O_DIRECTORY,
	O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
	O_RDWR,
	O_WRONLY | O_TRUNC,
	O_RDWR | O_APPEND | O_NONBLOCK | O_SYNC,
	O_PATH,
	O_PATH | O_NOFOLLOW,
	O_PATH | O_DIRECTORY,
	O_PATH | O_DIRECTORY | O_NOFOLLOW,
	O_RDWR | O_CREAT,
	O_RDONLY | O_CREAT | O_NOFOLLOW,
	O_RDWR | O_CREAT | O_EXCL,
	O_WRONLY | O_CREAT | O_TRUNC,
	O_RDWR | O_TMPFILE,
	O_RDWR | O_TMPFILE | O_NOFOLLOW,
	O_RDONLY | O_TMPFILE,
	O_RDWR | O_CREAT | O_DIRECTORY,
	O_ACCMODE,
};

static const char *words(const struct outcome *outcome)
{
	return outcome->error ? strerror(outcome->error) : outcome->name;
}

static void compare(const char *path, int flags)
{
	struct outcome one = outcome_of(beneath_open, path, flags);
	struct outcome other = outcome_of(walk_open, path, flags);

	program_check(one.error == other.error && one.flags == other.flags &&
			      !strcmp(one.name, other.name),
		      "%.100s with %#o: openat2 says %s (%#o), a walk %s (%#o)", path, flags,
		      words(&one), one.flags, words(&other), other.flags);
}

static bool has_openat2(void)
{
	struct open_how how = { .flags = O_PATH, .resolve = RESOLVE_BENEATH };
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how));

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* ---- by hand ---- */

static const struct row {
	const char *path;
	int error;
	const char *name; /* what is reached, below the root */
} rows[] = {
	{ "", ENOENT, NULL },
	{ ".", 0, "" },
	{ "./", 0, "" },
	{ "././.", 0, "" },
	{ "..", EXDEV, NULL },
	{ "../", EXDEV, NULL },
	{ "/", EXDEV, NULL },
	{ "//", EXDEV, NULL },
	{ "/etc/passwd", EXDEV, NULL },
	{ "/file", EXDEV, NULL },
	{ "../root", EXDEV, NULL },
	{ "../root/file", EXDEV, NULL },
	{ "a/../..", EXDEV, NULL },
	{ "a/../../root/file", EXDEV, NULL },
	{ "a/b/../../../secret", EXDEV, NULL },
	{ "file", 0, "/file" },
	{ "file/", ENOTDIR, NULL },
	{ "file/.", ENOTDIR, NULL },
	{ "file/..", ENOTDIR, NULL },
	{ "file/x", ENOTDIR, NULL },
	{ "file/../file", ENOTDIR, NULL },
	{ "missing", ENOENT, NULL },
	{ "missing/", ENOENT, NULL },
	{ "missing/x", ENOENT, NULL },
	{ "missing/..", ENOENT, NULL },
	{ "missing/../file", ENOENT, NULL },
	{ "a", 0, "/a" },
	{ "a/", 0, "/a" },
	{ "a///", 0, "/a" },
	{ "a/.", 0, "/a" },
	{ "a/..", 0, "" },
	{ "a/../", 0, "" },
	{ "a/b", 0, "/a/b" },
	{ "a//b", 0, "/a/b" },
	{ "a/./b/", 0, "/a/b" },
	{ "a/b/..", 0, "/a" },
	{ "a/b/../..", 0, "" },
	{ "a/b/../../a/b/file", 0, "/a/b/file" },
	{ "a/../a/../a/../file", 0, "/file" },
	{ "...", 0, "/..." },
	{ ".../..file", 0, "/.../..file" },
	{ "to-file", 0, "/file" },
	{ "to-file/", ENOTDIR, NULL },
	{ "to-file/x", ENOTDIR, NULL },
	{ "to-a", 0, "/a" },
	{ "to-a/", 0, "/a" },
	{ "to-a/file", 0, "/a/file" },
	{ "to-a/..", 0, "" },
	{ "to-a/b/../file", 0, "/a/file" },
	{ "to-a-slash", 0, "/a" },
	{ "to-a-slash//b", 0, "/a/b" },
	{ "to-file-slash", ENOTDIR, NULL },
	{ "a/up", 0, "/file" },
	{ "a/b/up-2", 0, "/a/file" },
	{ "to-up", 0, "/file" },
	{ "self", 0, "" },
	{ "self/self/self/file", 0, "/file" },
	{ "up-1", 0, "/a" },
	{ "up-1/file", 0, "/a/file" },
	{ "absolute", EXDEV, NULL },
	{ "absolute/passwd", EXDEV, NULL },
	{ "inside", EXDEV, NULL },
	{ "out", EXDEV, NULL },
	{ "out/", EXDEV, NULL },
	{ "a/out", EXDEV, NULL },
	{ "a/out/secret", EXDEV, NULL },
	{ "out-of", EXDEV, NULL },
	{ "out-of/root/file", EXDEV, NULL },
	{ "by-way-out", EXDEV, NULL },
	{ "a/b/out-late", EXDEV, NULL },
	{ "nowhere", ENOENT, NULL },
	{ "nowhere/", ENOENT, NULL },
	{ "nowhere/x", ENOENT, NULL },
	{ "nowhere-deep", ENOENT, NULL },
	{ "nowhere-slash", ENOENT, NULL },
	{ "nowhere-out", EXDEV, NULL },
	{ "no-folder", ENOENT, NULL },
	{ "loop", ELOOP, NULL },
	{ "loop/x", ELOOP, NULL },
	{ "one", ELOOP, NULL },
	{ "a/loop", ELOOP, NULL },
	{ "chain-40", 0, "/a/file" },
	{ "chain-41", ELOOP, NULL },
	{ "self/chain-39", 0, "/a/file" },
	{ "self/chain-40", ELOOP, NULL },
	{ "chain-40/", ENOTDIR, NULL },
	{ name_255, ENOENT, NULL },
	{ name_256, ENAMETOOLONG, NULL },
	{ path_4095, 0, "/a/b" },
	{ path_4096, ENAMETOOLONG, NULL },
	{ down_up_40, 0, "/d/file" },
	{ down_up_32, 0, "/d/d/d/d/d/d/d/d" },
	{ "d/d/d/../../../a/b/../file", 0, "/a/file" },
};

static void check_row(const struct row *row, way open_by)
{
	struct outcome outcome = outcome_of(open_by, row->path, O_PATH);

	cr_assert_eq(outcome.error, row->error, "%.100s: %s", row->path, words(&outcome));
	if (!row->error)
		cr_assert_str_eq(outcome.name + strlen(folder) + strlen("/root"), row->name);
}

Test(walk, S1_each_path_reaches_what_it_says_or_nothing, .init = begin, .fini = end)
{
	int before = fixture_descriptors();

	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t by = 0; by < COUNT(ways); by++)
			check_row(&rows[i], ways[by]);
	cr_assert_eq(fixture_descriptors(), before);
}

Test(walk, with_all_flags_both_ways_say_the_same, .init = begin, .fini = end)
{
	int before = fixture_descriptors();

	if (!has_openat2())
		cr_skip_test("this machine has no openat2()");
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t j = 0; j < COUNT(all_flags); j++)
			compare(rows[i].path, all_flags[j]);
	cr_assert_eq(fixture_descriptors(), before);
}

/* ---- where there are other rights ---- */

static bool links_are_protected(void)
{
	char digit = '0';
	int fd = open("/proc/sys/fs/protected_symlinks", O_RDONLY);

	if (fd >= 0 && read(fd, &digit, 1) != 1)
		digit = '0';
	close(fd);
	return digit == '1';
}

static int compare_as_nobody(void *arg)
{
	static const char *const paths[] = {
		"closed",         "closed/",        "closed/.",    "closed/..",   "closed/../file",
		"closed/file",    "closed/b",       "closed/b/..", "closed/new/", "to-closed",
		"to-closed/file", "to-closed/..",   "a/new",       "listed",      "listed/file",
		"listed/..",      "listed/.",       "searched",    "searched/.",  "searched/file",
		"searched/..",    "sticky/of-root",
	};
	static const char *const guarded[] = { "sticky/theirs", "to-sticky" };
	bool protected = links_are_protected();

	(void)arg;
	folder_be_nobody();
	for (size_t j = 0; j < COUNT(all_flags); j++) {
		for (size_t i = 0; i < COUNT(paths); i++)
			compare(paths[i], all_flags[j]);
		for (size_t i = 0; protected && i < COUNT(guarded); i++)
			compare(guarded[i], all_flags[j]);
	}
	for (size_t i = 0; i < COUNT(guarded); i++)
		program_check(walk_open(root, guarded[i], O_RDONLY, 0) == -EACCES,
			      "it is followed");
	return 0;
}

Test(walk, with_few_rights_both_ways_say_the_same, .init = begin, .fini = end)
{
	if (!has_openat2())
		cr_skip_test("this machine has no openat2()");
	if (getuid())
		cr_skip_test("only root can give a link to another");
	folder_below("root/closed", 0);
	folder_below("root/listed", 0744);
	folder_below("root/searched", 0711);
	folder_below("root/sticky", 01777);
	folder_link("root/to-closed", "closed");
	folder_link("root/sticky/of-root", "../a");
	folder_link("root/sticky/theirs", "../file");
	folder_link("root/to-sticky", "sticky/theirs");
	cr_assert_eq(lchown(folder_path("root/sticky/theirs"), 12345, 12345), 0);
	cr_assert_eq(fixture_in_child(compare_as_nobody, NULL), 0);
}

Test(walk, what_is_mounted_below_the_root_is_below_it, .init = begin, .fini = end)
{
	int before;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", folder_path("root/a/b"), "tmpfs", 0, NULL))
		cr_skip_test("nothing can be mounted here");
	close(root); /* that of before has nothing mounted in it */
	root = open(folder_path("root"), O_PATH | O_DIRECTORY);
	before = fixture_descriptors();
	folder_below("root/a/b/c", 0755);
	folder_file("root/a/b/c/file", "");
	folder_link("root/a/b/c/up", "../../file");
	folder_link("root/a/b/c/out", "../../../../secret");
	check_row(&(struct row){ "a/b/c/file", 0, "/a/b/c/file" }, walk_open);
	check_row(&(struct row){ "a/b/c/../../b/..", 0, "/a" }, walk_open);
	check_row(&(struct row){ "a/b/c/up", 0, "/a/file" }, walk_open);
	check_row(&(struct row){ "a/b/c/out", EXDEV, NULL }, walk_open);
	if (has_openat2()) {
		compare("a/b", O_RDONLY);
		compare("a/b/c/../..", O_RDONLY);
		compare("a/b/c/up", O_RDWR);
		compare("a/b/c/out", O_RDWR);
		compare("a/b/../b/c/new", O_RDWR | O_CREAT);
	}
	/* No link is followed on such a mount. */
	if (mount(NULL, folder_path("root/a/b"), NULL, MS_REMOUNT | 256 /* MS_NOSYMFOLLOW */,
		  NULL) == 0) {
		check_row(&(struct row){ "a/b/c/up", ELOOP, NULL }, walk_open);
		check_row(&(struct row){ "a/b/c/file", 0, "/a/b/c/file" }, walk_open);
	}
	cr_assert_eq(fixture_descriptors(), before);
	umount(folder_path("root/a/b"));
}

Test(walk, S1_links_of_procfs_that_are_more_than_their_text_are_not_followed, .init = begin,
     .fini = end)
{
	static const char *const magic[] = {
		"self/exe",     "self/root",      "self/root/etc",   "self/cwd",    "self/cwd/x",
		"self/fd/0",    "self/fd/107",    "self/fd/108",     "self/ns/mnt", "self/exe/",
		"self/fd/108/", "self/fd/108/..", "thread-self/cwd",
	};
	static const char *const plain[] = {
		"self",    "self/status",  "thread-self/comm", "mounts",
		"net",     "net/dev",      "self/fd",          "self/fd/",
		"self/..", "self/missing", "self/mounts",
	};
	int folder_fd = open(folder, O_RDONLY | O_DIRECTORY), ends[2];

	close(root);
	root = open("/proc", O_PATH | O_DIRECTORY);
	if (faccessat(root, "self/status", R_OK, 0))
		cr_skip_test("no /proc");
	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(dup2(ends[0], 107), 107);
	cr_assert_eq(dup2(folder_fd, 108), 108);
	for (size_t i = 0; i < COUNT(magic); i++)
		for (size_t by = 0; by < COUNT(ways); by++)
			check_row(&(struct row){ magic[i], ELOOP, NULL }, ways[by]);
	for (size_t j = 0; has_openat2() && j < COUNT(all_flags); j++) {
		for (size_t i = 0; i < COUNT(magic); i++)
			if (!(all_flags[j] & (O_WRONLY | O_RDWR)) && !(all_flags[j] & O_CREAT))
				compare(magic[i], all_flags[j]);
		for (size_t i = 0; i < COUNT(plain); i++)
			if (!(all_flags[j] & (O_WRONLY | O_RDWR)) && !(all_flags[j] & O_CREAT))
				compare(plain[i], all_flags[j]);
	}
}

/* ---- at random ---- */

static const char *random_part(uint64_t *random)
{
	static const char *const parts[] = { "a", "b",  "c",  "d", "a", "b",      "c",
					     "d", "..", "..", ".", "",  "nothing" };

	return parts[random_below(random, COUNT(parts))];
}

static void random_path(uint64_t *random, char *path, unsigned most)
{
	unsigned parts = 1 + random_below(random, most);

	if (random_below(random, 40) == 0)
		path = stpcpy(path, "/");
	for (unsigned i = 0; i < parts; i++) {
		path = stpcpy(path, random_part(random));
		if (i + 1 < parts || random_below(random, 6) == 0)
			path = stpcpy(path, "/");
	}
	*path = 0;
}

/* What cannot be made, as its folder is a file, or is there, is left. */
static void random_tree(uint64_t *random)
{
	char path[256], text[256];

	for (int i = 0; i < 40; i++) {
		int length = snprintf(path, sizeof(path), "%s/root", folder);
		unsigned depth = 1 + random_below(random, 4);
		int fd;

		while (depth--)
			length += snprintf(path + length, sizeof(path) - (size_t)length, "/%c",
					   'a' + (int)random_below(random, 4));
		switch (random_below(random, 5)) {
		case 0:
			fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
			if (fd >= 0)
				close(fd);
			break;
		case 1:
		case 2:
			random_path(random, text, 5);
			if (*text && symlink(text, path) && errno != EEXIST && errno != ENOENT &&
			    errno != ENOTDIR && errno != ELOOP)
				cr_assert(0, "%s: %s", path, strerror(errno));
			break;
		default:
			mkdir(path, 0755);
		}
	}
}

static unsigned reached, refused;

static void random_paths(uint64_t *random)
{
	char path[256];

	for (int i = 0; i < 200; i++) {
		struct outcome outcome;

		random_path(random, path, 8);
		compare(path, all_flags[random_below(random, COUNT(all_flags))]);
		outcome = outcome_of(walk_open, path, O_PATH);
		if (outcome.error) {
			refused++;
			continue;
		}
		reached++;
		cr_assert(!strncmp(outcome.name, folder_path("root"), strlen(folder) + 5));
	}
}

Test(walk, S1_in_trees_made_at_random_both_ways_say_the_same)
{
	int before = fixture_descriptors();

	if (!has_openat2())
		cr_skip_test("this machine has no openat2()");
	umask(0);
	for (uint64_t seed = 1; seed <= 60; seed++) {
		uint64_t random = seed;

		folder_make();
		folder_below("root", 0755);
		folder_file("a", "");
		folder_below("b", 0755);
		root = open(folder_path("root"), O_PATH | O_DIRECTORY);
		random_tree(&random);
		random_paths(&random);
		close(root);
		folder_remove();
	}
	cr_assert_eq(fixture_descriptors(), before);
	cr_assert(reached > 500 && refused > 1000, "%u reached, %u refused", reached, refused);
}

/* ---- each call fails ---- */

static const char *const long_ways[] = {
	"a/b/../../to-a/up", "chain-40", "a/b/up-2", "nowhere-deep", down_up_40, "to-a-slash/b/..",
};

static void fail_each(const char *path, int flags, int error)
{
	int before = fixture_descriptors();
	struct outcome sound = outcome_of(walk_open, path, flags);
	unsigned n = 1, made;

	do {
		int fd;

		calls_begin();
		calls.fails = n;
		calls.error = error;
		fd = walk_open(root, path, flags, 0641);
		made = calls_end();
		if (made >= n)
			cr_assert_lt(fd, 0, "%.100s: call %u fails, and nothing is told", path, n);
		if (made >= n)
			cr_assert(fd == -error || fd == -sound.error, "%.100s: %d", path, fd);
		if (fd >= 0)
			close(fd);
		cr_assert_eq(fixture_descriptors(), before, "%.100s: call %u", path, n);
	} while (made >= n++);
	cr_assert_gt(n, 4);
	if (flags & O_CREAT)
		outcome_of(walk_open, path, flags);
}

Test(walk, E3_whichever_call_fails_is_told_and_no_descriptor_is_lost, .init = begin, .fini = end)
{
	for (size_t i = 0; i < COUNT(long_ways); i++) {
		fail_each(long_ways[i], O_PATH, ENOMEM);
		fail_each(long_ways[i], O_RDONLY, EMFILE);
		fail_each(long_ways[i], O_RDWR | O_CREAT, ENFILE);
	}
}

Test(walk, E3_without_descriptors_nothing_is_opened_and_none_is_lost, .init = begin, .fini = end)
{
	int before = fixture_descriptors(), most = 0, fd;

	for (size_t i = 0; i < COUNT(long_ways); i++) {
		for (int left = 0; left < 15; left++) {
			fixture_descriptors_left(left);
			fd = walk_open(root, long_ways[i], O_PATH, 0);
			fixture_descriptors_left(-1);
			if (fd == -EMFILE && left > most)
				most = left;
			if (fd >= 0)
				close(fd);
			cr_assert_eq(fixture_descriptors(), before);
		}
	}
	cr_assert_gt(most, 2);
}

/* ---- while directories are renamed ---- */

/* What lies outside says so; what is moved out takes with it what it holds. */
static void begin_to_move(void)
{
	begin();
	folder_below("root/a/b/c", 0755);
	folder_file("root/a/b/c/file", "");
	folder_below("root/here", 0755);
	folder_file("root/here/file", "");
	folder_link("root/there", "a");
	folder_link("root/a/b/c/up", "../../file");
	folder_file("file", "secret");
	folder_file("outside/file", "secret");
	folder_file("outside/up", "secret");
}

static void move_out(void)
{
	if (rename(folder_path("root/a/b"), folder_path("outside/b")) == 0)
		folder_file("outside/b/late", "secret");
}

static void move_in(void)
{
	unlink(folder_path("outside/b/late"));
	rename(folder_path("outside/b"), folder_path("root/a/b"));
}

static const char *const moved_ways[] = {
	"a/b/../file",        "a/b/../../file", "a/b/../secret",   "a/b/c/../../file",
	"a/b/late",           "a/b/c/up",       "a/b/c/../late",   "there/b/../up",
	"a/b/c/../../b/late", "a/b/../b/late",  "a/b/../out/file", "a/b/..",
};

/* A directory with a secret in it is one, too. */
static bool is_secret(int fd)
{
	char text[7] = "";
	int secret = openat(fd, "secret", O_PATH);

	if (secret >= 0)
		close(secret);
	return secret >= 0 || (read(fd, text, 6) == 6 && !strcmp(text, "secret"));
}

static unsigned move_at;

static void move_then(unsigned n)
{
	if (n == move_at)
		move_out();
}

static void move_at_each_step(const char *path)
{
	unsigned made;
	int fd;

	move_at = 1;
	do {
		calls_begin();
		calls.before = move_then;
		fd = walk_open(root, path, O_RDONLY, 0);
		made = calls_end();
		if (fd >= 0) {
			cr_assert_not(is_secret(fd), "%s: moved at %u", path, move_at);
			close(fd);
		}
		move_in();
	} while (made >= move_at++);
	cr_assert_gt(move_at, 5);
}

Test(walk, S1_whenever_a_directory_is_moved_out_nothing_outside_is_reached, .init = begin_to_move,
     .fini = end)
{
	int before = fixture_descriptors();

	for (size_t i = 0; i < COUNT(moved_ways); i++)
		move_at_each_step(moved_ways[i]);
	cr_assert_eq(fixture_descriptors(), before);
}

static _Atomic bool stop;

static void *move_about(void *arg)
{
	while (!stop) {
		move_out();
		move_in();
	}
	return arg;
}

Test(walk, S1_while_directories_move_in_and_out_nothing_outside_is_reached, .init = begin_to_move,
     .fini = end)
{
	int before = fixture_descriptors();
	pthread_t mover;

	cr_assert_eq(pthread_create(&mover, NULL, move_about, NULL), 0);
	for (int i = 0; i < 12000 / PROGRAM_SLOW; i++) {
		const char *path = moved_ways[i / 2 % COUNT(moved_ways)];
		int fd = ways[i % 2](root, path, O_RDONLY, 0);

		if (fd < 0)
			continue;
		cr_assert_not(is_secret(fd), "%s", path);
		close(fd);
	}
	stop = true;
	pthread_join(mover, NULL);
	cr_assert_eq(fixture_descriptors(), before);
}

static void exchange_then(unsigned n)
{
	if (n == move_at)
		cr_assert_eq(renameat2(root, "here", root, "there", RENAME_EXCHANGE), 0);
}

static void exchange_at_each_step(const char *path, int flags)
{
	struct stat status;
	unsigned made;
	int fd;

	move_at = 1;
	do {
		calls_begin();
		calls.before = exchange_then;
		fd = walk_open(root, path, flags, 0);
		made = calls_end();
		cr_assert_geq(fd, 0, "%s: exchanged at %u: %d", path, move_at, fd);
		cr_assert_eq(fstat(fd, &status), 0);
		cr_assert_eq(S_ISREG(status.st_mode), !!strstr(path, "file"), "%s: not all", path);
		close(fd);
		if (made >= move_at)
			exchange_then(move_at);
	} while (made >= move_at++);
	cr_assert_gt(move_at, 4);
}

Test(walk, a_link_that_becomes_a_directory_or_was_one_is_gone_through, .init = begin_to_move,
     .fini = end)
{
	exchange_at_each_step("here/file", O_RDONLY);
	exchange_at_each_step("there//file", O_RDONLY);
	exchange_at_each_step("there/", O_RDONLY);
	exchange_at_each_step("there", O_PATH);
	exchange_at_each_step("there", O_RDONLY | O_DIRECTORY);
	exchange_at_each_step("here/../there/.", O_RDONLY);
}

/* A level further up than a walk holds is found again by its name. */
static void rename_then(unsigned n)
{
	if (n == move_at)
		rename(folder_path("root/d/d"), folder_path("root/d/gone"));
}

Test(walk, S1_what_is_found_again_is_below_the_root, .init = begin_to_move, .fini = end)
{
	unsigned made, opened = 0, refusals = 0;

	move_at = 1;
	do {
		int fd;

		calls_begin();
		calls.before = rename_then;
		fd = walk_open(root, down_up_40, O_RDONLY, 0);
		made = calls_end();
		cr_assert(fd >= 0 || fd == -ENOENT, "%d", fd);
		if (fd >= 0)
			cr_assert_eq(close(fd), 0);
		opened += fd >= 0;
		refusals += fd < 0;
		rename(folder_path("root/d/gone"), folder_path("root/d/d"));
	} while (made >= move_at++);
	cr_assert(opened && refusals, "%u opened", opened);
}
