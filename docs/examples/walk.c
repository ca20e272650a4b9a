/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What both ways of walking share: counting entries and errors, and the end. */
#include "walk.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "walk-list.h"

enum next_step walk_count(struct walk *walk, struct place *place, const ferry_stat *found)
{
	place->device = found->device;
	place->inode = found->inode;
	if (S_ISDIR(found->mode) && tree_is_circular(place)) {
		walk_error(walk, place, AT_DESCENT, ELOOP);
		return NEXT_NOTHING;
	}
	tally_entry(&walk->tally, found->mode, found->size);
	if (walk->list)
		list_entry(walk->list, found, tree_path(&walk->tree, place));
	if (S_ISDIR(found->mode))
		return NEXT_READDIR;
	return S_ISREG(found->mode) && walk->options.open_files ? NEXT_OPEN : NEXT_NOTHING;
}

void walk_error(struct walk *walk, const struct place *place, enum operation operation, int code)
{
	tally_error(&walk->tally, operation, code, tree_path(&walk->tree, place));
	if (!place->directory && (operation == AT_LSTAT || operation == AT_READDIR))
		walk->root_failed = true;
}

static uint64_t cpu_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

void walk_end(struct walk *walk)
{
	heartbeat_measure(&walk->heartbeat);
	walk->wall_ns = ferry_now_ns() - walk->began_ns;
	walk->cpu_ns = cpu_now_ns();
	ferry_loop_stop(walk->loop);
}

void walk_fail(struct walk *walk, int error)
{
	walk->failure = error;
	walk_end(walk);
}
