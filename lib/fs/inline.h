/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FS_INLINE_H
#define FS_INLINE_H
/* Whether to try a call inline, and what became of that. The loop's thread only. */
#include "fs/attempt.h"
#include "fs/fs.h"
#include "fs/request.h"

/* True if it was answered: attempt->returned and attempt->result are the outcome. */
bool inline_answers(struct attempt *attempt);

#endif
