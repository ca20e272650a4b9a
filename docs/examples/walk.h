/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WALK_H
#define WALK_H
/*
 * One walk: what ferry-walk.c sets up, and what walk-entry.c and walk-visit.c, the two ways to
 * bring an entry from lstat to done, have in common. All of it belongs to the loop's thread.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <ferry.h>

#include "walk-heartbeat.h"
#include "walk-options.h"
#include "walk-tally.h"
#include "walk-tree.h"

/* How files are opened: never a link, never waiting for the other end of a FIFO. */
#define WALK_OPEN_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

struct entry;

struct walk {
	struct options options;
	ferry_loop *loop;
	ferry_pool *pool;        /* NULL with --policy blocking */
	ferry_fs_options calls;  /* of every call; its root is DIR, once that is open */
	int signals;             /* readable once the user wants an end */
	FILE *list;              /* NULL without --list */

	struct tree tree;
	struct entry *entries;   /* array [options.in_flight]; NULL with --policy blocking */
	ferry_semaphore names;   /* a permit for each name of the tree that nobody has begun */
	uint64_t done;           /* entries, whatever came of them */
	struct tally tally;
	struct heartbeat heartbeat;
	uint64_t began_ns, wall_ns, cpu_ns;

	bool interrupted;
	bool root_failed;        /* DIR itself could not be walked */
	int failure;             /* a negative errno: the walk could not go on */
};

/* What an entry wants after lstat. */
enum next_step {
	NEXT_READDIR,
	NEXT_OPEN,
	NEXT_NOTHING
};

/* Count what lstat found at a place, and say what comes next. */
enum next_step walk_count(struct walk *walk, struct place *place, const ferry_stat *found);

/* Count an error at a place; @code is a positive errno. */
void walk_error(struct walk *walk, const struct place *place, enum operation operation, int code);

/* Take the clocks, and stop the loop whatever is still in flight. */
void walk_end(struct walk *walk);

/* End because the loop refused what the walk can't do without; @error is a negative errno. */
void walk_fail(struct walk *walk, int error);

#endif
