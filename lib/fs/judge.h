/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_JUDGE_H
#define FS_JUDGE_H
/* What all attempts have in common: what an answer of the kernel is worth. */
#include "fs/attempt.h"
#include "fs/fs.h"

/* It is answered: with that. */
static inline enum attempt_outcome judge_answer(struct attempt *attempt, int returned,
						ferry_result result)
{
	attempt->returned = returned;
	attempt->result = result;
	return ATTEMPT_ANSWERED;
}

/* The cached walk gave that errno. */
enum attempt_outcome judge_refusal(struct attempt *attempt, int error);
/*
 * Something was asked for its attributes, and gave them (@error 0) or not: may they answer?
 * The mount's account is noted in the attempt.
 */
enum attempt_outcome judge_mount(struct attempt *attempt, int error, const struct statx *status);
/* Closes what was opened for that; on the pool if it has no name any more. */
void judge_close(struct attempt *attempt, int fd, int error, const struct statx *status);
/* After judge_mount() allowed it: is the mount local? */
bool judge_is_local(const struct attempt *attempt);

#endif
