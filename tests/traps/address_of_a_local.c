/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A local given to what outlives the step's first call.
 *
 *   sanitized: stack-use-after-return
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	ferry_sleep sleep;

	FERRY_TRY(ferry_sleep_until(&sleep, ferry_task_loop(task), 0));
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
