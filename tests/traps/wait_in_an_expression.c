/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A wait inside a statement expression, which nothing may jump into.
 *
 *   gcc: error switch jumps into statement expression
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	f->i = __extension__({
		FERRY_AWAIT(&f->event);
		1;
	});
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
