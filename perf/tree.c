/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walks a tree on the loop's thread, the last directory first. */
#include "tree.h"
#include "file_setting.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A directory: found, then read, then gone through. */
struct directory {
	struct directory *next;
	struct walk *walk;
	ferry_local *listing; /* NULL: it was not read yet */
	const ferry_entries *entries;
	size_t taken;
	char path[];
};

struct walk {
	struct file_setting setting;
	const struct tree *tree;
	struct directory *found, *read; /* stacks */
	unsigned out;
	uint64_t stats;
};

/* A stat that is out; what it found may be a directory. */
struct visit {
	struct visit *next; /* of those that are free */
	struct walk *walk;
	char path[PATH_MAX];
};

static struct visit *free_visits; /* the loop's thread only */

static void go_on(struct walk *walk);

static void find_directory(struct walk *walk, const char *path)
{
	size_t bytes = strlen(path) + 1;
	struct directory *directory = calloc(1, sizeof(*directory) + bytes);

	if (!directory)
		bench_fail("out of memory");
	memcpy(directory->path, path, bytes);
	directory->walk = walk;
	directory->next = walk->found;
	walk->found = directory;
}

static void add_callback(ferry_local *local, ferry_local_callback callback, void *user)
{
	if (!local)
		bench_fail("a file call: %s", strerror(errno));
	bench_check(ferry_local_add_done_callback(local, callback, user),
		    "ferry_local_add_done_callback");
}

/* ---- stat ---- */

static struct visit *take_visit(struct walk *walk)
{
	struct visit *visit = free_visits;

	if (visit)
		free_visits = visit->next;
	else
		visit = malloc(sizeof(*visit));
	if (!visit)
		bench_fail("out of memory");
	visit->walk = walk;
	return visit;
}

static void on_stat(ferry_local *local, void *user)
{
	struct visit *visit = user;
	struct walk *walk = visit->walk;
	const ferry_stat *status = ferry_fs_result_stat(local);

	/* It may have been removed meanwhile. */
	if (!status)
		(void)ferry_local_snapshot(local);
	else if (S_ISDIR(status->mode))
		find_directory(walk, visit->path);
	ferry_local_unref(local);
	visit->next = free_visits;
	free_visits = visit;
	walk->out--;
	walk->stats++;
	go_on(walk);
}

static void begin_stat(struct walk *walk, struct directory *directory)
{
	const char *name = directory->entries->entries[directory->taken++].name;
	struct visit *visit = take_visit(walk);
	struct file_setting *setting = &walk->setting;

	snprintf(visit->path, sizeof(visit->path), "%s/%s", directory->path, name);
	walk->out++;
	add_callback(ferry_fs_lstat(setting->loop, setting->pool, visit->path, &setting->options),
		     on_stat, visit);
}

/* ---- readdir ---- */

static void end_directory(struct directory *directory)
{
	ferry_local_unref(directory->listing);
	free(directory);
}

static void on_listing(ferry_local *local, void *user)
{
	struct directory *directory = user;
	struct walk *walk = directory->walk;
	ferry_snapshot snapshot = ferry_local_snapshot(local);

	walk->out--;
	directory->listing = local;
	if (snapshot.exception) {
		end_directory(directory);
	} else {
		directory->entries = snapshot.result.pointer;
		directory->next = walk->read;
		walk->read = directory;
	}
	go_on(walk);
}

static void begin_listing(struct walk *walk)
{
	struct directory *directory = walk->found;
	struct file_setting *setting = &walk->setting;

	walk->found = directory->next;
	walk->out++;
	add_callback(ferry_fs_readdir(setting->loop, setting->pool, directory->path, NULL),
		     on_listing, directory);
}

/* ---- both ---- */

static void go_on(struct walk *walk)
{
	while (walk->out < walk->tree->in_flight) {
		struct directory *directory = walk->read;

		if (directory && directory->taken < directory->entries->count) {
			begin_stat(walk, directory);
		} else if (directory) {
			walk->read = directory->next;
			end_directory(directory);
		} else if (walk->found) {
			begin_listing(walk);
		} else {
			return;
		}
	}
}

static void free_all_visits(void)
{
	while (free_visits) {
		struct visit *next = free_visits->next;

		free(free_visits);
		free_visits = next;
	}
}

void tree_run(const struct bench_case *self, struct bench_sample *sample)
{
	const struct tree *tree = self->argument;
	struct walk walk = { .tree = tree };

	file_setting_open(&walk.setting, tree->threads, (ferry_fs_policy)tree->policy,
			  tree->depth);
	file_setting_begin(&walk.setting);
	bench_start(sample);
	find_directory(&walk, tree->top);
	go_on(&walk);
	bench_check(ferry_loop_run(walk.setting.loop), "ferry_loop_run");
	bench_stop(sample);
	if (walk.out || walk.found || walk.read)
		bench_fail("the walk did not end");
	if (!walk.stats)
		bench_skip("there is nothing in %s", tree->top);
	sample->operations = walk.stats;
	sample->values[0] = file_setting_share_inline(&walk.setting, walk.stats);
	file_setting_close(&walk.setting);
	free_all_visits();
}
