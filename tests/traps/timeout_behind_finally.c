/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scope with a deadline behind FERRY_FINALLY, where no cancel takes effect.
 *
 *   gcc: error .FERRY_BODY_. undeclared
 *   clang: error use of undeclared identifier 'FERRY_BODY_'
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	FERRY_AWAIT(&f->event);
	FERRY_RETURN();

	FERRY_FINALLY
	FERRY_TIMEOUT(&f->timeout, 0)
		f->cleaned++;
	FERRY_END;
}
