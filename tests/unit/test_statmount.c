/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* statmount() beside mountinfo: both tell the same, but for the ids. */
#include <criterion/criterion.h>

#include "fs/mountinfo.h"
#include "fs/statmount.h"
#include "support/namespace.h"
#include "support/program.h"

TestSuite(statmount, .timeout = 60);

static struct mount_list ours, theirs;

/* Which of the list an id is; its count for one that is not of it. */
static size_t index_of(const struct mount_list *list, uint64_t id)
{
	size_t i = 0;

	while (i < list->count && list->entries[i].id != id)
		i++;
	return i;
}

static bool is_parent_same(size_t i)
{
	uint64_t parent = ours.entries[i].parent;

	/* That of a root is itself, or is not listed: there is no other. */
	return index_of(&ours, parent) == index_of(&theirs, theirs.entries[i].parent);
}

static void read_ours(struct mount_list *list)
{
	int error;

	mount_list_clear(list);
	error = statmount_read(list);
	program_check(error == 0, "statmount: %d", error);
}

static bool is_same(const struct mount_list *one, const struct mount_list *other)
{
	for (size_t i = 0; i < one->count && i < other->count; i++)
		if (one->entries[i].id != other->entries[i].id)
			return false;
	return one->count == other->count;
}

/* While nobody mounted anything, nor removed the folder of a mount, which ends it here as well. */
static void read_both(void)
{
	struct mount_list again = { 0 };
	int error;

	do {
		read_ours(&ours);
		mount_list_clear(&theirs);
		error = mountinfo_read(&theirs);
		program_check(error == 0, "mountinfo: %d", error);
		read_ours(&again);
	} while (!is_same(&ours, &again));
	mount_list_clear(&again);
}

/* How many mounts both tell of. */
static size_t compare(void)
{
	const char *point, *their_point;
	size_t count;

	read_both();
	program_check(ours.count == theirs.count, "%zu mounts, not %zu", ours.count, theirs.count);
	point = ours.points;
	their_point = theirs.points;
	for (size_t i = 0; i < ours.count; i++) {
		const struct mount_entry *one = &ours.entries[i], *other = &theirs.entries[i];

		program_check(!strcmp(point, their_point), "%s: %s", point, their_point);
		program_check(!strcmp(one->type, other->type), "%s: %s, %s", point, one->type,
			      other->type);
		program_check(one->device == other->device, "%s: device", point);
		program_check(one->class == other->class, "%s: class", point);
		program_check(one->open_inline == other->open_inline, "%s: open_inline", point);
		program_check(one->read_only == other->read_only, "%s: read_only", point);
		program_check(one->id > UINT32_MAX / 2, "%s: id is not unique", point);
		program_check(is_parent_same(i), "%s: parent", point);
		point += one->point_length + 1;
		their_point += other->point_length + 1;
	}
	count = ours.count;
	mount_list_clear(&ours);
	mount_list_clear(&theirs);
	return count;
}

static bool is_there(void)
{
	int error = statmount_read(&ours);

	mount_list_clear(&ours);
	return error != -ENOSYS && error != -EPERM;
}

static void judge(int (*in_namespace)(void))
{
	int status;

	if (!is_there())
		cr_skip_test("this kernel, or a filter, has no statmount()");
	status = namespace_run(in_namespace);
	if (status == NAMESPACE_NONE)
		cr_skip_test("this machine does not let a process have mounts of its own");
	cr_assert_eq(status, 0);
}

Test(statmount, it_tells_what_mountinfo_tells_of_this_machine)
{
	if (!is_there())
		cr_skip_test("this kernel, or a filter, has no statmount()");
	cr_assert_gt(compare(), 0);
}

