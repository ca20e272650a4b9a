/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way of one entry, and then of the next: a task. Each call that may wait for a disk is
 * awaited. If the kernel has the answer the task goes on at once; else a worker of the pool makes
 * the call, and meanwhile the loop does what others want:
 *
 *   a name of the tree -> lstat +-> a directory: readdir --------+-> done, and the next name
 *                               +-> a file: open -> close -------+
 *                               +-> anything else ---------------+
 *
 * The first entry is DIR. Where calls may be answered inline it is made a root, and all others are
 * made below it: only so are files opened inline.
 *
 * There are options.in_flight such tasks. Those that find no name wait for one: names are permits
 * of a semaphore. A call that fails is counted, and ends its entry; nothing ends the walk but the
 * last entry, which leaves all tasks waiting.
 */
#include "walk-entry.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* One in flight. The frame of its task. */
struct entry {
	FERRY_FRAME;
	struct walk *walk;
	struct place place;
	enum next_step next;
	ferry_await call;
};

/* ---- the calls ---- */

static const char *entry_path(struct entry *entry)
{
	struct walk *walk = entry->walk;

	return walk->calls.root ? tree_path_below(&walk->tree, &entry->place) :
				  tree_path(&walk->tree, &entry->place);
}

static ferry_operation *entry_lstat(struct entry *entry)
{
	struct walk *walk = entry->walk;

	return ferry_await_local(&entry->call,
				 ferry_fs_lstat(walk->loop, walk->pool, entry_path(entry),
						&walk->calls));
}

static ferry_operation *entry_readdir(struct entry *entry)
{
	struct walk *walk = entry->walk;

	return ferry_await_local(&entry->call,
				 ferry_fs_readdir(walk->loop, walk->pool, entry_path(entry),
						  &walk->calls));
}

static ferry_operation *entry_open(struct entry *entry)
{
	struct walk *walk = entry->walk;

	return ferry_await_local(
		&entry->call, ferry_fs_open(walk->loop, walk->pool, entry_path(entry),
					    WALK_OPEN_FLAGS, 0, &walk->calls));
}

/* Close what open gave. */
static ferry_operation *entry_close(struct entry *entry)
{
	struct walk *walk = entry->walk;
	ferry_operation *closing;
	ferry_result file;
	ferry_local *call;
	int error = ferry_await_take(&entry->call, &file);

	if (error < 0) {
		errno = -error;
		return ferry_await_local(&entry->call, NULL);
	}
	call = ferry_fs_close(walk->loop, walk->pool, (int)file.i64, &walk->calls);
	closing = ferry_await_local(&entry->call, call);
	if (!call) /* so the file is still ours */
		close((int)file.i64);
	return closing;
}

/* Is it DIR, not yet a root, and may calls below it be answered inline? */
static bool entry_begins(struct entry *entry)
{
	struct walk *walk = entry->walk;

	return entry->next == NEXT_READDIR && !entry->place.directory &&
	       policy_is_inline(walk->options.policy);
}

/*
 * What ferry-walk --help has the user vouch for. Not that nothing changes: who removes a file while
 * it is open here would leave it to a close to free it.
 */
static ferry_operation *entry_root_open(struct entry *entry)
{
	struct walk *walk = entry->walk;
	ferry_fs_root_options options = FERRY_FS_ROOT_OPTIONS_INIT;

	options.trust = FERRY_FS_TRUST_LOCAL;
	return ferry_await_local(&entry->call,
				 ferry_fs_root_open(walk->loop, walk->pool, entry_path(entry),
						    &options, &walk->calls));
}

/* ---- what came of them ---- */

/* Did the call bring a result? Otherwise its error is counted. */
static bool entry_succeeded(struct entry *entry, enum operation operation)
{
	ferry_snapshot seen = ferry_await_snapshot(&entry->call);
	int code = seen.cancelled ? ECANCELED : ferry_error_errno(seen.exception);

	if (code)
		walk_error(entry->walk, &entry->place, operation, code);
	return code == 0;
}

static enum next_step entry_count(struct entry *entry)
{
	if (!entry_succeeded(entry, AT_LSTAT))
		return NEXT_NOTHING;
	return walk_count(entry->walk, &entry->place,
			  ferry_await_snapshot(&entry->call).result.pointer);
}

static void entry_enter_root(struct entry *entry)
{
	ferry_result root;

	if (!entry_succeeded(entry, AT_READDIR) || ferry_await_take(&entry->call, &root) < 0)
		entry->next = NEXT_NOTHING;
	else
		entry->walk->calls.root = root.pointer;
}

static void entry_add_names(struct entry *entry)
{
	struct walk *walk = entry->walk;
	uint64_t found = walk->tree.found;
	ferry_result names;
	int error;

	if (!entry_succeeded(entry, AT_READDIR) || ferry_await_take(&entry->call, &names) < 0)
		return;
	error = tree_add(&walk->tree, &entry->place, names.pointer);
	if (error < 0)
		walk_error(walk, &entry->place, AT_READDIR, -error);
	if (walk->tree.found > found)
		ferry_semaphore_release(&walk->names, walk->tree.found - found);
}

static void entry_done(struct entry *entry)
{
	struct walk *walk = entry->walk;

	tree_leave(&entry->place);
	if (++walk->done == walk->tree.found)
		walk_end(walk);
}

/* ---- from the first call to the last ---- */

static ferry_step entry_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct entry, f);
	for (;;) {
		FERRY_TRY(ferry_semaphore_acquire(&f->walk->names));
		tree_next(&f->walk->tree, &f->place);

		FERRY_AWAIT(entry_lstat(f));
		f->next = entry_count(f);
		if (entry_begins(f)) {
			FERRY_AWAIT(entry_root_open(f));
			entry_enter_root(f);
		}
		if (f->next == NEXT_READDIR) {
			FERRY_AWAIT(entry_readdir(f));
			entry_add_names(f);
		} else if (f->next == NEXT_OPEN) {
			FERRY_AWAIT(entry_open(f));
			if (entry_succeeded(f, AT_OPEN)) {
				FERRY_AWAIT(entry_close(f));
				entry_succeeded(f, AT_CLOSE);
			}
		}
		entry_done(f);
	}
	FERRY_END;
}

/* ---- all of them ---- */

int entries_open(struct walk *walk)
{
	walk->calls = (ferry_fs_options)FERRY_FS_OPTIONS_INIT;
	walk->calls.policy = policy_of_calls(walk->options.policy);
	walk->entries = calloc(walk->options.in_flight, sizeof(*walk->entries));
	return walk->entries ? 0 : -ENOMEM;
}

void entries_begin(ferry_loop *loop, void *user)
{
	struct walk *walk = user;
	int error = ferry_semaphore_init(&walk->names, loop, walk->tree.found);

	if (error < 0) {
		walk_fail(walk, error);
		return;
	}
	for (unsigned i = 0; i < walk->options.in_flight; i++) {
		walk->entries[i].walk = walk;
		ferry_task_begin(&walk->entries[i].task, loop, entry_step, NULL);
	}
}

void entries_close(struct walk *walk)
{
	for (unsigned i = 0; walk->entries && i < walk->options.in_flight; i++) {
		ferry_await_end(&walk->entries[i].call);
		tree_leave(&walk->entries[i].place);
	}
	free(walk->entries);
	ferry_fs_root_unref(walk->calls.root);
}
