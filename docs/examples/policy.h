/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POLICY_H
#define POLICY_H
/* Where file calls are made: the argument of --policy, for all programs here. */
#include <stdbool.h>

#include <ferry/fs.h>

enum policy {
	POLICY_AUTO,    /* inline where the kernel has the answer, while few calls are under way */
	POLICY_INLINE,  /* inline wherever the kernel has the answer */
	POLICY_POOL,    /* on a worker, always */
	POLICY_BLOCKING /* without libferry: on the loop's thread, which waits with the call */
};

/*
 * Read the name of a policy. One that is none is told on stderr as what is wrong with --policy of
 * @program, and *@ret is not touched.
 */
bool policy_read(const char *program, const char *text, enum policy *ret);

const char *policy_name(enum policy policy);

/* May the loop's thread answer some calls itself, without ever waiting? */
bool policy_is_inline(enum policy policy);

/* The same for the calls of libferry; not for POLICY_BLOCKING, which makes none. */
ferry_fs_policy policy_of_calls(enum policy policy);

#endif
