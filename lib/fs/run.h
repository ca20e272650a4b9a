/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_RUN_H
#define FS_RUN_H
/* What runs on a worker, one function for each operation: the first column of the table. */
#include <ferry/pool.h>

struct core;
struct request;

int run_stat(struct request *request, ferry_result *out);
int run_lstat(struct request *request, ferry_result *out);
int run_fstat(struct request *request, ferry_result *out);

int run_open(struct request *request, ferry_result *out);
int run_open_stat(struct request *request, ferry_result *out);
int run_close(struct request *request, ferry_result *out);
void drop_close(struct request *request);
/* Has it closed by a worker, for nobody, even as the pool ends: 0, -ENOMEM, or -ECHILD in a fork's
 * child, and it is still open. */
int run_close_later(struct core *core, int fd);
int run_root_open(struct request *request, ferry_result *out);

int run_read(struct request *request, ferry_result *out);
int run_write(struct request *request, ferry_result *out);
int run_fsync(struct request *request, ferry_result *out);
int run_fdatasync(struct request *request, ferry_result *out);
int run_ftruncate(struct request *request, ferry_result *out);
int run_copy_file_range(struct request *request, ferry_result *out);

int run_read_file(struct request *request, ferry_result *out);
int run_write_file_atomic(struct request *request, ferry_result *out);

int run_readdir(struct request *request, ferry_result *out);
int run_readdir_batch(struct request *request, ferry_result *out);

int run_mkdir(struct request *request, ferry_result *out);
int run_rmdir(struct request *request, ferry_result *out);
int run_unlink(struct request *request, ferry_result *out);
int run_rename(struct request *request, ferry_result *out);
int run_link(struct request *request, ferry_result *out);
int run_symlink(struct request *request, ferry_result *out);
int run_readlink(struct request *request, ferry_result *out);
int run_realpath(struct request *request, ferry_result *out);

int run_chmod(struct request *request, ferry_result *out);
int run_chown(struct request *request, ferry_result *out);
int run_utimens(struct request *request, ferry_result *out);
int run_access(struct request *request, ferry_result *out);

int run_getaddrinfo(struct request *request, ferry_result *out);
int run_getnameinfo(struct request *request, ferry_result *out);

#endif
