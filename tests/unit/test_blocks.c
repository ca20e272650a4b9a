/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A loop's free lists: taken, given back, never more cached than allowed. */
#include <criterion/criterion.h>

#include "loop/blocks.h"

TestSuite(blocks, .timeout = 30);

static struct blocks blocks;

static void begin(void)
{
	blocks = (struct blocks){ .cached_most = 1 << 20 };
}

static void end(void)
{
	blocks_empty(&blocks);
}

Test(blocks, each_size_has_the_smallest_room_that_holds_it)
{
	cr_assert_eq(block_room(0), 0);
	cr_assert_eq(block_room(1), 0);
	cr_assert_eq(block_room(64), 0);
	cr_assert_eq(block_room(65), 1);
	cr_assert_eq(block_room(128), 1);
	cr_assert_eq(block_room(129), 2);
	cr_assert_eq(block_room(8192), 7);
	cr_assert_eq(block_room(8193), BLOCK_UNCACHED);
	cr_assert_eq(block_room(SIZE_MAX), BLOCK_UNCACHED);
}

Test(blocks, a_block_is_as_large_as_asked_for_and_has_its_own_cache_lines, .init = begin,
     .fini = end)
{
	static const size_t sizes[] = { 1, 64, 65, 200, 8192, 8193, 100000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		char *block = block_take(&blocks, sizes[i], block_room(sizes[i]));

		cr_assert_not_null(block);
		cr_assert_eq((uintptr_t)block % 64, 0);
		memset(block, 'x', sizes[i]); /* AddressSanitizer looks */
		block_give(&blocks, block, block_room(sizes[i]));
	}
}

Test(blocks, what_was_given_back_last_is_taken_first, .init = begin, .fini = end)
{
	void *first = block_take(&blocks, 100, 1), *second = block_take(&blocks, 100, 1);

	block_give(&blocks, first, 1);
	block_give(&blocks, second, 1);
	cr_assert_eq(blocks.cached_bytes, 256);
	cr_assert_eq(block_take(&blocks, 65, 1), second);
	cr_assert_eq(block_take(&blocks, 128, 1), first);
	cr_assert_eq(blocks.cached_bytes, 0);
	block_give(&blocks, first, 1);
	block_give(&blocks, second, 1);
}

Test(blocks, a_block_of_one_room_is_not_taken_for_another, .init = begin, .fini = end)
{
	void *small = block_take(&blocks, 64, 0), *large;

	block_give(&blocks, small, 0);
	large = block_take(&blocks, 65, 1);
	cr_assert_neq(large, small);
	cr_assert_eq(blocks.cached_bytes, 64);
	block_give(&blocks, large, 1);
}

Test(blocks, no_more_is_cached_than_the_limit)
{
	void *taken[3];

	blocks = (struct blocks){ .cached_most = 128 };
	for (int i = 0; i < 3; i++)
		taken[i] = block_take(&blocks, 64, 0);
	for (int i = 0; i < 3; i++)
		block_give(&blocks, taken[i], 0);
	cr_assert_eq(blocks.cached_bytes, 128);
	cr_assert_eq(block_take(&blocks, 64, 0), taken[1], "the third went to the system");
	block_give(&blocks, taken[1], 0);
	end();
}

Test(blocks, with_a_limit_of_nothing_all_goes_back_to_the_system)
{
	blocks = (struct blocks){ .cached_most = 0 };
	block_give(&blocks, block_take(&blocks, 64, 0), 0);
	cr_assert_eq(blocks.cached_bytes, 0);
	cr_assert_null(blocks.free[0]);
}

Test(blocks, large_ones_are_never_cached, .init = begin, .fini = end)
{
	block_give(&blocks, block_take(&blocks, 9000, BLOCK_UNCACHED), BLOCK_UNCACHED);
	cr_assert_eq(blocks.cached_bytes, 0);
}

Test(blocks, more_than_there_can_be_is_refused, .init = begin, .fini = end)
{
	cr_assert_null(block_take(&blocks, SIZE_MAX, block_room(SIZE_MAX)));
}

Test(blocks, emptied_they_hold_nothing_and_can_be_used_again, .init = begin, .fini = end)
{
	for (unsigned room = 0; room < BLOCK_ROOMS; room++)
		block_give(&blocks, block_take(&blocks, (size_t)64 << room, room), room);
	cr_assert_eq(blocks.cached_bytes, 64 * 255);
	blocks_empty(&blocks);
	cr_assert_eq(blocks.cached_bytes, 0);
	for (unsigned room = 0; room < BLOCK_ROOMS; room++)
		cr_assert_null(blocks.free[room]);
	block_give(&blocks, block_take(&blocks, 1, 0), 0);
	cr_assert_eq(blocks.cached_bytes, 64);
}
