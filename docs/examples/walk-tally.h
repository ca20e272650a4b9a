/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WALK_TALLY_H
#define WALK_TALLY_H
/*
 * What a walk, limited-stat or small-files has counted: entries by type, bytes, and errors by kind
 * with a few examples.
 */
#include <stdint.h>

/* Where an error happened. With its errno that makes its kind. */
enum operation {
	AT_STAT,
	AT_LSTAT,
	AT_OPEN,
	AT_READ,
	AT_CLOSE,
	AT_READDIR,
	AT_DESCENT, /* ELOOP: the directory is one of those that lead to it */
	OPERATIONS
};

enum {
	ERRNO_LIMIT = 4096,  /* the errnos that libferry gives are below it */
	EXAMPLES_OF_KIND = 3,
	EXAMPLES = 24
};

struct example {
	enum operation operation;
	int code;
	char *path;
};

struct tally {
	uint64_t files, directories, others;
	uint64_t bytes;  /* sizes of the files, added up */
	uint64_t errors;
	uint64_t kinds[OPERATIONS][ERRNO_LIMIT];
	struct example examples[EXAMPLES];
	unsigned example_count;
};

/* Count an entry by the mode and size that were found. */
void tally_entry(struct tally *tally, uint32_t mode, uint64_t size);

uint64_t tally_entries(const struct tally *tally);

/* Count an error; the first of each kind are kept as examples. @code is a positive errno. */
void tally_error(struct tally *tally, enum operation operation, int code, const char *path);

/* Forget the examples. */
void tally_clear(struct tally *tally);

/* How a kind of error is called and explained: "readdir", "EACCES", "Permission denied". */
const char *operation_name(enum operation operation);
const char *error_name(int code);
const char *error_message(enum operation operation, int code);

#endif
