/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * E3 in a walk below a root: without memory for the path, or for the text of a link, it
 * fails, and leaves nothing open.
 */
#include <fcntl.h>

#include "fault/trial.h"
#include "fs/walk.h"
#include "support/folder.h"

struct scene {
	int root, fd;
};

static void prepare(struct scene *scene)
{
	scene->root = open(folder, O_PATH | O_DIRECTORY);
	program_check(scene->root >= 0, "no root");
}

static int act(struct scene *scene)
{
	scene->fd = walk_open(scene->root, "a/link/up/file", O_RDONLY, 0);
	return scene->fd < 0 ? scene->fd : 0;
}

static void judge(struct scene *scene, int result, unsigned n)
{
	program_check(result == (n ? -ENOMEM : 0), "outcome: %d", result);
	if (scene->fd >= 0)
		close(scene->fd);
	close(scene->root);
}

int main(int argc, char **argv)
{
	program_begin(argc, argv, "each failure of memory in a walk (E3)", 1, 1);
	folder_make();
	folder_below("a", 0755);
	folder_below("b", 0755);
	folder_file("file", "");
	folder_link("a/link", "../b");
	folder_link("b/up", "..");
	TRIAL("walk_open without memory", FAULT_MEMORY, -ENOMEM, prepare, act, judge);
	folder_remove();
	return 0;
}
