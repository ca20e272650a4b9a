/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A break that is in no loop of the step's own, right behind FERRY_FINALLY.
 *
 *   run: a step was left where it must not be, behind FERRY_FINALLY
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	FERRY_AWAIT(&f->event);
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	if (!f->kind)
		break;
	f->cleaned++;
	FERRY_END;
}
