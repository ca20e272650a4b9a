/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A break that is in no loop of the step's own.
 *
 *   run: a step was left where it must not be, behind
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	FERRY_AWAIT(&f->event); /* named */
	if (!f->kind)
		break;
	FERRY_AWAIT(&f->other);
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
