/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SMALL_FILE_H
#define SMALL_FILE_H
/* One small file: what is shared by all of them, and the task that reads it. */
#include <ferry.h>

#include "small-options.h"
#include "walk-tally.h"

/* All files of a run. Belongs to the loop's thread. */
struct files {
	const struct options *options;
	ferry_loop *loop;
	ferry_pool *pool;
	ferry_fs_options below; /* of calls by name, which are made below the folder */
	ferry_fs_options calls; /* of calls by descriptor */

	struct tally tally;
	uint64_t checksum;      /* of what was read */
	uint64_t done;          /* files, whatever came of them */
	uint64_t at_once, most_at_once;
};

/* One of them. The frame of its task; zero at first but for files and name. */
struct file {
	FERRY_FRAME;
	struct files *files;
	const char *name;
	int fd;          /* open if is_open */
	bool is_open;
	bool began;
	ferry_slot slot; /* its place in the limiter */
	ferry_await call;
};

/* Read it, and count what came of it. */
ferry_step file_step(ferry_task *task);

/* Let go of what a task that was left in its middle holds; the loop is freed, the pool shut. */
void file_end(struct file *file);

#endif
