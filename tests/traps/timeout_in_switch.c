/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scope with a deadline inside a switch of the step's own: where it ends belongs to that.
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
		FERRY_TIMEOUT(&f->timeout, 0)
			use(1);
		break;
	default:
		break;
	}
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
