/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An array of variable length that would have to survive a wait.
 *
 *   gcc: error switch jumps into scope of identifier with variably modified type
 *   clang: error cannot jump from switch statement to this case label
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	char text[f->i];

	FERRY_AWAIT(&f->event);
	use(text[0]);
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
