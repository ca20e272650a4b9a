/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The chain of base/list.h: first in, first out, through nodes that lie elsewhere. */
#include <criterion/criterion.h>

#include "base/list.h"

TestSuite(list, .timeout = 30);

#define NODES 4
static ferry_waiter nodes[NODES];

static struct chain chain_of(unsigned count)
{
	struct chain chain = { NULL, NULL };

	for (unsigned i = 0; i < count; i++)
		chain_append(&chain, &nodes[i]);
	return chain;
}

/* Takes them out and compares: a digit per node, in order. */
static void check(struct chain *chain, const char *digits)
{
	for (; *digits; digits++) {
		ferry_waiter *node = chain_take(chain);

		cr_assert_eq(node, &nodes[*digits - '0'], "at \"%s\"", digits);
		cr_assert_null(node->next, "a node comes out with its link cleared");
	}
	cr_assert_null(chain_take(chain));
	cr_assert_null(chain->first);
}

Test(list, an_empty_chain_gives_nothing)
{
	struct chain chain = chain_of(0);

	check(&chain, "");
}

Test(list, first_in_is_first_out)
{
	struct chain chain = chain_of(3);

	check(&chain, "012");
}

Test(list, a_chain_can_be_used_again_after_it_was_empty)
{
	struct chain chain = chain_of(2);

	check(&chain, "01");
	chain_append(&chain, &nodes[3]);
	chain_append(&chain, &nodes[1]);
	check(&chain, "31");
}

Test(list, a_prepended_node_comes_out_first)
{
	struct chain chain = chain_of(2);

	chain_prepend(&chain, &nodes[3]);
	check(&chain, "301");
	chain_prepend(&chain, &nodes[2]);
	chain_append(&chain, &nodes[0]);
	check(&chain, "20");
}

Test(list, any_node_can_be_removed_and_the_rest_keeps_its_order)
{
	static const char *const left[] = { "12", "02", "01" };

	for (unsigned i = 0; i < 3; i++) {
		struct chain chain = chain_of(3);

		cr_assert_eq(chain_remove(&chain, &nodes[i]), 1);
		cr_assert_null(nodes[i].next);
		check(&chain, left[i]);
	}
}

Test(list, a_chain_grows_at_its_end_after_its_last_node_was_removed)
{
	struct chain chain = chain_of(3);

	cr_assert_eq(chain_remove(&chain, &nodes[2]), 1);
	chain_append(&chain, &nodes[3]);
	check(&chain, "013");
	chain_append(&chain, &nodes[0]);
	cr_assert_eq(chain_remove(&chain, &nodes[0]), 1);
	chain_append(&chain, &nodes[1]);
	check(&chain, "1");
}

Test(list, removing_what_is_not_there_changes_nothing)
{
	struct chain chain = chain_of(2), none = { NULL, NULL };

	cr_assert_eq(chain_remove(&chain, &nodes[3]), 0);
	cr_assert_eq(chain_remove(&none, &nodes[3]), 0);
	check(&chain, "01");
}

Test(list, reversing_makes_newest_first_oldest_first)
{
	ferry_waiter *newest = NULL, *node;

	cr_assert_null(chain_reverse(NULL));
	for (unsigned i = 0; i < NODES; i++) {
		nodes[i].next = newest;
		newest = &nodes[i];
	}
	node = chain_reverse(newest);
	for (unsigned i = 0; i < NODES; i++, node = node->next)
		cr_assert_eq(node, &nodes[i]);
	cr_assert_null(node);
}

Test(list, container_finds_what_a_node_lies_in)
{
	struct {
		long before;
		ferry_waiter node;
	} outer;

	cr_assert_eq((void *)container(&outer.node, __typeof__(outer), node), (void *)&outer);
}
