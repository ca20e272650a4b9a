/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening below a root: when openat2() is asked and when not; the directory of a name. What is
 * reached stands in test_walk.c. */
#include <criterion/criterion.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "fs/beneath.h"
#include "support/calls.h"
#include "support/fixture.h"
#include "support/folder.h"

TestSuite(beneath, .timeout = 60);

static int root;

static void begin(void)
{
	folder_make();
	folder_file("secret", "");
	folder_below("root", 0755);
	folder_below("root/a", 0755);
	folder_below("root/a/b", 0755);
	folder_file("root/file", "");
	folder_file("root/a/file", "");
	folder_link("root/to-a", "a");
	folder_link("root/a/to-file", "../file");
	folder_link("root/out", "../secret");
	folder_link("root/out-of", "..");
	root = open(folder_path("root"), O_PATH | O_DIRECTORY);
	cr_assert_geq(root, 0);
	calls_begin();
}

static void end(void)
{
	calls_end();
	close(root);
	folder_remove();
}

/* Opened below the root it is what is at @is; @is NULL: it cannot be, with that errno. */
static void check(const char *path, const char *is, int error)
{
	struct stat ours, theirs;
	int fd = beneath_open(root, path, O_PATH, 0);

	if (!is) {
		cr_assert_eq(fd, -error, "%s: %d", path, fd);
		return;
	}
	cr_assert_geq(fd, 0, "%s: %d", path, fd);
	cr_assert_eq(fstat(fd, &ours), 0);
	cr_assert_eq(stat(folder_path(is), &theirs), 0);
	cr_assert(ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino, "%s", path);
	close(fd);
}

static void check_some(void)
{
	int before = fixture_descriptors();

	check("file", "root/file", 0);
	check("a/b/../file", "root/a/file", 0);
	check("to-a/to-file", "root/file", 0);
	check("..", NULL, EXDEV);
	check("out", NULL, EXDEV);
	check("missing", NULL, ENOENT);
	cr_assert_eq(fixture_descriptors(), before);
}

/* ---- openat2() or a walk ---- */

Test(beneath, one_call_opens_it_where_there_is_openat2, .init = begin, .fini = end)
{
	check_some();
	/* Of what a path is refused with nothing is concluded, here. */
	cr_assert_eq(calls.scoped, 6);
}

/* In a child, as it is remembered. */
static int refuse(void *arg)
{
	calls.refused = *(int *)arg;
	check_some();
	cr_assert_eq(calls.scoped, 2, "once for the path, once to know");
	calls.refused = 0;
	check_some();
	cr_assert_eq(calls.scoped, 2);
	return 0;
}

Test(beneath, once_refused_without_a_path_to_blame_it_is_not_asked_again, .init = begin,
     .fini = end)
{
	static int errors[] = { ENOSYS, EPERM, E2BIG, EINVAL };

	for (int i = 0; i < 4; i++)
		cr_assert_eq(fixture_in_child(refuse, &errors[i]), 0);
}

static void check_path_refused(int error)
{
	calls.path_refused = error;
	for (int i = 0; i < 3; i++)
		check("file", NULL, error);
	cr_assert_eq(calls.scoped, 6, "each time it is asked whether it is the path");
	calls.path_refused = 0;
	check_some();
	cr_assert_eq(calls.scoped, 12, "and it is used as before");
}

Test(beneath, a_path_with_an_errno_of_a_refusal_is_not_taken_for_one, .init = begin, .fini = end)
{
	static const int errors[] = { EPERM, EINVAL, ENOSYS, E2BIG };

	for (int i = 0; i < 4; i++) {
		calls.scoped = 0;
		check_path_refused(errors[i]);
	}
}

Test(beneath, a_refusal_that_comes_later_is_seen, .init = begin, .fini = end)
{
	check_some();
	calls.refused = EPERM;
	check_some();
}

Test(beneath, an_unsure_kernel_is_asked_again_and_at_last_it_is_walked, .init = begin, .fini = end)
{
	calls.unsure = 31;
	check("a/b/../file", "root/a/file", 0);
	cr_assert_eq(calls.scoped, 32);
	calls.unsure = 1000;
	check("a/b/../file", "root/a/file", 0);
	cr_assert_eq(calls.scoped, 64, "walked after so many");
	calls.unsure = 0;
	check_some();
	cr_assert_eq(calls.scoped, 70, "and asked again for the next");
}

