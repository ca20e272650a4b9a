/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A walk as it would be without a pool: each callback makes all calls of one entry, and the loop
 * waits with it for the disk. For comparison; walk-entry.c is how it should be done.
 */
#include "walk-visit.h"

#include "walk-blocking.h"

static void visit_directory(struct walk *walk, const struct place *place)
{
	ferry_entries *names;
	int error = blocking_readdir(tree_path(&walk->tree, place), &names);

	if (error == 0)
		error = tree_add(&walk->tree, place, names);
	if (error < 0)
		walk_error(walk, place, AT_READDIR, -error);
}

static void visit_file(struct walk *walk, const struct place *place)
{
	int fd = blocking_open(tree_path(&walk->tree, place), WALK_OPEN_FLAGS);
	int error;

	if (fd < 0) {
		walk_error(walk, place, AT_OPEN, -fd);
		return;
	}
	error = blocking_close(fd);
	if (error < 0)
		walk_error(walk, place, AT_CLOSE, -error);
}

static void visit(struct walk *walk, struct place *place)
{
	ferry_stat found;
	int error = blocking_lstat(tree_path(&walk->tree, place), &found);

	if (error < 0) {
		walk_error(walk, place, AT_LSTAT, -error);
		return;
	}
	switch (walk_count(walk, place, &found)) {
	case NEXT_READDIR:
		visit_directory(walk, place);
		break;
	case NEXT_OPEN:
		visit_file(walk, place);
		break;
	case NEXT_NOTHING:
		break;
	}
}

void visit_next(ferry_loop *loop, void *user)
{
	struct walk *walk = user;
	struct place place;
	int error;

	if (!tree_next(&walk->tree, &place)) {
		walk_end(walk);
		return;
	}
	visit(walk, &place);
	tree_leave(&place);
	walk->done++;
	error = ferry_loop_call_soon(loop, visit_next, walk);
	if (error < 0)
		walk_fail(walk, error);
}
