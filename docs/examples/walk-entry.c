/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way of one entry. Each call that may wait for a disk is made by a worker of the pool; its
 * outcome comes back to the loop as a local, whose callback makes the next call:
 *
 *   entry_begin         lstat
 *   entry_stat_came     a directory: readdir       a file: open        anything else: done
 *   entry_names_came    done                       |
 *   entry_file_came                                close
 *   entry_closed                                   done
 *   entry_done          makes room for the next name of the tree
 *
 * A call that fails is counted, and ends its entry; nothing ends the walk but the last entry. The
 * locals are dropped as soon as they have their callback: the loop keeps what is pending.
 */
#include "walk-entry.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct entry {
	struct walk *walk;
	struct place place;
	struct entry *next_idle;
};

static void entry_stat_came(ferry_local *call, void *user);
static void entry_names_came(ferry_local *call, void *user);
static void entry_file_came(ferry_local *call, void *user);
static void entry_closed(ferry_local *call, void *user);

/* ---- in flight, and idle again ---- */

static const char *entry_path(struct entry *entry)
{
	return tree_path(&entry->walk->tree, &entry->place);
}

static struct entry *entry_take(struct walk *walk, struct place place)
{
	struct entry *entry = walk->idle;

	walk->idle = entry->next_idle;
	walk->in_flight++;
	entry->place = place;
	return entry;
}

static void entry_retire(struct entry *entry)
{
	struct walk *walk = entry->walk;

	tree_leave(&entry->place);
	entry->next_idle = walk->idle;
	walk->idle = entry;
	walk->in_flight--;
	walk->done++;
}

/* ---- one call of an entry ---- */

/* Have a function called when a call is done. False if the call could not even be made. */
static bool entry_await(struct entry *entry, enum operation operation, ferry_local *call,
			ferry_local_callback then)
{
	if (!call) {
		walk_error(entry->walk, &entry->place, operation, errno);
		return false;
	}
	ferry_local_add_done_callback(call, then, entry);
	ferry_local_unref(call);
	return true;
}

/* Did a call bring a result? Otherwise its error is counted. */
static bool entry_succeeded(struct entry *entry, enum operation operation, ferry_local *call)
{
	ferry_snapshot seen = ferry_local_snapshot(call);
	int code = seen.cancelled ? ECANCELED : ferry_error_errno(seen.exception);

	if (code)
		walk_error(entry->walk, &entry->place, operation, code);
	return code == 0;
}

/* ---- from the first call to the last ---- */

static void entry_begin(struct entry *entry)
{
	struct walk *walk = entry->walk;

	if (!entry_await(entry, AT_LSTAT,
			 ferry_fs_lstat(walk->loop, walk->pool, entry_path(entry), NULL),
			 entry_stat_came))
		entry_retire(entry);
}

static void entries_go_on(struct walk *walk)
{
	struct place place;

	while (walk->idle && tree_next(&walk->tree, &place))
		entry_begin(entry_take(walk, place));
	if (walk->in_flight == 0)
		walk_end(walk);
}

static void entry_done(struct entry *entry)
{
	struct walk *walk = entry->walk;

	entry_retire(entry);
	entries_go_on(walk);
}

static void entry_readdir(struct entry *entry)
{
	struct walk *walk = entry->walk;

	if (!entry_await(entry, AT_READDIR,
			 ferry_fs_readdir(walk->loop, walk->pool, entry_path(entry), NULL),
			 entry_names_came))
		entry_done(entry);
}

static void entry_open(struct entry *entry)
{
	struct walk *walk = entry->walk;

	if (!entry_await(entry, AT_OPEN,
			 ferry_fs_open(walk->loop, walk->pool, entry_path(entry), WALK_OPEN_FLAGS,
				       0, NULL),
			 entry_file_came))
		entry_done(entry);
}

static void entry_close(struct entry *entry, int fd)
{
	ferry_local *call = ferry_fs_close(entry->walk->loop, entry->walk->pool, fd, NULL);
	bool refused = !call || ferry_local_snapshot(call).exception;

	if (!entry_await(entry, AT_CLOSE, call, entry_closed))
		entry_done(entry);
	if (refused) /* so the file is still ours */
		close(fd);
}

static void entry_stat_came(ferry_local *call, void *user)
{
	struct entry *entry = user;
	enum next_step next = NEXT_NOTHING;

	if (entry_succeeded(entry, AT_LSTAT, call))
		next = walk_count(entry->walk, &entry->place,
				  ferry_local_snapshot(call).result.pointer);
	switch (next) {
	case NEXT_READDIR:
		entry_readdir(entry);
		break;
	case NEXT_OPEN:
		entry_open(entry);
		break;
	case NEXT_NOTHING:
		entry_done(entry);
		break;
	}
}

static void entry_names_came(ferry_local *call, void *user)
{
	struct entry *entry = user;
	struct walk *walk = entry->walk;
	ferry_result names;

	if (entry_succeeded(entry, AT_READDIR, call) && ferry_local_take(call, &names) == 0) {
		int error = tree_add(&walk->tree, &entry->place, names.pointer);

		if (error < 0)
			walk_error(walk, &entry->place, AT_READDIR, -error);
	}
	entry_done(entry);
}

static void entry_file_came(ferry_local *call, void *user)
{
	struct entry *entry = user;
	ferry_result file;

	if (entry_succeeded(entry, AT_OPEN, call) && ferry_local_take(call, &file) == 0)
		entry_close(entry, (int)file.i64);
	else
		entry_done(entry);
}

static void entry_closed(ferry_local *call, void *user)
{
	struct entry *entry = user;

	entry_succeeded(entry, AT_CLOSE, call);
	entry_done(entry);
}

/* ---- all of them ---- */

int entries_open(struct walk *walk)
{
	walk->entries = calloc(walk->options.in_flight, sizeof(*walk->entries));
	if (!walk->entries)
		return -ENOMEM;
	for (unsigned i = 0; i < walk->options.in_flight; i++) {
		walk->entries[i] = (struct entry){ .walk = walk, .next_idle = walk->idle };
		walk->idle = &walk->entries[i];
	}
	return 0;
}

void entries_begin(ferry_loop *loop, void *user)
{
	(void)loop;
	entries_go_on(user);
}

void entries_close(struct walk *walk)
{
	for (unsigned i = 0; walk->entries && i < walk->options.in_flight; i++)
		tree_leave(&walk->entries[i].place);
	free(walk->entries);
}
