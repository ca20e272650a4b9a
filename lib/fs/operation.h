/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_OPERATION_H
#define FS_OPERATION_H
/*
 * What each file call is: one row of one table.
 */
#include <ferry/fs.h>
#include <stdbool.h>

struct request;
struct attempt;

/* What its result is, for those who ask for it with its type. */
enum answer {
	ANSWER_NOTHING = 0,
	ANSWER_STAT = 1,
	ANSWER_FD = 2,
	ANSWER_BYTES = 4,
	ANSWER_COUNT = 8,
	ANSWER_ENTRIES = 16,
	ANSWER_PATH = 32,
	ANSWER_ROOT = 64,
	ANSWER_ADDRESSES = 128,
	ANSWER_NAMES = 256,
};

enum operation_trait {
	OPERATION_PATH = 1,   /* it is about a path */
	OPERATION_OTHER = 2,  /* and a second one */
	OPERATION_TEXTS = 4,  /* its texts are no paths, and may be NULL */
	OPERATION_DATA = 8,   /* it is given data, which may be borrowed */
	OPERATION_FD = 16,    /* it is about an open file */
	OPERATION_LAST = 32,  /* the last part of its path is not followed */
	OPERATION_KEEPS = 64, /* a cancel of its local does not keep it from being done */
	OPERATION_NAMES = 128, /* it goes to the lane dns, and to no mount */
	OPERATION_EXTRA = 256, /* it is given something that is always copied, as data */
	OPERATION_TWO = 512,   /* it is about two open files */
	OPERATION_TOLD = 1024  /* its second path is told to somebody, and leads nowhere yet */
};

/* How an attempt to answer inline ended. */
enum attempt_outcome {
	ATTEMPT_ANSWERED, /* attempt.returned and attempt.result are the outcome */
	ATTEMPT_MISSED,   /* the kernel would have had to wait */
	ATTEMPT_AVOIDED,  /* it could not be tried, or what it found must be asked for again */
};

struct operation {
	const char *name;
	/* On a worker; as a ferry_function. */
	int (*run)(struct request *request, ferry_result *out);
	/* On the loop's thread, waiting for nothing; NULL: there is no such way. */
	enum attempt_outcome (*attempt)(struct attempt *attempt);
	/* If it never will run, on any thread; NULL: nothing is to be done. */
	void (*dropped)(struct request *request);
	unsigned traits;  /* of enum operation_trait */
	unsigned answers; /* of enum answer */
	size_t room;      /* for the outcome, besides what the call counts */
};

/* The rows, by what they are called in the public names. */
enum operation_number {
	OPERATION_STAT, OPERATION_LSTAT, OPERATION_FSTAT,
	OPERATION_OPEN, OPERATION_OPEN_STAT, OPERATION_CLOSE, OPERATION_ROOT_OPEN,
	OPERATION_READ, OPERATION_WRITE, OPERATION_FSYNC, OPERATION_FDATASYNC,
	OPERATION_FTRUNCATE, OPERATION_COPY_FILE_RANGE,
	OPERATION_READ_FILE, OPERATION_WRITE_FILE_ATOMIC,
	OPERATION_READDIR, OPERATION_READDIR_BATCH, OPERATION_MKDIR, OPERATION_RMDIR,
	OPERATION_UNLINK, OPERATION_RENAME, OPERATION_LINK, OPERATION_SYMLINK,
	OPERATION_READLINK, OPERATION_REALPATH,
	OPERATION_CHMOD, OPERATION_CHOWN, OPERATION_UTIMENS, OPERATION_ACCESS,
	OPERATION_GETADDRINFO, OPERATION_GETNAMEINFO,
	OPERATION_COUNT
};
extern const struct operation operations[OPERATION_COUNT];

#endif
