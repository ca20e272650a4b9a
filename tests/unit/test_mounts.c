/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of mounts: of texts, of this machine, and of mounts that the test makes. */
#include <criterion/criterion.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

#include "base/memory.h"
#include "fs/mountinfo.h"
#include "fs/mounts.h"
#include "support/namespace.h"
#include "support/program.h"

#define SYSTEM_STATMOUNT 457 /* on every machine */
#define SYSTEM_LISTMOUNT 458
#define ID_PLAIN 0x1000u /* STATX_MNT_ID, STATX_MNT_ID_UNIQUE */
#define ID_UNIQUE 0x4000u

TestSuite(mounts, .timeout = 60);

static struct mounts *table_of(const char *text)
{
	struct mount_list list = { .count = 0 };
	struct mounts *mounts = NULL;
	char *copy = strdup(text);

	cr_assert_eq(mountinfo_parse(&list, copy, strlen(copy)), 0);
	cr_assert_eq(mounts_new(&list, false, &mounts), 0);
	mount_list_clear(&list); /* a table stands alone */
	free(copy);
	return mounts;
}

/* ---- look-ups ---- */

struct leads {
	const char *path;
	uint64_t id; /* 0: nowhere */
};

static void check_paths(const char *text, const struct leads *leads, size_t count)
{
	struct mounts *mounts = table_of(text);

	for (size_t i = 0; i < count; i++) {
		const struct mount_entry *entry = mounts_by_path(mounts, leads[i].path);

		cr_expect_eq(entry ? entry->id : 0, leads[i].id, "%s leads to %d", leads[i].path,
			     entry ? (int)entry->id : 0);
	}
	memory_free(mounts);
}

#define CHECK_PATHS(text, ...)                                                                     \
	do {                                                                                       \
		static const struct leads leads_[] = { __VA_ARGS__ };                              \
		check_paths(text, leads_, sizeof(leads_) / sizeof(*leads_));                       \
	} while (0)

/* A line of mountinfo. */
#define LINE(id, parent, point, type)                                                              \
#id " " #parent " 0:" #id " / " point " rw - " type " none rw\n"

Test(mounts, a_path_leads_to_the_mount_of_its_longest_prefix)
{
	CHECK_PATHS(LINE(1, 0, "/", "ext4") LINE(2, 1, "/mnt/a", "tmpfs")
			    LINE(3, 1, "/mnt/ab", "xfs") LINE(4, 2, "/mnt/a/b/c", "fuse")
				    LINE(5, 1, "/proc", "proc"),
		    { "/", 1 }, { "/x", 1 }, { "/mnt", 1 }, { "/mnt/", 1 }, { "/mnt/x", 1 },
		    { "/mnt/a", 2 }, { "/mnt/a/", 2 }, { "/mnt/a/x", 2 }, { "/mnt/ab", 3 },
		    { "/mnt/ab/c", 3 }, { "/mnt/abc", 1 }, { "/mnt/a/b", 2 }, { "/mnt/a/b/", 2 },
		    { "/mnt/a/b/c", 4 }, { "/mnt/a/b/cd", 2 }, { "/mnt/a/b/c/d/e/f", 4 },
		    { "/mnt/ab/b/c", 3 }, { "/proc/self/fd/1", 5 }, { "/process", 1 });
}

Test(mounts, dots_and_slashes_are_as_their_text_says)
{
	CHECK_PATHS(LINE(1, 0, "/", "ext4") LINE(2, 1, "/mnt/a", "tmpfs")
			    LINE(3, 2, "/mnt/a/b", "xfs"),
		    { "//mnt///a", 2 }, { "/./mnt/./a/.", 2 }, { "/mnt/a/..", 1 },
		    { "/mnt/a/../a", 2 }, { "/mnt/a/b/..", 2 }, { "/mnt/a/b/../", 2 },
		    { "/mnt/a/b/../b/x/..", 3 }, { "/..", 1 }, { "/../../mnt/a", 2 },
		    { "/mnt/a/b/../../../..", 1 }, { "/mnt/x/../a/y", 2 }, { "/mnt/a/...", 2 },
		    { "/mnt/a/..b", 2 }, { "/mnt/a/.b", 2 }, { "/mnt/a/b..", 2 }, { "////", 1 },
		    { "/.", 1 }, { "/mnt/a/b/../../ab", 1 });
}

