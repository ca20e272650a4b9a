/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/fs/name.c: what a link tells, byte for byte, and the one path that a file has, if it has one.
 * What else is done to names is beside the system's own in test_operations.c.
 */
#include <criterion/criterion.h>
#include <limits.h>

#include "support/asking.h"
#include "support/calls.h"
#include "support/namespace.h"

TestSuite(name, .timeout = 30);

static ferry_fs_options below(ferry_fs_root *root)
{
	return (ferry_fs_options){ .size = sizeof(ferry_fs_options), .root = root };
}

/* What a call told, in @text, or its errno. */
static int told(ferry_local *local, char text[static PATH_MAX])
{
	int error = ways_end(loop, local);
	const char *path = ferry_fs_result_path(local);

	if (!path != !!error)
		fixture_die("a path, or an errno", error);
	strcpy(text, path ? path : "");
	ferry_local_unref(local);
	return error;
}

static int real(const char *path, ferry_fs_root *root, char text[static PATH_MAX])
{
	ferry_fs_options options = below(root);

	return told(ferry_fs_realpath(loop, pool, path, &options), text);
}

static int did(ferry_local *local)
{
	int error = ways_end(loop, local);

	ferry_local_unref(local);
	return error;
}

/* ---- links ---- */

Test(name, what_a_link_tells_is_kept_byte_for_byte, .init = asking_begin, .fini = asking_end)
{
	char target[PATH_MAX], text[PATH_MAX];
	ferry_fs_root *root = ways_root(loop, pool, folder, FERRY_FS_TRUST_NONE);
	ferry_fs_options options = below(root);

	for (size_t length = 1; length < 300; length += 37) {
		for (size_t i = 0; i < length; i++)
			target[i] = (char)(1 + (i + length) % 255);
		target[length] = 0;
		cr_assert_eq(did(ferry_fs_symlink(loop, pool, target, "link", &options)), 0);
		cr_assert_eq(told(ferry_fs_readlink(loop, pool, "link", &options), text), 0);
		cr_assert_str_eq(text, target);
		cr_assert_eq(told(ferry_fs_readlink(loop, pool, folder_path("link"), NULL), text),
			     0);
		cr_assert_str_eq(text, target);
		cr_assert_eq(did(ferry_fs_unlink(loop, pool, "link", &options)), 0);
	}
	ferry_fs_root_unref(root);
}

Test(name, a_link_may_tell_as_much_as_a_path_may_have, .init = asking_begin, .fini = asking_end)
{
	char target[PATH_MAX + 1], text[PATH_MAX];

	memset(target, 'x', sizeof(target));
	target[PATH_MAX] = 0;
	cr_assert_eq(did(ferry_fs_symlink(loop, pool, target, folder_path("link"), NULL)),
		     ENAMETOOLONG);
	target[PATH_MAX - 1] = 0;
	if (symlink(target, folder_path("link")))
		cr_skip_test("this filesystem has no links of that length");
	cr_assert_eq(told(ferry_fs_readlink(loop, pool, folder_path("link"), NULL), text), 0);
	cr_assert_str_eq(text, target);
}

/* ---- names of one file ---- */

Test(name, a_second_name_is_the_same_file_and_goes_alone, .init = asking_begin, .fini = asking_end)
{
	struct stat first, second;

	cr_assert_eq(
		did(ferry_fs_link(loop, pool, folder_path("file"), folder_path("second"), NULL)),
		0);
	cr_assert_eq(stat(folder_path("file"), &first), 0);
	cr_assert_eq(stat(folder_path("second"), &second), 0);
	cr_assert_eq(first.st_ino, second.st_ino);
	cr_assert_eq(first.st_nlink, 2);
	/* Of two names of one file the system renames neither. */
	cr_assert_eq(
		did(ferry_fs_rename(loop, pool, folder_path("file"), folder_path("second"), NULL)),
		0);
	cr_assert_eq(did(ferry_fs_unlink(loop, pool, folder_path("file"), NULL)), 0);
	cr_assert_eq(stat(folder_path("second"), &second), 0);
	cr_assert_eq(second.st_nlink, 1);
}

Test(name, a_directory_takes_the_place_of_an_empty_one_with_all_that_is_in_it, .init = asking_begin,
     .fini = asking_end)
{
	folder_below("full", 0755);
	folder_file("full/inside", "");
	folder_below("empty", 0755);
	cr_assert_eq(
		did(ferry_fs_rename(loop, pool, folder_path("full"), folder_path("empty"), NULL)),
		0);
	cr_assert_eq(access(folder_path("empty/inside"), F_OK), 0);
	cr_assert_neq(access(folder_path("full"), F_OK), 0);
}

/* ---- the one path ---- */

Test(name, the_one_path_of_a_file_has_no_links_and_no_dots, .init = asking_begin,
     .fini = asking_end)
{
	ferry_fs_root *root = ways_root(loop, pool, folder, FERRY_FS_TRUST_NONE);
	char text[PATH_MAX], whole[PATH_MAX], expected[PATH_MAX + 8];

	folder_below("below", 0755);
	folder_link("link", "below/../file");
	cr_assert_not_null(realpath(folder, whole));
	snprintf(expected, sizeof(expected), "%s/file", whole);
	cr_assert_eq(real(folder_path("below//.././link"), NULL, text), 0);
	cr_assert_str_eq(text, expected);
	cr_assert_eq(real("below//.././link", root, text), 0);
	cr_assert_str_eq(text, expected, "a root has a path, too");
	cr_assert_eq(real(".", root, text), 0);
	cr_assert_str_eq(text, whole);
	cr_assert_eq(real("/", NULL, text), 0);
	cr_assert_str_eq(text, "/");
	cr_assert_eq(real("//..//", NULL, text), 0);
	cr_assert_str_eq(text, "/");
	ferry_fs_root_unref(root);
}