static int mount_all_kinds(void)
{
	size_t before = compare();

	namespace_mount("tmpfs", "plain", 0, NULL);
	namespace_mount("tmpfs", "with blanks\tand\nlines \\040", 0, "size=4k");
	namespace_mount("tmpfs", "read-only", MS_RDONLY, NULL);
	namespace_bind("plain", "bound");
	namespace_bind("plain", "bound");
	namespace_mount("tmpfs", "bound", 0, NULL);
	namespace_mount("tmpfs", "plain/below", 0, NULL);
	namespace_mount("proc", "proc", 0, NULL);
	if (mount(NULL, folder_path("bound"), NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL))
		folder_die("remount");
	program_check(compare() == before + 8, "mounts are missing");
	return 0;
}

Test(statmount, mounts_of_all_kinds_are_told_alike)
{
	judge(mount_all_kinds);
}

static int mount_overlay(void)
{
	char options[1000];
	size_t before = compare();

	namespace_mount("tmpfs", "layers", 0, NULL);
	folder_below("layers/low", 0755);
	folder_below("layers/lower", 0755);
	folder_below("merged", 0755);
	snprintf(options, sizeof(options), "lowerdir=%s:%s", folder_path("layers/low"),
		 folder_path("layers/lower"));
	if (mount("", folder_path("merged"), "overlay", 0, options))
		return NAMESPACE_NONE;
	program_check(compare() == before + 2, "mounts are missing");
	return 0;
}

Test(statmount, an_overlay_is_told_alike)
{
	judge(mount_overlay);
}

static int mount_fuse(void)
{
	size_t before = compare();

	if (!namespace_mount_fuse("mute", "fuse") ||
	    !namespace_mount_fuse("named", "fuse.its-name"))
		return NAMESPACE_NONE;
	program_check(compare() == before + 2, "mounts are missing");
	program_check(statmount_read(&ours) == 0, "it does not go on");
	program_check(!strcmp(ours.entries[before + 1].type, "fuse.its-name"), "%s",
		      ours.entries[before + 1].type);
	program_check(ours.entries[before].class == MOUNT_REMOTE, "a daemon is local (S1)");
	mount_list_clear(&ours);
	return 0;
}

Test(statmount, S1_a_daemon_that_never_answers_is_not_asked)
{
	judge(mount_fuse);
}

static int mount_many(void)
{
	size_t before = compare();

	namespace_mount("tmpfs", "many", 0, NULL);
	for (int i = 0; i < 300; i++) {
		char name[32];

		snprintf(name, sizeof(name), "many/%d", i);
		namespace_mount("tmpfs", name, 0, NULL);
	}
	program_check(compare() == before + 301, "mounts are missing");
	return 0;
}

Test(statmount, more_than_are_listed_at_once_are_all_there)
{
	judge(mount_many);
}

static int mount_deep(void)
{
	size_t before = compare();
	char name[201];

	memset(name, 'd', 200);
	name[200] = 0;
	/* On a filesystem of its own, which goes with the namespace: it is too deep to be removed
	 * by its path. */
	namespace_mount("tmpfs", "deep", 0, NULL);
	if (chdir(folder_path("deep")))
		folder_die("deep");
	for (int i = 0; i < 60; i++) {
		if (mkdir(name, 0755) || (i % 4 == 0 && mount("", name, "tmpfs", 0, NULL)) ||
		    chdir(name))
			folder_die(name);
	}
	program_check(compare() == before + 16, "mounts are missing");
	return 0;
}

Test(statmount, a_point_may_be_of_any_length)
{
	judge(mount_deep);
}

static int go_below(void)
{
	size_t all;

	namespace_mount("tmpfs", "outside", 0, NULL);
	namespace_mount("tmpfs", "jail", 0, NULL);
	folder_below("jail/root", 0755);
	folder_below("jail/root/proc", 0755);
	namespace_mount("tmpfs", "jail/root/inside", 0, NULL);
	namespace_mount("proc", "jail/root/proc", 0, NULL);
	all = compare();
	if (chroot(folder_path("jail/root")) || chdir("/"))
		folder_die("chroot");
	program_check(all > 2, "%zu mounts", all);
	program_check(compare() == 2, "mounts outside of the root directory are told");
	return 0;
}

Test(statmount, below_a_root_of_its_own_a_process_is_told_of_what_it_can_reach)
{
	judge(go_below);
}