Test(mounts, what_is_not_absolute_or_too_long_leads_nowhere)
{
	struct mounts *mounts = table_of(LINE(1, 0, "/", "ext4") LINE(2, 1, "/a", "tmpfs"));
	static char path[10000];

	cr_assert_null(mounts_by_path(mounts, ""));
	cr_assert_null(mounts_by_path(mounts, "a"));
	cr_assert_null(mounts_by_path(mounts, "./a"));
	cr_assert_null(mounts_by_path(mounts, " /a"));
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	cr_assert_null(mounts_by_path(mounts, path));
	path[2] = '/';
	path[4096] = 0;
	cr_assert_null(mounts_by_path(mounts, path));
	path[4095] = 0;
	cr_assert_eq(mounts_by_path(mounts, path)->id, 2, "the longest that the kernel takes");
	memory_free(mounts);
}

Test(mounts, below_a_directory_it_is_its_mount_or_what_is_mounted_there)
{
	static const struct {
		const char *base;
		uint64_t mount;
		const char *path;
		uint64_t id;
	} rows[] = {
		{ "/srv", 1, "x", 1 }, { "/srv", 1, "far", 2 }, { "/srv", 1, "./far//x", 2 },
		{ "/srv", 1, "x/../far", 2 }, { "/srv", 1, "farther", 1 }, { "/srv", 1, ".", 1 },
		{ "/srv", 1, "far/in/x", 3 }, { "/srv", 1, "far/..", 1 }, { "/", 1, "srv/far", 2 },
		{ "/", 1, ".", 1 }, { "/", 1, "../srv/far", 2 }, { "/srv/far", 2, "in", 3 },
		{ "/srv/far", 2, "x", 2 },
		/* Out of it. */
		{ "/srv", 1, "../other", 1 }, { "/srv/far", 2, "../far/in", 3 },
		{ "/srv", 1, "../srv2/far", 1 }, { "/srv", 1, "/other", 1 },
		/* The directory was there before another mount came over it. */
		{ "/hidden", 1, "x", 1 }, { "/hidden", 1, "deep", 1 }, { "/hidden", 5, "deep", 6 },
	};
	struct mounts *mounts = table_of(
		LINE(1, 0, "/", "ext4") LINE(2, 1, "/srv/far", "nfs")
			LINE(3, 2, "/srv/far/in", "nfs") LINE(4, 1, "/other", "nfs")
				LINE(5, 1, "/hidden", "nfs") LINE(6, 5, "/hidden/deep", "ext4"));
	static char path[5000];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct mount_entry *entry =
			mounts_below(mounts, mounts_by_id(mounts, rows[i].mount), rows[i].base,
				     rows[i].path);

		cr_expect_eq(entry->id, rows[i].id, "%s below %s leads to %d", rows[i].path,
			     rows[i].base, (int)entry->id);
	}
	memset(path, 'a', sizeof(path) - 1);
	memcpy(path, "far/", 4);
	cr_expect_eq(mounts_below(mounts, mounts_by_id(mounts, 1), "/srv", path)->id, 1);
	memory_free(mounts);
}

Test(mounts, below_a_directory_there_is_a_remote_one_or_none)
{
	static const struct {
		const char *base;
		uint64_t mount;
		bool any;
	} rows[] = {
		{ "/", 1, true }, { "/srv", 1, true }, { "/srv/f", 1, false },
		{ "/srv/far", 2, false }, { "/srv/far/x", 2, false }, { "/other", 1, false },
		{ "/covered", 1, false }, { "/covered", 3, true }
	};
	struct mounts *mounts = table_of(
		LINE(1, 0, "/", "ext4") LINE(2, 1, "/srv/far", "nfs")
			LINE(3, 1, "/covered", "ext4") LINE(4, 3, "/covered/far", "nfs"));

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		cr_expect_eq(mounts_any_remote_below(mounts, mounts_by_id(mounts, rows[i].mount),
						     rows[i].base),
			     rows[i].any, "row %zu", i);
	memory_free(mounts);
	mounts = table_of(LINE(1, 0, "/", "ext4") LINE(2, 1, "/srv", "ext4"));
	cr_expect_not(mounts_any_remote_below(mounts, mounts_by_id(mounts, 1), "/"));
	memory_free(mounts);
}

