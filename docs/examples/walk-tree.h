/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WALK_TREE_H
#define WALK_TREE_H
/*
 * The names that a walk has found and not yet begun, deepest directory first.
 *
 * A directory is kept with all its names in the one block that readdir gave, and a place is a
 * name in a directory: nothing is allocated for a single entry. Taking the deepest first bounds
 * what is kept to the directories on the way down, and for each level those in flight.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <ferry/fs.h>

struct directory;

/* Where an entry lies. Holds its directory until tree_leave(). */
struct place {
	struct directory *directory; /* NULL: the place where the walk begins */
	const char *name;
	uint64_t device, inode;      /* once known; tree_add() needs them */
};

struct tree {
	const char *root;          /* where the walk begins */
	bool begun;                /* it was taken */
	struct directory *deepest; /* has names not yet begun; the others hang behind it */
	uint64_t found;            /* names, those begun and done included */
	char path[3 * PATH_MAX];   /* of tree_path() */
};

/* Begin with one name, which must outlive the tree. */
void tree_init(struct tree *tree, const char *root);

/* Forget every name not yet begun. Places taken stay valid until tree_leave(). */
void tree_clear(struct tree *tree);

/* Take the next name; false if there is none at present. */
bool tree_next(struct tree *tree, struct place *ret);

/* Let go of a place. */
void tree_leave(struct place *place);

/*
 * The path of a place, valid until the next call. One that does not fit the buffer is cut, which
 * makes no difference to the system: it is longer than PATH_MAX, and so refused, either way. That
 * is so of the path below the place where the walk begins, too.
 */
const char *tree_path(struct tree *tree, const struct place *place);

/* The same seen from the place where the walk begins, which is ".". */
const char *tree_path_below(struct tree *tree, const struct place *place);

/* Is the directory at this place one of those that lead to it, as a bind mount can bring about? */
bool tree_is_circular(const struct place *place);

/* Add the names of the directory at a place; takes them, also when it fails. 0 or -ENOMEM. */
int tree_add(struct tree *tree, const struct place *place, ferry_entries *names);

#endif
