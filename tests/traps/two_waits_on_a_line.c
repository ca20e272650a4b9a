/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two waits on one line: a step goes on by the number of the line.
 *
 *   gcc: error duplicate case value
 *   clang: error duplicate case value
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	FERRY_AWAIT(&f->event); FERRY_AWAIT(&f->other);
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
