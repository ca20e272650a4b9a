/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scope with a deadline beyond line 65,533.
 *
 *   gcc: error a step is above line 65,534
 *   clang: error a step is above line 65,534
 */
#include "trap.h"

#line 65531
ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	FERRY_TIMEOUT(&f->timeout, 0)
		f->i++;
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
