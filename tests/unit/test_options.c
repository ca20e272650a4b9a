/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options structs that can grow (base/options.h), and names that are cut (E1). */
#include <criterion/criterion.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/options.h"

TestSuite(options, .timeout = 30);

/* The same options as three versions of the library know them. */
struct older {
	size_t size;
	int one;
};
struct ours {
	size_t size;
	int one, two;
};
struct newer {
	size_t size;
	int one, two;
	long three[8];
};

static const struct ours untouched = { 77, 78, 79 };

/* Out of line, so that no compiler sees what is given and warns of what is not read. */
__attribute__((noinline)) static int read_options(void *ours, size_t our_size, const void *given)
{
	return options_read(ours, our_size, given);
}

Test(options, none_are_all_zeros)
{
	struct ours ours = untouched;

	cr_assert_eq(read_options(&ours, sizeof(ours), NULL), 0);
	cr_assert_eq(ours.size, 0);
	cr_assert_eq(ours.one, 0);
	cr_assert_eq(ours.two, 0);
}

Test(options, those_of_our_own_size_are_copied)
{
	struct ours given = { sizeof(given), 1, 2 }, ours = untouched;

	cr_assert_eq(read_options(&ours, sizeof(ours), &given), 0);
	cr_assert_eq(ours.one, 1);
	cr_assert_eq(ours.two, 2);
}

Test(options, an_older_callers_are_completed_with_zeros)
{
	struct older given = { sizeof(given), 1 };
	struct ours ours = untouched;

	given.size = offsetof(struct older, one) + sizeof(int);
	cr_assert_eq(read_options(&ours, sizeof(ours), &given), 0);
	cr_assert_eq(ours.one, 1);
	cr_assert_eq(ours.two, 0);
}

Test(options, the_size_alone_is_enough)
{
	size_t given = sizeof(size_t);
	struct ours ours = untouched;

	cr_assert_eq(read_options(&ours, sizeof(ours), &given), 0);
	cr_assert_eq(ours.one, 0);
}

Test(options, a_newer_callers_are_accepted_if_what_we_do_not_know_is_zero)
{
	struct newer given = { sizeof(given), 1, 2, { 0 } };
	struct ours ours = untouched;

	cr_assert_eq(read_options(&ours, sizeof(ours), &given), 0);
	cr_assert_eq(ours.one, 1);
	cr_assert_eq(ours.two, 2);
}

Test(options, a_newer_callers_are_refused_if_they_ask_for_what_we_do_not_know)
{
	struct newer given = { sizeof(given), 1, 2, { 0 } };
	struct ours ours;

	for (size_t i = sizeof(ours); i < sizeof(given); i++) {
		((char *)&given)[i] = 1;
		cr_assert_eq(read_options(&ours, sizeof(ours), &given), -E2BIG, "byte %zu", i);
		((char *)&given)[i] = 0;
	}
}

Test(options, a_size_that_does_not_hold_itself_is_refused)
{
	struct ours given = { 0, 1, 2 }, ours;

	for (; given.size < sizeof(size_t); given.size++)
		cr_assert_eq(read_options(&ours, sizeof(ours), &given), -EINVAL);
}

/* What lies behind the struct is not ours to read: here nobody can. */
Test(options, an_absurd_size_is_refused_without_reading_what_lies_behind)
{
	static const size_t sizes[] = { SIZE_MAX, SIZE_MAX / 2, (size_t)1 << 32, OPTIONS_MOST + 1 };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	struct ours *given, ours;

	cr_assert_neq(pages, MAP_FAILED);
	mprotect(pages + page, page, PROT_NONE);
	given = (struct ours *)(pages + page - sizeof(*given));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		given->size = sizes[i];
		cr_assert_eq(read_options(&ours, sizeof(ours), given), -E2BIG);
	}
	munmap(pages, 2 * page);
}

Test(options, a_name_is_cut_to_fit_and_always_ends)
{
	char name[4];

	name_copy(name, sizeof(name), "");
	cr_assert_str_eq(name, "");
	name_copy(name, sizeof(name), "abc");
	cr_assert_str_eq(name, "abc");
	name_copy(name, sizeof(name), "abcd");
	cr_assert_str_eq(name, "abc");
	name_copy(name, 1, "abcd");
	cr_assert_str_eq(name, "");
}
