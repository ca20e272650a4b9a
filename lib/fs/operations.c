/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of file calls: each is one row, and nothing of it is said twice.
 *
 * Read on the loop's thread (step "submit" of a request) and on workers (step "work").
 * Invariant: a constant.
 */
#include "fs/attempt.h"
#include "fs/request.h"
#include "fs/run.h"

#define PATH OPERATION_PATH
#define BOTH (OPERATION_PATH | OPERATION_OTHER)
#define FILE_OPEN OPERATION_FD
#define LAST OPERATION_LAST
#define LOOKUP (OPERATION_TEXTS | OPERATION_NAMES)
#define KEPT (OPERATION_FD | OPERATION_KEEPS)
#define STAT_ROOM sizeof(ferry_stat)
#define BYTES_ROOM (sizeof(ferry_bytes) + 1)

/* clang-format off */
const struct operation operations[OPERATION_COUNT] = {
	/* name, on a worker, inline, if it never runs, traits, answers, room */
	[OPERATION_STAT] = { "stat", run_stat, attempt_stat, NULL, PATH, ANSWER_STAT,
		STAT_ROOM },
	[OPERATION_LSTAT] = { "lstat", run_lstat, attempt_lstat, NULL, PATH | LAST, ANSWER_STAT,
		STAT_ROOM },
	[OPERATION_FSTAT] = { "fstat", run_fstat, attempt_fstat, NULL, FILE_OPEN, ANSWER_STAT,
		STAT_ROOM },
	[OPERATION_OPEN] = { "open", run_open, attempt_open, NULL, PATH, ANSWER_FD, 0 },
	[OPERATION_OPEN_STAT] = { "open_stat", run_open_stat, attempt_open_stat, NULL, PATH,
		ANSWER_FD | ANSWER_STAT, STAT_ROOM },
	[OPERATION_CLOSE] = { "close", run_close, attempt_close, drop_close, KEPT,
		ANSWER_NOTHING, 0 },
	[OPERATION_ROOT_OPEN] = { "root_open", run_root_open, NULL, NULL,
		PATH | OPERATION_EXTRA, ANSWER_ROOT, 0 },
	[OPERATION_READ] = { "read", run_read, attempt_read, NULL, FILE_OPEN, ANSWER_BYTES,
		BYTES_ROOM },
	[OPERATION_WRITE] = { "write", run_write, NULL, NULL, FILE_OPEN | OPERATION_DATA,
		ANSWER_COUNT, 0 },
	[OPERATION_FSYNC] = { "fsync", run_fsync, NULL, NULL, FILE_OPEN, ANSWER_NOTHING, 0 },
	[OPERATION_FDATASYNC] = { "fdatasync", run_fdatasync, NULL, NULL, FILE_OPEN,
		ANSWER_NOTHING, 0 },
	[OPERATION_FTRUNCATE] = { "ftruncate", run_ftruncate, NULL, NULL, FILE_OPEN,
		ANSWER_NOTHING, 0 },
	[OPERATION_COPY_FILE_RANGE] = { "copy_file_range", run_copy_file_range, NULL, NULL,
		FILE_OPEN | OPERATION_TWO, ANSWER_COUNT, 0 },
	[OPERATION_READ_FILE] = { "read_file", run_read_file, NULL, NULL, PATH, ANSWER_BYTES,
		0 },
	[OPERATION_WRITE_FILE_ATOMIC] = { "write_file_atomic", run_write_file_atomic, NULL,
		NULL, PATH | LAST | OPERATION_DATA, ANSWER_NOTHING, 0 },
	[OPERATION_READDIR] = { "readdir", run_readdir, NULL, NULL, PATH | LAST, ANSWER_ENTRIES,
		0 },
	[OPERATION_READDIR_BATCH] = { "readdir_batch", run_readdir_batch, NULL, NULL, FILE_OPEN,
		ANSWER_ENTRIES, 0 },
	[OPERATION_MKDIR] = { "mkdir", run_mkdir, NULL, NULL, PATH | LAST, ANSWER_NOTHING, 0 },
	[OPERATION_RMDIR] = { "rmdir", run_rmdir, NULL, NULL, PATH | LAST, ANSWER_NOTHING, 0 },
	[OPERATION_UNLINK] = { "unlink", run_unlink, NULL, NULL, PATH | LAST, ANSWER_NOTHING,
		0 },
	[OPERATION_RENAME] = { "rename", run_rename, NULL, NULL, BOTH | LAST, ANSWER_NOTHING,
		0 },
	[OPERATION_LINK] = { "link", run_link, NULL, NULL, BOTH | LAST, ANSWER_NOTHING, 0 },
	[OPERATION_SYMLINK] = { "symlink", run_symlink, NULL, NULL,
		BOTH | LAST | OPERATION_TOLD, ANSWER_NOTHING, 0 },
	[OPERATION_READLINK] = { "readlink", run_readlink, NULL, NULL, PATH | LAST, ANSWER_PATH,
		0 },
	[OPERATION_REALPATH] = { "realpath", run_realpath, NULL, NULL, PATH, ANSWER_PATH, 0 },
	[OPERATION_CHMOD] = { "chmod", run_chmod, NULL, NULL, PATH, ANSWER_NOTHING, 0 },
	[OPERATION_CHOWN] = { "chown", run_chown, NULL, NULL, PATH, ANSWER_NOTHING, 0 },
	[OPERATION_UTIMENS] = { "utimens", run_utimens, NULL, NULL, PATH, ANSWER_NOTHING, 0 },
	[OPERATION_ACCESS] = { "access", run_access, attempt_access, NULL, PATH, ANSWER_NOTHING,
		0 },
	[OPERATION_GETADDRINFO] = { "getaddrinfo", run_getaddrinfo, attempt_getaddrinfo, NULL,
		LOOKUP | OPERATION_EXTRA, ANSWER_ADDRESSES, 0 },
	[OPERATION_GETNAMEINFO] = { "getnameinfo", run_getnameinfo, attempt_getnameinfo, NULL,
		LOOKUP | OPERATION_EXTRA, ANSWER_NAMES, LOOKUP_NAMES_ROOM },
};
/* clang-format on */