Test(mounts, the_latest_at_one_place_is_on_top)
{
	CHECK_PATHS(LINE(1, 0, "/", "ext4") LINE(2, 1, "/a", "tmpfs") LINE(3, 2, "/a", "xfs")
			    LINE(4, 3, "/a", "proc") LINE(5, 4, "/a/b", "fuse")
				    LINE(6, 4, "/a/b", "nfs"),
		    { "/a", 4 }, { "/a/x", 4 }, { "/a/b", 6 }, { "/a/b/c", 6 }, { "/", 1 });
}

Test(mounts, S1_what_a_later_mount_covers_is_not_found)
{
	/* /a/b is local, and below a daemon that was mounted over /a since. */
	CHECK_PATHS(LINE(1, 0, "/", "ext4") LINE(2, 1, "/a", "tmpfs") LINE(3, 2, "/a/b", "tmpfs")
			    LINE(4, 2, "/a", "fuse"),
		    { "/a", 4 }, { "/a/b", 4 }, { "/a/b/c", 4 });
	CHECK_PATHS(LINE(1, 0, "/", "ext4") LINE(3, 1, "/a/b", "tmpfs") LINE(4, 1, "/a", "fuse")
			    LINE(5, 4, "/a/c", "tmpfs"),
		    { "/a/b/c", 4 }, { "/a/c/b", 5 });
}

Test(mounts, what_is_mounted_over_the_root_directory_is_seen_by_nobody)
{
	CHECK_PATHS(LINE(1, 0, "/", "ext4") LINE(2, 1, "/", "tmpfs") LINE(3, 1, "/a", "xfs")
			    LINE(4, 2, "/b", "proc"),
		    { "/", 1 }, { "/a", 3 }, { "/b", 1 });
	CHECK_PATHS(LINE(1, 1, "/", "rootfs") LINE(2, 1, "/a", "xfs"), { "/", 1 }, { "/a/b", 2 });
}

Test(mounts, below_a_root_that_is_not_listed_what_is_listed_is_found)
{
	CHECK_PATHS(LINE(5, 4, "/a", "tmpfs") LINE(6, 5, "/a/b", "xfs") LINE(7, 4, "/c", "proc"),
		    { "/", 0 }, { "/x", 0 }, { "/a", 5 }, { "/a/b/c", 6 }, { "/c", 7 },
		    { "/a/x", 5 });
	CHECK_PATHS("", { "/", 0 }, { "/a", 0 });
}

Test(mounts, a_table_that_goes_in_circles_is_looked_into_all_the_same)
{
	static const char text[] = LINE(1, 0, "/", "ext4") LINE(2, 3, "/a", "tmpfs")
		LINE(3, 2, "/a", "tmpfs") LINE(4, 4, "/b", "tmpfs") LINE(2, 1, "/a", "tmpfs")
			LINE(5, 3, "/a/b", "xfs") LINE(6, 5, "/a/b", "xfs")
				LINE(5, 6, "/a/b", "xfs") LINE(5, 2, "/a/b", "xfs");
	struct mounts *mounts = table_of(text);

	cr_assert_not_null(mounts_by_path(mounts, "/a/b/c/d"));
	cr_assert_not_null(mounts_by_path(mounts, "/b/b"));
	memory_free(mounts);
}

Test(mounts, each_is_found_by_its_id_and_no_other_is)
{
	static char text[400000];
	struct mounts *mounts;
	size_t length = 0;

	for (int i = 1; i <= 5000; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   "%d %d 0:%d / /%d rw - %s none rw\n", i * 3,
					   i == 1 ? 0 : 3, i, i, i % 2 ? "xfs" : "nfs");
	mounts = table_of(text);
	cr_assert_eq(mounts->count, 5000);
	for (uint64_t id = 0; id < 15010; id++) {
		const struct mount_entry *entry = mounts_by_id(mounts, id);
		char point[16];

		snprintf(point, sizeof(point), "/%d", (int)(id / 3));
		cr_assert_eq(!entry, id % 3 != 0 || id == 0 || id > 15000, "%d", (int)id);
		if (entry) {
			cr_assert_eq(entry->id, id);
			cr_assert_str_eq(entry->point, point);
			cr_assert_eq(entry->point_length, strlen(point));
		}
	}
	cr_assert_null(mounts_by_id(mounts, UINT64_MAX));
	cr_assert_null(mounts_by_id(mounts, (uint64_t)3 << 32));
	memory_free(mounts);
}

