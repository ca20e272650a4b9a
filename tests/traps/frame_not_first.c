/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A frame that does not begin with its task.
 *
 *   gcc: error FERRY_FRAME comes first
 *   clang: error FERRY_FRAME comes first
 */
#include "trap.h"

struct late {
	int argument;
	FERRY_FRAME;
};

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct late, f);
	use(f->argument);
	FERRY_RETURN();

	FERRY_FINALLY
	FERRY_END;
}
