/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A step that returns a number, as if it were any function.
 *
 *   gcc: error incompatible types when returning type 'int'
 *   clang: error returning 'int' from a function with incompatible result type
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	FERRY_AWAIT(&f->event);
	if (f->kind)
		return 0;
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