Test(mounts, it_says_whether_any_is_remote)
{
	struct mounts *mounts = table_of(LINE(1, 0, "/", "ext4") LINE(2, 1, "/a", "tmpfs"));

	cr_assert_not(mounts->any_remote);
	memory_free(mounts);
	mounts = table_of(LINE(1, 0, "/", "ext4") LINE(2, 1, "/a", "fuse.x")
				  LINE(3, 1, "/b", "xfs"));
	cr_assert(mounts->any_remote);
	memory_free(mounts);
	mounts = table_of("");
	cr_assert_not(mounts->any_remote);
	cr_assert_eq(mounts->count, 0);
	cr_assert_null(mounts_by_id(mounts, 0));
	memory_free(mounts);
}

/* Another way to find it: the last of those at the longest prefix that is not hidden. */
static uint64_t lead(const struct mounts *mounts, const char *path)
{
	const struct mount_entry *at = mounts_by_id(mounts, mounts->root);
	size_t from = 1;

	for (;;) {
		const struct mount_entry *next = NULL;

		for (size_t i = 0; i < mounts->count; i++) {
			const struct mount_entry *entry = &mounts->entries[i];
			size_t length = entry->point_length;

			if (entry->parent == at->id && length > 1 && length >= from &&
			    !strncmp(path, entry->point, length) &&
			    (path[length] == '/' || !path[length]) &&
			    (!next || length <= next->point_length))
				next = entry;
		}
		if (!next)
			return at->id;
		at = next;
		from = at->point_length;
	}
}

Test(mounts, random_tables_are_looked_into_as_by_hand)
{
	uint64_t random = 4711;

	for (int round = 0; round < 300; round++) {
		unsigned count = 1 + random_below(&random, 40);
		char text[8000], points[41][32] = { "" };
		size_t length = (size_t)sprintf(text, LINE(1, 0, "/", "ext4"));
		struct mounts *mounts;

		for (unsigned id = 2; id <= count; id++) {
			unsigned parent = 1 + random_below(&random, id - 1);

			strcpy(points[id], points[parent]);
			while ((!*points[id] || random_below(&random, 2)) &&
			       strlen(points[id]) < 20)
				sprintf(points[id] + strlen(points[id]), "/%c",
					'a' + (int)random_below(&random, 3));
			length +=
				(size_t)sprintf(text + length, "%u %u 0:1 / %s rw - xfs none rw\n",
						id, parent, points[id]);
		}
		mounts = table_of(text);
		for (int i = 0; i < 100; i++) {
			char path[64] = "";

			do {
				sprintf(path + strlen(path), "/%c",
					'a' + (int)random_below(&random, 3));
			} while (random_below(&random, 8) && strlen(path) < 20);
			cr_assert_eq(mounts_by_path(mounts, path)->id, lead(mounts, path),
				     "%s in:\n%s", path, text);
		}
		memory_free(mounts);
	}
}

/* ---- the machine ---- */

static struct mounts *read_table(void)
{
	struct mounts *mounts = NULL;
	int error = mounts_read(&mounts);

	program_check(error == 0, "no table: %d", error);
	return mounts;
}

/* The id and the device of the mount that @path leads to, from the kernel. */
static uint64_t ask_kernel(const char *path, bool unique, uint64_t *device)
{
	struct statx status;
	unsigned mask = unique ? ID_UNIQUE : ID_PLAIN;

	if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW, STATX_TYPE | mask,
		  &status))
		folder_die(path);
	if (!(status.stx_mask & mask))
		return 0; /* before 5.8, it does not say */
	*device = (uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor;
	return status.stx_mnt_id;
}

static void check_as_kernel(const struct mounts *mounts, const char *path)
{
	const struct mount_entry *entry = mounts_by_path(mounts, path);
	uint64_t device, id = ask_kernel(path, mounts->unique, &device);

	program_check(entry, "%s leads nowhere", path);
	if (!id)
		return;
	program_check(entry->id == id, "%s leads to %s", path, entry->point);
	program_check(mounts_by_id(mounts, id) == entry, "%s has another id", path);
	program_check(!strcmp(entry->type, "btrfs") || !strcmp(entry->type, "overlay") ||
			      entry->device == makedev((unsigned)(device >> 32), (unsigned)device),
		      "%s is of another device", path);
}

