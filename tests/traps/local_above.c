/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A local above FERRY_BEGIN, as in C89.
 *
 *   gcc -O2 -Wall: warning .number. may be used uninitialized
 *   clang -Wall: error variable 'number' may be uninitialized when used here
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	int number;

	FERRY_BEGIN(task, struct frame, f);
	number = use(1);
	FERRY_AWAIT(&f->event);
	use(number);
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
