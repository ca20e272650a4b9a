/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts out of the text of /proc/self/mountinfo, and out of what is none. */
#include <criterion/criterion.h>
#include <sys/sysmacros.h>

#include "fs/mountinfo.h"
#include "support/fixture.h"
#include "support/program.h"

TestSuite(mountinfo, .timeout = 60);

static struct mount_list list;

/* In memory of its own size, so that a byte beyond it is seen by AddressSanitizer. */
static void parse_bytes(const char *bytes, size_t length)
{
	char *text = malloc(length ? length : 1);

	memcpy(text, bytes, length);
	mount_list_clear(&list);
	cr_assert_eq(mountinfo_parse(&list, text, length), 0);
	free(text);
}

static void parse(const char *text)
{
	parse_bytes(text, strlen(text));
}

/* One line: all that it says. */
static void check(const char *text, uint64_t id, uint64_t parent, uint64_t device,
		  const char *point, const char *type, bool read_only)
{
	parse(text);
	cr_assert_eq(list.count, 1, "%zu of: %s", list.count, text);
	cr_expect_eq(list.entries[0].id, id, "%s", text);
	cr_expect_eq(list.entries[0].parent, parent, "%s", text);
	cr_expect_eq(list.entries[0].device, device, "%s", text);
	cr_expect_str_eq(list.points, point, "%s", text);
	cr_expect_eq(list.entries[0].point_length, strlen(point), "%s", text);
	cr_expect_str_eq(list.entries[0].type, type, "%s", text);
	cr_expect_eq(list.entries[0].read_only, read_only, "%s", text);
	mount_list_clear(&list);
}

static void skipped(const char *text)
{
	parse(text);
	cr_expect_eq(list.count, 0, "taken for a mount: %s", text);
	mount_list_clear(&list);
}

Test(mountinfo, a_line_is_a_mount)
{
	check("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n",
	      36, 35, makedev(98, 0), "/mnt2", "ext3", false);
	check("27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n", 27, 1, makedev(254, 0),
	      "/", "ext4", false);
	check("4294967295 0 4095:1048575 / /x rw - fuse.sshfs me@far:/ rw\n", 4294967295, 0,
	      makedev(4095, 1048575), "/x", "fuse.sshfs", false);
}

Test(mountinfo, there_may_be_any_number_of_optional_fields)
{
	check("1 0 0:1 / /a rw - tmpfs none rw\n", 1, 0, makedev(0, 1), "/a", "tmpfs", false);
	check("1 0 0:1 / /a rw shared:1 master:2 propagate_from:3 unbindable new:4 - tmpfs none "
	      "rw\n",
	      1, 0, makedev(0, 1), "/a", "tmpfs", false);
}

Test(mountinfo, the_superblock_is_read_only_not_the_mount)
{
	check("1 0 0:1 / /a ro - tmpfs none rw\n", 1, 0, makedev(0, 1), "/a", "tmpfs", false);
	check("1 0 0:1 / /a rw - tmpfs none ro\n", 1, 0, makedev(0, 1), "/a", "tmpfs", true);
	check("1 0 0:1 / /a rw - tmpfs none ro,size=4k\n", 1, 0, makedev(0, 1), "/a", "tmpfs",
	      true);
	check("1 0 0:1 / /a rw - tmpfs none rotten\n", 1, 0, makedev(0, 1), "/a", "tmpfs", false);
	check("1 0 0:1 / /a rw - tmpfs none rw,ro\n", 1, 0, makedev(0, 1), "/a", "tmpfs", false);
}

Test(mountinfo, a_field_may_be_empty)
{
	check("1 0 0:1 / /a rw - tmpfs  rw\n", 1, 0, makedev(0, 1), "/a", "tmpfs", false);
	check("1 0 0:1  /a rw - tmpfs none ro\n", 1, 0, makedev(0, 1), "/a", "tmpfs", true);
	check("1 0 0:1 / /a  - tmpfs none \n", 1, 0, makedev(0, 1), "/a", "tmpfs", false);
}

Test(mountinfo, escapes_are_three_octal_digits)
{
	check("1 0 0:1 / /a\\040b\\011c\\012d\\134e rw - tmpfs none rw\n", 1, 0, makedev(0, 1),
	      "/a b\tc\nd\\e", "tmpfs", false);
	check("1 0 0:1 / /\\134040 rw - fuse.a\\040b none rw\n", 1, 0, makedev(0, 1), "/\\040",
	      "fuse.a b", false);
	check("1 0 0:1 / /\\377\\303\\244 rw - tmpfs none rw\n", 1, 0, makedev(0, 1),
	      "/\xff\xc3\xa4", "tmpfs", false);
}

Test(mountinfo, what_is_no_escape_stays)
{
	check("1 0 0:1 / /\\ rw - tmpfs none rw\n", 1, 0, makedev(0, 1), "/\\", "tmpfs", false);
	check("1 0 0:1 / /\\04 rw - tmpfs none rw\n", 1, 0, makedev(0, 1), "/\\04", "tmpfs", false);
	check("1 0 0:1 / /\\048\\400\\000\\x rw - tmpfs none rw\n", 1, 0, makedev(0, 1),
	      "/\\048\\400\\000\\x", "tmpfs", false);
}

