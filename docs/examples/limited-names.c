/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gathering: the same tree of names as that of ferry-walk, gone through by calls that block. */
#include "limited-names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "walk-blocking.h"
#include "walk-tree.h"

static int names_add(struct names *names, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	names->paths[names->count++] = copy;
	return 0;
}

/* A folder that cannot be read is counted, and has no more names. */
static int names_read(struct names *names, struct tree *tree, const struct place *place)
{
	ferry_entries *entries;
	int error = blocking_readdir(tree_path(tree, place), &entries);

	if (error == 0)
		return tree_add(tree, place, entries);
	names->unreadable++;
	return error == -ENOMEM ? error : 0;
}

static int names_visit(struct names *names, struct tree *tree, struct place *place)
{
	ferry_stat found = { .mode = 0 };
	int error = blocking_lstat(tree_path(tree, place), &found);

	/* Only the first must be there: of others it will be told what is the matter. */
	if (error < 0 && !names->count)
		return error;
	place->device = found.device;
	place->inode = found.inode;
	error = names_add(names, tree_path(tree, place));
	if (error < 0 || !S_ISDIR(found.mode))
		return error;
	return names_read(names, tree, place);
}

int names_gather(struct names *names, const char *folder, size_t most)
{
	static struct tree tree;
	struct place place;
	int error = 0;

	names->paths = calloc(most, sizeof(*names->paths));
	if (!names->paths)
		return -ENOMEM;
	tree_init(&tree, folder);
	while (error == 0 && names->count < most && tree_next(&tree, &place)) {
		error = names_visit(names, &tree, &place);
		tree_leave(&place);
	}
	tree_clear(&tree);
	return error;
}

const char *names_at(const struct names *names, size_t index)
{
	return names->paths[index % names->count];
}

void names_free(struct names *names)
{
	while (names->count)
		free(names->paths[--names->count]);
	free(names->paths);
}
