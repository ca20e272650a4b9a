/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * FERRY_RETURN() behind FERRY_FINALLY: what cleans up is not left.
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
	f->cleaned++;
	FERRY_RETURN();
	FERRY_END;
}