Test(mountinfo, odd_lines_are_skipped)
{
	static const char *const odd[] = {
		"",
		"\n",
		"\n\n \n  \n - \n",
		"1\n",
		"1 0\n",
		"1 0 0:1\n",
		"1 0 0:1 /\n",
		"1 0 0:1 / /a\n",
		"1 0 0:1 / /a rw\n",
		"1 0 0:1 / /a rw -\n",
		"1 0 0:1 / /a rw - tmpfs\n",
		"1 0 0:1 / /a rw - tmpfs none\n",
		"1 0 0:1 / /a rw -  none rw\n",
		"1 0 0:1 / /a rw shared:1 tmpfs none rw\n",
		"1 0 0:1 / /a - tmpfs none rw\n",
		"1 0 0:1 / a rw - tmpfs none rw\n",
		"1 0 0:1 /  rw - tmpfs none rw\n",
		" 1 0 0:1 / /a rw - tmpfs none rw\n",
		"x 0 0:1 / /a rw - tmpfs none rw\n",
		"-1 0 0:1 / /a rw - tmpfs none rw\n",
		"+1 0 0:1 / /a rw - tmpfs none rw\n",
		"1x 0 0:1 / /a rw - tmpfs none rw\n",
		"4294967296 0 0:1 / /a rw - tmpfs none rw\n",
		"99999999999999999999999 0 0:1 / /a rw - tmpfs none rw\n",
		"1  0:1 / /a rw - tmpfs none rw\n",
		"1 0 0 / /a rw - tmpfs none rw\n",
		"1 0 :1 / /a rw - tmpfs none rw\n",
		"1 0 0: / /a rw - tmpfs none rw\n",
		"1 0 0:1:2 / /a rw - tmpfs none rw\n",
		"1 0 0:4294967296 / /a rw - tmpfs none rw\n",
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		skipped(odd[i]);
}

Test(mountinfo, a_last_line_that_does_not_end_is_not_whole)
{
	const char *text = "1 0 0:1 / /a rw - tmpfs none rw\n2 1 0:2 / /b rw - tmpfs none ro\n";

	for (size_t length = 0; length <= strlen(text); length++) {
		parse_bytes(text, length);
		cr_assert_eq(list.count, (size_t)(length >= 32) + (length == strlen(text)),
			     "%zu of %zu bytes", list.count, length);
	}
	mount_list_clear(&list);
}

Test(mountinfo, odd_lines_do_not_hide_good_ones)
{
	static const char text[] = "garbage\n1 0 0:1 / /a rw - tmpfs none rw\n\0\n"
				   "5 4 0:1 / /n\0l rw - tmpfs none rw\n"
				   "2 1 0:2 / /b rw - tmpfs none rw\n3 x\n";

	parse_bytes(text, sizeof(text) - 1);
	cr_assert_eq(list.count, 2);
	cr_assert_eq(list.entries[0].id, 1);
	cr_assert_eq(list.entries[1].id, 2);
	mount_list_clear(&list);
}

Test(mountinfo, a_line_may_be_of_any_length)
{
	size_t room = 300000, length;
	char *text = malloc(room);

	length = (size_t)snprintf(text, room, "1 0 0:1 / /");
	memset(text + length, 'p', 99999);
	length += 99999;
	length += (size_t)snprintf(text + length, room - length, " rw - overlay none ro,lowerdir=");
	memset(text + length, 'l', 150000);
	length += 150000;
	text[length++] = '\n';
	parse_bytes(text, length);
	cr_assert_eq(list.count, 1);
	cr_assert_eq(list.entries[0].point_length, 100000);
	cr_assert(list.entries[0].read_only);
	mount_list_clear(&list);
	free(text);
}

/* Whole mounts or none: whatever the text, what is in the list could be there. */
static void check_list(void)
{
	const char *point = list.points;

	for (size_t i = 0; i < list.count; i++) {
		cr_assert_eq(*point, '/');
		cr_assert_eq(strlen(point), list.entries[i].point_length);
		cr_assert_gt(strlen(list.entries[i].type), 0);
		cr_assert_neq(list.entries[i].class, MOUNT_UNKNOWN);
		point += list.entries[i].point_length + 1;
	}
	cr_assert_eq(point, list.points + list.used);
}

Test(mountinfo, random_text_adds_whole_mounts_or_none)
{
	static const char letters[] = "0123456789 :/\\-\n,.rowtmpfs";
	static const char good[] = "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 "
				   "/dev/root ro,errors=continue\n"
				   "37 36 98:0 / /mnt\\0402/x rw - fuse.x  rw\n"
				   "38 37 0:4 / /y rw shared:1 shared:2 - tmpfs none rw\n";
	uint64_t random = 20240229;
	size_t mounts = 0;
	char text[sizeof(good)];

	for (int round = 0; round < 20000; round++) {
		/* All of it, or a few bytes of what is good. */
		unsigned changes = round % 4 ? random_below(&random, 6) : sizeof(good) - 1;

		memcpy(text, good, sizeof(good));
		while (changes--) {
			size_t at = random_below(&random, sizeof(good) - 1);

			text[at] = random_below(&random, 8)
					   ? letters[random_below(&random, sizeof(letters) - 1)]
					   : (char)random_next(&random);
		}
		parse_bytes(text, sizeof(good) - 1 - random_below(&random, 8));
		check_list();
		mounts += list.count;
	}
	cr_assert_gt(mounts, 10000, "most were broken beyond use");
	mount_list_clear(&list);
}

Test(mountinfo, the_machines_own_is_read_and_closed)
{
	int open = fixture_descriptors();

	cr_assert_eq(mountinfo_read(&list), 0);
	cr_assert_gt(list.count, 0);
	check_list();
	cr_assert_eq(fixture_descriptors(), open);
	mount_list_clear(&list);
}

Test(mountinfo, E3_without_a_descriptor_it_says_so)
{
	fixture_descriptors_left(0);
	cr_assert_eq(mountinfo_read(&list), -EMFILE);
	fixture_descriptors_left(-1);
	cr_assert_eq(list.count, 0);
}
