/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts as they are told, one after the other. */
#include <criterion/criterion.h>

#include "base/memory.h"
#include "fs/mount_list.h"

TestSuite(mount_list, .timeout = 30);

Test(mount_list, what_is_told_is_copied_with_what_its_type_says)
{
	struct mount_list list = { .count = 0 };
	struct mount_entry told = { .id = 7, .parent = 6, .device = 5, .read_only = true };
	char type[] = "ext4", point[] = "/a b";

	cr_assert_eq(mount_list_add(&list, &told, type, point), 0);
	memset(type, 'x', 4);
	memset(point, 'x', 4);
	cr_assert_eq(mount_list_add(&list, &told, "fuse.sshfs", "/"), 0);
	cr_assert_eq(list.count, 2);
	cr_assert_eq(list.entries[0].id, 7);
	cr_assert_eq(list.entries[0].parent, 6);
	cr_assert_eq(list.entries[0].device, 5);
	cr_assert(list.entries[0].read_only);
	cr_assert(list.entries[0].open_inline);
	cr_assert_eq(list.entries[0].class, MOUNT_LOCAL);
	cr_assert_str_eq(list.entries[0].type, "ext4");
	cr_assert_eq(list.entries[0].point_length, 4);
	cr_assert_eq(list.entries[1].class, MOUNT_REMOTE);
	cr_assert_not(list.entries[1].open_inline);
	cr_assert_eq(list.used, 7);
	cr_assert_eq(memcmp(list.points, "/a b\0/", 7), 0);
	mount_list_clear(&list);
	cr_assert_eq(list.count, 0);
	cr_assert_null(list.entries);
	mount_list_clear(&list);
}

Test(mount_list, a_type_that_is_too_long_is_cut_off_after_it_was_looked_up)
{
	struct mount_list list = { .count = 0 };
	struct mount_entry told = { .id = 1 };

	cr_assert_eq(mount_list_add(&list, &told, "fuse.0123456789012345678901234567890", "/"), 0);
	cr_assert_str_eq(list.entries[0].type, "fuse.01234567890123456789012345");
	cr_assert_eq(list.entries[0].class, MOUNT_REMOTE);
	mount_list_clear(&list);
}

Test(mount_list, it_grows_as_far_as_it_must)
{
	struct mount_list list = { .count = 0 };
	static char point[100000] = "/";
	const char *at;

	for (uint64_t i = 0; i < 3000; i++) {
		struct mount_entry told = { .id = i };

		/* Of each length, so that each end of the room is met. */
		memset(point + 1, 'a' + (int)(i % 26), 99);
		point[1 + i % 99] = 0;
		cr_assert_eq(mount_list_add(&list, &told, "tmpfs", point), 0);
	}
	memset(point, '/', sizeof(point) - 1);
	cr_assert_eq(mount_list_add(&list, &(struct mount_entry){ .id = 3000 }, "xfs", point), 0);
	at = list.points;
	for (uint64_t i = 0; i <= 3000; i++) {
		cr_assert_eq(list.entries[i].id, i);
		cr_assert_eq(strlen(at), list.entries[i].point_length);
		cr_assert_eq(list.entries[i].point_length, i < 3000 ? 1 + i % 99 : 99999);
		at += list.entries[i].point_length + 1;
	}
	cr_assert_eq(at, list.points + list.used);
	mount_list_clear(&list);
}

Test(mount_list, what_has_room_is_not_moved)
{
	size_t bytes = 0;
	char *memory = mount_list_grow(NULL, 0, &bytes, 1), *larger;
	size_t first = bytes;

	cr_assert_not_null(memory);
	cr_assert_geq(bytes, 1);
	memset(memory, 'm', bytes);
	cr_assert_eq(mount_list_grow(memory, bytes, &bytes, bytes), memory);
	larger = mount_list_grow(memory, bytes, &bytes, bytes + 1);
	cr_assert_not_null(larger);
	cr_assert_gt(bytes, first);
	for (size_t i = 0; i < first; i++)
		cr_assert_eq(larger[i], 'm');
	memory_free(larger);
}
