/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A wait inside a switch on 64 bits, where its label fits: nobody can tell when compiling.
 *
 *   run: a step was left where it must not be, behind
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	switch (f->wide) {
	case 0:
		FERRY_AWAIT(&f->event); /* named */
		break;
	default:
		break;
	}
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
