/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TRAPS_TRAP_H
#define TRAPS_TRAP_H
/*
 * What each trap has: a frame, something to wait for, and the step that makes the mistake.
 *
 * In the comment that a trap begins with, behind what is wrong, stands who notices it, and by
 * which words (a basic regular expression); traps.sh reads that:
 *
 *   gcc: error WORDS              this compiler stops there: at -O0, at -O2, with or without -Wall
 *   clang -Wall: error WORDS      only with -Wall; without it nobody promises anything
 *   gcc -O2 -Wall: warning WORDS  only so, and it goes on, unless it is told -Werror
 *   run: WORDS                    compiles without a word; then the task fails, by an exception
 *                                 that says just this, and then the line that is marked as
 *                                 "named", if one is
 *   sanitized: WORDS              compiles without a word; AddressSanitizer ends the program
 */
#include <ferry/task.h>

enum kind { KIND_PLAIN, KIND_OTHER };

struct frame {
	FERRY_FRAME;
	ferry_event event, other;
	ferry_lock lock;
	ferry_sleep sleep;
	ferry_timeout timeout;
	ferry_iterator iterator;
	enum kind kind;
	int i;
	uint64_t wide;
	unsigned cleaned;
};

ferry_step step(ferry_task *task);
/* Whatever; elsewhere, so that nothing is known of it. */
int use(int number);

#endif
