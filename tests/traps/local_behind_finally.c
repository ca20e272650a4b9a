/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A local with an initializer that would have to survive a wait behind FERRY_FINALLY.
 *
 *   gcc: error switch jumps over variable initialization
 *   clang -Wall: error variable 'number' may be uninitialized when used here
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	FERRY_RETURN();

	FERRY_FINALLY
	int number = use(1);

	FERRY_AWAIT(&f->event);
	use(number);
	f->cleaned++;
	FERRY_END;
}
