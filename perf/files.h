/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PERF_FILES_H
#define PERF_FILES_H
/*
 * What is worked on: one-byte files in a directory of their own, so many that no
 * processor cache holds what the kernel knows of them, and all in the kernel's caches.
 */

#define FILES_COUNT 4096

/** Make the directory under TMPDIR or /tmp, and the files. Goes into bench_program.open. */
void files_open(void);
/** Remove them. Goes into bench_program.close. */
void files_close(void);
/** The path of one of them; @index is wrapped. */
const char *files_path(unsigned long index);
/** stat() one. Return: 0 or a negative errno. */
int files_stat(const char *path);

#endif
