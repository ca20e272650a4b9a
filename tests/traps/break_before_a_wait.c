/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A break that is in no loop of the step's own, before anything was waited for.
 *
 *   run: a step was left where it must not be, before its first wait
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	if (!f->kind)
		break;
	FERRY_AWAIT(&f->other);
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
