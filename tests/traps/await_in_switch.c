/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A wait inside a switch of the step's own, on an int: its label belongs to that switch.
 *
 *   gcc: error overflow in conversion
 *   clang: error overflow converting case value
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	switch (f->i) {
	case 1:
		FERRY_AWAIT(&f->event);
		break;
	default:
		break;
	}
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