/* From here on that system call fails, as in a strict sandbox. */
static bool forbid(int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void check_forbidden(int error)
{
	check_some();
	if (!forbid(error))
		cr_skip_test("this machine does not let a process forbid itself a system call");
	check_some();
	check_some();
}

Test(beneath, a_sandbox_without_openat2_is_like_an_old_kernel, .init = begin, .fini = end)
{
	check_forbidden(ENOSYS);
}

Test(beneath, a_sandbox_that_forbids_openat2_is_like_one_without, .init = begin, .fini = end)
{
	check_forbidden(EPERM);
}

/* ---- flags ---- */

static void check_flags(void)
{
	int fd;

	/* open() ignores these, openat2() would refuse them. */
	fd = beneath_open(root, "file", O_RDONLY | 1 << 30, 0123);
	cr_assert_geq(fd, 0);
	close(fd);
	fd = beneath_open(root, "file", O_PATH | O_RDWR | O_CREAT | O_EXCL | O_TRUNC, 0600);
	cr_assert_geq(fd, 0);
	cr_assert(fcntl(fd, F_GETFL) & O_PATH);
	cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	fd = beneath_open(root, "new", O_RDWR | O_CREAT | O_EXCL, 01010600);
	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_eq(unlink(folder_path("root/new")), 0);
	cr_assert_eq(beneath_open(root, "missing", O_RDONLY | O_TMPFILE, 0600), -EINVAL);
	cr_assert_eq(beneath_open(-1, "file", O_RDONLY, 0), -EBADF);
	fd = open(folder_path("root/file"), O_RDONLY);
	cr_assert_eq(beneath_open(fd, "file", O_RDONLY, 0), -ENOTDIR);
	close(fd);
}

Test(beneath, flags_are_those_of_open_both_ways, .init = begin, .fini = end)
{
	check_flags();
	calls.refused = ENOSYS;
	check_flags();
}

/* ---- the directory of a name ---- */

static const struct row {
	const char *path;
	enum beneath_use use;
	int error;
	const char *is, *last;
} rows[] = {
	{ "new", BENEATH_CHANGE, 0, "root", "new" },
	{ "new/", BENEATH_CHANGE, 0, "root", "new/" },
	{ "new//", BENEATH_CHANGE, 0, "root", "new//" },
	{ "a/new", BENEATH_CHANGE, 0, "root/a", "new" },
	{ "a//b///new/", BENEATH_CHANGE, 0, "root/a/b", "new/" },
	{ "to-a/new", BENEATH_CHANGE, 0, "root/a", "new" },
	{ "a/b/../new", BENEATH_CHANGE, 0, "root/a", "new" },
	{ "out", BENEATH_CHANGE, 0, "root", "out" },
	{ "out-of/", BENEATH_CHANGE, 0, "root", "out-of/" },
	{ ".", BENEATH_CHANGE, 0, "root", "." },
	{ "a/.", BENEATH_CHANGE, 0, "root/a", "." },
	{ "a/./", BENEATH_CHANGE, 0, "root/a", "./" },
	{ "a/..", BENEATH_CHANGE, 0, "root", ".." },
	{ "a/b/..//", BENEATH_CHANGE, 0, "root/a", ".." },
	{ "...", BENEATH_CHANGE, 0, "root", "..." },
	{ "a/..x", BENEATH_CHANGE, 0, "root/a", "..x" },
	{ "file/new", BENEATH_CHANGE, ENOTDIR, NULL, NULL },
	{ "file/..", BENEATH_CHANGE, ENOTDIR, NULL, NULL },
	{ "missing/new", BENEATH_CHANGE, ENOENT, NULL, NULL },
	{ "..", BENEATH_CHANGE, EXDEV, NULL, NULL },
	{ "../", BENEATH_CHANGE, EXDEV, NULL, NULL },
	{ "../new", BENEATH_CHANGE, EXDEV, NULL, NULL },
	{ "a/../..", BENEATH_CHANGE, EXDEV, NULL, NULL },
	{ "out-of/new", BENEATH_CHANGE, EXDEV, NULL, NULL },
	{ "/", BENEATH_CHANGE, EXDEV, NULL, NULL },
	{ "/new", BENEATH_CHANGE, EXDEV, NULL, NULL },
	{ "", BENEATH_CHANGE, ENOENT, NULL, NULL },
	{ "out", BENEATH_LOOK, 0, "root", "out" },
	{ "a/b", BENEATH_LOOK, 0, "root/a", "b" },
	{ "a/b/", BENEATH_LOOK, 0, "root/a/b", "." },
	{ "to-a//", BENEATH_LOOK, 0, "root/a", "." },
	{ "out-of/", BENEATH_LOOK, EXDEV, NULL, NULL },
	{ "out/", BENEATH_LOOK, EXDEV, NULL, NULL },
	{ "file/", BENEATH_LOOK, ENOTDIR, NULL, NULL },
	{ "missing/", BENEATH_LOOK, ENOENT, NULL, NULL },
	{ "a/..", BENEATH_LOOK, 0, "root", "." },
	{ "..", BENEATH_LOOK, EXDEV, NULL, NULL },
};

static void check_row(const struct row *row)
{
	const char *untouched = "untouched", *last = untouched;
	struct stat ours, theirs;
	int fd = beneath_parent(root, row->path, row->use, &last);

	if (row->error) {
		cr_assert_eq(fd, -row->error, "%s: %d", row->path, fd);
		cr_assert_eq(last, untouched);
		return;
	}
	cr_assert_geq(fd, 0, "%s: %d", row->path, fd);
	cr_assert_str_eq(last, row->last, "%s: %s", row->path, last);
	cr_assert_eq(fstat(fd, &ours), 0);
	cr_assert_eq(stat(folder_path(row->is), &theirs), 0);
	cr_assert_eq(ours.st_ino, theirs.st_ino, "%s", row->path);
	beneath_leave(root, fd);
	cr_assert_geq(fcntl(root, F_GETFD), 0);
}

static void check_rows(void)
{
	int before = fixture_descriptors();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_row(&rows[i]);
	cr_assert_eq(fixture_descriptors(), before);
}

Test(beneath, S1_the_directory_of_a_name_is_below_the_root, .init = begin, .fini = end)
{
	check_rows();
	calls.refused = ENOSYS;
	check_rows();
}

Test(beneath, E1_a_directory_that_is_refused_leaves_the_name_untouched, .init = begin, .fini = end)
{
	char path[PATH_MAX + 1];
	const char *last = "untouched";

	memset(path, 'x', PATH_MAX);
	path[PATH_MAX] = 0;
	cr_assert_eq(beneath_parent(root, path, BENEATH_CHANGE, &last), -ENAMETOOLONG);
	path[PATH_MAX - 1] = 0;
	cr_assert_eq(beneath_parent(root, path, BENEATH_CHANGE, &last), root);
	cr_assert_eq(last, path);
}

/* What the calls say of such names, below a root as in the working directory. */
Test(beneath, S1_calls_that_take_a_name_do_not_leave_the_root_by_it, .init = begin, .fini = end)
{
	struct stat status;
	char text[16];
	const char *last;
	int fd;

	fd = beneath_parent(root, "a/new/", BENEATH_CHANGE, &last);
	cr_assert_eq(mkdirat(fd, last, 0700), 0);
	cr_assert_eq(mkdirat(fd, last, 0700), -1);
	cr_assert_eq(errno, EEXIST);
	cr_assert_eq(unlinkat(fd, last, AT_REMOVEDIR), 0);
	beneath_leave(root, fd);
	fd = beneath_parent(root, "out-of/", BENEATH_CHANGE, &last);
	cr_assert_eq(unlinkat(fd, last, AT_REMOVEDIR), -1);
	cr_assert_eq(errno, ENOTDIR);
	cr_assert_eq(renameat(fd, last, fd, "else"), -1);
	cr_assert_eq(errno, ENOTDIR);
	beneath_leave(root, fd);
	fd = beneath_parent(root, "a/b/..", BENEATH_CHANGE, &last);
	cr_assert_eq(mkdirat(fd, last, 0700), -1);
	cr_assert_eq(errno, EEXIST);
	cr_assert_eq(unlinkat(fd, last, 0), -1);
	cr_assert_eq(errno, EISDIR);
	cr_assert_eq(unlinkat(fd, last, AT_REMOVEDIR), -1);
	cr_assert_eq(errno, ENOTEMPTY);
	beneath_leave(root, fd);
	fd = beneath_parent(root, "to-a/", BENEATH_LOOK, &last);
	cr_assert_eq(fstatat(fd, last, &status, AT_SYMLINK_NOFOLLOW), 0);
	cr_assert(S_ISDIR(status.st_mode));
	cr_assert_lt(readlinkat(fd, last, text, sizeof(text)), 0);
	cr_assert_eq(errno, EINVAL);
	cr_assert_eq(linkat(fd, last, root, "linked", 0), -1);
	cr_assert_eq(errno, EPERM);
	beneath_leave(root, fd);
}
