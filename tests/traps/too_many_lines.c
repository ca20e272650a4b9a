/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A wait beyond line 65,533, whose number would mean something else.
 *
 *   gcc: error a step is above line 65,534
 *   clang: error a step is above line 65,534
 */
#include "trap.h"

#line 65528
ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	FERRY_AWAIT(&f->event);
	FERRY_AWAIT(&f->event);
	FERRY_AWAIT(&f->event);
	FERRY_AWAIT(&f->event);
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
