/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_LIST_H
#define BASE_LIST_H
/*
 * Lists of nodes that lie in what they link.
 *
 * Doubly linked ones are liburcu's cds_list, used under one lock or on one thread.
 * A chain is first in, first out, singly linked through the same two-word node that
 * serves as queue link, waiter, post and ready entry.
 */
#include <ferry/base.h>
#include <stddef.h>
#include <urcu/list.h>

#define container(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))

struct chain {
	struct ferry_waiter *first, *last; /* last is meaningless while first is NULL */
};

static inline void chain_append(struct chain *chain, struct ferry_waiter *node)
{
	node->next = NULL;
	if (chain->first)
		chain->last->next = node;
	else
		chain->first = node;
	chain->last = node;
}

static inline void chain_prepend(struct chain *chain, struct ferry_waiter *node)
{
	node->next = chain->first;
	if (!chain->first)
		chain->last = node;
	chain->first = node;
}

/* The node comes out with its link cleared; NULL if there is none. */
static inline struct ferry_waiter *chain_take(struct chain *chain)
{
	struct ferry_waiter *node = chain->first;

	if (node) {
		chain->first = node->next;
		node->next = NULL;
	}
	return node;
}

/* Unlinks one node, wherever it stands: 1 if it was there. */
static inline int chain_remove(struct chain *chain, struct ferry_waiter *node)
{
	struct ferry_waiter **link = &chain->first, *before = NULL;

	while (*link && *link != node) {
		before = *link;
		link = &before->next;
	}
	if (!*link)
		return 0;
	*link = node->next;
	if (chain->last == node)
		chain->last = before;
	node->next = NULL;
	return 1;
}

/* Newest first becomes oldest first. */
static inline struct ferry_waiter *chain_reverse(struct ferry_waiter *newest)
{
	struct ferry_waiter *oldest = NULL;

	while (newest) {
		struct ferry_waiter *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

#endif