Test(mounts, the_machines_own_is_as_the_kernel_says)
{
	static const char *const paths[] = { "/",           "/proc", "/proc/self",         "/dev",
					     "/dev/null",   "/usr",  "/usr/../dev/./null", "/tmp",
					     "/etc/passwd", "/sys" };
	struct mounts *mounts = read_table();

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		check_as_kernel(mounts, paths[i]);
	memory_free(mounts);
}

static void judge(int (*in_namespace)(void))
{
	int status = namespace_run(in_namespace);

	if (status == NAMESPACE_NONE)
		cr_skip_test("this machine does not let a process have mounts of its own");
	cr_assert_eq(status, 0);
}

static int mount_over_mounts(void)
{
	static const char *const names[] = {
		"",      "plain",       "plain/file", "plain/below", "plain/below/x",
		"bound", "bound/below", "cover",      "cover/below", "cover/other",
		"over",  "a b\n",
	};
	struct mounts *mounts;

	namespace_mount("tmpfs", "plain", 0, NULL);
	folder_file("plain/file", "");
	namespace_mount("tmpfs", "plain/below", 0, NULL);
	folder_file("plain/below/x", "");
	namespace_bind("plain", "bound");
	namespace_mount("tmpfs", "cover", 0, NULL);
	namespace_mount("tmpfs", "cover/below", 0, NULL);
	namespace_mount("tmpfs", "cover", 0, NULL);
	folder_below("cover/below", 0755);
	namespace_mount("tmpfs", "cover/other", 0, NULL);
	namespace_mount("tmpfs", "over", 0, NULL);
	namespace_mount("tmpfs", "over", 0, NULL);
	namespace_mount("tmpfs", "a b\n", 0, NULL);
	mounts = read_table();
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		check_as_kernel(mounts, folder_path(names[i]));
	memory_free(mounts);
	/* Nobody sees what is mounted over the directory that is already the root. */
	if (mount("", "/", "tmpfs", 0, NULL))
		folder_die("/");
	mounts = read_table();
	check_as_kernel(mounts, "/");
	check_as_kernel(mounts, folder_path("plain"));
	memory_free(mounts);
	return 0;
}

Test(mounts, mounts_over_mounts_are_as_the_kernel_says)
{
	judge(mount_over_mounts);
}

static int bind_twice(void)
{
	const struct mount_entry *one, *other;
	struct mounts *mounts;

	namespace_mount("tmpfs", "one", 0, NULL);
	namespace_bind("one", "other");
	namespace_mount("tmpfs", "fixed", MS_RDONLY, NULL);
	mounts = read_table();
	one = mounts_by_path(mounts, folder_path("one"));
	other = mounts_by_path(mounts, folder_path("other"));
	program_check(one != other && one->device == other->device, "they share no device");
	program_check(!one->read_only && one->open_inline && one->class == MOUNT_LOCAL, "tmpfs");
	program_check(mounts_by_path(mounts, folder_path("fixed"))->read_only,
		      "it is not read-only");
	memory_free(mounts);
	return 0;
}

Test(mounts, those_of_one_superblock_share_its_device)
{
	judge(bind_twice);
}

static int read_beside_a_daemon(void)
{
	const struct mount_entry *entry;
	struct mounts *mounts;

	if (!namespace_mount_fuse("mute", "fuse.its-name"))
		return NAMESPACE_NONE;
	mounts = read_table();
	entry = mounts_by_path(mounts, folder_path("mute/x"));
	program_check(entry->class == MOUNT_REMOTE && !entry->open_inline, "a daemon is local");
	program_check(mounts->any_remote, "none is remote");
	memory_free(mounts);
	return 0;
}

Test(mounts, S1_a_daemon_that_never_answers_is_not_asked)
{
	judge(read_beside_a_daemon);
}

/* ---- changes ---- */

