/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * for (int i = 0; ...) around a wait: the commonest mistake of all.
 *
 *   gcc: error switch jumps over variable initialization
 *   clang -Wall: error variable 'i' may be uninitialized when used here
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	for (int i = 0; i < 3; i++) {
		use(i);
		FERRY_AWAIT(&f->event);
	}
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
