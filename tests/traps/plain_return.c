/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A return of the step's own: what cleans up would not run, and the task never end.
 *
 *   gcc: error 'return' with no value
 *   clang: error should return a value
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	FERRY_AWAIT(&f->event);
	if (f->kind)
		return;
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