static int watch_mounts(void)
{
	int watch = mounts_watch_open();

	program_check(watch >= 0, "no watch: %d", watch);
	program_check(!mounts_watch_changed(watch), "changed before anything is");
	namespace_mount("tmpfs", "one", 0, NULL);
	program_check(mounts_watch_changed(watch), "a mount is not told");
	program_check(!mounts_watch_changed(watch), "it is told twice");
	namespace_mount("tmpfs", "two", 0, NULL);
	namespace_bind("one", "two");
	program_check(mounts_watch_changed(watch), "two mounts are not told");
	program_check(!mounts_watch_changed(watch), "they are told one by one");
	if (umount(folder_path("two")))
		folder_die("two");
	program_check(mounts_watch_changed(watch), "an unmount is not told");
	if (mount(NULL, folder_path("one"), NULL, MS_REMOUNT | MS_RDONLY, NULL))
		folder_die("one");
	program_check(mounts_watch_changed(watch), "a remount is not told");
	folder_file("file", "");
	program_check(!mounts_watch_changed(watch), "a file is told");
	close(watch);
	return 0;
}

Test(mounts, a_watch_tells_of_changes_once)
{
	judge(watch_mounts);
}

static int watch_then_read(void)
{
	int watch = mounts_watch_open();
	struct mounts *mounts;

	program_check(watch >= 0, "no watch: %d", watch);
	mounts = read_table();
	program_check(!mounts_watch_changed(watch), "to read is no change");
	memory_free(mounts);
	namespace_mount("tmpfs", "one", 0, NULL);
	mounts = read_table();
	program_check(mounts_watch_changed(watch), "a change before the read is lost");
	memory_free(mounts);
	close(watch);
	return 0;
}

Test(mounts, reading_takes_no_change_from_a_watch)
{
	judge(watch_then_read);
}

Test(mounts, no_watch_tells_of_nothing)
{
	cr_assert_not(mounts_watch_changed(-1));
}

/* ---- without ---- */

Test(mounts, E3_without_descriptors_there_is_no_watch_and_the_calls_that_need_none_go_on)
{
	struct mounts *mounts = NULL;
	int open = fixture_descriptors(), error;

	fixture_descriptors_left(0);
	cr_assert_eq(mounts_watch_open(), -EMFILE);
	error = mounts_read(&mounts);
	fixture_descriptors_left(-1);
	cr_assert_eq(error, mounts ? 0 : -EMFILE);
	memory_free(mounts);
	cr_assert_eq(fixture_descriptors(), open);
}

/* From here on that system call fails, as with an older kernel or a strict sandbox. */
static bool forbid(int number, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* The same table, by plain ids. */
static void check_without(int number, int error)
{
	struct mounts *before = read_table(), *after;
	int open = fixture_descriptors();

	if (!forbid(number, error))
		cr_skip_test("this machine does not let a process forbid itself a system call");
	after = read_table();
	cr_assert_not(after->unique);
	cr_assert_eq(after->count, before->count);
	cr_assert_eq(after->any_remote, before->any_remote);
	for (size_t i = 0; i < before->count; i++) {
		cr_assert_str_eq(after->entries[i].point, before->entries[i].point);
		cr_assert_str_eq(after->entries[i].type, before->entries[i].type);
		cr_assert_eq(after->entries[i].device, before->entries[i].device);
	}
	check_as_kernel(after, "/");
	check_as_kernel(after, "/proc/self");
	cr_assert_eq(fixture_descriptors(), open);
	memory_free(before);
	memory_free(after);
}

Test(mounts, without_statmount_the_text_is_read)
{
	check_without(SYSTEM_STATMOUNT, ENOSYS);
}

Test(mounts, without_listmount_the_text_is_read)
{
	check_without(SYSTEM_LISTMOUNT, ENOSYS);
}

Test(mounts, a_sandbox_that_forbids_statmount_is_like_a_kernel_without_it)
{
	check_without(SYSTEM_STATMOUNT, EPERM);
}

Test(mounts, a_sandbox_that_forbids_listmount_is_like_a_kernel_without_it)
{
	check_without(SYSTEM_LISTMOUNT, EPERM);
}

Test(mounts, E3_one_that_goes_while_it_is_told_is_left_out)
{
	struct mounts *mounts = read_table();
	bool unique = mounts->unique;

	memory_free(mounts);
	if (!unique || !forbid(SYSTEM_STATMOUNT, ENOENT))
		cr_skip_test("this machine has no statmount(), or cannot forbid it");
	mounts = read_table();
	cr_assert(mounts->unique);
	cr_assert_eq(mounts->count, 0);
	memory_free(mounts);
}
