/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HTTPD_FILE_H
#define HTTPD_FILE_H
/*
 * One file: opened below the root, read piece by piece, closed. Or a folder, whose names are read.
 *
 * Each call returns whether it is done already, as most are that the kernel can answer. If not,
 * @done is called with @owner, who is not NULL, when it is. If it took too long that is its error:
 * then the file is of no use any more, and is to be let go of.
 */
#include <stdbool.h>
#include <sys/types.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <ferry/fs.h>

#include "policy.h"

struct file;

/* What all files share. Belongs to the loop's thread. */
struct files {
	ferry_loop *loop;
	ferry_pool *pool;
	enum policy policy;
	ferry_fs_options below;      /* of calls by name, and of closing */
	ferry_fs_options calls;      /* of the other calls by descriptor */
	uint64_t time_out_ns;        /* how long one call may take */
	struct file *first, *last;   /* whose call is under way: who began first is first */
	struct file *left;           /* those without an owner */
	struct event *overdue;       /* comes when the first has taken too long */
	uint64_t timed_out;          /* calls that took too long */
};

struct file {
	struct files *files;
	void (*done)(void *owner); /* of the call that is under way */
	void *owner;               /* NULL: gone; the file goes when its call has returned */
	ferry_local *call;         /* that is under way, or is being looked at; NULL: none */
	struct file *before, *after;
	uint64_t overdue_ns;       /* when the call has taken too long */
	bool is_overdue;

	int fd;                    /* -1: none */
	int error;                 /* of the last call: a positive errno, or 0 */
	mode_t mode;               /* from here on: of what was opened */
	uint64_t inode, size;
	int64_t modified_ns;
	size_t count;              /* bytes that were read, 0 at the end of the file */
	struct evbuffer *piece;    /* where they go */
	ferry_entries *names;      /* that were read; the owner's to take, and to free() */
};

/* 0 or a negative errno. The options of @files are made from @policy. */
int files_begin(struct files *files, struct event_base *base, enum policy policy);
/* The loop is freed and the pool shut. What has not returned stays open until the process ends. */
void files_end(struct files *files);

/* A file that is not open. NULL: no memory. */
struct file *file_new(struct files *files);
/* Let go of it, whatever it does: it is closed, and freed, when its last call has returned. NULL is
 * allowed. */
void file_free(struct file *file);

/* Open a file or a folder, and learn what it is. */
bool file_open(struct file *file, const char *path, void (*done)(void *owner), void *owner);
/* Read bytes of a file, to stand behind what is in @piece. */
bool file_read(struct file *file, uint64_t offset, size_t count, struct evbuffer *piece,
	       void (*done)(void *owner), void *owner);
/* Read the next names of a folder: none at its end. */
bool file_read_names(struct file *file, void (*done)(void *owner), void *owner);

#endif