/* It has none any more, whatever the kernel writes behind the one that it had. */
Test(name, what_was_removed_has_no_path, .init = asking_begin, .fini = asking_end)
{
	char text[PATH_MAX], path[64];
	ferry_fs_root *root;
	int fd = open(folder_path("file"), O_RDONLY | O_CLOEXEC), other;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	cr_assert_eq(real(path, NULL, text), 0, "it has one still");
	cr_assert_eq(link(folder_path("file"), folder_path("second")), 0);
	cr_assert_eq(unlink(folder_path("file")), 0);
	cr_assert_null(realpath(path, NULL));
	cr_assert_eq(real(path, NULL, text), ENOENT, "%s", text);
	folder_below("below", 0755);
	root = ways_root(loop, pool, folder_path("below"), FERRY_FS_TRUST_NONE);
	cr_assert_eq(chdir(folder_path("below")), 0);
	cr_assert_eq(rmdir(folder_path("below")), 0);
	cr_assert_eq(real(".", NULL, text), ENOENT, "%s", text);
	cr_assert_eq(real(".", root, text), ENOENT, "%s", text);
	/* Another file has the name that the kernel tells. */
	folder_file("below (deleted)", "");
	folder_file("file (deleted)", "");
	cr_assert_eq(real(".", NULL, text), ENOENT, "%s", text);
	cr_assert_eq(chdir("/"), 0);
	ferry_fs_root_unref(root);
	close(fd);
	/* Which is a name like any other. */
	cr_assert_eq(real(folder_path("file (deleted)"), NULL, text), 0);
	cr_assert_not_null(strstr(text, "/file (deleted)"));
	other = open(folder_path("file (deleted)"), O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", other);
	cr_assert_eq(unlink(folder_path("file (deleted)")), 0);
	cr_assert_eq(real(path, NULL, text), ENOENT, "%s", text);
	close(other);
}

/* Before it is asked what the file is called that was opened: which is another one then. */
static void replaces(unsigned n)
{
	if (n <= 3)
		folder_file("next", "");
	if (n <= 3 && rename(folder_path("next"), folder_path("file")))
		fixture_die("it cannot be replaced", errno);
}

/* It has its name all the time, though not the same file. */
Test(name, what_is_replaced_meanwhile_has_its_path, .init = asking_begin, .fini = asking_end)
{
	ferry_fs_root *root = ways_root(loop, pool, folder, FERRY_FS_TRUST_NONE);
	char text[PATH_MAX], expected[PATH_MAX];

	cr_assert_not_null(realpath(folder_path("file"), expected));
	for (int i = 0; i < 2; i++) {
		int error;

		calls_begin();
		calls.before = replaces;
		error = i ? real("file", root, text) : real(folder_path("file"), NULL, text);
		cr_assert_gt(calls_end(), 0);
		cr_assert_eq(error, 0, "%d", error);
		cr_assert_str_eq(text, expected);
	}
	ferry_fs_root_unref(root);
}

/* ---- other root directories ---- */

static char text[PATH_MAX];

/* In a child whose root directory is "jail", with and without /proc. */
static int asks_from_a_jail(bool has_proc)
{
	ferry_fs_root *outside;
	int status = 0;

	folder_below("jail", 0755);
	folder_below("jail/proc", 0755);
	folder_file("jail/file", "");
	folder_below("outside", 0755);
	if (has_proc && mount("/proc", folder_path("jail/proc"), NULL, MS_BIND | MS_REC, NULL))
		return NAMESPACE_NONE;
	loop = fixture_loop();
	pool = fixture_pool(1);
	ways_begin(loop, pool);
	outside = ways_root(loop, pool, folder_path("outside"), FERRY_FS_TRUST_NONE);
	if (chdir(folder_path("outside")) || chroot(folder_path("jail")))
		return NAMESPACE_NONE;
	if (real("/file", NULL, text) || strcmp(text, "/file"))
		status = 1;
	else if (real("//proc/..//", NULL, text) || strcmp(text, "/"))
		status = 2;
	else if (real(".", NULL, text) != ENOENT)
		status = 3;
	else if (real(".", outside, text) != ENOENT)
		status = 4;
	else if (real("/missing", NULL, text) != ENOENT)
		status = 5;
	if (status)
		fprintf(stderr, "it tells %s\n", text);
	ferry_fs_root_unref(outside);
	fixture_end(loop, pool);
	return status;
}

static int asks_with_proc(void)
{
	return asks_from_a_jail(true);
}

static int asks_without_proc(void)
{
	return asks_from_a_jail(false);
}

static void check_jail(int (*fn)(void))
{
	int status = namespace_run(fn);

	if (status == NAMESPACE_NONE)
		cr_skip_test("this machine does not let a process have mounts of its own");
	cr_assert_eq(status, 0);
}

Test(name, what_is_outside_of_the_root_directory_has_no_path)
{
	check_jail(asks_with_proc);
}

Test(name, without_proc_a_path_is_found_as_the_system_finds_it)
{
	check_jail(asks_without_proc);
}
