/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names not yet begun: a stack of the directories that still have some. What holds a directory:
 * the stack while it has names left, each place taken from it, and each directory below it, which
 * looks up the chain for itself (tree_is_circular).
 */
#include "walk-tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct directory {
	struct directory *parent; /* NULL: the walk began here */
	struct directory *behind; /* in the stack */
	size_t holders;
	uint64_t device, inode;
	ferry_entries *names;     /* never empty */
	size_t next;              /* the first name not yet begun */
	char path[];
};

/* The last to leave a directory leaves its parent too, for it. */
static void directory_leave(struct directory *directory)
{
	while (directory && --directory->holders == 0) {
		struct directory *parent = directory->parent;

		free(directory->names);
		free(directory);
		directory = parent;
	}
}

void tree_init(struct tree *tree, const char *root)
{
	tree->root = root;
	tree->begun = false;
	tree->deepest = NULL;
	tree->found = 1;
}

static void tree_pop(struct tree *tree)
{
	struct directory *directory = tree->deepest;

	tree->deepest = directory->behind;
	directory_leave(directory);
}

void tree_clear(struct tree *tree)
{
	tree->begun = true;
	while (tree->deepest)
		tree_pop(tree);
}

bool tree_next(struct tree *tree, struct place *ret)
{
	struct directory *directory = tree->deepest;

	if (!tree->begun) {
		*ret = (struct place){ .name = tree->root };
		tree->begun = true;
		return true;
	}
	if (!directory)
		return false;
	directory->holders++;
	*ret = (struct place){
		.directory = directory,
		.name = directory->names->entries[directory->next++].name
	};
	if (directory->next == directory->names->count)
		tree_pop(tree);
	return true;
}

void tree_leave(struct place *place)
{
	directory_leave(place->directory);
	place->directory = NULL;
}

const char *tree_path(struct tree *tree, const struct place *place)
{
	const char *above;
	size_t length;

	if (!place->directory)
		return place->name;
	above = place->directory->path;
	length = strlen(above);
	snprintf(tree->path, sizeof(tree->path), "%s%s%s", above,
		 length && above[length - 1] == '/' ? "" : "/", place->name);
	return tree->path;
}

const char *tree_path_below(struct tree *tree, const struct place *place)
{
	const char *below;

	if (!place->directory)
		return ".";
	below = tree_path(tree, place) + strlen(tree->root);
	return below + strspn(below, "/");
}

bool tree_is_circular(const struct place *place)
{
	const struct directory *above = place->directory;

	while (above && (above->inode != place->inode || above->device != place->device))
		above = above->parent;
	return above;
}

int tree_add(struct tree *tree, const struct place *place, ferry_entries *names)
{
	const char *path = tree_path(tree, place);
	size_t size = strlen(path) + 1;
	struct directory *directory;

	if (names->count == 0) {
		free(names);
		return 0;
	}
	directory = malloc(sizeof(*directory) + size);
	if (!directory) {
		free(names);
		return -ENOMEM;
	}
	*directory = (struct directory){
		.parent = place->directory,
		.behind = tree->deepest,
		.holders = 1,
		.device = place->device,
		.inode = place->inode,
		.names = names
	};
	memcpy(directory->path, path, size);
	if (directory->parent)
		directory->parent->holders++;
	tree->deepest = directory;
	tree->found += names->count;
	return 0;
}
