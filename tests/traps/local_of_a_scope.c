/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A local of a scope with a deadline, around a wait.
 *
 *   gcc: error switch jumps over variable initialization
 *   clang -Wall: error variable 'number' may be uninitialized when used here
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	FERRY_TIMEOUT(&f->timeout, ferry_in_ns(1000)) {
		int number = use(1);

		FERRY_YIELD();
		use(number);
	}
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
